//! Names of servers, looked up by a child process: getaddrinfo(3) blocks, for many seconds if no name server answers.
//!
//! The server starts this program again with the hidden command `look-up`, the name and the port. The child asks the
//! system, as any program does: by nsswitch.conf(5), so mostly /etc/hosts first, then the name servers and the search
//! domains of resolv.conf(5). It writes one line of JSON and ends.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mio::unix::pipe::Receiver;
use mio::{Interest, Registry, Token};
use rustix::process::{Signal, set_parent_process_death_signal};

use crate::util::io_error::plain_words;

/// A look-up without an answer ends after this time. The system gives up earlier, unless it has many name servers.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Addresses of one name at most.
const MAX_ADDRS: usize = 64;

/// Bytes of an answer at most.
const MAX_ANSWER: usize = 16 * 1024;

/// What changes a look-up in the environment: resolv.conf(5), hostname(7).
const VARIABLES: [&str; 3] = ["LOCALDOMAIN", "RES_OPTIONS", "HOSTALIASES"];

/// The addresses of a name, or why there is none.
pub type Answer = Result<Vec<SocketAddr>, String>;

/// The program that is run as the child, and its arguments; the name and the port follow.
#[derive(Clone, Debug)]
pub struct LookUpCommand {
    pub program: PathBuf,
    pub args: Vec<String>,
}

impl Default for LookUpCommand {
    /// This program.
    fn default() -> Self {
        LookUpCommand { program: "/proc/self/exe".into(), args: vec!["look-up".into(), "--".into()] }
    }
}

/// The child's side: writes the addresses of a name to standard output.
///
/// # Errors
/// If the server does not read them any more.
pub fn run(host: &str, port: u16) -> io::Result<()> {
    // When the server is killed meanwhile: PR_SET_PDEATHSIG(2const).
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let found = (host, port).to_socket_addrs().map(|addrs| addrs.take(MAX_ADDRS).collect());
    let answer: Answer = found.map_err(|error| plain_words(&error));
    let line = serde_json::to_string(&answer)?;
    writeln!(io::stdout(), "{line}")
}

/// Starts the children, whose output has its events under the token of the connection.
#[derive(Debug)]
pub struct Resolver {
    command: LookUpCommand,
    registry: Registry,
    token: Token,
    /// Those that are not needed any more, and whose children have not ended yet.
    over: Vec<LookUp>,
}

impl Resolver {
    pub fn new(command: LookUpCommand, registry: Registry, token: Token) -> Self {
        Resolver { command, registry, token, over: Vec::new() }
    }

    /// Begins to look up a name.
    ///
    /// # Errors
    /// If there are no descriptors left, or the program cannot be run.
    pub fn start(&self, host: &str, port: u16, now: Duration) -> io::Result<LookUp> {
        let variables = VARIABLES.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        // Its own process group: a Ctrl-C at the terminal is for the server.
        let mut child = Command::new(&self.command.program)
            .arg0("chinwag")
            .args(&self.command.args)
            .args([host, &port.to_string()])
            .env_clear()
            .envs(variables)
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut output = Receiver::from(child.stdout.take().ok_or(ErrorKind::BrokenPipe)?);
        let is_set = output
            .set_nonblocking(true)
            .and_then(|()| self.registry.register(&mut output, self.token, Interest::READABLE));
        let look_up = LookUp { child, output, read: Vec::new(), begun: now };
        // Without events of its output the child is of no use; it ends with the value.
        is_set.map(|()| look_up)
    }

    /// Takes the answer, if it is there; then the look-up has ended. To be called in each turn.
    pub fn take_answer(&mut self, look_up: &mut Option<LookUp>, now: Duration) -> Option<Answer> {
        let answer = look_up.as_mut()?.receive(now)?;
        if let Some(mut over) = look_up.take() {
            over.end();
            self.over.push(over);
        }
        Some(answer)
    }

    /// Lets the system forget the children that have ended.
    pub fn reap(&mut self) {
        self.over.retain_mut(|look_up| matches!(look_up.child.try_wait(), Ok(None)));
    }
}

/// A look-up that has begun. Nothing here blocks.
#[derive(Debug)]
pub struct LookUp {
    child: Child,
    output: Receiver,
    read: Vec<u8>,
    begun: Duration,
}

impl LookUp {
    /// Reads what has come; returns the answer when it is complete, or when there will be none.
    fn receive(&mut self, now: Duration) -> Option<Answer> {
        let mut block = [0; 4096];
        loop {
            match self.output.read(&mut block) {
                Ok(n @ 1..) if self.read.len() + n <= MAX_ANSWER => self.read.extend_from_slice(&block[..n]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let is_late = now >= self.begun + TIMEOUT;
                    return is_late.then(|| Err(format!("no answer in {} seconds", TIMEOUT.as_secs())));
                }
                Ok(_) | Err(_) => {
                    let no_answer = |_| Err("the process that looks it up has ended without an answer".into());
                    return Some(serde_json::from_slice(&self.read).unwrap_or_else(no_answer));
                }
            }
        }
    }

    /// Ends the child, if it has not ended by itself.
    fn end(&mut self) {
        let _ = self.child.kill();
    }
}

impl Drop for LookUp {
    fn drop(&mut self) {
        self.end();
    }
}
