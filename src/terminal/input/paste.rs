//! Splits a pasted text into lines to send and a rest for the input line.

use std::borrow::Cow;

use super::editor::Editor;
use crate::chat::command::{Command, is_blank};
use crate::wire::sanitize::clean;

/// The most lines that are sent without confirmation.
const MAX_UNCONFIRMED: usize = 5;

/// The result of a paste.
#[derive(Debug, PartialEq, Eq)]
pub struct PasteResult {
    /// Lines to send, without further change.
    pub lines: Vec<String>,
    /// Whether the rest fitted into the input line.
    pub is_whole: bool,
}

/// The lines of a pasted text that are not blank, without control characters.
///
/// A single line goes into the input line and is not sent. Of several lines, those with a line end are sent, and a last
/// one without it goes into the input line. Behind a typed command all become one line: otherwise only the first would
/// be whispered and the others said aloud.
pub struct Paste {
    lines: Vec<String>,
    /// Whether a line end follows the last line.
    is_ended: bool,
}

impl Paste {
    /// Splits a text at `\r`, `\n` and `\r\n`.
    pub fn new(text: &str) -> Self {
        // The empty line inside `\r\n` is blank and dropped below.
        let all: Vec<Cow<str>> = text.split(['\r', '\n']).map(clean).collect();
        let is_ended = all.last().is_none_or(|last| is_blank(last));
        let lines = all.into_iter().filter(|line| !is_blank(line)).map(Cow::into_owned).collect();
        Paste { lines, is_ended }
    }

    /// Returns how many lines [`Paste::apply`] would send.
    pub fn lines_to_send(&self, editor: &Editor) -> usize {
        match self.lines.len() {
            0 | 1 => 0,
            _ if self.follows_a_command(editor) => 0,
            count if self.is_ended => count,
            count => count - 1,
        }
    }

    /// Whether the number of lines to send needs the user's confirmation.
    pub fn needs_confirmation(&self, editor: &Editor) -> bool {
        self.lines_to_send(editor) > MAX_UNCONFIRMED
    }

    /// Puts the rest into the input line and returns the lines to send. For a chinwag server (`is_chinwag`), lines that
    /// look like commands are escaped; other servers get them unchanged.
    pub fn apply(mut self, editor: &mut Editor, is_chinwag: bool) -> PasteResult {
        let count = self.lines_to_send(editor);
        if count == 0 {
            return PasteResult { lines: Vec::new(), is_whole: editor.insert(&self.lines.join(" ")) };
        }
        let (before, behind) = editor.text().split_at(editor.cursor());
        let rest = self.lines.split_off(count).concat();
        let mut lines = self.lines;
        let first = format!("{before}{}", lines[0]);
        if is_chinwag {
            lines.iter_mut().for_each(|line| *line = escaped(line).into_owned());
        }
        if !is_blank(before) {
            lines[0] = if is_chinwag { escaped_typed(&first).into_owned() } else { first };
        }
        let input = format!("{rest}{behind}");
        let is_whole = editor.set_at(&input, rest.len());
        PasteResult { lines, is_whole }
    }

    /// Whether the first line would be part of a command.
    fn follows_a_command(&self, editor: &Editor) -> bool {
        let before = &editor.text()[..editor.cursor()];
        let first = format!("{before}{}", self.lines.first().map_or("", String::as_str));
        let is_text = |line| matches!(Command::parse(line), Command::Nothing | Command::Say(_));
        !is_blank(before) && before.starts_with(['/', '@']) && !(is_text(before) && is_text(&first))
    }
}

/// Returns a line that makes the server say exactly `text`, which must be one line and not blank.
pub fn escaped(text: &str) -> Cow<'_, str> {
    match (Command::parse(text), text.as_bytes()) {
        (Command::Say(said), _) if said == text => Cow::Borrowed(text),
        (_, [mark @ (b'/' | b'@'), ..]) => Cow::Owned(format!("{}{text}", *mark as char)),
        _ => Cow::Owned(format!("/say {text}")),
    }
}

/// Returns a line whose beginning was typed: a typed escape stays one, but a paste cannot become `/quit`.
fn escaped_typed(line: &str) -> Cow<'_, str> {
    match Command::parse(line) {
        Command::Say(_) => Cow::Borrowed(line),
        _ => escaped(line),
    }
}

#[cfg(test)]
mod tests {
    use super::super::editor::{Edit, MAX_BYTES};
    use super::*;
    use crate::util::test_support::Random;

