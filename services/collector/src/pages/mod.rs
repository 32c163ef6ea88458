//! The pages of an answer, whatever they are of: cut, encoded, counted, on their way to a caller who may be slow, with a token to
//! go on behind each and a report at the end.

pub mod page;
pub mod report;
pub mod size;
pub mod stream;
pub mod token;
