//! Nicknames: a member with a valid nickname is found by any spelling of it.

use std::io::IoSlice;
use std::time::Duration;

use chinwag::chat::policy::nick::lookalike::Looks;
use chinwag::chat::policy::nick::{InvalidNick, MAX_ROOM_WIDTH, MAX_WIDTH, Name, fold};
use chinwag::chat::{ClientId, Config, Hub, Input, Lang, Now};
use chinwag::wire::renderers;
use time::{Date, PrimitiveDateTime, Time};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_width::UnicodeWidthStr;

use super::text::is_harmful;

/// A letter that does not fold to the same as its capital, and a mark whose capital is a letter.
const WITHOUT_CAPITAL: &[char] = &['ı', '\u{345}'];

pub fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Some(name) = accepted(&text) {
        check_found(&name);
    }
}

/// The nickname that a text is parsed as, if valid; checks all properties but finding it.
pub fn accepted(text: &str) -> Option<Name> {
    let key = fold(text);
    assert_eq!(fold(&key), key, "folding again changes the key");
    let (name, room) = (Name::new(text), Name::room(text));
    match name {
        Ok(_) => assert_eq!(name, room, "a valid nickname is a valid room name"),
        Err(InvalidNick::Reserved | InvalidNick::LooksLike(_) | InvalidNick::Mixed) => {
            assert!(room.is_ok(), "the shape of a nickname is that of a room name");
        }
        Err(InvalidNick::Shape) => match &room {
            Ok(room) => assert!(room.shown.width() > MAX_WIDTH || room.shown.len() > 8 * MAX_WIDTH),
            Err(error) => assert_eq!(*error, InvalidNick::Shape),
        },
    }
    name.iter().for_each(|name| check_name(name, MAX_WIDTH));
    room.iter().for_each(|name| check_name(name, MAX_ROOM_WIDTH));
    name.ok()
}

fn check_name(name: &Name, most: usize) {
    let shown = &*name.shown;
    assert!((1..=most).contains(&shown.width()), "{shown:?} is {} wide", shown.width());
    assert!(shown.len() <= 8 * most, "{shown:?} has {} bytes", shown.len());
    assert!(!shown.starts_with(is_combining_mark), "{shown:?} changes what is before it");
    for c in shown.chars() {
        let is_word = c.is_alphanumeric() || is_combining_mark(c) || "_-.".contains(c);
        assert!(is_word && !is_harmful(c) && !c.is_whitespace(), "{c:?} in {shown:?}");
    }
    assert_eq!(shown.nfc().collect::<String>(), shown, "it is not composed");
    assert_eq!(*name.key, *fold(shown));
    assert_eq!(Name::room(shown).as_ref(), Ok(name), "the shown form is another name");
    for written in spellings(shown) {
        assert_eq!(fold(&written), *name.key, "{written:?} is not the same name as {shown:?}");
    }
}

/// The same name in other case, width and composition.
fn spellings(name: &str) -> Vec<String> {
    let wide = |c| match c {
        '!'..='~' => char::from_u32(u32::from(c) + 0xfee0).unwrap_or(c),
        c => c,
    };
    let mut spellings = vec![
        name.to_lowercase(),
        name.nfd().collect(),
        name.nfkc().collect(),
        name.nfkd().collect(),
        name.chars().map(wide).collect(),
        fold(name),
    ];
    if !name.nfd().any(|c| WITHOUT_CAPITAL.contains(&c)) {
        spellings.push(name.to_uppercase());
        spellings.push(name.to_uppercase().nfd().collect());
    }
    spellings
}

/// Logs a member in under that nickname and lets another member find them by every spelling.
fn check_found(name: &Name) {
    let (owner, other) = (ClientId::new(0), ClientId::new(1));
    let mut hub = Hub::new(Config { rate: 0, ..Config::default() }, renderers(Lang::En));
    // It must not look like the name.
    let other_name = if Looks::of(&name.shown).forms().any(|form| form == "other") { "another" } else { "other" };
    // At the nickname prompt `q`, `quit` and `exit` end the connection; /nick accepts them.
    for (id, first, then) in [(owner, "owner", format!("/nick {}", name.shown)), (other, other_name, String::new())] {
        hub.handle_plain_connection(id, ([127, 0, 0, 1], 1).into(), now());
        hub.handle_line(id, Input::Line(first), now());
        hub.handle_line(id, Input::Line(&then), now());
    }
    read(&mut hub, other);
    for written in spellings(&name.shown) {
        if written.contains(' ') {
            // U+FDFA decomposes to several words, which no command takes for one.
            continue;
        }
        hub.handle_line(other, Input::Line(&format!("@{written} hi")), now());
        let reply = read(&mut hub, other);
        let expected = format!("[00:00:00] you -> {}: hi\r\n", name.shown);
        assert_eq!(reply, expected, "looking for {written:?}");
        hub.handle_line(other, Input::Line(&format!("/nick {written}")), now());
        let reply = read(&mut hub, other);
        assert!(reply.starts_with("! "), "{written:?} was free besides {:?}: {reply:?}", name.shown);
    }
}

fn now() -> Now {
    Now { at: Duration::ZERO, local: PrimitiveDateTime::new(Date::MIN, Time::MIDNIGHT).assume_utc() }
}

/// Reads all unread output of a client.
fn read(hub: &mut Hub, id: ClientId) -> String {
    let mut bytes = Vec::new();
    loop {
        let mut slices = [IoSlice::new(&[]); 4];
        let batch = hub.gather(id, &mut slices);
        let before = bytes.len();
        slices[..batch.slices].iter().for_each(|slice| bytes.extend_from_slice(slice));
        hub.handle_written(id, batch, bytes.len() - before);
        if batch.bytes == 0 {
            return String::from_utf8(bytes).expect("UTF-8");
        }
    }
}
