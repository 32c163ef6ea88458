//! `make demo`: an investigation of a broken shop, from the SQS command to the result, with the shipped binaries and no cluster.

mod keep;
mod print;
mod scene;

use std::process::ExitCode;

use anyhow::{Context, ensure};
use clap::Parser;
use gumshoe_devstack::replay::Shop;
use gumshoe_devstack::stack::Stack;
use tokio::signal::unix::{SignalKind, signal};

use crate::print::Clock;
use crate::scene::Scene;

/// Starts a recorded Kubernetes API, SQS, the collector and the bridge, and sends one command through all of them
#[derive(Debug, Parser)]
#[command(name = "gumshoe-demo", version)]
struct Arguments {
    /// Leave everything running until Ctrl-C, and print what to try
    #[arg(long)]
    keep: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match demonstrate(&arguments).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("\nThe demo failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn demonstrate(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut interrupt = Interrupt::new()?;
    let mut stack = None;
    let shown = tokio::select! {
        shown = show(arguments, &mut stack) => shown.map(|()| ExitCode::SUCCESS),
        code = interrupt.came() => Ok(code),
    };
    // Whatever happened: nothing is left behind. What was not started yet ends with its handle.
    let stopped = match stack {
        Some(stack) => stop(stack).await,
        None => Ok(()),
    };
    let code = shown?;
    stopped.map(|()| code)
}

async fn show(arguments: &Arguments, place: &mut Option<Stack>) -> anyhow::Result<()> {
    let clock = Clock::start();
    let shop = Shop::recorded().context("read tests/fixtures/recorded")?;
    let scene = Scene::of(&shop)?;
    print::title(&scene);
    let stack = place.insert(start(shop).await?);
    let cli = stack.cli();
    let queries = scene.queries();
    print::step(2, "One command with four queries goes into the queue; its pages come back through the other");
    print::command(&queries);
    let mut command = cli.command(&["run", "--timeout", "30s"])?;
    let status = command.args(queries.iter().flat_map(|query| ["--query", query])).status().await?;
    ensure!(status.success(), "gumshoe run: {status}");
    print::aside(&format!("{:.1} s since the start", clock.seconds()));
    if arguments.keep {
        print::step(3, "Everything keeps running until Ctrl-C. To try:");
        keep::print(stack, &scene);
        std::future::pending::<()>().await;
    }
    Ok(())
}

async fn start(shop: Shop) -> anyhow::Result<Stack> {
    print::step(1, "Start the parts, each on a free port of 127.0.0.1");
    let mut clock = Clock::start();
    Stack::of(shop).start_watched(&mut |part, place| print::part(part, place, clock.lap())).await
}

async fn stop(stack: Stack) -> anyhow::Result<()> {
    let clock = Clock::start();
    let memory = |process: &Option<gumshoe_devstack::processes::Running>| {
        process
            .as_ref()
            .and_then(|process| process.memory().ok())
            .map_or("ended".to_owned(), |memory| memory.to_string())
    };
    let (collector, bridge) = (memory(&stack.collector), memory(&stack.bridge));
    stack.stop().await?;
    print::aside(&format!("collector: {collector}; bridge: {bridge}"));
    print::aside(&format!("all ended and removed in {:.1} s", clock.seconds()));
    Ok(())
}

/// Ctrl-C, or what a supervisor sends.
struct Interrupt {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Interrupt {
    fn new() -> anyhow::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// The code to end with: 128 + the signal, as shells count.
    async fn came(&mut self) -> ExitCode {
        let code = tokio::select! {
            _ = self.interrupt.recv() => 130,
            _ = self.terminate.recv() => 143,
        };
        println!();
        ExitCode::from(code)
    }
}
