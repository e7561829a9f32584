//! Starts a server for each test, and clients that wait for lines with a deadline.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};

/// Maximum time to wait for anything before the test fails.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_chinwag");

/// Reads lines from a pipe of a child process, each with the deadline.
pub struct Lines<R> {
    from: R,
    read: Vec<u8>,
}

impl<R: Read + AsFd> Lines<R> {
    pub fn new(from: R) -> Self {
        Lines { from, read: Vec::new() }
    }

    /// The next line without its end; `None` at the end of the stream.
    pub fn next(&mut self) -> Option<String> {
        let end = Instant::now() + DEADLINE;
        loop {
            if let Some(at) = self.read.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=at).collect();
                return Some(String::from_utf8(line).expect("UTF-8").trim_end_matches(['\r', '\n']).to_owned());
            }
            let left = end.saturating_duration_since(Instant::now());
            let timeout = Timespec { tv_sec: left.as_secs() as _, tv_nsec: left.subsec_nanos() as _ };
            let ready = poll(&mut [PollFd::new(&self.from, PollFlags::IN)], Some(&timeout)).expect("poll");
            assert!(ready > 0, "no line came; unended: {:?}", String::from_utf8_lossy(&self.read));
            let mut block = [0; 4096];
            match self.from.read(&mut block).expect("read") {
                0 => return None,
                n => self.read.extend_from_slice(&block[..n]),
            }
        }
    }

    /// Whether there is unread output.
    pub fn has_more(&self) -> bool {
        let mut fds = [PollFd::new(&self.from, PollFlags::IN)];
        !self.read.is_empty()
            || (poll(&mut fds, Some(&Timespec::default())).expect("poll") > 0
                && fds[0].revents().contains(PollFlags::IN))
    }

    /// Reads until a line that contains `part`, and returns it. Other lines may come for two minutes.
    pub fn until(&mut self, part: &str) -> String {
        let (mut seen, end) = (Vec::new(), Instant::now() + 6 * DEADLINE);
        while let Some(line) = self.next() {
            assert!(Instant::now() < end, "{part:?} does not come; seen: {seen:#?}");
            if line.contains(part) {
                return line;
            }
            seen.push(line);
        }
        panic!("the stream ended without {part:?}; seen: {seen:#?}");
    }

    /// Everything up to the end of the stream.
    pub fn rest(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.next()).collect()
    }
}

/// A running server, killed when the test is over.
pub struct Server {
    pub child: Child,
    pub addr: SocketAddr,
    /// Standard error: the log.
    pub log: Lines<std::process::ChildStderr>,
    /// Standard output: the console.
    pub console: Lines<std::process::ChildStdout>,
    /// The console's input; `None` once closed.
    pub stdin: Option<ChildStdin>,
}

impl Server {
    /// Starts a server on a free port with further arguments.
    pub fn start(args: &[&str]) -> Server {
        let mut command = Command::new(PROGRAM);
        command.args(["--listen", "127.0.0.1:0"]).args(args);
        Self::spawn(command)
    }

    /// Starts a command that runs a server which logs to standard error.
    pub fn spawn(mut command: Command) -> Server {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let mut log = Lines::new(child.stderr.take().expect("stderr"));
        let line = log.until("listening on ");
        let addr = line.rsplit(' ').next().and_then(|addr| addr.parse().ok()).expect("an address");
        let console = Lines::new(child.stdout.take().expect("stdout"));
        let stdin = child.stdin.take();
        Server { child, addr, log, console, stdin }
    }

    /// A new connection.
    pub fn connect(&self) -> Client {
        Client::connect(self.addr)
    }

    /// A new connection that has logged in; the greeting up to `You are …` has been read.
    pub fn login(&self, name: &str) -> Client {
        let mut client = self.connect();
        client.expect("* Welcome to chinwag. Type a nickname and press Enter:");
        client.send(&format!("{name}\n"));
        let greeting = client.line();
        assert!(greeting.starts_with(&format!("* You are {name}. ")), "{greeting}");
        client
    }

