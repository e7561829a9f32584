//! Tests of the passwords that are sent without asking the user.

use super::*;
use crate::chat::Password;
use crate::client::protocol::passwords::AccountPassword;
use crate::client::protocol::session::tests::{ASK, ENTERED, TAKEN};

const PROMPT: &str = r#"{"t":"ask_password","for":"account","name":"alice"}"#;
const SERVER_PROMPT: &str = r#"{"t":"ask_password","for":"server"}"#;
const WRONG: &str = r#"{"t":"refused","what":"wrong_password","asked":true,"text":"Wrong password. Password:"}"#;
const AT: Duration = Duration::from_secs(100);

/// A login as alice and its session.
struct Login {
    flow: LoginFlow,
    session: Session,
}

impl Login {
    fn new(server: Option<&str>, account: Option<&str>) -> Login {
        let account =
            account.map(|password| AccountPassword { name: "alice".into(), password: Password::new(password) });
        let passwords = Passwords::new(server.map(Password::new), account);
        let flow = LoginFlow::new(Some("alice".into()), false, AT).with_passwords(passwords);
        Login { flow, session: Session::default() }
    }

    /// Handles lines of the server; returns what is sent.
    fn read(&mut self, lines: &[&str]) -> Vec<String> {
        let mut send = Vec::new();
        for line in lines {
            let event = ServerEvent::parse(line).expect(line);
            self.session.update(&event);
            self.flow.process_event(&event, &self.session, AT, &mut send);
        }
        send
    }

    fn types(&mut self, password: &str) {
        self.flow.passwords.record_typed(password, &self.session);
    }

    /// Begins another connection.
    fn reconnect(&mut self) {
        let passwords = std::mem::take(&mut self.flow.passwords);
        self.session.reconnected();
        self.flow = LoginFlow::new(Some("alice".into()), true, AT).with_passwords(passwords.reconnected());
    }
}

#[test]
fn known_passwords_are_sent_once_when_asked() {
    let mut login = Login::new(Some("sesame"), Some("fish"));
    assert_eq!(login.read(&[SERVER_PROMPT, ASK, PROMPT]), ["sesame", "alice", "fish"]);
    assert!(login.flow.passwords.is_checking_stored());
    assert_eq!(login.read(&[WRONG]), [""; 0]);
    assert!(!login.flow.passwords.is_checking(), "the user is asked");
    login.reconnect();
    assert_eq!(login.read(&[SERVER_PROMPT, ASK, PROMPT]), ["sesame", "alice"], "the wrong one is forgotten");
}

#[test]
fn server_that_does_not_ask_gets_no_password() {
    let mut login = Login::new(Some("sesame"), Some("fish"));
    assert_eq!(login.read(&[ASK, ENTERED, PROMPT, SERVER_PROMPT, WRONG]), ["alice"]);
    let mut login = Login::new(None, Some("fish"));
    assert_eq!(login.read(&[SERVER_PROMPT]), [""; 0], "that is not the account's");
    let of_bob = r#"{"t":"ask_password","for":"account","name":"bob"}"#;
    assert_eq!(login.read(&[ASK, of_bob]), ["alice"], "that is another account");
}

