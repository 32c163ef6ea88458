//! Pages in the making. They are encoded while their items come: decoded objects take some four times as much as encoded ones,
//! and a page waits for its caller.

use std::marker::PhantomData;

use bytes::Bytes;
use gumshoe_proto::{collector::v1::Completeness, methods::Page};
use prost::{
    Message,
    encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len},
};

use super::size::PAGE_BYTES;

/// A message in its encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded(pub Bytes);

/// Collects the items of a page of the type `R`.
#[derive(Debug)]
pub struct PageBuilder<R> {
    bytes: Vec<u8>,
    items: usize,
    /// Bytes of the items alone.
    item_bytes: usize,
    size_max: usize,
    bytes_max: usize,
    page: PhantomData<fn() -> R>,
}

impl<R: Page> PageBuilder<R> {
    /// Pages of at most `size_max` items.
    #[must_use]
    pub fn new(size_max: usize) -> Self {
        Self::with_bytes(size_max, PAGE_BYTES)
    }

    /// Pages of at most `size_max` items and `bytes_max` bytes.
    #[must_use]
    pub fn with_bytes(size_max: usize, bytes_max: usize) -> Self {
        Self { bytes: Vec::new(), items: 0, item_bytes: 0, size_max, bytes_max, page: PhantomData }
    }

    /// Whether an item of so many bytes fits into the page; an empty page takes every item.
    #[must_use]
    pub fn fits(&self, length: usize) -> bool {
        let framed = key_len(R::ITEMS) + encoded_len_varint(length as u64) + length;
        self.is_empty() || (self.items < self.size_max && self.bytes.len() + framed <= self.bytes_max)
    }

    /// Whether it holds as much as it may.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.items >= self.size_max || self.bytes.len() >= self.bytes_max
    }

    /// Adds an item, whose `encoded_len` is known.
    pub fn push(&mut self, item: &R::Item, length: usize) {
        item.encode(self.begin(length)).expect("a vector has room");
    }

    /// Adds an item that is encoded already.
    pub fn push_encoded(&mut self, item: &[u8]) {
        self.begin(item.len()).extend_from_slice(item);
    }

    /// Adds an item of so many bytes, which whoever calls writes behind what is there.
    pub fn begin(&mut self, length: usize) -> &mut Vec<u8> {
        self.items += 1;
        self.item_bytes += length;
        encode_key(R::ITEMS, WireType::LengthDelimited, &mut self.bytes);
        encode_varint(length as u64, &mut self.bytes);
        &mut self.bytes
    }

    /// Whether it holds no items.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items == 0
    }

    /// Items in it.
    #[must_use]
    pub fn items(&self) -> usize {
        self.items
    }

    /// Bytes of the items as encoded, without the frame that the page puts around each: what `Completeness` counts.
    #[must_use]
    pub fn item_bytes(&self) -> usize {
        self.item_bytes
    }

    /// Bytes of the page so far.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Drops what it holds.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.items = 0;
        self.item_bytes = 0;
    }

    /// Takes the page; `end` is what belongs to it beside its items.
    pub fn take(&mut self, end: &R) -> Encoded {
        debug_assert!(end.items().is_empty(), "the items are encoded already");
        // The next page is likely to be as long, unless this was one large item.
        let next = Vec::with_capacity(self.bytes.len().min(self.bytes_max));
        let mut bytes = std::mem::replace(&mut self.bytes, next);
        self.clear();
        // Messages one behind another are one message with the fields of both.
        bytes.reserve_exact(end.encoded_len());
        end.encode(&mut bytes).expect("a vector has room");
        Encoded(bytes.into())
    }

    /// Takes the page, with what stands at the end of every list's.
    pub fn take_with(&mut self, next_page_token: String, completeness: Option<Completeness>) -> Encoded {
        let mut end = R::default();
        if let Some(token) = end.next_page_token_mut() {
            *token = next_page_token;
        }
        *end.completeness_mut() = completeness;
        self.take(&end)
    }
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::collector::v1::{GetPodResponse, ListPodsResponse, ObjectMeta, Pod};
    use proptest::prelude::*;

    use super::*;

    fn mk_pod(length: usize) -> Pod {
        let metadata = ObjectMeta { name: "x".repeat(length), ..ObjectMeta::default() };
        Pod { metadata: Some(metadata), ..Pod::default() }
    }

    #[test]
    fn a_page_of_one_item_is_the_message_of_a_get() {
        let response = GetPodResponse { item: Some(mk_pod(3)), completeness: Some(Completeness::default()) };
        let mut page = PageBuilder::<GetPodResponse>::new(1);
        page.push(&mk_pod(3), mk_pod(3).encoded_len());
        assert_eq!(page.take_with(String::new(), response.completeness.clone()).0, response.encode_to_vec());
    }

    proptest! {
        #[test]
        fn pages_hold_all_items_in_order_within_both_bounds(
            lengths in prop::collection::vec(0_usize..400, 0..60),
            size_max in 1_usize..10,
            bytes_max in 1_usize..600,
        ) {
            let items: Vec<Pod> = lengths.into_iter().map(mk_pod).collect();
            let mut builder = PageBuilder::<ListPodsResponse>::with_bytes(size_max, bytes_max);
            let mut pages = Vec::new();
            let mut cut = |builder: &mut PageBuilder<_>| {
                let counted = (builder.items(), builder.item_bytes());
                let page = ListPodsResponse::decode(builder.take_with("next".into(), None).0).unwrap();
                let bytes = ListPodsResponse { next_page_token: String::new(), ..page.clone() }.encoded_len();
                pages.push((page, bytes, counted));
            };
            for item in &items {
                let length = item.encoded_len();
                if !builder.fits(length) {
                    cut(&mut builder);
                }
                builder.push(item, length);
            }
            cut(&mut builder);
            for (page, bytes, counted) in &pages {
                prop_assert!(page.items.len() <= size_max);
                let item_bytes = page.items.iter().map(Message::encoded_len).sum::<usize>();
                prop_assert_eq!(*counted, (page.items.len(), item_bytes));
                prop_assert!(*bytes <= bytes_max || page.items.len() == 1);
                prop_assert_eq!(&page.next_page_token, "next");
            }
            prop_assert_eq!(pages.into_iter().flat_map(|(page, ..)| page.items).collect::<Vec<_>>(), items);
        }
    }
}
