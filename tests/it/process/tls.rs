//! The options, certificates and reloads of TLS.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use rcgen::{CertificateParams, KeyPair};
use time::{Duration, OffsetDateTime};

use crate::harness::{Lines, PROGRAM, Server, Signal};
use crate::store::TestDir;
use crate::web::admin::{admin_address, metric};
use crate::web::{Raw, header};

const LISTENER: [&str; 2] = ["--listen", "tls://127.0.0.1:0"];

/// Writes `NAME.pem` and `NAME.key`: a certificate for NAME.example and this machine, for that many days from now on.
pub fn write_certificate(dir: &Path, name: &str, days: i64) {
    let key = KeyPair::generate().expect("a key");
    let names = [format!("{name}.example"), "localhost".into(), "127.0.0.1".into()];
    let mut params = CertificateParams::new(names).expect("names");
    params.not_before = OffsetDateTime::now_utc() - Duration::days(1000);
    // Not at the very end of a day, which may come during the test.
    params.not_after = OffsetDateTime::now_utc() + Duration::days(days) + Duration::hours(1);
    let certificate = params.self_signed(&key).expect("a certificate");
    fs::write(dir.join(format!("{name}.pem")), certificate.pem()).expect("a file");
    let file = dir.join(format!("{name}.key"));
    fs::write(&file, key.serialize_pem()).expect("a file");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("a mode");
}

/// The options that name `NAME.pem` and `NAME.key`.
pub fn files(dir: &Path, name: &str) -> Vec<String> {
    let file = |ending: &str| dir.join(format!("{name}.{ending}")).to_str().expect("a path").to_owned();
    vec!["--tls-cert".into(), file("pem"), "--tls-key".into(), file("key")]
}

