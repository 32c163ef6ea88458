//! The answer to a command, collected from the result queue with AWS's own client and the contract's own reader.

use std::time::Duration;

use gumshoe_proto::bridge::v1::{End, EndStatus, QueryOutcome, page::Response};
use gumshoe_proto::collector::v1::{Completeness, ContainerLog, Event, LogLine, Pod};
use gumshoe_proto::run::{Reader, Run, Verdict};

/// Longer than any fault lasts: the collector waits 15 s for a body that has stalled, and reads again.
const PATIENCE: Duration = Duration::from_secs(60);

/// A result queue.
#[derive(Debug, Clone)]
pub struct Results {
    /// A client of the queue's server.
    pub client: aws_sdk_sqs::Client,
    /// The queue.
    pub url: String,
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    /// The run that is whole.
    pub run: Run,
    /// How often the command was worked on, as far as it could be seen.
    pub runs: usize,
}

/// Awaits the whole answer to a command.
pub async fn answer(results: &Results, command_id: &str) -> Answer {
    answers(results, &[command_id]).await.remove(0)
}

/// Awaits the whole answers to commands.
pub async fn answers(results: &Results, command_ids: &[&str]) -> Vec<Answer> {
    let collected = tokio::time::timeout(PATIENCE, collect(results, command_ids)).await;
    collected.unwrap_or_else(|_| panic!("no whole answer to each of {command_ids:?} within {PATIENCE:?}"))
}

/// Awaits the next answer of any command, and says which one it is of: for commands that have no id of their own.
pub async fn raw_answer(results: &Results) -> (String, End) {
    let next = async {
        loop {
            let mut reader = Reader::default();
            for body in receive(results).await {
                reader.feed(&body).unwrap();
            }
            let ended = reader.runs().find_map(|(key, run)| Some((key.command_id.clone(), run.end()?.clone())));
            if let Some(ended) = ended {
                return ended;
            }
        }
    };
    tokio::time::timeout(PATIENCE, next).await.unwrap_or_else(|_| panic!("no answer within {PATIENCE:?}"))
}

async fn collect(results: &Results, command_ids: &[&str]) -> Vec<Answer> {
    let mut reader = Reader::default();
    loop {
        for body in receive(results).await {
            reader.feed(&body).unwrap();
        }
        for (_, run) in reader.runs() {
            assert!(!matches!(run.verdict(), Verdict::Mismatch(_)), "{:?}", run.verdict());
        }
        if command_ids.iter().all(|id| reader.complete(id).is_some()) {
            return command_ids.iter().map(|id| take(&mut reader, id)).collect();
        }
    }
}

fn take(reader: &mut Reader, command_id: &str) -> Answer {
    let runs = reader.runs_of(command_id).count();
    let (key, _) = reader.complete(command_id).unwrap();
    let key = key.clone();
    Answer { run: reader.take(&key).unwrap(), runs }
}

/// Takes what the queue has, awaiting the first message.
async fn receive(results: &Results) -> Vec<String> {
    let Results { client, url } = results;
    let call = client.receive_message().queue_url(url).max_number_of_messages(10).wait_time_seconds(5);
    let mut bodies = Vec::new();
    for message in call.send().await.unwrap().messages.unwrap_or_default() {
        let handle = message.receipt_handle.unwrap();
        client.delete_message().queue_url(url).receipt_handle(handle).send().await.unwrap();
        bodies.push(message.body.unwrap());
    }
    bodies
}

impl Answer {
    /// The run's last message.
    #[must_use]
    pub fn end(&self) -> &End {
        self.run.end().unwrap()
    }

    /// How it ended.
    #[must_use]
    pub fn status(&self) -> EndStatus {
        self.end().status()
    }

    /// How a query ended.
    #[must_use]
    pub fn outcome(&self, query: &str) -> &QueryOutcome {
        self.end().queries.iter().find(|outcome| outcome.query_id == query).unwrap()
    }

    /// What a query says of itself.
    #[must_use]
    pub fn completeness(&self, query: &str) -> &Completeness {
        let outcome = self.outcome(query);
        outcome.completeness.as_ref().unwrap_or_else(|| panic!("no completeness: {outcome:?}"))
    }

    /// The pods of a query.
    #[must_use]
    pub fn pods(&self, query: &str) -> Vec<Pod> {
        self.flat(query, |response| match response {
            Response::ListPods(page) => page.items,
            Response::GetPod(page) => page.item.into_iter().collect(),
            other => panic!("not pods: {other:?}"),
        })
    }

    /// The events of a query.
    #[must_use]
    pub fn events(&self, query: &str) -> Vec<Event> {
        self.flat(query, |response| match response {
            Response::ListEvents(page) => page.items,
            other => panic!("not events: {other:?}"),
        })
    }

    /// The lines of a query.
    #[must_use]
    pub fn lines(&self, query: &str) -> Vec<LogLine> {
        self.flat(query, |response| match response {
            Response::ReadLogs(page) => page.lines,
            other => panic!("not lines: {other:?}"),
        })
    }

    /// What became of the logs of a query.
    #[must_use]
    pub fn logs(&self, query: &str) -> Vec<ContainerLog> {
        self.flat(query, |response| match response {
            Response::ReadLogs(page) => page.logs,
            other => panic!("not logs: {other:?}"),
        })
    }

    fn flat<T>(&self, query: &str, items: impl Fn(Response) -> Vec<T>) -> Vec<T> {
        let pages = self.run.pages_of(query).filter_map(|page| page.unwrap().response.clone());
        pages.flat_map(items).collect()
    }
}
