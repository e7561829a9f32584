//! The golden file of version 5: a server in the middle of many things, as it is handed over.
//!
//! `CHINWAG_BLESS=1 cargo test --lib golden` writes the file anew.

use super::*;
use crate::chat::Markers;
use crate::chat::gaps::Gap;
use crate::chat::record::{AccountData, AccountRecord, InitialState, MuteRecord};
use crate::chat::scram_keys::ScramKeys;
use crate::chat::{Answer, ClientId, Incarnation, Input, NodeView, PasswordAnswer, PasswordJob};
use crate::server::http::api::ApiTokens;
use crate::simulator::network::peer::Speech;
use crate::util::golden::golden;

/// The head of a request to post a message, which waits to be told that it may go on.
const POST: &str = "POST /api/rooms/lobby/messages HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer 0123456789abcdef\r\n\
    Content-Type: application/json\r\nContent-Length: 17\r\nExpect: 100-continue\r\n\r\n";

const FILE: &str = "handover-5.json";

fn config() -> Config {
    Config { max_clients: 13, max_waiting: 2, max_per_ip: 20, rate: 2, burst: 6, run: 77, ..Config::default() }
}

/// An account, as it was stored.
fn account(name: &str) -> AccountRecord {
    let data = AccountData {
        since: 7,
        moderator: true,
        followed: vec!["den".into()],
        ignored: vec!["bob".into()],
        away: Some("lunch".into()),
        read: vec![("lobby".into(), 1)],
        markers: Markers::default(),
        mute: Some(MuteRecord { until: None }),
        network: Some("203.0.113.7/32".parse().expect("a network")),
    };
    AccountRecord { name: name.into(), verifier: "$argon2id$".into(), scram: None, data }
}

