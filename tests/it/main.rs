//! Drives the built program as people and scripts do: over sockets, pipes, files and terminals.

mod faulty_server;
mod harness;

mod archive;
mod attacks;
mod bench;
mod chinese;
mod connect;
mod console;
mod descriptors;
mod entering;
mod foreign;
mod fuzz;
mod hangup;
mod ignoring;
mod instructions;
mod leaving;
mod limits;
mod log;
mod moderation;
mod muting;
mod p2p;
mod pace;
mod process;
mod readme;
mod rooms;
mod signals;
mod store;
mod summary;
mod talking;
mod telnet;
mod terminal;
mod transcript;
mod waiting;
mod web;
