//! Kicks, bans and shadow mutes on the server, of the operator and of moderators.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use super::committing::Proposed;
use super::masks::Mask;
use super::restrictions::Kind;
use super::roles::Rank;
use super::rules::{count, minutes_left};
use super::talking::split;
use super::{Member, OPERATOR, Oracle, Reader, key};
use crate::chat::{Cause, Network, Now};

/// A mute, also of a member who has left.
pub struct Mute {
    name: String,
    /// The keys of all names since the mute began; the last is that of `name`.
    keys: Vec<String>,
    ip: IpAddr,
    pub who: Option<usize>,
    /// Its account; the mute waits for that then, whatever the name and the address.
    account: Option<usize>,
    until: Option<Duration>,
}

/// The ban of an address: its end, and the name that was given instead of the address.
pub struct Ban {
    until: Option<Duration>,
    name: Option<String>,
}

impl Ban {
    fn holds(&self, now: Now) -> bool {
        self.until.is_none_or(|until| until > now.at)
    }
}

impl Mute {
    fn holds(&self, now: Now) -> bool {
        self.until.is_none_or(|until| until > now.at)
    }

    /// Whether a new member of that name and address is the muted one who has left.
    fn awaits(&self, key: &String, ip: IpAddr) -> bool {
        self.who.is_none() && self.account.is_none() && self.ip == ip && self.keys.contains(key)
    }

    fn is_called(&self, key: &str) -> bool {
        self.keys.last().is_some_and(|last| last == key)
    }

    fn rename(&mut self, name: String, key: String) {
        self.name = name;
        self.keys.retain(|old| *old != key);
        self.keys.push(key);
    }
}

pub(super) fn for_another(minutes: Option<u64>) -> String {
    minutes.map(|minutes| format!(" for another {}", count(minutes, "minute"))).unwrap_or_default()
}

/// Parses an optional number of minutes; `None` if it is no such number.
pub(super) fn read_minutes(text: &str) -> Option<Option<u64>> {
    match text.trim() {
        "" => Some(None),
        text => text.parse().ok().filter(|minutes| (1..=1_000_000_000).contains(minutes)).map(Some),
    }
}

/// The end of the mute that lasts longest.
fn longest(mutes: &[Mute]) -> Option<Duration> {
    let is_endless = mutes.iter().any(|mute| mute.until.is_none());
    mutes.iter().filter_map(|mute| mute.until).max().filter(|_| !is_endless)
}

fn later(minutes: Option<u64>, now: Now) -> Option<Duration> {
    minutes.map(|minutes| now.at + Duration::from_secs(60 * minutes))
}

impl Oracle {
    pub(super) fn is_banned(&self, ip: IpAddr, now: Now) -> bool {
        self.is_banned_by_configuration(ip) || self.has_ban(ip, now)
    }

    /// Whether the operator or a moderator has banned an address.
    fn has_ban(&self, ip: IpAddr, now: Now) -> bool {
        self.bans.get(&ip).is_some_and(|ban| ban.holds(now))
    }

    /// The banned addresses, the lowest first.
    pub(super) fn banned_addresses(&self, now: Now) -> impl Iterator<Item = IpAddr> {
        let banned: BTreeSet<IpAddr> = self.bans.keys().copied().filter(|&ip| self.has_ban(ip, now)).collect();
        banned.into_iter()
    }

    /// Whether an address is banned, and was given as such and not by the name of a member.
    pub(super) fn is_banned_by_address(&self, ip: IpAddr, now: Now) -> bool {
        self.bans.get(&ip).is_some_and(|ban| ban.holds(now) && ban.name.is_none())
    }

    /// Whether a command is one of those about kicks, bans and mutes.
    pub(super) fn is_moderation(word: &str) -> bool {
        ["/kick", "/ban", "/unban", "/bans", "/mute", "/unmute", "/mutes"].contains(&word)
    }

