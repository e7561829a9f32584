//! CHATHISTORY: older messages of rooms and of private conversations.
//!
//! Messages of rooms that are no longer in memory are read from the store. What members have said to each other is in memory
//! alone: see [`Conversations`](crate::chat::hub::store_queue::conversations::Conversations).

pub(in crate::chat::hub) mod markers;
pub(super) mod redact;
pub(super) mod request;

use self::request::{Part, Request};
use super::Call;
use super::registration::isupport::MAX_CHATHISTORY;
use crate::chat::encoding::{Detail, Private, RoomLabel};
use crate::chat::event::{Event, IrcLine, Sender, Source};
use crate::chat::hub::fanout::skips;
use crate::chat::hub::plan::Asker;
use crate::chat::hub::store_queue::answers::HistoryPage;
use crate::chat::hub::store_queue::conversations::PrivateLine;
use crate::chat::hub::{Hub, Shared};
use crate::chat::id::{Author, ClientId, Holder, MemberSlot, RoomId};
use crate::chat::irc::timestamp;
use crate::chat::member::Ignored;
use crate::chat::policy::nick::{Name, fold, key_of};
use crate::chat::query::{Answer, Lookup};
use crate::chat::record::Message;
use crate::chat::room::history::HistoryMessage;
use crate::chat::session::irc::Caps;
use crate::chat::span::{Dated, Side, Span, millis};

/// What is asked of one room or conversation.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    command: &'a str,
    target: &'a str,
    part: Part,
    n: usize,
}

impl Hub {
    /// CHATHISTORY
    pub(in crate::chat::hub::irc) fn irc_chathistory(&mut self, call: &Call) {
        let Some(asker) = self.caller(call) else { return };
        match Request::parse(&call.message.params, self.run) {
            Err(fault) => self.fail(asker.id, "CHATHISTORY", fault.code, &fault.context, fault.text),
            Ok(Request::Targets { between, n }) => self.show_targets(asker, between, n),
            Ok(Request::Messages { command, target, part, n }) => {
                let wanted = Wanted { command, target, part, n };
                match target.starts_with('#') {
                    true => self.show_history_of_room(asker, wanted),
                    false => self.show_conversation(asker, wanted),
                }
            }
        }
    }

    fn no_history(&mut self, id: ClientId, wanted: Wanted) {
        let text = "Messages could not be retrieved";
        self.fail(id, "CHATHISTORY", "INVALID_TARGET", &[wanted.command, wanted.target], text);
    }

    /// Shows messages of a room in which the member is: from memory if all that are asked for are there.
    fn show_history_of_room(&mut self, asker: Asker, wanted: Wanted) {
        let slot = asker.member.slot;
        let found = self.channel(asker, wanted.target).filter(|&room| self.shared.members.is_in(slot, room));
        let Some(room) = found else { return self.no_history(asker.id, wanted) };
        let (name, history) = (self.shared.rooms.name(room).to_owned(), self.shared.rooms[room].history());
        let items = self.readable(slot, room, history.len());
        let span = wanted.part.span(&items);
        let selection = span.select(&items, wanted.n);
        if self.store.is_some() && !selection.is_certain && !history.is_complete() {
            self.queue_query(asker.id, Lookup::Span { room: name, span: selection.pinned, n: wanted.n });
            return self.defer_answer(asker.id);
        }
        let messages = items[selection.range].iter().map(|message| message.to_message(&name)).collect();
        self.show_messages(asker.id, &name, span, messages);
    }

