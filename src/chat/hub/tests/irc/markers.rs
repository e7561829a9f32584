//! Tests of MARKREAD.

use crate::chat::hub::tests::test_hub::TestHub;

const EARLY: &str = "timestamp=2026-01-01T00:00:00.000Z";
const LATE: &str = "timestamp=2026-01-02T00:00:00.123Z";

#[test]
fn marker_only_grows_and_is_shown_when_its_member_enters() {
    let mut server = TestHub::new();
    let alice = server.enter_with("alice", "draft/read-marker");
    let shown = |server: &mut TestHub| {
        let lines = server.answer(alice, "JOIN #den");
        let marker = lines.iter().position(|line| line.contains(" MARKREAD #den ")).expect("a marker");
        assert!(lines[marker + 1..].iter().any(|line| line.contains(" 366 ")), "{lines:?}");
        lines[marker].rsplit_once(' ').unwrap().1.to_owned()
    };
    assert_eq!(shown(&mut server), "*");
    server.check_irc(alice, &format!("MARKREAD #den {LATE}"), &[&format!("MARKREAD #den {LATE}")]);
    server.check_irc(alice, &format!("MARKREAD #DEN {EARLY}"), &[&format!("MARKREAD #DEN {LATE}")]);
    server.check_irc(alice, "MARKREAD bob", &["MARKREAD bob *"]);
    server.check_irc(alice, &format!("MARKREAD bob {EARLY}"), &[&format!("MARKREAD bob {EARLY}")]);
    server.say(alice, "PART #den");
    assert_eq!(shown(&mut server), LATE);
}

#[test]
fn client_without_the_capability_is_shown_no_marker_when_it_enters() {
    let mut server = TestHub::new();
    let alice = server.enter_irc("alice");
    assert!(server.answer(alice, "JOIN #den").iter().all(|line| !line.contains("MARKREAD")));
}

#[test]
fn wrong_parameters_are_refused() {
    let mut server = TestHub::new();
    let alice = server.enter_irc("alice");
    server.check_irc(alice, "MARKREAD", &["FAIL MARKREAD NEED_MORE_PARAMS :A target is missing"]);
    for line in
        ["#den *", "#den timestamp=*", "#den timestamp=today", "a.very,wrong!name timestamp=2026-01-01T00:00:00.000Z"]
    {
        let target = line.split_once(' ').unwrap().0;
        let refused = format!("FAIL MARKREAD INVALID_PARAMS {target} :No such target, or not a time");
        server.check_irc(alice, &format!("MARKREAD {line}"), &[&refused]);
    }
}
