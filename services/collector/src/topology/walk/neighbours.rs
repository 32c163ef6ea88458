//! What is connected with an object: what it points at, and what points at it.

use std::collections::BTreeMap;

use gumshoe_proto::collector::v1::{TopologyHealth, TopologyRelation};

use super::{Found, Walk, Wants};
use crate::topology::{
    facts::{Facts, Health, Link, Particular},
    known::{Known, Listed, Read},
    object::{Key, WalkedKind},
};

/// An object that is connected with the one that is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Neighbour {
    pub(super) key: Key,
    /// Of the object, where it must be this one.
    pub(super) uid: String,
    pub(super) relation: TopologyRelation,
    /// The connection goes from the neighbour to the one that is followed.
    pub(super) is_backward: bool,
    pub(super) reason: String,
    pub(super) optional: bool,
}

impl Neighbour {
    /// Where the walk begins.
    pub(super) fn seed(key: Key) -> Self {
        let relation = TopologyRelation::Unspecified;
        Self { key, uid: String::new(), relation, is_backward: false, reason: String::new(), optional: false }
    }

    /// What a link of the one that is followed points at.
    fn pointed_at(link: &Link) -> Self {
        let Link { to, uid, relation, is_backward, reason, optional } = link.clone();
        Self { key: to, uid, relation, is_backward, reason, optional }
    }

    /// What has this link, which points at the one that is followed.
    fn pointing(key: &Key, link: &Link) -> Self {
        Self { key: key.clone(), uid: String::new(), is_backward: !link.is_backward, ..Self::pointed_at(link) }
    }

    /// What is connected by more than a name.
    fn matching((key, _): &Known, relation: TopologyRelation, is_backward: bool, reason: String) -> Self {
        Self { relation, is_backward, reason, ..Self::seed(key.clone()) }
    }
}

impl Walk {
    /// All that is connected with an object, in a fixed order; or as much of it as is known, where something is wanted.
    pub(super) fn neighbours(&mut self, key: &Key, facts: Option<&Facts>, wants: &mut Wants) -> Vec<Neighbour> {
        let Some(kind) = key.walked() else { return Vec::new() };
        let mut all: Vec<_> = facts.into_iter().flat_map(|facts| &facts.links).map(Neighbour::pointed_at).collect();
        if kind == WalkedKind::Node {
            all.extend(self.pods_on(key, wants));
        }
        let Some(facts) = facts else { return all };
        match &facts.particular {
            Particular::Service { selector, .. } if !selector.is_empty() => {
                let reason = selector_reason(selector);
                let pods = self.listed(WalkedKind::Pod, &key.namespace, wants);
                let pods = pods.into_iter().flat_map(Listed::objects).filter(|(_, pod)| selects(selector, pod));
                all.extend(pods.map(|pod| Neighbour::matching(pod, TopologyRelation::Selects, false, reason.clone())));
            }
            Particular::Pod { .. } => {
                let services = self.listed(WalkedKind::Service, &key.namespace, wants);
                let services = services.into_iter().flat_map(Listed::objects).filter_map(|service| {
                    let selector = selector_of(&service.1).filter(|selector| selects(selector, facts))?;
                    let reason = selector_reason(selector);
                    Some(Neighbour::matching(service, TopologyRelation::Selects, true, reason))
                });
                all.extend(services);
            }
            Particular::Claims { prefixes } if !prefixes.is_empty() => {
                let claims = self.listed(WalkedKind::PersistentVolumeClaim, &key.namespace, wants);
                let claims = claims.into_iter().flat_map(Listed::objects).filter(|(claim, _)| is_of(prefixes, claim));
                let reason = "claim template".to_owned();
                all.extend(
                    claims.map(|claim| Neighbour::matching(claim, TopologyRelation::Uses, false, reason.clone())),
                );
            }
            _ => {}
        }
        for &pointing in kind.pointed_at_by() {
            let listed = self.listed(pointing, &key.namespace, wants);
            let pointing = listed.into_iter().flat_map(|listed| listed.pointing_at(key));
            all.extend(pointing.filter_map(|((other, its), place)| {
                let link = &its.links[place];
                let is_this_one = link.uid.is_empty() || link.uid == facts.uid;
                is_this_one.then(|| Neighbour::pointing(other, link))
            }));
        }
        all
    }

    /// The pods on a node.
    fn pods_on(&mut self, node: &Key, wants: &mut Wants) -> Vec<Neighbour> {
        if !self.may_read(WalkedKind::Pod) {
            return Vec::new();
        }
        let mut all = Vec::new();
        for namespace in &self.readable.namespaces {
            match self.memory.on_node(&node.name, namespace.as_deref()) {
                Some(pods) => all.extend(pods.iter().map(|pod| {
                    let reason = format!("runs on {}", node.name);
                    Neighbour::matching(pod, TopologyRelation::RunsOn, true, reason)
                })),
                None => {
                    wants.insert(Read::OnNode { node: node.name.clone(), namespace: namespace.clone() });
                }
            }
        }
        all
    }

