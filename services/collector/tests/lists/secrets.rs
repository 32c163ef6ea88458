//! Secrets: what is asked for, and that no value comes out whatever the API server answers.

use futures::StreamExt as _;
use gumshoe_collector::pages::page::Encoded;
use gumshoe_proto::{
    collector::v1::{GapReason, GetSecretRequest, GetSecretResponse, ListSecretsRequest, ListSecretsResponse},
    methods::Page as _,
};
use prost::Message as _;
use tonic::{Code, Status};

use crate::{
    fake_api::{Answer, FakeApi},
    support::{Pages, collect, mk_call, mk_reader, reasons},
};

const LIST: &str = "/api/v1/secrets";
/// In plain and as it stands in a Secret.
const VALUES: [&str; 2] = ["hunter2-canary", "aHVudGVyMi1jYW5hcnk="];

/// A Table as a real API server sends it, with an annotation that is a copy of the object, and one of somebody's own.
const TABLE: &str = r#"{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"7"},
    "columnDefinitions":[{"name":"Name"},{"name":"Type"},{"name":"Data"},{"name":"Age"}],
    "rows":[{"cells":["db","Opaque",2,"5d"],"object":{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1",
        "metadata":{"name":"db","namespace":"shop","uid":"u","creationTimestamp":"2026-11-01T12:00:00Z","labels":{"app":"db"},
        "annotations":{"meta.helm.sh/release-name":"shop","vendor.example/copy":"hunter2-canary","kubectl.kubernetes.io/last-applied-configuration":
            "{\"data\":{\"password\":\"aHVudGVyMi1jYW5hcnk=\"},\"stringData\":{\"password\":\"hunter2-canary\"}}"},
        "managedFields":[{"manager":"kubectl","fieldsType":"FieldsV1","fieldsV1":{"f:data":{".":{},"f:password":{},"f:user":{}}}}]}}}]}"#;

fn mk_api(answer: Answer) -> FakeApi {
    let api = FakeApi::new(Vec::new());
    api.fault(LIST, answer);
    api
}

async fn list(api: &FakeApi) -> Result<Pages<ListSecretsResponse>, Status> {
    collect(mk_reader(api, &[]).await.list(&mk_call(), &ListSecretsRequest::default())?).await
}

fn assert_no_value(text: &str) {
    assert!(VALUES.iter().all(|value| !text.contains(value)), "{text}");
}

#[tokio::test]
async fn a_table_with_metadata_is_asked_for_and_nothing_else_is_accepted() {
    let api = mk_api(Answer::Body(TABLE));
    list(&api).await.unwrap();
    let request = &api.requests(LIST)[0];
    assert!(request.contains("includeObject=Metadata") && request.contains("limit=500"), "{request}");
    assert_eq!(api.last_headers()["accept"], "application/json;as=Table;g=meta.k8s.io;v=v1");
}

#[tokio::test]
async fn one_secret_is_asked_for_as_a_table_too() {
    const GET: &str = "/api/v1/namespaces/shop/secrets/db";
    let api = FakeApi::new(Vec::new());
    api.fault(GET, Answer::Body(TABLE));
    let request = GetSecretRequest { namespace: "shop".into(), name: "db".into(), ..GetSecretRequest::default() };
    let Encoded(answer) = mk_reader(&api, &[]).await.get(&mk_call(), &request).await.unwrap();
    assert_no_value(&String::from_utf8_lossy(&answer));
    let item = GetSecretResponse::decode(answer).unwrap().item.unwrap();
    assert_eq!((item.r#type.as_str(), item.columns.unwrap().data), ("Opaque", 2));
    assert!(api.requests(GET)[0].contains("includeObject=Metadata"));
    assert_eq!(api.last_headers()["accept"], "application/json;as=Table;g=meta.k8s.io;v=v1");
}

#[tokio::test]
async fn of_a_secret_its_metadata_is_given_and_of_annotations_those_that_cannot_hold_a_value() {
    let reader = mk_reader(&mk_api(Answer::Body(TABLE)), &[]).await;
    let mut stream = reader.list(&mk_call(), &ListSecretsRequest::default()).unwrap();
    let Encoded(page) = stream.next().await.unwrap().unwrap();
    assert_no_value(&String::from_utf8_lossy(&page));
    let page = ListSecretsResponse::decode(page).unwrap();
    assert!(page.clone().completeness_mut().as_ref().unwrap().complete);
    let secret = &page.items[0];
    let metadata = secret.metadata.as_ref().unwrap();
    assert_eq!((metadata.namespace.as_str(), metadata.name.as_str(), secret.r#type.as_str()), ("shop", "db", "Opaque"));
    assert_eq!(metadata.labels["app"], "db");
    assert_eq!(metadata.annotations, [("meta.helm.sh/release-name".to_owned(), "shop".to_owned())].into());
    assert_eq!(metadata.creation_timestamp.map(|time| time.seconds), Some(1_793_534_400));
    let withheld = metadata.withheld_annotations.iter().map(|withheld| (withheld.key.as_str(), withheld.length));
    let copy = ("kubectl.kubernetes.io/last-applied-configuration", 87);
    assert_eq!(withheld.collect::<Vec<_>>(), [copy, ("vendor.example/copy", 14)]);
    assert_eq!(secret.key_names, ["password", "user"]);
}

#[tokio::test]
async fn what_is_no_table_is_an_error_and_its_values_go_nowhere() {
    const SECRETS: &str = r#"{"kind":"SecretList","apiVersion":"v1","metadata":{"resourceVersion":"7"},
        "items":[{"metadata":{"name":"db","namespace":"shop"},"data":{"password":"aHVudGVyMi1jYW5hcnk="}}]}"#;
    const OBJECTS: &str = r#"{"kind":"Table","metadata":{},"columnDefinitions":[{"name":"Name"},{"name":"Type"},{"name":"Data"}],
        "rows":{"data":{"password":"hunter2-canary"}}}"#;
    for body in [SECRETS, OBJECTS] {
        let status = list(&mk_api(Answer::Body(body))).await.err().unwrap();
        assert_eq!(status.code(), Code::Internal, "{status:?}");
        assert_no_value(&format!("{status:?}"));
    }
    let status = list(&mk_api(Answer::Status(406))).await.err().unwrap();
    assert!(status.message().contains("406 Not Acceptable"), "{status:?}");
    // What answers in protobuf all the same is no server of Tables.
    let status = list(&FakeApi::of_secrets()).await.err().unwrap();
    assert!(status.message().contains("502"), "{status:?}");
}

#[tokio::test]
async fn a_row_that_holds_the_object_itself_is_a_gap() {
    const WHOLE: &str = r#"{"kind":"Table","metadata":{"resourceVersion":"7"},
        "columnDefinitions":[{"name":"Name"},{"name":"Type"},{"name":"Data"}],
        "rows":[{"cells":["db","Opaque",1],"object":{"kind":"Secret","metadata":{"name":"db","namespace":"shop"},
            "data":{"password":"aHVudGVyMi1jYW5hcnk="}}},
            {"cells":["hunter2-canary"],"object":{"kind":"PartialObjectMetadata","metadata":{"name":7}}}]}"#;
    let pages = list(&mk_api(Answer::Body(WHOLE))).await.unwrap();
    assert_eq!(reasons(&pages.end), [GapReason::ItemUnreadable, GapReason::ItemUnreadable]);
    assert_eq!((pages.end.gaps[0].name.as_str(), pages.names.len()), ("db", 0));
    assert_no_value(&format!("{:?}", pages.end));
}
