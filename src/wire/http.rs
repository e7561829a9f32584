//! HTTP/1.1 (RFC 9112) as far as a page, its WebSocket and a few figures need it: the heads of requests,
//! which have no bodies, and responses.

use httparse::{EMPTY_HEADER, Error, Status};
use time::OffsetDateTime;
use tungstenite::handshake::derive_accept_key;

/// The longest head in bytes.
pub const MAX_HEAD: usize = 8 * 1024;
/// Header fields of one request.
const MAX_FIELDS: usize = 64;

/// The head of a request for something that is only looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Only the head of the answer is wanted.
    pub is_head: bool,
    /// What is before the `?`, as it was sent.
    pub path: String,
    /// What is behind it.
    pub query: String,
    /// The connection goes on after the answer.
    pub keep_alive: bool,
    pub host: Option<String>,
    pub origin: Option<String>,
    pub if_none_match: Option<String>,
    /// The lists of `X-Forwarded-For`, joined in their order.
    pub forwarded_for: String,
    /// A WebSocket is asked for.
    pub upgrade: Option<Upgrade>,
}

/// What a WebSocket is asked for with (RFC 6455, section 4.2.1), as it was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upgrade {
    pub version: String,
    pub key: String,
    /// Subprotocols, one after another in the order of preference.
    pub protocols: String,
}

/// Why a request is not answered with what it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    BadRequest,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    Timeout,
    ContentTooLarge,
    UpgradeRequired,
    HeadTooLarge,
    ShuttingDown,
    VersionNotSupported,
}

impl Refused {
    /// The status line's code and words, and what to do, for whoever sees it.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Refused::BadRequest => ("400 Bad Request", "This is not a request of HTTP/1.1."),
            Refused::Forbidden => {
                ("403 Forbidden", "This page is not from here. Its origin can be allowed with --allow-origin.")
            }
            Refused::NotFound => ("404 Not Found", "There is nothing here. The chat is at /."),
            Refused::MethodNotAllowed => ("405 Method Not Allowed", "Only GET and HEAD are understood."),
            Refused::Timeout => ("408 Request Timeout", "The request took too long to come."),
            Refused::ContentTooLarge => ("413 Content Too Large", "A request has no content here."),
            Refused::UpgradeRequired => ("426 Upgrade Required", "This is a WebSocket, version 13 (RFC 6455)."),
            Refused::HeadTooLarge => ("431 Request Header Fields Too Large", "A head is 8 KiB and 64 fields at most."),
            Refused::ShuttingDown => ("503 Service Unavailable", "The server is shutting down."),
            Refused::VersionNotSupported => ("505 HTTP Version Not Supported", "HTTP/1.1 is spoken here."),
        }
    }
}

/// Takes a request from the beginning of `bytes`: it and its length, `None` when more bytes are needed.
///
/// # Errors
/// How it is to be refused; what follows cannot be understood then.
pub fn parse(bytes: &[u8]) -> Result<Option<(Request, usize)>, Refused> {
    let mut fields = [EMPTY_HEADER; MAX_FIELDS];
    let mut head = httparse::Request::new(&mut fields);
    let length = match head.parse(&bytes[..bytes.len().min(MAX_HEAD)]) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) if bytes.len() >= MAX_HEAD => return Err(Refused::HeadTooLarge),
        Ok(Status::Partial) => return Ok(None),
        Err(Error::TooManyHeaders) => return Err(Refused::HeadTooLarge),
        Err(Error::Version) => return Err(Refused::VersionNotSupported),
        Err(_) => return Err(Refused::BadRequest),
    };
    let is_head = match head.method {
        Some("GET") => false,
        Some("HEAD") => true,
        _ => return Err(Refused::MethodNotAllowed),
    };
    let (path, query) = split_target(head.path.unwrap_or_default()).ok_or(Refused::BadRequest)?;
    let is_1_1 = head.version == Some(1);
    let mut request =
        Request { is_head, path: path.into(), query: query.into(), keep_alive: is_1_1, ..Request::default() };
    let (mut connection, mut upgrade) = (String::new(), String::new());
    let mut socket = Upgrade::default();
    for field in head.headers.iter() {
        let value = std::str::from_utf8(field.value).map_err(|_| Refused::BadRequest)?.trim();
        let is = |name: &str| field.name.eq_ignore_ascii_case(name);
        // RFC 9112, section 3.2: two hosts are none.
        if is("host") && request.host.replace(value.to_owned()).is_some() {
            return Err(Refused::BadRequest);
        }
        match () {
            () if is("origin") => request.origin = Some(value.to_owned()),
            () if is("if-none-match") => request.if_none_match = Some(value.to_owned()),
            () if is("x-forwarded-for") => add(&mut request.forwarded_for, value),
            () if is("connection") => add(&mut connection, value),
            () if is("upgrade") => add(&mut upgrade, value),
            () if is("sec-websocket-version") => socket.version = value.to_owned(),
            () if is("sec-websocket-key") => socket.key = value.to_owned(),
            () if is("sec-websocket-protocol") => add(&mut socket.protocols, value),
            // What follows a head must be another one.
            () if is("content-length") && value != "0" => return Err(Refused::ContentTooLarge),
            () if is("transfer-encoding") => return Err(Refused::ContentTooLarge),
            () => {}
        }
    }
    if is_1_1 && request.host.is_none() {
        return Err(Refused::BadRequest);
    }
    request.keep_alive = match is_1_1 {
        true => !has_token(&connection, "close"),
        false => has_token(&connection, "keep-alive"),
    };
    let is_upgrade = is_1_1 && has_token(&connection, "upgrade") && has_token(&upgrade, "websocket");
    request.upgrade = is_upgrade.then_some(socket);
    Ok(Some((request, length)))
}

