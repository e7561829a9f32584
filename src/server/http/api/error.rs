//! The reasons why a request of the API is refused, as its client reads them.

use serde_json::json;

use crate::chat::{Now, PostRefusal};
use crate::server::http::Answer;
use crate::wire::http::{MAX_CONTENT, Response};

use super::{JSON, MAX_LINES};

/// The reason why a request of the API is refused: what is wrong, what is allowed, what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    #[error(
        "the content is not valid JSON ({0}); send an object such as {{\"name\": \"ci\", \"text\": \"The build is broken.\"}}"
    )]
    NotJson(String),
    #[error(
        "no token, or a wrong one: send the field Authorization: Bearer TOKEN, with a token of the file that --api-tokens names"
    )]
    Unauthorized,
    #[error(
        "this server was started without --api-tokens FILE, so nobody may post; chinwag manual api shows how to set it up"
    )]
    Off,
    #[error("there is no room {0}; members make rooms with /join, and an empty room without history is gone")]
    NoRoom(String),
    #[error("the room is gone by now; members make rooms with /join")]
    RoomGone,
    #[error("only POST is supported here")]
    MethodNotAllowed,
    #[error("this server has no rooms, since it was started with --mode p2p; start it with --mode hub")]
    NoRooms,
    #[error("the length of the content is not known: send Content-Length, and no Transfer-Encoding")]
    LengthRequired,
    #[error("the content is too long: at most {MAX_CONTENT} bytes are allowed; send several messages")]
    TooLarge,
    #[error("the content must be JSON: send the field Content-Type: application/json")]
    UnsupportedType,
    #[error("the object does not fit ({0}): it has \"text\", a string, and may have \"name\", a string")]
    WrongFields(String),
    #[error(
        "the name does not fit: 1 to 19 letters or digits of any script, _, - and . are allowed; it is shown with [bot] behind it"
    )]
    BadName,
    #[error("the text is blank: give at least one character that is shown")]
    NoText,
    #[error("the text has {0} lines, and {MAX_LINES} are allowed, blank ones not counted; send several messages")]
    TooManyLines(usize),
    #[error("line {number} of the text has {bytes} bytes, and {most} are allowed (--max-line); send shorter lines")]
    LineTooLong { number: usize, bytes: usize, most: usize },
    #[error(
        "too many messages with this token: the limit is that of each member (--rate, --burst); try again in {0} s"
    )]
    TooMany(u64),
    #[error("the server is shutting down; try again when it is back")]
    Ending,
    #[error("the message is not shown: this server is cut off from the others of its cluster; try again later")]
    CutOff,
    #[error(
        "the message has no place in the order yet: it may still be shown; look at the room before you post it again"
    )]
    NotCommitted,
}

impl ApiError {
    /// The status of the answer.
    fn status(&self) -> &'static str {
        match self {
            ApiError::NotJson(_) => "400 Bad Request",
            ApiError::Unauthorized => "401 Unauthorized",
            ApiError::Off | ApiError::NoRoom(_) | ApiError::RoomGone => "404 Not Found",
            ApiError::MethodNotAllowed => "405 Method Not Allowed",
            ApiError::NoRooms => "409 Conflict",
            ApiError::LengthRequired => "411 Length Required",
            ApiError::TooLarge => "413 Content Too Large",
            ApiError::UnsupportedType => "415 Unsupported Media Type",
            ApiError::WrongFields(_)
            | ApiError::BadName
            | ApiError::NoText
            | ApiError::TooManyLines(_)
            | ApiError::LineTooLong { .. } => "422 Unprocessable Content",
            ApiError::TooMany(_) => "429 Too Many Requests",
            ApiError::Ending | ApiError::CutOff => "503 Service Unavailable",
            ApiError::NotCommitted => "504 Gateway Timeout",
        }
    }

    /// The answer: an object with the reason.
    pub fn answer(&self, is_head: bool, keep_alive: bool, now: Now) -> Answer {
        let mut response = Response::new(self.status(), now.local).field("Cache-Control", "no-store");
        match self {
            ApiError::Unauthorized => response = response.field("WWW-Authenticate", "Bearer"),
            ApiError::MethodNotAllowed => response = response.field("Allow", "POST"),
            ApiError::TooMany(seconds) => response = response.field("Retry-After", &seconds.to_string()),
            _ => {}
        }
        let body = json!({ "error": self.to_string() }).to_string() + "\n";
        let head = response.with_body(JSON, body.len(), keep_alive);
        (head, if is_head { Vec::new() } else { body.into_bytes() }.into())
    }

    /// The refusal of a message for the room of this name.
    pub fn of_refusal(refusal: PostRefusal, room: &str) -> Self {
        match refusal {
            PostRefusal::NoRoom => ApiError::NoRoom(room.to_owned()),
            PostRefusal::NoRooms => ApiError::NoRooms,
            PostRefusal::Ending => ApiError::Ending,
            PostRefusal::CutOff => ApiError::CutOff,
            PostRefusal::TooLong => ApiError::TooLarge,
        }
    }
}
