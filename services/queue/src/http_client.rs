//! The HTTP client under every client of the SDK, those that fetch credentials included: a web identity token must not go out in plain
//! text either, whatever AWS_ENDPOINT_URL_STS or a profile says.

use std::net::IpAddr;

use aws_smithy_http_client::{
    Builder, ConnectorBuilder,
    proxy::ProxyConfig,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    connector_metadata::ConnectorMetadata,
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
    },
    orchestrator::HttpRequest,
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use http::{Uri, uri::Scheme};

use crate::{PlaintextEndpoint, url::is_private};

/// Where AWS itself serves credentials in plain text, on the machine's own link: instance metadata, ECS, EKS Pod Identity.
const CREDENTIAL_SERVERS: [&str; 5] =
    ["169.254.169.254", "169.254.170.2", "169.254.170.23", "fd00:ec2::254", "fd00:ec2::23"];

/// A client like the SDK's own, that refuses plain text over a network.
pub(crate) fn https_client() -> SharedHttpClient {
    guarded(ProxyConfig::from_env())
}

/// A proxy is for what is encrypted only: to it, even what is for the machine itself would go over the network.
fn guarded(proxy: ProxyConfig) -> SharedHttpClient {
    SharedHttpClient::new(Guarded { encrypted: inner(proxy), plain: inner(ProxyConfig::disabled()) })
}

fn inner(proxy: ProxyConfig) -> SharedHttpClient {
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = ConnectorBuilder::default().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
        connector.set_connector_settings(settings.cloned());
        if let Some(components) = components {
            connector.set_sleep_impl(components.sleep_impl());
        }
        connector.set_proxy_config(Some(proxy.clone()));
        connector.build()
    })
}

/// Guards every request of what it holds.
#[derive(Debug)]
struct Guarded<T> {
    encrypted: T,
    /// For what does not leave the machine and its own link.
    plain: T,
}

impl HttpClient for Guarded<SharedHttpClient> {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Guarded {
            encrypted: self.encrypted.http_connector(settings, components),
            plain: self.plain.http_connector(settings, components),
        })
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.encrypted.connector_metadata()
    }
}

impl HttpConnector for Guarded<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let uri: Uri = match request.uri().parse() {
            Ok(uri) => uri,
            Err(error) => return HttpConnectorFuture::ready(Err(ConnectorError::user(Box::new(error)))),
        };
        if uri.scheme() == Some(&Scheme::HTTPS) {
            self.encrypted.call(request)
        } else if is_private(&uri) || is_credential_server(&uri) {
            self.plain.call(request)
        } else {
            HttpConnectorFuture::ready(Err(ConnectorError::user(PlaintextEndpoint(uri).into())))
        }
    }
}

fn is_credential_server(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let address = host.parse::<IpAddr>();
    address.is_ok_and(|address| CREDENTIAL_SERVERS.iter().any(|server| server.parse() == Ok(address)))
}

#[cfg(test)]
mod tests {
    use std::{error::Error as _, time::Duration};

    use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
    use tokio::{io::AsyncReadExt as _, net::TcpListener, time::timeout};

    use super::*;

    #[tokio::test]
    async fn no_request_of_any_client_goes_out_in_plain_text() {
        let inner = SharedHttpConnector::new(ConnectorBuilder::default().build_http());
        let guarded = Guarded { encrypted: inner.clone(), plain: inner };
        for endpoint in ["http://192.0.2.2:18090/", "http://sts.amazonaws.com/", "http://169.254.169.254.example.com/"]
        {
            let error = guarded.call(HttpRequest::get(endpoint).expect(endpoint)).await.expect_err(endpoint);
            assert!(error.source().is_some_and(<dyn std::error::Error>::is::<PlaintextEndpoint>), "{error:?}");
        }
    }

    #[tokio::test]
    async fn what_is_for_the_machine_itself_does_not_go_to_a_proxy() {
        let Asked::Machine = asked("http").await else { panic!("the proxy was asked") };
    }

    #[tokio::test]
    async fn what_is_encrypted_goes_by_the_proxy() {
        let Asked::Proxy(request) = asked("https").await else { panic!("the proxy was not asked") };
        assert!(request.starts_with("CONNECT 127.0.0.1:"), "{request}");
    }

    /// Who was asked; the proxy with how the request begins.
    enum Asked {
        Machine,
        Proxy(String),
    }

    /// Calls this machine, in an environment with a proxy.
    async fn asked(scheme: &str) -> Asked {
        let listen = || TcpListener::bind(("127.0.0.1", 0));
        let (machine, proxy) = (listen().await.expect("a port"), listen().await.expect("a port"));
        let address = |listener: &TcpListener| listener.local_addr().expect("bound");
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
            .http_client(guarded(ProxyConfig::all(format!("http://{}", address(&proxy))).expect("a proxy")))
            .endpoint_url(format!("{scheme}://{}", address(&machine)))
            .build();
        let asked = async {
            tokio::select! {
                _ = aws_sdk_sqs::Client::from_conf(config).list_queues().send() => panic!("nobody answered"),
                _ = machine.accept() => Asked::Machine,
                request = beginning(&proxy) => Asked::Proxy(request),
            }
        };
        timeout(Duration::from_secs(10), asked).await.expect("a connection")
    }

    async fn beginning(listener: &TcpListener) -> String {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut bytes = [0; 32];
        stream.read_exact(&mut bytes).await.expect("a request");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[test]
    fn credentials_come_from_the_machines_own_link() {
        for server in
            ["http://169.254.169.254/latest", "http://169.254.170.23/v1/credentials", "http://[fd00:ec2::23]/"]
        {
            assert!(is_credential_server(&server.parse().expect(server)), "{server}");
        }
        for other in ["http://169.254.1.1/", "http://169.254.169.254.example.com/", "http://[fd00:ec2::24]/"] {
            assert!(!is_credential_server(&other.parse().expect(other)), "{other}");
        }
    }
}
