//! MODE: the settings and roles of channels. Source: <https://modern.ircdocs.horse/#mode-message>.

use std::borrow::Cow;

use crate::chat::change::{Change, RoleChange};
use crate::chat::event::{Event, IrcLine, Refusal, Sender};
use crate::chat::hub::Hub;
use crate::chat::hub::check::permissions::Act;
use crate::chat::hub::irc::Call;
use crate::chat::hub::plan::Asker;
use crate::chat::id::{Author, ClientId, Now, RoomId};
use crate::chat::irc::modes;
use crate::chat::member::RoomRole;
use crate::chat::policy::mask::{Mask, MaskKind};
use crate::chat::room::segment_log::{EntryKind, Spread};
use crate::chat::session::open_commands::HeldModes;
use crate::chat::settings::{MAX_KEY, MAX_LIMIT, Setting};

/// The most changes with a parameter in one MODE.
pub const MAX_MODES: usize = 12;

/// One letter of MODE: whether it is set or unset, and its parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ModeChange<'a> {
    on: bool,
    letter: char,
    param: Option<&'a str>,
}

/// What a letter asks for.
enum Asked<'a> {
    Set(Setting<'a>),
    Role(RoleChange, &'a str),
    Mask(MaskKind, Mask),
    /// The masks of a kind are listed.
    List(MaskKind),
    /// The parameter is missing or invalid: what is shown of it, and what is wrong.
    Invalid(&'a str, &'static str),
    /// A mode that is always on.
    Fixed,
    Unknown,
}

impl Hub {
    /// MODE
    pub(in crate::chat::hub::irc) fn irc_mode(&mut self, call: &Call) {
        let Some(asker) = self.caller(call) else { return };
        match call.text(0).starts_with('#') {
            true => self.channel_mode(asker, call),
            false => self.user_mode(asker, call),
        }
    }

    fn channel_mode(&mut self, asker: Asker, call: &Call) {
        let Some(room) = self.known_channel(asker, call.text(0)) else { return };
        let Some(modes) = call.param(1) else { return self.show_modes(asker, room) };
        self.mode_changes = Some(Vec::new());
        for change in read_modes(modes, &call.message.params[2..]) {
            // The room may be removed, or the member may lose its role, with the change before.
            if self.shared.rooms.get(room).is_none() || !self.change_mode(asker, room, change, call) {
                break;
            }
        }
        let changes = self.mode_changes.take().unwrap_or_default();
        let Some(found) = self.shared.rooms.get(room) else { return };
        let modes = Box::new(HeldModes { room, name: found.name.clone(), changes });
        let uncommitted =
            self.sessions.irc(asker.id).is_some_and(|irc| irc.unfinished().open_commands.has_uncommitted());
        self.hold_or_show(asker.id, modes, uncommitted, call.now);
    }

    /// Shows the changes that were made with one MODE, or keeps them until the others of it are committed.
    pub(in crate::chat::hub::irc) fn hold_or_show(
        &mut self,
        id: ClientId,
        modes: Box<HeldModes>,
        is_open: bool,
        now: &Now,
    ) {
        let open = self.sessions.irc_mut(id).and_then(|irc| irc.unfinished_mut().open_commands.newest());
        match open.filter(|_| is_open) {
            Some(open) => open.modes = Some(modes),
            None => self.show_mode_changes(id, &modes, now),
        }
    }

    /// Shows the changes of a MODE that wait for others, since the session is about to end.
    pub(in crate::chat::hub) fn show_held_modes(&mut self, id: ClientId, now: &Now) {
        let held = self.sessions.irc_mut(id).and_then(|irc| irc.unfinished_mut().open_commands.take_modes());
        if let Some(modes) = held {
            self.show_mode_changes(id, &modes, now);
        }
    }

    /// Shows the readers of a room on IRC the changes that the member of a session has made with one MODE. If it is muted, only
    /// its own sessions are shown them.
    fn show_mode_changes(&mut self, id: ClientId, modes: &HeldModes, time: &Now) {
        let HeldModes { room, ref name, ref changes } = *modes;
        let is_there = self.shared.rooms.get(room).is_some_and(|found| found.name == *name);
        let Some(slot) = self.sessions[id].member.filter(|_| is_there && !changes.is_empty()) else { return };
        let by = self.shared.members.id(slot);
        let (name, is_muted) = (self.name_of(by), self.shared.mutes.holds(by, time.at));
        let reads = self.shared.members.is_in(by.slot, room) && !is_muted;
        for params in modes::params(changes) {
            let middle: Vec<&str> = params.iter().map(String::as_str).collect();
            let from = Sender::Member(&name);
            let event =
                Event::Irc(IrcLine::Command { from, command: "MODE", in_room: true, middle: &middle, text: None });
            if !is_muted {
                let kind = EntryKind::Notice(Spread::default());
                self.fanout_by(by, time).append_irc(room, None, Author::NONE, kind, &event);
            }
            if reads {
                continue;
            }
            let own = self.shared.members[by.slot].sessions().filter(|&id| self.sessions[id].encoding.is_irc());
            for id in own.collect::<Vec<ClientId>>() {
                self.fanout_by(by, time).send_in(id, room, &event);
            }
        }
    }

    /// Makes one change; returns whether the others may be tried.
    fn change_mode(&mut self, asker: Asker, room: RoomId, change: ModeChange, call: &Call) -> bool {
        let channel = format!("#{}", self.shared.rooms.name(room));
        let letter = change.letter.to_string();
        let asked = asked(change);
        match asked {
            Asked::Unknown => {
                // A colon would begin the last parameter.
                let shown = if matches!(change.letter, ' ' | ':') { "*" } else { &*letter };
                self.numeric(asker.id, 472, &[shown], "is unknown mode char to me");
                return true;
            }
            Asked::List(kind) => {
                self.list_masks(asker, room, kind, call);
                return true;
            }
            _ => {}
        }
        if let Err(refusal) = self.shared.permit(asker.member, Act::ChangeSettings, Some(room)) {
            self.outbound.send(&mut self.sessions, &self.shared.members, asker.id, &Event::Refusal(refusal));
            return false;
        }
        match asked {
            Asked::Unknown | Asked::List(_) => {}
            Asked::Mask(kind, mask) => self.set_mask(asker, room, kind, mask, change.on, call),
            Asked::Fixed if change.on => {}
            Asked::Fixed => self.server_notice(asker.id, "Only members of a channel can send to it: +n stays."),
            Asked::Invalid(param, why) => self.numeric(asker.id, 696, &[&channel, &letter, param], why),
            Asked::Set(setting) => {
                let setting = Box::new(setting);
                self.propose_checked(asker.id, Change::Set { by: asker.member, room, setting }, call.now);
            }
            Asked::Role(change, name) => match self.shared.members.find(name) {
                None => self.refuse_irc(asker, Refusal::NoSuchMember { name }),
                Some(member) => {
                    let change = Change::RoomRole { by: asker.member, member, room, change };
                    self.propose_checked(asker.id, change, call.now);
                }
            },
        }
        true
    }

    /// Answers MODE without changes.
    fn show_modes(&mut self, asker: Asker, room: RoomId) {
        let shows_key = self.shared.may(asker.member, Act::SeeKey, Some(room));
        let found = &self.shared.rooms[room];
        let (settings, created) = (&found.rules.settings, found.created);
        let flags = [
            (settings.invite_only, 'i'),
            (settings.key.is_some(), 'k'),
            (settings.limit.is_some(), 'l'),
            (settings.moderated, 'm'),
            (true, 'n'),
            (settings.secret, 's'),
            (settings.topic_lock, 't'),
        ];
        let letters: String = flags.iter().filter(|(is_on, _)| *is_on).map(|&(_, letter)| letter).collect();
        let key = settings.key.as_deref().map(|key| if shows_key { key } else { "*" }.to_owned());
        let limit = settings.limit.map(|most| most.to_string());
        let channel = format!("#{}", found.name);
        let mut middle = vec![channel.clone(), format!("+{letters}")];
        middle.extend(key.into_iter().chain(limit));
        let middle: Vec<&str> = middle.iter().map(String::as_str).collect();
        self.numeric_without_text(asker.id, 324, &middle);
        if created > 0 {
            self.numeric_without_text(asker.id, 329, &[&channel, &created.to_string()]);
        }
    }
}

/// The changes of a MODE. One without a parameter is listed once; after [`MAX_MODES`] with one, the rest is ignored.
fn read_modes<'a>(modes: &str, params: &[&'a str]) -> Vec<ModeChange<'a>> {
    let mut params = params.iter().copied();
    let (mut on, mut with_params) = (true, 0);
    let mut changes = Vec::new();
    for letter in modes.chars() {
        let takes_param = match letter {
            '+' | '-' => {
                on = letter == '+';
                continue;
            }
            'l' => on,
            'b' | 'e' | 'I' | 'k' | 'o' | 'v' => true,
            _ => false,
        };
        let param = if takes_param { params.next() } else { None };
        // A list is the same with either sign.
        let is_list = param.is_none() && kind_of(letter).is_some();
        let change = ModeChange { on: on || is_list, letter, param };
        if param.is_none() && changes.contains(&change) {
            continue;
        }
        with_params += usize::from(param.is_some());
        if with_params > MAX_MODES {
            break;
        }
        changes.push(change);
    }
    changes
}

