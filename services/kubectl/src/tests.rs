use gumshoe_proto::{
    bridge::v1::Query,
    collector::v1::{
        GetPodRequest, InvolvedObject, ListEventsRequest, ListNodesRequest, ListPodsRequest, ReadLogsRequest,
    },
    json,
    methods::PATHS,
};
use proptest::{collection::vec, option, prelude::*};

use super::*;

fn request(line: &str) -> Request {
    Line::parse_line(line).expect(line).request
}

#[test]
fn nodes_are_in_no_namespace_whatever_is_said() {
    let all = Request::ListNodes(ListNodesRequest::default());
    for line in ["get nodes", "get no -A", "get nodes -n shop"] {
        assert_eq!(request(line), all, "{line}");
    }
}

#[test]
fn without_a_namespace_it_is_the_default_one() {
    let Request::ListPods(list) = request("get pods") else { panic!("a list") };
    assert_eq!(list.namespaces, ["default"]);
    let Request::ListPods(list) = request("get pods -A") else { panic!("a list") };
    assert!(list.namespaces.is_empty());
    let Request::ListPods(list) = request("get po -n shop,payments -n default") else { panic!("a list") };
    assert_eq!(list.namespaces, ["shop", "payments", "default"]);
}

#[test]
fn a_name_asks_for_one_pod() {
    let expected = GetPodRequest { namespace: "shop".into(), name: "web-0".into(), ..Default::default() };
    assert_eq!(request("get pods web-0 -n shop"), Request::GetPod(expected));
}

#[test]
fn quotes_are_those_of_a_shell() {
    let Request::ListPods(list) = request("get pods -l 'app in (web, db)'") else { panic!("a list") };
    assert_eq!(list.label_selector, "app in (web, db)");
}

#[test]
fn a_window_of_a_log_is_in_the_request() {
    let Request::ReadLogs(read) =
        request("logs pod/web-0 -n shop -c web -p --tail 0 --since 1h30m --newest-bytes 64KiB")
    else {
        panic!("a log")
    };
    assert_eq!(read.pod, "web-0");
    assert_eq!((read.tail_lines, read.newest_bytes), (Some(0), Some(65536)));
    assert_eq!(read.since.map(|since| since.seconds), Some(5400));
    assert!(read.previous && !read.whole_log);
}

#[test]
fn the_collector_can_be_named_anywhere() {
    let line = Line::parse_line("get pods --collector west").expect("valid");
    assert_eq!(line.collector, "west");
    assert_eq!(Line::parse_line("get pods").expect("valid").collector, "");
}

#[test]
fn what_contradicts_itself_is_refused_with_its_reason() {
    for (line, why) in [
        ("get pods web-0 -n shop,payments", "just one"),
        ("get pods -A -n shop", "cannot be used with"),
        ("get pods web-0 -l app=web", "cannot be used with"),
        ("logs web-0 --whole --tail 3", "cannot be used with"),
        ("logs web-0 -f -p", "cannot be used with"),
        ("logs web-0 --tail -1", "-1"),
        ("logs deploy/web", "logs are read from pods"),
        ("logs", "required"),
        ("get roles", "roles"),
        ("get events --for web", "KIND/NAME"),
        ("get pods --limit 0", "0"),
        ("get pods -l 'app", "quote"),
        ("", ""),
    ] {
        let error = Line::parse_line(line).expect_err(line);
        assert!(error.contains(why), "{line}: {error}");
        assert!(!error.contains("--help"), "{line}: {error}");
    }
}

#[test]
fn every_method_of_the_contract_can_be_asked_for_in_words() {
    let arms: Vec<_> =
        json::descriptor::<Query>().oneofs().flat_map(|oneof| oneof.fields().collect::<Vec<_>>()).collect();
    assert_eq!(arms.len(), PATHS.len());
    for arm in arms {
        let empty = serde_json::json!({ arm.json_name(): {} });
        let query: Query = json::from_value(empty).expect("a query");
        let line = describe(&query.request.clone().expect("a request"));
        assert_eq!(Line::parse_line(&line).map(|line| Some(line.request)), Ok(query.request), "{line}");
    }
}

