//! The arguments that `get` takes for a kind, and the request that they make.

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches as _, builder::NonEmptyStringValueParser};
use gumshoe_proto::{
    collector::v1::View,
    methods::{Limit, Method as _},
    with_request,
};

use crate::{
    Request,
    kinds::Kind,
    scope::{NoScopeArgs, ScopeArgs},
};

/// One object. What stands in braces is put into the help of each kind.
#[derive(Args, Clone, Debug)]
struct NameArgs {
    /// One {object} by its name; all of the selection without it
    #[arg(conflicts_with_all = ["selector", "field_selector", "limit"], value_parser = NonEmptyStringValueParser::new())]
    name: Option<String>,
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
    /// Metadata and columns alone: no spec, no status, no data
    #[arg(long)]
    summary: bool,
}

impl Kind {
    /// Its arguments, as a subcommand.
    pub(crate) fn command(&self) -> Command {
        let names = self.names();
        let command = NameArgs::augment_args(Command::new(names.plural));
        let command =
            if self.is_namespaced() { ScopeArgs::augment_args(command) } else { NoScopeArgs::augment_args(command) };
        // A filter beside a name would be ignored; what a switch means beside one, `switch` of the kind says.
        let beside_name = |flag: &Arg| match flag.get_action().takes_values() {
            true => flag.clone().conflicts_with("name"),
            false => flag.clone(),
        };
        let flags = (self.flags)(Command::new(names.plural));
        let command = flags.get_arguments().map(beside_name).fold(command, Command::arg);
        let command = ViewArgs::augment_args(SelectionArgs::augment_args(command));
        let summary = |arg: Arg| arg.hide(!self.has_view());
        let command = command.mut_arg("limit", |arg| self.limit_arg(arg)).mut_arg("summary", summary);
        let command = command.mut_args(|arg| self.fill_in(arg));
        let command = if self.listed { command } else { without_lists(command) };
        let command = if names.singular == names.plural { command } else { command.visible_alias(names.singular) };
        command.visible_aliases(names.short)
    }

    /// What the arguments ask for, else how they contradict each other in a way that no definition of a flag can say.
    pub(crate) fn request(&self, matches: &ArgMatches) -> Result<Result<Request, String>, clap::Error> {
        let view = ViewArgs::from_arg_matches(matches)?;
        let namespaces = match self.is_namespaced() {
            true => Some(ScopeArgs::from_arg_matches(matches)?.namespaces()),
            false => None,
        };
        let request = match NameArgs::from_arg_matches(matches)?.name {
            Some(name) => self.named(namespaces.as_deref(), &name),
            None => Ok(self.selected(namespaces, SelectionArgs::from_arg_matches(matches)?, matches)?),
        };
        match request {
            Ok(mut request) => {
                (self.switch)(&mut request, matches)?;
                Ok(view.applied(request))
            }
            wrong => Ok(wrong),
        }
    }

    fn named(&self, namespaces: Option<&[String]>, name: &str) -> Result<Request, String> {
        match namespaces {
            None => Ok((self.get)("", name)),
            Some([namespace]) => Ok((self.get)(namespace, name)),
            Some(_) => Err("an object is in one namespace: name just one".to_owned()),
        }
    }

    fn selected(
        &self,
        namespaces: Option<Vec<String>>,
        selection: SelectionArgs,
        matches: &ArgMatches,
    ) -> Result<Request, clap::Error> {
        let SelectionArgs { selector, field_selector, limit } = selection;
        let mut request = (self.list)(matches)?;
        if let Some(list) = with_request!(&mut request, request => request.as_list_mut()) {
            if let (Some(wanted), Some(namespaces)) = (list.namespaces, namespaces) {
                *wanted = namespaces;
            }
            (*list.label_selector, *list.field_selector) = (selector, field_selector);
            *list.limit = limit.unwrap_or_default();
        }
        Ok(request)
    }

    /// Whether its objects are in namespaces.
    fn is_namespaced(&self) -> bool {
        with_request!((self.get)("", ""), request => request.as_get().is_some_and(|(namespace, _)| namespace.is_some()))
    }

    /// Whether it can be chosen how much of an object is given.
    pub(crate) fn has_view(&self) -> bool {
        with_request!(&mut (self.get)("", ""), request => request.view_mut().is_some())
    }

    /// Makes `--limit` that of the kind.
    fn limit_arg(&self, arg: Arg) -> Arg {
        let (default, max) = match (self.limits)() {
            Some(Limit { default, max }) => (default.to_string(), i64::try_from(max).unwrap_or(i64::MAX)),
            None => ("no limit".to_owned(), i64::MAX),
        };
        let help = format!("{} [default: {default}]", self.limit);
        arg.help(help).value_parser(clap::value_parser!(i64).range(1..=max))
    }

    /// Makes the help of an argument one for the kind.
    fn fill_in(&self, arg: Arg) -> Arg {
        let Some(help) = arg.get_help().map(ToString::to_string).filter(|help| help.contains('{')) else { return arg };
        let names = self.names();
        let of_kind = help.replace("{object}", names.singular).replace("{objects}", names.plural);
        arg.help(of_kind.replace("{fields}", self.text.fields))
    }
}

/// Takes from a command what narrows lists, and wants a name.
fn without_lists(command: Command) -> Command {
    let hidden = ["selector", "field_selector", "limit"];
    let command = hidden.iter().fold(command, |command, id| command.mut_arg(id, |arg| arg.hide(true)));
    command.mut_arg("name", |arg| arg.required(true))
}

impl ViewArgs {
    fn applied(&self, mut request: Request) -> Result<Request, String> {
        if self.summary {
            let view = with_request!(&mut request, request => request.view_mut());
            *view.ok_or("of these objects there is no summary")? = View::Summary.into();
        }
        Ok(request)
    }
}
