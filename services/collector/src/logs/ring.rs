//! Holds the newest whole lines that fit into a number of bytes. The kubelet's own `limitBytes` keeps the oldest.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{lines::Line, moment::Moment, position::Position};

/// Room beside the text at the beginning: enough for lines of ordinary length.
const OVERHEAD_SHARE: usize = 8;

/// What the lines take up with what is known of them, in bytes for each that may be held: of lines of a few bytes, fewer are held
/// than would fit.
const TAKEN_SHARE: usize = 2;
const TAKEN_LEAST: usize = 4 << 10;

/// Lines one behind another in one buffer, each as flags, time, length and text; so a line takes some ten bytes more than
/// its text. Where lines lie between that are not held, the place of the next one is held too.
#[derive(Debug)]
pub struct Ring {
    bytes: VecDeque<u8>,
    /// Bytes of text and line feeds that may be held.
    max: usize,
    /// Those that are.
    used: usize,
    dropped: Dropped,
    /// Behind the line that was dropped or taken last.
    position: Option<Position>,
    /// Behind the line that was added last.
    end: Position,
    /// Lines that were left out between those that were taken.
    left_out: u64,
    taken: bool,
    /// Times are held as the distance from the line before.
    front: Moment,
    back: Moment,
    /// Of the line that is being dropped.
    scratch: Vec<u8>,
}

/// What had to make room for newer lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Lines.
    pub lines: u64,
    /// Bytes of text and line feeds.
    pub bytes: u64,
}

/// Where a line stands that is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Behind it.
    pub behind: Position,
    /// Lines that were left out since the one before.
    pub left_out: u64,
}

/// The longest head of a line: eight numbers of ten bytes, and one of five.
const HEAD_MAX: usize = 85;

const TIMED: u64 = 1;
const LINE_FEED: u64 = 2;
const CUT: u64 = 4;
const PLACED: u64 = 8;
const FLAG_BITS: u32 = 4;
const EPOCH: Moment = Moment { seconds: 0, nanos: 0 };

impl Ring {
    /// Holds so many bytes of text and line feeds.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self {
            // What is not written to takes no memory.
            bytes: VecDeque::with_capacity(max + max / OVERHEAD_SHARE),
            max,
            used: 0,
            dropped: Dropped::default(),
            position: None,
            end: Position::default(),
            left_out: 0,
            taken: false,
            front: EPOCH,
            back: EPOCH,
            scratch: Vec::new(),
        }
    }

    /// Adds the next line, and drops the oldest ones for it.
    pub fn push(&mut self, line: Line, text: &[u8], place: Place) {
        if self.position.is_none() {
            // What was left out before the first line lies before its window or within it, and is passed over again either way.
            self.position = Some(Position::before(line.moment));
            self.end = Position::before(line.moment);
        }
        self.end.pass(line.moment);
        let placed = self.end != place.behind || place.left_out > 0;
        self.end = place.behind;
        let taken = self.max * TAKEN_SHARE + TAKEN_LEAST;
        let line_max = text.len() + HEAD_MAX;
        if self.bytes.capacity() < self.bytes.len() + line_max {
            // Once, to all there may be: what doubles by itself might be twice that.
            self.bytes.reserve_exact(taken + line_max - self.bytes.len());
        }
        let cut = line.cut_from(text);
        let flag = |set: bool, flag: u64| if set { flag } else { 0 };
        let flags = flag(line.moment.is_some(), TIMED)
            | flag(line.line_feed, LINE_FEED)
            | flag(cut.is_some(), CUT)
            | flag(placed, PLACED);
        self.write((text.len() as u64) << FLAG_BITS | flags);
        if let Some(moment) = line.moment {
            self.write(zigzag(moment.seconds - self.back.seconds));
            self.write(u64::from(moment.nanos));
            self.back = moment;
        }
        if let Some(length) = cut {
            self.write(length);
        }
        if placed {
            self.write_place(place);
        }
        self.bytes.extend(text);
        self.used += line.cost(text);
        let mut text = std::mem::take(&mut self.scratch);
        while self.used > self.max || self.bytes.len() > taken {
            let Some((line, _)) = self.remove(&mut text) else { break };
            self.dropped.lines += 1;
            self.dropped.bytes += line.cost(&text) as u64;
        }
        self.scratch = text;
    }

    /// Takes the oldest line; its text replaces what is in `text`.
    pub fn pop(&mut self, text: &mut Vec<u8>) -> Option<Line> {
        let (line, left_out) = self.remove(text)?;
        // What was left out between a line that was dropped and this one is not part of the newest.
        if self.taken || self.dropped.lines == 0 {
            self.left_out += left_out;
        }
        self.taken = true;
        Some(line)
    }

    fn remove(&mut self, text: &mut Vec<u8>) -> Option<(Line, u64)> {
        if self.bytes.is_empty() {
            return None;
        }
        let head = self.read();
        let moment = (head & TIMED != 0).then(|| {
            let seconds = self.front.seconds + unzigzag(self.read());
            self.front = Moment { seconds, nanos: u32::try_from(self.read()).unwrap_or_default() };
            self.front
        });
        let held = head >> FLAG_BITS;
        let length = if head & CUT != 0 { self.read() } else { held };
        let place = (head & PLACED != 0).then(|| self.read_place());
        text.clear();
        text.extend(self.bytes.drain(..usize::try_from(held).unwrap_or(usize::MAX)));
        let line = Line { moment, length, line_feed: head & LINE_FEED != 0 };
        self.used -= line.cost(text);
        let position = self.position.get_or_insert_default();
        match place {
            Some(place) => *position = place.behind,
            None => position.pass(moment),
        }
        Some((line, place.map_or(0, |place| place.left_out)))
    }

    /// How many lines were left out between those that were taken.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// What was dropped so far.
    #[must_use]
    pub fn dropped(&self) -> Dropped {
        self.dropped
    }

    /// How many bytes of text and line feeds are held.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used
    }

    /// In front of the oldest line that is held; None where no line was ever there.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.position
    }

    fn write_place(&mut self, Place { behind, left_out }: Place) {
        let moment = behind.moment();
        self.write(left_out);
        self.write(behind.lines());
        self.write(u64::from(moment.is_some()));
        if let Some(moment) = moment {
            self.write(zigzag(moment.seconds));
            self.write(u64::from(moment.nanos));
        }
    }

    fn read_place(&mut self) -> Place {
        let left_out = self.read();
        let lines = self.read();
        let moment = (self.read() != 0).then(|| {
            let seconds = unzigzag(self.read());
            Moment { seconds, nanos: u32::try_from(self.read()).unwrap_or_default() }
        });
        Place { behind: Position::of(moment, lines), left_out }
    }

    fn write(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push_back(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.bytes.push_back(value.to_le_bytes()[0]);
    }

    fn read(&mut self) -> u64 {
        let mut value = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.bytes.pop_front().unwrap_or_default();
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        value
    }
}

