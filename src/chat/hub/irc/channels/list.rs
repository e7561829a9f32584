//! LIST: the channels that a member may know of. Source: <https://modern.ircdocs.horse/#list-message>.

use compact_str::CompactString;

use crate::chat::hub::check::permissions::Act;
use crate::chat::hub::irc::Call;
use crate::chat::hub::irc::registration::isupport::MAX_TARGETS;
use crate::chat::hub::irc::search::{TRY_AGAIN, steps_of};
use crate::chat::hub::plan::Asker;
use crate::chat::hub::{Hub, Shared};
use crate::chat::id::RoomId;
use crate::chat::policy::cidr::Network;
use crate::chat::policy::mask::{folded, is_like};
use crate::chat::room::RoomTopic;

/// A channel that may be listed.
struct Listed<'a> {
    name: &'a str,
    members: usize,
    topic: Option<&'a RoomTopic>,
    created: i64,
    /// It has a topic, settings or roles of accounts, or else no more than old messages.
    is_cared_for: bool,
}

/// What a channel must have to be listed; ELIST of ISUPPORT.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Condition {
    /// `>n`, `<n`: more members, or fewer.
    Members { more: bool, than: u64 },
    /// `C>n`, `C<n`: it was created more than n minutes ago, or less.
    Created { more: bool, than: u64 },
    /// `T>n`, `T<n`: its topic was set more than n minutes ago, or less.
    TopicSet { more: bool, than: u64 },
    /// A folded name or a folded pattern for it. Of several, one must match.
    Like(CompactString),
    /// `!pattern`: its name does not match the folded pattern.
    Unlike(CompactString),
}

impl Condition {
    /// `channel` is the folded name; `now` is in seconds since 1970.
    fn holds(&self, channel: &str, listed: &Listed, now: i64) -> bool {
        let compare = |more, number: u64, than| if more { number > than } else { number < than };
        let is_age = |more, at: i64, than: u64| {
            at > 0 && compare(more, now.saturating_sub(at).max(0) as u64, than.saturating_mul(60))
        };
        match *self {
            Condition::Members { more, than } => compare(more, listed.members as u64, than),
            Condition::Created { more, than } => is_age(more, listed.created, than),
            Condition::TopicSet { more, than } => is_age(more, listed.topic.map_or(0, |topic| topic.at), than),
            Condition::Like(ref pattern) => is_like(pattern, channel),
            Condition::Unlike(ref pattern) => !is_like(pattern, channel),
        }
    }

    /// The pattern with which names are compared.
    fn pattern(&self) -> Option<&str> {
        match self {
            Condition::Like(pattern) | Condition::Unlike(pattern) => Some(pattern),
            _ => None,
        }
    }
}

/// The conditions of a LIST.
#[derive(Debug, Default, PartialEq, Eq)]
struct Conditions {
    /// Names and patterns, of which one must match, unless there are none.
    names: Vec<Condition>,
    /// All of these must hold.
    others: Vec<Condition>,
}

impl Conditions {
    fn read(list: &str) -> Self {
        let words = list.split(',').filter(|word| !word.is_empty()).take(MAX_TARGETS);
        let all = words.map(|word| read_condition(word).unwrap_or_else(|| Condition::Like(folded(word))));
        let (names, others) = all.partition(|condition| matches!(condition, Condition::Like(_)));
        Conditions { names, others }
    }

    /// Whether a channel without members is asked for: by name, or by the number of its members.
    fn ask_for_empty(&self) -> bool {
        let is_fewer = |condition: &Condition| matches!(condition, Condition::Members { more: false, .. });
        !self.names.is_empty() || self.others.iter().any(is_fewer)
    }

    /// Whether a channel meets them. One without members that is not asked for must have more than messages. `now` is in seconds since 1970.
    fn hold(&self, listed: &Listed, now: i64) -> bool {
        let compares = self.names.iter().chain(&self.others).any(|condition| condition.pattern().is_some());
        let channel = if compares { folded(&format!("#{}", listed.name)) } else { CompactString::default() };
        let holds = |condition: &Condition| condition.holds(&channel, listed, now);
        let is_wanted = listed.members > 0 || listed.is_cared_for || self.ask_for_empty();
        is_wanted && (self.names.is_empty() || self.names.iter().any(holds)) && self.others.iter().all(holds)
    }

    /// The steps in which one channel is compared with them, in the worst case.
    fn steps(&self) -> usize {
        let patterns = self.names.iter().chain(&self.others).filter_map(Condition::pattern);
        1 + patterns.map(steps_of).sum::<usize>()
    }
}

fn read_condition(word: &str) -> Option<Condition> {
    if let Some(pattern) = word.strip_prefix('!') {
        return Some(Condition::Unlike(folded(pattern)));
    }
    let (kind, number) = word.split_once(['<', '>'])?;
    let (more, than) = (word[kind.len()..].starts_with('>'), number.parse().ok()?);
    match kind {
        "" => Some(Condition::Members { more, than }),
        "C" | "c" => Some(Condition::Created { more, than }),
        "T" | "t" => Some(Condition::TopicSet { more, than }),
        _ => None,
    }
}

