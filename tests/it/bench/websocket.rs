//! The load test in browsers: what holds with lines holds with frames.

use super::faults::mixture;
use super::scenarios::{
    COSTS_OF_CHURN, COSTS_OF_CONNECTIONS, COSTS_OF_FANOUT, COSTS_OF_STALLED, check_stalled, measured,
};
use super::{Faults, NONE, assert_checked, bench, finish, finish_all, json, limited};
use crate::faulty_server::{Act, Delivery, Faulty, Manners, TO_BROWSERS, drive, drive_all};
use crate::harness::Server;
use crate::web::WebServer;

const DIALECT: &str = "--encoding websocket";

/// Six messages to five readers, whose numbers are 0 to 4, and to the one who says them, who has number 5.
const FANOUT: &str = "fanout --readers 5 --rate 10 --seconds 0.6 --patience 2 --encoding websocket";
const OWED: u64 = 6 * 6;

#[test]
fn everybody_gets_in_and_reads_the_message_to_all() {
    let finished = finish(json(&format!("connections --count 12 --seconds 0.3 {DIALECT}")));
    let measured = measured(&finished, &COSTS_OF_CONNECTIONS, true);
    assert_eq!((&measured["logged_in"], &measured["login"]["count"]), (&12.into(), &11.into()));
    // One who talks reads their own line.
    assert_checked(&measured["reach"]["checked"], 12, NONE);
    let report = finished.report();
    assert_eq!(report["encoding"], "websocket");
    assert_eq!(
        report["scenarios"][0]["command"],
        format!("chinwag bench connections --count 12 --seconds 0.3 {DIALECT}")
    );
}

#[test]
fn each_reader_gets_each_message_once_and_so_do_those_who_talk() {
    let finished =
        finish(json(&format!("fanout --readers 6 --senders 2 --rate 10 --seconds 0.6 --size 100 {DIALECT}")));
    let measured = measured(&finished, &COSTS_OF_FANOUT, true);
    assert_eq!(measured["messages"], 6);
    assert_checked(&measured["checked"], 6 * (6 + 2), NONE);
    assert_eq!((&measured["checked"]["echoed"], &measured["latency"]["count"]), (&0.into(), &(6 * 6).into()));
    let object = r#"{"t":"said","id":9,"at":1700000000,"name":"b0000000","text":""}"#;
    // The number of a message is that of those before it, some of which were to find out who is there.
    let digits = measured["line_bytes"].as_u64().expect("a count") - (4 + object.len() as u64 - 1 + 100);
    assert!((1..=3).contains(&digits), "{measured}");
}

#[test]
fn the_other_scenarios_pass_in_browsers_too() {
    let commands = [
        "fanout --readers 6 --senders 2 --saturate --in-flight 4 --seconds 0.3",
        "fanout --readers 3 --rate 10 --seconds 0.3 --size 100000",
        "whisper --idle 4 --pairs 2 --rate 20 --storm 10 --seconds 0.6",
        "churn --rate 40 --residents 3 --seconds 0.5",
        "stalled --readers 4 --stalled 2 --rate 20 --seconds 0.4",
    ];
    let all = finish_all(commands.iter().map(|args| json(&format!("{args} {DIALECT}"))).collect());
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
    // Each visit has ended with a last frame.
    assert_eq!(churn.report()["scenarios"][0]["notes"], serde_json::json!([]));
    check_stalled(&measured(stalled, &COSTS_OF_STALLED, true), 4 + 2 + 1);
}

#[test]
fn a_running_server_is_driven_where_its_page_is() {
    let server = WebServer::start(&["--rate", "0"]);
    let known = format!("--addr {} --pid {} {DIALECT}", server.web, server.child.id());
    for (at, there) in [(known, true), (format!("--addr {} {DIALECT}", server.web), false)] {
        let finished = finish(json(&format!("fanout --readers 5 --rate 10 --seconds 0.2 {at}")));
        assert_checked(&measured(&finished, &COSTS_OF_FANOUT, there)["checked"], 2 * 6, NONE);
    }
    server.login("alice");
}

#[test]
fn a_browser_answers_when_it_is_asked_whether_it_is_there() {
    // One that does not is given up after two seconds.
    let mut command = json(&format!("connections --count 4 --seconds 3 {DIALECT}"));
    command.args(["--serve", "--keepalive 1"]);
    assert_checked(&finish(command).passed()["reach"]["checked"], 4, NONE);
}

#[test]
fn people_read_in_the_table_what_was_spoken() {
    let finished = finish(bench(&format!("fanout --readers 3 --rate 10 --seconds 0.2 {DIALECT}")));
    assert_eq!((finished.code, &*finished.stderr), (Some(0), ""));
    assert!(finished.stdout.lines().next().is_some_and(|line| line.contains(", WebSocket dialect,")), "{finished:?}");
    assert!(finished.stdout.contains("8 of 8, each once and in order"), "{finished:?}");
}

