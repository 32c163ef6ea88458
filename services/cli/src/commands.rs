//! The subcommands, one file each, and what those over gRPC have in common.

mod doctor;
mod get;
mod logs;
mod pki;
mod run;
mod topology;

use std::io::{self, BufWriter, Write as _};

use clap::{Args, Subcommand};

use self::{
    doctor::DoctorCommand, get::GetCommand, logs::LogsCommand, pki::PkiCommand, run::RunCommand,
    topology::TopologyCommand,
};
use crate::{
    connection::{ConnectionArgs, GrpcCollector},
    error::Error,
    exit::Exit,
    interrupt,
    page::{Request, Response},
    reading::{self, ReadError},
    render::{self, Format, outcome},
    terminal::{Note, Surface, note},
    units::count,
};

/// What `gumshoe` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Get(GetCommand),
    Logs(LogsCommand),
    Topology(TopologyCommand),
    Run(RunCommand),
    Doctor(DoctorCommand),
    Pki(PkiCommand),
}

impl Command {
    /// Does it.
    pub(crate) async fn execute(self) -> Result<Exit, Error> {
        match self {
            Self::Get(get) => get.execute().await,
            Self::Logs(logs) => logs.execute().await,
            Self::Topology(topology) => topology.execute().await,
            Self::Run(run) => run.execute().await,
            Self::Doctor(doctor) => doctor.execute().await,
            Self::Pki(pki) => pki.execute(),
        }
    }
}

/// What a read straight from a collector needs beside its request.
#[derive(Args, Clone, Debug)]
struct Direct<O: Output> {
    #[command(flatten)]
    output: O,

    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Arguments that say how an answer is printed.
trait Output: Args + Clone {
    /// The format.
    fn format(&self) -> Format;
}

impl<O: Output> Direct<O> {
    /// Asks the collector, prints the pages as they come, and says how it ended.
    async fn execute(&self, request: &Request, follow: bool) -> Result<Exit, Error> {
        let collector = GrpcCollector::new(&self.connection.server, &self.connection.tls)?;
        let mut out = BufWriter::new(io::stdout().lock());
        let mut printer = render::printer(request, self.output.format(), Surface::stdout());
        let mut cut = 0;
        let mut show = |page: &Response| {
            cut += cut_lines(page);
            printer.page(&mut out, page)?;
            Ok(out.flush()?)
        };
        let deadline = self.connection.deadline(follow);
        let answer = reading::read(&collector, request, deadline, &interrupt::interrupt(), &mut show).await;
        let mut answer = answer.map_err(|error| self.explain(error))?;
        outcome::leave_out(&mut answer.ending.completeness, printer.unwritten());
        printer.end(&mut out, &answer.ending)?;
        out.flush()?;
        note(&notes(request, &answer.ending, cut));
        Ok(match (answer.interrupted, outcome::is_complete(&answer.ending.completeness)) {
            (true, _) => Exit::Interrupted,
            (false, true) => Exit::Complete,
            (false, false) => Exit::Incomplete,
        })
    }

    fn explain(&self, error: ReadError) -> Error {
        match error {
            ReadError::Call(status) => Error::Call { server: self.connection.server.to_string(), status },
            ReadError::Show(error) => error,
        }
    }
}

/// Everything that is said about an answer beside the answer itself.
fn notes(request: &Request, ending: &render::Ending, cut: u64) -> Vec<Note> {
    let mut notes = outcome::containers(&ending.logs);
    if cut > 0 {
        notes
            .push(Note::Plain(format!("note: {} longer than 64 KiB: only the beginning is shown", count(cut, "line"))));
    }
    notes.extend(outcome::verdict(request, &ending.completeness));
    notes
}

/// Lines of which only the beginning is there.
fn cut_lines(page: &Response) -> u64 {
    let Response::ReadLogs(page) = page else { return 0 };
    page.lines.iter().filter(|line| line.cut_from.is_some()).count() as u64
}
