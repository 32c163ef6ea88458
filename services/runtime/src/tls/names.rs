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

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};

    use super::*;

    fn mk_certificate(sans: Vec<SanType>, common_name: Option<&str>) -> CertificateDer<'static> {
        let mut params = CertificateParams::default();
        params.subject_alt_names = sans;
        params.distinguished_name = DistinguishedName::new();
        if let Some(name) = common_name {
            params.distinguished_name.push(DnType::CommonName, name);
        }
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
    }

    fn uri(text: &str) -> SanType {
        SanType::URI(text.try_into().unwrap())
    }

    fn dns(text: &str) -> SanType {
        SanType::DnsName(text.try_into().unwrap())
    }

    fn name_of(sans: Vec<SanType>, common_name: Option<&str>) -> Result<String, PeerCertificateError> {
        PeerCertificate::of(&mk_certificate(sans, common_name)).map(|peer| peer.name)
    }

    #[test]
    fn a_spiffe_id_comes_before_a_dns_name_and_that_before_the_subject() {
        let spiffe = "spiffe://example.org/ns/shop/sa/bridge";
        assert_eq!(name_of(vec![dns("bridge.shop"), uri(spiffe)], Some("bridge")).as_deref(), Ok(spiffe));
        assert_eq!(name_of(vec![dns("bridge.shop"), dns("b")], Some("bridge")).as_deref(), Ok("bridge.shop"));
        assert_eq!(name_of(vec![], Some("bridge")).as_deref(), Ok("CN=bridge"));
    }

    #[test]
    fn two_uris_and_no_name_at_all_tell_nobody() {
        let two = vec![uri("spiffe://example.org/a"), uri("spiffe://example.org/b"), dns("b")];
        assert_eq!(name_of(two, Some("bridge")), Err(PeerCertificateError::Ambiguous));
        assert_eq!(name_of(vec![], None), Err(PeerCertificateError::Nameless));
    }

    #[test]
    fn what_is_no_certificate_is_malformed() {
        let junk = CertificateDer::from(vec![0x30, 0x03, 0x02, 0x01, 0x00]);
        assert_eq!(PeerCertificate::of(&junk), Err(PeerCertificateError::Malformed));
    }

    #[test]
    fn the_end_is_the_certificates() {
        let mut params = CertificateParams::default();
        params.not_after = rcgen::date_time_ymd(2030, 1, 1);
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone();
        let since = Validity::of(&certificate).unwrap().not_after.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(since.as_secs(), 1_893_456_000);
    }
}
