//! `gumshoe topology`: what belongs together, straight from a collector.

use clap::{Args, ValueEnum};
use gumshoe_kubectl::Topology;

use super::{Direct, Output};
use crate::{
    error::Error,
    exit::{self, Exit},
    render::Format,
};

const EXAMPLES: &str = "\
Examples:
  gumshoe topology deploy/web -n shop              the deployment, its pods, what leads to them and what they need
  gumshoe topology pod/web-0 -n shop --depth 2     only what is near
  gumshoe topology node/node-1                     the pods on a node
  gumshoe topology --label namespace=shop --label deployment=web
                                                   from the labels of an alert";

/// Draw what belongs together with an object
///
/// The walk goes both ways: to owners and what they own, to services that select pods, their endpoint slices and ingresses, to the pods'
/// nodes, claims, ConfigMaps and Secrets (whether they exist, nothing of their content), and to autoscalers. What is missing is
/// flagged; what many share, such as a node, is shown and not followed.
#[derive(Args, Clone, Debug)]
#[command(after_help = format!("{EXAMPLES}\n\n{}", exit::codes(exit::NAMED)))]
pub(crate) struct TopologyCommand {
    #[command(flatten)]
    query: Topology,

    #[command(flatten)]
    direct: Direct<TreeArgs>,
}

#[derive(Args, Clone, Copy, Debug)]
struct TreeArgs {
    /// How the answer is printed
    #[arg(short, long, value_enum, default_value_t = Shape::Tree)]
    output: Shape,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shape {
    /// A tree
    Tree,
    /// One document of canonical proto3 JSON, with `completeness` at its end
    Json,
    /// One such object a page
    Jsonl,
}

impl TopologyCommand {
    /// Does it.
    pub(super) async fn execute(&self) -> Result<Exit, Error> {
        self.direct.execute(&self.query.request(), false).await
    }
}

impl Output for TreeArgs {
    fn format(&self) -> Format {
        match self.output {
            Shape::Tree => Format::Human { wide: false, timestamps: false },
            Shape::Json => Format::Json,
            Shape::Jsonl => Format::JsonLines,
        }
    }
}
