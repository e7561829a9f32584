//! Small runs of each scenario against servers that do nothing wrong.

use serde_json::Value;

use super::{Finished, NONE, assert_checked, bench, finish, finish_all, json, schema};
use crate::harness::Server;

/// Latencies are in order, and in the timeline there are all of them.
fn check_latencies(value: &Value) {
    if let Some(count) = value["p99_9_ms"].as_f64().and(value["count"].as_u64()) {
        let ms =
            ["p50_ms", "p90_ms", "p99_ms", "p99_9_ms", "max_ms"].map(|name| value[name].as_f64().expect("a number"));
        assert!(ms.is_sorted(), "{value}");
        let curve: Vec<f64> =
            value["distribution"].as_array().expect("a curve").iter().filter_map(|it| it[1].as_f64()).collect();
        assert!(curve.is_sorted() && curve.len() > 2, "{value}");
        let timeline = value["timeline"].as_array().expect("a timeline");
        let at: Vec<f64> = timeline.iter().filter_map(|point| point["at_s"].as_f64()).collect();
        assert!(at.is_sorted(), "{value}");
        let counts = timeline.iter().map(|point| point["count"].as_u64().expect("a count"));
        assert_eq!(counts.sum::<u64>(), count, "{value}");
    }
    match value {
        Value::Object(object) => object.values().for_each(check_latencies),
        Value::Array(array) => array.iter().for_each(check_latencies),
        _ => {}
    }
}

/// The figures of a scenario that passed, in a strict schema, with these figures of the server's cost or without.
#[track_caller]
pub fn measured(finished: &Finished, costs: &[&str], there: bool) -> Value {
    schema::check_strictness(&finished.report());
    let measured = finished.passed();
    check_latencies(&measured);
    for cost in costs {
        let figure = cost.split('.').fold(&measured, |value, name| &value[name]);
        assert_eq!(!figure.is_null(), there, "{cost}: {measured}");
    }
    measured
}

pub const COSTS_OF_CONNECTIONS: [&str; 6] =
    ["server_cpu_us", "floor_cpu_us", "ratio", "user_bytes", "idle", "kept_bytes"];
pub const COSTS_OF_FANOUT: [&str; 5] = ["server_cpu_us", "floor_cpu_us", "ratio", "floor_latency", "kept_bytes"];
pub const COSTS_OF_CHURN: [&str; 3] = ["server_cpu_us", "kept_bytes", "kept_descriptors"];
pub const COSTS_OF_STALLED: [&str; 2] = ["without.server_cpu_us", "with.server_cpu_us"];

#[test]
fn everybody_gets_in_and_reads_the_message_to_all() {
    let finished = finish(json("connections --count 12 --seconds 0.3"));
    let measured = measured(&finished, &COSTS_OF_CONNECTIONS, true);
    assert_eq!(measured["logged_in"], 12);
    // The first one is there to talk.
    assert_eq!(measured["login"]["count"], 11);
    assert_eq!(measured["reach"]["latency"]["count"], 11);
    assert_checked(&measured["reach"]["checked"], 11, NONE);
}

#[test]
fn one_client_alone_is_enough() {
    let measured = finish(json("connections --count 1 --seconds 0.1")).passed();
    assert_eq!(measured["logged_in"], 1);
    assert!(measured["reach"].is_null(), "{measured}");
}

#[test]
fn each_reader_gets_each_message_once() {
    let finished = finish(json("fanout --readers 6 --senders 2 --rate 10 --seconds 0.6 --size 100"));
    let measured = measured(&finished, &COSTS_OF_FANOUT, true);
    assert_eq!(measured["messages"], 6);
    // The senders read each other.
    assert_checked(&measured["checked"], 6 * (6 + 1), NONE);
    assert_eq!(measured["latency"]["count"], 6 * 6);
    // A time, a name and CR LF stand around it.
    assert_eq!(measured["line_bytes"], "[12:00:00] b0000000: \r\n".len() + 100);
    assert_eq!(measured["own"]["processes"], 1);
}

