//! The faults of SQS: what goes wrong, and with which call.

use std::time::Duration;

use http::StatusCode;

use super::calls::Call;
use crate::faults::Gate;

/// A fault of SQS.
pub type Fault = crate::faults::Fault<Calls, Action>;

/// The faults of SQS that are still to strike.
pub type Faults = crate::faults::Faults<Calls, Action>;

/// What goes wrong.
#[derive(Debug, Clone)]
pub enum Action {
    /// 400 RequestThrottled.
    Throttle,
    /// Another error of this code: "AccessDenied", "InternalFailure".
    Error {
        /// The HTTP status; its class says whose fault it is.
        status: StatusCode,
        /// The code as SQS names it.
        code: &'static str,
    },
    /// The first so many entries of a batch fail, the others succeed.
    FailEntries {
        /// How many.
        first: usize,
        /// Whether it would be futile to send them again.
        sender_fault: bool,
        /// The code as SQS names it.
        code: &'static str,
    },
    /// The call is carried out, and the connection ends without an answer.
    SwallowAnswer,
    /// The call waits until the gate opens, then is carried out.
    Stall(Gate),
    /// The call is carried out so much later.
    Delay(Duration),
}

/// Calls by what they ask for; a part that is not given matches any.
#[derive(Debug, Clone, Default)]
pub struct Calls {
    operation: Option<&'static str>,
    queue: Option<String>,
}

impl Calls {
    /// Calls of one operation: "SendMessageBatch".
    #[must_use]
    pub fn of(operation: &'static str) -> Self {
        Self { operation: Some(operation), queue: None }
    }

    /// Every call.
    #[must_use]
    pub fn any() -> Self {
        Self::default()
    }

    /// Only for the queue of this name.
    #[must_use]
    pub fn on_queue(self, queue: &str) -> Self {
        Self { queue: Some(queue.to_owned()), ..self }
    }

    pub(super) fn matches(&self, call: &Call) -> bool {
        self.operation.is_none_or(|operation| operation == call.operation)
            && self.queue.as_ref().is_none_or(|queue| *queue == call.queue)
    }
}
