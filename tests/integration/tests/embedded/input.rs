//! What no Kubernetes object can be called is refused before anything is read, on every method, and the field is named.

use gumshoe_devstack::stack::Stack;
use gumshoe_integration::{dynamic, grpc_client};
use gumshoe_proto::collector::v1::{
    GetPodRequest, InvolvedObject, ListEventsRequest, ListPodsRequest, ReadLogsRequest,
};
use prost_reflect::{DynamicMessage, MethodDescriptor, Value};
use prost_types::{Duration, Timestamp};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::support::{Client, client_of, mk_shop};

/// None of them is a name; each would be another path of the API server if it were not checked.
const BAD_NAMES: [&str; 11] = ["", "/", "..", ".", "a/b", "../secrets", "%2e%2e", "a?b", "a b", "UPPER", "a\u{0}b"];

/// A request, and the field that is wrong with it.
type Case<R> = (&'static str, R);
/// A request of any method.
type Generic = (MethodDescriptor, DynamicMessage);

fn check<R: std::fmt::Debug>(field: &str, request: &R, outcome: Result<(), Status>) {
    let status = match outcome {
        Ok(()) => panic!("{field}: {request:?} was accepted"),
        Err(status) => status,
    };
    assert_eq!(status.code(), Code::InvalidArgument, "{field}: {request:?}: {status:?}");
    let details = status.get_error_details();
    let violations = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
    let fields: Vec<&str> = violations.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, [field], "{request:?}: {status:?}");
    assert!(details.error_info().is_some_and(|info| !info.reason.is_empty()), "{status:?}");
}

/// Of the methods that read one object.
fn get_cases() -> Vec<Case<Generic>> {
    let gets = dynamic::methods().filter(|method| method.name().starts_with("Get"));
    let of = |method: MethodDescriptor| {
        BAD_NAMES.into_iter().flat_map(move |bad| {
            let fields =
                ["namespace", "name"].into_iter().filter(|field| method.input().get_field_by_name(field).is_some());
            let wrong = |field: &'static str| {
                let mut request = DynamicMessage::new(method.input());
                for (known, good) in [("namespace", "shop"), ("name", "web-0")] {
                    let text = if known == field { bad } else { good };
                    let _ = request.try_set_field_by_name(known, Value::String(text.into()));
                }
                (field, (method.clone(), request))
            };
            fields.map(wrong).collect::<Vec<_>>()
        })
    };
    gets.flat_map(of).collect()
}

/// Of the methods that list.
fn list_cases() -> Vec<Case<Generic>> {
    let text = |text: &str| Value::String(text.to_owned());
    let others = [
        ("label_selector", text("app in web")),
        ("label_selector", text("a/b/c=d")),
        ("label_selector", text("=")),
        ("field_selector", text("status.phase")),
        ("page_size", Value::I32(-1)),
        ("limit", Value::I64(-1)),
        ("page_token", text("?")),
    ];
    let names = BAD_NAMES.map(|bad| ("namespaces", Value::List(vec![text("shop"), text(bad)])));
    let of = |method: MethodDescriptor| {
        let has = |field: &str| method.input().get_field_by_name(field).is_some();
        let wrong = names.iter().chain(&others).filter(|(field, _)| has(field)).collect::<Vec<_>>();
        wrong.into_iter().map(move |(field, wrong)| {
            let mut request = DynamicMessage::new(method.input());
            request.set_field_by_name(field, wrong.clone());
            (*field, (method.clone(), request))
        })
    };
    dynamic::methods().filter(|method| method.name().starts_with("List")).flat_map(of).collect()
}

fn list_events_cases() -> Vec<Case<ListEventsRequest>> {
    let object = |object| ListEventsRequest { involved_object: Some(object), ..ListEventsRequest::default() };
    // Empty means any here.
    let objects = BAD_NAMES[1..].iter().filter(|bad| **bad != "UPPER").flat_map(|&bad| {
        [
            ("involved_object.name", object(InvolvedObject { name: bad.into(), ..InvolvedObject::default() })),
            (
                "involved_object.namespace",
                object(InvolvedObject { namespace: bad.into(), ..InvolvedObject::default() }),
            ),
        ]
    });
    objects.collect()
}

