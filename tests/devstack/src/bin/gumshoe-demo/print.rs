//! What the demo says, beside what `gumshoe` prints itself.

use std::io::{IsTerminal, stdout};
use std::time::{Duration, Instant};

use gumshoe_devstack::stack::Part;

use crate::scene::Scene;

/// How long things take.
pub(crate) struct Clock {
    start: Instant,
    lap: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        let now = Instant::now();
        Self { start: now, lap: now }
    }

    /// Since the last lap.
    pub(crate) fn lap(&mut self) -> Duration {
        let now = Instant::now();
        now.duration_since(std::mem::replace(&mut self.lap, now))
    }

    /// Since the start.
    pub(crate) fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }
}

pub(crate) fn title(scene: &Scene) {
    let Scene { crashed, pods, events, server } = scene;
    heading("Gumshoe: why does the shop not work?");
    println!(
        "A recording of a Kubernetes {server} cluster: {pods} pods, {events} events. {}/{} keeps crashing.",
        crashed.namespace, crashed.pod
    );
}

pub(crate) fn step(number: u32, text: &str) {
    println!();
    heading(&format!("{number}. {text}"));
}

pub(crate) fn part(part: Part, place: &str, took: Duration) {
    let name = match part {
        Part::Kubernetes => "recorded Kubernetes API",
        Part::Queues => "SQS server",
        Part::Certificates => "certificates (gumshoe pki)",
        Part::Collector => "gumshoe-collector",
        Part::Bridge => "gumshoe-bridge, reading",
    };
    println!("   {:>6} ms  {name:<27} {place}", took.as_millis());
}

/// The command as it would be typed.
pub(crate) fn command(queries: &[String]) {
    let queries: Vec<String> = queries.iter().map(|query| format!("--query '{query}'")).collect();
    println!("   $ gumshoe run {}\n", queries.join(" \\\n                 "));
}

pub(crate) fn aside(text: &str) {
    if stdout().is_terminal() {
        println!("\x1b[2m   {text}\x1b[0m");
    } else {
        println!("   {text}");
    }
}

fn heading(text: &str) {
    if stdout().is_terminal() {
        println!("\x1b[1m{text}\x1b[0m");
    } else {
        println!("{text}");
    }
}
