//! 005: what the server supports. Source: <https://modern.ircdocs.horse/#rplisupport-parameters>.

use crate::chat::hub::Hub;
use crate::chat::hub::plan::MAX_TEXT;
use crate::chat::id::ClientId;
use crate::chat::policy::nick::{MAX_ROOM_WIDTH, MAX_WIDTH};
use crate::chat::room::rules::MAX_LISTED;
use crate::chat::settings::MAX_KEY;

/// Tokens in one line: the line has at most 15 parameters, of which the nickname and the text take two.
const TOKENS_PER_LINE: usize = 13;
/// The most members that one session monitors.
pub const MAX_MONITORED: usize = 100;
/// The most messages that one CHATHISTORY shows.
pub const MAX_CHATHISTORY: usize = 100;
/// The most targets of one PRIVMSG, JOIN, KICK, ...
pub const MAX_TARGETS: usize = 20;

impl Hub {
    /// Sends the tokens of ISUPPORT.
    pub(in crate::chat::hub::irc) fn send_isupport(&mut self, id: ClientId) {
        let most = self.shared.rooms.limits().follow;
        let tokens = [
            format!("NETWORK={}", self.config.name),
            "CASEMAPPING=ascii".into(),
            "CHANTYPES=#".into(),
            "PREFIX=(ov)@+".into(),
            "STATUSMSG=@+".into(),
            "CHANMODES=beI,k,l,imnst".into(),
            format!("CHANLIMIT=#:{most}"),
            format!("NICKLEN={MAX_WIDTH}"),
            format!("CHANNELLEN={}", MAX_ROOM_WIDTH + 1),
            format!("TOPICLEN={MAX_TEXT}"),
            format!("AWAYLEN={MAX_TEXT}"),
            format!("KICKLEN={MAX_TEXT}"),
            format!("KEYLEN={MAX_KEY}"),
            "USERLEN=18".into(),
            format!("NAMELEN={}", super::MAX_REAL_NAME),
            "LINELEN=512".into(),
            format!("MODES={}", crate::chat::hub::irc::channels::modes::MAX_MODES),
            format!("MAXLIST=beI:{MAX_LISTED}"),
            "EXCEPTS=e".into(),
            "INVEX=I".into(),
            "EXTBAN=,am".into(),
            "ACCOUNTEXTBAN=a".into(),
            "ELIST=CMNTU".into(),
            "SAFELIST".into(),
            "WHOX".into(),
            format!("MONITOR={MAX_MONITORED}"),
            format!(
                "TARGMAX=NAMES:{MAX_TARGETS},LIST:{MAX_TARGETS},KICK:{MAX_TARGETS},WHOIS:1,PRIVMSG:{MAX_TARGETS},NOTICE:{MAX_TARGETS},TAGMSG:{MAX_TARGETS},JOIN:,PART:,MONITOR:{MAX_MONITORED}"
            ),
            format!("CHATHISTORY={MAX_CHATHISTORY}"),
            "MSGREFTYPES=msgid,timestamp".into(),
            "BOT=B".into(),
            "UTF8ONLY".into(),
        ];
        let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
        for line in tokens.chunks(TOKENS_PER_LINE) {
            self.numeric(id, 5, line, "are supported by this server");
        }
    }
}
