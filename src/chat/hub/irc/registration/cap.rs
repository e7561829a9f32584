//! CAP: which capabilities a session asks for. Source: <https://ircv3.net/specs/extensions/capability-negotiation>.

use compact_str::{CompactString, format_compact};

use crate::chat::encoding::{Encoding, IrcShape};
use crate::chat::hub::Hub;
use crate::chat::hub::irc::Call;
use crate::chat::hub::irc::members::metadata::METADATA_LIMITS;
use crate::chat::hub::irc::messages::multiline::MULTILINE_LIMITS;
use crate::chat::hub::irc::reply::{in_lines, one_at_least};
use crate::chat::id::ClientId;
use crate::chat::session::irc::Caps;

/// The names of the capabilities.
const NAMES: &[(&str, Caps)] = &[
    ("account-notify", Caps::ACCOUNT_NOTIFY),
    ("account-tag", Caps::ACCOUNT_TAG),
    ("away-notify", Caps::AWAY_NOTIFY),
    ("batch", Caps::BATCH),
    ("cap-notify", Caps::CAP_NOTIFY),
    ("draft/account-registration", Caps::ACCOUNT_REGISTRATION),
    ("draft/chathistory", Caps::CHATHISTORY),
    ("draft/message-redaction", Caps::REDACTION),
    ("draft/metadata-3", Caps::METADATA),
    ("draft/multiline", Caps::MULTILINE),
    ("draft/no-implicit-names", Caps::NO_IMPLICIT_NAMES),
    ("draft/read-marker", Caps::READ_MARKER),
    ("echo-message", Caps::ECHO_MESSAGE),
    ("extended-join", Caps::EXTENDED_JOIN),
    ("extended-monitor", Caps::EXTENDED_MONITOR),
    ("invite-notify", Caps::INVITE_NOTIFY),
    ("labeled-response", Caps::LABELED_RESPONSE),
    ("message-tags", Caps::MESSAGE_TAGS),
    ("multi-prefix", Caps::MULTI_PREFIX),
    ("sasl", Caps::SASL),
    ("server-time", Caps::SERVER_TIME),
    ("setname", Caps::SETNAME),
    ("standard-replies", Caps::STANDARD_REPLIES),
    ("userhost-in-names", Caps::USERHOST_IN_NAMES),
];

impl Hub {
    /// Whether the server has a capability now.
    fn offers(&self, cap: Caps) -> bool {
        let needs_accounts = Caps::SASL | Caps::ACCOUNT_REGISTRATION;
        !needs_accounts.contains(cap) || self.keeps_accounts()
    }

    /// CAP
    pub(in crate::chat::hub::irc) fn irc_cap(&mut self, call: &Call) {
        let id = call.id;
        let subcommand = call.text(0).to_ascii_uppercase();
        match &*subcommand {
            "LS" => {
                let version = call.param(1).and_then(|version| version.parse::<u32>().ok()).unwrap_or(301);
                self.begin_negotiation(id);
                if let Some(irc) = self.sessions.irc_mut(id)
                    && version >= 302
                {
                    irc.caps.insert(Caps::KNOWS_VALUES);
                    irc.caps.insert(Caps::CAP_NOTIFY);
                }
                self.list_caps(id, "LS");
            }
            "LIST" => self.list_caps(id, "LIST"),
            "REQ" => self.request_caps(call),
            "END" => {
                if let Some(registration) =
                    self.sessions.irc_mut(id).and_then(|irc| irc.unfinished_mut().registration.as_mut())
                {
                    registration.negotiates = false;
                    self.register_irc(id, call.now);
                }
            }
            _ => self.numeric(id, 410, &[call.text(0)], "Invalid CAP subcommand"),
        }
    }

    fn begin_negotiation(&mut self, id: ClientId) {
        if let Some(registration) = self.sessions.irc_mut(id).and_then(|irc| irc.unfinished_mut().registration.as_mut())
        {
            registration.negotiates = true;
        }
    }

