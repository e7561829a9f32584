//! Builds the two bottom rows: the input line and the status line.

use std::time::Duration;

use crate::client::app::{App, ConnectionStatus};
use crate::client::protocol::session::LoginStage;
use crate::terminal::screen::inline_screen::{BottomRows, TerminalSize, prompt};
use crate::terminal::screen::text::{StyledLine, TextStyle};
use crate::terminal::screen::window::InputView;

/// The usual prompt.
const PROMPT: &str = "> ";

/// The prompt for a nickname.
const NICKNAME: &str = "nickname: ";

/// The prompt for a password; what is typed behind it is not shown.
const PASSWORD: &str = "password: ";

/// Returns the bottom rows; `unseen` is the number of lines below the view if the user has scrolled back.
pub fn bottom(app: &mut App, addr: &str, unseen: Option<usize>, size: TerminalSize, now: Duration) -> BottomRows {
    let (prompt, columns) = prompt(TextStyle::Local, &question(app), size);
    let view = if app.is_typing_hidden() { InputView::default() } else { app.editor.view(columns) };
    let mut status = StyledLine::new(TextStyle::Status, " ");
    status.push(TextStyle::Status, &words(app, addr, unseen, now).join(" · "));
    status.push(TextStyle::Status, " ");
    BottomRows { prompt, input: view.text, cursor: view.cursor, status }
}

/// Returns the prompt.
fn question(app: &App) -> String {
    match app.unconfirmed_lines() {
        Some(lines) => format!("Send {lines} lines? y or n "),
        None if app.is_typing_hidden() => PASSWORD.to_owned(),
        None if !app.prompt().is_empty() => app.prompt().to_owned(),
        None if *app.status() == ConnectionStatus::Connected && app.session().stage() == LoginStage::Asked => {
            NICKNAME.to_owned()
        }
        None => PROMPT.to_owned(),
    }
}

fn words(app: &App, addr: &str, unseen: Option<usize>, now: Duration) -> Vec<String> {
    let mut words = Vec::new();
    if app.is_interrupted() {
        words.push("Ctrl-C again leaves".into());
    }
    match unseen {
        Some(0) => words.push("scrolled back: PageDown".into()),
        Some(unseen) => words.push(format!("{unseen} more below: PageDown")),
        None => {}
    }
    match app.status() {
        ConnectionStatus::Connected => words.extend(up(app, addr, now)),
        ConnectionStatus::Connecting => words.push(format!("connecting to {addr}")),
        ConnectionStatus::WaitingToRetry { retry_at, why } => {
            let seconds = retry_at.saturating_sub(now).as_secs_f64().ceil();
            words.push(format!("no connection: {why}; next try in {seconds} s, or press Enter"));
        }
        ConnectionStatus::Stopped => words.push("closed by the server; Enter tries again, Ctrl-D leaves".into()),
        ConnectionStatus::Leaving { .. } => words.push("leaving".into()),
        ConnectionStatus::Ended => {}
    }
    words
}

fn up(app: &App, addr: &str, now: Duration) -> Vec<String> {
    let session = app.session();
    let mut words = Vec::new();
    match session.stage() {
        LoginStage::LoggedIn => {
            words.push(session.room().to_owned());
            words.extend(session.name().map(str::to_owned));
            words.extend(session.members().map(|members| format!("{members} here")));
        }
        LoginStage::Asked => words.push(format!("{addr} · choose a nickname")),
        LoginStage::PasswordDue(_) if app.is_checking_password() => {
            words.push(format!("{addr} · checking the password"))
        }
        LoginStage::PasswordDue(_) => words.push(format!("{addr} · type the password")),
        LoginStage::Queued(number) => words.push(format!("{addr} · number {number} in the queue")),
        LoginStage::Unknown => words.push(addr.to_owned()),
    }
    words.push("connected".into());
    words.extend(app.lag().current(now).map(|lag| match lag {
        lag if lag < Duration::from_secs(1) => format!("lag {} ms", lag.as_millis().max(1)),
        lag => format!("lag {} s", lag.as_secs()),
    }));
    words
}
