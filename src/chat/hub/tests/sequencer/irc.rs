//! Commands of IRC whose changes are committed some time after they were given.

use super::SequencedHub;
use crate::chat::config::IrcOper;
use crate::chat::id::ClientId;
use crate::chat::password::ServerPassword;
use crate::util::test_json::through_json;

impl SequencedHub {
    /// Members with IRC that are in den; the first one, which has made it, has labels.
    fn enter_den(&mut self) -> [ClientId; 2] {
        let [alice, bob] = [self.enter_irc(0, "alice"), self.enter_irc(1, "bob")];
        self.say(alice, "CAP REQ :batch labeled-response echo-message");
        self.read(alice);
        [alice, bob]
    }

    /// Commits one change; returns what the session reads then.
    fn commit_one(&mut self, id: ClientId) -> Vec<String> {
        self.commit(1);
        self.read(id)
    }
}

/// The reference of the batch that the first line begins.
fn reference(lines: &[String]) -> String {
    let (_, reference) = lines[0].split_once(" BATCH +").expect("the begin of a batch");
    reference.split(' ').next().unwrap().to_owned()
}

#[test]
fn answer_after_the_commit_has_the_label() {
    let mut server = SequencedHub::new();
    let [alice, _] = server.enter_den();
    server.say(alice, "@label=a TOPIC #den :fish");
    assert_eq!(server.read(alice), [""; 0], "nothing is told before the commit");
    let read = server.commit_one(alice);
    assert!(read.len() == 1 && read[0].starts_with("@label=a :alice!"), "{read:?}");
    for (line, label) in
        [("@label=b PRIVMSG #den :one", "b"), ("PRIVMSG #den :two", ""), ("@label=c PRIVMSG #den :three", "c")]
    {
        server.say(alice, line);
        assert!(server.read(alice).is_empty(), "{label}");
    }
    for start in ["@label=b :alice!", ":alice!", "@label=c :alice!"] {
        let read = server.commit_one(alice);
        assert!(read.len() == 1 && read[0].starts_with(start), "{read:?}");
    }
}

#[test]
fn answer_in_several_parts_is_one_batch() {
    let mut server = SequencedHub::new();
    let [alice, bob] = server.enter_den();
    server.say(alice, "@label=a JOIN #nook,bad,#tea");
    let begin = server.read(alice);
    let batch = reference(&begin);
    assert!(begin[0].starts_with("@label=a ") && begin[1].starts_with(&format!("@batch={batch} ")), "{begin:?}");
    assert!(begin.len() == 2 && begin[1].contains(" 403 alice bad "));
    let nook = server.commit_one(alice);
    assert!(nook.iter().all(|line| line.starts_with(&format!("@batch={batch} "))) && nook.len() == 3, "{nook:?}");
    server.say(bob, "PRIVMSG #den :hello");
    server.proposals.rotate_right(1);
    let other = server.commit_one(alice);
    assert!(other.len() == 1 && other[0].starts_with(":bob!"), "{other:?}");
    let tea = server.commit_one(alice);
    assert!(tea[0].contains("JOIN #tea") && tea.len() == 4 && tea[3].ends_with(&format!(" BATCH -{batch}")), "{tea:?}");
}

#[test]
fn refusal_after_the_commit_has_the_label_and_names_what_the_command_named() {
    let mut server = SequencedHub::new();
    let [alice, bob] = server.enter_den();
    server.say(bob, "CAP REQ :batch labeled-response");
    server.read(bob);
    server.say(alice, "KICK #den bob");
    server.say(bob, "@label=a PRIVMSG #den :hello");
    server.say(bob, "@label=b NOTICE #den :hello");
    server.commit(1);
    server.read(bob);
    let refused = server.commit_one(bob);
    assert!(refused.len() == 1 && refused[0].starts_with("@label=a ") && refused[0].contains(" 404 bob #den "));
    let notice = server.commit_one(bob);
    assert!(notice.len() == 1 && notice[0].starts_with("@label=b ") && notice[0].ends_with(" ACK"), "{notice:?}");
    server.hub.audit().unwrap();
}

