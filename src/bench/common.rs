//! What the members of a load test have in common.

use super::message::{Format, Tag};

/// What all members of a run have in common.
pub struct Common {
    /// The number of the run.
    pub run: u16,
    /// The form of its messages.
    pub format: Format,
    /// How one whispers: `{name}` and `{text}` are filled in.
    pub whisper: String,
}

impl Common {
    /// A whole line that whispers to `name`.
    pub fn whisper(&self, name: &str, tag: Tag) -> Vec<u8> {
        let (before, after) = self.whisper.split_once("{text}").unwrap_or((&self.whisper, ""));
        let mut line = before.replace("{name}", name).into_bytes();
        self.format.write(tag, &mut line);
        line.extend_from_slice(after.as_bytes());
        line.push(b'\n');
        line
    }
}
