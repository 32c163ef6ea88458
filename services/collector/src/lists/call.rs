//! The call that a gRPC request belongs to.

use std::time::Duration;

use gumshoe_runtime::{
    deadline::{DEFAULT_TIMEOUT, Deadline},
    request_id::RequestId,
};
use tonic::Request;

use crate::kubernetes::api::Call;

impl Call {
    /// The call that a gRPC request belongs to, from what the server's layers have put into its extensions. The reads end
    /// a little before the caller's deadline, so that there is time left to say what is missing.
    pub fn of<T>(request: &Request<T>) -> Self {
        let extensions = request.extensions();
        let deadline = extensions.get::<Deadline>().copied().unwrap_or_else(|| Deadline::after(DEFAULT_TIMEOUT));
        let reserve = (deadline.remaining() / 10).min(Duration::from_millis(500));
        Self {
            deadline: deadline.instant() - reserve,
            request_id: extensions.get::<RequestId>().cloned().unwrap_or_else(RequestId::fresh),
        }
    }
}
