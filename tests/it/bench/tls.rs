//! The load test with TLS: everything that holds for plain connections holds for these.

use super::scenarios::{
    COSTS_OF_CHURN, COSTS_OF_CONNECTIONS, COSTS_OF_FANOUT, COSTS_OF_STALLED, check_stalled, measured,
};
use super::{NONE, assert_checked, bench, finish, finish_all, json, limited};
use crate::harness::Server;

#[test]
fn all_scenarios_pass_with_tls() {
    let commands = [
        "connections --count 12 --seconds 0.3",
        "fanout --readers 6 --senders 2 --rate 10 --seconds 0.6 --size 100",
        "fanout --readers 3 --rate 10 --seconds 0.3 --size 100000",
        "whisper --idle 4 --pairs 2 --rate 20 --storm 10 --seconds 0.6",
        "churn --rate 40 --residents 3 --seconds 0.5",
        "stalled --readers 4 --stalled 2 --rate 20 --seconds 0.4",
    ];
    let all = finish_all(commands.iter().map(|args| json(&format!("{args} --tls"))).collect());
    let [connections, fanout, long, whisper, churn, stalled] = &all[..] else { panic!("six") };
    let figures = measured(connections, &COSTS_OF_CONNECTIONS, true);
    assert_checked(&figures["reach"]["checked"], 11, NONE);
    let report = connections.report();
    assert_eq!(report["transport"], "tls");
    let command = report["scenarios"][0]["command"].as_str().expect("a command");
    assert!(command.ends_with(" --seconds 0.3 --tls"), "{command}");
    let figures = measured(fanout, &COSTS_OF_FANOUT, true);
    assert_checked(&figures["checked"], 6 * (6 + 1), NONE);
    let tls = &figures["tls"];
    assert_eq!((&tls["version"], &tls["overhead_bytes"]), (&"TLS 1.3".into(), &22.into()));
    assert!(tls["suite"].as_str().is_some_and(|suite| suite.starts_with("TLS_AES_")), "{tls}");
    // The server is compared with more than the baseline alone.
    assert!(tls["aead_cpu_us"].as_f64() > Some(0.0), "{tls}");
    assert!(tls["ratio"]["median"].as_f64() < figures["ratio"]["median"].as_f64(), "{figures}");
    assert_checked(&long.passed()["checked"], 3 * 3, NONE);
    let figures = measured(whisper, &["alone.server_cpu_us"], true);
    assert_checked(&figures["busy"]["checked"], 2 * 6, NONE);
    assert_checked(&measured(churn, &COSTS_OF_CHURN, true)["checked"], 20 * 3, NONE);
    // Each visit has ended with an announcement.
    assert_eq!(churn.report()["scenarios"][0]["notes"], serde_json::json!([]));
    check_stalled(&measured(stalled, &COSTS_OF_STALLED, true), 4 + 2);
}

#[test]
fn saturated_readers_and_browsers_get_each_message_once_with_tls() {
    let saturated = "fanout --readers 6 --senders 2 --saturate --in-flight 4 --seconds 0.3 --tls";
    let all = finish_all(vec![
        json(saturated),
        json(&format!("{saturated} --encoding websocket")),
        json("fanout --readers 6 --rate 10 --seconds 0.6 --encoding websocket --tls"),
    ]);
    for (finished, readers) in all.iter().zip([6 + 1, 6 + 2, 6 + 1]) {
        let figures = measured(finished, &COSTS_OF_FANOUT, true);
        let messages = figures["messages"].as_u64().expect("a count");
        assert!(messages >= 6, "{messages}");
        assert_checked(&figures["checked"], messages * readers, NONE);
        assert!(figures["tls"]["ratio"].is_object(), "{figures}");
    }
}

