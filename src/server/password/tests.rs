//! The hasher with children that are shell scripts, most of which do not work.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};
use rustix::process::{Pid, Signal, kill_process};

use super::{Hasher, HasherCommand};
use crate::chat::password::{Password, PasswordAnswer, PasswordJob, PasswordRequest};
use crate::util::test_support::Random;

/// Real time until a test fails.
const DEADLINE: Duration = Duration::from_secs(20);

/// More than the child has for an answer.
const TOO_LONG: Duration = Duration::from_secs(11);

/// A child that says to everything that the password is wrong.
const WORKS: &str =
    r#"while read -r line; do n=${line#*:}; printf '{"number":%s,"answer":"Wrong"}\n' "${n%%,*}" >&0; done"#;

/// A child that reads and never answers.
const SILENT: &str = "while read -r line; do :; done";

/// A hasher in a poll, at a time that the test can advance.
struct Fixture {
    poll: Poll,
    hasher: Hasher,
    began: Instant,
    skipped: Duration,
    next_slot: usize,
}

impl Fixture {
    fn new(script: &str) -> Self {
        Self::run(HasherCommand { program: "/bin/sh".into(), args: vec!["-c".into(), script.into()] })
    }

    fn run(command: HasherCommand) -> Self {
        let poll = Poll::new().unwrap();
        let hasher = Hasher::start(command, poll.registry(), Token(7), Duration::ZERO);
        Fixture { poll, hasher, began: Instant::now(), skipped: Duration::ZERO, next_slot: 0 }
    }

    fn now(&self) -> Duration {
        self.began.elapsed() + self.skipped
    }

    /// Advances the time to the next deadline of the hasher.
    fn skip_to_deadline(&mut self) {
        let at = self.hasher.next_deadline().expect("a deadline");
        self.skipped += at.saturating_sub(self.now());
    }

    /// One turn of an event loop, which lasts until something happens.
    fn turn(&mut self) -> Vec<(PasswordRequest, PasswordAnswer)> {
        let now = self.now();
        let deadline = self.hasher.next_deadline().map(|at| at.saturating_sub(now));
        let timeout = if self.hasher.has_work() { Duration::ZERO } else { deadline.unwrap_or(DEADLINE).min(DEADLINE) };
        let mut events = Events::with_capacity(8);
        // The start of a child in another thread can interrupt it; then there are no events.
        let _ = self.poll.poll(&mut events, Some(timeout));
        events.iter().for_each(|_| self.hasher.notify());
        let now = self.now();
        self.hasher.process(self.poll.registry(), now)
    }

    /// Turns until `done`; all answers that came.
    fn turns(&mut self, mut done: impl FnMut(&Self, usize) -> bool) -> Vec<(PasswordRequest, PasswordAnswer)> {
        let (until, mut answers) = (Instant::now() + DEADLINE, Vec::new());
        while !done(self, answers.len()) {
            assert!(Instant::now() < until, "after {} answers", answers.len());
            answers.extend(self.turn());
        }
        answers
    }

    fn answers(&mut self, count: usize) -> Vec<(PasswordRequest, PasswordAnswer)> {
        self.turns(|_, answers| answers == count)
    }

    /// Submits a request that no other is equal to.
    fn submit(&mut self) -> PasswordRequest {
        self.next_slot += 1;
        let request = request(self.next_slot, "secret");
        self.hasher.submit(request.clone());
        request
    }

    /// Asserts that requests fail, and that the child is then in a pause of this many seconds.
    fn expect_failures(&mut self, count: usize, pause: u64) {
        let requests: Vec<_> = (0..count).map(|_| (self.submit(), PasswordAnswer::Failed)).collect();
        assert_eq!(self.answers(count), requests);
        self.expect_pause(pause);
    }

    fn expect_pause(&mut self, pause: u64) {
        self.turns(|fixture, _| fixture.hasher.pid().is_none());
        let left = self.hasher.next_deadline().unwrap().saturating_sub(self.now());
        // Of real time, at most the deadline of the test has gone by.
        let pause = Duration::from_secs(pause);
        assert!(left <= pause && left + DEADLINE > pause, "{left:?} of {pause:?}");
    }
}

fn request(slot: usize, password: &str) -> PasswordRequest {
    let origin = serde_json::from_value(serde_json::json!({"client": slot, "session": 1})).unwrap();
    let verifier = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    let job =
        PasswordJob::Verify { password: Password::new(password), verifier: verifier.into(), new: None, scram: false };
    PasswordRequest { origin, job }
}

fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid as i32).unwrap(), signal).unwrap();
}

#[test]
fn requests_are_answered_in_order() {
    let mut fixture = Fixture::new(WORKS);
    let pid = fixture.hasher.pid();
    let (mut asked, mut answered) = (Vec::new(), Vec::new());
    while answered.len() < 200 {
        while fixture.hasher.has_room() && asked.len() < 200 {
            asked.push((fixture.submit(), PasswordAnswer::Wrong));
        }
        answered.extend(fixture.turn());
    }
    assert_eq!(answered, asked);
    assert_eq!(fixture.hasher.pid(), pid);
    assert!(!fixture.hasher.has_work() && fixture.hasher.next_deadline().is_none(), "idle");
}

