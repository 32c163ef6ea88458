//! Configurations that must not run: the process ends at once and says why.

use gumshoe_devstack::processes::{BridgeOptions, Running};
use gumshoe_devstack::stack::Stack;

use crate::support::mk_shop;

/// Starts a bridge with changed options and gives the text of its end.
async fn refused(stack: &Stack, change: impl FnOnce(&mut BridgeOptions)) -> String {
    let mut options = stack.bridge_options.clone();
    change(&mut options);
    last_words(options.start(&stack.binaries).unwrap()).await
}

async fn last_words(mut process: Running) -> String {
    let error = process.ready().await.expect_err("must not become ready");
    let status = process.ended().await.unwrap();
    assert!(!status.success(), "{status}");
    format!("{error:#}")
}

#[tokio::test]
async fn a_bridge_that_could_do_harm_does_not_start() {
    let stack = Stack::of(mk_shop(1)).start_without_bridge().await.unwrap();
    let text = refused(&stack, |options| options.result_queues[0].1 = options.command_queue.clone()).await;
    assert!(text.contains("command queue") || text.contains("same"), "{text}");

    let text = refused(&stack, |options| options.command_queue = "http://192.0.2.1/000000000000/commands".into()).await;
    assert!(text.contains("http"), "{text}");

    let endpoint = |options: &mut BridgeOptions| {
        for (name, value) in &mut options.environment {
            if name == "AWS_ENDPOINT_URL_SQS" {
                *value = "http://192.0.2.1:4566".to_owned();
            }
        }
    };
    let text = refused(&stack, endpoint).await;
    assert!(text.contains("192.0.2.1") && text.contains("loopback"), "{text}");

    let text = refused(&stack, |options| options.collectors[0].1 = "http://127.0.0.1:1".into()).await;
    assert!(text.contains("https"), "{text}");
    assert!(stack.sqs.calls().iter().all(|call| call.operation != "ReceiveMessage"), "no command was taken");
}

#[tokio::test]
async fn a_collector_without_its_files_does_not_start() {
    let stack = Stack::of(mk_shop(1)).start_without_bridge().await.unwrap();
    let mut options = stack.collector_options.clone();
    options.listen.set_port(0);
    options.kubeconfig = "/nonexistent/kubeconfig".into();
    let text = last_words(options.start(&stack.binaries).unwrap()).await;
    assert!(text.contains("/nonexistent/kubeconfig"), "{text}");

    let mut options = stack.collector_options.clone();
    options.listen.set_port(0);
    std::fs::write(stack.certificates.ca(), "no certificate").unwrap();
    let text = last_words(options.start(&stack.binaries).unwrap()).await;
    assert!(text.contains("ca.crt"), "{text}");
}

#[tokio::test]
async fn a_collector_whose_api_server_is_away_warns_and_cries_no_error() {
    let stack = Stack::of(mk_shop(1)).start_without_bridge().await.unwrap();
    let text = std::fs::read_to_string(&stack.collector_options.kubeconfig).unwrap();
    let mut config: serde_json::Value = serde_json::from_str(&text).unwrap();
    // Nobody listens there.
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1".into();
    let kubeconfig = stack.directory().join("away");
    std::fs::write(&kubeconfig, config.to_string()).unwrap();
    let mut options = stack.collector_options.clone();
    options.listen.set_port(0);
    options.kubeconfig = kubeconfig;
    let collector = options.start(&stack.binaries).unwrap();
    let warns = |line: &serde_json::Value| {
        line["level"] == "WARN" && line["error"].as_str().is_some_and(|it| it.contains("reached"))
    };
    collector.logged("that the API server is away", warns).await.unwrap();
    assert!(collector.log().iter().all(|line| line["level"] != "ERROR"), "{:?}", collector.log());
    collector.kill().await.unwrap();
}
