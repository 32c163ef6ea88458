//! Names, validated by Kubernetes' own rules before they become part of a path (apimachinery:
//! `pkg/util/validation/validation.go`). What passes here holds no character that means anything in a URL.

use std::fmt;

use crate::error::ReadError;

/// A DNS-1123 label is 63 characters at most.
const LABEL_MAX: usize = 63;
/// A DNS-1123 subdomain is 253 characters at most.
const SUBDOMAIN_MAX: usize = 253;

/// The name of a namespace: a DNS-1123 label.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(String);

/// The name of an object: a DNS-1123 subdomain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectName(String);

/// The name of a container: a DNS-1123 label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerName(String);

impl Namespace {
    /// # Errors
    /// `InvalidArgument` for `field` where the text is not a DNS-1123 label.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, ReadError> {
        dns_label(text).map_err(|why| ReadError::invalid(field, why))?;
        Ok(Self(text.to_owned()))
    }

    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ObjectName {
    /// # Errors
    /// `InvalidArgument` for `field` where the text is not a DNS-1123 subdomain.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, ReadError> {
        dns_subdomain(text).map_err(|why| ReadError::invalid(field, why))?;
        Ok(Self(text.to_owned()))
    }

    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A namespace is an object too: every label is a subdomain.
impl From<&Namespace> for ObjectName {
    fn from(Namespace(name): &Namespace) -> Self {
        Self(name.clone())
    }
}

impl ContainerName {
    /// # Errors
    /// `InvalidArgument` for `field` where the text is not a DNS-1123 label.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, ReadError> {
        dns_label(text).map_err(|why| ReadError::invalid(field, why))?;
        Ok(Self(text.to_owned()))
    }

    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ContainerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn dns_label(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("must not be empty".into());
    }
    if text.len() > LABEL_MAX {
        return Err(format!("must be no more than {LABEL_MAX} characters"));
    }
    if !is_label(text) {
        return Err(
            "must consist of lower case letters, digits and '-', and begin and end with a letter or digit".into()
        );
    }
    Ok(())
}

/// Says what is wrong with a text that should be a DNS-1123 subdomain.
pub(super) fn dns_subdomain(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("must not be empty".into());
    }
    if text.len() > SUBDOMAIN_MAX {
        return Err(format!("must be no more than {SUBDOMAIN_MAX} characters"));
    }
    if !text.split('.').all(is_label) {
        return Err(
            "must consist of lower case letters, digits, '-' and '.', and each part begin and end with a letter or digit"
                .into(),
        );
    }
    Ok(())
}

fn is_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    let alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    bytes.first().is_some_and(alphanumeric)
        && bytes.last().is_some_and(alphanumeric)
        && bytes.iter().all(|byte| alphanumeric(byte) || *byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_kubernetes_accepts_are_accepted() {
        for name in ["a", "web-0", "0", "a.b-c.d", &"a".repeat(253)] {
            assert!(ObjectName::parse("name", name).is_ok(), "{name}");
        }
        assert!(Namespace::parse("namespace", &"a".repeat(63)).is_ok());
    }

    #[test]
    fn what_would_change_a_path_is_refused_with_the_field_named() {
        for name in [
            "",
            "/",
            "..",
            ".",
            "%",
            "?",
            "a/b",
            "a%2fb",
            "a?b",
            "a b",
            "A",
            "-a",
            "a-",
            "a..b",
            "é",
            "a\n",
            &"a".repeat(254),
        ] {
            let error = ObjectName::parse("name", name);
            assert!(matches!(error, Err(ReadError::InvalidArgument { field: "name", .. })), "{name:?}");
        }
        for name in ["", "..", "a.b", &"a".repeat(64)] {
            assert!(Namespace::parse("namespace", name).is_err(), "{name:?}");
            assert!(ContainerName::parse("containers", name).is_err(), "{name:?}");
        }
    }
}
