//! Handles the events of a chinwag server.

use super::App;
use crate::chat::{Notice, Now, Topic};
use crate::client::protocol::entry::EventAction;
use crate::client::protocol::event::{RoomEntry, ServerEvent};
use crate::client::protocol::positions::{Arrival, HistoryEnd};
use crate::client::protocol::sentences::{self, sentence};
use crate::client::protocol::session::LoginStage;
use crate::client::ui::format;
use crate::client::views::ViewTarget;
use crate::terminal::screen::view::{ScreenChange, ViewId};
use crate::wire::sanitize::clean;

/// What the client adds to the server's `/help`.
const CLIENT_HELP: [&str; 3] = [
    "In this client there are also:",
    "/go room, /go @name           show a room you are in, or a conversation; Alt-1 to Alt-9, too",
    "/close                        end the conversation; /leave in a followed room ends following it",
];

impl App {
    /// Handles an event.
    pub(super) fn handle_event(&mut self, event: &ServerEvent, now: Now) {
        if let ServerEvent::Hello { run, .. } = event {
            if self.session.stage() == LoginStage::LoggedIn {
                self.enter_again();
            }
            self.begin_run(run);
        }
        let words = sentence(event, &self.session);
        let left = self.session.room().to_owned();
        self.session.update(event);
        if let ServerEvent::Pong { text } = event
            && self.lag.handle_pong(text, now.at)
        {
            return self.sent.ponged();
        }
        let action = self.login.process_event(event, &self.session, now.at, &mut self.outgoing);
        self.update_editor();
        self.update_rooms(event, &left);
        match action {
            EventAction::Show => self.show_event(event, words),
            EventAction::Hide => {}
            EventAction::TellTaken => {
                let name = self.session.name().unwrap_or_default();
                let text = format!(
                    "{name} is still taken, perhaps by the connection that was lost. The client keeps trying; or type another nickname."
                );
                self.show_local(&text);
            }
            EventAction::CaughtUp => self.catch_up(),
        }
        self.update_draft(event);
    }

    /// Updates positions and views after a room was entered or left; `before` is the room that was the current one.
    fn update_rooms(&mut self, event: &ServerEvent, before: &str) {
        match event {
            ServerEvent::Entered { entry, .. } | ServerEvent::Room(entry) => {
                if !self.positions.is_resuming() && !self.session.is_current(before) {
                    self.positions.leave(before);
                }
                self.positions.enter(&entry.room);
                // Back in another room: what is being typed was meant for the former one.
                if self.positions.is_resuming() && !self.session.is_current(before) && self.views.active().0 == 0 {
                    self.put_line_aside();
                }
            }
            ServerEvent::Following(entry) if self.session.is_in(&entry.room) => self.positions.enter(&entry.room),
            ServerEvent::Unfollowed { room } | ServerEvent::Removed { room, .. } => self.positions.leave(room),
            ServerEvent::Renamed { old, new, .. } => return self.views.rename(old, new),
            ServerEvent::Read { room, .. } => return self.views.read(room),
            _ => return,
        }
        self.sync_views();
        if let ServerEvent::Room(_) = event
            && !self.positions.is_resuming()
        {
            self.show_entered_room();
        }
    }

    /// Puts the room that was entered on the screen, if the user has asked for that, or is looking at a room.
    fn show_entered_room(&mut self) {
        let is_expected = std::mem::take(&mut self.expects_room);
        let (place, view) = self.views.active();
        if is_expected || matches!(view.target, ViewTarget::Room(_)) && place > 0 {
            self.select_view(ViewId::default());
        }
        if !is_expected && self.views.active().0 == 0 {
            self.put_line_aside();
        }
    }

    /// Moves what is being typed to the input history: it was meant for a place that is no longer on the screen.
    fn put_line_aside(&mut self) {
        self.input.drop_paste();
        if !self.input.is_hidden() && !self.input.is_empty() {
            let line = self.input.take();
            self.remember(&line);
            self.show_local("What you were typing there is kept: arrow up brings it back.");
        }
    }

    /// Makes the views those of the rooms that we are in.
    pub(super) fn sync_views(&mut self) {
        let active = self.views.active().1.id;
        let entered = self.views.enter(self.session.room());
        let was_entered = entered == Some(active);
        entered.iter().for_each(|ended| self.changes.push_back(ScreenChange::Merge(*ended, ViewId::default())));
        for id in self.views.rooms_except(self.session.rooms().iter().map(|room| &*room.name)) {
            self.views.remove(id);
            // What is on the screen and has not been drawn yet is not lost.
            let is_on_screen = id == active;
            self.changes.push_back(match is_on_screen {
                true => ScreenChange::Merge(id, ViewId::default()),
                false => ScreenChange::Drop(id),
            });
        }
        for room in self.session.rooms().iter().skip(1) {
            self.views.follow(&room.name);
        }
        let now_active = self.views.active().1;
        if now_active.id != active {
            let heading = format::client_message(&now_active.target.label());
            self.changes.push_back(ScreenChange::Select(now_active.id, heading));
            // A followed room that was entered has only another place.
            if !was_entered {
                self.put_line_aside();
            }
        }
    }

    /// The view of a room; the first one if the room has none, or is the current one.
    pub(super) fn view_of(&self, room: Option<&str>) -> ViewId {
        room.and_then(|room| self.views.of_room(room)).unwrap_or_default()
    }

