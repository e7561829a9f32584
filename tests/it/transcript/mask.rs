//! Masks texts that differ from run to run.

use time::{OffsetDateTime, UtcOffset};

/// Patterns and their masks. `9` is a digit, `#` a number.
const VARYING: &[(&str, &str)] = &[
    ("[99:99:99]", "[T]"),
    ("9999-99-99 99:99:99", "<when>"),
    ("9999-99-99 99:99", "<when>"),
    ("\"at\":#", "\"at\":<at>"),
    (concat!("\"version\":\"", env!("CARGO_PKG_VERSION"), "\""), "\"version\":\"<version>\""),
    (" read in # ms", " read in <n> ms"),
    ("uptime # s", "uptime <n> s"),
    ("messages, # a second", "messages, <n> a second"),
    ("whispers, # bytes written", "whispers, <n> bytes written"),
];

/// Marks for texts that are only known during a run, such as addresses.
#[derive(Default)]
pub struct Marks(Vec<(String, String)>);

impl Marks {
    /// Sets the mark for a text, and removes older marks for it: a port can be reused by another connection.
    pub fn set(&mut self, mark: &str, text: impl ToString) {
        let text = text.to_string();
        self.0.retain(|(old, known)| known != mark && *old != text);
        self.0.push((text, mark.to_owned()));
        // Longest first: an address can be the prefix of another.
        self.0.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
    }

    /// The text of a mark.
    pub fn text(&self, mark: &str) -> Option<&str> {
        self.0.iter().find(|(_, known)| known == mark).map(|(text, _)| &**text)
    }

    /// Replaces marks by their texts.
    pub fn unmask(&self, line: &str) -> String {
        self.0.iter().fold(line.to_owned(), |line, (text, mark)| line.replace(mark, text))
    }

    /// Replaces texts by their marks.
    pub fn mask(&self, line: &str) -> String {
        self.0.iter().fold(line.to_owned(), |line, (text, mark)| line.replace(text, mark))
    }

    /// As [`Marks::mask`], and also masks the date and [`VARYING`].
    pub fn mask_all(&self, line: &str) -> String {
        let line = today().iter().fold(self.mask(line), |line, today| match line.strip_suffix(today) {
            Some("* ") => "* <today>".to_owned(),
            _ => line,
        });
        VARYING.iter().fold(line, |line, (pattern, mark)| replace(&line, pattern, mark))
    }
}

/// A time zone whose local hour is between 6 and 18, so that no test runs past midnight.
pub fn time_zone() -> (&'static str, UtcOffset) {
    match OffsetDateTime::now_utc().hour() {
        6..18 => ("UTC0", UtcOffset::UTC),
        _ => ("TEST-12", UtcOffset::from_hms(12, 0, 0).expect("an offset")),
    }
}

/// The line for the current day, in each language.
fn today() -> [String; 2] {
    let date = OffsetDateTime::now_utc().to_offset(time_zone().1).date();
    let weekday = "一二三四五六日".chars().nth(date.weekday().number_days_from_monday().into()).expect("a weekday");
    let english = format!("{} {} {} {}", date.weekday(), date.day(), date.month(), date.year());
    [english, format!("{}年{}月{}日 星期{weekday}", date.year(), u8::from(date.month()), date.day())]
}

/// Replaces every match of `pattern` by `mark`.
pub fn replace(line: &str, pattern: &str, mark: &str) -> String {
    let (mut out, mut rest) = (String::new(), line);
    while let Some(first) = rest.chars().next() {
        match match_length(rest.as_bytes(), pattern) {
            Some(length) => {
                out.push_str(mark);
                rest = &rest[length..];
            }
            None => {
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    out
}

/// Length of the match of `pattern` at the beginning of `text`.
fn match_length(text: &[u8], pattern: &str) -> Option<usize> {
    let mut at = 0;
    for expected in pattern.bytes() {
        let number = text[at..].iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
        at += match expected {
            b'#' if number > 0 => number,
            b'9' if text.get(at).is_some_and(u8::is_ascii_digit) => 1,
            b'#' | b'9' => return None,
            byte if text.get(at) == Some(&byte) => 1,
            _ => return None,
        };
    }
    Some(at)
}

#[test]
fn only_varying_texts_are_masked() {
    let mut marks = Marks::default();
    marks.set("<alice>", "127.0.0.1:4567");
    marks.set("<bob>", "127.0.0.1:45678");
    let masked = marks.mask_all("[11:58:02] 127.0.0.1:45678 127.0.0.1:4567 11:58:02 uptime 12 s 3.5 s 茶");
    assert_eq!(masked, "[T] <bob> <alice> 11:58:02 uptime <n> s 3.5 s 茶");
    assert_eq!(marks.unmask("@<bob> hi"), "@127.0.0.1:45678 hi");
    marks.set("<carol>", "127.0.0.1:4567");
    assert_eq!(marks.mask("127.0.0.1:4567"), "<carol>");
    assert_eq!(marks.mask_all(&format!("* {}", today()[0])), "* <today>");
    assert_eq!(marks.mask_all("* Thursday 29 February 2024"), "* Thursday 29 February 2024");
}
