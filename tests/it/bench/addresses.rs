//! The load test drives several addresses, which are those of one chat or should be.

use std::net::SocketAddr;

use super::scenarios::{COSTS_OF_CHURN, COSTS_OF_CONNECTIONS, COSTS_OF_FANOUT, measured};
use super::{NONE, assert_checked, bench, finish, finish_all, json, limited};
use crate::faulty_server::{Act, Delivery, Faulty, Manners, POLITE, drive, drive_all};
use crate::harness::Server;

/// A server with two listeners.
struct TwoListeners {
    server: Server,
    other: SocketAddr,
}

impl TwoListeners {
    fn start(args: &[&str]) -> Self {
        let mut server = Server::start(&[&["--listen", "127.0.0.1:0", "--rate", "0"], args].concat());
        let line = server.log.until("listening on ");
        let other = line.rsplit(' ').next().and_then(|addr| addr.parse().ok()).expect("an address");
        TwoListeners { server, other }
    }

    /// The options that drive it.
    fn options(&self) -> String {
        format!("--addr {} --addr {}", self.server.addr, self.other)
    }

    fn pid(&self) -> u32 {
        self.server.child.id()
    }
}

#[test]
fn fanout_reports_lines_that_stay_and_lines_that_come_across() {
    let chat = TwoListeners::start(&[]);
    let command = format!(
        "chinwag bench fanout --readers 6 --senders 2 --rate 10 --size 64 --seconds 0.6 {} --pid {}",
        chat.options(),
        chat.pid()
    );
    let finished = finish(json(command.strip_prefix("chinwag bench ").expect("a prefix")));
    let measured = measured(&finished, &COSTS_OF_FANOUT, true);
    assert_checked(&measured["checked"], 6 * (6 + 1), NONE);
    assert_eq!(measured["checked"]["orders"], 1);
    // Three readers are at each address, and the sender there has said three of the six messages.
    for (address, addr) in
        measured["addresses"].as_array().expect("addresses").iter().zip([chat.server.addr, chat.other])
    {
        assert_eq!(address["addr"], addr.to_string());
        assert_eq!((&address["local"]["count"], &address["across"]["count"]), (&9.into(), &9.into()));
    }
    let report = finished.report();
    assert_eq!(report["server"], format!("{}, {}", chat.server.addr, chat.other));
    assert_eq!(report["scenarios"][0]["command"], command);
    assert_eq!(report["scenarios"][0]["notes"], serde_json::json!([]));
}

#[test]
fn table_shows_latency_by_address() {
    let chat = TwoListeners::start(&[]);
    let finished = finish(bench(&format!("fanout --readers 4 --rate 10 --seconds 0.3 {}", chat.options())));
    assert_eq!((finished.code, &*finished.stderr), (Some(0), ""));
    let rows: Vec<&str> = finished.stdout.lines().map(str::trim_start).collect();
    let at = |start: &str| rows.iter().position(|row| row.starts_with(start)).unwrap_or_else(|| panic!("{rows:#?}"));
    assert!(rows[at("delivered")].contains("12 of 12, each once and in order, the same for all readers"), "{rows:#?}");
    let first = at("readers at");
    assert!(rows[first].ends_with(&chat.server.addr.to_string()), "{rows:#?}");
    assert!(rows[first + 1].starts_with("local lines") && rows[first + 1].ends_with("(6 measured)"), "{rows:#?}");
    assert!(rows[first + 2].ends_with(&chat.other.to_string()), "{rows:#?}");
    assert!(rows[first + 3].starts_with("lines across") && rows[first + 3].ends_with("(6 measured)"), "{rows:#?}");
    let note =
        format!("(nobody spoke at {}, since there are fewer senders than addresses: add --senders 2)", chat.other);
    assert!(rows.contains(&&*note), "{rows:#?}");
}

#[test]
fn other_scenarios_connect_to_each_address_in_turn() {
    let chat = TwoListeners::start(&[]);
    let scenarios = [
        "connections --count 12 --follow 2 --seconds 0.2",
        "whisper --idle 4 --pairs 2 --rate 20 --storm 10 --seconds 0.6",
        "churn --rate 40 --residents 3 --seconds 0.5",
        "fanout --readers 6 --senders 3 --follow 2 --saturate --in-flight 4 --seconds 0.3",
    ];
    // One after another: each counts the messages of the room, not those of the others.
    let run = |scenario: &str| finish(json(&format!("{scenario} {} --pid {}", chat.options(), chat.pid())));
    let [connections, whisper, churn, fanout] = scenarios.map(run);
    let figures = measured(&connections, &COSTS_OF_CONNECTIONS, true);
    assert_checked(&figures["reach"]["checked"], 3 * 11, NONE);
    assert_eq!(figures["reach"]["checked"]["orders"], 1);
    let figures = measured(&whisper, &["alone.server_cpu_us"], true);
    assert_checked(&figures["alone"]["checked"], 2 * 6, NONE);
    assert_checked(&figures["room"], 3 * (4 + 2 * 2), NONE);
    assert_eq!(figures["room"]["orders"], 1);
    let figures = measured(&churn, &COSTS_OF_CHURN, true);
    assert_checked(&figures["checked"], 20 * 3, NONE);
    assert_eq!(figures["checked"]["orders"], 1);
    let figures = measured(&fanout, &COSTS_OF_FANOUT, true);
    let messages = figures["messages"].as_u64().expect("a count");
    assert_checked(&figures["checked"], messages * (6 + 2), NONE);
    assert_eq!(figures["checked"]["orders"], 1);
}

