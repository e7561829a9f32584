//! Plays a script: a server and its connections, act by act.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};

use super::connection::Connection;
use super::mask::{Marks, replace, time_zone};
use crate::harness::{Client, Lines, PROGRAM, Server, Signal, wait};
use crate::store::TestDir;

#[derive(Default)]
pub struct Scene {
    lang: String,
    marks: Marks,
    server: Option<Server>,
    has_console: bool,
    /// In the order in which they connected.
    connections: Vec<Connection>,
    /// Lines that were read but not written down yet; `closed`: of connections that are closed.
    closed: Vec<String>,
    console: Vec<String>,
    log: Vec<String>,
    /// Input of the next `run`.
    input: String,
    pub written: String,
    dir: Option<TestDir>,
}

impl Scene {
    pub fn new(lang: &str) -> Scene {
        let dir = TestDir::new();
        let mut scene = Scene { lang: lang.to_owned(), ..Scene::default() };
        scene.marks.set("<dir>", dir.0.display());
        scene.dir = Some(dir);
        scene
    }

    /// Plays a line of the script and writes down the resulting output.
    pub fn play(&mut self, line: &str) {
        println!("{line}");
        writeln!(self.written, "{line}").expect("memory");
        if line.is_empty() || line.starts_with('#') {
            return;
        }
        if let Some(input) = line.strip_prefix("| ") {
            return self.input.push_str(&format!("{input}\n"));
        }
        for act in line.split(" ; ") {
            let act = self.marks.unmask(act);
            let end = act.find(['>', ' ']).unwrap_or(act.len());
            self.act(&act[..end], act[end..].trim_start_matches(' '));
        }
        if self.server.is_some() {
            self.read_to_fences(line.split(['>', ' ']).next().expect("an actor"));
        }
        self.write_down();
    }

    fn act(&mut self, actor: &str, what: &str) {
        let (verb, rest) = what.split_once(' ').unwrap_or((what, ""));
        match (actor, verb) {
            ("server", _) => self.start(what),
            ("run", _) => self.run(what),
            ("get", mark) => self.get(mark, rest),
            ("file", name) => {
                let dir = self.dir.as_ref().expect("a directory");
                std::fs::write(dir.0.join(name), unescape(rest)).expect("a file");
            }
            ("signal", name) => self.server().signal(if name == "INT" { Signal::INT } else { Signal::TERM }),
            ("exits", _) => self.exit(),
            ("log", "waits") => self.read_log(),
            ("console", "waits") => self.read_console(),
            ("console", "ends") => self.server().stdin = None,
            ("console", _) => self.server().type_in(&format!("{}\n", typed(what))),
            (name, "connects") => {
                let addr = self.server().addr;
                let client = match rest.strip_prefix("from ").map(str::parse::<Ipv4Addr>) {
                    Some(ip) => Client::connect_from(ip.expect("an address").octets(), addr),
                    None if rest == "unread" => Client::connect_slow(addr),
                    None => Client::connect(addr),
                };
                self.add(Connection::of_lines(name, client, rest != "unread"));
            }
            (name, "opens") => {
                let web = self.marks.text("<web>").expect("a server with --web");
                self.add(Connection::of_frames(name, web, rest));
            }
            (name, "half-closes") => self.connection(name).half_close(),
            (name, "closes") => {
                self.connection(name).close();
                self.close(name, drop);
            }
            (name, "resets") => self.close(name, Connection::reset),
            (name, "waits") => assert!(self.connection(name).read(), "{name} has been closed"),
            (name, "ends") => while self.connection(name).read() {},
            (name, "floods") => self.flood(name, rest.parse().ok()),
            (name, ">>") => self.connection(name).stream().write_all(&unescape(rest)).expect("write"),
            (name, _) => self.connection(name).say(typed(what)),
        }
    }

    fn server(&mut self) -> &mut Server {
        self.server.as_mut().expect("a server")
    }

    fn connection(&mut self, name: &str) -> &mut Connection {
        self.connections.iter_mut().find(|connection| connection.name == name).unwrap_or_else(|| panic!("no {name}"))
    }