    /// Answers CAP LS with what there is, and CAP LIST with what the session has.
    fn list_caps(&mut self, id: ClientId, subcommand: &str) {
        let Some(irc) = self.sessions.irc(id) else { return };
        let (has, knows_values, nick) = (irc.caps, irc.caps.contains(Caps::KNOWS_VALUES), self.irc_name(id));
        let listed =
            NAMES.iter().filter(|&&(_, cap)| if subcommand == "LS" { self.offers(cap) } else { has.contains(cap) });
        let words = listed.map(|&(name, cap)| match value_of(cap) {
            value if subcommand == "LS" && knows_values && !value.is_empty() => format_compact!("{name}={value}"),
            _ => name.into(),
        });
        // A session that does not know values knows no lists of several lines either.
        let lines = cap_lines(words.collect(), knows_values, self.space_for_text(id, &[subcommand, "*"]));
        let last = lines.len() - 1;
        for (index, line) in lines.iter().enumerate() {
            let more: &[&str] = if index < last { &["*"] } else { &[] };
            let middle = [&[&*nick, subcommand], more].concat();
            self.server_line(id, "CAP", &middle, Some(line));
        }
    }

    /// CAP REQ: all of the changes are made, or none.
    fn request_caps(&mut self, call: &Call) {
        let id = call.id;
        self.begin_negotiation(id);
        let Some(irc) = self.sessions.irc(id) else { return };
        let (mut caps, nick, knows_values) = (irc.caps, self.irc_name(id), irc.caps.contains(Caps::KNOWS_VALUES));
        let list = call.text(1).trim();
        let is_allowed = list.split_ascii_whitespace().all(|word| {
            let (name, on) = word.strip_prefix('-').map_or((word, true), |name| (name, false));
            let Some(&(_, cap)) = NAMES.iter().find(|(known, _)| *known == name) else { return false };
            caps.set(cap, on);
            // A session that knows values of capabilities is always told of new ones.
            self.offers(cap) && (on || !(cap == Caps::CAP_NOTIFY && knows_values))
        });
        let answer = if is_allowed { "ACK" } else { "NAK" };
        let lines = in_lines(list.split_ascii_whitespace(), ' ', self.space_for_text(id, &[answer]));
        one_at_least(lines).iter().for_each(|line| self.server_line(id, "CAP", &[&nick, answer], Some(line)));
        if is_allowed {
            self.set_caps(id, caps);
        }
    }

    /// Sets the capabilities of a session, which reads lines of another shape from now on.
    fn set_caps(&mut self, id: ClientId, caps: Caps) {
        let Encoding::Irc(before) = self.sessions[id].encoding else { return };
        if let Some(irc) = self.sessions.irc_mut(id) {
            irc.caps = caps;
        }
        self.fanout().set_shape(id, caps.shape() | before & IrcShape::FRAMING, caps.skips());
    }
}

/// Capabilities in lines of at most `most` bytes. If there may be one line only and not all fit, those that are not final yet
/// are left out first.
fn cap_lines(mut words: Vec<CompactString>, several: bool, most: usize) -> Vec<String> {
    let mut lines = one_at_least(in_lines(&words, ' ', most));
    if !several && lines.len() > 1 {
        words.sort_by_key(|word| word.starts_with("draft/"));
        lines = in_lines(&words, ' ', most);
        lines.truncate(1);
    }
    lines
}

/// The value of a capability.
fn value_of(cap: Caps) -> &'static str {
    match cap {
        Caps::SASL => "PLAIN,SCRAM-SHA-256",
        Caps::METADATA => METADATA_LIMITS,
        Caps::MULTILINE => MULTILINE_LIMITS,
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_has_what_is_final_before_drafts_if_not_all_fit() {
        let lines = |several, most| cap_lines(["batch", "draft/x", "sasl"].map(Into::into).into(), several, most);
        assert_eq!(lines(false, 18), ["batch draft/x sasl"]);
        assert_eq!(lines(false, 17), ["batch sasl"]);
        assert_eq!(lines(true, 17), ["batch draft/x", "sasl"]);
        assert_eq!(cap_lines(Vec::new(), false, 17), [""]);
    }
}
