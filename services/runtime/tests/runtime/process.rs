//! A process from its start to its end: this test binary, started again as a process of its own.

use std::net::SocketAddr;
use std::process::Stdio;

use anyhow::Context as _;
use gumshoe_runtime::admin;
use gumshoe_runtime::args::{AdminArgs, LogArgs};
use gumshoe_runtime::process::{self, Process};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use crate::admin::request;
use crate::bench::within;

/// Says to the process what it is to do; absent when the tests run.
const MANNER: &str = "GUMSHOE_TEST_MANNER";

/// What runs in the process.
#[test]
#[ignore = "is the process of the other tests"]
fn child() {
    let Ok(manner) = std::env::var(MANNER) else { return };
    let code = process::run("child", &LogArgs::default(), async |process| {
        let args = AdminArgs { admin_listen: "127.0.0.1:0".parse()? };
        let admin = admin::bind(&args).await?;
        admin.serve(&process.admin, work(&manner, &process)).await
    });
    // The harness has no say in the exit code.
    std::process::exit(if code == std::process::ExitCode::SUCCESS { 0 } else { 1 });
}

async fn work(manner: &str, process: &Process) -> anyhow::Result<()> {
    match manner {
        "error" => return Err(anyhow::anyhow!("the cause")).context("the effect"),
        "panic" => {
            let _ = tokio::spawn(async { panic!("{}", "object content") }).await;
        }
        "stubborn" => std::future::pending().await,
        _ => process.shutdown.token().cancelled().await,
    }
    Ok(())
}

struct Running {
    child: Child,
    log: Lines<BufReader<ChildStderr>>,
}

impl Running {
    fn start(manner: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "process::child", "--ignored", "--nocapture"])
            .env(MANNER, manner)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, log }
    }

    fn id(&self) -> String {
        self.child.id().unwrap().to_string()
    }

    /// Reads the log up to a line that holds the text.
    async fn line(&mut self, text: &str) -> String {
        within(async {
            loop {
                let line = self.log.next_line().await.unwrap().unwrap();
                if line.contains(text) {
                    break line;
                }
            }
        })
        .await
    }

    async fn admin(&mut self) -> SocketAddr {
        let line = self.line(r#""port_name":"admin""#).await;
        let address = line.split(r#""addr":""#).nth(1).unwrap().split('"').next().unwrap();
        address.parse().unwrap()
    }

    async fn signal(&self, name: &str) {
        let kill = Command::new("kill").args([&format!("-{name}"), &self.id()]).status();
        assert!(within(kill).await.unwrap().success());
    }

    async fn ended(mut self) -> Option<i32> {
        within(self.child.wait()).await.unwrap().code()
    }
}

#[tokio::test]
async fn the_first_signal_ends_the_process() {
    for signal in ["TERM", "INT"] {
        let mut process = Running::start("");
        let address = process.admin().await;
        assert!(request(address, "GET /readyz").await.starts_with("HTTP/1.1 200"));
        process.signal(signal).await;
        assert_eq!(process.ended().await, Some(0));
    }
}

#[tokio::test]
async fn the_first_signal_ends_readiness_and_the_second_one_a_process_that_goes_on() {
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let mut process = Running::start("stubborn");
        let address = process.admin().await;
        process.signal(signal).await;
        process.line("draining").await;
        let readyz = request(address, "GET /readyz").await;
        assert!(readyz.ends_with("not ready\nshutdown: draining\n"), "{readyz}");
        process.signal(signal).await;
        assert_eq!(process.ended().await, Some(code));
    }
}

#[tokio::test]
async fn an_error_is_logged_with_its_cause_and_gives_exit_code_1() {
    let mut process = Running::start("error");
    let line = process.line("the effect: the cause").await;
    assert!(line.contains("ERROR"), "{line}");
    assert_eq!(process.ended().await, Some(1));
}

#[tokio::test]
async fn a_panic_is_logged_with_its_place_and_without_what_it_quotes() {
    let mut process = Running::start("panic");
    let line = process.line(r#""message":"panic""#).await;
    assert!(line.contains("process.rs:"), "{line}");
    assert!(!line.contains("object content"), "{line}");
    assert_eq!(process.ended().await, Some(0));
}

#[tokio::test]
async fn an_idle_process_is_small() {
    let mut process = Running::start("");
    process.admin().await;
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    // The collector may use 12 MiB in all; the frame leaves it most of that.
    assert!(kib < 4 * 1024, "{kib} KiB");
    process.signal("TERM").await;
    assert_eq!(process.ended().await, Some(0));
}
