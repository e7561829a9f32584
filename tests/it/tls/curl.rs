//! The page over HTTPS with `curl`.

use super::{Ended, Program, TlsServer};
use crate::store::TestDir;

/// Asks curl for a page; its output begins with the head of the answer.
fn curl(args: &[&str]) -> Ended {
    Program::run("curl", &[&["--silent", "--show-error", "--include", "--max-time", "20"], args].concat(), "")
}

#[test]
#[ignore = "needs curl"]
fn page_is_got_from_who_has_the_certificate_or_the_key() {
    let dir = TestDir::new();
    let own = dir.0.join("own");
    let own = own.to_str().expect("UTF-8").to_owned();
    let mut server = TlsServer::start_in(dir, &["--console", "--tls-self-signed", &own]);
    let shown = server.console.until("* To connect with TLS: ");
    let fingerprint = shown.rsplit("SHA256:").next().expect("a fingerprint").to_owned();
    let url = format!("https://localhost:{}/", server.web.port());
    let trusted = curl(&["--cacert", &format!("{own}/cert.pem"), &url]);
    assert!(trusted.stdout.starts_with("HTTP/1.1 200 OK"), "{} {}", trusted.stdout, trusted.stderr);
    assert!(trusted.stdout.contains("<!doctype html>"), "{}", trusted.stdout);
    assert!(curl(&["--insecure", "--http2", &url]).stdout.starts_with("HTTP/1.1 200 OK"));
    let pinned = curl(&["--insecure", "--pinnedpubkey", &format!("sha256//{fingerprint}="), &url]);
    assert!(pinned.stdout.starts_with("HTTP/1.1 200 OK"), "{} {}", pinned.stdout, pinned.stderr);
    let other = curl(&["--insecure", "--pinnedpubkey", "sha256//n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=", &url]);
    // CURLE_SSL_PINNEDPUBKEYNOTMATCH, and the error for unknown authorities.
    assert_eq!((other.code, other.stdout.as_str()), (Some(90), ""), "{}", other.stderr);
    assert_eq!(curl(&[&url]).code, Some(60));
    // Two requests on one connection.
    let twice = curl(&["--insecure", &url, &url]);
    assert_eq!(twice.stdout.matches("HTTP/1.1 200 OK").count(), 2);
}

#[test]
#[ignore = "needs curl"]
fn redirect_leads_to_https_and_hsts_is_for_hosts_without_a_port() {
    const HSTS: &str = "strict-transport-security: max-age=31536000";
    for redirects in [true, false] {
        let args: &[&str] =
            if redirects { &["--https-redirect", "--host", "chat.example"] } else { &["--host", "chat.example"] };
        let server = TlsServer::start(args);
        let file = server.path("a.pem");
        let trust = ["--cacert", file.to_str().expect("UTF-8")];
        let (plain, secure) = (server.plain_web.port(), server.web.port());
        let url = format!("http://localhost:{plain}/?a=b");
        let followed = curl(&[&trust[..], &["--location", &url]].concat());
        assert_eq!(followed.stdout.contains("HTTP/1.1 308 Permanent Redirect"), redirects, "{}", followed.stdout);
        let location = format!("Location: https://localhost:{secure}/?a=b");
        assert_eq!(followed.stdout.contains(&location), redirects, "{}", followed.stdout);
        assert!(followed.stdout.contains("HTTP/1.1 200 OK"), "{} {}", followed.stdout, followed.stderr);
        assert!(!followed.stdout.to_lowercase().contains(HSTS), "for a port of its own: {}", followed.stdout);
        for (scheme, port, has_hsts) in [("https", secure, redirects), ("http", plain, false)] {
            let url = format!("{scheme}://localhost:{port}/");
            let answer = curl(&[&trust[..], &["--header", "Host: chat.example", &url]].concat());
            assert_eq!(answer.stdout.to_lowercase().contains(HSTS), has_hsts, "{url}: {}", answer.stdout);
        }
    }
}
