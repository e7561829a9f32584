//! The client in a pipe and on a terminal.

mod back;
mod foreign;
mod passwords;
mod pipe;
mod relay;
mod rooms;
pub mod screen;
mod tls;
pub mod tmux;
mod typing;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::process::Command;
use std::time::{Duration, Instant};
use std::{fs::File, process::Child};

use rexpect::process::{PtyProcess, WaitStatus};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Pid;
use rustix::termios::{Winsize, tcgetpgrp, tcsetwinsize};

use crate::harness::{DEADLINE, PROGRAM};

const COLUMNS: u16 = 60;
const ROWS: u16 = 12;

/// Waits until there is something to read, or the other side has closed.
#[track_caller]
fn wait_readable(fd: &impl AsFd, until: Instant, what: impl FnOnce() -> String) {
    let left = until.saturating_duration_since(Instant::now());
    let timeout = Timespec { tv_sec: left.as_secs() as _, tv_nsec: left.subsec_nanos() as _ };
    let ready = poll(&mut [PollFd::new(fd, PollFlags::IN)], Some(&timeout)).expect("poll");
    assert!(ready > 0, "{}", what());
}

/// Whether something can be written within `most`.
pub fn writable(fd: &impl AsFd, most: Duration) -> bool {
    let timeout = Timespec { tv_sec: most.as_secs() as _, tv_nsec: most.subsec_nanos() as _ };
    poll(&mut [PollFd::new(fd, PollFlags::OUT)], Some(&timeout)).expect("poll") > 0
}

/// A program on a pseudo-terminal, and the screen that it draws.
pub struct ClientTerminal {
    pub process: PtyProcess,
    pty: File,
    screen: vt100::Parser,
    /// Everything that the program has written.
    written: Vec<u8>,
    ended: bool,
}

impl ClientTerminal {
    /// Starts `chinwag connect`.
    pub fn connect(addr: SocketAddr, args: &[&str]) -> ClientTerminal {
        let mut command = Command::new(PROGRAM);
        command.arg("connect").arg(addr.to_string()).args(args);
        command.env_remove("CHINWAG_PASSWORD").env_remove("CHINWAG_SERVER_PASSWORD");
        ClientTerminal::start(command)
    }

    /// Starts a shell script, in which `$0` is the program and `$1` the address.
    pub fn script(script: &str, addr: SocketAddr) -> ClientTerminal {
        let mut command = Command::new("bash");
        command.args(["--norc", "-c", script, PROGRAM]).arg(addr.to_string());
        ClientTerminal::start(command)
    }

    pub fn start(mut command: Command) -> ClientTerminal {
        command.env("TERM", "xterm-256color").env_remove("NO_COLOR").env_remove("CHINWAG_NICK");
        let process = PtyProcess::new(command).expect("a terminal");
        let pty = process.get_file_handle().expect("its other side");
        let rows = ROWS.try_into().expect("rows");
        let mut terminal = ClientTerminal {
            process,
            pty,
            screen: vt100::Parser::new(rows, COLUMNS.try_into().expect("columns"), 100_000),
            written: Vec::new(),
            ended: false,
        };
        terminal.resize(COLUMNS, ROWS);
        terminal
    }

