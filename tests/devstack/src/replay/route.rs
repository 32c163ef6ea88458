//! What a path asks for.

use percent_encoding::percent_decode_str;

/// The kinds that are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resource {
    /// Pods, core/v1.
    Pods,
    /// Events, core/v1.
    Events,
    /// Namespaces, core/v1.
    Namespaces,
}

impl Resource {
    pub(super) fn plural(self) -> &'static str {
        match self {
            Self::Pods => "pods",
            Self::Events => "events",
            Self::Namespaces => "namespaces",
        }
    }

    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Pods => "Pod",
            Self::Events => "Event",
            Self::Namespaces => "Namespace",
        }
    }

    fn of_plural(plural: &str) -> Option<Self> {
        [Self::Pods, Self::Events, Self::Namespaces].into_iter().find(|resource| resource.plural() == plural)
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
    pub(super) fn of(path: &str) -> Self {
        let segments: Vec<String> = path
            .trim_matches('/')
            .split('/')
            .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
            .collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match segments[..] {
            ["version"] => Self::Version,
            ["apis", "authorization.k8s.io", "v1", "selfsubjectaccessreviews"] => Self::AccessReview,
            ["api", "v1", "namespaces", namespace, "pods", pod, "log"] => {
                Self::Log { namespace: namespace.into(), pod: pod.into() }
            }
            ["api", "v1", "namespaces", namespace, plural, name] => Self::get(plural, Some(namespace), name),
            ["api", "v1", "namespaces", namespace, plural] => Self::list(plural, Some(namespace)),
            ["api", "v1", "namespaces", name] => Self::get("namespaces", None, name),
            ["api", "v1", plural] => Self::list(plural, None),
            _ => Self::Other,
        }
    }

    fn list(plural: &str, namespace: Option<&str>) -> Self {
        match Resource::of_plural(plural) {
            Some(resource) => Self::List { resource, namespace: namespace.map(str::to_owned) },
            None => Self::Other,
        }
    }

    fn get(plural: &str, namespace: Option<&str>, name: &str) -> Self {
        match Resource::of_plural(plural) {
            Some(resource) => Self::Get { resource, namespace: namespace.map(str::to_owned), name: name.to_owned() },
            None => Self::Other,
        }
    }

    /// The namespace that the request is confined to.
    pub(super) fn namespace(&self) -> Option<&str> {
        match self {
            Self::List { namespace, .. } => namespace.as_deref(),
            Self::Get { resource: Resource::Namespaces, name, .. } => Some(name),
            Self::Get { namespace, .. } => namespace.as_deref(),
            Self::Log { namespace, .. } => Some(namespace),
            Self::Version | Self::AccessReview | Self::Other => None,
        }
    }

    /// The resource as an error message and a permission name it.
    pub(super) fn plural(&self) -> &'static str {
        match self {
            Self::List { resource, .. } | Self::Get { resource, .. } => resource.plural(),
            Self::Log { .. } => "pods/log",
            Self::Version | Self::AccessReview | Self::Other => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_decoded_after_the_path_was_split() {
        assert_eq!(
            Route::of("/api/v1/namespaces/shop/pods/a%2Fb"),
            Route::Get { resource: Resource::Pods, namespace: Some("shop".into()), name: "a/b".into() }
        );
    }

    #[test]
    fn what_is_not_served_is_no_route() {
        for path in ["/api/v1/secrets", "/api/v1/namespaces/shop/secrets/token", "/apis/apps/v1/deployments", "/"] {
            assert_eq!(Route::of(path), Route::Other, "{path}");
        }
    }
}
