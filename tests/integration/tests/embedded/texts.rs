//! Whatever a container writes arrives as it was written: through Kubernetes' log API, gRPC, JSON and the queue.

use gumshoe_devstack::replay::{ContainerId, Shop, synthetic};
use gumshoe_devstack::stack::Stack;
use gumshoe_proto::bridge::v1::EndStatus;
use gumshoe_proto::collector::v1::ReadLogsRequest;

use crate::support::{answer, command, read_logs, send};

/// Characters of a line; no line is longer than the collector gives.
const CHARACTERS: usize = 4_000;
/// Random sequences of bytes, and how long they are at most.
const SEQUENCES: usize = 3_000;
const BYTES: usize = 200;

/// Every character that can stand in a line.
fn texts() -> Vec<Vec<u8>> {
    let characters: Vec<char> = ('\0'..=char::MAX).filter(|character| *character != '\n').collect();
    characters.chunks(CHARACTERS).map(|line| line.iter().collect::<String>().into_bytes()).collect()
}

/// Every pair of bytes, and longer sequences of any.
fn bytes(seed: u64) -> Vec<Vec<u8>> {
    let mut random = fastrand::Rng::with_seed(seed);
    let pairs = (0..=u8::MAX).flat_map(|one| (0..=u8::MAX).map(move |other| vec![one, other]));
    let longer = (0..SEQUENCES).map(|_| (0..random.usize(..BYTES)).map(|_| random.u8(..)).collect());
    let lines = pairs.chain(longer);
    lines.map(|line: Vec<u8>| line.into_iter().filter(|byte| *byte != b'\n').collect()).collect()
}

#[tokio::test]
async fn every_character_and_any_sequence_of_bytes_survives_the_way() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let lines = [texts(), bytes(seed)].concat();
    let mut log = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let stamped = synthetic::log_line(number, "");
        log.extend_from_slice(stamped.trim_end_matches('\n').as_bytes());
        log.extend_from_slice(line);
        log.push(b'\n');
    }
    let shop = Shop::default().pod(&synthetic::pod("shop", "web-0")).unwrap();
    let stack = Stack::of(shop.log(ContainerId::new("shop", "web-0", "app"), log)).start().await.unwrap();
    let request = ReadLogsRequest {
        namespace: "shop".into(),
        pod: "web-0".into(),
        whole_log: true,
        ..ReadLogsRequest::default()
    };
    send(&stack, &command("cmd", vec![read_logs("log", request)])).await;
    let answer = answer(&stack, "cmd").await;
    assert_eq!(answer.status(), EndStatus::Succeeded);
    let got = answer.lines("log");
    assert_eq!(got.len(), lines.len());
    for (line, got) in lines.iter().zip(got) {
        let arrived = if got.raw.is_empty() { got.text.as_bytes() } else { &got.raw[..] };
        assert_eq!(arrived, &line[..]);
        assert_eq!(
            got.raw.is_empty(),
            std::str::from_utf8(line).is_ok(),
            "bytes beside what is no text, and only there"
        );
    }
}