#[test]
fn at_most_two_requests_have_room() {
    let mut fixture = Fixture::new(SILENT);
    for _ in 0..2 {
        assert!(fixture.hasher.has_room());
        fixture.submit();
    }
    assert!(!fixture.hasher.has_room());
}

#[test]
fn child_that_ends_is_started_again_after_longer_and_longer_pauses() {
    let mut fixture = Fixture::new("exit 3");
    for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
        fixture.expect_pause(pause);
        // No request waits for the next child.
        let during = fixture.submit();
        assert_eq!(fixture.answers(1), [(during, PasswordAnswer::Failed)]);
        fixture.skip_to_deadline();
        fixture.turn();
    }
}

#[test]
fn request_that_ends_the_child_is_sent_twice() {
    let file = std::env::temp_dir().join(format!("chinwag-hasher-{}", std::process::id()));
    let script = r#"read -r line; printf '%s\n' "$line" >>"$1"; exit 1"#;
    let args = ["-c", script, "sh", file.to_str().unwrap()].map(str::to_owned).to_vec();
    let mut fixture = Fixture::run(HasherCommand { program: "/bin/sh".into(), args });
    fixture.expect_failures(1, 1);
    let lines = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert_eq!(lines.lines().count(), 2, "{lines}");
}

#[test]
fn nonsense_replaces_the_child() {
    let wait = "read -r line";
    for answer in [
        "echo hello",
        r#"echo '{"number":999,"answer":"Wrong"}'"#,
        r#"echo '{"number":1,"answer":{"Right":{"verifier":"not asked for","scram":null}}}'"#,
        r#"echo '{"number":1,"answer":{"Right":{"verifier":null,"scram":"not asked for"}}}'"#,
        "echo",
        "printf '\\377\\n'",
        "while :; do printf '%01000d' 0; done",
    ] {
        // Before a request, and in place of an answer. The child goes on after it.
        for before in ["", wait] {
            let mut fixture = Fixture::new(&format!("{before}\n{answer} >&0; {wait}; {wait}; {wait}"));
            fixture.expect_failures(2, 1);
        }
    }
    // An answer that was not asked for.
    let mut fixture = Fixture::new(&format!("echo '{{\"number\":0,\"answer\":\"Failed\"}}' >&0; {wait}"));
    fixture.expect_pause(1);
}

#[test]
fn child_without_an_answer_in_time_is_killed() {
    let mut fixture = Fixture::new(SILENT);
    let first = fixture.hasher.pid().unwrap();
    let requests = [fixture.submit(), fixture.submit()];
    assert!(fixture.turn().is_empty());
    fixture.skipped += Duration::from_secs(9);
    assert!(fixture.hasher.process(fixture.poll.registry(), fixture.skipped).is_empty());
    assert_eq!(fixture.hasher.pid(), Some(first));
    fixture.skipped += TOO_LONG;
    assert!(fixture.turn().is_empty());
    let second = fixture.hasher.pid().unwrap();
    assert_ne!(first, second);
    // Both are sent again, and wait again.
    fixture.skipped += TOO_LONG;
    let answers: Vec<_> = requests.into_iter().map(|request| (request, PasswordAnswer::Failed)).collect();
    assert_eq!(fixture.answers(2), answers);
    fixture.expect_pause(1);
}

#[test]
fn answer_that_came_while_the_server_was_stopped_is_in_time() {
    let mut fixture = Fixture::new(WORKS);
    let pid = fixture.hasher.pid();
    let request = fixture.submit();
    let now = fixture.now();
    assert!(fixture.hasher.process(fixture.poll.registry(), now).is_empty());
    // The event is there, and the loop has not got to it.
    let mut events = Events::with_capacity(8);
    let until = Instant::now() + DEADLINE;
    while !events.iter().any(|event| event.is_readable()) {
        assert!(Instant::now() < until, "no answer");
        let _ = fixture.poll.poll(&mut events, Some(DEADLINE));
    }
    let answers = fixture.hasher.process(fixture.poll.registry(), now + Duration::from_secs(3600));
    assert_eq!(answers, [(request, PasswordAnswer::Wrong)]);
    assert_eq!(fixture.hasher.pid(), pid);
}

#[test]
fn child_that_closes_its_socket_is_replaced() {
    let mut fixture = Fixture::new("exec 0</dev/null; kill -STOP $$");
    fixture.expect_failures(1, 1);
}

#[test]
fn program_that_cannot_be_started_fails_requests_until_it_can() {
    let mut fixture = Fixture::run(HasherCommand { program: PathBuf::from("/nowhere/chinwag"), args: Vec::new() });
    assert!(fixture.hasher.pid().is_none());
    fixture.expect_failures(1, 1);
    for pause in [2, 4, 8] {
        fixture.skip_to_deadline();
        fixture.expect_failures(2, pause);
    }
}

