//! Commands about the server: PING, PONG, MOTD, LUSERS, VERSION, TIME, INFO, ADMIN, LINKS.

use super::Call;
use crate::chat::hub::Hub;
use crate::chat::id::ClientId;
use crate::chat::policy::mask::is_match;

/// The version as the server tells it.
pub const VERSION: &str = concat!("chinwag-", env!("CARGO_PKG_VERSION"));

impl Hub {
    /// PING
    pub(super) fn irc_ping(&mut self, call: &Call) {
        let name = self.config.name.clone();
        match call.param(0) {
            Some(token) => self.server_line(call.id, "PONG", &[&name], Some(token)),
            None => self.numeric(call.id, 461, &["PING"], "Not enough parameters"),
        }
    }

    /// PONG
    pub(super) fn irc_pong(&mut self, _call: &Call) {}

    /// MOTD
    pub(super) fn irc_motd(&mut self, call: &Call) {
        if self.is_other_server(call, 0) {
            return;
        }
        self.send_motd(call.id);
    }

    /// Whether a parameter names another server, which is refused. It may be a mask, or a member's nickname.
    pub(super) fn is_other_server(&mut self, call: &Call, index: usize) -> bool {
        let Some(target) = call.param(index) else { return false };
        let is_own = is_match(target, &self.config.name) || self.shared.members.find(target).is_some();
        if !is_own {
            self.numeric(call.id, 402, &[target], "No such server");
        }
        !is_own
    }

    /// Sends the message of the day.
    pub(super) fn send_motd(&mut self, id: ClientId) {
        let Some(motd) = self.config.motd.clone() else {
            return self.numeric(id, 422, &[], "There is no message of the day");
        };
        let server = self.config.name.clone();
        self.numeric(id, 375, &[], &format!("- {server} Message of the day -"));
        for line in motd.lines() {
            self.numeric(id, 372, &[], &format!("- {line}"));
        }
        self.numeric(id, 376, &[], "End of /MOTD command");
    }

    /// LUSERS
    pub(super) fn irc_lusers(&mut self, call: &Call) {
        if !self.is_other_server(call, 1) {
            self.send_lusers(call.id);
        }
    }

    /// Sends how many members and rooms there are.
    pub(super) fn send_lusers(&mut self, id: ClientId) {
        let here = self.shared.members.len();
        let (invisible, strangers) = (self.invisible_members(), self.unknown_connections());
        let (operators, rooms) = (self.shared.members.operator_count(), self.shared.rooms.occupied_count());
        let most = self.stats.most_members;
        let (visible, all) = (here - invisible, here.to_string());
        let (servers, local) = (self.nodes.count(), self.members_here());
        self.numeric(
            id,
            251,
            &[],
            &format!("There are {visible} users and {invisible} invisible on {servers} servers"),
        );
        self.numeric(id, 252, &[&operators.to_string()], "operator(s) online");
        self.numeric(id, 253, &[&strangers.to_string()], "unknown connection(s)");
        self.numeric(id, 254, &[&rooms.to_string()], "channels formed");
        self.numeric(id, 255, &[], &format!("I have {local} clients and {} servers", servers - 1));
        let (most, local) = (most.to_string(), local.to_string());
        self.numeric(id, 265, &[&local, &most], &format!("Current local users {local}, max {most}"));
        self.numeric(id, 266, &[&all, &most], &format!("Current global users {all}, max {most}"));
    }

    /// VERSION
    pub(super) fn irc_version(&mut self, call: &Call) {
        if self.is_other_server(call, 0) {
            return;
        }
        let server = self.config.name.clone();
        self.numeric(call.id, 351, &[VERSION, &server], "a chat server in one thread");
        self.send_isupport(call.id);
    }

    /// TIME
    pub(super) fn irc_time(&mut self, call: &Call) {
        if self.is_other_server(call, 0) {
            return;
        }
        let server = self.config.name.clone();
        let at = call.now.local;
        let text = format!("{} {:02}:{:02}:{:02} {}", at.date(), at.hour(), at.minute(), at.second(), at.offset());
        self.numeric(call.id, 391, &[&server], &text);
    }

    /// INFO
    pub(super) fn irc_info(&mut self, call: &Call) {
        if self.is_other_server(call, 0) {
            return;
        }
        for line in [
            VERSION,
            "A chat server in one thread: one event loop serves lines over TCP, web pages and IRC.",
            "Rooms are channels; members that are connected in another way are in them, too.",
        ] {
            self.numeric(call.id, 371, &[], line);
        }
        self.numeric(call.id, 374, &[], "End of /INFO list");
    }

    /// ADMIN
    pub(super) fn irc_admin(&mut self, call: &Call) {
        if self.is_other_server(call, 0) {
            return;
        }
        let server = self.config.name.clone();
        self.numeric(call.id, 423, &[&server], "No administrative info available");
    }

    /// LINKS
    pub(super) fn irc_links(&mut self, call: &Call) {
        // The nodes of a cluster are one server to others, and all have its name; operators have `/nodes`.
        self.numeric(call.id, 365, &["*"], "End of /LINKS list");
    }
}
