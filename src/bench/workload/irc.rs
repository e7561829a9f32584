//! The client's side of IRC: <https://modern.ircdocs.horse/>.

use super::browser::LoginReply;

/// The room in which all members are.
const ROOM: &str = "lobby";

/// The longest message in bytes: a line has 510, of which its sender and its channel need at most this much less.
pub const MAX_SIZE: usize = 400;

/// The lines that give the name of a member, without the last end.
pub fn registration(name: &str) -> String {
    format!("NICK {name}\r\nUSER {name} 0 * :{name}")
}

/// The line that enters the room in which all members are.
pub fn enter() -> String {
    join(ROOM)
}

/// A line that enters a room.
pub fn join(room: &str) -> String {
    format!("JOIN #{room}")
}

/// What stands before a message for a room; for all members if it is `None`.
pub fn prefix(room: Option<&str>) -> String {
    format!("PRIVMSG #{} :", room.unwrap_or(ROOM))
}

/// The answer to a line from the server if that is a ping, which every client has to answer.
pub fn pong(text: &[u8]) -> Option<Vec<u8>> {
    text.strip_prefix(b"PING ").map(|token| [b"PONG ", token].concat())
}

/// What a line from the server means during login.
pub fn login_reply(text: &[u8]) -> LoginReply {
    let refused = || LoginReply::Refused(String::from_utf8_lossy(text).into_owned());
    match numeric(text) {
        Some((b"001", _)) => LoginReply::Asked,
        Some((b"366", _)) => LoginReply::Entered,
        // There is no message of the day.
        Some((b"422", _)) => LoginReply::Other,
        Some(([b'4' | b'5', ..], _)) => refused(),
        _ if text.starts_with(b"ERROR ") => refused(),
        _ => LoginReply::Other,
    }
}

/// Whether a line from the server ends the answer to JOIN, for the channel of this room.
pub fn has_joined(text: &[u8], room: &str) -> bool {
    let channel = |words: &[u8]| words.split(|&byte| byte == b' ').nth(1) == Some(format!("#{room}").as_bytes());
    numeric(text).is_some_and(|(code, words)| code == b"366" && channel(words))
}

/// A line from a server with this code, of `size` bytes or a few more.
pub fn numeric_line(code: &str, size: usize) -> Vec<u8> {
    let line = format!(":. {code} . #{ROOM} :");
    format!("{line:.<0$}\r\n", size.saturating_sub(2)).into_bytes()
}

/// The code of a numeric reply, and the words after it: `:SERVER CODE NICK ...`.
fn numeric(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut parts = text.strip_prefix(b":")?.splitn(3, |&byte| byte == b' ');
    let (_, code, words) = (parts.next()?, parts.next()?, parts.next()?);
    (code.len() == 3 && code.iter().all(u8::is_ascii_digit)).then_some((code, words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numerics_tell_how_the_login_goes() {
        for (line, expected) in [
            (":irc.example 001 b1 :Welcome", LoginReply::Asked),
            (":irc.example 353 b1 = #lobby :@b0 b1", LoginReply::Other),
            (":irc.example 366 b1 #lobby :End of /NAMES list", LoginReply::Entered),
            (":irc.example 422 b1 :MOTD File is missing", LoginReply::Other),
            (":irc.example NOTICE * :*** 001 433", LoginReply::Other),
            (":b2!b2@host PRIVMSG #lobby :433", LoginReply::Other),
            ("PING :x", LoginReply::Other),
        ] {
            assert_eq!(login_reply(line.as_bytes()), expected, "{line}");
        }
        for line in [":irc.example 433 * b1 :Nickname is already in use", "ERROR :Closing link"] {
            assert_eq!(login_reply(line.as_bytes()), LoginReply::Refused(line.into()));
        }
        for (code, expected) in [("001", LoginReply::Asked), ("366", LoginReply::Entered)] {
            for size in [1, 40, 500] {
                let line = numeric_line(code, size);
                assert!(
                    line.ends_with(b"\r\n") && (size..size.max(20)).contains(&(line.len() - 1)) || line.len() == size
                );
                assert_eq!(login_reply(&line), expected);
            }
        }
    }

    #[test]
    fn end_of_names_says_which_channel_was_entered() {
        let line = b":irc.example 366 b1 #r1 :End of /NAMES list";
        assert!(has_joined(line, "r1") && !has_joined(line, "r") && !has_joined(line, "r12"));
        assert!(!has_joined(b":irc.example 353 b1 = #r1 :b1", "r1"));
        assert!(!has_joined(b":b1!b1@host JOIN #r1", "r1"));
    }

    #[test]
    fn ping_is_answered_with_its_token() {
        assert_eq!(pong(b"PING :a b").as_deref(), Some(&b"PONG :a b"[..]));
        assert_eq!(pong(b":irc.example PONG x :PING"), None);
    }
}
