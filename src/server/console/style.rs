//! How lines look on the operator's terminal.

use crate::terminal::screen::text::{StyledLine, TextStyle};
use crate::wire::sanitize::clean;

/// The length of the time before a line, in bytes: `[11:58:02] `.
const TIME: usize = 11;

/// Styles a line of the hub or of the log. The further rows of a line begin behind its time.
pub fn styled(line: &str) -> StyledLine {
    let line = clean(line);
    let (time, rest) = line.split_at(time_of(&line));
    let mut styled = StyledLine::new(TextStyle::Time, time);
    if !time.is_empty() {
        styled.indent_rows_here();
    }
    styled.push(style_of(rest, !time.is_empty()), rest);
    styled
}

/// The length of the time at the beginning of a line, with the space behind it; 0 if there is none.
fn time_of(line: &str) -> usize {
    let form = b"[00:00:00] ";
    let is_meant = |(byte, form): (&u8, &u8)| if *form == b'0' { byte.is_ascii_digit() } else { byte == form };
    let is_time = line.len() >= TIME && line.as_bytes().iter().zip(form).all(is_meant);
    if is_time { TIME } else { 0 }
}

/// The style of a line behind its time. Names have no spaces, so no message begins like a line of the log.
fn style_of(rest: &str, has_time: bool) -> TextStyle {
    let is_log = |levels: &[&str]| has_time && levels.iter().any(|level| rest.starts_with(level));
    match rest.as_bytes() {
        _ if is_log(&["ERROR [", "WARN  ["]) => TextStyle::Refused,
        _ if is_log(&["INFO  [", "DEBUG [", "TRACE ["]) => TextStyle::Notice,
        [b'*', b' ', ..] if !has_time => TextStyle::Notice,
        [b'!', b' ', ..] => TextStyle::Refused,
        _ => TextStyle::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line with colours, without what resets them.
    fn shown(line: &str) -> String {
        let mut out = Vec::new();
        styled(line).write_all(true, &mut out);
        String::from_utf8(out).unwrap().replace("\x1b[0m", "|")
    }

    #[test]
    fn notices_refusals_times_and_log_differ() {
        for (line, expected) in [
            ("[11:58:02] alice: hello", "\x1b[2m[11:58:02] |alice: hello"),
            ("[11:58:02] * alice waves", "\x1b[2m[11:58:02] |* alice waves"),
            ("[11:58:02] WARN: I am called so", "\x1b[2m[11:58:02] |WARN: I am called so"),
            ("* alice joined (1 here)", "\x1b[2m* alice joined (1 here)|"),
            ("! No.", "\x1b[31m! No.|"),
            ("[11:58:02] WARN  [chinwag] no", "\x1b[2m[11:58:02] |\x1b[31mWARN  [chinwag] no|"),
            ("[11:58:02] INFO  [chinwag] yes", "\x1b[2m[11:58:02] |\x1b[2mINFO  [chinwag] yes|"),
            ("[1:58:02] x", "[1:58:02] x"),
            ("", ""),
        ] {
            assert_eq!(shown(line), expected);
        }
    }

    #[test]
    fn escape_sequences_of_the_log_are_removed() {
        assert_eq!(styled("[11:58:02] INFO  [x] \x1b[2Ja\tb\u{9b}31m").text(), "[11:58:02] INFO  [x] a b");
    }

    #[test]
    fn further_rows_begin_behind_the_time() {
        let mut out = Vec::new();
        styled("[11:58:02] alice: one two three four").write_rows(24, false, &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "[11:58:02] alice: one \r\n           two three \r\n           four\r\n"
        );
    }
}
