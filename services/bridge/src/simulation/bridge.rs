//! One or two bridges that live through a schedule.

use std::{pin::pin, sync::Arc, time::Duration};

use gumshoe_proto::{
    bridge::v1::{EndStatus, page::Response},
    run::{Reader, Run},
};
use gumshoe_runtime::{
    Shutdown,
    admin::{AdminHandle, ReadinessGate},
};
use tokio::{
    sync::Semaphore,
    task::yield_now,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    BUDGET, CALL_TIMEOUT, MESSAGE_SIZE, RECEIVES, VISIBILITY, Violations, WAIT,
    commands::ModelCommands,
    faults::Faults,
    messages::Gone,
    results::ModelResults,
    schedule::Schedule,
    script::{last_page, mk_command, step},
};
use crate::{
    cancel::Cancels,
    command::{CommandReader, Outlets},
    dispatch::Collectors,
    fakes::{FakeCollector, Step},
    metrics::Metrics,
    ping::About,
    queue::{Leases, Poll},
    results::{ByteBudget, Outlet},
    serve::serve,
    turns::Turns,
    worker::Worker,
};

/// Longer than all faults, deadlines and rests together that a command can have.
const LONG: Duration = Duration::from_secs(2 * 3600);

/// Between looks at who works on what.
const LOOK: Duration = Duration::from_secs(1);

/// How long giving back may take: an extension that is on its way, and the call itself.
const GIVING_BACK: Duration = CALL_TIMEOUT.saturating_mul(2);

/// All that is there.
struct World<'schedule> {
    schedule: &'schedule Schedule,
    begun: Instant,
    commands: Arc<ModelCommands>,
    results: Arc<ModelResults>,
    collector: FakeCollector,
    violations: Arc<Violations>,
}

/// Lives through a schedule.
///
/// # Errors
/// Says what was seen that must not be.
pub(super) async fn run(schedule: &Schedule) -> Result<(), String> {
    let world = World::new(schedule);
    if let Some(ending) = schedule.ends {
        world.live(sleep_until(world.begun + ending.at), ending.is_kill).await;
    }
    world.live(world.all_gone(), false).await;
    world.check_answers();
    world.violations.to_result()
}

impl<'schedule> World<'schedule> {
    fn new(schedule: &'schedule Schedule) -> Self {
        let (begun, violations) = (Instant::now(), Arc::new(Violations::default()));
        let faults = Arc::new(Faults::new(&schedule.faults));
        let results = Arc::new(ModelResults::new(faults.clone(), violations.clone()));
        let commands = Arc::new(ModelCommands::new(schedule.places, faults, violations.clone(), results.clone()));
        for (number, planned) in schedule.commands.iter().enumerate() {
            let at = begun + planned.at;
            commands.put(mk_command(number, planned), at, at + planned.deadline);
        }
        let collector = FakeCollector::default();
        collector.lists_otherwise(|| vec![Step::Response(last_page())]);
        for stream in &schedule.streams {
            collector.list(stream.iter().enumerate().map(|(number, happening)| step(number, happening)).collect());
        }
        Self { schedule, begun, commands, results, collector, violations }
    }

    /// A bridge lives until it is told to end, or killed; then nothing of it is left.
    async fn live(&self, end: impl Future<Output = ()>, is_kill: bool) {
        let (shutdown, metrics) = (CancellationToken::new(), Metrics::default());
        let budget = ByteBudget::of_bytes(BUDGET);
        self.commands.next_life();
        self.results.next_life(budget.clone());
        let admin = AdminHandle::new(Shutdown::new());
        let leases = Leases::new(self.commands.clone(), VISIBILITY).with_gate(admin.readiness("leases"));
        let polling = self.polling(leases.clone(), admin.readiness("commands"), metrics.clone());
        let worker = self.worker(leases, budget, admin.clone(), metrics.clone());
        let mut serving = pin!(serve(&polling, worker, &shutdown, self.schedule.drain));
        let mut watching = pin!(self.watch(&metrics, &shutdown));
        tokio::select! {
            () = &mut serving => return self.violations.note("the bridge ended by itself".into()),
            () = &mut watching => {}
            () = end => {}
        }
        if is_kill {
            return;
        }
        shutdown.cancel();
        let drained = timeout(self.schedule.drain + GIVING_BACK + LOOK, serving);
        tokio::select! {
            ended = drained => if ended.is_err() {
                self.violations.note("the shutdown does not end".into());
            },
            () = &mut watching => {}
        }
        // It has given back what it had.
        self.commands.check_work(0, true);
    }

