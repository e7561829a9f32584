//! Short runs of each scenario against correct servers.

use serde_json::Value;

use super::{Finished, NONE, assert_checked, bench, finish, finish_all, json, schema};
use crate::harness::Server;

/// Asserts that percentiles are in order, and that the timeline has all measurements.
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

/// The figures of a scenario that passed and fits the schema; these `costs` are present, or absent.
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
    ["server_cpu_us", "baseline_cpu_us", "ratio", "user_bytes", "idle", "kept_bytes"];
pub const COSTS_OF_FANOUT: [&str; 5] = ["server_cpu_us", "baseline_cpu_us", "ratio", "baseline_latency", "kept_bytes"];
pub const COSTS_OF_CHURN: [&str; 3] = ["server_cpu_us", "kept_bytes", "kept_descriptors"];
pub const COSTS_OF_STALLED: [&str; 2] = ["without.server_cpu_us", "with.server_cpu_us"];

#[test]
fn all_clients_log_in_and_read_one_message() {
    let finished = finish(json("connections --count 12 --seconds 0.3"));
    let measured = measured(&finished, &COSTS_OF_CONNECTIONS, true);
    assert_eq!(measured["logged_in"], 12);
    // The first client is the talker.
    assert_eq!(measured["login"]["count"], 11);
    assert_eq!(measured["reach"]["latency"]["count"], 11);
    assert_checked(&measured["reach"]["checked"], 11, NONE);
}

#[test]
fn single_client_passes() {
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
    // A time, a name and CR LF are around it.
    assert_eq!(measured["line_bytes"], "[12:00:00] b0000000: \r\n".len() + 100);
    assert_eq!(measured["own"]["processes"], 1);
}

#[test]
fn saturated_readers_get_each_message_once() {
    let finished = finish(json("fanout --readers 6 --senders 2 --saturate --in-flight 4 --seconds 0.3"));
    let measured = measured(&finished, &COSTS_OF_FANOUT, true);
    let messages = measured["messages"].as_u64().expect("a count");
    assert!(messages > 8, "{messages}");
    assert_checked(&measured["checked"], messages * (6 + 1), NONE);
    assert_eq!(measured["latency"]["count"], messages * 6);
}

#[test]
fn long_messages_arrive_intact() {
    let finished = finish(json("fanout --readers 3 --rate 10 --seconds 0.3 --size 100000"));
    let measured = finished.passed();
    assert_checked(&measured["checked"], 3 * 3, NONE);
}

#[test]
fn whispers_are_answered_once_in_both_rooms() {
    let finished = finish(json("whisper --idle 4 --pairs 2 --rate 20 --storm 10 --seconds 0.6"));
    let measured = measured(&finished, &["alone.server_cpu_us"], true);
    for room in ["alone", "busy"] {
        assert_checked(&measured[room]["checked"], 2 * 6, NONE);
        assert_eq!(measured[room]["latency"]["count"], 6);
        // A whisper is shown to its sender too.
        assert_eq!(measured[room]["checked"]["echoed"], 2 * 6);
    }
    // The whisperers read room messages too.
    assert_checked(&measured["room"], 3 * (4 + 2 * 2), NONE);
    assert_eq!(measured["room_latency"]["count"], 3 * 4);
}

#[test]
fn room_messages_continue_with_few_whispers() {
    let measured = finish(json("whisper --idle 2 --pairs 1 --rate 0.5 --storm 10 --seconds 1")).passed();
    assert_checked(&measured["busy"]["checked"], 2, NONE);
    assert_checked(&measured["room"], 5 * (2 + 2), NONE);
}

#[test]
fn residents_read_each_visitor_message() {
    let finished = finish(json("churn --rate 40 --residents 3 --seconds 0.5"));
    let measured = measured(&finished, &COSTS_OF_CHURN, true);
    assert_eq!((&measured["came"], &measured["left"]), (&20.into(), &20.into()));
    assert_checked(&measured["checked"], 20 * 3, NONE);
    assert_eq!((&measured["login"]["count"], &measured["visit"]["count"]), (&20.into(), &20.into()));
}

/// Asserts that this many clients have everything, and that four readers have eight messages in each half.
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
fn readers_get_each_message_once_with_stalled_clients() {
    let finished = finish(json("stalled --readers 4 --stalled 2 --rate 20 --seconds 0.4"));
    let measured = measured(&finished, &COSTS_OF_STALLED, true);
    // Stalled clients get everything too, later.
    check_stalled(&measured, 4 + 2);
    assert_eq!(measured["closed"], 0);
    // The server holds what the kernel does not.
    assert!(measured["unread_bytes"].as_u64() > measured["kernel_bytes"].as_u64(), "{measured}");
    assert_eq!(finished.report()["scenarios"][0]["notes"], Value::Array(Vec::new()));
}

#[test]
fn server_may_close_stalled_clients() {
    let mut command = json("stalled --readers 4 --stalled 2 --rate 20 --seconds 0.4");
    command.args(["--serve", "--backlog-bytes 10240 --send-buffer 4096 --history 0"]);
    let finished = finish(command);
    let measured = finished.passed();
    check_stalled(&measured, 4);
    assert_eq!((&measured["closed"], &measured["unread_bytes"]), (&2.into(), &Value::Null));
    let note = &finished.report()["scenarios"][0]["notes"][0];
    assert!(note.as_str().is_some_and(|note| note.starts_with("2 times the server closed a stalled client")), "{note}");
}

/// A running server without a rate limit.
fn server() -> Server {
    Server::start(&["--rate", "0", "--max-clients", "100", "--listen", "[::1]:0"])
}

#[test]
fn running_server_has_costs_only_with_pid() {
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
            // The load test did not stop it.
            servers[number].login("alice");
        }
    }
}

#[test]
fn parallel_load_tests_ignore_each_other() {
    let server = server();
    let fanout = || json(&format!("fanout --readers 5 --rate 10 --seconds 0.5 --addr {}", server.addr));
    for finished in finish_all(vec![fanout(), fanout()]) {
        assert_checked(&finished.passed()["checked"], 5 * 5, NONE);
    }
}

#[test]
fn ipv6_server_is_driven() {
    let mut server = server();
    let line = server.log.until("listening on [::1]");
    let addr = line.rsplit(' ').next().expect("an address");
    let measured = finish(json(&format!("fanout --readers 3 --rate 10 --seconds 0.2 --addr {addr}"))).passed();
    assert_checked(&measured["checked"], 2 * 3, NONE);
}

#[test]
fn server_options_come_from_serve_not_environment() {
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
fn table_is_the_default_output() {
    let finished = finish(bench("fanout --readers 3 --rate 10 --seconds 0.2"));
    assert_eq!((finished.code, &*finished.stderr), (Some(0), ""));
    let lines: Vec<&str> = finished.stdout.lines().collect();
    assert!(lines[0].starts_with("chinwag "), "{finished:?}");
    assert!(lines.contains(&"chinwag bench fanout --readers 3 --senders 1 --rate 10 --size 64 --seconds 0.2"));
    for row in ["messages", "delivered", "latency", "server CPU", "baseline (bare send)", "load test's own CPU"] {
        assert!(lines.iter().any(|line| line.trim_start().starts_with(row)), "{row}: {finished:?}");
    }
    assert!(finished.stdout.contains("6 of 6, each once and in order"), "{finished:?}");
}
