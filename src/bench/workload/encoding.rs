//! Encodings spoken with a server: plain lines as nc sends them, the WebSocket encoding of its page, or IRC.

use clap::ValueEnum;
use memchr::{memchr, memmem};
use serde::{Deserialize, Serialize};

use super::browser::LoginReply;
use super::{browser, irc};

/// The encoding spoken with a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lowercase")]
pub enum Encoding {
    // These comments are not for `--help`: the option explains both values.
    // Lines in both directions.
    #[default]
    Plain,
    // Lines in masked frames to the server, JSON in frames from it.
    WebSocket,
    // Lines of IRC; the room is the channel #lobby.
    Irc,
}

impl Encoding {
    /// Its name as an option value.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Plain => "plain",
            Encoding::WebSocket => "websocket",
            Encoding::Irc => "irc",
        }
    }

    /// Whether a server says nothing before the client does.
    pub fn speaks_first(self) -> bool {
        self != Encoding::Plain
    }

    /// The usual command for a whisper; `{name}` and `{text}` are replaced.
    pub fn whisper(self) -> &'static str {
        match self {
            Encoding::Plain | Encoding::WebSocket => "@{name} {text}",
            Encoding::Irc => "PRIVMSG {name} :{text}",
        }
    }

    /// What stands before the text in a line that the server sends back.
    pub fn ping(self) -> &'static str {
        match self {
            Encoding::Plain | Encoding::WebSocket => "/ping ",
            Encoding::Irc => "PING :",
        }
    }

    /// A line that asks to follow a room.
    pub fn follow(self, room: &str) -> String {
        match self {
            Encoding::Plain | Encoding::WebSocket => format!("/follow {room}"),
            Encoding::Irc => irc::join(room),
        }
    }

    /// Appends what stands before a message in a line to the server; `room` is the name of a followed one.
    pub fn write_prefix(self, room: Option<&str>, out: &mut Vec<u8>) {
        let prefix = match (self, room) {
            (Encoding::Irc, room) => irc::prefix(room),
            (_, Some(room)) => format!("#{room} "),
            (_, None) => return,
        };
        out.extend_from_slice(prefix.as_bytes());
    }

    /// How many of `talkers` read a message of one of them. A page receives its own messages too, as confirmation.
    pub fn read_by(self, talkers: usize) -> usize {
        match self {
            Encoding::Plain | Encoding::Irc => talkers.saturating_sub(1),
            Encoding::WebSocket => talkers,
        }
    }

    /// The text of a line or frame.
    pub fn text(self, unit: &[u8]) -> &[u8] {
        match self {
            Encoding::Plain | Encoding::Irc => {
                let line = unit.strip_suffix(b"\n").unwrap_or(unit);
                line.strip_suffix(b"\r").unwrap_or(line)
            }
            Encoding::WebSocket => browser::payload(unit),
        }
    }

    /// The name of the room of a message, if the text has one.
    pub fn room_label(self, text: &[u8]) -> Option<&[u8]> {
        let (before, after) = match self {
            Encoding::Plain => (&b"] ("[..], b')'),
            Encoding::WebSocket => (&b"\"room\":\""[..], b'"'),
            Encoding::Irc => (&b" PRIVMSG #"[..], b' '),
        };
        let label = &text[memmem::find(text, before)? + before.len()..];
        Some(&label[..memchr(after, label)?])
    }

    /// Whether a text from the server says that a member follows a room from now on.
    pub fn says_follows(self, text: &[u8], room: &str) -> bool {
        match self {
            // The name of the room may stand before it, as in all lines of a followed room.
            Encoding::Plain => {
                text.starts_with(b"* ") && memmem::find(text, format!("You follow {room}.").as_bytes()).is_some()
            }
            Encoding::WebSocket => text.starts_with(format!(r#"{{"t":"following","room":"{room}","#).as_bytes()),
            Encoding::Irc => irc::has_joined(text, room),
        }
    }

    /// What a text from the server means during login.
    pub fn login_reply(self, text: &[u8]) -> LoginReply {
        match self {
            Encoding::Plain if text.starts_with(b"! ") => {
                LoginReply::Refused(String::from_utf8_lossy(text).into_owned())
            }
            Encoding::Plain => LoginReply::Entered,
            Encoding::WebSocket => browser::login_reply(text),
            Encoding::Irc => irc::login_reply(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{Event, Lang, Notice, People, Render, RoomLabel};
    use crate::wire::json::{Framing, Json};
    use crate::wire::plain::Plain;

    fn rendered(encoding: Encoding, notice: Notice, label: RoomLabel) -> Vec<u8> {
        let mut out = Vec::new();
        let lang = Lang::En;
        match encoding {
            Encoding::WebSocket => {
                Json { lang, framing: Framing::Frame }.render(&Event::Notice(notice), label, &mut out);
            }
            _ => Plain { lang }.render(&Event::Notice(notice), label, &mut out),
        }
        encoding.text(&out).to_vec()
    }

    #[test]
    fn answer_to_follow_is_recognized() {
        for encoding in [Encoding::Plain, Encoding::WebSocket] {
            let people = People { here: 2, names: &["bob"], away: &[], you: true };
            let says = |notice, label, room| encoding.says_follows(&rendered(encoding, notice, label), room);
            for label in [RoomLabel::Followed("r1"), RoomLabel::None] {
                let answer = |room| Notice::Following { room, people, topic: None };
                assert!(says(answer("r1"), label, "r1") && says(answer("r12"), label, "r12"), "{encoding:?}");
                assert!(!says(answer("r12"), label, "r1") && !says(answer("r1"), label, "r12"), "{encoding:?}");
            }
            assert!(!says(Notice::Unfollowed { room: "r1" }, RoomLabel::None, "r1"), "{encoding:?}");
        }
    }
}
