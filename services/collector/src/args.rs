//! The command line of the collector.

use std::{net::SocketAddr, path::PathBuf};

use gumshoe_runtime::args::{AdminArgs, LimitArgs, LogArgs, ServerTlsArgs};

use crate::{kinds::ServedKind, kubernetes::names::Namespace};

/// Reads typed evidence from the Kubernetes API, read-only, and streams it over gRPC.
///
/// Callers need a client certificate of --tls-client-ca. In a cluster, the collector reads with the permissions of its
/// ServiceAccount: get and list on what it serves, get on pods/log; where it is granted, also get on namespaces. Beside that it asks for
/// the server's version and which of these it may (SelfSubjectAccessReview); its log warns of each that is missing. It changes nothing.
#[derive(Debug, clap::Parser)]
#[command(name = "gumshoe-collector", version)]
#[command(after_help = "\
Examples:
  gumshoe pki --out pki      # certificates for development
  gumshoe-collector --kubeconfig ~/.kube/config \\
    --tls-cert pki/collector.crt --tls-key pki/collector.key --tls-client-ca pki/ca.crt
  gumshoe get pods --server https://localhost:8443 \\
    --tls-cert pki/client.crt --tls-key pki/client.key --tls-ca pki/ca.crt")]
pub struct Args {
    /// Address of the gRPC port: TLS 1.3 with client certificates. Port 0 takes a free one, which the log names.
    #[arg(long, env = "GUMSHOE_LISTEN", value_name = "IP:PORT", default_value = "127.0.0.1:8443")]
    pub listen: SocketAddr,

    /// The kubeconfig with the cluster to read and the credentials to read with, in its current context.
    ///
    /// Without it, the collector reads the cluster that it runs in, as its ServiceAccount.
    #[arg(long, env = "GUMSHOE_KUBECONFIG", value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// The only namespaces to read, separated by commas; nothing outside them is ever read.
    ///
    /// A request that names no namespace then reads all of these. Without the flag, such a request is one list of the
    /// whole cluster, which needs a ClusterRole.
    #[arg(long, env = "GUMSHOE_NAMESPACES", value_name = "NAMESPACE", value_delimiter = ',', value_parser = namespace)]
    pub namespaces: Vec<Namespace>,

    /// The kinds that are served, separated by commas [default: all of them but secrets].
    ///
    /// Calls for any other are UNIMPLEMENTED (KIND_NOT_SERVED), and no permission is needed for it. Secrets are served only where they are named here, and
    /// without their values; but the permission to list them, which that needs, is the permission to read the values.
    #[arg(long, env = "GUMSHOE_KINDS", value_name = "KIND", value_delimiter = ',')]
    pub kinds: Vec<ServedKind>,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub admin: AdminArgs,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub tls: ServerTlsArgs,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub limits: LimitArgs,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub log: LogArgs,
}

impl Args {
    /// What is logged: of kube's own events none, unless the filter names them. It logs each failed request as an error, and
    /// answers with all that is in them; we log what a failure means.
    #[must_use]
    pub fn log(&self) -> LogArgs {
        LogArgs { filter: format!("kube_client=off,{}", self.log.filter) }
    }
}

fn namespace(text: &str) -> Result<Namespace, String> {
    Namespace::parse("namespace", text.trim()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::*;

    #[test]
    fn every_flag_is_also_an_environment_variable() {
        let command = Args::command();
        for flag in command.get_arguments().filter(|flag| !["help", "version"].contains(&flag.get_id().as_str())) {
            assert!(flag.get_env().is_some_and(|name| name.to_string_lossy().starts_with("GUMSHOE_")), "{flag:?}");
        }
    }

    #[test]
    fn events_of_kube_are_logged_only_where_the_filter_names_them() {
        let tls = ["--tls-cert=c", "--tls-key=k", "--tls-client-ca=ca"];
        let args = Args::try_parse_from(["gumshoe-collector"].into_iter().chain(tls).chain(["--log=debug"])).unwrap();
        assert_eq!(args.log().filter, "kube_client=off,debug");
    }
}
