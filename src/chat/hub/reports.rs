//! Lists and tables that are put together when they are shown.

use std::time::Duration;

use compact_str::CompactString;
use time::OffsetDateTime;

use super::plan::{Asker, Report};
use super::rooms::Rooms;
use super::{Hub, Shared};
use crate::chat::event::{Event, Notice, People, Refusal, Whois};
use crate::chat::id::{ClientId, MemberId, Now, RoomId};
use crate::chat::member::Role;
use crate::chat::policy::cidr::Network;

/// The most rooms that `/rooms` names.
const MAX_LISTED_ROOMS: usize = 50;

impl Hub {
    /// Shows a session a list or table.
    pub(super) fn report(&mut self, asker: Asker, report: Report, now: Now) {
        let id = asker.id;
        match report {
            Report::Who(Some(room)) if asker.role == Role::Operator => self.who_with_addresses(id, room),
            Report::Who(Some(room)) => self.who(asker, room),
            Report::Who(None) => self.who_everywhere(id),
            Report::Rooms => self.list_rooms(id),
            Report::Replay(room, n) => self.fanout().replay(id, room, n, now),
            Report::Whois(member) => self.whois(asker, member, now),
            Report::Ignored => {
                let ignored = self.shared.members[asker.member.slot].ignored();
                let names: Vec<&str> = ignored.iter().map(|ignored| &*ignored.name).collect();
                let notice = Notice::IgnoreList { names: &names };
                self.outbound.send(&mut self.sessions, id, &Event::Notice(notice));
            }
            Report::Stats => {
                for line in self.stats_lines(now) {
                    self.fanout().notice(id, Notice::Line(&line));
                }
            }
            Report::Bans(page) => {
                let bans = self.shared.bans.list(now.at);
                let notice = |(network, left): (Network, Option<Duration>)| Notice::Ban {
                    network,
                    minutes: left.map(minutes_of),
                };
                let list: Vec<Notice> = bans.into_iter().map(notice).collect();
                self.show_page(id, "/bans", page, &list, Notice::NoBans);
            }
            Report::Mutes(page) => {
                let mutes = self.shared.mutes.list(now.at);
                let list: Vec<Notice> =
                    mutes.iter().map(|(name, left)| Notice::Muted { name, minutes: left.map(minutes_of) }).collect();
                self.show_page(id, "/mutes", page, &list, Notice::NoMutes);
            }
        }
    }

    /// The names of up to `most` members of a room, in the order in which they joined the server.
    ///
    /// In a larger room any `most` members are taken, not the first.
    pub(super) fn nicknames_in(&self, room: RoomId, most: usize) -> Vec<CompactString> {
        let Shared { members, rooms, .. } = &self.shared;
        let mut listed: Vec<_> = rooms[room].members.iter().take(most).map(|&slot| &members[slot]).collect();
        listed.sort_unstable_by_key(|member| member.serial);
        listed.into_iter().map(|member| member.name.clone()).collect()
    }

    fn who(&mut self, asker: Asker, shown: RoomId) {
        let is_own = shown == asker.room;
        let you = self.shared.members.is_in(asker.member.slot, shown);
        let Shared { members, rooms, .. } = &self.shared;
        let mine = &members[asker.member.slot].name;
        let mut others = self.nicknames_in(shown, self.config.max_listed);
        others.retain(|name| !you || name != mine);
        let names: Vec<&str> = others.iter().map(|name| &**name).collect();
        let people = People { here: rooms[shown].members.len(), names: &names, you };
        let room = &*rooms[shown].name;
        let notice = if is_own { Notice::People { room, people } } else { Notice::PeopleIn { room, people } };
        self.outbound.send(&mut self.sessions, asker.id, &Event::Notice(notice));
    }

