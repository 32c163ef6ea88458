//! Reading logs: the newest lines are the newest, nothing is held without a bound, and what is missing is told.
//!
//! A call (`run`, `answer`) finds the pods (`pods`), plans what is read of each (`plan`), and merges the logs of their containers (`log`
//! around `source`), each of which reads its window by as many requests (`read`) as that takes. Below them are pure parts: `lines` takes
//! bodies apart, `moment` reads times, `filter` knows the expressions, `ring` holds the newest lines, `reorder` those that were followed,
//! `end` knows the end of a log again, `life` whether there will be more of it, `position` says where to go on, `output` and `page` encode,
//! `outcome` understands the kubelet's answers.

mod answer;
pub mod containers;
pub mod end;
pub mod filter;
mod left_out;
pub mod life;
pub mod limits;
pub mod lines;
mod log;
pub mod merge;
pub mod moment;
pub mod outcome;
mod output;
pub mod page;
mod plan;
mod pods;
pub mod position;
pub mod read;
mod reorder;
pub mod request;
pub mod ring;
pub mod run;
pub mod source;
mod token;
