//! The walk itself, without any server: it says what it wants to read, is told what came, and gives what it has found.
//!
//! It goes level by level, from what is nearer to what is farther. An object is followed when all is known that is connected with it,
//! so whatever was found is whole: a connection is given after both its ends. What many share that have nothing to do with each other
//! (nodes, ConfigMaps, Secrets, claims) is shown and not followed, unless the walk began there.

mod health;
mod neighbours;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    sync::Arc,
};

use gumshoe_proto::collector::v1::{
    Gap, GapReason, TopologyEdge, TopologyElement, TopologyHealth, TopologyNode, topology_element::Element,
};

use super::{
    facts::{Facts, Health, shortened},
    known::{Answer, Found, Memory, Read, not_served},
    object::{Key, WalkedKind},
};
use neighbours::Neighbour;

/// Connections beside those by which an object was found, for each object that may be given: a pod has some ten.
const EDGES_PER_NODE: usize = 16;
/// Elements that a step leaves to be taken, and connections that it looks at: then it returns, so that they can be sent, and others have
/// their turn.
const STEP_ELEMENTS: usize = 1000;
const STEP_WORK: usize = 20_000;
/// Objects that were not in the list of their kind and are asked for by name: the lists are of different moments.
const SECOND_LOOKS: usize = 5;

/// How far a walk goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Steps from the seed.
    pub depth: u32,
    /// Objects in all.
    pub nodes: usize,
}

/// What may be read at all.
#[derive(Debug, Clone, Default)]
pub struct Readable {
    /// The kinds that are served.
    pub kinds: BTreeSet<WalkedKind>,
    /// Whether what is in no namespace may be read.
    pub cluster: bool,
    /// Where the pods of a node are looked for; None stands for all namespaces.
    pub namespaces: Vec<Option<String>>,
}

/// What the walk does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It waits for the answers to these, which can be asked side by side.
    Read(Vec<Read>),
    /// It has more to do, and nothing to wait for.
    More,
    /// It is at its end.
    Done,
}

/// A walk.
#[derive(Debug)]
pub struct Walk {
    seed: Key,
    bounds: Bounds,
    readable: Readable,
    memory: Memory,
    nodes: Vec<Node>,
    ids: HashMap<Identity, u32>,
    edges: HashSet<(u32, u32, i32)>,
    /// Edges beside those by which an object was found.
    more_edges: usize,
    /// Those that are to be followed, the nearest first.
    queue: VecDeque<u32>,
    /// Those of the level that is followed that wait for something, and for what.
    waiting: VecDeque<u32>,
    wants: Wants,
    /// Connections that this step has looked at.
    work: usize,
    /// The object that was followed last takes more than one step.
    is_interrupted: bool,
    /// Whether there are pods of a workload, as far as it was looked for: the list of pods is read once.
    have_pods: HashMap<Key, bool>,
    elements: Vec<TopologyElement>,
    gaps: Vec<Gap>,
    /// Kinds that are known not to be served, each told once.
    not_served: HashSet<WalkedKind>,
    /// What is likely to be needed is asked for once, with the first that is.
    foreseen: bool,
    /// Objects beyond the bound of depth.
    at_depth: usize,
    /// What was left out for its number: told once each.
    beyond_nodes: bool,
    beyond_edges: bool,
    looked_again: HashSet<Key>,
}

/// An object and, where its name now belongs to another one or to none, the uid of the one that is gone.
type Identity = (Key, Option<String>);

#[derive(Debug)]
struct Node {
    key: Key,
    /// None where it was not found.
    facts: Option<Arc<Facts>>,
    /// Empty where it is not known.
    uid: String,
    distance: u32,
}

/// What the walk cannot do without.
type Wants = BTreeSet<Read>;

/// What a neighbour turns out to be.
#[derive(Debug)]
enum Resolved {
    /// An object that was found before.
    Known(u32),
    /// One that was not.
    New(Identity, Option<Arc<Facts>>, Health),
}

