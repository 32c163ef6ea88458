//! One GET to the Kubernetes API: the only verb there is here. Deadline, retries, errors and the stream of the body.
//!
//! `kube::Client::send` carries it: kube's own `request` holds a body twice and logs all of it when it cannot be decoded.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use gumshoe_runtime::request_id::RequestId;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use kube::client::Body;
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    client::client,
    encoding::Encoding,
    names::{Namespace, ObjectName},
    resource::{Resource, Target},
    status::{ErrorBody, read_error_body},
    version::{STREAMS_LISTS_SINCE, Version},
    wire::ITEM_MAX,
};
use crate::error::ReadError;

/// A request is made at most so often: a third answer of "later" means that the API server is in trouble, and we would add
/// to it.
const ATTEMPTS: u32 = 3;
/// The wait before the second attempt where the server names none; it doubles with each.
const FIRST_RETRY_AFTER: Duration = Duration::from_millis(250);
/// The API server itself gives up a list after so long; an answer that has not begun by then will not come.
const ANSWER_WAIT: Duration = Duration::from_secs(60);
/// No Status is longer; what a proxy sends beyond is of no use.
const ERROR_BODY_MAX: usize = 64 << 10;
/// Warnings of one answer; the API server itself sends no more than a few.
const WARNINGS_MAX: usize = 20;
/// Enough of a warning to act on.
const WARNING_BYTES_MAX: usize = 512;
/// An error's code says most; its body is not waited for any longer.
const ERROR_BODY_WAIT: Duration = Duration::from_secs(2);
/// Never begins with curl, Wget or Mozilla: the server would print JSON for people.
const USER_AGENT: &str = concat!("gumshoe-collector/", env!("CARGO_PKG_VERSION"));

/// What every request of one RPC shares.
#[derive(Debug, Clone)]
pub struct Call {
    /// When the answer is of no more use.
    pub deadline: Instant,
    /// Goes to the API server as `Audit-ID`, so that its audit log joins ours.
    pub request_id: RequestId,
}

/// Reads the Kubernetes API with the collector's own credentials.
#[derive(Clone)]
pub struct KubernetesApi {
    client: kube::Client,
    version: Arc<OnceLock<Version>>,
}

/// Why there is no answer to read.
#[derive(Debug)]
pub enum Failure {
    /// The API server answered with an error.
    Answered {
        /// The HTTP status.
        code: StatusCode,
        /// What the body says.
        body: ErrorBody,
        /// `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// There was no answer.
    Unreachable(kube::Error),
    /// The deadline came first.
    Deadline,
}

/// The beginning of a good answer; its body is still to come.
pub struct Answer {
    headers: HeaderMap,
    body: Body,
    deadline: Instant,
}

/// Where something is, for messages.
pub(super) fn place(namespace: Option<&Namespace>) -> String {
    namespace.map(|namespace| format!(" in the namespace {namespace}")).unwrap_or_default()
}

impl KubernetesApi {
    /// # Errors
    /// Where the configuration's credentials or certificates are of no use.
    pub fn new(mut config: kube::Config) -> Result<Self, kube::Error> {
        // kube would try 15 times, up to 1,000 s apart.
        config.default_retry = false;
        // Inflating costs more than decoding protobuf, on the server's side too.
        config.disable_compression = true;
        // Here and not with each request, so that kube's own requests name us too.
        config.headers.push((header::USER_AGENT, HeaderValue::from_static(USER_AGENT)));
        Ok(Self::from_client(client(config)?))
    }

    /// An API behind a client that has no retries of its own and names itself.
    #[must_use]
    pub fn from_client(client: kube::Client) -> Self {
        Self { client, version: Arc::default() }
    }

    /// Asks the server for its version, which decides how lists are read. None where the server does not tell it to us, or not yet:
    /// everything can be read all the same.
    ///
    /// # Errors
    /// Where the server cannot be reached, refuses our credentials or answers something else.
    pub async fn discover(&self, call: &Call) -> Result<Option<Version>, ReadError> {
        let mut answer = match self.send(call, &Target::fixed("/version"), "application/json").await {
            Err(Failure::Answered { code: StatusCode::FORBIDDEN | StatusCode::NOT_FOUND, .. }) => return Ok(None),
            answer => answer.map_err(|failure| failure.into_read_error("get the version"))?,
        };
        let body = answer.collect(ERROR_BODY_MAX).await?;
        let version = Version::parse(&body).map_err(|error| ReadError::Malformed(format!("no version: {error}")))?;
        Ok(version.map(|version| *self.version.get_or_init(|| version)))
    }

    /// Whether a list is best read in one answer. False as long as the version is not known.
    #[must_use]
    pub fn streams_lists(&self) -> bool {
        self.version().is_some_and(|version| version >= STREAMS_LISTS_SINCE)
    }

    /// The server's version, where it has told it.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        self.version.get().copied()
    }

