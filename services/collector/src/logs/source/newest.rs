//! Reading the newest bytes of a log without reading all of it: the kubelet knows `tailLines` only, so the number of lines
//! that make up so many bytes has to be found.

use super::{Filled, Source};
use crate::{
    error::ReadError,
    logs::{
        end::End,
        filter::{Filter, Turns},
        outcome::Trouble,
        read::{LogRead, PodLogs, ReadQuery},
        ring::{Place, Ring},
    },
};

/// The first read goes over the selection from its beginning, for most logs are short. It is given up when it has brought so
/// many times the bytes that are wanted.
const FIRST_READ_SHARE: u64 = 2;
/// Lines are of different length; so a guess is made larger by a quarter, and by a few lines.
const MARGIN_SHARE: u64 = 4;
const MARGIN_LINES: u64 = 16;
/// A guess that brought too little is made at least and at most so much larger.
const GROWTH_MIN: u64 = 2;
const GROWTH_MAX: u64 = 16;

impl Source {
    /// Reads until the newest lines that fit into `max` bytes are held.
    pub(super) async fn read_newest(&mut self, logs: &PodLogs, max: usize, end: End) -> Result<(), ReadError> {
        let wanted = max as u64;
        let mut tail = self.window.tail;
        let mut give_up = Some(wanted * FIRST_READ_SHARE);
        loop {
            let query = ReadQuery { tail, since: self.window.since, goes_on: self.follow, ..ReadQuery::default() };
            let Some(mut read) = self.request(logs, query, end).await? else { return Ok(()) };
            let mut ring = Ring::new(max);
            let (whole, left_out) = match fill(&mut ring, &mut read, &self.filter, give_up.take()).await {
                Ok(filled) => filled,
                Err(error) => {
                    // What is held are not the newest lines.
                    self.trouble = Some(Trouble::broken(&error));
                    return Ok(());
                }
            };
            if whole && read.was_cut() {
                self.trouble = read.take_trouble();
                return Ok(());
            }
            let all = tail == self.window.tail;
            // Every line has a byte at least, so more lines than bytes are enough, even if the log was rotated meanwhile.
            let filters = !self.filter.takes_all();
            let enough = ring.dropped().lines > 0 || (!filters && tail.is_some_and(|tail| tail > wanted));
            if whole && (all || enough) {
                self.hold(Filled { ring, read, left_out }, all);
                return Ok(());
            }
            if whole && filters {
                // The lines that match are fewer at the end of the log, and where they are nobody knows.
                tail = self.window.tail;
                continue;
            }
            let next = match tail.filter(|_| whole) {
                None => first_tail(read.received().lines, ring.dropped().bytes + ring.used() as u64, wanted),
                Some(tail) => next_tail(tail, ring.used() as u64, wanted),
            };
            tail = Some(self.window.tail.map_or(next, |bound| bound.min(next)));
        }
    }
}

/// Fills the ring; tells whether the read came to its end and was not given up, and how many lines were left out behind the last one.
async fn fill(
    ring: &mut Ring,
    read: &mut LogRead,
    filter: &Filter,
    give_up: Option<u64>,
) -> Result<(bool, u64), ReadError> {
    let mut left_out = 0;
    let mut turns = Turns::default();
    loop {
        while !search(ring, read, filter, &mut turns, &mut left_out) {
            turns.wait(read.deadline()).await?;
        }
        // Before something had to be dropped it is not known that there is more than is wanted.
        if ring.dropped().lines > 0 && give_up.is_some_and(|bytes| read.received().bytes > bytes) {
            return Ok((false, left_out));
        }
        if !read.more().await? {
            return Ok((true, left_out));
        }
    }
}

/// Takes the lines that have come into the ring; false where others are to have their turn before all of them are taken.
fn search(ring: &mut Ring, read: &mut LogRead, filter: &Filter, turns: &mut Turns, left_out: &mut u64) -> bool {
    let Some(mut search) = turns.begin(filter) else { return false };
    while !search.is_over() {
        let Some(line) = read.next_line() else { return true };
        if search.takes(read.text()) {
            let place = Place { behind: read.position(), left_out: std::mem::take(left_out) };
            ring.push(line, read.text(), place);
        } else {
            *left_out += 1;
        }
    }
    false
}

/// How many lines to ask for, after so many lines had so many bytes.
fn first_tail(lines: u64, bytes: u64, wanted: u64) -> u64 {
    with_margin(wanted.saturating_mul(lines.max(1)) / bytes.max(1))
}

/// How many lines to ask for, after `tail` of them had only so many bytes.
fn next_tail(tail: u64, bytes: u64, wanted: u64) -> u64 {
    let guess = with_margin(tail.saturating_mul(wanted) / bytes.max(1));
    guess.clamp(tail.saturating_mul(GROWTH_MIN), tail.saturating_mul(GROWTH_MAX))
}

fn with_margin(lines: u64) -> u64 {
    lines.saturating_add(lines / MARGIN_SHARE).saturating_add(MARGIN_LINES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guess_has_a_margin() {
        assert_eq!(first_tail(1000, 100_000, 1 << 20), 10_485 + 2621 + 16);
        assert_eq!(first_tail(0, 0, 1000), 1000 + 250 + 16);
    }

    #[test]
    fn a_guess_that_was_too_small_grows_within_bounds() {
        assert_eq!(next_tail(100, 1000, 2000), 266);
        assert_eq!(next_tail(100, 1999, 2000), 200);
        assert_eq!(next_tail(100, 0, 2000), 1600);
    }
}
