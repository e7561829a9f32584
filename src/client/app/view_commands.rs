//! The commands of the client itself, which change what is on the screen.

use super::App;
use crate::chat::command::split;
use crate::client::ui::format;
use crate::client::views::ViewTarget;
use crate::terminal::screen::view::{ScreenChange, ViewId};

/// The words of these commands, without the slash.
pub const WORDS: [&str; 2] = ["go", "close"];

/// Whether a line is a command of the client.
pub fn is_view_command(line: &str) -> bool {
    let word = split(line).0.strip_prefix('/');
    word.is_some_and(|word| WORDS.iter().any(|own| own.eq_ignore_ascii_case(word)))
}

impl App {
    /// Carries out a command of the client.
    pub(super) fn run_view_command(&mut self, line: &str) {
        let (word, rest) = split(line);
        if word.eq_ignore_ascii_case("/go") {
            self.go(rest.trim());
        } else {
            self.close();
        }
    }

    fn go(&mut self, name: &str) {
        let person = name.strip_prefix('@').filter(|person| !person.is_empty() && !person.contains(' '));
        let numbered = name.parse().ok().and_then(|number: usize| self.views.list().get(number.checked_sub(1)?));
        match (self.views.named(name).or(numbered.map(|view| view.id)), person) {
            (Some(view), _) => self.select_view(view),
            (None, Some(person)) => match self.views.open(person) {
                Some(view) => self.select_view(view),
                None => self.show_local("There are too many views: /close ends a conversation."),
            },
            (None, None) if name.is_empty() || name.starts_with('@') => {
                self.show_local("/go needs a room or @name: /go den, /go @bob");
            }
            (None, None) => {
                self.show_local(&format!(
                    "You are not in {name}. /follow {name} reads it, too; /join {name} goes there."
                ));
            }
        }
    }

    fn close(&mut self) {
        let view = self.views.active().1;
        let (id, is_conversation) = (view.id, matches!(view.target, ViewTarget::Person(_)));
        if !is_conversation {
            return self.show_local("/close ends a conversation; /leave leaves a room.");
        }
        self.select_view(ViewId::default());
        self.views.remove(id);
        // What has not been drawn yet is not lost.
        self.changes.push_back(ScreenChange::Merge(id, ViewId::default()));
    }

    /// Puts the view with this place in the list on the screen, from 1.
    pub(super) fn select_number(&mut self, number: u8) {
        let view = self.views.list().get(usize::from(number).wrapping_sub(1)).map(|view| view.id);
        view.into_iter().for_each(|view| self.select_view(view));
    }

    /// Puts a view on the screen.
    pub(super) fn select_view(&mut self, view: ViewId) {
        let Some(unread) = self.views.select(view) else { return };
        let label = self.views.active().1.target.label();
        let heading = match unread {
            0 => label,
            1 => format!("{label}: one new message"),
            count => format!("{label}: {count} new messages"),
        };
        self.changes.push_back(ScreenChange::Select(view, format::client_message(&heading)));
    }
}
