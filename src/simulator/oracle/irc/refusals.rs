//! What the server says to one session, as an IRC client reads it.

use super::Oracle;

impl Oracle {
    /// Sends a session with an IRC client what others read as `line`.
    pub(in crate::simulator::oracle) fn irc_words(&mut self, who: usize, line: &str) {
        match line.split_at(2) {
            ("! ", refusal) => self.irc_refusal(who, refusal),
            ("* ", words) => self.irc_told(who, words),
            _ => panic!("an IRC client reads {line:?}"),
        }
    }

    fn irc_told(&mut self, who: usize, words: &str) {
        let is_silent = ["You no longer follow ", "Welcome to ", "You were banned from ", "You were kicked from "];
        match words {
            "Goodbye." => self.irc_send(who, "ERROR :Closing link: quit"),
            "You are back." => self.irc_numeric(who, 305, ":You are no longer marked as being away"),
            _ if words.starts_with("You are away: ") => {
                self.irc_numeric(who, 306, ":You have been marked as being away");
            }
            _ if is_silent.iter().any(|start| words.starts_with(start)) => {}
            _ if words.starts_with("You were kicked by ") => {
                let (by, why) = words.trim_start_matches("You were kicked by ").split_once([':', '.']).expect("an end");
                let by = if by == "the operator" { "server" } else { by };
                let why = if why.is_empty() { "no reason given" } else { why.trim_start() };
                self.irc_send(who, &format!("ERROR :Closing link: killed by {by}: {why}"));
            }
            _ => match words.split_once(" is away: ") {
                // A NOTICE is never answered.
                Some(_) if self.irc_mut(who).given.name == "NOTICE" => {}
                Some((name, text)) => self.irc_numeric(who, 301, &format!("{name} :{text}")),
                None if words.contains(" left: kicked (") => {}
                None => self.irc_notice(who, words),
            },
        }
    }

    fn irc_refusal(&mut self, who: usize, text: &str) {
        // Sentences about commands of other clients are left out.
        let text = text.split_once(". /").map_or_else(|| text.to_owned(), |(kept, _)| format!("{kept}."));
        let text = &*text;
        let irc = self.irc_mut(who);
        let (command, subject) = (irc.given.name.clone(), irc.given.subject.clone());
        let (is, word) = (|part: &str| text.contains(part), |index: usize| text.split(' ').nth(index).unwrap_or("*"));
        let shown = [&*subject, &*command, "*"].into_iter().find(|shown| !shown.is_empty()).unwrap_or_default();
        let room = |before: &str| {
            let behind = text.split(before).nth(1).unwrap_or_default();
            behind.split([' ', ':', ',']).next().unwrap_or_default().trim_end_matches('.').to_owned()
        };
        let says = matches!(&*command, "PRIVMSG" | "NOTICE");
        let (code, rest) = match text {
            _ if text.starts_with("The nickname ") && is(" is taken.") => (433, format!("{} :{text}", word(2))),
            _ if text.starts_with("The nickname ") => (432, format!("{} :{text}", word(2))),
            _ if text.starts_with("Nobody here is called ") => {
                let name = text.trim_start_matches("Nobody here is called ").trim_end_matches('.');
                let name = if name.is_empty() { "*" } else { name };
                (401, format!("{name} :No such nick/channel"))
            }
            _ if text.starts_with("The name of a room ") || text.starts_with("The name ") => {
                (403, format!("{shown} :{text}"))
            }
            _ if text.starts_with("There are ") && is(" rooms already") => (405, format!("{shown} :{text}")),
            _ if text.starts_with("You can follow ") => {
                (405, format!("{shown} :You are in {} channels already; leave one first", word(3)))
            }
            // It was removed since the command was given.
            "There is no room ." => (403, format!("{shown} :No such channel")),
            _ if text.starts_with("There is no room ") => {
                let name = Some(word(4).trim_end_matches('.')).filter(|name| !name.is_empty()).unwrap_or("*");
                (403, format!("#{name} :No such channel"))
            }
            _ if text.starts_with("You are banned from ") => {
                (474, format!("#{} :Cannot join channel (+b)", room("banned from ")))
            }
            _ if is(" needs a key") || is(" is not the key ") => {
                let place = if is(" needs a key") { word(0).to_owned() } else { room(" is not the key of ") };
                (475, format!("#{place} :Cannot join channel (+k)"))
            }
            _ if is(" is invite-only") => (473, format!("#{} :Cannot join channel (+i)", word(0))),
            _ if is(" is full (") && !text.starts_with("The list ") => {
                (471, format!("#{} :Cannot join channel (+l)", word(0)))
            }
            _ if is(" is moderated: ") => (404, format!("#{} :{text}", word(0))),
            _ if is("slow mode") => (404, format!("#{} :{text}", word(0))),
            _ if text.starts_with("You are muted in ") => (404, format!("#{} :{text}", room("muted in "))),
            _ if text.starts_with("You are not in ") && says => {
                (404, format!("#{} :Cannot send to channel", room("You are not in ")))
            }
            _ if text.starts_with("You are not in ") || text.starts_with("You do not follow ") => {
                let place = if is("not in ") { room("You are not in ") } else { room("You do not follow ") };
                (442, format!("#{place} :You're not on that channel"))
            }
            _ if text.starts_with("Only operators of ") => {
                (482, format!("#{} :You're not channel operator", room("operators of ")))
            }
            _ if text == "Only moderators can do that."
                || text.ends_with("Only the operator of the server can do that.") =>
            {
                (481, ":Permission Denied- You're not an IRC operator".into())
            }
            _ if text.starts_with("You are the only operator of ") => {
                let place = room("the only operator of ");
                return self
                    .irc_notice(who, &format!("You are the only operator of #{place}: give another member +o first"));
            }
            "That does not apply to lobby." => (482, format!("#lobby :{text}")),
            "That is set so already." => return,
            _ if text.starts_with("You are in ") || text.starts_with("You follow ") => return,
            _ if command == "MODE" && (is(" already.") || is(" is not an operator of ") || is(" has no voice in ")) => {
                return;
            }
            _ if is(" is in ") && text.ends_with(" already.") => {
                (443, format!("{} #{} :is already on channel", word(0), word(3)))
            }
            _ if is(" is not in ") => {
                (441, format!("{} #{} :They aren't on that channel", word(0), word(4).trim_end_matches('.')))
            }
            _ if text.starts_with("The list of ") => (478, format!("#{} b :Channel list is full", word(3))),
            "Your address is banned from this server." => {
                self.irc_numeric(who, 465, ":You are banned from this server");
                return self.irc_send(who, &format!("ERROR :Closing link: {text}"));
            }
            _ if is("Goodbye.") || is("too many connections from your address") || is("waiting line are full") => {
                return self.irc_send(who, &format!("ERROR :Closing link: {text}"));
            }
            _ => return self.irc_notice(who, text),
        };
        self.irc_numeric(who, code, &rest);
    }
}