fn read_logs_cases() -> Vec<Case<ReadLogsRequest>> {
    let good = || ReadLogsRequest { namespace: "shop".into(), pod: "web-0".into(), ..ReadLogsRequest::default() };
    let names = BAD_NAMES.iter().flat_map(move |&bad| {
        [
            ("namespace", ReadLogsRequest { namespace: bad.into(), ..good() }),
            ("pod", ReadLogsRequest { pod: bad.into(), ..good() }),
            ("containers", ReadLogsRequest { containers: vec![bad.into()], ..good() }),
        ]
    });
    let second = |seconds| Some(Timestamp { seconds, nanos: 0 });
    let others = vec![
        ("containers", ReadLogsRequest { containers: vec!["app".into()], all_containers: true, ..good() }),
        ("follow", ReadLogsRequest { previous: true, follow: true, ..good() }),
        ("tail_lines", ReadLogsRequest { tail_lines: Some(-1), ..good() }),
        ("newest_bytes", ReadLogsRequest { newest_bytes: Some(-1), ..good() }),
        ("since_time", ReadLogsRequest { since_time: second(i64::MAX), ..good() }),
        ("since", ReadLogsRequest { since: Some(Duration { seconds: -1, nanos: 0 }), ..good() }),
        ("since", ReadLogsRequest { since: Some(Duration::default()), since_time: second(1), ..good() }),
        ("whole_log", ReadLogsRequest { whole_log: true, tail_lines: Some(1), ..good() }),
        ("page_size", ReadLogsRequest { page_size: -1, ..good() }),
        ("page_token", ReadLogsRequest { page_token: "?".into(), ..good() }),
    ];
    names.chain(others).collect()
}

#[tokio::test]
async fn a_bad_field_is_named_on_every_method_and_nothing_is_read() {
    let every_kind = dynamic::every_kind();
    let stack = Stack::of(mk_shop(1)).collector_arguments(&[&every_kind]).start_without_bridge().await.unwrap();
    let mut client: Client = client_of(&stack);
    let grpc = grpc_client(stack.collector_address(), &stack.certificates);
    for (field, (method, request)) in get_cases().into_iter().chain(list_cases()) {
        check(field, &request, dynamic::call(&grpc, &method, request.clone()).await.map(drop));
    }
    for (field, request) in list_events_cases() {
        check(field, &request, client.list_events(request.clone()).await.map(drop));
    }
    for (field, request) in read_logs_cases() {
        check(field, &request, client.read_logs(request.clone()).await.map(drop));
    }
    let read = stack.replay.requests().into_iter().find(|request| request.path.starts_with("/api/"));
    assert!(read.is_none(), "{read:?}");
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_a_strange_name_stays_a_name() {
    let stack = Stack::of(mk_shop(1)).start_without_bridge().await.unwrap();
    let mut client = client_of(&stack);
    // Legal, and yet nothing that a path may hold as it is.
    let request = GetPodRequest { namespace: "shop".into(), name: "a.b-c".into(), ..Default::default() };
    let status = client.pods.get_pod(request).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound, "{status:?}");
    assert!(stack.replay.requests().iter().any(|request| request.path == "/api/v1/namespaces/shop/pods/a.b-c"));
    // An object of an event can be called almost anything; it cannot become another selector.
    let about = InvolvedObject { name: "a,reason=b".into(), ..InvolvedObject::default() };
    let request = ListEventsRequest { involved_object: Some(about), ..ListEventsRequest::default() };
    client.list_events(request).await.unwrap();
    let asked = stack.replay.requests().into_iter().find(|request| request.path == "/api/v1/events").unwrap();
    assert_eq!(asked.query.get("fieldSelector"), "involvedObject.name=a\\,reason\\=b");
    let request = ListPodsRequest { field_selector: "spec.color=red".into(), ..ListPodsRequest::default() };
    let status = client.list_pods(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
}
