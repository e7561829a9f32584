//! Labels of commands, which their answers have.

use super::Oracle;
use crate::chat::Now;
use crate::simulator::oracle::words::{Optional, ReaderStage};

/// The answer of a command with a label.
pub struct Label {
    session: usize,
    text: String,
    /// Where the answer begins in what the session is sent.
    begin: usize,
}

/// The value of a tag in the tags before a line.
pub(super) fn tag<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    let tags = line.strip_prefix('@')?.split(' ').next()?;
    tags.split(';').find_map(|tag| tag.strip_prefix(name)?.strip_prefix('='))
}

/// The tags of a line that others are shown.
pub(super) fn client_tags(line: &str) -> Option<String> {
    let tags = line.strip_prefix('@')?.split(' ').next()?;
    let shown: Vec<&str> = tags.split(';').filter(|tag| tag.starts_with('+')).collect();
    (!shown.is_empty()).then(|| shown.join(";"))
}

/// A line with one more tag.
fn tagged(tag: &str, line: &str) -> String {
    match line.strip_prefix('@') {
        Some(rest) => format!("@{tag};{rest}\r\n"),
        None => format!("@{tag} {line}\r\n"),
    }
}

/// Whether the lines are one batch. Readers leave the references of batches out.
fn is_one_batch(lines: &[&str]) -> bool {
    let is_end = |line: &str| line.split(' ').any(|word| word == "BATCH") && line.ends_with(" -");
    let begins = lines.first().is_some_and(|line| line.contains(" BATCH + ") || line.ends_with(" BATCH +"));
    begins && lines.iter().position(|line| is_end(line)) == Some(lines.len() - 1)
}

fn labelled(server: &str, label: &str, lines: &[&str]) -> Vec<String> {
    let label = format!("label={label}");
    match lines {
        [] => vec![format!("@{label} :{server} ACK\r\n")],
        [line] => vec![tagged(&label, line)],
        [first, others @ ..] if is_one_batch(lines) => {
            std::iter::once(tagged(&label, first)).chain(others.iter().map(|line| format!("{line}\r\n"))).collect()
        }
        _ => {
            let begin = format!("@{label} :{server} BATCH + labeled-response\r\n");
            let inner = lines.iter().map(|line| match tag(line, "batch") {
                Some(_) => format!("{line}\r\n"),
                None => tagged("batch=", line),
            });
            let end = format!(":{server} BATCH -\r\n");
            std::iter::once(begin).chain(inner).chain([end]).collect()
        }
    }
}

impl Oracle {
    pub(super) fn begin_label(&mut self, session: usize, line: &str) {
        let reader = &self.readers[session];
        if let Some(label) = tag(line, "label").filter(|label| (1..=64).contains(&label.len()))
            && reader.has_cap("labeled-response")
            && reader.has_cap("batch")
        {
            self.irc_label = Some(Label { session, text: label.into(), begin: reader.expected.len() });
        }
    }

    /// The answer of a command comes with that of another one.
    pub(super) fn take_label(&mut self, session: usize) -> Option<String> {
        self.irc_label.take_if(|label| label.session == session).map(|label| label.text)
    }

    /// What a session is sent from now on is the answer of a command that came before.
    pub(super) fn resume_label(&mut self, session: usize, text: String) {
        let begin = self.readers[session].expected.len();
        self.irc_label = Some(Label { session, text, begin });
    }

    /// What a session has been sent so far does not belong to its answer.
    pub(in crate::simulator::oracle) fn exclude_from_answer(&mut self, session: usize) {
        let begin = self.readers[session].expected.len();
        self.irc_label.iter_mut().filter(|label| label.session == session).for_each(|label| label.begin = begin);
    }

    /// A command may be over: all that it changes is committed, or proposed if the server commits nothing itself.
    pub(in crate::simulator::oracle) fn irc_settle(&mut self, now: Now) {
        if self.delayed || self.proposed.is_empty() && self.irc_rest.is_empty() {
            self.show_mode_changes(now);
            self.end_label();
        }
    }

    fn end_label(&mut self) {
        let Some(Label { session, text, begin }) = self.irc_label.take() else { return };
        let reader = &mut self.readers[session];
        if reader.due.is_some() || reader.stage == ReaderStage::Gone {
            return;
        }
        self.counts.labels += 1;
        let answer = String::from_utf8(reader.expected.split_off(begin)).expect("lines of UTF-8");
        let (mut lines, mut starts, mut at) = (Vec::new(), Vec::new(), begin);
        for line in answer.split_terminator("\r\n") {
            starts.push(at);
            at += line.len() + 2;
            lines.push(line);
        }
        let server = &self.config.name;
        let written = labelled(server, &text, &lines);
        let is_sure = |at: &usize| reader.optional.iter().all(|other| !other.place.contains(at));
        let sure: Vec<&str> = starts.iter().zip(&lines).filter(|(at, _)| is_sure(at)).map(|(_, line)| *line).collect();
        if sure.len() < 2 && sure.len() < lines.len() {
            // Without the others, it is no batch.
            reader.expected.extend(written.concat().into_bytes());
            let instead = labelled(server, &text, &sure).concat().into_bytes();
            reader.optional.retain(|other| other.place.start < begin);
            return reader.optional.push(Optional { place: begin..reader.expected.len(), instead });
        }
        // The new places of the old lines; the begin of a batch may stand before them.
        let before = usize::from(written.len() > lines.len() && !lines.is_empty());
        let (mut ends, mut end) = (Vec::new(), begin);
        for line in &written {
            reader.expected.extend_from_slice(line.as_bytes());
            end += line.len();
            ends.push(end);
        }
        let begin_of = |index: usize| if index + before == 0 { begin } else { ends[index + before - 1] };
        for other in reader.optional.iter_mut().filter(|other| other.place.start >= begin) {
            let first = starts.iter().position(|start| *start == other.place.start).expect("the begin of a line");
            let last = starts.iter().rposition(|start| *start < other.place.end).expect("the end of a line");
            other.place = begin_of(first)..ends[last + before];
        }
    }
}
