//! Lists, with what paginating and pinning to a version mean (k8s.io/apiserver: pkg/registry, pkg/storage/etcd3).

use std::sync::Arc;

use bytes::Bytes;
use http::{Response, StatusCode};
use k8s_pb::apimachinery::pkg::apis::meta::v1::ListMeta;

use super::failure::Failure;
use super::journal::Query;
use super::object::Object;
use super::response::{self, Body};
use super::route::Resource;
use super::selector::Selection;
use super::shop::Shop;
use super::store::Store;
use super::table;
use super::token::ContinueToken;
use super::wire;

/// What pods can be selected by.
const POD_FIELDS: &[&str] = &[
    "metadata.name",
    "metadata.namespace",
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.nominatedNodeName",
];
/// What events can be selected by.
const EVENT_FIELDS: &[&str] = &[
    "metadata.name",
    "metadata.namespace",
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "source",
    "reportingComponent",
    "type",
];
/// What Secrets can be selected by.
const SECRET_FIELDS: &[&str] = &["metadata.name", "metadata.namespace", "type"];
/// What all else can be selected by.
const FIELDS: &[&str] = &["metadata.name", "metadata.namespace"];

/// Answers a list request.
pub(super) fn list(
    store: &Store,
    resource: Resource,
    namespace: Option<&str>,
    query: &Query,
) -> Result<Response<Body>, Failure> {
    let (metadata, items) = listed(store, resource, namespace, query, |object| object.bytes.clone())?;
    Ok(match resource {
        Resource::SECRETS => table::secrets(&metadata, items),
        _ => response::list(wire::list(resource.kind, &metadata, items)),
    })
}

/// The same with nothing but the metadata of each object.
pub(super) fn metadata(
    store: &Store,
    resource: Resource,
    namespace: Option<&str>,
    query: &Query,
) -> Result<Response<Body>, Failure> {
    let (metadata, items) = listed(store, resource, namespace, query, |object| object.metadata_only(resource))?;
    Ok(response::list(wire::list("PartialObjectMetadata", &metadata, items)))
}

fn listed(
    store: &Store,
    resource: Resource,
    namespace: Option<&str>,
    query: &Query,
    form: impl Fn(&Object) -> Bytes,
) -> Result<(ListMeta, Vec<Bytes>), Failure> {
    let selection = Selection::parse(query.get("labelSelector"), query.get("fieldSelector"))?;
    selection.check_fields(match resource {
        Resource::PODS => POD_FIELDS,
        Resource::EVENTS => EVENT_FIELDS,
        Resource::SECRETS => SECRET_FIELDS,
        _ => FIELDS,
    })?;
    let place = Place::of(store, query)?;
    let page = place.page(resource, namespace, &selection, form);
    let metadata = ListMeta {
        self_link: Some(String::new()),
        resource_version: Some(place.version.to_string()),
        r#continue: Some(page.next.map(|token| token.encode()).unwrap_or_default()),
        remaining_item_count: page.remaining,
    };
    Ok((metadata, page.items))
}

/// Which state is listed, from where, and how far.
struct Place {
    shop: Arc<Shop>,
    version: u64,
    start: String,
    limit: usize,
}

struct Page {
    items: Vec<Bytes>,
    next: Option<ContinueToken>,
    remaining: Option<i64>,
}

impl Place {
    fn of(store: &Store, query: &Query) -> Result<Self, Failure> {
        let limit = match query.get("limit") {
            "" => 0,
            limit => limit.parse().map_err(|_| Failure::bad_request(format!("invalid limit: {limit}")))?,
        };
        let (version, exact) = (query.get("resourceVersion"), query.get("resourceVersionMatch"));
        let token = query.get("continue");
        if !token.is_empty() {
            if !version.is_empty() && version != "0" {
                return Err(Failure::bad_request("specifying resource version is not allowed when using continue"));
            }
            return Self::continued(store, token, limit);
        }
        match (version, exact) {
            ("", "") => Ok(Self::newest(store, limit)),
            ("", _) => Err(Failure::invalid("resourceVersionMatch is forbidden unless resourceVersion is provided")),
            ("0", "Exact") => {
                Err(Failure::invalid("resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\""))
            }
            // Served from the watch cache, which does not paginate.
            ("0", _) => Ok(Self::newest(store, 0)),
            (version, "Exact") => Self::exact(store, number(version)?, String::new(), limit, None),
            (version, _) if number(version)? > store.current().0 => Err(too_large()),
            (_, _) => Ok(Self::newest(store, limit)),
        }
    }

    fn newest(store: &Store, limit: usize) -> Self {
        let (version, shop) = store.current();
        Self { shop, version, start: String::new(), limit }
    }

    fn continued(store: &Store, token: &str, limit: usize) -> Result<Self, Failure> {
        let token = ContinueToken::decode(token)
            .ok_or_else(|| Failure::bad_request("continue key is not valid: illegal base64 or JSON"))?;
        match token.version {
            None => Ok(Self { start: token.start, ..Self::newest(store, limit) }),
            Some(version) => {
                let resume = token.inconsistent().encode();
                Self::exact(store, version, token.start, limit, Some(resume))
            }
        }
    }

    fn exact(
        store: &Store,
        version: u64,
        start: String,
        limit: usize,
        resume: Option<String>,
    ) -> Result<Self, Failure> {
        if version > store.current().0 {
            return Err(too_large());
        }
        let shop = store.at(version).ok_or_else(|| Failure::expired(resume))?;
        Ok(Self { shop, version, start, limit })
    }

    /// With a selector a page counts what was looked at, not what was found: so it may hold fewer than `limit` and still not be
    /// the last, as a real API server's may.
    fn page(
        &self,
        resource: Resource,
        namespace: Option<&str>,
        selection: &Selection,
        form: impl Fn(&Object) -> Bytes,
    ) -> Page {
        let inside = |object: &&Object| namespace.is_none_or(|namespace| object.namespace == namespace);
        let mut rest = self.shop.objects_from(resource, &self.start).filter(inside);
        let limit = if self.limit == 0 { usize::MAX } else { self.limit };
        let items = rest.by_ref().take(limit).filter(|object| selection.matches(object)).map(form).collect();
        let next = rest.next().map(|object| ContinueToken { version: Some(self.version), start: object.key() });
        let remaining = match next {
            Some(_) if selection.is_everything() => i64::try_from(rest.count() + 1).ok(),
            _ => None,
        };
        Page { items, next, remaining }
    }
}

fn number(version: &str) -> Result<u64, Failure> {
    version.parse().map_err(|_| Failure::invalid(format!("resourceVersion: Invalid value: \"{version}\"")))
}

fn too_large() -> Failure {
    Failure::new(StatusCode::GATEWAY_TIMEOUT, "Timeout", "Too large resource version")
}