#[test]
fn readers_in_helpers_are_compared_too() {
    let chat = TwoListeners::start(&["--max-clients", "400"]);
    let args = format!("fanout --readers 300 --senders 2 --rate 10 --seconds 0.4 {}", chat.options());
    let measured = finish(limited(150, &args)).passed();
    assert!(measured["own"]["processes"].as_u64() > Some(1), "{measured}");
    assert_checked(&measured["checked"], 4 * (300 + 1), NONE);
    assert_eq!(measured["checked"]["orders"], 1);
    let counts = measured["addresses"]
        .as_array()
        .expect("addresses")
        .iter()
        .flat_map(|address| ["local", "across"].map(|lines| address[lines]["count"].as_u64().expect("a count")));
    assert_eq!(counts.sum::<u64>(), 4 * 300);
}

#[test]
fn servers_that_are_not_one_chat_fail_in_one_line() {
    let servers = [(); 2].map(|()| Server::start(&["--rate", "0"]));
    let [here, there] = [&servers[0], &servers[1]].map(|server| server.addr);
    let scenarios = [
        "connections --count 8 --seconds 0.1",
        "fanout --readers 4 --senders 2",
        "whisper --idle 4",
        "churn --residents 4",
    ];
    let run = |scenario: &&str| json(&format!("{scenario} --timeout 1 --addr {here} --addr {there}"));
    for finished in finish_all(scenarios.iter().map(run).collect()) {
        let (why, _) = finished.failed();
        assert_eq!(
            why,
            format!(
                "nothing said at {here} has come to {there} in 1 s: are they addresses of one chat? \
                 Servers that are none must be driven one by one"
            )
        );
    }
}

#[test]
fn different_orders_are_a_fault() {
    let twice = Manners { addresses: 2, ..POLITE };
    // Each sender says three messages; a reader that gets one of them late has another order, whichever one it is.
    let fanout = "fanout --readers 5 --senders 2 --rate 10 --seconds 0.6 --timeout 2";
    let start = |acts: fn(Delivery) -> Act| Faulty::start(json(fanout), twice, acts);
    let all = vec![
        start(|_| Act::Deliver),
        start(|line| if (line.to, line.stream, line.seq) == (3, 0, 1) { Act::Defer } else { Act::Deliver }),
        start(|line| {
            if matches!((line.to, line.stream, line.seq), (1, 0, 1) | (3, 0, 2)) { Act::Defer } else { Act::Deliver }
        }),
        // All have the same other order.
        start(|line| if line.to < 5 && (line.stream, line.seq) == (0, 1) { Act::Defer } else { Act::Deliver }),
        // What a reader has lost is not compared.
        start(|line| if (line.to, line.seq) == (2, 1) { Act::Drop } else { Act::Deliver }),
    ];
    let [right, one, two, same, lost] = &drive_all(all)[..] else { panic!("five") };
    for finished in [right, same] {
        let checked = &finished.passed()["checked"];
        assert_checked(checked, 6 * 6, NONE);
        assert_eq!(checked["orders"], 1);
    }
    for (finished, orders) in [(one, 2), (two, 3)] {
        let checked = &finished.faulty()["checked"];
        assert_checked(checked, 6 * 6, NONE);
        assert_eq!(checked["orders"], orders);
    }
    assert_eq!(lost.faulty()["checked"]["orders"], 1);
}

#[test]
fn different_order_in_helper_is_a_fault() {
    let twice = Manners { addresses: 2, ..POLITE };
    // The first reader in a helper has number 300, which is written 93 in a name.
    const THERE: u32 = 9 * 36 + 3;
    let acts =
        |line: Delivery| if (line.to, line.stream, line.seq) == (THERE, 0, 0) { Act::Defer } else { Act::Deliver };
    let fanout = "fanout --readers 300 --senders 2 --rate 10 --seconds 0.4 --timeout 2";
    let measured = drive(limited(150, fanout), twice, acts).faulty();
    assert_checked(&measured["checked"], 4 * (300 + 1), NONE);
    assert_eq!(measured["checked"]["orders"], 2);
}

#[test]
fn one_address_is_not_compared() {
    let fanout = json("fanout --readers 5 --senders 2 --rate 10 --seconds 0.6 --timeout 2");
    let acts = |line: Delivery| if (line.to, line.stream, line.seq) == (3, 0, 1) { Act::Defer } else { Act::Deliver };
    let measured = drive(fanout, POLITE, acts).passed();
    assert!(measured["checked"]["orders"].is_null() && measured["addresses"] == serde_json::json!([]), "{measured}");
}

#[test]
fn wrong_use_of_several_addresses_is_refused() {
    let two = "--addr 127.0.0.1:1 --addr 127.0.0.1:2";
    for (args, why) in [
        ("stalled", "the scenario stalled drives one address: give --addr once"),
        ("handshakes", "the scenario handshakes drives one address: give --addr once"),
        ("all", "the scenario stalled drives one address: give --addr once"),
        ("fanout --pid 1 --pid 2 --upgrade-every 5", "--upgrade-every is for one process: give --pid once"),
        ("fanout --addr 192.0.2.1:9", "192.0.2.1:9 is not on this machine"),
    ] {
        let finished = finish(bench(&format!("{args} {two}")));
        assert_eq!((finished.code, &*finished.stdout), (Some(2), ""));
        assert!(finished.stderr.starts_with(&format!("error: {why}")), "{finished:?}");
    }
    let (why, _) = finish(json(&format!("fanout --readers 1 {two}"))).failed();
    assert!(why.starts_with("2 addresses need 2 readers at least, one at each, and there would be 1: "), "{why}");
}
