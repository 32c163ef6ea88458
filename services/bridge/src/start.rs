//! Wiring: from arguments to a bridge at work, and to its end.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use futures::{FutureExt as _, future::pending};
use gumshoe_runtime::{
    Process,
    admin::{self, AdminHandle, ReadinessGate},
    backoff::Backoff,
    client::GrpcClient,
    tls::ClientIdentity,
};
use http::Uri;
use tokio::{sync::Semaphore, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    Args, Named,
    args::named_twice,
    cancel::Cancels,
    command::{CommandReader, Outlets},
    dispatch::{Collectors, Method, channel},
    metrics::Metrics,
    ping::About,
    queue::{
        CheckError, Checked, CommandQueue, Connection, Leases, Poll, QueueUrl, SLOW_WAIT, Troubles, all_advice, check,
        check_urls, connect,
    },
    results::{ByteBudget, Outlet},
    serve::serve,
    turns::Turns,
    worker::Worker,
};

/// Between tries to look at the queues at start.
const CHECK_BACKOFF: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));

/// Runs the bridge until it is told to end and has let go of its commands.
///
/// # Errors
/// The configuration cannot work: an address in use, a certificate that cannot be read, queues that must not be used like this.
pub async fn run(args: Args, process: Process) -> anyhow::Result<()> {
    let Process { shutdown, admin: handle } = process;
    let admin = admin::bind(&args.admin).await?;
    check_args(&args)?;
    let identity = ClientIdentity::load(&args.tls).context("TLS identity")?;
    let bridge = Bridge::new(args, &identity, &handle).await?;
    let work = async {
        // The watch ends with the shutdown; the work a while after it.
        let watching = identity.watch(shutdown.token().clone()).then(|()| pending());
        tokio::select! {
            result = bridge.work(shutdown.token()) => result,
            never = watching => never,
        }
    };
    admin.serve(&handle, work).await
}

fn check_args(args: &Args) -> anyhow::Result<()> {
    if let Some(name) = named_twice(&args.result_queues).or(named_twice(&args.collectors)) {
        anyhow::bail!("the name {name:?} is given twice");
    }
    Ok(check_urls(&args.command_queue, &args.result_queues)?)
}

/// A bridge whose queues were not looked at yet.
struct Bridge {
    connection: Connection,
    command_queue: QueueUrl,
    result_queues: Vec<Named<QueueUrl>>,
    collectors: Collectors,
    poll: Poll,
    queues_gate: ReadinessGate,
    handle: AdminHandle,
    result_buffer: u32,
    queries_per_command: usize,
    queries: usize,
    max_deadline: Duration,
    concurrency: u32,
    drain_timeout: Duration,
    metrics: Metrics,
}

impl Bridge {
    async fn new(args: Args, identity: &Arc<ClientIdentity>, handle: &AdminHandle) -> anyhow::Result<Self> {
        let Args {
            command_queue,
            result_queues,
            collectors,
            concurrency,
            queries_per_command,
            queries,
            result_buffer,
            max_deadline,
            visibility_timeout,
            receive_wait,
            drain_timeout,
            tls: _,
            admin: _,
            log: _,
        } = args;
        Method::load();
        let metrics = Metrics::new(&mut handle.registry());
        let connection = connect(&command_queue, &result_queues, receive_wait).await?;
        let queue: Arc<dyn CommandQueue> = Arc::new(connection.command_queue(&command_queue));
        let leases = Leases::new(queue.clone(), visibility_timeout).with_gate(handle.readiness("calls"));
        let poll = Poll {
            queue,
            leases,
            wait: receive_wait,
            visibility: visibility_timeout,
            room: Arc::new(Semaphore::new(concurrency as usize)),
            gate: handle.readiness("commands"),
            metrics: metrics.clone(),
        };
        Ok(Self {
            connection,
            command_queue,
            result_queues,
            collectors: connect_collectors(collectors, identity)?,
            poll,
            queues_gate: handle.readiness("queues"),
            handle: handle.clone(),
            result_buffer,
            queries_per_command: queries_per_command as usize,
            queries: queries as usize,
            max_deadline,
            concurrency,
            drain_timeout,
            metrics,
        })
    }

    /// Receives commands and works on them until the shutdown, then lets those end that are in work.
    async fn work(self, shutdown: &CancellationToken) -> anyhow::Result<()> {
        let Some(checked) = shutdown.run_until_cancelled(self.check()).await.transpose()? else { return Ok(()) };
        for advice in all_advice(&checked.statuses) {
            tracing::warn!("{advice}");
            self.handle.advise(advice);
        }
        serve(&self.poll, self.worker(&checked), shutdown, self.drain_timeout).await;
        Ok(())
    }

    /// Looks at the queues until that succeeds.
    async fn check(&self) -> anyhow::Result<Checked> {
        let (mut backoff, troubles) = (CHECK_BACKOFF, Troubles::default());
        loop {
            let made = Instant::now();
            let error = match check(&self.connection, &self.command_queue, &self.result_queues).await {
                Ok(checked) => {
                    self.queues_gate.ready();
                    return Ok(checked);
                }
                Err(error) if error.is_final() => return Err(error.into()),
                Err(error) => error,
            };
            self.queues_gate.not_ready("the queues cannot be looked at");
            if let CheckError::Unreadable { queue, source } = &error {
                troubles.failed(&format!("GetQueueAttributes of {queue}"), made, source, "the bridge cannot start");
            }
            let wait = if error.needs_repair() { SLOW_WAIT } else { backoff.next_wait() };
            tokio::time::sleep(wait).await;
        }
    }

    fn worker(&self, checked: &Checked) -> Worker {
        let outlets = self.result_queues.iter().zip(&checked.message_sizes).map(|(named, size)| {
            let queue = Arc::new(self.connection.result_queue(&named.value));
            Outlet::new(&named.name, queue, *size, named.value.is_fifo())
                .with_budget(ByteBudget::of_mebibytes(self.result_buffer))
                .with_turns(Turns::new(self.queries))
                .with_troubles(self.poll.leases.troubles())
        });
        let reader = CommandReader {
            outlets: Outlets::new(outlets.collect()),
            max_deadline: self.max_deadline,
            max_receive_count: checked.max_receive_count,
        };
        Worker {
            reader,
            collectors: self.collectors.clone(),
            queries_per_command: self.queries_per_command,
            leases: self.poll.leases.clone(),
            cancels: Cancels::default(),
            about: About {
                handle: self.handle.clone(),
                queues: checked.statuses.as_slice().into(),
                max_deadline: self.max_deadline,
                concurrency: self.concurrency,
                visibility_timeout: self.poll.visibility,
            },
            give_up: CancellationToken::new(),
            metrics: self.metrics.clone(),
        }
    }
}

fn connect_collectors(collectors: Vec<Named<Uri>>, identity: &Arc<ClientIdentity>) -> anyhow::Result<Collectors> {
    let mut channels = Vec::new();
    for Named { name, value } in collectors {
        let client = GrpcClient::new(value, identity.clone()).with_context(|| format!("collector {name}"))?;
        channels.push((name, channel(client)));
    }
    Ok(Collectors::new(channels))
}
