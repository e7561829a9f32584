use super::*;
use crate::chat::id::Author;

impl Log {
    /// Bytes held.
    pub fn held(&self) -> usize {
        self.held
    }

    /// Checks that the segments have exactly these cursors, and that the counters are right.
    ///
    /// # Errors
    /// A description of the first fault.
    pub fn audit(&self, cursors: &[Cursor]) -> Result<(), String> {
        let mut readers = vec![0; self.segments.len()];
        for cursor in cursors {
            let segment = cursor.segment.checked_sub(self.first).map(|segment| segment as usize);
            let Some((number, segment)) = segment.and_then(|n| Some((n, self.segments.get(n)?))) else {
                return Err(format!("{cursor:?} is outside of the log, which begins with {}", self.first));
            };
            if cursor.offset as usize > segment.bytes.len() {
                return Err(format!("{cursor:?} is behind the end of its segment, {}", segment.bytes.len()));
            }
            readers[number] += 1;
        }
        let counted: Vec<u32> = self.segments.iter().map(|segment| segment.readers).collect();
        let held: usize = self.segments.iter().map(|segment| segment.bytes.len()).sum();
        let messages: u32 = self.segments.iter().map(|segment| segment.messages).sum();
        match () {
            () if counted != readers => Err(format!("readers are counted as {counted:?} and are {readers:?}")),
            () if messages != self.messages || messages < self.history => Err(format!(
                "{} messages are counted and {messages} held, {} of the history",
                self.messages, self.history
            )),
            () if held != self.held => Err(format!("{} bytes are counted and {held} held", self.held)),
            () => Ok(()),
        }
    }
}

const RETENTION: Retention = Retention { messages: 2, history_bytes: 1 << 20, backlog_bytes: 8192 };

/// Appends a message; the history keeps the newest two.
fn say(log: &mut Log, stamp: u64, text: &str) -> Cursor {
    let entry = Entry::message(stamp, Author::NONE);
    let history = 2.min(log.history as usize + 1);
    log.append(entry, history, text.len(), |out| out.extend_from_slice(text.as_bytes()));
    log.newest_entry().start
}

#[test]
fn history_starts_at_the_nth_last_message() {
    let mut log = Log::new(RETENTION);
    let starts: Vec<_> = (1..=3).map(|stamp| say(&mut log, stamp, "hello\r\n")).collect();
    assert_eq!(log.history(1), starts[2]);
    assert_eq!(log.history(2), starts[1]);
    assert_eq!(log.history(100), starts[1]);
    assert_eq!(log.history(0), log.end());
}

#[test]
fn segments_without_readers_or_history_are_freed() {
    let mut log = Log::new(RETENTION);
    let line = "x".repeat(600);
    for stamp in 0..100 {
        say(&mut log, stamp, &line);
    }
    assert!(log.held <= 3 * 1024, "{} bytes held", log.held);
    assert_eq!(log.appended(), 60_000);
}

#[test]
fn reader_holds_its_segment_until_it_is_too_slow() {
    let mut log = Log::new(RETENTION);
    let reader = log.end();
    log.add_reader(reader);
    log.mark_blocked(reader, ClientId::new(7));
    let line = "x".repeat(600);
    let mut stamp = 0;
    while !log.is_too_slow(reader) {
        say(&mut log, stamp, &line);
        stamp += 1;
        assert!(log.held < RETENTION.backlog_bytes + 3 * 1024);
    }
    assert!(log.appended() > RETENTION.backlog_bytes as u64);
    let mut slow = Vec::new();
    log.take_slow_readers(&mut slow);
    assert_eq!(slow, [ClientId::new(7)]);
    assert_eq!((log.bytes_from(reader), log.bytes_from(log.end())), (log.appended(), 0));
    log.remove_reader(reader);
    assert!(log.held <= 3 * 1024);
}
