//! What the parts say of themselves: the collector's status, the bridge's pong, and `gumshoe doctor`, which asks for both.

use gumshoe_devstack::replay::{Action, Fault, Requests, Shop};
use gumshoe_devstack::stack::Stack;
use gumshoe_devstack::within;
use serde_json::Value;

const WORKS: i32 = 0;
const FAILED: i32 = 1;
const USAGE: i32 = 2;

fn states<'a>(document: &'a Value, state: &str) -> Vec<&'a str> {
    let checks = document["checks"].as_array().unwrap().iter().filter(|check| check["state"] == state);
    checks.map(|check| check["subject"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_doctor_tells_of_every_part_on_the_way_and_gives_advice() {
    let mut stack = Stack::of(Shop::recorded().unwrap()).start().await.unwrap();
    let output = stack.cli().run(&["doctor", "-o", "json"]).await.unwrap();
    assert_eq!(output.status.code(), Some(WORKS), "{} {}", output.stdout, output.stderr);
    let found: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(states(&found, "failed"), [""; 0]);
    let [direct, .., of_bridge] = &states(&found, "ok")[..] else { panic!("{found}") };
    assert!(direct.contains("https://127.0.0.1") && of_bridge.contains("of the bridge"), "{found}");
    // The queues of the embedded server have no dead letters.
    assert!(states(&found, "advice").contains(&"command queue"), "{found}");

    let (collector, pong) = (&found["collector"], &found["pong"]);
    assert_eq!(collector, &pong["collectors"][0]["status"], "it says the same to both");
    assert_eq!(collector["kubernetesVersion"], "1.36");
    let kinds: Vec<_> = collector["kinds"].as_array().unwrap().iter().map(|kind| kind.as_str().unwrap()).collect();
    assert!(kinds.contains(&"pods") && kinds.contains(&"logs") && !kinds.contains(&"secrets"), "{kinds:?}");
    assert_eq!(pong["queues"].as_array().unwrap().len(), 2);

    let text = stack.cli().run(&["doctor"]).await.unwrap();
    assert!(text.stdout.lines().any(|line| line.starts_with("ok: bridge: version ")), "{}", text.stdout);
    assert!(text.stdout.lines().any(|line| line.starts_with("advice: command queue: has no dead letter queue")));
    let (_, readyz) = stack.bridge.as_mut().unwrap().admin("/readyz").await.unwrap();
    assert!(readyz.contains("advice: the command queue has no dead letter queue"), "{readyz}");
}

#[tokio::test]
async fn a_doctor_says_which_part_does_not_work() {
    let mut stack = Stack::of(Shop::recorded().unwrap()).start().await.unwrap();
    stack.kill_collector().await.unwrap();
    let output = stack.cli().run(&["doctor", "--timeout", "8s", "-o", "json"]).await.unwrap();
    assert_eq!(output.status.code(), Some(FAILED), "{}", output.stdout);
    let found: Value = serde_json::from_str(&output.stdout).unwrap();
    let failed = states(&found, "failed");
    assert_eq!(failed.len(), 2, "{found}");
    assert!(failed.iter().all(|subject| subject.starts_with("collector ")), "{found}");
    assert!(states(&found, "ok").contains(&"bridge"), "{found}");
}

#[tokio::test]
async fn a_doctor_without_a_bridge_does_not_wait_for_ever() {
    let stack = Stack::of(Shop::recorded().unwrap()).start_without_bridge().await.unwrap();
    let output = stack.cli().run(&["doctor", "--timeout", "1s"]).await.unwrap();
    assert_eq!(output.status.code(), Some(FAILED), "{}", output.stdout);
    assert!(output.stdout.contains("FAILED: bridge: no answer within 1 s"), "{}", output.stdout);
    assert!(output.stdout.contains("ok: collector https://"), "{}", output.stdout);
}

#[tokio::test]
async fn a_doctor_checks_what_it_is_given() {
    let stack = Stack::of(Shop::recorded().unwrap()).start_without_bridge().await.unwrap();
    let cli = stack.cli();
    let with = async |prefixes: &[&str]| {
        let mut command = cli.command(&["doctor", "--timeout", "1s"]).unwrap();
        let given = cli.environment().iter().filter(|(name, _)| prefixes.iter().any(|prefix| name.starts_with(prefix)));
        command.env_clear().envs(given.cloned());
        let output = within("gumshoe", command.output()).await.unwrap().unwrap();
        let said = [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap()).concat();
        (output.status.code(), said)
    };
    for (given, code, says) in [
        (&[][..], USAGE, "there is nothing to check"),
        (&["GUMSHOE_SERVER"], USAGE, "--tls-cert"),
        (&["GUMSHOE_COMMAND", "AWS_"], USAGE, "--result-queue"),
        (&["GUMSHOE_SERVER", "GUMSHOE_TLS"], WORKS, "ok: collector https://"),
        (&["GUMSHOE_COMMAND", "GUMSHOE_REPLY", "AWS_"], FAILED, "FAILED: bridge: no answer within 1 s"),
    ] {
        let (ended, said) = with(given).await;
        assert!(ended == Some(code) && said.contains(says), "{given:?}: {ended:?} {said}");
    }
}

#[tokio::test]
async fn a_doctor_asks_whether_the_api_server_answers_now() {
    let stack = Stack::of(Shop::recorded().unwrap()).start_without_bridge().await.unwrap();
    stack.replay.faults().push(Fault { matching: Requests::any(), times: 100, action: Action::Disconnect });
    let output = stack.cli().run(&["doctor", "--timeout", "8s"]).await.unwrap();
    assert_eq!(output.status.code(), Some(FAILED), "{}", output.stdout);
    assert!(output.stdout.contains("is not ready: "), "{}", output.stdout);
}
