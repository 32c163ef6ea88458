//! The result queue is down for a minute, on MiniStack. It needs no cluster, only the time.

use std::time::Duration;

use gumshoe_devstack::sqs::Server;
use gumshoe_integration::outage;

#[tokio::test(flavor = "multi_thread")]
async fn a_result_queue_that_is_down_for_a_minute_costs_neither_memory_nor_results() {
    outage::is_survived(Server::MiniStack, Duration::from_secs(60)).await;
}
