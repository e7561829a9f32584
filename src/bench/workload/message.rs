//! What the load test says: text of a fixed size that tells who said it, as the how manieth, and when.
//!
//! `~rrrrkssssnnnnnnnnttttttttttttttttcccc~abcdefg…`: the run, the kind, the stream, the number in it,
//! the time in nanoseconds, a checksum of these (all hexadecimal), and filling that shows damage too.

use memchr::memmem;

use crate::bench::driver::clock::Nanos;

/// Bytes that the shortest message has.
pub const MIN_SIZE: usize = END + 1;

/// Where the fields begin; the mark before them is a tilde and four digits for the run.
const KIND: usize = 5;
const STREAM: usize = 6;
const SEQ: usize = 10;
const TIME: usize = 18;
const SUM: usize = 34;
const END: usize = 38;

/// What a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// To find out who is in the room; not counted.
    Probe,
    /// Said in the room.
    Message,
    /// A whisper to be answered.
    Question,
    /// The answer to it, with the question's time.
    Answer,
}

/// What one message says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag {
    /// What it is for.
    pub kind: Kind,
    /// The number of its sender.
    pub stream: u16,
    /// Its number among those of its sender, from 0.
    pub seq: u32,
    /// When it was meant to be said.
    pub time: Nanos,
}

impl Tag {
    fn checksum(&self) -> u16 {
        // Two odd numbers without a pattern, so that each bit counts in the upper ones.
        let numbers = u64::from(self.stream) << 40 | (self.kind as u64) << 32 | u64::from(self.seq);
        let mixed = numbers.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ self.time.wrapping_mul(0xd6e8_feb8_6659_fd93);
        (mixed >> 48 ^ mixed >> 16) as u16
    }
}

/// What [`Format::find`] sees in a line.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing of ours.
    Other,
    /// A message of this run that is not as it was said.
    Damaged,
    /// A message of this run.
    Tag(Tag),
}

/// The form of the messages of one run.
#[derive(Clone, Debug)]
pub struct Format {
    mark: [u8; KIND],
    filling: Vec<u8>,
}

impl Format {
    /// Messages of `size` bytes, at least [`MIN_SIZE`], that no other run takes for its own.
    pub fn new(run: u16, size: usize) -> Self {
        let mut mark = [b'~'; KIND];
        mark[1..].copy_from_slice(&digits::<4>(u64::from(run)));
        let filling = std::iter::once(b'~').chain((b'a'..=b'z').cycle()).take(size - END).collect();
        Format { mark, filling }
    }

    /// Bytes of a message.
    pub fn size(&self) -> usize {
        END + self.filling.len()
    }

    /// Appends a message, without a line's end.
    pub fn write(&self, tag: Tag, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.mark);
        to.push(match tag.kind {
            Kind::Probe => b'p',
            Kind::Message => b'm',
            Kind::Question => b'q',
            Kind::Answer => b'a',
        });
        to.extend_from_slice(&digits::<4>(u64::from(tag.stream)));
        to.extend_from_slice(&digits::<8>(u64::from(tag.seq)));
        to.extend_from_slice(&digits::<16>(tag.time));
        to.extend_from_slice(&digits::<4>(u64::from(tag.checksum())));
        to.extend_from_slice(&self.filling);
    }

    /// Looks for a message in a line, whatever stands before and after it.
    #[inline]
    pub fn find(&self, line: &[u8]) -> Found {
        // Most servers add nothing after the text.
        if let Some(at) = line.len().checked_sub(self.size())
            && line[at..].starts_with(&self.mark)
        {
            return self.read(&line[at..]);
        }
        match self.position(line) {
            Some(at) => self.read(&line[at..]),
            None => Found::Other,
        }
    }

    /// Where a message begins.
    pub fn position(&self, line: &[u8]) -> Option<usize> {
        memmem::find(line, &self.mark)
    }

    fn read(&self, text: &[u8]) -> Found {
        let size = self.size();
        if text.len() < size || text[END..size] != self.filling[..] {
            return Found::Damaged;
        }
        let kind = match text[KIND] {
            b'p' => Kind::Probe,
            b'm' => Kind::Message,
            b'q' => Kind::Question,
            b'a' => Kind::Answer,
            _ => return Found::Damaged,
        };
        let fields = [STREAM..SEQ, SEQ..TIME, TIME..SUM, SUM..END].map(|field| number(&text[field]));
        let [Some(stream), Some(seq), Some(time), Some(sum)] = fields else { return Found::Damaged };
        let tag = Tag { kind, stream: stream as u16, seq: seq as u32, time };
        if u64::from(tag.checksum()) == sum { Found::Tag(tag) } else { Found::Damaged }
    }
}

fn digits<const N: usize>(value: u64) -> [u8; N] {
    std::array::from_fn(|at| b"0123456789abcdef"[(value >> (4 * (N - 1 - at))) as usize & 15])
}

/// The value of each digit; 255 for what is none.
const VALUES: [u8; 256] = {
    let mut values = [255; 256];
    let mut value = 0;
    while value < 16 {
        values[b"0123456789abcdef"[value] as usize] = value as u8;
        value += 1;
    }
    values
};

fn number(digits: &[u8]) -> Option<u64> {
    let (mut value, mut all) = (0, 0);
    for &digit in digits {
        let digit = VALUES[digit as usize];
        all |= digit;
        value = value << 4 | u64::from(digit & 15);
    }
    (all < 16).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: Tag = Tag { kind: Kind::Message, stream: 0xfe, seq: 0xabcdef, time: 0x123_4567_89ab_cdef };

    fn said(format: &Format, before: &str, after: &str) -> Vec<u8> {
        let mut line = before.as_bytes().to_vec();
        format.write(TAG, &mut line);
        line.extend_from_slice(after.as_bytes());
        line
    }

    #[test]
    fn a_message_is_found_whatever_stands_around_it() {
        for size in [MIN_SIZE, 64, 4096] {
            let format = Format::new(0x1a2b, size);
            assert_eq!(said(&format, "", "").len(), size);
            for (before, after) in [("", ""), ("[12:00:00] alice: ", ""), ("<~alice> ", " \x1b[0m")] {
                assert_eq!(format.find(&said(&format, before, after)), Found::Tag(TAG));
            }
        }
    }

    #[test]
    fn another_runs_message_is_none_of_ours() {
        let line = said(&Format::new(1, 64), "bob: ", "");
        assert_eq!(Format::new(2, 64).find(&line), Found::Other);
        assert_eq!(Format::new(2, 64).find(b"* bob joined (2 here)"), Found::Other);
        assert_eq!(Format::new(2, 64).find(b""), Found::Other);
    }

    #[test]
    fn each_changed_byte_is_damage() {
        let format = Format::new(7, 64);
        let line = said(&format, "x", "");
        for at in 1 + KIND..line.len() {
            for byte in b"!0123456789abcdef" {
                let mut changed = line.clone();
                changed[at] = *byte;
                assert!(changed == line || format.find(&changed) == Found::Damaged, "{at} {byte}");
            }
            assert_eq!(format.find(&line[..at]), Found::Damaged, "cut at {at}");
        }
    }
}
