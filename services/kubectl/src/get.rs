//! `get KIND`, for every kind that there is.

use clap::{ArgMatches, Args, Command, FromArgMatches, Subcommand, error::ErrorKind};

use crate::{
    Request,
    kinds::{KINDS, Kind},
};

/// `get KIND`, with the arguments that stand beside those of the kind.
#[derive(Clone, Debug)]
pub struct Get<A> {
    /// The collector's request, else how the arguments contradict each other.
    pub request: Result<Request, String>,
    /// What stands beside.
    pub beside: A,
}

impl<A: Args> Subcommand for Get<A> {
    fn augment_subcommands(command: Command) -> Command {
        command.subcommands(KINDS.iter().map(|kind| A::augment_args(kind.command()).about(kind.text.about)))
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
        Ok(Self { request: kind.request(matches)?, beside: A::from_arg_matches(matches)? })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn find(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.names().plural == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands beside, and does not speak for the kind.
    #[derive(Args)]
    struct Beside {
        /// A flag
        #[arg(long)]
        _flag: bool,
    }

    #[test]
    fn help_says_of_each_kind_what_it_is() {
        let command = Get::<Beside>::augment_subcommands(Command::new("get"));
        for kind in KINDS {
            let found = command.find_subcommand(kind.names().plural).and_then(Command::get_about);
            assert_eq!(found.map(ToString::to_string).as_deref(), Some(kind.text.about));
        }
    }
}
