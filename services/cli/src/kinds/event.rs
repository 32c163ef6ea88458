//! Events as `kubectl get events` prints them, with the count beside the age as `kubectl describe` does.

use gumshoe_proto::{
    collector::v1::{Event, EventColumns, EventSource},
    human_duration::human_age,
};
use prost_types::Timestamp;

use super::Kind;

impl Kind for Event {
    fn columns(wide: bool) -> Vec<&'static str> {
        if wide {
            vec![
                "LAST SEEN",
                "TYPE",
                "REASON",
                "OBJECT",
                "SUBOBJECT",
                "SOURCE",
                "MESSAGE",
                "FIRST SEEN",
                "COUNT",
                "NAME",
            ]
        } else {
            vec!["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
        }
    }

    fn row(&self, wide: bool, now: &Timestamp) -> Vec<String> {
        let derived = self.columns.clone().unwrap_or_default();
        let message = self.message.trim().to_owned();
        let mut row = vec![last_seen(&derived, wide, now), self.r#type.clone(), self.reason.clone()];
        row.push(derived.object.clone());
        if wide {
            row.extend([field_path(self), source(self), message]);
            row.extend([human_age(derived.first_seen.as_ref(), now), derived.count.to_string(), name(self)]);
        } else {
            row.push(message);
        }
        row
    }
}

/// `5m`, or `5m (x3 over 10m)` where there is no column for the count.
fn last_seen(derived: &EventColumns, wide: bool, now: &Timestamp) -> String {
    let last = human_age(derived.last_seen.as_ref(), now);
    if wide || derived.count < 2 {
        return last;
    }
    format!("{last} (x{} over {})", derived.count, human_age(derived.first_seen.as_ref(), now))
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

fn name(event: &Event) -> String {
    event.metadata.as_ref().map(|metadata| metadata.name.clone()).unwrap_or_default()
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

    #[test]
    fn an_event_reads_as_in_kubectl() {
        assert_eq!(
            mk_event(1).row(false, &NOW),
            ["5m", "Warning", "BackOff", "pod/web-0", "Back-off restarting failed container"]
        );
        assert_eq!(mk_event(3).row(false, &NOW)[0], "5m (x3 over 10m)");
    }

    #[test]
    fn the_wide_columns_say_where_who_and_how_often() {
        let row = mk_event(3).row(true, &NOW);
        assert_eq!(row.len(), Event::columns(true).len());
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
