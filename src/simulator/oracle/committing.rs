//! Public changes: proposed when a line is processed, and carried out when they are committed.

use std::net::IpAddr;

use super::history::Replay;
use super::masks::Mask;
use super::passwords::{scram, verifier};
use super::restrictions::Kind;
use super::roles::Rank;
use super::rules::Value;
use super::{OPERATOR, Oracle, ReaderStage};
use crate::chat::change::{Change, Place, RestrictionKind, RoleChange};
use crate::chat::settings::Setting;
use crate::chat::{Cause, MaskKind, MessageKind, Now, RoomRole};

/// A public change that is not committed yet.
#[derive(Debug)]
pub enum Proposed {
    /// `who` is a session here, and a member elsewhere.
    Join {
        who: usize,
        name: String,
        room: String,
        follow: Vec<String>,
        account: Option<usize>,
    },
    Move {
        who: usize,
        room: String,
        key: Option<String>,
    },
    Follow {
        who: usize,
        room: String,
        key: Option<String>,
    },
    Unfollow {
        who: usize,
        room: usize,
        /// On IRC.
        reason: Option<String>,
    },
    Topic {
        who: usize,
        room: usize,
        text: Option<String>,
    },
    Away {
        who: usize,
        text: Option<String>,
    },
    Leave {
        who: usize,
        cause: Cause,
    },
    /// Tags of IRC without a message.
    Tag {
        who: usize,
        room: usize,
        tags: String,
    },
    /// A real name.
    Introduce {
        who: usize,
        real_name: String,
    },
    Say {
        author: usize,
        room: usize,
        kind: MessageKind,
        text: String,
    },
    /// A program that is no member says something.
    Post {
        room: String,
        name: String,
        lines: Vec<String>,
    },
    Rename {
        who: usize,
        name: String,
        account: Option<usize>,
        ip: IpAddr,
    },
    Register {
        who: usize,
        password: String,
        has_keys: bool,
        ip: IpAddr,
    },
    SetPassword {
        by: usize,
        account: usize,
        password: String,
        has_keys: bool,
    },
    SetKeys {
        account: usize,
        password: String,
    },
    Unregister {
        by: usize,
        account: usize,
    },
    Kick {
        by: usize,
        who: usize,
        room: Option<usize>,
        name: String,
        why: Option<String>,
    },
    Ban {
        by: usize,
        who: Option<usize>,
        ip: IpAddr,
        name: Option<String>,
        minutes: Option<u64>,
    },
    Unban {
        by: usize,
        ip: IpAddr,
    },
    Mute {
        by: usize,
        who: usize,
        name: String,
        ip: IpAddr,
        minutes: Option<u64>,
    },
    Unmute {
        by: usize,
        key: String,
    },
    Restrict {
        by: usize,
        who: usize,
        room: usize,
        kind: Kind,
        name: String,
        minutes: Option<u64>,
    },
    Lift {
        by: usize,
        room: usize,
        kind: Kind,
        key: String,
    },
    Mask {
        by: usize,
        room: usize,
        mask: Mask,
        added: bool,
    },
    Set {
        by: usize,
        room: usize,
        setting: &'static str,
        value: Option<Value>,
    },
    Invite {
        by: usize,
        who: usize,
        room: usize,
    },
    Role {
        by: usize,
        who: usize,
        room: usize,
        role: bool,
        given: bool,
    },
    Moderator {
        who: usize,
        given: bool,
    },
    Delete {
        by: usize,
        room: usize,
        name: String,
        ids: Vec<u64>,
    },
}

