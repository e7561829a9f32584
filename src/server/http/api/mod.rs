//! The API for the operator's programs: messages that they post.

mod error;
mod tokens;

use serde::Deserialize;
use serde_json::json;

pub use self::error::ApiError;
pub use self::tokens::ApiTokens;
use super::Answer;
use crate::chat::Now;
use crate::chat::command::is_blank;
use crate::chat::policy::nick::Name;
use crate::wire::http::{Post, Response, decode_segment};
use crate::wire::sanitize::clean;

/// Maximum lines of the text of one message, blank ones not counted.
const MAX_LINES: usize = 20;

const JSON: &str = "application/json";

/// The content of a request to post a message.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    name: Option<String>,
    text: String,
}

/// What is listed at `GET /` of the admin listener.
pub const INDEX: &str = "\
This address is for the operator's programs: chinwag manual web, and chinwag manual api.

GET /healthz                     200 while the server is up; 503 while it ends, or is cut off from its cluster
GET /metrics                     figures in the format of Prometheus
POST /api/rooms/ROOM/messages    shows a message in a room; needs a token of --api-tokens FILE
";

/// The name of the room whose messages are at this path, decoded; `None` if it is another path.
pub fn room_of(path: &str) -> Option<String> {
    let room = path.strip_prefix("/api/rooms/")?.strip_suffix("/messages")?;
    decode_segment(room).filter(|_| !room.is_empty() && !room.contains('/'))
}

/// The token that a request has sent (RFC 6750, section 2.1).
pub fn bearer(post: &Post) -> Option<&str> {
    let (scheme, token) = post.authorization.as_deref()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then_some(token.trim())
}

/// Reads the name and the lines of a message from the content of a request; a name that is not given is `default`. Control
/// characters are removed from the lines, which have at most `max_line` bytes; blank ones are left out.
///
/// # Errors
/// What does not fit.
pub fn read_content(post: &Post, default: &Name, max_line: usize) -> Result<(Name, Vec<Box<str>>), ApiError> {
    if post.readable().is_none() {
        return Err(if post.length.is_none() { ApiError::LengthRequired } else { ApiError::TooLarge });
    }
    let kind = post.content_type.as_deref().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case(JSON) {
        return Err(ApiError::UnsupportedType);
    }
    let Content { name, text } = serde_json::from_slice(&post.content).map_err(|error| match error.is_data() {
        true => ApiError::WrongFields(error.to_string()),
        false => ApiError::NotJson(error.to_string()),
    })?;
    let name = match name {
        Some(name) => Name::poster(&name).map_err(|_| ApiError::BadName)?,
        None => default.clone(),
    };
    Ok((name, lines_of(&text, max_line)?))
}

fn lines_of(text: &str, max_line: usize) -> Result<Vec<Box<str>>, ApiError> {
    let text = text.replace("\r\n", "\n");
    let mut lines = Vec::new();
    for (line, number) in text.split(['\n', '\r']).zip(1..) {
        let line = clean(line);
        if line.len() > max_line {
            return Err(ApiError::LineTooLong { number, bytes: line.len(), most: max_line });
        }
        if !is_blank(&line) {
            lines.push(line.into());
        }
    }
    match lines.len() {
        0 => Err(ApiError::NoText),
        1..=MAX_LINES => Ok(lines),
        count => Err(ApiError::TooManyLines(count)),
    }
}

