//! Compares the editor with a model: a list of graphemes that is edited in the simplest way.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::{Edit, Editor, MAX_BYTES};
use crate::util::test_support::Random;

const SEEDS: u64 = 5_000;
const STEPS: usize = 120;

const CHARS: &[char] = &[
    'a', 'Z', '7', ' ', ' ', '-', '/', '张', '三', 'é', 'e', '\u{301}', '\u{5b8}', 'ש', 'ع', '👩', '👧', '\u{200d}',
    '🏽', '\u{fe0f}', '🇫', '🇷', '한', '\u{1100}', '\u{1161}', '\u{11a8}', 'क', '\u{94d}', 'ष', '\u{600}', '\t',
    '\u{3000}',
];

const EDITS: &[Edit] = &[
    Edit::Left,
    Edit::Right,
    Edit::WordLeft,
    Edit::WordRight,
    Edit::Home,
    Edit::End,
    Edit::Backspace,
    Edit::Delete,
    Edit::KillWordBack,
    Edit::KillWordForward,
    Edit::RuboutWord,
    Edit::KillToStart,
    Edit::KillToEnd,
    Edit::Yank,
    Edit::Transpose,
];

/// The graphemes before and behind the cursor.
#[derive(Default)]
struct Model {
    before: Vec<String>,
    behind: Vec<String>,
    killed: String,
    killing: bool,
}

impl Model {
    /// Splits the text into graphemes again, and puts the cursor behind the one that contains its old position.
    fn split_again(&mut self) {
        let mut cursor = self.before.concat().len();
        let text = self.before.concat() + &self.behind.concat();
        let graphemes: Vec<String> = text.graphemes(true).map(String::from).collect();
        (self.before, self.behind) = (Vec::new(), Vec::new());
        for grapheme in graphemes {
            let side = if cursor > 0 { &mut self.before } else { &mut self.behind };
            cursor = cursor.saturating_sub(grapheme.len());
            side.push(grapheme);
        }
    }

    /// Counts the graphemes of a word and of the gap before it, in a list that starts at the cursor.
    fn word(graphemes: &[&String], is_inside: fn(char) -> bool) -> usize {
        let inside = |grapheme: &&&String| is_inside(grapheme.chars().next().unwrap());
        let gap = graphemes.iter().take_while(|grapheme| !inside(grapheme)).count();
        gap + graphemes[gap..].iter().take_while(inside).count()
    }

    fn word_before(&self, is_inside: fn(char) -> bool) -> usize {
        Self::word(&self.before.iter().rev().collect::<Vec<_>>(), is_inside)
    }

    fn word_behind(&self) -> usize {
        Self::word(&self.behind.iter().collect::<Vec<_>>(), char::is_alphanumeric)
    }

    fn go(&mut self, by: isize) {
        for _ in 0..by.unsigned_abs() {
            match by < 0 {
                true => self.before.pop().into_iter().for_each(|grapheme| self.behind.insert(0, grapheme)),
                false if !self.behind.is_empty() => self.before.push(self.behind.remove(0)),
                false => {}
            }
        }
    }

    fn kill(&mut self, back: usize, on: usize) {
        if back + on == 0 {
            return;
        }
        let was = if self.killing { std::mem::take(&mut self.killed) } else { String::new() };
        let backward: String = self.before.split_off(self.before.len() - back).concat();
        let forward: String = self.behind.drain(..on).collect();
        self.killed = backward + &was + &forward;
        self.killing = true;
    }

    fn apply(&mut self, edit: Edit) {
        let (before, behind) = (self.before.len(), self.behind.len());
        let killing = std::mem::take(&mut self.killing);
        match edit {
            Edit::Insert('\t') => self.before.push(" ".into()),
            Edit::Insert(c) => self.before.push(c.into()),
            Edit::Left => self.go(-1),
            Edit::Right => self.go(1),
            Edit::WordLeft => self.go(-(self.word_before(char::is_alphanumeric) as isize)),
            Edit::WordRight => self.go(self.word_behind() as isize),
            Edit::Home => self.go(-(before as isize)),
            Edit::End => self.go(behind as isize),
            Edit::Backspace => drop(self.before.pop()),
            Edit::Delete => drop((behind > 0).then(|| self.behind.remove(0))),
            Edit::Yank => self.before.push(self.killed.clone()),
            Edit::Transpose if before > 0 && before + behind > 1 => {
                self.go(1);
                let last = self.before.len() - 1;
                self.before.swap(last - 1, last);
            }
            Edit::Transpose => {}
            Edit::KillWordBack | Edit::KillWordForward | Edit::RuboutWord | Edit::KillToStart | Edit::KillToEnd => {
                self.killing = killing;
                match edit {
                    Edit::KillWordBack => self.kill(self.word_before(char::is_alphanumeric), 0),
                    Edit::KillWordForward => self.kill(0, self.word_behind()),
                    Edit::RuboutWord => self.kill(self.word_before(|c| !c.is_whitespace()), 0),
                    Edit::KillToStart => self.kill(before, 0),
                    _ => self.kill(0, behind),
                }
            }
        }
        self.split_again();
    }
}

/// Whether another mark may be dropped: the line takes at most eight marks on one character; see
/// [`crate::wire::sanitize`].
fn may_be_limited(model: &Model) -> bool {
    model.before.last().is_some_and(|grapheme| grapheme.chars().count() > 8)
}

#[test]
fn editor_equals_grapheme_list_model() {
    for seed in 0..SEEDS {
        let mut random = Random(seed);
        let (mut editor, mut model) = (Editor::default(), Model::default());
        for step in 0..STEPS {
            let edit = match random.one_in(2) && !may_be_limited(&model) {
                true => Edit::Insert(*random.pick(CHARS)),
                false => *random.pick(EDITS),
            };
            if edit == Edit::Yank && (model.killed.len() > 100 || may_be_limited(&model)) {
                continue;
            }
            editor.apply(edit);
            model.apply(edit);
            let what = format!("seed {seed}, step {step}: {edit:?}");
            assert_eq!(editor.text(), model.before.concat() + &model.behind.concat(), "{what}");
            assert_eq!(editor.cursor(), model.before.concat().len(), "{what}: {:?}", editor.text());
            let columns = 1 + random.below(20) as u16;
            let view = editor.view(columns);
            assert!(view.cursor < columns && editor.text().contains(&view.text), "{what}: {view:?}");
            assert!(view.text.graphemes(true).map(UnicodeWidthStr::width).sum::<usize>() <= columns.into(), "{what}");
            if random.one_in(100) {
                assert_eq!(editor.take(), model.before.concat() + &model.behind.concat(), "{what}");
                model = Model { killed: model.killed, ..Model::default() };
            }
        }
        assert!(editor.text().len() <= MAX_BYTES);
    }
}