impl Proposed {
    /// The member whose line it comes from; `None` if it comes from no line of a member.
    fn actor(&self) -> Option<usize> {
        match *self {
            Proposed::Join { .. } | Proposed::Leave { .. } | Proposed::SetKeys { .. } | Proposed::Post { .. } => None,
            Proposed::Move { who, .. }
            | Proposed::Follow { who, .. }
            | Proposed::Unfollow { who, .. }
            | Proposed::Topic { who, .. }
            | Proposed::Away { who, .. }
            | Proposed::Tag { who, .. }
            | Proposed::Introduce { who, .. }
            | Proposed::Rename { who, .. }
            | Proposed::Register { who, .. } => Some(who),
            Proposed::Say { author, .. } => Some(author),
            Proposed::Kick { by, .. }
            | Proposed::Ban { by, .. }
            | Proposed::Unban { by, .. }
            | Proposed::Mute { by, .. }
            | Proposed::Unmute { by, .. }
            | Proposed::Restrict { by, .. }
            | Proposed::Lift { by, .. }
            | Proposed::Mask { by, .. }
            | Proposed::Set { by, .. }
            | Proposed::Invite { by, .. }
            | Proposed::Role { by, .. }
            | Proposed::SetPassword { by, .. }
            | Proposed::Unregister { by, .. }
            | Proposed::Delete { by, .. } => Some(by),
            Proposed::Moderator { .. } => Some(OPERATOR),
        }
    }

    fn is_message(&self) -> bool {
        matches!(self, Proposed::Say { .. } | Proposed::Tag { .. })
    }

    /// Whether the server has committed a change of this kind.
    fn is_like(&self, change: &Change) -> bool {
        match (self, change) {
            (Proposed::Say { text, kind, .. }, Change::Say { text: said, kind: given, .. }) => {
                text == said && kind == given
            }
            (Proposed::Post { room, name, lines }, Change::Post(post)) => {
                *name == *post.name.shown
                    && super::key(room) == super::key(&post.room.shown)
                    && lines.iter().map(String::as_str).eq(post.lines.iter().map(|line| &**line))
            }
            (Proposed::Join { name, room, follow, account, .. }, Change::Join(join)) => {
                let follows = join.follow.iter().map(place_name);
                *name == *join.name.shown
                    && *room == place_name(&join.place)
                    && follows.eq(follow.iter().cloned())
                    && account.is_some() == join.account.is_some()
            }
            (Proposed::Topic { text, .. }, Change::Topic { text: set, .. }) => text.as_deref() == set.as_deref(),
            (Proposed::Away { text, .. }, Change::Away { text: set, .. }) => text.as_deref() == set.as_deref(),
            (Proposed::Rename { name, account, .. }, Change::Rename { to, .. }) => {
                *name == *to.name.shown && account.is_some() == to.account.is_some()
            }
            (Proposed::Register { password, has_keys, .. }, Change::Register { register, .. }) => {
                *register.verifier == verifier(password) && is_scram(register.scram.as_deref(), *has_keys, password)
            }
            (
                Proposed::SetPassword { password, has_keys, .. },
                Change::SetPassword { verifier: made, scram: keys, .. },
            ) => **made == verifier(password) && is_scram(keys.as_deref(), *has_keys, password),
            (Proposed::SetKeys { password, .. }, Change::SetScram(set)) => {
                *set.verifier == verifier(password) && *set.scram == scram(password)
            }
            (Proposed::Leave { cause, .. }, Change::Leave { cause: given, .. }) => cause == given,
            (Proposed::Tag { tags, .. }, Change::Tag { tags: given, .. }) => **tags == **given,
            (Proposed::Introduce { real_name, .. }, Change::SetIdentity { real_name: given, .. }) => {
                Some(&**real_name) == given.as_deref()
            }
            (Proposed::Move { room, key, .. }, Change::Move { place, key: given, .. })
            | (Proposed::Follow { room, key, .. }, Change::Follow { place, key: given, .. }) => {
                super::key(room) == super::key(&place_name(place)) && key.as_deref() == given.as_deref()
            }
            (Proposed::Kick { room, name, why, .. }, Change::Kick { kick, .. }) => {
                room.is_some() == kick.room.is_some() && *name == kick.name && why.as_deref() == kick.reason.as_deref()
            }
            (Proposed::Ban { who, name, minutes, .. }, Change::Ban(ban)) => {
                name.as_deref() == ban.name.as_deref()
                    && *minutes == ban.minutes
                    && who.is_some() == ban.member.is_some()
            }
            (Proposed::Mute { name, minutes, .. }, Change::Mute { mute, .. }) => {
                *name == mute.name && *minutes == mute.minutes
            }
            (Proposed::Restrict { kind, name, minutes, .. }, Change::Restrict { restrict, .. }) => {
                is_kind(*kind, restrict.kind) && *name == restrict.name && *minutes == restrict.minutes
            }
            (Proposed::Lift { kind, .. }, Change::Lift(lift)) => is_kind(*kind, lift.kind),
            (Proposed::Mask { mask, added, .. }, Change::SetMask { kind: MaskKind::Ban, mask: set, add, .. }) => {
                mask.text() == set.text() && added == add
            }
            (Proposed::Set { setting, value, .. }, Change::Set { setting: set, .. }) => {
                *setting == set.name() && *value == value_of(set)
            }
            (Proposed::Role { role, given, .. }, Change::RoomRole { change, .. }) => {
                let named = if *role { RoomRole::Operator } else { RoomRole::Voice };
                *change == if *given { RoleChange::Give(named) } else { RoleChange::Take(named) }
            }
            (Proposed::Moderator { given, .. }, Change::Moderator { given: made, .. }) => given == made,
            (Proposed::Delete { name, ids, .. }, Change::Delete(delete)) => *name == delete.name && *ids == delete.ids,
            (Proposed::Unfollow { reason, .. }, Change::Unfollow { reason: given, .. }) => {
                reason.as_deref() == given.as_deref()
            }
            (Proposed::Invite { .. }, Change::Invite { .. })
            | (Proposed::Unregister { .. }, Change::Unregister { .. })
            | (Proposed::Unban { .. }, Change::Unban { .. })
            | (Proposed::Unmute { .. }, Change::Unmute { .. }) => true,
            _ => false,
        }
    }
}

