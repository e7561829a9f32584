//! Recognizes the first sentences that a chinwag server says in plain text.
//!
//! After them the client asks for JSON, and a client in a pipe logs in by them. They are compared with the server's own texts
//! in both languages.

use super::session::CloseReason;
use crate::chat::{DEFAULT_NAME, Due, Lang, Notice, People, Refusal};

/// What a server says before the login is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greeting {
    /// It asks for a nickname.
    Nickname,
    /// The client is in the admission queue.
    Waiting,
    /// It asks for its own password.
    ServerPassword,
    /// It asks for the password of an account.
    AccountPassword,
    /// The login is done.
    Entered,
}

/// A name that no text of a server contains.
const PLACEHOLDER: &str = "\0";

impl Greeting {
    /// Parses a line in plain text; `None` for any other line.
    pub fn parse(line: &str) -> Option<Self> {
        let text = line.strip_prefix("* ")?;
        [Lang::En, Lang::Zh].into_iter().find_map(|lang| Self::parse_in(text, lang))
    }

    fn parse_in(text: &str, lang: Lang) -> Option<Self> {
        let people = People { here: 1, names: &[], away: &[], you: true };
        let entered = Notice::Entered {
            name: PLACEHOLDER,
            room: "",
            people,
            topic: None,
            role: Default::default(),
            account: false,
        };
        let ask = |account| Notice::AskPassword { account, visible: true };
        let number = text.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0);
        let sentence = |notice: &Notice| lang.notice(notice).to_string();
        let welcome = sentence(&Notice::Welcome { server: DEFAULT_NAME });
        let name_set = sentence(&Notice::NameSet);
        match () {
            // Up to the name of the server.
            () if text.starts_with(before(&welcome, ['.', ':'])) => Some(Greeting::Nickname),
            () if text == sentence(&Notice::Waiting { number }) => Some(Greeting::Waiting),
            () if text == sentence(&ask(None)) => Some(Greeting::ServerPassword),
            () if has_name(text, &sentence(&ask(Some(PLACEHOLDER)))) => Some(Greeting::AccountPassword),
            () if !name_set.is_empty() && text == name_set => Some(Greeting::Entered),
            () if text.starts_with(before(&sentence(&entered), ['\0'])) => Some(Greeting::Entered),
            () if has_name(text, &sentence(&Notice::EnteredPeer { name: PLACEHOLDER })) => Some(Greeting::Entered),
            () => None,
        }
    }
}

/// Why the server closes the connection, if a line in plain text says so.
pub fn close_reason(line: &str) -> Option<CloseReason> {
    // Messages, which are most lines, are not compared.
    if !line.starts_with(['*', '!']) {
        return None;
    }
    [Lang::En, Lang::Zh].into_iter().find_map(|lang| {
        let says =
            |notice: Notice| line.strip_prefix("* ").is_some_and(|text| text == lang.notice(&notice).to_string());
        let begins = |notice: Notice| {
            line.strip_prefix("* ")
                .is_some_and(|text| text.starts_with(lang.notice(&notice).to_string().trim_end_matches(['.', '。'])))
        };
        let seconds = line.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0);
        let idle = lang.refusal(&Refusal::Idle { seconds }).to_string();
        match () {
            () if says(Notice::Goodbye) => Some(CloseReason::Goodbye),
            () if says(Notice::ShuttingDown) => Some(CloseReason::ShuttingDown),
            () if begins(Notice::Kicked { why: None, by: None }) => Some(CloseReason::Kicked),
            () if line.strip_prefix("! ") == Some(&idle) => Some(CloseReason::Idle),
            () => None,
        }
    })
}

/// Whether a line in plain text says that a password is wrong.
pub fn is_wrong_password(line: &str) -> bool {
    let dues = [Due::Nothing, Due::Goodbye, Due::Password { visible: true }];
    let is_said = |lang: Lang| {
        let says = |due| line.strip_prefix("! ") == Some(&lang.refusal(&Refusal::WrongPassword { due }).to_string());
        dues.into_iter().any(says)
    };
    is_said(Lang::En) || is_said(Lang::Zh)
}

