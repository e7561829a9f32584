//! What the operator's console is shown.

use super::Fanout;
use crate::chat::encoding::RoomLabel;
use crate::chat::event::{Event, Notice};
use crate::chat::id::{ClientId, Now, RoomId};
use crate::chat::session::SessionFlags;

impl Fanout<'_> {
    pub(super) fn begin_console_day(&mut self, time: &Now) {
        let today = time.local.date();
        if self.sessions.begin_console_day(today) {
            self.notice(ClientId::CONSOLE, Notice::Day(today));
        }
    }

    /// Whether there is a console.
    pub fn has_console(&self) -> bool {
        self.sessions.has_console()
    }

    /// Whether the console reads what the operator says, too.
    pub fn console_has_echo(&self) -> bool {
        self.sessions[ClientId::CONSOLE].has(SessionFlags::ECHO)
    }

    /// Whether the console shows who connects and disconnects.
    pub fn console_shows_connections(&self) -> bool {
        !self.sessions[ClientId::CONSOLE].has(SessionFlags::QUIET)
    }

    /// Shows the operator that a client has connected or disconnected, if there is a console that shows connections.
    pub fn send_connection_to_console(&mut self, notice: Notice) {
        if self.sessions.has_console() && self.console_shows_connections() {
            self.send_to_console(&Event::Notice(notice));
        }
    }

    /// Shows the operator an event, if there is a console.
    pub fn send_to_console(&mut self, event: &Event) {
        if self.sessions.has_console() {
            self.outbound.send_first(self.sessions, self.members, ClientId::CONSOLE, event, RoomLabel::None);
        }
    }

    /// Shows the operator an event of a room that is in the store alone, with the date if that is a new one.
    pub fn send_to_console_about(&mut self, room: &str, event: &Event, time: &Now) {
        if self.sessions.has_console() {
            self.begin_console_day(time);
            let label = RoomLabel::Followed(room);
            self.outbound.send_first(self.sessions, self.members, ClientId::CONSOLE, event, label);
        }
    }

    /// Shows the operator an event of a room, with the room's name unless it is the lobby.
    pub fn send_to_console_from(&mut self, room: RoomId, event: &Event) {
        if self.sessions.has_console() {
            let label =
                if room == RoomId::LOBBY { RoomLabel::None } else { RoomLabel::Followed(&self.rooms[room].name) };
            self.outbound.send_first(self.sessions, self.members, ClientId::CONSOLE, event, label);
        }
    }
}
