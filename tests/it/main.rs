//! Drives the built program as people and scripts do: over sockets, pipes, files and terminals.

mod harness;

mod console;
mod entering;
mod limits;
mod process;
mod talking;
