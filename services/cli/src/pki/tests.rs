use std::{os::unix::fs::PermissionsExt as _, sync::Arc};

use rustls::{
    ClientConfig, ClientConnection, ConfigBuilder, ConfigSide, RootCertStore, ServerConfig, ServerConnection,
    WantsVerifier, server::WebPkiClientVerifier, version::TLS13,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _};
use tempfile::TempDir;

use super::*;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

struct Set {
    ca: String,
    collector: Leaf,
    client: Leaf,
}

fn mk_set(now: SystemTime) -> Set {
    let authority = Authority::new(now, DAY).unwrap();
    let names = ["localhost", "127.0.0.1", "collector.gumshoe.svc"].map(str::to_owned);
    Set {
        ca: authority.certificate(),
        collector: authority.server("collector", &names).unwrap(),
        client: authority.client("client", "spiffe://gumshoe.dev/client").unwrap(),
    }
}

fn identity(leaf: &Leaf) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let certificate = CertificateDer::from_pem_slice(leaf.certificate.as_bytes()).unwrap();
    (vec![certificate], PrivateKeyDer::from_pem_slice(leaf.key.as_bytes()).unwrap())
}

fn roots(ca: &str) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
    roots
}

fn tls13<S: ConfigSide>(
    builder: impl FnOnce(Arc<rustls::crypto::CryptoProvider>) -> ConfigBuilder<S, rustls::WantsVersions>,
) -> ConfigBuilder<S, WantsVerifier> {
    builder(Arc::new(rustls::crypto::aws_lc_rs::default_provider())).with_protocol_versions(&[&TLS13]).unwrap()
}

/// A whole handshake in memory, with the server as the collector has it.
fn handshake(
    server: &Leaf,
    client: &Leaf,
    ca_of_server: &str,
    ca_of_client: &str,
    host: &str,
) -> Result<(), rustls::Error> {
    gumshoe_runtime::process::install_crypto_provider();
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots(ca_of_client))).build().unwrap();
    let (chain, key) = identity(server);
    let server =
        tls13(ServerConfig::builder_with_provider).with_client_cert_verifier(verifier).with_single_cert(chain, key)?;
    let (chain, key) = identity(client);
    let client = tls13(ClientConfig::builder_with_provider)
        .with_root_certificates(roots(ca_of_server))
        .with_client_auth_cert(chain, key)?;
    let mut server = ServerConnection::new(Arc::new(server))?;
    let mut client = ClientConnection::new(Arc::new(client), ServerName::try_from(host.to_owned()).unwrap())?;
    while server.is_handshaking() || client.is_handshaking() {
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        server.read_tls(&mut bytes.as_slice()).unwrap();
        server.process_new_packets()?;
        let mut bytes = Vec::new();
        server.write_tls(&mut bytes).unwrap();
        client.read_tls(&mut bytes.as_slice()).unwrap();
        client.process_new_packets()?;
    }
    Ok(())
}

#[test]
fn both_sides_accept_each_other_under_every_name() {
    let Set { ca, collector, client } = mk_set(SystemTime::now());
    for host in ["localhost", "127.0.0.1", "collector.gumshoe.svc"] {
        handshake(&collector, &client, &ca, &ca, host).unwrap();
    }
    assert!(handshake(&collector, &client, &ca, &ca, "elsewhere").is_err());
}

#[test]
fn another_set_is_refused_by_either_side() {
    let Set { ca, collector, client } = mk_set(SystemTime::now());
    let other = mk_set(SystemTime::now());
    assert!(handshake(&collector, &other.client, &ca, &ca, "localhost").is_err());
    assert!(handshake(&other.collector, &client, &ca, &ca, "localhost").is_err());
}

#[test]
fn a_client_is_no_server_and_a_server_no_client() {
    let Set { ca, collector, client } = mk_set(SystemTime::now());
    assert!(handshake(&client, &client, &ca, &ca, "localhost").is_err());
    assert!(handshake(&collector, &collector, &ca, &ca, "localhost").is_err());
}

#[test]
fn a_set_expires() {
    let Set { ca, collector, client } = mk_set(SystemTime::now() - 2 * DAY);
    assert!(handshake(&collector, &client, &ca, &ca, "localhost").is_err());
}

#[test]
fn keys_are_for_their_owner_alone() {
    let directory = TempDir::new().unwrap();
    write(directory.path(), &mk_set(SystemTime::now()).client.files(), false).unwrap();
    let mode = |name: &str| directory.path().join(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("client.key"), mode("client.crt")), (0o600, 0o644));
}

#[test]
fn nothing_is_overwritten_unless_forced() {
    let directory = TempDir::new().unwrap();
    let key = directory.path().join("client.key");
    fs::write(&key, "precious").unwrap();
    let files = mk_set(SystemTime::now()).client.files();
    let error = write(directory.path(), &files, false).unwrap_err();
    assert!(matches!(&error, Error::Exists(names) if names.ends_with("client.key")), "{error}");
    assert_eq!(fs::read_to_string(&key).unwrap(), "precious");
    assert!(!directory.path().join("client.crt").exists());

    write(directory.path(), &files, true).unwrap();
    assert!(fs::read_to_string(&key).unwrap().contains("PRIVATE KEY"));
    assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(directory.path().read_dir().unwrap().count(), 2);
}
