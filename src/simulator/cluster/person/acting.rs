//! What people type, and how they leave.

use super::{PASSWORD, Person, Stage};
use crate::util::test_support::Random;

const NAMES: [&str; 6] = ["alice", "bob", "carol", "dave", "erin", "frank"];
const ROOMS: [&str; 3] = ["lobby", "den", "tea"];
/// Steps for which a person waits who is asked for a name and not told what became of a message.
const PATIENCE: usize = 60;

impl Person {
    fn pick_name(&self, random: &mut Random) -> String {
        let name = random.pick(&NAMES).to_string();
        if self.is_unique || self.attempts > 3 { format!("{name}{}", self.number) } else { name }
    }

    /// Says something.
    pub fn say(&mut self, texts: &mut u32, random: &mut Random) {
        *texts += 1;
        self.sent.push(*texts);
        self.open += 1;
        let followed = self.stays.followed();
        let text = format!("n{texts} is said");
        let line = match (random.below(6), followed) {
            (0, Some(room)) => format!("#{room} {text}"),
            (1, _) => format!("/me {text}"),
            _ => text,
        };
        self.type_line(&line);
    }

    /// Types a command, and waits for its answer.
    pub(super) fn command(&mut self, line: &str, texts: &mut u32) {
        *texts += 1;
        self.barrier = Some(*texts);
        self.type_line(line);
        self.type_line(&format!("/ping {texts}"));
    }

    /// Does something, or nothing. `others` are the names of people.
    pub fn act(&mut self, others: &[String], texts: &mut u32, random: &mut Random, step: usize) {
        match self.stage {
            Stage::Asked(since) if self.open == 0 || step > since + PATIENCE => {
                self.is_unsure |= self.open > 0;
                if !self.shown.is_empty() && random.one_in(2) {
                    return self.abandon();
                }
                self.attempts += 1;
                let name = self.pick_name(random);
                self.type_line(&name);
                self.stage = Stage::Arriving;
            }
            Stage::Present if self.barrier.is_none() => match random.below(200) {
                0..=11 => (0..1 + random.below(3)).for_each(|_| self.say(texts, random)),
                12..=16 if self.open == 0 => {
                    let line = self.compose(others, random);
                    self.command(&line, texts);
                }
                17 => self.leave(random),
                _ => {}
            },
            _ => {}
        }
    }

    fn compose(&self, others: &[String], random: &mut Random) -> String {
        let name = random.pick(others);
        let room = random.pick(&ROOMS);
        match random.below(20) {
            0..=3 => format!("/join {room}"),
            4 | 5 => format!("/follow #{room}"),
            6 => format!("/unfollow #{room}"),
            7 | 8 => format!("/nick {}", self.pick_name(random)),
            9 => format!("/kick #{room} {name}"),
            10 => format!("/mute #{room} {name} 1"),
            11 => format!("/ban #{room} {name} 1"),
            12 => format!("/op #{room} {name}"),
            13 => format!("/topic #{room} for {name}"),
            14 if random.one_in(2) => "/delete last".into(),
            14 | 15 => format!("@{name} between us"),
            16 | 17 => format!("/register {PASSWORD}"),
            _ => format!("/unban #{room} {name}"),
        }
    }

    /// Leaves in one of the ways in which people leave.
    fn leave(&mut self, random: &mut Random) {
        match random.below(3) {
            0 => self.type_line("/quit"),
            1 => self.wire.borrow_mut().end(),
            _ => self.wire.borrow_mut().break_off(),
        }
        // What it has not seen until now it may see or not.
        self.is_unsure = true;
        self.barrier = Some(0);
    }
}
