//! The process that compares and hashes passwords, some turns later than it is asked.

use std::collections::VecDeque;

use crate::chat::{PasswordAnswer, PasswordJob, PasswordRequest};
use crate::simulator::oracle::{scram, verifier};
use crate::util::test_support::Random;

/// Turns that one password takes at most.
const MAX_TURNS: usize = 5;
/// Requests that it takes at most.
const MAX_REQUESTS: usize = 2;

pub struct Hasher {
    random: Random,
    /// Requests, with the turn in which each is answered.
    queue: VecDeque<(usize, PasswordRequest)>,
}

impl Hasher {
    pub fn new(seed: u64) -> Hasher {
        Hasher { random: Random(seed ^ 0x5a5a), queue: VecDeque::new() }
    }

    /// Whether it takes another request.
    pub fn has_room(&self) -> bool {
        self.queue.len() < MAX_REQUESTS
    }

    /// Whether a request is not answered.
    pub fn has_pending(&self) -> bool {
        !self.queue.is_empty()
    }

    pub fn take(&mut self, request: PasswordRequest, turn: usize) {
        let after = self.queue.back().map_or(0, |&(turn, _)| turn);
        let at = after.max(turn + 1 + self.random.below(MAX_TURNS));
        self.queue.push_back((at, request));
    }

    /// The next answer that comes by this turn.
    pub fn next(&mut self, turn: usize) -> Option<(PasswordRequest, PasswordAnswer)> {
        let (_, request) = self.queue.pop_front_if(|&mut (at, _)| at <= turn)?;
        let mut answer = if self.random.one_in(20) { PasswordAnswer::Failed } else { answer(&request.job) };
        if let PasswordAnswer::Right { verifier: Some(_), scram } = &mut answer
            && self.random.one_in(2)
        {
            // As one does of before there were keys.
            *scram = None;
        }
        Some((request, answer))
    }

    /// It stops, and gives back what it had.
    pub fn stop(&mut self) -> Vec<PasswordRequest> {
        self.queue.drain(..).map(|(_, request)| request).collect()
    }
}

/// The answer to a request.
pub fn answer(job: &PasswordJob) -> PasswordAnswer {
    let password = match job {
        PasswordJob::Verify { password, verifier: stored, .. } if verifier(password.text()) != **stored => {
            return PasswordAnswer::Wrong;
        }
        PasswordJob::Hash { password } | PasswordJob::Verify { password, new: None, .. } => password,
        PasswordJob::Verify { new: Some(new), .. } => new,
    };
    let (makes_verifier, makes_keys) = job.makes();
    let verifier = makes_verifier.then(|| verifier(password.text()).into());
    PasswordAnswer::Right { verifier, scram: makes_keys.then(|| scram(password.text()).into()) }
}