    fn polling(&self, leases: Leases, gate: ReadinessGate, metrics: Metrics) -> Poll {
        let room = Arc::new(Semaphore::new(self.schedule.places));
        Poll { queue: self.commands.clone(), leases, wait: WAIT, visibility: VISIBILITY, room, gate, metrics }
    }

    fn worker(&self, leases: Leases, budget: ByteBudget, handle: AdminHandle, metrics: Metrics) -> Worker {
        let outlet = Outlet::new("main", self.results.clone(), MESSAGE_SIZE, false).with_budget(budget);
        let reader = CommandReader {
            outlets: Outlets::new(vec![outlet.with_turns(Turns::new(self.schedule.places + 1))]),
            max_deadline: LONG,
            max_receive_count: Some(RECEIVES),
        };
        let collectors = Collectors::new(vec![("main".into(), self.collector.channel())]);
        let about = About {
            handle,
            queues: Arc::default(),
            max_deadline: LONG,
            concurrency: 1,
            visibility_timeout: VISIBILITY,
        };
        let (cancels, give_up) = (Cancels::default(), CancellationToken::new());
        Worker { reader, collectors, queries_per_command: 2, leases, cancels, about, give_up, metrics }
    }

    /// Looks at who works on what, when all has happened that is to happen at that moment.
    async fn watch(&self, metrics: &Metrics, shutdown: &CancellationToken) {
        let mut repeats =
            self.schedule.repeats.iter().filter(|at| self.begun + **at > Instant::now()).collect::<Vec<_>>();
        repeats.sort();
        let mut repeats = repeats.into_iter().peekable();
        loop {
            sleep(LOOK).await;
            for _ in 0..4 {
                yield_now().await;
            }
            let at_work = usize::try_from(metrics.commands_in_flight.get()).unwrap();
            self.commands.check_work(at_work, shutdown.is_cancelled());
            while repeats.next_if(|at| self.begun + **at <= Instant::now()).is_some() {
                self.commands.repeat();
            }
        }
    }

    /// Waits until every command was deleted, or is with the dead letters.
    async fn all_gone(&self) {
        let wait = async {
            while self.commands.commands().iter().any(|(_, _, gone)| gone.is_none()) {
                sleep(LOOK).await;
            }
        };
        if timeout(LONG, wait).await.is_err() {
            self.violations.note("a command is never answered".into());
        }
    }

    fn check_answers(&self) {
        let reader = self.results.reader();
        for (key, run) in reader.runs().filter(|(_, run)| run.end().is_some()) {
            if !run.is_complete() {
                self.violations.note(format!("{key:?} is not whole: {:?}", run.verdict()));
            }
        }
        for (id, receives, gone) in self.commands.commands() {
            let runs = reader.runs_of(&id).count();
            let whole = reader.runs_of(&id).filter(|(_, run)| run.is_complete()).count();
            if whole == 0 && gone == Some(Gone::Deleted) {
                self.violations.note(format!("{id} has no answer"));
            }
            if self.schedule.is_calm() && (receives, runs, whole) != (1, 1, 1) {
                self.violations.note(format!("{id} was received {receives} times, has {runs} runs, {whole} whole"));
            }
        }
        if self.schedule.streams.is_empty() {
            self.check_items(&reader);
        }
    }

    /// Where all calls of the collector are answered at once: whoever succeeds has the whole answer, and without any trouble each does.
    fn check_items(&self, reader: &Reader) {
        for (number, planned) in self.schedule.commands.iter().enumerate() {
            let command = mk_command(number, planned);
            let answer = reader.answer(&command).map(|(_, run)| run);
            let succeeded = answer.filter(|run| run.end().is_some_and(|end| end.status() == EndStatus::Succeeded));
            if succeeded.is_none() && self.schedule.is_calm() {
                self.violations.note(format!("{} has not succeeded: {:?}", command.id, answer.and_then(Run::end)));
            }
            let Some(run) = succeeded else { continue };
            for query in &command.queries {
                let responses: Vec<_> = run.pages_of(&query.id).map(|page| page.unwrap().response).collect();
                if responses != [Some(Response::ListPods(last_page()))] {
                    self.violations.note(format!("{}: {} has {responses:?}", command.id, query.id));
                }
            }
        }
    }
}
