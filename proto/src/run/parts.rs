//! Responses that were too long for one message, or were compressed.

use std::{borrow::Cow, io::Read as _, vec};

use flate2::read::MultiGzDecoder;
use prost_reflect::{DeserializeOptions, DynamicMessage, Value};

use crate::{
    bridge::v1::{Encoding, Page, Part},
    json,
};

/// More than any collector's response is as JSON, whose items have 3 MiB at most and escapes for some: what claims to be longer would
/// only fill the memory.
const RESPONSE_MAX: u64 = 24 << 20;

/// Parts that are all there, and are no response all the same: what came is not what a bridge sends that this reader knows.
#[derive(Debug, thiserror::Error)]
#[error("the response in page {number} cannot be read: {why}")]
pub struct UnreadableResponse {
    /// The page of its last part.
    pub number: u32,
    /// What is wrong with it.
    pub why: String,
}

/// The pages of a query in their order, in which parts are put together that stand in the places of their response. One response is
/// held at a time.
#[derive(Debug)]
pub struct Pages<'p> {
    pages: vec::IntoIter<&'p Page>,
    parts: Vec<(&'p Page, &'p Part)>,
}

impl<'p> Pages<'p> {
    pub(super) fn new(pages: Vec<&'p Page>) -> Self {
        Self { pages: pages.into_iter(), parts: Vec::new() }
    }

    /// Adds a part where it belongs behind those before it; true where it is the last one and none is missing.
    fn add(&mut self, page: &'p Page, part: &'p Part) -> bool {
        let follows = match self.parts.last() {
            Some((before, earlier)) => {
                let next = |one: u32, other: u32| one.checked_add(1) == Some(other);
                let alike = earlier.of == part.of && earlier.encoding == part.encoding;
                next(before.number, page.number) && next(earlier.number, part.number) && alike
            }
            None => part.number == 1,
        };
        if !follows {
            self.parts.clear();
        }
        if follows || part.number == 1 {
            self.parts.push((page, part));
        }
        part.number == part.of && self.parts.len() == part.of as usize
    }
}

impl<'p> Iterator for Pages<'p> {
    type Item = Result<Cow<'p, Page>, UnreadableResponse>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let page = self.pages.next()?;
            let Some(part) = &page.part else {
                self.parts.clear();
                return Some(Ok(Cow::Borrowed(page)));
            };
            if self.add(page, part) {
                let parts = std::mem::take(&mut self.parts);
                let data: Vec<u8> = parts.iter().flat_map(|(_, part)| part.data.iter().copied()).collect();
                let read = page_of(page, part, data).map(Cow::Owned);
                return Some(read.map_err(|why| UnreadableResponse { number: page.number, why }));
            }
        }
    }
}

/// The page that a response belongs into: that of its last part.
fn page_of(page: &Page, part: &Part, data: Vec<u8>) -> Result<Page, String> {
    let json = match Encoding::try_from(part.encoding) {
        Ok(Encoding::Unspecified) => data,
        Ok(Encoding::Gzip) => unzipped(&data)?,
        Err(_) => return Err(format!("its encoding ({}) is not known here", part.encoding)),
    };
    let descriptor = json::descriptor::<Page>();
    let field = descriptor.get_field_by_json_name(&part.response).filter(|field| field.containing_oneof().is_some());
    let kind = field.as_ref().and_then(|field| Some((field, field.kind().as_message()?.clone())));
    let (field, kind) = kind.ok_or_else(|| format!("there is no response {:?}", part.response))?;
    let options = DeserializeOptions::new().deny_unknown_fields(false);
    let mut json = serde_json::Deserializer::from_slice(&json);
    let response = DynamicMessage::deserialize_with_options(kind, &mut json, &options);
    let response = response.and_then(|response| json.end().map(|()| response)).map_err(|error| error.to_string())?;
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
