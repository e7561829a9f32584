//! What clients and servers say on the control socket: objects of JSON, one a line.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Bytes of the longest request with its line end: a path of 4096 bytes, each written as `\u0000`, and the rest.
pub const MAX_REQUEST: usize = 32 << 10;

/// What a client asks for; the first and only line that it sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "lowercase", deny_unknown_fields)]
pub enum Request {
    /// A copy of the store in a new file with this absolute path. The server removes the file when the connection ends,
    /// unless the client has given it another path by then.
    Copy { to: PathBuf },
    /// The server is replaced by the program that is on disk now. The upgrade goes on if the connection ends.
    Upgrade,
}

/// An answer of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "lowercase")]
pub enum Answer {
    /// Copies for other clients are made first.
    Waiting,
    /// This part is copied.
    Copying { percent: u8 },
    /// The copy is complete, and not synced. `store` is the file that was copied: device and inode.
    Copied { store: (u64, u64) },
    /// The process with this number serves now, and that of the server ends.
    Upgraded { pid: u32 },
    /// The request is refused, or has failed: the last answer.
    Error { why: String },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_answers_are_lines_of_json() {
        let request = Request::Copy { to: "/a b".into() };
        assert_eq!(serde_json::to_string(&request).unwrap(), r#"{"ask":"copy","to":"/a b"}"#);
        assert_eq!(serde_json::from_str::<Request>(r#"{"ask":"copy","to":"/a b"}"#).unwrap(), request);
        assert_eq!(serde_json::to_string(&Request::Upgrade).unwrap(), r#"{"ask":"upgrade"}"#);
        let answers = [
            (Answer::Waiting, r#"{"t":"waiting"}"#),
            (Answer::Copying { percent: 7 }, r#"{"t":"copying","percent":7}"#),
            (Answer::Copied { store: (1, 2) }, r#"{"t":"copied","store":[1,2]}"#),
            (Answer::Upgraded { pid: 7 }, r#"{"t":"upgraded","pid":7}"#),
            (Answer::Error { why: "x\ny".into() }, r#"{"t":"error","why":"x\ny"}"#),
        ];
        for (answer, line) in answers {
            assert_eq!(serde_json::to_string(&answer).unwrap(), line);
            assert_eq!(serde_json::from_str::<Answer>(line).unwrap(), answer);
        }
        let longest = Request::Copy { to: "\u{1}".repeat(4096).into() };
        assert!(serde_json::to_string(&longest).unwrap().len() < MAX_REQUEST);
    }
}
