//! A collector of a test's own: the shipped binary, with the rights that the chart gives it and no more.

use std::net::SocketAddr;
use std::path::Path;

use gumshoe_devstack::processes::{Cli, CollectorOptions, Running};
use gumshoe_integration::{Client, dynamic};

use super::bench::Bench;
use super::oracle::ended;

/// A running collector. It ends when this is dropped.
pub(crate) struct Collector {
    pub(crate) process: Running,
    pub(crate) address: SocketAddr,
    pub(crate) client: Client,
    pub(crate) cli: Cli,
}

impl Bench {
    /// One that may read all namespaces, and serves every kind.
    pub(crate) async fn collector(&self) -> Collector {
        self.collector_as(&self.wide, &[], vec![dynamic::every_kind()]).await
    }

    /// One with a Role in the namespaces of `Release::NARROW` alone, and these `--namespaces`.
    pub(crate) async fn narrow_collector(&self, namespaces: &[&str]) -> Collector {
        self.collector_as(&self.narrow, namespaces, Vec::new()).await
    }

    async fn collector_as(&self, kubeconfig: &Path, namespaces: &[&str], arguments: Vec<String>) -> Collector {
        let options = CollectorOptions {
            namespaces: namespaces.iter().map(|&name| name.to_owned()).collect(),
            arguments,
            ..CollectorOptions::new(kubeconfig.to_owned(), self.certificates.clone())
        };
        let mut process = options.start(&self.binaries).unwrap();
        let address = process.address("grpc").await.unwrap();
        process.ready().await.unwrap();
        let client = Client::new(address, &self.certificates);
        Collector { process, address, client, cli: Cli::new(self.binaries.clone(), &self.certificates, address) }
    }
}

impl Collector {
    /// What `gumshoe` prints into a file or a pipe, and how it ends.
    pub(crate) async fn bytes(&self, arguments: &[&str]) -> (Option<i32>, Vec<u8>, String) {
        let mut command = self.cli.command(arguments).unwrap();
        let output = ended(&mut command).await;
        (output.status.code(), output.stdout, String::from_utf8(output.stderr).unwrap())
    }

    /// What `gumshoe` prints; it must say that nothing is missing.
    pub(crate) async fn complete(&self, arguments: &[&str]) -> String {
        let (code, stdout, stderr) = self.bytes(arguments).await;
        assert_eq!(code, Some(0), "{arguments:?}: {stderr}");
        String::from_utf8(stdout).unwrap()
    }
}
