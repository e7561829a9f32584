//! The plain encoding: one line of UTF-8 for each event, ended by CR LF.

use std::fmt;

use time::OffsetDateTime;

use crate::chat::{Event, Lang, MessageKind, Notice, Render, RoomLabel};

/// Renders events as lines.
pub struct Plain {
    /// The language of the server's texts.
    pub lang: Lang,
}

impl Render for Plain {
    #[inline]
    fn render(&self, event: &Event, label: RoomLabel, out: &mut Vec<u8>) {
        match *event {
            // Messages are by far the most.
            Event::Said { at, name, text, .. } => {
                write_time(out, at);
                write_label(out, label);
                [name, ": ", text, "\r\n"].into_iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
            }
            _ => self.render_other(event, label, out),
        }
    }
}

impl Plain {
    fn render_other(&self, event: &Event, label: RoomLabel, out: &mut Vec<u8>) {
        match *event {
            // The date is that of all rooms.
            Event::Notice(ref notice @ Notice::Day(_)) => {
                sentence(out, "* ", RoomLabel::None, self.lang.notice(notice))
            }
            Event::Notice(Notice::Motd { text }) => text.lines().for_each(|line| {
                ["* ", line, "\r\n"].into_iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
            }),
            Event::Notice(_) => self.notice(event, label, out),
            Event::Refusal(ref refusal) => sentence(out, "! ", RoomLabel::None, self.lang.refusal(refusal)),
            Event::Help(reader) => {
                self.lang.help(reader).for_each(|line| sentence(out, "* ", RoomLabel::None, line));
            }
            Event::Said { at, name, text, .. } | Event::Noticed { at, name, text, .. } => {
                spoken(out, at, "", label, [name, ": ", text])
            }
            Event::Action { at, name, text, .. } => spoken(out, at, "* ", label, [name, " ", text]),
            Event::Whisper { at, from, text } => spoken(out, at, "", RoomLabel::None, [from, " -> you: ", text]),
            Event::Whispered { at, to, text } => spoken(out, at, "you -> ", RoomLabel::None, [to, ": ", text]),
            // Only sessions of IRC are sent these.
            Event::Irc(_) => {}
            Event::Found { id, at, name, text, kind } => {
                let (date, (hour, minute, second)) = (at.date(), at.to_hms());
                let (before, behind) = (if kind == MessageKind::Action { "* " } else { "" }, kind.separator());
                let when = format_args!("{date} {hour:02}:{minute:02}:{second:02}");
                sentence(out, "* ", label, format_args!("{id} {when} {before}{name}{behind}{text}"));
            }
        }
    }

    fn notice(&self, event: &Event, label: RoomLabel, out: &mut Vec<u8>) {
        let Event::Notice(notice) = event else { return };
        // The sentence names the room.
        let first = if let Notice::Following { .. } = notice { RoomLabel::None } else { label };
        sentence(out, "* ", first, self.lang.notice(notice));
        if let Notice::Entered { topic, .. } | Notice::EnteredRoom { topic, .. } | Notice::Following { topic, .. } =
            notice
            && let &Some(topic) = topic
        {
            sentence(out, "* ", label, self.lang.notice(&Notice::Topic(topic)));
        }
    }
}

/// Writes a text of the server after `mark`; nothing if the text is empty.
fn sentence(out: &mut Vec<u8>, mark: &str, label: RoomLabel, words: impl fmt::Display) {
    use std::io::Write;
    let before = out.len();
    out.extend_from_slice(mark.as_bytes());
    write_label(out, label);
    let begun = out.len();
    // Writing to a vector cannot fail.
    let _ = write!(out, "{words}");
    if out.len() == begun {
        out.truncate(before);
    } else {
        out.extend_from_slice(b"\r\n");
    }
}

/// Writes the name of a room that is not the reader's current one.
#[inline(always)]
fn write_label(out: &mut Vec<u8>, label: RoomLabel) {
    if let RoomLabel::Followed(room) = label {
        [b"(", room.as_bytes(), b") "].into_iter().for_each(|part| out.extend_from_slice(part));
    }
}

/// Writes `[HH:MM:SS] `.
#[inline(always)]
fn write_time(out: &mut Vec<u8>, at: OffsetDateTime) {
    let digits = |n: u8| [b'0' + n / 10, b'0' + n % 10];
    let (hour, minute, second) = at.to_hms();
    let ([h0, h1], [m0, m1], [s0, s1]) = (digits(hour), digits(minute), digits(second));
    out.extend_from_slice(&[b'[', h0, h1, b':', m0, m1, b':', s0, s1, b']', b' ']);
}

