//! What kubectl does and Gumshoe does not, and what to ask for instead. All texts are in these tables.

/// Why a line was not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is not a line of this language: a word is missing, or a value is none.
    #[error("{0}")]
    Syntax(String),
    /// It may be right for kubectl, but is no read that there is here; the text says what to ask for instead.
    #[error("{0}")]
    NotSupported(String),
}

impl Refusal {
    /// A stable name, UPPER_SNAKE_CASE, as errors carry it.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Syntax(_) => "KUBECTL_SYNTAX",
            Self::NotSupported(_) => "KUBECTL_NOT_SUPPORTED",
        }
    }
}

/// A flag of kubectl that no request has a field for.
#[derive(Debug)]
pub(crate) struct Foreign {
    pub long: &'static str,
    pub short: Option<char>,
    pub takes_value: bool,
    /// The verbs that have it; none are all.
    pub of: &'static [&'static str],
    pub means: Meaning,
}

/// What becomes of such a flag.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Meaning {
    /// It says only how an answer is printed.
    Presentation,
    /// The format, which may be presentation.
    Output,
    /// The text of a template, which is a format too.
    Template,
    /// Refused, with what to do instead.
    Refused(&'static str),
}

use Meaning::{Presentation, Refused, Template};

const fn switch(of: &'static [&'static str], long: &'static str, short: Option<char>, means: Meaning) -> Foreign {
    Foreign { long, short, takes_value: false, of, means }
}

const fn option(of: &'static [&'static str], long: &'static str, short: Option<char>, means: Meaning) -> Foreign {
    Foreign { long, short, takes_value: true, of, means }
}

const ALL: &[&str] = &[];
const GET: &[&str] = &["get"];
const TABLES: &[&str] = &["get", "events"];
const LOGS: &[&str] = &["logs"];

const CLUSTER: &str = "the collector has its own connection and rights; name another one in the query's `collector`";
const WATCH: &str = "an answer is what there is when it is read: ask again, or follow a log with `logs -f`";
const FILES: &str = "no files are read; name the kind and the object: get KIND NAME";
const TEMPLATE: &str = "an answer is the typed object and not a text made of it: pick the fields out of the page";
const NOTHING: &str = "there is nothing here that it could change: leave it out";

