//! Cuts one response of a collector into pieces that fit into messages. Sizes are those of the finished bodies, measured and not
//! guessed: a piece knows the length of all that will stand around it.

/// How large a message may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageLimits {
    /// Pages are filled up to this.
    pub page: usize,
    /// What the queue takes: an item that is larger than a page travels alone, one that is larger than this in parts.
    pub message: usize,
}

/// Pages stay under the 256 KiB that every SQS queue took before August 2025 and that many consumers still count on, and four of
/// them fit into a batch of 1 MiB.
const PAGE: usize = 240 * 1024;

/// What stands around a piece.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// The JSON name of the field that holds the items.
    pub(super) items: String,
    /// Whether that field is a list; if not, it holds one item at most.
    pub(super) is_list: bool,
    /// The length of a body whose response is empty, with the longest numbers that it may hold.
    pub(super) overhead: usize,
    pub(super) limits: PageLimits,
}

/// A piece of a response: canonical JSON. Only one with a single item, or without any, may be too long for a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) response: String,
    pub(super) items: u64,
}

/// Collects the items of one response.
#[derive(Debug)]
pub(super) struct Cutter {
    frame: Frame,
    text: String,
    items: u64,
}

impl PageLimits {
    /// Of a queue that takes messages of so many bytes.
    #[must_use]
    pub(crate) fn of_queue(maximum_message_size: usize) -> Self {
        Self { page: PAGE.min(maximum_message_size), message: maximum_message_size }
    }
}

impl Cutter {
    pub(super) fn new(frame: Frame) -> Self {
        Self { frame, text: String::new(), items: 0 }
    }

    /// The bytes of the largest message.
    pub(super) fn message_max(&self) -> usize {
        self.frame.limits.message
    }

    /// Adds an item; gives the piece before it, if the item does not fit behind what there is.
    pub(super) fn push(&mut self, item: &str) -> Option<Piece> {
        let with_item = self.text.len() + 1 + item.len();
        let full = self.items > 0 && self.frame.body(with_item, 0) > self.frame.limits.page;
        let piece = full.then(|| self.take(""));
        if self.items > 0 {
            self.text.push(',');
        }
        self.text.push_str(item);
        self.items += 1;
        piece
    }

    /// Ends the response with its other fields, a JSON object. Gives one piece or two: only the last one carries those fields.
    pub(super) fn finish(&mut self, rest: &str) -> Vec<Piece> {
        let members = &rest[1..rest.len() - 1];
        let frame = &self.frame;
        let limit = if self.items > 1 { frame.limits.page } else { frame.limits.message };
        let fits = frame.body(self.text.len(), members.len()) <= limit;
        let alone = if fits || self.items == 0 { None } else { Some(self.take("")) };
        alone.into_iter().chain([self.take(members)]).collect()
    }

    /// Takes what there is as a piece, with the members of the rest behind it.
    fn take(&mut self, members: &str) -> Piece {
        let items = std::mem::take(&mut self.items);
        let text = std::mem::take(&mut self.text);
        let response = self.frame.response(&text, members);
        Piece { response, items }
    }
}

impl Frame {
    fn response(&self, items: &str, members: &str) -> String {
        let name = &self.items;
        let comma = if items.is_empty() || members.is_empty() { "" } else { "," };
        match (items.is_empty(), self.is_list) {
            (true, _) => format!("{{{members}}}"),
            (false, true) => format!("{{\"{name}\":[{items}]{comma}{members}}}"),
            (false, false) => format!("{{\"{name}\":{items}{comma}{members}}}"),
        }
    }

    /// The length of a body with so many bytes of items and of other members, at most.
    fn body(&self, items: usize, members: usize) -> usize {
        // `{"name":[` and `]`, a comma, `}`.
        self.overhead + self.items.len() + 8 + items + members
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};
    use serde_json::{Value, json};

    use super::*;

    const REST: &str = r#"{"nextPageToken":"t"}"#;

    fn mk_frame(page: usize, message: usize, overhead: usize) -> Frame {
        Frame { items: "items".into(), is_list: true, overhead, limits: PageLimits { page, message } }
    }

    fn cut(frame: &Frame, items: &[String], rest: &str) -> Vec<Piece> {
        let mut cutter = Cutter::new(frame.clone());
        let mut pieces: Vec<_> = items.iter().filter_map(|item| cutter.push(item)).collect();
        pieces.extend(cutter.finish(rest));
        pieces
    }

    fn value(piece: &Piece) -> Value {
        serde_json::from_str(&piece.response).unwrap()
    }

    fn items_of(piece: &Piece) -> Vec<String> {
        value(piece)["items"].as_array().into_iter().flatten().map(Value::to_string).collect()
    }

    #[test]
    fn a_response_that_fits_is_one_piece() {
        let pieces = cut(&mk_frame(100, 100, 10), &["1".into(), "2".into()], REST);
        assert_eq!(pieces, [Piece { response: r#"{"items":[1,2],"nextPageToken":"t"}"#.into(), items: 2 }]);
    }

    #[test]
    fn a_response_without_items_is_a_piece_and_so_is_one_without_anything() {
        assert_eq!(cut(&mk_frame(100, 100, 10), &[], REST), [Piece { response: REST.into(), items: 0 }]);
        assert_eq!(cut(&mk_frame(100, 100, 10), &[], "{}"), [Piece { response: "{}".into(), items: 0 }]);
    }

    #[test]
    fn the_item_of_a_response_that_is_no_list_is_no_list() {
        let frame = Frame { items: "item".into(), is_list: false, ..mk_frame(100, 100, 10) };
        let pieces = cut(&frame, &["{}".into()], r#"{"completeness":{}}"#);
        assert_eq!(pieces, [Piece { response: r#"{"item":{},"completeness":{}}"#.into(), items: 1 }]);
    }

    #[test]
    fn an_item_larger_than_a_page_travels_alone() {
        let large = json!("x".repeat(60)).to_string();
        for message in [50, 100] {
            let pieces = cut(&mk_frame(50, message, 10), &["1".into(), large.clone(), "2".into()], "{}");
            let items: Vec<_> = pieces.iter().map(items_of).collect();
            assert_eq!(items, vec![vec!["1".into()], vec![large.clone()], vec!["2".into()]]);
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost_whatever_the_items_and_the_limits(
            texts in vec("[a-z\\PC]{0,40}", 0..30),
            token in "[a-z]{0,40}",
            overhead in 0..50usize,
            page in 20..200usize,
            more in 0..100usize,
        ) {
            let frame = mk_frame(page, page + more, overhead);
            let items: Vec<_> = texts.iter().map(|text| json!(text).to_string()).collect();
            let rest = json!({"nextPageToken": token}).to_string();
            let pieces = cut(&frame, &items, &rest);

            let sent: Vec<_> = pieces.iter().flat_map(items_of).collect();
            prop_assert_eq!(sent, items);
            let (last, others) = pieces.split_last().unwrap();
            prop_assert_eq!(&value(last)["nextPageToken"], &json!(token));
            prop_assert!(others.iter().all(|piece| value(piece).get("nextPageToken").is_none()));
            for piece in &pieces {
                let fits = frame.overhead + piece.response.len() <= frame.limits.page;
                prop_assert!(fits || piece.items <= 1);
                prop_assert_eq!(items_of(piece).len() as u64, piece.items);
            }
        }
    }
}