    /// `/kick`, `/ban`, `/unban`, `/bans`, `/mute`, `/unmute`, `/mutes`: in one room or on the server.
    pub(super) fn moderate(&mut self, by: usize, word: &str, rest: &str, now: Now) {
        let (named, rest) = match self.governed_room(by, rest.trim()) {
            Ok(found) => found,
            Err(refusal) => return self.answer_to(by, &refusal),
        };
        let acts_on_server = named.is_none() && self.rank(by, None) >= Rank::Moderator;
        let room = (!acts_on_server).then(|| named.unwrap_or(self.current_room(by)));
        let least = if acts_on_server { Rank::Moderator } else { Rank::RoomOperator };
        if let Some(refusal) = self.permit(by, least, room) {
            return self.answer_to(by, &refusal);
        }
        let kind = if word.contains("mute") { Kind::Mute } else { Kind::Ban };
        match (word, room) {
            ("/kick", room) => self.kick(by, room, rest, now),
            ("/ban" | "/unban", Some(room)) if Mask::is_meant_by(split(rest).0) => {
                self.set_mask(by, room, rest, word == "/ban", now);
            }
            ("/ban" | "/mute", Some(room)) => self.restrict(by, room, kind, rest, now),
            ("/unban" | "/unmute", Some(room)) => self.lift(by, room, kind, rest, now),
            (_, Some(room)) => self.list_restrictions(by, room, kind, rest, now),
            ("/ban", None) => self.ban(by, rest, now),
            ("/unban", None) => self.unban(by, rest, now),
            ("/bans", None) => self.list_bans(by, rest, now),
            ("/mute", None) => self.mute(by, rest, now),
            ("/unmute", None) => self.unmute(by, rest, now),
            (_, None) => self.list_mutes(by, rest, now),
        }
    }

    fn kick(&mut self, by: usize, room: Option<usize>, rest: &str, now: Now) {
        let (name, why) = split(rest);
        if name.is_empty() {
            return self.answer_to(by, "! Usage: /kick name [reason]");
        }
        if room == Some(0) {
            return self.answer_to(by, "! That does not apply to lobby.");
        }
        let Some(who) = self.find(name) else {
            return self.answer_to(by, &format!("! Nobody here is called {name}."));
        };
        let why = Some(why.trim()).filter(|why| !why.is_empty()).map(String::from);
        self.propose_or_refuse(Proposed::Kick { by, who, room, name: name.into(), why }, now);
    }

    /// The reason why a member cannot be kicked from the server, or muted.
    pub(super) fn refuse_act(&self, by: usize, who: usize, typed: &str) -> Option<String> {
        let gone = || (!self.members[who].is_member).then(|| format!("! Nobody here is called {typed}."));
        self.permit(by, Rank::Moderator, None).or_else(gone).or_else(|| self.refuse_protected(by, who))
    }

    /// Answers the member that has acted on the server; of a moderator the operator reads, too.
    fn answer_act(&mut self, by: usize, own: &str, told: &str) {
        self.note_act(by);
        if by == OPERATOR {
            return self.send_to_console(&format!("* {own}"));
        }
        self.send_line_to_sessions(by, &format!("* {own}"));
        self.send_to_console(&format!("* {told}"));
    }

    /// A member is kicked. If it has sessions, its removal follows when the last one ends.
    pub(super) fn commit_kick(&mut self, by: usize, who: usize, why: Option<&str>, now: Now) {
        let end = why.map_or(".".into(), |why| format!(": {why}"));
        let mut actor = "the operator".to_owned();
        if by != OPERATOR {
            actor = self.actor_name(by);
            self.note_act(by);
            let name = self.members[who].name.clone();
            self.send_to_console(&format!("* {name} is kicked by {actor}{end}"));
        }
        let cause = Cause::Kicked(why.map(Box::from));
        if !self.has_session(who) {
            return self.remove(who, &cause, now);
        }
        for session in self.sessions(who) {
            self.irc_killed(session, by, why, now);
            self.send_line(session, &format!("* You were kicked by {actor}{end}"));
            self.readers[session].due = Some(cause.clone());
        }
        self.members[who].kicked = Some((cause, now));
    }

