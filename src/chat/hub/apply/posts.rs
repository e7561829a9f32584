//! Applies messages of posters.

use log::debug;

use crate::chat::change::Post;
use crate::chat::event::{Event, MessageKind, Source};
use crate::chat::hub::Hub;
use crate::chat::id::{Author, Now, RoomId};
use crate::chat::room::segment_log::EntryKind;

impl Hub {
    /// A poster says something in a room. If the room is in the store alone, it has no members, and the message is only
    /// stored.
    pub(in crate::chat::hub) fn apply_post(&mut self, post: &Post, time: &Now) {
        for text in &post.lines {
            let id = self.journal.next_message_id();
            self.stats.messages += 1;
            self.stats.message_rate.count(time.at);
            debug!("{}: {}: {text}", post.room.shown, post.name.shown);
            let event = MessageKind::Said.event(id, time.local, &post.name.shown, text);
            match self.shared.rooms.find(&post.room.key) {
                Some(room) => self.show_post(room, post, text.len(), &event, time),
                None => self.store_post(id, post, &event, time),
            }
        }
        // A message that is too long for the history leaves it empty.
        if let Some(room) = self.shared.rooms.find(&post.room.key) {
            self.remove_if_unkept(room);
        }
    }

    fn show_post(&mut self, room: RoomId, post: &Post, hint: usize, event: &Event, time: &Now) {
        let mut is_first = false;
        if let Some(store) = &mut self.store {
            is_first = !self.shared.rooms[room].is_stored;
            store.record_message(&mut self.shared.rooms[room], event);
        }
        let author = Author { member: None, name: self.shared.members.name_hash(&post.name.key) };
        let mut fanout = self.fanout().by(Source::of_poster(&post.name.shown), time);
        fanout.append(room, author, EntryKind::Message, hint, event, time);
        fanout.send_to_console_from(room, event);
        if is_first {
            self.record_first_roles(room, time);
        }
    }

    fn store_post(&mut self, id: u64, post: &Post, event: &Event, time: &Now) {
        let (Some(store), Some(room)) = (&mut self.store, self.shared.rooms.find_stored_mut(&post.room.key)) else {
            return;
        };
        room.newest_post = id;
        store.record_message_in(&room.name, event);
        let name = room.name.clone();
        self.fanout().send_to_console_about(&name, event, time);
    }
}
