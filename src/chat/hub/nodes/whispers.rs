//! Private messages whose author or recipient has sessions on other nodes: whispers, messages of several lines, CTCP, tags.
//!
//! They are not in the common order. The recipient's nodes are asked to show them, and the author waits for their answers; its own
//! sessions are shown the message when it has arrived.

use super::messages::{
    Delivery, NodeMessage, NodeRequest, NodeUnreachable, PendingMessage, PrivateContent, PrivateMessage,
    RedactedMessage,
};
use crate::chat::change::TextLine;
use crate::chat::encoding::Private;
use crate::chat::event::{Event, IrcLine, MessageKind, Refusal, Sender};
use crate::chat::hub::Hub;
use crate::chat::hub::plan::Asker;
use crate::chat::id::{Author, ClientId, Incarnation, MemberId, Now};
use crate::chat::member::table::OPERATOR;
use crate::chat::policy::nick::fold;
use crate::chat::session::irc::Caps;

impl Hub {
    /// Takes the next message for another node. The caller sends it as a request, and gives the answer to
    /// [`Hub::handle_node_answer`].
    pub fn poll_node_message(&mut self) -> Option<NodeMessage> {
        self.node_messages.pop()
    }

    /// Takes the answer of a node to the message with this tag, or that there was none in time. The answer is ignored if no
    /// session waits for it.
    pub fn handle_node_answer(&mut self, tag: u64, answer: Result<&[u8], NodeUnreachable>, now: Now) {
        let delivery = answer.ok().and_then(|answer| serde_json::from_slice(answer).ok());
        let answered = self.node_messages.note_answer(tag, delivery.unwrap_or(Delivery::Failed));
        let Some(PendingMessage { origin, message, delivery, .. }) = answered else { return };
        let id = origin.client;
        let Some(session) = self.sessions.find(origin) else {
            return self.finish_private(None, &message, delivery, &now);
        };
        let (blocked, is_leaving) = (session.uncommitted.blocks(), session.is_leaving());
        session.uncommitted.remove(false);
        if blocked && !session.uncommitted.blocks() {
            self.outbound.resume(id);
        }
        if is_leaving {
            return self.finish_private(None, &message, delivery, &now);
        }
        self.resume_command(id);
        self.finish_private(Some(id), &message, delivery, &now);
        if self.node_messages.awaits(origin) {
            self.defer_answer(id);
        }
        self.end_command(id);
    }

    /// No message that was sent will be answered any more, as after an upgrade: their authors are told.
    pub fn fail_node_messages(&mut self, now: Now) {
        for tag in self.node_messages.open_tags() {
            self.handle_node_answer(tag, Err(NodeUnreachable), now);
        }
    }

    /// Takes a message of another node; returns the answer, or `None` if it is no message of a node. It is not trusted: what is
    /// not understood is counted.
    pub fn handle_node_message(&mut self, payload: &[u8], now: Now) -> Option<Vec<u8>> {
        let Some(request) = NodeRequest::read(payload) else {
            self.node_messages.count_not_understood();
            // A later version may have other requests.
            let is_object = payload.first() == Some(&b'{');
            return is_object.then(|| answer(Delivery::Failed));
        };
        Some(answer(match request {
            NodeRequest::Deliver(message) => {
                let delivery = self.show_private(&message, &now);
                self.remember_private(&message, delivery, &now);
                delivery
            }
            NodeRequest::Copy(message) => {
                self.show_copies(None, &message, &now);
                if self.shared.members.get(message.to).is_none_or(|member| member.session_at(0).is_none()) {
                    self.remember_private(&message, Delivery::Shown, &now);
                }
                Delivery::Shown
            }
            NodeRequest::Redact(redacted) => {
                self.show_redacted(&redacted, &now);
                Delivery::Shown
            }
        }))
    }

    /// Messages of other nodes that were not understood.
    pub fn node_messages_not_understood(&self) -> u64 {
        self.node_messages.not_understood()
    }

    /// The other nodes on which a member has sessions.
    pub(in crate::chat::hub) fn other_nodes(&self, member: MemberId) -> Vec<Incarnation> {
        if self.shared.node_joins.is_empty() || self.shared.members.get(member).is_none() {
            return Vec::new();
        }
        let here = self.rejoining.node();
        self.shared.node_joins.nodes_of(member.slot).filter(|&node| Some(node) != here).collect()
    }

    /// Whether one of two members has sessions on other nodes.
    #[inline]
    pub(in crate::chat::hub) fn spans_nodes(&self, author: MemberId, to: MemberId) -> bool {
        !self.shared.node_joins.is_empty() && [author, to].iter().any(|&member| !self.other_nodes(member).is_empty())
    }

