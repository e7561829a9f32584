//! LIST: the channels that a member may know of. Source: <https://modern.ircdocs.horse/#list-message>.

use super::Call;
use super::isupport::MAX_TARGETS;
use crate::chat::hub::check::permissions::Act;
use crate::chat::hub::plan::Asker;
use crate::chat::hub::{Hub, Shared};
use crate::chat::id::RoomId;
use crate::chat::policy::mask::is_match;
use crate::chat::room::RoomTopic;

/// A channel that may be listed.
struct Listed<'a> {
    name: &'a str,
    members: usize,
    topic: Option<&'a RoomTopic>,
    created: i64,
}

/// What a channel must have to be listed; ELIST of ISUPPORT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition<'a> {
    /// `>n`, `<n`: more members, or fewer.
    Members { more: bool, than: u64 },
    /// `C>n`, `C<n`: it was created more than n minutes ago, or less.
    Created { more: bool, than: u64 },
    /// `T>n`, `T<n`: its topic was set more than n minutes ago, or less.
    TopicSet { more: bool, than: u64 },
    /// A name or a pattern for it. Of several, one must match.
    Like(&'a str),
    /// `!pattern`: its name does not match.
    Unlike(&'a str),
}

impl Condition<'_> {
    /// `now` is in seconds since 1970.
    fn holds(self, channel: &str, listed: &Listed, now: i64) -> bool {
        let compare = |more, number: u64, than| if more { number > than } else { number < than };
        let is_age = |more, at: i64, than: u64| {
            at > 0 && compare(more, now.saturating_sub(at).max(0) as u64, than.saturating_mul(60))
        };
        match self {
            Condition::Members { more, than } => compare(more, listed.members as u64, than),
            Condition::Created { more, than } => is_age(more, listed.created, than),
            Condition::TopicSet { more, than } => is_age(more, listed.topic.map_or(0, |topic| topic.at), than),
            Condition::Like(pattern) => is_match(pattern, channel),
            Condition::Unlike(pattern) => !is_match(pattern, channel),
        }
    }
}

/// The conditions of a LIST.
fn read_conditions(list: &str) -> Vec<Condition<'_>> {
    let words = list.split(',').filter(|word| !word.is_empty()).take(MAX_TARGETS);
    words.map(|word| read_condition(word).unwrap_or(Condition::Like(word))).collect()
}

fn read_condition(word: &str) -> Option<Condition<'_>> {
    if let Some(pattern) = word.strip_prefix('!') {
        return Some(Condition::Unlike(pattern));
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

/// Whether a channel meets the conditions.
fn is_listed(conditions: &[Condition], channel: &str, listed: &Listed, now: i64) -> bool {
    let (names, others): (Vec<Condition>, Vec<Condition>) =
        conditions.iter().partition(|condition| matches!(condition, Condition::Like(_)));
    let holds = |condition: &Condition| condition.holds(channel, listed, now);
    (names.is_empty() || names.iter().any(holds)) && others.iter().all(holds)
}

/// The channels that a member may know of: those with members, and those that are kept without.
fn visible(shared: &Shared, asker: Asker) -> impl Iterator<Item = Listed<'_>> {
    let rooms = &shared.rooms;
    let sees_all = shared.may(asker.member, Act::SeeSecretRooms, None);
    let lobby = &rooms[RoomId::LOBBY];
    let lobby = Some((RoomId::LOBBY, lobby)).filter(|(_, lobby)| lobby.members.is_empty() && lobby.is_kept());
    let in_memory = rooms.occupied().chain(lobby).chain(rooms.empty());
    let in_memory = in_memory.filter(move |(id, _)| sees_all || shared.sees(asker.member, *id));
    let in_memory = in_memory.map(|(_, room)| Listed {
        name: &room.name,
        members: room.members.len(),
        topic: room.topic.as_deref(),
        created: room.created,
    });
    let stored = rooms.stored().filter(move |room| sees_all || !room.is_secret());
    let stored =
        stored.map(|room| Listed { name: &room.name, members: 0, topic: room.topic.as_deref(), created: room.created });
    in_memory.chain(stored)
}

impl Hub {
    /// LIST
    pub(super) fn irc_list(&mut self, call: &Call) {
        let Some(asker) = self.caller(call) else { return };
        if self.is_other_server(call, 1) {
            return;
        }
        let (conditions, now) = (read_conditions(call.text(0)), call.now.local.unix_timestamp());
        let found = visible(&self.shared, asker).filter_map(|listed| {
            let channel = format!("#{}", listed.name);
            let topic = listed.topic.map_or_else(String::new, |topic| topic.text.to_string());
            is_listed(&conditions, &channel, &listed, now).then_some((listed.members, channel, topic))
        });
        let mut found: Vec<(usize, String, String)> = found.collect();
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
        let expected = [
            Condition::Members { more: true, than: 3 },
            Condition::Members { more: false, than: 10 },
            Condition::Created { more: true, than: 2 },
            Condition::TopicSet { more: false, than: 0 },
            Condition::Unlike("*x*"),
            Condition::Like("#den"),
            Condition::Like("C>x"),
            Condition::Like("D>3"),
        ];
        assert_eq!(read_conditions(">3,<10,C>2,t<0,,!*x*,#den,C>x,D>3"), expected);
        assert_eq!(read_conditions(""), []);
        assert_eq!(read_conditions(&"a,".repeat(100)).len(), MAX_TARGETS);
    }

    #[test]
    fn channel_meets_all_conditions_and_one_of_the_names() {
        let topic = RoomTopic { name: "bob".into(), text: "fish".into(), at: 1_000 };
        let listed = Listed { name: "den", members: 2, topic: Some(&topic), created: 400 };
        let is_listed = |list: &str| is_listed(&read_conditions(list), "#den", &listed, 1_120);
        for list in ["", "#DEN", "#x,*e*", "!#x", ">1,<3", "C>11,C<13", "T>1,T<3", "T>1,#d?n"] {
            assert!(is_listed(list), "{list}");
        }
        for list in ["#x", "!#d*", ">2", "<2", "C>12", "C<12", "T>2", "T<2", "den", ">1,#x"] {
            assert!(!is_listed(list), "{list}");
        }
    }

    #[test]
    fn unknown_times_meet_no_condition_about_times() {
        let listed = Listed { name: "den", members: 2, topic: None, created: 0 };
        for list in ["C>0", "C<100", "T>0", "T<100"] {
            assert!(!is_listed(&read_conditions(list), "#den", &listed, 1_120), "{list}");
        }
    }
}
