//! Which namespaces a request reads: those it names, or all that the collector may read.

use std::collections::BTreeSet;

use gumshoe_proto::collector::v1::{Gap, GapReason};

use crate::{
    error::ReadError,
    kubernetes::{
        names::{Namespace, ObjectName},
        resource::Resource,
    },
};

/// A request that names more namespaces is better served by a list of the whole cluster.
const NAMESPACES_MAX: usize = 500;

/// The namespaces of `--namespaces`: nothing outside them is ever read. Without the flag, all.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    namespaces: Option<BTreeSet<Namespace>>,
}

/// Where a list reads, in the order of its keys, and what it may not read at all.
#[derive(Debug, Default)]
pub struct Places {
    /// None stands for the whole cluster.
    pub places: Vec<Option<Namespace>>,
    /// Namespaces that were asked for and are outside the scope.
    pub gaps: Vec<Gap>,
}

impl Scope {
    /// The scope of `--namespaces`; empty means no bound.
    #[must_use]
    pub fn of(namespaces: impl IntoIterator<Item = Namespace>) -> Self {
        let namespaces: BTreeSet<_> = namespaces.into_iter().collect();
        Self { namespaces: (!namespaces.is_empty()).then_some(namespaces) }
    }

    /// The namespaces of the flag; None where it is not set.
    #[must_use]
    pub fn namespaces(&self) -> Option<impl Iterator<Item = &Namespace>> {
        self.namespaces.as_ref().map(BTreeSet::iter)
    }

    /// # Errors
    /// `Denied` where the namespace is outside the scope.
    pub fn permits(&self, namespace: &Namespace) -> Result<(), ReadError> {
        match &self.namespaces {
            Some(allowed) if !allowed.contains(namespace) => {
                Err(ReadError::Denied(format!("read the namespace {namespace}: it is not among its --namespaces")))
            }
            _ => Ok(()),
        }
    }

    /// Whether an object may be read that is in no namespace.
    ///
    /// # Errors
    /// `Denied` where there is a scope, unless the object is one of its namespaces.
    pub fn permits_in_no_namespace(&self, resource: Resource, name: &ObjectName) -> Result<(), ReadError> {
        let is_of_scope = |allowed: &BTreeSet<Namespace>| {
            resource.kind == "Namespace" && allowed.iter().any(|namespace| namespace.as_str() == name.as_str())
        };
        if self.namespaces.as_ref().is_none_or(is_of_scope) { Ok(()) } else { Err(outside(resource)) }
    }

    /// Where a list of a kind reads: `requested` is None where the kind has no namespaces.
    ///
    /// # Errors
    /// As `places`; `Denied` where there is a scope and the kind has no namespaces.
    pub fn places_of(&self, resource: Resource, requested: Option<&Vec<String>>) -> Result<Places, ReadError> {
        match requested {
            Some(requested) => self.places(requested),
            None if self.namespaces.is_none() => Ok(Places { places: vec![None], gaps: Vec::new() }),
            None => Err(outside(resource)),
        }
    }

    /// Where a request for these namespaces reads; empty means all of the scope.
    ///
    /// # Errors
    /// `InvalidArgument` for `namespaces`; `Denied` where all of them are outside the scope.
    pub fn places(&self, requested: &[String]) -> Result<Places, ReadError> {
        if requested.len() > NAMESPACES_MAX {
            let why = format!("must be no more than {NAMESPACES_MAX}; leave it empty to list all namespaces");
            return Err(ReadError::invalid("namespaces", why));
        }
        let requested: Result<BTreeSet<_>, _> =
            requested.iter().map(|namespace| Namespace::parse("namespaces", namespace)).collect();
        let requested = match (requested?, &self.namespaces) {
            (requested, None) if requested.is_empty() => return Ok(Places { places: vec![None], gaps: Vec::new() }),
            (requested, Some(allowed)) if requested.is_empty() => allowed.clone(),
            (requested, _) => requested,
        };
        let mut places = Places::default();
        let mut denied = None;
        for namespace in requested {
            match self.permits(&namespace) {
                Ok(()) => places.places.push(Some(namespace)),
                Err(error) => {
                    places.gaps.push(Gap {
                        reason: GapReason::NamespaceDenied.into(),
                        namespace: namespace.to_string(),
                        message: error.to_string(),
                        ..Gap::default()
                    });
                    denied = Some(error);
                }
            }
        }
        match denied {
            Some(error) if places.places.is_empty() => Err(error),
            _ => {
                places.places.sort_by_cached_key(|place| place.as_ref().map(|namespace| format!("{namespace}/")));
                Ok(places)
            }
        }
    }
}

fn outside(resource: Resource) -> ReadError {
    ReadError::Denied(format!("read {}, which are in no namespace: it reads its --namespaces alone", resource.plural))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{Namespace as NamespaceObject, Node};

    use super::*;

    fn mk_scope(names: &[&str]) -> Scope {
        Scope::of(names.iter().map(|name| Namespace::parse("namespaces", name).unwrap()))
    }

    fn mk_names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn names_of(places: &Places) -> Vec<Option<&str>> {
        places.places.iter().map(|place| place.as_ref().map(Namespace::as_str)).collect()
    }

    #[test]
    fn all_namespaces_are_those_of_the_flag_where_it_is_set() {
        assert_eq!(names_of(&mk_scope(&[]).places(&[]).unwrap()), [None]);
        assert_eq!(names_of(&mk_scope(&["b", "a"]).places(&[]).unwrap()), [Some("a"), Some("b")]);
    }

    #[test]
    fn places_come_in_the_order_of_the_keys_in_them() {
        // As keys, "a-b/x" sorts before "a/x".
        let places = mk_scope(&[]).places(&mk_names(&["a", "a-b", "a"])).unwrap();
        assert_eq!(names_of(&places), [Some("a-b"), Some("a")]);
    }

    #[test]
    fn a_namespace_outside_the_flag_is_a_gap_and_all_of_them_an_error() {
        let scope = mk_scope(&["shop"]);
        let places = scope.places(&mk_names(&["kube-system", "shop"])).unwrap();
        assert_eq!(names_of(&places), [Some("shop")]);
        assert_eq!(places.gaps[0].namespace, "kube-system");
        assert!(matches!(scope.places(&mk_names(&["kube-system"])), Err(ReadError::Denied(_))));
    }

    #[test]
    fn of_what_is_in_no_namespace_a_scope_permits_its_namespaces_alone() {
        let (nodes, namespaces) = (Resource::of::<Node>(), Resource::of::<NamespaceObject>());
        let permits = |scope: &[&str], resource, name| {
            mk_scope(scope).permits_in_no_namespace(resource, &ObjectName::parse("name", name).unwrap()).is_ok()
        };
        assert!(permits(&[], nodes, "shop") && permits(&["shop"], namespaces, "shop"));
        assert!(!permits(&["shop"], nodes, "shop") && !permits(&["shop"], namespaces, "kube-system"));
        assert_eq!(names_of(&mk_scope(&[]).places_of(nodes, None).unwrap()), [None]);
        assert!(matches!(mk_scope(&["shop"]).places_of(namespaces, None), Err(ReadError::Denied(_))));
    }

    #[test]
    fn a_wrong_name_is_refused() {
        for name in ["", "..", "a/b", "%", "?"] {
            let error = mk_scope(&[]).places(&mk_names(&["shop", name]));
            assert!(matches!(error, Err(ReadError::InvalidArgument { field: "namespaces", .. })), "{name}");
        }
    }
}
