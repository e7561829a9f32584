//! The commands of members.

use crate::chat::id::LOBBY;
use compact_str::CompactString;
use log::debug;

use super::resume::HistoryView;
use crate::chat::command::{Command, is_blank, split};
use crate::chat::config::{Login, Mode};
use crate::chat::event::{Cause, Event, Notice, People, Refusal};
use crate::chat::hub::Hub;
use crate::chat::id::Author;
use crate::chat::id::Now;
use crate::chat::id::RoomId;
use crate::chat::id::{ClientId, Session};
use crate::chat::policy::nick::{Name, key_of};
use crate::chat::query::Lookup;
use crate::chat::room::segment_log::EntryKind;
use crate::chat::session::client::{Client, IgnoreList, SessionStage};
use crate::chat::session::reader::Reader;

/// A message, or an action (`/me`).
pub(in crate::chat::hub) struct Utterance<'a> {
    pub author: Author,
    pub name: &'a str,
    pub text: &'a str,
    pub action: bool,
}

impl Hub {
    /// Carries out one line of a member.
    pub(in crate::chat::hub) fn dispatch_command(&mut self, id: ClientId, line: &str, now: Now) {
        match Command::parse(line) {
            Command::Nothing => {}
            // In p2p mode there is one room, and the operator is in it.
            Command::Join(_) | Command::Leave | Command::Rooms if self.config.mode == Mode::P2p => {
                let word = split(line.trim_start_matches('/')).0;
                self.refuse(id, Refusal::NoCommand { word });
            }
            Command::Say(text) if is_blank(text) => self.refuse(id, Refusal::Usage("/say text")),
            Command::Say(text) => self.say(id, text, false, now),
            Command::Action(text) if is_blank(text) => self.refuse(id, Refusal::Usage("/me text")),
            Command::Action(text) => self.say(id, text, true, now),
            Command::Whisper { to, text } => self.whisper(id, to, text, now),
            Command::Reply(text) => self.reply(id, text, now),
            Command::Nick(name) => self.rename(id, name, now),
            Command::Who(room) => self.who(id, room),
            Command::Rooms => self.list_rooms(id),
            Command::Join(room) => self.join(id, room, now),
            Command::Leave if self.clients[id].room == RoomId::LOBBY => {
                self.refuse(id, Refusal::InThatRoom { room: LOBBY });
            }
            Command::Leave => self.change_room(id, RoomId::LOBBY, now),
            Command::History(rest) if self.store.is_some() => self.query_history(id, rest),
            Command::History(n) => self.history_command(id, n, now),
            Command::Search(rest) => self.search(id, rest),
            Command::Ignore(name) => self.ignore(id, name),
            Command::Unignore(name) => self.unignore(id, name),
            Command::Echo(choice) => self.echo(id, choice),
            Command::Ping(text) => self.notice(id, Notice::Pong { text }),
            Command::Help => self.send_event(id, &Event::Help { operator: false }),
            Command::Quit(reason) => self.quit(id, reason, now),
            Command::Other(word, _) => self.refuse(id, Refusal::NoCommand { word }),
        }
    }

    fn say(&mut self, id: ClientId, text: &str, action: bool, now: Now) {
        if self.is_muted(id, now) {
            return self.say_muted(id, text, action, now);
        }
        let client = &mut self.clients[id];
        let (room, author) = (client.room, author(client));
        // The name is lent to the event and put back, so that a message allocates no memory.
        let name = std::mem::take(&mut client.name);
        self.say_in_room(room, Utterance { author, name: &name, text, action }, Some(id), now);
        self.clients[id].name = name;
    }

    /// Sends a message to a room. `speaker` is the member that wrote it, `None` for the operator.
    pub(in crate::chat::hub) fn say_in_room(
        &mut self,
        room: RoomId,
        said: Utterance,
        speaker: Option<ClientId>,
        now: Now,
    ) {
        let Utterance { author, name, text, action } = said;
        let event = self.message_event(name, text, action, now);
        self.stats.messages += 1;
        self.stats.message_rate.count(now.at);
        debug!("{}: {name}{} {text}", self.rooms[room].name, if action { "" } else { ":" });
        self.begin_day(room, now);
        if speaker.is_some() {
            self.send_to_operator_from(room, &event);
        }
        if self.store.is_some() {
            self.record_message(room, &event);
        }
        let silent = speaker.map(|id| (id, &self.clients[id])).filter(|(_, client)| !client.echo);
        let before = silent.map(|(id, client)| (id, self.rooms[room].log(client.encoding).end()));
        self.append(room, author, EntryKind::Message, text.len(), &event);
        if let Some((id, before)) = before {
            self.skip_own_entry(id, before);
        }
    }

