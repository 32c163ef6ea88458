//! Values of the command line that clap has no parser for.

use std::str::FromStr as _;

use gumshoe_proto::envelope::is_id;
use http::Uri;

use crate::queue::{QueueUrl, QueueUrlError};

/// Something that commands refer to by a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named<T> {
    /// What commands call it: `[A-Za-z0-9_-]{1,64}`.
    pub name: String,
    /// What it is.
    pub value: T,
}

/// Why a value of the command line is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum NamedError {
    /// The name is absent or not one.
    #[error("must be NAME=..., the name being 1 to 64 characters of A-Z, a-z, 0-9, _ and -")]
    Name,
    /// The queue's address is refused.
    #[error(transparent)]
    Queue(#[from] QueueUrlError),
    /// The collector's address is no origin of gRPC over TLS.
    #[error("must be https://HOST:PORT without a path")]
    Collector,
}

/// Reads `NAME=URL`.
pub(super) fn result_queue(text: &str) -> Result<Named<QueueUrl>, NamedError> {
    let (name, url) = split(text)?;
    Ok(Named { name, value: QueueUrl::from_str(url)? })
}

/// Reads `NAME=https://HOST:PORT`.
pub(super) fn collector(text: &str) -> Result<Named<Uri>, NamedError> {
    let (name, origin) = split(text)?;
    let value = Uri::from_str(origin).map_err(|_| NamedError::Collector)?;
    let bare = value.query().is_none() && value.path() == "/";
    let encrypted = value.scheme() == Some(&http::uri::Scheme::HTTPS);
    if bare && encrypted && value.authority().is_some() {
        Ok(Named { name, value })
    } else {
        Err(NamedError::Collector)
    }
}

/// The name that stands twice in a list, if one does: which of the two a command means could not be told.
pub(crate) fn named_twice<T>(list: &[Named<T>]) -> Option<&str> {
    let is_repeated = |(index, named): &(usize, &Named<T>)| list[..*index].iter().any(|other| other.name == named.name);
    list.iter().enumerate().find(is_repeated).map(|(_, named)| named.name.as_str())
}

fn split(text: &str) -> Result<(String, &str), NamedError> {
    match text.split_once('=') {
        Some((name, value)) if is_id(name) => Ok((name.to_owned(), value)),
        _ => Err(NamedError::Name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_stands_twice_is_found() {
        let list =
            |names: &[&str]| names.iter().map(|name| Named { name: (*name).into(), value: () }).collect::<Vec<_>>();
        assert_eq!(named_twice(&list(&["a", "b", "a"])), Some("a"));
        assert_eq!(named_twice(&list(&["a", "b"])), None);
    }
}