#[test]
fn each_reader_gets_each_message_once_as_fast_as_they_are_read() {
    let finished = finish(json("fanout --readers 6 --senders 2 --saturate --in-flight 4 --seconds 0.3"));
    let measured = measured(&finished, &COSTS_OF_FANOUT, true);
    let messages = measured["messages"].as_u64().expect("a count");
    assert!(messages > 8, "{messages}");
    assert_checked(&measured["checked"], messages * (6 + 1), NONE);
    assert_eq!(measured["latency"]["count"], messages * 6);
}

#[test]
fn long_messages_come_whole() {
    let finished = finish(json("fanout --readers 3 --rate 10 --seconds 0.3 --size 100000"));
    let measured = finished.passed();
    assert_checked(&measured["checked"], 3 * 3, NONE);
}

#[test]
fn each_whisper_is_answered_once_in_a_quiet_room_and_in_a_busy_one() {
    let finished = finish(json("whisper --idle 4 --pairs 2 --rate 20 --storm 10 --seconds 0.6"));
    let measured = measured(&finished, &["alone.server_cpu_us"], true);
    for room in ["alone", "busy"] {
        assert_checked(&measured[room]["checked"], 2 * 6, NONE);
        assert_eq!(measured[room]["latency"]["count"], 6);
        // One's own whispers are shown to oneself too.
        assert_eq!(measured[room]["checked"]["echoed"], 2 * 6);
    }
    // Those who whisper read what is said too.
    assert_checked(&measured["room"], 3 * (4 + 2 * 2), NONE);
    assert_eq!(measured["room_latency"]["count"], 3 * 4);
}

#[test]
fn what_is_said_in_the_busy_room_goes_on_when_there_are_few_whispers() {
    let measured = finish(json("whisper --idle 2 --pairs 1 --rate 0.5 --storm 10 --seconds 1")).passed();
    assert_checked(&measured["busy"]["checked"], 2, NONE);
    assert_checked(&measured["room"], 5 * (2 + 2), NONE);
}

#[test]
fn visitors_come_say_a_line_that_the_residents_read_and_go() {
    let finished = finish(json("churn --rate 40 --residents 3 --seconds 0.5"));
    let measured = measured(&finished, &COSTS_OF_CHURN, true);
    assert_eq!((&measured["came"], &measured["left"]), (&20.into(), &20.into()));
    assert_checked(&measured["checked"], 20 * 3, NONE);
    assert_eq!((&measured["login"]["count"], &measured["visit"]["count"]), (&20.into(), &20.into()));
}

/// So many have got everything, and four readers eight messages while all read and eight while some did not.
#[track_caller]
pub fn check_stalled(measured: &Value, checked: u64) {
    let messages = measured["messages"].as_u64().expect("a count");
    assert_checked(&measured["checked"], messages * checked, NONE);
    for half in ["without", "with"] {
        assert_eq!(measured[half]["latency"]["count"], 8 * 4);
    }
    assert_eq!(measured["p99_ratio"]["slices"], 1);
}

#[test]
fn readers_get_each_message_once_while_others_read_nothing() {
    let finished = finish(json("stalled --readers 4 --stalled 2 --rate 20 --seconds 0.4"));
    let measured = measured(&finished, &COSTS_OF_STALLED, true);
    // Those who did not read have got everything too, later.
    check_stalled(&measured, 4 + 2);
    assert_eq!(measured["closed"], 0);
    // What the kernel does not hold, the server does.
    assert!(measured["unread_bytes"].as_u64() > measured["kernel_bytes"].as_u64(), "{measured}");
    assert_eq!(finished.report()["scenarios"][0]["notes"], Value::Array(Vec::new()));
}

#[test]
fn a_server_may_close_those_who_read_nothing() {
    let mut command = json("stalled --readers 4 --stalled 2 --rate 20 --seconds 0.4");
    command.args(["--serve", "--backlog-bytes 10240 --send-buffer 4096 --history 0 --farewell-timeout 1"]);
    let finished = finish(command);
    let measured = finished.passed();
    check_stalled(&measured, 4);
    assert_eq!((&measured["closed"], &measured["unread_bytes"]), (&2.into(), &Value::Null));
    let note = &finished.report()["scenarios"][0]["notes"][0];
    assert!(note.as_str().is_some_and(|note| note.starts_with("2 times the server closed one")), "{note}");
}

