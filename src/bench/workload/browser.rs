//! The browser's side of a WebSocket (RFC 6455): the request, masked frames, and the frames of the server.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io::Cursor;
use std::net::SocketAddr;

use data_encoding::BASE64;
use fastrand::Rng;
use serde::Deserialize;
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use crate::server::http::SUBPROTOCOL;

/// Maximum size of a response head in bytes.
const MAX_HEAD: usize = 16 * 1024;

/// Maximum number of fields in it.
const MAX_FIELDS: usize = 64;

/// Maximum payload of a control frame: section 5.5.
const MAX_CONTROL: u64 = 125;

/// What all browsers of a run share.
pub struct Browser {
    /// One key for all, so that the baseline need not compute an answer for each.
    key: String,
    accept: String,
    random: RefCell<Rng>,
}

/// A complete frame from the server.
#[derive(Debug, PartialEq, Eq)]
pub enum ServerFrame<'a> {
    /// One JSON object.
    Text(&'a [u8]),
    /// To be answered with the same payload.
    Ping(&'a [u8]),
    /// Needs no answer.
    Pong,
    /// The end, with its code.
    Close(Option<u16>),
}

/// What a text from the server means during login.
#[derive(Debug, PartialEq, Eq)]
pub enum LoginReply {
    /// The server asks for a name.
    Asked,
    /// The name was accepted.
    Entered,
    /// The name was refused, with the text for people.
    Refused(String),
    /// Nothing.
    Other,
    /// The text is malformed.
    Broken,
}

/// The members of a JSON object that matter here.
#[derive(Deserialize)]
struct ServerEvent<'a> {
    #[serde(borrow)]
    t: Cow<'a, str>,
    #[serde(borrow, default)]
    text: Option<Cow<'a, str>>,
}

impl Browser {
    /// For a run; the baseline uses the same key.
    pub fn new(run: u16) -> Self {
        let mut random = Rng::with_seed(u64::from(run));
        let key = BASE64.encode(&random.u128(..).to_be_bytes());
        Browser { accept: derive_accept_key(key.as_bytes()), key, random: RefCell::new(random) }
    }

    /// The upgrade request of a page from `host`, which was loaded with or without TLS.
    pub fn request(&self, host: SocketAddr, tls: bool) -> Vec<u8> {
        let s = if tls { "s" } else { "" };
        format!(
            "GET /ws HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nPragma: no-cache\r\nCache-Control: no-cache\r\n\
             User-Agent: Mozilla/5.0 (chinwag bench)\r\nUpgrade: websocket\r\nOrigin: http{s}://{host}\r\n\
             Sec-WebSocket-Version: 13\r\nAccept-Encoding: gzip, deflate, br\r\nAccept-Language: en\r\n\
             Sec-WebSocket-Key: {}\r\nSec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n",
            self.key
        )
        .into_bytes()
    }

    /// The server's answer to it.
    pub fn answer(&self) -> Vec<u8> {
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\nSec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n",
            self.accept
        )
        .into_bytes()
    }

    /// Checks the answer; returns the length of its head, or `None` while it is incomplete.
    ///
    /// # Errors
    /// Why it does not open a WebSocket.
    pub fn read_answer(&self, bytes: &[u8]) -> Result<Option<usize>, String> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut answer = httparse::Response::new(&mut fields);
        let head = match answer.parse(bytes) {
            Ok(httparse::Status::Complete(head)) => head,
            Ok(httparse::Status::Partial) if bytes.len() <= MAX_HEAD => return Ok(None),
            Ok(httparse::Status::Partial) => return Err("its head has no end".into()),
            Err(_) => {
                let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
                let line = String::from_utf8_lossy(&line[..line.len().min(200)]).trim_end().to_owned();
                return Err(format!("this is not HTTP: {line} (give the address of --web)"));
            }
        };
        if answer.code != Some(101) {
            return Err(format!("{} {}", answer.code.unwrap_or(0), answer.reason.unwrap_or("")).trim_end().to_owned());
        }
        for (name, wanted) in [
            ("Upgrade", "websocket"),
            ("Connection", "upgrade"),
            ("Sec-WebSocket-Accept", &*self.accept),
            ("Sec-WebSocket-Protocol", SUBPROTOCOL),
        ] {
            let field = answer.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name));
            let value = field.map_or(&b""[..], |field| field.value);
            // Base64 is case-sensitive: section 4.2.2.
            let exactly = name == "Sec-WebSocket-Accept";
            if !(value == wanted.as_bytes() || !exactly && value.eq_ignore_ascii_case(wanted.as_bytes())) {
                return Err(format!("{name} is {:?} instead of {wanted:?}", String::from_utf8_lossy(value)));
            }
        }
        Ok(Some(head))
    }

    /// Appends a masked text frame; `write` appends its text.
    pub fn line(&self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        let mut line = Vec::new();
        write(&mut line);
        self.frame(out, OpCode::Data(Data::Text), &line);
    }

    /// Appends the answer to a ping.
    pub fn pong(&self, out: &mut Vec<u8>, payload: &[u8]) {
        self.frame(out, OpCode::Control(Control::Pong), payload);
    }

    /// Appends a close frame.
    pub fn close(&self, out: &mut Vec<u8>) {
        self.frame(out, OpCode::Control(Control::Close), &1000u16.to_be_bytes());
    }

    fn frame(&self, out: &mut Vec<u8>, opcode: OpCode, payload: &[u8]) {
        let mask = self.random.borrow_mut().u32(..).to_be_bytes();
        let header = FrameHeader { opcode, mask: Some(mask), ..FrameHeader::default() };
        // Writing to a vector cannot fail.
        let _ = header.format(payload.len() as u64, out);
        out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    }
}

