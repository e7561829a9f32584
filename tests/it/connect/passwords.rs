//! Passwords in the terminal client: typed without being shown, and sent again after a reconnect.

use std::path::PathBuf;
use std::process::Command;

use crate::connect::relay::Relay;
use crate::connect::{ClientTerminal, FakeServer};
use crate::harness::{PROGRAM, Server, Signal};
use crate::store::TestDir;

const ASK_PASSWORD: &str = "{\"t\":\"ask_password\",\"for\":\"account\",\"name\":\"alice\"}\r\n";
const ENTERED: &str = concat!(
    r#"{"t":"entered","name":"alice","room":"lobby","here":1,"names":[],"topic":null,"role":null,"account":true}"#,
    "\r\n"
);
const PROMPT: &str = "* alice is registered. Password: (visible as you type)\n";
const SERVER_PROMPT: &str = "* Password: (visible as you type)\n";
const SECRET: &str = "Hunter2-xyzzy";

fn start(dir: &TestDir) -> Server {
    let file = dir.0.join("history.db");
    Server::start(&["--rate", "0", "--store", file.to_str().expect("UTF-8")])
}

/// Starts a server on which alice is registered.
fn registered(dir: &TestDir) -> Server {
    let server = start(dir);
    let mut alice = server.login("alice");
    alice.send(&format!("/register {SECRET}\n"));
    alice.expect("* alice is registered now: who logs in as alice is asked for the password.");
    alice.send("/quit\n");
    alice.expect("* Goodbye.");
    alice.expect_end();
    server
}

/// Starts the client with passwords in its environment.
fn connect_with(addr: std::net::SocketAddr, args: &[&str], variables: &[(&str, &str)]) -> ClientTerminal {
    let mut command = Command::new(PROGRAM);
    command.arg("connect").arg(addr.to_string()).args(args).envs(variables.iter().copied());
    ClientTerminal::start(command)
}

/// Types at a password prompt, and waits until the screen is drawn again with that in the input line.
#[track_caller]
fn type_hidden(alice: &mut ClientTerminal, text: &str) {
    alice.until("the prompt", |alice| alice.input().ends_with("password: |"));
    let before = alice.written().len();
    alice.press(&format!("{text}\x0c"));
    alice
        .until("an empty input line", |alice| alice.written().len() > before && alice.input().ends_with("password: |"));
}

/// Checks that the terminal was never sent this text, and that its scrollback does not have it.
#[track_caller]
fn is_hidden(alice: &mut ClientTerminal, text: &str) {
    assert!(!alice.written().contains(text), "{:?}", alice.written());
    assert!(!alice.has(text));
}

#[test]
fn typed_password_is_never_shown_and_cannot_be_recalled() {
    let dir = TestDir::new();
    let server = registered(&dir);
    for args in [&[][..], &["--full-screen"]] {
        let mut alice = ClientTerminal::connect(server.addr, args);
        alice.shows("choose a nickname");
        alice.press("alice\r");
        alice.shows_line("* alice is registered. Password:");
        type_hidden(&mut alice, "Wrong-one");
        alice.press("\r");
        alice.shows_line("! Wrong password. Password:");
        // A paste, and what the keys for editing, recall and completion do.
        type_hidden(&mut alice, SECRET);
        alice.press(&format!("\x1b[200~{SECRET}\x1b[201~\x1b[A\x10\t\x15\x19\x19\x03"));
        alice.shows("Ctrl-C again leaves");
        alice.input_is("password: |");
        alice.press(&format!("x\x1b[200~{SECRET}\n\x1b[201~\x01\x1b[3~\r"));
        alice.shows("· alice ·");
        alice.input_is("> |");
        alice.press("\x1b[A\x19hello\r");
        alice.shows_line("[T] alice: hello");
        alice.press("\x1b[A\x1b[A\x1b[A");
        alice.input_is("> hello|");
        alice.press("\x15\x1b[5~\x0c");
        alice.input_is("> |");
        is_hidden(&mut alice, SECRET);
        is_hidden(&mut alice, "Wrong-one");
        is_hidden(&mut alice, "visible as you type");
        alice.press("\x04");
        alice.ends(0);
    }
}

