//! Pods: `PodService`, and the columns that `kubectl get pods` derives.

mod columns;

use gumshoe_proto::collector::v1::{
    Completeness, GetPodRequest, GetPodResponse, ListPodsRequest, ListPodsResponse, ObjectMeta, Pod,
    pod_service_server::PodService,
};
use k8s_openapi::api::core::v1 as core;
use prost_types::Timestamp;
use tonic::{Request, Response, Status};

use crate::{
    kubernetes::resource::Resource,
    lists::{
        Reader,
        kind::{Kind, ListResponse},
        list::{ListRequest, Selection},
        stream::PageStream,
    },
};

impl Kind for Pod {
    const RESOURCE: Resource = Resource::of::<core::Pod>();

    fn metadata(&self) -> Option<&ObjectMeta> {
        self.metadata.as_ref()
    }

    fn derive(&mut self, now: Timestamp) {
        self.columns = Some(columns::columns(self, now));
    }
}

impl ListRequest for ListPodsRequest {
    type Response = ListPodsResponse;

    fn selection(&self) -> Selection<'_> {
        Selection {
            namespaces: &self.namespaces,
            label_selector: &self.label_selector,
            field_selector: &self.field_selector,
            page_size: self.page_size,
            page_token: &self.page_token,
            limit: self.limit,
        }
    }

    fn without_paging(&self) -> Self {
        Self { page_size: 0, page_token: String::new(), limit: 0, ..self.clone() }
    }
}

impl ListResponse for ListPodsResponse {
    type Item = Pod;

    fn page(items: Vec<Pod>, next_page_token: String, completeness: Option<Completeness>) -> Self {
        Self { items, next_page_token, completeness }
    }
}

/// Serves `PodService`.
#[derive(Clone)]
pub struct Pods(pub Reader);

#[tonic::async_trait]
impl PodService for Pods {
    async fn get_pod(&self, request: Request<GetPodRequest>) -> Result<Response<GetPodResponse>, Status> {
        let GetPodRequest { namespace, name } = request.get_ref();
        let (item, completeness) = self.0.get(&request, namespace, name).await?;
        Ok(Response::new(GetPodResponse { item: Some(item), completeness: Some(completeness) }))
    }

    type ListPodsStream = PageStream<ListPodsResponse>;

    async fn list_pods(&self, request: Request<ListPodsRequest>) -> Result<Response<Self::ListPodsStream>, Status> {
        Ok(Response::new(self.0.list(&request)?))
    }
}
