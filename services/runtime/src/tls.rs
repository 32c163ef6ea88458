//! Who this process is on the network and whom it believes: certificates from files, checked as a whole, and read
//! again when the files change.
//!
//! Plain PEM files, because that is what Kubernetes Secrets, cert-manager and SPIFFE helpers all give. TLS is mutual
//! everywhere: there is no way to build an identity without a CA for the other side.

mod client;
mod files;
mod names;
mod reload;
mod server;

pub use client::ClientIdentity;
pub use server::ServerIdentity;

pub(crate) use names::{PeerCertificate, PeerCertificateError};

use std::path::PathBuf;
use std::time::Duration;

/// HTTP/2, the only protocol that gRPC speaks.
pub(crate) const ALPN_H2: &[u8] = b"h2";

/// How often the files are compared with what is in use. The kubelet itself brings a changed Secret only once a minute,
/// and three small files cost nothing to read.
const RELOAD_INTERVAL: Duration = Duration::from_secs(10);

/// Why a set of TLS files is not used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// A file is larger than any certificate bundle.
    #[error("{} is larger than {max} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The largest size that is read.
        max: u64,
    },
    /// A file is not PEM, or not of the kind that is needed.
    #[error("{} holds no usable {what}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
        /// What the parser says, unless there was simply nothing.
        source: Option<rustls_pki_types::pem::Error>,
    },
    /// The process's own certificate cannot be read as X.509 or is past its end.
    #[error("certificate in {} cannot be used", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: CertificateError,
    },
    /// A CA certificate cannot be used as a trust anchor.
    #[error("CA certificate in {} cannot be used", path.display())]
    Ca {
        /// The file.
        path: PathBuf,
        /// What rustls says.
        source: rustls::Error,
    },
    /// Certificate, key and CA do not make a TLS configuration; mostly a key that belongs to another certificate.
    #[error("certificate {} and key {} do not make an identity", cert.display(), key.display())]
    Identity {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What rustls says.
        source: rustls::Error,
    },
    /// The CA bundle does not make a verifier of clients.
    #[error("CA bundle {} cannot verify clients", path.display())]
    Verifier {
        /// The file.
        path: PathBuf,
        /// What rustls says.
        source: rustls::server::VerifierBuilderError,
    },
}

/// What is wrong with a certificate as such.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// It is no X.509 certificate.
    #[error("it is no X.509 certificate")]
    Malformed,
    /// It is past its end.
    #[error("it expired on {0}")]
    Expired(String),
}
