//! How a line of the server's looks.

use time::Time;

use super::text::{Face, Line};
use crate::chat::name::fold;
use crate::client::protocol::session::{Echo, Session};
use crate::client::protocol::shape::{Notice, Shape};

/// What stands before what the client itself says.
const LOCAL: &str = "-- ";

/// The line for what the server wrote, of which `text` is all; and whether it is meant for us above all: a whisper,
/// or a message that has our name in it.
pub fn heard(shape: &Shape, text: &str, session: &Session) -> (Line, bool) {
    let face = match *shape {
        Shape::Said { name, text, .. } | Shape::Action { name, text, .. } => face(name, text, session),
        _ => Face::Plain,
    };
    let is_for_us = face == Face::Mention || matches!(shape, Shape::Whisper { .. });
    (line(shape, text, face, session), is_for_us)
}

/// `face` is that of what somebody says.
fn line(shape: &Shape, text: &str, face: Face, session: &Session) -> Line {
    match *shape {
        Shape::Said { at, name, text } => said(at, name, session, face, text),
        Shape::Action { at, name, text } => action(at, name, session, face, text),
        Shape::Whisper { at, from, text } => {
            let mut line = stamp(at);
            line.push(face_of(from, session), from);
            line.push(Face::Whisper, " -> you: ");
            line.hang();
            line.push(Face::Whisper, text);
            line
        }
        Shape::Whispered { at, to, text } => {
            let mut line = stamp(at);
            line.push(Face::Whisper, "you -> ");
            line.push(face_of(to, session), to);
            line.push(Face::Whisper, ": ");
            line.hang();
            line.push(Face::Whisper, text);
            line
        }
        Shape::Notice(Notice::Welcome | Notice::Kicked { .. } | Notice::ShuttingDown) => Line::new(Face::Plain, text),
        Shape::Notice(_) => Line::new(Face::Notice, text),
        Shape::Refused(_) => Line::new(Face::Refused, text),
        Shape::Raw(text) => Line::new(Face::Plain, text),
    }
}

/// The line for what we have said ourselves.
pub fn own(echo: &Echo, at: Time, session: &Session) -> Line {
    let name = session.name().unwrap_or("you");
    match *echo {
        Echo::Said(text) => said(at, name, session, Face::Plain, text),
        Echo::Action(text) => action(at, name, session, Face::Plain, text),
    }
}

/// The line for what the client has to say.
pub fn local(text: &str) -> Line {
    let mut line = Line::new(Face::Local, LOCAL);
    line.hang();
    line.push(Face::Local, text);
    line
}

fn said(at: Time, name: &str, session: &Session, face: Face, text: &str) -> Line {
    let mut line = stamp(at);
    line.push(face_of(name, session), name);
    line.push(Face::Plain, ": ");
    line.hang();
    line.push(face, text);
    line
}

fn action(at: Time, name: &str, session: &Session, face: Face, text: &str) -> Line {
    let mut line = stamp(at);
    line.push(Face::Plain, "* ");
    line.push(face_of(name, session), name);
    line.push(face, " ");
    line.hang();
    line.push(face, text);
    line
}

fn stamp(at: Time) -> Line {
    Line::new(Face::Time, &format!("[{:02}:{:02}:{:02}] ", at.hour(), at.minute(), at.second()))
}

fn face_of(name: &str, session: &Session) -> Face {
    let key = fold(name);
    if session.own_key().map_or(name == "you", |own| own == key) { Face::Own } else { Face::of_name(&key) }
}

/// How what somebody says looks: set apart if it has our name in it.
fn face(name: &str, text: &str, session: &Session) -> Face {
    if face_of(name, session) != Face::Own && session.mentions(text) { Face::Mention } else { Face::Plain }
}
