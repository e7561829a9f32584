//! Tests of messages of several lines.

use super::{TestHub, irc_den};
use crate::chat::id::ClientId;

const NOTHING: &[&str] = &[];

fn request_caps(server: &mut TestHub, id: ClientId, caps: &str) {
    server.say(id, &format!("CAP REQ :{caps}"));
    server.read(id);
}

/// Alice and bob read several lines as one message; dave, who is in den too, and carol do not.
fn multiline_den() -> (TestHub, [ClientId; 4]) {
    let (mut server, [alice, bob, carol, dave]) = irc_den();
    server.say(dave, "JOIN #den");
    request_caps(&mut server, alice, "draft/multiline batch message-tags");
    request_caps(&mut server, bob, "draft/multiline batch message-tags");
    request_caps(&mut server, dave, "message-tags");
    [alice, bob, carol, dave].into_iter().for_each(|id| drop(server.read(id)));
    (server, [alice, bob, carol, dave])
}

fn send(server: &mut TestHub, id: ClientId, target: &str, lines: &[&str]) {
    server.say(id, &format!("@+x=1 BATCH +7 draft/multiline {target}"));
    for line in lines {
        let (tags, text) = match line.strip_prefix('+') {
            Some(text) => (";draft/multiline-concat", text),
            None => ("", *line),
        };
        server.say(id, &format!("@batch=7{tags} PRIVMSG {target} :{text}"));
    }
    server.say(id, "BATCH -7");
}

/// The lines that an IRC session reads, with the nickname of alice alone as the source.
fn read_tagged(server: &mut TestHub, id: ClientId) -> Vec<String> {
    let short = |word: &str| if word.starts_with(":alice!") { ":alice".to_owned() } else { word.to_owned() };
    let lines = server.read(id);
    let short = |line: &String| line.split(' ').map(short).collect::<Vec<_>>().join(" ");
    lines.iter().map(|line| short(line).replace(":chinwag ", "")).collect()
}

#[test]
fn message_of_several_lines_is_a_batch_or_several_messages() {
    let (mut server, [alice, bob, carol, dave]) = multiline_den();
    send(&mut server, alice, "#den", &["one", "", "two ", "+and a half"]);
    assert_eq!(server.read(alice), NOTHING);
    let batch = [
        "@msgid=0-1;+x=1 :alice BATCH +m1 draft/multiline #den",
        "@batch=m1 :alice PRIVMSG #den :one",
        "@batch=m1 :alice PRIVMSG #den :",
        "@batch=m1 :alice PRIVMSG #den :two ",
        "@batch=m1;draft/multiline-concat :alice PRIVMSG #den :and a half",
        "BATCH -m1",
    ];
    assert_eq!(read_tagged(&mut server, bob), batch);
    assert_eq!(
        read_tagged(&mut server, dave),
        [
            "@msgid=0-1;+x=1 :alice PRIVMSG #den :one",
            "@+x=1 :alice PRIVMSG #den :two ",
            "@+x=1 :alice PRIVMSG #den :and a half",
        ]
    );
    let plain = server.read(carol);
    assert!(
        plain.len() == 2 && plain[0].ends_with("alice: one") && plain[1].ends_with("alice: two and a half"),
        "{plain:?}"
    );
    request_caps(&mut server, alice, "echo-message");
    send(&mut server, alice, "#den", &["three"]);
    assert_eq!(read_tagged(&mut server, alice)[1], "@batch=m3 :alice PRIVMSG #den :three");
}

