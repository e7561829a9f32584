//! The table of the commands of IRC.

use super::Call;
use crate::chat::hub::Hub;

/// One command.
pub struct Command {
    pub name: &'static str,
    /// The least number of parameters; with fewer, the command is answered with 461.
    pub params: usize,
    /// Whether a session that is not registered has it.
    pub early: bool,
    pub run: fn(&mut Hub, &Call),
}

const fn early(name: &'static str, params: usize, run: fn(&mut Hub, &Call)) -> Command {
    Command { name, params, early: true, run }
}

const fn command(name: &'static str, params: usize, run: fn(&mut Hub, &Call)) -> Command {
    Command { name, params, early: false, run }
}

/// The name of a command as the table has it; an empty text if it is not there.
pub fn name_of(name: &str) -> &'static str {
    COMMANDS.iter().find(|command| command.name == name).map_or("", |command| command.name)
}

/// All commands; the most frequent ones first.
pub const COMMANDS: &[Command] = &[
    command("PRIVMSG", 0, Hub::irc_privmsg),
    command("NOTICE", 0, Hub::irc_notice),
    command("TAGMSG", 1, Hub::irc_tagmsg),
    early("PING", 0, Hub::irc_ping),
    early("PONG", 0, Hub::irc_pong),
    command("BATCH", 1, Hub::irc_batch),
    command("JOIN", 1, Hub::irc_join),
    command("PART", 1, Hub::irc_part),
    early("NICK", 0, Hub::irc_nick),
    early("QUIT", 0, Hub::irc_quit),
    early("CAP", 1, Hub::irc_cap),
    early("PASS", 1, Hub::irc_pass),
    early("AUTHENTICATE", 1, Hub::irc_authenticate),
    early("REGISTER", 3, Hub::irc_register),
    early("VERIFY", 2, Hub::irc_verify),
    early("USER", 4, Hub::irc_user),
    command("MODE", 1, Hub::irc_mode),
    command("TOPIC", 1, Hub::irc_topic),
    command("KICK", 2, Hub::irc_kick),
    command("INVITE", 0, Hub::irc_invite),
    command("NAMES", 0, Hub::irc_names),
    command("LIST", 0, Hub::irc_list),
    command("CHATHISTORY", 0, Hub::irc_chathistory),
    command("MARKREAD", 0, Hub::irc_markread),
    command("REDACT", 2, Hub::irc_redact),
    command("METADATA", 2, Hub::irc_metadata),
    command("MOTD", 0, Hub::irc_motd),
    command("LUSERS", 0, Hub::irc_lusers),
    command("VERSION", 0, Hub::irc_version),
    command("TIME", 0, Hub::irc_time),
    command("INFO", 0, Hub::irc_info),
    command("ADMIN", 0, Hub::irc_admin),
    command("OPER", 2, Hub::irc_oper),
    command("KILL", 1, Hub::irc_kill),
    command("WALLOPS", 1, Hub::irc_wallops),
    command("REHASH", 0, Hub::irc_rehash),
    command("LINKS", 0, Hub::irc_links),
    command("HELP", 0, Hub::irc_help),
    command("HELPOP", 0, Hub::irc_help),
    command("WHO", 0, Hub::irc_who),
    command("WHOIS", 0, Hub::irc_whois),
    command("WHOWAS", 0, Hub::irc_whowas),
    command("USERHOST", 1, Hub::irc_userhost),
    command("ISON", 1, Hub::irc_ison),
    command("MONITOR", 1, Hub::irc_monitor),
    command("AWAY", 0, Hub::irc_away),
    command("SETNAME", 1, Hub::irc_setname),
];
