//! What browsers and programs ask for over HTTP, and their WebSockets.

mod api;
mod requests;
mod web_socket;
