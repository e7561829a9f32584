//! The settings that are the same on all nodes of a cluster.

use serde::{Deserialize, Serialize};

use crate::chat::config::{Config, Login};
use crate::chat::policy::nick::fold;

/// The settings on which depends what a change does. A node with others would come to another state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedSettings {
    login: Login,
    history: usize,
    history_bytes: usize,
    max_rooms: usize,
    max_follow: usize,
    max_accounts: usize,
    /// The folded names, in their order.
    operators: Vec<String>,
    /// See [`unicode_tables`]; `None` in a state that an older program has written.
    #[serde(default)]
    unicode_tables: Option<String>,
}

/// The versions of the Unicode tables by which names are allowed, equal or look alike: those of the standard library (letter
/// case), and of `caseless`, `unicode-normalization`, `unicode-security`, `unicode-script` and `unicode-width`.
fn unicode_tables() -> String {
    let wide = |(major, minor, patch): (u8, u8, u8)| (major.into(), minor.into(), patch.into());
    let versions: [(u64, u64, u64); 6] = [
        wide(char::UNICODE_VERSION),
        caseless::UNICODE_VERSION,
        wide(unicode_normalization::UNICODE_VERSION),
        unicode_security::UNICODE_VERSION,
        unicode_script::UNICODE_VERSION,
        wide(unicode_width::UNICODE_VERSION),
    ];
    versions.map(|(major, minor, patch)| format!("{major}.{minor}.{patch}")).join(", ")
}

/// The options whose values a reload does not change in a cluster.
pub const SHARED_OPTIONS: [&str; 5] = ["history", "max-rooms", "max-follow", "max-accounts", "operator"];

impl SharedSettings {
    /// Those among the settings of a server.
    pub fn of(config: &Config) -> SharedSettings {
        let mut operators: Vec<String> = config.operators.iter().map(|name| fold(name)).collect();
        operators.sort_unstable();
        operators.dedup();
        SharedSettings {
            login: config.login,
            history: config.history,
            history_bytes: config.history_bytes,
            max_rooms: config.max_rooms,
            max_follow: config.max_follow,
            max_accounts: config.max_accounts,
            operators,
            unicode_tables: Some(unicode_tables()),
        }
    }

    /// Sets these in the settings of a server.
    pub fn set_in(&self, config: &mut Config) {
        let SharedSettings {
            login, history, history_bytes, max_rooms, max_follow, max_accounts, ref operators, ..
        } = *self;
        (config.login, config.history, config.history_bytes) = (login, history, history_bytes);
        (config.max_rooms, config.max_follow, config.max_accounts) = (max_rooms, max_follow, max_accounts);
        config.operators = operators.clone();
    }

    /// Whether this program decides as the others which names are equal or look alike.
    ///
    /// # Errors
    /// If its Unicode tables are others: the text says what to do.
    pub fn check_tables(&self) -> Result<(), String> {
        let here = unicode_tables();
        match self.unicode_tables.as_ref().filter(|there| **there != here) {
            None => Ok(()),
            Some(there) => Err(format!(
                "the nodes of a cluster must have the same Unicode tables, by which names are equal or look alike: their \
                 versions are {there} there and {here} here. Start this node with the program that the others run; or \
                 stop all nodes, and start them with this program"
            )),
        }
    }

    /// Which of these differ from those of another node, and both values; an empty text if none does.
    pub fn differences(&self, here: &SharedSettings) -> String {
        let there = self;
        let names = |names: &[String]| if names.is_empty() { "nobody".to_owned() } else { names.join(", ") };
        let values = |settings: &SharedSettings| {
            [
                ("login", if settings.login == Login::Nickname { "nickname" } else { "address" }.into()),
                ("history", settings.history.to_string()),
                // No option of its own: at most half of the backlog.
                ("backlog-bytes (half of it, for a room's history)", settings.history_bytes.to_string()),
                ("max-rooms", settings.max_rooms.to_string()),
                ("max-follow", settings.max_follow.to_string()),
                ("max-accounts", settings.max_accounts.to_string()),
                ("operator", names(&settings.operators)),
            ]
        };
        let pairs = values(there).into_iter().zip(values(here)).filter(|(there, here)| there != here);
        let texts = pairs.map(|((option, there), (_, here))| format!("--{option} is {there} there and {here} here"));
        texts.collect::<Vec<_>>().join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_name_each_option_with_both_values() {
        let here = Config { operators: vec!["Bob".into(), "ALICE".into(), "alice".into()], ..Config::default() };
        let there = Config { max_rooms: 7, operators: vec!["alice".into()], ..here.clone() };
        let [here, there] = [here, there].map(|config| SharedSettings::of(&config));
        assert_eq!(
            there.differences(&here),
            "--max-rooms is 7 there and 256 here; --operator is alice there and alice, bob here"
        );
        assert_eq!(here.differences(&here), "");
        let mut config = Config::default();
        there.set_in(&mut config);
        assert_eq!(SharedSettings::of(&config), there);
    }

    #[test]
    fn other_unicode_tables_are_refused_and_unknown_ones_are_not() {
        let here = SharedSettings::of(&Config::default());
        assert_eq!(here.check_tables(), Ok(()));
        assert_eq!(SharedSettings { unicode_tables: None, ..here.clone() }.check_tables(), Ok(()));
        let there = SharedSettings { unicode_tables: Some("15.0.0, 16.0.0, 16.0.0".into()), ..here };
        let error = there.check_tables().unwrap_err();
        assert!(error.contains("15.0.0, 16.0.0, 16.0.0 there and") && error.contains("stop all nodes"), "{error}");
    }

    #[test]
    fn names_of_operators_are_the_same_in_any_case_and_order() {
        let of = |names: &[&str]| {
            let operators = names.iter().map(|&name| name.to_owned()).collect();
            SharedSettings::of(&Config { operators, ..Config::default() })
        };
        assert_eq!(of(&["Bob", "alice"]), of(&["ALICE", "bob"]));
    }
}
