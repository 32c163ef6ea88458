//! One process of ours.

use std::net::SocketAddr;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use http::StatusCode;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::process::{Child, Command};
use tokio_util::task::AbortOnDropHandle;

use super::log::{Log, field};
use super::memory::Memory;

/// Lines of a log that usually tell why a process ended.
const LAST_WORDS: usize = 20;

/// How long a process may take to drain before it is killed.
const PATIENCE_AT_THE_END: Duration = Duration::from_secs(10);

/// A running process. It is killed when this is dropped.
#[derive(Debug)]
pub struct Running {
    name: &'static str,
    child: Child,
    pid: u32,
    log: Arc<Log>,
    reader: AbortOnDropHandle<()>,
}

impl Running {
    pub(super) fn spawn(name: &'static str, command: &mut Command) -> anyhow::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("run {name}"))?;
        let pid = child.id().context("a process that was just started")?;
        let log = Arc::new(Log::default());
        let stderr = child.stderr.take().context("a pipe that was just asked for")?;
        let reader = tokio::spawn(Arc::clone(&log).read(stderr));
        Ok(Self { name, child, pid, log, reader: AbortOnDropHandle::new(reader) })
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Where it serves: "grpc" or "admin". It says so in its log.
    ///
    /// # Errors
    /// It ends instead, or has not said so within 20 seconds.
    pub async fn address(&mut self, port_name: &str) -> anyhow::Result<SocketAddr> {
        let log = Arc::clone(&self.log);
        let listening = log.saw(|line| {
            let is_it = field(line, "message") == Some("listening") && field(line, "port_name") == Some(port_name);
            if is_it { field(line, "addr")?.parse().ok() } else { None }
        });
        self.unless_it_ends(&format!("{} listens on its {port_name} port", self.name), listening).await
    }

    /// Awaits the moment when it is ready to work.
    ///
    /// # Errors
    /// It ends instead, or is not ready within 20 seconds.
    pub async fn ready(&mut self) -> anyhow::Result<()> {
        let address = self.address("admin").await?;
        let what = format!("{} is ready", self.name);
        let ready = crate::eventually(&what, async || match super::http::get(address, "/readyz").await {
            Ok((StatusCode::OK, _)) => Some(()),
            Ok(_) | Err(_) => None,
        });
        self.unless_it_ends(&what, ready).await?
    }

    /// Asks the admin port: "/metrics".
    ///
    /// # Errors
    /// It does not answer.
    pub async fn admin(&mut self, path: &str) -> anyhow::Result<(StatusCode, String)> {
        let address = self.address("admin").await?;
        crate::within("the admin port answers", super::http::get(address, path)).await?
    }

    /// What it logged so far, a JSON value a line.
    #[must_use]
    pub fn log(&self) -> Vec<Value> {
        self.log.all()
    }

    /// Awaits a line of its log; one that came earlier counts.
    ///
    /// # Errors
    /// None came within 20 seconds.
    pub async fn logged(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        crate::within(what, self.log.saw(|line| wanted(line).then(|| line.clone()))).await
    }

    /// Its memory now.
    ///
    /// # Errors
    /// It has ended.
    pub fn memory(&self) -> anyhow::Result<Memory> {
        Memory::of(self.pid)
    }

    /// Looks whether it still runs.
    ///
    /// # Errors
    /// It has ended by itself.
    pub fn still_runs(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{} ended by itself with {status}; {}", self.name, self.last_words()),
        }
    }

    /// SIGTERM.
    ///
    /// # Errors
    /// It has ended.
    pub fn terminate(&self) -> anyhow::Result<()> {
        self.signal(Signal::TERM)
    }

    /// SIGKILL, and reaps it.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().await.with_context(|| format!("kill {}", self.name))
    }

    /// Awaits its end.
    ///
    /// # Errors
    /// It still runs after 20 seconds.
    pub async fn ended(&mut self) -> anyhow::Result<ExitStatus> {
        let what = format!("the end of {}", self.name);
        Ok(crate::within(&what, self.child.wait()).await??)
    }

    /// SIGTERM, then, where that does not help, SIGKILL; reaps it.
    ///
    /// # Errors
    /// It had to be killed.
    pub async fn stop(mut self) -> anyhow::Result<ExitStatus> {
        // An error means that it has ended already, which `wait` tells.
        let _ = self.terminate();
        match tokio::time::timeout(PATIENCE_AT_THE_END, self.child.wait()).await {
            Ok(status) => Ok(status?),
            Err(_) => {
                self.child.kill().await?;
                bail!("{} did not end within {PATIENCE_AT_THE_END:?} of SIGTERM and was killed", self.name)
            }
        }
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw).context("a process id")?;
        // While the child is not reaped, its id is not given to another process.
        if self.child.id().is_none() {
            bail!("{} has ended", self.name);
        }
        kill_process(pid, signal).with_context(|| format!("signal {}", self.name))
    }

    async fn unless_it_ends<T>(&mut self, what: &str, future: impl Future<Output = T>) -> anyhow::Result<T> {
        let ended = tokio::select! {
            outcome = crate::within(what, future) => return outcome.with_context(|| self.last_words()),
            status = self.child.wait() => status?,
        };
        // What it said last may still be in the pipe, which ends with the process.
        let _ = tokio::time::timeout(PATIENCE_AT_THE_END, &mut self.reader).await;
        Err(anyhow!("{} ended with {ended}; {}", self.name, self.last_words()))
    }

    /// The end of its log, for an error message.
    fn last_words(&self) -> String {
        let lines: Vec<String> = self.log.all().iter().rev().take(LAST_WORDS).map(ToString::to_string).collect();
        let lines: Vec<&str> = lines.iter().rev().map(String::as_str).collect();
        format!("its log ends with:\n{}", lines.join("\n"))
    }
}

impl Drop for Running {
    /// A test that fails shows what the process said last.
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}: {}", self.name, self.last_words());
        }
    }
}