/// Small numbers of either sign as small numbers.
fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mk_line() -> impl Strategy<Value = (Line, Vec<u8>)> {
        let moment = prop::option::weighted(0.9, (-5_i64..2_000_000_000, 0_u32..1_000_000_000));
        let text = prop::collection::vec(any::<u8>(), 0..200);
        (moment, text, prop::option::weighted(0.1, 1_u64..1 << 40), any::<bool>()).prop_map(
            |(moment, text, more, line_feed)| {
                let moment = moment.map(|(seconds, nanos)| Moment { seconds, nanos });
                (Line { moment, length: text.len() as u64 + more.unwrap_or_default(), line_feed }, text)
            },
        )
    }

    /// Where a log is behind each of its lines.
    fn positions(lines: impl IntoIterator<Item = Line>) -> Vec<Position> {
        let mut position = None;
        let pass = |line: Line| {
            let position: &mut Position = position.get_or_insert(Position::before(line.moment));
            position.pass(line.moment);
            *position
        };
        lines.into_iter().map(pass).collect()
    }

    proptest! {
        #[test]
        fn it_holds_the_newest_lines_that_fit(
            lines in prop::collection::vec(mk_line(), 0..40),
            max in 0_usize..2000,
        ) {
            let mut ring = Ring::new(max);
            let behind = positions(lines.iter().map(|(line, _)| *line));
            for ((line, text), behind) in lines.iter().zip(behind) {
                ring.push(*line, text, Place { behind, left_out: 0 });
            }
            let mut room = max;
            let fitting = lines.iter().rev().take_while(|(line, text)| {
                let fits = room.checked_sub(line.cost(text));
                room = fits.unwrap_or_default();
                fits.is_some()
            });
            let begin = lines.len() - fitting.count();
            let costs = lines[..begin].iter().map(|(line, text)| line.cost(text) as u64);
            prop_assert_eq!(ring.dropped(), Dropped { lines: begin as u64, bytes: costs.sum() });

            let mut position = lines.first().map(|(line, _)| Position::before(line.moment));
            for (line, _) in &lines[..begin] {
                position.iter_mut().for_each(|position| position.pass(line.moment));
            }
            prop_assert_eq!(ring.position(), position);
            let mut text = Vec::new();
            let mut held = Vec::new();
            while let Some(line) = ring.pop(&mut text) {
                held.push((line, text.clone()));
            }
            prop_assert_eq!(&held[..], &lines[begin..]);
            prop_assert_eq!(ring.used(), 0);
        }

        #[test]
        fn a_line_behind_lines_that_were_left_out_has_its_own_place(
            lines in prop::collection::vec((mk_line(), any::<bool>()), 0..40),
            max in 0_usize..2000,
        ) {
            let behind = positions(lines.iter().map(|((line, _), _)| *line));
            let mut ring = Ring::new(max);
            let mut left_out = 0;
            for (((line, text), wanted), behind) in lines.iter().zip(&behind) {
                if *wanted {
                    ring.push(*line, text, Place { behind: *behind, left_out: std::mem::take(&mut left_out) });
                } else {
                    left_out += 1;
                }
            }
            let wanted: Vec<_> = (0..lines.len()).filter(|index| lines[*index].1).collect();
            let begin = usize::try_from(ring.dropped().lines).unwrap();
            let mut text = Vec::new();
            for (number, index) in wanted.iter().enumerate().skip(begin) {
                prop_assert_eq!(ring.pop(&mut text), Some(lines[*index].0.0));
                prop_assert_eq!(ring.position(), Some(behind[*index]));
                let first = if begin == 0 { 0 } else { wanted[begin] };
                prop_assert_eq!(ring.left_out(), (index + 1 - first - (number + 1 - begin)) as u64);
            }
            prop_assert_eq!(ring.pop(&mut text), None);
        }
    }

    #[test]
    fn a_log_of_line_feeds_stays_within_its_bound() {
        let mut ring = Ring::new(1000);
        for second in 0..100_000 {
            let moment = Some(Moment { seconds: second * 1_000_000, nanos: 999_999_999 });
            let mut behind = Position::before(moment);
            behind.pass(moment);
            ring.push(Line { moment, length: 0, line_feed: true }, b"", Place { behind, left_out: 0 });
        }
        assert!(ring.bytes.capacity() <= 2 * 1000 + (8 << 10), "{}", ring.bytes.capacity());
        assert!(ring.dropped().lines < 100_000 - 400 && ring.used() > 400);
    }
}
