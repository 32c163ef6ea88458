//! Page tokens over gRPC: from each of them a new call brings exactly the rest.

use gumshoe_devstack::replay::{ContainerId, Resource, Shop, synthetic};
use gumshoe_devstack::stack::Stack;
use gumshoe_proto::collector::v1::{
    Completeness, Event, GapReason, ListEventsRequest, ListPodsRequest, LogLine, Pod, ReadLogsRequest,
};
use tonic::{Code, Status};

use crate::support::{client_of, mk_pod, names};

/// What the pages of every method have in common.
struct Page<T> {
    items: Vec<T>,
    token: String,
    completeness: Option<Completeness>,
}

/// Checks a paginated method: page sizes, the end, and that each token brings the rest and only that.
async fn check<T: Clone + PartialEq + std::fmt::Debug>(
    page_size: usize,
    total: usize,
    mut call: impl AsyncFnMut(&str) -> Result<Vec<Page<T>>, Status>,
) {
    let pages = call("").await.unwrap();
    let all: Vec<T> = pages.iter().flat_map(|page| page.items.clone()).collect();
    assert_eq!(all.len(), total);
    assert!(pages.iter().all(|page| page.items.len() <= page_size));
    let (last, earlier) = pages.split_last().unwrap();
    assert!(earlier.iter().all(|page| page.completeness.is_none()));
    let completeness = last.completeness.as_ref().unwrap();
    assert!(completeness.complete && completeness.items == total as u64, "{completeness:?}");

    let mut given = 0;
    for page in earlier {
        given += page.items.len();
        let rest = call(&page.token).await.unwrap();
        let rest: Vec<T> = rest.into_iter().flat_map(|page| page.items).collect();
        assert_eq!(rest, all[given..], "behind {given}");
    }
    for token in ["garbage", "e30"] {
        assert_eq!(call(token).await.err().map(|status| status.code()), Some(Code::InvalidArgument), "{token}");
    }
}

fn mk_shop() -> Shop {
    let shop = (0..40).fold(Shop::default(), |shop, number| {
        // "a-b" sorts before "a": the order is that of the keys.
        let namespace = ["shop", "shop-b", "back"][number % 3];
        shop.pod(&mk_pod(namespace, number)).unwrap()
    });
    let shop = (0..90).fold(shop, |shop, number| {
        // Three events a second: the order needs more than the time.
        let seconds = i64::from(number) / 3;
        shop.event(&synthetic::event("shop", &format!("event-{number:03}"), "web-00000", "BackOff", seconds)).unwrap()
    });
    let texts = (0..100).map(|number| format!("line {number}"));
    shop.log(ContainerId::new("shop", "web-00000", "app"), synthetic::log_lines(texts))
}

#[tokio::test]
async fn a_list_of_pods_goes_on_from_every_token() {
    for version in [30, 36] {
        let stack = Stack::of(mk_shop().server_version(1, version)).start_without_bridge().await.unwrap();
        let mut client = client_of(&stack);
        for namespaces in [vec![], vec!["shop".to_owned(), "shop-b".to_owned(), "back".to_owned()]] {
            let mut call = async |token: &str| -> Result<Vec<Page<Pod>>, Status> {
                let request = ListPodsRequest {
                    namespaces: namespaces.clone(),
                    page_size: 7,
                    page_token: token.to_owned(),
                    ..ListPodsRequest::default()
                };
                let pages = client.list_pods(request).await?.into_iter();
                Ok(pages
                    .map(|page| Page {
                        items: page.items,
                        token: page.next_page_token,
                        completeness: page.completeness,
                    })
                    .collect())
            };
            check(7, 40, &mut call).await;
            let pods: Vec<Pod> = call("").await.unwrap().into_iter().flat_map(|page| page.items).collect();
            assert!(names(&pods).is_sorted());
        }
    }
}