/// Whether these are the keys of a password, or none if there should be none.
fn is_scram(made: Option<&str>, has_keys: bool, password: &str) -> bool {
    made == has_keys.then(|| scram(password)).as_deref()
}

fn place_name(place: &Place) -> String {
    match place {
        Place::Lobby => "lobby".into(),
        Place::Nowhere => String::new(),
        Place::Named(name) => name.shown.to_string(),
    }
}

fn is_kind(kind: Kind, given: RestrictionKind) -> bool {
    (kind == Kind::Mute) == (given == RestrictionKind::Mute)
}

fn value_of(setting: &Setting) -> Option<Value> {
    match (setting, setting.number()) {
        (Setting::Key(key), _) => key.as_ref().map(|key| Value::Word(key.to_string())),
        (_, Some(number)) => Some(Value::Number(number)),
        _ => setting.is_on().then_some(Value::On),
    }
}

impl Oracle {
    /// Proposes a change, unless it is not allowed now.
    pub(super) fn propose_or_refuse(&mut self, proposed: Proposed, now: Now) {
        match (self.refusal(&proposed, now), proposed.actor()) {
            (None, _) => self.propose(proposed),
            (Some(refusal), Some(actor)) => {
                self.count_refusal(&proposed, &refusal);
                self.answer_to(actor, &refusal);
            }
            (Some(refusal), None) => panic!("{proposed:?} is refused: {refusal}"),
        }
    }

    /// A program posts lines in a room; `false` if they are refused at once.
    pub fn post(&mut self, room: &str, name: &str, lines: Vec<String>, now: Now) -> bool {
        let proposed = Proposed::Post { room: room.into(), name: name.into(), lines };
        let is_allowed = !self.ending && self.refusal(&proposed, now).is_none();
        if is_allowed {
            self.propose(proposed);
        }
        is_allowed
    }

