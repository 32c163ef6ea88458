//! Where a list of events goes on: what earlier answers have brought, so that what they have not is given.

use gumshoe_proto::collector::v1::Event;
use serde::{Deserialize, Serialize};

use crate::lists::{collection::is_written_behind, newest::Rank};

/// Snapshots that a position tells apart. Beyond them the oldest is forgotten: events are given twice then, and none is lost.
const SNAPSHOTS_MAX: usize = 8;

/// What earlier answers have brought, by the snapshots that they were of, the oldest first; empty at the beginning.
///
/// There are several where a snapshot was gone and the list went on with a fresh one. An event that was seen again meanwhile has
/// moved up, and may now stand before what was given last although nobody has been given it: its resource version tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position(Vec<Given>);

/// At this snapshot, everything up to this event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Given {
    resource_version: String,
    through: Rank,
}

impl Position {
    /// The snapshot to go on with.
    pub(super) fn resource_version(&self) -> Option<&str> {
        self.0.last().map(|given| given.resource_version.as_str())
    }

    /// Whether the event has been given as it is now.
    pub(super) fn holds(&self, rank: &Rank, event: &Event) -> bool {
        self.0
            .iter()
            .any(|given| *rank <= given.through && !is_written_behind(event.metadata.as_ref(), &given.resource_version))
    }

    /// The position behind this event, at this snapshot.
    pub(super) fn moved(&self, resource_version: &str, through: &Rank) -> Self {
        // What an older entry holds, one further on in the list does as well.
        let older =
            self.0.iter().filter(|given| given.through > *through && given.resource_version != resource_version);
        let mut all: Vec<_> = older.cloned().collect();
        all.push(Given { resource_version: resource_version.to_owned(), through: through.clone() });
        Self(all.split_off(all.len().saturating_sub(SNAPSHOTS_MAX)))
    }
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::collector::v1::ObjectMeta;
    use prost_types::Timestamp;

    use super::*;

    fn mk_rank(seconds: i64) -> Rank {
        Rank::new(Some(&Timestamp { seconds, nanos: 0 }), "shop/e".to_owned())
    }

    fn mk_event(resource_version: u64) -> Event {
        let metadata = ObjectMeta { resource_version: resource_version.to_string(), ..ObjectMeta::default() };
        Event { metadata: Some(metadata), ..Event::default() }
    }

    #[test]
    fn an_event_that_was_seen_again_behind_the_snapshot_has_not_been_given() {
        let position = Position::default().moved("100", &mk_rank(50));
        assert!(position.holds(&mk_rank(60), &mk_event(90)));
        assert!(!position.holds(&mk_rank(40), &mk_event(90)), "it stands behind the last one");
        assert!(!position.holds(&mk_rank(60), &mk_event(101)), "it came up later");
    }

    #[test]
    fn what_two_snapshots_have_brought_is_not_given_again() {
        let first = Position::default().moved("100", &mk_rank(50));
        let position = first.moved("200", &mk_rank(70));
        assert_eq!(position.resource_version(), Some("200"));
        assert!(position.holds(&mk_rank(60), &mk_event(90)), "by the first");
        assert!(position.holds(&mk_rank(80), &mk_event(150)), "by the second");
        assert!(!position.holds(&mk_rank(60), &mk_event(150)));
    }

    #[test]
    fn a_position_holds_no_more_snapshots_than_it_needs() {
        let first = Position::default().moved("100", &mk_rank(50));
        assert_eq!(first.moved("200", &mk_rank(40)).0.len(), 1, "the second one holds what the first one does");
        assert_eq!(first.moved("100", &mk_rank(40)).0.len(), 1);
        let many = (0..20).fold(first, |position, n| position.moved(&(200 + n).to_string(), &mk_rank(60 + n)));
        assert_eq!(many.0.len(), SNAPSHOTS_MAX);
    }
}
