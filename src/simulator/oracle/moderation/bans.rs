//! Bans of addresses.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use crate::chat::{Network, Now};
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::committing::proposed::Proposed;
use crate::simulator::oracle::phrases::{for_another, later, minutes_left, read_minutes, split};
use crate::simulator::oracle::reader::Reader;
use crate::simulator::oracle::words::{OPERATOR, key};

/// The ban of an address: its end, and the name that was given instead of the address.
pub struct Ban {
    pub until: Option<Duration>,
    pub name: Option<String>,
}

impl Ban {
    fn holds(&self, now: Now) -> bool {
        self.until.is_none_or(|until| until > now.at)
    }
}

impl Oracle {
    pub(in crate::simulator::oracle) fn is_banned(&self, ip: IpAddr, now: Now) -> bool {
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
    pub(in crate::simulator::oracle) fn is_banned_by_address(&self, ip: IpAddr, now: Now) -> bool {
        self.bans.get(&ip).is_some_and(|ban| ban.holds(now) && ban.name.is_none())
    }

    pub(super) fn ban(&mut self, by: usize, rest: &str, now: Now) {
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

    pub(in crate::simulator::oracle) fn commit_ban(
        &mut self,
        by: usize,
        ip: IpAddr,
        name: Option<String>,
        minutes: Option<u64>,
        now: Now,
    ) {
        self.bans.insert(ip, Ban { until: later(minutes, now), name: name.clone() });
        let (left, actor) = (for_another(minutes), self.actor_name(by));
        let both = name.as_ref().map_or(ip.to_string(), |name| format!("{ip} ({name})"));
        let shown = name.filter(|_| by != OPERATOR).unwrap_or(ip.to_string());
        self.answer_act(by, &format!("{shown} is banned{left}."), &format!("{both} is banned by {actor}{left}."));
    }

    pub(super) fn unban(&mut self, by: usize, what: &str, now: Now) {
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

    pub(in crate::simulator::oracle) fn commit_unban(&mut self, by: usize, ip: IpAddr, now: Now) {
        let Some(ban) = self.bans.remove(&ip).filter(|ban| ban.holds(now)) else { return };
        let (shown, actor) = (ban.name.filter(|_| by != OPERATOR).unwrap_or(ip.to_string()), self.actor_name(by));
        self.answer_act(
            by,
            &format!("{shown} is no longer banned."),
            &format!("{actor} decided that {ip} is no longer banned."),
        );
    }

    pub(super) fn list_bans(&mut self, asker: usize, page: &str, now: Now) {
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

    /// The addresses of a member.
    pub(super) fn addresses(&self, who: usize) -> BTreeSet<IpAddr> {
        self.members[who].sessions.iter().map(|&session| self.readers[session].addr.ip()).collect()
    }
}
