//! Who is let into the shipped collector: a client with a certificate of its CA, over TLS 1.3, and nobody else.

mod authority;
mod dial;

use gumshoe_devstack::processes::Certificates;
use gumshoe_devstack::processes::{Binaries, CollectorOptions};
use gumshoe_devstack::replay::Replay;
use rustls::version::{TLS12, TLS13};
use serde_json::Value;

use self::authority::{Authority, Validity};
use self::dial::{Dial, Outcome};
use crate::support::mk_shop;

#[tokio::test]
async fn only_a_client_with_a_valid_certificate_of_the_ca_is_let_in() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new("the CA");
    let stranger = Authority::new("another CA");
    authority.write_server(directory.path());
    let replay = Replay::of(mk_shop(1)).start().await.unwrap();
    let kubeconfig = replay.write_kubeconfig(directory.path()).unwrap();
    let options = CollectorOptions::new(kubeconfig, Certificates::at(directory.path()));
    let mut collector = options.start(&Binaries::built().unwrap()).unwrap();
    let address = collector.address("grpc").await.unwrap();
    collector.ready().await.unwrap();

    let good = Dial { address, ca: authority.certificate(), client: None, versions: vec![&TLS13], alpn: "h2" };
    let with = |client| Dial { client: Some(client), ..good.clone() };
    let valid = || authority.client(Validity::Now);
    let served = with(valid()).outcome().await;
    assert_eq!(served, Outcome::Served, "or nothing below says anything");

    // The client sees no more than a closed connection; the reason is in the log.
    for (who, dial, why) in [
        ("no certificate", good.clone(), "no certificates"),
        ("a certificate of another CA", with(stranger.client(Validity::Now)), "UnknownIssuer"),
        ("an expired certificate", with(authority.client(Validity::Past)), "expired"),
        ("a certificate that is not valid yet", with(authority.client(Validity::Future)), "not valid yet"),
        ("the certificate of a server", with(authority.server()), "usage"),
        ("TLS 1.2", Dial { versions: vec![&TLS12], ..with(valid()) }, "incompatible"),
        ("another protocol", Dial { alpn: "http/1.1", ..with(valid()) }, "protocol"),
    ] {
        assert_eq!(dial.outcome().await, Outcome::Refused, "{who}");
        let says = |line: &Value| line["error"].as_str().is_some_and(|error| error.contains(why));
        collector.logged(&format!("the log has {why:?} for {who}"), says).await.unwrap();
    }
    assert_eq!(dial::plaintext(address).await, Outcome::Refused, "plaintext");
    assert_eq!(with(valid()).outcome().await, Outcome::Served, "afterwards as before");
    let (_, metrics) = collector.admin("/metrics").await.unwrap();
    assert!(metrics.contains("refused"), "refused connections are counted:\n{metrics}");
    assert!(collector.stop().await.unwrap().success());
}