#[test]
fn escape_clears_the_password_and_three_wrong_ones_lead_to_the_nickname() {
    let dir = TestDir::new();
    let server = registered(&dir);
    let mut alice = ClientTerminal::connect(server.addr, &["--nick", "alice"]);
    alice.shows_line("* alice is registered. Password:");
    type_hidden(&mut alice, "Wrong-one");
    alice.press("\x1b");
    // Later than a sequence that begins with ESC.
    alice.read_for(std::time::Duration::from_millis(100));
    alice.press(&format!("{SECRET}\r"));
    alice.shows("· alice ·");
    let mut bob = ClientTerminal::connect(server.addr, &["--nick", "alice"]);
    bob.shows_line("* alice is registered. Password:");
    for wrong in 1..=3 {
        bob.press("Wrong-one\r");
        bob.until("the refusal", |bob| bob.rows().iter().filter(|row| row.contains("Wrong password")).count() == wrong);
    }
    bob.input_is("nickname: |");
    bob.press("\x19\x1b[Abob\r");
    bob.shows("· bob ·");
    is_hidden(&mut bob, "Wrong-one");
}

#[test]
fn text_typed_before_the_prompt_is_no_password() {
    let fake = FakeServer::start();
    let mut alice = ClientTerminal::connect(fake.addr(), &["--nick", "alice"]);
    let mut peer = fake.accept();
    // With `--nick` it is the beginning of a message, and comes back after the login.
    alice.press("half ty");
    alice.input_is("> half ty|");
    peer.begin_json("1");
    peer.expect("alice");
    peer.write(ASK_PASSWORD);
    alice.input_is("password: |");
    alice.press("fish\r");
    peer.expect("fish");
    peer.write(ENTERED);
    alice.input_is("> half ty|");
    // Behind a typed nickname it may be the password, so it does not come back.
    let mut alice = ClientTerminal::connect(fake.addr(), &[]);
    let mut peer = fake.accept();
    peer.begin_json("1");
    alice.input_is("nickname: |");
    alice.press("alice\rfis");
    peer.expect("alice");
    alice.input_is("nickname: fis|");
    peer.write(ASK_PASSWORD);
    alice.input_is("password: |");
    alice.press("fish\r");
    peer.expect("fish");
    // Enter again does not send anything, since that would be a message if the password is right.
    alice.press("fish\r");
    alice.shows("The password is being checked.");
    peer.write(ENTERED);
    alice.input_is("> |");
    alice.press("hello\r");
    while peer.line().as_deref() != Some("hello") {}
}

#[test]
fn input_stays_hidden_when_the_connection_is_lost() {
    let fake = FakeServer::start();
    let mut alice = ClientTerminal::connect(fake.addr(), &["--nick", "alice"]);
    let mut peer = fake.accept();
    peer.begin_json("1");
    peer.expect("alice");
    peer.write(ASK_PASSWORD);
    alice.input_is("password: |");
    alice.press("Hunter");
    peer.write(
        "{\"t\":\"refused\",\"what\":\"login_timeout\",\"seconds\":30,\"text\":\"No nickname was given in time.\"}\r\n",
    );
    drop(peer);
    alice.shows("Enter tries again");
    alice.press("2-xyzzy\r");
    let mut peer = fake.accept();
    peer.begin_json("1");
    peer.expect("alice");
    peer.write(ASK_PASSWORD);
    alice.input_is("password: |");
    alice.press("fish\r");
    peer.expect("fish");
    is_hidden(&mut alice, "Hunter");
    is_hidden(&mut alice, "xyzzy");
}

