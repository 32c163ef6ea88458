//! The HTTP client below `kube::Client`: kube's own stack but for two things. A connection whose other end has vanished is
//! noticed, which kube leaves to chance; and failures are not logged here, since whoever asked tells of them.

use std::time::Duration;

use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use kube::{
    Config, Error,
    client::{Body, ConfigExt as _},
};
use tower::{BoxError, ServiceBuilder};

/// An API server is near; one that has not accepted by then is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection on which nothing comes is probed after so long: well before load balancers forget it, which many do after
/// some 350 s.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(20);
/// Then so often,
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// and after so many probes without an answer it is dead.
const KEEPALIVE_PROBES: u32 = 3;
/// The same for a request that nobody acknowledges: probes are not sent as long as data is on its way.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(50);
/// What a connection reads ahead, some TLS records. hyper's own 400 KiB are too much: two hundred logs may be open at one time.
const CONNECTION_BUFFER: usize = 64 << 10;

/// # Errors
/// Where the configuration's credentials or certificates are of no use.
pub fn client(config: Config) -> Result<kube::Client, Error> {
    // kube has the say on proxies.
    if config.proxy_url.is_some() {
        return kube::Client::try_from(config);
    }
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_connect_timeout(Some(config.connect_timeout.unwrap_or(CONNECT_TIMEOUT).min(CONNECT_TIMEOUT)));
    tcp.set_keepalive(Some(KEEPALIVE_AFTER));
    tcp.set_keepalive_interval(Some(KEEPALIVE_INTERVAL));
    tcp.set_keepalive_retries(Some(KEEPALIVE_PROBES));
    #[cfg(target_os = "linux")]
    tcp.set_tcp_user_timeout(Some(UNACKNOWLEDGED_MAX));
    let tls = config.rustls_https_connector_with_connector(tcp)?;
    let http: Client<_, Body> = Client::builder(TokioExecutor::new()).http1_max_buf_size(CONNECTION_BUFFER).build(tls);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(http);
    Ok(kube::Client::new(service, config.default_namespace))
}
