//! What can go wrong in this crate, and what the user is told about it.

use std::{io, path::PathBuf};

use gumshoe_runtime::{errors::code_name, tls::TlsError};
use tonic::{Code, Status};

use crate::exit::Exit;

/// Why a command failed. `Display` never prints the source: the report prints the chain.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The command line asks for something that cannot be.
    #[error("{0}")]
    Usage(String),
    /// A TLS file cannot be used.
    #[error("the TLS files cannot be used")]
    Tls(#[from] TlsError),
    /// The collector answered with an error, or could not be reached.
    #[error("{} from {server}", code_name(.status.code()))]
    Call {
        /// Whom we asked.
        server: String,
        /// What came.
        status: Box<Status>,
    },
    /// Our own output could not be written.
    #[error("standard output cannot be written")]
    Output(#[from] io::Error),
    /// A file that the command line names.
    #[error("{doing} {} failed", path.display())]
    File {
        /// `reading`, `writing`.
        doing: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Files that would be overwritten.
    #[error("these files exist: {0}")]
    Exists(String),
    /// A certificate could not be made.
    #[error("making certificates failed")]
    Certificates(#[from] rcgen::Error),
    /// A call to SQS failed.
    #[error("{doing} failed: {what}")]
    Queue {
        /// `sending the command`, `receiving results`.
        doing: &'static str,
        /// The error's code and message.
        what: String,
    },
    /// The answer is larger than the user allowed.
    #[error("the results hold more than {0} bytes")]
    TooLarge(u64),
}

impl Error {
    /// The code that the process ends with.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Call { status, .. } if status.code() == Code::NotFound => Exit::NotFound,
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::ClosedPipe,
            Self::Call { .. }
            | Self::Tls(_)
            | Self::Output(_)
            | Self::File { .. }
            | Self::Exists(_)
            | Self::Certificates(_)
            | Self::Queue { .. }
            | Self::TooLarge(_) => Exit::Failed,
        }
    }
}
