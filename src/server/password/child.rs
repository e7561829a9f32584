//! The child process that hashes passwords: the hidden command `hash-passwords`.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use rustix::process::{Signal, nice, set_parent_process_death_signal};
use rustix::stdio::stdin;
use rustix::thread::set_name;
use signal_hook::consts::{SIGALRM, SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};

use super::argon2id::Argon2id;
use super::protocol::{MAX_LINE, answer_line, parse_request};

/// How much lower than the server's its priority is: nice(2).
const NICE: i32 = 10;

/// Signals that programs and service managers send to the server and its child alike. The server answers them, and
/// needs the child until it is done.
const CAUGHT: [i32; 6] = [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM];

/// Answers the requests that come from standard input, which is a socket, one after another until it is closed.
///
/// # Errors
/// If standard input is no socket, if it fails, or if something comes that is no request.
pub fn run() -> io::Result<()> {
    let socket = UnixStream::from(rustix::io::fcntl_dupfd_cloexec(stdin(), 3)?);
    if socket.peer_addr().is_err() {
        return Err(io::Error::other("hash-passwords is a part of the server, which starts it itself"));
    }
    // When the server is killed in the midst of a hash: PR_SET_PDEATHSIG(2const).
    set_parent_process_death_signal(Some(Signal::KILL))?;
    for signal in CAUGHT {
        signal_hook::flag::register(signal, Arc::default())?;
    }
    // These two are not needed for the work.
    let _ = nice(NICE);
    let _ = set_name(c"chinwag-hash");
    serve(&socket)
}

fn serve(mut socket: &UnixStream) -> io::Result<()> {
    let mut requests = BufReader::new(socket);
    let mut argon2id = Argon2id::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        if requests.by_ref().take(MAX_LINE as u64).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let request = line.ends_with(b"\n").then(|| parse_request(&line)).flatten();
        let request = request.ok_or_else(|| io::Error::other("a line is no request"))?;
        socket.write_all(&answer_line(request.number, argon2id.answer(&request.job)))?;
    }
}
