//! The newest N of a set that the server does not order: the whole set passes by, and a heap bounded in number and in bytes
//! keeps the newest.

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
};

use prost_types::Timestamp;
use serde::{Deserialize, Serialize};

/// The place of an object in the order "newest first, then by key". `Ord` is that order: the newest is the least.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rank {
    time: Reverse<(i64, i32)>,
    key: String,
}

impl Rank {
    /// The rank of an object of this time and key; objects without a time are the oldest.
    #[must_use]
    pub fn new(time: Option<&Timestamp>, key: String) -> Self {
        Self { time: Reverse(time.map_or((i64::MIN, 0), |time| (time.seconds, time.nanos))), key }
    }
}

/// Keeps the newest of what is offered.
#[derive(Debug)]
pub struct Newest<T> {
    heap: BinaryHeap<Ranked<T>>,
    bytes: usize,
    number_max: usize,
    bytes_max: usize,
    dropped: u64,
    cut_by_bytes: bool,
}

#[derive(Debug)]
struct Ranked<T> {
    rank: Rank,
    bytes: usize,
    item: T,
}

impl<T> Newest<T> {
    /// Keeps at most so many objects of at most so many bytes in all.
    #[must_use]
    pub fn new(number_max: usize, bytes_max: usize) -> Self {
        Self { heap: BinaryHeap::new(), bytes: 0, number_max, bytes_max, dropped: 0, cut_by_bytes: false }
    }

    /// Takes an object, and drops the oldest ones while there are too many.
    pub fn offer(&mut self, rank: Rank, bytes: usize, item: T) {
        self.bytes += bytes;
        self.heap.push(Ranked { rank, bytes, item });
        while self.heap.len() > self.number_max || (self.bytes > self.bytes_max && self.heap.len() > 1) {
            self.cut_by_bytes |= self.heap.len() <= self.number_max;
            let Some(oldest) = self.heap.pop() else { return };
            self.bytes -= oldest.bytes;
            self.dropped += 1;
            if self.cut_by_bytes {
                // What is older than something dropped must not come back into the room that it left.
                self.number_max = self.heap.len();
            }
        }
    }

    /// How many objects were dropped, and whether for their bytes.
    #[must_use]
    pub fn dropped(&self) -> (u64, bool) {
        (self.dropped, self.cut_by_bytes)
    }

    /// The objects that were kept, newest first.
    #[must_use]
    pub fn into_sorted(self) -> Vec<(Rank, T)> {
        self.heap.into_sorted_vec().into_iter().map(|ranked| (ranked.rank, ranked.item)).collect()
    }
}

impl<T> PartialEq for Ranked<T> {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl<T> Eq for Ranked<T> {}

impl<T> PartialOrd for Ranked<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Ranked<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank.cmp(&other.rank)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_newest_are_kept_as_sorting_all_of_them_would(
            times in prop::collection::vec((0_i64..20, 1_usize..50), 0..80),
            number_max in 1_usize..30,
            bytes_max in 1_usize..800,
        ) {
            let ranked = |(index, (seconds, bytes)): (usize, &(i64, usize))| {
                let time = Timestamp { seconds: *seconds, nanos: 0 };
                (Rank::new(Some(&time), format!("shop/{index:03}")), *bytes)
            };
            let mut all: Vec<_> = times.iter().enumerate().map(ranked).collect();
            let mut newest = Newest::new(number_max, bytes_max);
            for (rank, bytes) in &all {
                newest.offer(rank.clone(), *bytes, *bytes);
            }
            let (dropped, cut_by_bytes) = newest.dropped();
            let kept = newest.into_sorted();
            prop_assert_eq!(kept.len() as u64 + dropped, all.len() as u64);
            prop_assert!(kept.len() <= number_max);
            prop_assert!(kept.len() <= 1 || kept.iter().map(|(_, bytes)| bytes).sum::<usize>() <= bytes_max);
            all.sort();
            prop_assert_eq!(kept.as_slice(), &all[..kept.len()]);
            prop_assert!(cut_by_bytes || kept.len() == all.len().min(number_max));
        }
    }
}