#[test]
fn answer_ends_the_pauses() {
    let mut fixture = Fixture::new(WORKS);
    for _ in 0..5 {
        let request = fixture.submit();
        assert_eq!(fixture.answers(1), [(request, PasswordAnswer::Wrong)]);
        let pid = fixture.hasher.pid().unwrap();
        signal(pid, Signal::KILL);
        // Started at once each time.
        fixture.turns(|fixture, _| fixture.hasher.pid() != Some(pid));
        assert!(fixture.hasher.pid().is_some());
    }
}

#[test]
fn long_life_without_requests_ends_the_pauses() {
    let mut fixture = Fixture::new(WORKS);
    for _ in 0..5 {
        let pid = fixture.hasher.pid().unwrap();
        fixture.skipped += Duration::from_secs(60);
        signal(pid, Signal::KILL);
        fixture.turns(|fixture, _| fixture.hasher.pid() != Some(pid));
        assert!(fixture.hasher.pid().is_some());
    }
}

#[test]
fn killed_children_leave_no_zombies() {
    let mut fixture = Fixture::new(SILENT);
    let mut pids = vec![fixture.hasher.pid().unwrap()];
    fixture.submit();
    fixture.turn();
    // A stopped process is killed too.
    signal(pids[0], Signal::STOP);
    fixture.skipped += TOO_LONG;
    fixture.turn();
    pids.extend(fixture.hasher.pid());
    fixture.skipped += TOO_LONG;
    let is_gone = |pid: &u32| !PathBuf::from(format!("/proc/{pid}")).exists();
    fixture.expect_pause(1);
    fixture.turns(|_, _| pids.iter().all(is_gone));
    fixture.skip_to_deadline();
    fixture.turn();
    pids.extend(fixture.hasher.pid());
    assert_eq!(pids.len(), 3);
    drop(fixture);
    assert!(pids.iter().all(is_gone), "{pids:?}");
}

#[test]
fn long_texts_fail_without_the_child() {
    let mut fixture = Fixture::new(WORKS);
    let pid = fixture.hasher.pid();
    let first = fixture.submit();
    let long = request(1000, &"x".repeat(1025));
    fixture.hasher.submit(long.clone());
    let mut answers = fixture.answers(2);
    answers.sort_by_key(|(request, _)| request.origin.client);
    assert_eq!(answers, [(first, PasswordAnswer::Wrong), (long, PasswordAnswer::Failed)]);
    assert_eq!(fixture.hasher.pid(), pid);
}

#[test]
fn taken_requests_are_those_without_an_answer() {
    let mut fixture = Fixture::new(WORKS);
    let first = fixture.submit();
    assert_eq!(fixture.answers(1).len(), 1);
    let pid = fixture.hasher.pid().unwrap();
    signal(pid, Signal::STOP);
    let requests = vec![fixture.submit(), fixture.submit()];
    assert!(!requests.contains(&first));
    fixture.turn();
    assert_eq!(fixture.hasher.take_requests(), requests);
    // If the handover fails, it goes on with another child.
    let answers: Vec<_> = requests.iter().map(|request| (request.clone(), PasswordAnswer::Wrong)).collect();
    requests.into_iter().for_each(|request| fixture.hasher.submit(request));
    assert_eq!(fixture.answers(2), answers);
    assert_ne!(fixture.hasher.pid(), Some(pid));
}

#[test]
fn requests_have_one_answer_each_when_the_child_is_killed_at_any_time() {
    for seed in 0..20 {
        let mut random = Random(seed);
        let mut fixture = Fixture::new(WORKS);
        let (mut waiting, mut count, mut failed) = (VecDeque::new(), 0, 0);
        let until = Instant::now() + DEADLINE;
        while count < 60 {
            assert!(Instant::now() < until, "seed {seed}: {count} answers");
            match (random.below(8), fixture.hasher.pid()) {
                (0, Some(pid)) => {
                    // It may have ended before, and not been noticed.
                    let _ = kill_process(Pid::from_raw(pid as i32).unwrap(), Signal::KILL);
                }
                (1..4, _) if fixture.hasher.has_room() => waiting.push_back(fixture.submit()),
                (4, None) => fixture.skip_to_deadline(),
                _ => {
                    let now = fixture.now();
                    let answers = if waiting.is_empty() || random.one_in(3) {
                        fixture.hasher.process(fixture.poll.registry(), now)
                    } else {
                        fixture.turn()
                    };
                    for (request, answer) in answers {
                        assert_eq!(Some(&request), waiting.front(), "seed {seed}");
                        waiting.pop_front();
                        count += 1;
                        failed += usize::from(answer == PasswordAnswer::Failed);
                    }
                }
            }
        }
        assert!(failed < count, "seed {seed}: no answer but failures");
    }
}
