//! Turns a typed line into the line that the server gets, depending on the view in which it was typed.

use std::borrow::Cow;

use crate::chat::command::{Command, is_blank, split};
use crate::client::protocol::sent::SentTo;
use crate::client::protocol::session::Session;
use crate::client::views::ViewTarget;

/// A line for the server.
#[derive(Debug, PartialEq, Eq)]
pub struct RoutedLine<'a> {
    pub line: Cow<'a, str>,
    /// Where a text is said in it, and that text; `None` for other commands.
    pub said: Option<(SentTo, Cow<'a, str>)>,
}

/// Where a line is typed, and what it can refer to.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub view: &'a ViewTarget,
    pub session: &'a Session,
    /// Who has whispered last.
    pub whisperer: Option<&'a str>,
}

impl Place<'_> {
    /// The room of the view, if it is not the current one.
    fn elsewhere(&self) -> Option<&str> {
        match self.view {
            ViewTarget::Room(room) if !self.session.is_current(room) => Some(room),
            _ => None,
        }
    }

    /// Where texts of this view are said.
    fn target(&self) -> SentTo {
        match self.view {
            ViewTarget::Room(room) => SentTo::room(room),
            ViewTarget::Person(name) => SentTo::person(name),
        }
    }

    /// The line for the server. In a view of another room than the current one, texts and commands about a room get its
    /// name; in a conversation, texts are whispered.
    ///
    /// # Errors
    /// The reason, if the line has no meaning in this view.
    pub fn route<'a>(&self, line: &'a str) -> Result<RoutedLine<'a>, &'static str> {
        let command = Command::parse(line);
        let is_conversation = matches!(self.view, ViewTarget::Person(_));
        Ok(match command {
            // It would be said in the room, where others read it.
            Command::Action(_) if is_conversation => {
                return Err("Actions cannot be whispered; Alt-1 goes to your room.");
            }
            Command::Say(text) if !is_blank(text) => self.say(line, text),
            Command::Hash(rest) => self.hash(line, rest),
            Command::Action(text) if !is_blank(text) => self.action(line, text),
            Command::Whisper { to, text } => {
                let said = (SentTo::person(to.trim_end_matches([':', ','])), text.into());
                RoutedLine { line: line.into(), said: Some(said) }
            }
            Command::Reply(text) => {
                let said = self.whisperer.map(|name| (SentTo::person(name), text.into()));
                RoutedLine { line: line.into(), said }
            }
            Command::Leave if self.elsewhere().is_some() => {
                let line = format!("/unfollow {}", self.elsewhere().unwrap_or_default());
                RoutedLine { line: line.into(), said: None }
            }
            _ => RoutedLine { line: self.with_room(line, &command), said: None },
        })
    }

    fn say<'a>(&self, line: &'a str, text: &'a str) -> RoutedLine<'a> {
        let routed = match self.view {
            ViewTarget::Person(name) => format!("@{name} {text}").into(),
            ViewTarget::Room(_) => self.elsewhere().map_or(line.into(), |room| format!("#{room} {text}").into()),
        };
        RoutedLine { line: routed, said: Some((self.target(), text.into())) }
    }

    /// A line that begins with `#`: it names a room that we are in, or is a text of this view. The server would say other ones in
    /// the current room.
    fn hash<'a>(&self, line: &'a str, rest: &'a str) -> RoutedLine<'a> {
        let (room, text) = split(rest);
        if self.session.is_in(room) {
            return RoutedLine { line: line.into(), said: Some((SentTo::room(room), text.into())) };
        }
        let text = if rest.starts_with('#') { rest } else { line };
        let is_here = self.elsewhere().is_none() && matches!(self.view, ViewTarget::Room(_));
        let RoutedLine { line: routed, said } = self.say(line, text);
        RoutedLine { line: if is_here { line.into() } else { routed }, said }
    }

    fn action<'a>(&self, line: &'a str, text: &'a str) -> RoutedLine<'a> {
        match self.elsewhere() {
            Some(room) if !self.names_own_room(text) => {
                RoutedLine { line: format!("/me #{room} {text}").into(), said: Some((self.target(), text.into())) }
            }
            _ => RoutedLine { line: line.into(), said: Some((SentTo::room(self.session.room()), text.into())) },
        }
    }

    /// Whether arguments begin with the name of a room that we are in.
    fn names_own_room(&self, arguments: &str) -> bool {
        arguments.strip_prefix('#').is_some_and(|named| self.session.is_in(split(named).0))
    }

    /// The line with the name of the room, if the command is about a room and names none.
    fn with_room<'a>(&self, line: &'a str, command: &Command) -> Cow<'a, str> {
        let is_moderator = self.session.is_moderator();
        let arguments = match command {
            Command::Who("") => Some(""),
            Command::History(rest) | Command::Search(rest) | Command::Read(rest) => Some(*rest),
            // A moderator means the whole server.
            _ if is_moderator && command.is_moderation() => None,
            _ => command.governed_arguments(),
        };
        // Moderators can name any room. A topic and the words of a search can begin with `#`.
        let is_named = |arguments: &str| match command {
            Command::Topic(_) | Command::Search(_) if !is_moderator => self.names_own_room(arguments),
            _ => arguments.starts_with('#'),
        };
        match (self.elsewhere(), arguments) {
            (Some(room), Some(arguments)) if !is_named(arguments) => {
                format!("{} #{room} {arguments}", split(line).0).trim_end().to_owned().into()
            }
            _ => line.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::protocol::event::ServerEvent;

    /// A session in the lobby that follows den and tea.
    fn session(role: &str) -> Session {
        let mut session = Session::default();
        let entry = |room: &str| format!(r#""room":"{room}","here":1,"names":[],"topic":null"#);
        let entered = format!(r#"{{"t":"entered","name":"alice",{},"role":{role},"account":false}}"#, entry("lobby"));
        let following = |room| format!(r#"{{"t":"following",{}}}"#, entry(room));
        for line in [entered, following("den"), following("tea")] {
            session.update(&ServerEvent::parse(&line).expect(&line));
        }
        session
    }

    fn routed(view: &ViewTarget, line: &str) -> (String, Option<(SentTo, String)>) {
        let place = Place { view, session: &session("null"), whisperer: Some("eve") };
        let RoutedLine { line, said } = place.route(line).unwrap();
        (line.into_owned(), said.map(|(to, text)| (to, text.into_owned())))
    }

    #[test]
    fn lines_of_the_current_room_are_sent_as_they_are() {
        let lobby = ViewTarget::Room("lobby".into());
        for (line, said) in [
            ("hello", Some((SentTo::room("lobby"), "hello"))),
            ("//x", Some((SentTo::room("lobby"), "/x"))),
            ("##x", Some((SentTo::room("lobby"), "#x"))),
            ("#den hi", Some((SentTo::room("den"), "hi"))),
            ("/me waves", Some((SentTo::room("lobby"), "waves"))),
            ("@bob: hi", Some((SentTo::person("bob"), "hi"))),
            ("/r hi", Some((SentTo::person("eve"), "hi"))),
            ("/who", None),
            ("/history 5", None),
            ("/leave", None),
            ("q", None),
            ("/x", None),
        ] {
            let said = said.map(|(to, text)| (to, text.to_owned()));
            assert_eq!(routed(&lobby, line), (line.to_owned(), said), "{line}");
        }
    }

    #[test]
    fn lines_of_another_room_get_its_name() {
        let den = ViewTarget::Room("den".into());
        for (line, sent) in [
            ("hello", "#den hello"),
            ("  indented", "#den   indented"),
            ("/say q", "#den q"),
            ("//x", "#den /x"),
            ("##x", "#den #x"),
            ("#tea hi", "#tea hi"),
            ("/me waves", "/me #den waves"),
            ("/topic fish and more", "/topic #den fish and more"),
            ("/topic #tea fish", "/topic #tea fish"),
            ("/topic #1 fan", "/topic #den #1 fan"),
            ("#1 fan", "#den #1 fan"),
            ("/me #1 fan", "/me #den #1 fan"),
            ("/kick #other bob", "/kick #other bob"),
            ("/history", "/history #den"),
            ("/WHO", "/WHO #den"),
            ("/who tea", "/who tea"),
            ("/kick bob", "/kick #den bob"),
            ("/leave", "/unfollow den"),
            ("/join tea", "/join tea"),
            ("@bob hi", "@bob hi"),
            ("/nick ann", "/nick ann"),
            ("quit", "quit"),
        ] {
            assert_eq!(routed(&den, line).0, sent, "{line}");
        }
        assert_eq!(routed(&den, "hello").1, Some((SentTo::room("den"), "hello".into())));
        let moderator = session(r#""moderator""#);
        let moderator = Place { view: &den, session: &moderator, whisperer: None };
        assert_eq!(moderator.route("/kick bob").unwrap().line, "/kick bob");
        assert_eq!(moderator.route("/op bob").unwrap().line, "/op #den bob");
    }

    #[test]
    fn lines_of_a_conversation_are_whispered() {
        let bob = ViewTarget::Person("bob".into());
        let said = |text: &str| Some((SentTo::person("bob"), text.to_owned()));
        assert_eq!(routed(&bob, "hello"), ("@bob hello".into(), said("hello")));
        assert_eq!(routed(&bob, "//x"), ("@bob /x".into(), said("/x")));
        assert_eq!(routed(&bob, "##x"), ("@bob #x".into(), said("#x")));
        // The server would say it in the lobby.
        assert_eq!(routed(&bob, "#1 reason"), ("@bob #1 reason".into(), said("#1 reason")));
        assert_eq!(routed(&bob, "#den hi").0, "#den hi");
        let place = Place { view: &bob, session: &session("null"), whisperer: None };
        assert!(place.route("/me waves").is_err());
        assert_eq!(routed(&bob, "/who").0, "/who");
    }
}
