//! The HTTP side of the admin port: one request a connection, few connections, little time for each.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::encoding::text::encode;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::AdminHandle;
use crate::io::accept;
use crate::tasks::Bounded;

/// The kubelet and a few Prometheus replicas need a handful; whoever finds the port can neither make
/// us hold more nor keep those out.
const MAX_CONNECTIONS: usize = 32;

/// From accept to the last byte of the answer, whatever the other side does: Prometheus itself gives up after 10 s.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);

/// A scrape's header is a few hundred bytes; hyper's least buffer holds it.
const MAX_HEADER: usize = 8 * 1024;

/// How long answers may take when the process ends: they are written, or nobody reads them.
const END_TIME: Duration = Duration::from_secs(1);

/// OpenMetrics, which is what `encode` writes.
const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const TEXT_TYPE: &str = "text/plain; charset=utf-8";

/// Answers until `end`, and what is under way then within a moment more.
pub(super) async fn serve(listener: TcpListener, handle: AdminHandle, end: CancellationToken) {
    let mut connections = Bounded::new(MAX_CONNECTIONS);
    loop {
        tokio::select! {
            () = end.cancelled() => break,
            Some(_) = connections.next() => {}
            (stream, _) = accept(&listener) => {
                connections.begin((), answer(stream, handle.clone()));
            }
        }
    }
    drop(listener);
    let _ = tokio::time::timeout(END_TIME, async { while connections.next().await.is_some() {} }).await;
}

async fn answer(stream: TcpStream, handle: AdminHandle) {
    let service = service_fn(async |request| Ok::<_, Infallible>(respond(&request, &handle)));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .max_buf_size(MAX_HEADER)
        .serve_connection(TokioIo::new(stream), service);
    match tokio::time::timeout(CONNECTION_TIMEOUT, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "admin connection ended"),
        Err(_) => tracing::debug!("admin connection took too long"),
    }
}

fn respond<B>(request: &Request<B>, handle: &AdminHandle) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
    }
    match request.uri().path() {
        "/livez" => text(StatusCode::OK, "ok\n"),
        "/readyz" => readyz(&handle.reasons_not_ready(), &handle.advice()),
        "/metrics" => metrics(handle),
        _ => text(StatusCode::NOT_FOUND, "/livez, /readyz, /metrics\n"),
    }
}

fn readyz(reasons: &[String], advice: &[String]) -> Response<Full<Bytes>> {
    let (status, verdict) =
        if reasons.is_empty() { (StatusCode::OK, "ok") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready") };
    let advice = advice.iter().map(|advice| format!("advice: {advice}"));
    let lines = [verdict.to_owned()].into_iter().chain(reasons.iter().cloned()).chain(advice);
    text(status, lines.map(|line| line + "\n").collect::<String>())
}

fn metrics(handle: &AdminHandle) -> Response<Full<Bytes>> {
    let mut body = String::new();
    match encode(&mut body, &handle.registry()) {
        Ok(()) => reply(StatusCode::OK, METRICS_TYPE, body),
        Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "metrics cannot be encoded\n"),
    }
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    reply(status, TEXT_TYPE, body)
}

fn reply(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static(kind));
    response
}
