//! Other settings while the server runs, and who has asked for them.

use std::time::Duration;

use log::{Level, error, info, log, warn};

use super::nodes::settings::{SHARED_OPTIONS, SharedSettings};
use super::rooms::RoomLimits;
use super::trace::TraceEvent;
use super::{Hub, OPERATOR_LOG};
use crate::chat::config::{Config, Login, Mode};
use crate::chat::event::{Event, Notice, Refusal};
use crate::chat::i18n::Lang;
use crate::chat::id::{ClientId, Now};
use crate::chat::policy::peer::is_unix;
use crate::chat::room::segment_log::Retention;
use crate::chat::session::{PendingDisconnect, Session, SessionFlags, SessionStage};

impl Hub {
    /// Takes over those settings that can change while the server runs; the others stay as they are.
    ///
    /// Free places are given to the queue in the next tick, after the disconnects.
    pub fn set_config(&mut self, config: &Config, now: Now) {
        self.trace.record(|| TraceEvent::Configured);
        let old = self.config.clone();
        let before = old.clone();
        let new = config.clone();
        self.config = Config {
            max_clients: new.max_clients,
            max_waiting: new.max_waiting,
            max_per_ip: new.max_per_ip,
            history: new.history,
            login_timeout: new.login_timeout,
            idle_timeout: new.idle_timeout,
            rate: new.rate,
            burst: new.burst,
            announce_limit: new.announce_limit,
            max_rooms: new.max_rooms,
            max_stored_rooms: new.max_stored_rooms,
            max_follow: new.max_follow,
            offline_whispers: new.offline_whispers,
            password: new.password,
            max_accounts: new.max_accounts,
            operators: new.operators,
            irc_opers: new.irc_opers,
            bans: new.bans,
            motd: new.motd,
            // Sessions, logs and names are made for the values of the others, such as `login` and `backlog_bytes`; `run`,
            // `hash_key` and `cloak_key` are those of this process.
            ..old
        };
        if self.is_node() {
            SharedSettings::of(&before).set_in(&mut self.config);
        }
        if self.config.mode == Mode::P2p {
            (self.config.max_clients, self.config.max_waiting) = (1, 0);
        }
        self.adopt_config();
        while !self.is_node()
            && self.shared.rooms.is_over_limit()
            && let Some(released) = self.shared.rooms.remove_least_used(&self.shared.members)
        {
            self.release_creator(released);
        }
        let limit = self.config.rate_limit();
        self.sessions.iter_mut().for_each(|session| session.allowance = limit.adopt(session.allowance, now));
        if self.config.password.is_none() {
            for id in self.prompts.of_server() {
                self.ask_for_nickname(id);
            }
        }
        if self.store.is_some() && before.operators != self.config.operators {
            self.warn_of_free_operators();
        }
    }

    /// Lets the parts of the hub follow the settings, after these have changed, here or with a new process.
    ///
    /// In a cluster the settings on which parts of `shared` depend do not change: see [`SharedSettings`].
    pub(super) fn adopt_config(&mut self) {
        let config = &self.config;
        self.admission.set_limits(config.max_clients, config.max_waiting);
        self.shared.max_accounts = config.max_accounts;
        self.shared.rooms.set_limits(Retention::of(config), RoomLimits::of(config));
        // In a cluster a room goes with a change, so that all nodes have the same ones.
        if !self.is_node() {
            self.shared.rooms.numbers().into_iter().for_each(|room| self.remove_if_unkept(room));
        }
        self.reset_deadlines();
        self.count_addresses();
        self.disconnect_banned();
        self.reset_roles();
    }

    /// Sets the deadlines of all sessions anew, since those that are set may be too late.
    fn reset_deadlines(&mut self) {
        self.deadlines.clear(&mut self.sessions);
        let Config { login, login_timeout, idle_timeout, .. } = self.config;
        let ids: Vec<ClientId> = self.sessions.iter().map(|(id, _)| id).collect();
        for id in ids {
            let session = &self.sessions[id];
            let active = Duration::from_micros(session.active);
            match session.stage {
                SessionStage::LoggingIn if login == Login::Nickname => {
                    self.deadlines.set_login(&mut self.sessions, id, active + login_timeout);
                }
                SessionStage::Present if !idle_timeout.is_zero() => {
                    self.deadlines.set_idle(&mut self.sessions, id, active + idle_timeout);
                }
                _ => {}
            }
        }
    }

