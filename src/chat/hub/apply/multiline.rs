//! Applies messages of several lines: each line is a message, and IRC is shown all of them together.

use log::debug;

use crate::chat::change::{SayLines, TextLine};
use crate::chat::event::{Event, IrcLine};
use crate::chat::hub::Hub;
use crate::chat::id::{ClientId, Now};
use crate::chat::record::Record;

impl Hub {
    /// A member says several lines in a room.
    pub(super) fn apply_say_lines(&mut self, client: Option<ClientId>, say: &SayLines, time: &Now) {
        let &SayLines { member, room, kind, ref tags, ref lines } = say;
        if self.shared.rooms[room].rules.settings.slow.is_some() {
            self.note_spoken(member, room, time);
        }
        let is_muted = self.shared.mutes.holds(member, time.at);
        let (mut first, mut last) = (None, 0);
        for text in TextLine::join(lines) {
            let id = self.journal.next_message_id();
            first.get_or_insert(id);
            last = id;
            match is_muted {
                true => self.say_muted_line(id, say, &text, time),
                false => self.say_line(id, client, say, &text, time),
            }
        }
        let (Some(id), name) = (first, self.name_of(member)) else { return };
        let event = Event::Irc(IrcLine::Multiline { id, kind, name: &name, lines });
        if !is_muted {
            if last > id {
                self.shared.rooms[room].note_multiline(id, last);
            }
            let is_of_account = self.shared.members[member.slot].account().is_some();
            let speaker = client.filter(|_| is_of_account);
            let author = self.shared.members.author(member.slot);
            let mut fanout = self.fanout_by(member, time).tagged(tags.as_deref());
            fanout.append_lines(room, (member.slot, author), (is_of_account, speaker), &event);
        }
        for id in self.shared.members[member.slot].sessions().collect::<Vec<_>>() {
            let is_speaker = Some(id) == client;
            if self.sessions[id].encoding.is_irc() && (is_speaker && self.echoes(id) || is_muted && !is_speaker) {
                self.fanout_by(member, time).tagged(tags.as_deref()).send_in(id, room, &event);
            }
        }
    }

    /// Shows one line to all but IRC.
    fn say_line(&mut self, id: u64, client: Option<ClientId>, say: &SayLines, text: &str, time: &Now) {
        let &SayLines { member, room, kind, .. } = say;
        self.stats.messages += 1;
        self.stats.message_rate.count(time.at);
        let (name, author) = (self.name_of(member), self.shared.members.author(member.slot));
        debug!("{}: {name}{}{text}", self.shared.rooms[room].name, kind.separator());
        let event = kind.event(id, time.local, &name, text);
        let mut is_first = false;
        if let Some(store) = &mut self.store {
            is_first = !self.shared.rooms[room].is_stored;
            store.record_message(&mut self.shared.rooms[room], &event);
        }
        let has_account = self.shared.members[member.slot].account().is_some();
        let mut fanout = self.fanout_by(member, time).without_irc();
        fanout.append_said(room, (member.slot, author), (has_account, client), text.len(), &event, time);
        if fanout.has_console() && (client != Some(ClientId::CONSOLE) || fanout.console_has_echo()) {
            fanout.send_to_console_from(room, &event);
        }
        if is_first {
            self.record_first_roles(room, time);
        }
    }

    /// Shows one line of a muted member to its own sessions but those of IRC, and to the operator.
    fn say_muted_line(&mut self, id: u64, say: &SayLines, text: &str, time: &Now) {
        let &SayLines { member, room, kind, .. } = say;
        let name = self.name_of(member);
        debug!("{}: (muted) {name}{}{text}", self.shared.rooms[room].name, kind.separator());
        let shown = format!("(muted) {name}");
        let mut fanout = self.fanout_by(member, time).without_irc();
        fanout.begin_day(room, time);
        fanout.send_to_console_from(room, &kind.event(id, time.local, &shown, text));
        fanout.send_to_sessions(member.slot, room, &kind.event(id, time.local, &name, text));
        self.record(|| Record::NextId(id + 1));
    }
}
