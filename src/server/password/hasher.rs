//! The server's side of password hashing: the requests that the child has, and its end and new start.

use std::collections::VecDeque;
use std::process::Child;
use std::time::Duration;

use log::{info, warn};
use mio::{Registry, Token};

use super::process::{HasherCommand, Process};
use super::protocol::{is_answer_to, request_line};
use crate::chat::password::{PasswordAnswer, PasswordRequest};
use crate::util::io_error::plain_words;

/// Requests that the child has at once: one is computed, and one waits, so that the child is never idle.
const MAX_REQUESTS: usize = 2;

/// How often a request is sent, since it may be what ends the child.
const MAX_SENDS: u8 = 2;

/// How long the child may take for one answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest pause before a new start.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// How often a killed child is looked at until it has ended, which is nearly always at once.
const REAP_INTERVAL: Duration = Duration::from_millis(50);

struct Sent {
    request: PasswordRequest,
    /// The number of the last line with it, and how often it has been sent.
    number: u64,
    sends: u8,
}

/// Has password work done by a child process. Every request gets exactly one answer, if [`Hasher::process`] is called
/// after each event, after each [`Hasher::submit`], and at each [`Hasher::next_deadline`].
///
/// A child that ends, answers nonsense or does not answer is killed and started again, the first time at once, then
/// after longer and longer pauses until an answer comes. During a pause every request fails.
pub struct Hasher {
    command: HasherCommand,
    token: Token,
    process: Option<Process>,
    /// The first `sent` of them have been sent to this process; it answers in this order.
    requests: VecDeque<Sent>,
    sent: usize,
    /// Since when the process computes the first request.
    since: Duration,
    last_number: u64,
    /// Children that were lost since the last answer.
    failures: u32,
    /// When the next child is started if there is none.
    start_at: Duration,
    /// Killed children that have not ended yet, and when they are looked at again.
    killed: Vec<Child>,
    reap_at: Duration,
}

impl Hasher {
    /// Starts the child, and registers its socket under `token`. If that fails, it is logged and tried again later.
    pub fn start(command: HasherCommand, registry: &Registry, token: Token, now: Duration) -> Self {
        let mut hasher = Hasher {
            command,
            token,
            process: None,
            requests: VecDeque::new(),
            sent: 0,
            since: now,
            last_number: 0,
            failures: 0,
            start_at: now,
            killed: Vec::new(),
            reap_at: now,
        };
        hasher.start_process(registry, now);
        hasher
    }

