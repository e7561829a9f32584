//! A checksum for each row: SQLite has none for its pages, and a flipped bit in a text is a text still.

use crc32fast::Hasher;

/// The CRC-32 of a row's columns, of which it takes the table for the first.
pub(in crate::store) struct Checksum(Hasher);

impl Checksum {
    pub fn of(table: &str) -> Self {
        Checksum(Hasher::new()).text(table)
    }

    pub fn int(mut self, value: i64) -> Self {
        self.0.update(&value.to_le_bytes());
        self
    }

    pub fn text(mut self, text: &str) -> Self {
        self.0.update(&(text.len() as u64).to_le_bytes());
        self.0.update(text.as_bytes());
        self
    }

    pub fn done(self) -> i64 {
        self.0.finalize().into()
    }
}