impl Walk {
    /// Begins at the seed, which is told first: `Read::Get` of it.
    #[must_use]
    pub fn new(seed: Key, bounds: Bounds, readable: Readable) -> Self {
        Self {
            seed,
            bounds,
            readable,
            memory: Memory::default(),
            nodes: Vec::new(),
            ids: HashMap::new(),
            edges: HashSet::new(),
            more_edges: 0,
            queue: VecDeque::new(),
            waiting: VecDeque::new(),
            wants: Wants::new(),
            work: 0,
            is_interrupted: false,
            have_pods: HashMap::new(),
            elements: Vec::new(),
            gaps: Vec::new(),
            not_served: HashSet::new(),
            foreseen: false,
            at_depth: 0,
            beyond_nodes: false,
            beyond_edges: false,
            looked_again: HashSet::new(),
        }
    }

    /// Takes the answer to a read.
    pub fn learn(&mut self, read: Read, answer: Answer) {
        self.gaps.extend(answer.gaps.iter().cloned());
        self.memory.learn(read, answer);
    }

    /// Takes that a read was not made, for a reason that is told already.
    pub fn learn_unread(&mut self, read: Read, gap: Gap) {
        self.memory.learn(read, Answer::not_read(gap));
    }

    /// Goes on as far as it can by what is known, but not too far at once.
    pub fn step(&mut self) -> Step {
        if self.nodes.is_empty()
            && let Err(wants) = self.begin()
        {
            return Step::Read(self.plan(wants));
        }
        self.work = 0;
        loop {
            let level = self.waiting.front().or(self.queue.front()).map(|&id| self.node(id).distance);
            let is_full = self.nodes.len() >= self.bounds.nodes;
            // Once there are as many objects as may be given, only connections between them are added, as far as they cost no read.
            let queue = if is_full && !self.waiting.is_empty() { &mut self.waiting } else { &mut self.queue };
            let next = queue.pop_front_if(|id| is_full || Some(self.nodes[*id as usize - 1].distance) == level);
            if let Some(id) = next {
                match self.follow(id) {
                    Err(_) if std::mem::take(&mut self.is_interrupted) => {
                        self.queue.push_front(id);
                        return Step::More;
                    }
                    Err(_) if is_full => self.beyond_nodes = true,
                    Err(wanted) => {
                        self.wants.extend(wanted);
                        self.waiting.push_back(id);
                    }
                    Ok(()) => {}
                }
                if self.elements.len() >= STEP_ELEMENTS || self.work >= STEP_WORK {
                    return Step::More;
                }
            } else if is_full || self.waiting.is_empty() && self.queue.is_empty() {
                return Step::Done;
            } else if !self.waiting.is_empty() {
                self.waiting.append(&mut self.queue);
                self.queue = std::mem::take(&mut self.waiting);
                let wants = std::mem::take(&mut self.wants);
                return Step::Read(self.plan(wants));
            }
        }
    }

    /// What was found since it was last asked.
    pub fn take(&mut self) -> Vec<TopologyElement> {
        std::mem::take(&mut self.elements)
    }

    /// What is missing, at the end.
    pub fn take_gaps(&mut self) -> Vec<Gap> {
        let limit = |message: String| Gap { reason: GapReason::Limit.into(), message, ..Gap::default() };
        let mut gaps = std::mem::take(&mut self.gaps);
        if std::mem::take(&mut self.beyond_nodes) {
            gaps.push(limit(format!("{} objects are given, and there may be more", self.bounds.nodes)));
        }
        if std::mem::take(&mut self.beyond_edges) {
            gaps.push(limit(format!("{} connections are given, and there are more", self.edges.len())));
        }
        gaps
    }

    /// Objects that are as far as the walk may go, and were not followed for that.
    #[must_use]
    pub fn at_depth(&self) -> usize {
        self.at_depth
    }

    fn node(&self, id: u32) -> &Node {
        &self.nodes[id as usize - 1]
    }

    /// The seed, which is there even if it could not be read: then who asked for the walk has found that out.
    fn begin(&mut self) -> Result<(), Wants> {
        let seed = Neighbour::seed(self.seed.clone());
        if let Resolved::New(identity, facts, health) = self.resolve(&seed)? {
            self.add(identity, facts, "", health, 0);
        }
        Ok(())
    }

