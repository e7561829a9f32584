//! The bytes of a plain client.

use crate::simulator::oracle::Typed;
use crate::util::test_support::Random;

const IAC: u8 = 255;

/// A telnet command without effect on the text, and its expected answer.
fn command(random: &mut Random) -> (Vec<u8>, Option<Typed>) {
    let option = random.below(40) as u8;
    match random.below(5) {
        0 => (vec![IAC, 253, option], Some(Typed::Option([IAC, 252, option]))),
        1 => (vec![IAC, 251, option], Some(Typed::Option([IAC, 254, option]))),
        2 => (vec![IAC, 254, option], None),
        3 => (vec![IAC, 250, 31, 0, 80, IAC, IAC, b'\n', IAC, 240], None),
        _ => (vec![IAC, 241], None),
    }
}

/// The bytes that a program sends for a line, and how the server should understand them.
///
/// At most `options` telnet options are asked for.
pub fn bytes(random: &mut Random, line: String, max_line: usize, options: &mut usize) -> (Vec<u8>, Vec<Typed>) {
    let end = *random.pick::<&[u8]>(&[&b"\n"[..], b"\r\n", b"\r\0"]);
    let mut typed = Vec::new();
    let mut bytes = Vec::new();
    match random.below(40) {
        0 => {
            bytes = vec![b'x'; max_line + 1 + random.below(2 * max_line)];
            typed.push(Typed::TooLong);
        }
        1 => {
            bytes.extend_from_slice(line.as_bytes());
            let ends: [&[u8]; 3] = [b"\xc3\x28", b"\x80", &[b'a', IAC, IAC]];
            // An escaped IAC is telnet, too.
            let bad = *random.pick(if *options > 0 { &ends[..] } else { &ends[..2] });
            bytes.extend_from_slice(bad);
            typed.push(Typed::NotUtf8);
        }
        2..=6 => {
            // Each noise leaves the text unchanged, between any two characters.
            for c in line.chars() {
                if random.one_in(6) {
                    let noise =
                        *random.pick::<&[u8]>(&[&b"\x07"[..], b"x\x08", "é\x7f".as_bytes(), b"\x1b[31m", b"\0"]);
                    bytes.extend_from_slice(noise);
                } else if random.one_in(12) && *options > 0 {
                    let (noise, answer) = command(random);
                    *options -= 1;
                    bytes.extend(noise);
                    typed.extend(answer);
                }
                bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
            typed.push(Typed::Line(line));
            if bytes.len() > max_line {
                // More noise does not fit into a line.
                let Some(Typed::Line(line)) = typed.pop() else { unreachable!() };
                return (format!("{line}\n").into_bytes(), vec![Typed::Line(line)]);
            }
        }
        _ => {
            bytes.extend_from_slice(line.as_bytes());
            typed.push(Typed::Line(line));
        }
    }
    bytes.extend_from_slice(end);
    (bytes, typed)
}