#[test]
fn commands_with_a_password_cannot_be_recalled() {
    let dir = TestDir::new();
    let server = start(&dir);
    let mut alice = ClientTerminal::connect(server.addr, &["--nick", "alice"]);
    alice.shows("· alice ·");
    alice.press("hello\r");
    for (command, answer) in [
        ("/register one", "* alice is registered now"),
        ("/password one two", "* The password is changed."),
        ("/nick ann", "* alice is now called ann"),
        ("/nick alice two", "* ann is now called alice"),
        ("/unregister two", "* alice is no longer registered."),
    ] {
        // Also not as the line that was left to look at an older one.
        alice.press(&format!("{command}\x1b[A\x1b[B\r"));
        alice.shows(answer);
    }
    alice.press("\x1b[A");
    alice.input_is("> /nick ann|");
    alice.press("\x1b[A\x1b[A");
    alice.input_is("> hello|");
    alice.press("\x1b[B\x1b[B");
    alice.input_is("> |");
}

#[test]
fn registered_member_comes_back_by_itself_after_a_restart() {
    let dir = TestDir::new();
    let fake = FakeServer::start();
    let mut server = start(&dir);
    let mut alice = ClientTerminal::connect(fake.addr(), &["--nick", "alice"]);
    let mut relay = Relay::new(&fake, &server);
    relay.until(&mut alice, |alice| alice.has("* You are alice."));
    alice.press(&format!("/register {SECRET}\r"));
    relay.until(&mut alice, |alice| alice.has("* alice is registered now"));
    alice.press("/nick al\r/ping done\r");
    relay.until(&mut alice, |alice| alice.has("* pong done"));
    alice.press("half ty");
    server.signal(Signal::TERM);
    assert!(server.wait().success());
    relay.cut();
    let server = start(&dir);
    let mut bob = server.login("bob");
    bob.send("missed\n/ping x\n");
    bob.until("* pong x");
    let mut relay = Relay::new(&fake, &server);
    relay.until(&mut alice, |alice| alice.has("bob: missed"));
    assert!(alice.has("One message was missed"), "{:#?}", alice.all_rows());
    assert!(!alice.has("Password:"));
    alice.input_is("> half ty|");
    bob.expect("* alice joined (2 here)");
    // A further connection is lost as well.
    relay.cut();
    let mut relay = Relay::new(&fake, &server);
    relay.until(&mut alice, |alice| alice.has("Nothing was missed"));
}

#[test]
fn old_connection_is_no_obstacle_for_an_account() {
    let dir = TestDir::new();
    let fake = FakeServer::start();
    let server = registered(&dir);
    let mut bob = server.login("bob");
    bob.send("/join den\n");
    let mut alice = connect_with(fake.addr(), &["--nick", "alice"], &[("CHINWAG_PASSWORD", SECRET)]);
    let mut relay = Relay::new(&fake, &server);
    relay.until(&mut alice, |alice| alice.has("* You are alice."));
    alice.press("/join den\r");
    relay.until(&mut alice, |alice| alice.has("* You are in den."));
    bob.until("* alice joined");
    bob.send("seen\n");
    relay.until(&mut alice, |alice| alice.has("bob: seen"));
    // The server does not notice.
    let _old = relay.cut_client();
    alice.shows("The connection is lost");
    bob.send("missed\n/ping x\n");
    bob.until("* pong x");
    let mut relay = Relay::new(&fake, &server);
    relay.until(&mut alice, |alice| alice.has("bob: missed"));
    relay.until(&mut alice, |alice| alice.rows().iter().any(|row| row.starts_with(" den · alice · 2 here")));
    let rows: Vec<_> = alice.all_rows().iter().map(|row| crate::harness::mask_time(row)).collect();
    for once in ["[T] bob: seen", "[T] bob: missed"] {
        assert_eq!(rows.iter().filter(|row| *row == once).count(), 1, "{once} in {rows:#?}");
    }
    assert!(rows.iter().any(|row| row.contains("One message was missed")), "{rows:#?}");
    assert!(!alice.has("already") && !alice.has("taken"), "{rows:#?}");
    is_hidden(&mut alice, SECRET);
}

