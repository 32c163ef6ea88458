//! `gumshoe doctor`: whether a collector, the queues and the bridge behind them work, and what somebody should change.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use clap::{Args, ValueEnum};
use gumshoe_proto::{
    bridge::v1::{Command, Ping, Pong},
    collector::v1::GetStatusResponse,
    envelope::encode_command,
    run::{Fed, Reader},
};
use gumshoe_runtime::args::ClientTlsArgs;
use http::Uri;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::{
    connection::GrpcCollector,
    doctor::{self, Check},
    error::Error,
    exit::{self, Exit},
    interrupt::{Interrupt, interrupt, unless},
    run::{
        collect::{Gathered, Listener, Wanted, collect},
        command::{self, Defaults},
        queue::{QueueArgs, Queues, ResultQueue as _},
    },
    terminal::Surface,
    units,
};

const EXAMPLES: &str = "\
Examples:
  gumshoe doctor --server https://localhost:8443 \\
    --tls-cert pki/client.crt --tls-key pki/client.key --tls-ca pki/ca.crt
  gumshoe doctor --command-queue https://… --result-queue https://…
  gumshoe doctor -o json | jq '.checks[] | select(.state != \"ok\")'";

/// A pong is some kilobytes.
const MAX_BYTES: u64 = 4 << 20;

/// By clocks that differ a little, and through a queue.
const LISTENING_ON: Duration = Duration::from_secs(5);

/// Check whether collector, queues and bridge work
///
/// With --server, the collector is asked for its status. With --command-queue and --result-queue, a ping goes through the queues: the
/// bridge that takes it says what it found out about its queues and its collectors. Nothing is read from a cluster.
#[derive(Args, Clone, Debug)]
#[command(after_help = format!("{EXAMPLES}\n\n{}", exit::codes(exit::DOCTOR)))]
// One of the two may be left out; one that is given in part is refused when it is read.
#[command(mut_args(|argument| argument.required(false)))]
pub(crate) struct DoctorCommand {
    /// The collector: https://host:port
    #[arg(long, env = "GUMSHOE_SERVER", value_name = "URL")]
    server: Option<Uri>,

    #[command(flatten)]
    tls: Option<ClientTlsArgs>,

    /// How long each of the two is waited for: 20s, 1m; a number alone is seconds
    #[arg(long, env = "GUMSHOE_TIMEOUT", value_name = "DURATION", value_parser = units::duration, default_value = "20s")]
    timeout: Duration,

    /// How the result is printed
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,

    #[command(flatten)]
    queues: Option<QueueArgs>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A line a check
    Text,
    /// One document: `checks`, what the collector said (`collector`), and what the bridge said (`pong`)
    Json,
}

impl DoctorCommand {
    /// Does it.
    pub(super) async fn execute(self) -> Result<Exit, Error> {
        let Self { server, tls, queues, timeout, output } = self;
        if server.is_some() && tls.is_none() {
            return Err(Error::Usage("--server needs --tls-cert, --tls-key and --tls-ca".to_owned()));
        }
        let collector = server.zip(tls);
        if collector.is_none() && queues.is_none() {
            let what =
                "there is nothing to check: name a collector (--server) or queues (--command-queue, --result-queue)";
            return Err(Error::Usage(what.to_owned()));
        }
        let interrupt = interrupt();
        let mut report = Report::new(output);
        let mut interrupted = false;
        if let Some((server, tls)) = collector {
            interrupted = unless(&interrupt, report.collector(&server, &tls, timeout)).await.transpose()?.is_none();
        }
        if let Some(args) = queues.filter(|_| !interrupted) {
            interrupted = report.bridge(&args, timeout, &interrupt).await? == Gathered::Interrupted;
        }
        let exit = report.finish()?;
        Ok(if interrupted { Exit::Interrupted } else { exit })
    }
}

/// What was found out; lines are printed as they come.
struct Report {
    output: Output,
    surface: Surface,
    checks: Vec<Check>,
    collector: Option<GetStatusResponse>,
    pong: Option<Pong>,
}

