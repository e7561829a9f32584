//! Tests of WHO, WHOIS, WHOWAS, USERHOST, ISON, AWAY, SETNAME, LUSERS and HELP.

use std::time::Duration;

use super::{TestHub, irc_den};
use crate::chat::config::Config;
use crate::chat::id::ClientId;
use crate::chat::policy::cidr::Network;

const END_OF_WHO: &str = ":End of /WHO list";

fn host(server: &TestHub, name: &str) -> String {
    let members = &server.hub.shared.members;
    members[members.find(name).expect("a member").slot].host().to_string()
}

/// The nicknames in an answer to WHO.
fn listed(answer: &[String]) -> Vec<&str> {
    let lines = answer.iter().filter(|line| line.starts_with("352 "));
    lines.map(|line| line.split(' ').nth(6).expect("a nickname")).collect()
}

#[test]
fn who_lists_the_members_of_a_channel_with_flags() {
    let (mut server, [alice, _, carol, dave]) = irc_den();
    server.say(carol, "/away lunch");
    let hosts = ["alice", "bob", "carol"].map(|name| host(&server, name));
    let end = format!("315 dave #den {END_OF_WHO}");
    server.check_irc(
        dave,
        "WHO #DEN",
        &[
            &format!("352 dave #den ~alice {} chinwag alice H@ :0 Real alice", hosts[0]),
            &format!("352 dave #den ~bob {} chinwag bob H :0 Real bob", hosts[1]),
            &format!("352 dave #den chat {} chinwag carol G :0 carol", hosts[2]),
            "315 dave #DEN :End of /WHO list",
        ],
    );
    server.check_irc(dave, "WHO #den o", &[&end]);
    server.check_irc(dave, "WHO #nowhere", &["315 dave #nowhere :End of /WHO list"]);
    server.say(alice, "PART #den");
    assert_eq!(listed(&server.answer_irc(dave, "WHO #den")), ["carol", "bob"]);
}

#[test]
fn who_finds_members_by_nickname_user_host_and_real_name() {
    let (mut server, [.., dave]) = irc_den();
    for mask in ["ALICE", "ali*", "?lice", "~alice", "*REAL a*", &host(&server, "alice")] {
        assert_eq!(listed(&server.answer_irc(dave, &format!("WHO :{mask}"))), ["alice"], "{mask}");
    }
    for mask in ["*", "0", ""] {
        assert_eq!(listed(&server.answer_irc(dave, &format!("WHO :{mask}"))).len(), 4, "{mask}");
    }
    assert_eq!(listed(&server.answer_irc(dave, "WHO *.cloak r")), Vec::<&str>::new());
    server.check_irc(dave, "WHO nobody", &[&format!("315 dave nobody {END_OF_WHO}")]);
    let long = "*".repeat(101);
    server.check_irc(dave, &format!("WHO {long}"), &[&format!("315 dave {long} {END_OF_WHO}")]);
}

#[test]
fn whox_shows_the_chosen_fields_in_one_order() {
    let (mut server, [alice, bob, ..]) = irc_den();
    server.at += Duration::from_secs(7);
    let host = host(&server, "bob");
    server.say(bob, "PING x");
    let all = format!("354 alice 42 #den ~bob 255.255.255.255 {host} chinwag bob H 0 7 0 n/a :Real bob",);
    let answer = server.answer_irc(alice, "WHO #den %roaldfnshiuct,42");
    assert!(answer.contains(&all), "{answer:?}");
    server.check_irc(alice, "WHO bob %nt", &["354 alice 0 bob", &format!("315 alice bob {END_OF_WHO}")]);
    server.check_irc(alice, "WHO bob %r", &["354 alice :Real bob", &format!("315 alice bob {END_OF_WHO}")]);
}

