//! Page tokens: opaque to the caller, bound to the request's other arguments, versioned (AIP-158). They hold a position and
//! no right: a forged one reads nothing that its request could not have read.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use gumshoe_proto::methods::ListRequest;
use prost::Message;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};

use crate::error::ReadError;

/// Raised when the meaning of a position changes.
const VERSION: u32 = 1;
/// A position holds two names and some numbers; for logs, so much for each container (`logs/output.rs`). It has to fit into a request.
pub(crate) const TOKEN_MAX: usize = 96 << 10;

/// That of a real API server is a number of 64 bits.
const RESOURCE_VERSION_MAX: usize = 64;

/// The arguments that a token is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arguments(String);

impl Arguments {
    /// The arguments of a request, from which the caller has cleared what may change between two pages.
    #[must_use]
    pub fn of<M: Message>(request: &M) -> Self {
        let digest = Sha256::digest(request.encode_to_vec());
        // 64 bits tell two requests of one caller apart; nobody gains by a collision.
        Self(URL_SAFE_NO_PAD.encode(&digest[..8]))
    }

    /// The arguments of a request for a list.
    #[must_use]
    pub fn of_list<Q: ListRequest>(request: &Q) -> Self {
        let mut request = request.clone();
        let selection = request.selection_mut();
        (*selection.page_size, *selection.limit) = (0, 0);
        selection.page_token.clear();
        Self::of(&request)
    }

    /// The token of a position within these arguments.
    #[must_use]
    pub fn encode<P: Serialize>(&self, position: &P) -> String {
        let token = serde_json::to_vec(&(VERSION, self, position)).expect("a position holds strings and numbers only");
        URL_SAFE_NO_PAD.encode(token)
    }

    /// The position in a token; None where the token is empty.
    ///
    /// # Errors
    /// `InvalidArgument` for `page_token` where it is no token, of another version, or of other arguments.
    pub fn decode<P: DeserializeOwned>(&self, token: &str) -> Result<Option<P>, ReadError> {
        if token.is_empty() {
            return Ok(None);
        }
        let invalid = |why: &str| ReadError::invalid("page_token", why);
        if token.len() > TOKEN_MAX {
            return Err(invalid("is too long to be a token of this service"));
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| invalid("is not a token of this service"))?;
        let (version, arguments, position): (u32, Self, serde_json::Value) =
            serde_json::from_slice(&bytes).map_err(|_| invalid("is not a token of this service"))?;
        if version != VERSION {
            return Err(invalid("is of another version of this service; list afresh"));
        }
        if arguments != *self {
            return Err(invalid("belongs to a request with other arguments"));
        }
        serde_json::from_value(position).map(Some).map_err(|_| invalid("is not a token of this method"))
    }
}

/// Checks a resource version out of a token, before it becomes part of a request: it is opaque, but short.
///
/// # Errors
/// `InvalidArgument` for `page_token`.
pub fn check_resource_version(version: &str) -> Result<(), ReadError> {
    if version.len() > RESOURCE_VERSION_MAX || !version.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(ReadError::invalid("page_token", "is not a token of this service"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::collector::v1::ListPodsRequest;
    use proptest::prelude::*;

    use super::*;

    fn mk_arguments(namespace: &str) -> Arguments {
        Arguments::of(&ListPodsRequest { namespaces: vec![namespace.to_owned()], ..ListPodsRequest::default() })
    }

    #[test]
    fn a_token_brings_its_position_back() {
        let arguments = mk_arguments("shop");
        let token = arguments.encode(&("7", "shop/web-0"));
        assert_eq!(arguments.decode(&token).unwrap(), Some(("7".to_owned(), "shop/web-0".to_owned())));
        assert_eq!(arguments.decode::<String>("").unwrap(), None);
    }

    #[test]
    fn a_token_of_other_arguments_is_refused() {
        let token = mk_arguments("shop").encode(&"x");
        let error = mk_arguments("payments").decode::<String>(&token);
        assert!(matches!(error, Err(ReadError::InvalidArgument { field: "page_token", .. })));
    }

    #[test]
    fn what_can_be_no_resource_version_is_refused() {
        assert!(check_resource_version("12345").is_ok());
        for wrong in ["%".repeat(30_000), "1".repeat(65), "1&limit=1".to_owned()] {
            assert!(check_resource_version(&wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_at_all_breaks_the_reader(text in ".{0,80}") {
            let _ = mk_arguments("shop").decode::<(String, String)>(&text);
        }
    }
}
