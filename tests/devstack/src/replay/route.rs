//! What a path asks for.

use percent_encoding::percent_decode_str;

/// Where the Kubernetes API has the objects of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource {
    /// Empty for core.
    pub group: &'static str,
    /// The version within the group.
    pub version: &'static str,
    /// As it stands in a path: "pods".
    pub plural: &'static str,
    /// As objects name it: "Pod".
    pub kind: &'static str,
}

impl Resource {
    /// Pods.
    pub const PODS: Self = Self::core("pods", "Pod");
    /// Events.
    pub const EVENTS: Self = Self::core("events", "Event");
    /// Namespaces.
    pub const NAMESPACES: Self = Self::core("namespaces", "Namespace");
    /// Secrets, which are served as Tables alone.
    pub const SECRETS: Self = Self::core("secrets", "Secret");

    const fn core(plural: &'static str, kind: &'static str) -> Self {
        Self { group: "", version: "v1", plural, kind }
    }
}

/// What a request asks for, by its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    Version,
    AccessReview,
    /// `namespace` is none for a list over the whole cluster.
    List {
        resource: Resource,
        namespace: Option<String>,
    },
    /// `namespace` is none for what is in no namespace.
    Get {
        resource: Resource,
        namespace: Option<String>,
        name: String,
    },
    Log {
        namespace: String,
        pod: String,
    },
    /// Something that a real API server may have and this one does not.
    Other,
}

impl Route {
    /// `resources` are those that the cluster has.
    pub(super) fn of(path: &str, resources: impl IntoIterator<Item = Resource>) -> Self {
        let segments: Vec<String> = path
            .trim_matches('/')
            .split('/')
            .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
            .collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let (group, version, rest) = match segments[..] {
            ["version"] => return Self::Version,
            ["apis", "authorization.k8s.io", "v1", "selfsubjectaccessreviews"] => return Self::AccessReview,
            ["api", "v1", "namespaces", namespace, "pods", pod, "log"] => {
                return Self::Log { namespace: namespace.into(), pod: pod.into() };
            }
            ["api", version, ref rest @ ..] => ("", version, rest),
            ["apis", group, version, ref rest @ ..] => (group, version, rest),
            _ => return Self::Other,
        };
        let (namespace, plural, name) = match *rest {
            ["namespaces", namespace, plural, name] => (Some(namespace), plural, Some(name)),
            ["namespaces", namespace, plural] => (Some(namespace), plural, None),
            [plural, name] => (None, plural, Some(name)),
            [plural] => (None, plural, None),
            _ => return Self::Other,
        };
        let is = |resource: &Resource| (resource.group, resource.version, resource.plural) == (group, version, plural);
        let namespace = namespace.map(str::to_owned);
        match (resources.into_iter().find(is), name) {
            (Some(resource), Some(name)) => Self::Get { resource, namespace, name: name.to_owned() },
            (Some(resource), None) => Self::List { resource, namespace },
            (None, _) => Self::Other,
        }
    }

    /// The namespace that the request is confined to.
    pub(super) fn namespace(&self) -> Option<&str> {
        match self {
            Self::List { namespace, .. } => namespace.as_deref(),
            Self::Get { resource: Resource::NAMESPACES, name, .. } => Some(name),
            Self::Get { namespace, .. } => namespace.as_deref(),
            Self::Log { namespace, .. } => Some(namespace),
            Self::Version | Self::AccessReview | Self::Other => None,
        }
    }

    /// The API group of the resource.
    pub(super) fn group(&self) -> &'static str {
        match self {
            Self::List { resource, .. } | Self::Get { resource, .. } => resource.group,
            Self::Log { .. } | Self::Version | Self::AccessReview | Self::Other => "",
        }
    }

    /// The resource as an error message and a permission name it.
    pub(super) fn plural(&self) -> &'static str {
        match self {
            Self::List { resource, .. } | Self::Get { resource, .. } => resource.plural,
            Self::Log { .. } => "pods/log",
            Self::Version | Self::AccessReview | Self::Other => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEPLOYMENTS: Resource = Resource { group: "apps", version: "v1", plural: "deployments", kind: "Deployment" };

    fn route(path: &str) -> Route {
        Route::of(path, [Resource::PODS, Resource::NAMESPACES, DEPLOYMENTS])
    }

    #[test]
    fn a_name_is_decoded_after_the_path_was_split() {
        assert_eq!(
            route("/api/v1/namespaces/shop/pods/a%2Fb"),
            Route::Get { resource: Resource::PODS, namespace: Some("shop".into()), name: "a/b".into() }
        );
    }

    #[test]
    fn every_group_and_what_is_in_no_namespace_is_found() {
        assert_eq!(
            route("/apis/apps/v1/namespaces/shop/deployments"),
            Route::List { resource: DEPLOYMENTS, namespace: Some("shop".into()) }
        );
        assert_eq!(
            route("/api/v1/namespaces/shop"),
            Route::Get { resource: Resource::NAMESPACES, namespace: None, name: "shop".into() }
        );
    }

    #[test]
    fn what_is_not_served_is_no_route() {
        for path in
            ["/api/v1/secrets", "/api/v1/namespaces/shop/secrets/token", "/api/v1/deployments", "/apis/apps", "/"]
        {
            assert_eq!(route(path), Route::Other, "{path}");
        }
    }
}
