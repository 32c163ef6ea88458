//! What the collector's ServiceAccount may read, asked of the API server itself (SelfSubjectAccessReview, which every
//! ServiceAccount may create) and reported in the log, so that a missing rule is seen before an incident.

use std::time::Duration;

use anyhow::anyhow;
use http::header;
use http_body_util::{BodyExt as _, Limited};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::client::Body;
use tokio::time::timeout;

use crate::{kubernetes::resource::Resource, lists::Reader, methods::Permission};

/// A review is answered from memory; a server that takes longer has other troubles.
const REVIEW_TIMEOUT: Duration = Duration::from_secs(10);

/// A review takes less than a kilobyte.
const REVIEW_BYTES_MAX: usize = 64 << 10;
const JSON: &str = "application/json";

/// Logs a warning for each permission that is missing, in the whole cluster or in a namespace of the scope.
pub async fn report(reader: &Reader, permissions: &[Permission]) {
    let places: Vec<_> = match reader.scope.namespaces() {
        Some(namespaces) => namespaces.map(|namespace| Some(namespace.to_string())).collect(),
        None => vec![None],
    };
    for permission in permissions {
        // What is in no namespace is not read where there is a scope.
        let asked = places.iter().filter(|place| place.is_none() || permission.resource.namespaced);
        for namespace in asked {
            let place = namespace.as_deref().unwrap_or("the whole cluster");
            let Permission { verb, resource, subresource } = permission;
            let resource = resource.plural;
            match timeout(REVIEW_TIMEOUT, allowed(reader, permission, namespace.clone())).await {
                Ok(Ok(true)) => tracing::debug!(verb, resource, subresource, place, "permitted"),
                Ok(Ok(false)) => {
                    tracing::warn!(verb, resource, subresource, place, "not permitted: calls that need it fail")
                }
                Ok(Err(_)) | Err(_) => {
                    tracing::info!(verb, resource, subresource, place, "cannot tell whether this is permitted")
                }
            }
        }
    }
}

async fn allowed(reader: &Reader, permission: &Permission, namespace: Option<String>) -> anyhow::Result<bool> {
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                verb: Some(permission.verb.to_owned()),
                group: Some(permission.resource.group.to_owned()),
                resource: Some(permission.resource.plural.to_owned()),
                subresource: Some(permission.subresource.to_owned()).filter(|subresource| !subresource.is_empty()),
                namespace,
                ..ResourceAttributes::default()
            }),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    // By `send`: kube's own way to create an object logs all of an answer that it cannot decode.
    let request = http::Request::post(Resource::of::<SelfSubjectAccessReview>().collection(None).as_str())
        .header(header::CONTENT_TYPE, JSON)
        .header(header::ACCEPT, JSON)
        .body(Body::from(serde_json::to_vec(&review)?))?;
    let answer = reader.api.client().send(request).await?;
    let body = Limited::new(answer.into_body(), REVIEW_BYTES_MAX).collect().await;
    let body = body.map_err(|error| anyhow!("the review breaks off: {error}"))?.to_bytes();
    let review: SelfSubjectAccessReview = serde_json::from_slice(&body)?;
    Ok(review.status.is_some_and(|status| status.allowed))
}