    fn ban(&mut self, by: usize, rest: &str, now: Now) {
        let (what, minutes) = split(rest);
        let minutes = match read_minutes(minutes) {
            Some(minutes) if !what.is_empty() => minutes,
            _ => return self.answer_to(by, "! Usage: /ban ADDRESS|name [minutes]"),
        };
        if let Ok(ip) = what.parse() {
            return self.propose_or_refuse(Proposed::Ban { by, who: None, ip, name: None, minutes }, now);
        }
        let Some(who) = self.present(what) else {
            return self.answer_to(by, &format!("! Nobody here is called {what}."));
        };
        let name = self.members[who].name.clone();
        let ips = self.addresses(who);
        let shares =
            |reader: &&Reader| reader.member.is_some_and(|member| member != who) && ips.contains(&reader.addr.ip());
        let others = self.readers.iter().filter(shares).count();
        if others == 0 {
            for ip in ips {
                let name = Some(name.clone());
                self.propose_or_refuse(Proposed::Ban { by, who: Some(who), ip, name, minutes }, now);
            }
            return;
        }
        self.counts.shared_addresses += 1;
        let (who_shares, all) = match others {
            1 => ("1 other shares".to_owned(), "both"),
            others => (format!("{others} others share"), "them all"),
        };
        let way_out = match (by, ips.first()) {
            (OPERATOR, Some(ip)) if ips.len() == 1 => format!("/ban {ip} bans {all}."),
            _ => "the operator can ban the address.".into(),
        };
        let refusal = format!("! {who_shares} the address of {name}. /mute {name} is about {name} alone; {way_out}");
        self.answer_to(by, &refusal);
    }

    pub(super) fn commit_ban(&mut self, by: usize, ip: IpAddr, name: Option<String>, minutes: Option<u64>, now: Now) {
        self.bans.insert(ip, Ban { until: later(minutes, now), name: name.clone() });
        let (left, actor) = (for_another(minutes), self.actor_name(by));
        let both = name.as_ref().map_or(ip.to_string(), |name| format!("{ip} ({name})"));
        let shown = name.filter(|_| by != OPERATOR).unwrap_or(ip.to_string());
        self.answer_act(by, &format!("{shown} is banned{left}."), &format!("{both} is banned by {actor}{left}."));
    }

    fn unban(&mut self, by: usize, what: &str, now: Now) {
        if what.is_empty() {
            return self.answer_to(by, "! Usage: /unban ADDRESS|name");
        }
        if let Ok(network) = what.parse::<Network>()
            && by == OPERATOR
            && self.config.bans.contains(&network)
        {
            let refusal = format!("! {network} is banned in the configuration; change it there and /reload.");
            return self.answer_to(by, &refusal);
        }
        let by_address = what.parse().ok().filter(|&ip| by == OPERATOR && self.has_ban(ip, now));
        let is_meant = |ban: &Ban| ban.holds(now) && ban.name.as_ref().is_some_and(|name| key(name) == key(what));
        let mut banned: Vec<IpAddr> = match by_address {
            Some(ip) => vec![ip],
            None => self.bans.iter().filter(|(_, ban)| is_meant(ban)).map(|(ip, _)| *ip).collect(),
        };
        banned.sort();
        if banned.is_empty() {
            self.answer_to(by, &format!("! {what} is not a banned address. /bans lists them."));
        }
        for ip in banned {
            self.propose_or_refuse(Proposed::Unban { by, ip }, now);
        }
    }

    pub(super) fn commit_unban(&mut self, by: usize, ip: IpAddr, now: Now) {
        let Some(ban) = self.bans.remove(&ip).filter(|ban| ban.holds(now)) else { return };
        let (shown, actor) = (ban.name.filter(|_| by != OPERATOR).unwrap_or(ip.to_string()), self.actor_name(by));
        self.answer_act(
            by,
            &format!("{shown} is no longer banned."),
            &format!("{actor} decided that {ip} is no longer banned."),
        );
    }

