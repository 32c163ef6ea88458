//! The kinds of objects that can be read, one entry each: what people call them, and the requests that read them.

use clap::{ArgMatches, Args, Command, FromArgMatches as _, error::ErrorKind};
use gumshoe_proto::{
    collector::v1::{
        GetConfigMapRequest, GetCronJobRequest, GetDaemonSetRequest, GetDeploymentRequest, GetEndpointSliceRequest,
        GetEndpointsRequest, GetEventRequest, GetHorizontalPodAutoscalerRequest, GetIngressRequest, GetJobRequest,
        GetNamespaceRequest, GetNodeRequest, GetPersistentVolumeClaimRequest, GetPodRequest, GetReplicaSetRequest,
        GetSecretRequest, GetServiceRequest, GetStatefulSetRequest, ListConfigMapsRequest, ListCronJobsRequest,
        ListDaemonSetsRequest, ListDeploymentsRequest, ListEndpointSlicesRequest, ListEventsRequest,
        ListHorizontalPodAutoscalersRequest, ListIngressesRequest, ListJobsRequest, ListNamespacesRequest,
        ListNodesRequest, ListPersistentVolumeClaimsRequest, ListPodsRequest, ListReplicaSetsRequest,
        ListSecretsRequest, ListServicesRequest, ListStatefulSetsRequest,
    },
    methods::{GetRequest, Limit, ListRequest, Page},
};
use prost::Name;

use crate::{Request, events::EventFlags, names::Names};

