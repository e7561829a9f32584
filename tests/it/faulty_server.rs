//! A chat server with the faults that a load test must detect. It runs in the test's thread until the load test ends.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::Command;
use std::time::Instant;

use chinwag::wire::frame::{close_frame, text_frame};
use chinwag::wire::http;
use chinwag::wire::websocket::{FrameDecoder, FrameItem};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use serde_json::json;

use crate::bench::{Bench, Finished};
use crate::harness::DEADLINE;

/// How the server behaves.
#[derive(Clone, Copy)]
pub struct Manners {
    /// Uses the browser protocol (WebSocket) instead of lines.
    pub web: bool,
    /// The first line sent; nothing if empty.
    pub prompt: &'static str,
    /// The reply to a nickname; nothing if empty.
    pub answer: &'static str,
    /// The prefix of the nickname in a whisper.
    pub whisper: &'static str,
    /// Answers a WebSocket close frame with one before it closes the connection.
    pub says_goodbye: bool,
    /// Delivers messages to members.
    pub broadcasts: bool,
    /// Delivers messages to their sender too.
    pub echoes: bool,
    /// Waits for a client that does not read, as if its sockets were blocking.
    pub waits: bool,
    /// Maximum bytes per write.
    pub piece: usize,
    /// How often its address is given to the load test, as if each were another one of the chat.
    pub addresses: usize,
}

pub const POLITE: Manners = Manners {
    web: false,
    prompt: "What is your name?\r\n",
    answer: "* You are in.\r\n",
    whisper: "@",
    says_goodbye: true,
    broadcasts: true,
    echoes: false,
    waits: false,
    piece: usize::MAX,
    addresses: 1,
};

/// As [`POLITE`], to browsers.
pub const TO_BROWSERS: Manners =
    Manners { web: true, prompt: r#"{"t":"ask"}"#, answer: r#"{"t":"entered"}"#, echoes: true, ..POLITE };

/// A message that is about to be delivered; not for probes, which are always delivered.
#[derive(Clone, Copy, Debug)]
pub struct Delivery {
    /// `m`: a message of the room; `q`, `a`: a whispered question and its answer.
    pub kind: char,
    /// Number of the sender or of the whispering pair.
    pub stream: u32,
    /// Sequence number in the stream.
    pub seq: u32,
    /// Number in the receiver's nickname.
    pub to: u32,
}

/// What the server does with a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Deliver,
    Drop,
    Double,
    /// Deliver it after the next one of the same sender.
    Swap,
    /// Deliver it after the next one of another sender.
    Defer,
    /// Change one byte.
    Damage,
    /// Send an incomplete JSON object in the frame.
    Break,
    /// Deliver it to the client with this number instead.
    Divert(u32),
    /// Deliver it to the client with this number too.
    Leak(u32),
    /// Close every connection.
    CloseAll,
    /// Send SIGINT to the load test instead, the first time.
    Interrupt,
}

struct Client {
    stream: TcpStream,
    /// Decoder of a WebSocket; `None` for a line client.
    frames: Option<FrameDecoder>,
    /// A browser that has not sent its upgrade request yet.
    is_new: bool,
    manners: Manners,
    /// `None` until the client has sent one.
    name: Option<String>,
    read: Vec<u8>,
    out: Vec<u8>,
    /// A delivery that waits for another one.
    held: Option<Held>,
    /// The client has ended its input and is closed when its output is sent.
    leaving: bool,
    gone: bool,
}

/// A delivery to send after the next one of the same sender, or of another.
struct Held {
    stream: u32,
    by_same: bool,
    line: Vec<u8>,
}

/// The server, and the load test that drives it.
pub struct Faulty<'a> {
    bench: Bench,
    pidfd: OwnedFd,
    ended: bool,
    listener: TcpListener,
    manners: Manners,
    acts: Box<dyn FnMut(Delivery) -> Act + 'a>,
    interrupted: bool,
    clients: Vec<Client>,
}

/// Runs a load test against a server with this behavior until the test ends; `acts` chooses the faults.
pub fn drive(command: Command, manners: Manners, acts: impl FnMut(Delivery) -> Act) -> Finished {
    drive_all(vec![Faulty::start(command, manners, acts)]).remove(0)
}

/// As [`drive`], several at the same time.
pub fn drive_all(mut all: Vec<Faulty>) -> Vec<Finished> {
    let end = Instant::now() + DEADLINE;
    while !all.iter().all(|faulty| faulty.ended) {
        let mut watched: Vec<PollFd> = all.iter().flat_map(Faulty::watched).collect();
        let left = end.saturating_duration_since(Instant::now());
        let timeout = Timespec { tv_sec: left.as_secs() as _, tv_nsec: left.subsec_nanos() as _ };
        assert!(poll(&mut watched, Some(&timeout)).expect("poll") > 0, "a load test does not end");
        let ready: Vec<PollFlags> = watched.iter().map(PollFd::revents).collect();
        let mut ready = ready.as_slice();
        for faulty in &mut all {
            let (own, others) = ready.split_at(2 + faulty.clients.len());
            ready = others;
            faulty.turn(own);
        }
    }
    all.into_iter().map(|faulty| faulty.bench.finish()).collect()
}

