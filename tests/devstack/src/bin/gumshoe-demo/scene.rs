//! What is investigated: the pod of the recording that crashes.

use gumshoe_devstack::replay::{ContainerId, Resource, Shop};

/// Lines of a log that show why a program ended, and fit on a screen.
const TAIL: usize = 12;

/// The broken shop.
pub(crate) struct Scene {
    /// What crashes.
    pub(crate) crashed: ContainerId,
    /// How large the recording is.
    pub(crate) pods: usize,
    pub(crate) events: usize,
    pub(crate) server: String,
}

impl Scene {
    pub(crate) fn of(shop: &Shop) -> anyhow::Result<Self> {
        Ok(Self {
            crashed: Shop::recorded_crash()?,
            pods: shop.items(Resource::PODS).count(),
            events: shop.items(Resource::EVENTS).count(),
            server: shop.git_version().to_owned(),
        })
    }

    /// The queries of the command, in the language of `gumshoe run`.
    pub(crate) fn queries(&self) -> [String; 4] {
        let ContainerId { namespace, pod, container, .. } = &self.crashed;
        let log = format!("logs {pod} -n {namespace} -c {container} --tail {TAIL}");
        [
            format!("get pods -n {namespace}"),
            format!("get events -n {namespace} --for pod/{pod}"),
            log.clone(),
            format!("{log} --previous"),
        ]
    }
}
