//! Splits texts into words for the full-text index, and compares texts with search words.
//!
//! SQLite's FTS5 finds words. Scripts without spaces between words have none that it can find, so each of their
//! characters is indexed as a word, and a search for several of them matches them only in that order.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashSet;

use caseless::Caseless;
use memchr::memmem::Finder;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::decompose_canonical;

use super::separators::{is_ignored_mark, is_separator};

/// Maximum search words; further ones are ignored.
const MAX_WORDS: usize = 8;
/// Maximum characters of a search; further ones are ignored.
const MAX_CHARACTERS: usize = 256;
/// Maximum characters of a text, after folding, that are indexed and compared; bounds the time per message.
pub(in crate::store) const MAX_TEXT: usize = 16_384;

/// The words of a search.
#[derive(Clone, Debug)]
pub struct SearchWords {
    /// One phrase per typed word: its tokens, with a space before and after each.
    phrases: Vec<Finder<'static>>,
    /// Distinct tokens of all words, the first tokens of the words first.
    tokens: Vec<String>,
    /// Reused buffer for the tokens of a text.
    buffer: RefCell<String>,
}

impl SearchWords {
    /// Parses typed text, in which nothing is an operator; `None` if it contains no word.
    pub fn new(typed: &str) -> Option<SearchWords> {
        let typed: String = typed.chars().take(MAX_CHARACTERS).collect();
        // The tokens go to the index, which ignores marks by its own rules; the phrases are compared here, without marks.
        let words = typed.split_whitespace().map(|word| (canonical(word, |c| c), canonical(word, without_mark)));
        let words: Vec<(String, String)> = words.filter(|(tokens, _)| tokens.len() > 1).take(MAX_WORDS).collect();
        let mut tokens: Vec<(usize, &str)> =
            words.iter().flat_map(|(tokens, _)| tokens.split_whitespace().enumerate()).collect();
        tokens.sort_unstable();
        let mut known = HashSet::new();
        tokens.retain(|(_, token)| known.insert(*token));
        let tokens: Vec<String> = tokens.into_iter().map(|(_, token)| token.to_owned()).collect();
        let phrases = words.iter().map(|(_, phrase)| Finder::new(phrase.as_bytes()).into_owned()).collect();
        (!words.is_empty()).then(|| SearchWords { phrases, tokens, buffer: RefCell::default() })
    }

    /// Whether a text contains all words.
    pub fn are_in(&self, text: &str) -> bool {
        let mut tokens = self.buffer.borrow_mut();
        write_canonical(text, without_mark, &mut tokens);
        self.phrases.iter().all(|phrase| phrase.find(tokens.as_bytes()).is_some())
    }

    /// Distinct tokens that every matching text contains.
    pub(in crate::store) fn tokens(&self) -> &[String] {
        &self.tokens
    }
}

/// The text as it is written to the index: case and width folded, with a space around each character that is a word by
/// itself.
pub(in crate::store) fn spaced(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(&text[..text.len().min(MAX_TEXT)]);
    }
    let mut spaced = String::with_capacity(2 * text.len().min(MAX_TEXT));
    for_each_folded(text, |c| {
        if is_word(c) {
            spaced.extend([' ', c, ' ']);
        } else {
            spaced.push(c);
        }
    });
    Cow::Owned(spaced)
}

/// The tokens that the index holds for a text, with a space before and after each: ` like this `.
///
/// The index removes marks from Latin letters; `letter` can remove them from more letters.
fn canonical(text: &str, letter: impl Fn(char) -> char) -> String {
    let mut tokens = String::new();
    write_canonical(text, letter, &mut tokens);
    tokens
}

/// As [`canonical`], but replaces the content of `tokens`.
fn write_canonical(text: &str, letter: impl Fn(char) -> char, tokens: &mut String) {
    tokens.clear();
    tokens.reserve(2 + 2 * text.len().min(MAX_TEXT));
    tokens.push(' ');
    if text.is_ascii() {
        text.bytes().take(MAX_TEXT).for_each(|byte| add_ascii(byte, tokens));
    } else {
        for_each_folded(text, |c| match c {
            '\0'..='\u{7f}' => add_ascii(c as u8, tokens),
            _ if is_word(c) => {
                end_token(tokens);
                // This block contains only letters, so the table need not be searched.
                if matches!(c, '\u{4e00}'..='\u{9fcc}') || !is_separator(c) {
                    tokens.extend([c, ' ']);
                }
            }
            _ if is_ignored_mark(c) => {}
            _ if is_separator(c) => end_token(tokens),
            _ => tokens.push(letter(c)),
        });
    }
    end_token(tokens);
}

fn add_ascii(byte: u8, tokens: &mut String) {
    if byte.is_ascii_alphanumeric() {
        tokens.push(byte.to_ascii_lowercase().into());
    } else {
        end_token(tokens);
    }
}

fn end_token(tokens: &mut String) {
    if !tokens.ends_with(' ') {
        tokens.push(' ');
    }
}

/// Passes the characters of a text in normal form (NFKC, case folded) to `each`, at most [`MAX_TEXT`].
fn for_each_folded(text: &str, each: impl FnMut(char)) {
    if text.chars().take(MAX_TEXT).all(is_simple) {
        text.chars().map(|c| c.to_ascii_lowercase()).take(MAX_TEXT).for_each(each);
    } else {
        text.nfkc().default_case_fold().nfkc().take(MAX_TEXT).for_each(each);
    }
}

/// Whether folding only changes a character's ASCII case, or turns one separator into another.
///
/// Covers ASCII and most Chinese and Japanese characters; none of these combines with another.
fn is_simple(c: char) -> bool {
    matches!(c, '\0'..='\u{7f}' | '\u{2013}'..='\u{2014}' | '\u{2018}'..='\u{201f}' | '\u{3000}'..='\u{3002}'
        | '\u{3008}'..='\u{3011}' | '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}' | '\u{30fc}'
        | '\u{4e00}'..='\u{9fff}' | '\u{ff01}'..='\u{ff0f}' | '\u{ff1a}'..='\u{ff20}')
}

/// A letter without its marks, if all of them are ignored ones; otherwise the letter unchanged.
fn without_mark(c: char) -> char {
    let (mut base, mut only_ignored) = (None, true);
    decompose_canonical(c, |part| match base {
        None => base = Some(part),
        Some(_) => only_ignored &= is_ignored_mark(part),
    });
    base.filter(|_| only_ignored).unwrap_or(c)
}

/// Whether a character is a word by itself: scripts without spaces between words, or whose words are also searched in
/// part. Thai, Lao, Burmese, Khmer, Hangul, Bopomofo, Kana and Han, by Unicode blocks (Blocks.txt).
fn is_word(c: char) -> bool {
    matches!(c,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1100}'..='\u{11ff}' | '\u{1780}'..='\u{17ff}'
        | '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{a960}'..='\u{a97f}' | '\u{ac00}'..='\u{d7ff}' | '\u{f900}'..='\u{faff}' | '\u{1aff0}'..='\u{1b16f}'
        | '\u{20000}'..='\u{3ffff}')
}
