//! Bodies that go wrong on the way.

use std::io;

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use http::Response;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;

use crate::faults::{Gate, Struck};
use crate::replay::journal::Answering;
use crate::replay::response::{Body, BodyError};
use crate::replay::token::ContinueToken;

/// The kubelet's text where the container runtime could not give the log.
const LOG_ERROR: &str = "unable to retrieve container logs for \
                         containerd://0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";
/// Turns that the connection gets to send what came before its end.
const TURNS_TO_FLUSH: usize = 8;

/// Keeps the answer counted as being sent until its body was sent or dropped.
pub(super) fn guard(response: Response<Body>, answering: Answering) -> Response<Body> {
    response.map(|body| {
        body.map_frame(move |frame| {
            let _ = &answering;
            frame
        })
        .boxed_unsync()
    })
}

/// Ends the connection after so many bytes.
pub(super) fn cut(response: Response<Body>, after: usize, struck: Struck) -> Response<Body> {
    interrupt(response, after, move || async move {
        struck.report();
        for _ in 0..TURNS_TO_FLUSH {
            tokio::task::yield_now().await;
        }
        Err(io::Error::new(io::ErrorKind::ConnectionReset, "cut on demand").into())
    })
}

/// Stops after so many bytes until the gate opens.
pub(super) fn stall(response: Response<Body>, after: usize, until: Gate, struck: Struck) -> Response<Body> {
    interrupt(response, after, move || async move {
        struck.report();
        until.opened().await;
        Ok(())
    })
}

/// Puts the kubelet's error text behind so many lines of the log.
pub(super) async fn log_error(response: Response<Body>, after_lines: usize) -> Result<Response<Body>, BodyError> {
    let (mut parts, body) = response.into_parts();
    let log = body.collect().await?.to_bytes();
    let mut text: Vec<u8> = log.split_inclusive(|byte| *byte == b'\n').take(after_lines).flatten().copied().collect();
    text.extend_from_slice(LOG_ERROR.as_bytes());
    parts.status = http::StatusCode::OK;
    let body = http_body_util::Full::new(Bytes::from(text)).map_err(|never| match never {});
    Ok(Response::from_parts(parts, body.boxed_unsync()))
}

/// The token with which a list goes on that has expired.
pub(super) fn resume_token(token: &str) -> Option<String> {
    ContinueToken::decode(token).map(|token| token.inconsistent().encode())
}

/// Sends `after` bytes, then awaits `what`, then sends the rest. A shorter body is sent as it is, and nothing befalls it.
fn interrupt<W>(response: Response<Body>, after: usize, what: impl FnOnce() -> W + Send + 'static) -> Response<Body>
where
    W: Future<Output = Result<(), BodyError>> + Send + 'static,
{
    response.map(|body| {
        let chunks = split_at(body.into_data_stream(), after);
        let chunks = stream::unfold((Box::pin(chunks), Some(what)), |(mut chunks, mut what)| async move {
            match chunks.next().await? {
                Part::Bytes(bytes) => Some((bytes, (chunks, what))),
                Part::Here => {
                    let outcome = match what.take() {
                        Some(what) => what().await,
                        None => Ok(()),
                    };
                    Some((outcome.map(|()| Bytes::new()), (chunks, what)))
                }
            }
        });
        let frames = chunks.filter(|chunk| std::future::ready(!matches!(chunk, Ok(bytes) if bytes.is_empty())));
        BodyExt::boxed_unsync(StreamBody::new(frames.map(|chunk| chunk.map(Frame::data))))
    })
}

enum Part {
    Bytes(Result<Bytes, BodyError>),
    Here,
}

/// Marks the place behind so many bytes.
fn split_at(
    chunks: impl Stream<Item = Result<Bytes, BodyError>> + Send,
    after: usize,
) -> impl Stream<Item = Part> + Send {
    let mut left = Some(after);
    chunks.flat_map(move |chunk| {
        let parts = match (chunk, left) {
            (Ok(bytes), Some(wanted)) if bytes.len() >= wanted => {
                left = None;
                let (head, tail) = (bytes.slice(..wanted), bytes.slice(wanted..));
                vec![Part::Bytes(Ok(head)), Part::Here, Part::Bytes(Ok(tail))]
            }
            (Ok(bytes), wanted) => {
                left = wanted.map(|wanted| wanted - bytes.len());
                vec![Part::Bytes(Ok(bytes))]
            }
            (error, _) => vec![Part::Bytes(error)],
        };
        stream::iter(parts)
    })
}
