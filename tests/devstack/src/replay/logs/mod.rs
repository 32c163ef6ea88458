//! Container logs, as API server and kubelet answer together.

mod answer;
mod follow;
mod options;
mod window;

pub(super) use answer::read;
