//! What becomes of a pasted text.

use std::borrow::Cow;

use super::editor::Editor;
use crate::chat::command::{Command, is_blank};
use crate::wire::hygiene::clean;

/// The most lines that are sent without asking.
const MAX_UNASKED: usize = 5;

/// What has come of a paste.
#[derive(Debug, PartialEq, Eq)]
pub struct Pasted {
    /// Lines to be sent, ready as they are.
    pub lines: Vec<String>,
    /// Whether the input had room for what belongs there.
    pub is_whole: bool,
}

/// The lines of a pasted text that are not blank, without control characters.
///
/// One line goes into the input and is not sent. Of several, those that are ended are sent and the last, if it is
/// not, stays in the input. Behind a command that has been typed, all become one line: the others would be said
/// aloud where only the first is whispered.
pub struct Paste {
    lines: Vec<String>,
    /// Whether a line end stands behind the last one.
    is_ended: bool,
}

impl Paste {
    /// Divides a text at `\r`, `\n` and `\r\n`.
    pub fn new(text: &str) -> Self {
        // An empty line more, where there was `\r\n`, is blank.
        let all: Vec<Cow<str>> = text.split(['\r', '\n']).map(clean).collect();
        let is_ended = all.last().is_none_or(|last| is_blank(last));
        let lines = all.into_iter().filter(|line| !is_blank(line)).map(Cow::into_owned).collect();
        Paste { lines, is_ended }
    }

    /// How many lines [`Paste::apply`] would send.
    pub fn lines_to_send(&self, editor: &Editor) -> usize {
        match self.lines.len() {
            0 | 1 => 0,
            _ if self.follows_a_command(editor) => 0,
            count if self.is_ended => count,
            count => count - 1,
        }
    }

    /// Whether there are so many lines to be sent that the person is asked first.
    pub fn must_ask(&self, editor: &Editor) -> bool {
        self.lines_to_send(editor) > MAX_UNASKED
    }

    /// Puts into the input what belongs there. Only a server that is `ours` knows the words that make it say a
    /// line as it stands; to others lines are sent as they are.
    pub fn apply(mut self, editor: &mut Editor, ours: bool) -> Pasted {
        let count = self.lines_to_send(editor);
        if count == 0 {
            return Pasted { lines: Vec::new(), is_whole: editor.insert(&self.lines.join(" ")) };
        }
        let (before, behind) = editor.text().split_at(editor.cursor());
        let rest = self.lines.split_off(count).concat();
        let mut lines = self.lines;
        let first = format!("{before}{}", lines[0]);
        if ours {
            lines.iter_mut().for_each(|line| *line = as_said(line).into_owned());
        }
        if !is_blank(before) {
            lines[0] = if ours { as_typed(&first).into_owned() } else { first };
        }
        let input = format!("{rest}{behind}");
        let is_whole = editor.set_at(&input, rest.len());
        Pasted { lines, is_whole }
    }

    /// Whether the first line would be the end of a command.
    fn follows_a_command(&self, editor: &Editor) -> bool {
        let before = &editor.text()[..editor.cursor()];
        let first = format!("{before}{}", self.lines.first().map_or("", String::as_str));
        let is_text = |line| matches!(Command::parse(line), Command::Nothing | Command::Say(_));
        !is_blank(before) && before.starts_with(['/', '@']) && !(is_text(before) && is_text(&first))
    }
}

/// A line that makes the server say exactly `text`, which is one line and not blank.
pub fn as_said(text: &str) -> Cow<'_, str> {
    match (Command::parse(text), text.as_bytes()) {
        (Command::Say(said), _) if said == text => Cow::Borrowed(text),
        (_, [mark @ (b'/' | b'@'), ..]) => Cow::Owned(format!("{}{text}", *mark as char)),
        _ => Cow::Owned(format!("/say {text}")),
    }
}

/// A line whose beginning was typed: what is an escape in it stays one, but nobody leaves by a paste.
fn as_typed(line: &str) -> Cow<'_, str> {
    match Command::parse(line) {
        Command::Say(_) => Cow::Borrowed(line),
        _ => as_said(line),
    }
}

#[cfg(test)]
mod tests {
    use super::super::editor::{Edit, MAX_BYTES};
    use super::*;
    use crate::testing::Random;

