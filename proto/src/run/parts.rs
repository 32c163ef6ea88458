//! Responses that were too long for one message, or were compressed.

use std::io::Read as _;

use flate2::read::MultiGzDecoder;
use prost_reflect::{DeserializeOptions, DynamicMessage, Value};

use crate::{
    bridge::v1::{Encoding, Page, Part},
    json,
};

/// More than any collector's response is as JSON, whose items have 3 MiB at most and escapes for some: what claims to be longer would
/// only fill the memory.
const RESPONSE_MAX: u64 = 24 << 20;

/// What came is no response that this reader knows, or not all of one.
#[derive(Debug, thiserror::Error)]
#[error("the response in page {number} cannot be read: {why}")]
pub struct UnreadableResponse {
    /// The page of its last part that came.
    pub number: u32,
    /// What is wrong with it.
    pub why: String,
}

/// The pages of a query in their order, in which parts are put together that stand in the places of their response. One response is
/// held at a time.
#[derive(Debug)]
pub(super) struct Pages<P: Iterator<Item = Page>> {
    pages: P,
    /// The page of the last part, and the parts, of a response that has begun.
    parts: Option<(u32, Vec<Part>)>,
    /// A page that is next, for what came before it had to be told first.
    next: Option<Page>,
}

impl<P: Iterator<Item = Page>> Pages<P> {
    pub(super) fn new(pages: P) -> Self {
        Self { pages, parts: None, next: None }
    }

    /// Whether a part comes right behind those before it.
    fn continues(&self, page: &Page) -> bool {
        let (Some(part), Some((number, parts))) = (&page.part, &self.parts) else { return false };
        let next = |one: u32, other: u32| one.checked_add(1) == Some(other);
        parts.last().is_some_and(|before| {
            let alike = (before.of, before.encoding, &before.response) == (part.of, part.encoding, &part.response);
            alike && next(*number, page.number) && next(before.number, part.number)
        })
    }
}

impl<P: Iterator<Item = Page>> Iterator for Pages<P> {
    type Item = Result<Page, UnreadableResponse>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let page = self.next.take().or_else(|| self.pages.next());
            let goes_on = page.as_ref().is_some_and(|page| self.continues(page));
            if !goes_on && let Some((number, _)) = self.parts.take() {
                self.next = page;
                return Some(Err(UnreadableResponse { number, why: "parts of it are missing".to_owned() }));
            }
            let mut page = page?;
            let Some(part) = page.part.take() else { return Some(Ok(page)) };
            let is_last = part.number == part.of;
            let (number, parts) = self.parts.get_or_insert_default();
            *number = page.number;
            parts.push(part);
            if is_last && parts[0].number == 1 {
                let read = page_of(&page, parts).map_err(|why| UnreadableResponse { number: page.number, why });
                self.parts = None;
                return Some(read);
            }
        }
    }
}

/// The page that a response belongs into: that of its last part.
fn page_of(page: &Page, parts: &[Part]) -> Result<Page, String> {
    let data: Vec<u8> = parts.iter().flat_map(|part| part.data.iter().copied()).collect();
    let part = &parts[0];
    let json = match Encoding::try_from(part.encoding) {
        Ok(Encoding::Unspecified) => data,
        Ok(Encoding::Gzip) => unzipped(&data)?,
        Err(_) => return Err(format!("its encoding ({}) is not known here", part.encoding)),
    };
    let descriptor = json::descriptor::<Page>();
    let field = descriptor.get_field_by_json_name(&part.response).filter(|field| field.containing_oneof().is_some());
    let kind = field.as_ref().and_then(|field| Some((field, field.kind().as_message()?.clone())));
    let (field, kind) = kind.ok_or_else(|| format!("there is no response {:?}", part.response))?;
    let json = str::from_utf8(&json).map_err(|error| error.to_string())?;
    let json = json::parse_bounded(json).map_err(|error| error.to_string())?;
    let options = DeserializeOptions::new().deny_unknown_fields(false);
    let response = DynamicMessage::deserialize_with_options(kind, json, &options).map_err(|error| error.to_string())?;
    let mut whole = DynamicMessage::new(descriptor);
    whole.set_field(field, Value::Message(response));
    let whole: Page = whole.transcode_to().map_err(|error| error.to_string())?;
    Ok(Page { query_id: page.query_id.clone(), number: page.number, ..whole })
}

fn unzipped(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut json = Vec::new();
    let read = MultiGzDecoder::new(bytes).take(RESPONSE_MAX + 1).read_to_end(&mut json);
    match read {
        Ok(length) if length as u64 <= RESPONSE_MAX => Ok(json),
        Ok(_) => Err(format!("it is longer than {RESPONSE_MAX} bytes")),
        Err(error) => Err(error.to_string()),
    }
}
