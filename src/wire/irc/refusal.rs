//! Refusals as numerics of IRC: <https://modern.ircdocs.horse/#numerics>.

use super::server_lines::Irc;
use crate::chat::{Due, IrcContext, Refusal, Sender};

/// Appends a refusal to `out`: as the numeric that programs know, or else as a NOTICE.
pub fn render(irc: &Irc, refusal: &Refusal, context: &IrcContext, out: &mut Vec<u8>) {
    let channel = |room: &str| format!("#{room}");
    let text = without_commands(&irc.lang.refusal(refusal).to_string());
    let mut numeric = |code: u16, params: &[&str], text: &str| {
        irc.numeric(context, code, params.iter().copied(), Some(text), out);
    };
    // An answer of the store comes after its command.
    let command = if context.command.is_empty() { "*" } else { context.command };
    // A channel that the refusal does not name.
    let subject = if context.subject.is_empty() { command } else { context.subject };
    match (command, refusal) {
        ("AUTHENTICATE", _) => return numeric(904, &[], &format!("SASL authentication failed: {text}")),
        ("REGISTER", Refusal::Registered { name, .. }) => {
            let text = "The account exists already";
            return irc.command(context, Sender::Server, "FAIL", ["REGISTER", "ACCOUNT_EXISTS", name], Some(text), out);
        }
        ("REGISTER", _) => {
            let middle = ["REGISTER", "TEMPORARILY_UNAVAILABLE", context.nick];
            return irc.command(context, Sender::Server, "FAIL", middle, Some(&text), out);
        }
        _ => {}
    }
    match *refusal {
        Refusal::Taken { name, .. } | Refusal::Registered { name, .. } => numeric(433, &[name], &text),
        Refusal::BadName { name, .. } => numeric(432, &[one_word(name)], &text),
        Refusal::NoSuchMember { name } => numeric(401, &[one_word(name)], "No such nick/channel"),
        Refusal::NotReached { name } => numeric(401, &[one_word(name)], &text),
        Refusal::BadRoomName | Refusal::MixedRoomName { .. } | Refusal::RoomLooksLike { .. } => {
            numeric(403, &[subject], &text);
        }
        // It has been removed since the command was given.
        Refusal::NoRoom { room: "" } => numeric(403, &[subject], "No such channel"),
        Refusal::NoRoom { room } => numeric(403, &[&channel(one_word(room))], "No such channel"),
        Refusal::TooManyRooms { .. } | Refusal::TooManyStoredRooms { .. } | Refusal::TooManyCreated { .. } => {
            numeric(405, &[subject], &text)
        }
        Refusal::TooManyFollowed { most } => {
            numeric(405, &[subject], &format!("You are in {most} channels already; leave one first"));
        }
        Refusal::InThatRoom { .. } | Refusal::FollowsAlready { .. } | Refusal::NoChange => {}
        // A MODE that changes nothing is not answered.
        Refusal::HasRole { .. }
        | Refusal::LacksRole { .. }
        | Refusal::NoMask { .. }
        | Refusal::NotRestricted { .. }
            if command == "MODE" => {}
        Refusal::NotInRoom { room } | Refusal::NotMember { room } | Refusal::NotFollowed { room } => match command {
            "PRIVMSG" | "NOTICE" | "TAGMSG" => numeric(404, &[&channel(room)], "Cannot send to channel"),
            _ => numeric(442, &[&channel(room)], "You're not on that channel"),
        },
        Refusal::Moderated { room } | Refusal::MutedIn { room, .. } | Refusal::SlowMode { room, .. } => {
            numeric(404, &[&channel(room)], &text);
        }
        Refusal::NotAllowed { room: Some(room) } => numeric(482, &[&channel(room)], "You're not channel operator"),
        Refusal::NotForLobby => numeric(482, &["#lobby"], &text),
        Refusal::NotAllowed { room: None } | Refusal::OnlyOperator | Refusal::Protected { .. } => {
            numeric(481, &[], "Permission Denied- You're not an IRC operator");
        }
        Refusal::IsThere { name, room } => numeric(443, &[name, &channel(room)], "is already on channel"),
        Refusal::NotThere { name, room } => numeric(441, &[name, &channel(room)], "They aren't on that channel"),
        Refusal::WrongKey { room, .. } => numeric(475, &[&channel(room)], "Cannot join channel (+k)"),
        Refusal::InviteOnly { room } => numeric(473, &[&channel(room)], "Cannot join channel (+i)"),
        Refusal::RoomFull { room, .. } => numeric(471, &[&channel(room)], "Cannot join channel (+l)"),
        Refusal::BannedFrom { room } => numeric(474, &[&channel(room)], "Cannot join channel (+b)"),
        Refusal::BadKey { .. } => numeric(525, &[command], "Key is not well-formed"),
        Refusal::ListFull { room, .. } => numeric(478, &[&channel(room), "b"], "Channel list is full"),
        Refusal::NoMessage { .. } | Refusal::NotYours { .. } | Refusal::NothingToDelete { .. } => {
            irc.notice(context, &text, out);
        }
        Refusal::LastOperator { room } => {
            let text = format!("You are the only operator of #{room}: give another member +o first");
            irc.notice(context, &text, out);
        }
        Refusal::TooManyKeys { .. } => {
            let middle = ["METADATA", "LIMIT_REACHED", "*"];
            irc.command(context, Sender::Server, "FAIL", middle, Some(&text), out);
        }
        Refusal::TooLong { .. } => numeric(417, &[], "Input line was too long"),
        Refusal::NotUtf8 => {
            let reason = "The line is not UTF-8, and was not processed";
            irc.command(context, Sender::Server, "FAIL", ["*", "INVALID_UTF8"], Some(reason), out);
        }
        Refusal::NoCommand { word } => numeric(421, &[one_word(word)], "Unknown command"),
        Refusal::Usage(_) => numeric(461, &[command], "Not enough parameters"),
        Refusal::WrongPassword { due: Due::Goodbye } => numeric(464, &[], "Password incorrect"),
        Refusal::OtherProtocol => {
            error(irc, context, "this port is for IRC; HTTP, TLS, SSH and similar protocols are not supported", out);
        }
        Refusal::Full
        | Refusal::Busy
        | Refusal::TooManyFromAddress { .. }
        | Refusal::Idle { .. }
        | Refusal::LoginTimeout { .. }
        | Refusal::NoProxyHeader => error(irc, context, &text, out),
        Refusal::Banned => {
            numeric(465, &[], "You are banned from this server");
            error(irc, context, &text, out);
        }
        _ => irc.notice(context, &text, out),
    }
}

