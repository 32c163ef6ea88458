//! Answers as canonical proto3 JSON, written as the pages come.

use std::io::{self, Write};

use gumshoe_proto::{
    json::{JsonError, to_string, to_value, try_to_value},
    methods::{Method, Page},
    with_request, with_response,
};
use serde_json::Value;

use super::{Ending, PagePrinter, text::json_line};
use crate::page::{Request, Response, items};

/// One document in the shape of the method's response, with the items of all pages: `{"items":[…],"completeness":{…}}`. One item
/// stands on a line, for line-wise tools and eyes.
pub(crate) struct JsonDocument {
    /// The field that holds the items.
    field: &'static str,
    /// It is one object, not a list.
    single: bool,
    written: u64,
    unwritten: u64,
}

impl JsonDocument {
    /// For the answer to a request.
    pub(crate) fn new(request: &Request) -> Self {
        fn shape<Q: Method>(_: &Q) -> (&'static str, bool) {
            (Q::Response::ITEMS_NAME, Q::Response::SINGLE)
        }
        let (field, single) = with_request!(request, request => shape(request));
        Self { field, single, written: 0, unwritten: 0 }
    }

    fn item(&mut self, out: &mut dyn Write, item: Result<Value, JsonError>) -> io::Result<()> {
        let Ok(item) = item else {
            self.unwritten += 1;
            return Ok(());
        };
        let before = match (self.written, self.single) {
            (0, true) => format!("{{\"{}\":", self.field),
            (0, false) => format!("{{\"{}\":[\n", self.field),
            _ => ",\n".to_owned(),
        };
        self.written += 1;
        write!(out, "{before}{}", json_line(item.to_string()))
    }
}

impl PagePrinter for JsonDocument {
    fn page(&mut self, out: &mut dyn Write, page: &Response) -> io::Result<()> {
        with_response!(page, page => page.items().iter().try_for_each(|item| self.item(out, try_to_value(item))))
    }

    fn end(&mut self, out: &mut dyn Write, ending: &Ending) -> io::Result<()> {
        match (self.written, self.single) {
            (0, true) => write!(out, "{{")?,
            (0, false) => write!(out, "{{\"{}\":[],", self.field)?,
            (_, true) => writeln!(out, ",")?,
            (_, false) => writeln!(out, "\n],")?,
        }
        write_members(out, ending)?;
        writeln!(out, "}}")
    }

    fn unwritten(&self) -> u64 {
        self.unwritten
    }
}

/// One object a line: each page as it came, and at the end one with what is said of the whole.
#[derive(Default)]
pub(crate) struct JsonLines {
    unwritten: u64,
}

impl PagePrinter for JsonLines {
    fn page(&mut self, out: &mut dyn Write, page: &Response) -> io::Result<()> {
        if items(page) == 0 {
            return Ok(());
        }
        let page = response_value(page).or_else(|_| {
            let (rest, unwritten) = writable(page);
            self.unwritten += unwritten;
            response_value(&rest)
        });
        writeln!(out, "{}", json_line(page.map_err(io::Error::other)?.to_string()))
    }

    fn unwritten(&self) -> u64 {
        self.unwritten
    }

    fn end(&mut self, out: &mut dyn Write, ending: &Ending) -> io::Result<()> {
        write!(out, "{{")?;
        write_members(out, ending)?;
        writeln!(out, "}}")
    }
}

/// Writes `"logs":[…],"completeness":{…}`.
fn write_members(out: &mut dyn Write, ending: &Ending) -> io::Result<()> {
    if !ending.logs.is_empty() {
        let logs = Value::Array(ending.logs.iter().map(to_value).collect());
        write!(out, "\"logs\":{},", json_line(logs.to_string()))?;
    }
    write!(out, "\"completeness\":{}", json_line(to_string(&ending.completeness)))
}

fn response_value(page: &Response) -> Result<Value, JsonError> {
    with_response!(page, page => try_to_value(page))
}

