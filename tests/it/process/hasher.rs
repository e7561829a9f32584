//! The process that hashes passwords, as the server starts it and by itself.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::Instant;

use chinwag::chat::{Password, PasswordAnswer, PasswordJob, PasswordRequest};
use chinwag::server::password::{Hasher, HasherCommand};
use mio::{Events, Poll, Token};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

use crate::harness::{DEADLINE, Lines, PROGRAM, Server, wait};

/// A hasher with a real child, in a poll.
struct Fixture {
    poll: Poll,
    hasher: Hasher,
    began: Instant,
}

impl Fixture {
    fn new() -> Self {
        let poll = Poll::new().unwrap();
        let command = HasherCommand { program: PROGRAM.into(), args: vec!["hash-passwords".into()] };
        let began = Instant::now();
        let hasher = Hasher::start(command, poll.registry(), Token(0), began.elapsed());
        Fixture { poll, hasher, began }
    }

    /// Has pieces of work done, and returns the answers in order.
    fn ask_all(&mut self, jobs: Vec<PasswordJob>) -> Vec<PasswordAnswer> {
        let origin = serde_json::from_value(serde_json::json!({"client": 1, "session": 1})).unwrap();
        let (count, mut jobs, mut answers) = (jobs.len(), jobs.into_iter(), Vec::new());
        let mut events = Events::with_capacity(8);
        let mut until = Instant::now() + DEADLINE;
        while answers.len() < count {
            while self.hasher.has_room()
                && let Some(job) = jobs.next()
            {
                self.hasher.submit(PasswordRequest { origin, job });
            }
            let came = self.hasher.process(self.poll.registry(), self.began.elapsed());
            if !came.is_empty() {
                until = Instant::now() + DEADLINE;
            }
            answers.extend(came.into_iter().map(|(_, answer)| answer));
            // Without a deadline nothing is awaited: all that was submitted is answered.
            if !self.hasher.has_work()
                && let Some(deadline) = self.hasher.next_deadline()
            {
                // The start of a child in another thread can interrupt it; then there are no events.
                let _ = self.poll.poll(&mut events, Some(deadline.saturating_sub(self.began.elapsed())));
                events.iter().for_each(|_| self.hasher.notify());
            }
            assert!(Instant::now() < until, "after {} answers", answers.len());
        }
        answers
    }

    fn ask(&mut self, job: PasswordJob) -> PasswordAnswer {
        self.ask_all(vec![job]).remove(0)
    }

    fn hash(&mut self, password: &str) -> Box<str> {
        match self.ask(PasswordJob::Hash { password: Password::new(password) }) {
            PasswordAnswer::Right { verifier: Some(verifier), scram: Some(_) } => verifier,
            other => panic!("{other:?}"),
        }
    }

    fn pid(&self) -> u32 {
        self.hasher.pid().expect("a child")
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.pid() as i32).unwrap(), signal).unwrap();
    }
}

fn verify(password: &str, verifier: &str, new: Option<&str>) -> PasswordJob {
    let (password, new) = (Password::new(password), new.map(Password::new));
    PasswordJob::Verify { password, verifier: verifier.into(), new, scram: false }
}

const RIGHT: PasswordAnswer = PasswordAnswer::Right { verifier: None, scram: None };

/// The descriptors of a process above 2, with their targets, but those that came from outside this test.
fn descriptors(pid: u32) -> Vec<(u32, String)> {
    let mut all = all_descriptors(pid);
    let outside: Vec<_> = all_descriptors(std::process::id())
        .into_iter()
        .filter(|(fd, _)| !is_closed_by_exec(std::process::id(), *fd))
        .collect();
    all.retain(|found| found.0 > 2 && !outside.contains(found));
    all
}

fn all_descriptors(pid: u32) -> Vec<(u32, String)> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("descriptors");
    // The one that reads the folder, and those of other tests, may be gone already.
    let found = entries.filter_map(|entry| {
        let path = entry.ok()?.path();
        let target = std::fs::read_link(&path).ok()?;
        Some((path.file_name()?.to_str()?.parse().ok()?, target.to_str()?.to_owned()))
    });
    found.collect()
}