#[test]
fn what_is_no_web_socket_is_told() {
    let (server, web) = (Server::start(&[]), WebServer::start(&["--max-clients", "1", "--max-waiting", "0"]));
    let _alice = web.enter("alice");
    let at = |addr| format!("fanout --readers 3 {DIALECT} --addr {addr}");
    let (why, _) = finish(json(&at(server.addr))).failed();
    assert!(why.starts_with(&format!("no WebSocket at {}: this is not HTTP: * ", server.addr)), "{why}");
    let (why, _) = finish(json(&at(web.web))).failed();
    assert!(why.starts_with("the server does not let b") && why.contains("full"), "{why}");
}

#[test]
fn a_server_without_faults_passes_whatever_its_manners() {
    let variants = [
        ("", TO_BROWSERS),
        ("--prompt none", Manners { prompt: "", ..TO_BROWSERS }),
        ("--welcome none", Manners { answer: "", ..TO_BROWSERS }),
        // Neither a head nor a frame comes in one piece.
        ("--at-once 1", Manners { piece: 40, ..TO_BROWSERS }),
    ];
    let start =
        |(more, manners): &(&str, _)| Faulty::start(json(&format!("{FANOUT} {more}")), *manners, |_| Act::Deliver);
    for finished in drive_all(variants.iter().map(start).collect()) {
        assert_checked(&finished.passed()["checked"], OWED, NONE);
    }
    let refuses = Manners { answer: r#"{"t":"refused","what":"taken","text":"Not you."}"#, ..TO_BROWSERS };
    let (why, _) = drive(json(FANOUT), refuses, |_| Act::Deliver).failed();
    assert!(why.starts_with("the server does not let b") && why.ends_with(" in: Not you."), "{why}");
}

#[test]
fn each_fault_is_counted_for_what_it_is_and_so_are_those_in_ones_own_lines() {
    let start = |acts: fn(Delivery) -> Act| Faulty::start(json(FANOUT), TO_BROWSERS, acts);
    let all = vec![
        start(|line| if matches!((line.to, line.seq), (1, 0) | (3, 2) | (4, 5)) { Act::Drop } else { Act::Deliver }),
        start(|line| if matches!((line.to, line.seq), (0, 1) | (0, 2) | (3, 4)) { Act::Double } else { Act::Deliver }),
        start(|line| if matches!((line.to, line.seq), (2, 0) | (4, 3)) { Act::Swap } else { Act::Deliver }),
        start(|line| if (line.to, line.seq) == (2, 3) { Act::Damage } else { Act::Deliver }),
        start(|line| if (line.to, line.seq) == (5, 3) { Act::Drop } else { Act::Deliver }),
        start(|line| if (line.to, line.seq) == (5, 3) { Act::Double } else { Act::Deliver }),
        start(|line| if (line.to, line.seq) == (5, 3) { Act::Swap } else { Act::Deliver }),
        // No page can read it, though the message in it is whole.
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
        assert_checked(&finished.faulty()["checked"], OWED, faults);
    }
}

#[test]
fn many_faults_of_all_kinds_are_counted_exactly() {
    let mut done = [Faults::default(); 2];
    let [rate, saturated] = &mut done;
    let all = vec![
        Faulty::start(
            json(&format!("fanout --readers 20 --rate 100 --seconds 0.5 --patience 2 {DIALECT}")),
            TO_BROWSERS,
            |line| mixture(line, rate),
        ),
        Faulty::start(
            json(&format!(
                "fanout --readers 10 --senders 2 --saturate --in-flight 50 --seconds 0.3 --patience 2 {DIALECT}"
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
fn a_visit_that_ends_without_a_last_frame_is_told() {
    let manners = Manners { says_goodbye: false, ..TO_BROWSERS };
    let churn = json(&format!("churn --rate 20 --residents 2 --seconds 0.3 {DIALECT}"));
    let finished = drive(churn, manners, |_| Act::Deliver);
    assert_checked(&finished.passed()["checked"], 6 * 2, NONE);
    let note = &finished.report()["scenarios"][0]["notes"][0];
    assert!(note.as_str().is_some_and(|note| note.starts_with("6 visits ended by a reset")), "{note}");
}

#[test]
fn readers_past_the_limit_of_open_files_are_in_other_processes_and_get_everything() {
    let server = WebServer::start(&["--rate", "0", "--max-clients", "400"]);
    let args = format!("fanout --readers 300 --senders 2 --rate 10 --seconds 0.4 {DIALECT} --addr {}", server.web);
    let measured = finish(limited(150, &args)).passed();
    assert!(measured["own"]["processes"].as_u64() > Some(1), "{measured}");
    assert_checked(&measured["checked"], 4 * (300 + 2), NONE);
    assert_eq!(measured["latency"]["count"], 4 * 300);
}