    /// The client itself, for small typed calls.
    #[must_use]
    pub fn client(&self) -> kube::Client {
        self.client.clone()
    }

    /// Reads one object, still encoded, and the warnings that came with it.
    ///
    /// # Errors
    /// `NotFound` and whatever else a read can end in.
    pub async fn get(
        &self,
        call: &Call,
        resource: Resource,
        encoding: Encoding,
        namespace: Option<&Namespace>,
        name: &ObjectName,
    ) -> Result<(Bytes, Vec<String>), ReadError> {
        let what = format!("get {}{}", resource.plural, place(namespace));
        let target = resource.object(namespace, name);
        let mut answer = match self.read(call, &target, encoding).await {
            Err(Failure::Answered { code: StatusCode::NOT_FOUND, .. }) => {
                return Err(ReadError::NotFound {
                    kind: resource.kind,
                    name: match namespace {
                        Some(namespace) => format!("{namespace}/{name}"),
                        None => name.to_string(),
                    },
                });
            }
            answer => answer.map_err(|failure| failure.into_read_error(&what))?,
        };
        let body = answer.collect(ITEM_MAX + ERROR_BODY_MAX).await?;
        let raw = encoding.only_object(&body).map_err(|error| ReadError::Malformed(error.to_string()))?;
        Ok((raw, answer.warnings().map(str::to_owned).collect()))
    }

    /// A request whose answer is protobuf.
    ///
    /// # Errors
    /// As `read`.
    pub async fn get_protobuf(&self, call: &Call, target: &Target) -> Result<Answer, Failure> {
        self.read(call, target, Encoding::Protobuf).await
    }

    /// A request for objects. The server is told the deadline too, so that it stops working with us.
    ///
    /// # Errors
    /// Where the answer is not 200, after retries, or not in the form that was asked for.
    pub async fn read(&self, call: &Call, target: &Target, encoding: Encoding) -> Result<Answer, Failure> {
        let seconds = call.deadline.saturating_duration_since(Instant::now()).as_secs().max(1);
        let target = encoding.ask(target.clone()).with("timeout", format!("{seconds}s"));
        let answer = self.send(call, &target, encoding.accept()).await?;
        if answer.header(&header::CONTENT_TYPE).starts_with(encoding.content_type()) {
            return Ok(answer);
        }
        let message = format!("the answer is not {}; is there a proxy in between?", encoding.name());
        let body = ErrorBody { message, ..ErrorBody::default() };
        Err(Failure::Answered { code: StatusCode::BAD_GATEWAY, body, retry_after: None })
    }

    /// One request, made again on 429 and 503 as the server asks, within the deadline.
    ///
    /// # Errors
    /// Where the answer is not 200 or 204.
    pub async fn send(&self, call: &Call, target: &Target, accept: &'static str) -> Result<Answer, Failure> {
        self.send_patiently(call, target, accept, ANSWER_WAIT).await
    }

    /// The same for a request whose answer may begin only after so long.
    ///
    /// # Errors
    /// As `send`.
    pub async fn send_patiently(
        &self,
        call: &Call,
        target: &Target,
        accept: &'static str,
        patience: Duration,
    ) -> Result<Answer, Failure> {
        let mut wait = FIRST_RETRY_AFTER;
        for attempt in 1.. {
            let failure = match self.send_once(call, target, accept, patience).await {
                Err(failure) if attempt < ATTEMPTS && failure.asks_to_wait() => failure,
                outcome => return outcome,
            };
            let asked = failure.retry_after().unwrap_or(wait);
            // What is asked for may be longer than a clock can tell.
            let again_at = Instant::now().checked_add(asked).filter(|again_at| *again_at < call.deadline);
            let Some(again_at) = again_at else { return Err(failure) };
            tracing::debug!(attempt, wait_ms = asked.as_millis(), "the Kubernetes API asks to wait");
            tokio::time::sleep_until(again_at).await;
            wait *= 2;
        }
        Err(Failure::Deadline)
    }

    async fn send_once(
        &self,
        call: &Call,
        target: &Target,
        accept: &'static str,
        patience: Duration,
    ) -> Result<Answer, Failure> {
        let request = Request::get(target.as_str())
            .header(header::ACCEPT, accept)
            .header("Audit-ID", call.request_id.as_str())
            .body(Body::empty())
            .map_err(|_| too_long())?;
        let until = call.deadline.min(Instant::now() + patience);
        let response = timeout_at(until, self.client.send(request)).await;
        let response = response.map_err(|_| if until == call.deadline { Failure::Deadline } else { no_answer() })?;
        let response = response.map_err(Failure::Unreachable)?;
        let (parts, body) = response.into_parts();
        let mut answer = Answer { headers: parts.headers, body, deadline: call.deadline };
        if matches!(parts.status, StatusCode::OK | StatusCode::NO_CONTENT) {
            return Ok(answer);
        }
        // An error's body helps, but must not become a wait of its own.
        let body = answer.first_bytes(ERROR_BODY_MAX).await;
        Err(Failure::Answered {
            code: parts.status,
            body: read_error_body(answer.header(&header::CONTENT_TYPE), &body),
            retry_after: answer.header(&header::RETRY_AFTER).parse().ok().map(Duration::from_secs),
        })
    }
}