/// The channels that a member may know of: those with members, and those that are kept without.
fn visible(shared: &Shared, asker: Asker) -> impl Iterator<Item = Listed<'_>> {
    let rooms = &shared.rooms;
    let sees_all = shared.may(asker.member, Act::SeeSecretRooms, None);
    let lobby = &rooms[RoomId::LOBBY];
    let lobby = Some((RoomId::LOBBY, lobby)).filter(|(_, lobby)| lobby.members.is_empty() && rooms.keeps(lobby));
    let in_memory = rooms.occupied().chain(lobby).chain(rooms.empty());
    let in_memory = in_memory.filter(move |(id, _)| sees_all || shared.sees(asker.member, *id));
    let in_memory = in_memory.map(|(_, room)| Listed {
        name: &room.name,
        members: room.members.len(),
        topic: room.topic.as_deref(),
        created: room.created,
        is_cared_for: room.has_settings(),
    });
    let stored = rooms.stored().filter(move |room| sees_all || !room.is_secret());
    let stored = stored.map(|room| Listed {
        name: &room.name,
        members: 0,
        topic: room.topic.as_deref(),
        created: room.created,
        is_cared_for: room.has_settings(),
    });
    in_memory.chain(stored)
}

impl Hub {
    /// LIST
    pub(in crate::chat::hub::irc) fn irc_list(&mut self, call: &Call) {
        let Some(asker) = self.caller(call) else { return };
        if self.is_other_server(call, 1) {
            return;
        }
        let (network, at) = (Network::of_client(self.sessions.ip(asker.id)), call.now.at);
        if !self.searches.allows(network, at) {
            return self.numeric(asker.id, 263, &["LIST"], TRY_AGAIN);
        }
        let (conditions, now) = (Conditions::read(call.text(0)), call.now.local.unix_timestamp());
        let mut visited = 0;
        let all = visible(&self.shared, asker).inspect(|_| visited += 1);
        let found = all.filter(|listed| conditions.hold(listed, now)).map(|listed| {
            let topic = listed.topic.map_or_else(String::new, |topic| topic.text.to_string());
            (listed.members, format!("#{}", listed.name), topic)
        });
        let mut found: Vec<(usize, String, String)> = found.collect();
        self.searches.take(network, visited * conditions.steps(), at);
        found.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        self.numeric(asker.id, 321, &["Channel"], "Users  Name");
        // A session that has not read the list yet must not be disconnected because of it.
        let most = self.config.backlog_bytes / 2;
        let mut listed = 0;
        for (members, channel, topic) in &found {
            if self.sessions[asker.id].private_bytes() > most {
                break;
            }
            self.numeric(asker.id, 322, &[channel, &members.to_string()], topic);
            listed += 1;
        }
        if listed < found.len() {
            let more = found.len() - listed;
            self.server_notice(asker.id, &format!("{more} more channels are not listed; LIST *word* lists fewer."));
        }
        self.numeric(asker.id, 323, &[], "End of /LIST");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_from_words_between_commas() {
        let like = |pattern: &str| Condition::Like(pattern.into());
        let others = vec![
            Condition::Members { more: true, than: 3 },
            Condition::Members { more: false, than: 10 },
            Condition::Created { more: true, than: 2 },
            Condition::TopicSet { more: false, than: 0 },
            Condition::Unlike("*x*".into()),
        ];
        let expected = Conditions { names: vec![like("#den"), like("c>x"), like("d>3")], others };
        assert_eq!(Conditions::read(">3,<10,C>2,t<0,,!*X*,#Den,C>x,D>3"), expected);
        assert_eq!(Conditions::read(""), Conditions::default());
        assert_eq!(Conditions::read(&"a,".repeat(100)).names.len(), MAX_TARGETS);
    }

    #[test]
    fn channel_meets_all_conditions_and_one_of_the_names() {
        let topic = RoomTopic { name: "bob".into(), text: "fish".into(), at: 1_000 };
        let listed = Listed { name: "Den", members: 2, topic: Some(&topic), created: 400, is_cared_for: true };
        let is_listed = |list: &str| Conditions::read(list).hold(&listed, 1_120);
        for list in ["", "#DEN", "#x,*e*", "!#x", ">1,<3", "C>11,C<13", "T>1,T<3", "T>1,#d?n"] {
            assert!(is_listed(list), "{list}");
        }
        for list in ["#x", "!#d*", ">2", "<2", "C>12", "C<12", "T>2", "T<2", "den", ">1,#x"] {
            assert!(!is_listed(list), "{list}");
        }
    }

    #[test]
    fn unknown_times_meet_no_condition_about_times() {
        let listed = Listed { name: "den", members: 2, topic: None, created: 0, is_cared_for: false };
        for list in ["C>0", "C<100", "T>0", "T<100"] {
            assert!(!Conditions::read(list).hold(&listed, 1_120), "{list}");
        }
    }

    #[test]
    fn channel_without_members_is_listed_if_it_is_cared_for_or_asked_for() {
        let is_listed = |list: &str, is_cared_for| {
            let listed = Listed { name: "den", members: 0, topic: None, created: 0, is_cared_for };
            Conditions::read(list).hold(&listed, 1_120)
        };
        assert!(is_listed("", true) && is_listed("#den", false) && is_listed("*", false) && is_listed("<1", false));
        assert!(!is_listed("", false) && !is_listed("!#x", false) && !is_listed(">0", true));
    }

    #[test]
    fn steps_grow_with_the_patterns() {
        let steps = |list: &str| Conditions::read(list).steps();
        assert_eq!([steps(""), steps(">3,T>1"), steps("#den"), steps("#den,!*x*,<3")], [1, 1, 3, 4]);
    }
}
