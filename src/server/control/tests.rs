//! Tests of the control socket.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use mio::Poll;

use super::connection::TIMEOUT;
use super::*;
use crate::chat::MessageKind;
use crate::control::protocol::MAX_REQUEST;
use crate::server::store::writer::tests::options_in;
use crate::store::{Message, Record, Store};

const SECOND: Duration = Duration::from_secs(1);

/// A control socket in a folder of its own, with a store.
struct Rig {
    folder: PathBuf,
    poll: Poll,
    control: Control,
    store: StoreWriter,
}

impl Rig {
    fn new(name: &str) -> Rig {
        let folder = std::env::temp_dir().join(format!("chinwag-control-{name}-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let poll = Poll::new().unwrap();
        let place = ControlPlace { path: folder.join("asked"), is_default: false };
        let listener = place.listen(&mut None).unwrap().unwrap();
        let control = Control::new(listener, poll.registry(), Token(0), 1).unwrap();
        let options = options_in(&folder);
        let (mut store, _) = Store::open(&options, 0).unwrap();
        let said = |id| {
            let (at, text) = (time::OffsetDateTime::UNIX_EPOCH, "fish ".repeat(100));
            Record::Message(Message { id, room: "den".into(), at, kind: MessageKind::Said, name: "a".into(), text })
        };
        store.write(&(1..200).map(said).collect::<Vec<_>>()).unwrap();
        Rig { folder, poll, control, store: StoreWriter::new(store, false) }
    }

    fn connect(&self) -> BufReader<UnixStream> {
        let stream = UnixStream::connect(self.folder.join("asked")).unwrap();
        stream.set_read_timeout(Some(20 * SECOND)).unwrap();
        BufReader::new(stream)
    }

    /// A turn in which everything that has come is noticed; the copy makes a step before.
    fn turn(&mut self, now: Duration) {
        self.store.copy_step(now);
        self.control.notify_listener();
        (1..=MAX_CONNECTIONS).for_each(|token| self.control.notify(token));
        self.control.process(self.poll.registry(), Some(&mut self.store), now);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn copy_request(&self, name: &str) -> String {
        format!("{{\"ask\":\"copy\",\"to\":\"{}\"}}\n", self.path(name).display())
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn send(client: &mut BufReader<UnixStream>, text: &str) {
    client.get_mut().write_all(text.as_bytes()).unwrap();
}

fn line(client: &mut BufReader<UnixStream>) -> String {
    let mut line = String::new();
    client.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

/// Everything that comes until the end; a connection that was closed with unread input ends with an error.
fn rest(client: &mut BufReader<UnixStream>) -> String {
    let mut bytes = Vec::new();
    let _ = client.read_to_end(&mut bytes);
    String::from_utf8(bytes).unwrap()
}

#[test]
fn copy_is_made_for_its_client_and_removed_when_the_client_goes_unless_it_has_another_name() {
    let mut rig = Rig::new("copy");
    for is_renamed in [false, true] {
        let mut client = rig.connect();
        let request = rig.copy_request("part");
        // A request may come in pieces.
        send(&mut client, &request[..9]);
        rig.turn(SECOND);
        send(&mut client, &request[9..]);
        rig.turn(SECOND);
        assert_eq!(line(&mut client), r#"{"t":"copying","percent":0}"#);
        assert!(rig.path("part").exists());
        let mut turns = 0;
        while rig.control.is_copying {
            turns += 1;
            rig.turn(SECOND + turns * SECOND);
        }
        let (device, inode) = rig.store.inode();
        let told = format!(r#"{{"t":"copied","store":[{device},{inode}]}}"#);
        let progress = std::iter::from_fn(|| Some(line(&mut client)).filter(|line| *line != told)).take(101);
        assert!(progress.into_iter().all(|line| line.contains("copying")));
        assert_eq!(rig.control.next_deadline(), None, "the client may take its time with the copy");
        assert!(rig.path("part").exists());
        if is_renamed {
            fs::rename(rig.path("part"), rig.path("copy")).unwrap();
        }
        drop(client);
        rig.turn(1000 * SECOND);
        assert!(!rig.path("part").exists() && rig.control.connections.is_empty());
        assert_eq!(rig.path("copy").exists(), is_renamed);
    }
}

#[test]
fn copies_are_made_one_after_another_and_given_up_with_their_clients() {
    let mut rig = Rig::new("queue");
    let mut clients = [rig.connect(), rig.connect(), rig.connect()];
    for (client, name) in clients.iter_mut().zip(["one", "two", "three"]) {
        send(client, &rig.copy_request(name));
    }
    rig.turn(SECOND);
    let [mut one, mut two, three] = clients;
    assert_eq!(line(&mut one), r#"{"t":"copying","percent":0}"#);
    assert_eq!(line(&mut two), r#"{"t":"waiting"}"#);
    assert!(rig.path("one").exists() && !rig.path("two").exists());
    drop(three);
    drop(one);
    rig.turn(SECOND);
    assert_eq!(line(&mut two), r#"{"t":"copying","percent":0}"#);
    assert!(!rig.path("one").exists() && rig.path("two").exists());
    assert_eq!(rig.control.connections.len(), 1);
    rig.control.end(Some(&mut rig.store), SECOND);
    rig.control.process(rig.poll.registry(), Some(&mut rig.store), SECOND);
    assert_eq!(rest(&mut two).lines().last().unwrap(), format!("{{\"t\":\"error\",\"why\":\"{ENDING}\"}}"));
    assert!(!rig.path("two").exists() && !rig.path("asked").exists() && rig.store.poll_copy().is_none());
}

#[test]
fn copy_that_is_made_is_left_to_its_client_when_the_server_ends() {
    let mut rig = Rig::new("left");
    let mut client = rig.connect();
    send(&mut client, &rig.copy_request("part"));
    (1..1000).for_each(|n| rig.turn(n * SECOND));
    rig.control.end(Some(&mut rig.store), SECOND);
    rig.control.process(rig.poll.registry(), Some(&mut rig.store), SECOND);
    assert!(rig.control.connections.is_empty() && rig.path("part").exists());
    assert!(rest(&mut client).contains("copied"));
}

#[test]
fn what_is_no_request_is_refused_with_the_reason() {
    let mut rig = Rig::new("refused");
    fs::write(rig.path("taken"), "text").unwrap();
    let long = "x".repeat(MAX_REQUEST);
    for (request, why) in [
        ("hello\n".to_owned(), "does not know the request"),
        ("\n".to_owned(), "does not know the request"),
        (r#"{"ask":"dance"}"#.to_owned() + "\n", "unknown variant `dance`"),
        (r#"{"ask":"copy","to":"part"}"#.to_owned() + "\n", "the path of a copy has to be absolute"),
        (rig.copy_request("taken"), "there is such a file already"),
        (long, "a request has at most 32768 bytes"),
    ] {
        let mut client = rig.connect();
        send(&mut client, &request);
        rig.turn(SECOND);
        let told = rest(&mut client);
        assert!(told.starts_with(r#"{"t":"error","why":""#) && told.contains(why), "{request:.80}: {told}");
        assert!(rig.control.connections.is_empty());
    }
    assert_eq!(fs::read(rig.path("taken")).unwrap(), b"text");
    let mut client = rig.connect();
    send(&mut client, &rig.copy_request("part"));
    rig.control.notify_listener();
    rig.control.process(rig.poll.registry(), None, SECOND);
    assert!(rest(&mut client).contains("this server has no store (--store FILE)"));
}

#[test]
fn connections_are_few_and_silent_ones_end() {
    let mut rig = Rig::new("silent");
    let mut clients: Vec<_> = (0..MAX_CONNECTIONS).map(|_| rig.connect()).collect();
    let mut late = rig.connect();
    rig.turn(SECOND);
    assert!(rest(&mut late).contains("the server works on 8 requests already"));
    assert_eq!(rig.control.next_deadline(), Some(SECOND + TIMEOUT));
    send(&mut clients[0], "{\"ask\":");
    rig.turn(2 * SECOND);
    rig.turn(SECOND + TIMEOUT);
    for client in &mut clients {
        assert!(rest(client).contains("no request has come"));
    }
    assert_eq!((rig.control.connections.len(), rig.control.next_deadline()), (0, None));
}

#[test]
fn only_the_own_user_and_root_may_ask() {
    assert!(may_ask(1000, 1000) && may_ask(0, 1000) && may_ask(0, 0));
    assert!(!may_ask(1001, 1000) && !may_ask(1000, 0));
}
