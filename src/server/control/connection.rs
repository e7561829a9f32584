//! One connection to the control socket: a request, and its answers.

use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use mio::net::UnixStream;
use mio::{Interest, Registry, Token};
use rustix::net::sockopt::socket_peercred;

use crate::control::protocol::{Answer, MAX_REQUEST, Request};
use crate::store::NewFile;

/// Time for a client to send its request, and to read its last answer.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// What a connection is about.
#[derive(Debug)]
pub enum Work {
    /// Its request has not come.
    Request,
    /// A copy of the store in this new file waits, or is being made.
    Copy(PathBuf),
    /// The copy is made. It is the client's; it is removed with the connection unless it has another path by then.
    Copied(NewFile),
    /// An upgrade is under way.
    Upgrade,
    /// The last answer is written, and then the connection ends.
    Nothing,
}

/// A connection to the control socket.
pub struct Connection {
    stream: UnixStream,
    user: u32,
    work: Work,
    input: Vec<u8>,
    output: Vec<u8>,
    /// There may be something to read, and room to write.
    readable: bool,
    writable: bool,
    /// When the client has taken too long.
    due: Option<Duration>,
    /// The client has gone, or everything is said.
    is_closed: bool,
    /// The percentage that the client has been told.
    told: Option<u8>,
}

/// The number of the user whose process has connected: SO_PEERCRED in unix(7).
///
/// # Errors
/// If the kernel does not tell.
pub fn user_of(stream: &UnixStream) -> io::Result<u32> {
    Ok(socket_peercred(stream)?.uid.as_raw())
}

/// Refuses a connection, with the reason if there is room for it.
pub fn refuse(mut stream: UnixStream, why: &str) {
    // A new connection has room. If not, the client reads the end of the connection.
    let _ = stream.write(&line(&Answer::Error { why: why.into() }));
}

impl Connection {
    pub fn new(stream: UnixStream, user: u32, now: Duration) -> Self {
        Connection {
            stream,
            user,
            work: Work::Request,
            input: Vec::new(),
            output: Vec::new(),
            readable: true,
            writable: true,
            due: Some(now + TIMEOUT),
            is_closed: false,
            told: None,
        }
    }

    /// Registers for the events of the socket.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn watch(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.stream, token, Interest::READABLE | Interest::WRITABLE)
    }

    /// The user whose process has connected.
    pub fn user(&self) -> u32 {
        self.user
    }

    /// Records an event.
    pub fn notify(&mut self) {
        (self.readable, self.writable) = (true, true);
    }

    /// Whether it has to be removed.
    pub fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// When the client has taken too long.
    pub fn due(&self) -> Option<Duration> {
        self.due
    }

    /// Where the copy is wanted that the connection is about.
    pub fn copy_to(&self) -> Option<&Path> {
        match &self.work {
            Work::Copy(to) => Some(to),
            _ => None,
        }
    }

    /// Sets what the connection is about, for as long as it takes.
    pub fn set_work(&mut self, work: Work) {
        (self.work, self.due) = (work, None);
    }

    /// Reads what has come; returns the request once.
    pub fn read(&mut self, now: Duration) -> Option<Request> {
        let mut block = [0; 4096];
        while self.readable && !self.is_closed {
            if self.input.len() >= MAX_REQUEST {
                break;
            }
            match (self.stream.read(&mut block), &self.work) {
                (Ok(n @ 1..), Work::Request) => self.input.extend_from_slice(&block[..n]),
                // Its answer is written.
                (Ok(1..), Work::Nothing) => self.readable = false,
                (Err(error), _) if error.kind() == ErrorKind::Interrupted => {}
                (Err(error), _) if error.kind() == ErrorKind::WouldBlock => self.readable = false,
                // It has ended, is broken, or sends more than a request.
                _ => self.is_closed = true,
            }
        }
        if !matches!(self.work, Work::Request) || self.is_closed {
            return None;
        }
        let end = match self.input.iter().position(|&byte| byte == b'\n') {
            Some(end) if end < MAX_REQUEST => end,
            None if self.input.len() < MAX_REQUEST => return None,
            _ => {
                self.fail(&format!("a request has at most {MAX_REQUEST} bytes"), now);
                return None;
            }
        };
        let request = serde_json::from_slice(&self.input[..end]);
        self.input = Vec::new();
        match request {
            Ok(request) => return Some(request),
            Err(error) => {
                let why = format!("this version of chinwag does not know the request: {error}; is the server older?");
                self.fail(&why, now);
            }
        }
        None
    }

    /// Adds an answer to what is written.
    pub fn answer(&mut self, answer: &Answer) {
        self.output.extend(line(answer));
    }

    /// Answers for the last time, which ends the connection.
    pub fn finish(&mut self, answer: &Answer, now: Duration) {
        self.answer(answer);
        (self.work, self.due) = (Work::Nothing, Some(now + TIMEOUT));
    }

    /// Answers that the request has failed, which ends the connection.
    pub fn fail(&mut self, why: &str, now: Duration) {
        self.finish(&Answer::Error { why: why.into() }, now);
    }

    /// Whether it waits for an upgrade.
    pub fn awaits_upgrade(&self) -> bool {
        matches!(self.work, Work::Upgrade)
    }

    /// Tells how far the copy is, if that is another part than before and the client has read what it was told.
    pub fn tell_progress(&mut self, percent: u8) {
        if self.output.is_empty() && self.told != Some(percent) {
            self.told = Some(percent);
            self.answer(&Answer::Copying { percent });
        }
    }

    /// Ends the connection, since the server ends. A copy that is made is left to its client.
    pub fn end(&mut self, why: &str, now: Duration) {
        match std::mem::replace(&mut self.work, Work::Nothing) {
            Work::Copied(file) => file.keep(),
            Work::Nothing => {}
            Work::Request | Work::Copy(_) | Work::Upgrade => self.fail(why, now),
        }
    }

    /// Ends the connection if the client has taken too long.
    pub fn expire(&mut self, now: Duration) {
        if self.due.is_none_or(|due| due > now) || self.is_closed {
            return;
        }
        match self.work {
            Work::Request => self.fail("no request has come; send one line", now),
            _ => self.is_closed = true,
        }
    }

    /// Writes as much as fits.
    pub fn write(&mut self) {
        while self.writable && !self.output.is_empty() {
            match self.stream.write(&self.output) {
                Ok(n @ 1..) => drop(self.output.drain(..n)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.writable = false,
                Ok(_) | Err(_) => {
                    self.is_closed = true;
                    return;
                }
            }
        }
        self.is_closed |= self.output.is_empty() && matches!(self.work, Work::Nothing);
    }
}

fn line(answer: &Answer) -> Vec<u8> {
    let mut line = serde_json::to_vec(answer).unwrap_or_default();
    line.push(b'\n');
    line
}
