//! The operator at the console: is in no room, sees all rooms, and has commands that members do not have.

use time::Date;

use super::talk::Utterance;
use crate::chat::command::{Command, is_blank, split};
use crate::chat::config::Mode;
use crate::chat::event::{Event, Notice, People, Refusal};
use crate::chat::hub::Hub;
use crate::chat::id::Author;
use crate::chat::id::Now;
use crate::chat::id::RoomId;
use crate::chat::id::{ClientId, Session};
use crate::chat::input::Input;
use crate::chat::policy::nick::{Name, key_of};
use crate::chat::session::client::SessionStage;

/// The name of the operator; no client can take it.
pub const NAME: &str = "server";

/// The target of log lines that the console does not repeat, because it shows the same event itself.
pub const LOG: &str = "chinwag::operator";

/// The state of the operator's console.
#[derive(Default)]
pub struct Operator {
    /// Rendered output that the console has not taken yet.
    out: Vec<u8>,
    /// The date of the newest line.
    day: Option<Date>,
    /// The client that whispered to the operator last.
    whisperer: Option<(ClientId, Session)>,
}

impl Hub {
    /// Attaches a console: from now on lines are rendered for it.
    pub fn attach_console(&mut self) {
        self.operator = Some(Operator::default());
    }

    /// The console's input has ended; its output goes on.
    pub fn handle_console_end(&mut self) {
        self.send_to_operator(&Event::Notice(Notice::Detached));
    }

    /// Takes the output for the console.
    pub fn poll_console_output(&mut self) -> Vec<u8> {
        self.operator.as_mut().map(|operator| std::mem::take(&mut operator.out)).unwrap_or_default()
    }

    /// The bytes that [`Hub::poll_console_output`] would return.
    pub fn console_output_len(&self) -> usize {
        self.operator.as_ref().map_or(0, |operator| operator.out.len())
    }

    /// Tells the operator that `lines` lines of output were lost.
    pub fn handle_lost_console_output(&mut self, lines: u64) {
        self.send_to_operator(&Event::Notice(Notice::Lost { lines }));
    }

    /// Whether the server is in p2p mode: the operator talks to one client, and the server ends with it.
    pub fn is_p2p(&self) -> bool {
        self.config.mode == Mode::P2p
    }

    pub(in crate::chat::hub) fn send_to_operator(&mut self, event: &Event) {
        if let Some(operator) = &mut self.operator {
            self.renders.plain.render(event, &mut operator.out);
        }
    }

    /// Like [`Hub::begin_day`], for the console.
    pub(in crate::chat::hub) fn begin_operator_day(&mut self, now: Now) {
        let today = now.local.date();
        let day = self.operator.as_mut().and_then(|operator| operator.day.replace(today));
        if day.is_some_and(|day| day != today) {
            self.send_to_operator(&Event::Notice(Notice::Day(today)));
        }
    }

    /// Shows the operator an event of a room, with the room's name unless it is the lobby.
    pub(in crate::chat::hub) fn send_to_operator_from(&mut self, room: RoomId, event: &Event) {
        if self.operator.is_none() || room == RoomId::LOBBY {
            return self.send_to_operator(event);
        }
        let room = &self.rooms[room].name;
        let placed = |name: &str| format!("({room}) {name}");
        let (mut event, name) = match *event {
            Event::Said { name, .. } | Event::Action { name, .. } => (*event, placed(name)),
            Event::Notice(Notice::Joined { name, .. } | Notice::Left { name, .. }) => (*event, placed(name)),
            Event::Notice(Notice::Renamed { old, .. }) => (*event, placed(old)),
            event => (event, String::new()),
        };
        match &mut event {
            Event::Said { name: shown, .. } | Event::Action { name: shown, .. } => *shown = &name,
            Event::Notice(Notice::Joined { name: shown, .. } | Notice::Left { name: shown, .. }) => *shown = &name,
            Event::Notice(Notice::Renamed { old: shown, .. }) => *shown = &name,
            _ => {}
        }
        self.send_to_operator(&event);
    }

