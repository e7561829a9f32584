//! The load test with WebSocket clients: everything that holds for lines holds for frames.

use super::faults::mixture;
use super::scenarios::{
    COSTS_OF_CHURN, COSTS_OF_CONNECTIONS, COSTS_OF_FANOUT, COSTS_OF_STALLED, check_stalled, measured,
};
use super::{Faults, NONE, assert_checked, bench, finish, finish_all, json, limited};
use crate::faulty_server::{Act, Delivery, Faulty, Manners, TO_BROWSERS, drive, drive_all};
use crate::harness::Server;
use crate::web::WebServer;

const ENCODING: &str = "--encoding websocket";

/// Six messages to five readers, with numbers 0 to 4, and to the sender, number 5.
const FANOUT: &str = "fanout --readers 5 --rate 10 --seconds 0.6 --timeout 2 --encoding websocket";
const EXPECTED: u64 = 6 * 6;

#[test]
fn all_clients_log_in_and_read_one_message() {
    let finished = finish(json(&format!("connections --count 12 --seconds 0.3 {ENCODING}")));
    let measured = measured(&finished, &COSTS_OF_CONNECTIONS, true);
    assert_eq!((&measured["logged_in"], &measured["login"]["count"]), (&12.into(), &11.into()));
    // A talker reads its own line.
    assert_checked(&measured["reach"]["checked"], 12, NONE);
    let report = finished.report();
    assert_eq!(report["encoding"], "websocket");
    assert_eq!(
        report["scenarios"][0]["command"],
        format!("chinwag bench connections --count 12 --seconds 0.3 {ENCODING}")
    );
}

#[test]
fn readers_and_talkers_get_each_message_once() {
    let finished =
        finish(json(&format!("fanout --readers 6 --senders 2 --rate 10 --seconds 0.6 --size 100 {ENCODING}")));
    let measured = measured(&finished, &COSTS_OF_FANOUT, true);
    assert_eq!(measured["messages"], 6);
    assert_checked(&measured["checked"], 6 * (6 + 2), NONE);
    assert_eq!((&measured["checked"]["echoed"], &measured["latency"]["count"]), (&0.into(), &(6 * 6).into()));
    let object = r#"{"t":"said","room":"lobby","id":9,"at":1700000000,"name":"b0000000","text":""}"#;
    // The number of a message counts those before it, some of which were probes.
    let digits = measured["line_bytes"].as_u64().expect("a count") - (4 + object.len() as u64 - 1 + 100);
    assert!((1..=3).contains(&digits), "{measured}");
}

#[test]
fn other_scenarios_pass_with_websocket() {
    let commands = [
        "fanout --readers 6 --senders 2 --saturate --in-flight 4 --seconds 0.3",
        "fanout --readers 3 --rate 10 --seconds 0.3 --size 100000",
        "whisper --idle 4 --pairs 2 --rate 20 --storm 10 --seconds 0.6",
        "churn --rate 40 --residents 3 --seconds 0.5",
        "stalled --readers 4 --stalled 2 --rate 20 --seconds 0.4",
    ];
    let all = finish_all(commands.iter().map(|args| json(&format!("{args} {ENCODING}"))).collect());
    let [saturated, long, whisper, churn, stalled] = &all[..] else { panic!("five") };
    let figures = measured(saturated, &COSTS_OF_FANOUT, true);
    let messages = figures["messages"].as_u64().expect("a count");
    assert_checked(&figures["checked"], messages * (6 + 2), NONE);
    assert_checked(&long.passed()["checked"], 3 * (3 + 1), NONE);
    let figures = measured(whisper, &["alone.server_cpu_us"], true);
    for room in ["alone", "busy"] {
        assert_checked(&figures[room]["checked"], 2 * 6, NONE);
        assert_eq!(figures[room]["checked"]["echoed"], 2 * 6);
    }
    assert_checked(&figures["room"], 3 * (4 + 2 * 2 + 1), NONE);
    let figures = measured(churn, &COSTS_OF_CHURN, true);
    assert_eq!((&figures["came"], &figures["left"]), (&20.into(), &20.into()));
    assert_checked(&figures["checked"], 20 * 3, NONE);
    // Each visit has ended with a close frame.
    assert_eq!(churn.report()["scenarios"][0]["notes"], serde_json::json!([]));
    check_stalled(&measured(stalled, &COSTS_OF_STALLED, true), 4 + 2 + 1);
}