/// One entry a kind, in the order of `--help`: from it follow `get KIND`, its names in every line, and `--for KIND/NAME`.
pub const KINDS: &[Kind] = &[
    Kind::of::<GetPodRequest, ListPodsRequest>(Text {
        names: Names { singular: "pod", plural: "pods", short: &["po"] },
        group: "",
        about: "Pods, with STATUS, READY and RESTARTS as kubectl prints them",
        fields: "status.phase=Running,spec.nodeName=node-1",
    }),
    Kind::of::<GetEventRequest, ListEventsRequest>(Text {
        names: Names { singular: "event", plural: "events", short: &["ev"] },
        group: "",
        about: "Events, newest first by their true last time",
        fields: "reportingComponent=kubelet",
    })
    .limited("The newest so many events")
    .flags::<EventFlags, _>(),
    Kind::of::<GetDeploymentRequest, ListDeploymentsRequest>(Text {
        names: Names { singular: "deployment", plural: "deployments", short: &["deploy"] },
        group: "apps",
        about: "Deployments, with how far they are rolled out",
        fields: "metadata.name=web",
    }),
    Kind::of::<GetReplicaSetRequest, ListReplicaSetsRequest>(Text {
        names: Names { singular: "replicaset", plural: "replicasets", short: &["rs"] },
        group: "apps",
        about: "Replica sets, with wanted and ready replicas",
        fields: "metadata.name=web-5d4",
    }),
    Kind::of::<GetStatefulSetRequest, ListStatefulSetsRequest>(Text {
        names: Names { singular: "statefulset", plural: "statefulsets", short: &["sts"] },
        group: "apps",
        about: "Stateful sets, with wanted and ready replicas",
        fields: "metadata.name=db",
    }),
    Kind::of::<GetDaemonSetRequest, ListDaemonSetsRequest>(Text {
        names: Names { singular: "daemonset", plural: "daemonsets", short: &["ds"] },
        group: "apps",
        about: "Daemon sets, with the nodes they should and do run on",
        fields: "metadata.name=agent",
    }),
    Kind::of::<GetJobRequest, ListJobsRequest>(Text {
        names: Names { singular: "job", plural: "jobs", short: &[] },
        group: "batch",
        about: "Jobs, with how they went and how long they took",
        fields: "status.successful=0",
    }),
    Kind::of::<GetCronJobRequest, ListCronJobsRequest>(Text {
        names: Names { singular: "cronjob", plural: "cronjobs", short: &["cj"] },
        group: "batch",
        about: "Cron jobs, with their schedule and last run",
        fields: "metadata.name=report",
    }),
    Kind::of::<GetServiceRequest, ListServicesRequest>(Text {
        names: Names { singular: "service", plural: "services", short: &["svc"] },
        group: "",
        about: "Services, with their addresses and ports",
        fields: "spec.type=LoadBalancer",
    }),
    Kind::one::<GetEndpointsRequest>(Text {
        names: Names { singular: "endpoints", plural: "endpoints", short: &["ep"] },
        group: "",
        about: "The backends of one service, from all its endpoint slices",
        fields: "",
    }),
    Kind::of::<GetEndpointSliceRequest, ListEndpointSlicesRequest>(Text {
        names: Names { singular: "endpointslice", plural: "endpointslices", short: &[] },
        group: "discovery.k8s.io",
        about: "Endpoint slices, with their ports and addresses",
        fields: "metadata.name=web-x7k2p",
    }),
    Kind::of::<GetIngressRequest, ListIngressesRequest>(Text {
        names: Names { singular: "ingress", plural: "ingresses", short: &["ing"] },
        group: "networking.k8s.io",
        about: "Ingresses, with their hosts and addresses",
        fields: "metadata.name=web",
    })
    .switched(BackendFlags::augment_args, |request, matches| {
        let BackendFlags { with_backends } = BackendFlags::from_arg_matches(matches)?;
        if let Request::ListIngresses(list) = request {
            list.with_backends = with_backends;
        }
        Ok(())
    }),
    Kind::of::<GetConfigMapRequest, ListConfigMapsRequest>(Text {
        names: Names { singular: "configmap", plural: "configmaps", short: &["cm"] },
        group: "",
        about: "Config maps, with how many keys they have",
        fields: "metadata.name=web",
    }),
    Kind::of::<GetSecretRequest, ListSecretsRequest>(Text {
        names: Names { singular: "secret", plural: "secrets", short: &[] },
        group: "",
        about: "Secrets, with their type and how many keys they have, never their values",
        fields: "type=kubernetes.io/tls",
    })
    .called("Secret"),
    Kind::of::<GetPersistentVolumeClaimRequest, ListPersistentVolumeClaimsRequest>(Text {
        names: Names { singular: "persistentvolumeclaim", plural: "persistentvolumeclaims", short: &["pvc"] },
        group: "",
        about: "Persistent volume claims, with what they asked for and got",
        fields: "metadata.name=data",
    }),
    Kind::of::<GetHorizontalPodAutoscalerRequest, ListHorizontalPodAutoscalersRequest>(Text {
        names: Names { singular: "horizontalpodautoscaler", plural: "horizontalpodautoscalers", short: &["hpa"] },
        group: "autoscaling",
        about: "Horizontal pod autoscalers, with what they measure and want",
        fields: "metadata.name=web",
    }),
    Kind::of::<GetNodeRequest, ListNodesRequest>(Text {
        names: Names { singular: "node", plural: "nodes", short: &["no"] },
        group: "",
        about: "Nodes, with their state, roles and versions",
        fields: "spec.unschedulable=true",
    })
    .switched(PodFlags::augment_args, |request, matches| {
        let PodFlags { with_pods } = PodFlags::from_arg_matches(matches)?;
        match request {
            Request::GetNode(get) => get.with_pods = with_pods,
            _ if with_pods => {
                let why = "--with-pods says what is on one node: name it";
                return Err(clap::Error::raw(ErrorKind::ArgumentConflict, why));
            }
            _ => {}
        }
        Ok(())
    }),
    Kind::of::<GetNamespaceRequest, ListNamespacesRequest>(Text {
        names: Names { singular: "namespace", plural: "namespaces", short: &["ns"] },
        group: "",
        about: "Namespaces, with their phase",
        fields: "metadata.name=shop",
    }),
];

/// A kind of objects, as people ask for it.
#[derive(Debug)]
pub struct Kind {
    /// As objects write it: `Pod`.
    pub kind: &'static str,
    /// The message that an answer holds of each.
    pub(crate) item: &'static str,
    /// What people read and write.
    pub(crate) text: Text,
    /// What `--limit` is, for `--help`.
    pub(crate) limit: &'static str,
    /// What `--limit` means in a list that is never without one.
    pub(crate) limits: fn() -> Option<Limit>,
    /// The request for one object, by its namespace and name.
    pub(crate) get: fn(&str, &str) -> Request,
    /// The request for a list, with the flags that only lists of this kind have.
    pub(crate) list: fn(&ArgMatches) -> Result<Request, clap::Error>,
    /// Adds those flags to a command.
    pub(crate) flags: fn(Command) -> Command,
    /// It can be listed; else one is read by its name alone.
    pub(crate) listed: bool,
    /// Puts flags that are not of lists alone into the request.
    pub(crate) switch: fn(&mut Request, &ArgMatches) -> Result<(), clap::Error>,
}

