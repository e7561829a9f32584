//! The commands `/ignore` and `/unignore`.

use crate::harness::Server;

#[test]
fn messages_of_an_ignored_member_are_hidden_without_notice_to_it() {
    let server = Server::start(&[]);
    let [mut alice, mut bob, mut carol] = server.people(["alice", "bob", "carol"]);
    alice.ask("/ignore", &["* You ignore nobody."]);
    alice.ask("/ignore bob", &["* You no longer read bob. /unignore bob ends that."]);
    alice.ask("/ignore", &["* You ignore bob."]);
    bob.send("hello\n/me waves\n");
    carol.expect_all(&["[T] bob: hello", "[T] * bob waves"]);
    bob.ask("@alice psst", &["[T] you -> alice: psst"]);
    bob.expect_nothing();
    carol.send("hi\n");
    alice.expect("[T] carol: hi");
    alice.expect_nothing();
    alice.ask("/r what?", &["! Nobody has whispered to you yet."]);
    alice.send("/history\n");
    assert!(alice.line().starts_with("* --- the last "));
    alice.expect_all(&["[T] carol: hi", "* --- you are up to date ---"]);
    // An ignored member still reads all messages.
    alice.ask("@bob you are ignored", &["[T] you -> bob: you are ignored"]);
    bob.expect_all(&["[T] carol: hi", "[T] alice -> you: you are ignored"]);
    alice.ask("/unignore bob", &["* You read bob again."]);
    alice.ask("/ignore", &["* You ignore nobody."]);
    bob.send("back\n");
    alice.expect("[T] bob: back");
    bob.ask("@alice psst", &["[T] you -> alice: psst"]);
    alice.expect("[T] bob -> you: psst");
}

#[test]
fn ignore_survives_rename_and_rejoin() {
    let server = Server::start(&["--history", "0"]);
    let [mut alice, mut bob, mut carol] = server.people(["alice", "bob", "carol"]);
    alice.ask("/ignore BOB", &["* You no longer read bob. /unignore bob ends that."]);
    bob.ask("/nick robert", &["* bob is now called robert"]);
    alice.expect("* bob is now called robert");
    bob.send("one\n");
    bob.ask("@alice two", &["[T] you -> alice: two"]);
    carol.expect_all(&["* bob is now called robert", "[T] robert: one"]);
    bob.ask("/nick bob", &["* robert is now called bob"]);
    bob.ask("q", &["* Goodbye."]);
    alice.expect_all(&["* robert is now called bob", "* bob left (2 here)"]);
    let mut bob = server.login("Bob");
    alice.expect("* Bob joined (3 here)");
    bob.send("three\n");
    bob.ask("@alice four", &["[T] you -> alice: four"]);
    carol.expect_all(&["* robert is now called bob", "* bob left (2 here)", "* Bob joined (3 here)", "[T] Bob: three"]);
    alice.expect_nothing();
    alice.ask("/unignore bob", &["* You read bob again."]);
    bob.send("five\n");
    alice.expect("[T] Bob: five");
}

#[test]
fn unignore_accepts_the_old_and_the_new_nickname() {
    let server = Server::start(&[]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    let mut name = "bob".to_owned();
    for (new, given) in [("robert", "bob"), ("bobby", "bobby")] {
        alice.ask(&format!("/ignore {name}"), &[&format!("* You no longer read {name}. /unignore {name} ends that.")]);
        let renamed = format!("* {name} is now called {new}");
        bob.ask(&format!("/nick {new}"), &[&renamed]);
        alice.expect(&renamed);
        alice.ask(&format!("/unignore {given}"), &[&format!("* You read {given} again.")]);
        bob.send("hi\n");
        alice.expect(&format!("[T] {new}: hi"));
        name = new.to_owned();
    }
}

#[test]
fn ignore_list_has_no_duplicates_after_a_rename() {
    let server = Server::start(&[]);
    let [mut alice, mut bob, _carol] = server.people(["alice", "bob", "carol"]);
    for name in ["carol", "bob", "BOB"] {
        let shown = name.to_lowercase();
        alice
            .ask(&format!("/ignore {name}"), &[&format!("* You no longer read {shown}. /unignore {shown} ends that.")]);
    }
    alice.ask("/ignore", &["* You ignore carol and bob."]);
    bob.ask("/nick robert", &["* bob is now called robert"]);
    alice.expect("* bob is now called robert");
    alice.ask("/ignore robert", &["* You no longer read robert. /unignore robert ends that."]);
    alice.ask("/ignore", &["* You ignore carol and robert."]);
    alice.ask("/unignore robert", &["* You read robert again."]);
    alice.ask("/ignore", &["* You ignore carol."]);
}

#[test]
fn invalid_ignore_and_unignore_are_refused() {
    let server = Server::start(&[]);
    let [mut alice, _bob] = server.people(["alice", "bob"]);
    for (line, refusal) in [
        ("/ignore zoe", "! Nobody here is called zoe."),
        ("/ignore alice", "! That is you."),
        ("/unignore", "! Usage: /unignore name"),
        ("/unignore bob", "! You do not ignore bob."),
        ("/unignore zoe", "! You do not ignore zoe."),
    ] {
        alice.ask(line, &[refusal]);
    }
}
