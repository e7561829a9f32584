//! Password hashing in a child process, since one hash takes longer than a turn of the event loop may take.
//!
//! The server starts this program again with the hidden command `hash-passwords` and speaks with it over a socket.
//! [`hasher`] is the server's side: it queues, starts the child again and gives up. [`process`] is one child and its
//! socket, [`protocol`] what is sent, [`child`] the child's side, [`argon2id`] what it computes.

mod argon2id;
pub mod child;
pub mod hasher;
mod process;
mod protocol;
#[cfg(test)]
mod tests;

pub use hasher::Hasher;
pub use process::HasherCommand;
