//! How an object is where others say it: a service by its slices, an ingress by what it names.

use std::collections::BTreeSet;

use gumshoe_proto::collector::v1::{TopologyHealth, TopologyRelation};

use super::{Found, Walk, Wants};
use crate::{
    kinds::endpoint::state::{Counts, Identity, State},
    topology::{
        facts::{Facts, Health, Link, Particular, shortened},
        known::{Known, Read},
        object::{Key, WalkedKind},
    },
};

impl Walk {
    /// How an object is, by others too where those say it.
    pub(super) fn health(&mut self, kind: WalkedKind, key: &Key, facts: &Facts) -> Result<Health, Wants> {
        let health = match kind {
            WalkedKind::Service => self.health_of_service(key, facts)?,
            WalkedKind::Ingress => self.health_of_ingress(key, facts)?,
            _ => facts.health.clone(),
        };
        Ok(if facts.terminating { health.terminating() } else { health })
    }

    /// By the endpoints in its slices. None at all and none that is ready are different answers.
    fn health_of_service(&mut self, key: &Key, facts: &Facts) -> Result<Health, Wants> {
        let Particular::Service { selector, external_name, .. } = &facts.particular else {
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
        let (mut number, mut states) = (0, Vec::new());
        for slice in slices.pointing_at(key).filter_map(|slice| endpoints(slice, key)) {
            number += 1;
            states.extend_from_slice(slice);
        }
        let health = match (number, states.is_empty()) {
            (0, _) => Health::unhealthy("no endpoint slice"),
            (_, true) if has_selector => {
                Health::unhealthy("no ready backend; its selector matches no pod with an address")
            }
            _ => Health::of_backends(Counts::of(&states)),
        };
        if !slices.is_whole() {
            let known = if number > 0 { format!("; {} in the others", health.text) } else { String::new() };
            return unknown(&format!("endpoint slices could not be read{known}"));
        }
        Ok(health)
    }

    /// By whether the services and their ports exist that it routes to, and the certificates that it needs.
    fn health_of_ingress(&mut self, key: &Key, facts: &Facts) -> Result<Health, Wants> {
        let Particular::Ingress { backends } = &facts.particular else { return Ok(facts.health.clone()) };
        let (mut wants, mut wrong, mut broken, mut not_read) = (Wants::new(), BTreeSet::new(), 0, 0);
        let may_read = backends.is_empty() || self.may_read(WalkedKind::Service);
        for (service, port) in backends {
            let to = Key::of(WalkedKind::Service, &key.namespace, service);
            let found = if may_read { self.found(WalkedKind::Service, &to, &mut wants) } else { None };
            let trouble = match found {
                Some(Found::Missing) => format!("no service {service}"),
                Some(Found::Here(facts)) if !facts.has_port(port) => format!("service {service} has no port {port}"),
                Some(Found::Here(_)) => continue,
                Some(Found::NotRead(_)) | None => {
                    not_read += 1;
                    continue;
                }
            };
            broken += 1;
            wrong.insert(trouble);
        }
        // Where Secrets are not read, nothing is said of them: that they are not is told where they are named.
        let secrets = facts.links.iter().filter(|link| link.to.walked() == Some(WalkedKind::Secret));
        for link in secrets.filter(|_| self.readable.kinds.contains(&WalkedKind::Secret)) {
            if self.found(WalkedKind::Secret, &link.to, &mut wants) == Some(Found::Missing) {
                wrong.insert(format!("no secret {}", link.to.name));
            }
        }
        if !wants.is_empty() {
            return Err(wants);
        }
        let address = &facts.health.text;
        let text = format!("{address}, {}", shortened(wrong.iter().map(String::as_str).collect::<Vec<_>>().join(", ")));
        Ok(match (broken, not_read) {
            (all, _) if all > 0 && all == backends.len() => Health::unhealthy(text),
            _ if !wrong.is_empty() => Health::degraded(text),
            (_, 0) => facts.health.clone(),
            _ => Health::new(TopologyHealth::Unknown, format!("{address}, its services are not read")),
        })
    }

    /// What is known of an object; where it must be read, it is wanted.
    fn found(&self, kind: WalkedKind, key: &Key, wants: &mut Wants) -> Option<Found> {
        let found = self.memory.look_up(kind, key);
        if found.is_none() {
            wants.insert(Read::Get(key.clone()));
        }
        found
    }
}

/// The endpoints of a slice, if it is one of the service's.
fn endpoints<'a>((slice, place): (&'a Known, usize), service: &Key) -> Option<&'a [(Identity, State)]> {
    match &slice.1.particular {
        Particular::Endpoints { states } if is_slice_of(&slice.1.links[place], service) => Some(states),
        _ => None,
    }
}

fn is_slice_of(link: &Link, service: &Key) -> bool {
    link.relation == TopologyRelation::HasSlice && link.to == *service
}
