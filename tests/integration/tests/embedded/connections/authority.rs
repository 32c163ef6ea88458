//! A CA of the test's own, which signs what `gumshoe pki` never would.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// When a certificate is valid.
#[derive(Debug, Clone, Copy)]
pub(super) enum Validity {
    Past,
    Now,
    Future,
}

/// A certificate with its key.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) certificate: CertificateDer<'static>,
    pub(super) key: PrivateKeyDer<'static>,
    certificate_pem: String,
    key_pem: String,
}

impl Clone for Identity {
    fn clone(&self) -> Self {
        Self {
            certificate: self.certificate.clone(),
            key: self.key.clone_key(),
            certificate_pem: self.certificate_pem.clone(),
            key_pem: self.key_pem.clone(),
        }
    }
}

pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
}

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let certificate = params.self_signed(&key).unwrap();
        Self { issuer: Issuer::new(params, key), certificate: certificate.der().clone(), pem: certificate.pem() }
    }

    pub(super) fn certificate(&self) -> CertificateDer<'static> {
        self.certificate.clone()
    }

    pub(super) fn client(&self, validity: Validity) -> Identity {
        self.sign("client", ExtendedKeyUsagePurpose::ClientAuth, validity)
    }

    pub(super) fn server(&self) -> Identity {
        self.sign("127.0.0.1", ExtendedKeyUsagePurpose::ServerAuth, Validity::Now)
    }

    /// The files of a collector, named as `gumshoe pki` names them.
    pub(super) fn write_server(&self, directory: &Path) {
        let server = self.server();
        fs::write(directory.join("ca.crt"), &self.pem).unwrap();
        fs::write(directory.join("collector.crt"), server.certificate_pem).unwrap();
        fs::write(directory.join("collector.key"), server.key_pem).unwrap();
    }

    fn sign(&self, name: &str, purpose: ExtendedKeyUsagePurpose, validity: Validity) -> Identity {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![purpose];
        let (day, now) = (Duration::from_secs(24 * 60 * 60), SystemTime::now());
        let (begin, end) = match validity {
            Validity::Past => (now - 2 * day, now - day),
            Validity::Now => (now - day, now + day),
            Validity::Future => (now + day, now + 2 * day),
        };
        (params.not_before, params.not_after) = (begin.into(), end.into());
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity {
            certificate: certificate.der().clone(),
            key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
        }
    }
}
