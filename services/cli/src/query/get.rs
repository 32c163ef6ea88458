//! `get KIND`, for every kind that there is.

use clap::{ArgMatches, Args, Command, FromArgMatches, Subcommand, error::ErrorKind};

use crate::{
    kinds::{Entry, KINDS},
    page::Request,
};

/// `get KIND`, with the arguments that stand beside those of the kind.
#[derive(Clone, Debug)]
pub(crate) struct Get<A> {
    /// The collector's request, else how the arguments contradict each other.
    pub(crate) request: Result<Request, String>,
    /// What stands beside.
    pub(crate) beside: A,
}

impl<A: Args> Subcommand for Get<A> {
    fn augment_subcommands(command: Command) -> Command {
        command.subcommands(KINDS.iter().map(|kind| A::augment_args((kind.command)()).about(kind.about)))
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        find(name).is_some()
    }
}

impl<A: Args> FromArgMatches for Get<A> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let found = matches.subcommand().and_then(|(name, matches)| Some((find(name)?, matches)));
        let (kind, matches) =
            found.ok_or_else(|| clap::Error::raw(ErrorKind::MissingSubcommand, "a kind is needed"))?;
        Ok(Self { request: (kind.request)(matches)?, beside: A::from_arg_matches(matches)? })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn find(name: &str) -> Option<&'static Entry> {
    KINDS.iter().find(|kind| kind.names.plural == name)
}
