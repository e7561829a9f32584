//! HELP: what each command does. Source: <https://modern.ircdocs.horse/#help-message>

use super::Call;
use super::commands::COMMANDS;
use super::reply::in_lines;
use crate::chat::hub::Hub;

/// The parameters of a command, and what it does, in lines of at most 400 bytes.
struct Topic {
    command: &'static str,
    params: &'static str,
    text: &'static [&'static str],
}

const fn topic(command: &'static str, params: &'static str, text: &'static [&'static str]) -> Topic {
    Topic { command, params, text }
}

/// One topic for each command, in alphabetical order.
const TOPICS: &[Topic] = &[
    topic("ADMIN", "[server]", &["Who runs this server."]),
    topic(
        "AUTHENTICATE",
        "mechanism or data",
        &["Logs in with a password (SASL). Clients send it themselves, if they are set up for it."],
    ),
    topic("AWAY", "[:text]", &["You are away; who writes to you reads the text. Without a text you are back."]),
    topic(
        "BATCH",
        "+reference draft/multiline target, or -reference",
        &["Begins and ends a message of several lines. Clients send it themselves."],
    ),
    topic(
        "CAP",
        "LS|LIST|REQ|END ...",
        &["Which extensions of the protocol your client uses. Clients send it themselves."],
    ),
    topic(
        "CHATHISTORY",
        "LATEST|BEFORE|AFTER|AROUND|BETWEEN|TARGETS ...",
        &["Earlier messages of a channel. Clients send it themselves."],
    ),
    topic("HELP", "[command]", &["The list of commands, or what one does."]),
    topic("HELPOP", "[command]", &["As HELP."]),
    topic("INFO", "[server]", &["What this server is."]),
    topic(
        "INVITE",
        "[nick #channel]",
        &[
            "Invites a member to a channel: it may then enter though others may not.",
            "Alone: the channels to which you are invited.",
        ],
    ),
    topic("ISON", "nick ...", &["Which of these nicknames are here."]),
    topic(
        "JOIN",
        "#channel[,#channel ...] [key,...]",
        &["Enters channels, which are made if they do not exist.", "JOIN 0 leaves all channels."],
    ),
    topic("KICK", "#channel nick[,nick ...] [:reason]", &["Removes members from a channel. For its operators."]),
    topic("KILL", "nick :reason", &["Disconnects a member. For operators of the server."]),
    topic("LINKS", "", &["The servers of the network: this one alone, whatever it consists of."]),
    topic("LIST", "[#channel,... or conditions]", &["The channels, how many are in each, and their topics."]),
    topic("LUSERS", "", &["How many members and channels there are."]),
    topic(
        "MARKREAD",
        "#channel|nick [timestamp=...]",
        &["Up to which message you have read. Clients send it themselves."],
    ),
    topic(
        "METADATA",
        "*|nick|#channel GET|LIST|SET|CLEAR|SYNC|SUB|UNSUB|SUBS ...",
        &[
            "Keys and values of a member or a channel: SET key :value sets one of your own, or of a channel that you operate.",
            "SUB key ... tells you of changes in your channels.",
        ],
    ),
    topic(
        "MODE",
        "#channel|nick [modes [parameters]]",
        &[
            "Shows or sets the modes of a channel or your own.",
            "Channels: +i invited members only, +k key, +l limit of members, +m moderated, +s secret, +t only operators set the topic,",
            "+o and +v make operators and members with voice, +b bans a mask, +e and +I except a mask from +b and +i.",
            "Your own: +i hides you from members that share no channel with you, +B says that you are a bot, -o ends OPER.",
        ],
    ),
    topic(
        "MONITOR",
        "+|- nick[,nick ...], or C, L or S",
        &[
            "You are told when members with these nicknames come and go.",
            "C clears the list, L shows it, S shows who is here.",
        ],
    ),
    topic("MOTD", "[server]", &["The message of the day."]),
    topic("NAMES", "#channel[,#channel ...]", &["Who is in a channel."]),
    topic("NICK", "nick", &["Another nickname for you."]),
    topic("NOTICE", "target[,target ...] :text", &["As PRIVMSG; programs do not answer it."]),
    topic("OPER", "name password", &["Makes you an operator of the server."]),
    topic("PART", "#channel[,#channel ...] [:reason]", &["Leaves channels."]),
    topic("PASS", "password", &["The password of the server, before NICK and USER; or ACCOUNT:PASSWORD."]),
    topic("PING", "text", &["The server answers with PONG and the text."]),
    topic("PONG", "text", &["The answer to PING."]),
    topic(
        "PRIVMSG",
        "target[,target ...] :text",
        &[
            "Sends a message to a channel or a member.",
            "@#channel and +#channel: to its operators, or also to members with voice.",
        ],
    ),
    topic("QUIT", "[:reason]", &["Leaves the server."]),
    topic("REDACT", "target msgid [:reason]", &["Deletes a message. Clients send it themselves."]),
    topic("REGISTER", "* * password", &["Makes your nickname an account with this password."]),
    topic("REHASH", "", &["The server reads its configuration again. For operators of the server."]),
    topic("SETNAME", ":real name", &["Another real name for you."]),
    topic("TAGMSG", "target", &["Sends tags without a message, such as \"is typing\". Clients send it themselves."]),
    topic("TIME", "[server]", &["The time of the server."]),
    topic("TOPIC", "#channel [:topic]", &["Shows or sets the topic of a channel; an empty one clears it."]),
    topic("USER", "user 0 * :real name", &["Your user name and real name, when you connect."]),
    topic("USERHOST", "nick ...", &["The hosts of up to five members, and whether they are away."]),
    topic("VERIFY", "account code", &["Accounts need no code here."]),
    topic("VERSION", "[server]", &["The version of the server, and what it supports."]),
    topic("WALLOPS", ":text", &["Sends a message to all operators of the server. For operators of the server."]),
    topic(
        "WHO",
        "mask|#channel [o] [%fields[,token]]",
        &[
            "Lists the members of a channel, or those whose nickname, user name, host or real name is like the mask;",
            "* in it stands for any text and ? for one character. With o: operators of the server only.",
        ],
    ),
    topic("WHOIS", "[server] nick", &["What is known of a member."]),
    topic("WHOWAS", "nick [count]", &["Who had a nickname before."]),
];

