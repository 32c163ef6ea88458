//! A server with a service of every manner, and clients for it.
//!
//! The service is gRPC's own Health, whose request names what the handler does.

use std::collections::HashSet;
use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{Stream, StreamExt as _, stream};
use gumshoe_runtime::Shutdown;
use gumshoe_runtime::client::GrpcClient;
use gumshoe_runtime::deadline::Deadline;
use gumshoe_runtime::request_id::RequestId;
use gumshoe_runtime::server::{Limits, MAX_REQUEST_BYTES, Peer, ServeError, serve};
use gumshoe_runtime::tls::ServerIdentity;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::body::Body;
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tower::util::BoxCloneService;

use crate::pki::Pki;

/// Waits for what must happen, but not for ever.
pub(crate) async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), work).await.expect("must happen within 20 s")
}

/// What the handlers saw.
#[derive(Clone)]
pub(crate) struct Seen {
    /// Handlers and streams that were begun, less those that are gone.
    running: watch::Sender<usize>,
    /// Where calls came from: one address a connection.
    addresses: Arc<Mutex<HashSet<SocketAddr>>>,
}

impl Seen {
    fn new() -> Self {
        Self { running: watch::Sender::new(0), addresses: Arc::default() }
    }

    pub(crate) fn connections(&self) -> usize {
        self.addresses.lock().unwrap().len()
    }

    /// Waits until so many handlers run.
    pub(crate) async fn running(&self, count: usize) {
        within(self.running.subscribe().wait_for(|running| *running == count)).await.unwrap();
    }

    fn begin<T>(&self, request: &Request<T>) -> Alive {
        let peer = request.extensions().get::<Peer>().unwrap();
        self.addresses.lock().unwrap().insert(peer.address());
        self.running.send_modify(|running| *running += 1);
        Alive(self.clone())
    }
}

struct Alive(Seen);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.running.send_modify(|running| *running -= 1);
    }
}

struct Manners(Seen);

const SERVING: HealthCheckResponse = HealthCheckResponse { status: 1 };

#[tonic::async_trait]
impl Health for Manners {
    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        let _alive = self.0.begin(&request);
        match request.get_ref().service.as_str() {
            "hang" => pending().await,
            "panic" => panic!("a handler's panic"),
            "missing" => Err(Status::not_found("no such thing")),
            _ => Ok(with_context(&request)),
        }
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let alive = self.0.begin(&request);
        let first = stream::iter([Ok(SERVING)]);
        let stream: Self::WatchStream = match request.get_ref().service.as_str() {
            "panic" => first.chain(panics_later()).boxed(),
            "flood" => stream::repeat_with(|| Ok(SERVING)).boxed(),
            "ticks" => ticks().boxed(),
            _ => first.chain(stream::pending()).boxed(),
        };
        let stream = stream.map(move |item| {
            let _ = &alive;
            item
        });
        Ok(Response::new(Box::pin(stream)))
    }
}

/// Panics when it is polled for the second time: messages before it are on their way by then.
fn panics_later() -> impl Stream<Item = Result<HealthCheckResponse, Status>> {
    stream::once(async {
        tokio::task::yield_now().await;
        panic!("a stream's panic")
    })
}

/// Twenty messages over a second.
fn ticks() -> impl Stream<Item = Result<HealthCheckResponse, Status>> {
    let interval = tokio::time::interval(Duration::from_millis(50));
    stream::unfold(interval, async |mut interval| {
        interval.tick().await;
        Some((Ok(SERVING), interval))
    })
    .take(20)
}

/// What the handler was given, as metadata of the response.
fn with_context(request: &Request<HealthCheckRequest>) -> Response<HealthCheckResponse> {
    let extensions = request.extensions();
    let remaining = extensions.get::<Deadline>().unwrap().remaining();
    let mut response = Response::new(SERVING);
    let metadata = response.metadata_mut();
    metadata.insert("peer", extensions.get::<Peer>().unwrap().name().parse().unwrap());
    metadata.insert("request-id", extensions.get::<RequestId>().unwrap().as_str().parse().unwrap());
    metadata.insert("remaining-ms", remaining.as_millis().to_string().parse().unwrap());
    if request.metadata().contains_key("grpc-timeout") {
        metadata.insert("saw-grpc-timeout", "yes".parse().unwrap());
    }
    response
}

/// A server that runs.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) identity: Arc<ServerIdentity>,
    pub(crate) shutdown: Shutdown,
    pub(crate) seen: Seen,
    served: JoinHandle<Result<(), ServeError>>,
}

impl TestServer {
    pub(crate) async fn start(pki: &Pki, limits: Limits) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (identity, shutdown, seen) = (pki.server_identity(), Shutdown::new(), Seen::new());
        let routes = Routes::new(HealthServer::new(Manners(seen.clone())).max_decoding_message_size(MAX_REQUEST_BYTES));
        let methods = ["Check", "Watch"].map(|method| format!("grpc.health.v1.Health/{method}"));
        let served = tokio::spawn(serve(listener, identity.clone(), routes, methods, limits, shutdown.clone()));
        Self { address, identity, shutdown, seen, served }
    }

    /// The client of this crate.
    pub(crate) fn client(&self, pki: &Pki) -> HealthClient<GrpcClient> {
        let origin = format!("https://{}", self.address).parse().unwrap();
        HealthClient::new(GrpcClient::new(origin, pki.client_identity()).unwrap())
    }

    /// TLS with a configuration of one's own.
    pub(crate) async fn connect(&self, tls: ClientConfig) -> std::io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from("localhost").unwrap();
        let tcp = TcpStream::connect(self.address).await?;
        TlsConnector::from(Arc::new(tls)).connect(name, tcp).await
    }

    /// A client that keeps no deadline of its own and reconnects never: what it gets is what the server sent.
    pub(crate) async fn bare_client(&self, pki: &Pki) -> HealthClient<BareClient> {
        let pair = pki.client(|_| {});
        let tls = self.connect(pki.tls(&rustls::version::TLS13, Some(&pair))).await.unwrap();
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(tls)).await.unwrap();
        tokio::spawn(connection);
        let service = tower::service_fn(move |request| sender.clone().send_request(request));
        let origin = format!("https://{}", self.address).parse().unwrap();
        HealthClient::with_origin(BoxCloneService::new(service), origin)
    }

    /// Waits for the end of the server.
    pub(crate) async fn ended(self) {
        within(self.served).await.unwrap().unwrap();
    }

    /// Shuts the server down and waits for its end.
    pub(crate) async fn stop(self) {
        self.shutdown.begin();
        self.ended().await;
    }
}

pub(crate) type BareClient = BoxCloneService<http::Request<Body>, http::Response<hyper::body::Incoming>, hyper::Error>;

/// A request for a manner.
pub(crate) fn ask(manner: &str) -> Request<HealthCheckRequest> {
    Request::new(HealthCheckRequest { service: manner.to_owned() })
}
