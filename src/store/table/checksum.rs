//! Computes a checksum for each row: SQLite has none for its pages, and a text with a flipped bit is still a text.

use crc32fast::Hasher;

/// CRC-32 of the table's name and a row's columns.
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

    pub fn finish(self) -> i64 {
        self.0.finalize().into()
    }
}