#[test]
fn handshakes_are_full_and_then_resumed() {
    let finished = finish(json("handshakes --count 40 --at-once 30"));
    let costs = ["full.server_cpu_us", "resumed.server_cpu_us", "quiet", "storm.ping", "kept_bytes"];
    let figures = measured(&finished, &costs, true);
    for (kind, resumed) in [("full", 0), ("resumed", 40)] {
        let cost = &figures[kind];
        assert_eq!((&cost["handshakes"], &cost["resumed"]), (&40.into(), &resumed.into()), "{kind}");
        assert_eq!(cost["latency"]["count"], 40);
        let [us, per_core] = ["server_cpu_us", "per_core_second"].map(|name| cost[name].as_f64().expect("a number"));
        assert!((us * per_core / 1e6 - 1.0).abs() < 0.01, "{cost}");
    }
    let storm = &figures["storm"];
    assert_eq!((&storm["handshakes"], &storm["latency"]["count"]), (&150.into(), &150.into()));
    assert!(figures["quiet"]["count"].as_u64() > Some(100), "{figures}");
    assert_eq!(finished.report()["scenarios"][0]["notes"], serde_json::json!([]));
}

#[test]
fn running_tls_server_is_driven() {
    let folder = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench-tls");
    let folder = folder.to_str().expect("UTF-8");
    let mut server = Server::start(&[
        "--rate",
        "0",
        "--max-clients",
        "400",
        "--listen",
        "tls://127.0.0.1:0",
        "--tls-self-signed",
        folder,
    ]);
    let line = server.log.until("listening on tls://");
    let addr = line.rsplit("tls://").next().expect("an address");
    let pid = server.child.id();
    let figures = finish(json(&format!("fanout --readers 5 --rate 10 --seconds 0.2 --tls --addr {addr} --pid {pid}")));
    assert_checked(&measured(&figures, &COSTS_OF_FANOUT, true)["checked"], 2 * 5, NONE);
    let figures = finish(json(&format!("handshakes --count 20 --bystander none --addr {addr}"))).passed();
    assert_eq!((&figures["resumed"]["resumed"], &figures["storm"]), (&20.into(), &serde_json::Value::Null));
    assert!(figures["full"]["server_cpu_us"].is_null(), "{figures}");
    // More readers than one process can have.
    let figures =
        finish(limited(150, &format!("fanout --readers 300 --rate 10 --seconds 0.4 --tls --addr {addr}"))).passed();
    assert!(figures["own"]["processes"].as_u64() > Some(1), "{figures}");
    assert_checked(&figures["checked"], 4 * 300, NONE);
}

#[test]
fn table_names_transport_and_encryption() {
    let finished = finish(bench("fanout --readers 3 --rate 10 --seconds 0.2 --tls"));
    assert_eq!((finished.code, &*finished.stderr), (Some(0), ""));
    let lines: Vec<&str> = finished.stdout.lines().collect();
    assert!(lines[0].contains(" bench, TLS,"), "{finished:?}");
    for row in ["encryption alone", "server to sum"] {
        assert!(lines.iter().any(|line| line.trim_start().starts_with(row)), "{row}: {finished:?}");
    }
}

#[test]
fn server_without_tls_fails_in_one_line() {
    let server = Server::start(&[]);
    for scenario in ["fanout --readers 3 --tls", "handshakes --count 3"] {
        let (why, _) = finish(json(&format!("{scenario} --addr {}", server.addr))).failed();
        assert!(
            why.starts_with("no TLS at 127.0.0.1:") && why.ends_with("(leave out --tls if it speaks none)"),
            "{why}"
        );
    }
}

#[test]
fn server_that_is_not_there_fails_in_one_line() {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("listen");
    let addr = socket.local_addr().expect("address");
    drop(socket);
    for scenario in ["fanout --readers 3 --tls", "handshakes", "handshakes --bystander none"] {
        let (why, _) = finish(json(&format!("{scenario} --addr {addr}"))).failed();
        assert_eq!(why, format!("cannot connect to {addr}: connection refused"));
    }
    let (why, figures) = finish(limited(200, "handshakes")).failed();
    assert!(why.starts_with("1,000 handshakes at once are more than the limit of open files allows: "), "{why}");
    assert!(figures.is_null(), "{figures}");
}
