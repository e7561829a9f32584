//! Cleans the lines of IRC clients: removes what [`sanitize`] removes, and formatting codes with their arguments.
//!
//! Sources: <https://modern.ircdocs.horse/formatting> and <https://modern.ircdocs.horse/ctcp>.

use std::borrow::Cow;

use crate::chat::irc::message::parse;
use crate::wire::sanitize;

/// Marks the begin and the end of a CTCP message.
const CTCP: char = '\u{1}';
/// Followed by up to two colors of one or two digits.
const COLOR: char = '\u{3}';
/// Followed by up to two colors of six hexadecimal digits.
const HEX_COLOR: char = '\u{4}';

/// The line without formatting and control characters, except the marks of a CTCP message: one at the begin of the last
/// parameter, and perhaps one at its end.
pub fn clean(line: &str) -> Cow<'_, str> {
    if line.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(line);
    }
    let plain = without_colors(line);
    if !plain.contains(CTCP) {
        return match plain {
            Cow::Borrowed(plain) => sanitize::clean(plain),
            Cow::Owned(plain) => Cow::Owned(sanitize::clean(&plain).into_owned()),
        };
    }
    let mut clean = sanitize::clean_except(&plain, |c| c == CTCP);
    remove_stray_marks(&mut clean);
    Cow::Owned(clean)
}

/// Removes the codes of colors with their arguments. All other formatting codes are single control characters.
fn without_colors(line: &str) -> Cow<'_, str> {
    if !line.contains([COLOR, HEX_COLOR]) {
        return Cow::Borrowed(line);
    }
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find([COLOR, HEX_COLOR]) {
        plain.push_str(&rest[..at]);
        let is_hex = rest[at..].starts_with(HEX_COLOR);
        rest = &rest[at + 1..];
        let color = color_len(rest, is_hex);
        rest = &rest[color..];
        if color > 0
            && let Some(behind) = rest.strip_prefix(',')
            && let background @ 1.. = color_len(behind, is_hex)
        {
            rest = &behind[background..];
        }
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// Bytes of the color at the begin of a text; 0 if there is none.
fn color_len(text: &str, is_hex: bool) -> usize {
    let digits = |most, is_digit: fn(&u8) -> bool| text.bytes().take(most).take_while(is_digit).count();
    match is_hex {
        false => digits(2, u8::is_ascii_digit),
        true if digits(6, u8::is_ascii_hexdigit) == 6 => 6,
        true => 0,
    }
}

/// Removes the marks that do not stand around the last parameter of a line.
fn remove_stray_marks(line: &mut String) {
    let Some(begin) = line.find(CTCP) else { return };
    // With nothing behind it, the mark is the last parameter alone if it begins one.
    let begins_parameter = parse(&line[..=begin]).is_some_and(|message| message.params.last() == Some(&"\u{1}"));
    let is_last = line[..begin].ends_with(':') || !line[begin..].contains(' ');
    let end = line.len() - 1;
    let stays = begins_parameter && is_last;
    let ends = stays && end > begin && line.ends_with(CTCP);
    let mut at = 0;
    line.retain(|c| {
        let keeps = c != CTCP || stays && at == begin || ends && at == end;
        at += c.len_utf8();
        keeps
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_any_language_is_unchanged() {
        for line in ["", "PRIVMSG #den :hello, world", "@a=b PRIVMSG #茶 :你好", "PRIVMSG x :e\u{301}"] {
            assert_eq!(clean(line), line);
        }
        assert!(matches!(clean("PRIVMSG #den :hello"), Cow::Borrowed(_)));
    }

    #[test]
    fn formatting_codes_are_removed_with_their_arguments() {
        for (formatted, expected) in [
            ("\u{2}bold\u{2} \u{1d}italic\u{f} \u{1f}\u{1e}\u{11}\u{16}x", "bold italic x"),
            ("\u{3}4red\u{3} \u{3}04,12on blue\u{3}", "red on blue"),
            ("\u{3}123 \u{3}1,234 \u{3}1,a \u{3},1 \u{3}", "3 4 ,a ,1 "),
            ("\u{3}\u{3}1,2x \u{3}1\u{2}2", "x 2"),
            ("\u{4}ff00AAx \u{4}ff00aa,00112233 \u{4}ff00a \u{4}ffffff,0x \u{4}", "x 33 ff00a ,0x "),
            ("\u{3}４ \u{3}1，2", "４ ，2"),
        ] {
            assert_eq!(clean(formatted), expected, "{formatted:?}");
        }
    }

    #[test]
    fn control_characters_and_sequences_are_removed() {
        assert_eq!(clean("PRIVMSG #den :\u{1b}[31mred\u{1b}[0m\u{7}\u{202e}"), "PRIVMSG #den :red");
        assert_eq!(clean("PRIVMSG\t#den :a\tb"), "PRIVMSG #den :a b");
        assert_eq!(clean("\u{1b}\u{3}4[31mred"), "red");
    }

    #[test]
    fn marks_of_a_ctcp_message_stay() {
        for line in [
            "PRIVMSG #den :\u{1}ACTION waves\u{1}",
            "PRIVMSG bob \u{1}VERSION\u{1}",
            "@+x :src PRIVMSG bob :\u{1}PING 1 2",
            "PRIVMSG bob :\u{1}",
            "PRIVMSG bob :\u{1}\u{1}",
        ] {
            assert_eq!(clean(line), line);
        }
        assert_eq!(
            clean("PRIVMSG #den :\u{1}ACTION \u{3}4wa\u{1}ves\u{7}\u{1}"),
            "PRIVMSG #den :\u{1}ACTION waves\u{1}"
        );
    }

    #[test]
    fn other_marks_are_removed() {
        for (stray, expected) in [
            ("PRIVMSG bob :a\u{1}b\u{1}", "PRIVMSG bob :ab"),
            ("PRIVMSG bob :a \u{1}VERSION\u{1}", "PRIVMSG bob :a VERSION"),
            ("PRIVMSG bob \u{1}PING 1\u{1}", "PRIVMSG bob PING 1"),
            ("PRIVMSG \u{1}:a \u{1}b\u{1}", "PRIVMSG :a b"),
            ("\u{1}VERSION\u{1}", "VERSION"),
            ("@a=\u{1} PING x", "@a= PING x"),
            ("PRIVMSG\t:a :\u{1}b\u{1}", "PRIVMSG :a :b"),
        ] {
            assert_eq!(clean(stray), expected, "{stray:?}");
        }
    }

    #[test]
    fn removed_marks_do_not_raise_the_limit_of_combining_marks() {
        let marks = "\u{301}".repeat(8);
        assert_eq!(clean(&format!("PRIVMSG bob :a{marks}\u{1}{marks}")), format!("PRIVMSG bob :a{marks}"));
    }
}
