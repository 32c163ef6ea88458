//! Which namespaces a list covers.

use clap::Args;

/// The namespace where none is named, as in kubectl without a context.
pub(crate) const DEFAULT_NAMESPACE: &str = "default";

/// Which namespaces a list covers.
#[derive(Args, Clone, Debug)]
pub(crate) struct ScopeArgs {
    /// Namespace to read; repeat it or separate by commas for several [default: default]
    #[arg(short, long = "namespace", value_name = "NS", value_delimiter = ',', conflicts_with = "all_namespaces")]
    pub(crate) namespaces: Vec<String>,

    /// All namespaces: those of the collector's --namespaces, else every one
    #[arg(short = 'A', long)]
    pub(crate) all_namespaces: bool,
}

/// Where the objects of a kind are: [`ScopeArgs`], or [`NoScopeArgs`] where they are in no namespace.
pub(crate) trait Scope: Args {
    /// As list requests have it: empty means all; None where there are none.
    fn namespaces(&self) -> Option<Vec<String>>;
}

impl Scope for ScopeArgs {
    fn namespaces(&self) -> Option<Vec<String>> {
        Some(match (self.all_namespaces, self.namespaces.is_empty()) {
            (true, _) => Vec::new(),
            (false, true) => vec![DEFAULT_NAMESPACE.to_owned()],
            (false, false) => self.namespaces.clone(),
        })
    }
}

/// Of kinds that are in no namespace: kubectl takes these flags all the same, and so do the habits of those who type them.
#[derive(Args, Clone, Debug)]
pub(crate) struct NoScopeArgs {
    /// Of no meaning here
    #[arg(short, long, hide = true)]
    namespace: Option<String>,

    /// Of no meaning here
    #[arg(short = 'A', long, hide = true)]
    all_namespaces: bool,
}

impl Scope for NoScopeArgs {
    fn namespaces(&self) -> Option<Vec<String>> {
        None
    }
}
