//! Parses one line of IRC: its tags, its source, its command and its parameters.
//!
//! Sources: <https://modern.ircdocs.horse/#message-format>, RFC 2812, section 2.3.1, and
//! <https://ircv3.net/specs/extensions/message-tags>.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Deref;

/// The most parameters of a command; the last one has the rest of the line.
pub const MAX_PARAMS: usize = 15;

/// The most bytes of tags that a client may send, without the `@` and the space.
pub const MAX_CLIENT_TAGS: usize = 4094;

/// One line of IRC; it borrows all its texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IrcMessage<'a> {
    pub tags: Tags<'a>,
    /// What stands after `:` before the command. A server ignores what clients claim to be.
    pub source: Option<&'a str>,
    /// The command as it was typed; its case does not matter.
    pub command: &'a str,
    pub params: Params<'a>,
}

/// Parses a line, which has no line end. Returns `None` if it has no command.
///
/// Spaces before the source, the command and the parameters can be repeated.
pub fn parse(line: &str) -> Option<IrcMessage<'_>> {
    let (tags, rest) = match line.strip_prefix('@') {
        Some(tagged) => split(tagged),
        None => ("", line),
    };
    let rest = rest.trim_start_matches(' ');
    let (source, rest) = match rest.strip_prefix(':') {
        Some(named) => {
            let (source, rest) = split(named);
            (Some(source), rest.trim_start_matches(' '))
        }
        None => (None, rest),
    };
    let (command, rest) = split(rest);
    (!command.is_empty()).then(|| IrcMessage { tags: Tags(tags), source, command, params: Params::parse(rest) })
}

/// The text before the first space, and what stands behind that space.
fn split(text: &str) -> (&str, &str) {
    text.split_once(' ').unwrap_or((text, ""))
}

/// The parameters of a command, at most [`MAX_PARAMS`]; used as a slice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Params<'a> {
    list: [&'a str; MAX_PARAMS],
    len: usize,
}

impl<'a> Params<'a> {
    fn parse(mut rest: &'a str) -> Params<'a> {
        let mut params = Params { list: [""; MAX_PARAMS], len: 0 };
        loop {
            rest = rest.trim_start_matches(' ');
            if rest.is_empty() {
                return params;
            }
            if let Some(trailing) = rest.strip_prefix(':') {
                params.push(trailing);
                return params;
            }
            if params.len == MAX_PARAMS - 1 {
                params.push(rest);
                return params;
            }
            let (param, behind) = split(rest);
            params.push(param);
            rest = behind;
        }
    }

    fn push(&mut self, param: &'a str) {
        self.list[self.len] = param;
        self.len += 1;
    }

    /// The parameters, which live as long as the line.
    pub fn as_slice(&self) -> &[&'a str] {
        &self.list[..self.len]
    }

    /// The parameter at this index, which lives as long as the line; an empty one counts as missing.
    pub fn given(&self, index: usize) -> Option<&'a str> {
        self.as_slice().get(index).copied().filter(|param| !param.is_empty())
    }
}

impl<'a> Deref for Params<'a> {
    type Target = [&'a str];

    fn deref(&self) -> &[&'a str] {
        self.as_slice()
    }
}

impl std::fmt::Debug for Params<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_list().entries(self.as_slice()).finish()
    }
}

/// The message tags of a line: `key=value;key`, with escaped values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tags<'a>(&'a str);

