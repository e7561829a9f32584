use super::*;
use crate::util::test_support::Random;

const LIMIT: usize = 1024;

/// Each operation that these pieces give, as text.
fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<String>, ProtocolError> {
    let (mut decoder, mut ops) = (Decoder::new(LIMIT), Vec::new());
    for piece in pieces {
        decoder.push(piece);
        while let Some(op) = decoder.next()? {
            ops.push(format!("{op:?}"));
        }
    }
    Ok(ops)
}

fn error(text: &[u8]) -> Option<ProtocolError> {
    decode([text]).err()
}

const TALK: &[u8] = b"INFO {\"a\":1} \r\nPING\r\nping\r\n+OK\r\nPONG\r\n-ERR 'Unknown Protocol Operation'\r\n\
    MSG a.b 1 0\r\n\r\nMSG a.b 12 in.box 4\r\n\r\nhi\r\n\
    HMSG a 3 r 16 18\r\nNATS/1.0\r\nA:\r\n\r\nhi\r\nhmsg\ta\t3\t16 16\r\nNATS/1.0 503\r\n\r\n\r\nPONG\n";

#[test]
fn operations_are_decoded() {
    let mut decoder = Decoder::new(LIMIT);
    decoder.push(TALK);
    assert_eq!(decoder.next(), Ok(Some(ServerOp::Info(b"{\"a\":1}"))));
    for op in [ServerOp::Ping, ServerOp::Ping, ServerOp::Ok, ServerOp::Pong] {
        assert_eq!(decoder.next(), Ok(Some(op)));
    }
    assert_eq!(decoder.next(), Ok(Some(ServerOp::Error("Unknown Protocol Operation".into()))));
    let plain = Message { subject: "a.b", sid: 1, reply: None, headers: Headers::default(), payload: b"" };
    assert_eq!(decoder.next(), Ok(Some(ServerOp::Message(plain))));
    let message = Message { sid: 12, reply: Some("in.box"), payload: b"\r\nhi", ..plain };
    assert_eq!(decoder.next(), Ok(Some(ServerOp::Message(message))));
    let headers = Headers::new(b"NATS/1.0\r\nA:\r\n\r\n").unwrap();
    let message = Message { subject: "a", sid: 3, reply: Some("r"), headers, payload: b"hi" };
    assert_eq!(decoder.next(), Ok(Some(ServerOp::Message(message))));
    let Ok(Some(ServerOp::Message(message))) = decoder.next() else { panic!("a message") };
    assert_eq!((message.headers.status(), message.reply, message.payload), (Some(503), None, &b""[..]));
    assert_eq!(decoder.next(), Ok(Some(ServerOp::Pong)));
    assert_eq!(decoder.next(), Ok(None));
    assert_eq!(decoder.unread(), b"");
}

#[test]
fn input_may_be_cut_anywhere() {
    let whole = decode([TALK]).unwrap();
    assert_eq!(whole.len(), 11);
    assert_eq!(decode(TALK.chunks(1)).unwrap(), whole);
    for cut in 0..TALK.len() {
        assert_eq!(decode([&TALK[..cut], &TALK[cut..]]).unwrap(), whole, "cut at {cut}");
    }
}

#[test]
fn damaged_operations_are_refused() {
    for (text, expected) in [
        (&b"HTTP/1.1 400 Bad Request\r\n"[..], ProtocolError::Operation),
        (b"\r\n", ProtocolError::Operation),
        (b"PUB a 0\r\n", ProtocolError::Operation),
        (b"MSG\r\n", ProtocolError::Arguments),
        (b"MSG a 1\r\n", ProtocolError::Arguments),
        (b"MSG a 1 r 5 5\r\n", ProtocolError::Arguments),
        (b"MSG a 1 a b c d e f g\r\n", ProtocolError::Arguments),
        (b"MSG a x 5\r\n", ProtocolError::Arguments),
        (b"MSG a 1 -5\r\n", ProtocolError::Arguments),
        (b"MSG \xff 1 5\r\n", ProtocolError::Arguments),
        (b"MSG a 1 99999999999999999999999\r\n", ProtocolError::Arguments),
        (b"MSG a 99999999999999999999999 1\r\n", ProtocolError::Arguments),
        (b"MSG a 1 18446744073709551615\r\n", ProtocolError::Size { size: usize::MAX, limit: LIMIT }),
        (b"MSG a 1 1025\r\n", ProtocolError::Size { size: 1025, limit: LIMIT }),
        (b"HMSG a 1 5\r\n", ProtocolError::Arguments),
        (b"HMSG a 1 13 12\r\n", ProtocolError::Headers),
        (b"HMSG a 1 5 5\r\nHTTP/\r\n", ProtocolError::Headers),
        (b"MSG a 1 2\r\nabc\r\n", ProtocolError::End),
    ] {
        assert_eq!(error(text), Some(expected), "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn lines_have_a_limit_before_they_end() {
    let long = |op: &str, length: usize| [op.as_bytes(), &vec![b'x'; length]].concat();
    assert_eq!(error(&long("MSG ", MAX_LINE)), Some(ProtocolError::Line(MAX_LINE)));
    assert_eq!(error(&long("INFO ", MAX_LINE)), None);
    assert_eq!(error(&long("INFO ", MAX_INFO)), Some(ProtocolError::Line(MAX_INFO)));
    assert_eq!(error(&[&long("-ERR ", MAX_LINE)[..], b"\r\n"].concat()), Some(ProtocolError::Line(MAX_LINE)));
}

#[test]
fn buffer_does_not_grow_with_what_was_read() {
    let mut decoder = Decoder::new(LIMIT);
    // The end of each piece is in the middle of an operation, so that the buffer is never empty.
    decoder.push(b"MSG a 1 9\r\n0123");
    for _ in 0..100_000 {
        decoder.push(b"45678\r\nMSG a 1 9\r\n0123");
        assert!(matches!(decoder.next(), Ok(Some(ServerOp::Message(_)))));
        assert_eq!(decoder.next(), Ok(None));
    }
    assert!(decoder.buffer.len() <= 2 * COMPACT_AT, "{}", decoder.buffer.len());
}

#[test]
fn nonsense_never_panics_and_is_read_alike_in_any_pieces() {
    let words: [&[u8]; 20] = [
        b"MSG ",
        b"HMSG ",
        b"INFO ",
        b"-ERR ",
        b"+OK",
        b"PING",
        b"\r\n",
        b"\n",
        b"\r",
        b" ",
        b"a",
        b"1",
        b"16",
        b"\xff",
        b"NATS/1.0\r\n",
        b"18446744073709551615",
        b"\0",
        b"MSG a 1 2\r\nhi\r\n",
        b"HMSG a 1 12 12\r\nNATS/1.0\r\n\r\n\r\n",
        b"PING\r\n",
    ];
    let mut random = Random(26);
    for _ in 0..20_000 {
        let text: Vec<u8> = (0..random.below(12)).flat_map(|_| random.pick(&words).to_vec()).collect();
        let whole = decode([&text[..]]);
        assert_eq!(decode(text.chunks(1 + random.below(5))), whole, "{}", String::from_utf8_lossy(&text));
    }
}
