//! Events as `kubectl get events` prints them, with the count beside the age as `kubectl describe` does.

use gumshoe_proto::{
    collector::v1::{Event, EventColumns, EventSource},
    human_duration::human_age,
};
use prost_types::Timestamp;

use super::{Kind, column::Column};

impl Kind for Event {
    const TABLE: &'static [Column<Self>] = &[
        Column::<Self>::object("LAST SEEN", last_seen).narrow(),
        Column::<Self>::since("LAST SEEN", |it| it.last_seen).wide(),
        Column::<Self>::object("TYPE", |it, _| it.r#type.clone()),
        Column::<Self>::object("REASON", |it, _| it.reason.clone()),
        Column::<Self>::derived("OBJECT", |it| it.object.clone()),
        Column::<Self>::object("SUBOBJECT", |it, _| field_path(it)).wide(),
        Column::<Self>::object("SOURCE", |it, _| source(it)).wide(),
        Column::<Self>::object("MESSAGE", |it, _| it.message.trim().to_owned()),
        Column::<Self>::since("FIRST SEEN", |it| it.first_seen).wide(),
        Column::<Self>::derived("COUNT", |it| it.count.to_string()).wide(),
        Column::name().wide(),
    ];
}

/// `5m`, or `5m (x3 over 10m)` where there is no column for the count.
fn last_seen(event: &Event, now: &Timestamp) -> String {
    let EventColumns { last_seen, first_seen, count, .. } = event.columns.clone().unwrap_or_default();
    let last = human_age(last_seen.as_ref(), now);
    if count < 2 { last } else { format!("{last} (x{count} over {})", human_age(first_seen.as_ref(), now)) }
}

/// The part of the object: `spec.containers{web}`.
fn field_path(event: &Event) -> String {
    event.involved_object.as_ref().map(|object| object.field_path.clone()).unwrap_or_default()
}

/// Who reported it, and where: the older notation where it is used, else the newer one.
fn source(event: &Event) -> String {
    let EventSource { component, host } = event.source.clone().unwrap_or_default();
    let component = if component.is_empty() { &event.reporting_component } else { &component };
    let instance = if host.is_empty() { &event.reporting_instance } else { &host };
    if instance.is_empty() { component.clone() } else { format!("{component}, {instance}") }
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::collector::v1::{ObjectMeta, ObjectReference};

    use super::*;

    const NOW: Timestamp = Timestamp { seconds: 10_000, nanos: 0 };

    fn mk_event(count: u32) -> Event {
        Event {
            metadata: Some(ObjectMeta { name: "web-0.17a".into(), namespace: "shop".into(), ..ObjectMeta::default() }),
            involved_object: Some(ObjectReference {
                field_path: "spec.containers{web}".into(),
                ..ObjectReference::default()
            }),
            reason: "BackOff".into(),
            message: "Back-off restarting failed container\n".into(),
            r#type: "Warning".into(),
            reporting_component: "kubelet".into(),
            reporting_instance: "node-1".into(),
            columns: Some(EventColumns {
                last_seen: Some(Timestamp { seconds: 9_700, nanos: 0 }),
                first_seen: Some(Timestamp { seconds: 9_400, nanos: 0 }),
                count,
                object: "pod/web-0".into(),
            }),
            ..Event::default()
        }
    }

    fn cells(event: &Event, wide: bool) -> Vec<String> {
        Column::cells(event, wide, &NOW)
    }

    #[test]
    fn an_event_reads_as_in_kubectl() {
        assert_eq!(
            cells(&mk_event(1), false),
            ["5m", "Warning", "BackOff", "pod/web-0", "Back-off restarting failed container"]
        );
        assert_eq!(cells(&mk_event(3), false)[0], "5m (x3 over 10m)");
    }

    #[test]
    fn the_wide_columns_say_where_who_and_how_often() {
        let row = cells(&mk_event(3), true);
        let titles: Vec<_> = Column::<Event>::titles(true).collect();
        assert_eq!((titles.len(), titles[0], titles[9]), (row.len(), "LAST SEEN", "NAME"));
        assert_eq!(row[..2], ["5m", "Warning"]);
        assert_eq!(row[4..6], ["spec.containers{web}", "kubelet, node-1"]);
        assert_eq!(row[7..], ["10m", "3", "web-0.17a"]);
    }

    #[test]
    fn the_older_notation_of_the_source_comes_first() {
        let mut event = mk_event(1);
        event.source = Some(EventSource { component: "scheduler".into(), host: String::new() });
        assert_eq!(source(&event), "scheduler, node-1");
        event.reporting_instance.clear();
        assert_eq!(source(&event), "scheduler");
    }
}
