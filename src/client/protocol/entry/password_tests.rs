//! Tests of the passwords that are sent without asking the user.

use super::*;
use crate::chat::Password;
use crate::client::protocol::passwords::AccountPassword;

const WELCOME: &str = "* Welcome to chinwag. Type a nickname and press Enter:";
const ENTERED: &str = "* You are alice. 1 here: you. /help lists the commands.";
const PROMPT: &str = "* alice is registered. Password: (visible as you type)";
const SERVER_PROMPT: &str = "* Password: (visible as you type)";
const WRONG: &str = "! Wrong password. Password: (visible as you type)";
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
            let shape = LineShape::parse(line);
            self.session.update(&shape);
            self.flow.process_line(&shape, &self.session, AT, &mut send);
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
    assert_eq!(login.read(&[SERVER_PROMPT, WELCOME, PROMPT]), ["sesame", "alice", "fish"]);
    assert!(login.flow.passwords.is_checking_stored());
    assert_eq!(login.read(&[WRONG]), [""; 0]);
    assert!(!login.flow.passwords.is_checking(), "the user is asked");
    login.reconnect();
    assert_eq!(login.read(&[SERVER_PROMPT, WELCOME, PROMPT]), ["sesame", "alice"], "the wrong one is forgotten");
}

#[test]
fn server_that_does_not_ask_gets_no_password() {
    let mut login = Login::new(Some("sesame"), Some("fish"));
    assert_eq!(login.read(&[WELCOME, ENTERED, PROMPT, SERVER_PROMPT, WRONG]), ["alice"]);
    let mut login = Login::new(Some("sesame"), Some("fish"));
    let other_server = ["220 ready", SERVER_PROMPT, PROMPT, "Password:", "alice is registered. Password:"];
    assert_eq!(login.read(&other_server), ["alice"]);
    assert_eq!(login.flow.take_due_line(&login.session, AT + Duration::from_secs(100)), None);
    let mut login = Login::new(None, Some("fish"));
    assert_eq!(login.read(&[SERVER_PROMPT]), [""; 0], "that is not the account's");
    assert_eq!(login.read(&[WELCOME, "* bob is registered. Password:"]), ["alice"], "that is another account");
}

#[test]
fn right_typed_passwords_are_sent_after_a_reconnect() {
    let mut login = Login::new(None, None);
    login.read(&[SERVER_PROMPT]);
    login.types("wrong");
    login.read(&[WRONG]);
    login.types("sesame");
    assert_eq!(login.read(&[WELCOME, PROMPT]), ["alice"]);
    login.types("fish");
    login.read(&[ENTERED]);
    for _ in 0..2 {
        login.reconnect();
        assert_eq!(login.read(&[SERVER_PROMPT, WELCOME, PROMPT]), ["sesame", "alice", "fish"]);
        login.read(&[ENTERED]);
    }
    login.reconnect();
    let lines = ["! Wrong password.", WELCOME, "* ALICE is registered. Password:"];
    assert_eq!(login.read(&[SERVER_PROMPT, WELCOME, PROMPT]).len(), 3);
    assert_eq!(login.read(&lines), [""; 0]);
}

#[test]
fn unconfirmed_password_is_not_kept() {
    let mut login = Login::new(None, None);
    login.read(&[WELCOME, PROMPT]);
    login.types("fish");
    // The account was removed meanwhile.
    login.read(&[WELCOME]);
    login.read(&[ENTERED]);
    login.reconnect();
    assert_eq!(login.read(&[WELCOME, PROMPT]), ["alice"]);
}

#[test]
fn password_that_was_not_compared_is_sent_again_until_one_is_typed() {
    for (refusal, wait) in [
        ("! Too many wrong passwords. Try again in 42 seconds. Password: (visible as you type)", 42),
        ("! Too many logins at once; try again.", 5),
        ("! Passwords cannot be checked at present. Try again later. Password:", 5),
    ] {
        let wait = Duration::from_secs(wait);
        let mut login = Login::new(None, Some("fish"));
        assert_eq!(login.read(&[WELCOME, PROMPT, refusal]), ["alice", "fish"]);
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
    let registered = "* alice is registered now: who logs in as alice is asked for the password.";
    let cases: &[(&str, &str, Option<&str>)] = &[
        ("/register fish", registered, Some("fish")),
        ("/register fish", "! The nickname alice is registered. Try another:", None),
        ("/nick Alice fish", "* You are logged in as alice.", Some("fish")),
        ("/nick alice fish", ENTERED, Some("fish")),
        ("/nick alice fish", "! Wrong password.", None),
        ("/nick alice fish", "* bob is now called alice", None),
        ("/password fish bird", "* The password is changed.", None),
    ];
    for &(command, answer, sent) in cases {
        let mut login = Login::new(None, None);
        login.read(&[WELCOME, ENTERED]);
        login.flow.passwords.record_command(command);
        login.flow.passwords.record_command("/who");
        login.read(&[answer, "* The password is changed."]);
        login.reconnect();
        let expected: Vec<&str> = ["alice"].into_iter().chain(sent).collect();
        assert_eq!(login.read(&[WELCOME, PROMPT]), expected, "{command}: {answer}");
    }
    let mut login = Login::new(None, Some("fish"));
    login.read(&[WELCOME, PROMPT, ENTERED]);
    login.flow.passwords.record_command("/password fish bird");
    login.read(&["* The password is changed."]);
    assert_eq!(login.flow.passwords.account_name(), Some("alice"));
    login.reconnect();
    assert_eq!(login.read(&[WELCOME, PROMPT, ENTERED, "* alice is no longer registered."])[..2], ["alice", "bird"]);
    assert_eq!(login.flow.passwords.account_name(), None);
}

#[test]
fn session_that_is_in_its_room_already_keeps_the_history() {
    let mut login = Login::new(None, Some("fish"));
    login.read(&[WELCOME, PROMPT, ENTERED, "* You are in den. 1 here: you."]);
    login.reconnect();
    login.read(&[WELCOME, PROMPT]);
    let mut actions = Vec::new();
    for line in [
        ENTERED,
        "* --- the last 1 message ---",
        "[12:00:00] bob: missed",
        "* --- you are up to date ---",
        "! You are in den already.",
        "[12:00:01] bob: after",
        "* pong back again",
    ] {
        let shape = LineShape::parse(line);
        login.session.update(&shape);
        actions.push(login.flow.process_line(&shape, &login.session, AT, &mut Vec::new()));
    }
    use LineAction::*;
    assert_eq!(actions, [Show, Hide, Collect, Hide, Hide, Collect, CaughtUp]);
    assert_eq!(login.session.room(), "den");
}
