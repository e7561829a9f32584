//! Messages of the load test: text of a fixed size with sender, number and time.
//!
//! `~rrrrkssssnnnnnnnnttttttttttttttttcccc~abcdefg…`: the run, the kind, the stream, the number in it, the time in
//! nanoseconds, a checksum of these (all hexadecimal), and filling that shows damage too.

use memchr::memmem;

use crate::bench::driver::clock::Nanos;

/// Size of the shortest message in bytes.
pub const MIN_SIZE: usize = END + 1;

/// The default size of a message in bytes.
pub const DEFAULT_SIZE: usize = 64;
const _: () = assert!(DEFAULT_SIZE >= MIN_SIZE);

/// Offsets of the fields; before them are a tilde and four digits for the run.
const KIND: usize = 5;
const STREAM: usize = 6;
const SEQ: usize = 10;
const TIME: usize = 18;
const SUM: usize = 34;
const END: usize = 38;

/// The purpose of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// Finds out which members receive messages; not counted.
    Probe,
    /// A room message.
    Message,
    /// A whisper that expects an answer.
    Question,
    /// The answer to a question, with the question's time.
    Answer,
}

/// The fields of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Its purpose.
    pub kind: MessageKind,
    /// The number of its sender.
    pub stream: u16,
    /// Its number in the stream, from 0.
    pub seq: u32,
    /// When it was due.
    pub time: Nanos,
}

impl Tag {
    fn checksum(&self) -> u16 {
        // Two odd constants with random bits, so that each input bit changes the upper bits.
        let numbers = u64::from(self.stream) << 40 | (self.kind as u64) << 32 | u64::from(self.seq);
        let mixed = numbers.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ self.time.wrapping_mul(0xd6e8_feb8_6659_fd93);
        (mixed >> 48 ^ mixed >> 16) as u16
    }
}

/// The result of [`MessageFormat::find`].
#[derive(Debug, PartialEq, Eq)]
pub enum LineContent {
    /// No message of this run.
    Other,
    /// A message of this run that was changed.
    Damaged,
    /// A message of this run.
    Tag(Tag),
}

/// The format of the messages of one run.
#[derive(Clone, Debug)]
pub struct MessageFormat {
    mark: [u8; KIND],
    filling: Vec<u8>,
}

impl MessageFormat {
    /// Messages of `size` bytes, at least [`MIN_SIZE`], that other runs do not recognize.
    pub fn new(run: u16, size: usize) -> Self {
        let mut mark = [b'~'; KIND];
        mark[1..].copy_from_slice(&digits::<4>(u64::from(run)));
        let filling = std::iter::once(b'~').chain((b'a'..=b'z').cycle()).take(size - END).collect();
        MessageFormat { mark, filling }
    }

    /// Size of a message in bytes.
    pub fn size(&self) -> usize {
        END + self.filling.len()
    }

    /// Appends a message without a line end.
    pub fn write(&self, tag: Tag, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.mark);
        to.push(match tag.kind {
            MessageKind::Probe => b'p',
            MessageKind::Message => b'm',
            MessageKind::Question => b'q',
            MessageKind::Answer => b'a',
        });
        to.extend_from_slice(&digits::<4>(u64::from(tag.stream)));
        to.extend_from_slice(&digits::<8>(u64::from(tag.seq)));
        to.extend_from_slice(&digits::<16>(tag.time));
        to.extend_from_slice(&digits::<4>(u64::from(tag.checksum())));
        to.extend_from_slice(&self.filling);
    }

    /// Finds a message in a line, with any text before and after it.
    #[inline]
    pub fn find(&self, line: &[u8]) -> LineContent {
        // Most servers add nothing after the text.
        if let Some(at) = line.len().checked_sub(self.size())
            && line[at..].starts_with(&self.mark)
        {
            return self.read(&line[at..]);
        }
        match self.position(line) {
            Some(at) => self.read(&line[at..]),
            None => LineContent::Other,
        }
    }

    /// Where a message begins.
    pub fn position(&self, line: &[u8]) -> Option<usize> {
        memmem::find(line, &self.mark)
    }

    fn read(&self, text: &[u8]) -> LineContent {
        let size = self.size();
        if text.len() < size || text[END..size] != self.filling[..] {
            return LineContent::Damaged;
        }
        let kind = match text[KIND] {
            b'p' => MessageKind::Probe,
            b'm' => MessageKind::Message,
            b'q' => MessageKind::Question,
            b'a' => MessageKind::Answer,
            _ => return LineContent::Damaged,
        };
        let fields = [STREAM..SEQ, SEQ..TIME, TIME..SUM, SUM..END].map(|field| number(&text[field]));
        let [Some(stream), Some(seq), Some(time), Some(sum)] = fields else { return LineContent::Damaged };
        let tag = Tag { kind, stream: stream as u16, seq: seq as u32, time };
        if u64::from(tag.checksum()) == sum { LineContent::Tag(tag) } else { LineContent::Damaged }
    }
}

fn digits<const N: usize>(value: u64) -> [u8; N] {
    std::array::from_fn(|at| b"0123456789abcdef"[(value >> (4 * (N - 1 - at))) as usize & 15])
}

/// The value of each hexadecimal digit; 255 for other bytes.
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

    const TAG: Tag = Tag { kind: MessageKind::Message, stream: 0xfe, seq: 0xabcdef, time: 0x123_4567_89ab_cdef };

    fn said(format: &MessageFormat, before: &str, after: &str) -> Vec<u8> {
        let mut line = before.as_bytes().to_vec();
        format.write(TAG, &mut line);
        line.extend_from_slice(after.as_bytes());
        line
    }

    #[test]
    fn message_is_found_inside_any_line() {
        for size in [MIN_SIZE, 64, 4096] {
            let format = MessageFormat::new(0x1a2b, size);
            assert_eq!(said(&format, "", "").len(), size);
            for (before, after) in [("", ""), ("[12:00:00] alice: ", ""), ("<~alice> ", " \x1b[0m")] {
                assert_eq!(format.find(&said(&format, before, after)), LineContent::Tag(TAG));
            }
        }
    }

    #[test]
    fn message_of_another_run_is_ignored() {
        let line = said(&MessageFormat::new(1, 64), "bob: ", "");
        assert_eq!(MessageFormat::new(2, 64).find(&line), LineContent::Other);
        assert_eq!(MessageFormat::new(2, 64).find(b"* bob joined (2 here)"), LineContent::Other);
        assert_eq!(MessageFormat::new(2, 64).find(b""), LineContent::Other);
    }

    #[test]
    fn each_changed_byte_is_detected() {
        let format = MessageFormat::new(7, 64);
        let line = said(&format, "x", "");
        for at in 1 + KIND..line.len() {
            for byte in b"!0123456789abcdef" {
                let mut changed = line.clone();
                changed[at] = *byte;
                assert!(changed == line || format.find(&changed) == LineContent::Damaged, "{at} {byte}");
            }
            assert_eq!(format.find(&line[..at]), LineContent::Damaged, "cut at {at}");
        }
    }
}
