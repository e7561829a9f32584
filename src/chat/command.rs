//! Parses a typed line into a command.

use super::change::RoleChange;
use super::member::{Role, RoomRole};
use super::policy::nick::is_invisible;

/// One parsed line of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    Nothing,
    Say(&'a str),
    Action(&'a str),
    Whisper {
        to: &'a str,
        text: &'a str,
    },
    Reply(&'a str),
    Nick(&'a str),
    Who(&'a str),
    Rooms,
    Join(&'a str),
    Leave,
    Follow(&'a str),
    Unfollow(&'a str),
    /// A line that begins with `#`: the text after it.
    Hash(&'a str),
    Topic(&'a str),
    Quiet(&'a str),
    Away(&'a str),
    Whois(&'a str),
    History(&'a str),
    Search(&'a str),
    Ignore(&'a str),
    Unignore(&'a str),
    Echo(&'a str),
    Ping(&'a str),
    Help,
    Motd,
    Quit(&'a str),
    Stats,
    Kick(&'a str),
    Ban(&'a str),
    Bans(&'a str),
    Unban(&'a str),
    Mute(&'a str),
    Mutes(&'a str),
    Unmute(&'a str),
    /// The settings of a room.
    Room(&'a str),
    Invite(&'a str),
    /// `/op`, `/deop`, `/voice` or `/devoice`.
    RoomRole(RoleChange, &'a str),
    Delete(&'a str),
    /// `/mod`, or `/unmod`.
    Moderator(bool, &'a str),
    /// `/nodes`: the nodes of the cluster.
    Nodes,
    /// `/reload`: the settings are read again.
    Reload,
    ShutDown,
    Register(&'a str),
    Password(&'a str),
    Unregister(&'a str),
    Read(&'a str),
    /// An unknown command, or one that the role does not have: the word without the slash, and the rest.
    Other(&'a str, &'a str),
}

/// The typist of a line, which decides which commands there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Typist {
    pub role: Role,
    /// It is the console, which is in no room.
    pub is_console: bool,
}

impl Typist {
    /// A member without a role.
    pub const MEMBER: Typist = Typist { role: Role::User, is_console: false };
    /// The console.
    pub const CONSOLE: Typist = Typist { role: Role::Operator, is_console: true };
}

/// Who has a command.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holder {
    Everyone,
    /// Members with a room.
    Members,
    /// Moderators and the operator.
    Moderators,
    Operator,
}

impl Holder {
    fn includes(self, typist: Typist) -> bool {
        match self {
            Holder::Everyone => true,
            Holder::Members => !typist.is_console,
            Holder::Moderators => typist.role >= Role::Moderator,
            Holder::Operator => typist.role == Role::Operator,
        }
    }
}

impl Command<'_> {
    /// Whether it needs nicknames and several rooms.
    pub fn needs_rooms(&self) -> bool {
        matches!(
            self,
            Command::Follow(_)
                | Command::Unfollow(_)
                | Command::Topic(_)
                | Command::Quiet(_)
                | Command::Away(_)
                | Command::Whois(_)
                | Command::Room(_)
                | Command::Invite(_)
                | Command::RoomRole(..)
                | Command::Delete(_)
                | Command::Moderator(..)
                | Command::Register(_)
                | Command::Password(_)
                | Command::Unregister(_)
                | Command::Read(_)
        )
    }

    /// The arguments of a command about a room that moderators can name without being in it.
    pub fn governed_arguments(&self) -> Option<&str> {
        match self {
            Command::Topic(rest)
            | Command::Room(rest)
            | Command::Invite(rest)
            | Command::RoomRole(_, rest)
            | Command::Kick(rest)
            | Command::Ban(rest)
            | Command::Bans(rest)
            | Command::Unban(rest)
            | Command::Mute(rest)
            | Command::Mutes(rest)
            | Command::Unmute(rest)
            | Command::Delete(rest) => Some(rest),
            _ => None,
        }
    }

    /// Whether members without a role have it in rooms that they operate only.
    pub fn is_moderation(&self) -> bool {
        matches!(
            self,
            Command::Kick(_)
                | Command::Ban(_)
                | Command::Bans(_)
                | Command::Unban(_)
                | Command::Mute(_)
                | Command::Mutes(_)
                | Command::Unmute(_)
        )
    }
}

impl<'a> Command<'a> {
    /// Parses a line of a member; every line is a command.
    pub fn parse(line: &'a str) -> Self {
        Self::parse_as(line, Typist::MEMBER)
    }

    /// Parses a line of this typist.
    pub fn parse_as(line: &'a str, typist: Typist) -> Self {
        if is_blank(line) {
            return Command::Nothing;
        }
        if is_quit_word(line) {
            return Command::Quit("");
        }
        match line.as_bytes() {
            [b'@', b'@', ..] | [b'/', b'/', ..] => Command::Say(&line[1..]),
            [b'@', ..] => Self::whisper(&line[1..]),
            [b'/', ..] => Self::slash(&line[1..], typist),
            [b'#', ..] => Command::Hash(&line[1..]),
            [first, ..] if !first.is_ascii_graphic() => Self::after_space(line, typist),
            _ => Command::Say(line),
        }
    }

    /// Parses a line that begins with white space. A password is not said because of a space before the command.
    fn after_space(line: &'a str, typist: Typist) -> Self {
        let command = line.trim_start().strip_prefix('/').map(|line| Self::slash(line, typist));
        let has_password = |command: &Self| {
            matches!(command, Command::Register(_) | Command::Password(_) | Command::Unregister(_))
                || matches!(command, Command::Nick(rest) if rest.contains(' '))
        };
        command.filter(has_password).unwrap_or(Command::Say(line))
    }

    fn slash(line: &'a str, typist: Typist) -> Self {
        let (word, rest) = split(line);
        let is_meant = |(known, holder, _): &&(&str, Holder, ParseArguments)| {
            holder.includes(typist) && known.eq_ignore_ascii_case(word)
        };
        match COMMANDS.iter().find(is_meant) {
            Some((.., parse)) => parse(rest),
            None => Command::Other(word, rest.trim()),
        }
    }

    fn whisper(rest: &'a str) -> Self {
        let (to, text) = split(rest);
        Command::Whisper { to, text }
    }
}

/// Makes a command from the text after its word.
type ParseArguments = for<'a> fn(&'a str) -> Command<'a>;

/// The commands by the word after the slash, and who has them.
const COMMANDS: &[(&str, Holder, ParseArguments)] = &[
    ("say", Holder::Everyone, |rest| Command::Say(rest)),
    ("me", Holder::Everyone, |rest| Command::Action(rest)),
    ("msg", Holder::Everyone, |rest| Command::whisper(rest.trim_start())),
    ("r", Holder::Everyone, |rest| Command::Reply(rest)),
    ("nick", Holder::Members, |rest| Command::Nick(rest.trim())),
    ("who", Holder::Everyone, |rest| Command::Who(rest.trim())),
    ("rooms", Holder::Everyone, |_| Command::Rooms),
    ("join", Holder::Members, |rest| Command::Join(rest.trim())),
    ("leave", Holder::Members, |_| Command::Leave),
    ("follow", Holder::Members, |rest| Command::Follow(rest.trim())),
    ("unfollow", Holder::Members, |rest| Command::Unfollow(rest.trim())),
    ("topic", Holder::Everyone, |rest| Command::Topic(rest.trim())),
    ("quiet", Holder::Members, |rest| Command::Quiet(rest.trim())),
    ("away", Holder::Members, |rest| Command::Away(rest.trim())),
    ("whois", Holder::Everyone, |rest| Command::Whois(rest.trim())),
    ("history", Holder::Members, |rest| Command::History(rest.trim())),
    ("search", Holder::Members, |rest| Command::Search(rest.trim())),
    ("ignore", Holder::Members, |rest| Command::Ignore(rest.trim())),
    ("unignore", Holder::Members, |rest| Command::Unignore(rest.trim())),
    ("echo", Holder::Members, |rest| Command::Echo(rest.trim())),
    ("ping", Holder::Everyone, |rest| Command::Ping(rest.trim())),
    ("help", Holder::Everyone, |_| Command::Help),
    ("motd", Holder::Everyone, |_| Command::Motd),
    ("quit", Holder::Everyone, |rest| Command::Quit(rest.trim())),
    ("room", Holder::Everyone, |rest| Command::Room(rest.trim())),
    ("invite", Holder::Everyone, |rest| Command::Invite(rest.trim())),
    ("op", Holder::Everyone, |rest| Command::RoomRole(RoleChange::Give(RoomRole::Operator), rest.trim())),
    ("deop", Holder::Everyone, |rest| Command::RoomRole(RoleChange::Take(RoomRole::Operator), rest.trim())),
    ("voice", Holder::Everyone, |rest| Command::RoomRole(RoleChange::Give(RoomRole::Voice), rest.trim())),
    ("devoice", Holder::Everyone, |rest| Command::RoomRole(RoleChange::Take(RoomRole::Voice), rest.trim())),
    ("kick", Holder::Everyone, |rest| Command::Kick(rest.trim())),
    ("ban", Holder::Everyone, |rest| Command::Ban(rest.trim())),
    ("bans", Holder::Everyone, |rest| Command::Bans(rest.trim())),
    ("unban", Holder::Everyone, |rest| Command::Unban(rest.trim())),
    ("mute", Holder::Everyone, |rest| Command::Mute(rest.trim())),
    ("mutes", Holder::Everyone, |rest| Command::Mutes(rest.trim())),
    ("unmute", Holder::Everyone, |rest| Command::Unmute(rest.trim())),
    ("delete", Holder::Everyone, |rest| Command::Delete(rest.trim())),
    ("register", Holder::Members, |rest| Command::Register(rest.trim())),
    ("password", Holder::Members, |rest| Command::Password(rest.trim())),
    ("unregister", Holder::Everyone, |rest| Command::Unregister(rest.trim())),
    ("read", Holder::Members, |rest| Command::Read(rest.trim())),
    ("stats", Holder::Moderators, |_| Command::Stats),
    ("mod", Holder::Operator, |rest| Command::Moderator(true, rest.trim())),
    ("unmod", Holder::Operator, |rest| Command::Moderator(false, rest.trim())),
    ("nodes", Holder::Operator, |_| Command::Nodes),
    ("reload", Holder::Operator, |_| Command::Reload),
    ("shutdown", Holder::Operator, |_| Command::ShutDown),
];

/// The words of all commands that this typist has, without the slash.
pub fn words(typist: Typist) -> impl Iterator<Item = &'static str> {
    COMMANDS.iter().filter(move |(_, holder, _)| holder.includes(typist)).map(|&(word, ..)| word)
}

/// Whether a line is `q`, `quit` or `exit` alone, in any case.
#[inline]
fn is_quit_word(line: &str) -> bool {
    // Most lines begin with another letter.
    let may_begin = |byte: &u8| !byte.is_ascii_graphic() || b"qQeE".contains(byte);
    line.as_bytes().first().is_some_and(may_begin) && is_trimmed_quit_word(line.trim())
}

fn is_trimmed_quit_word(word: &str) -> bool {
    ["q", "quit", "exit"].iter().any(|farewell| word.eq_ignore_ascii_case(farewell))
}

/// Whether a text shows nothing: it is empty, or has only white space and invisible characters.
#[inline]
pub fn is_blank(text: &str) -> bool {
    // Most texts begin with a character that shows.
    !text.as_bytes().first().is_some_and(u8::is_ascii_graphic) && has_only_blanks(text)
}

fn has_only_blanks(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || is_invisible(c))
}

/// Splits a line at the first space into the first word and the rest.
pub fn split(line: &str) -> (&str, &str) {
    line.split_once(' ').unwrap_or((line, ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{Help, Lang};

    #[test]
    fn plain_text_parses_as_said_unchanged() {
        for line in ["hello", " /who", " @bob", "a@b", "qq", "quit it", "1/2", "  indented  "] {
            assert_eq!(Command::parse(line), Command::Say(line));
        }
        assert_eq!(Command::parse("\u{3000}/register fish"), Command::Register("fish"));
        assert_eq!(Command::parse(" /nick alice fish"), Command::Nick("alice fish"));
        assert_eq!(Command::parse(" /nick alice"), Command::Say(" /nick alice"));
        assert_eq!(Command::parse("@@bob"), Command::Say("@bob"));
        assert_eq!(Command::parse("//etc"), Command::Say("/etc"));
        assert_eq!(Command::parse("/say q"), Command::Say("q"));
        assert_eq!(Command::parse("/say  /x "), Command::Say(" /x "));
    }

    #[test]
    fn quit_words_work_alone_and_in_any_case() {
        for line in ["q", "Q", "quit", "EXIT", " exit "] {
            assert_eq!(Command::parse(line), Command::Quit(""));
        }
        assert_eq!(Command::parse("/quit see you"), Command::Quit("see you"));
    }

    #[test]
    fn whisper_takes_first_word_as_name() {
        let hi = Command::Whisper { to: "bob", text: "hi  there" };
        assert_eq!(Command::parse("@bob hi  there"), hi);
        assert_eq!(Command::parse("/msg bob hi  there"), hi);
        assert_eq!(Command::parse("/MSG  bob hi  there"), hi);
        assert_eq!(Command::parse("@127.0.0.1:5 x"), Command::Whisper { to: "127.0.0.1:5", text: "x" });
        assert_eq!(Command::parse("@"), Command::Whisper { to: "", text: "" });
    }

    #[test]
    fn blank_lines_are_nothing_and_unknown_commands_are_kept() {
        assert_eq!(Command::parse("  "), Command::Nothing);
        for invisible in ["\u{200b}", " \u{3164} ", "\u{2800}", "\u{115f}\u{1160}", "\u{ad}", "\u{2060}\u{fe0f}"] {
            assert_eq!(Command::parse(invisible), Command::Nothing, "{invisible:?}");
        }
        assert_eq!(Command::parse("\u{200b}x"), Command::Say("\u{200b}x"));
        assert_eq!(Command::parse("/mod bob"), Command::Other("mod", "bob"));
        assert_eq!(Command::parse_as("/mod bob", Typist::CONSOLE), Command::Moderator(true, "bob"));
        assert_eq!(Command::parse_as("/stats", Typist { role: Role::Moderator, is_console: false }), Command::Stats);
        assert_eq!(Command::parse("/"), Command::Other("", ""));
    }

    #[test]
    fn help_of_members_lists_their_commands() {
        let commands: Vec<&str> = words(Typist::MEMBER).collect();
        for lang in [Lang::En, Lang::Zh] {
            let text = lang.help(Help::Member).collect::<Vec<_>>().join(" ");
            let words = text.split(|c: char| c != '/' && !c.is_ascii_alphanumeric());
            // `/text` stands for a text that begins with a slash.
            let is_command = |word: &&str| !word.ends_with('/') && !word.ends_with("/text");
            let listed: Vec<&str> = words.filter(is_command).filter_map(|word| word.strip_prefix('/')).collect();
            for word in &commands {
                assert!(*word == "help" || listed.contains(word), "/{word} is not in the help");
            }
            for word in listed {
                assert!(commands.contains(&word), "/{word} is no command");
            }
        }
    }
}