#[test]
fn invisible_members_are_listed_to_members_of_their_rooms_alone() {
    let (mut server, [alice, bob, _, dave]) = irc_den();
    server.hub.set_invisible(alice, true);
    server.hub.audit().unwrap();
    assert_eq!(listed(&server.answer_irc(dave, "WHO ali*")), Vec::<&str>::new());
    assert_eq!(listed(&server.answer_irc(dave, "WHO #den")), ["bob", "carol"]);
    assert_eq!(listed(&server.answer_irc(dave, "WHO alice")), ["alice"]);
    assert_eq!(listed(&server.answer_irc(bob, "WHO ali*")), ["alice"]);
    assert_eq!(listed(&server.answer_irc(alice, "WHO ali*")), ["alice"]);
    let channels = |answer: Vec<String>| answer.into_iter().find(|line| line.starts_with("319 "));
    assert_eq!(channels(server.answer_irc(dave, "WHOIS alice")), None);
    assert_eq!(channels(server.answer_irc(bob, "WHOIS alice")).as_deref(), Some("319 bob alice :@#den"));
    assert!(server.answer_irc(dave, "LUSERS")[0].ends_with(":There are 3 users and 1 invisible on 1 servers"));
    server.say(alice, "QUIT");
    assert!(server.answer_irc(dave, "LUSERS")[0].ends_with(":There are 3 users and 0 invisible on 1 servers"));
}

#[test]
fn secret_rooms_are_hidden_from_strangers() {
    let (mut server, [_, _, carol, dave]) = irc_den();
    server.say(carol, "/leave");
    server.say(carol, "/join cave");
    server.say(carol, "/room secret");
    server.say(carol, "/follow den");
    assert_eq!(listed(&server.answer_irc(dave, "WHO #cave")), Vec::<&str>::new());
    let answer = server.answer_irc(dave, "WHOIS carol");
    assert!(answer.contains(&"319 dave carol :#den".to_owned()), "{answer:?}");
    let answer = server.answer_irc(carol, "/whois carol");
    assert!(answer[0].contains("cave"), "{answer:?}");
}

#[test]
fn long_answers_to_who_are_cut_and_say_so() {
    let mut server = TestHub::with(Config { backlog_bytes: 8192, ..Config::default() });
    let ids: Vec<ClientId> = (0..6).map(|n| server.enter_irc(&format!("member{n}"))).collect();
    let answer = server.answer_irc(ids[0], "WHO member*");
    assert_eq!(listed(&answer).len(), 4);
    let end =
        ["416 member0 WHO member* :Only the first 4 are shown".to_owned(), format!("315 member0 member* {END_OF_WHO}")];
    assert_eq!(answer[4..], end);
}

#[test]
fn too_many_searches_are_told_to_wait() {
    let (mut server, [alice, bob, ..]) = irc_den();
    assert_eq!(listed(&server.answer_irc(alice, "WHO b* n")), ["bob"]);
    let (network, now) = (Network::of_client(server.hub.sessions.ip(alice)), server.now());
    server.hub.searches.take(network, 62_500, now.at);
    server.check_irc(alice, "WHO b* n", &["263 alice WHO :Please wait a while and try again"]);
    server.check_irc(alice, "LIST", &["263 alice LIST :Please wait a while and try again"]);
    assert_eq!(listed(&server.answer_irc(alice, "WHO bob")), ["bob"]);
    assert_eq!(listed(&server.answer_irc(bob, "WHO b* n")), ["bob"], "others still search");
    server.at += Duration::from_secs(1);
    assert_eq!(listed(&server.answer_irc(alice, "WHO b* n")), ["bob"]);
}

#[test]
fn whois_shows_what_is_known_of_a_member() {
    let (mut server, [alice, bob, carol, dave]) = irc_den();
    server.say(carol, "/away lunch");
    server.at += Duration::from_secs(9);
    server.say(bob, "PING x");
    let since = server.now().local.unix_timestamp() - 9;
    let hosts = ["bob", "carol"].map(|name| host(&server, name));
    let bobs = [
        format!("311 dave bob ~bob {} * :Real bob", hosts[0]),
        "319 dave bob :#den".into(),
        "312 dave bob chinwag :a chat server".into(),
        format!("317 dave bob 9 {since} :seconds idle, signon time"),
        "318 dave BOB :End of /WHOIS list".into(),
    ];
    assert_eq!(server.answer_irc(dave, "WHOIS BOB"), bobs);
    assert_eq!(server.answer_irc(dave, "WHOIS chinwag BOB"), bobs);
    assert_eq!(server.answer_irc(dave, "WHOIS bob BOB"), bobs);
    server.say(bob, "PRIVMSG #den :hi");
    assert!(server.answer_irc(dave, "WHOIS bob")[3].starts_with("317 dave bob 0 "));
    let answer = server.answer_irc(dave, "WHOIS carol");
    assert_eq!(answer[0], format!("311 dave carol chat {} * :carol", hosts[1]));
    assert_eq!(answer[3], "301 dave carol :lunch");
    server.hub.note_encrypted(bob);
    assert_eq!(server.answer_irc(dave, "WHOIS bob")[3], "671 dave bob :is using a secure connection");
    let own = server.answer_irc(alice, "WHOIS alice");
    assert!(own.contains(&"378 alice alice :is connecting from 10.0.0.0:1".to_owned()), "{own:?}");
    server.check_irc(
        dave,
        "WHOIS nobody",
        &["401 dave nobody :No such nick/channel", "318 dave nobody :End of /WHOIS list"],
    );
    server.check_irc(dave, "WHOIS else bob", &["402 dave else :No such server"]);
    server.check_irc(dave, "WHOIS", &["431 dave :No nickname given"]);
}

