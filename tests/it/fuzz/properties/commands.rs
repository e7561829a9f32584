//! Commands: every line is a command, and every text can be sent as a message.

use chinwag::chat::command::{Command, is_blank, split};
use chinwag::wire::sanitize::clean;

/// Commands whose argument is taken unchanged.
const VERBATIM: &[&str] = &["say", "SAY", "me", "r"];

pub fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    line(&text);
    // As the hub receives it.
    line(&clean(&text));
}

fn line(text: &str) {
    let command = Command::parse(text);
    for slice in slices(command) {
        let (whole, part) = (text.as_bytes().as_ptr_range(), slice.as_bytes().as_ptr_range());
        assert!(slice.is_empty() || whole.start <= part.start && part.end <= whole.end, "{slice:?} is from elsewhere");
    }
    let is_blank = is_blank(text);
    assert_eq!(command == Command::Nothing, is_blank);
    let is_quit = ["q", "quit", "exit"].contains(&&*text.trim().to_lowercase());
    if !is_blank && !is_quit && !text.starts_with(['@', '/', '#']) {
        assert_eq!(command, Command::Say(text));
    }
    if is_quit {
        assert_eq!(command, Command::Quit(""));
    }

    if let Some(rest) = text.strip_prefix('#').filter(|_| !is_quit) {
        assert_eq!(command, Command::Hash(rest));
    }

    for word in VERBATIM {
        let expected = match word.to_lowercase().as_str() {
            "me" => Command::Action(text),
            "r" => Command::Reply(text),
            _ => Command::Say(text),
        };
        assert_eq!(Command::parse(&format!("/{word} {text}")), expected);
    }
    for sign in ["@", "/"] {
        let (doubled, single) = (format!("{sign}{sign}{text}"), format!("{sign}{text}"));
        assert_eq!(Command::parse(&doubled), Command::Say(&single));
    }
    let (to, said) = split(text);
    if !to.is_empty() && !to.starts_with(char::is_whitespace) && !to.starts_with('@') {
        assert_eq!(Command::parse(&format!("@{text}")), Command::Whisper { to, text: said });
        assert_eq!(Command::parse(&format!("/MSG  {text}")), Command::Whisper { to, text: said });
    }
    if let Command::Other(word, rest) = command {
        assert!(text.strip_prefix('/').is_some_and(|rest| rest.starts_with(word)), "{word:?} was not typed");
        assert!(!word.contains(' ') && rest.trim() == rest);
    }
}

/// All text in a command.
fn slices<'a>(command: Command<'a>) -> Vec<&'a str> {
    match command {
        Command::Nothing
        | Command::Rooms
        | Command::Leave
        | Command::Help
        | Command::Motd
        | Command::Stats
        | Command::Nodes
        | Command::Reload
        | Command::ShutDown => Vec::new(),
        Command::Say(text)
        | Command::Action(text)
        | Command::Reply(text)
        | Command::Nick(text)
        | Command::Who(text)
        | Command::Join(text)
        | Command::Follow(text)
        | Command::Unfollow(text)
        | Command::Hash(text)
        | Command::Topic(text)
        | Command::Quiet(text)
        | Command::Away(text)
        | Command::Whois(text)
        | Command::History(text)
        | Command::Search(text)
        | Command::Ignore(text)
        | Command::Unignore(text)
        | Command::Echo(text)
        | Command::Ping(text)
        | Command::Quit(text)
        | Command::Kick(text)
        | Command::Ban(text)
        | Command::Bans(text)
        | Command::Unban(text)
        | Command::Mute(text)
        | Command::Mutes(text)
        | Command::Unmute(text)
        | Command::Room(text)
        | Command::Invite(text)
        | Command::RoomRole(_, text)
        | Command::Delete(text)
        | Command::Moderator(_, text)
        | Command::Register(text)
        | Command::Password(text)
        | Command::Unregister(text)
        | Command::Read(text) => vec![text],
        Command::Whisper { to, text } | Command::Other(to, text) => vec![to, text],
    }
}
