//! Namespaces in which nothing was found. The list of a namespace that does not exist is empty and no error, so where the
//! collector may read the namespace itself, it asks; where it may not, it says so once.

use gumshoe_proto::collector::v1::{Gap, GapReason};
use http::StatusCode;
use k8s_openapi::api::core::v1 as core;

use crate::{
    kubernetes::{
        api::{Call, Failure, KubernetesApi},
        names::{Namespace, ObjectName},
        resource::Resource,
    },
    pages::report::Report,
};

/// Namespaces that the warning names; the others it counts.
const NAMED: usize = 10;

/// What one answer knows of the namespaces in which it found nothing.
#[derive(Debug, Default)]
pub(super) struct Absence {
    /// Those of which cannot be told whether they exist: once refused, the question is not asked again in the same answer.
    unknown: Vec<Namespace>,
}

impl Absence {
    /// Looks for a namespace whose list was empty.
    pub(super) async fn note(&mut self, api: &KubernetesApi, call: &Call, namespace: Namespace, report: &mut Report) {
        if !self.unknown.is_empty() {
            self.unknown.push(namespace);
            return;
        }
        let target = Resource::of::<core::Namespace>().object(None, &ObjectName::from(&namespace));
        match api.get_protobuf(call, &target).await {
            Err(Failure::Answered { code: StatusCode::NOT_FOUND, .. }) => report.gap(Gap {
                reason: GapReason::NamespaceNotFound.into(),
                namespace: namespace.to_string(),
                message: format!("there is no namespace {namespace}"),
                ..Gap::default()
            }),
            Err(Failure::Answered { code: StatusCode::FORBIDDEN, .. }) => self.unknown.push(namespace),
            Ok(_) | Err(Failure::Answered { .. } | Failure::Unreachable(_) | Failure::Deadline) => {}
        }
    }

    /// One sentence on all that cannot be told; None where there is nothing to say.
    pub(super) fn warning(&self) -> Option<String> {
        let named: Vec<_> = self.unknown.iter().take(NAMED).map(Namespace::as_str).collect();
        let others = match self.unknown.len().saturating_sub(NAMED) {
            0 => String::new(),
            others => format!(" and {others} others"),
        };
        (!named.is_empty()).then(|| {
            format!(
                "nothing found in {}{others}; whether such a namespace exists cannot be told without the permission to get namespaces",
                named.join(", ")
            )
        })
    }
}