/// Whether a descriptor has O_CLOEXEC or is gone: proc_pid_fdinfo(5).
fn is_closed_by_exec(pid: u32, fd: u32) -> bool {
    let info = std::fs::read_to_string(format!("/proc/{pid}/fdinfo/{fd}")).unwrap_or_default();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    flags.is_none_or(|flags| u32::from_str_radix(flags.trim(), 8).unwrap() & 0o2_000_000 != 0)
}

#[test]
fn child_answers_200_requests_in_order() {
    let mut fixture = Fixture::new();
    let pid = fixture.pid();
    let longest = "p".repeat(1024);
    let verifier = fixture.hash(&longest);
    let jobs = (0..200).map(|number| match number % 4 {
        0 => verify(&longest, &verifier, None),
        1 => verify(&longest[1..], &verifier, Some("new")),
        2 => verify(&longest, "$argon2id$broken", None),
        // Parameters of another time.
        _ => verify(
            "password",
            "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
            None,
        ),
    });
    let answers = fixture.ask_all(jobs.collect());
    for (number, answer) in answers.iter().enumerate() {
        let expected = [RIGHT, PasswordAnswer::Wrong, PasswordAnswer::Failed, RIGHT][number % 4].clone();
        assert_eq!(*answer, expected, "{number}");
    }
    assert_eq!(fixture.pid(), pid);
}

#[test]
fn new_password_replaces_the_right_one() {
    let mut fixture = Fixture::new();
    let verifier = fixture.hash("old");
    let PasswordAnswer::Right { verifier: Some(changed), scram: Some(_) } =
        fixture.ask(verify("old", &verifier, Some("нов")))
    else {
        panic!("no new verifier");
    };
    assert_eq!(fixture.ask(verify("нов", &changed, None)), RIGHT);
    assert_eq!(fixture.ask(verify("old", &changed, None)), PasswordAnswer::Wrong);
    assert_ne!(fixture.hash("old"), verifier, "no salt");
}

#[test]
fn child_inherits_no_environment_and_no_descriptors() {
    let mut fixture = Fixture::new();
    fixture.hash("secret");
    let pid = fixture.pid();
    assert_eq!(std::fs::read(format!("/proc/{pid}/environ")).unwrap(), b"");
    assert_eq!(std::fs::read_link(format!("/proc/{pid}/cwd")).unwrap().to_str(), Some("/"));
    let standard = |fd| std::fs::read_link(format!("/proc/{pid}/fd/{fd}")).unwrap().to_str().unwrap().to_owned();
    assert!(standard(0).starts_with("socket:"));
    assert_eq!([standard(1), standard(2)], ["/dev/null"; 2]);
    // It has its socket twice.
    assert_eq!(descriptors(pid), [(3, standard(0))]);
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let nice = stat.rsplit_once(") ").unwrap().1.split(' ').nth(16).unwrap().to_owned();
    let own = rustix::process::getpriority_process(None).unwrap();
    assert_eq!(nice, (own + 10).min(19).to_string());
}

#[test]
fn no_descriptor_of_a_server_survives_exec() {
    let dir = std::env::temp_dir().join(format!("chinwag-cloexec-{}", std::process::id()));
    let _ = std::fs::create_dir(&dir);
    let store = dir.join("store.db");
    let server = Server::start(&["--web", "127.0.0.1:0", "--console=on", "--store", store.to_str().unwrap()]);
    let mut alice = server.login("alice");
    alice.send("hello\n");
    alice.expect_nothing();
    let pid = server.child.id();
    let all = descriptors(pid);
    assert!(all.iter().filter(|(_, target)| target.starts_with("socket:")).count() >= 3, "{all:?}");
    assert!(all.iter().any(|(_, target)| target.ends_with("store.db")), "{all:?}");
    for (fd, target) in &all {
        assert!(is_closed_by_exec(pid, *fd), "{fd} {target}");
    }
    drop(server);
    let _ = std::fs::remove_dir_all(&dir);
}

