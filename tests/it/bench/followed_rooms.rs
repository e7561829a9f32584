//! Clients that read several rooms, with `--follow`.

use super::scenarios::{COSTS_OF_CONNECTIONS, COSTS_OF_FANOUT, measured};
use super::{NONE, assert_checked, finish, finish_all, json, limited};
use crate::faulty_server::{Act, Manners, POLITE, drive};
use crate::harness::Server;

#[test]
fn each_reader_gets_each_message_of_each_room_once() {
    const FANOUT: &str = "fanout --readers 5 --senders 2 --follow 10 --rate 60 --size 100 --seconds 1.1";
    const ENCODING: &str = "--encoding websocket";
    let all = finish_all(vec![json(FANOUT), json(&format!("{FANOUT} {ENCODING}"))]);
    for (finished, senders) in all.iter().zip([1, 2]) {
        let figures = measured(finished, &COSTS_OF_FANOUT, true);
        // Each sender has spoken three times in each room.
        assert_eq!((&figures["messages"], &figures["parameters"]["follow"]), (&66.into(), &10.into()));
        assert_checked(&figures["checked"], 66 * (5 + senders), NONE);
        assert_eq!((&figures["checked"]["echoed"], &figures["latency"]["count"]), (&0.into(), &(66 * 5).into()));
    }
    // The lobby has no label, r1 to r9 have one of five bytes, r10 has one of six.
    let lines = "[12:00:00] b0000000: \r\n".len() + 100;
    assert_eq!(all[0].passed()["line_bytes"], (11 * lines + 9 * 5 + 6 + 5) / 11);
    let report = all[0].report();
    let command = report["scenarios"][0]["command"].as_str().expect("a command");
    assert!(command.contains(" --senders 2 --follow 10 --rate 60 "), "{command}");
}

#[test]
fn saturated_readers_of_several_rooms_get_each_message_once() {
    let finished = finish(json("fanout --readers 5 --senders 2 --follow 2 --saturate --in-flight 4 --seconds 0.3"));
    let figures = measured(&finished, &COSTS_OF_FANOUT, true);
    let messages = figures["messages"].as_u64().expect("a count");
    assert!(messages > 2 * 3 * 4, "{messages}");
    assert_checked(&figures["checked"], messages * (5 + 1), NONE);
}

#[test]
fn all_clients_follow_rooms_and_read_a_message_in_each() {
    let finished = finish(json("connections --count 12 --follow 20 --seconds 0.2"));
    let figures = measured(&finished, &COSTS_OF_CONNECTIONS, true);
    assert_eq!((&figures["logged_in"], &figures["rooms"]), (&12.into(), &21.into()));
    assert_checked(&figures["reach"]["checked"], 21 * 11, NONE);
}

#[test]
fn clients_in_helpers_follow_rooms() {
    let server = Server::start(&["--rate", "0", "--max-clients", "400"]);
    let args = format!("fanout --readers 300 --follow 2 --rate 15 --seconds 0.4 --addr {}", server.addr);
    let figures = finish(limited(150, &args)).passed();
    assert!(figures["own"]["processes"].as_u64() > Some(1), "{figures}");
    assert_checked(&figures["checked"], 6 * 300, NONE);
}

#[test]
fn refused_room_is_reported() {
    let mut command = json("connections --count 5 --follow 3");
    command.args(["--serve", "--max-follow 2"]);
    let (why, figures) = finish(command).failed();
    assert!(why.starts_with("the server did not let b") && why.contains(" follow r3: ! "), "{why}");
    assert_eq!((&figures["logged_in"], &figures["rooms"]), (&5.into(), &1.into()));
}

#[test]
fn server_without_followed_rooms_is_reported() {
    let command = json("fanout --readers 3 --follow 2 --timeout 1");
    let (why, _) = drive(command, Manners { broadcasts: false, ..POLITE }, |_| Act::Deliver).failed();
    assert_eq!(why, "nothing has happened for 1 s while waiting for talkers to follow 1 room: 0 of 1 do");
}
