//! The two rows at the bottom: what is being typed, and how things are.

use std::time::Duration;

use super::screen::{Bottom, Size, prompt};
use super::text::{Face, Line};
use crate::client::app::{App, Status};
use crate::client::protocol::session::Stage;

/// Stands before what is typed.
const PROMPT: &str = "> ";

/// Stands before what is typed while a nickname is asked for.
const NICKNAME: &str = "nickname: ";

/// The rows as they are now; `news` are lines below what is in view.
pub fn bottom(app: &mut App, addr: &str, news: Option<usize>, size: Size, now: Duration) -> Bottom {
    let (prompt, columns) = prompt(Face::Local, &question(app), size);
    let view = app.editor.view(columns);
    let mut status = Line::new(Face::Status, " ");
    status.push(Face::Status, &words(app, addr, news, now).join(" · "));
    status.push(Face::Status, " ");
    Bottom { prompt, input: view.text, cursor: view.cursor, status }
}

/// What the input answers.
fn question(app: &App) -> String {
    match app.asks_about() {
        Some(lines) => format!("Send {lines} lines? y or n "),
        None if !app.prompt().is_empty() => app.prompt().to_owned(),
        None if *app.status() == Status::Up && app.session().stage() == Stage::Asked => NICKNAME.to_owned(),
        None => PROMPT.to_owned(),
    }
}

fn words(app: &App, addr: &str, news: Option<usize>, now: Duration) -> Vec<String> {
    let mut words = Vec::new();
    if app.is_interrupted() {
        words.push("Ctrl-C again leaves".into());
    }
    match news {
        Some(0) => words.push("scrolled back: PageDown".into()),
        Some(news) => words.push(format!("{news} more below: PageDown")),
        None => {}
    }
    match app.status() {
        Status::Up => words.extend(up(app, addr, now)),
        Status::Dialling => words.push(format!("connecting to {addr}")),
        Status::Down { retry_at, why } => {
            let seconds = retry_at.saturating_sub(now).as_secs_f64().ceil();
            words.push(format!("no connection: {why}; next try in {seconds} s, or press Enter"));
        }
        Status::Stopped => words.push("closed by the server; Enter tries again, Ctrl-D leaves".into()),
        Status::Leaving { .. } => words.push("leaving".into()),
        Status::Over => {}
    }
    words
}

fn up(app: &App, addr: &str, now: Duration) -> Vec<String> {
    let session = app.session();
    let mut words = Vec::new();
    match session.stage() {
        Stage::Here => {
            words.push(session.room().to_owned());
            words.extend(session.name().map(str::to_owned));
            words.extend(session.here().map(|here| format!("{here} here")));
        }
        Stage::Asked => words.push(format!("{addr} · choose a nickname")),
        Stage::Waiting(number) => words.push(format!("{addr} · number {number} in line")),
        Stage::Unknown => words.push(addr.to_owned()),
    }
    words.push("connected".into());
    words.extend(app.lag().now(now).map(|lag| match lag {
        lag if lag < Duration::from_secs(1) => format!("lag {} ms", lag.as_millis().max(1)),
        lag => format!("lag {} s", lag.as_secs()),
    }));
    words
}