/// Writes the line before the server closes the connection.
fn error(irc: &Irc, context: &IrcContext, text: &str, out: &mut Vec<u8>) {
    irc.command(context, Sender::Nobody, "ERROR", [], Some(&format!("Closing link: {text}")), out);
}

/// A text without the sentences that name commands of other clients, such as `/rooms`.
fn without_commands(text: &str) -> String {
    let names_command = |sentence: &str| {
        let words = sentence.split('/').skip(1).zip(sentence.split('/'));
        let begins = |(after, before): (&str, &str)| {
            after.starts_with(|c: char| c.is_ascii_lowercase())
                && !before.ends_with(|c: char| c.is_ascii_alphanumeric())
        };
        words.into_iter().any(begins)
    };
    let sentences = text.split_inclusive(". ").flat_map(|part| part.split_inclusive('。'));
    let kept: String = sentences.filter(|sentence| !names_command(sentence)).collect();
    if kept.is_empty() { text.to_owned() } else { kept.trim_end().to_owned() }
}

/// A parameter that is not the last one has no spaces, is not empty and does not begin with a colon.
fn one_word(text: &str) -> &str {
    match text.split(' ').next() {
        Some(word) if !word.is_empty() && !word.starts_with(':') => word,
        _ => "*",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Lang;

    #[test]
    fn commands_of_other_clients_are_left_out() {
        for (refusal, expected) in [
            (Refusal::TooManyRooms { most: 9 }, "There are 9 rooms already, and no more can be made."),
            (Refusal::IsBanned { name: "bob", room: "den" }, "bob is banned from den."),
            (Refusal::Registered { name: "bob", asked: false }, "The nickname bob is registered."),
            (Refusal::NotBanned { what: "10.0.0.0/8" }, "10.0.0.0/8 is not a banned address."),
            (Refusal::NotThere { name: "bob", room: "den" }, "bob is not in den."),
        ] {
            assert_eq!(without_commands(&Lang::En.refusal(&refusal).to_string()), expected);
        }
        let chinese = without_commands(&Lang::Zh.refusal(&Refusal::TooManyRooms { most: 9 }).to_string());
        assert!(chinese.ends_with('。') && !chinese.contains('/'), "{chinese}");
        assert_eq!(without_commands("Usage: /history n"), "Usage: /history n");
    }
}
