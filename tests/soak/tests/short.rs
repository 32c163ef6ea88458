//! The short form of the soak.

use gumshoe_devstack::sqs::Server;
use gumshoe_soak::{Options, soak};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_corrupt_or_unanswered_while_everything_fails() {
    let options = Options { commands: 60, at_once: 16, largest: 2 << 20, kill_every: 4, seed: None, server: None };
    let report = soak(&options, Server::Embedded, &mut |line| println!("{line}")).await.unwrap();
    println!("{report}");
    assert!(report.is_clean() && report.commands == 60, "{report}");
    assert!(report.sent >= report.needed && report.bytes > 0, "{report:?}");
    assert!(report.bridge_kills > 0 && report.faults > 0, "{report:?}");
}
