//! The body of a response, which brings its call to an end whatever happens.
//!
//! A deadline is not kept by polling alone: hyper stops polling the body of a client that does not read. So a task beside
//! it lets go of the handler's stream (and with it of whatever that reads from) at the deadline, polled or not.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as _, Frame};
use tokio_util::task::AbortOnDropHandle;
use tonic::body::Body;
use tonic::{Code, Status};

use super::record::code_of;
use super::{Running, status};

/// A response's body, guarded. Its errors are trailers, so it has none itself.
pub(super) struct Guarded {
    stream: Arc<Mutex<Stream>>,
    _watch: AbortOnDropHandle<()>,
}

/// What is left of a response.
enum Stream {
    /// Frames are to come from the handler.
    Open(Box<Open>),
    /// The handler's stream is gone; what is left to send is why.
    Cut(Status),
    /// Everything was handed to hyper.
    Ended,
}

struct Open {
    body: Body,
    running: Running,
    /// Of whoever waits for the next frame.
    waker: Option<Waker>,
}

impl Guarded {
    pub(super) fn new(body: Body, running: Running) -> Self {
        let (deadline, connection) = (running.deadline, running.connection.clone());
        let stream = Arc::new(Mutex::new(Stream::Open(Box::new(Open { body, running, waker: None }))));
        let watched = stream.clone();
        let watch = tokio::spawn(async move {
            let status = status::expiry(deadline, &connection.cut).await;
            cut(&watched, status);
            tokio::time::sleep(connection.unread_grace).await;
            tracing::warn!(peer = %connection.peer, "a response's end was not read: connection closes");
            connection.unread.cancel();
        });
        Self { stream, _watch: AbortOnDropHandle::new(watch) }
    }
}

impl http_body::Body for Guarded {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let mut stream = lock(&self.stream);
        let (frame, ended) = match &mut *stream {
            Stream::Open(open) => ready!(open.poll(cx)),
            Stream::Cut(status) => (Some(trailers(status)), true),
            Stream::Ended => (None, true),
        };
        if ended {
            *stream = Stream::Ended;
        }
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        matches!(*lock(&self.stream), Stream::Ended)
    }
}

impl Drop for Guarded {
    /// Now, rather than when the watching task has noticed: the handler's stream stops and the call is recorded.
    fn drop(&mut self) {
        let left = std::mem::replace(&mut *lock(&self.stream), Stream::Ended);
        drop(left);
    }
}

impl Open {
    /// The next frame and whether it is the last one. A panic of the handler and an error become trailers.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<(Option<Frame<Bytes>>, bool)> {
        let Self { body, running, waker } = self;
        let span = running.record.span().clone();
        let polled = span.in_scope(|| catch_unwind(AssertUnwindSafe(|| Pin::new(body).poll_frame(cx))));
        let frame = match polled {
            Ok(Poll::Pending) => {
                *waker = Some(cx.waker().clone());
                return Poll::Pending;
            }
            Ok(Poll::Ready(Some(Ok(frame)))) => Some(frame),
            Ok(Poll::Ready(Some(Err(status)))) => Some(trailers(&status)),
            Ok(Poll::Ready(None)) => None,
            Err(_) => Some(trailers(&status::panicked())),
        };
        let ended = frame.as_ref().map_or(Some(Code::Unknown), code_of_last);
        if let Some(code) = ended {
            running.record.end(code);
        }
        Poll::Ready((frame, ended.is_some()))
    }
}

/// The code of the call, if the frame ends it.
fn code_of_last(frame: &Frame<Bytes>) -> Option<Code> {
    frame.trailers_ref().map(|trailers| code_of(trailers).unwrap_or(Code::Unknown))
}

/// Lets go of the handler's stream, unless the response ended before.
fn cut(stream: &Mutex<Stream>, status: Status) {
    let mut guard = lock(stream);
    let Stream::Open(open) = &mut *guard else { return };
    open.running.record.end(status.code());
    let waker = open.waker.take();
    let left = std::mem::replace(&mut *guard, Stream::Cut(status));
    drop(guard);
    drop(left);
    waker.into_iter().for_each(Waker::wake);
}

fn trailers(status: &Status) -> Frame<Bytes> {
    let mut trailers = HeaderMap::new();
    if status.add_header(&mut trailers).is_err() {
        // Its metadata are no headers; the code alone always is.
        trailers.insert(Status::GRPC_STATUS, i32::from(status.code()).into());
    }
    Frame::trailers(trailers)
}

/// Panics of the handler are caught within, so the lock is never poisoned.
fn lock(stream: &Mutex<Stream>) -> MutexGuard<'_, Stream> {
    stream.lock().unwrap_or_else(PoisonError::into_inner)
}