/// The page without the items that JSON cannot write, and how many those are.
fn writable(page: &Response) -> (Response, u64) {
    let mut rest = page.clone();
    with_response!(&mut rest, page => page.retain(|item| try_to_value(item).is_ok()));
    let unwritten = items(page) - items(&rest);
    (rest, unwritten)
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::collector::v1::{
        Completeness, ContainerLog, GetPodRequest, GetPodResponse, ListPodsRequest, ListPodsResponse, LogLine,
        ObjectMeta, Pod, ReadLogsRequest, ReadLogsResponse,
    };
    use gumshoe_proto::json::from_value;

    use super::*;

    fn mk_pod(name: &str) -> Pod {
        Pod { metadata: Some(ObjectMeta { name: name.into(), ..ObjectMeta::default() }), ..Pod::default() }
    }

    fn mk_page(names: &[&str]) -> Response {
        Response::ListPods(ListPodsResponse {
            items: names.iter().map(|name| mk_pod(name)).collect(),
            ..ListPodsResponse::default()
        })
    }

    fn mk_ending(items: u64) -> Ending {
        let completeness = Completeness { complete: true, consistent: true, items, ..Completeness::default() };
        Ending { completeness, ..Ending::default() }
    }

    fn write(printer: &mut dyn PagePrinter, pages: &[Response], ending: &Ending) -> String {
        let mut out = Vec::new();
        for page in pages {
            printer.page(&mut out, page).expect("a Vec takes all");
        }
        printer.end(&mut out, ending).expect("a Vec takes all");
        String::from_utf8(out).expect("JSON is UTF-8")
    }

    fn read<M: prost::Message + prost::Name + Default>(text: &str) -> M {
        from_value(serde_json::from_str(text).expect(text)).expect("the shape of the response")
    }

    #[test]
    fn pages_become_one_document_of_the_response() {
        let list = Request::ListPods(ListPodsRequest::default());
        let pages = [mk_page(&["a", "b"]), mk_page(&[]), mk_page(&["c"])];
        let text = write(&mut JsonDocument::new(&list), &pages, &mk_ending(3));
        let document: ListPodsResponse = read(&text);
        assert_eq!(document.items, [mk_pod("a"), mk_pod("b"), mk_pod("c")]);
        assert_eq!(document.completeness, Some(mk_ending(3).completeness));
        assert_eq!(text.lines().count(), 6);
    }

    #[test]
    fn an_empty_list_is_a_document_too() {
        let list = Request::ListPods(ListPodsRequest::default());
        let document: ListPodsResponse = read(&write(&mut JsonDocument::new(&list), &[], &mk_ending(0)));
        assert!(document.items.is_empty() && document.completeness.is_some());
    }

    #[test]
    fn one_pod_is_no_list() {
        let get = Request::GetPod(GetPodRequest::default());
        let page = Response::GetPod(GetPodResponse { item: Some(mk_pod("a")), completeness: None });
        let document: GetPodResponse = read(&write(&mut JsonDocument::new(&get), &[page], &mk_ending(1)));
        assert_eq!(document.item, Some(mk_pod("a")));
        let nothing: GetPodResponse = read(&write(&mut JsonDocument::new(&get), &[], &mk_ending(0)));
        assert!(nothing.item.is_none() && nothing.completeness.is_some());
    }

    #[test]
    fn logs_keep_the_bytes_and_the_outcome_of_each_container() {
        let line =
            LogLine { text: "\u{fffd}\u{9b}".into(), raw: b"\xff\xc2\x9b".as_slice().into(), ..LogLine::default() };
        let page = Response::ReadLogs(ReadLogsResponse { lines: vec![line.clone()], ..ReadLogsResponse::default() });
        let outcome = ContainerLog { container: "web".into(), lines: 1, ..ContainerLog::default() };
        let ending = Ending { logs: vec![outcome.clone()], ..mk_ending(1) };
        let text = write(&mut JsonDocument::new(&Request::ReadLogs(ReadLogsRequest::default())), &[page], &ending);
        let document: ReadLogsResponse = read(&text);
        assert_eq!((document.lines, document.logs), (vec![line], vec![outcome]));
        assert!(text.contains("\\u009b"), "{text}");
    }

    #[test]
    fn json_lines_are_pages_and_a_last_word() {
        let text =
            write(&mut JsonLines::default(), &[mk_page(&["a", "b"]), mk_page(&[]), mk_page(&["c"])], &mk_ending(3));
        let pages: Vec<ListPodsResponse> = text.lines().map(read).collect();
        assert_eq!(pages.iter().map(|page| page.items.len()).collect::<Vec<_>>(), [2, 1, 0]);
        assert_eq!(pages[2].completeness, Some(mk_ending(3).completeness));
    }

    #[test]
    fn an_item_that_json_cannot_hold_is_left_out_and_counted() {
        let list = Request::ListPods(ListPodsRequest::default());
        let year_zero = Some(prost_types::Timestamp { seconds: -62_150_000_000, nanos: 0 });
        let mut page = ListPodsResponse { items: vec![mk_pod("a"), mk_pod("b")], ..ListPodsResponse::default() };
        page.items[0].metadata.get_or_insert_default().creation_timestamp = year_zero;
        let pages = [Response::ListPods(page)];
        let mut document = JsonDocument::new(&list);
        let whole: ListPodsResponse = read(&write(&mut document, &pages, &mk_ending(1)));
        assert_eq!((whole.items, document.unwritten()), (vec![mk_pod("b")], 1));
        let mut lines = JsonLines::default();
        let text = write(&mut lines, &pages, &mk_ending(1));
        let first: ListPodsResponse = read(text.lines().next().unwrap_or_default());
        assert_eq!((first.items, lines.unwritten()), (vec![mk_pod("b")], 1));
    }
}
