//! The walk itself, without any server: it says what it wants to read, is told what came, and gives what it has found.
//!
//! It goes level by level, from what is nearer to what is farther. An object is followed when all is known that is connected with it,
//! so whatever was found is whole: a connection is given after both its ends. What many share that have nothing to do with each other
//! (nodes, ConfigMaps, Secrets, claims) is shown and not followed, unless the walk began there.

mod neighbours;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    sync::Arc,
};

use gumshoe_proto::collector::v1::{
    Gap, GapReason, TopologyEdge, TopologyElement, TopologyHealth, TopologyNode, topology_element::Element,
};

use super::{
    facts::{Facts, Health},
    known::{Answer, Found, Memory, Read, Told, not_served},
    object::{Key, WalkedKind},
};
use neighbours::Neighbour;

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
    /// Those that are to be followed, the nearest first.
    queue: VecDeque<u32>,
    elements: Vec<TopologyElement>,
    gaps: Vec<Gap>,
    told: Told,
    /// What is likely to be needed is asked for once, with the first that is.
    foreseen: bool,
    /// Objects beyond the bound of depth.
    at_depth: usize,
}

/// An object and, where its name now belongs to another one or to none, the uid of the one that is gone.
type Identity = (Key, Option<String>);

#[derive(Debug)]
struct Node {
    key: Key,
    /// None where it was not found.
    facts: Option<Arc<Facts>>,
    distance: u32,
}

