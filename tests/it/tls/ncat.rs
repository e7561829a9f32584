//! Sessions with `ncat --ssl`.

use super::{Program, TlsServer, WELCOME};

#[test]
#[ignore = "needs ncat"]
fn two_members_talk_with_ncat() {
    let server = TlsServer::start(&[]);
    let (port, file) = (server.lines.port().to_string(), server.path("a.pem"));
    let trust = ["--ssl-verify", "--ssl-trustfile", file.to_str().expect("UTF-8")];
    let ncat = |name: &str, more: &[&str]| {
        let mut ncat = Program::start("ncat", &[&["--ssl"], more, &["localhost", &port]].concat());
        assert_eq!(ncat.output.next().as_deref(), Some(WELCOME));
        ncat.send(&format!("{name}\n"));
        ncat.output.until(&format!("* You are {name}. "));
        ncat
    };
    let mut alice = ncat("alice", &trust);
    let mut bob = ncat("bob", &[]);
    assert_eq!(alice.output.next().as_deref(), Some("* bob joined (2 here)"));
    alice.send("hello\n");
    assert!(bob.output.until("alice: hello").starts_with('['));
    bob.send("@alice psst\n");
    bob.output.until("] you -> alice: psst");
    alice.output.until("] bob -> you: psst");
    bob.send("q\n");
    assert_eq!(bob.output.next().as_deref(), Some("* Goodbye."));
    let ended = bob.end();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""), "{}", ended.stderr);
    assert_eq!(alice.output.next().as_deref(), Some("* bob left (1 here)"));
}

#[test]
#[ignore = "needs ncat"]
fn what_a_pipe_sends_is_carried_out_and_answered() {
    let server = TlsServer::start(&[]);
    let mut alice = server.login("alice");
    let port = server.lines.port().to_string();
    for round in 0..10 {
        let input = "carol\nhello\n/who\n/ping last\nunfinished";
        let ended = Program::run("ncat", &["--ssl", "127.0.0.1", &port], input);
        assert_eq!(
            ended.stdout.lines().last(),
            Some("* pong last"),
            "round {round}: {} {}",
            ended.stdout,
            ended.stderr
        );
        // ncat ends the TCP connection without an end of TLS: its last line may have been cut.
        alice.expect_all(&["* carol joined (2 here)", "[T] carol: hello", "* carol left: connection lost (1 here)"]);
    }
}
