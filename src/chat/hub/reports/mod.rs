//! Lists and tables that are put together when they are shown.

pub(in crate::chat::hub) mod counts;
pub(in crate::chat::hub) mod stats;

use compact_str::CompactString;
use time::OffsetDateTime;

use crate::chat::change::RestrictionKind;
use crate::chat::event::{Event, Notice, People, Refusal, SettingsView, Whois};
use crate::chat::hub::check::minutes_of;
use crate::chat::hub::check::permissions::Act;
use crate::chat::hub::plan::{Asker, Report};
use crate::chat::hub::{Hub, Shared};
use crate::chat::id::{ClientId, Holder, MemberId, MemberSlot, Now, RoomId};
use crate::chat::member::{Member, RoomRole};
use crate::chat::policy::mask::MaskEntry;
use crate::chat::policy::peer::show_addr;

/// The most rooms that `/rooms` names.
const MAX_LISTED_ROOMS: usize = 50;

impl Hub {
    /// Shows a session a list or table.
    pub(in crate::chat::hub) fn report(&mut self, asker: Asker, report: Report, now: Now) {
        let id = asker.id;
        match report {
            Report::Who(Some(room)) if asker.is_console() => self.who_with_addresses(id, room),
            Report::Who(Some(room)) => self.who(asker, room, now),
            Report::Who(None) => self.who_everywhere(id),
            Report::Rooms => self.list_rooms(asker),
            Report::Settings(room) => self.show_settings(asker, room),
            Report::Restrictions(room, kind, page) => self.list_restrictions(id, room, kind, page, now),
            Report::Replay(room, n) => self.fanout().replay(id, room, n, now),
            Report::Whois(member) => self.whois(asker, member, now),
            Report::Ignored => {
                let ignored = self.shared.members[asker.member.slot].ignored();
                let names: Vec<&str> = ignored.iter().map(|ignored| &*ignored.name).collect();
                let notice = Notice::IgnoreList { names: &names };
                self.outbound.send(&mut self.sessions, &self.shared.members, id, &Event::Notice(notice));
            }
            Report::Nodes => self.show_nodes(id),
            Report::Stats => {
                let shows_addresses = self.shared.may(asker.member, Act::SeeAddresses, None);
                for line in self.stats_lines(now, shows_addresses) {
                    self.fanout().notice(id, Notice::Line(&line));
                }
            }
            Report::Bans(page) => {
                let shows_addresses = self.shared.may(asker.member, Act::SeeAddresses, None);
                let bans = self.shared.bans.list(now.at).filter_map(|(network, ban)| {
                    let what = match (&ban.name, shows_addresses) {
                        (Some(name), true) => format!("{network} ({name})"),
                        (None, true) => network.to_string(),
                        (Some(name), false) => name.to_string(),
                        (None, false) => return None,
                    };
                    Some((what, ban.until.map(|until| minutes_of(until - now.at))))
                });
                let bans: Vec<(String, Option<u64>)> = bans.collect();
                let bans = bans.iter().map(|&(ref what, minutes)| Notice::Ban { what, minutes, by: None });
                let configured = self.config.bans.iter().filter(|_| shows_addresses).copied();
                let configured = configured.map(|network| Notice::ConfiguredBan { network });
                let list: Vec<Notice> = bans.chain(configured).collect();
                self.show_page(id, "/bans", page, &list, Notice::NoBans);
            }
            Report::Mutes(page) => {
                let mutes = self.shared.mutes.list(now.at);
                let list =
                    mutes.iter().map(|(name, left)| Notice::Muted { name, minutes: left.map(minutes_of), by: None });
                let list: Vec<Notice> = list.collect();
                self.show_page(id, "/mutes", page, &list, Notice::NoMutes);
            }
        }
    }

    /// Up to `most` members of a room, in the order in which they joined the server.
    ///
    /// In a larger room any `most` members are taken, not the first.
    pub(in crate::chat::hub) fn members_in(&self, room: RoomId, most: usize, now: &Now) -> Vec<ListedMember> {
        let Shared { members, rooms, mutes, .. } = &self.shared;
        let mut listed: Vec<_> = rooms[room].members.iter().take(most).map(|&slot| (slot, &members[slot])).collect();
        listed.sort_unstable_by_key(|(_, member)| member.serial);
        let shown = |(slot, member): (MemberSlot, &Member)| {
            let is_away = member.away().is_some() && !mutes.holds(members.id(slot), now.at);
            ListedMember { name: member.name.clone(), is_away }
        };
        listed.into_iter().map(shown).collect()
    }