    /// Follows an object: gives all that is connected with it, or nothing yet where something is wanted, or it was interrupted.
    fn follow(&mut self, id: u32) -> Result<(), Wants> {
        let (key, facts, distance) = {
            let node = self.node(id);
            (node.key.clone(), node.facts.clone(), node.distance)
        };
        let mut wants = Wants::new();
        let neighbours = self.neighbours(&key, facts.as_deref(), &mut wants);
        if self.is_interrupted {
            return Err(wants);
        }
        self.work += neighbours.len();
        let mut resolved = Vec::with_capacity(neighbours.len());
        for neighbour in neighbours {
            match self.resolve(&neighbour) {
                Ok(found) => resolved.push((neighbour, found)),
                Err(wanted) => wants.extend(wanted),
            }
        }
        if !wants.is_empty() {
            return Err(wants);
        }
        for (neighbour, found) in resolved {
            let (other, is_new) = match found {
                Resolved::Known(other) => (other, false),
                Resolved::New(identity, ..) if self.ids.contains_key(&identity) => (self.ids[&identity], false),
                Resolved::New(..) if self.nodes.len() >= self.bounds.nodes => {
                    self.beyond_nodes = true;
                    continue;
                }
                Resolved::New(identity, facts, health) => {
                    (self.add(identity, facts, &neighbour.uid, health, distance + 1), true)
                }
            };
            let (from, to) = if neighbour.is_backward { (other, id) } else { (id, other) };
            self.connect(from, to, is_new, &neighbour);
        }
        Ok(())
    }

    fn add(&mut self, identity: Identity, facts: Option<Arc<Facts>>, uid: &str, health: Health, distance: u32) -> u32 {
        let id = u32::try_from(self.nodes.len() + 1).unwrap_or(u32::MAX);
        let (key, gone) = &identity;
        let (group, kind) = key.group_and_kind();
        let uid = gone.as_deref().or(facts.as_ref().map(|facts| facts.uid.as_str())).unwrap_or(uid).to_owned();
        // What an object names may be called anything at all: Kubernetes asks no more of an owner reference than that it is not empty.
        let told = |text: &str| shortened(text.to_owned());
        let node = TopologyNode {
            id,
            kind: told(kind),
            api_group: told(group),
            namespace: told(&key.namespace),
            name: told(&key.name),
            uid: told(&uid),
            health: health.level.into(),
            status: shortened(health.text),
            distance,
        };
        self.elements.push(TopologyElement { element: Some(Element::Node(node)) });
        let is_node_seed = distance == 0 && key.walked() == Some(WalkedKind::Node);
        let is_shared = distance > 0 && key.walked().is_some_and(WalkedKind::is_shared);
        if (facts.is_some() || is_node_seed) && !is_shared {
            if distance < self.bounds.depth {
                self.queue.push_back(id);
            } else {
                self.at_depth += 1;
            }
        }
        self.nodes.push(Node { key: key.clone(), facts, uid, distance });
        self.ids.insert(identity, id);
        id
    }

    /// The connection by which an object is found is always given.
    fn connect(&mut self, from: u32, to: u32, is_new: bool, neighbour: &Neighbour) {
        let Neighbour { relation, reason, optional, .. } = neighbour;
        let identity = (from, to, i32::from(*relation));
        if self.edges.contains(&identity) {
            return;
        }
        if !is_new {
            if self.more_edges >= EDGES_PER_NODE * self.bounds.nodes {
                self.beyond_edges = true;
                return;
            }
            self.more_edges += 1;
        }
        self.edges.insert(identity);
        let edge = TopologyEdge { from, to, relation: identity.2, reason: reason.to_string(), optional: *optional };
        self.elements.push(TopologyElement { element: Some(Element::Edge(edge)) });
    }

