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
}

/// What an endpoint is, by hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The backend: the object behind it, or an address, for somebody else's slices need not say what is behind it.
    pub(super) target: u64,
    /// Its first address: a pod has one of each family.
    address: u64,
}

/// What slices say of endpoints, each of which may be in several.
#[derive(Debug, Default)]
pub(super) struct Known(HashMap<Identity, State>);

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
    /// Of what slices say of endpoints.
    pub(crate) fn of<'a>(endpoints: impl IntoIterator<Item = &'a (Identity, State)>) -> Self {
        let (mut known, mut counts) = (Known::default(), Self::default());
        endpoints.into_iter().for_each(|(endpoint, said)| known.add(*endpoint, *said));
        known.targets().into_values().for_each(|state| counts.add(state));
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

    /// With a choice between the better and the worse of the two.
    fn with(self, other: Self, choose: fn(bool, bool) -> bool) -> Self {
        Self {
            ready: choose(self.ready, other.ready),
            serving: choose(self.serving, other.serving),
            terminating: !choose(!self.terminating, !other.terminating),
        }
    }
}

impl Known {
    /// Of two that say different things of one address, one is older, and which cannot be told: the better counts.
    pub(super) fn add(&mut self, endpoint: Identity, said: State) {
        self.0.entry(endpoint).and_modify(|known| *known = known.with(said, |one, other| one || other)).or_insert(said);
    }

    /// The addresses of the two families are those of one pod, which is as well as the one of which the worse is said.
    pub(super) fn targets(&self) -> HashMap<u64, State> {
        let mut targets = HashMap::new();
        for (endpoint, said) in &self.0 {
            let of_target = targets.entry(endpoint.target);
            of_target
                .and_modify(|known: &mut State| *known = known.with(*said, |one, other| one && other))
                .or_insert(*said);
        }
        targets
    }

    pub(super) fn has(&self, endpoint: Identity) -> bool {
        self.0.contains_key(&endpoint)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Identity {
    /// None for an endpoint without any: there is nothing to say of it.
    pub(crate) fn of(endpoint: &Endpoint) -> Option<Self> {
        let address = endpoint.addresses.first();
        let target = match &endpoint.target_ref {
            // A pod that was replaced under its name is another.
            Some(object) if !object.name.is_empty() => {
                hashed(&(&object.kind, &object.namespace, &object.name, &object.uid))
            }
            _ => hashed(&("", address?)),
        };
        Some(Self { target, address: hashed(&address) })
    }
}

fn hashed(what: &impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::json;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_order_in_which_slices_are_read_does_not_matter() {
        let said = |address: &str, ready: bool| -> (Identity, State) {
            let endpoint: Endpoint = json::from_value(json!({"addresses": [address],
                "conditions": {"ready": ready, "serving": ready}, "targetRef": {"kind": "Pod", "name": "web"}}))
            .unwrap();
            (Identity::of(&endpoint).unwrap(), State::of(&endpoint))
        };
        let (one, older, newer) = (said("10.0.0.1", true), said("fd00::1", false), said("fd00::1", true));
        for copies in [[one, older, newer], [older, one, newer], [older, newer, one], [newer, one, older]] {
            assert_eq!(Counts::of(&copies), Counts { healthy: 1, ready: 1, ..Counts::default() });
        }
        for families in [[one, older], [older, one]] {
            assert_eq!(Counts::of(&families), Counts { unhealthy: 1, ..Counts::default() });
        }
    }
}