#[test]
fn wrong_password_of_the_environment_is_asked_for() {
    let dir = TestDir::new();
    let fake = FakeServer::start();
    let server = registered(&dir);
    let mut alice = connect_with(fake.addr(), &["--nick", "alice"], &[("CHINWAG_PASSWORD", "Wrong-one")]);
    let mut relay = Relay::new(&fake, &server);
    relay.until(&mut alice, |alice| alice.has("! Wrong password. Password:"));
    type_hidden(&mut alice, SECRET);
    alice.press("\r");
    relay.until(&mut alice, |alice| alice.has("* You are alice."));
    relay.cut();
    let mut relay = Relay::new(&fake, &server);
    relay.until(&mut alice, |alice| alice.has("Nothing was missed"));
    assert_eq!(alice.all_rows().concat().matches("Wrong password").count(), 1);
    is_hidden(&mut alice, SECRET);
}

/// A server with a password.
fn with_password(dir: &TestDir) -> Server {
    let file: PathBuf = dir.0.join("password");
    std::fs::write(&file, format!("{SECRET}\n")).expect("a file");
    Server::start(&["--password-file", file.to_str().expect("UTF-8")])
}

#[test]
fn server_password_is_typed_once_and_sent_again() {
    let dir = TestDir::new();
    let fake = FakeServer::start();
    let server = with_password(&dir);
    let mut alice = ClientTerminal::connect(fake.addr(), &["--nick", "alice"]);
    let mut relay = Relay::new(&fake, &server);
    relay.until(&mut alice, |alice| alice.has("* Password:"));
    type_hidden(&mut alice, SECRET);
    alice.press("\r");
    relay.until(&mut alice, |alice| alice.has("* You are alice."));
    relay.cut();
    let mut relay = Relay::new(&fake, &server);
    relay.until(&mut alice, |alice| alice.has("Nothing was missed"));
    is_hidden(&mut alice, SECRET);
    let mut bob = connect_with(server.addr, &[], &[("CHINWAG_SERVER_PASSWORD", SECRET)]);
    bob.input_is("nickname: |");
    assert!(!bob.has("Password"));
}

#[test]
fn last_wrong_server_password_stops_reconnecting() {
    let dir = TestDir::new();
    let server = with_password(&dir);
    let mut alice = ClientTerminal::connect(server.addr, &["--nick", "alice"]);
    for number in 1..=3 {
        type_hidden(&mut alice, "Wrong-one");
        alice.press("\r");
        alice.until("the refusal", |alice| {
            alice.rows().iter().filter(|row| row.contains("! Wrong password.")).count() == number
        });
    }
    alice.shows_line("! Wrong password. Goodbye.");
    alice.shows("Enter tries again");
    is_hidden(&mut alice, "Wrong-one");
}

#[test]
fn other_servers_get_no_password() {
    let variables = [("CHINWAG_PASSWORD", SECRET), ("CHINWAG_SERVER_PASSWORD", SECRET)];
    let fake = FakeServer::start();
    let mut alice = connect_with(fake.addr(), &["--nick", "alice"], &variables);
    let mut peer = fake.accept();
    peer.write("220 ready\n");
    peer.expect("alice");
    peer.write(format!("{SERVER_PROMPT}{PROMPT}Password:\nPassword: "));
    alice.input_is("Password: |");
    alice.press("hello\r");
    peer.expect("hello");
    let mut alice = connect_with(fake.addr(), &["--nick", "alice"], &variables);
    let mut peer = fake.accept();
    peer.write(format!("{PROMPT}password: "));
    peer.expect("alice");
    alice.input_is("password: |");
    alice.press("hello\r");
    peer.expect("hello");
}
