//! The part of HTTP/1.1 (RFC 9112) that the web page, its WebSocket, the metrics and the API need: request heads, and
//! responses. Only a POST has content, which the caller reads.

#[cfg(test)]
mod http_tests;
mod post;

use httparse::{EMPTY_HEADER, Error, Status};
use memchr::memchr;
use time::OffsetDateTime;
use tungstenite::handshake::derive_accept_key;

pub use self::post::{MAX_CONTENT, Post};
use super::host::Host;

/// Maximum bytes of a request head.
pub const MAX_HEAD: usize = 8 * 1024;
/// Maximum header fields of one request.
const MAX_FIELDS: usize = 64;

/// The methods that a listener takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Methods {
    /// GET and HEAD.
    Read,
    /// GET, HEAD and POST.
    ReadAndPost,
}

/// The head of a GET, HEAD or POST request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Whether the method is HEAD.
    pub is_head: bool,
    /// The target before the `?`, as it was sent.
    pub path: String,
    /// The target after the `?`, as it was sent.
    pub query: String,
    /// Whether the connection stays open after the response.
    pub keep_alive: bool,
    /// The host of the target if it has one, else the `Host` field; it is valid for [`Host::parse`].
    pub host: Option<String>,
    pub origin: Option<String>,
    pub if_none_match: Option<String>,
    /// All `X-Forwarded-For` lists, joined in order.
    pub forwarded_for: String,
    /// Set if the request asks for a WebSocket.
    pub upgrade: Option<Upgrade>,
    /// Set if the method is POST.
    pub post: Option<Box<Post>>,
}

/// The fields of a WebSocket request (RFC 6455, section 4.2.1), as they were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upgrade {
    pub version: String,
    pub key: String,
    /// The list of subprotocols, in order of preference.
    pub protocols: String,
}

/// The reason why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpError {
    BadRequest,
    Forbidden,
    NotFound,
    /// As `NotFound`, on the address for the operator's programs.
    AdminNotFound,
    MethodNotAllowed,
    /// As `MethodNotAllowed`, on the address for the operator's programs.
    AdminMethodNotAllowed,
    /// A WebSocket with IRC, where there is no IRC.
    NoIrc,
    /// A WebSocket request with another method than GET (RFC 6455, section 4.1).
    SocketNeedsGet,
    Timeout,
    ContentTooLarge,
    /// The host is not a name of this server (RFC 9110, section 15.5.20).
    Misdirected,
    UpgradeRequired,
    HeadTooLarge,
    ShuttingDown,
    CutOff,
    VersionNotSupported,
}

impl HttpError {
    /// The status, and the text of the body: what is wrong and what to do.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            HttpError::BadRequest => ("400 Bad Request", "This is not a valid HTTP/1.1 request."),
            HttpError::Forbidden => {
                ("403 Forbidden", "This page has another origin. Allow that origin with --allow-origin.")
            }
            HttpError::NotFound => ("404 Not Found", "There is nothing here. The chat is at /."),
            HttpError::AdminNotFound => (
                "404 Not Found",
                "There is nothing here. GET / lists what this address has; the chat page is where --web says.",
            ),
            HttpError::NoIrc => (
                "501 Not Implemented",
                "This server has no IRC, since it was started with --mode p2p or --login address.",
            ),
            HttpError::SocketNeedsGet => ("405 Method Not Allowed", "A WebSocket request must use GET."),
            HttpError::Misdirected => (
                "421 Misdirected Request",
                "The name in Host is not a name of this server. If it is, start the server with --host NAME.",
            ),
            HttpError::MethodNotAllowed => ("405 Method Not Allowed", "Only GET and HEAD are supported."),
            HttpError::AdminMethodNotAllowed => {
                ("405 Method Not Allowed", "Only GET and HEAD are supported, and POST where GET / says so.")
            }
            HttpError::Timeout => ("408 Request Timeout", "The request took too long to arrive."),
            HttpError::ContentTooLarge => ("413 Content Too Large", "A request must not have content."),
            HttpError::UpgradeRequired => ("426 Upgrade Required", "This is a WebSocket of version 13 (RFC 6455)."),
            HttpError::HeadTooLarge => {
                ("431 Request Header Fields Too Large", "A request head may have at most 8 KiB and 64 fields.")
            }
            HttpError::ShuttingDown => ("503 Service Unavailable", "The server is shutting down."),
            HttpError::CutOff => (
                "503 Service Unavailable",
                "This server has lost touch with the others of its cluster, or is not part of it yet.",
            ),
            HttpError::VersionNotSupported => ("505 HTTP Version Not Supported", "This server supports HTTP/1.1."),
        }
    }
}