#[test]
fn moderators_and_programs_are_shown_in_whois() {
    let (mut server, [_, bob, _, dave]) = irc_den();
    server.say(ClientId::CONSOLE, "/mod bob");
    let member = server.hub.shared.members.find("bob").unwrap();
    let now = server.now();
    let change = crate::chat::change::Change::SetIdentity { member, real_name: None, bot: Some(true), invisible: None };
    server.hub.propose(None, change, &now);
    server.read(bob);
    let answer = server.answer_irc(dave, "WHOIS bob");
    for line in ["313 dave bob :is a moderator of all channels", "335 dave bob :is a bot"] {
        assert!(answer.contains(&line.to_owned()), "{answer:?}");
    }
    assert!(server.answer_irc(dave, "WHO bob")[0].contains(" bob HB :0 "));
    assert!(server.answer_irc(dave, "LUSERS").contains(&"252 dave 0 :operator(s) online".to_owned()));
}

#[test]
fn whowas_remembers_who_left_or_was_renamed() {
    let (mut server, [alice, bob, carol, dave]) = irc_den();
    let at = "Fri, 20 Nov 2026 12:00:01 +0000";
    let hosts = ["bob", "carol"].map(|name| host(&server, name));
    server.say(bob, "NICK Robert");
    server.say(carol, "/nick bob");
    server.say(carol, "/quit");
    let lines = [
        format!("314 dave bob chat {} * :bob", hosts[1]),
        format!("312 dave bob chinwag :{at}"),
        format!("314 dave bob ~bob {} * :Real bob", hosts[0]),
        format!("312 dave bob chinwag :{at}"),
        "369 dave BOB :End of WHOWAS".into(),
    ];
    assert_eq!(server.answer_irc(dave, "WHOWAS BOB"), lines);
    assert_eq!(server.answer_irc(dave, "WHOWAS BOB -1"), lines);
    assert_eq!(server.answer_irc(dave, "WHOWAS BOB 1"), [&lines[0], &lines[1], &lines[4]].map(String::as_str));
    // Another spelling is no other name.
    server.say(alice, "NICK ALICE");
    server.check_irc(
        dave,
        "WHOWAS alice",
        &["406 dave alice :There was no such nickname", "369 dave alice :End of WHOWAS"],
    );
    server.check_irc(dave, "WHOWAS", &["431 dave :No nickname given"]);
}

#[test]
fn userhost_and_ison_find_those_that_are_here() {
    let (mut server, [_, bob, _, dave]) = irc_den();
    server.say(bob, "AWAY :lunch");
    let hosts = ["bob", "carol"].map(|name| host(&server, name));
    let found = format!("302 dave :bob=-~bob@{} carol=+chat@{}", hosts[0], hosts[1]);
    server.check_irc(dave, "USERHOST BOB nobody carol", &[&found]);
    server.check_irc(dave, "ISON BOB nobody :carol x", &["303 dave :bob carol"]);
    server.check_irc(dave, "ISON x", &["303 dave :"]);
}

