//! Builds the two bottom rows: the input line and the status line.

use std::time::Duration;

use crate::client::app::{App, ConnectionStatus};
use crate::client::protocol::session::{LoginStage, PasswordOf};
use crate::client::views::{ViewInfo, ViewTarget, Views};
use crate::terminal::screen::inline_screen::{BottomRows, TerminalSize, prompt};
use crate::terminal::screen::text::{StyledLine, TextStyle};

/// The usual prompt.
const PROMPT: &str = "> ";

/// The prompt for a nickname.
const NICKNAME: &str = "nickname: ";

/// The prompts for passwords; what is typed behind them is not shown.
const PASSWORD: &str = "password: ";
const SERVER_PASSWORD: &str = "server's password: ";

/// Returns the bottom rows; `unseen` is the number of lines below the view if the user has scrolled back.
pub fn bottom(app: &mut App, unseen: Option<usize>, size: TerminalSize, now: Duration) -> BottomRows {
    let (prompt, columns) = prompt(TextStyle::Local, &question(app), size);
    let view = app.input.view(columns);
    let mut status = StyledLine::new(TextStyle::Status, " ");
    status.push(TextStyle::Status, &words(app, unseen, now).join(" · "));
    status.push(TextStyle::Status, " ");
    BottomRows { prompt, input: view.text, cursor: view.cursor, status }
}

/// Returns the prompt.
fn question(app: &App) -> String {
    let (place, view) = app.views().active();
    match app.input.question() {
        Some(question) => question,
        None if app.input.is_hidden() => {
            let is_of_server = app.session().stage() == LoginStage::PasswordDue(PasswordOf::Server);
            let question = if is_of_server { SERVER_PASSWORD } else { PASSWORD };
            app.secret_question().unwrap_or(question).to_owned()
        }
        None if !app.prompt().is_empty() => app.prompt().to_owned(),
        None if *app.status() == ConnectionStatus::Connected && app.session().stage() == LoginStage::Asked => {
            NICKNAME.to_owned()
        }
        // What is typed is said elsewhere than in the current room.
        None if place > 0 => format!("{}{PROMPT}", typed_label(view)),
        None => PROMPT.to_owned(),
    }
}

/// The name of a view with its mark.
fn typed_label(view: &ViewInfo) -> String {
    match &view.target {
        ViewTarget::Room(name) => format!("#{name}"),
        person => person.label(),
    }
}

fn words(app: &App, unseen: Option<usize>, now: Duration) -> Vec<String> {
    let addr = app.addr();
    let mut words = Vec::new();
    if app.input.is_interrupted() && !matches!(app.status(), ConnectionStatus::Leaving { .. }) {
        words.push("Ctrl-C again leaves".into());
    }
    match unseen {
        Some(0) => words.push("scrolled back: PageDown".into()),
        Some(unseen) => words.push(format!("{unseen} more below: PageDown")),
        None => {}
    }
    match app.status() {
        ConnectionStatus::Connected => words.extend(up(app, now)),
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

fn up(app: &App, now: Duration) -> Vec<String> {
    let (session, addr) = (app.session(), app.addr());
    let mut words = Vec::new();
    match session.stage() {
        LoginStage::LoggedIn => {
            words.push(views(app.views()));
            words.extend(session.name().map(str::to_owned));
            words.extend(members(app).map(|members| format!("{members} here")));
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
    words.extend(app.late_lines(now).map(|count| match count {
        1 => "one line on its way".to_owned(),
        count => format!("{count} lines on their way"),
    }));
    words.extend(app.lag().current(now).map(|lag| match lag {
        lag if lag < Duration::from_secs(1) => format!("lag {} ms", lag.as_millis().max(1)),
        lag => format!("lag {} s", lag.as_secs()),
    }));
    words
}

/// The number of members in the room on the screen.
fn members(app: &App) -> Option<usize> {
    let ViewTarget::Room(name) = &app.views().active().1.target else { return None };
    app.session().rooms().iter().find(|room| room.name == *name)?.members
}

/// The name of the only view, or all views with their numbers: `[1 lobby] 2 den +3 3 @bob +1!`. Behind `+` is the number of
/// unread messages; `!` marks whispers and mentions of the user.
fn views(views: &Views) -> String {
    let (active, view) = views.active();
    if views.list().len() == 1 {
        return view.target.label();
    }
    let label = |(at, view): (usize, &ViewInfo)| {
        let label = format!("{} {}", at + 1, view.target.label());
        let mark = if view.is_for_us { "!" } else { "" };
        match view.unread {
            _ if at == active => format!("[{label}]"),
            0 => label,
            unread => format!("{label} +{unread}{mark}"),
        }
    };
    views.list().iter().enumerate().map(label).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::screen::view::ViewId;

    #[test]
    fn views_are_listed_with_unread_messages_once_there_are_several() {
        let mut views = Views::new("lobby");
        assert_eq!(super::views(&views), "lobby");
        views.follow("den");
        let bob = views.open("bob").unwrap();
        let den = views.of_room("den").unwrap();
        (0..3).for_each(|_| views.count(den, false));
        views.count(bob, true);
        assert_eq!(super::views(&views), "[1 lobby] 2 den +3 3 @bob +1!");
        views.select(den);
        views.count(ViewId::default(), true);
        assert_eq!(super::views(&views), "1 lobby +1! [2 den] 3 @bob +1!");
    }
}
