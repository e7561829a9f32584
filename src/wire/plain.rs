//! The plain encoding: one line of UTF-8 for each event, ended by CR LF.

use std::fmt;

use time::OffsetDateTime;

use crate::chat::{Event, Lang, Render};

/// Renders events as lines.
pub struct Plain {
    /// The language of the server's texts.
    pub lang: Lang,
}

impl Render for Plain {
    fn render(&self, event: &Event, out: &mut Vec<u8>) {
        match *event {
            Event::Notice(ref notice) => sentence(out, "* ", self.lang.notice(notice)),
            Event::Refusal(ref refusal) => sentence(out, "! ", self.lang.refusal(refusal)),
            Event::Help { operator } => {
                let lines = if operator { self.lang.operator_help() } else { self.lang.help() };
                lines.iter().for_each(|line| sentence(out, "* ", line));
            }
            Event::Said { at, name, text, .. } => spoken(out, at, &[name, ": ", text]),
            Event::Action { at, name, text, .. } => spoken(out, at, &["* ", name, " ", text]),
            Event::Whisper { at, from, text } => spoken(out, at, &[from, " -> you: ", text]),
            Event::Whispered { at, to, text } => spoken(out, at, &["you -> ", to, ": ", text]),
            Event::Found { id, at, name, text, action } => {
                let (date, (hour, minute, second)) = (at.date(), at.to_hms());
                let (before, behind) = if action { ("* ", " ") } else { ("", ": ") };
                let when = format_args!("{date} {hour:02}:{minute:02}:{second:02}");
                sentence(out, "* ", format_args!("{id} {when} {before}{name}{behind}{text}"));
            }
        }
    }
}

/// Writes a text of the server after `mark`; nothing if the text is empty.
fn sentence(out: &mut Vec<u8>, mark: &str, words: impl fmt::Display) {
    use std::io::Write;
    let before = out.len();
    out.extend_from_slice(mark.as_bytes());
    // Writing to a vector cannot fail.
    let _ = write!(out, "{words}");
    if out.len() == before + mark.len() {
        out.truncate(before);
    } else {
        out.extend_from_slice(b"\r\n");
    }
}

fn spoken(out: &mut Vec<u8>, at: OffsetDateTime, parts: &[&str]) {
    let digits = |n: u8| [b'0' + n / 10, b'0' + n % 10];
    let (hour, minute, second) = at.to_hms();
    let ([h0, h1], [m0, m1], [s0, s1]) = (digits(hour), digits(minute), digits(second));
    out.extend_from_slice(&[b'[', h0, h1, b':', m0, m1, b':', s0, s1, b']', b' ']);
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use time::Time;

    use super::*;
    use crate::chat::Notice;

    fn rendered(lang: Lang, event: Event) -> String {
        let mut out = Vec::new();
        Plain { lang }.render(&event, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_event_kind_has_its_line_shape() {
        let at = OffsetDateTime::UNIX_EPOCH.replace_time(Time::from_hms(9, 5, 30).unwrap());
        let id = 1;
        let (name, text) = ("alice", "hi");
        assert_eq!(rendered(Lang::En, Event::Said { id, at, name, text }), "[09:05:30] alice: hi\r\n");
        assert_eq!(rendered(Lang::En, Event::Action { id, at, name, text: "waves" }), "[09:05:30] * alice waves\r\n");
        assert_eq!(rendered(Lang::En, Event::Whisper { at, from: name, text }), "[09:05:30] alice -> you: hi\r\n");
        assert_eq!(rendered(Lang::Zh, Event::Whispered { at, to: name, text }), "[09:05:30] you -> alice: hi\r\n");
        assert_eq!(rendered(Lang::Zh, Event::Notice(Notice::Welcome)), "* 请输入昵称:\r\n");
    }

    #[test]
    fn notice_with_empty_text_writes_no_line() {
        assert_eq!(rendered(Lang::En, Event::Notice(Notice::NameSet)), "");
        assert_eq!(rendered(Lang::Zh, Event::Notice(Notice::NameSet)), "* 昵称设置成功\r\n");
    }
}
