//! Kills the server under load many times: every line that a reader has received is stored afterwards.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use fastrand::Rng;

use super::{TestDir, kill};
use crate::harness::{Client, Server};

/// Maximum rounds, and maximum time for all of them.
const ROUNDS: usize = 100;
const MAX_TIME: Duration = Duration::from_secs(25);
const WRITERS: usize = 3;
const READERS: usize = 3;

/// A client that keeps all bytes it has read, however its connection ends.
struct Reader {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Reader {
    fn enter(server: &Server, name: &str) -> Reader {
        let mut client = server.login(name);
        client.send("/ping ready\n");
        client.until("* pong ready");
        client.stream.set_nonblocking(true).expect("nonblocking");
        Reader { stream: client.stream.try_clone().expect("a socket"), read: Vec::new() }
    }

    /// Reads what is available; returns whether more can come.
    fn read(&mut self) -> bool {
        let mut block = [0; 65536];
        loop {
            match self.stream.read(&mut block) {
                Ok(0) => return false,
                Ok(n) => self.read.extend_from_slice(&block[..n]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(_) => return false,
            }
        }
    }

    /// The texts of the messages whose lines are complete.
    fn texts(&self) -> Vec<String> {
        let read = String::from_utf8_lossy(&self.read);
        let lines = read.split_inclusive("\r\n").filter(|line| line.ends_with("\r\n"));
        lines.filter_map(text).collect()
    }
}

/// The text of a line, if it is a message.
fn text(line: &str) -> Option<String> {
    let (_, said) = line.trim_end().strip_prefix('[')?.split_once(": ")?;
    Some(said.to_owned())
}

/// The texts of all stored messages, oldest first, at least back to the id `from`.
fn stored(client: &mut Client, from: u64) -> Vec<String> {
    let (mut texts, mut command) = (Vec::new(), "/history 500".to_owned());
    loop {
        client.send(&format!("{command}\n"));
        let mut page = Vec::new();
        let older = loop {
            let line = client.line();
            match line.strip_prefix("* --- for what was said before: ") {
                Some(next) => break next.split([';', '-']).next().map(|next| next.trim_end().to_owned()),
                None if line.contains("nothing was said here before") || line.contains("Nothing has been said") => {
                    break None;
                }
                None => page.extend(text(&line)),
            }
        };
        page.append(&mut texts);
        texts = page;
        let Some(older) = older else { return texts };
        let first: u64 = older.rsplit(' ').next().and_then(|id| id.parse().ok()).expect("a number");
        if first <= from {
            return texts;
        }
        command = format!("{older} 500");
    }
}

/// Sends messages for a while and kills the server; returns the texts that each reader has read.
fn talk(server: Server, round: usize, random: &mut Rng) -> Vec<Vec<String>> {
    let mut readers: Vec<Reader> = (0..READERS).map(|n| Reader::enter(&server, &format!("reader{n}"))).collect();
    let mut writers: Vec<TcpStream> = (0..WRITERS)
        .map(|n| {
            let client = server.login(&format!("writer{n}"));
            client.stream.set_nonblocking(true).expect("nonblocking");
            client.stream
        })
        .collect();
    let end = Instant::now() + Duration::from_micros(500 + random.usize(..60_000) as u64);
    let mut said = 0;
    while Instant::now() < end {
        let lines: String = (0..1 + random.usize(..20)).map(|n| format!("{round}.{}\n", said + n)).collect();
        said += lines.lines().count();
        // A full socket takes a part of a line, which the next write completes to some other line; that does not matter.
        let _ = writers[random.usize(..WRITERS)].write(lines.as_bytes());
        let who = random.usize(..READERS);
        readers[who].read();
    }
    kill(server);
    for reader in &mut readers {
        while reader.read() {}
    }
    readers.iter().map(Reader::texts).collect()
}

#[test]
fn delivered_messages_are_stored_once_and_in_order_after_sigkill() {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time");
    let seed = std::env::var("CHINWAG_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(since.as_nanos() as u64);
    println!("seed {seed}");
    let (dir, mut random, began) = (TestDir::new(), Rng::with_seed(seed), Instant::now());
    let options = ["--history", "1", "--rate", "0", "-q", "-q"];
    // The log only contains the address.
    let start = || dir.start(&options[..4]);
    let (mut all, mut read_in_all, mut rounds) = (Vec::<String>::new(), 0, 0);
    while rounds < ROUNDS && began.elapsed() < MAX_TIME {
        let read = talk(start(), rounds, &mut random);
        let server = start();
        let mut checker = server.login("checker");
        checker.send("/ping entered\n");
        checker.until("* pong entered");
        let stored = stored(&mut checker, 1);
        kill(server);
        assert!(stored.starts_with(&all), "seed {seed}, round {rounds}: stored messages have changed");
        let new = &stored[all.len()..];
        for texts in read {
            let mine: Vec<&String> = texts.iter().filter(|text| text.starts_with(&format!("{rounds}."))).collect();
            read_in_all += mine.len();
            assert!(mine.len() <= new.len(), "seed {seed}, round {rounds}: {} read, {} stored", mine.len(), new.len());
            let other = mine.iter().zip(new).position(|(read, stored)| *read != stored);
            if let Some(at) = other {
                panic!("seed {seed}, round {rounds}: {:?} was read as number {at}, {:?} is stored", mine[at], new[at]);
            }
        }
        all = stored;
        rounds += 1;
    }
    println!("{rounds} times killed, {read_in_all} lines read, {} stored", all.len());
    assert!(rounds >= 10 && read_in_all > 1000, "seed {seed}: {rounds} times killed, {read_in_all} lines read");
}