#[test]
fn signals_for_the_server_do_not_end_the_child() {
    let mut fixture = Fixture::new();
    fixture.hash("secret");
    let pid = fixture.pid();
    for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::USR1, Signal::USR2, Signal::ALARM] {
        fixture.signal(signal);
        fixture.hash("secret");
        assert_eq!(fixture.pid(), pid, "{signal:?}");
    }
}

#[test]
fn killed_child_is_replaced_and_its_requests_are_answered() {
    let mut fixture = Fixture::new();
    let verifier = fixture.hash("secret");
    for _ in 0..3 {
        let pid = fixture.pid();
        fixture.signal(Signal::KILL);
        let jobs = vec![verify("secret", &verifier, None), verify("secre", &verifier, None)];
        assert_eq!(fixture.ask_all(jobs), [RIGHT, PasswordAnswer::Wrong]);
        assert_ne!(fixture.pid(), pid);
    }
}

/// Starts the child without a hasher.
fn spawn() -> (std::process::Child, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut command = Command::new(PROGRAM);
    command.arg("hash-passwords").stdin(Stdio::from(OwnedFd::from(theirs))).stderr(Stdio::null());
    (command.spawn().unwrap(), ours)
}

const REQUEST: &[u8] = b"{\"number\":1,\"job\":{\"Hash\":{\"password\":\"secret\"}}}\n";

fn read_line(socket: &UnixStream) -> String {
    let mut line = String::new();
    BufReader::new(socket).read_line(&mut line).unwrap();
    line
}

#[test]
fn child_ends_with_its_socket() {
    for requests in [0, 1] {
        let (mut child, mut socket) = spawn();
        for _ in 0..requests {
            socket.write_all(REQUEST).unwrap();
            assert!(read_line(&socket).starts_with("{\"number\":1,\"answer\":{\"Right\""));
        }
        drop(socket);
        assert_eq!(wait(&mut child).code(), Some(0));
    }
}

#[test]
fn child_ends_at_nonsense() {
    let long = [&vec![b' '; 20_000][..], REQUEST].concat();
    let half = [REQUEST, &REQUEST[..20]].concat();
    for bytes in [&b"hello\n"[..], b"\n", b"{}\n", &long, &half, b"\xff\n"] {
        let (mut child, mut socket) = spawn();
        // It may end before it has read everything.
        let _ = socket.write_all(bytes);
        let _ = socket.shutdown(std::net::Shutdown::Write);
        assert_eq!(wait(&mut child).code(), Some(1));
        let mut rest = Vec::new();
        let _ = socket.read_to_end(&mut rest);
    }
}

#[test]
fn child_ends_with_its_parent() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec 3<&0; \"$0\" hash-passwords <&3 3<&- & echo $!; wait", PROGRAM]);
    let mut parent = shell.stdin(Stdio::from(OwnedFd::from(theirs))).stdout(Stdio::piped()).spawn().unwrap();
    drop(shell);
    let pid = Lines::new(parent.stdout.take().unwrap()).next().unwrap().parse().unwrap();
    let ended = pidfd_open(Pid::from_raw(pid).unwrap(), PidfdFlags::empty()).unwrap();
    // It has set itself up when it answers. The socket stays open.
    (&ours).write_all(REQUEST).unwrap();
    assert!(read_line(&ours).contains("argon2id"));
    parent.kill().unwrap();
    parent.wait().unwrap();
    let timeout = Timespec { tv_sec: DEADLINE.as_secs() as _, tv_nsec: 0 };
    assert_eq!(poll(&mut [PollFd::new(&ended, PollFlags::IN)], Some(&timeout)).unwrap(), 1, "it runs on");
}

#[test]
fn command_of_the_child_is_not_for_a_person() {
    let output = Command::new(PROGRAM).arg("hash-passwords").stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(error, "chinwag: hash-passwords is a part of the server, which starts it itself\n");
    let help = Command::new(PROGRAM).arg("help").output().unwrap();
    assert!(!String::from_utf8(help.stdout).unwrap().contains("hash-passwords"));
}
