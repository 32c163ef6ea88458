//! Certificates made on the spot.

use std::path::PathBuf;
use std::sync::Arc;

use gumshoe_runtime::args::{ClientTlsArgs, ServerTlsArgs};
use gumshoe_runtime::tls::{ClientIdentity, ServerIdentity};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, SanType};
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;

pub(crate) const SPIFFE: &str = "spiffe://example.org/bridge";

/// A CA with the files of a server and of a client.
pub(crate) struct Pki {
    ca: CertifiedIssuer<'static, KeyPair>,
    files: TempDir,
}

/// A certificate and its key, as PEM.
pub(crate) struct Pair {
    pub(crate) cert: String,
    pub(crate) key: String,
}

impl Pki {
    /// A CA whose server is `localhost` and `127.0.0.1` and whose client is `SPIFFE`.
    pub(crate) fn new() -> Self {
        gumshoe_runtime::process::install_crypto_provider();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let pki = Self { ca, files: TempDir::new().unwrap() };
        pki.write_ca(&pki.ca_pem());
        pki.write("server", &pki.server());
        pki.write("client", &pki.client(|_| {}));
        pki
    }

    pub(crate) fn ca_pem(&self) -> String {
        self.ca.pem()
    }

    pub(crate) fn server(&self) -> Pair {
        self.sign(&CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap())
    }

    /// A client's certificate, changed as the test wants it.
    pub(crate) fn client(&self, change: impl FnOnce(&mut CertificateParams)) -> Pair {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::URI(SPIFFE.try_into().unwrap())];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        self.sign(&params)
    }

    fn sign(&self, params: &CertificateParams) -> Pair {
        let key = KeyPair::generate().unwrap();
        let cert = params.signed_by(&key, &self.ca).unwrap();
        Pair { cert: cert.pem(), key: key.serialize_pem() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, pair: &Pair) {
        std::fs::write(self.path(&format!("{name}.crt")), &pair.cert).unwrap();
        std::fs::write(self.path(&format!("{name}.key")), &pair.key).unwrap();
    }

    pub(crate) fn write_ca(&self, pem: &str) {
        std::fs::write(self.path("ca.crt"), pem).unwrap();
    }

    pub(crate) fn server_args(&self) -> ServerTlsArgs {
        ServerTlsArgs {
            tls_cert: self.path("server.crt"),
            tls_key: self.path("server.key"),
            tls_client_ca: self.path("ca.crt"),
        }
    }

    pub(crate) fn client_args(&self) -> ClientTlsArgs {
        ClientTlsArgs {
            tls_cert: self.path("client.crt"),
            tls_key: self.path("client.key"),
            tls_ca: self.path("ca.crt"),
        }
    }

    pub(crate) fn server_identity(&self) -> Arc<ServerIdentity> {
        ServerIdentity::load(&self.server_args()).unwrap()
    }

    pub(crate) fn client_identity(&self) -> Arc<ClientIdentity> {
        ClientIdentity::load(&self.client_args()).unwrap()
    }

    /// A client's TLS as a test wants it, wrong ones too.
    pub(crate) fn tls(&self, version: &'static SupportedProtocolVersion, pair: Option<&Pair>) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.ca.der().clone()).unwrap();
        let builder = ClientConfig::builder_with_protocol_versions(&[version]).with_root_certificates(roots);
        let mut config = match pair {
            None => builder.with_no_client_auth(),
            Some(Pair { cert, key }) => {
                let chain = vec![CertificateDer::from_pem_slice(cert.as_bytes()).unwrap()];
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        config
    }

    /// The TLS of a server that lets everybody in.
    pub(crate) fn lax_server(&self) -> ServerConfig {
        let Pair { cert, key } = self.server();
        let chain = vec![CertificateDer::from_pem_slice(cert.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let mut config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        config
    }
}
