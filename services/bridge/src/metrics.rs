//! The bridge's metrics and their names, in one place.

use gumshoe_proto::bridge::v1::EndStatus;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

/// From a single small read to a command that follows a log for an hour, in seconds.
const DURATION_BUCKETS: [f64; 12] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0, 600.0, 3600.0];

/// What the bridge counts; clones share the values.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    commands: Family<OutcomeLabels, Counter>,
    command_duration: Histogram,
    /// Commands in work.
    pub commands_in_flight: Gauge,
    queries: Family<CodeLabels, Counter>,
    /// Streams that were taken up again where they had broken off.
    pub queries_resumed: Counter,
    /// Result messages that SQS acknowledged.
    pub messages_sent: Counter,
    /// The bytes of their bodies.
    pub bytes_sent: Counter,
    /// Tries to send a message that failed.
    pub send_errors: Counter,
    /// Polls that failed.
    pub receive_errors: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabels {
    method: &'static str,
    code: &'static str,
}

/// What became of a command that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Its `End` was acknowledged.
    Answered(EndStatus),
    /// It was given back to the queue, to be tried again.
    GivenBack,
    /// Its lease was lost.
    LeaseLost,
}

impl Metrics {
    /// Metrics that are told to the registry.
    #[must_use]
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let Self {
            commands,
            command_duration,
            commands_in_flight,
            queries,
            queries_resumed,
            messages_sent,
            bytes_sent,
            send_errors,
            receive_errors,
        } = metrics.clone();
        let duration = "Time from the receipt of a command to its end, whatever that was";
        registry.register("gumshoe_bridge_commands", "Commands received, by what became of them", commands);
        registry.register_with_unit("gumshoe_bridge_command_duration", duration, Unit::Seconds, command_duration);
        registry.register("gumshoe_bridge_commands_in_flight", "Commands in work", commands_in_flight);
        registry.register("gumshoe_bridge_queries", "Queries that ended, by method and gRPC code", queries);
        registry.register("gumshoe_bridge_queries_resumed", "Streams taken up again", queries_resumed);
        registry.register("gumshoe_bridge_messages_sent", "Result messages that SQS acknowledged", messages_sent);
        registry.register_with_unit("gumshoe_bridge_sent", "Bodies of those messages", Unit::Bytes, bytes_sent);
        registry.register("gumshoe_bridge_send_errors", "Tries to send a message that failed", send_errors);
        registry.register("gumshoe_bridge_receive_errors", "Polls that failed", receive_errors);
        metrics
    }

    /// Counts a command that is done with.
    pub(crate) fn command(&self, outcome: Outcome, seconds: f64) {
        self.commands.get_or_create(&OutcomeLabels { outcome: outcome.name() }).inc();
        self.command_duration.observe(seconds);
    }

    /// Counts a query that ended.
    pub(crate) fn query(&self, method: &'static str, code: &'static str) {
        self.queries.get_or_create(&CodeLabels { method, code }).inc();
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            commands: Family::default(),
            command_duration: Histogram::new(DURATION_BUCKETS),
            commands_in_flight: Gauge::default(),
            queries: Family::default(),
            queries_resumed: Counter::default(),
            messages_sent: Counter::default(),
            bytes_sent: Counter::default(),
            send_errors: Counter::default(),
            receive_errors: Counter::default(),
        }
    }
}

impl Outcome {
    fn name(self) -> &'static str {
        match self {
            Self::Answered(EndStatus::Succeeded) => "succeeded",
            Self::Answered(EndStatus::Incomplete) => "incomplete",
            Self::Answered(EndStatus::Failed | EndStatus::Unspecified) => "failed",
            Self::Answered(EndStatus::Expired) => "expired",
            Self::GivenBack => "given_back",
            Self::LeaseLost => "lease_lost",
        }
    }
}
