//! The views of the client: the current room, the followed rooms, and conversations with one person.
//!
//! One of them is on the screen; the others count what the user has not seen.

use compact_str::CompactString;
use time::Date;

use super::protocol::session::is_same;
use crate::chat::policy::nick::fold;
use crate::terminal::screen::view::ViewId;

/// The most views: the lines of further rooms are shown in the first one.
const MAX_VIEWS: usize = 128;

/// What a view shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ViewTarget {
    Room(CompactString),
    /// Whispers from and to this person.
    Person(CompactString),
}

impl ViewTarget {
    /// The name as it is shown and typed after `/go`.
    pub fn label(&self) -> String {
        match self {
            ViewTarget::Room(name) => name.to_string(),
            ViewTarget::Person(name) => format!("@{name}"),
        }
    }
}

/// One view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewInfo {
    pub id: ViewId,
    pub target: ViewTarget,
    /// Messages that came while another view was on the screen.
    pub unread: usize,
    /// Whether one of them is a whisper, or mentions the user.
    pub is_for_us: bool,
    /// The day of the last message.
    pub day: Option<Date>,
}

/// All views: first the current room, then the followed ones, then conversations.
#[derive(Debug)]
pub struct Views {
    list: Vec<ViewInfo>,
    active: usize,
    last_id: u32,
}

impl Views {
    /// One view for the current room.
    pub fn new(room: &str) -> Self {
        let mut views = Views { list: Vec::new(), active: 0, last_id: 0 };
        views.list.push(ViewInfo {
            id: ViewId::default(),
            target: ViewTarget::Room(room.into()),
            unread: 0,
            is_for_us: false,
            day: None,
        });
        views
    }

    /// All views in their order.
    pub fn list(&self) -> &[ViewInfo] {
        &self.list
    }

    /// The view on the screen, and its place in the list.
    pub fn active(&self) -> (usize, &ViewInfo) {
        (self.active, &self.list[self.active])
    }

    /// The view with this number; the first one if there is none.
    pub fn get_mut(&mut self, id: ViewId) -> &mut ViewInfo {
        let at = self.list.iter().position(|view| view.id == id).unwrap_or_default();
        &mut self.list[at]
    }

    /// The view of a room that we are in.
    pub fn of_room(&self, room: &str) -> Option<ViewId> {
        self.find(room, |target| if let ViewTarget::Room(name) = target { Some(name) } else { None })
    }

    /// The view of the conversation with a person, if it is open.
    pub fn of_person(&self, person: &str) -> Option<ViewId> {
        self.find(person, |target| if let ViewTarget::Person(name) = target { Some(name) } else { None })
    }

    fn find(&self, name: &str, name_of: impl Fn(&ViewTarget) -> Option<&CompactString>) -> Option<ViewId> {
        let named = |view: &&ViewInfo| name_of(&view.target).is_some_and(|own| own == name);
        // Servers spell names as they have told them before, and other spellings are slow to compare.
        let found = self.list.iter().find(named).or_else(|| {
            let key = fold(name);
            self.list.iter().find(|view| name_of(&view.target).is_some_and(|own| fold(own) == key))
        });
        found.map(|view| view.id)
    }

    /// The first view is about this room from now on; returns the view of the room that ends for this.
    pub fn enter(&mut self, room: &str) -> Option<ViewId> {
        let ended = self.of_room(room).filter(|id| *id != self.list[0].id);
        ended.iter().for_each(|id| self.remove(*id));
        self.list[0].target = ViewTarget::Room(room.into());
        ended
    }

