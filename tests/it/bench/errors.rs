//! Failures are reported in one line, with what was measured until then.

use std::net::TcpListener;
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

use super::ending::comes_true;
use super::{Bench, NONE, assert_checked, bench, finish, json, limited};
use crate::faulty_server::{Act, Faulty, Manners, POLITE, drive, drive_all};
use crate::harness::Server;

#[test]
fn unreachable_address_fails_in_one_line() {
    // It holds the port and does not listen.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("socket");
    socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("bind");
    let addr = socket.local_addr().ok().and_then(|addr| addr.as_socket()).expect("address");
    for scenario in ["connections --count 3", "fanout --readers 3", "whisper --idle 3", "churn", "stalled --readers 3"]
    {
        let (why, measured) = finish(json(&format!("{scenario} --addr {addr}"))).failed();
        assert_eq!(why, format!("cannot connect to {addr}: connection refused"));
        assert!(measured.is_null() || measured["logged_in"] == 0, "{measured}");
    }
    let finished = finish(bench(&format!("fanout --readers 3 --addr {addr}")));
    let line = format!("chinwag: cannot connect to {addr}: connection refused\n");
    assert_eq!((finished.code, &*finished.stderr), (Some(1), &*line));
    assert!(finished.stdout.contains("  FAILED: cannot connect"), "{finished:?}");
}

#[test]
fn early_reset_is_reported_as_closed() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
    let addr = listener.local_addr().expect("address");
    let test = Bench::spawn(&mut json(&format!("fanout --readers 3 --addr {addr}")));
    comes_true(&listener);
    let (stream, _) = listener.accept().expect("accept");
    // A close with a linger time of 0 sends a reset.
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("linger");
    drop(stream);
    let (why, _) = test.finish().failed();
    assert!(
        why.starts_with("the server closed the connection of b")
            && why.ends_with(" before it was logged in (connection reset by peer)"),
        "{why}"
    );
}

#[test]
fn missing_process_fails_in_one_line() {
    let mut server = Server::start(&[]);
    let (addr, pid) = (server.addr, server.child.id());
    server.child.kill().expect("kill");
    server.wait();
    let (why, _) = finish(json(&format!("fanout --readers 3 --addr {addr} --pid {pid}"))).failed();
    assert_eq!(why, format!("--pid: there is no process {pid}, or you may not see it"));
}

#[test]
fn too_many_clients_for_open_files_are_refused_early() {
    for scenario in [
        "connections --count 5000",
        "fanout --readers 5000",
        "whisper --idle 5000",
        "churn --residents 5000",
        "stalled --readers 9 --stalled 5000",
    ] {
        let (why, measured) = finish(limited(200, scenario)).failed();
        assert!(why.starts_with("5,0") && why.contains("the limit of open files"), "{why}");
        assert!(measured.is_null(), "{measured}");
    }
}

#[test]
fn default_client_count_fits_open_file_limit() {
    let finished = finish(limited(200, "connections --seconds 0.1"));
    let measured = finished.passed();
    let count = measured["logged_in"].as_u64().expect("a count");
    assert!((100..200).contains(&count), "{measured}");
}

#[test]
fn closing_server_is_reported_with_figures_so_far() {
    let close = |kind: char, seq: u32| {
        move |line: crate::faulty_server::Delivery| {
            if (line.kind, line.seq) == (kind, seq) { Act::CloseAll } else { Act::Deliver }
        }
    };
    let all = vec![
        Faulty::start(json("fanout --readers 5 --rate 10 --seconds 30"), POLITE, close('m', 3)),
        Faulty::start(json("fanout --readers 5 --saturate --seconds 30"), POLITE, close('m', 100)),
        Faulty::start(json("whisper --idle 2 --pairs 1 --rate 20 --seconds 30"), POLITE, close('a', 2)),
        Faulty::start(json("churn --rate 20 --residents 2 --seconds 30"), POLITE, close('m', 4)),
        Faulty::start(json("connections --count 5"), POLITE, close('m', 0)),
        Faulty::start(json("stalled --readers 3 --seconds 30"), POLITE, close('m', 3)),
    ];
    let mut measured = Vec::new();
    for finished in drive_all(all) {
        let (why, figures) = finished.failed();
        assert!(why.starts_with("the server closed the connection of b"), "{why}");
        measured.push(figures);
    }
    let [fanout, saturated, whisper, churn, connections, stalled] = measured.try_into().expect("six");
    assert_eq!(fanout["messages"], 4);
    // Messages in flight at the close do not count as lost.
    assert_eq!((&fanout["checked"]["lost"], &fanout["checked"]["delivered"]), (&0.into(), &(3 * 5).into()));
    assert!(saturated["checked"]["delivered"].as_u64() >= Some(100), "{saturated}");
    assert_eq!(saturated["checked"]["lost"], 0);
    assert_eq!(whisper["alone"]["latency"]["count"], 2);
    assert!(churn["left"].as_u64() >= Some(1), "{churn}");
    assert_eq!(churn["checked"]["lost"], 0);
    assert_eq!(connections["logged_in"], 5);
    assert_eq!((&stalled["checked"]["lost"], &stalled["with"]["latency"]), (&0.into(), &serde_json::Value::Null));
}

