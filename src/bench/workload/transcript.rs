//! The transcript: what the first reader of a room has received.
//!
//! Parsing a line costs more than the server needs to deliver it when lines come in bulk. So each line is parsed once,
//! when the first reader gets it, and the bytes of other readers are compared with the transcript, many lines at once.
//! Lines are stored with their ends, and frames with their headers. A reader that gets something else is checked line
//! by line, so nothing depends on all readers getting the same.

use crate::bench::driver::clock::Nanos;

/// Bytes kept; a reader further behind is checked line by line.
const KEPT: usize = 4 << 20;

/// A parsed message of the load test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownMessage {
    /// The number of its sender.
    pub stream: u16,
    /// Its number in the stream.
    pub seq: u32,
    /// When it was due.
    pub time: Nanos,
}

/// A line of the transcript.
#[derive(Debug)]
pub struct TranscriptLine {
    /// Its end, as an offset from the beginning.
    end: u64,
    /// Its length in bytes.
    length: u32,
    /// `None`: another line, to be parsed for each reader.
    pub known: Option<KnownMessage>,
}

/// A reader's progress in complete lines: an offset from the beginning, and the number of the next line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    offset: u64,
    line: u64,
}

/// What the first reader has received.
#[derive(Debug, Default)]
pub struct Transcript {
    bytes: Vec<u8>,
    /// Offset of the first byte of `bytes`.
    base: u64,
    lines: Vec<TranscriptLine>,
    /// The number of the first of `lines`.
    first: u64,
    /// The next number in each stream.
    next: Vec<u32>,
}

impl Transcript {
    fn end(&self) -> u64 {
        self.base + self.bytes.len() as u64
    }

    /// The end: the position of a reader that has everything.
    pub fn newest(&self) -> Position {
        Position { offset: self.end(), line: self.first + self.lines.len() as u64 }
    }

    /// How many bytes of `got` at `position` equal the transcript; `None` if some differ.
    #[inline]
    pub fn same(&self, position: Position, got: &[u8]) -> Option<usize> {
        let from = position.offset.checked_sub(self.base)? as usize;
        let here = &self.bytes[from..];
        let n = here.len().min(got.len());
        (here[..n] == got[..n]).then_some(n)
    }

    /// The lines that a reader at `position` has complete after `n` more bytes, its new position, and the number of
    /// bytes left over, which belong to an incomplete line.
    #[inline]
    pub fn whole(&self, position: Position, n: usize) -> (&[TranscriptLine], Position, usize) {
        let begin = (position.line - self.first) as usize;
        let upto = position.offset + n as u64;
        let mut end = begin;
        let mut offset = position.offset;
        while let Some(line) = self.lines.get(end)
            && line.end <= upto
        {
            offset = line.end;
            end += 1;
        }
        let position = Position { offset, line: self.first + end as u64 };
        (&self.lines[begin..end], position, (upto - offset) as usize)
    }

    /// The bytes of a line.
    pub fn bytes(&self, line: &TranscriptLine) -> &[u8] {
        let end = (line.end - self.base) as usize;
        &self.bytes[end - line.length as usize..end]
    }

    /// Whether a message is the next one.
    pub fn is_new(&self, known: KnownMessage) -> bool {
        self.next.get(usize::from(known.stream)).copied().unwrap_or(0) == known.seq
    }

    /// Whether a message is the last one.
    pub fn is_last(&self, known: KnownMessage) -> bool {
        self.lines.last().is_some_and(|line| line.known == Some(known))
    }

    /// Adds a complete line.
    pub fn push(&mut self, line: &[u8], known: Option<KnownMessage>) {
        if self.bytes.len() > KEPT {
            self.trim();
        }
        self.bytes.extend_from_slice(line);
        self.lines.push(TranscriptLine { end: self.end(), length: line.len() as u32, known });
        if let Some(KnownMessage { stream, seq, .. }) = known {
            let stream = usize::from(stream);
            if self.next.len() <= stream {
                self.next.resize(stream + 1, 0);
            }
            self.next[stream] = self.next[stream].max(seq.saturating_add(1));
        }
    }

    /// Drops the older half.
    fn trim(&mut self) {
        let upto = self.base + (self.bytes.len() / 2) as u64;
        let lines = self.lines.partition_point(|line| line.end <= upto);
        let end = lines.checked_sub(1).map_or(self.base, |last| self.lines[last].end);
        self.lines.drain(..lines);
        self.first += lines as u64;
        self.bytes.drain(..(end - self.base) as usize);
        self.base = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(seq: u32) -> KnownMessage {
        KnownMessage { stream: 1, seq, time: 0 }
    }

    fn three() -> Transcript {
        let mut transcript = Transcript::default();
        for (seq, line) in ["one\n", "two!\n", "three\n"].iter().enumerate() {
            transcript.push(line.as_bytes(), Some(known(seq as u32)));
        }
        transcript
    }

    fn start() -> Position {
        Transcript::default().newest()
    }

    /// The complete lines of a reader that got `got`, and the number of bytes left over.
    fn follow(transcript: &Transcript, position: &mut Position, got: &str) -> Option<(Vec<String>, usize)> {
        let same = transcript.same(*position, got.as_bytes())?;
        let (lines, then, left) = transcript.whole(*position, same);
        *position = then;
        let text = |line| String::from_utf8(transcript.bytes(line).to_vec()).unwrap();
        Some((lines.iter().map(text).collect(), left))
    }

    #[test]
    fn any_split_of_bytes_gives_the_same_lines() {
        let transcript = three();
        let all = "one\ntwo!\nthree\n";
        for cut in 0..=all.len() {
            let mut position = start();
            let (mut lines, left) = follow(&transcript, &mut position, &all[..cut]).unwrap();
            assert_eq!(left, all[..cut].rsplit('\n').next().unwrap().len());
            let (rest, left) = follow(&transcript, &mut position, &all[cut - left..]).unwrap();
            lines.extend(rest);
            assert_eq!((lines, left), (["one\n", "two!\n", "three\n"].map(String::from).to_vec(), 0));
            assert_eq!(position, transcript.newest());
        }
    }

    #[test]
    fn different_bytes_are_detected_anywhere() {
        let transcript = three();
        for at in 0..15 {
            let mut got = b"one\ntwo!\nthree\n".to_vec();
            got[at] ^= 1;
            assert_eq!(transcript.same(start(), &got), None);
        }
        assert_eq!(transcript.same(start(), b"one\ntwo!\nthree\nfour\n"), Some(15));
    }

    #[test]
    fn transcript_knows_next_and_last_message() {
        let transcript = three();
        assert!(transcript.is_new(known(3)) && transcript.is_last(known(2)));
        assert!(!transcript.is_new(known(2)) && !transcript.is_new(known(4)) && !transcript.is_last(known(1)));
        assert!(transcript.is_new(KnownMessage { stream: 7, seq: 0, time: 0 }));
    }

    #[test]
    fn position_before_kept_bytes_is_rejected() {
        let mut transcript = three();
        let behind = start();
        let line = [[b'x'; 1000].as_slice(), b"\n"].concat();
        for seq in 3..9000 {
            transcript.push(&line, Some(known(seq)));
        }
        assert!(transcript.bytes.len() <= KEPT + line.len());
        assert_eq!(transcript.same(behind, b"one"), None);
        let position = Position { line: transcript.first, offset: transcript.base };
        let (lines, then, left) = transcript.whole(position, transcript.bytes.len());
        assert!(lines.iter().all(|known| transcript.bytes(known) == line));
        assert_eq!((lines.len(), then, left), (transcript.lines.len(), transcript.newest(), 0));
    }
}
