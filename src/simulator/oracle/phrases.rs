//! Words that several answers of the server have, and the parts of what is typed.

use std::time::Duration;

use time::Date;

use crate::chat::Now;

/// Time that is left, in minutes.
pub(super) fn minutes_left(until: Option<Duration>, now: Now) -> Option<u64> {
    until.map(|until| (until - now.at).as_millis().div_ceil(60_000) as u64)
}

pub(super) fn count(n: u64, thing: &str) -> String {
    format!("{n} {thing}{}", if n == 1 { "" } else { "s" })
}

pub(super) fn for_another(minutes: Option<u64>) -> String {
    minutes.map(|minutes| format!(" for another {}", count(minutes, "minute"))).unwrap_or_default()
}

/// Parses an optional number of minutes; `None` if it is no such number.
pub(super) fn read_minutes(text: &str) -> Option<Option<u64>> {
    match text.trim() {
        "" => Some(None),
        text => text.parse().ok().filter(|minutes| (1..=1_000_000_000).contains(minutes)).map(Some),
    }
}

pub(super) fn later(minutes: Option<u64>, now: Now) -> Option<Duration> {
    minutes.map(|minutes| now.at + Duration::from_secs(60 * minutes))
}

/// The longest text of a topic and of `/away`, in bytes.
pub(super) const MAX_TEXT: usize = 390;

/// The refusal of an invalid room name.
pub(super) const ROOM_SHAPE: &str =
    "! The name of a room is 1 to 48 characters wide: letters and digits of any script, _, - and ., no spaces.";

pub(super) fn split(line: &str) -> (&str, &str) {
    line.split_once(' ').unwrap_or((line, ""))
}

pub(super) fn day_line(day: Date) -> String {
    format!("* {} {} {} {}", day.weekday(), day.day(), day.month(), day.year())
}

/// The time before a message.
pub(super) fn clock(now: Now) -> String {
    let (hour, minute, second) = now.local.time().as_hms();
    format!("[{hour:02}:{minute:02}:{second:02}]")
}

/// The refusal of an invalid name.
pub(super) const SHAPE: &str =
    "A nickname is 1 to 24 characters wide: letters and digits of any script, _, - and ., no spaces.";

/// Whether a client without a name wants to leave.
pub(super) fn is_farewell(text: &str) -> bool {
    ["q", "quit", "exit"].contains(&&*text.trim().to_lowercase()) || text.split(' ').next() == Some("/quit")
}

pub(super) fn seconds(time: Duration) -> String {
    format!("{} second{}", time.as_secs(), if time.as_secs() == 1 { "" } else { "s" })
}