    /// The last `n` messages of a room in memory without those that a member ignores.
    fn readable(&self, slot: MemberSlot, room: RoomId, n: usize) -> Vec<HistoryMessage<'_>> {
        let member = &self.shared.members[slot];
        let messages = self.shared.rooms[room].history().last(n);
        messages.filter(|message| !skips(member, slot, message.author())).collect()
    }

    /// Shows an IRC session the messages of a room that were found in the store.
    pub(in crate::chat::hub) fn answer_chathistory(
        &mut self,
        id: ClientId,
        room: &str,
        (span, n): (Span, usize),
        answer: Answer,
        ignored: &[Ignored],
    ) {
        let Answer::History { before, after } = answer else {
            let text = "Messages could not be retrieved";
            return self.fail(id, "CHATHISTORY", "MESSAGE_ERROR", &["*", &format!("#{room}")], text);
        };
        let HistoryPage { mut messages, older, newer } = self.page(before, after, span.counts(n));
        let ends = messages.first().map(|message| message.id).zip(messages.last().map(|message| message.id));
        let (from, to) = span.covered_ids(ends, older.is_some(), newer.is_some());
        if self.has_gap(from, to) {
            let text = "Some messages of this time are missing on this server";
            let middle = ["CHATHISTORY", "MESSAGES_MISSING", &format!("#{room}")];
            self.server_line(id, "NOTE", &middle, Some(text));
        }
        messages.retain(|message| !self.is_by_any(ignored, message));
        self.show_messages(id, room, span, messages);
    }

    /// Shows a session the last messages of a room that it enters, unless it asks for them itself. A client that is not told
    /// when they were said would take them for new ones.
    pub(in crate::chat::hub) fn replay_to_irc(&mut self, id: ClientId, slot: MemberSlot, room: RoomId) {
        let Some(irc) = self.sessions.irc(id) else { return };
        // A client may enter many rooms with one line.
        let has_room = self.sessions[id].private_bytes() < self.config.backlog_bytes / 4;
        let wants = irc.caps.contains(Caps::BATCH | Caps::SERVER_TIME) && !irc.caps.contains(Caps::CHATHISTORY);
        if !wants || !has_room {
            return;
        }
        let name = self.shared.rooms.name(room).to_owned();
        let items = self.readable(slot, room, self.config.history.min(MAX_CHATHISTORY));
        let messages: Vec<Message> = items.iter().map(|message| message.to_message(&name)).collect();
        if !messages.is_empty() {
            self.show_messages(id, &name, Span { after: None, before: None, side: Side::Newest }, messages);
        }
    }

    /// Shows messages of a room, as many as fit into a page.
    fn show_messages(&mut self, id: ClientId, room: &str, span: Span, messages: Vec<Message>) {
        let n = messages.len();
        let messages = match span.side {
            Side::Oldest => self.page(Vec::new(), messages, (0, n)),
            Side::Newest | Side::Around => self.page(messages, Vec::new(), (n, 0)),
        };
        let batch = self.begin_batch(id, "chathistory", &[&format!("#{room}")]);
        for message in &messages.messages {
            self.send_old(id, RoomLabel::Current(room), &message.event(), &message.name, (None, batch.as_deref()));
        }
        self.end_batch(id, batch);
    }

    /// Shows what a member and another one have said to each other.
    fn show_conversation(&mut self, asker: Asker, wanted: Wanted) {
        let reader = self.shared.members.holder(asker.member);
        let Some(other) = self.partner(wanted.target) else { return self.no_history(asker.id, wanted) };
        let lines = self.readable_lines(asker, reader, other);
        let range = wanted.part.span(&lines).select(&lines, wanted.n).range;
        let lines: Vec<_> = lines[range].iter().map(|&line| line.clone()).collect();
        let batch = self.begin_batch(asker.id, "chathistory", &[wanted.target]);
        for line in &lines {
            let private = Private { kind: line.kind, id: line.id, target: Some(&line.to) };
            let event = Event::Whisper { at: line.at, from: &line.from, text: &line.text };
            self.send_old(asker.id, RoomLabel::None, &event, &line.from, (Some(private), batch.as_deref()));
        }
        self.end_batch(asker.id, batch);
    }

    /// The lines of a conversation without those that the reader, which asks, ignores now.
    fn readable_lines(&self, asker: Asker, reader: Holder, other: Holder) -> Vec<&PrivateLine> {
        let Shared { members, accounts, .. } = &self.shared;
        let found = &members[asker.member.slot];
        let is_ignored = |line: &PrivateLine| {
            let member = match line.author {
                Holder::Member(member) => Some(member),
                Holder::Account(account) => accounts.get(account).and_then(|account| account.member),
            };
            found.ignores(Author { member, name: members.name_hash(&fold(&line.from)) })
        };
        let mut lines = self.conversations.lines(reader, other);
        if !found.ignored().is_empty() {
            lines.retain(|line| line.author == reader || !is_ignored(line));
        }
        lines
    }

    /// Who is meant by a nickname: the member that has it, or the account with that name.
    pub(in crate::chat::hub::irc) fn partner(&self, name: &str) -> Option<Holder> {
        let key = key_of(name)?;
        let Shared { members, accounts, .. } = &self.shared;
        let member = members.find_key(&key).map(|member| members.holder(member));
        member.or_else(|| accounts.find_key(&key).map(Holder::Account))
    }

    /// CHATHISTORY TARGETS: the rooms of a member and the partners of its conversations, in the order of their newest messages.
    fn show_targets(&mut self, asker: Asker, between: (i64, i64), n: usize) {
        let slot = asker.member.slot;
        let mut targets: Vec<(i64, String)> = Vec::new();
        for room in self.shared.members.rooms(slot) {
            let newest = self.shared.rooms[room].history().last(1).next();
            targets.extend(newest.map(|newest| (newest.millis(), format!("#{}", self.shared.rooms.name(room)))));
        }
        let reader = self.shared.members.holder(asker.member);
        for &other in self.conversations.partners(reader) {
            let newest = self.readable_lines(asker, reader, other).last().map(|line| millis(line.at));
            targets.extend(newest.zip(self.name_of_holder(other)));
        }
        targets.retain(|&(at, _)| at > between.0 && at < between.1);
        targets.sort();
        let batch = self.begin_batch(asker.id, "draft/chathistory-targets", &[]);
        for (at, target) in targets.iter().take(n) {
            let at = timestamp::show(*at);
            let middle = ["TARGETS", target, &at];
            let line = IrcLine::Command {
                from: Sender::Server,
                command: "CHATHISTORY",
                in_room: false,
                middle: &middle,
                text: None,
            };
            let detail = Detail { batch: batch.as_deref(), ..Detail::default() };
            self.outbound.send_detailed(
                &mut self.sessions,
                &self.shared.members,
                asker.id,
                RoomLabel::None,
                &Event::Irc(line),
                &detail,
            );
        }
        self.end_batch(asker.id, batch);
    }

    /// The present name of a member, or of an account.
    fn name_of_holder(&self, holder: Holder) -> Option<String> {
        let Shared { members, accounts, .. } = &self.shared;
        let member = match holder {
            Holder::Member(member) => members.get(member),
            Holder::Account(account) => accounts.get(account)?.member.and_then(|member| members.get(member)),
        };
        match (member, holder) {
            (Some(member), _) => Some(member.name.to_string()),
            (None, Holder::Account(account)) => Some(accounts.get(account)?.name.shown.to_string()),
            (None, Holder::Member(_)) => None,
        }
    }

    /// Begins a batch; returns its reference, or `None` for a session that knows no batches.
    pub(in crate::chat::hub::irc) fn begin_batch(
        &mut self,
        id: ClientId,
        kind: &str,
        params: &[&str],
    ) -> Option<String> {
        let has_batches = self.sessions.irc(id).is_some_and(|irc| irc.caps.contains(Caps::BATCH));
        let reference = has_batches.then(|| format!("{:x}", self.outbound.next_stamp()))?;
        let begin = format!("+{reference}");
        self.server_line(id, "BATCH", &[&[&*begin, kind], params].concat(), None);
        Some(reference)
    }

    pub(in crate::chat::hub::irc) fn end_batch(&mut self, id: ClientId, reference: Option<String>) {
        if let Some(reference) = reference {
            self.server_line(id, "BATCH", &[&format!("-{reference}")], None);
        }
    }

    /// Shows an older message: with the source of the member that has the name of its author now.
    fn send_old(
        &mut self,
        id: ClientId,
        label: RoomLabel,
        event: &Event,
        name: &str,
        (private, batch): (Option<Private>, Option<&str>),
    ) {
        let Hub { shared: Shared { accounts, members, .. }, sessions, outbound, .. } = self;
        let operator = members.operator().filter(|operator| members.name(*operator) == name);
        let author = members.find(name).or(operator);
        let source = author.map(|author| accounts.source_of(members, author.slot)).map(|source| Source {
            // Another account may have had the name then.
            account: source.account.filter(|account| super::registration::is_same(account, name)),
            ..source
        });
        let source = source.or_else(|| Name::is_poster(name).then(|| Source::of_poster(name)));
        outbound.send_detailed(
            sessions,
            members,
            id,
            label,
            event,
            &Detail { source, private, batch, ..Detail::default() },
        );
    }
}
