//! The way from a producer of pages to the gRPC stream: bounded in bytes, and the producer ends with the stream.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use futures::{FutureExt as _, Stream};
use tokio::{
    sync::{
        OwnedSemaphorePermit, Semaphore,
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    },
    time::timeout,
};
use tokio_util::task::AbortOnDropHandle;
use tonic::Status;
use tracing::Instrument as _;

use super::page::Encoded;
use crate::error::ReadError;

/// Pages of one call that the caller has not taken yet hold at most so many bytes, as they are encoded: enough to keep the API
/// server and the caller busy at the same time, little enough for a hundred calls.
pub const BUFFER_BYTES: usize = 512 << 10;

/// Pages that the caller has not taken so long after the last of them was made are dropped: what they hold is missing to others.
pub const TAKEN_WITHIN: Duration = Duration::from_secs(60);

/// Takes pages from a producer. The buffer's bound is in bytes, so the channel itself needs none.
#[derive(Debug)]
pub struct PageSender {
    channel: UnboundedSender<Buffered>,
    room: Arc<Semaphore>,
}

/// A page in the buffer; its permit goes back when the caller takes it.
type Buffered = (Encoded, Option<OwnedSemaphorePermit>);

impl PageSender {
    /// Waits for room for a page of so many bytes, which `room` then holds. A page larger than the whole buffer waits until
    /// it is empty.
    pub async fn reserve(&self, bytes: usize) -> OwnedSemaphorePermit {
        let permits = u32::try_from(bytes.clamp(1, BUFFER_BYTES)).unwrap_or(u32::MAX);
        self.room.clone().acquire_many_owned(permits).await.expect("nobody closes this semaphore")
    }

    /// Sends a page into the room that was reserved for it.
    pub fn send(&self, page: Encoded, room: OwnedSemaphorePermit) {
        // A caller who has gone aborts the producer, so nobody needs to be told.
        let _ = self.channel.send((page, Some(room)));
    }

    /// Sends the last message, for which there is always room: a producer that stops since the buffer is full must still be
    /// able to say so.
    pub fn send_last(&self, page: Encoded) {
        let _ = self.channel.send((page, None));
    }
}

/// The stream of one call.
#[derive(Debug)]
pub struct PageStream {
    channel: Arc<Mutex<UnboundedReceiver<Buffered>>>,
    /// None once its outcome was told.
    producer: Option<AbortOnDropHandle<Result<(), ReadError>>>,
}

impl PageStream {
    /// Starts the producer. An error of it becomes the status of the stream, behind the pages it had sent. What it returns is held
    /// until the caller has taken all pages, or has shown that he does not.
    pub fn start<P, F, H>(producer: P) -> Self
    where
        P: FnOnce(PageSender) -> F,
        F: Future<Output = Result<H, ReadError>> + Send + 'static,
        H: Send + 'static,
    {
        let (sender, channel) = unbounded_channel();
        let channel = Arc::new(Mutex::new(channel));
        let room = Arc::new(Semaphore::new(BUFFER_BYTES));
        let waiting = channel.clone();
        let all_room = room.clone();
        let producer = producer(PageSender { channel: sender, room });
        let task = tokio::spawn(
            async move {
                let _held = producer.await?;
                let taken = timeout(TAKEN_WITHIN, all_room.acquire_many(BUFFER_BYTES as u32)).await;
                taken.map(|_| ()).map_err(|_| {
                    let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
                    while waiting.try_recv().is_ok() {}
                    ReadError::SlowCaller
                })
            }
            .in_current_span(),
        );
        Self { channel, producer: Some(AbortOnDropHandle::new(task)) }
    }
}

impl Stream for PageStream {
    type Item = Result<Encoded, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let page = self.channel.lock().unwrap_or_else(PoisonError::into_inner).poll_recv(context);
        if let Some((page, _room)) = ready!(page) {
            return Poll::Ready(Some(Ok(page)));
        }
        let Some(producer) = &mut self.producer else { return Poll::Ready(None) };
        let outcome = ready!(producer.poll_unpin(context));
        self.producer = None;
        Poll::Ready(match outcome {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(Err(error.into())),
            Err(panic) => {
                tracing::error!(error = %panic, "the producer of a stream panicked");
                Some(Err(Status::internal("internal error")))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures::StreamExt as _;

    use super::*;

    const fn mk_page(text: &'static str) -> Encoded {
        Encoded(Bytes::from_static(text.as_bytes()))
    }

    #[tokio::test]
    async fn pages_come_in_order_and_an_error_behind_them() {
        let stream = PageStream::start(|pages| async move {
            for page in ["one", "two", "three"] {
                let room = pages.reserve(10).await;
                pages.send(mk_page(page), room);
            }
            Err::<(), _>(ReadError::Deadline)
        });
        let outcome: Vec<_> = stream.map(|page| page.map_err(|status| status.code())).collect().await;
        assert_eq!(
            outcome,
            [Ok(mk_page("one")), Ok(mk_page("two")), Ok(mk_page("three")), Err(tonic::Code::DeadlineExceeded)]
        );
    }

    #[tokio::test]
    async fn the_buffer_is_bounded_in_bytes_and_the_last_message_still_fits() {
        let mut stream = PageStream::start(|pages| async move {
            let room = pages.reserve(BUFFER_BYTES).await;
            pages.send(mk_page("full"), room);
            assert!(pages.reserve(1).now_or_never().is_none());
            pages.send_last(mk_page("last"));
            Ok(())
        });
        assert_eq!(stream.next().await.map(Result::unwrap), Some(mk_page("full")));
        assert_eq!(stream.next().await.map(Result::unwrap), Some(mk_page("last")));
        assert!(stream.next().await.is_none());
    }

    #[tokio::test]
    async fn a_caller_who_goes_away_ends_the_producer() {
        let (alive, mut gone) = tokio::sync::mpsc::channel::<()>(1);
        let stream = PageStream::start(|_pages| async move {
            let _alive = alive;
            std::future::pending::<Result<(), _>>().await
        });
        drop(stream);
        assert_eq!(gone.recv().await, None);
    }

    #[tokio::test]
    async fn a_panic_is_an_internal_error_and_not_the_end_of_the_list() {
        let mut stream = PageStream::start(|_pages| async { if true { panic!("broken") } else { Ok(()) } });
        let status = stream.next().await.and_then(Result::err);
        assert_eq!(status.map(|status| status.code()), Some(tonic::Code::Internal));
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_stream_holds_is_free_again_although_the_caller_takes_nothing() {
        let (held, mut free) = tokio::sync::mpsc::channel::<()>(1);
        let mut stream = PageStream::start(|pages| async move {
            let room = pages.reserve(10).await;
            pages.send(mk_page("page"), room);
            pages.send_last(mk_page("last"));
            Ok(held)
        });
        assert_eq!(free.recv().await, None);
        let status = stream.next().await.and_then(Result::err);
        assert_eq!(status.map(|status| status.code()), Some(tonic::Code::Unavailable));
        assert!(stream.next().await.is_none());
    }
}