    /// Whether `name` is the operator's name and a console is attached.
    pub(in crate::chat::hub) fn is_operator(&self, name: &str) -> bool {
        self.operator.is_some() && key_of(name).is_some_and(|key| key == NAME)
    }

    pub(in crate::chat::hub) fn whisper_to_operator(&mut self, id: ClientId, text: &str, now: Now) {
        self.stats.whispers += 1;
        let (at, from) = (now.local, self.clients[id].name.clone());
        let session = self.clients[id].session;
        self.begin_day(self.clients[id].room, now);
        self.send_event(id, &Event::Whispered { at, to: NAME, text });
        if let Some(operator) = &mut self.operator {
            operator.whisperer = Some((id, session));
        }
        self.send_to_operator(&Event::Whisper { at, from: &from, text });
    }

    /// Whether the operator's next line may be given to [`Hub::operator_line`].
    pub(in crate::chat::hub) fn operator_may_speak(&self) -> bool {
        !self.backpressure && !self.has_unswept_backlog(RoomId::LOBBY) && self.may_disconnect()
    }

    /// Processes a line of the operator.
    pub(in crate::chat::hub) fn operator_line(&mut self, input: Input, now: Now) {
        let line = match input {
            Input::Line(line) => line,
            Input::TooLong => return self.refuse_operator(Refusal::TooLong { most: self.config.max_line }),
            Input::NotUtf8 => return self.refuse_operator(Refusal::NotUtf8),
        };
        match Command::parse(line) {
            Command::Nothing => {}
            Command::Say(text) if is_blank(text) => self.refuse_operator(Refusal::Usage("/say text")),
            Command::Say(text) => self.operator_says(text, false, now),
            Command::Action(text) if is_blank(text) => self.refuse_operator(Refusal::Usage("/me text")),
            Command::Action(text) => self.operator_says(text, true, now),
            Command::Whisper { to, text } => self.operator_whispers(to, text, now),
            Command::Reply(text) => self.operator_replies(text, now),
            Command::Who(room) => self.operator_who(room),
            Command::Rooms => self.send_room_list(|hub, notice| hub.send_to_operator(&Event::Notice(notice))),
            Command::Ping(text) => self.send_to_operator(&Event::Notice(Notice::Pong { text })),
            Command::Help => self.send_to_operator(&Event::Help { operator: true }),
            Command::Quit(_) if self.config.mode == Mode::P2p => self.ending = true,
            Command::Quit(_) => self.refuse_operator(Refusal::ConsoleDoesNotQuit),
            Command::Other(word, rest) => self.operator_command(word, rest, now),
            _ => {
                let word = split(line.trim_start_matches('/')).0;
                self.refuse_operator(Refusal::NoCommand { word });
            }
        }
    }

    fn operator_command(&mut self, word: &str, rest: &str, now: Now) {
        match word.to_ascii_lowercase().as_str() {
            "stats" => self.operator_stats(now),
            "kick" => self.kick(rest, now),
            "ban" => self.ban(rest, now),
            "bans" => self.list_bans(rest, now),
            "unban" => self.unban(rest, now),
            "mute" => self.mute(rest, now),
            "mutes" => self.list_mutes(rest, now),
            "unmute" => self.unmute(rest, now),
            "shutdown" => self.ending = true,
            _ => self.refuse_operator(Refusal::NoCommand { word }),
        }
    }

    pub(in crate::chat::hub) fn refuse_operator(&mut self, refusal: Refusal) {
        self.send_to_operator(&Event::Refusal(refusal));
    }

    fn operator_author(&self) -> Author {
        Author { session: Session::OPERATOR, name: self.name_hash(NAME) }
    }

    fn operator_says(&mut self, text: &str, action: bool, now: Now) {
        let said = Utterance { author: self.operator_author(), name: NAME, text, action };
        self.say_in_room(RoomId::LOBBY, said, None, now);
    }

    fn operator_whispers(&mut self, to: &str, text: &str, now: Now) {
        if to.is_empty() || is_blank(text) {
            return self.refuse_operator(Refusal::Usage("@name text"));
        }
        match self.find_by_nick(to) {
            Some(target) => self.operator_whispers_to(target, text, now),
            None => self.refuse_operator(Refusal::NoSuchMember { name: to }),
        }
    }

