//! The load test with clients of IRC: everything that holds for lines holds for theirs.

use super::scenarios::{
    COSTS_OF_CHURN, COSTS_OF_CONNECTIONS, COSTS_OF_FANOUT, COSTS_OF_STALLED, check_stalled, measured,
};
use super::{NONE, assert_checked, bench, finish, finish_all, json};
use crate::irc::IrcServer;

const ENCODING: &str = "--encoding irc";

#[test]
fn all_clients_enter_the_channel_and_read_one_message() {
    let finished = finish(json(&format!("connections --count 12 --seconds 0.3 {ENCODING}")));
    let measured = measured(&finished, &COSTS_OF_CONNECTIONS, true);
    assert_eq!((&measured["logged_in"], &measured["login"]["count"]), (&12.into(), &11.into()));
    // A talker does not read its own line.
    assert_checked(&measured["reach"]["checked"], 11, NONE);
    let report = finished.report();
    assert_eq!(report["encoding"], "irc");
    assert_eq!(
        report["scenarios"][0]["command"],
        format!("chinwag bench connections --count 12 --seconds 0.3 {ENCODING}")
    );
}

#[test]
fn readers_get_each_message_once_as_a_line_of_irc() {
    let finished =
        finish(json(&format!("fanout --readers 6 --senders 2 --rate 10 --seconds 0.6 --size 100 {ENCODING}")));
    let measured = measured(&finished, &COSTS_OF_FANOUT, true);
    assert_eq!(measured["messages"], 6);
    assert_checked(&measured["checked"], 6 * (6 + 1), NONE);
    let line = ":b0000000!~b0000000@xxxxxxx.cloak PRIVMSG #lobby :\r\n";
    assert_eq!(measured["line_bytes"], line.len() + 100);
}

#[test]
fn messages_are_checked_in_all_channels() {
    let finished =
        finish(json(&format!("fanout --readers 5 --senders 2 --follow 20 --rate 60 --seconds 0.7 {ENCODING}")));
    let measured = measured(&finished, &COSTS_OF_FANOUT, true);
    assert_checked(&measured["checked"], 42 * (5 + 1), NONE);
}

#[test]
fn other_scenarios_pass_with_irc() {
    let commands = [
        "fanout --readers 6 --senders 2 --saturate --in-flight 4 --seconds 0.3",
        "whisper --idle 4 --pairs 2 --rate 20 --storm 10 --seconds 0.6",
        "churn --rate 40 --residents 3 --seconds 0.5",
        "stalled --readers 4 --stalled 2 --rate 20 --seconds 0.4",
        "handshakes --count 8 --at-once 4",
        "fanout --readers 3 --rate 10 --seconds 0.3 --tls",
    ];
    let all = finish_all(commands.iter().map(|args| json(&format!("{args} {ENCODING}"))).collect());
    let [saturated, whisper, churn, stalled, handshakes, encrypted] = &all[..] else { panic!("six") };
    let figures = measured(saturated, &COSTS_OF_FANOUT, true);
    let messages = figures["messages"].as_u64().expect("a count");
    assert_checked(&figures["checked"], messages * (6 + 1), NONE);
    let figures = measured(whisper, &["alone.server_cpu_us"], true);
    for room in ["alone", "busy"] {
        assert_checked(&figures[room]["checked"], 2 * 6, NONE);
        assert_eq!(figures[room]["checked"]["echoed"], 0, "who whispers does not read that");
    }
    let figures = measured(churn, &COSTS_OF_CHURN, true);
    assert_eq!((&figures["came"], &figures["left"]), (&20.into(), &20.into()));
    assert_checked(&figures["checked"], 20 * 3, NONE);
    assert_eq!(churn.report()["scenarios"][0]["notes"], serde_json::json!([]), "no connection was reset");
    check_stalled(&measured(stalled, &COSTS_OF_STALLED, true), 4 + 2);
    assert!(handshakes.passed()["quiet"]["count"].as_u64().expect("a count") > 0, "PING was answered");
    assert_checked(&encrypted.passed()["checked"], 3 * 3, NONE);
}

#[test]
fn running_server_is_driven_at_its_port_for_irc() {
    let server = IrcServer::start(&["--rate", "0"]);
    let finished =
        finish(json(&format!("fanout --readers 4 --rate 20 --seconds 0.4 --addr {} {ENCODING}", server.irc)));
    assert_checked(&finished.passed()["checked"], 8 * 4, NONE);
    // A nickname that is refused ends it with the words of the server.
    let full = IrcServer::start(&["--max-clients", "1", "--max-waiting", "0"]);
    let mut load = bench(&format!("connections --count 3 --addr {} {ENCODING}", full.irc));
    load.arg("--json");
    let refused = finish(load);
    assert!(refused.stdout.contains("The room and the waiting line are full."), "{refused:?}");
}
