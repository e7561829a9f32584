//! Goes on after a lost connection: in the same rooms, with what was missed.

use std::collections::HashMap;

use super::App;
use crate::chat::command::Command;
use crate::chat::policy::nick::fold;
use crate::client::protocol::event::RefusedLine;
use crate::client::protocol::positions::Missed;
use crate::client::protocol::sent::SentTo;
use crate::client::protocol::session::is_same;
use crate::client::ui::format;

/// What is known while rooms are entered again after a reconnect, and the keys that this may need.
#[derive(Debug, Default)]
pub struct ResumeState {
    /// The room that was the current one, and our nickname then.
    current: Option<String>,
    name: Option<String>,
    /// How many messages were missed, in the view on the screen and in the others.
    here: usize,
    elsewhere: usize,
    /// Whether there may be more than was sent.
    has_gap: bool,
    /// The rooms of which everything that arrived is known, by their folded names.
    whole: Vec<String>,
    /// The rooms for which a key was sent, by their folded names.
    tried: Vec<String>,
    /// The keys that were typed to enter rooms, by their folded names.
    keys: HashMap<String, String>,
}

impl ResumeState {
    /// The state for a new connection: keeps only the keys.
    pub fn reconnected(&mut self) -> Self {
        ResumeState { keys: std::mem::take(&mut self.keys), ..ResumeState::default() }
    }

    /// Remembers the key in a command that enters a room, or gives it one. `current` is the room of a command that names none.
    pub fn record_key(&mut self, command: &Command, current: &str) {
        let words: Vec<&str> = match command {
            Command::Join(rest) | Command::Follow(rest) | Command::Room(rest) => rest.split_whitespace().collect(),
            _ => return,
        };
        let (room, key) = match (command, &words[..]) {
            (Command::Room(_), ["key", key]) => (current, key),
            (Command::Room(_), [room, "key", key]) | (Command::Join(_) | Command::Follow(_), [room, key]) => {
                (*room, key)
            }
            _ => return,
        };
        self.keys.insert(fold(room.trim_start_matches('#')), (*key).to_owned());
    }
}

impl App {
    /// Asks the server for JSON, and to go on in the rooms of the last connection.
    pub(super) fn request_json(&mut self) {
        let is_back = self.session.name().is_some();
        let words = is_back.then(|| {
            let names: Vec<&str> = self.session.rooms().iter().map(|room| &*room.name).collect();
            self.positions.request(names[0], &names[1..])
        });
        self.note_place();
        self.outgoing.push(words.map_or("/json".into(), |words| format!("/json {words}")));
    }

    /// Remembers where we are and by which name, if we are.
    fn note_place(&mut self) {
        let name = self.session.name().map(str::to_owned);
        self.resume.current = name.as_ref().map(|_| self.session.room().to_owned());
        self.resume.name = name;
    }

    /// The server has taken over another state of its cluster: it enters our rooms again on the same connection.
    pub(super) fn enter_again(&mut self) {
        self.resume = self.resume.reconnected();
        self.note_place();
        self.session.expect_rooms();
        self.login.expect_entry();
    }

    /// A connection begins in this run of the server, or goes on in it.
    pub(super) fn begin_run(&mut self, run: &str) {
        let is_back = self.session.name().is_some();
        let rooms = is_back.then(|| self.session.rooms().iter().map(|room| &*room.name).collect());
        self.positions.begin(run, rooms);
    }

    /// Enters a room again that needs a key which the user has typed before; `false` if there is none.
    pub(super) fn answer_wrong_key(&mut self, refused: &RefusedLine) -> bool {
        let is_meant = self.positions.is_resuming() && &*refused.what == "wrong_key";
        let Some(room) = refused.room.as_deref().filter(|_| is_meant) else { return false };
        let (key, name) = (self.resume.keys.get(&fold(room)), fold(room));
        // Once on a connection: the key may have been changed.
        let Some(key) = key.filter(|_| !self.resume.tried.contains(&name)) else { return false };
        let is_current = self.resume.current.as_deref().is_some_and(|current| fold(current) == name);
        let word = if is_current { "join" } else { "follow" };
        self.outgoing.push(format!("/{word} {room} {key}"));
        self.resume.tried.push(name);
        self.positions.enter_as_new(room);
        self.login.sync_again(&mut self.outgoing);
        true
    }

    /// Shows what was missed in a room.
    pub(super) fn show_missed(&mut self, room: &str, missed: Missed) {
        let Missed { messages, gap, is_whole } = missed;
        let view = self.view_of(Some(room));
        if is_whole {
            self.resume.whole.push(fold(room));
        }
        for message in &messages {
            let is_former = self.resume.name.as_deref().is_some_and(|name| is_same(name, &message.name));
            if is_former || self.session.is_own_name(&message.name) {
                self.sent.arrived(&SentTo::room(room), &message.text);
            }
        }
        self.resume.has_gap |= gap;
        let is_here = self.views.active().1.id == view;
        *(if is_here { &mut self.resume.here } else { &mut self.resume.elsewhere }) += messages.len();
        let head = match (messages.len(), gap) {
            (0, false) => return,
            (0, true) => "Connected again. The server no longer has what was missed here.".to_owned(),
            (_, true) => "Connected again. More was missed than the server sends; this is the rest of it:".to_owned(),
            (1, false) => "Connected again. One message was missed:".to_owned(),
            (count, false) => format!("Connected again. {count} messages were missed:"),
        };
        self.show_line_in(view, format::client_message(&head));
        for message in &messages {
            self.show_message(view, message, true);
        }
    }

    /// Everything has come that was missed: tells what was not, and which lines of ours were lost.
    pub(super) fn catch_up(&mut self) {
        self.positions.caught_up();
        self.session.give_up_rooms();
        self.sync_views();
        match (self.resume.here, self.resume.elsewhere, self.resume.has_gap) {
            (0, 0, false) => self.show_local("Connected again. Nothing was missed."),
            (0, 1.., _) => self.show_local("Connected again. Messages were missed in other rooms."),
            _ => {}
        }
        for line in self.sent.take().collect::<Vec<_>>() {
            let is_lost = matches!(&line.to, SentTo::Room(room) if self.resume.whole.contains(room));
            let what = if is_lost { "Not delivered" } else { "Perhaps not delivered" };
            self.show_local(&format!("{what} (arrow up brings it back): {}", line.line));
            self.input.remember(&line.line);
        }
        self.resume = self.resume.reconnected();
    }
}
