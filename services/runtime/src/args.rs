//! Command-line arguments that the processes have in common; flatten them into a process's own.
//!
//! Every flag is also an environment variable; a secret is never a flag, only the path of the file that holds it.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;
use tracing_subscriber::EnvFilter;

use crate::server::Limits;

/// Where the process answers the kubelet and Prometheus.
#[derive(Clone, Debug, clap::Args)]
pub struct AdminArgs {
    /// Address of the admin port: plaintext HTTP with /livez, /readyz and /metrics.
    ///
    /// The kubelet and Prometheus have no client certificate, so this port has no TLS and serves nothing but these
    /// three. Keep it inside the cluster. Port 0 takes a free one, which the log names.
    #[arg(long, env = "GUMSHOE_ADMIN_LISTEN", value_name = "IP:PORT", default_value = "127.0.0.1:9090")]
    pub admin_listen: SocketAddr,
}

/// The identity of a gRPC server and whom it lets in.
#[derive(Clone, Debug, clap::Args)]
pub struct ServerTlsArgs {
    /// PEM file with the server's certificate, followed by its intermediates.
    ///
    /// The three TLS files are read again when their contents change; wrong ones are refused and the old ones kept.
    #[arg(long, env = "GUMSHOE_TLS_CERT", value_name = "FILE")]
    pub tls_cert: PathBuf,

    /// PEM file with the private key of the certificate (PKCS#8, PKCS#1 or SEC1).
    #[arg(long, env = "GUMSHOE_TLS_KEY", value_name = "FILE")]
    pub tls_key: PathBuf,

    /// PEM file with the CA certificates whose clients are let in. A client without a certificate never is.
    ///
    /// During a rotation of the CA, the file holds the old and the new one.
    #[arg(long, env = "GUMSHOE_TLS_CLIENT_CA", value_name = "FILE")]
    pub tls_client_ca: PathBuf,
}

/// The identity of a gRPC client and whom it believes.
#[derive(Clone, Debug, clap::Args)]
pub struct ClientTlsArgs {
    /// PEM file with the client's certificate, followed by its intermediates.
    ///
    /// The three TLS files are read again when their contents change; wrong ones are refused and the old ones kept.
    #[arg(long, env = "GUMSHOE_TLS_CERT", value_name = "FILE")]
    pub tls_cert: PathBuf,

    /// PEM file with the private key of the certificate (PKCS#8, PKCS#1 or SEC1).
    #[arg(long, env = "GUMSHOE_TLS_KEY", value_name = "FILE")]
    pub tls_key: PathBuf,

    /// PEM file with the CA certificates that the server's certificate must come from.
    #[arg(long, env = "GUMSHOE_TLS_CA", value_name = "FILE")]
    pub tls_ca: PathBuf,
}

/// How much a gRPC server takes on, and how it ends; the rest of its bounds are `Limits::default`.
#[derive(Clone, Debug, clap::Args)]
pub struct LimitArgs {
    /// Calls under way at one time; further ones wait up to 5 s, and are then told UNAVAILABLE and should be tried again later. One
    /// client's certificate, which all replicas of a bridge share, has at most half of them.
    #[arg(long, env = "GUMSHOE_MAX_CALLS", value_name = "COUNT", default_value = "256")]
    pub max_calls: NonZeroU32,

    /// Age at which a client is asked to connect anew, give or take a tenth: "30m", "1h". Calls under way go on for up to
    /// five minutes more.
    ///
    /// This spreads clients over new servers and brings reloaded certificates into use.
    #[arg(long, env = "GUMSHOE_MAX_CONNECTION_AGE", value_name = "DURATION", default_value = "30m", value_parser = duration_between::<1, WEEK>)]
    pub max_connection_age: Duration,

    /// How long calls may go on after the first SIGTERM: "20s". Keep it below terminationGracePeriodSeconds (30 s).
    #[arg(long, env = "GUMSHOE_DRAIN_TIMEOUT", value_name = "DURATION", default_value = "20s", value_parser = duration_between::<0, WEEK>)]
    pub drain_timeout: Duration,
}

impl LimitArgs {
    /// The limits of a server with these arguments.
    #[must_use]
    pub fn limits(&self) -> Limits {
        let Self { max_calls, max_connection_age, drain_timeout } = *self;
        Limits {
            max_calls: max_calls.get() as usize,
            connection_age: max_connection_age,
            drain: drain_timeout,
            ..Limits::default()
        }
    }
}