    fn command(&self, args: &str) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(args.split_whitespace()).env("TZ", time_zone().0).env("CHINWAG_LANG", &self.lang);
        command.env("CHINWAG_RATE", "0").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn start(&mut self, args: &str) {
        assert!(self.server.is_none(), "a server runs already");
        let mut child = self.command(args).args(["--listen", "127.0.0.1:0"]).spawn().expect("the program starts");
        let stdin = child.stdin.take();
        let log = Lines::new(child.stderr.take().expect("stderr"));
        let console = Lines::new(child.stdout.take().expect("stdout"));
        let addr = ([0, 0, 0, 0], 0).into();
        self.server = Some(Server { child, addr, log, console, stdin });
        self.has_console = args.contains("--console") || args.contains("p2p");
        for (mark, option) in [("<plain>", ""), ("<web>", "--web"), ("<admin>", "--admin")] {
            if args.contains(option) {
                self.read_log();
                while !self.log.last().is_some_and(|line| line.contains(" on ")) {
                    self.read_log();
                }
                let (_, addr) = self.log.last().and_then(|line| line.rsplit_once(' ')).expect("an address");
                self.marks.set(mark, addr.trim_start_matches("http://").trim_end_matches("/metrics"));
            }
        }
        let addr = self.marks.text("<plain>").expect("an address").parse().expect("an address");
        self.server().addr = addr;
    }

    fn add(&mut self, connection: Connection) {
        self.connections.retain(|known| known.name != connection.name);
        self.marks.set(&format!("<{}>", connection.name), connection.addr);
        self.connections.push(connection);
    }

    /// Closes a connection and waits until the server has logged that.
    fn close(&mut self, name: &str, close: impl FnOnce(Connection)) {
        let at = self.connections.iter().position(|connection| connection.name == name).expect("a connection");
        let connection = self.connections.remove(at);
        let log_text = format!("disconnected {} ", connection.addr);
        self.closed.extend(connection.lines.iter().map(|line| format!("{name}< {line}")));
        close(connection);
        self.read_log();
        while !self.log.last().is_some_and(|line| line.contains(&log_text)) {
            self.read_log();
        }
    }

    fn flood(&mut self, name: &str, lines: Option<usize>) {
        let connection = self.connection(name);
        for _ in 0..lines.unwrap_or(usize::MAX) {
            connection.say(&"x".repeat(1000));
            if lines.is_none() && connection.has_output() {
                break;
            }
        }
    }

    /// Reads everything that the server writes in reply to what `actor` has done.
    ///
    /// The server answers each connection in order, so all output caused by an act comes before the answer to a fence
    /// that is sent after the actor's own fence was answered.
    fn read_to_fences(&mut self, actor: &str) {
        if actor == "console" {
            self.read_console_to_fence();
        }
        let mut names: Vec<String> = self.readers();
        names.sort_by_key(|name| name != actor);
        while let Some(name) = names.iter().find(|name| !self.connection(name).read_to_fence()).cloned() {
            self.connection(&name).lines.push("(end)".to_owned());
            self.close(&name, drop);
            names.retain(|known| *known != name);
        }
        // Log and console are written at the end of a turn, and each of these reads takes one turn.
        self.read_console_to_fence();
        self.read_console_to_fence();
        if let Some(name) = names.first() {
            self.connection(name).read_to_fence();
        }
        while self.server().console.has_more() {
            self.read_console();
        }
        while self.server().log.has_more() {
            self.read_log();
        }
    }

    fn readers(&self) -> Vec<String> {
        self.connections
            .iter()
            .filter(|connection| connection.reads)
            .map(|connection| connection.name.clone())
            .collect()
    }

    fn read_log(&mut self) {
        let line = self.server().log.next().expect("a line of the log");
        self.log.push(line);
    }

    fn read_console(&mut self) {
        let line = self.server().console.next().expect("a line of the console");
        self.console.push(line);
    }

    fn read_console_to_fence(&mut self) {
        if !self.has_console || self.server().stdin.is_none() {
            return;
        }
        self.server().type_in("/ping fence\n");
        loop {
            self.read_console();
            if self.console.last().is_some_and(|line| line == "* pong fence") {
                self.console.pop();
                return;
            }
        }
    }