impl<'a> Tags<'a> {
    /// The tags as they stand in the line, without the `@`; empty if there are none.
    pub fn raw(&self) -> &'a str {
        self.0
    }

    /// Whether they are more than a client may send: see [`MAX_CLIENT_TAGS`].
    pub fn is_too_long(&self) -> bool {
        self.0.len() > MAX_CLIENT_TAGS
    }

    /// The keys and the escaped values, which are empty if there is none.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&'a str, &'a str)> {
        self.0.split(';').filter(|tag| !tag.is_empty()).map(|tag| tag.split_once('=').unwrap_or((tag, "")))
    }

    /// The value of a tag, with its escapes replaced; it can contain CR and LF. Of several with this key, the last one counts.
    pub fn get(&self, key: &str) -> Option<Cow<'a, str>> {
        self.iter().rfind(|(found, _)| *found == key).map(|(_, value)| unescape(value))
    }

    /// The client-only tags, `+key=value`, in their escaped form and joined by `;`; `None` if there are none.
    ///
    /// Tags whose key breaks the grammar are left out. Of several with one key, the last one counts.
    pub fn client_only(&self) -> Option<String> {
        let mut seen = BTreeSet::new();
        let tags = self.0.rsplit(';').filter(|tag| is_client_only(tag));
        let mut tags: Vec<&str> = tags.filter(|tag| seen.insert(tag.split('=').next())).collect();
        tags.reverse();
        (!tags.is_empty()).then(|| tags.join(";"))
    }
}

/// Whether a tag is client-only: `+`, perhaps a vendor (a host name) and `/`, and letters, digits or hyphens.
fn is_client_only(tag: &str) -> bool {
    let Some(tag) = tag.strip_prefix('+') else { return false };
    let key = tag.split_once('=').map_or(tag, |(key, _)| key);
    let (vendor, name) = key.split_once('/').map_or((None, key), |(vendor, name)| (Some(vendor), name));
    let is_word = |word: &str, also: u8| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == also)
    };
    is_word(name, b'-') && vendor.is_none_or(|vendor| is_word(vendor, b'.'))
}

/// A value with its escapes replaced.
fn unescape(value: &str) -> Cow<'_, str> {
    let Some(first) = value.find('\\') else { return Cow::Borrowed(value) };
    let mut text = String::with_capacity(value.len());
    text.push_str(&value[..first]);
    let mut rest = value[first..].chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => text.extend(rest.next().map(|escaped| match escaped {
                ':' => ';',
                's' => ' ',
                'r' => '\r',
                'n' => '\n',
                other => other,
            })),
            _ => text.push(c),
        }
    }
    Cow::Owned(text)
}