    fn show_event(&mut self, event: &ServerEvent, words: Option<String>) {
        match event {
            ServerEvent::Said(message) => self.receive_message(message, false),
            ServerEvent::Action(message) => self.receive_message(message, true),
            ServerEvent::Whisper { at, from, text } => self.receive_whisper(*at, from, text),
            ServerEvent::Whispered { at, to, text } => self.show_whispered(*at, to, text),
            ServerEvent::Motd { text: Some(text) } => text.lines().for_each(|line| self.show_notice(&clean(line))),
            ServerEvent::Help { lines } => {
                lines.iter().for_each(|line| self.show_notice(line));
                CLIENT_HELP.iter().for_each(|line| self.show_notice(line));
            }
            ServerEvent::History { room, messages, gap, .. } => {
                let room = room.as_deref().unwrap_or(self.session.room()).to_owned();
                match self.positions.begin_history(&room, *messages, *gap) {
                    Arrival::Kept => {}
                    Arrival::Requested => self.show_words(words),
                    _ if *messages == 0 => {}
                    _ => self.show_words_in(self.view_of(Some(&room)), words),
                }
            }
            ServerEvent::Live { room, .. } => {
                let room = room.as_deref().unwrap_or(self.session.room()).to_owned();
                match self.positions.end_history(&room) {
                    HistoryEnd::Requested => self.show_words(words),
                    HistoryEnd::Shown => self.show_words_in(self.view_of(Some(&room)), words),
                    HistoryEnd::Empty => {}
                    HistoryEnd::Missed(missed) => self.show_missed(&room, missed),
                }
            }
            ServerEvent::Refused(refused) if self.answer_wrong_key(refused) => {}
            ServerEvent::Topic { name, text, .. } if std::mem::take(&mut self.expects_topic) => {
                let topic =
                    name.as_deref().zip(text.as_deref()).map(|(name, text)| Notice::Topic(Topic { name, text }));
                self.show_words(topic.map(|topic| self.session.lang().notice(&topic).to_string()).or(words));
            }
            // Elsewhere it would be a trap.
            ServerEvent::AskPassword { .. } if !matches!(self.session.stage(), LoginStage::PasswordDue(_)) => {}
            ServerEvent::Refused(_) => {
                (self.expects_room, self.expects_topic) = (false, false);
                words.iter().for_each(|text| self.show_refusal(text));
            }
            ServerEvent::Joined { .. } | ServerEvent::Left { .. } | ServerEvent::Summed { .. }
                if self.session.is_quiet() => {}
            ServerEvent::Entered { entry, .. } | ServerEvent::Room(entry) | ServerEvent::Following(entry) => {
                self.show_words(words);
                if !self.positions.is_resuming() {
                    self.show_topic(entry);
                }
            }
            ServerEvent::Kicked { .. } | ServerEvent::Ending | ServerEvent::Ask => {
                words.iter().for_each(|text| self.show_line(format::warning(text)));
            }
            event => {
                let view = event.room().map(|room| self.view_of(room));
                // Our own new name is told where it was typed, too.
                let is_own = matches!(event, ServerEvent::Renamed { new, .. } if self.session.is_own_name(new));
                let active = self.views.active().1;
                if is_own && view == Some(ViewId::default()) && matches!(active.target, ViewTarget::Person(_)) {
                    self.show_words(words.clone());
                }
                self.show_words_in(view.unwrap_or(self.views.active().1.id), words);
            }
        }
    }

    fn show_topic(&mut self, entry: &RoomEntry) {
        if let Some(topic) = &entry.topic {
            let text = sentences::topic(topic, self.session.lang());
            self.show_words_in(self.view_of(Some(&entry.room)), Some(text));
        }
    }

    fn show_notice(&mut self, text: &str) {
        self.show_words(Some(text.to_owned()));
    }

    fn show_words(&mut self, words: Option<String>) {
        self.show_words_in(self.views.active().1.id, words);
    }

    pub(super) fn show_words_in(&mut self, view: ViewId, words: Option<String>) {
        words.iter().for_each(|text| self.show_line_in(view, format::notice(&super::text_lines::shown(text))));
    }

    fn show_refusal(&mut self, text: &str) {
        self.show_line(format::refusal(&super::text_lines::shown(text)));
    }

    /// Keeps what was typed as a message while a nickname is asked for, and brings it back after the login.
    fn update_draft(&mut self, event: &ServerEvent) {
        match event {
            ServerEvent::Entered { .. } => {
                self.lag.request(self.up_since);
                match self.draft.take() {
                    Some(draft) if self.input.is_empty() => self.input.set(&draft),
                    Some(draft) => self.remember(&draft),
                    None => {}
                }
            }
            // Not the refusal of a room that was to be entered again.
            ServerEvent::Refused(refused)
                if refused.asked && self.session.stage() == LoginStage::Asked && self.login.has_sent_name() =>
            {
                let is_first = !std::mem::replace(&mut self.typing_name, true);
                // Input from now on is a nickname; the text in the input line was written as a message.
                self.draft =
                    self.draft.take().or_else(|| is_first.then(|| self.input.take()).filter(|text| !text.is_empty()));
            }
            _ => {}
        }
    }
}
