//! What is connected with an object: what it points at, and what points at it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use gumshoe_proto::collector::v1::TopologyRelation;

use super::{STEP_WORK, Walk, Wants};
use crate::topology::{
    facts::{Facts, Link, Particular, shortened},
    known::{Known, Listed, Read},
    object::{Key, WalkedKind},
};

/// How a selector matches a workload.
const TEMPLATE: &str = "matches its template";
/// Why a stateful set has a claim.
const CLAIM_TEMPLATE: &str = "claim template";

/// An object that is connected with the one that is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Neighbour {
    pub(super) key: Key,
    /// Of the object, where it must be this one.
    pub(super) uid: String,
    pub(super) relation: TopologyRelation,
    /// The connection goes from the neighbour to the one that is followed.
    pub(super) is_backward: bool,
    /// Many share one text.
    pub(super) reason: Arc<str>,
    pub(super) optional: bool,
}

impl Neighbour {
    /// Where the walk begins.
    pub(super) fn seed(key: Key) -> Self {
        let relation = TopologyRelation::Unspecified;
        Self { key, uid: String::new(), relation, is_backward: false, reason: Arc::from(""), optional: false }
    }

    /// What a link of the one that is followed points at.
    fn pointed_at(link: &Link) -> Self {
        let Link { to, uid, relation, is_backward, reason, optional } = link.clone();
        Self { key: to, uid, relation, is_backward, reason: reason.into(), optional }
    }

    /// What has this link, which points at the one that is followed.
    fn pointing(key: &Key, link: &Link) -> Self {
        Self { key: key.clone(), uid: String::new(), is_backward: !link.is_backward, ..Self::pointed_at(link) }
    }