    /// Logs clients in one after another, in a room without history; all join notices have been read.
    pub fn people<const N: usize>(&self, names: [&str; N]) -> [Client; N] {
        let mut clients: Vec<Client> = Vec::new();
        for (before, name) in names.into_iter().enumerate() {
            let newcomer = self.login(name);
            for client in &mut clients {
                client.expect(&format!("* {name} joined ({} here)", before + 1));
            }
            clients.push(newcomer);
        }
        clients.try_into().ok().expect("as many clients as names")
    }

    /// Sends text to the operator console.
    pub fn type_in(&mut self, text: &str) {
        self.stdin.as_mut().expect("an open stdin").write_all(text.as_bytes()).expect("write to stdin");
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("kill");
    }

    /// Waits for the end of the process.
    pub fn wait(&mut self) -> ExitStatus {
        wait(&mut self.child)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for the end of a process: its pidfd is readable then.
pub fn wait(child: &mut Child) -> ExitStatus {
    let pid = Pid::from_child(child);
    if let Ok(fd) = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()) {
        let timeout = Timespec { tv_sec: DEADLINE.as_secs() as _, tv_nsec: 0 };
        let ended = poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&timeout)).expect("poll");
        assert!(ended > 0, "the process does not end");
    }
    child.wait().expect("wait")
}

/// One connection to a server; `S` is TCP, or TLS over it.
pub struct Client<S = TcpStream> {
    pub stream: S,
    read: Vec<u8>,
}

impl Client {
    pub fn connect(addr: SocketAddr) -> Client {
        let stream = TcpStream::connect(addr).expect("connect");
        stream.set_read_timeout(Some(DEADLINE)).expect("timeout");
        stream.set_write_timeout(Some(DEADLINE)).expect("timeout");
        Client { stream, read: Vec::new() }
    }

    /// Its own address, as the server sees it.
    pub fn addr(&self) -> SocketAddr {
        self.stream.local_addr().expect("address")
    }

    /// Closes the sending side.
    pub fn half_close(&self) {
        self.stream.shutdown(Shutdown::Write).expect("shutdown");
    }
}

impl<S: Read + Write> Client<S> {
    /// Reads lines from a stream that has a deadline for reads.
    pub fn over(stream: S) -> Self {
        Client { stream, read: Vec::new() }
    }

    pub fn send(&mut self, text: &str) {
        self.send_bytes(text.as_bytes());
    }

    pub fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("write");
    }

    /// The next line without its CR LF, the time in it masked as `[T]`; `None` at the end.
    pub fn try_line(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self.read.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=at).collect();
                let line = String::from_utf8(line).expect("the server sends UTF-8");
                let line = line.strip_suffix("\r\n").unwrap_or_else(|| panic!("not ended by CR LF: {line:?}"));
                return Some(mask_time(line));
            }
            let mut block = [0; 65536];
            match self.stream.read(&mut block) {
                Ok(0) => {
                    assert!(self.read.is_empty(), "unended: {:?}", String::from_utf8_lossy(&self.read));
                    return None;
                }
                Ok(n) => self.read.extend_from_slice(&block[..n]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("no line came"),
                Err(error) => panic!("while reading: {error}"),
            }
        }
    }

    /// Answers the nickname prompt; the line with `You are …` has been read.
    #[track_caller]
    pub fn log_in(mut self, name: &str) -> Self {
        self.expect("* Welcome to chinwag. Type a nickname and press Enter:");
        self.send(&format!("{name}\n"));
        let greeting = self.line();
        assert!(greeting.starts_with(&format!("* You are {name}. ")), "{greeting}");
        self
    }

    pub fn line(&mut self) -> String {
        self.try_line().expect("a line, not the end")
    }

    /// Reads up to a line that contains `part`.
    #[track_caller]
    pub fn until(&mut self, part: &str) {
        while !self.line().contains(part) {}
    }

    /// Asserts the next line, with `[T]` for the time.
    #[track_caller]
    pub fn expect(&mut self, expected: &str) {
        let line = self.line();
        assert_eq!(line, expected);
    }

    /// Asserts the next lines.
    #[track_caller]
    pub fn expect_all(&mut self, expected: &[&str]) {
        for line in expected {
            let next = self.line();
            assert_eq!(next, *line);
        }
    }

    /// Sends a line and asserts the next lines.
    #[track_caller]
    pub fn ask(&mut self, line: &str, expected: &[&str]) {
        self.send(&format!("{line}\n"));
        for line in expected {
            let next = self.line();
            assert_eq!(next, *line);
        }
    }

    /// Asserts that no output waits for this client: the next line is the reply to a ping.
    #[track_caller]
    pub fn expect_nothing(&mut self) {
        self.ask("/ping nothing", &["* pong nothing"]);
    }

    /// Asserts that the server closes the connection without further output.
    #[track_caller]
    pub fn expect_end(&mut self) {
        let line = self.try_line();
        assert_eq!(line, None);
    }
}