impl<'a> Faulty<'a> {
    /// Listens and starts a load test against the server; see [`drive`].
    pub fn start(mut command: Command, manners: Manners, acts: impl FnMut(Delivery) -> Act + 'a) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        listener.set_nonblocking(true).expect("non-blocking");
        let addr: SocketAddr = listener.local_addr().expect("address");
        let addrs = vec![addr.to_string(); manners.addresses];
        let bench = Bench::spawn(command.args(addrs.iter().flat_map(|addr| ["--addr", addr])));
        let pidfd = pidfd_open(Pid::from_child(&bench.child), PidfdFlags::empty()).expect("pidfd");
        Faulty {
            bench,
            pidfd,
            ended: false,
            listener,
            manners,
            acts: Box::new(acts),
            interrupted: false,
            clients: Vec::new(),
        }
    }

    /// Index of the client that the server waits for.
    fn waits_for(&self) -> Option<usize> {
        self.clients.iter().position(|client| self.manners.waits && !client.out.is_empty())
    }

    fn watched(&self) -> Vec<PollFd<'_>> {
        let waits_for = self.waits_for();
        let clients = self.clients.iter().enumerate().map(|(index, client)| {
            let reads = !client.leaving && waits_for.is_none_or(|it| it == index);
            let read = if reads { PollFlags::IN } else { PollFlags::empty() };
            let write = if client.out.is_empty() { PollFlags::empty() } else { PollFlags::OUT };
            PollFd::new(&client.stream, read | write)
        });
        let end = if self.ended { PollFlags::empty() } else { PollFlags::IN };
        let first = [PollFd::new(&self.pidfd, end), PollFd::new(&self.listener, PollFlags::IN)];
        first.into_iter().chain(clients).collect()
    }

    fn turn(&mut self, ready: &[PollFlags]) {
        self.ended |= ready[0].contains(PollFlags::IN);
        for (index, flags) in ready[2..].iter().enumerate() {
            if flags.contains(PollFlags::OUT) {
                self.clients[index].flush();
            }
            if flags.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
                for line in self.clients[index].lines() {
                    self.take(index, &line);
                }
            }
        }
        while let Ok((stream, _)) = self.listener.accept() {
            self.clients.push(Client::new(stream, &self.manners));
        }
        self.clients.retain(|client| !(client.gone || client.leaving && client.out.is_empty()));
    }

    fn take(&mut self, from: usize, line: &str) {
        let Some(name) = self.clients[from].name.clone() else {
            self.clients[from].name = Some(line.to_owned());
            let answer = self.clients[from].framed(self.manners.answer);
            self.clients[from].push(&answer);
            return;
        };
        let whisper = line.strip_prefix(self.manners.whisper).and_then(|rest| rest.split_once(' '));
        if let Some((other, text)) = whisper {
            let own = self.clients[from].rendered("whispered", &format!("you -> {other}"), text);
            self.clients[from].push(&own);
            if let Some(to) = self.clients.iter().position(|client| client.name.as_deref() == Some(other)) {
                let line = self.clients[to].rendered("whisper", &format!("{name} -> you"), text);
                self.deliver(to, &line, text);
            }
            return;
        }
        for to in 0..self.clients.len() {
            let reads = self.manners.broadcasts && (to != from || self.manners.echoes);
            if reads && self.clients[to].is_in() {
                let rendered = self.clients[to].rendered("said", &name, line);
                self.deliver(to, &rendered, line);
            }
        }
    }

    fn deliver(&mut self, to: usize, line: &[u8], text: &str) {
        let Some(delivery) = Delivery::of(text, self.clients[to].number()) else {
            return self.clients[to].push(line);
        };
        let act = (self.acts)(delivery);
        let client = &mut self.clients[to];
        match act {
            Act::Drop => return,
            Act::Swap | Act::Defer if client.held.is_none() => {
                client.held = Some(Held { stream: delivery.stream, by_same: act == Act::Swap, line: line.to_vec() });
                return;
            }
            Act::Divert(other) => return self.push_to(other, line),
            Act::CloseAll => return self.clients.iter_mut().for_each(|client| client.gone = true),
            Act::Interrupt if !self.interrupted => {
                self.interrupted = true;
                return kill_process(Pid::from_child(&self.bench.child), Signal::INT).expect("kill");
            }
            Act::Deliver | Act::Swap | Act::Defer | Act::Leak(_) | Act::Interrupt => client.push(line),
            Act::Double => client.push(&line.repeat(2)),
            Act::Damage => return client.push(&damaged(line, 4)),
            Act::Break => return client.push(&damaged(line, 1)),
        }
        if let Some(held) = client.held.take_if(|held| held.by_same == (held.stream == delivery.stream)) {
            client.push(&held.line);
        }
        if let Act::Leak(other) = act {
            self.push_to(other, line);
        }
    }

    fn push_to(&mut self, number: u32, line: &[u8]) {
        let mut named = self.clients.iter_mut().filter(|client| client.is_in());
        named.find(|client| client.number() == number).expect("a client with this number").push(line);
    }
}

