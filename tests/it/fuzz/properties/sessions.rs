//! Whole sessions of IRC: bytes, decoder, hub, and the output, which is parsed again.
//!
//! The input is a script, a line for each step, so that it can be read. Its first two bytes are settings. A line is a letter or
//! the digit of a client, and what is sent:
//!
//! - `0text` is a line of client 0, which connects first if it is not connected; the digit says what a client speaks;
//! - `e0` ends the input, `b0` breaks the connection, `k0` lets it read no more, `u0` lets it read again;
//! - `otext` is typed by the operator; `t` lets ten seconds pass, `d` a day.

use super::hub::{Kind, SETTINGS, Simulation};

/// What the clients speak.
const KINDS: [Kind; 8] =
    [Kind::Irc, Kind::Irc, Kind::Irc, Kind::TextFrames, Kind::BinaryFrames, Kind::Irc, Kind::Plain, Kind::Plain];

pub fn check(input: &[u8]) {
    let [flags, limits, script @ ..] = input else { return };
    let mut simulation = Simulation::new(&settings(*flags, usize::from(*limits)));
    for line in script.split(|&byte| byte == b'\n') {
        match *line {
            [digit @ b'0'..b'8', ref text @ ..] => {
                let slot = usize::from(digit - b'0');
                simulation.connect(slot, KINDS[slot]);
                simulation.perform(b's', slot, &[text, b"\r\n"].concat());
            }
            [step @ (b'e' | b'b' | b'k' | b'u'), digit, ..] => {
                simulation.perform(step, usize::from(digit.wrapping_sub(b'0') % 8), &[0]);
            }
            [b'o', ref text @ ..] => simulation.perform(b'o', 0, text),
            [b't', ..] => simulation.perform(b't', 0, &[100]),
            [b'd', ..] => simulation.perform(b'd', 0, &[]),
            _ => continue,
        }
    }
    simulation.end();
    simulation.check_login();
}

/// The settings of a simulation: with or without operator and store, small backlogs and histories or larger ones.
fn settings(flags: u8, limits: usize) -> [u8; SETTINGS] {
    let flag = |from: u8, to: u8| (flags >> from & 1) << to;
    let (users, waiting, per_ip, history) = (7, 3, 0, 15);
    let bytes = [0xf2, 0xf6, 0x3a, 0xff][limits % 4];
    let (seconds, line, rate) = (15, 255, [0, 0x7f][limits / 4 % 2]);
    let (announced, rooms, listed) = ([0, 5][limits / 8 % 2], [1, 0xff][limits / 16 % 2], 255);
    [
        flag(0, 3) | flag(1, 5) | flag(2, 6) | flag(3, 2),
        users,
        waiting,
        per_ip,
        history,
        bytes,
        seconds,
        line,
        rate,
        announced,
        rooms,
        listed,
    ]
}