/// Of ingresses.
#[derive(Args, Clone, Debug)]
struct BackendFlags {
    /// Say of each backend whether its service and port exist, as is always said where one is named
    #[arg(long)]
    with_backends: bool,
}

/// Of nodes.
#[derive(Args, Clone, Debug)]
struct PodFlags {
    /// Read the pods on the node too, with the sums of what they request and may use
    #[arg(long)]
    with_pods: bool,
}

/// What people read and write of a kind.
#[derive(Debug)]
pub(crate) struct Text {
    /// As people name it.
    pub names: Names,
    /// The API group; empty for core.
    pub group: &'static str,
    /// A line for `--help`.
    pub about: &'static str,
    /// What can be selected by fields, for `--help`: `status.phase=Running`.
    pub fields: &'static str,
}

/// Flags that only lists of one kind have. The way back, from a request to its words, stands beside them.
pub(crate) trait Flags<L>: Args {
    /// Puts them into the request.
    fn apply(self, list: &mut L);
}

impl Kind {
    const fn of<G: GetRequest, L: ListRequest>(text: Text) -> Self {
        Self {
            kind: <<G::Response as Page>::Item as Name>::NAME,
            item: <<G::Response as Page>::Item as Name>::NAME,
            text,
            limit: "Most {objects} to read",
            limits: L::limits,
            get: |namespace, name| G::default().naming(namespace, name).into(),
            list: |_| Ok(L::default().into()),
            flags: |command| command,
            listed: true,
            switch: |_, _| Ok(()),
        }
    }

    /// One that is read by its name alone.
    const fn one<G: GetRequest>(text: Text) -> Self {
        Self {
            kind: <<G::Response as Page>::Item as Name>::NAME,
            item: <<G::Response as Page>::Item as Name>::NAME,
            text,
            limit: "",
            limits: || None,
            get: |namespace, name| G::default().naming(namespace, name).into(),
            list: |_| Err(clap::Error::raw(ErrorKind::MissingRequiredArgument, "a name is required")),
            flags: |command| command,
            listed: false,
            switch: |_, _| Ok(()),
        }
    }

    /// Gives it flags that are not of lists alone.
    const fn switched(
        self,
        flags: fn(Command) -> Command,
        switch: fn(&mut Request, &ArgMatches) -> Result<(), clap::Error>,
    ) -> Self {
        Self { flags, switch, ..self }
    }

    /// Says how objects write it where the message has another name.
    const fn called(self, kind: &'static str) -> Self {
        Self { kind, ..self }
    }

    /// Says what `--limit` is.
    const fn limited(self, limit: &'static str) -> Self {
        Self { limit, ..self }
    }

    /// Gives lists flags of their own.
    const fn flags<F: Flags<L>, L: ListRequest>(self) -> Self {
        let list = |matches: &ArgMatches| {
            let mut list = L::default();
            F::from_arg_matches(matches)?.apply(&mut list);
            Ok(list.into())
        };
        Self { list, flags: F::augment_args, ..self }
    }

    /// As people name it.
    #[must_use]
    pub const fn names(&self) -> Names {
        self.text.names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_named_as_objects_write_it() {
        for it in KINDS {
            assert_eq!(it.kind.to_ascii_lowercase(), it.names().singular);
        }
    }

    #[test]
    fn a_kind_is_of_the_group_that_the_api_server_has_it_in() {
        let recorded = include_str!("../../../tests/fixtures/recorded/resources.json");
        let recorded: serde_json::Value = serde_json::from_str(recorded).expect("JSON");
        for it in KINDS {
            let of_kind = recorded.as_array().and_then(|all| all.iter().find(|resource| resource["kind"] == it.kind));
            assert_eq!(of_kind.map(|resource| &resource["group"]), Some(&it.text.group.into()), "{}", it.kind);
        }
    }
}
