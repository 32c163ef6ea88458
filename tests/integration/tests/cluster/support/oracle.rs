//! kubectl, whose output is what ours is compared with.

use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;

use super::bench::Bench;

/// Some hundred times what a call takes on a machine that does nothing else.
const PATIENCE: Duration = Duration::from_secs(120);
/// In a cluster where all is settled, the first round will do.
const MOST_ROUNDS: usize = 50;

/// What kubectl prints as the administrator; it passes on bytes that are not UTF-8.
pub(crate) async fn kubectl(bench: &Bench, arguments: &[&str]) -> String {
    String::from_utf8_lossy(&bench.cluster.kubectl(arguments).await.unwrap()).into_owned()
}

/// The log that kubectl prints, or what it says instead.
pub(crate) async fn kubectl_logs(bench: &Bench, arguments: &[&str]) -> Result<Vec<u8>, String> {
    let mut command = bench.cluster.kubectl_command(&[&["logs"], arguments].concat()).unwrap();
    let output = ended(&mut command).await;
    if output.status.success() { Ok(output.stdout) } else { Err(String::from_utf8(output.stderr).unwrap()) }
}

/// Asks the oracle, then us, then the oracle again, until the cluster did not change in between: then the two can be
/// compared. Controllers go on with their work all the time.
pub(crate) async fn settled<T, O>(
    mut oracle: impl AsyncFnMut() -> O,
    mut ours: impl AsyncFnMut() -> T,
    same: impl Fn(&O, &O) -> bool,
) -> (O, T, O) {
    for _ in 0..MOST_ROUNDS {
        let before = oracle().await;
        let ours = ours().await;
        let after = oracle().await;
        if same(&before, &after) {
            return (before, ours, after);
        }
    }
    panic!("the cluster does not stay as it is")
}

/// Awaits the end of a program.
pub(crate) async fn ended(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    tokio::time::timeout(PATIENCE, output).await.unwrap_or_else(|_| panic!("still runs after {PATIENCE:?}")).unwrap()
}