fn spoken(out: &mut Vec<u8>, at: OffsetDateTime, mark: &str, label: RoomLabel, parts: [&str; 3]) {
    write_time(out, at);
    out.extend_from_slice(mark.as_bytes());
    write_label(out, label);
    parts.into_iter().chain(["\r\n"]).for_each(|part| out.extend_from_slice(part.as_bytes()));
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use time::Time;

    use super::*;
    use crate::chat::{NodeLine, People, Topic};

    fn rendered(lang: Lang, event: Event) -> String {
        labelled(lang, event, RoomLabel::Current("lobby"))
    }

    fn labelled(lang: Lang, event: Event, label: RoomLabel) -> String {
        let mut out = Vec::new();
        Plain { lang }.render(&event, label, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_of_a_followed_room_have_its_name() {
        let at = OffsetDateTime::UNIX_EPOCH;
        let (id, name, text) = (1, "bob", "hi");
        let den = |event| labelled(Lang::En, event, RoomLabel::Followed("den"));
        assert_eq!(den(Event::Said { id, at, name, text }), "[00:00:00] (den) bob: hi\r\n");
        assert_eq!(den(Event::Action { id, at, name, text: "waves" }), "[00:00:00] * (den) bob waves\r\n");
        assert_eq!(den(Event::Notice(Notice::Joined { name, here: 3 })), "* (den) bob joined (3 here)\r\n");
        assert_eq!(den(Event::Notice(Notice::Day(at.date()))), "* Thursday 1 January 1970\r\n");
        assert_eq!(den(Event::Notice(Notice::NameSet)), "");
        let topic = Some(Topic { name: "bob", text: "fish" });
        let following =
            Notice::Following { room: "den", people: People { here: 1, names: &[], away: &[], you: true }, topic };
        assert_eq!(
            den(Event::Notice(following)),
            "* You follow den. 1 here: you.\r\n* (den) The topic, set by bob: fish\r\n"
        );
    }

    #[test]
    fn every_event_kind_has_its_line_shape() {
        let at = OffsetDateTime::UNIX_EPOCH.replace_time(Time::from_hms(9, 5, 30).unwrap());
        let id = 1;
        let (name, text) = ("alice", "hi");
        assert_eq!(rendered(Lang::En, Event::Said { id, at, name, text }), "[09:05:30] alice: hi\r\n");
        assert_eq!(rendered(Lang::En, Event::Action { id, at, name, text: "waves" }), "[09:05:30] * alice waves\r\n");
        assert_eq!(rendered(Lang::En, Event::Noticed { id, at, name, text }), "[09:05:30] alice: hi\r\n");
        assert_eq!(rendered(Lang::En, Event::Whisper { at, from: name, text }), "[09:05:30] alice -> you: hi\r\n");
        assert_eq!(rendered(Lang::Zh, Event::Whispered { at, to: name, text }), "[09:05:30] you -> alice: hi\r\n");
        let welcome = |lang, server| rendered(lang, Event::Notice(Notice::Welcome { server }));
        assert_eq!(welcome(Lang::Zh, "chinwag"), "* 请输入昵称:\r\n");
        assert_eq!(welcome(Lang::Zh, "a.b"), "* 请输入昵称（a.b）:\r\n");
        assert_eq!(welcome(Lang::En, "a.b"), "* Welcome to chinwag at a.b. Type a nickname and press Enter:\r\n");
    }

    #[test]
    fn nodes_of_members_and_of_the_cluster_are_named() {
        let people = People { here: 3, names: &["ann", "bob"], away: &[], you: true };
        let who = Event::Notice(Notice::People { room: "lobby", people, nodes: &[("bob", "b")] });
        assert_eq!(rendered(Lang::En, who), "* 3 here: ann, bob (b) and you.\r\n");
        assert_eq!(rendered(Lang::Zh, who), "* 当前3人：ann、bob (b)和您。\r\n");
        let node = NodeLine {
            name: "b",
            is_this: false,
            ready: true,
            members: 1,
            applied: Some(8),
            lag: Some(2),
            heard: Some(Duration::from_millis(1_234)),
        };
        for (node, en, zh) in [
            (node, "b: 1 member, at position 8, 2 behind, heard 1.2 s ago", "b：1人，日志位置8，落后2，1.2秒前有消息"),
            (
                NodeLine { is_this: true, members: 2, lag: Some(0), heard: None, ..node },
                "b (this node): 2 members, at position 8",
                "b（本节点）：2人，日志位置8",
            ),
            (
                NodeLine { ready: false, applied: None, lag: None, heard: None, ..node },
                "b: 1 member, not heard yet, does not take part yet",
                "b：1人，还没有消息，尚未加入",
            ),
        ] {
            let event = Event::Notice(Notice::Node(node));
            assert_eq!(rendered(Lang::En, event), format!("* {en}\r\n"));
            assert_eq!(rendered(Lang::Zh, event), format!("* {zh}\r\n"));
        }
    }

    #[test]
    fn notice_with_empty_text_writes_no_line() {
        assert_eq!(rendered(Lang::En, Event::Notice(Notice::NameSet)), "");
        assert_eq!(rendered(Lang::Zh, Event::Notice(Notice::NameSet)), "* 昵称设置成功\r\n");
    }
}
