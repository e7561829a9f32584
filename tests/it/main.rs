//! Integration tests: drive the built program over sockets, pipes, files and terminals.

mod chat;
mod cluster;
mod faulty_server;
mod harness;
mod operator;
mod process;

mod accounts;
mod bench;
mod connect;
mod fuzz;
mod instructions;
pub mod irc;
mod manual;
mod nats;
mod service;
mod store;
mod tls;
mod transcript;
mod upgrade;
mod web;
