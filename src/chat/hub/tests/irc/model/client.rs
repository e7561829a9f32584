//! An IRC client of the model: what it knows from the lines that it has read.

use std::collections::{BTreeMap, BTreeSet};

use crate::chat::id::ClientId;
use crate::chat::irc::message::parse;

/// What one IRC client knows.
pub struct Client {
    pub id: ClientId,
    pub nick: String,
    pub channels: BTreeMap<String, BTreeSet<String>>,
    /// Bytes of a line that is not complete.
    partial: Vec<u8>,
    /// The batches that have begun and not ended: their references and kinds.
    batches: BTreeMap<String, String>,
    /// The labels of commands that are not answered.
    pub labels: BTreeSet<String>,
    /// Texts that were said in channels and are to be read, each once.
    pub expected: BTreeSet<String>,
}

impl Client {
    pub fn new(id: ClientId, nick: String) -> Client {
        Client {
            id,
            nick,
            channels: BTreeMap::new(),
            partial: Vec::new(),
            batches: BTreeMap::new(),
            labels: BTreeSet::new(),
            expected: BTreeSet::new(),
        }
    }

    /// Takes bytes that the server has sent.
    pub fn take(&mut self, bytes: &[u8]) {
        self.partial.extend_from_slice(bytes);
        while let Some(end) = self.partial.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.partial.drain(..=end).collect();
            let line = String::from_utf8(line).expect("UTF-8");
            self.line(line.trim_end());
        }
    }

    fn line(&mut self, line: &str) {
        let message = parse(line).unwrap_or_else(|| panic!("{line}"));
        let batch = message.tags.get("batch").map(|batch| {
            let kind = self.batches.get(&*batch).unwrap_or_else(|| panic!("{} reads {line} of no batch", self.nick));
            kind.clone()
        });
        if let Some(label) = message.tags.get("label") {
            assert!(self.labels.remove(&*label), "{} reads {line}, with a label of no command", self.nick);
        }
        let from = message.source.unwrap_or_default().split('!').next().unwrap_or_default().to_owned();
        let param = |index: usize| message.params.get(index).map_or("", |param| param);
        let (nick, is_own) = (self.nick.clone(), from == self.nick);
        let told = || format!("{nick} reads {line}");
        match message.command {
            "JOIN" if is_own => {
                let before = self.channels.insert(param(0).into(), BTreeSet::new());
                assert!(before.is_none(), "{} and is in that channel", told());
                self.channels.get_mut(param(0)).expect("an own channel").insert(from);
            }
            "JOIN" => assert!(self.channel(param(0)).insert(from), "{} and knows that", told()),
            "353" => {
                let names = param(3).split(' ').map(|name| name.trim_start_matches(['@', '+']));
                let names: Vec<String> =
                    names.map(|name| name.split('!').next().unwrap_or_default().to_owned()).collect();
                // Of others it may ask, too.
                if let Some(channel) = self.channels.get_mut(param(2)) {
                    channel.extend(names);
                }
            }
            "PART" if is_own => assert!(self.channels.remove(param(0)).is_some(), "{}", told()),
            "PART" => assert!(self.channel(param(0)).remove(&from), "{}", told()),
            "KICK" if param(1) == self.nick => assert!(self.channels.remove(param(0)).is_some(), "{}", told()),
            "KICK" => {
                let kicked = param(1).to_owned();
                assert!(self.channel(param(0)).remove(&kicked), "{}", told());
            }
            "QUIT" => {
                let known = self.channels.values_mut().filter_map(|names| names.take(&from)).count();
                assert!(known > 0, "{} of a stranger, or again", told());
            }
            "NICK" => {
                let to = param(0).to_owned();
                let known = self.channels.values_mut().filter_map(|names| names.remove(&from).then_some(names));
                let known = known.map(|names| assert!(names.insert(to.clone()))).count();
                assert!(known > 0 || is_own, "{} of a stranger, or again", told());
                if is_own {
                    self.nick = to;
                }
            }
            "PRIVMSG" if param(0).starts_with('#') && batch.as_deref() != Some("chathistory") => {
                assert!(self.channel(param(0)).contains(&from), "{} of a stranger", told());
                assert!(self.expected.remove(param(1)), "{}, which was said without it, or again", told());
            }
            "001" => self.nick = param(0).to_owned(),
            "BATCH" => {
                let (sign, reference) = param(0).split_at(1);
                let is_right = match sign {
                    "+" => self.batches.insert(reference.into(), param(1).into()).is_none(),
                    _ => self.batches.remove(reference).is_some(),
                };
                assert!(is_right, "{}, which begins twice or has not begun", told());
            }
            "AWAY" => {
                let knows = self.channels.values().any(|names| names.contains(&from));
                assert!(knows, "{} of a stranger", told());
            }
            _ => {}
        }
    }

    fn channel(&mut self, name: &str) -> &mut BTreeSet<String> {
        let nick = self.nick.clone();
        self.channels.get_mut(name).unwrap_or_else(|| panic!("{nick} is not in {name} and is told of it"))
    }
}
