//! Which of several logs has the next line.

use super::moment::Moment;

/// The log with the earliest head, and up to which moment its lines come before those of all others; None for no bound. A log
/// without head has no key; a line without a time comes before those that have one.
#[must_use]
pub fn earliest(keys: impl Iterator<Item = Option<Option<Moment>>>) -> Option<(usize, Option<Option<Moment>>)> {
    let mut first = None;
    let mut second: Option<Option<Moment>> = None;
    for (index, key) in keys.enumerate() {
        let Some(key) = key else { continue };
        match first {
            Some((_, earliest)) if key >= earliest => second = Some(second.map_or(key, |second| second.min(key))),
            _ => {
                // There was no earlier one than the one before.
                second = first.map(|(_, earliest)| earliest);
                first = Some((index, key));
            }
        }
    }
    first.map(|(index, _)| (index, second))
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
            let expected = sorted.first().map(|(_, index)| (*index, sorted.get(1).map(|(key, _)| *key)));
            prop_assert_eq!(earliest(keys.into_iter()), expected);
        }
    }
}
