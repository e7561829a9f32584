//! Maps keys to actions, after GNU Readline.

use termina::event::{KeyCode, KeyEvent, KeyEventKind, Modifiers};

use super::editor::Edit;

/// The action of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAction {
    Edit(Edit),
    /// The previous line of the input history.
    Older,
    /// The next line of the input history.
    Newer,
    /// Tab; `back` with Shift.
    Complete {
        back: bool,
    },
    Submit,
    /// Ctrl-R: an older line of the input history with a text in it.
    Search,
    /// Alt with a digit from 1 to 9.
    Select(u8),
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

impl KeyAction {
    /// Returns the action of a key; `None` for a release and for keys without an action.
    pub fn of(key: KeyEvent) -> Option<KeyAction> {
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
            KeyCode::Char(c @ '1'..='9') if alt => return Some(KeyAction::Select(c as u8 - b'0')),
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
        Some(KeyAction::Edit(edit))
    }
}

fn other_key(code: KeyCode, shift: bool) -> Option<KeyAction> {
    Some(match code {
        KeyCode::Enter => KeyAction::Submit,
        KeyCode::Tab => KeyAction::Complete { back: shift },
        KeyCode::BackTab => KeyAction::Complete { back: true },
        KeyCode::Up => KeyAction::Older,
        KeyCode::Down => KeyAction::Newer,
        KeyCode::PageUp => KeyAction::PageUp,
        KeyCode::PageDown => KeyAction::PageDown,
        KeyCode::Escape => KeyAction::Escape,
        _ => return None,
    })
}

fn control_key(c: char, alt: bool) -> Option<KeyAction> {
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
        'c' => return Some(KeyAction::Interrupt),
        'd' => return Some(KeyAction::EndOrDelete),
        'i' => return Some(KeyAction::Complete { back: false }),
        'j' | 'm' => return Some(KeyAction::Submit),
        'l' => return Some(KeyAction::Redraw),
        'n' => return Some(KeyAction::Newer),
        'p' => return Some(KeyAction::Older),
        'r' => return Some(KeyAction::Search),
        'z' => return Some(KeyAction::Suspend),
        '[' | 'g' => return Some(KeyAction::Escape),
        _ => return None,
    };
    Some(KeyAction::Edit(edit))
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

    fn key(code: KeyCode, modifiers: Modifiers) -> Option<KeyAction> {
        KeyAction::of(KeyEvent::new(code, modifiers))
    }

    #[test]
    fn key_acts_on_press_and_repeat_but_not_release() {
        let mut event = KeyEvent::from(KeyCode::Enter);
        assert_eq!(KeyAction::of(event), Some(KeyAction::Submit));
        event.kind = KeyEventKind::Repeat;
        assert_eq!(KeyAction::of(event), Some(KeyAction::Submit));
        event.kind = KeyEventKind::Release;
        assert_eq!(KeyAction::of(event), None);
    }

    #[test]
    fn letters_with_other_modifiers_than_shift_are_not_typed() {
        assert_eq!(key(KeyCode::Char('X'), Modifiers::SHIFT), Some(KeyAction::Edit(Edit::Insert('X'))));
        for modifier in [Modifiers::CONTROL, Modifiers::ALT, Modifiers::SUPER, Modifiers::HYPER, Modifiers::META] {
            assert_eq!(key(KeyCode::Char('x'), modifier), None);
        }
        assert_eq!(key(KeyCode::Char('\u{9b}'), Modifiers::NONE), None);
        assert_eq!(key(KeyCode::Function(1), Modifiers::NONE), None);
    }

    #[test]
    fn control_and_alt_ignore_letter_case() {
        assert_eq!(key(KeyCode::Char('C'), Modifiers::CONTROL | Modifiers::SHIFT), Some(KeyAction::Interrupt));
        assert_eq!(key(KeyCode::Char('B'), Modifiers::ALT | Modifiers::SHIFT), Some(KeyAction::Edit(Edit::WordLeft)));
    }

    #[test]
    fn control_and_alt_move_and_delete_by_word() {
        for modifier in [Modifiers::CONTROL, Modifiers::ALT] {
            assert_eq!(key(KeyCode::Left, modifier), Some(KeyAction::Edit(Edit::WordLeft)));
            assert_eq!(key(KeyCode::Right, modifier), Some(KeyAction::Edit(Edit::WordRight)));
            assert_eq!(key(KeyCode::Backspace, modifier), Some(KeyAction::Edit(Edit::KillWordBack)));
            assert_eq!(key(KeyCode::Delete, modifier), Some(KeyAction::Edit(Edit::KillWordForward)));
        }
        assert_eq!(key(KeyCode::Left, Modifiers::SHIFT), Some(KeyAction::Edit(Edit::Left)));
    }
}