#[test]
fn running_server_is_driven_at_web_address() {
    let server = WebServer::start(&["--rate", "0"]);
    let known = format!("--addr {} --pid {} {ENCODING}", server.web, server.child.id());
    for (at, there) in [(known, true), (format!("--addr {} {ENCODING}", server.web), false)] {
        let finished = finish(json(&format!("fanout --readers 5 --rate 10 --seconds 0.2 {at}")));
        assert_checked(&measured(&finished, &COSTS_OF_FANOUT, there)["checked"], 2 * 6, NONE);
    }
    server.login("alice");
}

#[test]
fn browser_answers_pings() {
    // A client that does not answer is closed after two seconds.
    let mut command = json(&format!("connections --count 4 --seconds 3 {ENCODING}"));
    command.args(["--serve", "--keepalive 1"]);
    assert_checked(&finish(command).passed()["reach"]["checked"], 4, NONE);
}

#[test]
fn table_names_the_encoding() {
    let finished = finish(bench(&format!("fanout --readers 3 --rate 10 --seconds 0.2 {ENCODING}")));
    assert_eq!((finished.code, &*finished.stderr), (Some(0), ""));
    assert!(finished.stdout.lines().next().is_some_and(|line| line.contains(", WebSocket encoding,")), "{finished:?}");
    assert!(finished.stdout.contains("8 of 8, each once and in order"), "{finished:?}");
}

#[test]
fn failed_upgrade_is_reported() {
    let (server, web) = (Server::start(&[]), WebServer::start(&["--max-clients", "1", "--max-waiting", "0"]));
    let _alice = web.enter("alice");
    let at = |addr| format!("fanout --readers 3 {ENCODING} --addr {addr}");
    let (why, _) = finish(json(&at(server.addr))).failed();
    assert!(why.starts_with(&format!("no WebSocket at {}: this is not HTTP: * ", server.addr)), "{why}");
    let (why, _) = finish(json(&at(web.web))).failed();
    assert!(why.starts_with("the server refused the name b") && why.contains("full"), "{why}");
}