/// What the walk cannot do without.
type Wants = BTreeSet<Read>;

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
            queue: VecDeque::new(),
            elements: Vec::new(),
            gaps: Vec::new(),
            told: Told::default(),
            foreseen: false,
            at_depth: 0,
        }
    }

    /// Takes the answer to a read.
    pub fn learn(&mut self, read: Read, answer: Answer) {
        self.gaps.extend(answer.gaps.iter().cloned());
        self.memory.learn(read, answer);
    }

    /// Goes on as far as it can by what is known.
    pub fn step(&mut self) -> Step {
        if self.nodes.is_empty()
            && let Err(wants) = self.begin()
        {
            return Step::Read(self.plan(wants));
        }
        while let Some(&first) = self.queue.front() {
            let level = self.node(first).distance;
            let mut wants = Wants::new();
            let mut waiting = VecDeque::new();
            while let Some(id) = self.queue.pop_front_if(|id| self.nodes[*id as usize - 1].distance == level) {
                if let Err(wanted) = self.follow(id) {
                    wants.extend(wanted);
                    waiting.push_back(id);
                }
                if self.nodes.len() >= self.bounds.nodes {
                    self.connect_rest(waiting);
                    return Step::Done;
                }
            }
            if !wants.is_empty() {
                waiting.append(&mut self.queue);
                self.queue = waiting;
                return Step::Read(self.plan(wants));
            }
        }
        Step::Done
    }

    /// What was found since it was last asked.
    pub fn take(&mut self) -> Vec<TopologyElement> {
        std::mem::take(&mut self.elements)
    }

    /// What is missing, at the end.
    pub fn take_gaps(&mut self) -> Vec<Gap> {
        std::mem::take(&mut self.gaps)
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
        let (identity, facts, health) = self.resolve(&seed)?;
        self.add(identity, facts, health, 0);
        Ok(())
    }

    /// Follows an object: gives all that is connected with it.
    fn follow(&mut self, id: u32) -> Result<(), Wants> {
        let (key, facts, distance) = {
            let node = self.node(id);
            (node.key.clone(), node.facts.clone(), node.distance)
        };
        let mut wants = Wants::new();
        let neighbours = self.neighbours(&key, facts.as_deref(), &mut wants);
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
        for (neighbour, (identity, facts, health)) in resolved {
            let other = match self.ids.get(&identity) {
                Some(&other) => other,
                None if self.nodes.len() >= self.bounds.nodes => {
                    self.beyond_bound();
                    continue;
                }
                None => self.add(identity, facts, health, distance + 1),
            };
            let (from, to) = if neighbour.is_backward { (other, id) } else { (id, other) };
            self.connect(from, to, neighbour);
        }
        Ok(())
    }

    fn add(&mut self, identity: Identity, facts: Option<Arc<Facts>>, health: Health, distance: u32) -> u32 {
        let id = u32::try_from(self.nodes.len() + 1).unwrap_or(u32::MAX);
        let (key, gone) = &identity;
        let (group, kind) = key.group_and_kind();
        let uid = gone.clone().or_else(|| facts.as_ref().map(|facts| facts.uid.clone())).unwrap_or_default();
        let node = TopologyNode {
            id,
            kind: kind.to_owned(),
            api_group: group.to_owned(),
            namespace: key.namespace.clone(),
            name: key.name.clone(),
            uid,
            health: health.level.into(),
            status: health.text,
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
        self.nodes.push(Node { key: key.clone(), facts, distance });
        self.ids.insert(identity, id);
        id
    }

    fn connect(&mut self, from: u32, to: u32, neighbour: Neighbour) {
        let Neighbour { relation, reason, optional, .. } = neighbour;
        if self.edges.insert((from, to, relation.into())) {
            let edge = TopologyEdge { from, to, relation: relation.into(), reason, optional };
            self.elements.push(TopologyElement { element: Some(Element::Edge(edge)) });
        }
    }

    /// Once there are as many objects as may be given, only connections between them are added, as far as they cost no read.
    fn connect_rest(&mut self, waiting: VecDeque<u32>) {
        let queue = std::mem::take(&mut self.queue);
        for id in waiting.into_iter().chain(queue) {
            if self.follow(id).is_err() {
                self.beyond_bound();
            }
        }
    }

    fn beyond_bound(&mut self) {
        if !self.gaps.iter().any(|gap| gap.reason() == GapReason::Limit) {
            let message = format!("{} objects are given, and there may be more", self.bounds.nodes);
            self.gaps.push(Gap { reason: GapReason::Limit.into(), message, ..Gap::default() });
        }
    }

    /// What is known of a neighbour.
    fn resolve(&mut self, neighbour: &Neighbour) -> Result<(Identity, Option<Arc<Facts>>, Health), Wants> {
        let Neighbour { key, uid, .. } = neighbour;
        let not_read = |why: String| Ok(((key.clone(), None), None, Health::new(TopologyHealth::NotRead, why)));
        let Some(kind) = key.walked() else {
            return not_read("objects of this kind are not read".to_owned());
        };
        if !self.may_read(kind) {
            return not_read("not served by this collector".to_owned());
        }
        match self.memory.look_up(kind, key) {
            None => Err([Read::Get(key.clone())].into()),
            Some(Found::NotRead(why)) => not_read(why),
            Some(Found::Here(facts)) if uid.is_empty() || *uid == facts.uid => {
                let health = self.health(kind, key, &facts)?;
                Ok(((key.clone(), None), Some(facts), health))
            }
            Some(Found::Here(_)) => {
                let health = Health::new(TopologyHealth::Missing, "gone; another object has its name");
                Ok(((key.clone(), Some(uid.clone())), None, health))
            }
            Some(Found::Missing) => {
                let text = if uid.is_empty() { "does not exist" } else { "gone" };
                let gone = (!uid.is_empty()).then(|| uid.clone());
                Ok(((key.clone(), gone), None, Health::new(TopologyHealth::Missing, text)))
            }
        }
    }

    /// Whether a kind may be read; says once that it may not.
    fn may_read(&mut self, kind: WalkedKind) -> bool {
        let may = self.readable.kinds.contains(&kind) && (self.readable.cluster || kind.resource().namespaced);
        if !may && self.told.first(kind) {
            self.gaps.push(not_served(kind));
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
