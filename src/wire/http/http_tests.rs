//! Tests of request heads and responses.

use super::*;

fn request(text: &str) -> Result<Option<(Request, usize)>, HttpError> {
    parse(text.as_bytes())
}

#[test]
fn head_is_parsed_once_complete() {
    let text = "GET /ws?room=a HTTP/1.1\r\nhost: x:80\r\nX-Forwarded-For: 1.2.3.4\r\nx-forwarded-for: 5.6.7.8, 9.9.9.9\r\n\r\nGET";
    let head = text.len() - 3;
    for length in 0..head {
        assert_eq!(parse(&text.as_bytes()[..length]), Ok(None), "{length} bytes");
    }
    let (request, length) = request(text).unwrap().unwrap();
    assert_eq!((&*request.path, &*request.query, length), ("/ws", "room=a", head));
    assert_eq!(request.forwarded_for, "1.2.3.4,5.6.7.8, 9.9.9.9");
    assert!(request.keep_alive && request.upgrade.is_none());
}

#[test]
fn invalid_requests_are_refused_with_their_error() {
    let long = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}", "x".repeat(MAX_HEAD));
    let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X: y\r\n".repeat(MAX_FIELDS));
    for (text, refused) in [
        ("POST / HTTP/1.1\r\nHost: x\r\n\r\n", HttpError::MethodNotAllowed),
        ("GET / HTTP/1.1\r\n\r\n", HttpError::BadRequest),
        ("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", HttpError::BadRequest),
        ("GET ws HTTP/1.1\r\nHost: x\r\n\r\n", HttpError::BadRequest),
        ("GET http:///a HTTP/1.1\r\nHost: x\r\n\r\n", HttpError::BadRequest),
        ("GET http://user@x/ HTTP/1.1\r\nHost: x\r\n\r\n", HttpError::BadRequest),
        ("GET http://x/ HTTP/1.1\r\n\r\n", HttpError::BadRequest),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", HttpError::BadRequest),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", HttpError::BadRequest),
        ("GET / HTTP/1.0\r\nHost: user@x\r\n\r\n", HttpError::BadRequest),
        ("GET / HTTP/1.1\r\nHost : x\r\n\r\n", HttpError::BadRequest),
        ("GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", HttpError::BadRequest),
        ("GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n", HttpError::BadRequest),
        ("GET / HTTP/1.1\r\nHost: x\r\nOrigin: http://x\r\nOrigin: http://x\r\n\r\n", HttpError::BadRequest),
        ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", HttpError::BadRequest),
        ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0, 0\r\n\r\n", HttpError::BadRequest),
        ("GET / HTTP/1.12\r\nHost: x\r\n\r\n", HttpError::BadRequest),
        ("GET / HTTP/0.9\r\nHost: x\r\n\r\n", HttpError::VersionNotSupported),
        ("GET / HTTP/3\r\nHost: x\r\n\r\n", HttpError::VersionNotSupported),
        ("hello\r\n\r\n", HttpError::BadRequest),
        ("GET / HTTP/2.0\r\nHost: x\r\n\r\n", HttpError::VersionNotSupported),
        ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n", HttpError::ContentTooLarge),
        ("GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", HttpError::ContentTooLarge),
        (&*long, HttpError::HeadTooLarge),
        (&*many, HttpError::HeadTooLarge),
    ] {
        assert_eq!(request(text), Err(refused), "{text}");
    }
}

#[test]
fn keep_alive_follows_version_and_connection_field() {
    for (version, connection, goes_on) in [
        ("1.1", "", true),
        ("1.1", "Connection: foo, Close\r\n", false),
        ("1.2", "", true),
        ("1.9", "Connection: close\r\n", false),
        ("1.0", "", false),
        ("1.0", "Connection: keep-alive\r\n", true),
    ] {
        let (request, _) = request(&format!("GET / HTTP/{version}\r\nHost: x\r\n{connection}\r\n")).unwrap().unwrap();
        assert_eq!(request.keep_alive, goes_on, "{version} {connection}");
    }
}

#[test]
fn fields_may_have_non_ascii_bytes() {
    let text = b"GET / HTTP/1.1\r\nHost: x\r\nCookie: caf\xe9=\xff\r\nIf-None-Match: \"\xe9\", \"a\"\r\nOrigin: http://\xe9\r\n\r\n";
    let (request, _) = parse(text).unwrap().unwrap();
    assert_eq!(request.if_none_match.as_deref(), Some("\"\u{fffd}\", \"a\""));
    assert_eq!(request.origin.as_deref(), Some("http://\u{fffd}"));
    assert_eq!(parse(b"GET / HTTP/1.1\r\nHost: \xe9\r\n\r\n"), Err(HttpError::BadRequest));
}

#[test]
fn host_of_target_replaces_host_field() {
    for (target, host, path, query) in [
        ("/a?b", "x", "/a", "b"),
        ("http://y:80/a?b", "y:80", "/a", "b"),
        ("HTTPS://[::1]/", "[::1]", "/", ""),
        ("http://y", "y", "/", ""),
        ("http://y?b=/", "y", "/", "b=/"),
    ] {
        let (request, _) = request(&format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")).unwrap().unwrap();
        assert_eq!((request.host.as_deref(), &*request.path, &*request.query), (Some(host), path, query), "{target}");
    }
}

#[test]
fn rfc_example_of_a_websocket_is_accepted() {
    let text = "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://example.com\r\nSec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Version: 13\r\n\r\n";
    let upgrade = request(text).unwrap().unwrap().0.upgrade.unwrap();
    let chosen = upgrade.choose(&["x", "superchat"]);
    let answer = String::from_utf8(accept(&upgrade, chosen).unwrap()).unwrap();
    assert!(answer.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{answer}");
    assert!(answer.contains("\r\nSec-WebSocket-Protocol: superchat\r\n"), "{answer}");
    assert_eq!(upgrade.choose(&["superchat", "chat"]), Some("chat"), "the client's order counts");
    assert_eq!(upgrade.choose(&["cha"]), None);
    assert_eq!(accept(&Upgrade { version: "8".into(), ..upgrade.clone() }, None), Err(HttpError::UpgradeRequired));
    assert_eq!(accept(&Upgrade { key: "c2hvcnQ=".into(), ..upgrade }, None), Err(HttpError::BadRequest));
}

#[test]
fn query_parameters_are_decoded() {
    assert_eq!(parameter("room=%E4%BD%A0+x&after=5", "room").as_deref(), Some("你 x"));
    assert_eq!(parameter("room=a&after=5", "after").as_deref(), Some("5"));
    assert_eq!(parameter("after", "after").as_deref(), Some(""));
    for query in ["", "rooms=a", "room=%", "room=%zz", "room=%ff"] {
        assert_eq!(parameter(query, "room"), None, "{query}");
    }
}

#[test]
fn date_has_the_format_of_the_rfc() {
    let now = OffsetDateTime::from_unix_timestamp(784_111_777).unwrap();
    assert_eq!(date(now), "Sun, 06 Nov 1994 08:49:37 GMT");
}
