//! Removes deleted words from the split keys of the index.
//!
//! FTS5 keeps a word, or the beginning of one, for each page of its index, in the table `search_idx`: a key that is greater
//! than all words of the pages before it, and at most the first word of that page. Its `secure-delete` overwrites a deleted
//! word in the page, and leaves the key. <https://www.sqlite.org/fts5.html#fts5_data_structures>

use rusqlite::{Connection, OptionalExtension, params};

use super::words::spaced;
use crate::store::error::DbResult;

/// What FTS5 writes before each word.
const MAIN_PREFIX: u8 = b'0';
/// Bits of a page's number in the id of its block; the number of its segment is above them.
const PAGE_BITS: i64 = 37;

/// Replaces the keys that come from words of a removed text, in the transaction in which they were removed and written.
pub(super) fn clean(connection: &Connection, text: &str) -> DbResult<()> {
    let words = words_of(connection, text)?;
    for segment in segments(connection)? {
        for word in &words {
            clean_key(connection, segment, word)?;
        }
    }
    Ok(())
}

/// The words of a text, as they are in the index; a table in memory with the same tokenizer splits them.
fn words_of(connection: &Connection, text: &str) -> DbResult<Vec<Vec<u8>>> {
    connection.execute_batch(
        "CREATE VIRTUAL TABLE IF NOT EXISTS temp.deleted
             USING fts5 (text, content = '', tokenize = 'unicode61 remove_diacritics 2');
         CREATE VIRTUAL TABLE IF NOT EXISTS temp.deleted_words USING fts5vocab (temp, deleted, row);",
    )?;
    connection.prepare_cached("INSERT INTO temp.deleted (text) VALUES (?1)")?.execute([spaced(text)])?;
    let mut statement = connection.prepare_cached("SELECT term FROM temp.deleted_words")?;
    let word = |row: &rusqlite::Row| Ok([&[MAIN_PREFIX], row.get_ref(0)?.as_bytes()?].concat());
    let words = statement.query_map([], word)?.collect::<Result<_, _>>()?;
    connection.prepare_cached("INSERT INTO temp.deleted (deleted) VALUES ('delete-all')")?.execute([])?;
    Ok(words)
}

/// The numbers of the segments of the index.
fn segments(connection: &Connection) -> DbResult<Vec<i64>> {
    let mut next = connection.prepare_cached("SELECT min(segid) FROM search_idx WHERE segid > ?1")?;
    let (mut segments, mut last) = (Vec::new(), -1);
    while let Some(segment) = next.query_row([last], |row| row.get::<_, Option<i64>>(0))? {
        segments.push(segment);
        last = segment;
    }
    Ok(segments)
}

/// Replaces the key that comes from a deleted word, if a segment has one. No later key can come from it.
fn clean_key(connection: &Connection, segment: i64, word: &[u8]) -> DbResult<()> {
    let mut statement = connection.prepare_cached(
        "SELECT term, pgno FROM search_idx WHERE segid = ?1 AND term <= ?2 ORDER BY term DESC LIMIT 1",
    )?;
    let key = statement.query_row(params![segment, word], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, i64>(1)?)));
    let Some((key, page)) = key.optional()? else { return Ok(()) };
    if key.is_empty() || !word.starts_with(&key) {
        return Ok(());
    }
    // The lowest bit is a flag.
    let block = (segment << PAGE_BITS) + (page >> 1);
    let mut statement = connection.prepare_cached("SELECT block FROM search_data WHERE id = ?1")?;
    let first =
        statement.query_row([block], |row| Ok(row.get_ref(0)?.as_blob().ok().and_then(first_word).map(Vec::from)));
    match first.optional()?.flatten() {
        // The words of the page were moved to another segment; the search goes on from the key before it.
        None => {
            connection
                .prepare_cached("DELETE FROM search_idx WHERE segid = ?1 AND term = ?2")?
                .execute(params![segment, key])?;
        }
        // The page begins with another word now.
        Some(first) if !first.starts_with(&key) => {
            let same = first.iter().zip(&key).take_while(|(one, other)| one == other).count();
            if let Some(new) = first.get(..=same).filter(|new| *new > &key[..]) {
                connection
                    .prepare_cached("UPDATE search_idx SET term = ?3 WHERE segid = ?1 AND term = ?2")?
                    .execute(params![segment, key, new])?;
            }
        }
        Some(_) => {}
    }
    Ok(())
}

/// The first word that begins on a page; `None` if none does.
///
/// Bytes 2 and 3 are the length of the words and their positions. After these are the offsets of the words.
fn first_word(page: &[u8]) -> Option<&[u8]> {
    let length = usize::from(u16::from_be_bytes([*page.get(2)?, *page.get(3)?]));
    let (offset, _) = varint(page.get(length..)?)?;
    let word = page.get(..length)?.get(offset..)?;
    let (length, bytes) = varint(word)?;
    word.get(bytes..bytes + length)
}

/// A variable-length integer of at most four bytes, and its length, <https://www.sqlite.org/fileformat.html#varint>.
fn varint(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0;
    for (number, byte) in bytes.iter().take(4).enumerate() {
        value = value << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, number + 1));
        }
    }
    None
}