/// Parses a GET or HEAD request at the start of `bytes` and returns it with its length; `None` when more bytes are needed.
///
/// # Errors
/// Why the request is refused; later bytes of the connection cannot be parsed then.
pub fn parse(bytes: &[u8]) -> Result<Option<(Request, usize)>, HttpError> {
    parse_head(bytes, Methods::Read)
}

/// As [`parse`], for the head of a request with one of these methods. The content of a POST follows it.
///
/// # Errors
/// As [`parse`].
pub fn parse_head(bytes: &[u8], methods: Methods) -> Result<Option<(Request, usize)>, HttpError> {
    let bytes = &bytes[..bytes.len().min(MAX_HEAD)];
    match parse_known(bytes, methods) {
        Err(HttpError::VersionNotSupported) => match as_1_1(bytes) {
            Some(known) => parse_known(&known, methods),
            None => Err(HttpError::VersionNotSupported),
        },
        parsed => parsed,
    }
}

/// Rewrites a request of a later minor version as HTTP/1.1, the latest version supported: RFC 9110, section 2.5.
fn as_1_1(bytes: &[u8]) -> Option<Vec<u8>> {
    let start = bytes.iter().position(|byte| !b"\r\n".contains(byte))?;
    let end = memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |length| start + length);
    let line = &bytes[start..end];
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let minor = line.len().checked_sub(1).filter(|_| line.last().is_some_and(u8::is_ascii_digit))?;
    line[..minor].ends_with(b" HTTP/1.").then(|| {
        let mut known = bytes.to_vec();
        known[start + minor] = b'1';
        known
    })
}

