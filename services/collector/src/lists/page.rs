//! Cutting a stream of items into pages.

use prost::Message;

use crate::error::ReadError;

/// Most bytes of items in one page, but for an item that is larger by itself. The contract allows 1 MiB; but decoded objects take
/// some four times as much as encoded ones, so small pages are what keeps the memory of a call small. They come earlier, too.
pub const PAGE_BYTES: usize = 128 << 10;
/// Items in a page where the request says nothing.
const PAGE_SIZE_DEFAULT: usize = 500;
/// Most items in a page, whatever the request says.
const PAGE_SIZE_MAX: usize = 1000;
/// Tag and length of an item in a page.
const FIELD_OVERHEAD: usize = 1 + 4;

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

/// Collects items until a page is full.
#[derive(Debug)]
pub struct PageCutter<T> {
    items: Vec<T>,
    bytes: usize,
    size_max: usize,
    bytes_max: usize,
}

impl<T: Message> PageCutter<T> {
    /// Pages of at most `size_max` items.
    #[must_use]
    pub fn new(size_max: usize) -> Self {
        Self::with_bytes(size_max, PAGE_BYTES)
    }

    /// Pages of at most `size_max` items and `bytes_max` bytes.
    #[must_use]
    pub fn with_bytes(size_max: usize, bytes_max: usize) -> Self {
        Self { items: Vec::new(), bytes: 0, size_max, bytes_max }
    }

    /// The bytes that an item takes in a page; counting them costs as much as encoding it.
    #[must_use]
    pub fn size_of(item: &T) -> usize {
        item.encoded_len() + FIELD_OVERHEAD
    }

    /// Whether an item of so many bytes fits into the page that is being filled; an empty page takes every item.
    #[must_use]
    pub fn fits(&self, bytes: usize) -> bool {
        self.items.is_empty() || (self.items.len() < self.size_max && self.bytes + bytes <= self.bytes_max)
    }

    /// Adds an item of so many bytes.
    pub fn push(&mut self, item: T, bytes: usize) {
        self.bytes += bytes;
        self.items.push(item);
    }

    /// The size of the page that is being filled.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes the page: its items, and their size as they are encoded, without the frame that the page puts around each.
    pub fn take(&mut self) -> (Vec<T>, usize) {
        let items = std::mem::take(&mut self.items);
        let bytes = std::mem::take(&mut self.bytes) - items.len() * FIELD_OVERHEAD;
        (items, bytes)
    }

    /// Whether nothing is waiting.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::collector::v1::PodIp;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_are_read_as_the_contract_says() {
        assert_eq!(page_size(0).ok(), Some(500));
        assert_eq!(page_size(5000).ok(), Some(1000));
        assert!(page_size(-1).is_err());
        assert_eq!(limit(0).ok(), Some(None));
        assert_eq!(limit(7).ok(), Some(Some(7)));
        assert!(limit(-1).is_err());
    }

    proptest! {
        #[test]
        fn pages_hold_all_items_in_order_within_both_bounds(
            lengths in prop::collection::vec(0_usize..400, 0..60),
            size_max in 1_usize..10,
            bytes_max in 1_usize..600,
        ) {
            let items: Vec<PodIp> = lengths.iter().map(|length| PodIp { ip: "x".repeat(*length) }).collect();
            let mut cutter = PageCutter::with_bytes(size_max, bytes_max);
            let mut pages = Vec::new();
            for item in &items {
                let bytes = PageCutter::size_of(item);
                if !cutter.fits(bytes) {
                    pages.push(cutter.take());
                }
                cutter.push(item.clone(), bytes);
            }
            pages.push(cutter.take());
            for (page, bytes) in &pages {
                prop_assert!(page.len() <= size_max);
                prop_assert_eq!(*bytes, page.iter().map(Message::encoded_len).sum::<usize>());
                prop_assert!(bytes + page.len() * FIELD_OVERHEAD <= bytes_max || page.len() == 1);
            }
            prop_assert_eq!(pages.into_iter().flat_map(|(page, _)| page).collect::<Vec<_>>(), items);
        }
    }
}