/// Replaces the time in `[09:05:30] …` by `[T]`.
pub fn mask_time(line: &str) -> String {
    let bytes = line.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let colon = |at: usize| bytes.get(at) == Some(&b':');
    let timed = bytes.first() == Some(&b'[')
        && [1, 2, 4, 5, 7, 8].iter().all(|&at| digit(at))
        && colon(3)
        && colon(6)
        && bytes.get(9) == Some(&b']');
    if timed { format!("[T]{}", &line[10..]) } else { line.to_owned() }
}

/// For tests of limits.
impl Server {
    /// Starts a server from a shell script that ends in `exec "$0" "$@"`, for redirections and limits.
    pub fn in_shell(script: &str, args: &[&str]) -> Server {
        let mut command = Command::new("sh");
        command.args(["-c", script, PROGRAM, "--listen", "127.0.0.1:0"]).args(args);
        Self::spawn(command)
    }

    /// A file of the server process in /proc.
    pub fn proc_file(&self, name: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{name}", self.child.id())).expect("a file in /proc")
    }

    /// Resident memory in KiB.
    pub fn resident_kib(&self) -> u64 {
        let status = self.proc_file("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// CPU time in ticks of 10 ms.
    pub fn cpu_ticks(&self) -> u64 {
        let stat = self.proc_file("stat");
        let (_, fields) = stat.rsplit_once(") ").expect("a name in brackets");
        let mut fields = fields.split(' ').skip(11);
        let mut ticks = || fields.next().and_then(|field| field.parse::<u64>().ok()).expect("a number");
        ticks() + ticks()
    }
}

impl Client {
    /// Connects from a given local address.
    pub fn connect_from(source: [u8; 4], addr: SocketAddr) -> Client {
        let socket = Self::socket();
        socket.bind(&SocketAddr::from((source, 0)).into()).expect("bind");
        Self::connect_socket(socket, addr)
    }

    /// Connects with a tiny receive buffer, so that unread output stays on the server.
    pub fn connect_slow(addr: SocketAddr) -> Client {
        let socket = Self::socket();
        socket.set_recv_buffer_size(4096).expect("SO_RCVBUF");
        Self::connect_socket(socket, addr)
    }

    fn socket() -> socket2::Socket {
        socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("socket")
    }

    fn connect_socket(socket: socket2::Socket, addr: SocketAddr) -> Client {
        socket.connect(&addr.into()).expect("connect");
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(DEADLINE)).expect("timeout");
        stream.set_write_timeout(Some(DEADLINE)).expect("timeout");
        Client { stream, read: Vec::new() }
    }

    /// Whether output or the end of the connection comes within `most`.
    pub fn readable_within(&self, most: Duration) -> bool {
        let timeout = Timespec { tv_sec: most.as_secs() as _, tv_nsec: most.subsec_nanos() as _ };
        !self.read.is_empty()
            || poll(&mut [PollFd::new(&self.stream, PollFlags::IN)], Some(&timeout)).expect("poll") > 0
    }

    /// Closes the connection with a TCP reset.
    pub fn reset(self) {
        socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).expect("SO_LINGER");
    }
}