#[test]
fn refusal_names_a_channel_that_was_removed_before_the_commit() {
    let mut server = SequencedHub::new();
    let [alice, _] = server.enter_den();
    for command in ["PRIVMSG #nook :hello", "TOPIC #nook :fish", "PART #nook"] {
        server.say(alice, "JOIN #nook");
        server.commit(1);
        server.say(ClientId::CONSOLE, "/kick #nook alice");
        server.say(alice, command);
        server.commit(1);
        server.read(alice);
        let gone = server.commit_one(alice);
        assert!(gone.len() == 1 && gone[0].ends_with(" 403 alice #nook :No such channel"), "{gone:?}");
    }
    server.hub.audit().unwrap();
}

#[test]
fn changes_of_one_mode_are_shown_in_one_line_also_if_the_session_ends() {
    let mut server = SequencedHub::new();
    let [alice, bob] = server.enter_den();
    server.say(alice, "@label=a MODE #den +miv bob");
    server.commit(2);
    assert_eq!((server.read(alice).len(), server.read(bob).len()), (0, 0));
    server.commit(1);
    let (own, other) = (server.read(alice), server.read(bob));
    assert!(own.len() == 1 && own[0].starts_with("@label=a ") && own[0].ends_with(" MODE #den +miv bob"), "{own:?}");
    assert!(other.len() == 1 && other[0].ends_with(" MODE #den +miv bob"), "{other:?}");
    server.say(alice, "MODE #den -m-i");
    server.commit(1);
    let now = super::now();
    server.hub.handle_connection_lost(alice, now);
    let read = server.read(bob);
    assert!(read.len() == 1 && read[0].ends_with(" MODE #den -m"), "{read:?}");
    server.commit(1);
    let read = server.read(bob);
    assert!(read.len() == 1 && read[0].ends_with(" MODE #den -i"), "{read:?}");
}

#[test]
fn open_commands_are_handed_over() {
    let mut server = SequencedHub::new();
    let [alice, _] = server.enter_den();
    server.say(alice, "@label=a JOIN #nook,#tea");
    server.commit(1);
    let mut unfinished = through_json(server.hub.sessions.irc(alice).unwrap().unfinished());
    let open = unfinished.open_commands.oldest().expect("a JOIN");
    assert_eq!((&*open.command, open.label.as_deref(), open.uncommitted.len()), ("JOIN", Some("a"), 1));
    assert!(open.batch.is_some() && open.uncommitted[0] == "#tea");
}

#[test]
fn modes_and_oper_of_irc_hold_when_they_are_committed() {
    let mut server = SequencedHub::new();
    server.hub.config.irc_opers.push(IrcOper { name: "root".into(), password: ServerPassword::new("secret") });
    let alice = server.enter_irc(0, "alice");
    server.say(alice, "MODE #den +mk fish");
    assert_eq!((server.proposals.len(), server.read(alice).len()), (2, 0));
    server.commit(1);
    assert_eq!(server.read(alice).len(), 0, "the changes are shown together");
    server.commit(1);
    assert!(server.read(alice)[0].ends_with(" MODE #den +mk *"));
    server.say(alice, "OPER root secret");
    assert_eq!(server.read(alice).len(), 0);
    server.commit(1);
    let read = server.read(alice);
    assert!(read.len() == 2 && read[0].contains(" 381 ") && read[1].ends_with(" MODE alice :+o"), "{read:?}");
    server.hub.audit().unwrap();
}

#[test]
fn metadata_and_messages_of_several_lines_are_shown_when_they_are_committed() {
    let mut server = SequencedHub::new();
    let alice = server.enter_irc(0, "alice");
    server.say(alice, "CAP REQ :batch message-tags draft/multiline echo-message");
    server.read(alice);
    for number in 0..21 {
        server.say(alice, &format!("METADATA * SET k{number} :x"));
    }
    assert_eq!((server.proposals.len(), server.read(alice).len()), (21, 0));
    server.commit(20);
    assert_eq!(server.read(alice).len(), 20);
    server.commit(1);
    assert!(server.read(alice)[0].contains("LIMIT_REACHED"), "there was room for it when it was proposed");
    for line in ["BATCH +1 draft/multiline #den", "@batch=1 PRIVMSG #den :one", "@batch=1 PRIVMSG #den :", "BATCH -1"] {
        server.say(alice, line);
    }
    assert_eq!((server.proposals.len(), server.read(alice).len()), (1, 0));
    server.commit(1);
    let read = server.read(alice);
    assert!(read.len() == 4 && read[1].ends_with("PRIVMSG #den :one"), "{read:?}");
    server.hub.audit().unwrap();
}
