//! Paths of the Kubernetes API. A path is put together from validated names and encoded values only.

use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::names::{Namespace, ObjectName};

/// All but the unreserved characters of RFC 3986.
const QUERY_VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Where the objects of a kind live in the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resource {
    /// The kind, as Kubernetes writes it: "Pod".
    pub kind: &'static str,
    /// The API group, empty for core.
    pub group: &'static str,
    /// The version within the group.
    pub version: &'static str,
    /// The resource's plural, as it stands in a path: "pods".
    pub plural: &'static str,
    /// Whether objects of the kind are in namespaces.
    pub namespaced: bool,
}

/// Where k8s-openapi says that the objects of a kind are.
pub trait Scoped {
    /// In namespaces.
    const NAMESPACED: bool;
}

impl Scoped for NamespaceResourceScope {
    const NAMESPACED: bool = true;
}

impl Scoped for ClusterResourceScope {
    const NAMESPACED: bool = false;
}

impl Resource {
    /// The resource of one of k8s-openapi's types.
    #[must_use]
    pub const fn of<K: k8s_openapi::Resource<Scope: Scoped> + ?Sized>() -> Self {
        Self {
            kind: K::KIND,
            group: K::GROUP,
            version: K::VERSION,
            plural: K::URL_PATH_SEGMENT,
            namespaced: K::Scope::NAMESPACED,
        }
    }

    /// The path of the collection: in one namespace, or in the whole cluster.
    #[must_use]
    pub fn collection(&self, namespace: Option<&Namespace>) -> Target {
        let root = if self.group.is_empty() {
            format!("/api/{}", self.version)
        } else {
            format!("/apis/{}/{}", self.group, self.version)
        };
        let plural = self.plural;
        Target(match namespace {
            Some(namespace) => format!("{root}/namespaces/{namespace}/{plural}?"),
            None => format!("{root}/{plural}?"),
        })
    }

    /// The path of one object; it is in a namespace where those of its kind are.
    #[must_use]
    pub fn object(&self, namespace: Option<&Namespace>, name: &ObjectName) -> Target {
        self.subresource(namespace, name, "")
    }

    /// The path of a subresource of one object.
    #[must_use]
    pub fn subresource(&self, namespace: Option<&Namespace>, name: &ObjectName, subresource: &'static str) -> Target {
        let Target(mut path) = self.collection(namespace);
        path.pop();
        path.push('/');
        path.push_str(name.as_str());
        if !subresource.is_empty() {
            path.push('/');
            path.push_str(subresource);
        }
        path.push('?');
        Target(path)
    }
}

/// The path and query of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target(String);

impl Target {
    /// A fixed path of the API.
    #[must_use]
    pub fn fixed(path: &'static str) -> Self {
        Self(format!("{path}?"))
    }

    /// Adds a query parameter, its value encoded; an empty value adds nothing.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl AsRef<str>) -> Self {
        let value = value.as_ref();
        if !value.is_empty() {
            if !self.0.ends_with('?') {
                self.0.push('&');
            }
            self.0.push_str(name);
            self.0.push('=');
            self.0.extend(utf8_percent_encode(value, QUERY_VALUE));
        }
        self
    }

    /// The text of the request line.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.strip_suffix('?').unwrap_or(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::{
        apps::v1::Deployment,
        core::v1::{Node, Pod},
    };

    use super::*;

    fn mk_namespace() -> Namespace {
        Namespace::parse("namespace", "shop").unwrap()
    }

    #[test]
    fn a_path_is_that_of_the_kubernetes_api() {
        let name = ObjectName::parse("name", "web-0").unwrap();
        assert_eq!(Resource::of::<Pod>().collection(None).as_str(), "/api/v1/pods");
        assert_eq!(
            Resource::of::<Pod>().object(Some(&mk_namespace()), &name).as_str(),
            "/api/v1/namespaces/shop/pods/web-0"
        );
        assert_eq!(Resource::of::<Node>().object(None, &name).as_str(), "/api/v1/nodes/web-0");
        assert_eq!(
            Resource::of::<Deployment>().collection(Some(&mk_namespace())).as_str(),
            "/apis/apps/v1/namespaces/shop/deployments"
        );
        let log = Resource::of::<Pod>().subresource(Some(&mk_namespace()), &name, "log");
        assert_eq!(log.as_str(), "/api/v1/namespaces/shop/pods/web-0/log");
    }

    #[test]
    fn a_value_cannot_add_a_parameter() {
        let target = Target::fixed("/version").with("labelSelector", "a in (b,c)&limit=1#?").with("continue", "");
        assert_eq!(target.as_str(), "/version?labelSelector=a%20in%20%28b%2Cc%29%26limit%3D1%23%3F");
    }
}
