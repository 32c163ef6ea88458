//! A topology as a tree. Each object is drawn once, below the one from which it was found; where it is connected with others too, the one
//! that is drawn later refers to the other.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use gumshoe_proto::collector::v1::{
    TopologyEdge, TopologyElement, TopologyHealth, TopologyNode, TopologyRelation, topology_element::Element,
};

use super::text::one_line;
use crate::terminal::Surface;

/// References of one object that are written; of more, the number.
const REFERENCES_MAX: usize = 8;

/// Levels that are drawn; a collector goes ten steps.
const DEPTH_MAX: usize = 64;

/// What the branches are drawn with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Strokes {
    between: &'static str,
    last: &'static str,
    beside: &'static str,
    refers: &'static str,
}

impl Strokes {
    /// Where the terminal takes UTF-8.
    pub(crate) const LINES: Self = Self { between: "├─ ", last: "└─ ", beside: "│  ", refers: "↪ " };
    /// Where it does not.
    pub(crate) const ASCII: Self = Self { between: "|- ", last: "`- ", beside: "|  ", refers: "-> " };
}

/// A topology in the making: what was found first is at the root.
#[derive(Debug)]
pub(crate) struct Tree {
    surface: Surface,
    strokes: Strokes,
    nodes: BTreeMap<u32, TopologyNode>,
    edges: Vec<TopologyEdge>,
}

/// What stands below an object.
#[derive(Debug, Default)]
struct Below<'a> {
    children: Vec<(u32, &'a TopologyEdge)>,
    /// Objects that are drawn elsewhere.
    others: Vec<(u32, &'a TopologyEdge)>,
}

impl Tree {
    pub(crate) fn new(surface: Surface, strokes: Strokes) -> Self {
        Self { surface, strokes, nodes: BTreeMap::new(), edges: Vec::new() }
    }

    /// Takes what a page holds.
    pub(crate) fn add(&mut self, elements: &[TopologyElement]) {
        for element in elements {
            match &element.element {
                Some(Element::Node(node)) => drop(self.nodes.insert(node.id, node.clone())),
                Some(Element::Edge(edge)) => self.edges.push(edge.clone()),
                None => {}
            }
        }
    }

    /// Draws it.
    pub(crate) fn draw(&self, out: &mut dyn Write) -> io::Result<()> {
        let below = self.below();
        // Each beginning of an edge is nearer than its end, so this comes to an end. What has no way to the root is a root itself.
        let parents: BTreeMap<_, _> =
            below.iter().flat_map(|(id, below)| below.children.iter().map(|(child, _)| (*child, *id))).collect();
        for (id, node) in self.nodes.iter().filter(|(id, _)| !parents.contains_key(*id)) {
            writeln!(out, "{}", self.object(node))?;
            self.draw_below(out, &below, *id, &mut Vec::new())?;
        }
        Ok(())
    }

    /// An object stands below the first that is nearer to the root; other connections are told at the one that is drawn later.
    fn below(&self) -> BTreeMap<u32, Below<'_>> {
        let mut below: BTreeMap<u32, Below<'_>> = BTreeMap::new();
        let mut placed = std::collections::BTreeSet::new();
        for edge in &self.edges {
            let distance = |id: u32| self.nodes.get(&id).map(|node| node.distance);
            let (Some(from), Some(to)) = (distance(edge.from), distance(edge.to)) else { continue };
            let (near, far) = if from <= to { (edge.from, edge.to) } else { (edge.to, edge.from) };
            if from != to && placed.insert(far) {
                below.entry(near).or_default().children.push((far, edge));
            } else {
                let (early, late) = (near.min(far), near.max(far));
                below.entry(late).or_default().others.push((early, edge));
            }
        }
        below
    }

    fn draw_below(
        &self,
        out: &mut dyn Write,
        all: &BTreeMap<u32, Below<'_>>,
        id: u32,
        indents: &mut Vec<&'static str>,
    ) -> io::Result<()> {
        let Some(below) = all.get(&id) else { return Ok(()) };
        let Strokes { between, last, beside, refers } = self.strokes;
        let indent = indents.concat();
        if indents.len() == DEPTH_MAX {
            return writeln!(out, "{indent}{last}{}", self.surface.dim("more levels are not drawn; -o json has them"));
        }
        if !below.others.is_empty() {
            let stroke = if below.children.is_empty() { last } else { between };
            writeln!(
                out,
                "{indent}{stroke}{}",
                self.surface.dim(&format!("{refers}{}", self.others(id, &below.others)))
            )?;
        }
        for (index, (child, edge)) in below.children.iter().enumerate() {
            let Some(node) = self.nodes.get(child) else { continue };
            let is_last = index + 1 == below.children.len();
            let reason = self.surface.dim(&format!("[{}]", one_line(&edge.reason))).into_owned();
            let how = how(edge, id);
            writeln!(out, "{indent}{}{how} {} {reason}", if is_last { last } else { between }, self.object(node))?;
            indents.push(if is_last { "   " } else { beside });
            self.draw_below(out, all, *child, indents)?;
            indents.pop();
        }
        Ok(())
    }

    /// `Deployment/web  0/2 ready`.
    fn object(&self, node: &TopologyNode) -> String {
        let TopologyNode { kind, name, status, .. } = node;
        let (name, status) = (one_line(name), one_line(status));
        let status = match node.health() {
            TopologyHealth::Healthy => self.surface.good(&status).into_owned(),
            TopologyHealth::Degraded => format!("degraded: {status}"),
            TopologyHealth::Unhealthy => self.surface.bad(&format!("UNHEALTHY: {status}")).into_owned(),
            TopologyHealth::Missing => self.surface.bad(&format!("MISSING: {status}")).into_owned(),
            TopologyHealth::NotRead => self.surface.dim(&format!("not read: {status}")).into_owned(),
            TopologyHealth::Unknown | TopologyHealth::Unspecified => format!("unknown: {status}"),
        };
        format!("{}/{name}  {status}", one_line(kind))
    }

    /// `used by Pod/web-0, runs on Node/node-1`.
    fn others(&self, id: u32, others: &[(u32, &TopologyEdge)]) -> String {
        let told = others.iter().take(REFERENCES_MAX).filter_map(|(other, edge)| {
            let node = self.nodes.get(other)?;
            Some(format!("{} {}/{}", how(edge, id), one_line(&node.kind), one_line(&node.name)))
        });
        let told = told.collect::<Vec<_>>().join(", ");
        match others.len().saturating_sub(REFERENCES_MAX) {
            0 => told,
            more => format!("{told} and {more} more"),
        }
    }
}