    fn count_refusal(&mut self, proposed: &Proposed, refusal: &str) {
        let keeps_out = ["You are banned from", "needs a key", "is not the key", "is invite-only", "is full ("];
        match proposed {
            Proposed::Say { .. } => self.counts.refused_speech += 1,
            Proposed::Topic { .. } => {
                let silences = [" is moderated: ", "slow mode", "You are muted in"];
                self.counts.refused_topics += usize::from(silences.iter().any(|words| refusal.contains(words)));
            }
            Proposed::Kick { .. } | Proposed::Restrict { .. } | Proposed::Ban { .. } | Proposed::Unban { .. } => {
                let reasons = ["! That is you.", "! Only the operator of the server can do that."];
                self.counts.refused_acts += usize::from(reasons.contains(&refusal));
            }
            Proposed::Join { .. } | Proposed::Rename { .. } => {
                self.counts.alike_names += usize::from(refusal.contains(" looks like "));
            }
            Proposed::Invite { .. } => self.counts.refused_acts += usize::from(refusal.contains(" is banned from ")),
            Proposed::Move { .. } | Proposed::Follow { .. } => {
                let empty = self.rooms.iter().skip(1).flatten().any(|room| room.members.is_empty());
                self.counts.kept_rooms += usize::from(empty && refusal.contains(" rooms already"));
                self.note_room_name(refusal);
                self.counts.kept_out += usize::from(keeps_out.iter().any(|words| refusal.contains(words)));
            }
            _ => {}
        }
    }

    /// Counts a refusal of a room that is about its name.
    pub(super) fn note_room_name(&mut self, refusal: &str) {
        let is_name = refusal.starts_with("! The name ");
        self.counts.alike_rooms += usize::from(is_name && refusal.contains(" looks like "));
        self.counts.unfit_names += usize::from(is_name && refusal.contains(" mixes "));
    }

    /// A public change is proposed.
    pub(super) fn propose(&mut self, proposed: Proposed) {
        let session = match &proposed {
            Proposed::Join { who, .. } => Some(*who),
            proposed => proposed.actor().filter(|&actor| actor != OPERATOR).map(|_| self.speaker),
        };
        if let Some(session) = session {
            match proposed.is_message() {
                true => self.readers[session].uncommitted_messages += 1,
                false => self.readers[session].uncommitted_changes += 1,
            }
        }
        self.proposed.push_back((session, proposed));
    }

    /// The server has committed a change: it must be the one that was proposed first.
    ///
    /// `time` is the time of the change, `now` that at which it is applied.
    pub(super) fn commit(&mut self, change: &Change, is_applied: bool, time: Now, now: Now) {
        let (session, proposed) =
            self.proposed.pop_front().unwrap_or_else(|| panic!("no session has proposed {change:?}"));
        assert!(proposed.is_like(change), "{proposed:?} should be committed, and not {change:?}");
        if let Some(session) = session {
            match proposed.is_message() {
                true => self.readers[session].uncommitted_messages -= 1,
                false => {
                    self.readers[session].uncommitted_changes -= 1;
                    self.readers[session].committed_at = now.at;
                }
            }
        }
        let session = session.filter(|&session| self.readers[session].stage != ReaderStage::Gone);
        match self.refusal(&proposed, time) {
            Some(refusal) => {
                assert!(!is_applied, "{proposed:?} is carried out although it is not allowed: {refusal}");
                self.counts.refused += 1;
                self.count_refusal(&proposed, &refusal);
                if proposed.actor() == Some(OPERATOR) {
                    self.send_to_console(&refusal);
                }
                if let Proposed::Post { .. } = proposed {
                    self.posted.push_back(None);
                }
                session.into_iter().for_each(|session| self.send_line(session, &refusal));
                match (session, proposed) {
                    (Some(session), Proposed::Join { .. }) if self.is_irc(session) => self.irc_forget_nick(session),
                    (Some(session), Proposed::Join { account: Some(_), .. }) => self.ask_for_name(session),
                    _ => {}
                }
            }
            None => {
                assert!(is_applied, "{proposed:?} is refused although it is allowed");
                let newcomer = if let Proposed::Join { who, .. } = proposed { Some(who) } else { None };
                self.carry_out(session, proposed, time);
                newcomer.into_iter().for_each(|who| self.readers[who].active = now.at);
            }
        }
        self.irc_continue(now);
        while self.proposed.is_empty()
            && let Some(session) = self.registering.pop_front()
        {
            self.irc_register(session);
        }
    }