    /// A private message of a member. `ids` are those of its texts.
    pub(in crate::chat::hub) fn private_message(
        &self,
        author: MemberId,
        to: MemberId,
        kind: MessageKind,
        content: PrivateContent,
    ) -> PrivateMessage {
        let console = self.rejoining.node().filter(|_| author == MemberId::OPERATOR);
        let (from, to_name) = (self.name_of(author), self.name_of(to));
        PrivateMessage { author, console, from, to, to_name, kind, ids: Vec::new(), tags: None, content }
    }

    /// Sends a private message of a session to all sessions of its recipient, here and on other nodes.
    pub(in crate::chat::hub) fn send_private(&mut self, asker: Asker, message: PrivateMessage, now: &Now) {
        let nodes = self.other_nodes(message.to);
        self.send_private_to(asker, message, nodes, now);
    }

    /// As [`Hub::send_private`], to the operator at the console of another node, who has whispered to the member.
    pub(in crate::chat::hub) fn whisper_to_console(&mut self, asker: Asker, node: Incarnation, text: &str, now: &Now) {
        let (author, to) = (asker.member, MemberId::OPERATOR);
        let content = PrivateContent::Text(text.into());
        let message = self.private_message(author, to, MessageKind::Said, content);
        let (to_name, ids) = (OPERATOR.into(), vec![self.private_id(now)]);
        self.send_private_to(asker, PrivateMessage { to_name, ids, ..message }, vec![node], now);
    }

    fn send_private_to(&mut self, asker: Asker, message: PrivateMessage, nodes: Vec<Incarnation>, now: &Now) {
        // The operator reads what a muted member whispers.
        if message.to != MemberId::OPERATOR && self.shared.mutes.holds(asker.member, now.at) {
            return self.finish_private(Some(asker.id), &message, Delivery::Hidden, now);
        }
        if message.is_whisper() {
            self.stats.whispers += message.ids.len() as u64;
        }
        let is_only_elsewhere = message.to == MemberId::OPERATOR && !nodes.is_empty();
        let delivery = if is_only_elsewhere { Delivery::Absent } else { self.show_private(&message, now) };
        let request = NodeRequest::Deliver(message.clone());
        let tags: Vec<u64> = nodes.into_iter().map(|node| self.node_messages.push(node, &request)).collect();
        // The sender of tags without a text is not told whether they have arrived.
        if tags.is_empty() || message.content == PrivateContent::Tags {
            return self.finish_private(Some(asker.id), &message, delivery, now);
        }
        let origin = self.sessions.origin(asker.id);
        self.node_messages.wait(origin, message, delivery, tags);
        self.sessions[asker.id].uncommitted.add(false);
        self.defer_answer(asker.id);
    }

    /// Shows a private message to the sessions of its recipient here.
    fn show_private(&mut self, message: &PrivateMessage, now: &Now) -> Delivery {
        let to = message.to;
        let name = self.shared.members.name_hash(&fold(&message.from));
        let Some(member) = self.shared.members.get_mut(to).filter(|member| member.session_at(0).is_some()) else {
            return Delivery::Absent;
        };
        if member.ignores(Author { member: Some(message.author), name }) {
            return Delivery::Hidden;
        }
        if message.is_whisper() {
            member.set_whisperer(message.author, message.console.filter(|&node| Some(node) != self.rejoining.node()));
        }
        let readers: Vec<ClientId> = member.sessions().collect();
        readers.into_iter().for_each(|id| self.show_content(id, message, false, now));
        Delivery::Shown
    }

    /// Shows a session what is in a private message, or in the copy for its author (`is_copy`).
    fn show_content(&mut self, id: ClientId, message: &PrivateMessage, is_copy: bool, now: &Now) {
        match &message.content {
            PrivateContent::Lines(lines) if self.is_irc(id) => self.send_lines_to(id, message, lines, now),
            PrivateContent::Text(_) | PrivateContent::Lines(_) => {
                for (text, &text_id) in message.texts().iter().zip(&message.ids) {
                    let private = Private { kind: message.kind, id: text_id, target: None };
                    let fanout = self.fanout_by(message.author, now).tagged(message.tags.as_deref());
                    let event = match is_copy {
                        false => Event::Whisper { at: now.local, from: &message.from, text },
                        true => Event::Whispered { at: now.local, to: &message.to_name, text },
                    };
                    fanout.privately(private).send_dated(id, &event, now);
                }
            }
            PrivateContent::Ctcp(text) => self.send_line_to(id, message, Some(text), now),
            PrivateContent::Tags => self.send_line_to(id, message, None, now),
        }
    }

    fn is_irc(&self, id: ClientId) -> bool {
        self.sessions[id].encoding.is_irc()
    }

