//! One child process that hashes passwords, and the socket to it.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mio::net::UnixStream;
use mio::{Interest, Registry, Token};

use super::protocol::{Answer, MAX_LINE, parse_answer};

/// How long a process may take to end after its socket is closed, and how often it is looked at meanwhile.
const END_TIMEOUT: Duration = Duration::from_millis(50);
const END_INTERVAL: Duration = Duration::from_millis(1);

/// The program that is run as the child, and its arguments.
#[derive(Clone, Debug)]
pub struct HasherCommand {
    pub program: PathBuf,
    pub args: Vec<String>,
}

impl Default for HasherCommand {
    /// This program.
    fn default() -> Self {
        HasherCommand { program: "/proc/self/exe".into(), args: vec!["hash-passwords".into()] }
    }
}

/// Something came that is no answer.
pub struct Nonsense;

/// A running child. Nothing here blocks.
pub struct Process {
    child: Child,
    socket: UnixStream,
    /// There may be something to read, and room to write.
    readable: bool,
    writable: bool,
    /// Bytes that have been read and not processed, and bytes to write.
    input: Vec<u8>,
    output: Vec<u8>,
    started: Duration,
    /// When its end of the socket was closed, and when to look again whether the process has ended.
    closed: Option<Duration>,
    check_at: Duration,
}

impl Process {
    /// Starts a child and registers the socket.
    ///
    /// # Errors
    /// If there are no descriptors left, or the program cannot be run.
    pub fn start(command: &HasherCommand, registry: &Registry, token: Token, now: Duration) -> io::Result<Self> {
        let (ours, theirs) = StdUnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let mut socket = UnixStream::from_std(ours);
        registry.register(&mut socket, token, Interest::READABLE | Interest::WRITABLE)?;
        // Its own process group: it works on while the server is stopped by Ctrl-Z, so nothing is late afterwards. Without
        // standard error, since the text of a panic can have a piece of a password in it.
        let child = Command::new(&command.program)
            .arg0("chinwag")
            .args(&command.args)
            .env_clear()
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Process {
            child,
            socket,
            readable: false,
            writable: true,
            input: Vec::new(),
            output: Vec::new(),
            started: now,
            closed: None,
            check_at: now,
        })
    }

    /// Its process number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// When it was started.
    pub fn started(&self) -> Duration {
        self.started
    }

    /// Records an event of the socket.
    pub fn notify(&mut self) {
        (self.readable, self.writable) = (true, true);
    }

    /// Whether something can be read or written without a further event.
    pub fn has_work(&self) -> bool {
        self.readable || (self.writable && !self.output.is_empty())
    }

    /// When to call [`Process::check_end`] again, without an event.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.closed.and(Some(self.check_at))
    }

    /// Reads what has come, up to a line too many; `anyway` even if no event has told of it.
    pub fn read(&mut self, anyway: bool, now: Duration) {
        self.readable |= anyway;
        let mut block = [0; 4096];
        while self.readable && self.input.len() <= MAX_LINE {
            match self.socket.read(&mut block) {
                Ok(n @ 1..) => self.input.extend_from_slice(&block[..n]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.readable = false,
                Ok(_) | Err(_) => self.close(now),
            }
        }
    }

    /// The next answer that has been read.
    ///
    /// # Errors
    /// If the next line is no answer, or too long.
    pub fn next_answer(&mut self) -> Result<Option<Answer>, Nonsense> {
        match self.input.iter().position(|&byte| byte == b'\n') {
            Some(end) if end < MAX_LINE => {
                let answer = parse_answer(&self.input[..end]).ok_or(Nonsense)?;
                self.input.drain(..=end);
                Ok(Some(answer))
            }
            None if self.input.len() < MAX_LINE => Ok(None),
            _ => Err(Nonsense),
        }
    }

    /// Adds a line to what is to be written.
    pub fn push(&mut self, line: &[u8]) {
        self.output.extend_from_slice(line);
    }

    /// Writes as much as fits.
    pub fn write(&mut self, now: Duration) {
        while self.writable && !self.output.is_empty() {
            match self.socket.write(&self.output) {
                Ok(n @ 1..) => drop(self.output.drain(..n)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.writable = false,
                Ok(_) | Err(_) => self.close(now),
            }
        }
    }

    fn close(&mut self, now: Duration) {
        (self.readable, self.writable) = (false, false);
        self.closed.get_or_insert(now);
    }

    /// Why nothing more will come from it, if so.
    pub fn check_end(&mut self, now: Duration) -> Option<String> {
        let closed = self.closed?;
        self.check_at = now + END_INTERVAL;
        match self.child.try_wait() {
            Ok(Some(status)) => Some(format!("ended ({status})")),
            _ if now >= closed + END_TIMEOUT => Some("closed its socket".into()),
            _ => None,
        }
    }

    /// Kills it; then it must be waited for.
    pub fn kill(mut self) -> Child {
        // It may have ended by itself.
        let _ = self.child.kill();
        self.child
    }
}
