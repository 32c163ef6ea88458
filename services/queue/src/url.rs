//! The address of a queue.

use std::{fmt, net::IpAddr, str::FromStr};

use http::{Uri, uri::Scheme};

/// The URL of an SQS queue, as SQS wants it back, unchanged.
#[derive(Clone, Debug)]
pub struct QueueUrl {
    text: String,
    uri: Uri,
}

/// Why a text is not the URL of a queue.
#[derive(Debug, thiserror::Error)]
pub enum QueueUrlError {
    /// It is no URL with a host and a path.
    #[error("must be the URL of a queue: https://HOST/ACCOUNT/NAME")]
    NotAQueue,
    /// Commands or results would go over the network as plain text.
    #[error("must be https: http is for loopback addresses only")]
    Plaintext,
}

impl QueueUrl {
    /// The URL as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The region, where it is the URL of a queue at AWS: `sqs.<region>.amazonaws.com`, and the like of China and dual stack.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        let mut labels = self.uri.host()?.split('.');
        match (labels.next(), labels.next(), labels.next()) {
            (Some("sqs" | "sqs-fips"), Some(region), Some("amazonaws" | "api")) => Some(region),
            _ => None,
        }
    }

    /// Whether the queue keeps the order of its messages; AWS has their names end so, and no others.
    #[must_use]
    pub fn is_fifo(&self) -> bool {
        self.uri.path().trim_end_matches('/').ends_with(".fifo")
    }

    /// What two URLs of one queue have in common: host and scheme without case, the port spelled out, no trailing slash.
    fn normalised(&self) -> (bool, String, u16, &str) {
        let encrypted = self.uri.scheme() == Some(&Scheme::HTTPS);
        let port = self.uri.port_u16().unwrap_or(if encrypted { 443 } else { 80 });
        let host = self.uri.host().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
        (encrypted, host, port, self.uri.path().trim_end_matches('/'))
    }
}

/// Two URLs are equal where they are of one queue as far as the text says; the queue's ARN says it for certain.
impl PartialEq for QueueUrl {
    fn eq(&self, other: &Self) -> bool {
        self.normalised() == other.normalised()
    }
}

impl Eq for QueueUrl {}

impl FromStr for QueueUrl {
    type Err = QueueUrlError;

    fn from_str(text: &str) -> Result<Self, QueueUrlError> {
        let uri = Uri::from_str(text).map_err(|_| QueueUrlError::NotAQueue)?;
        if uri.host().is_none_or(str::is_empty) || uri.path().trim_matches('/').is_empty() || uri.query().is_some() {
            return Err(QueueUrlError::NotAQueue);
        }
        if !is_private(&uri) {
            return Err(QueueUrlError::Plaintext);
        }
        Ok(Self { text: text.to_owned(), uri })
    }
}

impl fmt::Display for QueueUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Says whether nobody on the way can read what is sent there: it is encrypted, or does not leave the machine.
pub(crate) fn is_private(uri: &Uri) -> bool {
    match (uri.scheme_str(), uri.host()) {
        (Some("https"), Some(_)) => true,
        (Some("http"), Some(host)) => is_loopback(host),
        _ => false,
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    // `localhost` is loopback by RFC 6761, 6.3; other names are whatever a resolver says.
    host.eq_ignore_ascii_case("localhost") || address.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> QueueUrl {
        text.parse().expect(text)
    }

    #[test]
    fn plain_text_never_leaves_the_machine() {
        for text in ["http://127.0.0.1:4566/0/q", "http://127.9.9.9/0/q", "http://[::1]:1/0/q", "http://LocalHost/0/q"]
        {
            assert!(QueueUrl::from_str(text).is_ok(), "{text}");
        }
        for text in [
            "http://sqs.eu-west-1.amazonaws.com/1/q",
            "http://127.0.0.1.example.com/0/q",
            "http://localhost.example.com/0/q",
            "http://10.0.0.1/0/q",
            "http://0.0.0.0/0/q",
            "http://user@127.0.0.1@example.com/0/q",
        ] {
            assert!(QueueUrl::from_str(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_no_queue_is_refused() {
        for text in
            ["", "queue", "/0/q", "https://", "https://host", "https://host/", "ftp://127.0.0.1/q", "https://h/q?a=b"]
        {
            assert!(QueueUrl::from_str(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_spelling_of_an_address_makes_no_other_queue() {
        assert_eq!(url("https://SQS.eu-west-1.amazonaws.com:443/1/q/"), url("https://sqs.eu-west-1.amazonaws.com/1/q"));
        assert_eq!(url("http://localhost:80/1/q"), url("http://localhost/1/q"));
        for other in ["https://host/1/Q", "https://host:8443/1/q", "https://other/1/q", "https://host/2/q"] {
            assert_ne!(url("https://host/1/q"), url(other));
        }
    }

    #[test]
    fn region_and_order_stand_in_the_address() {
        assert_eq!(url("https://sqs.eu-west-1.amazonaws.com/1/q").region(), Some("eu-west-1"));
        assert_eq!(url("https://sqs.cn-north-1.amazonaws.com.cn/1/q").region(), Some("cn-north-1"));
        assert_eq!(url("http://127.0.0.1:4566/0/q").region(), None);
        assert!(url("https://host/1/q.fifo").is_fifo());
        assert!(!url("https://host/1/q").is_fifo());
    }
}
