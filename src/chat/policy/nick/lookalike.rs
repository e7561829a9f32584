//! Names that can be mistaken for each other, and names that mix scripts (UTS #39, Unicode Security Mechanisms).

use std::sync::LazyLock;

use compact_str::CompactString;
use unicode_script::Script;
use unicode_security::mixed_script::AugmentedScriptSet;
use unicode_security::skeleton;

use super::{RESERVED, fold};

/// The longest ASCII text with a fast path, in bytes: that of all names, and of most addresses.
const MAX_ASCII: usize = 48;

/// A byte that must be looked up in the tables of the crate.
const UNKNOWN: u8 = 0x80;
/// A byte that looks like two: `m` like `rn`.
const TWO: u8 = 0xc0;

/// For each byte of ASCII what it looks like, or [`UNKNOWN`] or [`TWO`]; `of_key`: as part of a key, in which all letters
/// are small.
const fn ascii_looks(of_key: bool) -> [u8; 256] {
    let mut table = [UNKNOWN; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte as usize] = match byte {
            b'I' if of_key => b'i',
            b'1' | b'I' => b'l',
            b'0' | b'O' => b'o',
            b'm' | b'M' => TWO,
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b':' | b'#' | b'[' | b']' => {
                byte.to_ascii_lowercase()
            }
            _ => UNKNOWN,
        };
        byte += 1;
    }
    table
}

static SHOWN_LOOKS: [u8; 256] = ascii_looks(false);
static KEY_LOOKS: [u8; 256] = ascii_looks(true);

/// The canonical forms of the reserved words. Each word is its own key.
static RESERVED_FORMS: LazyLock<Vec<(Box<str>, &str)>> =
    LazyLock::new(|| RESERVED.iter().map(|&word| (canonical(word).as_str().into(), word)).collect());

/// The canonical form of a text: the skeleton (UTS #39, section 4) in which case does not matter either.
///
/// Folding makes letters that again look like others, such as `m` of `M`; hence the second skeleton.
pub fn canonical(text: &str) -> CompactString {
    match AsciiForm::new(text, &SHOWN_LOOKS) {
        Some(form) => form.text(),
        None => any_form(text),
    }
}

/// The canonical form of the key of a name.
pub fn canonical_key(name: &str) -> CompactString {
    match AsciiForm::of_key(name) {
        Some(form) => form.text(),
        None => any_form(&fold(name)),
    }
}

fn any_form(text: &str) -> CompactString {
    let letters: String = skeleton(text).collect();
    let mut form = CompactString::default();
    for c in skeleton(&fold(&letters)) {
        // A dot above these letters, which have one already, is not seen.
        if c != DOT_ABOVE || !form.ends_with(['i', 'j']) {
            form.push(c);
        }
    }
    form
}

/// U+0307 COMBINING DOT ABOVE
const DOT_ABOVE: char = '\u{307}';

/// The canonical key of the name in capitals that a name in capitals with a small `l` looks like: `ALlCE` is shown as `ALICE`.
fn capitals(name: &str) -> Option<CompactString> {
    let is_small = name.bytes().any(|byte| byte.is_ascii_lowercase() && byte != b'l');
    if is_small || !name.contains(|c: char| c.is_alphabetic() && c != 'l') {
        return None;
    }
    let letters: String = skeleton(name).collect();
    let is_in_capitals = letters.chars().all(|c| c == 'l' || !c.is_lowercase()) && letters.contains(char::is_uppercase);
    Some(canonical_key(&letters.replace('l', "I"))).filter(|_| is_in_capitals && letters.contains('l'))
}

/// A canonical form that needs neither an allocation nor the tables of the crate.
pub struct AsciiForm {
    bytes: [u8; 2 * MAX_ASCII],
    len: usize,
    /// Whether it equals the text that it was made of, in small letters.
    pub is_same: bool,
}

impl AsciiForm {
    /// The canonical form of the key of a name; `None` if it must be looked up.
    #[inline]
    pub fn of_key(name: &str) -> Option<Self> {
        AsciiForm::new(name, &KEY_LOOKS)
    }

