//! Responses that were too long for one message.

use std::borrow::Cow;

use serde_json::Value;

use crate::{
    bridge::v1::{Page, Part},
    envelope::from_value_leniently,
};

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
                next(before.number, page.number) && next(earlier.number, part.number) && earlier.of == part.of
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
    let response = serde_json::from_slice(&bytes).ok()?;
    let page = Value::Object([(part.response.clone(), response)].into_iter().collect());
    let page: Page = from_value_leniently(page).ok()?;
    page.response.is_some().then(|| Page { query_id: last.query_id.clone(), number: last.number, ..page })
}