/// The first frame and its length in bytes; `None` while it is incomplete.
///
/// # Errors
/// What is wrong with it, or that its payload is longer than `most`.
pub fn frame(bytes: &[u8], most: usize) -> Result<Option<(ServerFrame<'_>, usize)>, String> {
    let mut cursor = Cursor::new(bytes);
    let Some((header, length)) = FrameHeader::parse(&mut cursor).map_err(|error| error.to_string())? else {
        return Ok(None);
    };
    let FrameHeader { is_final, rsv1, rsv2, rsv3, opcode, mask } = header;
    if mask.is_some() || rsv1 || rsv2 || rsv3 || !is_final {
        return Err("one that is masked, in fragments, or has a reserved bit".into());
    }
    if length > most as u64 {
        return Err(format!("one of more than {most} bytes"));
    }
    let begin = cursor.position() as usize;
    let end = begin + length as usize;
    let Some(payload) = bytes.get(begin..end) else { return Ok(None) };
    let frame = match opcode {
        OpCode::Data(Data::Text) => ServerFrame::Text(payload),
        OpCode::Control(_) if length > MAX_CONTROL => return Err("a long control frame".into()),
        OpCode::Control(Control::Ping) => ServerFrame::Ping(payload),
        OpCode::Control(Control::Pong) => ServerFrame::Pong,
        OpCode::Control(Control::Close) => {
            ServerFrame::Close(payload.first_chunk().map(|&code| u16::from_be_bytes(code)))
        }
        other => return Err(format!("one of the kind {other}")),
    };
    Ok(Some((frame, end)))
}

/// The payload of a complete frame from the server.
pub fn payload(frame: &[u8]) -> &[u8] {
    let header = match frame.get(1) {
        Some(126) => 4,
        Some(127) => 10,
        _ => 2,
    };
    frame.get(header..).unwrap_or_default()
}

/// Interprets a text from the server during login.
pub fn login_reply(text: &[u8]) -> LoginReply {
    let object = std::str::from_utf8(text).ok().and_then(|text| serde_json::from_str::<ServerEvent>(text).ok());
    match object {
        None => LoginReply::Broken,
        Some(ServerEvent { t, text }) => match &*t {
            "ask" => LoginReply::Asked,
            "entered" => LoginReply::Entered,
            "refused" => LoginReply::Refused(text.unwrap_or_default().into_owned()),
            _ => LoginReply::Other,
        },
    }
}

#[cfg(test)]
mod tests {
    use tungstenite::handshake::client::generate_key;

    use super::*;
    use crate::wire::frame::{close_frame, pong_frame, text_frame};
    use crate::wire::websocket::{FrameDecoder, FrameItem};
    use crate::wire::{http, json};

    fn decode(mut bytes: &[u8]) -> Vec<FrameItem> {
        let mut decoder = FrameDecoder::default();
        std::iter::from_fn(|| decoder.next(&mut bytes, 100_000)).collect()
    }

    #[test]
    fn server_decodes_browser_frames() {
        let browser = Browser::new(7);
        let host = "127.0.0.1:8080".parse().unwrap();
        let (request, _) = http::parse(&browser.request(host, false)).ok().flatten().unwrap();
        assert_eq!(request.origin.as_deref(), Some("http://127.0.0.1:8080"));
        let answer = http::accept(&request.upgrade.unwrap(), Some(SUBPROTOCOL)).ok().unwrap();
        assert_eq!(browser.read_answer(&answer), Ok(Some(answer.len())));
        assert_eq!(browser.answer().len(), answer.len(), "the baseline's is as long");
        let mut out = Vec::new();
        let long = "x".repeat(70_000);
        for text in ["", "hi", &"y".repeat(200), &long] {
            browser.line(&mut out, |out| out.extend_from_slice(text.as_bytes()));
        }
        browser.pong(&mut out, b"there");
        browser.close(&mut out);
        let line = |text: &str| FrameItem::Line(text.into());
        let lines =
            [line(""), line("hi"), line(&"y".repeat(200)), line(&long), FrameItem::Pong, FrameItem::Close(1000)];
        assert_eq!(decode(&out), lines);
    }