    fn who(&mut self, asker: Asker, shown: RoomId, now: Now) {
        let is_own = shown == asker.room;
        let you = self.shared.members.is_in(asker.member.slot, shown);
        let Shared { members, rooms, .. } = &self.shared;
        let mine = &members[asker.member.slot].name;
        let mut others = self.members_in(shown, self.config.max_listed, &now);
        others.retain(|member| !you || member.name != *mine);
        let (names, away) = names_and_away(&others);
        let nodes = self.nodes.names_elsewhere(&self.shared, &names);
        let people = People { here: rooms[shown].members.len(), names: &names, away: &away, you };
        let room = &*rooms[shown].name;
        let nodes = &nodes;
        let notice = match is_own {
            true => Notice::People { room, people, nodes },
            false => Notice::PeopleIn { room, people, nodes },
        };
        self.outbound.send(&mut self.sessions, &self.shared.members, asker.id, &Event::Notice(notice));
    }

    /// Shows what is known of a member. The text of a muted member is shown to itself alone.
    fn whois(&mut self, asker: Asker, shown: MemberId, now: Now) {
        let Shared { members, rooms, mutes, accounts, .. } = &self.shared;
        let member = &members[shown.slot];
        let utc = OffsetDateTime::from_unix_timestamp(member.since()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let is_seen = |room: &RoomId| self.shared.sees(asker.member, *room);
        let names: Vec<&str> = members.rooms(shown.slot).filter(is_seen).map(|room| rooms.name(room)).collect();
        let is_shown = shown == asker.member || !mutes.holds(shown, now.at);
        let whois = Whois {
            name: &member.name,
            since: utc.to_offset(now.local.offset()),
            rooms: &names,
            role: member.role(),
            account: member.account().map(|account| accounts.name(account)),
            away: member.away().filter(|_| is_shown),
        };
        self.outbound.send(&mut self.sessions, &self.shared.members, asker.id, &Event::Notice(Notice::Whois(whois)));
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
            let addrs = member.sessions().filter_map(|session| self.sessions.addr(session));
            let node = self.nodes.elsewhere(&self.shared, slot).map(|node| format!(" ({node})")).unwrap_or_default();
            addrs.fold(format!("{}{node}", member.name), |list, addr| format!("{list} {}", show_addr(addr)))
        });
        let list: Vec<String> = list.collect();
        let names: Vec<&str> = list.iter().map(String::as_str).collect();
        let people = People { here: room.members.len(), names: &names, away: &[], you: false };
        let notice = Notice::PeopleIn { room: &room.name, people, nodes: &[] };
        self.outbound.send(&mut self.sessions, &self.shared.members, id, &Event::Notice(notice));
    }

    fn list_rooms(&mut self, asker: Asker) {
        let (listed, more) = listed_rooms(&self.shared, asker.member);
        let notice = Notice::Rooms { rooms: &listed, more };
        self.outbound.send(&mut self.sessions, &self.shared.members, asker.id, &Event::Notice(notice));
    }

    /// Shows the settings of a room, and the members with a role that are on the server.
    fn show_settings(&mut self, asker: Asker, id: RoomId) {
        let Shared { members, rooms, accounts, .. } = &self.shared;
        let room = &rooms[id];
        let with = |role: RoomRole| {
            let has = room.rules.roles().iter().filter(move |&&(_, other)| other == role);
            let name = |holder| match holder {
                Holder::Member(member) => members.get(member).map(|member| &*member.name),
                Holder::Account(account) => {
                    let account = accounts.get(account)?;
                    let member = account.member.and_then(|member| members.get(member));
                    Some(member.map_or(&*account.name.shown, |member| &member.name))
                }
            };
            has.filter_map(|&(holder, _)| name(holder)).collect::<Vec<&str>>()
        };
        let settings = SettingsView {
            room: &room.name,
            settings: &room.rules.settings,
            shows_key: self.shared.may(asker.member, Act::SeeKey, Some(id)),
            operators: &with(RoomRole::Operator),
            voices: &with(RoomRole::Voice),
        };
        self.outbound.send(
            &mut self.sessions,
            &self.shared.members,
            asker.id,
            &Event::Notice(Notice::Settings(settings)),
        );
    }

    /// Shows a page of the mutes or bans of a room.
    fn list_restrictions(&mut self, id: ClientId, room: RoomId, kind: RestrictionKind, page: &str, now: Now) {
        let rules = &self.shared.rooms[room].rules;
        let (command, empty) = match kind {
            RestrictionKind::Mute => ("/mutes", Notice::NoMutes),
            RestrictionKind::Ban => ("/bans", Notice::NoBans),
        };
        let list = rules.restrictions(kind);
        let list: Vec<(CompactString, Option<u64>)> =
            list.in_force(now.at).map(|entry| (entry.name.clone(), entry.left(now.at).map(minutes_of))).collect();
        let masks = if kind == RestrictionKind::Ban { rules.masks().to_vec() } else { Vec::new() };
        let notices: Vec<Notice> = list
            .iter()
            .map(|&(ref name, minutes)| match kind {
                RestrictionKind::Mute => Notice::Muted { name, minutes, by: None },
                RestrictionKind::Ban => Notice::Ban { what: name, minutes, by: None },
            })
            .chain(masks.iter().map(|MaskEntry { kind, mask, by, .. }| Notice::Mask {
                kind: *kind,
                mask: mask.text(),
                by,
            }))
            .collect();
        let command = format!("{command} #{}", self.shared.rooms.name(room));
        self.show_page(id, &command, page, &notices, empty);
    }

    /// Shows one page of a list, or `empty` if the list is empty. `rest` is the page number, or nothing for the first
    /// page.
    ///
    /// A page has at most `max_listed` entries. If there are several pages, its last line gives the command for the
    /// next one.
    fn show_page(&mut self, id: ClientId, command: &str, rest: &str, list: &[Notice], empty: Notice) {
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

/// A member in a list.
pub(in crate::chat::hub) struct ListedMember {
    pub name: CompactString,
    /// Whether others are shown that it is away.
    is_away: bool,
}

/// The names of members, and the names of those that are away.
pub(in crate::chat::hub) fn names_and_away(list: &[ListedMember]) -> (Vec<&str>, Vec<&str>) {
    let away = list.iter().filter(|member| member.is_away);
    (list.iter().map(|member| &*member.name).collect(), away.map(|member| &*member.name).collect())
}

/// A room in a list: its name, the number of its members, and its topic.
type ListedRoom<'a> = (&'a str, usize, Option<&'a str>);

/// The rooms for `/rooms`, with the number of members and the topic of each, those with the most members first.
///
/// If not all can be named, the most recently used of the empty rooms are.
///
/// The rooms that are hidden from the member are not counted either.
fn listed_rooms(shared: &Shared, member: MemberId) -> (Vec<ListedRoom<'_>>, usize) {
    let rooms = &shared.rooms;
    let sees_all = shared.may(member, Act::SeeSecretRooms, None);
    let sees = |room: &RoomId| sees_all || shared.sees(member, *room);
    let lobby = &rooms[RoomId::LOBBY];
    let lobby = Some((RoomId::LOBBY, lobby)).filter(|(_, lobby)| lobby.members.is_empty());
    let mut full: Vec<(usize, RoomId)> =
        rooms.occupied().chain(lobby).filter(|(id, _)| sees(id)).map(|(id, room)| (room.members.len(), id)).collect();
    let seen = full.len();
    if full.len() > MAX_LISTED_ROOMS {
        full.select_nth_unstable_by(MAX_LISTED_ROOMS - 1, |a, b| b.cmp(a));
        full.truncate(MAX_LISTED_ROOMS);
    }
    let empty = || rooms.empty().filter(|(id, _)| sees(id)).map(|(_, room)| room);
    let in_memory = full.into_iter().map(|(_, id)| &rooms[id]).chain(empty());
    let in_memory = in_memory.map(|room| (&*room.name, room.members.len(), room.topic().map(|topic| topic.text)));
    let stored = || rooms.stored().filter(|room| sees_all || !room.is_secret());
    let all = seen + empty().count() + stored().count();
    let stored = stored().map(|room| (&*room.name, 0, room.topic.as_ref().map(|topic| &*topic.text)));
    let mut listed: Vec<_> = in_memory.chain(stored).take(MAX_LISTED_ROOMS).collect();
    listed.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let more = all - listed.len();
    (listed, more)
}
