//! The arguments that `get` takes for a kind, and the request that they make.

use std::marker::PhantomData;

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches as _};
use gumshoe_proto::{
    collector::v1::View,
    methods::{GetRequest, Limit, ListRequest as _, Method as _},
    with_request,
};

use super::{Flags as _, Kind, scope::Scope as _};
use crate::page::Request;

/// Which objects of a kind. What stands in braces is put into the help of each kind.
#[derive(Args)]
struct ObjectArgs<K: Kind> {
    #[command(flatten)]
    name: K::Name,

    #[command(flatten)]
    scope: K::Scope,

    #[command(flatten)]
    flags: K::Flags,

    #[command(flatten)]
    selection: SelectionArgs,

    #[command(flatten)]
    view: ViewArgs,
}

/// What all lists can be narrowed by.
#[derive(Args, Clone, Debug)]
struct SelectionArgs {
    /// Labels that the {objects} must have, as in kubectl: app=web,tier!=db
    #[arg(short = 'l', long, value_name = "SELECTOR", default_value_t, hide_default_value = true)]
    selector: String,

    /// Fields that the {objects} must have, as in kubectl: {fields}
    #[arg(long, value_name = "SELECTOR", default_value_t, hide_default_value = true)]
    field_selector: String,

    /// Of the kind
    #[arg(long, value_name = "N")]
    limit: Option<i64>,
}

/// How much of each object is wanted.
#[derive(Args, Clone, Debug)]
struct ViewArgs {
    /// Names, labels and columns alone: no spec, no status, no data
    #[arg(long)]
    summary: bool,
}

/// Whether one object can be asked for by its name.
pub(crate) trait Name: Args {
    /// The request for the object that is named, if one is.
    fn request(self, namespaces: Option<&[String]>) -> Result<Option<Request>, String>;
}

impl Name for () {
    fn request(self, _: Option<&[String]>) -> Result<Option<Request>, String> {
        Ok(None)
    }
}

/// One object, by the request that reads it.
#[derive(Args)]
pub(crate) struct ByName<G: GetRequest> {
    /// One {object} by its name; all of the selection without it
    #[arg(conflicts_with_all = ["selector", "field_selector", "limit"])]
    name: Option<String>,

    #[arg(skip)]
    request: PhantomData<G>,
}

impl<G: GetRequest> Name for ByName<G> {
    fn request(self, namespaces: Option<&[String]>) -> Result<Option<Request>, String> {
        let Some(name) = self.name else { return Ok(None) };
        let namespace = match namespaces {
            None => "",
            Some([namespace]) => namespace,
            Some(_) => return Err("an object is in one namespace: name just one".to_owned()),
        };
        Ok(Some(G::default().naming(namespace, &name).into()))
    }
}

/// The arguments of a kind, as a subcommand.
pub(super) fn command<K: Kind>() -> Command {
    let names = K::NAMES;
    let command = ObjectArgs::<K>::augment_args(Command::new(names.plural));
    let summary = |arg: Arg| arg.hide(K::List::default().view_mut().is_none());
    let command = command.mut_arg("limit", limit::<K>).mut_arg("summary", summary).mut_args(fill_in::<K>);
    command.visible_alias(names.singular).visible_aliases(names.short)
}

/// Makes `--limit` that of the kind.
fn limit<K: Kind>(arg: Arg) -> Arg {
    let (default, max) = match K::List::limits() {
        Some(Limit { default, max }) => (default.to_string(), i64::try_from(max).unwrap_or(i64::MAX)),
        None => ("no limit".to_owned(), i64::MAX),
    };
    let help = format!("{} [default: {default}]", K::LIMIT);
    arg.help(help).value_parser(clap::value_parser!(i64).range(1..=max))
}

/// Makes the help of an argument one for the kind.
fn fill_in<K: Kind>(arg: Arg) -> Arg {
    let Some(help) = arg.get_help().map(ToString::to_string).filter(|help| help.contains('{')) else { return arg };
    let of_kind = help.replace("{object}", K::NAMES.singular).replace("{objects}", K::NAMES.plural);
    arg.help(of_kind.replace("{fields}", K::FIELDS))
}

/// What the arguments ask for, else how they contradict each other in a way that no definition of a flag can say.
pub(super) fn request<K: Kind>(matches: &ArgMatches) -> Result<Result<Request, String>, clap::Error> {
    ObjectArgs::<K>::from_arg_matches(matches).map(ObjectArgs::request)
}

impl<K: Kind> ObjectArgs<K> {
    fn request(self) -> Result<Request, String> {
        let Self { name, scope, flags, selection: SelectionArgs { selector, field_selector, limit }, view } = self;
        let namespaces = scope.namespaces();
        if let Some(get) = name.request(namespaces.as_deref())? {
            return view.applied(get);
        }
        let mut list = K::List::default();
        let selection = list.selection_mut();
        if let (Some(wanted), Some(namespaces)) = (selection.namespaces, namespaces) {
            *wanted = namespaces;
        }
        *selection.label_selector = selector;
        *selection.field_selector = field_selector;
        *selection.limit = limit.unwrap_or_default();
        flags.apply(&mut list);
        view.applied(list.into())
    }
}

impl ViewArgs {
    fn applied(self, mut request: Request) -> Result<Request, String> {
        if self.summary {
            let view = with_request!(&mut request, request => request.view_mut());
            *view.ok_or("of these objects there is no summary")? = View::Summary.into();
        }
        Ok(request)
    }
}
