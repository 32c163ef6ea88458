//! The body of a response, which ends at the deadline of its call even when the server goes on.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Sleep;
use tonic::Status;

use super::error;
use crate::deadline::Deadline;
use crate::tasks::Tasks;

/// The body of a response; its errors are statuses already.
#[derive(Debug)]
pub struct ResponseBody {
    body: Incoming,
    expiry: Option<Pin<Box<Sleep>>>,
    /// The connection goes on for as long as a response does, even when its client is gone.
    _tasks: Tasks,
}

impl ResponseBody {
    pub(super) fn new(body: Incoming, deadline: Option<Deadline>, tasks: Tasks) -> Self {
        let expiry = deadline.map(|deadline| Box::pin(tokio::time::sleep_until(deadline.instant())));
        Self { body, expiry, _tasks: tasks }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        // What arrived comes first: a response that is complete is one, however late its reader.
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(frame.map(|frame| frame.map_err(|error| error::status(&error))));
        }
        match &mut self.expiry {
            None => Poll::Pending,
            Some(expiry) => {
                ready!(expiry.as_mut().poll(cx));
                Poll::Ready(Some(Err(error::deadline_exceeded())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
