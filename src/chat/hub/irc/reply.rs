//! Sends lines of IRC to a session.

use crate::chat::event::{Event, IrcLine, Refusal, Sender};
use crate::chat::hub::Hub;
use crate::chat::hub::plan::Asker;
use crate::chat::id::{ClientId, MemberId, Now};

impl Hub {
    /// Sends a numeric reply: `:SERVER CODE NICK middle... :text`.
    pub(super) fn numeric(&mut self, id: ClientId, code: u16, middle: &[&str], text: &str) {
        self.irc_reply(id, IrcLine::Numeric { code, middle, text: Some(text) });
    }

    /// As [`Hub::numeric`], without a text.
    pub(super) fn numeric_without_text(&mut self, id: ClientId, code: u16, middle: &[&str]) {
        self.irc_reply(id, IrcLine::Numeric { code, middle, text: None });
    }

    /// Sends a line of the server with a command.
    pub(super) fn server_line(&mut self, id: ClientId, command: &str, middle: &[&str], text: Option<&str>) {
        self.irc_reply(id, IrcLine::Command { from: Sender::Server, command, in_room: false, middle, text });
    }

    /// Sends a standard reply: `FAIL COMMAND CODE context... :text` (<https://ircv3.net/specs/extensions/standard-replies>).
    pub(super) fn fail(&mut self, id: ClientId, command: &str, code: &str, context: &[&str], text: &str) {
        let middle = [&[command, code], context].concat();
        self.server_line(id, "FAIL", &middle, Some(text));
    }

    /// Sends a NOTICE of the server.
    pub(super) fn server_notice(&mut self, id: ClientId, text: &str) {
        let nick = self.sessions.irc(id).map_or("*".into(), |irc| irc.nick.clone());
        self.server_line(id, "NOTICE", &[&nick], Some(text));
    }

    /// Sends a line to a session, which shows it as coming from a member.
    pub(super) fn reply_by(&mut self, id: ClientId, member: MemberId, line: IrcLine, now: &Now) {
        self.fanout_by(member, now).send(id, &Event::Irc(line));
    }

    /// Answers a session with a refusal.
    pub(super) fn refuse_irc(&mut self, asker: Asker, refusal: Refusal) {
        self.outbound.send(&mut self.sessions, asker.id, &Event::Refusal(refusal));
    }

    /// Sends a line to a session.
    pub(super) fn irc_reply(&mut self, id: ClientId, line: IrcLine) {
        self.outbound.send(&mut self.sessions, id, &Event::Irc(line));
    }
}