/// Changes one byte, counted from the end: the fourth is in the message's padding, in a line and in a frame.
fn damaged(line: &[u8], from_end: usize) -> Vec<u8> {
    let mut line = line.to_vec();
    let at = line.len() - from_end;
    line[at] = b'!';
    line
}

impl Delivery {
    /// Parses the header in a text of the load test; `None` for a probe.
    fn of(text: &str, to: u32) -> Option<Self> {
        let text = &text[text.find('~').expect("a message")..];
        let number = |from, upto| u32::from_str_radix(&text[from..upto], 16).expect("a number");
        let kind = char::from(text.as_bytes()[5]);
        (kind != 'p').then(|| Delivery { kind, stream: number(6, 10), seq: number(10, 18), to })
    }
}

impl Client {
    fn new(stream: TcpStream, manners: &Manners) -> Self {
        stream.set_nonblocking(true).expect("non-blocking");
        stream.set_nodelay(true).expect("TCP_NODELAY");
        let mut client = Client {
            stream,
            frames: manners.web.then(FrameDecoder::default),
            is_new: manners.web,
            manners: *manners,
            name: None,
            read: Vec::new(),
            out: Vec::new(),
            held: None,
            leaving: false,
            gone: false,
        };
        if !manners.web {
            client.push(manners.prompt.as_bytes());
        }
        client
    }

    /// The bytes of a line, or of an object in a frame; empty text stays empty.
    fn framed(&self, text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        match self.frames {
            Some(_) if !text.is_empty() => text_frame(&mut out, |out| out.extend(text.bytes())),
            _ => out.extend(text.bytes()),
        }
        out
    }

    fn rendered(&self, kind: &str, who: &str, text: &str) -> Vec<u8> {
        match self.frames {
            Some(_) => self.framed(&json!({ "t": kind, "name": who, "text": text }).to_string()),
            None => format!("[12:00:00] {who}: {text}\r\n").into_bytes(),
        }
    }

    fn is_in(&self) -> bool {
        self.name.is_some() && !self.gone
    }

    /// The number in the nickname: the last four digits, in base 36.
    fn number(&self) -> u32 {
        let name = self.name.as_deref().expect("a name");
        u32::from_str_radix(&name[4..], 36).expect("a number")
    }

    fn push(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
        self.flush();
    }

    fn flush(&mut self) {
        let piece = &self.out[..self.out.len().min(self.manners.piece)];
        match self.stream.write(piece) {
            Ok(n) => drop(self.out.drain(..n)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => self.gone = true,
        }
    }

    /// The complete lines received.
    fn lines(&mut self) -> Vec<String> {
        let mut block = [0; 65536];
        match self.stream.read(&mut block) {
            Ok(0) => self.leaving = true,
            Ok(n) => self.read.extend_from_slice(&block[..n]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => self.gone = true,
        }
        if self.frames.is_some() {
            return self.frames();
        }
        let end = self.read.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let whole = String::from_utf8(self.read.drain(..end).collect()).expect("UTF-8");
        whole.lines().map(str::to_owned).collect()
    }

    /// The lines in the complete frames received.
    fn frames(&mut self) -> Vec<String> {
        if self.is_new {
            let Some((request, head)) = http::parse(&self.read).expect("a request") else { return Vec::new() };
            self.read.drain(..head);
            self.is_new = false;
            let upgrade = request.upgrade.expect("a WebSocket upgrade");
            let answer = http::accept(&upgrade, Some("chinwag.v1")).expect("a valid upgrade");
            let prompt = self.framed(self.manners.prompt);
            self.push(&[answer, prompt].concat());
        }
        let read = std::mem::take(&mut self.read);
        let mut bytes = &read[..];
        let mut lines = Vec::new();
        while let Some(item) = self.frames.as_mut().and_then(|frames| frames.next(&mut bytes, usize::MAX >> 8)) {
            match item {
                FrameItem::Line(line) => lines.push(line),
                FrameItem::Close(code) => {
                    if self.manners.says_goodbye {
                        self.push(&close_frame(code));
                    }
                    self.leaving = true;
                }
                other => panic!("{other:?}"),
            }
        }
        lines
    }
}