/// How an object is connected with another, said of that other: "owns", "owned by".
fn how(edge: &TopologyEdge, of: u32) -> &'static str {
    let (forward, backward) = match edge.relation() {
        TopologyRelation::Owns => ("owns", "owned by"),
        TopologyRelation::Selects => ("selects", "selected by"),
        TopologyRelation::HasSlice => ("has", "of"),
        TopologyRelation::HasEndpoint => ("leads to", "endpoint in"),
        TopologyRelation::RoutesTo => ("routes to", "routed to by"),
        TopologyRelation::RunsOn => ("runs on", "runs"),
        TopologyRelation::Uses if edge.optional => ("may use", "may be used by"),
        TopologyRelation::Uses => ("uses", "used by"),
        TopologyRelation::Scales => ("scales", "scaled by"),
        TopologyRelation::Unspecified => ("to", "from"),
    };
    if edge.from == of { forward } else { backward }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mk_node(id: u32, kind: &str, distance: u32, health: TopologyHealth, status: &str) -> TopologyElement {
        let (kind, name, status) = (kind.to_owned(), format!("n{id}"), status.to_owned());
        let node = TopologyNode { id, kind, name, distance, health: health.into(), status, ..TopologyNode::default() };
        TopologyElement { element: Some(Element::Node(node)) }
    }

    fn mk_edge(from: u32, to: u32, relation: TopologyRelation, reason: &str) -> TopologyElement {
        let edge =
            TopologyEdge { from, to, relation: relation.into(), reason: reason.to_owned(), ..TopologyEdge::default() };
        TopologyElement { element: Some(Element::Edge(edge)) }
    }

    fn drawn(elements: &[TopologyElement], surface: Surface, strokes: Strokes) -> String {
        let mut tree = Tree::new(surface, strokes);
        tree.add(elements);
        let mut out = Vec::new();
        tree.draw(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn mk_shop() -> Vec<TopologyElement> {
        use TopologyHealth::{Degraded, Healthy, Missing};
        use TopologyRelation::{Owns, Selects, Uses};
        vec![
            mk_node(1, "ReplicaSet", 0, Degraded, "1/2 ready"),
            mk_node(2, "Pod", 1, Healthy, "Running"),
            mk_edge(1, 2, Owns, "owner reference"),
            mk_node(3, "Pod", 1, Degraded, "Pending"),
            mk_edge(1, 3, Owns, "owner reference"),
            mk_node(4, "Secret", 2, Missing, "does not exist"),
            mk_edge(2, 4, Uses, "volume a"),
            mk_node(5, "Service", 2, Healthy, "1/2 endpoints ready"),
            mk_edge(5, 2, Selects, "selector a=b matches"),
            mk_edge(3, 4, Uses, "volume a"),
            mk_edge(5, 3, Selects, "selector a=b matches"),
        ]
    }

    #[test]
    fn each_object_is_drawn_once_and_referred_to_after_that() {
        let expected = "\
ReplicaSet/n1  degraded: 1/2 ready
├─ owns Pod/n2  Running [owner reference]
│  ├─ uses Secret/n4  MISSING: does not exist [volume a]
│  │  └─ ↪ used by Pod/n3
│  └─ selected by Service/n5  1/2 endpoints ready [selector a=b matches]
│     └─ ↪ selects Pod/n3
└─ owns Pod/n3  degraded: Pending [owner reference]
";
        assert_eq!(drawn(&mk_shop(), Surface::PIPE, Strokes::LINES), expected);
    }

    #[test]
    fn without_utf8_the_branches_are_ascii_and_with_colours_what_is_wrong_is_red() {
        let ascii = drawn(&mk_shop(), Surface::PIPE, Strokes::ASCII);
        assert!(ascii.is_ascii() && ascii.contains("|  `- selected by Service/n5"), "{ascii}");
        let coloured = drawn(&mk_shop(), Surface::TERMINAL, Strokes::LINES);
        assert!(coloured.contains("\u{1b}[1;31mMISSING: does not exist\u{1b}[0m"), "{coloured:?}");
    }

    #[test]
    fn a_chain_that_no_collector_sends_is_drawn_as_far_as_anybody_reads_it() {
        let node = |id| mk_node(id, "Pod", id, TopologyHealth::Healthy, "");
        let edge = |id| mk_edge(id, id + 1, TopologyRelation::Owns, "");
        let elements: Vec<_> = (1..=20_000).map(node).chain((1..20_000).map(edge)).collect();
        let text = drawn(&elements, Surface::PIPE, Strokes::LINES);
        assert_eq!(text.lines().count(), DEPTH_MAX + 2);
        assert!(text.trim_end().ends_with("more levels are not drawn; -o json has them"));
    }

    #[test]
    fn an_answer_that_contradicts_itself_is_drawn_all_the_same() {
        use TopologyHealth::Healthy;
        use TopologyRelation::Owns;
        let elements = [
            mk_edge(1, 9, Owns, "nobody"),
            mk_node(1, "Pod", 0, Healthy, "\u{1b}[2J"),
            mk_node(2, "Pod", 7, Healthy, "alone"),
            mk_node(3, "Pod", 0, Healthy, "a root too"),
            mk_edge(1, 3, Owns, "as near"),
            mk_edge(3, 1, Owns, "a loop"),
        ];
        let text = drawn(&elements, Surface::PIPE, Strokes::LINES);
        assert_eq!(text.lines().count(), 4, "{text}");
        assert!(!text.contains('\u{1b}'));
    }
}