    /// What is connected by more than a name.
    fn matching((key, _): &Known, relation: TopologyRelation, is_backward: bool, reason: Arc<str>) -> Self {
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
                all.extend(self.selected_by(key, selector, wants));
            }
            Particular::Pod { labels } => all.extend(self.selecting(key, labels, "matches", wants)),
            Particular::Workload { labels, claims } => {
                all.extend(self.selecting_template(key, labels, wants));
                all.extend(self.claims_of(key, claims, wants));
            }
            _ => {}
        }
        if kind == WalkedKind::PersistentVolumeClaim {
            all.extend(self.claimed_by(key, wants));
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

    /// The pods that a service selects, and workloads whose pods it would select if they had any: those where no pod is selected, or where
    /// the walk began at what leads to the service. From elsewhere, three more lists for a workload that is found from its own side are
    /// too many.
    fn selected_by(&mut self, service: &Key, selector: &BTreeMap<String, String>, wants: &mut Wants) -> Vec<Neighbour> {
        let reason: Arc<str> = selector_reason(selector, "matches").into();
        let mut all = Vec::new();
        if self.may_read(WalkedKind::Pod) {
            let Some(pods) = self.listed(WalkedKind::Pod, &service.namespace, wants) else { return Vec::new() };
            let matches = |pod: &Facts| pod.labels().is_some_and(|labels| selects(selector, labels));
            let pods_of_it = pods.objects().filter(|(_, pod)| matches(pod));
            let matching = |pod| Neighbour::matching(pod, TopologyRelation::Selects, false, reason.clone());
            all.extend(pods_of_it.map(matching));
            self.work += pods.len();
        }
        let leads_to_pods = [WalkedKind::Service, WalkedKind::Ingress, WalkedKind::EndpointSlice];
        if all.is_empty() || self.seed.walked().is_some_and(|kind| leads_to_pods.contains(&kind)) {
            all.extend(self.selected_by_template(service, selector, wants));
        }
        all
    }

    /// The workloads without pods whose template a service's selector matches. Each of them is compared with all pods: one step looks for
    /// as many as it may, and the next goes on from there.
    fn selected_by_template(
        &mut self,
        service: &Key,
        selector: &BTreeMap<String, String>,
        wants: &mut Wants,
    ) -> Vec<Neighbour> {
        let reason: Arc<str> = selector_reason(selector, TEMPLATE).into();
        let mut selected = Vec::new();
        for kind in WalkedKind::WORKLOADS {
            let Some(workloads) = self.listed(kind, &service.namespace, wants) else { continue };
            let matching = |(_, it): &&Known| it.template_labels().is_some_and(|labels| selects(selector, labels));
            selected.extend(workloads.objects().filter(matching).cloned());
            let scanned = workloads.len();
            self.work += scanned;
        }
        let (mut all, before) = (Vec::new(), self.have_pods.len());
        for workload in &selected {
            let Some(labels) = workload.1.template_labels() else { continue };
            // Of those that are not known yet at least one, or there would be no end.
            let looked = self.have_pods.len() > before;
            if looked && self.work >= STEP_WORK && !self.have_pods.contains_key(&workload.0) {
                self.is_interrupted = true;
                break;
            }
            if !self.has_pods(&workload.0, labels, wants) {
                all.push(Neighbour::matching(workload, TopologyRelation::Selects, false, reason.clone()));
            }
        }
        all
    }

    /// Whether there are pods with the labels of a workload's template.
    fn has_pods(&mut self, workload: &Key, template: &BTreeMap<String, String>, wants: &mut Wants) -> bool {
        if let Some(has) = self.have_pods.get(workload) {
            return *has;
        }
        let Some(pods) = self.listed(WalkedKind::Pod, &workload.namespace, wants) else { return false };
        let has = pods.objects().any(|(_, pod)| pod.labels().is_some_and(|labels| selects(template, labels)));
        let scanned = pods.len();
        self.work += scanned;
        self.have_pods.insert(workload.clone(), has);
        has
    }

    /// The services whose selector matches these labels.
    fn selecting(
        &mut self,
        of: &Key,
        labels: &BTreeMap<String, String>,
        how: &str,
        wants: &mut Wants,
    ) -> Vec<Neighbour> {
        let Some(services) = self.listed(WalkedKind::Service, &of.namespace, wants) else { return Vec::new() };
        let selecting = services.objects().filter_map(|service| {
            let selector = selector_of(&service.1).filter(|selector| selects(selector, labels))?;
            let reason = selector_reason(selector, how).into();
            Some(Neighbour::matching(service, TopologyRelation::Selects, true, reason))
        });
        let (all, scanned) = (selecting.collect(), services.len());
        self.work += scanned;
        all
    }

    /// The services that would select the pods of a workload, where it has none: else its pods lead to them.
    fn selecting_template(
        &mut self,
        workload: &Key,
        labels: &BTreeMap<String, String>,
        wants: &mut Wants,
    ) -> Vec<Neighbour> {
        if labels.is_empty() {
            return Vec::new();
        }
        match self.has_pods(workload, labels, wants) {
            true => Vec::new(),
            false => self.selecting(workload, labels, TEMPLATE, wants),
        }
    }

    /// The claims that a stateful set's templates have made.
    fn claims_of(&mut self, set: &Key, prefixes: &BTreeSet<String>, wants: &mut Wants) -> Vec<Neighbour> {
        if prefixes.is_empty() {
            return Vec::new();
        }
        let claims = self.listed(WalkedKind::PersistentVolumeClaim, &set.namespace, wants);
        let (scanned, claims) = (claims.map_or(0, Listed::len), claims.into_iter().flat_map(Listed::objects));
        let claims = claims.filter(|(claim, _)| is_of(prefixes, claim));
        let reason: Arc<str> = CLAIM_TEMPLATE.into();
        let all = claims.map(|claim| Neighbour::matching(claim, TopologyRelation::Uses, false, reason.clone()));
        let all = all.collect();
        self.work += scanned;
        all
    }

    /// The stateful sets whose templates may have made a claim.
    fn claimed_by(&mut self, claim: &Key, wants: &mut Wants) -> Vec<Neighbour> {
        let sets = self.listed(WalkedKind::StatefulSet, &claim.namespace, wants);
        let sets = sets
            .into_iter()
            .flat_map(Listed::objects)
            .filter(|(_, set)| matches!(&set.particular, Particular::Workload { claims, .. } if is_of(claims, claim)));
        let reason: Arc<str> = CLAIM_TEMPLATE.into();
        sets.map(|set| Neighbour::matching(set, TopologyRelation::Uses, true, reason.clone())).collect()
    }

    /// The pods on a node.
    fn pods_on(&mut self, node: &Key, wants: &mut Wants) -> Vec<Neighbour> {
        if !self.may_read(WalkedKind::Pod) {
            return Vec::new();
        }
        let reason: Arc<str> = format!("runs on {}", node.name).into();
        let mut all = Vec::new();
        for namespace in &self.readable.namespaces {
            match self.memory.on_node(&node.name, namespace.as_deref()) {
                Some(pods) => all.extend(
                    pods.iter().map(|pod| Neighbour::matching(pod, TopologyRelation::RunsOn, true, reason.clone())),
                ),
                None => {
                    wants.insert(Read::OnNode { node: node.name.clone(), namespace: namespace.clone() });
                }
            }
        }
        all
    }

    /// All objects of a kind in a namespace; None where they may not be read, or are wanted now.
    pub(super) fn listed(&mut self, kind: WalkedKind, namespace: &str, wants: &mut Wants) -> Option<&Listed> {
        if !self.may_read(kind) {
            return None;
        }
        if self.memory.list(kind, namespace).is_none() {
            wants.insert(Read::List { kind, namespace: namespace.to_owned() });
        }
        self.memory.list(kind, namespace)
    }
}

fn selector_of(facts: &Facts) -> Option<&BTreeMap<String, String>> {
    match &facts.particular {
        Particular::Service { selector, .. } if !selector.is_empty() => Some(selector),
        _ => None,
    }
}

/// Whether all labels of a selector are among these.
fn selects(selector: &BTreeMap<String, String>, labels: &BTreeMap<String, String>) -> bool {
    selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}

fn selector_reason(selector: &BTreeMap<String, String>, how: &str) -> String {
    let terms: Vec<_> = selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
    format!("selector {} {how}", shortened(terms.join(",")))
}

/// Whether a claim is called as those of a template: its prefix, which ends in a dash, and a number. One look is enough, however many
/// templates there are.
fn is_of(prefixes: &BTreeSet<String>, claim: &Key) -> bool {
    let prefix = claim.name.trim_end_matches(|it: char| it.is_ascii_digit());
    prefix.len() < claim.name.len() && prefixes.contains(prefix)
}