    /// All objects of a kind in a namespace; None where they may not be read, or are wanted now.
    fn listed(&mut self, kind: WalkedKind, namespace: &str, wants: &mut Wants) -> Option<&Listed> {
        if !self.may_read(kind) {
            return None;
        }
        if self.memory.list(kind, namespace).is_none() {
            wants.insert(Read::List { kind, namespace: namespace.to_owned() });
        }
        self.memory.list(kind, namespace)
    }

    /// How an object is, by others too where those say it.
    pub(super) fn health(&mut self, kind: WalkedKind, key: &Key, facts: &Facts) -> Result<Health, Wants> {
        match kind {
            WalkedKind::Service => self.health_of_service(key, facts),
            WalkedKind::Ingress => self.health_of_ingress(facts),
            _ => Ok(facts.health.clone()),
        }
    }

    /// By the endpoints in its slices. None at all and none that is ready are different answers.
    fn health_of_service(&mut self, key: &Key, facts: &Facts) -> Result<Health, Wants> {
        let Particular::Service { selector, external_name } = &facts.particular else {
            return Ok(facts.health.clone());
        };
        if !external_name.is_empty() {
            return Ok(Health::healthy(format!("stands for {external_name}")));
        }
        let unknown = |why: &str| Ok(Health::new(TopologyHealth::Unknown, why));
        let mut wants = Wants::new();
        let has_selector = !selector.is_empty();
        let slices = self.listed(WalkedKind::EndpointSlice, &key.namespace, &mut wants);
        let Some(slices) = slices else {
            return if wants.is_empty() { unknown("its endpoint slices are not read") } else { Err(wants) };
        };
        let counts =
            |known: &Known| match (&known.1.particular, known.1.links.iter().any(|link| is_slice_of(link, key))) {
                (Particular::Endpoints { ready, total }, true) => Some((*ready, *total)),
                _ => None,
            };
        let of_it: Vec<_> = slices.objects().filter_map(counts).collect();
        let (ready, total) = of_it.iter().fold((0, 0), |(ready, total), one| (ready + one.0, total + one.1));
        if ready == 0 && slices.cut().is_some() {
            return unknown("its endpoint slices could not be read");
        }
        let text = format!("{ready}/{total} endpoints ready");
        let health = match (of_it.len(), ready, total) {
            (0, ..) => Health::unhealthy("no endpoint slice"),
            (_, _, 0) if has_selector => {
                Health::unhealthy("no ready backend; its selector matches no pod with an address")
            }
            (_, 0, _) => Health::unhealthy(format!("no ready backend, {text}")),
            _ if ready < total => Health::degraded(text),
            _ => Health::healthy(text),
        };
        Ok(health.terminating_as(&facts.health))
    }

    /// By whether the services exist that it routes to.
    fn health_of_ingress(&mut self, facts: &Facts) -> Result<Health, Wants> {
        let services = facts.links.iter().filter(|link| link.to.walked() == Some(WalkedKind::Service));
        let (mut missing, mut not_read, mut total) = (Vec::new(), 0, 0);
        let mut wants = Wants::new();
        for link in services {
            total += 1;
            if !self.may_read(WalkedKind::Service) {
                not_read += 1;
                continue;
            }
            match self.memory.look_up(WalkedKind::Service, &link.to) {
                None => {
                    wants.insert(Read::Get(link.to.clone()));
                }
                Some(Found::Missing) => missing.push(link.to.name.as_str()),
                Some(Found::NotRead(_)) => not_read += 1,
                Some(Found::Here(_)) => {}
            }
        }
        if !wants.is_empty() {
            return Err(wants);
        }
        let address = &facts.health.text;
        Ok(match (missing.len(), not_read) {
            (0, 0) => facts.health.clone(),
            (0, _) => Health::new(TopologyHealth::Unknown, format!("{address}, its services are not read")),
            (all, _) if all == total => Health::unhealthy(format!("{address}, no service {}", missing.join(", "))),
            _ => Health::degraded(format!("{address}, no service {}", missing.join(", "))),
        })
    }
}

fn is_slice_of(link: &Link, service: &Key) -> bool {
    link.relation == TopologyRelation::HasSlice && link.to == *service
}

fn selector_of(facts: &Facts) -> Option<&BTreeMap<String, String>> {
    match &facts.particular {
        Particular::Service { selector, .. } if !selector.is_empty() => Some(selector),
        _ => None,
    }
}

/// Whether a pod has all labels of a selector.
fn selects(selector: &BTreeMap<String, String>, pod: &Facts) -> bool {
    let Particular::Pod { labels } = &pod.particular else { return false };
    selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}

fn selector_reason(selector: &BTreeMap<String, String>) -> String {
    let terms: Vec<_> = selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
    format!("selector {} matches", terms.join(","))
}

/// Whether a claim is called as those of a template: its prefix and a number.
fn is_of(prefixes: &[String], claim: &Key) -> bool {
    let ordinal = |prefix: &String| {
        let rest = claim.name.strip_prefix(prefix.as_str());
        rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    prefixes.iter().any(ordinal)
}
