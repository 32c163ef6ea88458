//! Certificates that change while calls run.

use std::sync::Arc;
use std::time::Duration;

use gumshoe_runtime::server::Limits;
use gumshoe_runtime::tls::{ClientIdentity, ServerIdentity, TlsError};
use rustls::version::TLS13;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tonic::Code;

use crate::bench::{TestServer, ask, within};
use crate::pki::{Pair, Pki};

const OFTEN: Duration = Duration::from_millis(10);

fn watch_server(identity: &Arc<ServerIdentity>) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(identity.clone().watch_every(OFTEN, CancellationToken::new())))
}

/// The certificate that the server shows now.
async fn shown(server: &TestServer, pki: &Pki) -> CertificateDer<'static> {
    let client = pki.client(|_| {});
    let tls = server.connect(pki.tls(&TLS13, Some(&client))).await.unwrap();
    tls.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

async fn shows(server: &TestServer, pki: &Pki, pair: &Pair) {
    let expected = CertificateDer::from_pem_slice(pair.cert.as_bytes()).unwrap();
    within(async {
        while shown(server, pki).await != expected {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_new_certificate_comes_into_use_and_no_call_is_lost() {
    let pki = Pki::new();
    let server = TestServer::start(&pki, Limits::default()).await;
    let _watch = watch_server(&server.identity);
    let mut client = server.client(&pki);
    let mut stream = client.watch(ask("ticks")).await.unwrap().into_inner();
    let pair = pki.server();
    pki.write("server", &pair);
    shows(&server, &pki, &pair).await;
    while within(stream.message()).await.unwrap().is_some() {
        client.check(ask("")).await.unwrap();
    }
    server.client(&pki).check(ask("")).await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn a_wrong_certificate_keeps_the_old_one_until_it_is_mended() {
    let pki = Pki::new();
    let server = TestServer::start(&pki, Limits::default()).await;
    let _watch = watch_server(&server.identity);
    let before = shown(&server, &pki).await;
    let failures = || metric("gumshoe_tls_reload_failures_total");
    let mut seen = failures();
    let pair = pki.server();
    let wrong = [
        Pair { cert: "no certificate".to_owned(), key: pair.key.clone() },
        Pair { cert: pair.cert.clone(), key: "no key".to_owned() },
        // A certificate with the key of another: in the middle of a rotation, one file is there before the other.
        Pair { cert: pair.cert.clone(), key: pki.server().key },
    ];
    for wrong in &wrong {
        pki.write("server", wrong);
        within(async {
            while failures() == seen {
                tokio::task::yield_now().await;
            }
        })
        .await;
        seen = failures();
        assert_eq!(shown(&server, &pki).await, before);
    }
    pki.write("server", &pair);
    shows(&server, &pki, &pair).await;
    server.stop().await;
}

/// The value of a metric without labels.
fn metric(name: &str) -> u64 {
    let handle = gumshoe_runtime::admin::AdminHandle::new(gumshoe_runtime::Shutdown::new());
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &handle.registry()).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().parse().unwrap()
}

#[tokio::test]
async fn a_new_ca_locks_out_the_clients_of_the_old_one() {
    let (pki, new) = (Pki::new(), Pki::new());
    let server = TestServer::start(&pki, Limits::default()).await;
    let _watch = watch_server(&server.identity);
    server.client(&pki).check(ask("")).await.unwrap();
    pki.write_ca(&new.ca_pem());
    // A client that dials anew each time, with the old identity of `pki`.
    let old = Pki::client_identity;
    let identity_before = {
        pki.write_ca(&pki.ca_pem());
        let identity = old(&pki);
        pki.write_ca(&new.ca_pem());
        identity
    };
    let origin: http::Uri = format!("https://{}", server.address).parse().unwrap();
    let status = within(async {
        loop {
            let client = gumshoe_runtime::client::GrpcClient::new(origin.clone(), identity_before.clone()).unwrap();
            let mut client = tonic_health::pb::health_client::HealthClient::new(client);
            if let Err(status) = client.check(ask("")).await {
                break status;
            }
        }
    })
    .await;
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    server.stop().await;
}

#[tokio::test]
async fn a_client_dials_with_its_new_certificate() {
    let pki = Pki::new();
    let limits = Limits { connection_age: Duration::from_millis(50), ..Limits::default() };
    let server = TestServer::start(&pki, limits).await;
    let identity = pki.client_identity();
    let _watch = AbortOnDropHandle::new(tokio::spawn(identity.clone().watch_every(OFTEN, CancellationToken::new())));
    let origin = format!("https://{}", server.address).parse().unwrap();
    let client = gumshoe_runtime::client::GrpcClient::new(origin, identity).unwrap();
    let mut client = tonic_health::pb::health_client::HealthClient::new(client);
    let renamed = rcgen::SanType::URI("spiffe://example.org/renamed".try_into().unwrap());
    pki.write("client", &pki.client(|params| params.subject_alt_names = vec![renamed]));
    within(async {
        loop {
            let response = client.check(ask("")).await.unwrap();
            if response.metadata().get("peer").unwrap() == "spiffe://example.org/renamed" {
                break;
            }
        }
    })
    .await;
    server.stop().await;
}

#[test]
fn files_that_cannot_work_are_refused_at_the_start() {
    let pki = Pki::new();
    let good = pki.server();
    let expired = |params: &mut rcgen::CertificateParams| params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let load = |pair: &Pair, ca: &str| {
        pki.write("server", pair);
        pki.write_ca(ca);
        ServerIdentity::load(&pki.server_args()).map(|_| ())
    };
    let ca = pki.ca_pem();
    assert!(load(&good, &ca).is_ok());
    assert!(matches!(load(&good, ""), Err(TlsError::Pem { what: "certificate", .. })));
    let other_key = Pair { cert: good.cert.clone(), key: pki.server().key };
    assert!(matches!(load(&other_key, &ca), Err(TlsError::Identity { .. })));
    assert!(matches!(load(&pki.client(expired), &ca), Err(TlsError::Certificate { .. })));
    let mut args = pki.client_args();
    args.tls_key = pki.path("absent");
    assert!(matches!(ClientIdentity::load(&args), Err(TlsError::Read { .. })));
}