/// The kind of the masks that a letter sets.
fn kind_of(letter: char) -> Option<MaskKind> {
    match letter {
        'b' => Some(MaskKind::Ban),
        'e' => Some(MaskKind::Except),
        'I' => Some(MaskKind::InviteExcept),
        _ => None,
    }
}

/// What a letter asks for.
fn asked(change: ModeChange<'_>) -> Asked<'_> {
    let ModeChange { on, letter, param } = change;
    let param = param.map(str::trim).filter(|param| !param.is_empty());
    let role = |role| match param {
        Some(name) if on => Asked::Role(RoleChange::Give(role), name),
        Some(name) => Asked::Role(RoleChange::Take(role), name),
        None => Asked::Invalid("*", "You must give a nickname"),
    };
    if let Some(kind) = kind_of(letter) {
        return match change.param {
            None => Asked::List(kind),
            Some(_) => match param.and_then(Mask::new) {
                Some(mask) => Asked::Mask(kind, mask),
                None => Asked::Invalid("*", "A mask has 1 to 100 bytes, without spaces"),
            },
        };
    }
    match letter {
        'i' => Asked::Set(Setting::InviteOnly(on)),
        'm' => Asked::Set(Setting::Moderated(on)),
        's' => Asked::Set(Setting::Secret(on)),
        't' => Asked::Set(Setting::TopicLock(on)),
        'k' if !on => Asked::Set(Setting::Key(None)),
        'k' => match param {
            Some(key)
                if key.len() <= MAX_KEY
                    && !key.starts_with(':')
                    && !key.contains(|c: char| c.is_whitespace() || c == ',') =>
            {
                Asked::Set(Setting::Key(Some(Cow::Borrowed(key))))
            }
            _ => Asked::Invalid("*", "A key has 1 to 64 bytes, without spaces and commas"),
        },
        'l' if !on => Asked::Set(Setting::Limit(None)),
        'l' => match param.and_then(|number| number.parse().ok()).filter(|most| (1..=MAX_LIMIT).contains(most)) {
            Some(most) => Asked::Set(Setting::Limit(Some(most))),
            None => {
                let shown = param.filter(|param| !param.contains(' ') && !param.starts_with(':')).unwrap_or("*");
                Asked::Invalid(shown, "The limit is a number from 1 to 1000000")
            }
        },
        'o' => role(RoomRole::Operator),
        'v' => role(RoomRole::Voice),
        'n' => Asked::Fixed,
        _ => Asked::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(on: bool, letter: char, param: Option<&str>) -> ModeChange<'_> {
        ModeChange { on, letter, param }
    }

    #[test]
    fn each_letter_has_its_sign_and_parameter() {
        let expected = [
            change(true, 'o', Some("bob")),
            change(true, 's', None),
            change(false, 'l', None),
            change(false, 'k', Some("*")),
            change(true, 'l', Some("5")),
            change(true, 'b', None),
        ];
        assert_eq!(read_modes("os-lk+lb", &["bob", "*", "5"]), expected);
        assert_eq!(read_modes("", &["bob"]), []);
        assert_eq!(read_modes("+-", &[]), []);
    }

    #[test]
    fn letters_without_parameter_count_once_and_those_with_one_are_limited() {
        assert_eq!(read_modes("bbb-bbe", &[]), [change(true, 'b', None), change(true, 'e', None)]);
        assert_eq!(read_modes("iii-ii", &[]), [change(true, 'i', None), change(false, 'i', None)]);
        let names = ["bob"; MAX_MODES + 1];
        let letters = "v".repeat(names.len());
        assert_eq!(read_modes(&letters, &names), [change(true, 'v', Some("bob")); MAX_MODES]);
    }

    #[test]
    fn keys_and_limits_have_bounds() {
        let is_invalid = |letter, param| matches!(asked(change(true, letter, param)), Asked::Invalid(..));
        let long = "k".repeat(MAX_KEY + 1);
        for key in [None, Some(""), Some(" "), Some("a b"), Some("a,b"), Some(&*long)] {
            assert!(is_invalid('k', key), "{key:?}");
        }
        assert!(!is_invalid('k', Some(&long[1..])));
        for limit in [None, Some(""), Some("0"), Some("-1"), Some("abc"), Some("1000001")] {
            assert!(is_invalid('l', limit), "{limit:?}");
        }
        assert!(!is_invalid('l', Some("1000000")));
        assert!(is_invalid('o', None) && !is_invalid('o', Some("bob")));
    }
}