/// The flags of kubectl that are known, beside those that requests have.
pub(crate) const FLAGS: &[Foreign] = &[
    option(TABLES, "output", Some('o'), Meaning::Output),
    switch(GET, "show-labels", None, Presentation),
    switch(GET, "show-kind", None, Presentation),
    option(GET, "label-columns", Some('L'), Presentation),
    switch(TABLES, "no-headers", None, Presentation),
    switch(LOGS, "timestamps", None, Presentation),
    switch(LOGS, "prefix", None, Presentation),
    switch(TABLES, "watch", Some('w'), Refused(WATCH)),
    switch(GET, "watch-only", None, Refused(WATCH)),
    switch(GET, "output-watch-events", None, Refused(WATCH)),
    option(
        GET,
        "sort-by",
        None,
        Refused("answers are in the order of namespace and name, events newest first: sort the items of the pages"),
    ),
    option(TABLES, "template", None, Template),
    switch(TABLES, "allow-missing-template-keys", None, Refused(TEMPLATE)),
    switch(TABLES, "show-managed-fields", None, Refused("managed fields are not read: leave it out")),
    option(GET, "filename", Some('f'), Refused(FILES)),
    option(GET, "kustomize", Some('k'), Refused(FILES)),
    switch(GET, "recursive", Some('R'), Refused(FILES)),
    option(GET, "raw", None, Refused("paths of the Kubernetes API cannot be asked for; name the kind: get KIND")),
    option(GET, "subresource", None, Refused("an object is read as a whole, its status with it: leave it out")),
    switch(GET, "ignore-not-found", None, Refused("an object that is not there is the error NOT_FOUND: leave it out")),
    switch(GET, "server-print", None, Refused(NOTHING)),
    option(TABLES, "chunk-size", None, Refused("pages are cut by their bytes: leave it out; --limit bounds a list")),
    option(
        LOGS,
        "limit-bytes",
        None,
        Refused("it would keep the oldest bytes; --newest-bytes SIZE keeps the newest whole lines"),
    ),
    option(LOGS, "max-log-requests", None, Refused("the collector bounds its reads by itself: leave it out")),
    option(LOGS, "pod-running-timeout", None, Refused("a pod that does not run yet is told at once: leave it out")),
    switch(
        LOGS,
        "ignore-errors",
        None,
        Refused("a log that cannot be read is named, and the others are read: leave it out"),
    ),
    switch(LOGS, "insecure-skip-tls-verify-backend", None, Refused(CLUSTER)),
    option(ALL, "context", None, Refused(CLUSTER)),
    option(ALL, "cluster", None, Refused(CLUSTER)),
    option(ALL, "kubeconfig", None, Refused(CLUSTER)),
    option(ALL, "user", None, Refused(CLUSTER)),
    option(ALL, "server", Some('s'), Refused(CLUSTER)),
    option(ALL, "token", None, Refused(CLUSTER)),
    option(ALL, "username", None, Refused(CLUSTER)),
    option(ALL, "password", None, Refused(CLUSTER)),
    option(ALL, "proxy-url", None, Refused(CLUSTER)),
    option(ALL, "as", None, Refused(CLUSTER)),
    option(ALL, "as-group", None, Refused(CLUSTER)),
    option(ALL, "as-uid", None, Refused(CLUSTER)),
    option(ALL, "as-user-extra", None, Refused(CLUSTER)),
    option(ALL, "certificate-authority", None, Refused(CLUSTER)),
    option(ALL, "client-certificate", None, Refused(CLUSTER)),
    option(ALL, "client-key", None, Refused(CLUSTER)),
    option(ALL, "tls-server-name", None, Refused(CLUSTER)),
    switch(ALL, "insecure-skip-tls-verify", None, Refused(CLUSTER)),
    option(ALL, "request-timeout", None, Refused("the deadline of the command bounds every read: leave it out")),
    option(ALL, "v", Some('v'), Refused(NOTHING)),
    option(ALL, "vmodule", None, Refused(NOTHING)),
    option(ALL, "cache-dir", None, Refused(NOTHING)),
    option(ALL, "kuberc", None, Refused(NOTHING)),
    option(ALL, "log-flush-frequency", None, Refused(NOTHING)),
    switch(ALL, "match-server-version", None, Refused(NOTHING)),
    option(ALL, "profile", None, Refused(NOTHING)),
    option(ALL, "profile-output", None, Refused(NOTHING)),
    switch(ALL, "disable-compression", None, Refused(NOTHING)),
    switch(ALL, "warnings-as-errors", None, Refused(NOTHING)),
    switch(ALL, "help", Some('h'), Refused("docs/sqs.md says which words are understood")),
];

const INTO_PODS: &str =
    "nothing is run in pods, sent to them or connected with them; get pods NAME has their state, logs NAME their logs";
const WRITES: &str = "nothing is ever written; get KIND NAME reads an object as it is";
const CLIENT: &str = "it is about kubectl or the server and reads no objects; get, logs, events and topology do";

