//! What the collector's ServiceAccount may read, asked of the API server itself (SelfSubjectAccessReview, which every
//! ServiceAccount may create) and reported in the log, so that a missing rule is seen before an incident.

use std::time::Duration;

use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::api::PostParams;
use tokio::time::timeout;

use crate::{
    kinds::{PERMISSIONS, Permission},
    lists::Reader,
};

/// A review is answered from memory; a server that takes longer has other troubles.
const REVIEW_TIMEOUT: Duration = Duration::from_secs(10);

/// Logs a warning for each permission that is missing, in the whole cluster or in a namespace of the scope.
pub async fn report(reader: &Reader) {
    let places: Vec<_> = match reader.scope.namespaces() {
        Some(namespaces) => namespaces.map(|namespace| Some(namespace.to_string())).collect(),
        None => vec![None],
    };
    for permission in PERMISSIONS {
        for namespace in &places {
            let place = namespace.as_deref().unwrap_or("all namespaces");
            let Permission { verb, resource, subresource } = permission;
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

async fn allowed(reader: &Reader, permission: &Permission, namespace: Option<String>) -> Result<bool, kube::Error> {
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                verb: Some(permission.verb.to_owned()),
                resource: Some(permission.resource.to_owned()),
                subresource: Some(permission.subresource.to_owned()).filter(|subresource| !subresource.is_empty()),
                namespace,
                ..ResourceAttributes::default()
            }),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let reviews = kube::Api::<SelfSubjectAccessReview>::all(reader.api.client());
    let review = reviews.create(&PostParams::default(), &review).await?;
    Ok(review.status.is_some_and(|status| status.allowed))
}
