//! The server's side of the store: the writer of records, and the queries of members.

mod query;
mod query_step;
mod unwritten;
pub mod writer;