/// The verbs of kubectl that are known.
pub(crate) const VERBS: &[(&[&str], &str)] = &[
    (&["exec", "attach", "cp", "debug", "port-forward", "proxy", "run"], INTO_PODS),
    (
        &[
            "apply",
            "create",
            "delete",
            "edit",
            "replace",
            "patch",
            "set",
            "scale",
            "autoscale",
            "expose",
            "label",
            "annotate",
            "cordon",
            "uncordon",
            "drain",
            "taint",
            "certificate",
        ],
        WRITES,
    ),
    (&["describe"], "get KIND NAME has all that describe shows, but for the events: events --for KIND/NAME"),
    (&["top"], "metrics are not read; requests and limits are in the spec: get pods, get nodes"),
    (&["rollout"], "how far a rollout is stands in the object: get deployments NAME"),
    (&["wait"], "an answer is what there is when it is read: ask again with get KIND NAME"),
    (&["diff", "kustomize"], "no files are read; get KIND NAME reads an object as it is"),
    (&["auth"], "rights are not asked for; what may not be read is named in each answer"),
    (
        &[
            "api-resources",
            "api-versions",
            "cluster-info",
            "completion",
            "config",
            "explain",
            "help",
            "options",
            "plugin",
            "version",
            "kuberc",
        ],
        CLIENT,
    ),
];

/// Formats that are texts made of an object, by how they begin.
const TEXTS: [&str; 9] = [
    "jsonpath",
    "go-template",
    "template",
    "custom-columns",
    "jsonpath-file",
    "jsonpath-as-json",
    "go-template-file",
    "templatefile",
    "custom-columns-file",
];

/// Formats that are the whole object.
const FULL: [&str; 3] = ["json", "yaml", "kyaml"];

/// Words for kinds that `get` takes and that are none, or that are not read.
const NO_KINDS: &[(&[&str], &str)] = &[(
    &["all"],
    "`all` is some kinds and not all: ask for each in a query of its own: get pods, get services, get deployments",
)];

const SECRETS: &str = "the values of secrets are never read, in no format; get secrets has their names, types and how many keys they have";

/// Refuses what the verb cannot do.
pub(crate) fn verb(verb: &str) -> Refusal {
    let known = VERBS.iter().find(|(verbs, _)| verbs.contains(&verb));
    Refusal::NotSupported(match known {
        Some((_, instead)) => format!("`{verb}` is not supported: {instead}"),
        None => format!("{verb:?} is no verb that is understood: get, logs, events and topology are"),
    })
}

/// Refuses a flag.
pub(crate) fn flag(written: &str, instead: &str) -> Refusal {
    Refusal::NotSupported(format!("`{written}` is not supported: {instead}"))
}

/// Refuses a kind that is not read.
pub(crate) fn kind(word: &str, read: impl Iterator<Item = &'static str>) -> Refusal {
    let lower = word.to_ascii_lowercase();
    let known = NO_KINDS.iter().find(|(words, _)| words.contains(&lower.as_str()));
    Refusal::NotSupported(match known {
        Some((_, instead)) => format!("`get {lower}` is not supported: {instead}"),
        None => format!("{word:?} is no kind that is read; these are: {}", read.collect::<Vec<_>>().join(", ")),
    })
}

/// Refuses a kind that has its name with one that is read, and not its group.
pub(crate) fn group(word: &str, plural: &str) -> Refusal {
    Refusal::NotSupported(format!("{word:?}: no {plural} of that group are read"))
}

/// What a format is.
pub(crate) enum Output {
    /// It changes how an answer is printed, and nothing of what is read.
    Presentation,
    /// The names of the objects alone.
    Names,
}

/// Says what a format is, if it is one of a list of this kind.
pub(crate) fn output(format: &str, kind: &str) -> Result<Output, Refusal> {
    // Behind the `=` is what the text is made of.
    let begins = format.split('=').next().unwrap_or_default();
    let is_text = TEXTS.contains(&begins);
    match format {
        "name" => Ok(Output::Names),
        "" | "wide" => Ok(Output::Presentation),
        // All of these hold values, or can.
        _ if kind == "secret" && (is_text || FULL.contains(&format)) => {
            Err(flag(&format!("get secrets -o {begins}"), SECRETS))
        }
        full if FULL.contains(&full) => Ok(Output::Presentation),
        _ if is_text => Err(flag(&format!("-o {begins}"), TEMPLATE)),
        other => Err(Refusal::Syntax(format!("-o {other:?} is no format of kubectl's"))),
    }
}
