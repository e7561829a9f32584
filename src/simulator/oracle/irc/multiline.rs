//! Messages of several lines (`draft/multiline`).

use super::labels::{client_tags, tag};
use super::{MAX_LINE, Oracle};
use crate::chat::{MessageKind, Now};
use crate::simulator::oracle::Reader;
use crate::simulator::oracle::committing::proposed::Proposed;
use crate::simulator::oracle::irc::vocabulary::TextLine;

/// The most bytes and lines of a message.
const MAX_BYTES: usize = 4096;
const MAX_LINES: usize = 24;

/// A message that a client is sending.
pub(super) struct Multiline {
    reference: String,
    target: String,
    kind: Option<MessageKind>,
    label: Option<String>,
    tags: Option<String>,
    lines: Vec<TextLine>,
    bytes: usize,
    failed: bool,
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// The texts that others than IRC clients read.
fn joined(lines: &[TextLine]) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for (text, concat) in lines {
        match texts.last_mut().filter(|_| *concat) {
            Some(last) => *last += text,
            None => texts.push(text.clone()),
        }
    }
    texts.retain(|text| !is_blank(text));
    texts
}

fn has_multiline(reader: &Reader) -> bool {
    ["draft/multiline", "batch", "message-tags"].iter().all(|cap| reader.has_cap(cap))
}

impl Oracle {
    fn fail_batch(&mut self, who: usize, rest: &str) {
        self.irc_fail(who, &format!("BATCH {rest}"));
    }

    /// `BATCH +reference draft/multiline target`, `BATCH -reference`
    pub(super) fn irc_batch(&mut self, who: usize, member: usize, line: &str, params: &[String], now: Now) {
        if !has_multiline(&self.readers[who]) {
            return self.irc_numeric(who, 421, "BATCH :Unknown command");
        }
        let (sign, reference) = params[0].split_at(1);
        if sign == "-" {
            return self.end_multiline(who, member, reference, now);
        }
        if self.irc_mut(who).multiline.is_some() {
            return self.fail_batch(who, "MULTILINE_INVALID :Another batch is open");
        }
        // The answer comes when the batch ends.
        let label = self.take_label(who);
        self.irc_mut(who).multiline = Some(Multiline {
            reference: reference.into(),
            target: params[2].clone(),
            kind: None,
            label,
            tags: client_tags(line),
            lines: Vec::new(),
            bytes: 0,
            failed: false,
        });
    }

    /// Keeps a line of an open batch; returns whether it says that it is one.
    pub(super) fn collect_line(
        &mut self,
        who: usize,
        member: usize,
        kind: MessageKind,
        line: &str,
        params: &[String],
    ) -> bool {
        let Some(reference) = tag(line, "batch").filter(|_| has_multiline(&self.readers[who])) else { return false };
        let open = self.irc_mut(who).multiline.take();
        let Some(mut batch) = open.filter(|batch| batch.reference == reference) else {
            self.fail_batch(who, "MULTILINE_INVALID :That batch is not open");
            return true;
        };
        let concat = line.starts_with(&format!("@batch={reference};draft/multiline-concat "));
        if !batch.failed
            && let Some(fault) = self.add_line(member, &mut batch, kind, concat, params)
        {
            (batch.failed, batch.lines) = (true, Vec::new());
            // That is the answer to the begin of the batch.
            if let Some(label) = batch.label.take() {
                self.resume_label(who, label);
            }
            self.fail_batch(who, &fault);
        }
        self.irc_mut(who).multiline = Some(batch);
        true
    }

    fn add_line(
        &self,
        member: usize,
        batch: &mut Multiline,
        kind: MessageKind,
        concat: bool,
        params: &[String],
    ) -> Option<String> {
        let (target, text) = (&params[0], params.get(1).map_or("", |text| text));
        if !target.eq_ignore_ascii_case(&batch.target) {
            let what = format!("{} {target}", batch.target);
            return Some(format!("MULTILINE_INVALID_TARGET {what} :All lines have the target of the batch"));
        }
        if *batch.kind.get_or_insert(kind) != kind {
            return Some("MULTILINE_INVALID :All lines have the same command".into());
        }
        if concat && text.is_empty() {
            return Some("MULTILINE_INVALID :An empty line does not go on with the line before".into());
        }
        let source = self.irc_source(member, &self.members[member].name).len();
        if source + target.len() + text.len() + 12 > MAX_LINE {
            return Some("MULTILINE_INVALID :A line is too long".into());
        }
        batch.bytes += text.len() + usize::from(!concat);
        if batch.bytes > MAX_BYTES + 1 {
            return Some(format!("MULTILINE_MAX_BYTES {MAX_BYTES} :The message is too long"));
        }
        if batch.lines.len() >= MAX_LINES {
            return Some(format!("MULTILINE_MAX_LINES {MAX_LINES} :The message has too many lines"));
        }
        batch.lines.push((text.into(), concat && !batch.lines.is_empty()));
        None
    }

