//! The version of the API server.

/// Servers write minor versions like "33+" too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// 1.
    pub major: u32,
    /// 36 for Kubernetes 1.36.
    pub minor: u32,
}

/// Since this version the API server writes an unpaginated list item by item (KEP-5116).
pub(super) const STREAMS_LISTS_SINCE: Version = Version { major: 1, minor: 33 };

impl Version {
    /// Reads the body of `/version`; None where it names no version, as of a server that was built without.
    pub(super) fn parse(body: &[u8]) -> Result<Option<Self>, serde_json::Error> {
        let info: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(body)?;
        let number = |field: &str| -> Option<u32> {
            let text = info.get(field)?.as_str()?;
            text.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
        };
        Ok(number("major").zip(number("minor")).map(|(major, minor)| Self { major, minor }))
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minor_version_with_a_plus_is_that_version() {
        assert_eq!(Version::parse(br#"{"major":"1","minor":"33+"}"#).unwrap(), Some(STREAMS_LISTS_SINCE));
    }

    #[test]
    fn a_server_without_a_version_is_a_server_and_a_page_is_none() {
        assert_eq!(Version::parse(br#"{"major":"1","minor":"+"}"#).unwrap(), None);
        assert_eq!(Version::parse(br#"{"major":"","minor":""}"#).unwrap(), None);
        assert!(Version::parse(b"<html>").is_err());
    }
}