    /// The reason why a change cannot be carried out now.
    pub(super) fn refusal(&self, proposed: &Proposed, now: Now) -> Option<String> {
        let gone = |who: usize| (!self.members[who].is_member).then(|| "! Nobody here is called .".to_owned());
        match *proposed {
            Proposed::Join { ref name, account, .. } => self.refuse_login(name, account),
            Proposed::Move { who, ref room, ref key } => {
                gone(who).or_else(|| self.refuse_room(who, room, key.as_deref(), now))
            }
            Proposed::Follow { who, ref room, ref key } => {
                gone(who).or_else(|| self.refuse_following(who, room, key.as_deref(), now))
            }
            Proposed::Unfollow { who, room, .. } => gone(who).or_else(|| self.refuse_unfollowing(who, room)),
            Proposed::Topic { who, room, .. } => self.refuse_topic(who, room, now),
            Proposed::Away { who, .. } | Proposed::Leave { who, .. } | Proposed::Introduce { who, .. } => gone(who),
            Proposed::Tag { who, room, .. } => gone(who).or_else(|| self.refuse_absent(who, room)).or_else(|| {
                // Slow mode does not count tags.
                self.refuse_speech(who, room, now).filter(|refusal| !refusal.contains(" is in slow mode"))
            }),
            Proposed::Say { author: OPERATOR, .. } => None,
            Proposed::Say { author, room, .. } => gone(author)
                .or_else(|| self.refuse_absent(author, room))
                .or_else(|| self.refuse_speech(author, room, now)),
            Proposed::Post { ref room, .. } => {
                self.find_room(room).is_none().then(|| format!("! There is no room {room}."))
            }
            Proposed::Rename { who, ref name, account, .. } => {
                gone(who).or_else(|| self.refuse_name(who, &self.members[who].name, name, account))
            }
            Proposed::Register { who, .. } => gone(who).or_else(|| self.refuse_registration(who)),
            Proposed::SetPassword { account, .. } => self.refuse_removed(account),
            Proposed::SetKeys { account, ref password } => self.refuse_keys(account, password),
            Proposed::Unregister { by, account } => self.refuse_removal(by, account),
            Proposed::Kick { by, who, room: Some(room), ref name, .. } => self.refuse_room_kick(by, who, room, name),
            Proposed::Kick { by, who, ref name, .. } | Proposed::Mute { by, who, ref name, .. } => {
                self.refuse_act(by, who, name)
            }
            Proposed::Ban { by, who: Some(who), ref name, .. } => {
                self.refuse_act(by, who, name.as_deref().unwrap_or_default())
            }
            Proposed::Ban { by, who: None, .. } => self.permit(by, Rank::Operator, None),
            Proposed::Unban { by, ip } => {
                let least = if self.is_banned_by_address(ip, now) { Rank::Operator } else { Rank::Moderator };
                self.permit(by, least, None)
            }
            Proposed::Unmute { by, .. } => self.permit(by, Rank::Moderator, None),
            Proposed::Restrict { by, who, room, kind, ref name, .. } => {
                self.refuse_restriction(by, who, room, kind, name, now)
            }
            Proposed::Lift { by, room, .. } => {
                self.permit(by, Rank::RoomOperator, Some(room)).or_else(|| self.refuse_gone(room))
            }
            Proposed::Mask { by, room, ref mask, added } => self.refuse_mask(by, room, mask, added),
            Proposed::Set { by, room, setting, ref value } => self.refuse_setting(by, room, setting, value),
            Proposed::Invite { by, who, room } => self.refuse_invitation(by, who, room, now),
            Proposed::Role { by, who, room, role, given } => self.refuse_role(by, who, room, role, given),
            Proposed::Moderator { who, given } => self.refuse_moderator(who, given),
            Proposed::Delete { by, room, ref ids, .. } => self.refuse_deletion(by, room, ids),
        }
    }

