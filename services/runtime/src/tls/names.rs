//! What a certificate says about its holder. The chain was verified by rustls before anything here is believed.

use std::time::{Duration, SystemTime};

use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;

use super::CertificateError;

/// The end of a certificate's validity.
pub(super) struct Validity {
    pub(super) not_after: SystemTime,
    pub(super) end_text: String,
}

impl Validity {
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Result<Self, CertificateError> {
        let parsed = parse(certificate)?;
        let end_text = parsed.validity().not_after.to_string();
        Ok(Self { not_after: not_after(&parsed), end_text })
    }
}

/// What the server keeps of the certificate of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PeerCertificate {
    pub(crate) name: String,
    pub(crate) not_after: SystemTime,
}

/// Why a verified certificate does not tell who its holder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PeerCertificateError {
    #[error("client certificate cannot be parsed")]
    Malformed,
    /// The SPIFFE standard (X.509-SVID, section 2) has validators reject it, for the holder could be either.
    #[error("client certificate has more than one URI SAN")]
    Ambiguous,
    #[error("client certificate names nobody: no URI SAN, no DNS SAN, no subject")]
    Nameless,
}

impl PeerCertificate {
    /// The holder's name: the URI SAN (a SPIFFE id), else the first DNS SAN, else the subject.
    pub(crate) fn of(certificate: &CertificateDer<'_>) -> Result<Self, PeerCertificateError> {
        let parsed = parse(certificate).map_err(|_| PeerCertificateError::Malformed)?;
        Ok(Self { name: name(&parsed)?, not_after: not_after(&parsed) })
    }
}

fn parse<'a>(certificate: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, CertificateError> {
    let parsed = X509Certificate::from_der(certificate).map_err(|_| CertificateError::Malformed)?;
    Ok(parsed.1)
}

fn name(certificate: &X509Certificate<'_>) -> Result<String, PeerCertificateError> {
    let extension = certificate.subject_alternative_name().map_err(|_| PeerCertificateError::Malformed)?;
    let names = extension.map_or(&[][..], |extension| &extension.value.general_names);
    let mut uris = names.iter().filter_map(|name| if let GeneralName::URI(uri) = name { Some(*uri) } else { None });
    match (uris.next(), uris.next()) {
        (Some(_), Some(_)) => return Err(PeerCertificateError::Ambiguous),
        (Some(uri), None) => return Ok(uri.to_owned()),
        (None, _) => {}
    }
    let dns = names.iter().find_map(|name| if let GeneralName::DNSName(dns) = name { Some(*dns) } else { None });
    let subject = || Some(certificate.subject().to_string()).filter(|subject| !subject.is_empty());
    dns.map(str::to_owned).or_else(subject).ok_or(PeerCertificateError::Nameless)
}

fn not_after(certificate: &X509Certificate<'_>) -> SystemTime {
    let seconds = certificate.validity().not_after.timestamp();
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}