fn texts(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

fn check_config(args: &[&str]) -> Output {
    Command::new(PROGRAM).arg("check-config").args(args).output().expect("the program starts")
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn options_that_do_not_go_together_are_refused_at_the_start() {
    for (args, reason) in [
        (
            "--listen tls://127.0.0.1:0",
            "--listen tls:// needs a certificate; give --tls-cert FILE and --tls-key FILE, or",
        ),
        (
            "--web https://127.0.0.1:0",
            "--web https:// needs a certificate; give --tls-cert FILE and --tls-key FILE, or",
        ),
        ("--irc ircs://127.0.0.1:0", "--irc ircs:// needs a certificate; give --tls-cert FILE and --tls-key FILE, or"),
        ("--irc 127.0.0.1:0 --mode p2p", "--irc needs --mode hub and --login nickname; leave it out, or change these"),
        ("--irc 127.0.0.1:0 --login address", "--irc needs --mode hub and --login nickname; leave it out, or change"),
        (
            "--tls-self-signed x",
            "--tls-self-signed needs a listener with TLS; give --listen tls://ADDR, --irc ircs://ADDR",
        ),
        ("--listen tls://127.0.0.1:0 --tls-cert x", "--tls-cert is given once and --tls-key 0 times; each certificate"),
        ("--listen tls://127.0.0.1:0 --tls-self-signed x --tls-key y", "leave out the one or the others"),
        ("--https-redirect", "--https-redirect needs --web https://ADDR, to which it leads"),
        ("--listen https://127.0.0.1:0", "there is no https:// here; write tls://HOST:PORT for TLS"),
        ("--web tls://127.0.0.1:0", "there is no tls:// here; write https://HOST:PORT for TLS"),
    ] {
        for command in ["serve", "check-config"] {
            let mut server = Command::new(PROGRAM);
            let output = server.arg(command).args(args.split(' ')).output().expect("the program starts");
            assert_eq!(output.status.code(), Some(2), "{args}: {}", errors(&output));
            assert!(errors(&output).contains(reason), "{args}: {}", errors(&output));
        }
    }
}

#[test]
fn files_that_cannot_be_used_are_refused_at_the_start_and_by_check_config() {
    let dir = TestDir::new();
    write_certificate(&dir.0, "a", 100);
    write_certificate(&dir.0, "b", 100);
    let path = |name: &str| dir.0.join(name).to_str().expect("a path").to_owned();
    let of = |certificate: &str, key: &str| {
        ["--tls-cert".into(), path(certificate), "--tls-key".into(), path(key)].map(|text: String| text)
    };
    for (args, reason) in [
        (of("none.pem", "a.key"), "cannot use the TLS certificate PATH/none.pem: no such file or directory".to_owned()),
        (of("", "a.key"), "cannot use the TLS certificate PATH/: is a directory".into()),
        (of("a.pem", "none.key"), "cannot use the TLS key PATH/none.key: no such file or directory".into()),
        (
            of("a.pem", "b.key"),
            "cannot use the TLS key PATH/b.key: it does not belong to the certificate in PATH/a.pem; give its own key"
                .into(),
        ),
        (
            of("a.key", "a.pem"),
            "cannot use the TLS certificate PATH/a.key: it has a private key and no certificate; --tls-cert names the \
             certificate, --tls-key its key"
                .into(),
        ),
    ] {
        let reason = reason.replace("PATH", dir.0.to_str().expect("a path"));
        let args = [&LISTENER[..], &texts(&args)].concat();
        let checked = check_config(&args);
        let started = Command::new(PROGRAM).args(&args).output().expect("the program starts");
        for output in [checked, started] {
            assert_eq!(output.status.code(), Some(1), "{}", errors(&output));
            assert!(errors(&output).ends_with(&format!("chinwag: {reason}\n")), "{}", errors(&output));
        }
    }
    let args = files(&dir.0, "a");
    let args = [&LISTENER[..], &texts(&args)].concat();
    let output = check_config(&args);
    assert!(output.status.success() && output.stderr.is_empty(), "{}", errors(&output));
    fs::set_permissions(dir.0.join("a.key"), fs::Permissions::from_mode(0o644)).expect("a mode");
    let output = check_config(&args);
    let warning = format!("{}: every user of this machine may read the key; chmod o-rwx ends that", path("a.key"));
    assert!(output.status.success(), "{}", errors(&output));
    assert_eq!(errors(&output).matches(&warning).count(), 1, "{}", errors(&output));
}

#[test]
fn check_config_warns_of_a_certificate_that_has_ended() {
    let dir = TestDir::new();
    write_certificate(&dir.0, "ended", -2);
    let args = files(&dir.0, "ended");
    let output = check_config(&[&LISTENER[..], &texts(&args)].concat());
    assert!(output.status.success(), "{}", errors(&output));
    let warning = format!("The TLS certificate {} has ended, at ", dir.0.join("ended.pem").display());
    assert_eq!(errors(&output).matches(&warning).count(), 1, "{}", errors(&output));
}

#[test]
fn check_config_makes_no_certificate() {
    let dir = TestDir::new();
    let own = dir.0.join("own");
    let args = [&LISTENER[..], &["--tls-self-signed", own.to_str().expect("a path")]].concat();
    let output = check_config(&args);
    assert!(output.status.success() && !own.exists(), "{}", errors(&output));
    fs::write(&own, "x").expect("a file");
    let output = check_config(&args);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        errors(&output).contains("is not a folder; name one, which is made if it is missing"),
        "{}",
        errors(&output)
    );
}

/// The line to copy and the words, as the console shows them.
fn shown(server: &mut Server) -> (String, String) {
    let command = server.console.until("* To connect with TLS: chinwag connect --tls 127.0.0.1:");
    let words = server.console.until("* To be read over a phone: ");
    let of = |line: String| line.rsplit(' ').next().expect("a word").to_owned();
    (of(command), of(words))
}

#[test]
fn self_signed_server_shows_how_to_connect_and_keeps_its_key() {
    let dir = TestDir::new();
    let own = dir.0.join("own");
    let own = own.to_str().expect("a path");
    let args = ["--console", "--listen", "tls://127.0.0.1:0", "--tls-self-signed", own];
    let mut first = Server::start(&args);
    let line = first.log.until("listening on tls://127.0.0.1:");
    let port = line.rsplit(':').next().expect("a port").to_owned();
    let command = first.log.until("To connect with TLS: ");
    let (fingerprint, words) = shown(&mut first);
    assert!(fingerprint.starts_with("SHA256:") && words.split('-').count() == 8, "{fingerprint} {words}");
    let expected = format!("chinwag connect --tls 127.0.0.1:{port} --tls-fingerprint {fingerprint}");
    assert!(command.ends_with(&expected), "{command}");
    // Another name makes another certificate, from the same key.
    let certificate = fs::read(format!("{own}/cert.pem")).expect("a file");
    let mut second = Server::start(&[&args[..], &["--host", "chat.example"]].concat());
    assert_eq!(shown(&mut second), (fingerprint.clone(), words.clone()));
    assert_ne!(fs::read(format!("{own}/cert.pem")).expect("a file"), certificate);
    // The first server reads the certificate of the second one, which has a name too many, and makes its own again.
    first.type_in("/reload\n");
    first.console.until("* Reloaded. Changed: tls-self-signed.");
    first.type_in("/reload\n");
    first.console.until("* Reloaded. Nothing has changed.");
    assert_eq!(fs::read_dir(own).expect("a folder").count(), 2);
}

#[test]
fn servers_that_start_at_once_make_one_key() {
    let dir = TestDir::new();
    let own = dir.0.join("own");
    let start = || -> Child {
        let mut command = Command::new(PROGRAM);
        command.args(LISTENER).arg("--tls-self-signed").arg(&own);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program starts")
    };
    let servers: Vec<Child> = (0..4).map(|_| start()).collect();
    let mut found = Vec::new();
    for mut server in servers {
        let mut log = Lines::new(server.stderr.take().expect("stderr"));
        let line = log.until("To connect with TLS: ");
        found.push(line.rsplit(' ').next().expect("a fingerprint").to_owned());
        server.kill().expect("a server");
        server.wait().expect("a server");
    }
    assert!(found.iter().all(|fingerprint| fingerprint == &found[0]), "{found:?}");
    assert_eq!(fs::read_dir(&own).expect("a folder").count(), 2);
}

#[test]
fn certificates_are_read_again_and_errors_leave_the_old_ones() {
    let dir = TestDir::new();
    write_certificate(&dir.0, "a", 100);
    let args = files(&dir.0, "a");
    let mut server = Server::start(&[&["--console"], &LISTENER[..], &texts(&args)].concat());
    server.signal(Signal::HUP);
    server.console.until("* Reloaded. Nothing has changed.");
    write_certificate(&dir.0, "a", 200);
    server.signal(Signal::HUP);
    server.console.until("* Reloaded. Changed: tls-cert.");
    server.log.until("reloaded, asked by SIGHUP; changed: tls-cert; not before a restart: nothing");
    write_certificate(&dir.0, "b", 100);
    fs::copy(dir.0.join("b.key"), dir.0.join("a.key")).expect("a file");
    server.type_in("/reload\n");
    server.console.until("! Not reloaded: cannot use the TLS key ");
    let line = server.log.until("not reloaded, asked by ");
    assert!(line.contains(": it does not belong to the certificate in "), "{line}");
    fs::copy(dir.0.join("b.pem"), dir.0.join("a.pem")).expect("a file");
    server.type_in("/reload\n");
    server.console.until("* Reloaded. Changed: tls-cert.");
}

#[test]
fn other_files_and_the_redirect_take_effect_at_a_reload() {
    let dir = TestDir::new();
    let path = |name: &str| dir.0.join(name).to_str().expect("a path").to_owned();
    let write = |text: &str| fs::write(path("chinwag.toml"), text).expect("a file");
    write_certificate(&dir.0, "a", 100);
    write_certificate(&dir.0, "b", 100);
    let listeners = "web = [\"127.0.0.1:0\", \"https://127.0.0.1:0\"]\n";
    let with = |name: &str| {
        format!(
            "{listeners}[tls]\ntls-cert = {:?}\ntls-key = {:?}\n",
            path(&format!("{name}.pem")),
            path(&format!("{name}.key"))
        )
    };
    write(&with("a"));
    let mut server = Server::start(&["--config", &path("chinwag.toml"), "--console"]);
    let (plain, secure) = (server.log.until("listening on http://"), server.log.until("listening on https://"));
    let (_, plain) = plain.rsplit_once("http://").expect("an address");
    let (_, secure) = secure.rsplit_once("https://").expect("an address");
    let mut web = Raw::connect(plain.parse().expect("an address"));
    let get = "GET /?a=b HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert_eq!(web.ask(get), "HTTP/1.1 200 OK");
    write(&(with("b") + "https-redirect = true\n"));
    server.signal(Signal::HUP);
    server.console.until("* Reloaded. Changed: https-redirect, tls-cert, tls-key.");
    let mut web = Raw::connect(plain.parse().expect("an address"));
    web.send(get);
    let (head, _) = web.answer();
    assert!(head.starts_with("HTTP/1.1 308 Permanent Redirect\r\n"), "{head}");
    let port = secure.rsplit(':').next().expect("a port");
    assert_eq!(header(&head, "Location"), Some(&*format!("https://localhost:{port}/?a=b")));
    write("web = \"127.0.0.1:0\"\n");
    server.signal(Signal::HUP);
    server.console.until("* Reloaded. Changed: https-redirect. Not before a restart: web, tls-cert, tls-key.");
}

#[test]
fn end_of_a_certificate_is_told_at_the_start_and_at_reloads_and_is_a_metric() {
    let dir = TestDir::new();
    for (name, days) in [("good", 100), ("soon", 3), ("ended", -2)] {
        write_certificate(&dir.0, name, days);
    }
    let args = ["good", "soon", "ended"].map(|name| files(&dir.0, name)).concat();
    let mut server = Server::start(&[&["--console", "--admin", "127.0.0.1:0"], &LISTENER[..], &texts(&args)].concat());
    let admin = admin_address(&mut server);
    let path = |name: &str| dir.0.join(name).to_str().expect("a path").to_owned();
    let ends = format!("The TLS certificate {} ends in 3 days, at ", path("soon.pem"));
    let ended = format!("The TLS certificate {} has ended, at ", path("ended.pem"));
    for _ in 0..2 {
        let line = server.log.until(&ends);
        assert!(line.contains(" WARN ") && line.ends_with(" UTC. Renew it, then /reload."), "{line}");
        assert!(server.log.until(&ended).contains(" WARN "));
        server.console.until(&format!("* {ends}"));
        server.console.until(&format!("* {ended}"));
        server.type_in("/reload\n");
        server.console.until("* Reloaded. Nothing has changed.");
    }
    let mut admin = Raw::connect(admin);
    admin.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let (_, text) = admin.answer();
    let now = OffsetDateTime::now_utc().unix_timestamp() as f64;
    for (name, days) in [("good", 100), ("soon", 3), ("ended", -2)] {
        let name = format!("chinwag_tls_certificate_not_after_seconds{{file=\"{}\"}}", path(&format!("{name}.pem")));
        let expected = now + f64::from(days) * 86_400.0 + 3600.0;
        assert!((metric(&text, &name) - expected).abs() < 120.0, "{name}");
    }
}
