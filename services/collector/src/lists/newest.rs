//! The newest N of a set that the server does not order: the whole set passes by, and a heap bounded in number and in bytes
//! keeps the newest. It holds them encoded: decoded, they would take several times as much.

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
};

use prost_types::Timestamp;
use serde::{Deserialize, Serialize};

use super::memory::Share;

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

/// Encoded objects in the order of their ranks.
pub type Ordered = Vec<(Rank, Box<[u8]>)>;

/// Why objects were dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// As many as were asked for are kept.
    Number,
    /// Those that are kept fill what one call may hold.
    Bytes,
    /// The calls of the process hold together all that they may.
    Memory,
}

/// Keeps the newest of what is offered.
#[derive(Debug)]
pub struct Newest {
    heap: BinaryHeap<Ranked>,
    bytes: usize,
    number_max: usize,
    bytes_max: usize,
    share: Share,
    dropped: u64,
    cut: Cut,
}

#[derive(Debug)]
struct Ranked {
    rank: Rank,
    encoded: Box<[u8]>,
}

/// What holding an object costs beside its own bytes and those of its key: its place in the heap, twice since the heap
/// doubles when it grows, and what the allocator adds to both of its texts.
const OVERHEAD: usize = 2 * size_of::<Ranked>() + 2 * 16;

impl Ranked {
    fn bytes(&self) -> usize {
        self.encoded.len() + self.rank.key.len() + OVERHEAD
    }
}

impl Newest {
    /// Keeps at most so many objects, of at most so many bytes in all, for which the share grows as far as it can.
    #[must_use]
    pub fn new(number_max: usize, bytes_max: usize, share: Share) -> Self {
        Self { heap: BinaryHeap::new(), bytes: 0, number_max, bytes_max, share, dropped: 0, cut: Cut::Number }
    }

    /// The same as at the beginning.
    #[must_use]
    pub fn emptied(self, number_max: usize) -> Self {
        Self::new(number_max, self.bytes_max, self.share)
    }

    /// Takes an object, and drops the oldest ones while there are too many.
    pub fn offer(&mut self, rank: Rank, encoded: Box<[u8]>) {
        let offered = Ranked { rank, encoded };
        self.bytes += offered.bytes();
        self.heap.push(offered);
        while let Some(cut) = self.too_much() {
            let Some(oldest) = self.heap.pop() else { return };
            self.bytes -= oldest.bytes();
            self.dropped += 1;
            if cut != Cut::Number {
                // What is older than something dropped must not come back into the room that it left.
                self.number_max = self.heap.len();
                self.cut = cut;
            }
        }
    }

    fn too_much(&mut self) -> Option<Cut> {
        if self.heap.len() > self.number_max {
            return Some(Cut::Number);
        }
        while self.bytes > self.share.bytes().min(self.bytes_max) && self.heap.len() > 1 {
            if self.bytes > self.bytes_max {
                return Some(Cut::Bytes);
            }
            if !self.share.grow() {
                return Some(Cut::Memory);
            }
        }
        None
    }

    /// How many objects were dropped, and why.
    #[must_use]
    pub fn dropped(&self) -> (u64, Cut) {
        (self.dropped, self.cut)
    }

    /// How many bytes they take up.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The objects that were kept, newest first, and the share of memory that they are in.
    #[must_use]
    pub fn into_sorted(self) -> (Ordered, Share) {
        let sorted = self.heap.into_sorted_vec();
        (sorted.into_iter().map(|ranked| (ranked.rank, ranked.encoded)).collect(), self.share)
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl Eq for Ranked {}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank.cmp(&other.rank)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use proptest::prelude::*;

    use super::{
        super::memory::{Memory, UNIT},
        *,
    };

    fn mk_share(memory: &Memory) -> Share {
        memory.share().now_or_never().unwrap()
    }

    fn size_of((rank, encoded): &(Rank, Box<[u8]>)) -> usize {
        encoded.len() + rank.key.len() + OVERHEAD
    }

    fn mk_rank(seconds: i64, index: usize) -> Rank {
        Rank::new(Some(&Timestamp { seconds, nanos: 0 }), format!("shop/{index:03}"))
    }

    proptest! {
        #[test]
        fn the_newest_are_kept_as_sorting_all_of_them_would(
            times in prop::collection::vec((0_i64..20, 1_usize..500), 0..80),
            number_max in 1_usize..30,
            bytes_max in 1_usize..12_000,
        ) {
            let mut all: Vec<_> = times
                .iter()
                .enumerate()
                .map(|(index, (seconds, bytes))| (mk_rank(*seconds, index), vec![0; *bytes].into_boxed_slice()))
                .collect();
            let mut newest = Newest::new(number_max, bytes_max, mk_share(&Memory::of(UNIT)));
            // What a naive replay keeps: the oldest is dropped while there is too much.
            let (mut naive, mut room): (Vec<_>, usize) = (Vec::new(), number_max);
            for (rank, encoded) in &all {
                newest.offer(rank.clone(), encoded.clone());
                naive.push((rank.clone(), encoded.clone()));
                naive.sort();
                while naive.len() > room || naive.len() > 1 && naive.iter().map(size_of).sum::<usize>() > bytes_max {
                    let by_number = naive.len() > room;
                    naive.pop();
                    room = if by_number { room } else { naive.len() };
                }
            }
            let (dropped, cut) = newest.dropped();
            let (kept, _share) = newest.into_sorted();
            prop_assert_eq!(&kept, &naive);
            prop_assert_eq!(kept.len() as u64 + dropped, all.len() as u64);
            prop_assert!(kept.len() <= number_max);
            prop_assert!(kept.len() <= 1 || kept.iter().map(size_of).sum::<usize>() <= bytes_max);
            all.sort();
            prop_assert_eq!(kept.as_slice(), &all[..kept.len()]);
            prop_assert!(cut == Cut::Bytes || kept.len() == all.len().min(number_max));
        }
    }

    #[test]
    fn all_calls_together_hold_no_more_than_the_process_may() {
        let memory = Memory::of(4 * UNIT);
        let mut calls: Vec<_> = (0..3).map(|_| Newest::new(usize::MAX, 12 * UNIT, mk_share(&memory))).collect();
        for index in 0..3000 {
            for newest in &mut calls {
                newest.offer(mk_rank(0, index), vec![0; 4000].into());
            }
        }
        assert!(memory.share().now_or_never().is_none(), "all of it is taken");
        let held: usize = calls.iter().map(|newest| newest.bytes).sum();
        assert!(held > 3 * UNIT && held <= 4 * UNIT, "{held}");
        assert!(calls.iter().all(|newest| newest.dropped().1 == Cut::Memory));
    }
}