#[test]
fn correct_server_passes_with_any_login_style() {
    let variants = [
        ("", TO_BROWSERS),
        ("--prompt none", Manners { prompt: "", ..TO_BROWSERS }),
        ("--welcome none", Manners { answer: "", ..TO_BROWSERS }),
        // Neither a response head nor a frame comes in one piece.
        ("--at-once 1", Manners { piece: 40, ..TO_BROWSERS }),
    ];
    let start =
        |(more, manners): &(&str, _)| Faulty::start(json(&format!("{FANOUT} {more}")), *manners, |_| Act::Deliver);
    for finished in drive_all(variants.iter().map(start).collect()) {
        assert_checked(&finished.passed()["checked"], EXPECTED, NONE);
    }
    let refuses = Manners { answer: r#"{"t":"refused","what":"taken","text":"Not you."}"#, ..TO_BROWSERS };
    let (why, _) = drive(json(FANOUT), refuses, |_| Act::Deliver).failed();
    assert!(why.starts_with("the server refused the name b") && why.ends_with(": Not you."), "{why}");
}

#[test]
fn faults_are_counted_by_kind_also_in_own_lines() {
    let start = |acts: fn(Delivery) -> Act| Faulty::start(json(FANOUT), TO_BROWSERS, acts);
    let all = vec![
        start(|line| if matches!((line.to, line.seq), (1, 0) | (3, 2) | (4, 5)) { Act::Drop } else { Act::Deliver }),
        start(|line| if matches!((line.to, line.seq), (0, 1) | (0, 2) | (3, 4)) { Act::Double } else { Act::Deliver }),
        start(|line| if matches!((line.to, line.seq), (2, 0) | (4, 3)) { Act::Swap } else { Act::Deliver }),
        start(|line| if (line.to, line.seq) == (2, 3) { Act::Damage } else { Act::Deliver }),
        start(|line| if (line.to, line.seq) == (5, 3) { Act::Drop } else { Act::Deliver }),
        start(|line| if (line.to, line.seq) == (5, 3) { Act::Double } else { Act::Deliver }),
        start(|line| if (line.to, line.seq) == (5, 3) { Act::Swap } else { Act::Deliver }),
        // No page can read it, although the message in it is intact.
        start(|line| if (line.to, line.seq) == (2, 3) { Act::Break } else { Act::Deliver }),
    ];
    let expected = [
        Faults { lost: 3, ..NONE },
        Faults { duplicates: 3, ..NONE },
        Faults { out_of_order: 2, ..NONE },
        Faults { damaged: 1, lost: 1, ..NONE },
        Faults { lost: 1, ..NONE },
        Faults { duplicates: 1, ..NONE },
        Faults { out_of_order: 1, ..NONE },
        Faults { damaged: 1, lost: 1, ..NONE },
    ];
    for (finished, faults) in drive_all(all).iter().zip(expected) {
        assert_checked(&finished.faulty()["checked"], EXPECTED, faults);
    }
}

#[test]
fn many_mixed_faults_are_counted_exactly() {
    let mut done = [Faults::default(); 2];
    let [rate, saturated] = &mut done;
    let all = vec![
        Faulty::start(
            json(&format!("fanout --readers 20 --rate 100 --seconds 0.5 --timeout 2 {ENCODING}")),
            TO_BROWSERS,
            |line| mixture(line, rate),
        ),
        Faulty::start(
            json(&format!(
                "fanout --readers 10 --senders 2 --saturate --in-flight 50 --seconds 0.3 --timeout 2 {ENCODING}"
            )),
            Manners { piece: 1500, ..TO_BROWSERS },
            |line| mixture(line, saturated),
        ),
    ];
    let readers = [20 + 1, 10 + 2];
    for ((finished, readers), done) in drive_all(all).iter().zip(readers).zip(done) {
        done.assert_all_kinds();
        let measured = finished.faulty();
        let messages = measured["messages"].as_u64().expect("a count");
        assert_checked(&measured["checked"], messages * readers, done);
    }
}

#[test]
fn visit_without_close_frame_is_noted() {
    let manners = Manners { says_goodbye: false, ..TO_BROWSERS };
    let churn = json(&format!("churn --rate 20 --residents 2 --seconds 0.3 {ENCODING}"));
    let finished = drive(churn, manners, |_| Act::Deliver);
    assert_checked(&finished.passed()["checked"], 6 * 2, NONE);
    let note = &finished.report()["scenarios"][0]["notes"][0];
    assert!(note.as_str().is_some_and(|note| note.starts_with("6 visits ended by a reset")), "{note}");
}

#[test]
fn readers_beyond_open_file_limit_use_helpers() {
    let server = WebServer::start(&["--rate", "0", "--max-clients", "400"]);
    let args = format!("fanout --readers 300 --senders 2 --rate 10 --seconds 0.4 {ENCODING} --addr {}", server.web);
    let measured = finish(limited(150, &args)).passed();
    assert!(measured["own"]["processes"].as_u64() > Some(1), "{measured}");
    assert_checked(&measured["checked"], 4 * (300 + 2), NONE);
    assert_eq!(measured["latency"]["count"], 4 * 300);
}