#[test]
fn first_line_is_deleted_with_the_others() {
    let (mut server, [alice, bob, carol, _]) = multiline_den();
    server.say(carol, "before");
    request_caps(&mut server, alice, "draft/message-redaction");
    send(&mut server, alice, "#den", &["one", "two", "three"]);
    send(&mut server, alice, "#den", &["four", "five"]);
    server.say(carol, "after");
    [alice, bob].into_iter().for_each(|id| drop(server.read(id)));
    let shown = ["0-5", "0-6"].map(|id| format!(":alice REDACT #den {id}"));
    assert_eq!(server.answer_irc(alice, "REDACT #den 0-5"), shown);
    assert_eq!(server.answer_irc(alice, "REDACT #den 0-3"), [":alice REDACT #den 0-3"], "a line alone");
    let shown = ["0-2", "0-4"].map(|id| format!(":alice REDACT #den {id}"));
    assert_eq!(server.answer_irc(alice, "REDACT #den 0-2"), shown);
    let history = server.answer(carol, "/history");
    let texts: Vec<&str> = history.iter().filter_map(|line| line.split_once(": ").map(|(_, text)| text)).collect();
    assert_eq!(texts, ["before", "after"], "{history:?}");
}

#[test]
fn lines_of_others_that_the_author_has_not_read_are_not_lost() {
    let (mut server, [alice, bob, carol, _]) = multiline_den();
    server.say(bob, "PRIVMSG #den :first");
    send(&mut server, alice, "#den", &["one", "two"]);
    server.say(carol, "last");
    let read = server.read(alice);
    assert!(read.len() == 2 && read[0].ends_with(":first") && read[1].ends_with(":last"), "{read:?}");
}

#[test]
fn wrong_batches_are_refused_once_and_ignored() {
    let (mut server, [alice, bob, _, dave]) = multiline_den();
    let long = "x".repeat(400);
    let too_many = ["x"; 25];
    for (lines, fault) in [
        (&["a", "+"] as &[&str], "MULTILINE_INVALID :An empty line does not go on with the line before"),
        (&["\u{1}PING 1\u{1}", "a"], "MULTILINE_INVALID :CTCP has one line"),
        (&too_many, "MULTILINE_MAX_LINES 24 :The message has too many lines"),
        (&[&*long; 11], "MULTILINE_MAX_BYTES 4096 :The message is too long"),
    ] {
        send(&mut server, alice, "#den", lines);
        assert_eq!(server.read_irc(alice), [format!("FAIL BATCH {fault}")]);
    }
    send(&mut server, alice, "#den", &["", " "]);
    assert_eq!(server.read_irc(alice), ["412 alice :No text to send"]);
    send(&mut server, alice, "#nowhere", &["a"]);
    assert_eq!(server.read_irc(alice), ["403 alice #nowhere :No such channel"]);
    server.check_irc(alice, "@batch=8 PRIVMSG #den :x", &["FAIL BATCH MULTILINE_INVALID :That batch is not open"]);
    server.check_irc(alice, "BATCH -8", &["FAIL BATCH MULTILINE_INVALID :That batch is not open"]);
    server.check_irc(alice, "BATCH +8 other #den", &["FAIL BATCH MULTILINE_INVALID :The type of the batch is unknown"]);
    server.say(alice, "BATCH +8 draft/multiline #den");
    let fault = "FAIL BATCH MULTILINE_INVALID_TARGET #den bob :All lines have the target of the batch";
    server.check_irc(alice, "@batch=8 PRIVMSG bob :x", &[fault]);
    server.check_irc(alice, "BATCH -8", &[]);
    assert_eq!(server.read(bob), NOTHING);
    server.check_irc(dave, "BATCH +8 draft/multiline #den", &["421 dave BATCH :Unknown command"]);
}

#[test]
fn label_of_the_begin_is_that_of_the_echo() {
    let (mut server, [alice, ..]) = multiline_den();
    request_caps(&mut server, alice, "labeled-response echo-message");
    server.say(alice, "@label=q BATCH +7 draft/multiline #den");
    server.say(alice, "@batch=7 PRIVMSG #den :one");
    server.say(alice, "@batch=7 PRIVMSG #den :two");
    assert_eq!(server.read(alice), NOTHING);
    server.say(alice, "BATCH -7");
    let read = read_tagged(&mut server, alice);
    assert_eq!(read[0], "@label=q;msgid=0-1 :alice BATCH +m1 draft/multiline #den");
    assert_eq!((read.len(), &*read[3]), (4, "BATCH -m1"));
}

