//! Which namespaces a list covers.

use clap::{Args, builder::NonEmptyStringValueParser};

/// The namespace where none is named, as in kubectl without a context.
pub(crate) const DEFAULT_NAMESPACE: &str = "default";

/// Which namespaces a list covers.
#[derive(Args, Clone, Debug)]
pub(crate) struct ScopeArgs {
    /// Namespace to read; repeat it or separate by commas for several [default: default]
    #[arg(short, long = "namespace", value_name = "NS", value_delimiter = ',', conflicts_with = "all_namespaces")]
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    namespaces: Vec<String>,

    /// All namespaces: those of the collector's --namespaces, else every one
    #[arg(short = 'A', long)]
    all_namespaces: bool,
}

impl ScopeArgs {
    /// As list requests have it: empty means all.
    pub(crate) fn namespaces(self) -> Vec<String> {
        match (self.all_namespaces, self.namespaces.is_empty()) {
            (true, _) => Vec::new(),
            (false, true) => vec![DEFAULT_NAMESPACE.to_owned()],
            (false, false) => self.namespaces,
        }
    }
}

/// Reads the namespace of what is in one alone.
pub(crate) fn one(text: &str) -> Result<String, &'static str> {
    if text.is_empty() || text.contains(',') { Err("just one namespace is needed") } else { Ok(text.to_owned()) }
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