/// The beginning of a sentence before the first of these characters.
fn before<const N: usize>(sentence: &str, ends: [char; N]) -> &str {
    sentence.split(ends).next().unwrap_or_default()
}

/// Whether a text is the sentence with some name in place of the placeholder.
fn has_name(text: &str, sentence: &str) -> bool {
    let Some((before, behind)) = sentence.split_once(PLACEHOLDER) else { return false };
    let name = text.strip_prefix(before).and_then(|text| text.strip_suffix(behind));
    name.is_some_and(|name| !name.is_empty() && !name.contains(char::is_whitespace))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{Event, Render, RoomLabel, Topic};
    use crate::wire::plain::Plain;

    /// The first line that a server writes for this notice.
    fn first_line(lang: Lang, notice: Notice) -> String {
        let mut out = Vec::new();
        Plain { lang }.render(&Event::Notice(notice), RoomLabel::Current("den"), &mut out);
        String::from_utf8(out).unwrap().lines().next().unwrap_or_default().to_owned()
    }

    #[test]
    fn sentences_of_both_languages_are_recognized() {
        let people = People { here: 3, names: &["bob", "carol"], away: &[], you: true };
        let topic = Some(Topic { name: "bob", text: "fish" });
        for lang in [Lang::En, Lang::Zh] {
            let entered = Notice::Entered {
                name: "alice",
                room: "lobby",
                people,
                topic,
                role: Default::default(),
                account: false,
            };
            for (notice, greeting) in [
                (Notice::Welcome { server: DEFAULT_NAME }, Greeting::Nickname),
                (Notice::Welcome { server: "chat.example" }, Greeting::Nickname),
                (Notice::Waiting { number: 12 }, Greeting::Waiting),
                (Notice::AskPassword { account: None, visible: true }, Greeting::ServerPassword),
                (Notice::AskPassword { account: Some("张三"), visible: true }, Greeting::AccountPassword),
                (entered, Greeting::Entered),
                (if lang == Lang::Zh { Notice::NameSet } else { entered }, Greeting::Entered),
                (Notice::EnteredPeer { name: "127.0.0.1:5000" }, Greeting::Entered),
            ] {
                let line = first_line(lang, notice);
                assert_eq!(Greeting::parse(&line), Some(greeting), "{line}");
                assert_eq!(Greeting::parse(&line[1..]), None, "{line}");
            }
            for notice in [Notice::Goodbye, Notice::ShuttingDown, Notice::Joined { name: "bob", here: 2 }] {
                assert_eq!(Greeting::parse(&first_line(lang, notice)), None);
            }
        }
        for lang in [Lang::En, Lang::Zh] {
            for (notice, reason) in [
                (Notice::Goodbye, CloseReason::Goodbye),
                (Notice::ShuttingDown, CloseReason::ShuttingDown),
                (Notice::Kicked { why: None, by: None }, CloseReason::Kicked),
                (Notice::Kicked { why: Some("rude"), by: None }, CloseReason::Kicked),
            ] {
                let line = first_line(lang, notice);
                assert_eq!(close_reason(&line), Some(reason), "{line}");
                assert_eq!(close_reason(&format!("{line} x")).filter(|reason| *reason != CloseReason::Kicked), None);
            }
            let idle = format!("! {}", lang.refusal(&Refusal::Idle { seconds: 30 }));
            assert_eq!(close_reason(&idle), Some(CloseReason::Idle));
        }
        for wrong in ["! Wrong password.", "! Wrong password. Password: (visible as you type)", "! 密码错误。再见。"]
        {
            assert!(is_wrong_password(wrong), "{wrong}");
        }
        assert!(!is_wrong_password("! Too many logins at once; try again."));
        for other in ["", "* ", "220 ready", "* Welcome!", "! Welcome to chinwag.", "{\"t\":\"hello\"}"] {
            assert_eq!(Greeting::parse(other), None, "{other}");
        }
    }
}
