//! What the walk keeps of an object: how it is, and what it points at. The object itself is dropped at once.

mod network;
mod others;
mod pod;
mod workload;

use std::collections::{BTreeMap, BTreeSet};

use gumshoe_proto::collector::v1::{ObjectMeta, TopologyHealth, TopologyRelation};

pub(super) use self::{
    network::{endpoint_slice, ingress, service},
    others::{autoscaler, claim, metadata_only, node},
    pod::pod,
    workload::{cron_job, daemon_set, deployment, job, replica_set, stateful_set},
};
use super::object::{Key, WalkedKind};
use crate::kinds::endpoint::state::{Counts, Identity, State};

/// Reasons of one connection that are named; the others are counted.
const REASONS_NAMED: usize = 4;
/// More of a text is of no use to anybody, and there may be thousands. A name of Kubernetes' has no more than 253.
const TEXT_BYTES: usize = 256;

/// How an object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// For programs.
    pub level: TopologyHealth,
    /// For people, in a few words.
    pub text: String,
}

/// A connection that an object says itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What it points at.
    pub to: Key,
    /// The uid of that, where it is given: another object of the name is another one.
    pub uid: String,
    /// Of the connection.
    pub relation: TopologyRelation,
    /// Whether the connection goes from what is pointed at to this one: an owner owns, though it is the owned that says so.
    pub is_backward: bool,
    /// Why.
    pub reason: String,
    /// It does without.
    pub optional: bool,
}

/// What only some kinds have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Particular {
    /// Nothing.
    #[default]
    None,
    /// Of a pod.
    Pod {
        /// Services select by them.
        labels: BTreeMap<String, String>,
    },
    /// Of a service.
    Service {
        /// Empty selects nothing.
        selector: BTreeMap<String, String>,
        /// Where it has no endpoints of its own: the name that it stands for.
        external_name: String,
        /// Numbers and names: no name is a number.
        ports: BTreeSet<String>,
    },
    /// Of an ingress.
    Ingress {
        /// The services that it routes to, with their ports.
        backends: BTreeSet<(String, String)>,
    },
    /// Of what makes pods that run all the time.
    Workload {
        /// Of its template: services select its pods by them.
        labels: BTreeMap<String, String>,
        /// Of a stateful set: the names of its claims begin so, and end with a number.
        claims: BTreeSet<String>,
    },
    /// Of an endpoint slice.
    Endpoints {
        /// What each stands for, and how it is.
        states: Vec<(Identity, State)>,
    },
}

/// What is kept of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Of the object.
    pub uid: String,
    /// As far as the object itself tells.
    pub health: Health,
    /// It is being deleted.
    pub terminating: bool,
    /// What it points at.
    pub links: Vec<Link>,
    /// What only its kind has.
    pub particular: Particular,
}

impl Health {
    pub(super) fn new(level: TopologyHealth, text: impl Into<String>) -> Self {
        Self { level, text: text.into() }
    }

    pub(super) fn healthy(text: impl Into<String>) -> Self {
        Self::new(TopologyHealth::Healthy, text)
    }

    pub(super) fn degraded(text: impl Into<String>) -> Self {
        Self::new(TopologyHealth::Degraded, text)
    }

    pub(super) fn unhealthy(text: impl Into<String>) -> Self {
        Self::new(TopologyHealth::Unhealthy, text)
    }

    /// By how many of those that should be there are ready; `notes` say what else is wrong, and keep it from being healthy.
    fn of_replicas(ready: i32, wanted: i32, notes: &[String]) -> Self {
        let text = if wanted == 0 && ready == 0 { "scaled to 0".to_owned() } else { format!("{ready}/{wanted} ready") };
        let text = [&[text], notes].concat().join(", ");
        if ready == 0 && wanted > 0 {
            Self::unhealthy(text)
        } else if ready < wanted || !notes.is_empty() {
            Self::degraded(text)
        } else {
            Self::healthy(text)
        }
    }

    /// By the backends in endpoint slices, of which there are some.
    pub(super) fn of_backends(counts: Counts) -> Self {
        let Counts { healthy, ready, .. } = counts;
        let all = counts.all();
        // A service may publish the addresses of what is not ready.
        let others = if healthy < ready { format!(", {healthy} healthy") } else { String::new() };
        let text = format!("{ready}/{all} endpoints ready{others}");
        match ready {
            0 => Self::unhealthy(format!("no ready backend, {text}")),
            _ if healthy < all => Self::degraded(text),
            _ => Self::healthy(text),
        }
    }

    /// The same of an object that is being deleted: what is well is so only for a while.
    pub(super) fn terminating(self) -> Self {
        let level = if self.level == TopologyHealth::Healthy { TopologyHealth::Degraded } else { self.level };
        // Of pods and claims, kubectl's STATUS says it already.
        let text = match self.text.as_str() {
            said if said.starts_with(TERMINATING) => self.text,
            "" => TERMINATING.to_owned(),
            text => format!("{TERMINATING}, {text}"),
        };
        Self { level, text }
    }
}

const TERMINATING: &str = "Terminating";

impl Link {
    fn to(to: Key, relation: TopologyRelation, reason: impl Into<String>) -> Self {
        Self { to, uid: String::new(), relation, is_backward: false, reason: reason.into(), optional: false }
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.to.held() + self.uid.len() + self.reason.len()
    }
}

