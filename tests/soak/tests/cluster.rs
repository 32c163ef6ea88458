//! The short form of the soak on MiniStack. It needs what tests/tools/setup.sh installs, so it runs where it is asked for by name:
//! `cargo test --workspace --test cluster`.

use gumshoe_devstack::sqs::Server;
use gumshoe_soak::{Options, soak};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_corrupt_or_unanswered_on_ministack_while_everything_fails() {
    let options = Options { commands: 24, at_once: 16, largest: 1 << 20, kill_every: 4, seed: None, server: None };
    let report = soak(&options, Server::MiniStack, &mut |line| println!("{line}")).await.unwrap();
    println!("{report}");
    assert!(report.is_clean() && report.commands == 24, "{report}");
    assert!(report.sent >= report.needed && report.bytes > 0, "{report:?}");
    assert!(report.bridge_kills > 0 && report.faults > 0, "{report:?}");
}