    pub fn resize(&mut self, columns: u16, rows: u16) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.pty, size).expect("TIOCSWINSZ");
        self.screen.screen_mut().set_size(rows.try_into().expect("rows"), columns.try_into().expect("columns"));
    }

    pub fn press(&mut self, keys: &str) {
        self.pty.write_all(keys.as_bytes()).expect("typing");
    }

    /// Presses keys given as bytes.
    pub fn press_bytes(&mut self, bytes: &[u8]) {
        self.pty.write_all(bytes).expect("typing");
    }

    /// Writes to the screen as another program would.
    pub fn write_over(&mut self, bytes: &[u8]) {
        self.screen.process(bytes);
    }

    /// Reads what is written within this time.
    pub fn read_for(&mut self, most: Duration) {
        let until = Instant::now() + most;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let timeout = Timespec { tv_sec: left.as_secs() as _, tv_nsec: left.subsec_nanos() as _ };
            let ready = poll(&mut [PollFd::new(&self.pty, PollFlags::IN)], Some(&timeout)).expect("poll");
            if ready == 0 || self.ended {
                return;
            }
            self.read();
        }
    }

    /// Returns the process group in the foreground of this terminal.
    fn foreground(&self) -> Pid {
        tcgetpgrp(&self.pty).expect("the foreground")
    }

    fn columns(&self) -> u16 {
        self.screen.screen().size().1.into()
    }

    /// Sends a signal to the client that a shell runs in the foreground of this terminal.
    pub fn signal_client(&self, signal: &str) {
        let done = Command::new("kill").args(["-s", signal, &self.foreground().as_raw_nonzero().to_string()]).status();
        assert!(done.expect("kill").success());
    }

    /// Returns the rows of the screen.
    pub fn rows(&self) -> Vec<String> {
        self.screen.screen().rows(0, self.columns()).collect()
    }

    /// Returns everything that the program has written.
    pub fn written(&self) -> String {
        String::from_utf8_lossy(&self.written).into_owned()
    }

    /// Waits until `found` is true.
    #[track_caller]
    pub fn until(&mut self, what: &str, mut found: impl FnMut(&ClientTerminal) -> bool) {
        let until = Instant::now() + DEADLINE;
        while !found(self) {
            assert!(!self.ended, "{what} is not shown before the end:\n{}", self.rows().join("\n"));
            let rows = self.rows();
            wait_readable(&self.pty, until, || format!("{what} is not shown:\n{}", rows.join("\n")));
            self.read();
        }
    }

    fn read(&mut self) {
        let mut block = [0; 65536];
        match self.pty.read(&mut block) {
            Ok(n @ 1..) => {
                self.screen.process(&block[..n]);
                self.written.extend_from_slice(&block[..n]);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // The other end of a terminal that no process has open.
            Ok(0) | Err(_) => self.ended = true,
        }
    }

    /// Waits until a row contains this text.
    #[track_caller]
    pub fn shows(&mut self, text: &str) {
        self.until(&format!("{text:?}"), |terminal| terminal.rows().iter().any(|row| row.contains(text)));
    }

    /// Waits until a row is equal to this text, with times as `[T]`.
    #[track_caller]
    pub fn shows_line(&mut self, line: &str) {
        self.until(&format!("the line {line:?}"), |terminal| {
            terminal.rows().iter().any(|row| crate::harness::mask_time(row) == line)
        });
    }

    /// Returns the input line with the cursor as a bar.
    pub fn input(&self) -> String {
        let (row, column) = self.screen.screen().cursor_position();
        let rows = self.screen.screen().rows(0, column).nth(row.into()).unwrap_or_default();
        let behind = self.screen.screen().rows(column, self.columns() - column).nth(row.into()).unwrap_or_default();
        // Blank cells at the end look like typed spaces.
        let missing = usize::from(column).saturating_sub(unicode_width::UnicodeWidthStr::width(&*rows));
        format!("{rows}{}|{behind}", " ".repeat(missing))
    }

    #[track_caller]
    pub fn input_is(&mut self, input: &str) {
        let until = Instant::now() + DEADLINE;
        while self.input() != input {
            let shown = self.input();
            wait_readable(&self.pty, until, || format!("the input is {shown:?} and not {input:?}"));
            self.read();
            assert!(!self.ended, "the client ended");
        }
    }

    /// Waits for the end of the process and checks its exit code.
    #[track_caller]
    pub fn ends(mut self, code: i32) -> String {
        let until = Instant::now() + DEADLINE;
        while !self.ended {
            let rows = self.rows();
            wait_readable(&self.pty, until, || format!("it does not end:\n{}", rows.join("\n")));
            self.read();
        }
        match self.process.wait().expect("wait") {
            WaitStatus::Exited(_, ended) => assert_eq!(ended, code, "{}", self.rows().join("\n")),
            status => panic!("{status:?}"),
        }
        self.rows().join("\n")
    }

    /// Returns the rows of the scrollback and of the screen.
    pub fn all_rows(&mut self) -> Vec<String> {
        let mut all = Vec::new();
        self.screen.screen_mut().set_scrollback(usize::MAX);
        for above in (1..=self.screen.screen().scrollback()).rev() {
            self.screen.screen_mut().set_scrollback(above);
            all.extend(self.rows().into_iter().next());
        }
        self.screen.screen_mut().set_scrollback(0);
        all.extend(self.rows());
        all
    }

    /// Whether a row of the scrollback or the screen contains this text.
    pub fn has(&mut self, text: &str) -> bool {
        self.all_rows().iter().any(|row| row.contains(text))
    }

    /// Returns how often the process was given the CPU.
    pub fn turns(&self) -> u64 {
        self.schedstat(2)
    }

    /// Returns the CPU time of the process in nanoseconds.
    pub fn cpu(&self) -> u64 {
        self.schedstat(0)
    }

    fn schedstat(&self, field: usize) -> u64 {
        let path = format!("/proc/{}/schedstat", self.foreground().as_raw_nonzero());
        let stat = std::fs::read_to_string(path).expect("schedstat");
        stat.split_whitespace().nth(field).and_then(|number| number.parse().ok()).expect("a number")
    }
}

