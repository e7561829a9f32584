//! Drives the built program as people and scripts do: over sockets, pipes, files and terminals.

mod chat;
mod faulty_server;
mod harness;
mod operator;
mod process;

mod bench;
mod connect;
mod fuzz;
mod instructions;
mod readme;
mod store;
mod transcript;
mod web;
