//! What a walk has read so far. It lives as long as the call.

use std::{collections::HashMap, sync::Arc};

use gumshoe_proto::collector::v1::{Gap, GapReason};

use super::{
    facts::Facts,
    object::{Key, WalkedKind},
};

/// A request that the walk wants to have made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Read {
    /// One object.
    Get(Key),
    /// All objects of a kind in a namespace.
    List {
        /// Of this kind.
        kind: WalkedKind,
        /// In this namespace.
        namespace: String,
    },
    /// The pods on a node, in a namespace or, where there is none, in all.
    OnNode {
        /// The node's name.
        node: String,
        /// None means all.
        namespace: Option<String>,
    },
}

/// An object, and what was kept of it.
pub type Known = (Key, Arc<Facts>);

/// What a request brought.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The objects.
    pub objects: Vec<Known>,
    /// What is not among them: an object that could not be read, or all that were wanted. A gap that has no name speaks of all.
    pub gaps: Vec<Gap>,
}

impl Answer {
    /// Nothing was read.
    #[must_use]
    pub fn not_read(gap: Gap) -> Self {
        Self { objects: Vec::new(), gaps: vec![gap] }
    }
}

/// What is known of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// It is there.
    Here(Arc<Facts>),
    /// It is not.
    Missing,
    /// It was not read, for this reason.
    NotRead(String),
}

/// All that was read.
#[derive(Debug, Default)]
pub(super) struct Memory {
    lists: HashMap<(WalkedKind, String), Listed>,
    gets: HashMap<Key, Found>,
    on_node: HashMap<(String, Option<String>), Vec<Known>>,
}

/// All objects of a kind in a namespace.
#[derive(Debug, Default)]
pub(super) struct Listed {
    /// In the order of their names.
    objects: Vec<Known>,
    /// Which of them point at what: positions in `objects` and in `Facts::links`.
    pointing: HashMap<Key, Vec<(u32, u32)>>,
    unread: HashMap<String, String>,
    /// Why there may be more.
    cut: Option<String>,
}

impl Memory {
    pub(super) fn learn(&mut self, read: Read, answer: Answer) {
        match read {
            Read::Get(key) => {
                let why = answer.gaps.into_iter().next().map(|gap| Found::NotRead(gap.message));
                let found = answer.objects.into_iter().find(|(of, _)| *of == key);
                let found = found.map(|(_, facts)| Found::Here(facts)).or(why).unwrap_or(Found::Missing);
                self.gets.insert(key, found);
            }
            Read::List { kind, namespace } => {
                self.lists.insert((kind, namespace), Listed::of(answer));
            }
            Read::OnNode { node, namespace } => {
                // They are known by their names too, so that nothing is asked twice.
                let known = answer.objects.iter().map(|(key, facts)| (key.clone(), Found::Here(facts.clone())));
                self.gets.extend(known);
                self.on_node.insert((node, namespace), answer.objects);
            }
        }
    }

    /// What is known of an object; None where it would have to be read.
    pub(super) fn look_up(&self, kind: WalkedKind, key: &Key) -> Option<Found> {
        if let Some(found) = self.gets.get(key) {
            return Some(found.clone());
        }
        Some(self.list(kind, &key.namespace)?.look_up(&key.name))
    }

    pub(super) fn list(&self, kind: WalkedKind, namespace: &str) -> Option<&Listed> {
        self.lists.get(&(kind, namespace.to_owned()))
    }

    pub(super) fn on_node(&self, node: &str, namespace: Option<&str>) -> Option<&[Known]> {
        self.on_node.get(&(node.to_owned(), namespace.map(str::to_owned))).map(Vec::as_slice)
    }

    /// Whether this object was asked for by its name, or came with the pods of a node.
    pub(super) fn was_got(&self, key: &Key) -> bool {
        self.gets.contains_key(key)
    }

    /// Whether one object of this kind was asked for by its name.
    pub(super) fn has_got(&self, kind: WalkedKind, namespace: &str) -> bool {
        self.gets.keys().any(|key| key.walked() == Some(kind) && key.namespace == namespace)
    }
}

impl Listed {
    fn of(answer: Answer) -> Self {
        let mut listed = Self::default();
        for gap in answer.gaps {
            if gap.name.is_empty() {
                listed.cut = Some(gap.message);
            } else {
                listed.unread.insert(gap.name, gap.message);
            }
        }
        listed.objects = answer.objects;
        listed.objects.sort_by(|(one, _), (other, _)| one.name.cmp(&other.name));
        listed.objects.dedup_by(|(one, _), (other, _)| one.name == other.name);
        for (object, (_, facts)) in (0..).zip(&listed.objects) {
            for (place, link) in (0..).zip(&facts.links) {
                match listed.pointing.get_mut(&link.to) {
                    Some(pointing) => pointing.push((object, place)),
                    None => drop(listed.pointing.insert(link.to.clone(), vec![(object, place)])),
                }
            }
        }
        listed
    }

    fn look_up(&self, name: &str) -> Found {
        let found = self.objects.binary_search_by(|(key, _)| key.name.as_str().cmp(name));
        match (found.ok().and_then(|place| self.objects.get(place)), self.unread.get(name).or(self.cut.as_ref())) {
            (Some((_, facts)), _) => Found::Here(facts.clone()),
            (None, Some(why)) => Found::NotRead(why.clone()),
            (None, None) => Found::Missing,
        }
    }

    /// Those that were read, in the order of their names.
    pub(super) fn objects(&self) -> impl Iterator<Item = &Known> {
        self.objects.iter()
    }

    /// How many were read.
    pub(super) fn len(&self) -> usize {
        self.objects.len()
    }

    /// Those that point at an object, and by which of their links.
    pub(super) fn pointing_at<'a>(&'a self, to: &Key) -> impl Iterator<Item = (&'a Known, usize)> {
        let pointing = self.pointing.get(to).map(Vec::as_slice).unwrap_or_default();
        pointing.iter().filter_map(|(object, place)| Some((self.objects.get(*object as usize)?, *place as usize)))
    }

    /// Whether all there are were read.
    pub(super) fn is_whole(&self) -> bool {
        self.cut.is_none() && self.unread.is_empty()
    }
}

/// What is said once of a kind that the collector does not serve; or that it serves, but is confined to namespaces.
pub(super) fn not_served(kind: WalkedKind, is_served: bool) -> Gap {
    let why = match is_served {
        true => "are in no namespace, and this collector reads only those of --namespaces",
        false => "are not among the kinds that this collector serves",
    };
    let message = format!("{} {why}", kind.resource().plural);
    Gap { reason: GapReason::KindNotRead.into(), message, ..Gap::default() }
}