    /// Builds the event of a message or action, and gives it the next id.
    pub(in crate::chat::hub) fn message_event<'a>(
        &mut self,
        name: &'a str,
        text: &'a str,
        action: bool,
        now: Now,
    ) -> Event<'a> {
        self.last_message_id += 1;
        let (id, at) = (self.last_message_id, now.local);
        if action { Event::Action { id, at, name, text } } else { Event::Said { id, at, name, text } }
    }

    fn whisper(&mut self, id: ClientId, to: &str, text: &str, now: Now) {
        if to.is_empty() || is_blank(text) {
            return self.refuse(id, Refusal::Usage("@name text"));
        }
        match self.find_by_nick(to) {
            Some(target) if target == id => self.refuse(id, Refusal::Yourself),
            Some(target) => self.whisper_to(id, target, text, now),
            None if self.is_operator(to) => self.whisper_to_operator(id, text, now),
            None if self.stores_whispers() => self.store_whisper(id, to, text, now),
            None => self.refuse(id, Refusal::NoSuchMember { name: to }),
        }
    }

    fn reply(&mut self, id: ClientId, text: &str, now: Now) {
        if is_blank(text) {
            return self.refuse(id, Refusal::Usage("/r text"));
        }
        let Some((target, session)) = self.clients[id].whisperer else {
            return self.refuse(id, Refusal::NoWhisperYet);
        };
        match self.clients.get(target) {
            _ if session == Session::OPERATOR && self.operator.is_some() => self.whisper_to_operator(id, text, now),
            Some(client) if client.session == session && client.stage == SessionStage::InRoom => {
                self.whisper_to(id, target, text, now)
            }
            _ => self.refuse(id, Refusal::WhispererLeft),
        }
    }

    fn whisper_to(&mut self, id: ClientId, target: ClientId, text: &str, now: Now) {
        let client = &self.clients[id];
        let (from, author) = (client.name.clone(), author(client));
        let to = self.clients[target].name.clone();
        self.begin_day(self.clients[id].room, now);
        let at = now.local;
        self.send_event(id, &Event::Whispered { at, to: &to, text });
        if !self.is_muted(id, now) {
            self.deliver_whisper(target, author, id, &from, text, now);
        }
    }

    /// Delivers a whisper, unless its reader ignores its author. The author is not told.
    pub(in crate::chat::hub) fn deliver_whisper(
        &mut self,
        target: ClientId,
        author: Author,
        from_id: ClientId,
        from: &str,
        text: &str,
        now: Now,
    ) {
        self.stats.whispers += 1;
        if self.clients[target].ignores(author.session, author.name) {
            return;
        }
        self.begin_day(self.clients[target].room, now);
        self.clients[target].whisperer = Some((from_id, author.session));
        self.send_event(target, &Event::Whisper { at: now.local, from, text });
    }

    fn rename(&mut self, id: ClientId, text: &str, now: Now) {
        if self.config.login == Login::Address {
            return self.refuse(id, Refusal::NamesAreAddresses);
        }
        if is_blank(text) {
            return self.refuse(id, Refusal::Usage("/nick name"));
        }
        let name = match Name::new(text) {
            Ok(name) => name,
            Err(why) => return self.refuse(id, Refusal::BadName { why, name: text, asked: false }),
        };
        let old = self.clients[id].name.clone();
        if name.shown == old {
            return self.refuse(id, Refusal::AlreadyCalled { name: &old });
        }
        if self.find_by_key(&name.key).is_some_and(|owner| owner != id) {
            return self.refuse(id, Refusal::Taken { name: &name.shown, asked: false });
        }
        self.cancel_deliveries(id);
        self.nicknames.remove(&self.clients, id);
        self.clients[id].name_hash = self.name_hash(&name.key);
        self.clients[id].name = name.shown.clone();
        self.nicknames.insert(&self.clients, id);
        let client = &self.clients[id];
        self.mutes.rename(client.session, &client.name, client.name_hash, client.ip(), now.at);
        log::info!("{old} is now called {}", name.shown);
        let event = Event::Notice(Notice::Renamed { old: &old, new: &name.shown });
        let room = self.clients[id].room;
        self.begin_day(room, now);
        self.send_to_operator_from(room, &event);
        // A muted member could otherwise send one line with each new name.
        match self.is_muted(id, now) {
            true => self.send_event(id, &event),
            false => self.broadcast(room, Author::NONE, EntryKind::Notice, 0, &event, now),
        }
        self.request_offline_messages(id);
    }

    fn who(&mut self, id: ClientId, room: &str) {
        let own = self.clients[id].room;
        if let Some(room) = self.find_stored_typed(room).map(str::to_owned) {
            let people = People { here: 0, names: &[], you: false };
            return self.notice(id, Notice::PeopleIn { room: &room, people });
        }
        let shown = match room {
            "" => own,
            name => match self.rooms.find_typed(name) {
                Some(found) => found,
                None if Name::room(name).is_err() => return self.refuse(id, Refusal::BadRoomName),
                None => return self.refuse(id, Refusal::NoRoom { room: name }),
            },
        };
        let mine = self.clients[id].name.clone();
        let mut others = self.nicknames_in(shown, self.config.max_listed);
        others.retain(|name| shown != own || *name != mine);
        let names: Vec<&str> = others.iter().map(|name| &**name).collect();
        let people = People { here: self.rooms[shown].members.len(), names: &names, you: shown == own };
        let room = self.rooms[shown].name.clone();
        match shown == own {
            true => self.notice(id, Notice::People { room: &room, people }),
            false => self.notice(id, Notice::PeopleIn { room: &room, people }),
        }
    }

    fn list_rooms(&mut self, id: ClientId) {
        self.send_room_list(|hub, notice| hub.notice(id, notice));
    }

    /// Builds the list of rooms, those with the most members first.
    pub(in crate::chat::hub) fn send_room_list(&mut self, tell: impl FnOnce(&mut Hub, Notice)) {
        let (listed, more) = self.listed_rooms();
        let rooms: Vec<(&str, usize)> = listed.iter().map(|(name, here)| (&**name, *here)).collect();
        tell(self, Notice::Rooms { rooms: &rooms, more });
    }

    fn join(&mut self, id: ClientId, text: &str, now: Now) {
        if is_blank(text) {
            return self.refuse(id, Refusal::Usage("/join room"));
        }
        let found = self.rooms.find_typed(text);
        if found == Some(self.clients[id].room) {
            let room = self.rooms[self.clients[id].room].name.clone();
            return self.refuse(id, Refusal::InThatRoom { room: &room });
        }
        if let Some(room) = self.find_stored_typed(text).map(str::to_owned).filter(|_| found.is_none()) {
            return self.queue_query(id, Lookup::Room { room, nickname: None });
        }
        let opened = match (found, Name::room(text)) {
            (Some(room), _) => Ok(room),
            (None, Err(_)) => Err(Refusal::BadRoomName),
            (None, Ok(name)) => self.make_room(&name, id),
        };
        match opened {
            Ok(room) => self.change_room(id, room, now),
            Err(refusal) => self.refuse(id, refusal),
        }
    }

    pub(in crate::chat::hub) fn change_room(&mut self, id: ClientId, room: RoomId, now: Now) {
        self.move_unread_to_outbox(id);
        self.leave_room(id, &Cause::Moved, now);
        self.enter(id, room, None, now, |_, room, people, _| Notice::EnteredRoom { room, people });
    }

    /// `/history` without a store.
    fn history_command(&mut self, id: ClientId, rest: &str, now: Now) {
        let most = self.config.history;
        let n = match rest {
            "" if most > 0 => most,
            n => match n.parse::<usize>() {
                Ok(n) if n > 0 && most > 0 => n.min(most),
                _ if split(n).0.eq_ignore_ascii_case("before") => return self.refuse(id, Refusal::NoStore),
                _ => return self.refuse(id, Refusal::HistoryRange { most }),
            },
        };
        self.replay(id, n, now);
    }

    /// Copies the last `n` messages of the room to the outbox of `id`.
    pub(in crate::chat::hub) fn replay(&mut self, id: ClientId, n: usize, now: Now) {
        let room = self.clients[id].room;
        let HistoryView { begin, messages, day, .. } = self.history_for(id, room, n, None);
        if messages == 0 {
            return self.notice(id, Notice::NoHistory);
        }
        let client = &self.clients[id];
        let mut copy = Vec::new();
        let mut reader = Reader::replay(client, self.rooms[room].log(client.encoding), begin, self.last_stamp);
        while let Some(bytes) = reader.slice() {
            copy.extend_from_slice(bytes);
            reader.consume(bytes.len());
        }
        self.notice(id, Notice::HistoryBegins { messages, gap: false, before: None });
        if let Some(day) = day.filter(|&day| day != now.local.date()) {
            self.notice(id, Notice::Day(day));
        }
        self.queue_private(id, &copy);
        self.notice(id, Notice::HistoryEnds);
    }

    fn ignore(&mut self, id: ClientId, name: &str) {
        if name.is_empty() {
            let list: Vec<CompactString> = self.clients[id]
                .ignored
                .iter()
                .flat_map(|ignored| &ignored.people)
                .map(|(name, ..)| name.clone())
                .collect();
            let names: Vec<&str> = list.iter().map(|name| &**name).collect();
            return self.notice(id, Notice::IgnoreList { names: &names });
        }
        let Some(target) = self.find_by_nick(name) else {
            return self.refuse(id, Refusal::NoSuchMember { name });
        };
        if target == id {
            return self.refuse(id, Refusal::Yourself);
        }
        self.move_unread_to_outbox(id);
        let target = &self.clients[target];
        let (shown, author) = (target.name.clone(), author(target));
        let ignored: &mut IgnoreList = self.clients[id].ignored.get_or_insert_default();
        ignored.people.retain(|&(_, hash, session)| hash != author.name && session != author.session);
        if ignored.people.len() >= self.config.max_ignored {
            return self.refuse(id, Refusal::TooManyIgnored { most: self.config.max_ignored });
        }
        ignored.people.push((shown.clone(), author.name, author.session));
        self.notice(id, Notice::Ignoring { name: &shown });
    }

    fn unignore(&mut self, id: ClientId, name: &str) {
        if name.is_empty() {
            return self.refuse(id, Refusal::Usage("/unignore name"));
        }
        self.move_unread_to_outbox(id);
        // By the name at the time of `/ignore`, or by the current name of the same session.
        let hash = key_of(name).map(|key| self.name_hash(&key));
        let target = self.find_by_nick(name).map(|target| &self.clients[target]);
        let (session, now_called) = (target.map(|target| target.session), target.map(|target| target.name.clone()));
        let client = &mut self.clients[id];
        let Some(ignored) = &mut client.ignored else {
            return self.refuse(id, Refusal::NotIgnored { name });
        };
        let meant = |(_, old, who): &(CompactString, u64, Session)| Some(*old) == hash || Some(*who) == session;
        let found = ignored.people.iter().find(|person| meant(person)).map(|(old, _, who)| match now_called {
            Some(name) if Some(*who) == session => name,
            _ => old.clone(),
        });
        ignored.people.retain(|person| !meant(person));
        if ignored.people.is_empty() {
            client.ignored = None;
        }
        match found {
            Some(name) => self.notice(id, Notice::NoLongerIgnoring { name: &name }),
            None => self.refuse(id, Refusal::NotIgnored { name }),
        }
    }

    fn echo(&mut self, id: ClientId, choice: &str) {
        let on = match split(choice).0.to_ascii_lowercase().as_str() {
            "on" => true,
            "off" => false,
            _ => return self.refuse(id, Refusal::Usage("/echo on|off")),
        };
        self.move_unread_to_outbox(id);
        self.clients[id].echo = on;
        self.notice(id, Notice::Echo { on });
    }
}

fn author(client: &Client) -> Author {
    Author { session: client.session, name: client.name_hash }
}