/// Path and query of what is asked for; also where it is given with scheme and host (RFC 9112, section 3.2.2).
fn split_target(target: &str) -> Option<(&str, &str)> {
    let local = match target.split_once("://") {
        Some((scheme, rest)) if ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) => {
            &rest[rest.find('/')?..]
        }
        _ => target,
    };
    local.starts_with('/').then(|| local.split_once('?').unwrap_or((local, "")))
}

fn add(list: &mut String, value: &str) {
    if !list.is_empty() {
        list.push(',');
    }
    list.push_str(value);
}

/// The items of a list.
pub fn items(list: &str) -> impl DoubleEndedIterator<Item = &str> {
    list.split(',').map(str::trim)
}

fn has_token(list: &str, token: &str) -> bool {
    items(list).any(|item| item.eq_ignore_ascii_case(token))
}

/// The value of a parameter of a query, decoded (the URL Standard, application/x-www-form-urlencoded).
pub fn parameter(query: &str, name: &str) -> Option<String> {
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let (_, value) = pairs.into_iter().find(|(key, _)| *key == name)?;
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                (digit(rest.next())? << 4 | digit(rest.next())?) as u8
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// The head of an answer.
pub struct Response {
    bytes: Vec<u8>,
}

impl Response {
    /// With that status, such as `200 OK`.
    pub fn new(status: &str, now: OffsetDateTime) -> Self {
        Response { bytes: format!("HTTP/1.1 {status}\r\n").into_bytes() }.field("Date", &date(now))
    }

    /// One more field.
    pub fn field(mut self, name: &str, value: &str) -> Self {
        for part in [name, ": ", value, "\r\n"] {
            self.bytes.extend_from_slice(part.as_bytes());
        }
        self
    }

    /// The bytes, where a body of that type and length follows; the connection goes on if `keep_alive`.
    pub fn with_body(self, kind: &str, length: usize, keep_alive: bool) -> Vec<u8> {
        self.field("Content-Type", kind)
            .field("Content-Length", &length.to_string())
            .field("X-Content-Type-Options", "nosniff")
            .without_body(keep_alive)
    }

    /// The bytes, where nothing follows.
    pub fn without_body(self, keep_alive: bool) -> Vec<u8> {
        let mut response = if keep_alive { self } else { self.field("Connection", "close") };
        response.bytes.extend_from_slice(b"\r\n");
        response.bytes
    }
}

/// The whole answer to what is refused.
pub fn refuse(refused: Refused, is_head: bool, keep_alive: bool, now: OffsetDateTime) -> Vec<u8> {
    let (status, words) = refused.words();
    let mut response = Response::new(status, now).field("Cache-Control", "no-store");
    match refused {
        Refused::MethodNotAllowed => response = response.field("Allow", "GET, HEAD"),
        Refused::UpgradeRequired => {
            response = response.field("Upgrade", "websocket").field("Sec-WebSocket-Version", "13");
            response = response.field("Connection", "Upgrade");
        }
        _ => {}
    }
    let mut bytes = response.with_body("text/plain; charset=utf-8", words.len() + 1, keep_alive);
    if !is_head {
        bytes.extend_from_slice(words.as_bytes());
        bytes.push(b'\n');
    }
    bytes
}

/// The answer that makes a WebSocket of the connection: RFC 6455, section 4.2.2.
///
/// # Errors
/// How the request is to be refused.
pub fn accept(upgrade: &Upgrade, protocol: &str) -> Result<Vec<u8>, Refused> {
    if upgrade.version != "13" {
        return Err(Refused::UpgradeRequired);
    }
    // 16 bytes in base64.
    if !data_encoding::BASE64.decode(upgrade.key.as_bytes()).is_ok_and(|key| key.len() == 16) {
        return Err(Refused::BadRequest);
    }
    let mut answer = Response { bytes: b"HTTP/1.1 101 Switching Protocols\r\n".to_vec() }
        .field("Upgrade", "websocket")
        .field("Connection", "Upgrade")
        .field("Sec-WebSocket-Accept", &derive_accept_key(upgrade.key.as_bytes()));
    if items(&upgrade.protocols).any(|offered| offered == protocol) {
        answer = answer.field("Sec-WebSocket-Protocol", protocol);
    }
    Ok(answer.without_body(true))
}

/// A date as in RFC 9110, section 5.6.7.
fn date(now: OffsetDateTime) -> String {
    let now = now.to_offset(time::UtcOffset::UTC);
    let (weekday, month) = (now.weekday().to_string(), now.month().to_string());
    let (hour, minute, second) = now.to_hms();
    let (day, year) = (now.day(), now.year());
    format!("{}, {day:02} {} {year:04} {hour:02}:{minute:02}:{second:02} GMT", &weekday[..3], &month[..3])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str) -> Result<Option<(Request, usize)>, Refused> {
        parse(text.as_bytes())
    }

    #[test]
    fn a_head_is_understood_once_it_is_all_there() {
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
    fn what_cannot_be_answered_is_told_how() {
        let long = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}", "x".repeat(MAX_HEAD));
        let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X: y\r\n".repeat(MAX_FIELDS));
        for (text, refused) in [
            ("POST / HTTP/1.1\r\nHost: x\r\n\r\n", Refused::MethodNotAllowed),
            ("GET / HTTP/1.1\r\n\r\n", Refused::BadRequest),
            ("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", Refused::BadRequest),
            ("GET ws HTTP/1.1\r\nHost: x\r\n\r\n", Refused::BadRequest),
            ("GET http://x HTTP/1.1\r\nHost: x\r\n\r\n", Refused::BadRequest),
            ("hello\r\n\r\n", Refused::BadRequest),
            ("GET / HTTP/2.0\r\nHost: x\r\n\r\n", Refused::VersionNotSupported),
            ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n", Refused::ContentTooLarge),
            ("GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", Refused::ContentTooLarge),
            (&*long, Refused::HeadTooLarge),
            (&*many, Refused::HeadTooLarge),
        ] {
            assert_eq!(request(text), Err(refused), "{text}");
        }
    }

    #[test]
    fn a_connection_goes_on_as_its_version_has_it() {
        for (version, connection, goes_on) in [
            ("1.1", "", true),
            ("1.1", "Connection: foo, Close\r\n", false),
            ("1.0", "", false),
            ("1.0", "Connection: keep-alive\r\n", true),
        ] {
            let (request, _) =
                request(&format!("GET / HTTP/{version}\r\nHost: x\r\n{connection}\r\n")).unwrap().unwrap();
            assert_eq!(request.keep_alive, goes_on, "{version} {connection}");
        }
    }

    #[test]
    fn the_example_of_the_rfc_is_accepted() {
        let text = "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://example.com\r\nSec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Version: 13\r\n\r\n";
        let upgrade = request(text).unwrap().unwrap().0.upgrade.unwrap();
        let answer = String::from_utf8(accept(&upgrade, "superchat").unwrap()).unwrap();
        assert!(answer.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{answer}");
        assert!(answer.contains("\r\nSec-WebSocket-Protocol: superchat\r\n"), "{answer}");
        assert_eq!(accept(&Upgrade { version: "8".into(), ..upgrade.clone() }, ""), Err(Refused::UpgradeRequired));
        assert_eq!(accept(&Upgrade { key: "c2hvcnQ=".into(), ..upgrade }, ""), Err(Refused::BadRequest));
    }

    #[test]
    fn parameters_are_decoded() {
        assert_eq!(parameter("room=%E4%BD%A0+x&after=5", "room").as_deref(), Some("你 x"));
        assert_eq!(parameter("room=a&after=5", "after").as_deref(), Some("5"));
        assert_eq!(parameter("after", "after").as_deref(), Some(""));
        for query in ["", "rooms=a", "room=%", "room=%zz", "room=%ff"] {
            assert_eq!(parameter(query, "room"), None, "{query}");
        }
    }

    #[test]
    fn a_date_is_written_as_the_rfc_has_it() {
        let now = OffsetDateTime::from_unix_timestamp(784_111_777).unwrap();
        assert_eq!(date(now), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
