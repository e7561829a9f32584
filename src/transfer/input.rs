//! Lines to messages.

use std::io::{BufRead, Read};

use super::Error;
use super::line::Line;
use crate::store::Message;

/// Bytes of a line: every character of the longest text as `\u0000`, and the rest.
const MAX_LINE: u64 = 8 << 20;

/// Reads messages, one at a time; lines with nothing on them are passed over.
pub(super) struct Lines<R> {
    input: R,
    name: String,
    number: u64,
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// The name is that of the input.
    pub fn new(input: R, name: String) -> Self {
        Lines { input, name, number: 0, line: Vec::new() }
    }

    fn message(&self) -> Result<Message, Error> {
        let wrong = |why| Error::Line(self.number, why);
        if self.line.len() as u64 == MAX_LINE {
            return Err(wrong(format!("it is longer than {MAX_LINE} bytes")));
        }
        let line: Line = serde_json::from_slice(&self.line).map_err(|error| {
            let why = error.to_string();
            // The number of the line is always 1 to the parser.
            wrong(why.split(" at line ").next().unwrap_or(&why).to_owned())
        })?;
        line.message().map_err(wrong)
    }
}

impl<R: BufRead> Iterator for Lines<R> {
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
