//! The answers of JetStream.

use std::fmt::{self, Display, Formatter};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::cluster::nats::error::RequestError;
use crate::cluster::nats::protocol::Message;

/// An error of JetStream.
///
/// <https://docs.nats.io/reference/reference-protocols/nats_api_reference#error-handling>
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct ApiError {
    /// A number like those of HTTP.
    #[serde(default)]
    pub code: u16,
    /// The exact error.
    #[serde(default)]
    pub err_code: u32,
    /// The server's words.
    #[serde(default)]
    pub description: String,
}

impl ApiError {
    /// There is no stream with that name.
    pub const NO_STREAM: u32 = 10059;
    /// A stream with that name exists, with other settings.
    pub const STREAM_EXISTS: u32 = 10058;
    /// The last message of the subject or the stream is not the expected one.
    pub const WRONG_LAST_SEQUENCE: u32 = 10071;
    /// The same, while another message with the subject is on its way to the other servers.
    pub const WRONG_LAST_SEQUENCE_NOW: u32 = 10164;
    /// There is no message with that subject or number.
    pub const NO_MESSAGE: u32 = 10037;
    /// The message went to another stream than the expected one.
    pub const WRONG_STREAM: u32 = 10060;
    /// The message is longer than its stream takes.
    pub const TOO_LONG: u32 = 10054;
    /// The servers do not have the storage that a stream reserves.
    pub const NO_SPACE: u32 = 10047;
    /// A limit of the stream does not allow more, and it discards new messages.
    pub const STORE_FAILED: u32 = 10077;
}

impl Display for ApiError {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        // Control characters could change the terminal on which this is shown.
        let words: String = self.description.chars().filter(|c| !c.is_control()).take(200).collect();
        write!(f, "{words} ({})", self.err_code)
    }
}

#[derive(Deserialize)]
struct ErrorAnswer {
    error: Option<ApiError>,
}

/// Parses an answer in JSON, or the error in its place.
pub fn parse<T: DeserializeOwned>(message: &Message) -> Result<T, RequestError> {
    refuse_status(message)?;
    let answer: ErrorAnswer = serde_json::from_slice(message.payload).map_err(|_| RequestError::BadAnswer)?;
    match answer.error {
        Some(error) => Err(RequestError::Refused(error)),
        None => serde_json::from_slice(message.payload).map_err(|_| RequestError::BadAnswer),
    }
}

/// Parses the answer to a message that was published; returns its number in the stream.
pub fn parse_published(message: &Message) -> Result<u64, RequestError> {
    #[derive(Deserialize)]
    struct Published {
        error: Option<ApiError>,
        #[serde(default)]
        seq: u64,
    }
    refuse_status(message)?;
    match serde_json::from_slice(message.payload) {
        Ok(Published { error: Some(error), .. }) => Err(RequestError::Refused(error)),
        Ok(Published { seq, .. }) if seq > 0 => Ok(seq),
        _ => Err(RequestError::BadAnswer),
    }
}

/// Parses the answer to the question for the last message of a subject; returns its number, zero if there is none.
pub fn parse_revision(message: &Message) -> Result<u64, RequestError> {
    #[derive(Deserialize)]
    struct Answer {
        message: Last,
    }
    #[derive(Deserialize)]
    struct Last {
        seq: u64,
    }
    match parse(message) {
        Ok(Answer { message: Last { seq } }) => Ok(seq),
        Err(RequestError::Refused(error)) if error.err_code == ApiError::NO_MESSAGE => Ok(0),
        Err(error) => Err(error),
    }
}

/// Makes an error of a status in the headers.
fn refuse_status(message: &Message) -> Result<(), RequestError> {
    match message.headers.status() {
        None => Ok(()),
        Some(503) => Err(RequestError::NoResponders),
        Some(code) => {
            let description = message.headers.description().to_owned();
            Err(RequestError::Refused(ApiError { code, err_code: 0, description }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::nats::jetstream::StreamState;
    use crate::cluster::nats::protocol::Headers;

    fn message<'a>(headers: &'a str, payload: &'a str) -> Message<'a> {
        let headers = Headers::new(headers.as_bytes()).unwrap_or_default();
        Message { subject: "in.1", sid: 1, reply: None, headers, payload: payload.as_bytes() }
    }

    fn refused(code: u16, err_code: u32, description: &str) -> RequestError {
        RequestError::Refused(ApiError { code, err_code, description: description.into() })
    }

    #[test]
    fn answer_to_a_published_message_is_its_number_or_an_error() {
        for (headers, payload, expected) in [
            ("", r#"{"stream":"S","seq":7}"#, Ok(7)),
            ("", r#"{"stream":"S","seq":7,"domain":"d","duplicate":true}"#, Ok(7)),
            (
                "",
                r#"{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"},"stream":"S","seq":0}"#,
                Err(refused(503, ApiError::STORE_FAILED, "maximum bytes exceeded")),
            ),
            ("NATS/1.0 503\r\n\r\n", "", Err(RequestError::NoResponders)),
            ("NATS/1.0 409 No\r\n\r\n", "", Err(refused(409, 0, "No"))),
            ("", "", Err(RequestError::BadAnswer)),
            ("", "{}", Err(RequestError::BadAnswer)),
            ("", r#"{"stream":"S","seq":-1}"#, Err(RequestError::BadAnswer)),
            ("", "[[[[[[", Err(RequestError::BadAnswer)),
            ("", "+OK", Err(RequestError::BadAnswer)),
        ] {
            assert_eq!(parse_published(&message(headers, payload)), expected, "{headers}{payload}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(parse_published(&message("", &deep)), Err(RequestError::BadAnswer));
    }

    #[test]
    fn other_answers_are_parsed_or_refused() {
        let parse = |headers, payload| parse::<StreamState>(&message(headers, payload));
        let state = StreamState { messages: 0, bytes: 5, first_seq: 1, last_seq: 2 };
        assert_eq!(parse("", r#"{"type":"x","bytes":5,"first_seq":1,"last_seq":2}"#), Ok(state));
        let answer = r#"{"error":{"code":404,"err_code":10059,"description":"stream not found"}}"#;
        assert_eq!(parse("", answer), Err(refused(404, ApiError::NO_STREAM, "stream not found")));
        assert_eq!(parse("NATS/1.0 503\r\n", ""), Err(RequestError::NoResponders));
        assert_eq!(parse("", "null"), Err(RequestError::BadAnswer));
        let hostile = ApiError { description: "a\x1b[2J\n".repeat(200), ..ApiError::default() };
        assert!(!hostile.to_string().contains(char::is_control) && hostile.to_string().len() < 210);
    }

    #[test]
    fn revision_is_that_of_the_last_message_or_zero() {
        for (payload, expected) in [
            (r#"{"type":"x","message":{"subject":"a","seq":7,"data":"aGk=","time":"t"}}"#, Ok(7)),
            (r#"{"error":{"code":404,"err_code":10037,"description":"no message found"}}"#, Ok(0)),
            (
                r#"{"error":{"code":404,"err_code":10059,"description":"no"}}"#,
                Err(refused(404, ApiError::NO_STREAM, "no")),
            ),
            (r#"{"message":{"subject":"a"}}"#, Err(RequestError::BadAnswer)),
            ("{}", Err(RequestError::BadAnswer)),
        ] {
            assert_eq!(parse_revision(&message("", payload)), expected, "{payload}");
        }
    }
}
