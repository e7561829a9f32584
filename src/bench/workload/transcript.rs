//! What the readers of a room get, as the first of them got it.
//!
//! Taking a line apart costs more than the server takes to deliver it when lines come in bulk. So a line is
//! taken apart when the first reader gets it, and what the others get is compared with that, many lines at
//! once. Lines are here with their ends, and frames with their headers. Whoever gets something else is read line by line, so that nothing depends on all getting the same.

use crate::bench::driver::clock::Nanos;

/// Bytes that are kept; who is further behind is read line by line.
const KEPT: usize = 4 << 20;

/// A message of ours, of which all is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The number of its sender.
    pub stream: u16,
    /// Its number among those of its sender.
    pub seq: u32,
    /// When it was due.
    pub time: Nanos,
}

/// A line of the transcript.
#[derive(Debug)]
pub struct Line {
    /// Where it ends, in bytes since the beginning.
    end: u64,
    /// How many bytes it has.
    length: u32,
    /// `None`: another line, to be looked at again for each reader.
    pub known: Option<Known>,
}

/// How far a reader has got, in whole lines: bytes since the beginning, and the number of the line that is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    offset: u64,
    line: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Transcript {
    bytes: Vec<u8>,
    /// Where `bytes` begins.
    base: u64,
    lines: Vec<Line>,
    /// The number of the first of `lines`.
    first: u64,
    /// The number that is next in each stream.
    next: Vec<u32>,
}

impl Transcript {
    fn end(&self) -> u64 {
        self.base + self.bytes.len() as u64
    }

    /// Whoever has got everything that is here.
    pub fn newest(&self) -> Place {
        Place { offset: self.end(), line: self.first + self.lines.len() as u64 }
    }

    /// How many bytes of what a reader got at `place` are the same as here; `None` if some differ.
    #[inline]
    pub fn same(&self, place: Place, got: &[u8]) -> Option<usize> {
        let from = place.offset.checked_sub(self.base)? as usize;
        let here = &self.bytes[from..];
        let n = here.len().min(got.len());
        (here[..n] == got[..n]).then_some(n)
    }

    /// The lines that a reader at `place` has whole after `n` more bytes, the place then, and how many of
    /// the bytes are left: those of a line that is not whole yet.
    #[inline]
    pub fn whole(&self, place: Place, n: usize) -> (&[Line], Place, usize) {
        let begin = (place.line - self.first) as usize;
        let upto = place.offset + n as u64;
        let mut end = begin;
        let mut offset = place.offset;
        while let Some(line) = self.lines.get(end)
            && line.end <= upto
        {
            offset = line.end;
            end += 1;
        }
        let place = Place { offset, line: self.first + end as u64 };
        (&self.lines[begin..end], place, (upto - offset) as usize)
    }

    /// The bytes of a line.
    pub fn bytes(&self, line: &Line) -> &[u8] {
        let end = (line.end - self.base) as usize;
        &self.bytes[end - line.length as usize..end]
    }

    /// Whether a message is the one that comes next here.
    pub fn is_new(&self, known: Known) -> bool {
        self.next.get(usize::from(known.stream)).copied().unwrap_or(0) == known.seq
    }

    /// Whether a message is the last one here.
    pub fn is_last(&self, known: Known) -> bool {
        self.lines.last().is_some_and(|line| line.known == Some(known))
    }

    /// Adds a whole line.
    pub fn push(&mut self, line: &[u8], known: Option<Known>) {
        if self.bytes.len() > KEPT {
            self.trim();
        }
        self.bytes.extend_from_slice(line);
        self.lines.push(Line { end: self.end(), length: line.len() as u32, known });
        if let Some(Known { stream, seq, .. }) = known {
            let stream = usize::from(stream);
            if self.next.len() <= stream {
                self.next.resize(stream + 1, 0);
            }
            self.next[stream] = self.next[stream].max(seq.saturating_add(1));
        }
    }

    /// Forgets the older half.
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

    fn known(seq: u32) -> Known {
        Known { stream: 1, seq, time: 0 }
    }

    fn three() -> Transcript {
        let mut transcript = Transcript::default();
        for (seq, line) in ["one\n", "two!\n", "three\n"].iter().enumerate() {
            transcript.push(line.as_bytes(), Some(known(seq as u32)));
        }
        transcript
    }

    fn start() -> Place {
        Transcript::default().newest()
    }

    /// The lines that a reader has whole after getting `got`, and how many bytes are left.
    fn follow(transcript: &Transcript, place: &mut Place, got: &str) -> Option<(Vec<String>, usize)> {
        let same = transcript.same(*place, got.as_bytes())?;
        let (lines, then, left) = transcript.whole(*place, same);
        *place = then;
        let text = |line| String::from_utf8(transcript.bytes(line).to_vec()).unwrap();
        Some((lines.iter().map(text).collect(), left))
    }

    #[test]
    fn every_way_to_cut_the_same_bytes_gives_the_same_lines() {
        let transcript = three();
        let all = "one\ntwo!\nthree\n";
        for cut in 0..=all.len() {
            let mut place = start();
            let (mut lines, left) = follow(&transcript, &mut place, &all[..cut]).unwrap();
            assert_eq!(left, all[..cut].rsplit('\n').next().unwrap().len());
            let (rest, left) = follow(&transcript, &mut place, &all[cut - left..]).unwrap();
            lines.extend(rest);
            assert_eq!((lines, left), (["one\n", "two!\n", "three\n"].map(String::from).to_vec(), 0));
            assert_eq!(place, transcript.newest());
        }
    }

    #[test]
    fn other_bytes_are_noticed_wherever_they_are() {
        let transcript = three();
        for at in 0..15 {
            let mut got = b"one\ntwo!\nthree\n".to_vec();
            got[at] ^= 1;
            assert_eq!(transcript.same(start(), &got), None);
        }
        assert_eq!(transcript.same(start(), b"one\ntwo!\nthree\nfour\n"), Some(15));
    }

    #[test]
    fn it_knows_what_is_new() {
        let transcript = three();
        assert!(transcript.is_new(known(3)) && transcript.is_last(known(2)));
        assert!(!transcript.is_new(known(2)) && !transcript.is_new(known(4)) && !transcript.is_last(known(1)));
        assert!(transcript.is_new(Known { stream: 7, seq: 0, time: 0 }));
    }

    #[test]
    fn who_is_too_far_behind_is_told_so() {
        let mut transcript = three();
        let behind = start();
        let line = [[b'x'; 1000].as_slice(), b"\n"].concat();
        for seq in 3..9000 {
            transcript.push(&line, Some(known(seq)));
        }
        assert!(transcript.bytes.len() <= KEPT + line.len());
        assert_eq!(transcript.same(behind, b"one"), None);
        let place = Place { line: transcript.first, offset: transcript.base };
        let (lines, then, left) = transcript.whole(place, transcript.bytes.len());
        assert!(lines.iter().all(|known| transcript.bytes(known) == line));
        assert_eq!((lines.len(), then, left), (transcript.lines.len(), transcript.newest(), 0));
    }
}