#[test]
fn right_typed_passwords_are_sent_after_a_reconnect() {
    let mut login = Login::new(None, None);
    login.read(&[SERVER_PROMPT]);
    login.types("wrong");
    login.read(&[WRONG]);
    login.types("sesame");
    assert_eq!(login.read(&[ASK, PROMPT]), ["alice"]);
    login.types("fish");
    login.read(&[ENTERED]);
    for _ in 0..2 {
        login.reconnect();
        assert_eq!(login.read(&[SERVER_PROMPT, ASK, PROMPT]), ["sesame", "alice", "fish"]);
        login.read(&[ENTERED]);
    }
    login.reconnect();
    let wrong = r#"{"t":"refused","what":"wrong_password","text":"Wrong password."}"#;
    let lines = [wrong, ASK, r#"{"t":"ask_password","for":"account","name":"ALICE"}"#];
    assert_eq!(login.read(&[SERVER_PROMPT, ASK, PROMPT]).len(), 3);
    assert_eq!(login.read(&lines), [""; 0]);
}

#[test]
fn unconfirmed_password_is_not_kept() {
    let mut login = Login::new(None, None);
    login.read(&[ASK, PROMPT]);
    login.types("fish");
    // The account was removed meanwhile.
    login.read(&[ASK]);
    login.read(&[ENTERED]);
    login.reconnect();
    assert_eq!(login.read(&[ASK, PROMPT]), ["alice"]);
}

#[test]
fn password_that_was_not_compared_is_sent_again_until_one_is_typed() {
    for (refusal, wait) in [
        (r#"{"t":"refused","what":"too_many_wrong_passwords","asked":true,"seconds":42,"text":"…"}"#, 42),
        (r#"{"t":"refused","what":"too_many_logins","text":"…"}"#, 5),
        (r#"{"t":"refused","what":"passwords_fail","asked":true,"text":"…"}"#, 5),
    ] {
        let wait = Duration::from_secs(wait);
        let mut login = Login::new(None, Some("fish"));
        assert_eq!(login.read(&[ASK, PROMPT, refusal]), ["alice", "fish"]);
        assert!(!login.flow.passwords.is_checking());
        // The nickname is due no longer.
        assert_eq!(login.flow.deadline(), Some(AT + wait));
        assert_eq!(login.flow.take_due_line(&login.session, AT + wait / 2), None);
        assert_eq!(login.flow.take_due_line(&login.session, AT + wait), Some("fish".into()));
        assert_eq!(login.flow.deadline(), None);
        login.read(&[refusal]);
        login.types("bird");
        assert_eq!(login.flow.deadline(), None, "{refusal}");
        login.read(&[refusal]);
        assert_eq!(login.flow.deadline(), None, "a typed one is not sent again");
    }
}

#[test]
fn passwords_in_commands_are_sent_after_a_reconnect() {
    let registered = r#"{"t":"account","what":"registered","name":"alice","text":"…"}"#;
    let changed = r#"{"t":"account","what":"password_changed","name":null,"text":"…"}"#;
    let wrong = r#"{"t":"refused","what":"wrong_password","text":"…"}"#;
    let cases: &[(&str, &str, Option<&str>)] = &[
        ("/register fish", registered, Some("fish")),
        ("/register fish", TAKEN, None),
        ("/nick Alice fish", r#"{"t":"account","what":"logged_in","name":"alice","text":"…"}"#, Some("fish")),
        ("/nick alice fish", ENTERED, Some("fish")),
        ("/nick alice fish", wrong, None),
        ("/nick alice fish", r#"{"t":"renamed","room":"lobby","old":"bob","new":"alice"}"#, None),
        ("/password fish bird", changed, None),
    ];
    for &(command, answer, sent) in cases {
        let mut login = Login::new(None, None);
        login.read(&[ASK, ENTERED]);
        login.flow.passwords.record_command(command);
        login.flow.passwords.record_command("/who");
        login.read(&[answer, changed]);
        login.reconnect();
        let expected: Vec<&str> = ["alice"].into_iter().chain(sent).collect();
        assert_eq!(login.read(&[ASK, PROMPT]), expected, "{command}: {answer}");
    }
    let mut login = Login::new(None, Some("fish"));
    login.read(&[ASK, PROMPT, ENTERED]);
    login.flow.passwords.record_command("/password fish bird");
    login.read(&[changed]);
    assert_eq!(login.flow.passwords.account_name(), Some("alice"));
    login.reconnect();
    let removed = r#"{"t":"account","what":"unregistered","name":"alice","text":"…"}"#;
    assert_eq!(login.read(&[ASK, PROMPT, ENTERED, removed])[..2], ["alice", "bird"]);
    assert_eq!(login.flow.passwords.account_name(), None);
}