    /// Reads everything to the end of the server.
    fn exit(&mut self) {
        for name in self.readers() {
            let connection = self.connection(&name);
            while connection.read() {}
            connection.lines.push("(end)".to_owned());
        }
        let mut server = self.server.take().expect("a server");
        self.console.extend(server.console.rest());
        self.log.extend(server.log.rest());
        self.log.push(format!("({})", wait(&mut server.child)));
    }

    fn run(&mut self, args: &str) {
        let mut child = self.command(args).spawn().expect("the program starts");
        let input = std::mem::take(&mut self.input);
        child.stdin.take().expect("stdin").write_all(input.as_bytes()).expect("write");
        let output = child.wait_with_output().expect("output");
        for (reader, bytes) in [("out", output.stdout), ("err", output.stderr)] {
            let text = String::from_utf8(bytes).expect("UTF-8");
            self.closed.extend(text.lines().map(|line| format!("{reader}< {line}")));
        }
        self.closed.push(format!("({})", output.status));
    }

    fn get(&mut self, mark: &str, path: &str) {
        let addr = self.marks.text(&format!("<{mark}>")).expect("an address").to_owned();
        let mut stream = Client::connect(addr.parse().expect("an address")).stream;
        self.marks.set("<get>", stream.local_addr().expect("an address"));
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n").expect("write");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        for line in answer.lines() {
            // Of metrics only the names are kept.
            let value = match line.split_once(' ') {
                Some(("Date:" | "Content-Length:", value)) => value,
                _ if line.starts_with("chinwag_") => line.rsplit(' ').next().expect("a value"),
                _ => "",
            };
            let hidden = if value.is_empty() { "" } else { "<n>" };
            self.closed.push(format!("http< {}{hidden}", line.strip_suffix(value).expect("a value at the end")));
        }
    }

    /// Writes down what has been read.
    fn write_down(&mut self) {
        let mut lines = std::mem::take(&mut self.closed);
        for Connection { name, lines: read, .. } in &mut self.connections {
            lines.extend(read.drain(..).map(|line| format!("{name}< {line}")));
        }
        lines.extend(self.console.drain(..).map(|line| format!("console< {line}")));
        lines.extend(self.log.drain(..).map(|line| format!("log< {}", without_time(&line))));
        for line in lines {
            if let Some((_, run)) = line.split_once("\"run\":\"") {
                self.marks.set("<run>", &run[..run.find('"').expect("the end of a text")]);
            }
            let (reader, line) = line.split_once("< ").unwrap_or(("", &line));
            let line = if reader == "out" { self.marks.mask(line) } else { self.marks.mask_all(line) };
            let reader = if reader.is_empty() { String::new() } else { format!("{reader}< ") };
            writeln!(self.written, "    {reader}{line}").expect("memory");
        }
        if self.server.is_none() {
            self.connections.clear();
        }
    }
}

/// The line after a `>`.
fn typed(what: &str) -> &str {
    let line = what.strip_prefix('>').unwrap_or_else(|| panic!("unknown act {what}"));
    line.strip_prefix(' ').unwrap_or(line)
}

/// A line of the log without its time and module.
fn without_time(line: &str) -> String {
    let (time, rest) = line.split_once(' ').unwrap_or(("", line));
    let is_time = replace(time, "9999-99-99T99:99:99.999Z", "").is_empty();
    match rest.split_once(" [chinwag").and_then(|(level, rest)| Some((level, rest.split_once("] ")?.1))) {
        Some((level, message)) if is_time => format!("{} {message}", level.trim_end()),
        _ => line.to_owned(),
    }
}

/// Decodes `\r`, `\n` and `\xHH` in a text.
fn unescape(text: &str) -> Vec<u8> {
    let mut parts = text.split('\\');
    let mut bytes = parts.next().unwrap_or("").as_bytes().to_vec();
    for part in parts {
        let (byte, length) = match part.as_bytes().first() {
            Some(b'r') => (b'\r', 1),
            Some(b'n') => (b'\n', 1),
            _ => (u8::from_str_radix(&part[1..3], 16).expect("hexadecimal"), 3),
        };
        bytes.push(byte);
        bytes.extend_from_slice(&part.as_bytes()[length..]);
    }
    bytes
}