    #[test]
    fn each_frame_has_its_own_mask() {
        let browser = Browser::new(1);
        let mut masks: Vec<[u8; 4]> = (0..100)
            .map(|_| {
                let mut out = Vec::new();
                browser.line(&mut out, |out| out.push(b'x'));
                out[2..6].try_into().unwrap()
            })
            .collect();
        masks.sort();
        masks.dedup();
        assert_eq!(masks.len(), 100);
    }

    #[test]
    fn rejected_upgrade_gives_reason() {
        let browser = Browser::new(7);
        let right = String::from_utf8(browser.answer()).unwrap();
        for end in 0..right.len() {
            assert_eq!(browser.read_answer(&right.as_bytes()[..end]), Ok(None), "{end}");
        }
        let other_key = derive_accept_key(generate_key().as_bytes());
        for (answer, why) in [
            ("* Welcome!\r\n".to_owned(), "not HTTP: * Welcome! (give the address of --web)"),
            ("HTTP/1.1 403 Forbidden\r\n\r\n".into(), "403 Forbidden"),
            (right.replace(&browser.accept, &other_key), "Sec-WebSocket-Accept is"),
            (right.replace("chinwag.v1", "other"), "Sec-WebSocket-Protocol is \"other\""),
            (format!("HTTP/1.1 101 x\r\nA: {}", "y".repeat(20_000)), "no end"),
        ] {
            let error = browser.read_answer(answer.as_bytes()).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn only_complete_valid_frames_are_read() {
        let mut bytes = Vec::new();
        let long = vec![b'x'; 70_000];
        for text in [&b"{}"[..], &long[..200], &long] {
            let start = bytes.len();
            text_frame(&mut bytes, |out| out.extend_from_slice(text));
            assert_eq!(payload(&bytes[start..]), text);
            for end in start..bytes.len() {
                assert_eq!(frame(&bytes[start..end], 100_000), Ok(None));
            }
            assert_eq!(frame(&bytes[start..], 100_000), Ok(Some((ServerFrame::Text(text), bytes.len() - start))));
        }
        assert!(frame(&bytes, 1).is_err(), "it is too long");
        assert_eq!(frame(&close_frame(1001), 9), Ok(Some((ServerFrame::Close(Some(1001)), 4))));
        assert_eq!(frame(&pong_frame(b"x"), 9), Ok(Some((ServerFrame::Pong, 3))));
        assert_eq!(frame(&[0x89, 1, b'x'], 9), Ok(Some((ServerFrame::Ping(b"x"), 3))));
        for wrong in [&[0x81, 0x81, 0, 0, 0, 0, 0][..], &[0x01, 0], &[0xc1, 0], &[0x82, 0], &[0x80, 0], &[0x83, 0]] {
            assert!(frame(wrong, 9).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn login_replies_match_server_events() {
        use crate::chat::{Event, Lang, Notice, People, Refusal, Render, RoomLabel};
        let reply_to = |event: Event| {
            let mut out = Vec::new();
            let json = json::Json { lang: Lang::En, framing: json::Framing::Frame };
            json.render(&event, RoomLabel::None, &mut out);
            login_reply(payload(&out))
        };
        let people = People { here: 1, names: &[], away: &[], you: false };
        assert_eq!(reply_to(Event::Notice(Notice::Welcome { server: "chat.example" })), LoginReply::Asked);
        assert_eq!(
            reply_to(Event::Notice(Notice::Hello { server: "x", run: Some(1), max_line: 1, store: false })),
            LoginReply::Other
        );
        assert_eq!(
            reply_to(Event::Notice(Notice::Entered {
                name: "a",
                room: "b",
                people,
                topic: None,
                role: crate::chat::Role::User,
                account: false
            })),
            LoginReply::Entered
        );
        let taken = Event::Refusal(Refusal::Taken { name: "a", asked: true });
        assert_eq!(reply_to(taken), LoginReply::Refused("The nickname a is taken. Try another:".into()));
        for broken in [&b"{}"[..], b"", b"* hi", b"{\"t\":\"said\"", b"{\"t\":\"said\",\"text\":\"\xff\"}"] {
            assert_eq!(login_reply(broken), LoginReply::Broken, "{broken:?}");
        }
    }
}
