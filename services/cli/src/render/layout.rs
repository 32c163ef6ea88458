//! Which columns a table has.

use crate::page::Request;

/// Which columns a table has beside those it always has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// NAMESPACE stands in front.
    pub(crate) with_namespace: bool,
    /// Those of `-o wide`.
    pub(crate) wide: bool,
}

impl Layout {
    /// For the answer to a request: the namespace is a column unless the request named just one.
    pub(crate) fn of(request: &Request, wide: bool) -> Self {
        let with_namespace = match request {
            Request::ListPods(list) => list.namespaces.len() != 1,
            Request::ListEvents(list) => list.namespaces.len() != 1,
            Request::GetPod(_) | Request::ReadLogs(_) => false,
        };
        Self { with_namespace, wide }
    }
}