#[test]
fn lines_for_one_member_are_one_message() {
    let (mut server, [alice, bob, carol, dave]) = multiline_den();
    request_caps(&mut server, alice, "echo-message");
    send(&mut server, alice, "bob", &["one", "+ and a half", "", "two"]);
    let read = read_tagged(&mut server, bob);
    assert_eq!(read, read_tagged(&mut server, alice), "the author reads the same");
    let id = read[0].strip_prefix("@msgid=0-p").and_then(|rest| rest.split_once(';')).expect("an id").0;
    let reference = read[0].split(" BATCH +").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    assert_eq!(read[0], format!("@msgid=0-p{id};+x=1 :alice BATCH +{reference} draft/multiline bob"));
    let inner = |rest: &str| format!("@batch={reference}{rest}");
    assert_eq!(
        read[1..5],
        [
            inner(" :alice PRIVMSG bob :one"),
            inner(";draft/multiline-concat :alice PRIVMSG bob : and a half"),
            inner(" :alice PRIVMSG bob :"),
            inner(" :alice PRIVMSG bob :two"),
        ]
    );
    assert_eq!(read[5..], [format!("BATCH -{reference}")]);
    send(&mut server, alice, "carol", &["one", "two"]);
    let plain = server.read(carol);
    assert!(plain.len() == 2 && plain[1].ends_with("alice -> you: two"), "{plain:?}");
    send(&mut server, alice, "dave", &["one", "two"]);
    let each = read_tagged(&mut server, dave);
    assert!(
        each.len() == 2 && each[0].starts_with("@msgid=") && each[1] == "@+x=1 :alice PRIVMSG dave :two",
        "{each:?}"
    );
    server.say(dave, "AWAY :lunch");
    server.read(alice);
    send(&mut server, alice, "dave", &["three", "four"]);
    let answers: Vec<String> = server.read_irc(alice).into_iter().filter(|line| line.starts_with("301 ")).collect();
    assert_eq!(answers, ["301 alice dave :lunch"], "it is told once");
}

#[test]
fn lines_for_a_member_that_ignores_the_author_are_not_delivered() {
    let (mut server, [alice, bob, carol, _]) = multiline_den();
    server.say(carol, "/ignore alice");
    server.read(carol);
    send(&mut server, alice, "carol", &["one", "two"]);
    server.say(ClientId::CONSOLE, "/mute alice");
    send(&mut server, alice, "bob", &["one", "two"]);
    assert_eq!((server.read(carol), server.read(bob)), (vec![], vec![]));
}

#[test]
fn muted_member_alone_reads_its_lines() {
    let (mut server, [alice, bob, carol, dave]) = multiline_den();
    server.hub.attach_console();
    server.say(ClientId::CONSOLE, "/mute alice");
    request_caps(&mut server, alice, "echo-message");
    server.read(ClientId::CONSOLE);
    send(&mut server, alice, "#den", &["one", "two"]);
    assert_eq!(read_tagged(&mut server, alice).len(), 4);
    let shown = server.read(ClientId::CONSOLE);
    assert!(shown.len() == 2 && shown[1].ends_with("(muted) alice: two"), "{shown:?}");
    [bob, carol, dave].into_iter().for_each(|id| assert_eq!(server.read(id), NOTHING));
}

#[test]
fn refusal_of_a_line_answers_the_begin_of_the_batch() {
    let (mut server, [alice, ..]) = multiline_den();
    request_caps(&mut server, alice, "labeled-response");
    assert_eq!(server.answer(alice, "@label=a BATCH +7 draft/multiline #den"), NOTHING);
    assert_eq!(server.answer(alice, "@batch=7 PRIVMSG #den :one"), NOTHING);
    let refusal = "@label=a :chinwag FAIL BATCH MULTILINE_INVALID :All lines have the same command";
    assert_eq!(server.answer(alice, "@batch=7 NOTICE #den :two"), [refusal]);
    assert_eq!(server.answer(alice, "@batch=7 NOTICE #den :three"), NOTHING);
    assert_eq!(server.answer(alice, "@label=b BATCH -7"), ["@label=b :chinwag ACK"]);
}