    /// Shows what is known of a member. The text of a muted member is shown to itself alone.
    fn whois(&mut self, asker: Asker, shown: MemberId, now: Now) {
        let Shared { members, rooms, mutes, .. } = &self.shared;
        let member = &members[shown.slot];
        let utc = OffsetDateTime::from_unix_timestamp(member.since()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let names: Vec<&str> = members.rooms(shown.slot).map(|room| rooms.name(room)).collect();
        let is_shown = shown == asker.member || !mutes.holds(shown, now.at);
        let whois = Whois {
            name: &member.name,
            since: utc.to_offset(now.local.offset()),
            rooms: &names,
            away: member.away().filter(|_| is_shown),
        };
        self.outbound.send(&mut self.sessions, asker.id, &Event::Notice(Notice::Whois(whois)));
    }

    /// Lists the members of all rooms with their addresses.
    fn who_everywhere(&mut self, id: ClientId) {
        let occupied = self.shared.rooms.occupied().map(|(id, _)| id).filter(|&id| id != RoomId::LOBBY);
        let rooms: Vec<RoomId> = std::iter::once(RoomId::LOBBY).chain(occupied).collect();
        let most = self.config.max_listed;
        for &room in rooms.iter().take(most) {
            self.who_with_addresses(id, room);
        }
        if rooms.len() > most {
            self.fanout().notice(id, Notice::MoreRooms { rooms: rooms.len() - most });
        }
    }

    fn who_with_addresses(&mut self, id: ClientId, shown: RoomId) {
        let Shared { members, rooms, .. } = &self.shared;
        let room = &rooms[shown];
        let list = room.members.iter().take(self.config.max_listed).map(|&slot| {
            let member = &members[slot];
            match member.session_at(0).and_then(|session| self.sessions.addr(session)) {
                Some(addr) => format!("{} {addr}", member.name),
                None => member.name.to_string(),
            }
        });
        let list: Vec<String> = list.collect();
        let names: Vec<&str> = list.iter().map(String::as_str).collect();
        let people = People { here: room.members.len(), names: &names, you: false };
        let notice = Notice::PeopleIn { room: &room.name, people };
        self.outbound.send(&mut self.sessions, id, &Event::Notice(notice));
    }

    fn list_rooms(&mut self, id: ClientId) {
        let listed = listed_rooms(&self.shared.rooms);
        let more = self.shared.rooms.count_all() - listed.len();
        let notice = Notice::Rooms { rooms: &listed, more };
        self.outbound.send(&mut self.sessions, id, &Event::Notice(notice));
    }

    /// Shows one page of a list, or `empty` if the list is empty. `rest` is the page number, or nothing for the first
    /// page.
    ///
    /// A page has at most `max_listed` entries. If there are several pages, its last line gives the command for the
    /// next one.
    fn show_page(&mut self, id: ClientId, command: &'static str, rest: &str, list: &[Notice], empty: Notice) {
        let size = self.config.max_listed.max(1);
        let pages = list.len().div_ceil(size).max(1);
        let mut fanout = self.fanout();
        let page = match rest.trim() {
            "" => 1,
            number => match number.parse() {
                Ok(page) if (1..=pages).contains(&page) => page,
                _ => return fanout.refuse(id, Refusal::NoPage { command, pages }),
            },
        };
        if list.is_empty() {
            fanout.notice(id, empty);
        }
        for notice in list.iter().skip((page - 1) * size).take(size) {
            fanout.notice(id, *notice);
        }
        if pages > 1 {
            fanout.notice(id, Notice::PageOf { command, page, pages });
        }
    }
}

/// The rooms for `/rooms`, with the number of members and the topic of each, those with the most members first.
///
/// If not all can be named, the most recently used of the empty rooms are.
fn listed_rooms(rooms: &Rooms) -> Vec<(&str, usize, Option<&str>)> {
    let lobby = &rooms[RoomId::LOBBY];
    let lobby = Some((RoomId::LOBBY, lobby)).filter(|(_, lobby)| lobby.members.is_empty());
    let mut full: Vec<(usize, RoomId)> =
        rooms.occupied().chain(lobby).map(|(id, room)| (room.members.len(), id)).collect();
    if full.len() > MAX_LISTED_ROOMS {
        full.select_nth_unstable_by(MAX_LISTED_ROOMS - 1, |a, b| b.cmp(a));
        full.truncate(MAX_LISTED_ROOMS);
    }
    let in_memory = full.into_iter().map(|(_, id)| &rooms[id]).chain(rooms.empty());
    let in_memory = in_memory.map(|room| (&*room.name, room.members.len(), room.topic().map(|topic| topic.text)));
    let stored = rooms.stored().map(|room| (&*room.name, 0, None));
    let mut listed: Vec<_> = in_memory.chain(stored).take(MAX_LISTED_ROOMS).collect();
    listed.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    listed
}

/// The minutes that are left, rounded up.
fn minutes_of(left: Duration) -> u64 {
    left.as_millis().div_ceil(60_000) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_left_are_rounded_up() {
        let minutes = |ms| minutes_of(Duration::from_millis(ms));
        assert_eq!([minutes(1), minutes(60_000), minutes(60_500)], [1, 1, 2]);
    }
}
