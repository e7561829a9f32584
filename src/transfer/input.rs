//! Reads exported messages from lines of JSON.

use std::io::{BufRead, Read};

use super::error::Error;
use super::line::JsonMessage;
use crate::store::Message;

/// Maximum bytes of a line: every character of the longest text as `\u0000`, and the other fields.
const MAX_LINE: u64 = 8 << 20;

/// Reads one message at a time; skips blank lines.
pub(super) struct MessageReader<R> {
    input: R,
    name: String,
    number: u64,
    line: Vec<u8>,
}

impl<R: BufRead> MessageReader<R> {
    /// `name` is the name of the input in error texts.
    pub fn new(input: R, name: String) -> Self {
        MessageReader { input, name, number: 0, line: Vec::new() }
    }

    fn message(&self) -> Result<Message, Error> {
        let bad_line = |why| Error::Line(self.number, why);
        if self.line.len() as u64 == MAX_LINE {
            return Err(bad_line(format!("it is longer than {MAX_LINE} bytes")));
        }
        let line: JsonMessage = serde_json::from_slice(&self.line).map_err(|error| {
            let why = error.to_string();
            // The parser sees a single line, so its own line number is always 1.
            bad_line(why.split(" at line ").next().unwrap_or(&why).to_owned())
        })?;
        line.message().map_err(bad_line)
    }
}

impl<R: BufRead> Iterator for MessageReader<R> {
    type Item = Result<Message, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.line.clear();
            self.number += 1;
            match (&mut self.input).take(MAX_LINE).read_until(b'\n', &mut self.line) {
                Ok(0) => return None,
                Ok(_) if self.line.trim_ascii().is_empty() => {}
                Ok(_) => return Some(self.message()),
                Err(error) => return Some(Err(Error::Input(self.name.clone(), error))),
            }
        }
    }
}