/// As [`parse`], for the versions 1.0 and 1.1.
fn parse_known(bytes: &[u8], methods: Methods) -> Result<Option<(Request, usize)>, HttpError> {
    let mut fields = [EMPTY_HEADER; MAX_FIELDS];
    let mut head = httparse::Request::new(&mut fields);
    let length = match head.parse(bytes) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) if bytes.len() >= MAX_HEAD => return Err(HttpError::HeadTooLarge),
        Ok(Status::Partial) => return Ok(None),
        Err(Error::TooManyHeaders) => return Err(HttpError::HeadTooLarge),
        Err(Error::Version) => return Err(HttpError::VersionNotSupported),
        Err(_) => return Err(HttpError::BadRequest),
    };
    let (is_head, mut post) = match head.method {
        Some("GET") => (false, None),
        Some("HEAD") => (true, None),
        Some("POST") if methods == Methods::ReadAndPost => (false, Some(Box::<Post>::default())),
        _ if methods == Methods::ReadAndPost => return Err(HttpError::AdminMethodNotAllowed),
        _ => return Err(HttpError::MethodNotAllowed),
    };
    let (site, path, query) = split_target(head.path.unwrap_or_default()).ok_or(HttpError::BadRequest)?;
    let is_1_1 = head.version == Some(1);
    let mut request =
        Request { is_head, path: path.into(), query: query.into(), keep_alive: is_1_1, ..Request::default() };
    let (mut connection, mut upgrade) = (String::new(), String::new());
    let (mut protocols, mut version, mut key) = (String::new(), None, None);
    for field in head.headers.iter() {
        // Non-ASCII bytes are allowed (RFC 9110, section 5.5), and match no value that is searched for.
        let value = || String::from_utf8_lossy(field.value).trim().to_owned();
        let is = |name: &str| field.name.eq_ignore_ascii_case(name);
        if let Some(post) = &mut post
            && post.take_field(field.name, &value)?
        {
            continue;
        }
        match () {
            // Two `Host` fields are an error: RFC 9112, section 3.2.
            () if is("host") => once(&mut request.host, value())?,
            () if is("origin") => once(&mut request.origin, value())?,
            () if is("if-none-match") => add(request.if_none_match.get_or_insert_default(), &value()),
            () if is("x-forwarded-for") => add(&mut request.forwarded_for, &value()),
            () if is("connection") => add(&mut connection, &value()),
            () if is("upgrade") => add(&mut upgrade, &value()),
            () if is("sec-websocket-version") => once(&mut version, value())?,
            () if is("sec-websocket-key") => once(&mut key, value())?,
            () if is("sec-websocket-protocol") => add(&mut protocols, &value()),
            () if is("content-length") => has_no_content(&value())?,
            () if is("transfer-encoding") => return Err(HttpError::ContentTooLarge),
            () => {}
        }
    }
    if is_1_1 && request.host.is_none() || request.host.as_deref().is_some_and(|host| Host::parse(host).is_none()) {
        return Err(HttpError::BadRequest);
    }
    // The host of the target replaces the field: RFC 9112, section 3.2.2.
    request.host = site.map(str::to_owned).or(request.host);
    request.keep_alive = match is_1_1 {
        true => !has_token(&connection, "close"),
        false => has_token(&connection, "keep-alive"),
    };
    if post.as_ref().is_some_and(|post| post.readable().is_none()) {
        // Where the content ends is not known, or it is not read.
        request.keep_alive = false;
    }
    request.post = post.map(|post| Box::new(Post { expects_continue: post.expects_continue && is_1_1, ..*post }));
    let is_upgrade = is_1_1 && has_token(&connection, "upgrade") && has_token(&upgrade, "websocket");
    request.upgrade =
        is_upgrade.then(|| Upgrade { version: version.unwrap_or_default(), key: key.unwrap_or_default(), protocols });
    Ok(Some((request, length)))
}

/// Splits a target into host, path and query; only a target with a scheme has a host (RFC 9112, section 3.2).
fn split_target(target: &str) -> Option<(Option<&str>, &str, &str)> {
    let is_http = |scheme: &str| scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    let (site, local) = match target.split_once("://").filter(|(scheme, _)| is_http(scheme)) {
        Some((_, rest)) => {
            let (site, local) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
            let is_named = !site.is_empty() && Host::parse(site).is_some();
            (Some(site).filter(|_| is_named)?.into(), local)
        }
        None => (None, target),
    };
    let (path, query) = local.split_once('?').unwrap_or((local, ""));
    match path {
        // An empty path equals "/": RFC 9110, section 4.2.3.
        "" if site.is_some() => Some((site, "/", query)),
        path => path.starts_with('/').then_some((site, path, query)),
    }
}

/// Sets the value of a field that may occur only once.
fn once(slot: &mut Option<String>, value: String) -> Result<(), HttpError> {
    slot.replace(value).map_or(Ok(()), |_| Err(HttpError::BadRequest))
}

/// Checks that a `Content-Length` is zero, since requests must not have content.
fn has_no_content(length: &str) -> Result<(), HttpError> {
    match length {
        digits if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) => Err(HttpError::BadRequest),
        digits if digits.bytes().all(|byte| byte == b'0') => Ok(()),
        _ => Err(HttpError::ContentTooLarge),
    }
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

/// The decoded value of a query parameter (the URL Standard, application/x-www-form-urlencoded).
pub fn parameter(query: &str, name: &str) -> Option<String> {
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let (_, value) = pairs.into_iter().find(|(key, _)| *key == name)?;
    decode(value, b' ')
}

/// The decoded text of a segment of a path (RFC 3986, section 2.1); `None` if it is not valid.
pub fn decode_segment(segment: &str) -> Option<String> {
    decode(segment, b'+')
}

