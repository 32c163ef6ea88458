//! What a failure of the transport means to the caller of a gRPC method.
//!
//! Not tonic's own reading: it takes a connection that closed before the request was sent for CANCELLED, a GOAWAY for
//! INTERNAL and a broken one for UNKNOWN, none of which a caller tries again.

use std::error::Error;

use h2::Reason;
use tonic::{Code, Status};

use crate::chain::Chain;

/// The status of a call whose transport failed: UNAVAILABLE, unless the server reset just this call with a reason that
/// says otherwise.
pub(super) fn status(error: &(dyn Error + 'static)) -> Status {
    Status::new(code(error), format!("server cannot be reached: {}", Chain(error)))
}

/// The status of a call whose deadline passed before the server answered.
pub(super) fn deadline_exceeded() -> Status {
    Status::deadline_exceeded("deadline passed before the server's response ended")
}

fn code(error: &(dyn Error + 'static)) -> Code {
    let reset = sources(error).find_map(|error| error.downcast_ref::<h2::Error>()).filter(|error| error.is_reset());
    match reset.and_then(h2::Error::reason) {
        None => Code::Unavailable,
        Some(reason) => of_reset(reason),
    }
}

/// As grpc/grpc: doc/PROTOCOL-HTTP2.md, "Errors", has it.
fn of_reset(reason: Reason) -> Code {
    match reason {
        Reason::REFUSED_STREAM => Code::Unavailable,
        Reason::CANCEL => Code::Cancelled,
        Reason::ENHANCE_YOUR_CALM => Code::ResourceExhausted,
        Reason::INADEQUATE_SECURITY => Code::PermissionDenied,
        _ => Code::Internal,
    }
}

fn sources<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}
