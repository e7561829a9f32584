//! The stream of a bucket at the engine: the last message of each subject.

use std::collections::BTreeMap;

/// A message: a value, or the mark of a key that was deleted.
#[derive(Clone, Debug)]
pub struct Message {
    pub subject: String,
    /// Its headers, with the line that begins them; empty if it has none.
    pub headers: String,
    pub payload: Vec<u8>,
    /// The step in which it was stored.
    pub at: usize,
}

/// What was done to a stream.
#[derive(Clone, Debug)]
enum Operation {
    Put(Message),
    /// Removes a message with this subject and a number below this one.
    Purge(String, u64),
}

/// A stream that keeps one message of each subject.
#[derive(Default)]
pub struct Stream {
    /// The messages by their numbers.
    pub messages: BTreeMap<u64, Message>,
    /// The number of the newest message, also if it was removed.
    pub last: u64,
    newest: BTreeMap<String, u64>,
    operations: Vec<Operation>,
}

impl Stream {
    /// The number of the message with a subject; zero if there is none.
    pub fn number_of(&self, subject: &str) -> u64 {
        self.newest.get(subject).copied().unwrap_or(0)
    }

    /// Adds a message; returns its number.
    pub fn put(&mut self, message: Message) -> u64 {
        self.operations.push(Operation::Put(message.clone()));
        self.last += 1;
        if let Some(before) = self.newest.insert(message.subject.clone(), self.last) {
            self.messages.remove(&before);
        }
        self.messages.insert(self.last, message);
        self.last
    }

    /// Removes the message with a subject if its number is below this one.
    pub fn purge(&mut self, subject: &str, below: u64) {
        self.operations.push(Operation::Purge(subject.to_owned(), below));
        if let Some(number) = self.newest.get(subject).copied().filter(|&number| number < below) {
            self.newest.remove(subject);
            self.messages.remove(&number);
        }
    }

    /// Goes back to an older state: some operations are forgotten.
    pub fn restore(&mut self, lost: usize) {
        let mut operations = std::mem::take(&mut self.operations);
        operations.truncate(operations.len().saturating_sub(lost));
        *self = Stream::default();
        for operation in operations {
            match operation {
                Operation::Put(message) => drop(self.put(message)),
                Operation::Purge(subject, below) => self.purge(&subject, below),
            }
        }
    }
}
