//! What the API in memory writes, and what it reads of a request.

use bytes::Bytes;
use futures::stream;
use http::Response;
use http_body_util::{BodyExt as _, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use percent_encoding::percent_decode_str;

use super::Object;

pub(super) type FakeBody = UnsyncBoxBody<Bytes, std::convert::Infallible>;

pub(super) fn list_of(version: &str, next: &str, objects: &[&Object]) -> Vec<u8> {
    let mut meta = Vec::new();
    prost::encoding::string::encode(2, &version.to_owned(), &mut meta);
    prost::encoding::string::encode(3, &next.to_owned(), &mut meta);
    let mut list = Vec::new();
    prost::encoding::bytes::encode(1, &meta, &mut list);
    for object in objects {
        prost::encoding::bytes::encode(2, &object.encoded, &mut list);
    }
    list
}

pub(super) fn envelope(raw: &[u8]) -> Vec<u8> {
    let mut body = b"k8s\0\x0a\x00".to_vec();
    prost::encoding::bytes::encode(2, &raw.to_vec(), &mut body);
    body.extend(b"\x1a\x00\x22\x00");
    body
}

pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn of(text: &str) -> Self {
        let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        Self(
            pairs
                .map(|(name, value)| (name.to_owned(), percent_decode_str(value).decode_utf8_lossy().into_owned()))
                .collect(),
        )
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
    }
}

pub(super) fn respond(code: u16, content_type: &'static str, body: Bytes) -> Response<FakeBody> {
    let frames = stream::iter([Ok(Frame::data(body))]);
    response(code, content_type, StreamBody::new(frames).boxed_unsync())
}

pub(super) fn response(code: u16, content_type: &'static str, body: FakeBody) -> Response<FakeBody> {
    Response::builder().status(code).header("content-type", content_type).body(body).unwrap()
}

pub(super) fn respond_status(code: u16, reason: &str, continue_token: &str) -> Response<FakeBody> {
    let body = serde_json::json!({"kind": "Status", "reason": reason, "message": reason, "metadata": {"continue": continue_token}});
    respond(code, "application/json", body.to_string().into())
}

pub(super) fn throttle(seconds: u64) -> Response<FakeBody> {
    let mut response = respond(429, "text/plain", "Too many requests".into());
    response.headers_mut().insert("retry-after", seconds.into());
    response
}

pub(super) fn html(code: u16) -> Response<FakeBody> {
    respond(code, "text/html", "<html>internal.example:8443</html>".into())
}
