//! JSON logs on standard error, and panics as log events.

use std::panic::PanicHookInfo;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::TryInitError;
use tracing_subscriber::{fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::args::LogArgs;

/// Sends the events that the filter lets through to standard error and logs panics from now on.
pub(crate) fn init(args: &LogArgs) -> Result<(), TryInitError> {
    let filter = EnvFilter::builder().parse_lossy(&args.filter);
    let json = fmt::layer().json().flatten_event(true).with_current_span(false).with_span_list(true);
    tracing_subscriber::registry().with(filter).with(json.with_writer(std::io::stderr)).try_init()?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// A panic's formatted message may quote what was being processed (a slice of a str does), which no log may hold; a
/// literal cannot.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let message = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("(message withheld)");
    let location = panic.location().map(ToString::to_string);
    tracing::error!(message_of_panic = message, location, thread = std::thread::current().name(), "panic");
}
