//! The command line of `gumshoe-bridge`.

mod named;

use std::time::Duration;

use clap::Parser;
use gumshoe_runtime::args::{AdminArgs, ClientTlsArgs, LogArgs, duration_between};
use http::Uri;

pub use named::Named;
pub(crate) use named::named_twice;
use named::{collector, result_queue};

use crate::queue::QueueUrl;

/// Takes commands from an SQS queue, asks the collectors over gRPC, and streams results to a result queue.
///
/// AWS endpoint and credentials come from the AWS SDK's own chain: AWS_ENDPOINT_URL_SQS, AWS_REGION, web identity, Pod
/// Identity, profiles, instance metadata. The region is that of the command queue's URL; where it names none, that of the chain.
///
/// A DURATION is a number of seconds, or has units: 90, 90s, 5m, 1h30m.
#[derive(Clone, Debug, Parser)]
#[command(name = "gumshoe-bridge", version, about, long_about, max_term_width = 120)]
pub struct Args {
    /// URL of the SQS queue that commands come from.
    ///
    /// https, or http to a loopback address for tests.
    #[arg(long, env = "GUMSHOE_COMMAND_QUEUE", value_name = "URL")]
    pub command_queue: QueueUrl,

    /// A result queue: the name that commands use in `replyTo`, and its URL. Repeatable; the first one is the default.
    ///
    /// Commands name a queue and never give an address, so whoever may send commands cannot choose where logs go.
    #[arg(
        long = "result-queue",
        env = "GUMSHOE_RESULT_QUEUE",
        value_name = "NAME=URL",
        value_delimiter = ',',
        required = true,
        value_parser = result_queue
    )]
    pub result_queues: Vec<Named<QueueUrl>>,

    /// A collector: the name that queries use in `collector`, and its address. Repeatable; the first one is the default.
    #[arg(
        long = "collector",
        env = "GUMSHOE_COLLECTOR",
        value_name = "NAME=https://HOST:PORT",
        value_delimiter = ',',
        required = true,
        value_parser = collector
    )]
    pub collectors: Vec<Named<Uri>>,

    /// Commands that are worked on at one time, 1 to 100. No message is received before there is room for it.
    #[arg(long, env = "GUMSHOE_CONCURRENCY", value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub concurrency: u32,

    /// Queries of one command that are asked at one time, 1 to 100.
    ///
    /// This times --concurrency is how many calls a bridge makes at most. All replicas together should stay under half of a
    /// collector's --max-calls, which is what one certificate may have there: more wait for up to 5 s, and then are tried again.
    #[arg(long, env = "GUMSHOE_QUERIES_PER_COMMAND", value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub queries_per_command: u32,

    /// Queries that are asked at one time for each result queue, in all commands, 1 to 10000; what follows a log is not counted. Where more
    /// wait, investigations take turns.
    #[arg(long, env = "GUMSHOE_QUERIES", value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub queries: u32,

    /// MiB of results, in all commands together, that may wait for each result queue, 2 to 1024. Beyond it, reading from the
    /// collectors pauses for the commands that answer to that queue.
    ///
    /// At a command's deadline, what waits must be sent within 30 s; otherwise the command is given back and ends without what was
    /// read. So the default wants 280 KiB/s to the queue: with less, make it smaller.
    #[arg(long, env = "GUMSHOE_RESULT_BUFFER", value_name = "MiB", default_value_t = 8, value_parser = clap::value_parser!(u32).range(2..=1024))]
    pub result_buffer: u32,

    /// The longest time that a command is worked on, whatever its deadline says; 1s to 1h.
    #[arg(long, env = "GUMSHOE_MAX_DEADLINE", value_name = "DURATION", default_value = "1h", value_parser = duration_between::<1, 3600>)]
    pub max_deadline: Duration,

    /// How long SQS hides a received command from other bridges, 45s to 4h. It is extended every third of that time while the
    /// command is worked on; when the bridge dies, another one gets the command after this time.
    #[arg(long, env = "GUMSHOE_VISIBILITY_TIMEOUT", value_name = "DURATION", default_value = "60s", value_parser = duration_between::<45, 14400>)]
    pub visibility_timeout: Duration,

    /// How long one receive call waits for a command, 1s to 20s. A bridge that is told to end lets its last call come back
    /// first, since SQS may hand it a command until then: so long an idle bridge takes to end. With less it ends sooner, and an
    /// idle one pays for more calls.
    #[arg(long, env = "GUMSHOE_RECEIVE_WAIT", value_name = "DURATION", default_value = "20s", value_parser = duration_between::<1, 20>)]
    pub receive_wait: Duration,

    /// How long a bridge that is told to end works on for the commands it has, 0s to 1h; then it gives them back to the queue,
    /// which can take 30 s more. Keep both together under the pod's terminationGracePeriodSeconds.
    #[arg(long, env = "GUMSHOE_DRAIN_TIMEOUT", value_name = "DURATION", default_value = "25s", value_parser = duration_between::<0, 3600>)]
    pub drain_timeout: Duration,

    #[command(flatten)]
    #[allow(missing_docs, reason = "clap would show it as the help of the whole command")]
    pub tls: ClientTlsArgs,

    #[command(flatten)]
    #[allow(missing_docs, reason = "clap would show it as the help of the whole command")]
    pub admin: AdminArgs,

    #[command(flatten)]
    #[allow(missing_docs, reason = "clap would show it as the help of the whole command")]
    pub log: LogArgs,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::queue::CALL_TIMEOUT;

    const REQUIRED: [&str; 12] = [
        "gumshoe-bridge",
        "--command-queue=https://sqs.eu-west-1.amazonaws.com/1/commands",
        "--result-queue=main=https://sqs.eu-west-1.amazonaws.com/1/results",
        "--result-queue=other=https://sqs.eu-west-1.amazonaws.com/1/other",
        "--collector=a=https://a:8443,b=https://b",
        "--tls-cert",
        "c",
        "--tls-key",
        "k",
        "--tls-ca",
        "a",
        "--concurrency=3",
    ];

    fn names<T>(list: &[Named<T>]) -> Vec<&str> {
        list.iter().map(|named| named.name.as_str()).collect()
    }

    #[test]
    fn the_definition_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn repeated_flags_keep_their_order_and_may_be_joined_by_commas() {
        let args = Args::try_parse_from(REQUIRED).unwrap();
        assert_eq!((names(&args.result_queues), names(&args.collectors)), (vec!["main", "other"], vec!["a", "b"]));
        assert_eq!((args.concurrency, args.visibility_timeout), (3, Duration::from_secs(60)));
    }

    #[test]
    fn a_pod_that_is_told_to_end_has_the_time_for_it() {
        let chart = include_str!("../../../deploy/chart/templates/_helpers.tpl");
        let grace = chart.lines().find_map(|line| line.strip_prefix("terminationGracePeriodSeconds: ")).unwrap();
        let grace = Duration::from_secs(grace.parse().unwrap());
        let args = Args::try_parse_from(REQUIRED).unwrap();
        assert!(args.receive_wait < args.drain_timeout, "the last receive comes back within the drain");
        // Giving back waits for an extension that is on its way.
        assert!(args.drain_timeout + 2 * CALL_TIMEOUT < grace, "what is not done is given back before the kill");
    }

    #[test]
    fn what_cannot_work_or_is_not_safe_is_refused() {
        for flag in [
            "--result-queue=https://sqs.eu-west-1.amazonaws.com/1/results",
            "--result-queue=a b=https://sqs.eu-west-1.amazonaws.com/1/results",
            "--result-queue=x=http://sqs.eu-west-1.amazonaws.com/1/results",
            "--collector=x=http://127.0.0.1:8443",
            "--collector=x=https://host:8443/path",
            "--collector=x=host:8443",
            "--concurrency=0",
            "--max-deadline=3601",
            "--max-deadline=0",
            "--visibility-timeout=44s",
            "--visibility-timeout=12h",
            "--receive-wait=0s",
            "--receive-wait=21s",
            "--drain-timeout=soon",
        ] {
            assert!(Args::try_parse_from(REQUIRED.into_iter().chain([flag])).is_err(), "{flag}");
        }
    }

    #[test]
    fn every_flag_is_also_an_environment_variable() {
        let command = Args::command();
        let flags = command.get_arguments().filter(|arg| !["help", "version"].contains(&arg.get_id().as_str()));
        for flag in flags {
            assert!(flag.get_env().is_some_and(|name| name.to_string_lossy().starts_with("GUMSHOE_")), "{flag:?}");
        }
    }
}
