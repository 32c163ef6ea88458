//! A certificate authority that exists for one call: it signs a few certificates and is forgotten.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType, date_time_ymd,
};
use tempfile::NamedTempFile;
use ulid::Ulid;

use crate::error::Error;

/// The certificates begin so long ago, for the clocks of machines differ.
const BACKDATED: Duration = Duration::from_secs(5 * 60);

/// Certificates are public. Keys stay as temporary files are made: for the owner alone, from their first byte on.
const CERTIFICATE_MODE: u32 = 0o644;

/// A CA with its key in memory.
pub(crate) struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
    not_before: SystemTime,
    not_after: SystemTime,
}

/// A certificate that the CA signed, with its key.
pub(crate) struct Leaf {
    name: String,
    certificate: String,
    key: String,
}

/// A file to be written.
pub(crate) struct File {
    name: String,
    contents: String,
    secret: bool,
}

impl Authority {
    /// A CA whose certificates are valid from now on.
    pub(crate) fn new(now: SystemTime, lifetime: Duration) -> Result<Self, Error> {
        let (not_before, not_after) = (now - BACKDATED, now + lifetime);
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        // A name of its own: of two CAs of one name, TLS takes the wrong one for the right one with a wrong signature.
        let name = format!("Gumshoe development CA {}", Ulid::generate());
        let mut params = params(&name, not_before, not_after);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key)?;
        Ok(Self { certificate, issuer: Issuer::new(params, key), not_before, not_after })
    }

    /// The CA's own certificate, as PEM.
    pub(crate) fn certificate(&self) -> String {
        self.certificate.pem()
    }

    /// A server's certificate for host names and addresses.
    pub(crate) fn server(&self, name: &str, names: &[String]) -> Result<Leaf, Error> {
        let names = CertificateParams::new(names)?.subject_alt_names;
        self.leaf(name, names, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A client's certificate for one SPIFFE id: X.509-SVIDs have exactly one URI.
    pub(crate) fn client(&self, name: &str, spiffe_id: &str) -> Result<Leaf, Error> {
        let names = vec![SanType::URI(spiffe_id.try_into()?)];
        self.leaf(name, names, ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn leaf(&self, name: &str, names: Vec<SanType>, usage: ExtendedKeyUsagePurpose) -> Result<Leaf, Error> {
        let mut params = params(&format!("Gumshoe development {name}"), self.not_before, self.not_after);
        params.subject_alt_names = names;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Leaf { name: name.to_owned(), certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

fn params(name: &str, not_before: SystemTime, not_after: SystemTime) -> CertificateParams {
    let epoch = date_time_ymd(1970, 1, 1);
    let since_epoch = |moment: SystemTime| moment.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = epoch + since_epoch(not_before);
    params.not_after = epoch + since_epoch(not_after);
    params
}

impl Leaf {
    /// What its files are called.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// `<name>.crt` and `<name>.key`.
    pub(crate) fn files(&self) -> [File; 2] {
        let key = File { name: format!("{}.key", self.name), contents: self.key.clone(), secret: true };
        [certificate_file(&self.name, self.certificate.clone()), key]
    }
}

/// `<name>.crt`.
pub(crate) fn certificate_file(name: &str, contents: String) -> File {
    File { name: format!("{name}.crt"), contents, secret: false }
}

/// Writes the files into a directory. Without `force`, none of them may exist.
pub(crate) fn write(directory: &Path, files: &[File], force: bool) -> Result<(), Error> {
    fs::create_dir_all(directory).map_err(|source| writing(directory.to_owned(), source))?;
    let exists = |file: &&File| directory.join(&file.name).symlink_metadata().is_ok();
    let existing: Vec<_> =
        files.iter().filter(exists).map(|file| directory.join(&file.name).display().to_string()).collect();
    if !force && !existing.is_empty() {
        return Err(Error::Exists(existing.join(", ")));
    }
    files.iter().try_for_each(|file| {
        let path = directory.join(&file.name);
        write_file(directory, &path, file, force).map_err(|source| writing(path, source))
    })
}

/// Writes a file beside its place and moves it there: whoever reads meanwhile sees all of the old one or all of the new one.
fn write_file(directory: &Path, path: &Path, file: &File, force: bool) -> io::Result<()> {
    let mut temporary = NamedTempFile::new_in(directory)?;
    temporary.write_all(file.contents.as_bytes())?;
    if !file.secret {
        make_readable(temporary.as_file())?;
    }
    if force { temporary.persist(path) } else { temporary.persist_noclobber(path) }.map_err(|error| error.error)?;
    Ok(())
}

#[cfg(unix)]
fn make_readable(file: &fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(CERTIFICATE_MODE))
}

#[cfg(not(unix))]
fn make_readable(_: &fs::File) -> io::Result<()> {
    Ok(())
}

fn writing(path: PathBuf, source: io::Error) -> Error {
    Error::File { doing: "writing", path, source }
}

#[cfg(test)]
mod tests;
