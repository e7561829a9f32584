//! What can go wrong between the client and its servers.

use std::io;

use super::jetstream::ApiError;
use super::protocol::ProtocolError;
use crate::util::io_error::plain_words;

/// Why there is no connection to a server. The text continues a sentence that names the server.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error("its name cannot be found: {0}")]
    Name(String),
    #[error("no connection: {}", plain_words(.0))]
    Connect(#[source] io::Error),
    /// The seconds that it had.
    #[error("it did not complete the connection within {0} seconds")]
    Timeout(u64),
    #[error("it is no NATS server: it sent {0}; give the port for clients, by default 4222")]
    NotNats(ProtocolError),
    #[error("it sent what is no NATS: {0}")]
    Protocol(ProtocolError),
    #[error("what it says of itself (INFO) is damaged: {0}")]
    Info(#[source] serde_json::Error),
    /// The version of the server.
    #[error("its version is {0}; nats-server 2.10 or later is needed")]
    TooOld(String),
    #[error(
        "it asks for a user and password, a token or a key; write nats://USER:PASSWORD@HOST:PORT, \
         nats://TOKEN@HOST:PORT or nats://SEED@HOST:PORT"
    )]
    CredentialsMissing,
    #[error(
        "it refuses the user and password, the token or the key; compare them with the configuration of nats-server"
    )]
    CredentialsWrong,
    #[error("it does not offer TLS; write nats:// instead of tls://, or switch TLS on in nats-server")]
    NoTls,
    /// The most bytes of a message that it takes, and how many it must take.
    #[error(
        "its max_payload is {0} bytes, and at least {1} are needed; write max_payload: 1MB in the configuration of \
         nats-server, or remove max_payload there"
    )]
    SmallPayload(usize, usize),
    /// An attacker on the way may have put them there.
    #[error("it sent bytes without encryption where TLS begins")]
    BytesBeforeTls,
    #[error("the TLS handshake failed: {}", plain_words(.0))]
    Tls(#[source] io::Error),
    #[error("it closed the connection")]
    Closed,
    #[error("the connection broke: {}", plain_words(.0))]
    Broken(#[source] io::Error),
    /// The seconds without an answer.
    #[error("it has not answered for {0} seconds")]
    Silent(u64),
    #[error("it asks again and again whether this client is there, and does not read the answers")]
    Unread,
    /// The server's words.
    #[error("it ended the connection and said: {0}")]
    Said(String),
    #[error("it is about to stop")]
    Stopping,
    #[error("what was asked through it had no answer, so another server is tried")]
    Left,
}

/// Why something was not sent. It will not be sent later, either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    #[error("there is no connection to a NATS server")]
    NotConnected,
    #[error("too many bytes wait to be sent")]
    Full,
    /// The most bytes that the server allows.
    #[error(
        "the message is longer than the {0} bytes that the NATS server allows; see max_payload in its configuration"
    )]
    TooLong(usize),
    /// White space, control characters, empty words, or more than 1,024 bytes.
    #[error("the subject or a name in it is empty, too long, or has characters that are not allowed")]
    Subject,
}

/// Why a request has no good answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// No client and no server listens on the subject: what was asked has not happened. JetStream is off, has no such
    /// stream, or its stream has no leader.
    #[error("nobody answers; is JetStream switched on, and are most of its servers there?")]
    NoResponders,
    /// JetStream refused: what was asked has not happened.
    #[error("JetStream refused: {0}")]
    Refused(ApiError),
    /// No answer came in time: what was asked may have happened.
    #[error("no answer came in time")]
    Timeout,
    /// The connection was lost before an answer came: what was asked may have happened.
    #[error("the connection was lost before the answer")]
    ConnectionLost,
    /// The answer cannot be understood: what was asked may have happened.
    #[error("the answer cannot be understood")]
    BadAnswer,
}

impl RequestError {
    /// Whether it is certain that what was asked has not happened.
    pub fn is_certain(&self) -> bool {
        matches!(self, RequestError::NoResponders | RequestError::Refused(_))
    }
}
