//! How the bridge is started.

use super::binaries::Binaries;
use super::certificates::{Certificates, Identity};
use super::running::Running;

/// The bridge's flags.
#[derive(Debug, Clone)]
pub struct BridgeOptions {
    /// The URL of the queue it takes commands from.
    pub command_queue: String,
    /// Names and URLs of the queues it answers to; the first is the default.
    pub result_queues: Vec<(String, String)>,
    /// Names and origins of the collectors; the first is the default.
    pub collectors: Vec<(String, String)>,
    /// Its identity and the CA of the collectors.
    pub certificates: Certificates,
    /// Where it finds SQS, in the variables of the SDK's own chain.
    pub environment: Vec<(String, String)>,
    /// More arguments.
    pub arguments: Vec<String>,
}

impl BridgeOptions {
    /// Starts the shipped binary.
    ///
    /// # Errors
    /// It was not built, or cannot be run.
    pub fn start(&self, binaries: &Binaries) -> anyhow::Result<Running> {
        let Self { command_queue, result_queues, collectors, certificates, environment, arguments } = self;
        let mut command = binaries.command("gumshoe-bridge")?;
        command.arg("--command-queue").arg(command_queue).args(["--admin-listen", "127.0.0.1:0"]);
        for (name, url) in result_queues {
            command.arg("--result-queue").arg(format!("{name}={url}"));
        }
        for (name, origin) in collectors {
            command.arg("--collector").arg(format!("{name}={origin}"));
        }
        command.arg("--tls-cert").arg(certificates.certificate(Identity::Bridge));
        command.arg("--tls-key").arg(certificates.key(Identity::Bridge));
        command.arg("--tls-ca").arg(certificates.ca());
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        Running::spawn("gumshoe-bridge", command.args(arguments))
    }
}