impl Report {
    fn new(output: Output) -> Self {
        Self { output, surface: Surface::stdout(), checks: Vec::new(), collector: None, pong: None }
    }

    fn add(&mut self, checks: Vec<Check>) -> Result<(), Error> {
        if self.output == Output::Text {
            let mut out = io::stdout().lock();
            for check in &checks {
                write!(out, "{}", check.text(self.surface))?;
            }
            out.flush()?;
        }
        self.checks.extend(checks);
        Ok(())
    }

    async fn collector(&mut self, server: &Uri, tls: &ClientTlsArgs, timeout: Duration) -> Result<(), Error> {
        let name = server.to_string();
        let collector = match GrpcCollector::new(server, tls) {
            Ok(collector) => collector,
            Err(error) => return self.add(vec![doctor::not_asked(format!("collector {name}"), &error)]),
        };
        match collector.status(Instant::now() + timeout).await {
            Ok(status) => {
                self.add(vec![doctor::collector(&name, &status)])?;
                self.collector = Some(status);
                Ok(())
            }
            Err(status) => self.add(vec![doctor::no_collector(&name, &status)]),
        }
    }

    async fn bridge(&mut self, args: &QueueArgs, timeout: Duration, interrupt: &Interrupt) -> Result<Gathered, Error> {
        let mut listener = Quiet::default();
        let asked = ping(args, timeout, interrupt, &mut listener).await;
        self.add(listener.checks)?;
        let (gathered, reader, command) = match asked {
            Ok(answered) => answered,
            Err(error) => {
                self.add(vec![doctor::not_asked("queues", &error)])?;
                return Ok(Gathered::TimeUp);
            }
        };
        let end = reader.answer(&command).and_then(|(_, run)| run.end());
        if end.is_some() || gathered != Gathered::Interrupted {
            self.add(doctor::bridge(end, timeout))?;
            self.pong = end.and_then(|end| end.pong.clone());
        }
        Ok(gathered)
    }

    fn finish(self) -> Result<Exit, Error> {
        let Self { output, surface: _, checks, collector, pong } = self;
        if output == Output::Json {
            let mut out = io::stdout().lock();
            writeln!(out, "{}", doctor::json(&checks, collector.as_ref(), pong.as_ref()))?;
        }
        Ok(if checks.iter().any(Check::has_failed) { Exit::Failed } else { Exit::Complete })
    }
}

/// Sends a ping, and gathers what is answered.
async fn ping(
    args: &QueueArgs,
    timeout: Duration,
    interrupt: &Interrupt,
    listener: &mut Quiet,
) -> Result<(Gathered, Reader, Command), Error> {
    let queues = Queues::new(args).await?;
    let found = queues.receive(Duration::ZERO).await?;
    let now = Timestamp::now();
    let defaults = Defaults { investigation: None, reply_to: args.reply_to.clone(), timeout };
    let command = command::complete(Command { ping: Some(Ping {}), ..Command::default() }, &defaults, now)?;
    queues.send(encode_command(&command, now), &command.id, &command.investigation_id).await?;
    let deadline = Instant::now() + timeout;
    let wanted = Wanted { command, deadline, until: deadline + LISTENING_ON, max_bytes: MAX_BYTES };
    let mut reader = Reader::default();
    let gathered = collect(&queues, &wanted, found, &mut reader, interrupt, listener).await?;
    Ok((gathered, reader, wanted.command))
}

/// Keeps what is worth a line.
#[derive(Default)]
struct Quiet {
    checks: Vec<Check>,
    has_foreign: bool,
}

impl Listener for Quiet {
    fn result(&mut self, _: &str, _: &Fed, _: &Reader) -> Result<(), Error> {
        Ok(())
    }

    fn foreign(&mut self, _: usize) {
        if !std::mem::replace(&mut self.has_foreign, true) {
            self.checks.push(doctor::shared_queue());
        }
    }

    fn overtime(&mut self, _: Duration, _: &Reader) {}

    fn trouble(&mut self, error: &Error) {
        self.checks.push(doctor::trouble(error));
    }
}