impl Facts {
    /// Of an object that is as `health` says and points at its owners and at `links`.
    fn new(metadata: &ObjectMeta, health: Health, links: Vec<Link>) -> Self {
        let all = owners(metadata).chain(links);
        Self {
            uid: metadata.uid.clone(),
            health,
            terminating: metadata.deletion_timestamp.is_some(),
            links: merged(all),
            particular: Particular::None,
        }
    }

    /// The labels of a pod.
    pub(super) fn labels(&self) -> Option<&BTreeMap<String, String>> {
        if let Particular::Pod { labels } = &self.particular { Some(labels) } else { None }
    }

    /// Whether a service has a port: its number or its name. One that stands for a name needs to list none.
    pub(super) fn has_port(&self, port: &str) -> bool {
        match &self.particular {
            Particular::Service { external_name, ports, .. } => {
                ports.contains(port) || ports.is_empty() && !external_name.is_empty()
            }
            _ => true,
        }
    }

    /// The labels of a workload's template.
    pub(super) fn template_labels(&self) -> Option<&BTreeMap<String, String>> {
        if let Particular::Workload { labels, .. } = &self.particular { Some(labels) } else { None }
    }

    /// Bytes that are held for it, about.
    #[must_use]
    pub fn size(&self) -> usize {
        // What a map takes beside the bytes of its texts.
        const ENTRY: usize = 64;
        let map = |map: &BTreeMap<String, String>| {
            map.iter().map(|(key, value)| ENTRY + key.len() + value.len()).sum::<usize>()
        };
        let particular = match &self.particular {
            Particular::None => 0,
            Particular::Endpoints { states } => size_of_val(&states[..]),
            Particular::Pod { labels } => map(labels),
            Particular::Service { selector, external_name, ports } => {
                map(selector) + external_name.len() + ports.iter().map(|port| ENTRY + port.len()).sum::<usize>()
            }
            Particular::Ingress { backends } => {
                backends.iter().map(|(service, port)| ENTRY + service.len() + port.len()).sum()
            }
            Particular::Workload { labels, claims } => {
                map(labels) + claims.iter().map(|prefix| ENTRY + prefix.len()).sum::<usize>()
            }
        };
        let links: usize = self.links.iter().map(Link::size).sum();
        // Each link is in an index too, in which what many point at is once.
        let indexed = self.links.len() * size_of::<(u32, u32)>();
        size_of::<Self>() + self.uid.len() + self.health.text.len() + links + indexed + particular
    }
}

/// The owners that an object names.
fn owners(metadata: &ObjectMeta) -> impl Iterator<Item = Link> {
    metadata.owner_references.iter().map(|owner| Link {
        uid: owner.uid.clone(),
        is_backward: true,
        ..Link::to(
            Key::of_reference(&owner.api_version, &owner.kind, &metadata.namespace, &owner.name),
            TopologyRelation::Owns,
            "owner reference",
        )
    })
}

/// One link for all that say the same: their reasons one after the other, optional where all are.
fn merged(links: impl Iterator<Item = Link>) -> Vec<Link> {
    let mut places: BTreeMap<(Key, String, i32), usize> = BTreeMap::new();
    let mut all: Vec<(Link, Reasons)> = Vec::new();
    for mut link in links {
        let identity = (link.to.clone(), link.uid.clone(), i32::from(link.relation));
        let reason = std::mem::take(&mut link.reason);
        let place = *places.entry(identity).or_insert_with(|| {
            all.push((link.clone(), Reasons::default()));
            all.len() - 1
        });
        let (first, reasons) = &mut all[place];
        first.optional &= link.optional;
        reasons.add(reason);
    }
    all.into_iter().map(|(link, reasons)| Link { reason: reasons.told(), ..link }).collect()
}

/// Why there is one connection. An ingress may have thousands of paths to one service, and any of them may be long: each is compared
/// with the few that are named, and each of these is short.
#[derive(Debug, Default)]
struct Reasons {
    named: Vec<String>,
    others: usize,
}

impl Reasons {
    fn add(&mut self, reason: String) {
        let reason = shortened(reason);
        if self.named.contains(&reason) {
            return;
        }
        match self.named.len() {
            REASONS_NAMED => self.others += 1,
            _ => self.named.push(reason),
        }
    }

    fn told(self) -> String {
        let named = shortened(self.named.join("; "));
        match self.others {
            0 => named,
            others => format!("{named} and {others} more"),
        }
    }
}

/// A text, no longer than it may be.
pub(super) fn shortened(mut text: String) -> String {
    if text.len() > TEXT_BYTES {
        text.truncate(text.floor_char_boundary(TEXT_BYTES));
        text.shrink_to_fit();
        text.push('…');
    }
    text
}

/// What a pod's spec, or a template of one, names: each becomes a link from the object that has the spec.
fn uses(namespace: &str, pod: Option<&str>, spec: Option<&gumshoe_proto::collector::v1::PodSpec>) -> Vec<Link> {
    let references = spec.map(|spec| crate::kinds::pod::references::references(pod, spec)).unwrap_or_default();
    let link = |reference: gumshoe_proto::collector::v1::PodReference| {
        let kind = WalkedKind::of_reference("", &reference.kind)?;
        let to = Key::of(kind, namespace, &reference.name);
        Some(Link { optional: reference.optional, ..Link::to(to, TopologyRelation::Uses, reference.named_by) })
    };
    references.into_iter().filter_map(link).collect()
}

#[cfg(test)]
mod tests;
