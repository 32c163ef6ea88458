//! Pods, records and calls for the tests.

use std::time::Duration;

use futures::{Stream, StreamExt as _};
use gumshoe_collector::{
    kinds::log::Logs,
    kubernetes::api::Call,
    lists::{Reader, scope::Scope},
};
use gumshoe_proto::collector::v1::{
    Completeness, Container, ContainerLog, ContainerLogStatus, ContainerState, ContainerStateRunning,
    ContainerStateTerminated, ContainerStatus, Gap, GapReason, LogLine, ObjectMeta, Pod, PodSpec, PodStatus,
    ReadLogsRequest, ReadLogsResponse,
};
use gumshoe_runtime::deadline::Deadline;
use jiff::{SignedDuration, Timestamp};
use prost::Message as _;
use tonic::{Request, Status};

use crate::{
    cluster::FakeCluster,
    kubelet::{FakeKubelet, Record},
};

/// Reads what is in the namespace.
pub fn serve_all(cluster: &FakeCluster) -> Logs {
    Logs::new(Reader::new(cluster.connect(), Scope::default()))
}

/// A whole answer about several pods.
pub async fn read_all(cluster: &FakeCluster, request: ReadLogsRequest) -> Result<Answer, Status> {
    let pages: Vec<_> = call(&serve_all(cluster), request, AMPLE)?.collect().await;
    Ok(Answer::of(pages.into_iter().collect::<Result<_, _>>()?))
}

/// Long enough that no test waits for it.
pub const AMPLE: Duration = Duration::from_secs(60);

/// The moment at which the tests' containers began.
pub fn start() -> Timestamp {
    "2024-05-01T10:00:00Z".parse().unwrap()
}

pub fn after(millis: i64) -> Timestamp {
    start() + SignedDuration::from_millis(millis)
}

pub fn proto(moment: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: moment.as_second(), nanos: moment.subsec_nanosecond() }
}

/// A line of one record, so many milliseconds after the start.
pub fn record(millis: i64, text: impl AsRef<[u8]>) -> Record {
    Record { moment: after(millis), text: text.as_ref().to_vec(), partial: false }
}

/// Lines of a millisecond each.
pub fn numbered(lines: std::ops::Range<i64>) -> Vec<Record> {
    of_run(0, lines)
}

pub fn mk_status(name: &str) -> ContainerStatus {
    let running = ContainerStateRunning { started_at: Some(proto(start())) };
    ContainerStatus {
        name: name.into(),
        restart_count: Some(0),
        container_id: "containerd://1".into(),
        state: Some(ContainerState { running: Some(running), ..ContainerState::default() }),
        ..ContainerStatus::default()
    }
}

pub fn mk_pod(containers: &[&str]) -> Pod {
    let container = |name: &&str| Container { name: (*name).into(), ..Container::default() };
    Pod {
        metadata: Some(ObjectMeta {
            namespace: "shop".into(),
            name: "web-0".into(),
            uid: "1".into(),
            ..ObjectMeta::default()
        }),
        spec: Some(PodSpec {
            containers: containers.iter().map(container).collect(),
            node_name: "node-1".into(),
            ..PodSpec::default()
        }),
        status: Some(PodStatus {
            container_statuses: containers.iter().map(|name| mk_status(name)).collect(),
            ..PodStatus::default()
        }),
        ..Pod::default()
    }
}

/// A pod whose only container has ended for good.
pub fn mk_ended_pod() -> Pod {
    let mut pod = mk_looping_pod(0);
    pod.spec.as_mut().unwrap().restart_policy = "Never".into();
    pod
}

/// A pod whose only container has ended after so many restarts, and will be started again.
pub fn mk_looping_pod(restarts: i32) -> Pod {
    mk_pod_in(restarts, mk_end(restarts), mk_end(restarts - 1))
}

/// The same when the kubelet waits before it does so: it has moved the end of the run away from where it reads the log of the current one.
pub fn mk_waiting_pod(restarts: i32) -> Pod {
    mk_pod_in(restarts, Some(ContainerState::default()), mk_end(restarts))
}

/// A pod whose only container runs after so many restarts.
pub fn mk_restarted_pod(restarts: i32) -> Pod {
    let running = ContainerStateRunning { started_at: Some(proto(run_start(restarts))) };
    let state = ContainerState { running: Some(running), ..ContainerState::default() };
    mk_pod_in(restarts, Some(state), mk_end(restarts - 1))
}

fn mk_pod_in(restarts: i32, state: Option<ContainerState>, last_state: Option<ContainerState>) -> Pod {
    let mut pod = mk_pod(&["web"]);
    let status = &mut statuses(&mut pod)[0];
    (status.restart_count, status.state, status.last_state) = (Some(restarts), state, last_state);
    pod
}

/// The end of a run, if there was such a one.
fn mk_end(restarts: i32) -> Option<ContainerState> {
    let started_at = Some(proto(run_start(restarts)));
    let terminated = ContainerStateTerminated { exit_code: Some(2), started_at, ..ContainerStateTerminated::default() };
    (restarts >= 0).then(|| ContainerState { terminated: Some(terminated), ..ContainerState::default() })
}