    /// The process number of the child; `None` during a pause.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::pid)
    }

    /// Records an event of the socket.
    pub fn notify(&mut self) {
        self.process.iter_mut().for_each(Process::notify);
    }

    /// Whether another request may be submitted.
    pub fn has_room(&self) -> bool {
        self.requests.len() < MAX_REQUESTS
    }

    /// Takes a request; the next [`Hasher::process`] sends it.
    pub fn submit(&mut self, request: PasswordRequest) {
        self.requests.push_back(Sent { request, number: 0, sends: 0 });
    }

    /// Whether [`Hasher::process`] has something to do without an event.
    pub fn has_work(&self) -> bool {
        match &self.process {
            Some(process) => process.has_work() || self.sent < self.requests.len(),
            None => !self.requests.is_empty(),
        }
    }

    /// When [`Hasher::process`] has something to do without an event, at the latest.
    pub fn next_deadline(&self) -> Option<Duration> {
        let end = self.process.as_ref().and_then(Process::next_deadline);
        let start = self.process.is_none().then_some(self.start_at);
        let answer = (self.sent > 0).then_some(self.since + ANSWER_TIMEOUT);
        let reap = (!self.killed.is_empty()).then_some(self.reap_at);
        [end, start, answer, reap].into_iter().flatten().min()
    }

    /// Reads and returns answers, sends requests, and replaces a child that does not work.
    pub fn process(&mut self, registry: &Registry, now: Duration) -> Vec<(PasswordRequest, PasswordAnswer)> {
        let mut answers = Vec::new();
        if !self.killed.is_empty() {
            self.reap(now);
        }
        if let Err(why) = self.receive(now, &mut answers) {
            self.replace(&why, now, &mut answers);
        }
        if self.process.is_none() && now >= self.start_at {
            self.start_process(registry, now);
        }
        self.send(now, &mut answers);
        answers
    }

    /// Takes back all requests that have no answer, in order, and ends the child; the next [`Hasher::process`] starts
    /// another.
    pub fn take_requests(&mut self) -> Vec<PasswordRequest> {
        self.kill_process(Duration::ZERO);
        self.start_at = Duration::ZERO;
        self.requests.drain(..).map(|sent| sent.request).collect()
    }

    /// Reads answers; fails with the reason why the child must be replaced.
    fn receive(&mut self, now: Duration, answers: &mut Vec<(PasswordRequest, PasswordAnswer)>) -> Result<(), String> {
        let Some(process) = &mut self.process else { return Ok(()) };
        let is_late = |sent, since| sent > 0 && now >= since + ANSWER_TIMEOUT;
        // The server itself may have been stopped while the answer came.
        process.read(is_late(self.sent, self.since), now);
        let nonsense = || "answered nonsense".to_owned();
        while let Some(answer) = process.next_answer().map_err(|_| nonsense())? {
            let first = self.requests.front().filter(|_| self.sent > 0).ok_or_else(nonsense)?;
            if answer.number != first.number || !is_answer_to(&answer.answer, &first.request.job) {
                return Err(nonsense());
            }
            if std::mem::take(&mut self.failures) > 0 {
                info!("the password hasher works again");
            }
            (self.sent, self.since) = (self.sent - 1, now);
            answers.extend(self.requests.pop_front().map(|sent| (sent.request, answer.answer)));
        }
        if is_late(self.sent, self.since) {
            return Err(format!("has not answered for {} s", ANSWER_TIMEOUT.as_secs()));
        }
        process.check_end(now).map_or(Ok(()), Err)
    }

    /// Sends what has not been sent; without a child, everything fails.
    fn send(&mut self, now: Duration, answers: &mut Vec<(PasswordRequest, PasswordAnswer)>) {
        let failed = |sent: Sent| (sent.request, PasswordAnswer::Failed);
        let Some(process) = &mut self.process else {
            answers.extend(self.requests.drain(..).map(failed));
            return;
        };
        while let Some(next) = self.requests.get_mut(self.sent) {
            let Some(line) = request_line(self.last_number + 1, &next.request.job) else {
                // No child takes texts of this length.
                answers.extend(self.requests.remove(self.sent).map(failed));
                continue;
            };
            self.last_number += 1;
            (next.number, next.sends) = (self.last_number, next.sends + 1);
            process.push(&line);
            if self.sent == 0 {
                self.since = now;
            }
            self.sent += 1;
        }
        process.write(now);
    }

    /// Ends the child for this reason. Requests that may be sent again are kept.
    fn replace(&mut self, why: &str, now: Duration, answers: &mut Vec<(PasswordRequest, PasswordAnswer)>) {
        let lived = self.process.as_ref().map_or(Duration::ZERO, |process| now.saturating_sub(process.started()));
        if lived >= MAX_PAUSE {
            self.failures = 0;
        }
        let pause = self.count_failure(now);
        warn!("the password hasher {why}; it is started again {}", when(pause));
        self.kill_process(now);
        self.requests = std::mem::take(&mut self.requests)
            .into_iter()
            .filter_map(|sent| {
                if sent.sends < MAX_SENDS {
                    return Some(sent);
                }
                answers.push((sent.request, PasswordAnswer::Failed));
                None
            })
            .collect();
    }

    fn start_process(&mut self, registry: &Registry, now: Duration) {
        match Process::start(&self.command, registry, self.token, now) {
            Ok(process) => self.process = Some(process),
            Err(error) => {
                let pause = self.count_failure(now);
                let error = plain_words(&error);
                warn!("the password hasher cannot be started: {error}; it is tried again {}", when(pause));
            }
        }
    }

    /// Counts a lost child; returns the pause before the next one: 0, 1, 2, 4 ... 60 s.
    fn count_failure(&mut self, now: Duration) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let pause = match self.failures {
            1 => Duration::ZERO,
            n => Duration::from_secs(1 << (n - 2).min(6)).min(MAX_PAUSE),
        };
        self.start_at = now + pause;
        pause
    }

    fn kill_process(&mut self, now: Duration) {
        self.sent = 0;
        if let Some(process) = self.process.take() {
            self.killed.push(process.kill());
            self.reap(now);
        }
    }

    fn reap(&mut self, now: Duration) {
        self.killed.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
        self.reap_at = now + REAP_INTERVAL;
    }
}

fn when(pause: Duration) -> String {
    if pause.is_zero() { "at once".into() } else { format!("in {} s", pause.as_secs()) }
}

impl Drop for Hasher {
    fn drop(&mut self) {
        self.killed.extend(self.process.take().map(Process::kill));
        for child in &mut self.killed {
            let _ = child.wait();
        }
    }
}
