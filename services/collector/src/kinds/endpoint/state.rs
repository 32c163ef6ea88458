//! Which endpoints are one backend, and how it is. `GetEndpoints` and the topology judge by this one rule.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hasher as _},
};

use gumshoe_proto::collector::v1::{BackendHealth, Endpoint};

/// The label by which a slice says whose it is (k8s.io/api: `discovery/v1`, LabelServiceName).
pub(crate) const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// What a slice says of an endpoint; what it does not say means: ready, serving, not terminating
/// (k8s.io/api: `discovery/v1/types.go`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    pub(super) ready: bool,
    pub(super) serving: bool,
    pub(super) terminating: bool,
    address: u64,
}

/// How backends are, of all that there are.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) healthy: u32,
    pub(crate) unhealthy: u32,
    pub(crate) terminating: u32,
    /// To which traffic goes, whether they serve or not.
    pub(crate) ready: u32,
}

impl Counts {
    /// Of endpoints in the order in which slices name them.
    pub(crate) fn of<'a>(endpoints: impl IntoIterator<Item = &'a (u64, State)>) -> Self {
        let (mut known, mut counts) = (HashMap::new(), Self::default());
        for (target, said) in endpoints {
            known.entry(*target).and_modify(|known: &mut State| known.join(*said)).or_insert(*said);
        }
        known.into_values().for_each(|state| counts.add(state));
        counts
    }

    pub(super) fn add(&mut self, state: State) {
        let count = match state.health() {
            BackendHealth::Healthy => &mut self.healthy,
            BackendHealth::Terminating => &mut self.terminating,
            BackendHealth::Unhealthy | BackendHealth::Unspecified => &mut self.unhealthy,
        };
        *count = count.saturating_add(1);
        self.ready = self.ready.saturating_add(u32::from(state.ready));
    }

    /// How many there are.
    pub(crate) fn all(self) -> u32 {
        self.healthy.saturating_add(self.unhealthy).saturating_add(self.terminating)
    }
}

impl State {
    pub(crate) fn of(endpoint: &Endpoint) -> Self {
        let conditions = endpoint.conditions.unwrap_or_default();
        Self {
            ready: conditions.ready.unwrap_or(true),
            serving: conditions.serving.unwrap_or(true),
            terminating: conditions.terminating.unwrap_or(false),
            address: hashed(&endpoint.addresses.first()),
        }
    }

    /// With publishNotReadyAddresses, what does not serve is called ready all the same.
    pub(crate) fn health(self) -> BackendHealth {
        match (self.terminating, self.ready && self.serving) {
            (true, _) => BackendHealth::Terminating,
            (false, true) => BackendHealth::Healthy,
            (false, false) => BackendHealth::Unhealthy,
        }
    }

    /// In a word or two, for people.
    pub(crate) fn told(self) -> &'static str {
        match (self.health(), self.ready) {
            (BackendHealth::Healthy, _) => "ready",
            (BackendHealth::Terminating, true) => "terminating, ready",
            (BackendHealth::Terminating, false) => "terminating",
            (_, true) => "ready, not serving",
            (_, false) => "not ready",
        }
    }

    /// Of two that say different things of one address, one is older, and which cannot be told: the better counts. The addresses of the
    /// two families are those of one pod, which is as well as the slice says that says the worse.
    pub(super) fn join(&mut self, said: Self) {
        let is_same = self.address == said.address;
        let better = |one: bool, other: bool| if is_same { one || other } else { one && other };
        self.ready = better(self.ready, said.ready);
        self.serving = better(self.serving, said.serving);
        self.terminating = !better(!self.terminating, !said.terminating);
    }
}

/// What makes two endpoints the same backend: the object behind them, or an address, for somebody else's slices need not say what is
/// behind it. None for an endpoint that has neither: there is nothing to say of it.
pub(crate) fn target(endpoint: &Endpoint) -> Option<u64> {
    match &endpoint.target_ref {
        // A pod that was replaced under its name is another.
        Some(object) if !object.name.is_empty() => {
            Some(hashed(&(&object.kind, &object.namespace, &object.name, &object.uid)))
        }
        _ => endpoint.addresses.first().map(|address| hashed(&("", address))),
    }
}

fn hashed(what: &impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}
