//! The end of a simulation: nothing is left, and a new client can log in.

use std::time::Duration;

use chinwag::chat::ClientId;
use chinwag::server::connection::Connection;

use super::super::socket::Socket;
use super::output::assert_output;
use super::{CLIENTS, Kind, MAX_TURNS, Simulation};

impl Simulation {
    /// Lets all clients read, then end their input: no input or output may remain.
    pub fn end(&mut self) {
        for last in [false, true] {
            for slot in 0..CLIENTS {
                if let Some(connection) = &mut self.connections[slot] {
                    let socket = &mut connection.stream;
                    (socket.room, socket.piece) = (usize::MAX, usize::MAX);
                    socket.ended |= last;
                    self.hub.handle_writable(ClientId::new(slot));
                }
            }
            for _ in 0..MAX_TURNS {
                self.turn(usize::MAX);
                self.at += Duration::from_millis(500);
                let waiting = |connection: &Connection<Socket>| {
                    let socket = &connection.stream;
                    !socket.input.is_empty() || socket.ended || socket.broken || connection.has_more_input()
                };
                let waiting = !self.is_shut_down && self.connections.iter().flatten().any(waiting);
                // Clients with IRC may read joins and leaves with the summary for the others, which comes later.
                let is_read = |slot: usize| {
                    let is_plain = self.kinds[slot] == Kind::Plain;
                    self.connections[slot].is_none() || is_plain || self.hub.is_up_to_date(ClientId::new(slot))
                };
                let is_read = (0..CLIENTS).all(is_read);
                if !waiting && !self.hub.has_work() && is_read && self.is_shut_down == self.hub.is_ending() {
                    break;
                }
            }
            for slot in 0..CLIENTS {
                let id = ClientId::new(slot);
                let Some(connection) = &self.connections[slot] else { continue };
                assert!(self.hub.is_up_to_date(id), "slot {slot} is not written to");
                let is_cut_off = self.hub.is_cut_off(id);
                assert_output(self.kinds[slot], &connection.stream.output, !is_cut_off);
                let is_read = connection.stream.input.is_empty() && !connection.stream.ended;
                assert!(self.is_shut_down || is_read, "slot {slot} is not read from");
            }
        }
    }

    /// A new client must be able to log in to the empty server.
    pub fn check_login(&mut self) {
        if self.is_shut_down {
            return;
        }
        let mut connection = Connection::new(Socket::new(usize::MAX), 0);
        self.kinds[0] = Kind::Plain;
        connection.stream.input.extend(b"zoe-77\n");
        self.connections[0] = Some(connection);
        self.resumes[0] = Duration::ZERO;
        // A documentation address (RFC 5737): only a ban of a large network contains it.
        self.hub.handle_plain_connection(ClientId::new(0), ([192, 0, 2, 77], 7).into(), self.now());
        self.receive(0);
        self.write(usize::MAX);
        let greeting = self.connections[0].take().map(|connection| connection.stream.output).unwrap_or_default();
        let greeting = String::from_utf8_lossy(&greeting);
        let expected = ["1 here: you.", "当前1人", "operator", "管理员", "banned", "封禁"];
        assert!(expected.iter().any(|text| greeting.contains(text)), "the server is not empty: {greeting:?}");
    }
}