/// A server whose lines the test writes.
pub struct FakeServer {
    listener: TcpListener,
}

impl FakeServer {
    pub fn start() -> FakeServer {
        FakeServer { listener: TcpListener::bind("127.0.0.1:0").expect("listen") }
    }

    pub fn addr(&self) -> SocketAddr {
        self.listener.local_addr().expect("address")
    }

    /// Accepts the next connection.
    #[track_caller]
    pub fn accept(&self) -> FakeConnection {
        wait_readable(&self.listener, Instant::now() + DEADLINE, || "no connection comes".into());
        let (stream, _) = self.listener.accept().expect("accept");
        stream.set_read_timeout(Some(DEADLINE)).expect("timeout");
        FakeConnection { stream, read: Vec::new() }
    }
}

/// One connection to such a server.
pub struct FakeConnection {
    pub stream: TcpStream,
    read: Vec<u8>,
}

impl FakeConnection {
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).expect("write");
    }

    /// Reads the next line; `None` at the end.
    #[track_caller]
    pub fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.read.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                return Some(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            let mut block = [0; 4096];
            match self.stream.read(&mut block).expect("a line within the deadline") {
                0 => return None,
                n => self.read.extend_from_slice(&block[..n]),
            }
        }
    }

    #[track_caller]
    pub fn expect(&mut self, line: &str) {
        assert_eq!(self.line().as_deref(), Some(line));
    }

    /// Greets as a chinwag server, and begins JSON in this run; returns the client's request for it.
    #[track_caller]
    pub fn begin_json(&mut self, run: &str) -> String {
        self.write("* Welcome to chinwag. Type a nickname and press Enter:\r\n");
        let request = self.line().expect("a request for JSON");
        assert!(request.starts_with("/json"), "{request}");
        self.write(format!(
            "{{\"t\":\"hello\",\"rev\":2,\"name\":\"chinwag\",\"run\":\"{run}\",\"version\":\"0\",\"lang\":\"en\",\"max_line\":4096}}\r\n{{\"t\":\"ask\"}}\r\n"
        ));
        request
    }

    /// As [`FakeConnection::begin_json`], and lets alice enter the lobby.
    #[track_caller]
    pub fn let_in(&mut self, run: &str) -> String {
        let request = self.begin_json(run);
        self.expect("alice");
        self.write(r#"{"t":"entered","name":"alice","room":"lobby","here":2,"names":["bob"],"topic":null,"role":null,"account":false}"#);
        self.write("\r\n");
        request
    }

    /// Writes the history of a room: the ids and texts of bob's messages.
    pub fn history(&mut self, room: &str, messages: &[(u64, &str)], gap: bool) {
        let count = messages.len();
        self.write(format!("{{\"t\":\"history\",\"room\":\"{room}\",\"messages\":{count},\"gap\":{gap}}}\r\n"));
        messages.iter().for_each(|(id, text)| self.said(room, *id, text));
        self.write(format!("{{\"t\":\"live\",\"room\":\"{room}\"}}\r\n"));
    }

    /// Writes a message of bob.
    pub fn said(&mut self, room: &str, id: u64, text: &str) {
        let at = 1_800_000_000 + id;
        self.write(format!(
            "{{\"t\":\"said\",\"room\":\"{room}\",\"id\":{id},\"at\":{at},\"name\":\"bob\",\"text\":\"{text}\"}}\r\n"
        ));
    }

    /// Answers the next `/ping`.
    #[track_caller]
    pub fn pong(&mut self, text: &str) {
        self.expect(&format!("/ping {text}"));
        self.write(format!("{{\"t\":\"pong\",\"text\":\"{text}\"}}\r\n"));
    }
}

/// The output of a process that has ended.
pub struct ProcessOutput {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Reads everything that a process writes, and waits for its end.
pub fn output(mut child: Child) -> ProcessOutput {
    let (mut stdout, mut stderr) = (String::new(), String::new());
    child.stdout.take().map(|mut pipe| pipe.read_to_string(&mut stdout)).transpose().expect("standard output");
    child.stderr.take().map(|mut pipe| pipe.read_to_string(&mut stderr)).transpose().expect("standard error");
    ProcessOutput { code: crate::harness::wait(&mut child).code(), stdout, stderr }
}
