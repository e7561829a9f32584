//! Messages of posters: programs that are no members and post by HTTP.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::Hub;
use super::check::check;
use crate::chat::change::{Change, Origin, Place, Post};
use crate::chat::config::Mode;
use crate::chat::id::{ClientId, LOBBY, Now};
use crate::chat::policy::nick::Name;

/// The reason why a message of a poster is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PostRefusal {
    /// There is no such room, or there is none any more.
    NoRoom,
    /// In p2p mode the operator talks with one person, in no room.
    NoRooms,
    /// The server is shutting down.
    Ending,
    /// The server is cut off from the others of its cluster.
    CutOff,
    /// It does not fit in the log of the cluster.
    TooLong,
}

/// What has become of a message of a poster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    /// As [`Hub::handle_post`] has returned it.
    pub origin: Origin,
    /// The id of the first line; the others have the ids after it. Or the reason why it was refused.
    pub result: Result<u64, PostRefusal>,
    /// The number of its lines.
    pub lines: usize,
}

/// What has become of messages of posters, for [`Hub::poll_posted`].
#[derive(Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Posts(VecDeque<Posted>);

impl Posts {
    /// Notes that a message will not be shown.
    pub fn note_refused(&mut self, origin: Origin, lines: usize, why: PostRefusal) {
        self.0.push_back(Posted { origin, result: Err(why), lines });
    }
}

impl Hub {
    /// Takes a message of a poster for the room of that name, as it is typed. `client` is the number of its connection, which is
    /// no session; `name` is made by [`Name::poster`], and each of the `lines`, of which there is at least one, is a text
    /// without control characters.
    ///
    /// Returns an origin: [`Hub::poll_posted`] tells the result with the same one.
    ///
    /// # Errors
    /// Why it is refused at once.
    pub fn handle_post(
        &mut self,
        client: ClientId,
        room: &str,
        name: Name,
        lines: Vec<Box<str>>,
        now: &Now,
    ) -> Result<Origin, PostRefusal> {
        if self.config.mode == Mode::P2p {
            return Err(PostRefusal::NoRooms);
        }
        if self.ending {
            return Err(PostRefusal::Ending);
        }
        let room = match self.shared.rooms.place(room).ok_or(PostRefusal::NoRoom)? {
            Place::Named(name) => name.into_owned(),
            Place::Lobby | Place::Nowhere => Name { shown: LOBBY.into(), key: LOBBY.into() },
        };
        let change = Change::Post(Box::new(Post { name, room, lines }));
        check(&self.shared, &change, self.log_clock.time(now.at)).map_err(|_| PostRefusal::NoRoom)?;
        let origin = Origin { client, session: self.sessions.next_number() };
        if !self.journal.commit_local() {
            self.journal.push_proposal(Some(origin), change);
            return Ok(origin);
        }
        self.trace.record_committed(|| Some(origin), &change, true, now);
        if let Change::Post(post) = &change {
            self.apply_post(post, now);
            self.note_posted(origin, post);
        }
        Ok(origin)
    }

    /// Takes what has become of the next message of a poster. With a store, what is returned after its records are written is
    /// stored.
    pub fn poll_posted(&mut self) -> Option<Posted> {
        self.posts.0.pop_front()
    }

    /// Notes that a message has just been applied.
    pub(super) fn note_posted(&mut self, origin: Origin, post: &Post) {
        let lines = post.lines.len();
        let first = self.journal.last_message_id() + 1 - lines as u64;
        self.posts.0.push_back(Posted { origin, result: Ok(first), lines });
    }
}
