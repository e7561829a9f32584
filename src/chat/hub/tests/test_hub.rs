//! A hub with a console, for tests of what members type and read.

use std::io::IoSlice;
use std::time::Duration;

use time::macros::datetime;

use crate::chat::config::Config;
use crate::chat::encoding::{Encoding, IrcShape};
use crate::chat::hub::Hub;
use crate::chat::id::ClientId;
use crate::chat::input::{NewConnection, ResumeRequest};
use crate::chat::{Input, Lang, Now};
use crate::wire::renderers;

/// A hub with a console, and its time.
pub struct TestHub {
    pub hub: Hub,
    pub at: Duration,
    slots: usize,
}

/// Writes all data for a session; returns its lines.
pub fn read_lines(hub: &mut Hub, id: ClientId) -> Vec<String> {
    let mut text = Vec::new();
    loop {
        let mut slices = [IoSlice::new(&[]); 4];
        let lent = hub.gather(id, &mut slices);
        text.extend(slices[..lent.slices].iter().flat_map(|slice| slice.to_vec()));
        hub.handle_written(id, lent, lent.bytes);
        if lent.bytes == 0 {
            return String::from_utf8(text).unwrap().lines().map(str::to_owned).collect();
        }
    }
}

impl TestHub {
    pub fn new() -> TestHub {
        TestHub::with(Config::default())
    }

    pub fn with(config: Config) -> TestHub {
        let mut hub = Hub::new(Config { rate: 0, ..config }, renderers(Lang::En));
        hub.attach_console();
        TestHub { hub, at: Duration::from_secs(1), slots: 0 }
    }

    /// The number of the next connection.
    pub fn next_id(&mut self) -> ClientId {
        self.slots += 1;
        ClientId::new(self.slots - 1)
    }

    pub fn now(&self) -> Now {
        Now { at: self.at, local: datetime!(2026-11-20 12:00:00 UTC) + self.at }
    }

    pub fn connect(&mut self, name: &str, host: u8) -> ClientId {
        self.connect_from(name, [10, 0, 0, host], 1)
    }

    /// A connection from the Unix socket.
    pub fn connect_locally(&mut self, name: &str, number: u16) -> ClientId {
        self.connect_from(name, [0, 0, 0, 0], number)
    }

    fn connect_from(&mut self, name: &str, ip: [u8; 4], port: u16) -> ClientId {
        let (id, now) = (ClientId::new(self.slots), self.now());
        self.slots += 1;
        self.hub.handle_plain_connection(id, (ip, port).into(), now);
        self.hub.handle_line(id, Input::Line(name), now);
        id
    }

    /// A member with an IRC client that has its own address and has read everything.
    pub fn enter_irc(&mut self, name: &str) -> ClientId {
        let (id, now) = (ClientId::new(self.slots), self.now());
        self.slots += 1;
        let addr = ([10, 0, 0, id.slot() as u8], 1).into();
        let encoding = Encoding::Irc(IrcShape::empty());
        let resume_request = ResumeRequest::default();
        self.hub.handle_connection(id, NewConnection { addr, encoding, preface: &[], resume_request }, now);
        self.say(id, &format!("NICK {name}"));
        self.say(id, &format!("USER {name} 0 * :Real {name}"));
        self.read(id);
        id
    }

    /// A member that has its own address and has read everything.
    pub fn enter(&mut self, name: &str) -> ClientId {
        let id = self.connect(name, self.slots as u8);
        self.read(id);
        id
    }

    pub fn say(&mut self, id: ClientId, line: &str) {
        let now = self.now();
        self.hub.handle_line(id, Input::Line(line), now);
        self.hub.audit().unwrap();
    }

    pub fn read(&mut self, id: ClientId) -> Vec<String> {
        if id == ClientId::CONSOLE {
            let text = String::from_utf8(self.hub.poll_console_output()).unwrap();
            return text.lines().map(str::to_owned).collect();
        }
        read_lines(&mut self.hub, id)
    }

    /// What a session reads after it has typed a line; what came before is thrown away.
    pub fn answer(&mut self, id: ClientId, line: &str) -> Vec<String> {
        self.read(id);
        self.say(id, line);
        self.read(id)
    }

    pub fn check(&mut self, id: ClientId, line: &str, answer: &str) {
        assert_eq!(self.answer(id, line), [answer], "{line}");
    }
}

/// Alice has made den, in which bob is too; carol and the operator are outside.
pub fn den() -> (TestHub, [ClientId; 3]) {
    let mut server = TestHub::new();
    let people = ["alice", "bob", "carol"].map(|name| server.enter(name));
    server.say(people[0], "/join den");
    server.say(people[1], "/join den");
    people.into_iter().for_each(|id| drop(server.read(id)));
    (server, people)
}