    /// The views of rooms that are not among these.
    pub fn rooms_except<'a>(&self, rooms: impl Iterator<Item = &'a str> + Clone) -> Vec<ViewId> {
        let is_ended = |view: &&ViewInfo| match &view.target {
            ViewTarget::Room(name) => !rooms.clone().any(|room| is_same(room, name)),
            ViewTarget::Person(_) => false,
        };
        self.list.iter().skip(1).filter(is_ended).map(|view| view.id).collect()
    }

    /// Adds the view of a followed room, if there is none yet.
    pub fn follow(&mut self, room: &str) {
        if self.of_room(room).is_none() {
            let rooms = self.list.iter().take_while(|view| matches!(view.target, ViewTarget::Room(_))).count();
            self.insert(rooms, ViewTarget::Room(room.into()));
        }
    }

    /// Opens a conversation; returns its view, or `None` if there are too many views.
    pub fn open(&mut self, person: &str) -> Option<ViewId> {
        self.of_person(person).or_else(|| self.insert(self.list.len(), ViewTarget::Person(person.into())))
    }

    fn insert(&mut self, at: usize, target: ViewTarget) -> Option<ViewId> {
        if self.list.len() >= MAX_VIEWS {
            return None;
        }
        self.last_id += 1;
        let id = ViewId(self.last_id);
        self.list.insert(at, ViewInfo { id, target, unread: 0, is_for_us: false, day: None });
        if at <= self.active {
            self.active += 1;
        }
        Some(id)
    }

    /// Removes a view; if it was on the screen, the first one takes its place.
    pub fn remove(&mut self, id: ViewId) {
        let Some(at) = self.list.iter().position(|view| view.id == id).filter(|at| *at > 0) else { return };
        self.list.remove(at);
        match self.active {
            active if active == at => self.active = 0,
            active if active > at => self.active -= 1,
            _ => {}
        }
    }

    /// Puts a view on the screen; returns how many messages in it are unread, or `None` if it was there already.
    pub fn select(&mut self, id: ViewId) -> Option<usize> {
        let at = self.list.iter().position(|view| view.id == id).filter(|at| *at != self.active)?;
        self.active = at;
        self.list[at].is_for_us = false;
        Some(std::mem::take(&mut self.list[at].unread))
    }

    /// A message has come in a view.
    pub fn count(&mut self, id: ViewId, is_for_us: bool) {
        if self.list[self.active].id != id {
            let view = self.get_mut(id);
            view.unread += 1;
            view.is_for_us |= is_for_us;
        }
    }

    /// The user has read a room elsewhere.
    pub fn read(&mut self, room: &str) {
        if let Some(id) = self.of_room(room) {
            let view = self.get_mut(id);
            (view.unread, view.is_for_us) = (0, false);
        }
    }

    /// A person has another name.
    pub fn rename(&mut self, old: &str, new: &str) {
        let is_open = self.of_person(new).is_some();
        if let Some(id) = self.of_person(old).filter(|_| !is_open) {
            self.get_mut(id).target = ViewTarget::Person(new.into());
        }
    }

    /// The view with this name: a room, `#room`, or `@person`.
    pub fn named(&self, name: &str) -> Option<ViewId> {
        match name.strip_prefix('@') {
            Some(person) => self.of_person(person),
            None => self.of_room(name.strip_prefix('#').unwrap_or(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(views: &Views) -> Vec<String> {
        views.list().iter().map(|view| view.target.label()).collect()
    }

    #[test]
    fn rooms_come_before_conversations_and_the_active_view_stays() {
        let mut views = Views::new("lobby");
        let bob = views.open("bob").unwrap();
        assert_eq!(views.open("BOB"), Some(bob));
        views.select(bob);
        views.follow("den");
        views.follow("Den");
        assert_eq!(labels(&views), ["lobby", "den", "@bob"]);
        assert_eq!(views.active().1.id, bob);
        views.rename("bob", "bobby");
        assert_eq!(
            (views.named("@bobby"), views.named("#DEN"), views.named("bobby")),
            (Some(bob), views.named("den"), None)
        );
        views.remove(views.of_room("den").unwrap());
        assert_eq!((labels(&views), views.active().1.id), (vec!["lobby".into(), "@bobby".into()], bob));
        views.remove(bob);
        assert_eq!((views.active().0, labels(&views)), (0, vec!["lobby".to_owned()]));
        views.remove(ViewId::default());
        assert_eq!(labels(&views), ["lobby"]);
    }

    #[test]
    fn followed_room_that_is_entered_has_one_view() {
        let mut views = Views::new("lobby");
        views.follow("den");
        let den = views.of_room("den");
        views.select(den.unwrap());
        assert_eq!((views.enter("den"), views.active().0, labels(&views)), (den, 0, vec!["den".to_owned()]));
        assert_eq!(views.enter("tea"), None);
        assert_eq!(labels(&views), ["tea"]);
    }

    #[test]
    fn messages_are_unread_until_their_view_is_selected() {
        let mut views = Views::new("lobby");
        views.follow("den");
        let den = views.of_room("den").unwrap();
        views.count(ViewId::default(), true);
        views.count(den, true);
        views.count(den, false);
        let unread = |views: &Views| views.list().iter().map(|view| (view.unread, view.is_for_us)).collect::<Vec<_>>();
        assert_eq!(unread(&views), [(0, false), (2, true)]);
        assert_eq!((views.select(den), views.select(den)), (Some(2), None));
        assert_eq!(unread(&views), [(0, false), (0, false)]);
        views.select(ViewId::default());
        views.count(den, true);
        views.read("DEN");
        assert_eq!(unread(&views), [(0, false), (0, false)]);
    }
}