/// Decodes `%` and two digits; `plus` is what `+` stands for.
fn decode(text: &str, plus: u8) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => plus,
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                (digit(rest.next())? << 4 | digit(rest.next())?) as u8
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// The head of a response.
pub struct Response {
    bytes: Vec<u8>,
}

impl Response {
    /// A response with a status such as `200 OK`.
    pub fn new(status: &str, now: OffsetDateTime) -> Self {
        Response { bytes: format!("HTTP/1.1 {status}\r\n").into_bytes() }.field("Date", &date(now))
    }

    /// Adds a field.
    pub fn field(mut self, name: &str, value: &str) -> Self {
        for part in [name, ": ", value, "\r\n"] {
            self.bytes.extend_from_slice(part.as_bytes());
        }
        self
    }

    /// The bytes of a head before a body of this type and length; the connection stays open if `keep_alive`.
    pub fn with_body(self, kind: &str, length: usize, keep_alive: bool) -> Vec<u8> {
        self.field("Content-Type", kind)
            .field("Content-Length", &length.to_string())
            .field("X-Content-Type-Options", "nosniff")
            .without_body(keep_alive)
    }

    /// The bytes of a head without a body.
    pub fn without_body(self, keep_alive: bool) -> Vec<u8> {
        let mut response = if keep_alive { self } else { self.field("Connection", "close") };
        response.bytes.extend_from_slice(b"\r\n");
        response.bytes
    }
}

/// The whole response to a refused request.
pub fn refuse(refused: HttpError, is_head: bool, keep_alive: bool, now: OffsetDateTime) -> Vec<u8> {
    let (status, words) = refused.words();
    let mut response = Response::new(status, now).field("Cache-Control", "no-store");
    match refused {
        HttpError::MethodNotAllowed => response = response.field("Allow", "GET, HEAD"),
        HttpError::AdminMethodNotAllowed => response = response.field("Allow", "GET, HEAD, POST"),
        HttpError::SocketNeedsGet => response = response.field("Allow", "GET"),
        HttpError::UpgradeRequired => {
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

impl Upgrade {
    /// The first of the offered subprotocols that is `known`.
    pub fn choose<'a>(&self, known: &[&'a str]) -> Option<&'a str> {
        items(&self.protocols).find_map(|offered| known.iter().find(|known| **known == offered).copied())
    }
}

/// The response that turns the connection into a WebSocket: RFC 6455, section 4.2.2. It names the `protocol` that was
/// chosen from those that were offered.
///
/// # Errors
/// Why the request is refused.
pub fn accept(upgrade: &Upgrade, protocol: Option<&str>) -> Result<Vec<u8>, HttpError> {
    if upgrade.version != "13" {
        return Err(HttpError::UpgradeRequired);
    }
    // The key is 16 bytes in base64.
    if !data_encoding::BASE64.decode(upgrade.key.as_bytes()).is_ok_and(|key| key.len() == 16) {
        return Err(HttpError::BadRequest);
    }
    let mut answer = Response { bytes: b"HTTP/1.1 101 Switching Protocols\r\n".to_vec() }
        .field("Upgrade", "websocket")
        .field("Connection", "Upgrade")
        .field("Sec-WebSocket-Accept", &derive_accept_key(upgrade.key.as_bytes()));
    if let Some(protocol) = protocol {
        answer = answer.field("Sec-WebSocket-Protocol", protocol);
    }
    Ok(answer.without_body(true))
}

/// A date in the format of RFC 9110, section 5.6.7.
fn date(now: OffsetDateTime) -> String {
    let now = now.to_offset(time::UtcOffset::UTC);
    let (weekday, month) = (now.weekday().to_string(), now.month().to_string());
    let (hour, minute, second) = now.to_hms();
    let (day, year) = (now.day(), now.year());
    format!("{}, {day:02} {} {year:04} {hour:02}:{minute:02}:{second:02} GMT", &weekday[..3], &month[..3])
}
