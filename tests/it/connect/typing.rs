//! The input line on a pseudo-terminal.

use crate::connect::{ClientTerminal, FakeServer};
use crate::harness::Server;

/// Starts alice's client and waits for the login.
fn alice(server: &Server) -> ClientTerminal {
    let mut alice = ClientTerminal::connect(server.addr, &["--nick", "alice"]);
    alice.shows("· alice ·");
    alice
}

#[test]
fn input_is_edited_by_grapheme_for_any_width() {
    let server = Server::start(&[]);
    let mut bob = server.login("bob");
    let mut alice = alice(&server);
    bob.expect("* alice joined (2 here)");
    alice.press("你好 wide e\u{301}");
    alice.input_is("> 你好 wide e\u{301}|");
    alice.press("\x7f");
    alice.input_is("> 你好 wide |");
    alice.press("\x01\x1b[C");
    alice.input_is("> 你|好 wide ");
    alice.press("\x1b[3~们");
    alice.input_is("> 你们| wide ");
    // A character whose bytes come one after another, as from an input method on a slow connection.
    alice.press("\x05");
    for byte in "好".bytes().map(|byte| vec![byte]) {
        alice.press_bytes(&byte);
    }
    alice.input_is("> 你们 wide 好|");
    alice.press("\x17\x15");
    alice.input_is("> |");
    alice.press("\x19\x1bb\x1b[1;5D");
    alice.input_is("> 你们 |wide 好");
    alice.press("\x0b");
    alice.input_is("> 你们 |");
    alice.press("\x19!\r");
    bob.expect("[T] alice: 你们 wide 好!");
    alice.shows_line("[T] alice: 你们 wide 好!");
    alice.press("\x1b[A\x1b[H# \r");
    bob.expect("[T] alice: # 你们 wide 好!");
}

#[test]
fn long_input_scrolls_in_its_row_and_is_sent_whole() {
    let server = Server::start(&[]);
    let mut bob = server.login("bob");
    let mut alice = alice(&server);
    bob.expect("* alice joined (2 here)");
    let text: String = (0..60).map(|number| format!("w{number} ")).collect();
    alice.press(text.trim_end());
    alice.until("its end", |alice| alice.input().ends_with("w58 w59|"));
    assert!(unicode_width::UnicodeWidthStr::width(&*alice.input()) <= 60, "{}", alice.input());
    alice.press("\x01");
    alice.until("its beginning", |alice| alice.input().starts_with("> |w0 w1 "));
    alice.press("\r");
    bob.expect(&format!("[T] alice: {}", text.trim_end()));
}

#[test]
fn tab_completes_known_names_commands_and_rooms() {
    let server = Server::start(&[]);
    let [mut bob, _barbara] = server.people(["bob", "barbara"]);
    let mut alice = alice(&server);
    bob.send("hi\n");
    alice.shows_line("[T] bob: hi");
    alice.press("b\t");
    alice.input_is("> bob: |");
    alice.press("\t");
    alice.input_is("> barbara: |");
    alice.press("\x1b[Z");
    alice.input_is("> bob: |");
    alice.press("\x15@BA\tpsst\x15/wh\t");
    alice.input_is("> /who |");
    alice.press("\x15/join den\r");
    alice.shows("* You are in den.");
    alice.press("/join l\t\r");
    alice.shows("* You are in lobby.");
}

#[test]
fn pasted_lines_are_sent_and_many_need_confirmation() {
    let server = Server::start(&["--rate", "0"]);
    let mut bob = server.login("bob");
    let mut alice = alice(&server);
    bob.expect("* alice joined (2 here)");
    // One line goes to the cursor and is not sent.
    alice.press("see \x1b[200~this\n\x1b[201~");
    alice.input_is("> see this|");
    alice.press("\r");
    bob.expect("[T] alice: see this");
    alice.press("\x1b[200~/etc/passwd\r\nq\r\n@last\x1b[201~");
    bob.expect_all(&["[T] alice: /etc/passwd", "[T] alice: q"]);
    alice.input_is("> @last|");
    alice.press("\x15\x1b[200~1\n2\n3\n4\n5\n6\n\x1b[201~");
    alice.shows("Send 6 lines? y or n");
    alice.press("n");
    alice.input_is("> |");
    bob.expect_nothing();
    alice.press("\x1b[200~1\n2\n3\n4\n5\n6\n\x1b[201~y");
    bob.expect_all(&["[T] alice: 1", "[T] alice: 2", "[T] alice: 3", "[T] alice: 4", "[T] alice: 5", "[T] alice: 6"]);
}

#[test]
fn ctrl_c_clears_line_and_twice_leaves() {
    let server = Server::start(&[]);
    let mut bob = server.login("bob");
    let mut alice = alice(&server);
    bob.expect("* alice joined (2 here)");
    alice.press("not to be said\x03");
    alice.shows("Ctrl-C again leaves");
    alice.input_is("> |");
    alice.press("x\x7f\x03");
    alice.shows("Ctrl-C again leaves");
    alice.press("\x03");
    bob.expect("* alice left (1 here)");
    alice.ends(0);
}

#[test]
fn ctrl_d_deletes_and_leaves_on_empty_line() {
    let server = Server::start(&[]);
    let mut alice = alice(&server);
    alice.press("ab\x1b[D\x04");
    alice.input_is("> a|");
    alice.press("\x7f\x04");
    alice.ends(0);
}

#[test]
fn quit_commands_end_the_client() {
    let server = Server::start(&[]);
    for word in ["q", "/quit", "EXIT"] {
        let mut alice = alice(&server);
        alice.press(&format!("{word}\r"));
        assert!(alice.ends(0).contains("* Goodbye."));
    }
}

#[test]
fn lone_escape_is_not_joined_with_next_key() {
    let fake = FakeServer::start();
    let mut alice = ClientTerminal::connect(fake.addr(), &[]);
    let mut peer = fake.accept();
    peer.write("hello\n");
    alice.shows_line("hello");
    alice.press("\x1b[200~1\n2\n3\n4\n5\n6\n\x1b[201~");
    alice.shows("Send 6 lines? y or n");
    alice.press("\x1b");
    // Escape is the answer, though nothing follows.
    alice.input_is("> |");
    // If the ESC had been kept, this would be the cursor key.
    alice.press("[D");
    alice.input_is("> [D|");
}