    /// Pastes at the bar; returns the lines to send and the input line afterwards.
    fn paste(line: &str, text: &str) -> (Vec<String>, String) {
        let mut editor = Editor::default();
        editor.set_at(&line.replace('|', ""), line.find('|').unwrap());
        let paste = Paste::new(text);
        let count = paste.lines_to_send(&editor);
        let PasteResult { lines: sent, is_whole } = paste.apply(&mut editor, true);
        assert!(is_whole);
        assert_eq!(sent.len(), count);
        let (before, behind) = editor.text().split_at(editor.cursor());
        (sent, format!("{before}|{behind}"))
    }

    fn sent(line: &str, text: &str) -> String {
        let (sent, input) = paste(line, text);
        format!("{} + {input}", sent.join(" ; "))
    }

    #[test]
    fn other_server_gets_pasted_lines_unchanged() {
        let mut editor = Editor::default();
        editor.set("see ");
        let pasted = Paste::new("/etc\n@home\nq\nrest").apply(&mut editor, false);
        assert_eq!(pasted.lines, ["see /etc", "@home", "q"]);
        assert_eq!(editor.text(), "rest");
    }

    #[test]
    fn single_pasted_line_is_inserted_and_not_sent() {
        for text in ["one line", "one line\n", "\r\n\r\none line\r\n\r\n", "one line\u{7}\r \r"] {
            assert_eq!(sent("a|b", text), " + aone line|b");
        }
        assert_eq!(sent("a|b", "\n\n"), " + a|b");
        assert_eq!(sent("/|", "quit"), " + /quit|");
    }

    #[test]
    fn lines_with_end_are_sent_and_last_stays_in_input() {
        for text in ["1\n2\n3", "1\r2\r3", "1\r\n2\r\n3", "\n1\n\n \n2\n3"] {
            assert_eq!(sent("a |b", text), "a 1 ; 2 + 3|b");
        }
        assert_eq!(sent("a |b", "1\n2\n"), "a 1 ; 2 + |b");
        assert_eq!(sent("|", "1\t\u{1b}[31m\n2\n \t"), "1  ; 2 + |");
    }

    #[test]
    fn pasted_lines_are_never_commands() {
        assert_eq!(sent("|", "/etc\n@bob\nQuit\n//x\nq"), "//etc ; @@bob ; /say Quit ; ///x + q|");
        assert_eq!(sent("  |", "/etc\nx"), "//etc + x|");
        assert_eq!(sent("q|", "uit\nx"), "/say quit + x|");
        assert_eq!(sent("//|", "etc\nx"), "//etc + x|");
        assert_eq!(sent("/say |", "a\nx"), "/say a + x|");
    }

    #[test]
    fn paste_behind_command_becomes_one_line() {
        assert_eq!(sent("@bob |", "a\nb\n"), " + @bob a b|");
        assert_eq!(sent("/msg bob | b", "1\r\n2"), " + /msg bob 1 2| b");
        assert_eq!(sent("/s|", "ay x\ny"), " + /say x y|");
        assert_eq!(sent("/say|", "x\ny"), " + /sayx y|");
        assert_eq!(sent("@|", "@bob\ny"), " + @@bob y|");
    }

    #[test]
    fn more_than_five_lines_need_confirmation() {
        let editor = Editor::default();
        assert!(!Paste::new("1\n2\n3\n4\n5\n").needs_confirmation(&editor));
        assert!(!Paste::new("1\n2\n3\n4\n5\n6").needs_confirmation(&editor));
        assert!(Paste::new("1\n2\n3\n4\n5\n6\n").needs_confirmation(&editor));
        assert_eq!(Paste::new("1\n2\n3\n4\n5\n6\n7").lines_to_send(&editor), 6);
    }

    #[test]
    fn paste_that_does_not_fit_is_reported() {
        let mut editor = Editor::default();
        editor.insert("behind");
        editor.apply(Edit::Home);
        let pasted = Paste::new(&format!("1\n2\n{}", "x".repeat(MAX_BYTES))).apply(&mut editor, true);
        assert_eq!(pasted, PasteResult { lines: vec!["1".into(), "2".into()], is_whole: false });
        assert!(!Paste::new("y").apply(&mut editor, true).is_whole);
        assert_eq!(editor.text(), "x".repeat(MAX_BYTES));
    }

    #[test]
    fn escaped_line_is_said_exactly() {
        const PIECES: &[&str] =
            &["/", "@", "q", "Q", "quit", "EXIT", " ", "\u{3000}", "say", "me", "msg", "help", "bob", "张", "x"];
        for seed in 0..200_000 {
            let mut random = Random(seed);
            let text: String = (0..1 + random.below(6)).map(|_| *random.pick(PIECES)).collect();
            if !is_blank(&text) {
                assert_eq!(Command::parse(&escaped(&text)), Command::Say(&text), "seed {seed}");
            }
        }
    }
}