impl Hub {
    /// HELP
    pub(super) fn irc_help(&mut self, call: &Call) {
        let id = call.id;
        let Some(subject) = call.param(0).filter(|subject| !subject.is_empty()) else {
            self.numeric(id, 704, &["*"], "These are the commands; HELP COMMAND tells what one does:");
            let mut names: Vec<&str> = COMMANDS.iter().map(|command| command.name).collect();
            names.sort_unstable();
            for line in in_lines(names, ' ', self.space_for_text(id, &["*"])) {
                self.numeric(id, 705, &["*"], &line);
            }
            return self.numeric(id, 706, &["*"], "End of /HELP");
        };
        let subject = subject.to_ascii_uppercase();
        let is_known = COMMANDS.iter().any(|command| command.name == subject);
        let found = TOPICS.iter().find(|topic| topic.command == subject).filter(|_| is_known);
        let Some(Topic { command, params, text }) = found else {
            let subject = if subject.contains(' ') { "*" } else { &subject };
            return self.numeric(id, 524, &[subject], "There is no help about this; HELP lists the commands");
        };
        self.numeric(id, 704, &[command], format!("{command} {params}").trim_end());
        text.iter().for_each(|line| self.numeric(id, 705, &[command], line));
        self.numeric(id, 706, &[command], "End of /HELP");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_help() {
        for command in COMMANDS {
            assert!(TOPICS.iter().any(|topic| topic.command == command.name), "{} has no help", command.name);
        }
    }

    #[test]
    fn lines_of_help_are_not_cut() {
        let lines = TOPICS.iter().flat_map(|topic| topic.text);
        // What is left with long names of the server and of the reader.
        assert!(lines.clone().all(|line| line.len() <= 300) && lines.count() > TOPICS.len());
    }
}