    /// Carries a change out; `session` is the one that has proposed it.
    fn carry_out(&mut self, session: Option<usize>, proposed: Proposed, now: Now) {
        match proposed {
            Proposed::Join { who, name, room, follow, account } => {
                let has_member = account.and_then(|account| self.accounts[account].as_ref()?.member);
                let member = match has_member {
                    Some(member) => self.log_in_again(who, session, member, now),
                    None => self.log_in(who, session, name, account, (&room, &follow), now),
                };
                if session.is_none() {
                    // Its session has ended in the meantime.
                    self.propose(Proposed::Leave { who: member, cause: Cause::ConnectionLost });
                }
            }
            Proposed::Move { who, room, key } => {
                let room = self.open(&room, who, now).expect("a room that can be opened");
                self.note_key(who, room, key);
                self.go(who, room, "", now);
            }
            Proposed::Follow { who, room, key } => {
                let room = self.open(&room, who, now).expect("a room that can be opened");
                self.note_key(who, room, key);
                self.commit_follow(who, room, Replay::ALL, now);
            }
            Proposed::Unfollow { who, room, reason } => {
                let is_silent = self.is_muted(who, now) || self.refuse_speech(who, room, now).is_some();
                self.counts.dropped_reasons += usize::from(is_silent && reason.is_some());
                self.irc_parted(who, room, reason.as_deref().filter(|_| !is_silent), now);
                self.commit_unfollow(who, room, None, now);
            }
            Proposed::Topic { who, room, text } => self.commit_topic(who, room, text, now),
            Proposed::Away { who, text } => self.commit_away(who, text, now),
            Proposed::Leave { who, cause } => self.leave(who, &cause, now),
            Proposed::Tag { who, room, tags } => self.irc_tagged(who, room, &tags, now),
            Proposed::Introduce { who, real_name } => self.irc_introduced(who, &real_name, now),
            Proposed::Say { author, room, kind, text } => self.say(author, session, room, kind, &text, now),
            Proposed::Post { room, name, lines } => self.commit_post(&room, &name, &lines, now),
            Proposed::Rename { who, name, account, ip } => self.set_name(who, &name, account, ip, now),
            Proposed::Register { who, password, has_keys, ip } => {
                self.commit_registration(who, password, has_keys, ip, now);
            }
            Proposed::SetPassword { account, password, has_keys, .. } => {
                self.commit_password(account, password, has_keys);
            }
            Proposed::SetKeys { account, .. } => self.commit_keys(account),
            Proposed::Unregister { by, account } => self.commit_removal(by, account),
            Proposed::Kick { by, who, room: Some(room), why, .. } => {
                self.commit_room_kick(by, who, room, why.as_deref(), now);
            }
            Proposed::Kick { by, who, why, .. } => self.commit_kick(by, who, why.as_deref(), now),
            Proposed::Ban { by, ip, name, minutes, .. } => self.commit_ban(by, ip, name, minutes, now),
            Proposed::Unban { by, ip } => self.commit_unban(by, ip, now),
            Proposed::Mute { by, who, ip, minutes, .. } => self.commit_mute(by, who, ip, minutes, now),
            Proposed::Unmute { by, key } => self.commit_unmute(by, &key, now),
            Proposed::Restrict { by, who, room, kind, minutes, .. } => {
                self.commit_restriction(by, who, room, kind, minutes, now);
            }
            Proposed::Lift { by, room, kind, key } => self.commit_lift(by, room, kind, &key, now),
            Proposed::Mask { by, room, mask, added } => self.commit_mask(by, room, mask, added, now),
            Proposed::Set { by, room, setting, value } => self.commit_setting(by, room, setting, value, now),
            Proposed::Invite { by, who, room } => self.commit_invitation(by, who, room, now),
            Proposed::Role { by, who, room, role, given } => self.commit_role(by, who, room, role, given, now),
            Proposed::Moderator { who, given } => self.commit_moderator(who, given),
            Proposed::Delete { by, room, name, ids } => self.commit_deletion(by, room, &name, &ids, now),
        }
    }

    /// Counts a member that enters a room with its key.
    fn note_key(&mut self, who: usize, room: usize, given: Option<String>) {
        let is_needed = self.rank(who, Some(room)) < Rank::RoomOperator && !self.is_in(who, room);
        let is_right = given.is_some_and(|given| self.rules(room).settings.get("key") == Some(&Value::Word(given)));
        self.counts.entered_with_key += usize::from(is_needed && is_right);
    }
}
