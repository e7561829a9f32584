//! The operator's console: its session, its output, and what its owner needs to know for it.

use super::Hub;
use crate::chat::event::{Event, Notice};
use crate::chat::id::{ClientId, RoomId};
use crate::chat::session::SessionFlags;

impl Hub {
    /// Attaches a console: from now on lines are rendered for it, and [`ClientId::CONSOLE`] is its session. Does nothing
    /// if there is one, as after a handover.
    pub fn attach_console(&mut self) {
        if self.sessions.has_console() {
            return;
        }
        self.sessions.open_console();
        let operator = self.shared.members.insert_operator();
        self.shared.members[operator.slot].add_session(ClientId::CONSOLE);
        self.sessions[ClientId::CONSOLE].member = Some(operator.slot);
    }

    /// Sets whether the console is drawn on a screen. Then what the operator says is shown there, too, like every other message.
    /// Connections are not, so that a person who joins or leaves takes one line, which has the address; [`Hub::head_count`]
    /// tells how many there are.
    pub fn set_console_screen(&mut self, on: bool) {
        self.sessions[ClientId::CONSOLE].flags.set(SessionFlags::ECHO | SessionFlags::QUIET, on);
    }

    /// The console's input has ended; its output goes on.
    pub fn handle_console_end(&mut self) {
        self.fanout().send_to_console(&Event::Notice(Notice::Detached));
    }

    /// Tells the operator that `lines` lines of output were lost.
    pub fn handle_lost_console_output(&mut self, lines: u64) {
        self.fanout().send_to_console(&Event::Notice(Notice::Lost { lines }));
    }

    /// Takes the output for the console.
    pub fn poll_console_output(&mut self) -> Vec<u8> {
        let outbox = self.sessions.get_mut(ClientId::CONSOLE).and_then(|console| console.outbox.take());
        outbox.map(|mut outbox| outbox.take()).unwrap_or_default()
    }

    /// The bytes that [`Hub::poll_console_output`] would return.
    pub fn console_output_len(&self) -> usize {
        self.sessions.get(ClientId::CONSOLE).map_or(0, |console| console.private_bytes())
    }

    /// The nicknames of all members, in the order of the alphabet.
    pub fn nicknames(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.shared.members.iter().map(|(_, member)| &*member.name).collect();
        names.sort_unstable();
        names
    }

    /// The names of all rooms, those with members first.
    pub fn room_names(&self) -> Vec<&str> {
        let rooms = &self.shared.rooms;
        let in_memory = rooms.occupied().chain(rooms.empty()).map(|(_, room)| &*room.name);
        let lobby = Some(rooms.name(RoomId::LOBBY)).filter(|_| rooms[RoomId::LOBBY].members.is_empty());
        in_memory.chain(lobby).chain(rooms.stored().map(|room| &*room.name)).collect()
    }
}