    #[inline]
    fn new(text: &str, table: &[u8; 256]) -> Option<Self> {
        if text.len() > MAX_ASCII {
            return None;
        }
        let mut bytes = [0; 2 * MAX_ASCII];
        let (mut all, mut changes) = (0, 0);
        for (place, byte) in bytes.iter_mut().zip(text.bytes()) {
            let looks = table[usize::from(byte)];
            *place = looks;
            all |= looks;
            changes |= looks ^ byte.to_ascii_lowercase();
        }
        let form = AsciiForm { bytes, len: text.len(), is_same: changes == 0 };
        if all < UNKNOWN { Some(form) } else { form.widened() }
    }

    /// The form with `rn` in each place of two letters; `None` if a byte must be looked up.
    #[cold]
    fn widened(self) -> Option<Self> {
        let mut wide = AsciiForm { bytes: [0; 2 * MAX_ASCII], len: 0, is_same: false };
        for &looks in self.bytes() {
            let letters = match looks {
                UNKNOWN => return None,
                TWO => b"rn".as_slice(),
                _ => std::slice::from_ref(&looks),
            };
            wide.bytes[wide.len..wide.len + letters.len()].copy_from_slice(letters);
            wide.len += letters.len();
        }
        Some(wide)
    }

    /// The form as ASCII.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    fn text(&self) -> CompactString {
        CompactString::from_utf8_lossy(self.bytes())
    }
}

/// What a name looks like. Two names look alike if they have a form in common.
#[derive(Debug, PartialEq, Eq)]
pub struct Looks {
    /// The canonical form of its key: equal names have the same.
    pub key: CompactString,
    /// The canonical form of the name as shown, if it is another one: `I` of `Ivan` looks like `l`, `i` does not.
    pub shown: Option<CompactString>,
}

impl Looks {
    /// The forms of a name as shown.
    pub fn of(name: &str) -> Self {
        let key = canonical_key(name);
        let shown = if looks_as_key(name) { None } else { Some(canonical(name)).filter(|shown| *shown != key) };
        Looks { key, shown }
    }

    /// All forms.
    pub fn forms(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&*self.key).chain(self.shown.as_deref())
    }

    /// Searches all forms of a name, and that of the name in capitals that it looks like.
    #[inline]
    pub fn find_map<T>(name: &str, mut find: impl FnMut(&str) -> Option<T>) -> Option<T> {
        Looks::of(name).forms().find_map(&mut find).or_else(|| find(&capitals(name)?))
    }

    /// The reserved word that a name looks like.
    pub fn reserved(name: &str) -> Option<&'static str> {
        let word = |form: &str| RESERVED_FORMS.iter().find(|(reserved, _)| **reserved == *form).map(|&(_, word)| word);
        Looks::find_map(name, word)
    }
}

/// Whether a name is known to look as its key does: in ASCII, only a capital I looks different from its small letter.
#[inline]
pub fn looks_as_key(name: &str) -> bool {
    name.is_ascii() && !name.bytes().any(|byte| byte == b'I')
}

/// Whether a text mixes scripts in a way that is not moderately restrictive (UTS #39, section 5.2), as Latin with
/// Cyrillic or Greek.
///
/// Only scripts count. Characters outside the identifier profile, such as those of rare scripts, are no reason.
pub fn is_mixed(text: &str) -> bool {
    if text.is_ascii() {
        return false;
    }
    let (mut all, mut not_latin) = (AugmentedScriptSet::default(), AugmentedScriptSet::default());
    for scripts in text.chars().map(AugmentedScriptSet::from) {
        all.intersect_with(scripts);
        if !scripts.base.contains_script(Script::Latin) {
            not_latin.intersect_with(scripts);
        }
    }
    let mixes_with_latin =
        |script: Script| script.is_recommended() && !matches!(script, Script::Cyrillic | Script::Greek);
    let is_east_asian = not_latin.hanb || not_latin.jpan || not_latin.kore;
    all.is_empty() && !is_east_asian && !not_latin.base.iter().any(mixes_with_latin)
}

#[cfg(test)]
mod tests;