#[test]
fn failed_logins_are_reported() {
    let start =
        |more: &str, manners| Faulty::start(json(&format!("fanout --readers 5 {more}")), manners, |_| Act::Deliver);
    let all = vec![
        start("", Manners { answer: "! That name is not for you.\r\n", ..POLITE }),
        // It sends no prompt, so the load test never sends the name.
        start("--timeout 1", Manners { prompt: "", ..POLITE }),
        start("--timeout 1", Manners { answer: "", ..POLITE }),
    ];
    let [refused, silent, mute] = drive_all(all).try_into().expect("three");
    let why = refused.failed().0;
    assert!(
        why.starts_with("the server refused the name b") && why.ends_with(": ! That name is not for you."),
        "{why}"
    );
    for finished in [silent, mute] {
        let (why, measured) = finished.failed();
        assert!(
            why.starts_with("nothing has happened for 1 s while waiting for the talkers to log in: 0 of 1"),
            "{why}"
        );
        assert!(measured.is_null());
    }
}

#[test]
fn missing_broadcast_is_reported() {
    let command = json("fanout --readers 5 --timeout 1");
    let (why, measured) = drive(command, Manners { broadcasts: false, ..POLITE }, |_| Act::Deliver).failed();
    assert!(
        why.starts_with("nothing has happened for 1 s while waiting for readers to get a room message: 0 of 5"),
        "{why}"
    );
    assert_eq!(measured["messages"], 0);
}

#[test]
fn full_server_is_reported_with_its_own_text() {
    let line = Server::start(&["--rate", "0", "--max-clients", "5"]);
    let (why, measured) = finish(json(&format!("connections --count 10 --addr {}", line.addr))).failed();
    assert!(why.starts_with("the server refused the name b") && why.contains(": ! "), "{why}");
    assert!((1..=5).contains(&measured["logged_in"].as_u64().expect("a count")), "{measured}");

    let full = Server::start(&["--rate", "0", "--max-clients", "5", "--max-waiting", "0"]);
    let (why, measured) = finish(json(&format!("connections --count 10 --addr {}", full.addr))).failed();
    assert!(why.starts_with("the server closed the connection of b"), "{why}");
    assert!((1..=5).contains(&measured["logged_in"].as_u64().expect("a count")), "{measured}");
}

#[test]
fn rate_limited_server_loses_nothing() {
    let server = Server::start(&["--rate", "40", "--burst", "1"]);
    let finished = finish(json(&format!("fanout --readers 3 --rate 100 --seconds 0.2 --addr {}", server.addr)));
    assert_checked(&finished.passed()["checked"], 20 * 3, NONE);
}

#[test]
fn out_of_range_values_are_usage_errors() {
    for args in [
        "connections --count 0",
        "connections --count -1",
        "connections --count 99999999999",
        "connections --count many",
        "fanout --readers 0",
        "fanout --senders 0",
        "fanout --rate 0",
        "fanout --rate -5",
        "fanout --rate nan",
        "fanout --rate 10 --saturate",
        "fanout --size 10",
        "fanout --follow 21",
        "fanout --follow 1 --size 1048576",
        "fanout --seconds 0",
        "fanout --seconds inf",
        "fanout --seconds 1e99",
        "whisper --pairs 0",
        "whisper --whisper @{name}",
        "churn --residents 0",
        "stalled --stalled 0",
        "stalled --readers 0",
        "churn --timeout 0",
        "churn --pid 1",
        "churn --addr nowhere",
        "churn --addr 127.0.0.1:1 --serve -q",
        "fanout --size 401 --encoding irc",
        "fanout --welcome none --encoding irc",
        "fanout --prompt none --encoding irc",
        "nothing",
        "",
    ] {
        let finished = finish(bench(args));
        assert_eq!((finished.code, &*finished.stdout), (Some(2), ""), "{args}: {finished:?}");
        assert!(finished.stderr.contains("Usage: ") || finished.stderr.starts_with("error: "), "{args}: {finished:?}");
    }
}

#[test]
fn remote_server_needs_consent() {
    for addr in ["192.0.2.1:1", "[2001:db8::1]:1"] {
        let finished = finish(json(&format!("connections --count 1 --addr {addr}")));
        assert_eq!((finished.code, &*finished.stdout), (Some(2), ""), "{finished:?}");
        assert!(finished.stderr.starts_with(&format!("error: {addr} is not on this machine")), "{finished:?}");
        assert!(finished.stderr.contains("--yes-remote"), "{finished:?}");
    }
}