#[test]
fn away_is_answered_and_shown_in_other_encodings() {
    let (mut server, [_, bob, carol, dave]) = irc_den();
    server.check_irc(bob, "AWAY :lunch", &["306 bob :You have been marked as being away"]);
    assert_eq!(server.answer(carol, "@bob hi"), ["[12:00:01] you -> bob: hi", "* bob is away: lunch"]);
    server.check_irc(dave, "PRIVMSG bob :hi", &["301 dave bob :lunch"]);
    server.check_irc(bob, "AWAY :", &["305 bob :You are no longer marked as being away"]);
    server.check_irc(dave, "PRIVMSG bob :hi", &[]);
    let long = "x".repeat(391);
    server.say(bob, &format!("AWAY :{long}"));
    server.check_irc(dave, "PRIVMSG bob :hi", &[&format!("301 dave bob :{}", &long[..390])]);
}

#[test]
fn real_name_is_told_once_to_sessions_with_the_capability() {
    let (mut server, [alice, bob, carol, dave]) = irc_den();
    for id in [alice, bob, dave] {
        server.say(id, "JOIN #cave");
    }
    server.say(bob, "CAP REQ :setname");
    server.say(dave, "CAP REQ :setname");
    [alice, bob, carol, dave].into_iter().for_each(|id| drop(server.read(id)));
    server.check_irc(bob, "SETNAME :Robert B.", &[":bob SETNAME :Robert B."]);
    assert_eq!([alice, dave].map(|id| server.read_irc(id)), [vec![], vec![":bob SETNAME :Robert B.".to_owned()]]);
    assert_eq!(server.read(carol), Vec::<String>::new());
    assert!(server.answer_irc(alice, "WHOIS bob")[0].ends_with(" * :Robert B."));
    for name in [" ".repeat(3), "x".repeat(151)] {
        server.check_irc(
            bob,
            &format!("SETNAME :{name}"),
            &["FAIL SETNAME INVALID_REALNAME :A real name has 1 to 150 bytes"],
        );
    }
    // A muted member is not told that others are not.
    server.say(ClientId::CONSOLE, "/mute bob");
    server.check_irc(bob, "SETNAME :Bobby", &[":bob SETNAME :Bobby"]);
    assert_eq!(server.read_irc(dave), Vec::<String>::new());
    assert!(server.answer_irc(alice, "WHOIS bob")[0].ends_with(" * :Robert B."));
}

#[test]
fn lusers_counts_members_of_all_encodings_and_connections_without_one() {
    let mut server = TestHub::with(Config { max_clients: 4, ..Config::default() });
    let alice = server.enter_irc("alice");
    let bob = server.enter("bob");
    server.connect("", 7);
    server.connect("", 8);
    server.connect("", 9);
    let texts = |server: &mut TestHub| -> Vec<String> {
        server.answer_irc(alice, "LUSERS").iter().map(|line| line[4..].replace("alice ", "")).collect()
    };
    let lines = |here: usize, unknown: usize, rooms: usize| {
        vec![
            format!(":There are {here} users and 0 invisible on 1 servers"),
            "0 :operator(s) online".into(),
            format!("{unknown} :unknown connection(s)"),
            format!("{rooms} :channels formed"),
            format!(":I have {here} clients and 0 servers"),
            format!("{here} 2 :Current local users {here}, max 2"),
            format!("{here} 2 :Current global users {here}, max 2"),
        ]
    };
    assert_eq!(texts(&mut server), lines(2, 3, 1));
    server.say(bob, "/quit");
    assert_eq!(texts(&mut server), lines(1, 3, 0));
}

#[test]
fn help_lists_the_commands_and_explains_them() {
    let mut server = TestHub::new();
    let alice = server.enter_irc("alice");
    let list = server.answer_irc(alice, "HELP");
    assert!(list[1].starts_with("705 alice * :ADMIN AUTHENTICATE AWAY BATCH CAP "), "{list:?}");
    assert_eq!(list.last().map(String::as_str), Some("706 alice * :End of /HELP"));
    server.check_irc(
        alice,
        "HELPOP topic",
        &[
            "704 alice TOPIC :TOPIC #channel [:topic]",
            "705 alice TOPIC :Shows or sets the topic of a channel; an empty one clears it.",
            "706 alice TOPIC :End of /HELP",
        ],
    );
    let none = "524 alice XYZ :There is no help about this; HELP lists the commands";
    server.check_irc(alice, "HELP xyz", &[none]);
}