    fn operator_replies(&mut self, text: &str, now: Now) {
        let whisperer = self.operator.as_ref().and_then(|operator| operator.whisperer);
        let here = whisperer.filter(|&(id, session)| {
            self.clients.get(id).is_some_and(|client| client.session == session && client.stage == SessionStage::InRoom)
        });
        match here {
            _ if is_blank(text) => self.refuse_operator(Refusal::Usage("/r text")),
            Some((id, _)) => self.operator_whispers_to(id, text, now),
            None if whisperer.is_some() => self.refuse_operator(Refusal::WhispererLeft),
            None => self.refuse_operator(Refusal::NoWhisperYet),
        }
    }

    fn operator_whispers_to(&mut self, target: ClientId, text: &str, now: Now) {
        let to = self.clients[target].name.clone();
        self.begin_operator_day(now);
        self.send_to_operator(&Event::Whispered { at: now.local, to: &to, text });
        self.deliver_whisper(target, self.operator_author(), target, NAME, text, now);
    }

    /// Lists members with their addresses: in all rooms, or in one room.
    fn operator_who(&mut self, room: &str) {
        if !room.is_empty() {
            if let Some(room) = self.find_stored_typed(room).map(str::to_owned) {
                let people = People { here: 0, names: &[], you: false };
                return self.send_to_operator(&Event::Notice(Notice::PeopleIn { room: &room, people }));
            }
            return match self.rooms.find_typed(room) {
                Some(id) => self.operator_who_in(id),
                None if Name::room(room).is_err() => self.refuse_operator(Refusal::BadRoomName),
                None => self.refuse_operator(Refusal::NoRoom { room }),
            };
        }
        let occupied = self.rooms.occupied().map(|(id, _)| id).filter(|&id| id != RoomId::LOBBY);
        let rooms: Vec<RoomId> = std::iter::once(RoomId::LOBBY).chain(occupied).collect();
        let most = self.config.max_listed;
        for &id in rooms.iter().take(most) {
            self.operator_who_in(id);
        }
        if rooms.len() > most {
            self.send_to_operator(&Event::Notice(Notice::MoreRooms { rooms: rooms.len() - most }));
        }
    }

    fn operator_who_in(&mut self, id: RoomId) {
        let members = self.rooms[id].members.iter().take(self.config.max_listed).map(|&id| &self.clients[id]);
        let list: Vec<String> = members.map(|client| format!("{} {}", client.name, client.addr())).collect();
        let names: Vec<&str> = list.iter().map(String::as_str).collect();
        let people = People { here: self.rooms[id].members.len(), names: &names, you: false };
        let room = self.rooms[id].name.clone();
        self.send_to_operator(&Event::Notice(Notice::PeopleIn { room: &room, people }));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use time::{Date, Month, PrimitiveDateTime, Time};

    use super::*;
    use crate::chat::Lang;
    use crate::chat::config::Config;
    use crate::wire::plain::Plain;

    #[test]
    fn operator_sees_the_date_before_the_first_line_of_a_day() {
        let on = |day| {
            let date = Date::from_calendar_date(2026, Month::November, day).unwrap();
            Now { at: Duration::ZERO, local: PrimitiveDateTime::new(date, Time::MIDNIGHT).assume_utc() }
        };
        let mut hub = Hub::new(Config::default(), Box::new(Plain { lang: Lang::En }));
        hub.attach_console();
        for (slot, day) in [(0, 20), (1, 20), (2, 21)] {
            let id = ClientId::new(slot);
            hub.handle_plain_connection(id, ([127, 0, 0, 1], 1).into(), on(day));
            hub.handle_line(id, Input::Line(&format!("p{slot}")), on(day));
        }
        let shown = String::from_utf8(hub.poll_console_output()).unwrap();
        let lines: Vec<&str> = shown.lines().filter(|line| !line.contains("connected")).collect();
        assert_eq!(
            lines,
            ["* p0 joined (1 here)", "* p1 joined (2 here)", "* Saturday 21 November 2026", "* p2 joined (3 here)"]
        );
    }
}
