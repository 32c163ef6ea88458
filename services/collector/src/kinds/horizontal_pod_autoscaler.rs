//! Horizontal pod autoscalers, autoscaling/v2: `HorizontalPodAutoscalerService`, and the columns that
//! `kubectl get horizontalpodautoscalers` derives (kubernetes: `pkg/printers/internalversion/printers.go`,
//! printHorizontalPodAutoscaler).

use gumshoe_proto::collector::v1::{
    GetHorizontalPodAutoscalerRequest, HorizontalPodAutoscaler, HorizontalPodAutoscalerColumns,
    HorizontalPodAutoscalerSpec, HorizontalPodAutoscalerStatus, ListHorizontalPodAutoscalersRequest, MetricSpec,
    MetricStatus, MetricTarget, MetricValueStatus,
};
use k8s_openapi::api::autoscaling::v2 as autoscaling;
use prost_types::Timestamp;

use super::cells;
use crate::{
    kubernetes::resource::Resource,
    lists::{Reader, kind::Kind},
    methods::Methods,
};

impl Kind for HorizontalPodAutoscaler {
    const RESOURCE: Resource = Resource::of::<autoscaling::HorizontalPodAutoscaler>();

    fn derive(&mut self, _now: Timestamp) {
        self.columns = Some(columns(self));
    }
}

/// Serves `HorizontalPodAutoscalerService`.
#[must_use]
pub fn serve(methods: Methods, reader: &Reader) -> Methods {
    methods.get::<GetHorizontalPodAutoscalerRequest>(reader).list::<ListHorizontalPodAutoscalersRequest>(reader)
}

fn columns(scaler: &HorizontalPodAutoscaler) -> HorizontalPodAutoscalerColumns {
    let (no_spec, no_status) = (HorizontalPodAutoscalerSpec::default(), HorizontalPodAutoscalerStatus::default());
    let spec = scaler.spec.as_ref().unwrap_or(&no_spec);
    let status = scaler.status.as_ref().unwrap_or(&no_status);
    let target = spec.scale_target_ref.as_ref();
    HorizontalPodAutoscalerColumns {
        reference: target.map(|target| format!("{}/{}", target.kind, target.name)).unwrap_or_default(),
        targets: targets(&spec.metrics, &status.current_metrics),
        min_pods: spec.min_replicas.map_or_else(|| "<unset>".to_owned(), |min| min.to_string()),
        max_pods: spec.max_replicas.unwrap_or_default(),
        replicas: status.current_replicas,
    }
}

/// What each metric is and should be: two of them at most, and how many more there are.
fn targets(specs: &[MetricSpec], statuses: &[MetricStatus]) -> String {
    const SHOWN: usize = 2;
    let shown = specs.iter().enumerate().take(SHOWN);
    let shown: Vec<_> = shown.map(|(index, spec)| metric(spec, statuses.get(index))).collect();
    match shown.join(", ") {
        none if none.is_empty() => cells::NONE.to_owned(),
        some if specs.len() > SHOWN => format!("{some} + {} more...", specs.len() - SHOWN),
        all => all,
    }
}

/// One metric: `<current>/<target>`, with the resource's name in front where it is of one.
fn metric(spec: &MetricSpec, status: Option<&MetricStatus>) -> String {
    match spec.r#type.as_str() {
        "External" => {
            let current = status.and_then(|status| status.external.as_ref()?.current.as_ref());
            value(spec.external.as_ref().and_then(|source| source.target.as_ref()), current)
        }
        "Object" => {
            let current = status.and_then(|status| status.object.as_ref()?.current.as_ref());
            value(spec.object.as_ref().and_then(|source| source.target.as_ref()), current)
        }
        "Pods" => {
            let current = status.and_then(|status| status.pods.as_ref()?.current.as_ref());
            average(spec.pods.as_ref().and_then(|source| source.target.as_ref()), current)
        }
        "Resource" => {
            let Some(source) = &spec.resource else { return String::new() };
            let current = status.and_then(|status| status.resource.as_ref()?.current.as_ref());
            format!("{}: {}", source.name, usage(source.target.as_ref(), current))
        }
        "ContainerResource" => {
            let Some(source) = &spec.container_resource else { return String::new() };
            let current = status.and_then(|status| status.container_resource.as_ref()?.current.as_ref());
            format!("{}: {}", source.name, usage(source.target.as_ref(), current))
        }
        _ => "<unknown type>".to_owned(),
    }
}

fn or_unknown(text: Option<&String>) -> String {
    text.cloned().unwrap_or_else(|| "<unknown>".to_owned())
}

/// Of a metric of one thing: its value, or the average over the pods where that is the target.
fn value(target: Option<&MetricTarget>, current: Option<&MetricValueStatus>) -> String {
    if target.is_some_and(|target| target.average_value.is_some()) {
        return format!("{} (avg)", average(target, current));
    }
    let current = or_unknown(current.and_then(|current| current.value.as_ref()));
    format!("{current}/{}", target.and_then(|target| target.value.clone()).unwrap_or_default())
}

fn average(target: Option<&MetricTarget>, current: Option<&MetricValueStatus>) -> String {
    let current = or_unknown(current.and_then(|current| current.average_value.as_ref()));
    format!("{current}/{}", target.and_then(|target| target.average_value.clone()).unwrap_or_default())
}

/// Of a resource: an amount where that is the target, else the part of what is requested.
fn usage(target: Option<&MetricTarget>, current: Option<&MetricValueStatus>) -> String {
    if target.is_some_and(|target| target.average_value.is_some()) {
        return average(target, current);
    }
    let percent = |part: i32| format!("{part}%");
    let current = or_unknown(current.and_then(|current| current.average_utilization).map(percent).as_ref());
    let target = target.and_then(|target| target.average_utilization).map_or_else(|| "<auto>".to_owned(), percent);
    format!("{current}/{target}")
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::collector::v1::{ExternalMetricSource, ResourceMetricSource, ResourceMetricStatus};

    use super::*;

    fn mk_resource(name: &str, target: MetricTarget) -> MetricSpec {
        let resource = ResourceMetricSource { name: name.into(), target: Some(target) };
        MetricSpec { r#type: "Resource".into(), resource: Some(resource.into()), ..MetricSpec::default() }
    }

    #[test]
    fn a_target_is_an_amount_a_part_or_an_average() {
        let part = MetricTarget { average_utilization: Some(80), ..MetricTarget::default() };
        let amount = MetricTarget { average_value: Some("200Mi".into()), ..MetricTarget::default() };
        let external = ExternalMetricSource { target: Some(amount.clone()), ..ExternalMetricSource::default() };
        let external =
            MetricSpec { r#type: "External".into(), external: Some(external.into()), ..MetricSpec::default() };
        let now = MetricValueStatus { average_utilization: Some(7), ..MetricValueStatus::default() };
        let status = ResourceMetricStatus { name: "cpu".into(), current: Some(now) };
        let status = MetricStatus { resource: Some(status.into()), ..MetricStatus::default() };
        let cpu = mk_resource("cpu", part);
        assert_eq!(targets(std::slice::from_ref(&cpu), &[status]), "cpu: 7%/80%");
        assert_eq!(targets(&[cpu.clone(), external.clone()], &[]), "cpu: <unknown>/80%, <unknown>/200Mi (avg)");
        let memory = mk_resource("memory", amount);
        assert_eq!(targets(&[memory, cpu, external], &[]), "memory: <unknown>/200Mi, cpu: <unknown>/80% + 1 more...");
        assert_eq!(targets(&[], &[]), "<none>");
    }
}