#[test]
fn no_environment_variable_changes_what_is_read() {
    use clap::CommandFactory as _;
    fn check(command: &clap::Command) {
        assert!(command.get_arguments().all(|argument| argument.get_env().is_none()), "{}", command.get_name());
        command.get_subcommands().for_each(check);
    }
    check(&Line::command());
}

fn word() -> impl Strategy<Value = String> {
    "[a-z0-9][a-z0-9 '\"$=!()-]{0,11}"
}

fn any_request() -> impl Strategy<Value = Request> {
    let name = || "[a-z0-9]([a-z0-9.-]{0,9}[a-z0-9])?";
    let namespaces = || vec("[a-z0-9]{1,8}", 0..3);
    let selector = || prop_oneof![Just(String::new()), word()];
    let pod = (name(), name())
        .prop_map(|(namespace, name)| Request::GetPod(GetPodRequest { namespace, name, ..Default::default() }));
    let pods = (namespaces(), selector(), selector(), 0..5_i64, 0..2).prop_map(
        |(namespaces, label_selector, field_selector, limit, view)| {
            Request::ListPods(ListPodsRequest {
                namespaces,
                label_selector,
                field_selector,
                limit,
                view,
                ..Default::default()
            })
        },
    );
    let about = (prop_oneof![Just("Pod"), Just("Rollout")], name()).prop_map(|(kind, name)| InvolvedObject {
        kind: kind.into(),
        name,
        ..Default::default()
    });
    let events = (namespaces(), option::of(about), vec("[A-Z][a-z]{1,6}", 0..3), selector(), 0..5_i64).prop_map(
        |(namespaces, involved_object, reasons, field_selector, limit)| {
            let types = reasons
                .iter()
                .map(|reason: &String| if reason.as_str() < "N" { "Normal" } else { "Warning" }.to_owned())
                .collect();
            Request::ListEvents(ListEventsRequest {
                namespaces,
                involved_object,
                types,
                reasons,
                field_selector,
                limit,
                ..Default::default()
            })
        },
    );
    prop_oneof![pod, pods, events, any_logs()]
}

fn any_logs() -> impl Strategy<Value = Request> {
    let window = prop_oneof![
        Just(ReadLogsRequest { whole_log: true, ..Default::default() }),
        (option::of(0..9_i64), option::of(0..i64::MAX)).prop_map(|(tail_lines, newest_bytes)| ReadLogsRequest {
            tail_lines,
            newest_bytes,
            ..Default::default()
        }),
        (1..100_000_i64, 0..1_000_000_000).prop_map(|(seconds, nanos)| ReadLogsRequest {
            since: Some(prost_types::Duration { seconds, nanos }),
            ..Default::default()
        }),
        (0..4_000_000_000_i64, 0..1_000_000_000).prop_map(|(seconds, nanos)| ReadLogsRequest {
            since_time: Some(prost_types::Timestamp { seconds, nanos }),
            ..Default::default()
        }),
    ];
    (window, "[a-z0-9]{1,9}", vec("[a-z0-9]{1,9}", 0..3), 0..3).prop_map(|(window, pod, containers, mode)| {
        let all_containers = containers.is_empty();
        Request::ReadLogs(ReadLogsRequest {
            namespace: "shop".into(),
            pod,
            containers,
            all_containers,
            previous: mode == 1,
            follow: mode == 2,
            ..window
        })
    })
}

proptest! {
    /// The two ways of asking, lines and requests, are one language.
    #[test]
    fn a_described_request_reads_back_as_itself(request in any_request()) {
        let line = describe(&request);
        let read = Line::parse_line(&line);
        prop_assert!(read.is_ok(), "{}: {:?}", line, read.err());
        prop_assert_eq!(read.map(|read| read.request).ok(), Some(request), "{}", line);
    }
}
