//! What is the same for the list of every kind: whose namespaces, in what order, in pages of which size, how to go on, and
//! what is missing in the end.

pub mod collection;
pub mod page;
pub mod report;
pub mod scope;
pub mod stream;
pub mod token;
