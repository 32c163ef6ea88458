//! Responses that were too long for one message, or were compressed.

use std::{borrow::Cow, io::Read as _};

use flate2::read::MultiGzDecoder;

use serde_json::Value;

use crate::{
    bridge::v1::{Encoding, Page, Part},
    envelope::from_value_leniently,
};

/// More than any collector's response is as JSON: what claims to be longer would only fill the memory.
const RESPONSE_MAX: u64 = 64 << 20;

/// Puts parts together that stand in the places of their response, among the pages of a query in their order.
pub(super) fn put_together<'p>(pages: Vec<&'p Page>) -> Vec<Cow<'p, Page>> {
    let mut whole = Vec::new();
    let mut parts: Vec<(&'p Page, &'p Part)> = Vec::new();
    for page in pages {
        let Some(part) = &page.part else {
            parts.clear();
            whole.push(Cow::Borrowed(page));
            continue;
        };
        let follows = match parts.last() {
            Some((before, earlier)) => {
                let next = |one: u32, other: u32| one.checked_add(1) == Some(other);
                let alike = earlier.of == part.of && earlier.encoding == part.encoding;
                next(before.number, page.number) && next(earlier.number, part.number) && alike
            }
            None => part.number == 1,
        };
        if !follows {
            parts.clear();
        }
        if follows || part.number == 1 {
            parts.push((page, part));
        }
        if part.number == part.of && parts.len() == part.of as usize {
            whole.extend(page_of(&parts).map(Cow::Owned));
            parts.clear();
        }
    }
    whole
}

/// None where they are no response.
fn page_of(parts: &[(&Page, &Part)]) -> Option<Page> {
    let (last, part) = parts.last()?;
    let bytes: Vec<u8> = parts.iter().flat_map(|(_, part)| part.data.iter().copied()).collect();
    let json = match part.encoding() {
        Encoding::Unspecified => bytes,
        Encoding::Gzip => unzipped(&bytes)?,
    };
    let response = serde_json::from_slice(&json).ok()?;
    let page = Value::Object([(part.response.clone(), response)].into_iter().collect());
    let page: Page = from_value_leniently(page).ok()?;
    page.response.is_some().then(|| Page { query_id: last.query_id.clone(), number: last.number, ..page })
}

/// None where it is not gzip, or too long.
fn unzipped(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut json = Vec::new();
    let read = MultiGzDecoder::new(bytes).take(RESPONSE_MAX + 1).read_to_end(&mut json).ok()?;
    (read as u64 <= RESPONSE_MAX).then_some(json)
}