/// What the process logs.
#[derive(Clone, Debug, clap::Args)]
pub struct LogArgs {
    /// Which log events are written, as JSON, one a line, to standard error.
    ///
    /// A level (error = act now, warn = look, info = state changes, debug = for developers), or a list of
    /// target=level. Target `audit` has one line for each call: `warn,audit=info` keeps those and silences the rest.
    #[arg(long = "log", env = "GUMSHOE_LOG", value_name = "FILTER", default_value = "info", value_parser = filter)]
    pub filter: String,
}

impl Default for LogArgs {
    fn default() -> Self {
        Self { filter: "info".to_owned() }
    }
}

/// A hundred years. Nobody waits for longer, and moments that far away can still be computed.
const MAX_DURATION: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// A week, in seconds: no connection needs to get older, no drain takes longer.
const WEEK: u64 = 7 * 24 * 60 * 60;

/// Reads a duration as every flag takes it: a whole number of seconds ("20"), or numbers with units ("20s", "1500ms", "1h30m").
///
/// # Errors
/// It is neither, or negative, or longer than a hundred years.
pub fn duration(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit())).map(Duration::from_secs);
    let with_units = || text.parse::<SignedDuration>().ok().and_then(|signed| signed.try_into().ok());
    seconds
        .or_else(with_units)
        .filter(|duration| *duration <= MAX_DURATION)
        .ok_or_else(|| "must be a number of seconds, or a duration such as 90s, 5m or 1h30m".to_owned())
}

/// Reads a duration of `MIN` to `MAX` seconds, for `value_parser`.
///
/// # Errors
/// As `duration`; or it is not within the bounds.
pub fn duration_between<const MIN: u64, const MAX: u64>(text: &str) -> Result<Duration, String> {
    let duration = duration(text)?;
    let bounds = Duration::from_secs(MIN)..=Duration::from_secs(MAX);
    if bounds.contains(&duration) { Ok(duration) } else { Err(format!("must be from {MIN} to {MAX} seconds")) }
}

/// Refuses a filter that tracing cannot read when the arguments are read, where the user still looks.
fn filter(text: &str) -> Result<String, tracing_subscriber::filter::ParseError> {
    EnvFilter::builder().parse(text).map(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser};

    use super::*;

    /// All arguments that do not exclude one another.
    #[derive(Debug, Parser)]
    struct Server {
        #[command(flatten)]
        admin: AdminArgs,
        #[command(flatten)]
        tls: ServerTlsArgs,
        #[command(flatten)]
        limits: LimitArgs,
        #[command(flatten)]
        log: LogArgs,
    }

    const TLS: [&str; 7] = ["server", "--tls-cert", "c", "--tls-key", "k", "--tls-client-ca", "a"];

    fn parse(more: &[&str]) -> Result<Server, clap::Error> {
        Server::try_parse_from(TLS.iter().chain(more))
    }

    #[test]
    fn every_flag_is_an_environment_variable_too() {
        for argument in Server::command().get_arguments() {
            let variable = argument.get_env().and_then(|variable| variable.to_str()).unwrap_or_default();
            assert!(variable.starts_with("GUMSHOE_"), "{}: {variable}", argument.get_id());
        }
    }

    #[test]
    fn the_defaults_are_those_of_limits() {
        assert_eq!(parse(&[]).unwrap().limits.limits(), Limits::default());
    }

    #[test]
    fn a_duration_is_a_number_of_seconds_or_has_units() {
        for (text, millis) in
            [("20", 20_000), ("20s", 20_000), ("0", 0), ("1m 30s", 90_000), ("1h30m", 5_400_000), ("1500ms", 1_500)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for wrong in ["", "-20s", "-20", "+20", "1.5", "8d", "876001h", "18446744073709551615", "soon"] {
            assert!(duration(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_duration_outside_of_its_bounds_is_refused() {
        let limits = parse(&["--drain-timeout=0", "--max-connection-age=2h"]).unwrap().limits;
        assert_eq!((limits.drain_timeout, limits.max_connection_age), (Duration::ZERO, Duration::from_secs(7200)));
        for wrong in ["--drain-timeout=169h", "--max-connection-age=999ms"] {
            assert!(parse(&[wrong]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn zero_calls_and_a_filter_that_cannot_be_read_are_refused_at_once() {
        assert!(parse(&["--max-calls", "0"]).is_err());
        assert!(parse(&["--log", "gumshoe=loud"]).is_err());
        assert_eq!(parse(&["--log", "warn,audit=info"]).unwrap().log.filter, "warn,audit=info");
    }
}