    /// Counts the connections that were not counted by address because there was no limit.
    fn count_addresses(&mut self) {
        if self.config.max_per_ip == 0 {
            return;
        }
        let is_uncounted = |(id, session): (ClientId, &Session)| {
            let is_counted = session.has(SessionFlags::COUNTED) || is_unix(self.sessions.ip(id));
            (!session.is_leaving() && !is_counted).then_some(id)
        };
        let uncounted: Vec<ClientId> = self.sessions.iter().filter_map(is_uncounted).collect();
        for id in uncounted {
            // Those above the limit stay.
            self.ip_limit.enter(self.sessions.ip(id), usize::MAX);
            self.sessions[id].flags.insert(SessionFlags::COUNTED);
        }
    }

    /// Disconnects the sessions from networks that the configuration bans.
    fn disconnect_banned(&mut self) {
        if !self.config.bans.is_empty() {
            let is_hit = |id: &ClientId| self.config.bans(self.sessions.ip(*id));
            let hit = self.sessions.iter().map(|(id, _)| id).filter(is_hit).collect();
            self.schedule_banned(hit);
        }
    }

    /// Marks sessions to be disconnected, since their addresses are banned.
    pub(super) fn schedule_banned(&mut self, mut hit: Vec<ClientId>) {
        // Waiting sessions first, or one of them would get the place of a banned member.
        hit.sort_by_key(|&id| !matches!(self.sessions[id].stage, SessionStage::Waiting));
        for id in hit {
            let session = &self.sessions[id];
            if !session.is_leaving() && session.pending_disconnect.is_none() {
                self.disconnects.schedule(&mut self.sessions, id, PendingDisconnect::Banned);
            }
        }
    }

    /// Gives the members of accounts the roles that they have now: `--operator` may name others.
    fn reset_roles(&mut self) {
        let accounts = self.shared.accounts.iter();
        let bound: Vec<_> = accounts.filter_map(|(id, account)| Some((account.member?, id))).collect();
        for (member, account) in bound {
            let role = self.role_of(account);
            self.shared.members.set_role(member.slot, role);
        }
    }

    /// Warns of operators whose names anyone can still register.
    pub(super) fn warn_of_free_operators(&self) {
        for name in self.config.operators.iter().filter(|name| self.shared.accounts.find(name).is_none()) {
            warn!(
                "--operator {name}: this nickname is not registered yet; the member that registers it becomes an operator"
            );
        }
    }

    /// Takes the next session that has asked for a reload: the caller reads the settings, and gives them to
    /// [`Hub::set_config`] and the result to [`Hub::tell_reloaded`].
    pub fn poll_reload(&mut self) -> Option<ClientId> {
        self.reload_requests.pop()
    }

    /// Tells the log, the operator, and the session that has asked, that options have changed (`changed`), or could not
    /// (`fixed`). In a cluster those that all nodes must have alike could not.
    pub fn tell_reloaded(&mut self, by: Option<ClientId>, changed: &[String], fixed: &[String]) {
        let is_node = self.is_node();
        let is_shared = |name: &&String| is_node && SHARED_OPTIONS.contains(&name.as_str());
        let fixed: Vec<String> = fixed.iter().chain(changed.iter().filter(is_shared)).cloned().collect();
        let changed: Vec<String> = changed.iter().filter(|name| !is_shared(name)).cloned().collect();
        let (changed, fixed) = (&*changed, &*fixed);
        let list = |names: &[String]| if names.is_empty() { "nothing".into() } else { names.join(", ") };
        let what = format!("changed: {}; not before a restart: {}", list(changed), list(fixed));
        info!(target: OPERATOR_LOG, "reloaded, {}; {what}", self.who_asked(by));
        self.tell_result(by, &Event::Notice(Notice::Reloaded { changed, fixed }));
    }

    /// Tells them that nothing has changed, and why.
    pub fn tell_not_reloaded(&mut self, by: Option<ClientId>, why: &str) {
        error!(target: OPERATOR_LOG, "not reloaded, {}: {why}", self.who_asked(by));
        self.tell_result(by, &Event::Refusal(Refusal::NotReloaded { why }));
    }

    /// Tells the log and the operator something about the server, which is no event of the chat.
    pub fn tell_operator(&mut self, level: Level, notice: &Notice) {
        log!(target: OPERATOR_LOG, level, "{}", Lang::En.notice(notice));
        self.fanout().send_to_console(&Event::Notice(*notice));
    }

    fn tell_result(&mut self, by: Option<ClientId>, event: &Event) {
        self.fanout().send_to_console(event);
        if let Some(id) = by.filter(|&id| id != ClientId::CONSOLE && self.sessions.get(id).is_some()) {
            self.fanout().send(id, event);
        }
    }

    /// Who has asked for a reload, for the log.
    fn who_asked(&self, by: Option<ClientId>) -> String {
        let slot = by.and_then(|id| self.sessions.get(id)?.member);
        slot.map_or_else(|| "asked by SIGHUP".into(), |slot| format!("asked by {}", self.shared.members[slot].name))
    }
}