    fn list_bans(&mut self, asker: usize, page: &str, now: Now) {
        let mut bans: Vec<_> = self.bans.iter().filter(|(_, ban)| ban.holds(now)).collect();
        bans.sort_by_key(|(ip, _)| **ip);
        let describe = |(ip, ban): (&IpAddr, &Ban)| {
            let left = for_another(minutes_left(ban.until, now));
            match (&ban.name, asker) {
                (Some(name), OPERATOR) => Some(format!("* {ip} ({name}) is banned{left}.")),
                (None, OPERATOR) => Some(format!("* {ip} is banned{left}.")),
                (Some(name), _) => Some(format!("* {name} is banned{left}.")),
                (None, _) => None,
            }
        };
        let configured = self.config.bans.iter().filter(|_| asker == OPERATOR);
        let configured = configured.map(|network| format!("* {network} is banned (configuration)."));
        let lines = bans.into_iter().filter_map(describe).chain(configured).collect();
        self.show_page(asker, "/bans", page, lines, "* Nobody is banned.");
    }

    fn mute(&mut self, by: usize, rest: &str, now: Now) {
        let (name, minutes) = split(rest);
        let minutes = match read_minutes(minutes) {
            Some(minutes) if !name.is_empty() => minutes,
            _ => return self.answer_to(by, "! Usage: /mute name [minutes]"),
        };
        match self.present(name) {
            Some(who) => {
                let ip = *self.addresses(who).first().expect("a session");
                self.propose_or_refuse(Proposed::Mute { by, who, name: name.into(), ip, minutes }, now);
            }
            None => self.answer_to(by, &format!("! Nobody here is called {name}.")),
        }
    }

    /// The addresses of a member.
    fn addresses(&self, who: usize) -> BTreeSet<IpAddr> {
        self.members[who].sessions.iter().map(|&session| self.readers[session].addr.ip()).collect()
    }

    pub(super) fn commit_mute(&mut self, by: usize, who: usize, ip: IpAddr, minutes: Option<u64>, now: Now) {
        let Member { name, key, account, .. } = &self.members[who];
        let (name, key, account) = (name.clone(), key.clone(), *account);
        let (left, actor) = (for_another(minutes), self.actor_name(by));
        self.answer_act(by, &format!("{name} is muted{left}."), &format!("{name} is muted by {actor}{left}."));
        self.mutes.retain(|mute| mute.holds(now) && !mute.awaits(&key, ip));
        let own = self.mutes.iter().position(|mute| mute.who == Some(who));
        let keys = own.map(|place| self.mutes.remove(place).keys).unwrap_or_default();
        let mut mute = Mute { name: String::new(), keys, ip, who: Some(who), account, until: later(minutes, now) };
        mute.rename(name, key);
        self.mutes.push(mute);
    }

    fn list_mutes(&mut self, asker: usize, page: &str, now: Now) {
        self.mutes.retain(|mute| mute.holds(now));
        let describe = |mute: &Mute| format!("* {} is muted{}.", mute.name, for_another(minutes_left(mute.until, now)));
        let lines = self.mutes.iter().map(describe).collect();
        self.show_page(asker, "/mutes", page, lines, "* Nobody is muted.");
    }

    /// Shows a page of a list.
    pub(super) fn show_page(&mut self, asker: usize, command: &str, page: &str, lines: Vec<String>, empty: &str) {
        let most = self.config.max_listed;
        let pages = lines.len().div_ceil(most).max(1);
        let page = if page.trim().is_empty() { Ok(1) } else { page.trim().parse() };
        let Some(page) = page.ok().filter(|page| (1..=pages).contains(page)) else {
            return self.answer_to(asker, &format!("! Usage: {command} n, with n from 1 to {pages}"));
        };
        if lines.is_empty() {
            self.answer_to(asker, empty);
        }
        lines.iter().skip((page - 1) * most).take(most).for_each(|line| self.answer_to(asker, line));
        if page < pages {
            let next = page + 1;
            let line = format!("* --- page {page} of {pages}; {command} {next} shows the next one ---");
            self.answer_to(asker, &line);
        } else if pages > 1 {
            self.answer_to(asker, &format!("* --- page {page} of {pages} ---"));
        }
    }

