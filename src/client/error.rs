//! Errors that end the client.

use std::io;

use super::protocol::connection::tls::TlsError;
use crate::util::io_error::plain_words;

/// Why the client ended with an error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot find the host {0}: {why}", why = plain_words(.1))]
    Host(String, #[source] io::Error),
    #[error("cannot connect to {0}: {why}", why = plain_words(.1))]
    Connect(String, #[source] io::Error),
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The nickname and the server's reason.
    #[error("the server does not take {0}: {1}")]
    Nickname(String, String),
    /// The server asks for a password that is not known, or calls it wrong.
    #[error("cannot log in: {0}")]
    Password(String),
    /// The server closed the connection before the login was done.
    #[error("the server closed the connection before the login was complete; see its last lines")]
    NotIn,
    /// There is a web page at this address.
    #[error(
        "this is a web page: open {0} in a browser, or connect to the port for lines of text (by default 4567, with TLS 4568)"
    )]
    WebServer(String),
    #[error("the connection was lost: {}", plain_words(.0))]
    Lost(#[source] io::Error),
    #[error("cannot use the terminal: {}", plain_words(.0))]
    Terminal(#[source] io::Error),
    #[error("cannot write to standard output: {}", plain_words(.0))]
    Output(#[source] io::Error),
    /// Creating the poll, registering a descriptor or waiting failed.
    #[error("cannot go on: {}", plain_words(.0))]
    System(#[source] io::Error),
}

impl Error {
    /// Whether the client ends with it even after a lost connection, instead of trying again.
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Error::Tls(error) if error.is_final())
    }

    /// Why a connection could not be made, for the status line, which names the server.
    pub(super) fn reason(&self) -> String {
        match self {
            Error::Connect(_, error) => plain_words(error),
            error => error.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;
    use crate::client::protocol::connection::tls::KnownServersError;

    #[test]
    fn error_keeps_its_source_and_shows_it_in_the_message() {
        let refused = || io::Error::from_raw_os_error(111);
        for (error, message) in [
            (Error::Host("h".into(), refused()), "cannot find the host h: connection refused"),
            (Error::Connect("h:1".into(), refused()), "cannot connect to h:1: connection refused"),
            (Error::Lost(refused()), "the connection was lost: connection refused"),
            (Error::Terminal(refused()), "cannot use the terminal: connection refused"),
            (Error::Output(refused()), "cannot write to standard output: connection refused"),
            (Error::System(refused()), "cannot go on: connection refused"),
        ] {
            assert_eq!(error.to_string(), message);
            let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
            assert_eq!(source.and_then(io::Error::raw_os_error), Some(111), "{message}");
        }
        assert!(Error::Nickname("bob".into(), "taken".into()).source().is_none() && Error::NotIn.source().is_none());
    }

    #[test]
    fn only_a_server_that_is_not_trusted_ends_the_client_at_a_reconnect() {
        assert!(Error::from(TlsError::from(KnownServersError::NoPlace)).is_final());
        let slow = Error::from(TlsError::Timeout("h:1".into(), 10));
        let refused = Error::Connect("h:1".into(), io::Error::from_raw_os_error(111));
        assert!(!slow.is_final() && !refused.is_final());
        assert_eq!((refused.reason(), slow.reason()), ("connection refused".into(), slow.to_string()));
    }
}
