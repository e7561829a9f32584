//! Mutes by the operator.

use super::console::{ask, shows, with_people};
use crate::harness::{Client, Server};

fn mute_bob(server: &mut Server) {
    ask(server, "/mute bob", &["* bob is muted."]);
}

#[test]
fn muted_member_is_read_by_the_operator_only_without_notice() {
    let (mut server, [mut alice, mut bob]) = with_people(["alice", "bob"]);
    mute_bob(&mut server);
    bob.send("hello\n/me waves\n");
    shows(&mut server, &["[T] (muted) bob: hello", "[T] * (muted) bob waves"]);
    bob.ask("@alice psst", &["[T] you -> alice: psst"]);
    bob.ask("/echo on", &["* You read your own lines from now on."]);
    bob.ask("still here", &["[T] bob: still here"]);
    shows(&mut server, &["[T] (muted) bob: still here"]);
    bob.ask("/nick robert", &["* bob is now called robert"]);
    shows(&mut server, &["* bob is now called robert"]);
    alice.ask("/r what?", &["! Nobody has whispered to you yet."]);
    alice.ask("/who", &["* 2 here: robert and you."]);
    // A muted member can whisper to the operator, and reads the others.
    bob.ask("@server why?", &["[T] you -> server: why?"]);
    shows(&mut server, &["[T] robert -> you: why?"]);
    alice.send("hi\n");
    bob.expect("[T] alice: hi");
    shows(&mut server, &["[T] alice: hi"]);
    bob.ask("/quit listen, all", &["* Goodbye."]);
    alice.expect("* robert left (1 here)");
    alice.send("/history\n");
    alice.expect_all(&["* --- the last 1 message ---", "[T] alice: hi", "* --- you are up to date ---"]);
    alice.expect_nothing();
}

#[test]
fn mute_survives_rejoin_and_is_lifted_by_current_name() {
    let (mut server, [mut alice, mut bob]) = with_people(["alice", "bob"]);
    ask(&mut server, "/mutes", &["* Nobody is muted."]);
    ask(&mut server, "/mute bob 5", &["* bob is muted for another 5 minutes."]);
    bob.ask("/quit", &["* Goodbye."]);
    alice.expect("* bob left (1 here)");
    drop(bob);
    server.console.until("* disconnected ");
    let mut bob = Client::connect_from([127, 0, 0, 2], server.addr).log_in("bob");
    alice.expect("* bob joined (2 here)");
    server.console.until("* bob joined (2 here)");
    bob.send("back\n");
    shows(&mut server, &["[T] (muted) bob: back"]);
    ask(&mut server, "/mutes", &["* bob is muted for another 5 minutes."]);

    bob.ask("/nick robert", &["* bob is now called robert"]);
    shows(&mut server, &["* bob is now called robert"]);

    bob.ask("/quit", &["* Goodbye."]);
    alice.expect("* robert left (1 here)");
    drop(bob);
    server.console.until("* disconnected ");
    let mut bob = Client::connect_from([127, 0, 0, 2], server.addr).log_in("bob");
    alice.expect("* bob joined (2 here)");
    server.console.until("* bob joined (2 here)");
    bob.send("under the old name\n");
    shows(&mut server, &["[T] (muted) bob: under the old name"]);

    bob.ask("/nick robert", &["* bob is now called robert"]);
    shows(&mut server, &["* bob is now called robert"]);
    ask(&mut server, "/unmute robert", &["* robert is no longer muted."]);
    bob.send("heard\n");
    alice.expect("[T] robert: heard");
    shows(&mut server, &["[T] robert: heard"]);
    ask(&mut server, "/unmute robert", &["! robert is not muted. /mutes lists who is."]);
    alice.expect_nothing();
}

#[test]
fn invalid_mute_commands_are_refused() {
    let (mut server, [mut alice]) = with_people(["alice"]);
    for typed in ["/mute", "/mute alice soon", "/mute alice 0"] {
        ask(&mut server, typed, &["! Usage: /mute name [minutes]"]);
    }
    ask(&mut server, "/mute nobody", &["! Nobody here is called nobody."]);
    ask(&mut server, "/unmute", &["! Usage: /unmute name"]);
    alice.ask("/mute alice", &["! Only moderators can do that."]);
}
