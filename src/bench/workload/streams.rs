//! The rooms that each member reads, and the streams of messages in them: each talker has one in each room.

use std::ops::Range;

use super::encoding::Encoding;

/// Maximum number of rooms that a member follows.
pub const MAX_FOLLOW: usize = 20;

/// Maximum number of rooms that a member reads.
pub const MAX_ROOMS: usize = 1 + MAX_FOLLOW;

/// Bytes before a message in a line for a followed room, at most.
pub const MAX_PREFIX: usize = "#r20 ".len();

/// The number of rooms that each member reads. Room 0 is the one that it is in after its login; it follows the others,
/// `r1` and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streams {
    rooms: usize,
}

impl Streams {
    /// For members that follow this number of rooms.
    pub fn new(follow: usize) -> Self {
        assert!(follow <= MAX_FOLLOW, "a checked option");
        Streams { rooms: 1 + follow }
    }

    /// Number of rooms that each member reads.
    pub fn rooms(self) -> usize {
        self.rooms
    }

    /// Number of rooms that each member follows.
    pub fn follow(self) -> usize {
        self.rooms - 1
    }

    /// Number of streams of this number of talkers.
    pub fn count(self, talkers: usize) -> usize {
        talkers * self.rooms
    }

    /// The streams of a talker, one in each room.
    pub fn of_talker(self, talker: usize) -> Range<usize> {
        talker * self.rooms..(talker + 1) * self.rooms
    }

    /// The talker of a stream.
    pub fn talker(self, stream: usize) -> usize {
        stream / self.rooms
    }

    /// The room of a stream.
    pub fn room(self, stream: usize) -> usize {
        stream % self.rooms
    }

    /// Appends what is before a message of a stream in a line to the server.
    pub fn write_prefix(self, stream: usize, encoding: Encoding, out: &mut Vec<u8>) {
        let room = Some(self.room(stream)).filter(|&room| room > 0).map(name);
        encoding.write_prefix(room.as_deref(), out);
    }

    /// Whether a line with a message of a stream is labelled with the room of the stream. Room 0 has no label, or that
    /// of a room that is not followed here.
    #[inline]
    pub fn is_labelled(self, stream: usize, encoding: Encoding, text: &[u8]) -> bool {
        self.rooms == 1 || encoding.room_label(text).map_or(0, number) == self.room(stream)
    }
}

/// The name of a followed room.
pub fn name(room: usize) -> String {
    format!("r{room}")
}

/// The number of the followed room with this name; 0 for another name.
fn number(name: &[u8]) -> usize {
    let digits = std::str::from_utf8(name).ok().and_then(|name| name.strip_prefix('r'));
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_talker_has_a_stream_in_each_room() {
        let streams = Streams::new(2);
        assert_eq!((streams.count(2), streams.of_talker(1)), (6, 3..6));
        let places: Vec<_> = (0..6).map(|stream| (streams.talker(stream), streams.room(stream))).collect();
        assert_eq!(places, [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]);
    }

    #[test]
    fn only_lines_for_followed_rooms_have_a_prefix() {
        let prefix = |streams: Streams, stream| {
            let mut out = Vec::new();
            streams.write_prefix(stream, Encoding::Plain, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!([3, 4, 5].map(|stream| prefix(Streams::new(2), stream)), ["", "#r1 ", "#r2 "]);
        assert_eq!(prefix(Streams::new(0), 5), "");
        let mut out = Vec::new();
        [0, 1].into_iter().for_each(|stream| Streams::new(2).write_prefix(stream, Encoding::Irc, &mut out));
        assert_eq!(out, b"PRIVMSG #lobby :PRIVMSG #r1 :", "in IRC all have one");
        assert_eq!(prefix(Streams::new(MAX_FOLLOW), MAX_FOLLOW).len(), MAX_PREFIX);
    }

    #[test]
    fn message_belongs_in_the_room_of_its_stream() {
        let label = |line: &str| {
            let encoding = match line.as_bytes()[0] {
                b'{' => Encoding::WebSocket,
                b':' => Encoding::Irc,
                _ => Encoding::Plain,
            };
            let streams = Streams::new(12);
            (0..streams.rooms())
                .filter(|&room| streams.is_labelled(room, encoding, line.as_bytes()))
                .collect::<Vec<_>>()
        };
        for (line, room) in [
            ("[12:00:00] bob: ~0", 0),
            ("[12:00:00] (r1) bob: ~0", 1),
            ("[12:00:00] (r12) bob: ~0", 12),
            ("[12:00:00] (den) bob: ~0", 0),
            ("[12:00:00] bob: (r1) ~0", 0),
            (r#"{"t":"said","room":"lobby","id":1,"name":"bob","text":"~0"}"#, 0),
            (r#"{"t":"said","room":"r2","id":1,"name":"bob","text":"~0"}"#, 2),
            (r#"{"t":"said","name":"bob","text":"~0"}"#, 0),
            (":bob!~bob@host PRIVMSG #lobby :~0", 0),
            (":bob!~bob@host PRIVMSG #r12 :~0", 12),
        ] {
            assert_eq!(label(line), [room], "{line}");
        }
        assert!(label("[12:00:00] (r13) bob: ~0").is_empty());
        assert!(Streams::new(0).is_labelled(7, Encoding::Plain, b"(r1) bob: ~0"), "nothing is followed");
    }
}