/// The answer to a message that was committed: the id of its first line, and the number of lines.
pub fn posted(first: u64, lines: usize, keep_alive: bool, now: Now) -> Answer {
    let body = json!({ "id": first, "lines": lines }).to_string() + "\n";
    let response = Response::new("201 Created", now.local).field("Cache-Control", "no-store");
    (response.with_body(JSON, body.len(), keep_alive), body.into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(kind: Option<&str>, content: &str) -> Post {
        Post {
            content_type: kind.map(str::to_owned),
            length: Some(content.len() as u64),
            content: content.into(),
            ..Post::default()
        }
    }

    /// What is posted with such an object, as `name: line | line`.
    fn read(content: &str) -> Result<String, ApiError> {
        let (name, lines) = read_content(&post(Some(JSON), content), &Name::poster("token").unwrap(), 30)?;
        Ok(format!("{}: {}", name.shown, lines.join(" | ")))
    }

    #[test]
    fn room_is_a_decoded_segment_of_the_path() {
        for (path, room) in [
            ("/api/rooms/den/messages", Some("den")),
            ("/api/rooms/%E8%8C%B6/messages", Some("茶")),
            ("/api/rooms/a+b/messages", Some("a+b")),
            ("/api/rooms/a%2Fb/messages", Some("a/b")),
            ("/api/rooms//messages", None),
            ("/api/rooms/a/b/messages", None),
            ("/api/rooms/%ff/messages", None),
            ("/api/rooms/%4/messages", None),
            ("/api/rooms/den/messages/", None),
            ("/api/rooms/den", None),
            ("/api/rooms/messages", None),
        ] {
            assert_eq!(room_of(path).as_deref(), room, "{path}");
        }
    }

    #[test]
    fn token_follows_the_scheme_bearer() {
        let bearer = |field: Option<&str>| {
            let post = Post { authorization: field.map(str::to_owned), ..Post::default() };
            bearer(&post).map(str::to_owned)
        };
        for field in ["Bearer abc", "bearer abc", "BEARER  abc"] {
            assert_eq!(bearer(Some(field)).as_deref(), Some("abc"), "{field}");
        }
        for field in [None, Some("abc"), Some("Basic abc"), Some("Bearerabc")] {
            assert_eq!(bearer(field), None, "{field:?}");
        }
    }

    #[test]
    fn text_becomes_lines_without_control_characters_and_blank_ones() {
        for (content, shown) in [
            (r#"{"name":"ci","text":"hi"}"#, "ci[bot]: hi"),
            (r#"{"text":"/me waves"}"#, "token[bot]: /me waves"),
            (r#"{"name":null,"text":"a\nb\r\n\r\n \r\tc"}"#, "token[bot]: a | b |  c"),
            (r#"{"text":"\u001b[31mred\u0007\u202e!"}"#, "token[bot]: red!"),
        ] {
            assert_eq!(read(content).as_deref(), Ok(shown), "{content}");
        }
        let most = format!(r#"{{"text":"{}"}}"#, r"x\n".repeat(MAX_LINES));
        assert!(read(&most).is_ok());
    }

    #[test]
    fn content_that_does_not_fit_is_refused_with_its_reason() {
        let status = |content: &str| {
            read(content).unwrap_err().answer(
                false,
                true,
                crate::chat::Now { at: std::time::Duration::ZERO, local: time::OffsetDateTime::UNIX_EPOCH },
            )
        };
        for (content, number, reason) in [
            ("", "400", "is not valid JSON"),
            ("{", "400", "is not valid JSON"),
            (r#"{"text":"a"} x"#, "400", "is not valid JSON"),
            ("[]", "422", "does not fit"),
            (r#"{"name":"ci"}"#, "422", "missing field `text`"),
            (r#"{"text":7}"#, "422", "does not fit"),
            (r#"{"text":"a","room":"den"}"#, "422", "unknown field `room`"),
            (r#"{"name":"alice!","text":"a"}"#, "422", "the name does not fit"),
            (r#"{"name":"ci[bot]","text":"a"}"#, "422", "the name does not fit"),
            (r#"{"text":" \n\u0007\n"}"#, "422", "the text is blank"),
            (&format!(r#"{{"text":"a\n{}"}}"#, "x".repeat(31)), "422", "line 2 of the text has 31 bytes, and 30"),
            (&format!(r#"{{"text":"{}"}}"#, r"x\n".repeat(21)), "422", "the text has 21 lines, and 20"),
        ] {
            let (head, body) = status(content);
            let (head, body) = (String::from_utf8(head).unwrap(), String::from_utf8(body.into_owned()).unwrap());
            assert!(head.starts_with(&format!("HTTP/1.1 {number} ")), "{content}: {head}");
            assert!(body.contains(reason), "{content}: {body}");
            assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{head}");
        }
    }

    #[test]
    fn other_types_and_lengths_are_refused() {
        let read = |post: &Post| read_content(post, &Name::poster("token").unwrap(), 30).map(drop);
        let content = r#"{"text":"a"}"#;
        for kind in ["application/json", "Application/JSON; charset=utf-8"] {
            assert_eq!(read(&post(Some(kind), content)), Ok(()), "{kind}");
        }
        for kind in [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("application/jsonx")] {
            assert_eq!(read(&post(kind, content)), Err(ApiError::UnsupportedType), "{kind:?}");
        }
        let long = Post { length: Some(65537), ..post(Some(JSON), "") };
        assert_eq!(read(&long), Err(ApiError::TooLarge));
        assert_eq!(read(&Post { length: None, ..long }), Err(ApiError::LengthRequired));
    }
}
