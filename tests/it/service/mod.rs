//! The server as a service: what it tells the service manager, and the sockets that it is passed.

mod activation;
mod container;
mod notify;
mod package;
mod system;
mod units;
