//! One call: counted, perhaps failed, else carried out by the server behind it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::backend::Backend;
use super::body;
use super::calls::{Call, CallLog};
use super::faults::{Action, Faults};

/// A batch of 1 MiB, each character written as an escape.
const MOST_REQUEST_BYTES: usize = 8 * 1024 * 1024;
const CONTENT_TYPE: &str = "application/x-amz-json-1.0";

type Answer = Response<Full<Bytes>>;
pub(super) type Broken = Box<dyn std::error::Error + Send + Sync>;

pub(super) struct Front {
    pub(super) backend: Backend,
    pub(super) faults: Faults,
    pub(super) calls: CallLog,
    /// The receipt handles that were given out, with the URLs of their queues.
    pub(super) received: Mutex<BTreeMap<String, String>>,
    /// Messages that were taken into each queue.
    pub(super) taken: Mutex<BTreeMap<String, u64>>,
}

impl Front {
    /// Answers; an error ends the connection without an answer.
    pub(super) async fn handle(self: Arc<Self>, request: Request<Incoming>) -> Result<Answer, Broken> {
        let (parts, incoming) = request.into_parts();
        let body = Limited::new(incoming, MOST_REQUEST_BYTES).collect().await?.to_bytes();
        let input: Value = serde_json::from_slice(&body)?;
        let call = Call::new(&parts.headers, &input);
        let number = self.calls.add(call.clone());
        let answer = self.answer(&parts.headers, &call, body).await;
        if answer.is_ok() {
            self.calls.answered(number);
        }
        answer
    }

    /// Carries out the call, unless a fault is to strike.
    async fn answer(&self, headers: &http::HeaderMap, call: &Call, body: Bytes) -> Result<Answer, Broken> {
        let Some((action, struck)) = self.faults.take(|calls| calls.matches(call)) else {
            return self.carry_out(headers, call, body).await;
        };
        struck.report();
        match action {
            Action::Throttle => Ok(error(StatusCode::BAD_REQUEST, "RequestThrottled", "Rate exceeded")),
            Action::Error { status, code } => Ok(error(status, code, "failed on demand")),
            Action::SwallowAnswer => {
                self.carry_out(headers, call, body).await?;
                Err("swallowed on demand".into())
            }
            Action::Stall(gate) => {
                gate.opened().await;
                self.carry_out(headers, call, body).await
            }
            Action::Delay(time) => {
                tokio::time::sleep(time).await;
                self.carry_out(headers, call, body).await
            }
            Action::FailEntries { first, sender_fault, code } => {
                let failed = |id: &str| failed_entry(id, sender_fault, code, "failed on demand");
                self.batch_without(headers, call, body, |at, _| at < first, failed).await
            }
        }
    }

    /// As SQS would: MiniStack refuses by itself what SQS refuses.
    async fn carry_out(&self, headers: &http::HeaderMap, call: &Call, request: Bytes) -> Result<Answer, Broken> {
        if let Backend::MiniStack(_) = self.backend {
            return self.forward(headers, call, request).await;
        }
        match call.operation.as_str() {
            "SendMessage" if body::is_illegal(body::message_body(&call.input)) => {
                Ok(error(StatusCode::BAD_REQUEST, "InvalidMessageContents", ILLEGAL))
            }
            "SendMessageBatch" if body::is_too_long(entries(&call.input)) => {
                let code = "AWS.SimpleQueueService.BatchRequestTooLong";
                Ok(error(StatusCode::BAD_REQUEST, code, "Batch requests cannot be longer than 1048576 bytes."))
            }
            "SendMessageBatch" => {
                let failed = |id: &str| failed_entry(id, true, "InvalidMessageContents", ILLEGAL);
                let illegal = |_, entry: &Value| body::is_illegal(body::message_body(entry));
                self.batch_without(headers, call, request, illegal, failed).await
            }
            _ => self.forward(headers, call, request).await,
        }
    }

