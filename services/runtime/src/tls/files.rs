//! The three files of an identity: read, bounded, parsed.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustls::RootCertStore;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::names::Validity;
use super::{CertificateError, TlsError};

/// Holds the CA bundle of every public authority twice over; a path that points at something else (a device, a log) is
/// not read into memory.
const MAX_FILE: u64 = 1024 * 1024;

/// Where the files are.
#[derive(Clone, Debug)]
pub(super) struct Paths {
    pub(super) cert: PathBuf,
    pub(super) key: PathBuf,
    pub(super) ca: PathBuf,
}

/// What the files hold, byte for byte: the comparison by which a change is noticed, whatever happened to links and times.
#[derive(PartialEq, Eq)]
pub(super) struct Contents {
    cert: Vec<u8>,
    key: Vec<u8>,
    ca: Vec<u8>,
}

/// The parsed files.
pub(super) struct Material {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
    pub(super) roots: RootCertStore,
    pub(super) not_after: SystemTime,
}

impl Paths {
    pub(super) fn read(&self) -> Result<Contents, TlsError> {
        Ok(Contents { cert: read(&self.cert)?, key: read(&self.key)?, ca: read(&self.ca)? })
    }
}

impl Contents {
    /// Parses all three and refuses what cannot work: an empty bundle, a certificate that is past its end.
    pub(super) fn parse(&self, paths: &Paths) -> Result<Material, TlsError> {
        let chain = certificates(&self.cert, &paths.cert)?;
        let certificate = |source| TlsError::Certificate { path: paths.cert.clone(), source };
        let not_after = chain.first().map_or(Err(CertificateError::Malformed), own_end).map_err(certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|source| TlsError::Pem {
            path: paths.key.clone(),
            what: "private key",
            source: Some(source),
        })?;
        Ok(Material { chain, key, roots: roots(&self.ca, &paths.ca)?, not_after })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let failed = |source| TlsError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(failed)?.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(TlsError::TooLarge { path: path.to_owned(), max: MAX_FILE });
    }
    Ok(bytes)
}

fn certificates(pem: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let refused = |source| TlsError::Pem { path: path.to_owned(), what: "certificate", source };
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|e| refused(Some(e)))?;
    if found.is_empty() { Err(refused(None)) } else { Ok(found) }
}

fn roots(pem: &[u8], path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for ca in certificates(pem, path)? {
        roots.add(ca).map_err(|source| TlsError::Ca { path: path.to_owned(), source })?;
    }
    Ok(roots)
}

/// The end of our own certificate. One that begins in the future is taken: clocks differ by seconds, and a fresh
/// certificate begins now.
fn own_end(certificate: &CertificateDer<'_>) -> Result<SystemTime, CertificateError> {
    let validity = Validity::of(certificate)?;
    if validity.not_after <= SystemTime::now() {
        return Err(CertificateError::Expired(validity.end_text));
    }
    Ok(validity.not_after)
}