    fn unmute(&mut self, by: usize, name: &str, now: Now) {
        let is_muted = self.mutes.iter().any(|mute| mute.holds(now) && mute.is_called(&key(name)));
        match name {
            "" => self.answer_to(by, "! Usage: /unmute name"),
            name if is_muted => self.propose_or_refuse(Proposed::Unmute { by, key: key(name) }, now),
            name => self.answer_to(by, &format!("! {name} is not muted. /mutes lists who is.")),
        }
    }

    pub(super) fn commit_unmute(&mut self, by: usize, key: &str, now: Now) {
        if let Some(place) = self.mutes.iter().position(|mute| mute.holds(now) && mute.is_called(key)) {
            let (name, actor) = (self.mutes[place].name.clone(), self.actor_name(by));
            self.mutes.retain(|mute| mute.holds(now) && !mute.is_called(key));
            self.answer_act(
                by,
                &format!("{name} is no longer muted."),
                &format!("{actor} decided that {name} is no longer muted."),
            );
        }
    }

    /// Whether a member's messages are hidden from the others.
    pub(super) fn is_muted(&self, who: usize, now: Now) -> bool {
        self.mutes.iter().any(|mute| mute.who == Some(who) && mute.holds(now))
    }

    /// A new member has the name and address of a muted one who has left: the mute applies again.
    pub(super) fn take_mute_over(&mut self, who: usize, ip: IpAddr, now: Now) {
        let Member { name, key, .. } = &self.members[who];
        let same: Vec<Mute> = self.mutes.extract_if(.., |mute| mute.awaits(key, ip) && mute.holds(now)).collect();
        let until = longest(&same);
        if let Some(mut mute) = same.into_iter().next() {
            mute.rename(name.clone(), key.clone());
            self.mutes.push(Mute { who: Some(who), until, ..mute });
        }
    }

    /// A member has logged in as an account: it is muted if the account is, and a mute of the member holds for the account.
    pub(super) fn adopt_mute(&mut self, who: usize, account: usize, now: Now) {
        let is_meant = |mute: &mut Mute| mute.who == Some(who) || mute.account == Some(account);
        let own: Vec<Mute> = self.mutes.extract_if(.., is_meant).filter(|mute| mute.holds(now)).collect();
        let until = longest(&own);
        if let Some(mute) = own.into_iter().next() {
            self.mutes.push(Mute { who: Some(who), account: Some(account), until, ..mute });
        }
    }

    /// An account is removed: its mute holds for its member, if it has one.
    pub(super) fn forget_mute(&mut self, account: usize, ip: Option<IpAddr>) {
        self.mutes.retain(|mute| mute.account != Some(account) || mute.who.is_some());
        for mute in self.mutes.iter_mut().filter(|mute| mute.account == Some(account)) {
            (mute.account, mute.ip) = (None, ip.unwrap_or(mute.ip));
        }
    }

    /// A member's mute follows a change of the name.
    pub(super) fn rename_mute(&mut self, who: usize, ip: IpAddr, now: Now) {
        if !self.is_muted(who, now) {
            return self.take_mute_over(who, ip, now);
        }
        let (name, key) = (self.members[who].name.clone(), self.members[who].key.clone());
        self.mutes.retain(|mute| !mute.awaits(&key, ip));
        for mute in self.mutes.iter_mut().filter(|mute| mute.who == Some(who)) {
            mute.rename(name.clone(), key.clone());
        }
    }
}