#[tokio::test]
async fn a_list_of_events_goes_on_from_every_token_and_is_the_newest() {
    let stack = Stack::of(mk_shop()).start_without_bridge().await.unwrap();
    let mut client = client_of(&stack);
    let request = ListEventsRequest { page_size: 8, ..ListEventsRequest::default() };
    check(8, 90, async |token: &str| -> Result<Vec<Page<Event>>, Status> {
        let request = ListEventsRequest { page_token: token.to_owned(), ..request.clone() };
        let pages = client.list_events(request).await?.into_iter();
        Ok(pages
            .map(|page| Page { items: page.items, token: page.next_page_token, completeness: page.completeness })
            .collect())
    })
    .await;

    let pages = client.list_events(ListEventsRequest { limit: 10, ..request }).await.unwrap();
    let seconds = pages.iter().flat_map(|page| &page.items).map(|event| {
        event.columns.as_ref().and_then(|columns| columns.last_seen).unwrap_or_default().seconds - synthetic::EPOCH
    });
    assert_eq!(seconds.collect::<Vec<_>>(), [29, 29, 29, 28, 28, 28, 27, 27, 27, 26]);
    let gap = &pages.last().unwrap().completeness.as_ref().unwrap().gaps[0];
    assert_eq!((gap.reason(), gap.items), (GapReason::Limit, Some(80)));
}

#[tokio::test]
async fn a_log_goes_on_from_every_token() {
    let stack = Stack::of(mk_shop()).start_without_bridge().await.unwrap();
    let mut client = client_of(&stack);
    let request = ReadLogsRequest {
        namespace: "shop".into(),
        pod: "web-00000".into(),
        page_size: 9,
        whole_log: true,
        ..ReadLogsRequest::default()
    };
    check(9, 100, async |token: &str| -> Result<Vec<Page<LogLine>>, Status> {
        let request = ReadLogsRequest { page_token: token.to_owned(), ..request.clone() };
        let pages = client.read_logs(request).await?.into_iter();
        Ok(pages
            .map(|page| Page { items: page.lines, token: page.next_page_token, completeness: page.completeness })
            .collect())
    })
    .await;
}

#[tokio::test]
async fn a_token_shows_the_list_as_it_was_and_says_when_it_no_longer_can() {
    let stack = Stack::of(mk_shop()).start_without_bridge().await.unwrap();
    let mut client = client_of(&stack);
    let request = ListPodsRequest { page_size: 10, ..ListPodsRequest::default() };
    let first = client.list_pods(request.clone()).await.unwrap();
    let token = first[0].next_page_token.clone();
    let all: Vec<Pod> = first.into_iter().flat_map(|page| page.items).collect();
    let rest = ListPodsRequest { page_token: token.clone(), ..request.clone() };

    let name = all[20].metadata.clone().unwrap();
    stack.replay.change(|shop| shop.remove(Resource::PODS, &name.namespace, &name.name));
    let pages = client.list_pods(rest.clone()).await.unwrap();
    let pods: Vec<Pod> = pages.iter().flat_map(|page| page.items.clone()).collect();
    assert_eq!(names(&pods), names(&all[10..]));
    assert!(pages.last().unwrap().completeness.as_ref().unwrap().consistent);

    stack.replay.compact();
    let pages = client.list_pods(rest).await.unwrap();
    let pods: Vec<Pod> = pages.iter().flat_map(|page| page.items.clone()).collect();
    let mut expected = names(&all[10..]);
    expected.retain(|pod| *pod != format!("{}/{}", name.namespace, name.name));
    assert_eq!(names(&pods), expected);
    assert!(!pages.last().unwrap().completeness.as_ref().unwrap().consistent);

    let other = ListPodsRequest { page_token: token, label_selector: "app=web".into(), ..request };
    assert_eq!(client.list_pods(other).await.unwrap_err().code(), Code::InvalidArgument);
}

/// Stopping early is cancelling: what nobody reads any more is not read.
#[tokio::test]
async fn a_caller_that_goes_away_ends_the_read() {
    let shop = (0..20_000)
        .fold(Shop::default(), |shop, number| shop.pod(&synthetic::pod("shop", &format!("web-{number:05}"))).unwrap());
    let stack = Stack::of(shop).start_without_bridge().await.unwrap();
    let mut client = client_of(&stack);
    let mut pages =
        client.pods.list_pods(ListPodsRequest { page_size: 1, ..ListPodsRequest::default() }).await.unwrap();
    pages.get_mut().message().await.unwrap().unwrap();
    drop(pages);
    stack.replay.idle().await.unwrap();
}