    fn end_multiline(&mut self, who: usize, member: usize, reference: &str, now: Now) {
        let open = self.irc_mut(who).multiline.take_if(|batch| batch.reference == reference);
        let Some(batch) = open else {
            return self.fail_batch(who, "MULTILINE_INVALID :That batch is not open");
        };
        if batch.failed {
            return;
        }
        let kind = batch.kind.unwrap_or(MessageKind::Said);
        let answers = kind != MessageKind::Notice;
        self.irc_mut(who).given.name = if answers { "PRIVMSG" } else { "NOTICE" }.into();
        if let Some(label) = batch.label {
            self.resume_label(who, label);
        }
        if batch.lines.iter().all(|(text, _)| is_blank(text)) {
            return self.irc_refuse(who, answers, 412, ":No text to send");
        }
        let target = &batch.target;
        let Some(channel) = target.strip_prefix('#') else { panic!("{target} is no channel") };
        match self.find_room(channel).filter(|&room| self.sees(member, room)) {
            Some(room) if self.is_in(member, room) => {
                self.irc_note_channel(who, room);
                let (lines, tags) = (batch.lines, batch.tags);
                self.propose_or_refuse(Proposed::SayLines { author: member, room, kind, tags, lines }, now);
            }
            Some(_) => self.irc_refuse(who, answers, 404, &format!("{target} :Cannot send to channel (+n)")),
            None => self.irc_refuse(who, answers, 403, &format!("{target} :No such channel")),
        }
    }

    /// Sends a message of several lines to a room. `speaker` is the session that has typed it, if it has not ended.
    #[expect(clippy::too_many_arguments, reason = "all that a message consists of")]
    pub(in crate::simulator::oracle) fn say_lines(
        &mut self,
        author: usize,
        speaker: Option<usize>,
        room: usize,
        kind: MessageKind,
        tags: Option<&str>,
        lines: &[TextLine],
        now: Now,
    ) {
        self.counts.irc_multiline += 1;
        let id = self.messages + 1;
        for text in joined(lines) {
            self.say_to(author, speaker, room, (kind, &text), false, now);
        }
        let is_muted = self.is_muted(author, now);
        if !is_muted && self.messages > id {
            let last = self.messages;
            self.room(room).multiline.push((id, last));
        }
        let key = self.members[author].key.clone();
        for session in self.irc_readers(room) {
            let reader = self.readers[session].member.expect("a member");
            let reads = match reader == author {
                true => self.readers[session].has_cap("echo-message"),
                false => !is_muted && !self.ignores(reader, author, &key),
            };
            if reads {
                self.send_lines(session, author, room, (kind, tags), (id, lines), now);
            }
        }
    }

    fn send_lines(
        &mut self,
        session: usize,
        author: usize,
        room: usize,
        (kind, client_tags): (MessageKind, Option<&str>),
        (id, lines): (u64, &[TextLine]),
        now: Now,
    ) {
        let command = if kind == MessageKind::Notice { "NOTICE" } else { "PRIVMSG" };
        let source = self.irc_source(author, &self.members[author].name);
        let (channel, server) = (format!("#{}", self.room_name(room)), self.config.name.clone());
        let tags = |oracle: &Oracle, id: Option<&str>| {
            let tags = oracle.irc_tags(session, id, now);
            match client_tags.filter(|_| oracle.readers[session].has_cap("message-tags")) {
                Some(client) if tags.is_empty() => format!("@{client} "),
                Some(client) => format!("{};{client} ", tags.trim_end()),
                None => tags,
            }
        };
        let first = tags(self, Some(&format!("0-{id}")));
        if !has_multiline(&self.readers[session]) {
            let others = tags(self, None);
            for (index, (text, _)) in lines.iter().filter(|(text, _)| !is_blank(text)).enumerate() {
                let tags = if index == 0 { &first } else { &others };
                self.irc_send_tagged(session, tags, &format!(":{source} {command} {channel} :{text}"));
            }
            return;
        }
        self.irc_send_tagged(session, &first, &format!(":{source} BATCH + draft/multiline {channel}"));
        for (text, concat) in lines {
            let tags = if *concat { "@batch=;draft/multiline-concat " } else { "@batch= " };
            self.irc_send_tagged(session, tags, &format!(":{source} {command} {channel} :{text}"));
        }
        self.irc_send(session, &format!(":{server} BATCH -"));
    }
}