    /// Pastes where the bar is: what is to be sent, and the input after it.
    fn paste(line: &str, text: &str) -> (Vec<String>, String) {
        let mut editor = Editor::default();
        editor.set_at(&line.replace('|', ""), line.find('|').unwrap());
        let paste = Paste::new(text);
        let count = paste.lines_to_send(&editor);
        let Pasted { lines: sent, is_whole } = paste.apply(&mut editor, true);
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
    fn a_server_of_others_gets_the_lines_as_they_are() {
        let mut editor = Editor::default();
        editor.set("see ");
        let pasted = Paste::new("/etc\n@home\nq\nrest").apply(&mut editor, false);
        assert_eq!(pasted.lines, ["see /etc", "@home", "q"]);
        assert_eq!(editor.text(), "rest");
    }

    #[test]
    fn one_line_is_inserted_and_never_sent() {
        for text in ["one line", "one line\n", "\r\n\r\none line\r\n\r\n", "one line\u{7}\r \r"] {
            assert_eq!(sent("a|b", text), " + aone line|b");
        }
        assert_eq!(sent("a|b", "\n\n"), " + a|b");
        assert_eq!(sent("/|", "quit"), " + /quit|");
    }

    #[test]
    fn ended_lines_are_sent_and_the_last_stays_in_the_input() {
        for text in ["1\n2\n3", "1\r2\r3", "1\r\n2\r\n3", "\n1\n\n \n2\n3"] {
            assert_eq!(sent("a |b", text), "a 1 ; 2 + 3|b");
        }
        assert_eq!(sent("a |b", "1\n2\n"), "a 1 ; 2 + |b");
        assert_eq!(sent("|", "1\t\u{1b}[31m\n2\n \t"), "1  ; 2 + |");
    }

    #[test]
    fn pasted_lines_are_text_and_no_commands() {
        assert_eq!(sent("|", "/etc\n@bob\nQuit\n//x\nq"), "//etc ; @@bob ; /say Quit ; ///x + q|");
        assert_eq!(sent("  |", "/etc\nx"), "//etc + x|");
        assert_eq!(sent("q|", "uit\nx"), "/say quit + x|");
        assert_eq!(sent("//|", "etc\nx"), "//etc + x|");
        assert_eq!(sent("/say |", "a\nx"), "/say a + x|");
    }

    #[test]
    fn behind_a_command_the_lines_become_one() {
        assert_eq!(sent("@bob |", "a\nb\n"), " + @bob a b|");
        assert_eq!(sent("/msg bob | b", "1\r\n2"), " + /msg bob 1 2| b");
        assert_eq!(sent("/s|", "ay x\ny"), " + /say x y|");
        assert_eq!(sent("/say|", "x\ny"), " + /sayx y|");
        assert_eq!(sent("@|", "@bob\ny"), " + @@bob y|");
    }

    #[test]
    fn more_than_five_lines_are_asked_for() {
        let editor = Editor::default();
        assert!(!Paste::new("1\n2\n3\n4\n5\n").must_ask(&editor));
        assert!(!Paste::new("1\n2\n3\n4\n5\n6").must_ask(&editor));
        assert!(Paste::new("1\n2\n3\n4\n5\n6\n").must_ask(&editor));
        assert_eq!(Paste::new("1\n2\n3\n4\n5\n6\n7").lines_to_send(&editor), 6);
    }

    #[test]
    fn what_the_input_has_no_room_for_is_reported() {
        let mut editor = Editor::default();
        editor.insert("behind");
        editor.apply(Edit::Home);
        let pasted = Paste::new(&format!("1\n2\n{}", "x".repeat(MAX_BYTES))).apply(&mut editor, true);
        assert_eq!(pasted, Pasted { lines: vec!["1".into(), "2".into()], is_whole: false });
        assert!(!Paste::new("y").apply(&mut editor, true).is_whole);
        assert_eq!(editor.text(), "x".repeat(MAX_BYTES));
    }

    #[test]
    fn whatever_the_text_it_is_said_as_it_stands() {
        const PIECES: &[&str] =
            &["/", "@", "q", "Q", "quit", "EXIT", " ", "\u{3000}", "say", "me", "msg", "help", "bob", "张", "x"];
        for seed in 0..200_000 {
            let mut random = Random(seed);
            let text: String = (0..1 + random.below(6)).map(|_| *random.pick(PIECES)).collect();
            if !is_blank(&text) {
                assert_eq!(Command::parse(&as_said(&text)), Command::Say(&text), "seed {seed}");
            }
        }
    }
}
