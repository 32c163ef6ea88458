//! Logs: `LogService`.

use gumshoe_proto::collector::v1::{ReadLogsRequest, ReadLogsResponse, log_service_server::LogService};
use tonic::{Request, Response, Status};

use crate::lists::{Reader, stream::PageStream};

/// Serves `LogService`.
#[derive(Clone)]
pub struct Logs {
    reader: Reader,
}

impl Logs {
    /// Serves with this reader.
    #[must_use]
    pub fn new(reader: Reader) -> Self {
        Self { reader }
    }
}

#[tonic::async_trait]
impl LogService for Logs {
    type ReadLogsStream = PageStream<ReadLogsResponse>;

    async fn read_logs(&self, _request: Request<ReadLogsRequest>) -> Result<Response<Self::ReadLogsStream>, Status> {
        Err(Status::unimplemented("logs are not served yet"))
    }
}
