//! Shows messages and whispers in their views.

use super::App;
use super::text_lines::shown;
use crate::client::protocol::event::RoomMessage;
use crate::client::protocol::positions::{Arrival, KeptMessage};
use crate::client::protocol::sent::SentTo;
use crate::client::ui::format::{self, Message};
use crate::terminal::screen::view::ViewId;

impl App {
    /// Handles a message in a room.
    pub(super) fn receive_message(&mut self, message: &RoomMessage, is_action: bool) {
        let room = message.room.as_deref().unwrap_or(self.session.room()).to_owned();
        // A room that we are not in has no position; its history can be requested.
        let arrival = match self.session.is_in(&room) || self.positions.is_requested(&room) {
            true => self.positions.message(&room, message, is_action),
            false => Arrival::New,
        };
        if self.session.is_own_name(&message.name) && arrival == Arrival::New {
            self.sent.arrived(&SentTo::room(&room), &message.text);
        }
        let view = match arrival {
            Arrival::Kept => return,
            // It was typed there.
            Arrival::Requested => self.views.active().1.id,
            Arrival::New | Arrival::Older => self.view_of(Some(&room)),
        };
        let RoomMessage { at, name, text, .. } = message;
        self.show_in(view, Message { at: *at, name, text, is_action }, arrival == Arrival::New);
    }

    /// Shows a message that was missed.
    pub(super) fn show_message(&mut self, view: ViewId, message: &KeptMessage, is_new: bool) {
        let KeptMessage { at, name, text, is_action, .. } = message;
        self.show_in(view, Message { at: *at, name, text, is_action: *is_action }, is_new);
    }

    fn show_in(&mut self, view: ViewId, message: Message, is_new: bool) {
        let text = shown(message.text);
        let (line, is_for_us) =
            format::message(&Message { text: &text, ..message }, self.begin_day(view, message.at), &self.session);
        if is_new {
            self.ring |= is_for_us;
            if !self.session.is_own_name(message.name) {
                self.views.count(view, is_for_us);
            }
        }
        self.show_line_in(view, line);
    }

    /// Shows a whisper to us: in its conversation if that is open.
    pub(super) fn receive_whisper(&mut self, at: i64, from: &str, text: &str) {
        self.whisperer = Some(from.to_owned());
        let view = self.views.of_person(from).unwrap_or(self.views.active().1.id);
        let local = self.begin_day(view, at);
        self.ring = true;
        self.views.count(view, true);
        self.show_line_in(view, format::whisper(local, from, &shown(text), &self.session));
    }

    /// Shows a whisper of ours.
    pub(super) fn show_whispered(&mut self, at: i64, to: &str, text: &str) {
        self.sent.arrived(&SentTo::person(to), text);
        let view = self.views.of_person(to).unwrap_or(self.views.active().1.id);
        let local = self.begin_day(view, at);
        self.show_line_in(view, format::whispered(local, to, &shown(text), &self.session));
    }

    /// Returns the local time of a message; shows the date if it is another one than that of the message before in this view.
    fn begin_day(&mut self, view: ViewId, at: i64) -> time::OffsetDateTime {
        let local = self.session.to_local(at);
        let today = self.today;
        let day = &mut self.views.get_mut(view).day;
        if day.replace(local.date()).or(today).is_some_and(|day| day != local.date()) {
            let words = self.session.lang().notice(&crate::chat::Notice::Day(local.date())).to_string();
            self.show_words_in(view, Some(words));
        }
        local
    }
}
