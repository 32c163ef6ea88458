//! The pods that match and that a call has no room for.

use std::collections::BTreeMap;

use gumshoe_proto::collector::v1::{ObjectMeta, Pod};
use serde::{Deserialize, Serialize};

/// Those that are left out now, and how many an earlier call left out.
#[derive(Debug, Default)]
pub(super) struct LeftOut {
    /// By their uids: their names, and the seconds in which they were created.
    pods: BTreeMap<String, (String, i64)>,
    earlier: Earlier,
}

/// What a token says of them: whoever goes on hears of it too, for the first call may have ended before it could say so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Earlier {
    #[serde(rename = "n")]
    pods: usize,
    /// The second in which the newest of them was created: one that was created later is another.
    #[serde(rename = "t")]
    through: i64,
}

#[cfg(test)]
impl Earlier {
    /// The longest of all.
    pub(super) const MOST: Self = Self { pods: usize::MAX, through: i64::MIN };
}

impl LeftOut {
    /// Behind a token.
    pub(super) fn behind(earlier: Option<Earlier>) -> Self {
        Self { earlier: earlier.unwrap_or_default(), ..Self::default() }
    }

    /// There is no room for this one.
    pub(super) fn add(&mut self, pod: &ObjectMeta) {
        self.pods.insert(pod.uid.clone(), (pod.name.clone(), seconds(pod)));
    }

    /// There is room for it now.
    pub(super) fn take_in(&mut self, pod: &Pod) {
        let Some(pod) = &pod.metadata else { return };
        self.pods.remove(&pod.uid);
        if seconds(pod) <= self.earlier.through {
            self.earlier.pods = self.earlier.pods.saturating_sub(1);
        }
    }

    /// Adds those that another one knows.
    pub(super) fn extend(&mut self, other: Self) {
        self.pods.extend(other.pods);
    }

    /// Whether none is left out now.
    pub(super) fn is_empty(&self) -> bool {
        self.pods.is_empty()
    }

    /// The names of those that are left out now.
    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.pods.values().map(|(name, _)| name)
    }

    /// How many an earlier call left out, where these are more than are now: those may be others.
    pub(super) fn earlier(&self) -> Option<usize> {
        Some(self.earlier.pods).filter(|pods| *pods > self.pods.len())
    }

    /// What the next token says.
    pub(super) fn told(&self) -> Option<Earlier> {
        let pods = self.pods.len().max(self.earlier.pods);
        let through = self.pods.values().map(|(_, seconds)| *seconds).chain([self.earlier.through]).max();
        Some(Earlier { pods, through: through.unwrap_or_default() }).filter(|earlier| earlier.pods > 0)
    }
}

fn seconds(pod: &ObjectMeta) -> i64 {
    pod.creation_timestamp.as_ref().map_or(0, |created| created.seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::pods::tests::mk_pod;

    #[test]
    fn what_an_earlier_call_left_out_is_less_by_those_that_were_taken_in_and_not_by_new_ones() {
        let mut first = LeftOut::default();
        for (name, seconds) in [("a", 10), ("b", 20), ("c", 20)] {
            first.add(mk_pod(name, seconds).metadata.as_ref().unwrap());
        }
        assert_eq!((first.earlier(), first.told()), (None, Some(Earlier { pods: 3, through: 20 })));
        let mut next = LeftOut::behind(first.told());
        assert_eq!((next.earlier(), next.told()), (Some(3), first.told()));
        next.take_in(&mk_pod("d", 21));
        assert_eq!(next.earlier(), Some(3));
        ["b", "a"].into_iter().for_each(|name| next.take_in(&mk_pod(name, 20)));
        assert_eq!((next.earlier(), next.told()), (Some(1), Some(Earlier { pods: 1, through: 20 })));
        next.add(mk_pod("e", 30).metadata.as_ref().unwrap());
        assert_eq!((next.earlier(), next.told()), (None, Some(Earlier { pods: 1, through: 30 })));
        ["c", "e"].into_iter().for_each(|name| next.take_in(&mk_pod(name, 20)));
        assert_eq!((next.earlier(), next.told(), next.is_empty()), (None, None, true));
    }
}
