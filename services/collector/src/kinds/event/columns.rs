//! The columns of an event: its true times and count.

use gumshoe_proto::collector::v1::{Event, EventColumns};

/// The true times and count of an event: old ones carry lastTimestamp and count, new ones eventTime and a series.
pub(super) fn columns(event: &Event) -> EventColumns {
    let created = event.metadata.as_ref().and_then(|metadata| metadata.creation_timestamp);
    let series = event.series.as_ref();
    let count = series.map_or(event.count, |series| series.count);
    let involved = event.involved_object.clone().unwrap_or_default();
    let kind = involved.kind.to_lowercase();
    EventColumns {
        last_seen: series
            .and_then(|series| series.last_observed_time)
            .or(event.last_timestamp)
            .or(event.event_time)
            .or(event.first_timestamp)
            .or(created),
        first_seen: event.first_timestamp.or(event.event_time).or(created),
        count: u32::try_from(count).unwrap_or_default().max(1),
        object: if involved.name.is_empty() { kind } else { format!("{kind}/{}", involved.name) },
    }
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::collector::v1::{EventSeries, ObjectMeta};
    use prost_types::Timestamp;

    use super::*;

    fn mk_time(seconds: i64) -> Option<Timestamp> {
        Some(Timestamp { seconds, nanos: 0 })
    }

    #[test]
    fn the_last_time_is_the_truest_that_the_event_has() {
        let created = Event {
            metadata: Some(ObjectMeta { creation_timestamp: mk_time(1), ..ObjectMeta::default() }),
            ..Event::default()
        };
        let first = Event { first_timestamp: mk_time(2), ..created.clone() };
        let event_time = Event { event_time: mk_time(3), ..first.clone() };
        let last = Event { last_timestamp: mk_time(4), count: 7, ..event_time.clone() };
        let series = Event { series: Some(EventSeries { count: 9, last_observed_time: mk_time(5) }), ..last.clone() };
        for (event, seconds, count) in
            [(created, 1, 1), (first, 2, 1), (event_time, 3, 1), (last, 4, 7), (series, 5, 9)]
        {
            let columns = columns(&event);
            assert_eq!((columns.last_seen, columns.count), (mk_time(seconds), count));
        }
    }
}