fn no_answer() -> Failure {
    let message = format!("no answer came for {} s", ANSWER_WAIT.as_secs());
    Failure::Unreachable(kube::Error::Service(message.into()))
}

/// What a server would answer to a request line that the HTTP library does not even take.
fn too_long() -> Failure {
    let message = "the request line is too long".to_owned();
    let body = ErrorBody { message, ..ErrorBody::default() };
    Failure::Answered { code: StatusCode::URI_TOO_LONG, body, retry_after: None }
}

impl Failure {
    fn asks_to_wait(&self) -> bool {
        matches!(self, Self::Answered { code: StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE, .. })
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Answered { retry_after, .. } => *retry_after,
            Self::Unreachable(_) | Self::Deadline => None,
        }
    }

    /// What the failure means for a read; `what` completes the sentence "the collector may not …".
    #[must_use]
    pub fn into_read_error(self, what: &str) -> ReadError {
        match self {
            Self::Deadline => ReadError::Deadline,
            Self::Unreachable(error) => {
                ReadError::Unavailable { what: "it could not be reached".into(), source: Some(error.into()) }
            }
            Self::Answered { code, body, retry_after } => match code {
                StatusCode::BAD_REQUEST => ReadError::Refused(body.message),
                StatusCode::UNAUTHORIZED => ReadError::Unauthenticated,
                StatusCode::FORBIDDEN => ReadError::Denied(what.to_owned()),
                StatusCode::GONE => {
                    ReadError::Expired { continue_token: Some(body.continue_token).filter(|token| !token.is_empty()) }
                }
                StatusCode::TOO_MANY_REQUESTS => ReadError::Throttled { retry_after },
                // These two pass by themselves; what else is wrong with a request is so the next time, too.
                code if code.is_client_error()
                    && !matches!(code, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY) =>
                {
                    ReadError::Unexpected(format!("{code} to {what}"))
                }
                code => ReadError::Unavailable { what: format!("it answered {code} to {what}"), source: None },
            },
        }
    }
}

impl Answer {
    /// A header's text, empty where there is none.
    #[must_use]
    pub fn header(&self, name: &header::HeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The texts of the `Warning: 299` headers (RFC 7234: `299 <agent> "<text>"`), as many and as much of them as helps.
    pub fn warnings(&self) -> impl Iterator<Item = &str> {
        let values = self.headers.get_all(header::WARNING).into_iter().filter_map(|value| value.to_str().ok());
        let texts = values.filter_map(|value| value.strip_prefix("299 ")?.split_once('"')?.1.strip_suffix('"'));
        // A header's text is visible ASCII, so it can be cut anywhere.
        texts.take(WARNINGS_MAX).map(|text| &text[..text.len().min(WARNING_BYTES_MAX)])
    }

    /// The next bytes of the body; None at its end.
    ///
    /// # Errors
    /// `Interrupted` where the body breaks off or nothing comes for `stall`; `Deadline`.
    pub async fn chunk(&mut self, stall: Duration) -> Result<Option<Bytes>, ReadError> {
        let until = self.deadline.min(Instant::now() + stall);
        loop {
            match timeout_at(until, self.body.frame()).await {
                Ok(None) => return Ok(None),
                Ok(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
                Ok(Some(Err(error))) => {
                    return Err(ReadError::Interrupted {
                        what: "the connection broke".into(),
                        source: Some(error.into()),
                    });
                }
                Err(_) if until == self.deadline => return Err(ReadError::Deadline),
                Err(_) => {
                    let what = format!("nothing came for {} s", stall.as_secs());
                    return Err(ReadError::Interrupted { what, source: None });
                }
            }
        }
    }

    /// The whole body.
    async fn collect(&mut self, max: usize) -> Result<Bytes, ReadError> {
        let mut whole = Vec::new();
        while let Some(chunk) = self.chunk(STALL).await? {
            if whole.len() + chunk.len() > max {
                return Err(ReadError::TooLarge(whole.len() + chunk.len()));
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.into())
    }

    /// What there is of the body up to `max` bytes, and so far as it comes at once.
    async fn first_bytes(&mut self, max: usize) -> Bytes {
        let mut bytes = Vec::new();
        let read = async {
            while let Ok(Some(chunk)) = self.chunk(STALL).await {
                bytes.extend_from_slice(&chunk[..chunk.len().min(max - bytes.len())]);
                if bytes.len() == max {
                    break;
                }
            }
        };
        let _ = timeout(ERROR_BODY_WAIT, read).await;
        bytes.into()
    }
}

/// A healthy API server sends a list without pauses; after so long the connection is taken for dead.
pub const STALL: Duration = Duration::from_secs(15);