    /// Carries out a batch without some of its entries, and says that those failed.
    async fn batch_without(
        &self,
        headers: &http::HeaderMap,
        call: &Call,
        request: Bytes,
        fails: impl Fn(usize, &Value) -> bool,
        failed: impl Fn(&str) -> Value,
    ) -> Result<Answer, Broken> {
        let all = entries(&call.input).iter().enumerate();
        let (out, kept): (Vec<_>, Vec<_>) = all.partition(|(at, entry)| fails(*at, entry));
        if out.is_empty() {
            return self.forward(headers, call, request).await;
        }
        let mut failures: Vec<Value> =
            out.iter().map(|(_, entry)| failed(entry["Id"].as_str().unwrap_or_default())).collect();
        if kept.is_empty() {
            return Ok(answer(StatusCode::OK, &json!({"Successful": [], "Failed": failures})));
        }
        let entries: Vec<&Value> = kept.into_iter().map(|(_, entry)| entry).collect();
        let rest = json!({"QueueUrl": call.input["QueueUrl"], "Entries": entries});
        let (parts, body) = self.forward(headers, call, rest.to_string().into()).await?.into_parts();
        let bytes = body.collect().await?.to_bytes();
        if parts.status != StatusCode::OK {
            return Ok(Response::from_parts(parts, Full::new(bytes)));
        }
        let mut output: Value = serde_json::from_slice(&bytes)?;
        failures.extend(output["Failed"].as_array().cloned().unwrap_or_default());
        output["Failed"] = failures.into();
        Ok(answer(StatusCode::OK, &output))
    }

    async fn forward(&self, headers: &http::HeaderMap, call: &Call, request: Bytes) -> Result<Answer, Broken> {
        let (parts, bytes) = self.backend.call(headers, request).await?.into_parts();
        if parts.status == StatusCode::OK {
            match call.operation.as_str() {
                "ReceiveMessage" => self.remember(&call.input, &serde_json::from_slice(&bytes)?),
                "SendMessage" => self.count(&call.queue, 1),
                "SendMessageBatch" => {
                    let output: Value = serde_json::from_slice(&bytes)?;
                    let taken = output["Successful"].as_array().map_or(0, Vec::len) as u64;
                    self.count(&call.queue, taken);
                }
                _ => {}
            }
        }
        Ok(Response::from_parts(parts, Full::new(bytes)))
    }

    fn count(&self, queue: &str, messages: u64) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        *taken.entry(queue.to_owned()).or_default() += messages;
    }

    fn remember(&self, input: &Value, output: &Value) {
        let url = input["QueueUrl"].as_str().unwrap_or_default();
        let handles = output["Messages"].as_array().into_iter().flatten();
        let mut received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        for handle in handles.filter_map(|message| message["ReceiptHandle"].as_str()) {
            received.insert(handle.to_owned(), url.to_owned());
        }
    }
}

const ILLEGAL: &str = "Invalid characters were found in the message body.";

fn entries(input: &Value) -> &[Value] {
    input["Entries"].as_array().map_or(&[], Vec::as_slice)
}

fn failed_entry(id: &str, sender_fault: bool, code: &str, message: &str) -> Value {
    json!({"Id": id, "SenderFault": sender_fault, "Code": code, "Message": message})
}

fn error(status: StatusCode, code: &str, message: &str) -> Answer {
    let mut response = answer(status, &json!({"__type": format!("com.amazonaws.sqs#{code}"), "message": message}));
    let whose = if status.is_server_error() { "Receiver" } else { "Sender" };
    if let Ok(value) = format!("{code};{whose}").parse() {
        response.headers_mut().insert("x-amzn-query-error", value);
    }
    response
}

fn answer(status: StatusCode, value: &Value) -> Answer {
    let mut response = Response::new(Full::new(value.to_string().into()));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(CONTENT_TYPE));
    response
}
