//! What persons type who register, log in with passwords and have several sessions.

use crate::simulator::oracle::Surroundings;
use crate::util::test_support::Random;

/// Few names and passwords, so that several persons have the same.
const NAMES: [&str; 5] = ["alice", "Alice", "bob", "BOB", "carol"];
const PASSWORDS: [&str; 2] = ["fish", "wet"];

fn name(random: &mut Random) -> &'static str {
    random.pick::<&str>(&NAMES)
}

/// A password; mostly the same one.
fn password(random: &mut Random) -> &'static str {
    if random.one_in(4) { PASSWORDS[1] } else { PASSWORDS[0] }
}

/// A line at the nickname prompt.
pub fn nickname(random: &mut Random) -> String {
    name(random).into()
}

/// A line at a password prompt.
pub fn at_prompt(random: &mut Random, max_line: usize) -> String {
    match random.below(24) {
        0 => ["", "   ", "q", "/quit", "Exit"][random.below(5)].into(),
        // Around the most bytes of a password, if such a line fits.
        1 => "p".repeat(random.below(20) + if max_line > 1100 { 1018 } else { 250 }),
        2 => format!(" {} ", password(random)),
        3 | 4 => ["bird", "two words", "/json"][random.below(3)].into(),
        _ => password(random).into(),
    }
}

/// A line of a member.
pub fn line(random: &mut Random, near: &Surroundings) -> String {
    match random.below(40) {
        0..=15 => format!("/register {}", password(random)),
        16..=22 => format!("/nick {} {}", name(random), password(random)),
        23 => format!("/nick {}", name(random)),
        24 if !near.own.is_empty() => format!("/nick {} x", near.own),
        25..=27 => format!("/password {} {}", password(random), password(random)),
        28..=30 => format!("/unregister {}", password(random)),
        31..=33 => format!("/whois {}", name(random)),
        34 | 35 => format!("@{} are you there?", name(random)),
        36 => "/quit".into(),
        _ => [
            "/register",
            "/register two words",
            "/register q",
            "/register /json",
            "/password",
            "/password fish",
            "/password fish /x",
            "/password x wet",
            "/unregister",
            "/unregister x",
            "/nick nobody x",
            "/nick alice bird",
        ][random.below(12)]
        .into(),
    }
}

/// A line of the operator.
pub fn order(random: &mut Random) -> String {
    match random.below(4) {
        0 => ["/unregister", "/unregister nobody"][random.below(2)].into(),
        1 => format!("/kick {}", name(random)),
        _ => format!("/unregister {}", name(random)),
    }
}

/// A line that asks the store nothing, since the world has none that answers.
pub fn without_query(line: String) -> String {
    match line {
        line if line.starts_with("/history") => "/ping".into(),
        line if line.starts_with("/delete") => "/delete last".into(),
        line => line,
    }
}