/// A server with a session in every stage: in two rooms, muted, ignored, banned, whispering, with unread lines and
/// half lines in both encodings, at each prompt, in the queue, leaving, and within an HTTP request, the header of a proxy and a
/// TLS handshake, and within the content of a message that is posted; with an account, its two sessions, and a password that is
/// not compared; and with clients of IRC.
fn busy_server() -> (TestServer, Vec<Rc<RefCell<Wire>>>) {
    let mut server = TestServer::new(config());
    let now = Now { at: server.at, local: OffsetDateTime::UNIX_EPOCH + server.at };
    let accounts = vec![account("heidi"), account("nina")];
    let gaps = vec![Gap { from: 0, to: 1 }].into();
    let start = InitialState { next_id: 1, run: 77, cloak_key: [3, 4], accounts, gaps, ..InitialState::default() };
    server.engine().hub_mut().restore(start, now);
    server.engine().hub_mut().follow_log("office");
    server.engine().hub_mut().use_bucket();
    server.engine().hub_mut().attach_console();
    let mut wires = Vec::new();
    let enter = |server: &mut TestServer, capacity: usize, text: &str| {
        let wire = server.connect(0, capacity);
        server.send(&wire, text.as_bytes());
        wire
    };
    wires.push(enter(&mut server, 100_000, "alice\nhello\n/join den\nin the den\n/topic tea\n/room slow 2\nhalf a li"));
    wires.push(enter(&mut server, 100_000, "bob\n/echo on\n/ignore alice\n/me waves\n"));
    let page = server.connect(1, 100_000);
    let frames = [UPGRADE.as_bytes(), &frame("carol"), &frame("from a page"), &frame("half a frame")[..9]].concat();
    server.send(&page, &frames);
    wires.push(page);
    wires.push(enter(&mut server, 100_000, "dave\n@bob a secret\n@nina for later\n/ping 2\n"));
    // A reader that is stuck, with lines of the room and of its own unread.
    wires.push(enter(&mut server, 60, "erin\n/help\n/ping 1\n"));
    wires.push(enter(&mut server, 100_000, "frank\n1\n2\n3\n4\n5\n6\n7\n"));
    // Two sessions of an account.
    for _ in 0..2 {
        wires.push(enter(&mut server, 100_000, "heidi\nright\n"));
        answer_passwords(&mut server);
    }
    // A wrong password, and one that waits to be compared.
    wires.push(enter(&mut server, 100_000, "heidi\nwrong\n"));
    answer_passwords(&mut server);
    wires.push(enter(&mut server, 100_000, "heidi\nright\n"));
    // At the prompt, and in the queue.
    let asked = server.connect(0, 100_000);
    server.send(&asked, &[255, 253, 1, b'g']);
    wires.push(asked);
    wires.push(enter(&mut server, 100_000, "too early\n"));
    // A request that is not whole.
    let request = server.connect(1, 100_000);
    server.send(&request, b"GET / HTTP/1.1\r\nHost: local");
    wires.push(request);
    // A header that is not whole, and a handshake that has not begun.
    server.engine().set_proxies(vec!["127.0.0.9".parse().expect("an address")]);
    let proxied = server.connect_from([127, 0, 0, 9], 0, 100_000, None);
    server.send(&proxied, b"PROXY TCP4 203.0.113.9 192.0.2.1 ");
    let shaking = server.connect_from([127, 0, 0, 1], 0, 100_000, Some(Peer::new(Speech::Tls, false)));
    wires.extend([proxied, shaking]);
    // A client of IRC with all that a session can have begun, and one that is not registered.
    let capabilities = "message-tags batch labeled-response echo-message draft/multiline draft/metadata-3";
    let login = format!("CAP REQ :{capabilities}\r\nNICK kate\r\nUSER kate 0 * :Kate of the West\r\nCAP END\r\n");
    let begun = "JOIN #den\r\nMODE kate +iB\r\nMONITOR + judy\r\nMETADATA * SUB avatar\r\nMETADATA * SET avatar :https://example.org/kate\r\nAWAY :tea\r\n\
                 AUTHENTICATE PLAIN\r\nAUTHENTICATE ";
    let batch = "\r\n@label=7 BATCH +1 draft/multiline #den\r\n@batch=1 PRIVMSG #den :one line\r\nPRIVM";
    for text in
        [format!("{login}{begun}{}{batch}", "A".repeat(400)), "NICK lena\r\nPASS secret\r\nCAP LS 302\r\n".into()]
    {
        let wire = server.connect(3, 100_000);
        for line in text.split_inclusive('\n') {
            server.send(&wire, line.as_bytes());
            server.pass(Duration::from_millis(600));
        }
        wires.push(wire);
    }
    // A message that is posted, whose content is not whole.
    let posting = server.connect(2, 100_000);
    server.send(&posting, POST.as_bytes());
    server.send(&posting, &br#"{"text":"posted"}"#[..9]);
    wires.push(posting);
    for order in [
        "/mute dave 5",
        "/ban 10.9.8.0/24 7",
        "@alice from the operator",
        "said by the operator",
        "/mod bob",
        "/invite #den carol",
        "/mute #den dave",
        "/ban #den erin 5",
        "/ban #den *!*@aaaaaaa.cloak",
        "/ban #den m:a:mallory",
        "/voice #lobby bob",
    ] {
        server.engine().hub_mut().handle_line(ClientId::CONSOLE, Input::Line(order), now);
    }
    server.send(&wires[3].clone(), b"only shown to dave\n/quit with a reason\n");
    server.run();
    // What a node of a cluster has besides.
    let hub = server.engine().hub_mut();
    let (incarnation, heard) = (Incarnation(5), Some(Duration::from_millis(400)));
    let (name, versions) = ("north".into(), (1, 1));
    hub.set_nodes(&[NodeView { incarnation, name, is_this: false, ready: true, applied: Some(7), heard, versions }]);
    hub.handle_node_message(b"{}", now);
    // What the bucket keeps of an account that is not known here yet.
    hub.handle_kept(b"private.mia", Some(br#"{"since":7,"ignored":["bob"],"read":[["lobby",1]]}"#), now);
    (server, wires)
}

/// Answers the passwords that wait, and the queries, as long as there are any.
fn answer_passwords(server: &mut TestServer) {
    let now = Now { at: server.at, local: OffsetDateTime::UNIX_EPOCH + server.at };
    loop {
        let hub = server.engine().hub_mut();
        if let Some(request) = hub.poll_password(now) {
            let is_right = matches!(&request.job, PasswordJob::Verify { password, .. } if password.text() == "right");
            let scram = request.job.makes().1.then(|| ScramKeys::made_up("right", b"").to_string().into());
            let answer = if is_right { PasswordAnswer::Right { verifier: None, scram } } else { PasswordAnswer::Wrong };
            hub.handle_password(&request, answer, now);
        } else if let Some(query) = hub.poll_query() {
            hub.handle_answer(query, Answer::Whispers(Vec::new()), now);
        } else {
            return server.run();
        }
    }
}

/// What every person is shown when the server goes on.
fn go_on(server: &mut TestServer, wires: &[Rc<RefCell<Wire>>]) -> Vec<String> {
    // They are settings.
    server.engine().set_tokens(ApiTokens::parse("ci 0123456789abcdef").ok());
    server.send(&wires[17], &br#"{"text":"posted"}"#[9..]);
    server.send(&wires[0], b"ne\n/leave\n");
    server.send(&wires[2], &frame("half a frame")[9..]);
    // The passwords and queries that were not answered are answered now.
    answer_passwords(server);
    server.send(&wires[10], b"race\nhi\n");
    server.send(&wires[12], b"host\r\n\r\n");
    server.send(&wires[13], b"40000 4567\r\nivan\n");
    server.send(&wires[14], b"judy\n");
    server.send(
        &wires[15],
        b"SG alice :hi\r\n@batch=1 PRIVMSG #den :and another\r\nBATCH -1\r\nMETADATA kate GET avatar\r\n",
    );
    server.send(&wires[16], b"USER lena 0 * :Lena\r\nCAP END\r\nWHOIS kate\r\n");
    for _ in 0..200 {
        wires[4].borrow_mut().take(usize::MAX);
        server.pass(Duration::from_millis(100));
    }
    wires.iter().map(|wire| take(wire)).collect()
}

#[test]
fn server_goes_on_from_the_golden_file_as_if_nothing_had_happened() {
    let (mut original, wires) = busy_server();
    let expected = go_on(&mut original, &wires);
    assert!(expected[1].contains("* grace joined") && expected[1].contains(" ci[bot]: posted"), "{}", expected[1]);
    assert!(expected[17].contains("HTTP/1.1 201 Created"), "{}", expected[17]);
    assert!(expected[15].contains("PRIVMSG #den :one line") && expected[15].contains("label=7"), "{}", expected[15]);
    assert!(expected[16].contains(" 311 lena kate ~kate "), "{}", expected[16]);

    // The sockets are those of an equal server.
    let (mut server, wires) = busy_server();
    let file = golden(FILE, &server.hand_over());
    let (.., sockets) = server.engine.take().unwrap().into_state();
    let Handover { at, engine, hub, .. } = Handover::from_json(file.as_bytes()).unwrap();
    assert_eq!(at, server.at);
    let mut hub = Hub::from_state(hub, config(), renderers(Lang::En));
    hub.use_bucket();
    server.engine = Engine::from_state(engine, hub, sockets, settings(), &server.network).ok();
    assert_eq!(go_on(&mut server, &wires), expected);
}
