//! Which of several logs has the next line.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::moment::Moment;

/// By what a line is merged; one without a time comes before those that have one.
pub type Key = Option<Moment>;

/// The logs that have a next line, in the order of these lines; among equal ones, in the order of the logs.
#[derive(Debug, Default)]
pub struct Merge(BinaryHeap<Reverse<(Key, usize)>>);

impl Merge {
    /// Adds a log by the key of its next line; without a next line it has none.
    pub fn put(&mut self, log: usize, key: Option<Key>) {
        self.0.extend(key.map(|key| Reverse((key, log))));
    }

    /// Takes out the log with the earliest line, and tells up to which key its lines come before those of all others; None for no
    /// bound.
    pub fn take(&mut self) -> Option<(usize, Option<Key>)> {
        let Reverse((_, log)) = self.0.pop()?;
        Some((log, self.0.peek().map(|Reverse((key, _))| *key)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_the_earliest_and_the_bound_is_the_next_one(
            keys in prop::collection::vec(prop::option::of(prop::option::of(0_i64..6)), 0..8),
        ) {
            let moment = |seconds| Moment { seconds, nanos: 0 };
            let keys: Vec<_> = keys.into_iter().map(|key| key.map(|key| key.map(moment))).collect();
            let mut sorted: Vec<_> = keys.iter().enumerate().filter_map(|(index, key)| key.map(|key| (key, index))).collect();
            sorted.sort_unstable();
            let mut merge = Merge::default();
            keys.iter().enumerate().for_each(|(log, key)| merge.put(log, *key));
            for (place, (_, index)) in sorted.iter().enumerate() {
                prop_assert_eq!(merge.take(), Some((*index, sorted.get(place + 1).map(|(key, _)| *key))));
            }
            prop_assert_eq!(merge.take(), None);
        }
    }
}
