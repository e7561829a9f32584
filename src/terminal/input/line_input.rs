//! The input line of the user: editing, history, search, completion and pastes together.
//!
//! It knows nothing of what the lines mean: its owner decides about them and offers the candidates for completion.

use super::completion::{Candidates, Completer};
use super::editor::{Edit, Editor};
use super::input_history::InputHistory;
use super::keys::KeyAction;
use super::paste::{Paste, PasteResult};
use super::search::Search;
use crate::terminal::screen::window::InputView;

/// What a key asks the owner of the input line to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineRequest {
    Nothing,
    /// Take the line.
    Submit,
    /// Complete the word before the cursor: [`LineInput::complete`].
    Complete {
        back: bool,
    },
    /// Send the pasted lines: [`LineInput::apply_paste`].
    SendPaste,
    /// Ctrl-C twice, or the end of input.
    Leave,
    /// Alt with a digit from 1 to 9.
    Select(u8),
    Terminal(TerminalRequest),
}

/// What a key asks the owner of the terminal to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TerminalRequest {
    Redraw,
    Suspend,
    Scroll { back: bool },
}

/// The input line.
#[derive(Default)]
pub struct LineInput {
    editor: Editor,
    /// The visible editor, while the other one is for a password.
    visible_editor: Option<Editor>,
    history: InputHistory,
    search: Option<Search>,
    completer: Completer,
    /// A paste that waits for the user's confirmation.
    paste: Option<Paste>,
    /// Whether the last key was Ctrl-C.
    interrupted: bool,
}

impl LineInput {
    pub fn text(&self) -> &str {
        self.editor.text()
    }

    pub fn is_empty(&self) -> bool {
        self.editor.is_empty()
    }

    /// Replaces the line and puts the cursor at its end.
    pub fn set(&mut self, text: &str) {
        self.editor.set(text);
    }

    /// Takes the line and leaves an empty one.
    pub fn take(&mut self) -> String {
        self.search = None;
        self.editor.take()
    }

    /// The visible part of the line in this number of columns; nothing while it is hidden.
    pub fn view(&mut self, columns: u16) -> InputView {
        if self.is_hidden() { InputView::default() } else { self.editor.view(columns) }
    }

    /// The question that stands in place of the prompt, if there is one.
    pub fn question(&self) -> Option<String> {
        match (&self.paste, &self.search) {
            _ if self.is_hidden() => None,
            (Some(paste), _) => Some(format!("Send {} lines? y or n ", paste.lines_to_send(&self.editor))),
            (None, Some(search)) => Some(search.question()),
            (None, None) => None,
        }
    }

    /// Whether the last key was Ctrl-C, so that another Ctrl-C leaves.
    pub fn is_interrupted(&self) -> bool {
        self.interrupted
    }

    /// Whether the input is a password: it is typed in an editor of its own, of which nothing is shown or kept.
    pub fn is_hidden(&self) -> bool {
        self.visible_editor.is_some()
    }

    /// Begins hidden input. The visible line is kept until [`LineInput::reveal`].
    pub fn hide(&mut self) {
        if !self.is_hidden() {
            self.cancel_search();
            self.completer.reset();
            self.visible_editor = Some(std::mem::take(&mut self.editor));
        }
    }

    /// Ends hidden input; what was typed is dropped.
    pub fn reveal(&mut self) {
        if let Some(editor) = self.visible_editor.take() {
            self.editor = editor;
        }
    }

    /// Adds a sent line to the history.
    pub fn remember(&mut self, line: &str) {
        self.history.push(line);
    }

    /// Ends a walk through the history: the unsent line, which may be secret, is forgotten there.
    pub fn forget_unsent(&mut self) {
        self.history.reset();
    }

