//! The metrics of this crate and their names, in one place.
//!
//! Names follow OpenTelemetry's conventions for RPC, spelled as Prometheus spells them. The metrics are the process's,
//! like its log; `AdminHandle` registers them.

use std::collections::BTreeSet;
use std::sync::{LazyLock, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tonic::Code;

use crate::errors::code_name;

/// `rpc.system.name` of every call here.
const RPC_SYSTEM: &str = "grpc";

/// OpenTelemetry's `rpc.method` for a method that the server does not have: a caller's spelling must not become a series.
const OTHER_METHOD: &str = "_OTHER";

/// OpenTelemetry's advice for RPC durations, in seconds, and three more for streams.
const DURATION_BUCKETS: [f64; 17] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0, 60.0, 600.0];

static RPC: LazyLock<RpcMetrics> = LazyLock::new(RpcMetrics::new);
static CONNECTIONS: LazyLock<ConnectionMetrics> = LazyLock::new(ConnectionMetrics::default);
static TLS: LazyLock<TlsMetrics> = LazyLock::new(TlsMetrics::default);

pub(crate) fn rpc() -> &'static RpcMetrics {
    &RPC
}

pub(crate) fn connections() -> &'static ConnectionMetrics {
    &CONNECTIONS
}

pub(crate) fn tls() -> &'static TlsMetrics {
    &TLS
}

/// Registers all of them.
pub(crate) fn register(registry: &mut Registry) {
    RPC.register(registry);
    CONNECTIONS.register(registry);
    TLS.register(registry);
}

/// Calls that this process served.
pub(crate) struct RpcMetrics {
    duration: Family<RpcLabels, Histogram, fn() -> Histogram>,
    running: Gauge,
    panics: Counter,
    /// The methods that there are. All others may be a caller's invention.
    served: RwLock<BTreeSet<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RpcLabels {
    rpc_system_name: &'static str,
    rpc_method: String,
    rpc_response_status_code: &'static str,
}

impl RpcMetrics {
    fn new() -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(DURATION_BUCKETS);
        Self {
            duration: Family::new_with_constructor(histogram),
            running: Gauge::default(),
            panics: Counter::default(),
            served: RwLock::default(),
        }
    }

    fn register(&self, registry: &mut Registry) {
        let help = "Time from a call's headers to the end of its response";
        registry.register_with_unit("rpc_server_call_duration", help, Unit::Seconds, self.duration.clone());
        registry.register("gumshoe_server_running_calls", "Calls that are being served", self.running.clone());
        registry.register(
            "gumshoe_server_panics",
            "Calls that ended because their handler panicked",
            self.panics.clone(),
        );
    }

    pub(crate) fn started(&self) {
        self.running.inc();
    }

    /// Notes that there are handlers for these methods, each `package.Service/Method`.
    pub(crate) fn serves(&self, methods: impl IntoIterator<Item = String>) {
        self.served.write().unwrap_or_else(PoisonError::into_inner).extend(methods);
    }

    fn is_served(&self, method: &str) -> bool {
        self.served.read().unwrap_or_else(PoisonError::into_inner).contains(method)
    }

    /// Measures a call; under the method's name where that is known to be one.
    pub(crate) fn ended(&self, method: &str, code: Code, duration: Duration) {
        self.running.dec();
        let method = if self.is_served(method) { method } else { OTHER_METHOD };
        let labels = RpcLabels {
            rpc_system_name: RPC_SYSTEM,
            rpc_method: method.to_owned(),
            rpc_response_status_code: code_name(code),
        };
        self.duration.get_or_create(&labels).observe(duration.as_secs_f64());
    }

    pub(crate) fn panicked(&self) {
        self.panics.inc();
    }
}

/// Connections that this process accepted.
#[derive(Default)]
pub(crate) struct ConnectionMetrics {
    open: Gauge,
    refused: Family<ReasonLabels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

impl ConnectionMetrics {
    fn register(&self, registry: &mut Registry) {
        registry.register("gumshoe_server_connections", "Connections past their handshake", self.open.clone());
        let help = "Connections closed before their first call, by reason";
        registry.register("gumshoe_server_refused_connections", help, self.refused.clone());
    }

    pub(crate) fn opened(&self) {
        self.open.inc();
    }

    pub(crate) fn closed(&self) {
        self.open.dec();
    }

    pub(crate) fn refused(&self, reason: &'static str) {
        self.refused.get_or_create(&ReasonLabels { reason }).inc();
    }
}

/// The files of our own identity.
#[derive(Default)]
pub(crate) struct TlsMetrics {
    reloads: Counter,
    failures: Counter,
    not_after: Family<RoleLabels, Gauge>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RoleLabels {
    role: &'static str,
}

impl TlsMetrics {
    fn register(&self, registry: &mut Registry) {
        registry.register("gumshoe_tls_reloads", "Changed TLS files put into use", self.reloads.clone());
        let help = "Attempts to use changed TLS files that failed; the old ones stay in use";
        registry.register("gumshoe_tls_reload_failures", help, self.failures.clone());
        let help = "End of the certificate in use, in seconds since 1970";
        registry.register("gumshoe_tls_certificate_not_after_seconds", help, self.not_after.clone());
    }

    pub(crate) fn reloaded(&self) {
        self.reloads.inc();
    }

    pub(crate) fn reload_failed(&self) {
        self.failures.inc();
    }

    pub(crate) fn certificate(&self, role: &'static str, not_after: SystemTime) {
        let seconds = not_after.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        self.not_after.get_or_create(&RoleLabels { role }).set(i64::try_from(seconds).unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn methods(metrics: &RpcMetrics) -> String {
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        text
    }

    #[test]
    fn a_method_has_a_series_where_there_is_a_handler_for_it() {
        let metrics = RpcMetrics::new();
        metrics.ended("made.up/Method", Code::DeadlineExceeded, Duration::ZERO);
        assert!(!methods(&metrics).contains("made.up"));
        metrics.serves(["made.up/Method".to_owned()]);
        metrics.ended("made.up/Method", Code::DeadlineExceeded, Duration::ZERO);
        assert!(methods(&metrics).contains(r#"rpc_method="made.up/Method""#));
    }
}