    /// What a session of IRC is shown of a message of several lines.
    fn send_lines_to(&mut self, id: ClientId, message: &PrivateMessage, lines: &[TextLine], now: &Now) {
        let (kind, first) = (message.kind, message.ids.first().copied().unwrap_or_default());
        let private = Private { kind, id: first, target: Some(&message.to_name) };
        let event = Event::Irc(IrcLine::Multiline { id: first, kind, name: &message.from, lines });
        self.fanout_by(message.author, now).tagged(message.tags.as_deref()).privately(private).send(id, &event);
    }

    /// What a session of IRC is shown of CTCP, or of tags alone if there is no text.
    fn send_line_to(&mut self, id: ClientId, message: &PrivateMessage, text: Option<&str>, now: &Now) {
        let Some(irc) = self.sessions.irc(id) else { return };
        if text.is_none() && !irc.caps.contains(Caps::MESSAGE_TAGS) {
            return;
        }
        let command = match (text, message.kind) {
            (None, _) => "TAGMSG",
            (_, MessageKind::Notice) => "NOTICE",
            _ => "PRIVMSG",
        };
        let (from, middle) = (Sender::Member(&message.from), [&*message.to_name]);
        let private =
            Private { kind: message.kind, id: message.ids.first().copied().unwrap_or_default(), target: None };
        let line = IrcLine::Command { from, command, in_room: false, middle: &middle, text };
        let fanout = self.fanout_by(message.author, now).tagged(message.tags.as_deref());
        fanout.privately(private).send(id, &Event::Irc(line));
    }

    /// All is known of a private message: its author is told, if the session that has sent it is still there (`speaker`).
    fn finish_private(&mut self, speaker: Option<ClientId>, message: &PrivateMessage, delivery: Delivery, now: &Now) {
        let name = &*message.to_name;
        let refusal = match delivery {
            Delivery::Absent => Some(Refusal::NoSuchMember { name }),
            Delivery::Failed => Some(Refusal::NotReached { name }),
            Delivery::Hidden | Delivery::Shown => None,
        };
        if let Some(refusal) = refusal.filter(|_| message.content != PrivateContent::Tags) {
            // A NOTICE is never answered: RFC 2812, section 3.3.2.
            let told = speaker.filter(|_| message.kind != MessageKind::Notice);
            return told.into_iter().for_each(|id| self.fanout().refuse(id, refusal));
        }
        self.remember_private(message, delivery, now);
        if let Some(id) = speaker.filter(|_| message.to == message.author) {
            self.exclude_from_answer(id);
        }
        self.show_copies(speaker, message, now);
        if !message.is_whisper() {
            return;
        }
        for node in self.other_nodes(message.author) {
            self.node_messages.push(node, &NodeRequest::Copy(message.clone()));
        }
        if let Some(id) = speaker.filter(|_| message.kind != MessageKind::Notice)
            && self.shared.members.get(message.to).is_some()
        {
            self.tell_away(id, message.to, *now);
        }
    }

    /// Shows the sessions of the author here what it has sent. The one that has sent it reads it on IRC only if it asked for that.
    fn show_copies(&mut self, speaker: Option<ClientId>, message: &PrivateMessage, now: &Now) {
        let member = self.shared.members.get(message.author);
        let sessions: Vec<ClientId> = match member {
            Some(member) if message.is_whisper() => member.sessions().collect(),
            // It claims its name again, or CTCP and tags: only the session that has sent it.
            _ => speaker.into_iter().collect(),
        };
        for id in sessions {
            if Some(id) == speaker && self.is_irc(id) && !self.echoes(id) {
                continue;
            }
            self.show_content(id, message, true, now);
        }
    }

    /// Remembers a whisper for CHATHISTORY.
    fn remember_private(&mut self, message: &PrivateMessage, delivery: Delivery, now: &Now) {
        let is_here = |member| self.shared.members.get(member).is_some();
        if delivery <= Delivery::Failed || !is_here(message.author) || !is_here(message.to) {
            return;
        }
        for (text, &id) in message.texts().iter().zip(&message.ids) {
            let private = Private { kind: message.kind, id, target: None };
            let is_delivered = delivery == Delivery::Shown;
            self.remember_whisper(message.author, message.to, text, (private, is_delivered), now);
        }
    }

    /// Asks the other nodes of two members to forget a whisper that its author has deleted.
    pub(in crate::chat::hub) fn redact_elsewhere(&mut self, recipient: Option<MemberId>, redacted: RedactedMessage) {
        let mut nodes = self.other_nodes(redacted.by);
        nodes.extend(recipient.into_iter().flat_map(|member| self.other_nodes(member)));
        nodes.sort_unstable();
        nodes.dedup();
        let request = NodeRequest::Redact(redacted);
        for node in nodes {
            self.node_messages.push(node, &request);
        }
    }
}

fn answer(delivery: Delivery) -> Vec<u8> {
    serde_json::to_vec(&delivery).expect("a delivery is plain data")
}