    /// Handles a key.
    pub fn press(&mut self, action: KeyAction) -> LineRequest {
        let interrupted = std::mem::take(&mut self.interrupted);
        if self.paste.is_some() && !self.is_hidden() {
            return self.confirm_paste(action);
        }
        if self.search.is_some() && self.continue_search(action) {
            return LineRequest::Nothing;
        }
        if !matches!(action, KeyAction::Complete { .. }) {
            self.completer.reset();
        }
        match action {
            KeyAction::Edit(edit) => self.editor.apply(edit),
            KeyAction::Submit => return LineRequest::Submit,
            KeyAction::Escape if self.is_hidden() => drop(self.editor.take()),
            KeyAction::Older | KeyAction::Newer | KeyAction::Complete { .. } | KeyAction::Search
                if self.is_hidden() => {}
            KeyAction::Older => {
                if let Some(text) = self.history.older(self.editor.text()) {
                    self.editor.set(text);
                }
            }
            KeyAction::Newer => {
                if let Some(text) = self.history.newer(self.editor.text()) {
                    self.editor.set(text);
                }
            }
            KeyAction::Search => self.search = Some(Search::begin(self.editor.text(), self.editor.cursor())),
            KeyAction::Complete { back } => return LineRequest::Complete { back },
            KeyAction::Interrupt if interrupted => return LineRequest::Leave,
            KeyAction::Interrupt => {
                self.interrupted = true;
                self.editor.take();
                self.history.reset();
            }
            KeyAction::EndOrDelete if self.editor.is_empty() => return LineRequest::Leave,
            KeyAction::EndOrDelete => self.editor.apply(Edit::Delete),
            KeyAction::Select(number) => return LineRequest::Select(number),
            KeyAction::Redraw => return LineRequest::Terminal(TerminalRequest::Redraw),
            KeyAction::Suspend => return LineRequest::Terminal(TerminalRequest::Suspend),
            KeyAction::PageUp => return LineRequest::Terminal(TerminalRequest::Scroll { back: true }),
            KeyAction::PageDown => return LineRequest::Terminal(TerminalRequest::Scroll { back: false }),
            KeyAction::Escape => {}
        }
        LineRequest::Nothing
    }

    /// Completes the word before the cursor; again for the next candidate.
    pub fn complete(&mut self, back: bool, candidates: &Candidates) {
        let completed = self.completer.complete(self.editor.text(), self.editor.cursor(), back, candidates);
        if let Some((text, cursor)) = completed {
            self.editor.set_at(&text, cursor);
        }
    }

    /// Handles a key during a search; `false` if the key has ended it and has its usual effect, too.
    fn continue_search(&mut self, action: KeyAction) -> bool {
        let Some(search) = &mut self.search else { return false };
        let found = match action {
            KeyAction::Edit(Edit::Insert(c)) => search.add(c, &self.history),
            KeyAction::Edit(Edit::Backspace) => search.remove(&self.history),
            KeyAction::Search => search.next(&self.history),
            KeyAction::Escape | KeyAction::Interrupt => {
                self.cancel_search();
                return true;
            }
            KeyAction::Redraw => return false,
            _ => {
                self.search = None;
                return false;
            }
        };
        if let Some(found) = found {
            let found = found.to_owned();
            self.editor.set(&found);
        }
        true
    }

    fn cancel_search(&mut self) {
        if let Some(search) = self.search.take() {
            let (text, cursor) = search.cancel();
            self.editor.set_at(&text, cursor);
        }
    }

    /// Takes a paste; returns how many lines it would send.
    pub fn paste(&mut self, text: &str) -> usize {
        self.interrupted = false;
        self.search = None;
        self.completer.reset();
        let paste = Paste::new(text);
        let lines = paste.lines_to_send(&self.editor);
        self.paste = Some(paste);
        lines
    }

    /// Whether the paste needs the user's confirmation before it is sent.
    pub fn needs_confirmation(&self) -> bool {
        self.paste.as_ref().is_some_and(|paste| paste.needs_confirmation(&self.editor))
    }

    /// Drops the paste.
    pub fn drop_paste(&mut self) {
        self.paste = None;
    }

    /// Puts the end of the paste into the line, and returns the lines to send; `is_escaped`: lines that look like commands
    /// are changed so that they are said.
    pub fn apply_paste(&mut self, is_escaped: bool) -> PasteResult {
        let paste = self.paste.take().unwrap_or_else(|| Paste::new(""));
        paste.apply(&mut self.editor, is_escaped)
    }