/// A running server that does not slow anybody down.
fn server() -> Server {
    Server::start(&["--rate", "0", "--max-clients", "100", "--listen", "[::1]:0"])
}

#[test]
fn a_running_server_is_driven_and_its_costs_are_there_if_its_process_is_known() {
    const SCENARIOS: [(&str, &[&str]); 5] = [
        ("connections --count 5 --seconds 0.1", &COSTS_OF_CONNECTIONS),
        ("fanout --readers 5 --rate 10 --seconds 0.2", &COSTS_OF_FANOUT),
        ("churn --rate 20 --residents 2 --seconds 0.2", &COSTS_OF_CHURN),
        ("stalled --readers 2 --rate 20 --seconds 0.2", &COSTS_OF_STALLED),
        ("whisper --idle 2 --pairs 1 --rate 20 --storm 10 --seconds 0.2", &["alone.server_cpu_us"]),
    ];
    for known in [true, false] {
        let servers = SCENARIOS.map(|_| server());
        let wheres = servers.each_ref().map(|server| {
            let pid = if known { format!(" --pid {}", server.child.id()) } else { String::new() };
            format!(" --addr {}{pid}", server.addr)
        });
        let commands = SCENARIOS.iter().zip(&wheres).map(|((args, _), at)| json(&format!("{args}{at}"))).collect();
        for (number, finished) in finish_all(commands).iter().enumerate() {
            let report = finished.report();
            assert_eq!(report["server"], servers[number].addr.to_string());
            let command = report["scenarios"][0]["command"].as_str().expect("a command");
            assert!(command.ends_with(&wheres[number]), "{command}");
            measured(finished, SCENARIOS[number].1, known);
            // It is not the load test's to stop.
            servers[number].login("alice");
        }
    }
}

#[test]
fn two_load_tests_of_one_server_do_not_take_each_others_messages_for_their_own() {
    let server = server();
    let fanout = || json(&format!("fanout --readers 5 --rate 10 --seconds 0.5 --addr {}", server.addr));
    for finished in finish_all(vec![fanout(), fanout()]) {
        assert_checked(&finished.passed()["checked"], 5 * 5, NONE);
    }
}

#[test]
fn a_server_is_driven_by_ipv6_too() {
    let mut server = server();
    let line = server.log.until("listening on [::1]");
    let addr = line.rsplit(' ').next().expect("an address");
    let measured = finish(json(&format!("fanout --readers 3 --rate 10 --seconds 0.2 --addr {addr}"))).passed();
    assert_checked(&measured["checked"], 2 * 3, NONE);
}

#[test]
fn the_server_has_the_options_that_are_given_for_it_and_none_from_the_environment() {
    let with = |options: &str, env: &[(&str, &str)]| {
        let mut command = json("fanout --readers 3 --rate 10 --seconds 0.2");
        command.args(["--serve", options]).envs(env.iter().copied());
        command
    };
    let commands = vec![
        with("--lang zh --history 0 -qqq", &[]),
        with("-q", &[("CHINWAG_MODE", "p2p"), ("CHINWAG_LISTEN", "127.0.0.1:1")]),
        with("--no-such-option", &[]),
    ];
    let [options, environment, refused] = finish_all(commands).try_into().expect("three");
    for finished in [options, environment] {
        assert_checked(&finished.passed()["checked"], 2 * 3, NONE);
    }
    assert!(refused.failed().0.starts_with("the server: it ended (exit status: 2)"), "{refused:?}");
}

#[test]
fn people_read_a_table() {
    let finished = finish(bench("fanout --readers 3 --rate 10 --seconds 0.2"));
    assert_eq!((finished.code, &*finished.stderr), (Some(0), ""));
    let lines: Vec<&str> = finished.stdout.lines().collect();
    assert!(lines[0].starts_with("chinwag "), "{finished:?}");
    assert!(lines.contains(&"chinwag bench fanout --readers 3 --senders 1 --rate 10 --size 64 --seconds 0.2"));
    for row in ["messages", "delivered", "latency", "server CPU", "bare send", "load test's own CPU"] {
        assert!(lines.iter().any(|line| line.trim_start().starts_with(row)), "{row}: {finished:?}");
    }
    assert!(finished.stdout.contains("6 of 6, each once and in order"), "{finished:?}");
}
