//! `gumshoe pki`: certificates to try Gumshoe with.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use clap::Args;
use jiff::Timestamp;

use crate::{
    error::Error,
    exit::Exit,
    pki::{self, Authority, Leaf},
};

const EXAMPLES: &str = "\
Examples:
  gumshoe pki --out pki
  gumshoe pki --out pki --server-name collector.gumshoe.svc --force";

/// Long enough to try things out, short enough that nobody builds on it.
const DAYS: u16 = 30;

/// Make certificates for development
///
/// Writes ca.crt, and a .crt and .key each of collector (the server), bridge and client. The CA's own key is not kept, so nobody can
/// make more certificates of this CA; the next run makes a new CA. In production, take certificates from cert-manager, SPIRE or
/// whatever your organisation trusts.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PkiCommand {
    /// Directory for the files; made where it does not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// Further name or address that the collector is reached by, beside localhost, 127.0.0.1 and ::1; repeatable
    #[arg(long = "server-name", value_name = "NAME")]
    server_names: Vec<String>,

    /// Days until the certificates expire
    #[arg(long, value_name = "N", default_value_t = DAYS, value_parser = clap::value_parser!(u16).range(1..=365))]
    days: u16,

    /// Replace files that exist
    #[arg(long)]
    force: bool,
}

impl PkiCommand {
    /// Does it.
    pub(super) fn execute(&self) -> Result<Exit, Error> {
        let Self { out, server_names, days, force } = self;
        let lifetime = Duration::from_secs(u64::from(*days) * 24 * 60 * 60);
        let now = SystemTime::now();
        let authority = Authority::new(now, lifetime)?;
        let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        names.extend(server_names.iter().filter(|name| !is_local(name)).cloned());
        let leaves = [
            (authority.server("collector", &names)?, names.join(", ")),
            client(&authority, "bridge")?,
            client(&authority, "client")?,
        ];
        let mut files = vec![pki::certificate_file("ca", authority.certificate())];
        for (leaf, _) in &leaves {
            files.extend(leaf.files());
        }
        pki::write(out, &files, *force)?;
        print(out, &leaves, now + lifetime, *days);
        Ok(Exit::Complete)
    }
}

fn is_local(name: &str) -> bool {
    name == "localhost"
        || name.parse::<IpAddr>().is_ok_and(|address| ["127.0.0.1", "::1"].contains(&address.to_string().as_str()))
}

fn client(authority: &Authority, name: &str) -> Result<(Leaf, String), Error> {
    let spiffe_id = format!("spiffe://gumshoe.dev/{name}");
    Ok((authority.client(name, &spiffe_id)?, spiffe_id))
}

fn print(out: &Path, leaves: &[(Leaf, String)], until: SystemTime, days: u16) {
    let until = Timestamp::try_from(until).map(|until| until.strftime("%Y-%m-%d %H:%M UTC").to_string());
    println!(
        "{}: certificates for development only, valid {days} days, until {}",
        out.display(),
        until.unwrap_or_default()
    );
    println!("  ca.crt{:24}whom all parts trust", "");
    for (leaf, who) in leaves {
        println!("  {:<28}  {who}", format!("{0}.crt {0}.key", leaf.name()));
    }
    println!("The CA's key was not kept. Next:");
    let dir = out.display();
    println!("  export GUMSHOE_TLS_CERT={dir}/client.crt GUMSHOE_TLS_KEY={dir}/client.key GUMSHOE_TLS_CA={dir}/ca.crt");
    println!("  gumshoe get pods -A --server https://localhost:8443");
}
