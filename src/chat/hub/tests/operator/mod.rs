//! Tests of what the operator sees and decides for the whole server.

mod console;
mod motd;
mod reload;