/// Writes the value of a tag in its escaped form.
pub fn write_tag_value(out: &mut Vec<u8>, value: &str) {
    for byte in value.bytes() {
        match byte {
            b';' => out.extend_from_slice(b"\\:"),
            b' ' => out.extend_from_slice(b"\\s"),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\n' => out.extend_from_slice(b"\\n"),
            _ => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The source, the command and the parameters.
    fn parts(line: &str) -> (Option<&str>, &str, Vec<&str>) {
        let message = parse(line).unwrap_or_else(|| panic!("{line:?} has a command"));
        (message.source, message.command, message.params.to_vec())
    }

    fn escaped(value: &str) -> String {
        let mut out = Vec::new();
        write_tag_value(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn line_has_source_command_and_parameters() {
        assert_eq!(parts("QUIT"), (None, "QUIT", vec![]));
        assert_eq!(parts("PRIVMSG #den :hello, world"), (None, "PRIVMSG", vec!["#den", "hello, world"]));
        assert_eq!(parts(":alice!a@h PRIVMSG #den hi"), (Some("alice!a@h"), "PRIVMSG", vec!["#den", "hi"]));
        assert_eq!(parts("TOPIC #den :"), (None, "TOPIC", vec!["#den", ""]));
        assert_eq!(parts("PRIVMSG #den ::) a :b "), (None, "PRIVMSG", vec!["#den", ":) a :b "]));
        assert_eq!(parts("PRIVMSG #茶 :你好"), (None, "PRIVMSG", vec!["#茶", "你好"]));
        assert_eq!(parts("MODE a:b :c"), (None, "MODE", vec!["a:b", "c"]));
    }

    #[test]
    fn repeated_spaces_are_skipped_except_in_the_trailing_parameter() {
        assert_eq!(parts("  JOIN   #den    key  "), (None, "JOIN", vec!["#den", "key"]));
        assert_eq!(parts("@a   :src   PRIVMSG  #den  :  two  "), (Some("src"), "PRIVMSG", vec!["#den", "  two  "]));
        assert_eq!(parts("TOPIC #den   :"), (None, "TOPIC", vec!["#den", ""]));
    }

    #[test]
    fn line_without_command_is_no_message() {
        for line in ["", " ", "   ", "@", "@a=b", "@a=b ", ":source", ":source ", "@a :source  ", ":", "@ : "] {
            assert_eq!(parse(line), None, "{line:?}");
        }
    }

    #[test]
    fn last_of_fifteen_parameters_has_the_rest_of_the_line() {
        let fourteen = (1..15).map(|n| n.to_string()).collect::<Vec<_>>().join(" ");
        for (rest, expected) in [("15 16 :17", "15 16 :17"), (":15 16", "15 16"), ("15", "15"), (":", "")] {
            let line = format!("X {fourteen} {rest}");
            let (.., params) = parts(&line);
            assert_eq!((params.len(), params[13], params[14]), (15, "14", expected));
        }
        assert_eq!(parts(&format!("X {fourteen} ")).2.len(), 14);
    }

    #[test]
    fn empty_parameter_counts_as_not_given() {
        let message = parse("TOPIC #den :").unwrap();
        assert_eq!(
            (message.params.given(0), message.params.given(1), message.params.given(2)),
            (Some("#den"), None, None)
        );
        assert_eq!((message.params.get(1), message.params.get(2)), (Some(&""), None));
    }

    #[test]
    fn value_of_a_tag_is_the_last_one_with_its_escapes_replaced() {
        let message = parse(r"@label=a\sb\:\\\r\n\x\;+draft/reply=7;empty=;key;label;id=1;id=2 PING x").unwrap();
        let tags = message.tags;
        assert_eq!(tags.get("id").as_deref(), Some("2"));
        assert_eq!(tags.get("label").as_deref(), Some(""));
        assert_eq!(tags.get("key").as_deref(), Some(""));
        assert_eq!(tags.get("empty").as_deref(), Some(""));
        assert_eq!(tags.get("+draft/reply").as_deref(), Some("7"));
        assert_eq!((tags.get("draft/reply"), tags.get("")), (None, None));
        let tags = parse(r"@label=a\sb\:\\\r\n\x\ PING x").unwrap().tags;
        assert_eq!(tags.get("label").as_deref(), Some("a b;\\\r\nx"));
        assert_eq!(parse("@a=b=c;=d PING").unwrap().tags.get("a").as_deref(), Some("b=c"));
        assert_eq!(parse("PING @a=b").unwrap().tags.get("a"), None);
    }

    #[test]
    fn escaped_value_is_read_as_it_was() {
        for value in ["", "plain", "a; b\\c\r\n", "\\:", "\\s", "你好;", ";;  \\\\"] {
            let line = format!("@x={} PING", escaped(value));
            assert_eq!(parse(&line).unwrap().tags.get("x").as_deref(), Some(value), "{line:?}");
        }
        assert_eq!(escaped("a; b\\\r\n"), r"a\:\sb\\\r\n");
    }

    #[test]
    fn client_only_tags_stay_escaped_and_in_order() {
        let client_only = |tags: &str| parse(&format!("@{tags} TAGMSG #den")).unwrap().tags.client_only();
        assert_eq!(
            client_only(r"+x;label=1;+draft/reply=a\sb;+example.com/k-1=").as_deref(),
            Some(r"+x;+draft/reply=a\sb;+example.com/k-1=")
        );
        assert_eq!(
            client_only("+a=1;+b;+a=2;label=1;+a;+c=a=b").as_deref(),
            Some("+b;+a;+c=a=b"),
            "the last one counts"
        );
        assert_eq!(client_only("label=1;msgid=+2;time"), None);
        assert_eq!(client_only("+;+=1;+a/=1;+/a;+a_b;+é=1;+a/b/c;+\u{202f}"), None);
        assert_eq!(parse("TAGMSG #den").unwrap().tags.client_only(), None);
    }

    #[test]
    fn tags_of_a_client_have_a_limit() {
        let line = |len: usize| format!("@{} PING x", "a".repeat(len));
        assert!(!parse(&line(MAX_CLIENT_TAGS)).unwrap().tags.is_too_long());
        assert!(parse(&line(MAX_CLIENT_TAGS + 1)).unwrap().tags.is_too_long());
    }
}
