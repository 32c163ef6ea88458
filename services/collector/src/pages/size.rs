//! How large a page may be, and how many items an answer may hold.

use gumshoe_proto::collector::v1::View;

use crate::error::ReadError;

/// Most bytes of items in one page, but for an item that is larger by itself. The contract allows 1 MiB; but small pages come
/// earlier, and are what keeps the memory of a call small.
pub const PAGE_BYTES: usize = 128 << 10;
/// Items in a page where the request says nothing.
const PAGE_SIZE_DEFAULT: usize = 500;
/// Most items in a page, whatever the request says.
const PAGE_SIZE_MAX: usize = 1000;

/// How many items a page may hold.
///
/// # Errors
/// As `page_size_within`.
pub fn page_size(requested: i32) -> Result<usize, ReadError> {
    page_size_within(requested, PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX)
}

/// The same with bounds of one's own.
///
/// # Errors
/// `InvalidArgument` for `page_size` where it is negative; a size that is too large is cut (AIP-158).
pub fn page_size_within(requested: i32, default: usize, max: usize) -> Result<usize, ReadError> {
    match usize::try_from(requested) {
        Ok(0) => Ok(default),
        Ok(size) => Ok(size.min(max)),
        Err(_) => Err(ReadError::invalid("page_size", "must not be negative")),
    }
}

/// Whether objects are given without Kubernetes' own fields.
///
/// # Errors
/// `InvalidArgument` for a `view` that there is not.
pub fn is_summary(view: i32) -> Result<bool, ReadError> {
    match View::try_from(view) {
        Ok(View::Unspecified) => Ok(false),
        Ok(View::Summary) => Ok(true),
        Err(_) => Err(ReadError::invalid("view", "is none that this version knows")),
    }
}

/// How many items an answer may hold; None for no limit.
///
/// # Errors
/// `InvalidArgument` for `limit` where it is negative.
pub fn limit(requested: i64) -> Result<Option<u64>, ReadError> {
    match u64::try_from(requested) {
        Ok(0) => Ok(None),
        Ok(limit) => Ok(Some(limit)),
        Err(_) => Err(ReadError::invalid("limit", "must not be negative")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_the_contract_says() {
        assert_eq!(page_size(0).ok(), Some(500));
        assert_eq!(page_size(5000).ok(), Some(1000));
        assert!(page_size(-1).is_err());
        assert_eq!(limit(0).ok(), Some(None));
        assert_eq!(limit(7).ok(), Some(Some(7)));
        assert!(matches!((is_summary(0), is_summary(1), is_summary(2)), (Ok(false), Ok(true), Err(_))));
        assert!(limit(-1).is_err());
    }
}
