//! Answers as canonical proto3 JSON, written as the pages come.

use std::io::{self, Write};

use gumshoe_proto::json::{to_string, to_value};
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
}

impl JsonDocument {
    /// For the answer to a request.
    pub(crate) fn new(request: &Request) -> Self {
        let (field, single) = match request {
            Request::GetPod(_) => ("item", true),
            Request::ListPods(_) | Request::ListEvents(_) => ("items", false),
            Request::ReadLogs(_) => ("lines", false),
        };
        Self { field, single, written: 0 }
    }

    fn item(&mut self, out: &mut dyn Write, item: String) -> io::Result<()> {
        let before = match (self.written, self.single) {
            (0, true) => format!("{{\"{}\":", self.field),
            (0, false) => format!("{{\"{}\":[\n", self.field),
            _ => ",\n".to_owned(),
        };
        self.written += 1;
        write!(out, "{before}{}", json_line(item))
    }
}

impl PagePrinter for JsonDocument {
    fn page(&mut self, out: &mut dyn Write, page: &Response) -> io::Result<()> {
        match page {
            Response::GetPod(page) => page.item.iter().try_for_each(|item| self.item(out, to_string(item))),
            Response::ListPods(page) => page.items.iter().try_for_each(|item| self.item(out, to_string(item))),
            Response::ListEvents(page) => page.items.iter().try_for_each(|item| self.item(out, to_string(item))),
            Response::ReadLogs(page) => page.lines.iter().try_for_each(|line| self.item(out, to_string(line))),
        }
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
}

/// One object a line: each page as it came, and at the end one with what is said of the whole.
pub(crate) struct JsonLines;

impl PagePrinter for JsonLines {
    fn page(&mut self, out: &mut dyn Write, page: &Response) -> io::Result<()> {
        if items(page) == 0 {
            return Ok(());
        }
        writeln!(out, "{}", json_line(response_value(page).to_string()))
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

fn response_value(page: &Response) -> Value {
    match page {
        Response::GetPod(page) => to_value(page),
        Response::ListPods(page) => to_value(page),
        Response::ListEvents(page) => to_value(page),
        Response::ReadLogs(page) => to_value(page),
    }
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
        let text = write(&mut JsonLines, &[mk_page(&["a", "b"]), mk_page(&[]), mk_page(&["c"])], &mk_ending(3));
        let pages: Vec<ListPodsResponse> = text.lines().map(read).collect();
        assert_eq!(pages.iter().map(|page| page.items.len()).collect::<Vec<_>>(), [2, 1, 0]);
        assert_eq!(pages[2].completeness, Some(mk_ending(3).completeness));
    }
}