    /// Handles the key that answers whether many lines should be sent.
    fn confirm_paste(&mut self, action: KeyAction) -> LineRequest {
        match action {
            KeyAction::Edit(Edit::Insert('y' | 'Y')) => return LineRequest::SendPaste,
            KeyAction::Edit(Edit::Insert('n' | 'N'))
            | KeyAction::Interrupt
            | KeyAction::EndOrDelete
            | KeyAction::Escape => self.paste = None,
            _ => {}
        }
        LineRequest::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn type_in(input: &mut LineInput, text: &str) {
        text.chars().for_each(|c| assert_eq!(input.press(KeyAction::Edit(Edit::Insert(c))), LineRequest::Nothing));
    }

    /// An input line with these lines in its history.
    fn with_history(lines: &[&str]) -> LineInput {
        let mut input = LineInput::default();
        lines.iter().for_each(|line| input.remember(line));
        input
    }

    #[test]
    fn search_finds_older_lines_and_each_text_once() {
        let mut input = with_history(&["make tea", "drink tea", "eat", "make tea"]);
        type_in(&mut input, "typed");
        input.press(KeyAction::Search);
        assert_eq!((input.text(), input.question().as_deref()), ("typed", Some("(find) : ")));
        type_in(&mut input, "tea");
        assert_eq!((input.text(), input.question().as_deref()), ("make tea", Some("(find) tea: ")));
        input.press(KeyAction::Search);
        assert_eq!(input.text(), "drink tea");
        input.press(KeyAction::Search);
        assert_eq!((input.text(), input.question().as_deref()), ("drink tea", Some("(not found) tea: ")));
        input.press(KeyAction::Edit(Edit::Backspace));
        assert_eq!((input.text(), input.question().as_deref()), ("make tea", Some("(find) te: ")));
        // A longer text goes on from the found line.
        input.press(KeyAction::Search);
        type_in(&mut input, "a");
        assert_eq!((input.text(), input.question().as_deref()), ("drink tea", Some("(find) tea: ")));
        input.press(KeyAction::Edit(Edit::Backspace));
        assert_eq!(input.press(KeyAction::Submit), LineRequest::Submit);
        assert_eq!((input.take().as_str(), input.question()), ("make tea", None));
    }

    #[test]
    fn cancelled_search_restores_the_line_and_another_key_keeps_the_found_one() {
        let mut input = with_history(&["make tea"]);
        type_in(&mut input, "typed");
        input.press(KeyAction::Edit(Edit::Left));
        for cancel in [KeyAction::Escape, KeyAction::Interrupt] {
            input.press(KeyAction::Search);
            type_in(&mut input, "mak");
            assert_eq!(input.text(), "make tea");
            input.press(cancel);
            assert_eq!((input.text(), input.editor.cursor(), input.is_interrupted()), ("typed", 4, false));
        }
        input.press(KeyAction::Search);
        type_in(&mut input, "mak");
        input.press(KeyAction::Edit(Edit::Home));
        assert_eq!((input.text(), input.editor.cursor(), input.question()), ("make tea", 0, None));
    }

    #[test]
    fn hidden_input_has_no_history_and_the_visible_line_returns() {
        let mut input = with_history(&["older"]);
        type_in(&mut input, "half");
        input.press(KeyAction::Search);
        type_in(&mut input, "old");
        input.hide();
        input.hide();
        for action in [KeyAction::Older, KeyAction::Newer, KeyAction::Search, KeyAction::Complete { back: false }] {
            assert_eq!(input.press(action), LineRequest::Nothing);
            assert_eq!((input.text(), input.question()), ("", None));
        }
        type_in(&mut input, "secret");
        assert_eq!(input.view(80), InputView::default());
        assert_eq!(input.take(), "secret");
        input.reveal();
        assert_eq!(input.text(), "half");
    }

    #[test]
    fn second_interrupt_and_end_of_input_leave() {
        let mut input = LineInput::default();
        type_in(&mut input, "half");
        assert_eq!((input.press(KeyAction::Interrupt), input.text()), (LineRequest::Nothing, ""));
        assert!(input.is_interrupted());
        assert_eq!(input.press(KeyAction::Interrupt), LineRequest::Leave);
        input.press(KeyAction::Edit(Edit::Insert('a')));
        assert!(!input.is_interrupted());
        assert_eq!(input.press(KeyAction::EndOrDelete), LineRequest::Nothing);
        input.take();
        assert_eq!(input.press(KeyAction::EndOrDelete), LineRequest::Leave);
    }
}
