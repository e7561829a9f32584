//! Which key does what, after GNU Readline.

use termina::event::{KeyCode, KeyEvent, KeyEventKind, Modifiers};

use super::editor::Edit;

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Edit(Edit),
    /// The line before in the history.
    Older,
    /// The line after in the history.
    Newer,
    /// Tab; back with Shift.
    Complete {
        back: bool,
    },
    Submit,
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-D: the end of input on an empty line, else [`Edit::Delete`].
    EndOrDelete,
    Redraw,
    Suspend,
    PageUp,
    PageDown,
    Escape,
}

impl Action {
    /// What a key asks for; nothing when it is let go, or means nothing here.
    pub fn of(key: KeyEvent) -> Option<Action> {
        if key.kind == KeyEventKind::Release {
            return None;
        }
        let control = key.modifiers.contains(Modifiers::CONTROL);
        let alt = key.modifiers.contains(Modifiers::ALT);
        let by_word = control || alt;
        let edit = match key.code {
            KeyCode::Char(_) if key.modifiers.intersects(Modifiers::SUPER | Modifiers::HYPER | Modifiers::META) => {
                return None;
            }
            KeyCode::Char(c) if control => return control_key(c.to_ascii_lowercase(), alt),
            KeyCode::Char(c) if alt => alt_key(c.to_ascii_lowercase())?,
            KeyCode::Char(c) if c.is_control() => return None,
            KeyCode::Char(c) => Edit::Insert(c),
            KeyCode::Left if by_word => Edit::WordLeft,
            KeyCode::Right if by_word => Edit::WordRight,
            KeyCode::Backspace if by_word => Edit::KillWordBack,
            KeyCode::Delete if by_word => Edit::KillWordForward,
            KeyCode::Left => Edit::Left,
            KeyCode::Right => Edit::Right,
            KeyCode::Home => Edit::Home,
            KeyCode::End => Edit::End,
            KeyCode::Backspace => Edit::Backspace,
            KeyCode::Delete => Edit::Delete,
            code => return other_key(code, key.modifiers.contains(Modifiers::SHIFT)),
        };
        Some(Action::Edit(edit))
    }
}

fn other_key(code: KeyCode, shift: bool) -> Option<Action> {
    Some(match code {
        KeyCode::Enter => Action::Submit,
        KeyCode::Tab => Action::Complete { back: shift },
        KeyCode::BackTab => Action::Complete { back: true },
        KeyCode::Up => Action::Older,
        KeyCode::Down => Action::Newer,
        KeyCode::PageUp => Action::PageUp,
        KeyCode::PageDown => Action::PageDown,
        KeyCode::Escape => Action::Escape,
        _ => return None,
    })
}

fn control_key(c: char, alt: bool) -> Option<Action> {
    let edit = match c {
        'a' => Edit::Home,
        'b' => Edit::Left,
        'e' => Edit::End,
        'f' => Edit::Right,
        // Alt-Backspace where Backspace sends Ctrl-H.
        'h' if alt => Edit::KillWordBack,
        'h' | '?' => Edit::Backspace,
        'k' => Edit::KillToEnd,
        't' => Edit::Transpose,
        'u' => Edit::KillToStart,
        'w' => Edit::RuboutWord,
        'y' => Edit::Yank,
        'c' => return Some(Action::Interrupt),
        'd' => return Some(Action::EndOrDelete),
        'i' => return Some(Action::Complete { back: false }),
        'j' | 'm' => return Some(Action::Submit),
        'l' => return Some(Action::Redraw),
        'n' => return Some(Action::Newer),
        'p' => return Some(Action::Older),
        'z' => return Some(Action::Suspend),
        '[' => return Some(Action::Escape),
        _ => return None,
    };
    Some(Action::Edit(edit))
}

fn alt_key(c: char) -> Option<Edit> {
    match c {
        'b' => Some(Edit::WordLeft),
        'd' => Some(Edit::KillWordForward),
        'f' => Some(Edit::WordRight),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(code: KeyCode, modifiers: Modifiers) -> Option<Action> {
        Action::of(KeyEvent::new(code, modifiers))
    }

    #[test]
    fn a_key_acts_when_it_is_pressed_or_repeats_and_not_when_it_is_let_go() {
        let mut event = KeyEvent::from(KeyCode::Enter);
        assert_eq!(Action::of(event), Some(Action::Submit));
        event.kind = KeyEventKind::Repeat;
        assert_eq!(Action::of(event), Some(Action::Submit));
        event.kind = KeyEventKind::Release;
        assert_eq!(Action::of(event), None);
    }

    #[test]
    fn letters_are_typed_unless_something_but_shift_is_held() {
        assert_eq!(key(KeyCode::Char('X'), Modifiers::SHIFT), Some(Action::Edit(Edit::Insert('X'))));
        for modifier in [Modifiers::CONTROL, Modifiers::ALT, Modifiers::SUPER, Modifiers::HYPER, Modifiers::META] {
            assert_eq!(key(KeyCode::Char('x'), modifier), None);
        }
        assert_eq!(key(KeyCode::Char('\u{9b}'), Modifiers::NONE), None);
        assert_eq!(key(KeyCode::Function(1), Modifiers::NONE), None);
    }

    #[test]
    fn the_case_of_a_letter_with_control_or_alt_does_not_matter() {
        assert_eq!(key(KeyCode::Char('C'), Modifiers::CONTROL | Modifiers::SHIFT), Some(Action::Interrupt));
        assert_eq!(key(KeyCode::Char('B'), Modifiers::ALT | Modifiers::SHIFT), Some(Action::Edit(Edit::WordLeft)));
    }

    #[test]
    fn control_or_alt_make_words_of_characters() {
        for modifier in [Modifiers::CONTROL, Modifiers::ALT] {
            assert_eq!(key(KeyCode::Left, modifier), Some(Action::Edit(Edit::WordLeft)));
            assert_eq!(key(KeyCode::Right, modifier), Some(Action::Edit(Edit::WordRight)));
            assert_eq!(key(KeyCode::Backspace, modifier), Some(Action::Edit(Edit::KillWordBack)));
            assert_eq!(key(KeyCode::Delete, modifier), Some(Action::Edit(Edit::KillWordForward)));
        }
        assert_eq!(key(KeyCode::Left, Modifiers::SHIFT), Some(Action::Edit(Edit::Left)));
    }
}