/// The run after so many restarts begins so many seconds after the first one.
fn run_start(restarts: i32) -> Timestamp {
    after(1000 * i64::from(restarts))
}

/// Lines of the run after so many restarts.
pub fn of_run(restarts: i64, lines: std::ops::Range<i64>) -> Vec<Record> {
    lines.map(|line| record(1000 * restarts + line, format!("line {line}"))).collect()
}

pub fn statuses(pod: &mut Pod) -> &mut Vec<ContainerStatus> {
    &mut pod.status.as_mut().unwrap().container_statuses
}

/// The whole log of the default container.
pub fn whole() -> ReadLogsRequest {
    ReadLogsRequest { whole_log: true, ..newest() }
}

/// The newest of the default container.
pub fn newest() -> ReadLogsRequest {
    ReadLogsRequest { namespace: "shop".into(), pod: "web-0".into(), ..ReadLogsRequest::default() }
}

pub fn mk_reader(kubelet: &FakeKubelet) -> Reader {
    Reader::new(kubelet.connect(), Scope::default())
}

pub fn serve(kubelet: &FakeKubelet) -> Logs {
    Logs::new(mk_reader(kubelet))
}

/// Starts a call.
pub fn call(
    logs: &Logs,
    request: ReadLogsRequest,
    timeout: Duration,
) -> Result<impl Stream<Item = Result<ReadLogsResponse, Status>> + Unpin + use<>, Status> {
    let mut request = Request::new(request);
    request.extensions_mut().insert(Deadline::after(timeout));
    let pages = logs.read(Call::of(&request), &request.into_inner())?;
    Ok(pages.map(|page| page.map(|page| ReadLogsResponse::decode(page.0).unwrap())))
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub pages: Vec<ReadLogsResponse>,
    pub logs: Vec<ContainerLog>,
    pub completeness: Completeness,
}

impl Answer {
    pub fn of(pages: Vec<ReadLogsResponse>) -> Self {
        let (last, before) = pages.split_last().unwrap();
        assert!(before.iter().all(|page| page.logs.is_empty() && page.completeness.is_none()));
        let completeness = last.completeness.clone().unwrap();
        let answer = Self { logs: last.logs.clone(), completeness, pages };
        let lines: u64 = answer.logs.iter().map(|log| log.lines).sum();
        assert_eq!((lines, answer.completeness.items), (answer.lines().len() as u64, lines));
        assert!(answer.lines().iter().all(|line| !line.pod.is_empty() && !line.container.is_empty()));
        assert_eq!(answer.completeness.complete, answer.completeness.gaps.is_empty());
        answer
    }

    pub fn lines(&self) -> Vec<LogLine> {
        self.pages.iter().flat_map(|page| page.lines.clone()).collect()
    }

    pub fn texts(&self) -> Vec<String> {
        self.lines().into_iter().map(|line| line.text).collect()
    }

    /// Of the only container.
    pub fn log(&self) -> &ContainerLog {
        assert_eq!(self.logs.len(), 1);
        &self.logs[0]
    }

    pub fn status(&self) -> ContainerLogStatus {
        self.log().status()
    }

    /// Of the only gap.
    pub fn gap(&self) -> &Gap {
        assert_eq!(self.completeness.gaps.len(), 1, "{:?}", self.completeness.gaps);
        &self.completeness.gaps[0]
    }

    pub fn reasons(&self) -> Vec<GapReason> {
        self.completeness.gaps.iter().map(Gap::reason).collect()
    }
}

/// Makes a call and reads its answer to the end.
pub async fn read(kubelet: &FakeKubelet, request: ReadLogsRequest) -> Result<Answer, Status> {
    read_until(kubelet, request, AMPLE).await
}

pub async fn read_until(kubelet: &FakeKubelet, request: ReadLogsRequest, timeout: Duration) -> Result<Answer, Status> {
    let pages: Vec<_> = call(&serve(kubelet), request, timeout)?.collect().await;
    Ok(Answer::of(pages.into_iter().collect::<Result<_, _>>()?))
}

/// Follows the log of the default container, all of it.
pub fn follow() -> ReadLogsRequest {
    ReadLogsRequest { follow: true, ..whole() }
}

/// Takes pages until so many lines have come.
pub async fn lines(
    pages: &mut (impl Stream<Item = Result<ReadLogsResponse, Status>> + Unpin),
    count: usize,
) -> Vec<String> {
    let mut texts = Vec::new();
    while texts.len() < count {
        let page = pages.next().await.unwrap().unwrap();
        assert!(page.completeness.is_none(), "{page:?}");
        texts.extend(page.lines.into_iter().map(|line| line.text));
    }
    texts
}

/// Takes the rest of the pages.
pub async fn rest(pages: impl Stream<Item = Result<ReadLogsResponse, Status>>) -> Vec<ReadLogsResponse> {
    pages.map(Result::unwrap).collect().await
}

/// A runtime for property tests.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
