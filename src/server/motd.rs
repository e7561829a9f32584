//! The message of the day: lines of a text file.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Maximum length of the file in bytes.
const MAX_BYTES: u64 = 4096;
/// Maximum number of its lines, without empty ones at the end.
const MAX_LINES: usize = 30;

/// Reads the message of the day, whose lines have a line feed between them; an empty file is none.
///
/// # Errors
/// If the file cannot be read, is too long, is not UTF-8, or has control characters.
pub fn read(path: &Path) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    parse(bytes).map_err(io::Error::other)
}

fn parse(bytes: Vec<u8>) -> Result<Option<String>, String> {
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("it is longer than {MAX_BYTES} bytes; shorten it"));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let line =
            1 + error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|&&byte| byte == b'\n').count();
        format!("line {line} is not UTF-8; save it as UTF-8")
    })?;
    // Some editors write a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let text = text.replace("\r\n", "\n").replace('\t', " ");
    let text = text.trim_end_matches(['\n', ' ']);
    let count = text.lines().count();
    if count > MAX_LINES {
        return Err(format!("it has {count} lines, and {MAX_LINES} are allowed; remove some"));
    }
    for (index, line) in text.split('\n').enumerate() {
        if let Some(c) = line.chars().find(|&c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
            let (number, code) = (index + 1, c as u32);
            return Err(format!(
                "line {number} has the control character U+{code:04X}; only text is allowed: remove it"
            ));
        }
    }
    Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn parsed(text: impl AsRef<[u8]>) -> Result<Option<String>, String> {
        parse(text.as_ref().to_vec())
    }

    #[test]
    fn lines_are_kept_and_blank_ones_at_the_end_are_dropped() {
        for (text, motd) in [
            ("Be kind.", "Be kind."),
            ("Be kind.\n \n\n", "Be kind."),
            ("\n Be\tkind.\r\n\nNo spam.\r\n", "\n Be kind.\n\nNo spam."),
            ("\u{feff}请友善\n", "请友善"),
        ] {
            assert_eq!(parsed(text), Ok(Some(motd.to_owned())), "{text:?}");
        }
        for nothing in ["", "\n", " \n\t\r\n"] {
            assert_eq!(parsed(nothing), Ok(None), "{nothing:?}");
        }
    }

    #[test]
    fn limits_are_exact() {
        assert!(parsed("x".repeat(4096)).is_ok());
        assert_eq!(parsed("x".repeat(4097)).unwrap_err(), "it is longer than 4096 bytes; shorten it");
        assert!(parsed("x\n".repeat(30) + "\n\n").is_ok());
        assert_eq!(parsed("x\n".repeat(31)).unwrap_err(), "it has 31 lines, and 30 are allowed; remove some");
    }

    #[test]
    fn what_is_not_text_is_refused_with_its_line() {
        assert_eq!(parsed(b"a\nb\xff").unwrap_err(), "line 2 is not UTF-8; save it as UTF-8");
        for (text, code) in [("a\n\u{1b}[31m", "U+001B"), ("a\nb\rc", "U+000D"), ("a\nb\u{2028}", "U+2028")] {
            let error = format!("line 2 has the control character {code}; only text is allowed: remove it");
            assert_eq!(parsed(text).unwrap_err(), error);
        }
    }

    #[test]
    fn file_is_read() {
        let path = std::env::temp_dir().join(format!("chinwag-motd-{}", std::process::id()));
        fs::write(&path, "Be kind.\n").unwrap();
        assert_eq!(read(&path).unwrap().as_deref(), Some("Be kind."));
        fs::remove_file(&path).unwrap();
        assert_eq!(read(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(read(Path::new("/")).is_err());
    }
}
