//! Reading logs: the newest lines are the newest, nothing is held without a bound, and what is missing is told.
//!
//! A call (`run`, `answer`) merges the logs of a pod's containers (`source`), each of which reads its window by as many
//! requests (`read`) as that takes. Below them are pure parts: `lines` takes bodies apart, `moment` reads times, `ring`
//! holds the newest lines, `end` knows the end of a log again, `life` whether there will be more of it, `position` says where
//! to go on, `page` encodes, `outcome` understands the kubelet's answers.

mod answer;
pub mod containers;
pub mod end;
pub mod life;
pub mod limits;
pub mod lines;
pub mod merge;
pub mod moment;
pub mod outcome;
pub mod page;
pub mod position;
pub mod read;
pub mod request;
pub mod ring;
pub mod run;
pub mod source;
mod token;