    /// What is known of a neighbour.
    fn resolve(&mut self, neighbour: &Neighbour) -> Result<Resolved, Wants> {
        let Neighbour { key, uid, .. } = neighbour;
        let identity = || (key.clone(), None);
        // One name stands for one object, unless two uids are given for it.
        let named = self.ids.get(&identity()).map_or("", |&id| self.node(id).uid.as_str());
        let other = (![named, uid].contains(&"") && named != uid).then(|| uid.clone());
        let not_read = |why: String| {
            let health = Health::new(TopologyHealth::NotRead, why);
            Ok(Resolved::New((key.clone(), other), None, health))
        };
        let Some(kind) = key.walked() else {
            let (group, kind) = key.group_and_kind();
            return not_read(match WalkedKind::of_reference(group, kind) {
                Some(_) => "in another namespace than what names it, and not read".to_owned(),
                None => "objects of this kind are not read".to_owned(),
            });
        };
        if !self.may_read(kind) {
            return not_read("not served by this collector".to_owned());
        }
        let found = self.memory.look_up(kind, key);
        let text = match found {
            None => return Err([Read::Get(key.clone())].into()),
            Some(Found::NotRead(why)) => return not_read(why),
            Some(Found::Here(facts)) if uid.is_empty() || *uid == facts.uid => {
                return match self.ids.get(&identity()) {
                    Some(&id) => Ok(Resolved::Known(id)),
                    None => Ok(Resolved::New(identity(), Some(facts.clone()), self.health(kind, key, &facts)?)),
                };
            }
            Some(Found::Missing) if uid.is_empty() => "does not exist",
            Some(_) if self.looks_again(key) => return Err([Read::Get(key.clone())].into()),
            Some(_) if !self.memory.was_got(key) => "gone, or newer than what was read",
            Some(Found::Here(_)) => "gone; another object has its name",
            Some(Found::Missing) => "gone",
        };
        let gone = (!uid.is_empty()).then(|| uid.clone());
        Ok(Resolved::New((key.clone(), gone), None, Health::new(TopologyHealth::Missing, text)))
    }

    /// Whether an object that something names, and that is not in the list of its kind, is asked for by name before it is called gone:
    /// the lists are of different moments, so it may be newer than its list.
    fn looks_again(&mut self, key: &Key) -> bool {
        if self.memory.was_got(key) || self.nodes.len() >= self.bounds.nodes {
            return false;
        }
        if self.looked_again.len() < SECOND_LOOKS {
            self.looked_again.insert(key.clone());
        }
        self.looked_again.contains(key)
    }

    /// Whether a kind may be read; says once that it may not.
    fn may_read(&mut self, kind: WalkedKind) -> bool {
        let may = self.readable.kinds.contains(&kind) && (self.readable.cluster || kind.resource().namespaced);
        if !may && self.not_served.insert(kind) {
            self.gaps.push(not_served(kind, self.readable.kinds.contains(&kind)));
        }
        may
    }

    /// Once the seed is known, all lists that will be needed if it is what it mostly is.
    fn foresee(&mut self) -> Vec<Read> {
        let kind = self.seed.walked().filter(|kind| kind.resource().namespaced);
        let kind = kind.filter(|&kind| !self.foreseen && self.memory.look_up(kind, &self.seed).is_some());
        let Some(kind) = kind else { return Vec::new() };
        self.foreseen = true;
        let namespace = self.seed.namespace.clone();
        let likely = kind.likely(self.bounds.depth).into_iter();
        let likely: Vec<_> = likely.filter(|&kind| self.may_read(kind)).collect();
        let unknown = likely.into_iter().filter(|&kind| self.memory.list(kind, &namespace).is_none());
        unknown.map(|kind| Read::List { kind, namespace: namespace.clone() }).collect()
    }

    /// The requests for what is wanted: one name of a kind is asked for by itself, several are a list; and with the first of them, what
    /// will be wanted soon.
    fn plan(&mut self, wants: Wants) -> Vec<Read> {
        let mut reads = Wants::new();
        let mut names: BTreeMap<(WalkedKind, String), Vec<Key>> = BTreeMap::new();
        for want in wants {
            match want {
                Read::Get(key) => match key.walked() {
                    Some(kind) if kind.resource().namespaced && key != self.seed => {
                        names.entry((kind, key.namespace.clone())).or_default().push(key);
                    }
                    _ => {
                        reads.insert(Read::Get(key));
                    }
                },
                other => {
                    reads.insert(other);
                }
            }
        }
        reads.extend(self.foresee());
        for ((kind, namespace), keys) in names {
            let list = Read::List { kind, namespace: namespace.clone() };
            if self.memory.list(kind, &namespace).is_some() {
                reads.extend(keys.into_iter().map(Read::Get));
                continue;
            }
            match <[Key; 1]>::try_from(keys) {
                _ if reads.contains(&list) => {}
                Ok([key]) if !kind.is_listed() && !self.memory.has_got(kind, &namespace) => {
                    reads.insert(Read::Get(key));
                }
                _ => {
                    reads.insert(list);
                }
            }
        }
        reads.into_iter().collect()
    }
}

#[cfg(test)]
mod tests;
