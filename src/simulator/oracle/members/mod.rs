//! Members and their sessions.

pub(super) mod accounts;
pub(super) mod away;
pub(super) mod entering;
pub(super) mod leaving;
pub(super) mod logins;
pub(super) mod lookalikes;
pub(super) mod member;
pub(super) mod naming;
pub(super) mod passwords;

use std::collections::HashMap;
use std::net::IpAddr;

use crate::chat::{Cause, Now};
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::irc::vocabulary::Identity;
use crate::simulator::oracle::members::member::{Account, Member};
use crate::simulator::oracle::rooms::rules::Holder;
use crate::simulator::oracle::words::{OPERATOR, ReaderStage, key};

impl Oracle {
    /// Who has the roles and restrictions of a member.
    pub(super) fn holder(&self, who: usize) -> Holder {
        match who {
            OPERATOR => Holder::Member(OPERATOR),
            who => self.members[who].account.map_or(Holder::Member(who), Holder::Account),
        }
    }

    /// The names of all members.
    pub fn member_names(&self) -> Vec<String> {
        let members = self.members.iter().filter(|member| member.is_member);
        members.map(|member| member.name.clone()).collect()
    }

    /// The names of the rooms of a session's member.
    pub fn own_rooms(&self, session: usize) -> Vec<String> {
        let member = self.readers[session].member;
        member.into_iter().flat_map(|member| self.rooms_of(member)).map(|room| self.room_name(room)).collect()
    }

    /// Whether a member has a session.
    pub(super) fn has_session(&self, who: usize) -> bool {
        !self.members[who].sessions.is_empty()
    }

    /// The sessions of a member, in the order of their logins.
    pub(super) fn sessions(&self, who: usize) -> Vec<usize> {
        self.members[who].sessions.clone()
    }

    /// Finds an account by its name.
    pub(super) fn find_account(&self, name: &str) -> Option<usize> {
        let key = key(name);
        self.accounts.iter().position(|account| account.as_ref().is_some_and(|account| account.key == key))
    }

    pub(super) fn account(&mut self, account: usize) -> &mut Account {
        self.accounts[account].as_mut().expect("an account")
    }

    /// Changes what the account of a member keeps, if it has one.
    pub(super) fn keep(&mut self, who: usize, change: impl FnOnce(&mut Account)) {
        if let Some(account) = self.members[who].account {
            change(self.account(account));
        }
    }

    /// Keeps whom a member ignores.
    pub(super) fn keep_ignored(&mut self, who: usize) {
        let names = self.members[who].ignored.iter().map(|(name, ..)| name.clone()).collect();
        self.keep(who, |account| account.ignored = names);
    }

    /// Keeps that a member follows a room, or no longer does.
    pub(super) fn keep_followed(&mut self, who: usize, room: usize, follows: bool) {
        let name = self.room_name(room);
        self.keep(who, |account| {
            let is_known = account.followed.iter().any(|followed| key(followed) == key(&name));
            match follows {
                true if !is_known => account.followed.push(name),
                true => {}
                false => account.followed.retain(|followed| key(followed) != key(&name)),
            }
        });
    }

    /// Adds a member with a new session, as the account if there is one.
    pub(super) fn add_member(&mut self, name: &str, account: Option<usize>, ip: IpAddr, now: Now) -> usize {
        self.logins += 1;
        let who = self.members.len();
        self.members.push(Member {
            name: String::new(),
            key: String::new(),
            room: 0,
            followed: Vec::new(),
            identity: Identity::plain(ip, &self.config),
            joined: self.logins,
            since: now.local,
            away: None,
            markers: HashMap::new(),
            metadata: Default::default(),
            ignored: Vec::new(),
            whisperer: None,
            is_member: true,
            is_moderator: false,
            account,
            sessions: Vec::new(),
            joins: 1,
            kicked: None,
        });
        self.take_name(who, name);
        self.most_members = self.most_members.max(self.names.len());
        let Some(account) = account else {
            self.take_mute_over(who, ip, now);
            return who;
        };
        self.counts.account_logins += 1;
        let kept = self.account(account);
        (kept.member, kept.last_ip) = (Some(who), Some(ip));
        let ignored = kept.ignored.iter().map(|name| (name.clone(), key(name), None)).collect();
        let (away, is_moderator) = (kept.away.clone(), kept.is_moderator);
        let member = &mut self.members[who];
        (member.ignored, member.away, member.is_moderator) = (ignored, away, is_moderator);
        self.adopt_mute(who, account, now);
        self.rename_mute(who, ip, now);
        who
    }

    /// Gives a session its member; returns the newest message that it has read.
    pub(super) fn begin_session(&mut self, session: usize, who: usize) -> Option<u64> {
        self.members[who].sessions.push(session);
        let reader = &mut self.readers[session];
        (reader.member, reader.prompt, reader.stage) = (Some(who), None, ReaderStage::Here);
        let after = self.take_wanted(session);
        self.readers[session].resumes = after.is_some();
        if self.is_irc(session) {
            self.irc_begin(session, who);
        }
        after
    }

    /// Separates a session from its member.
    pub(super) fn end_session(&mut self, session: usize) -> usize {
        let who = self.readers[session].member.take().expect("a member");
        self.members[who].sessions.retain(|&other| other != session);
        who
    }

    /// A session of a member has ended, which is committed: with the last one, the member leaves.
    pub(super) fn leave(&mut self, who: usize, cause: &Cause, now: Now) {
        self.members[who].joins -= 1;
        if self.members[who].joins == 0 {
            self.remove(who, cause, now);
        } else if self.has_session(who) {
            self.counts.outlived += 1;
        } else if let Some((cause, at)) = self.members[who].kicked.clone() {
            self.remove(who, &cause, at);
        }
    }

    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.names.get(&key(name)).copied()
    }

    /// The member that a whisper is for. That of an account can have another name.
    pub(super) fn recipient(&self, to: &str) -> Option<usize> {
        let of_account = || self.accounts[self.find_account(to)?].as_ref()?.member;
        self.find(to).or_else(of_account).filter(|&target| self.has_session(target))
    }

    pub(super) fn actor_name(&self, by: usize) -> String {
        if by == OPERATOR { "server".into() } else { self.members[by].name.clone() }
    }

    /// A member of that name that has a session.
    pub(super) fn present(&self, name: &str) -> Option<usize> {
        self.find(name).filter(|&who| self.has_session(who))
    }
}
