//! A server and those who are connected to it, played act by act.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};

use super::mask::{Marks, replace, time_zone};
use super::person::Person;
use crate::harness::{Client, Lines, PROGRAM, Server, Signal, wait};
use crate::store::Place;

#[derive(Default)]
pub struct Scene {
    lang: String,
    marks: Marks,
    server: Option<Server>,
    has_console: bool,
    /// In the order in which they have come.
    people: Vec<Person>,
    /// Lines that have been read and not been written down; `gone`: by people who are not connected any more.
    gone: Vec<String>,
    console: Vec<String>,
    log: Vec<String>,
    /// What the next `run` reads.
    input: String,
    pub written: String,
    place: Option<Place>,
}

impl Scene {
    pub fn new(lang: &str) -> Scene {
        let place = Place::new();
        let mut scene = Scene { lang: lang.to_owned(), ..Scene::default() };
        scene.marks.set("<dir>", place.0.display());
        scene.place = Some(place);
        scene
    }

    /// Plays a line of the script and writes down what comes of it.
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
            self.settle(line.split(['>', ' ']).next().expect("an actor"));
        }
        self.write_down();
    }

    fn act(&mut self, actor: &str, what: &str) {
        let (verb, rest) = what.split_once(' ').unwrap_or((what, ""));
        match (actor, verb) {
            ("server", _) => self.start(what),
            ("run", _) => self.run(what),
            ("get", mark) => self.get(mark, rest),
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
                self.come(Person::of_lines(name, client, rest != "unread"));
            }
            (name, "opens") => {
                let web = self.marks.text("<web>").expect("a server with --web");
                self.come(Person::of_frames(name, web, rest));
            }
            (name, "half-closes") => self.person(name).half_close(),
            (name, "closes") => {
                self.person(name).close();
                self.goes(name, drop);
            }
            (name, "resets") => self.goes(name, Person::reset),
            (name, "waits") => assert!(self.person(name).read(), "{name} has been closed"),
            (name, "ends") => while self.person(name).read() {},
            (name, "floods") => self.flood(name, rest.parse().ok()),
            (name, ">>") => self.person(name).stream().write_all(&unescape(rest)).expect("write"),
            (name, _) => self.person(name).say(typed(what)),
        }
    }

    fn server(&mut self) -> &mut Server {
        self.server.as_mut().expect("a server")
    }

    fn person(&mut self, name: &str) -> &mut Person {
        self.people.iter_mut().find(|person| person.name == name).unwrap_or_else(|| panic!("no {name}"))
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

    fn come(&mut self, person: Person) {
        self.people.retain(|known| known.name != person.name);
        self.marks.set(&format!("<{}>", person.name), person.addr);
        self.people.push(person);
    }

    /// Closes a connection, and waits until the server has found out.
    fn goes(&mut self, name: &str, close: impl FnOnce(Person)) {
        let at = self.people.iter().position(|person| person.name == name).expect("a person");
        let person = self.people.remove(at);
        let found_out = format!("disconnected {} ", person.addr);
        self.gone.extend(person.lines.iter().map(|line| format!("{name}< {line}")));
        close(person);
        self.read_log();
        while !self.log.last().is_some_and(|line| line.contains(&found_out)) {
            self.read_log();
        }
    }

    fn flood(&mut self, name: &str, lines: Option<usize>) {
        let person = self.person(name);
        for _ in 0..lines.unwrap_or(usize::MAX) {
            person.say(&"x".repeat(1000));
            if lines.is_none() && person.is_sent_something() {
                break;
            }
        }
    }

    /// Reads everything that the server writes because of what `actor` has done.
    ///
    /// The server answers each one in order; so what it has to say because of an act comes before the answer to a
    /// fence that is sent when the actor's own has been answered.
    fn settle(&mut self, actor: &str) {
        if actor == "console" {
            self.read_console_to_fence();
        }
        let mut names: Vec<String> = self.readers();
        names.sort_by_key(|name| name != actor);
        while let Some(name) = names.iter().find(|name| !self.person(name).read_to_fence()).cloned() {
            self.person(&name).lines.push("(end)".to_owned());
            self.goes(&name, drop);
            names.retain(|known| *known != name);
        }
        // The log and the console are written at the end of a turn, and each of these takes a turn of its own.
        self.read_console_to_fence();
        self.read_console_to_fence();
        if let Some(name) = names.first() {
            self.person(name).read_to_fence();
        }
        while self.server().console.has_more() {
            self.read_console();
        }
        while self.server().log.has_more() {
            self.read_log();
        }
    }

    fn readers(&self) -> Vec<String> {
        self.people.iter().filter(|person| person.reads).map(|person| person.name.clone()).collect()
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
            let person = self.person(&name);
            while person.read() {}
            person.lines.push("(end)".to_owned());
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
            self.gone.extend(text.lines().map(|line| format!("{reader}< {line}")));
        }
        self.gone.push(format!("({})", output.status));
    }

    fn get(&mut self, mark: &str, path: &str) {
        let addr = self.marks.text(&format!("<{mark}>")).expect("an address").to_owned();
        let mut stream = Client::connect(addr.parse().expect("an address")).stream;
        self.marks.set("<get>", stream.local_addr().expect("an address"));
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n").expect("write");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        for line in answer.lines() {
            // Of figures the names.
            let value = match line.split_once(' ') {
                Some(("Date:" | "Content-Length:", value)) => value,
                _ if line.starts_with("chinwag_") => line.rsplit(' ').next().expect("a value"),
                _ => "",
            };
            let hidden = if value.is_empty() { "" } else { "<n>" };
            self.gone.push(format!("http< {}{hidden}", line.strip_suffix(value).expect("a value at the end")));
        }
    }

    /// Writes down what has been read.
    fn write_down(&mut self) {
        let mut lines = std::mem::take(&mut self.gone);
        for Person { name, lines: read, .. } in &mut self.people {
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
            self.people.clear();
        }
    }
}

/// The line that stands behind a `>`.
fn typed(what: &str) -> &str {
    let line = what.strip_prefix('>').unwrap_or_else(|| panic!("nobody can {what}"));
    line.strip_prefix(' ').unwrap_or(line)
}

/// A line of the log without its time and the module that it is from.
fn without_time(line: &str) -> String {
    let (time, rest) = line.split_once(' ').unwrap_or(("", line));
    let is_time = replace(time, "9999-99-99T99:99:99.999Z", "").is_empty();
    match rest.split_once(" [chinwag").and_then(|(level, rest)| Some((level, rest.split_once("] ")?.1))) {
        Some((level, message)) if is_time => format!("{} {message}", level.trim_end()),
        _ => line.to_owned(),
    }
}

/// The bytes that a text with `\r`, `\n` and `\xHH` stands for.
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
