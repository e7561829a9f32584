//! Names of posters: programs that post messages by HTTP and are no members.

use compact_str::format_compact;

use super::{InvalidNick, MAX_WIDTH, Name, fold};

/// What the name of each poster ends with. No member can have such a name, since nicknames have no brackets.
const MARK: &str = "[bot]";

impl Name {
    /// The name of a poster that calls itself so: `ci[bot]` for `ci`.
    ///
    /// # Errors
    /// Always [`InvalidNick::Shape`]: the text is no nickname of at most 19 columns.
    pub fn poster(text: &str) -> Result<Name, InvalidNick<'static>> {
        let Name { shown, .. } = Name::of_width(text, MAX_WIDTH - MARK.len())?;
        let shown = format_compact!("{shown}{MARK}");
        let key = fold(&shown).into();
        Ok(Name { shown, key })
    }

    /// The name of a poster as it is typed, with its mark; `None` if no poster has such a name.
    pub fn typed_poster(text: &str) -> Option<Name> {
        let (name, mark) = text.split_at_checked(text.len().checked_sub(MARK.len())?)?;
        Name::poster(name).ok().filter(|_| mark.eq_ignore_ascii_case(MARK))
    }

    /// Whether a name, as it is shown, is that of a poster.
    pub fn is_poster(shown: &str) -> bool {
        Name::typed_poster(shown).is_some_and(|name| name.shown == shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::policy::nick::key_of;

    #[test]
    fn poster_has_a_mark_that_no_member_can_have() {
        for (text, shown) in
            [("ci", "ci[bot]"), (" Nagios ", "Nagios[bot]"), ("监控", "监控[bot]"), ("server", "server[bot]")]
        {
            let name = Name::poster(text).unwrap();
            assert_eq!((&*name.shown, Some(&*name.key)), (shown, key_of(shown).as_deref()));
            assert!(Name::is_poster(shown));
            for member in [Name::new(shown), Name::stored(shown), Name::room(shown)] {
                assert_eq!(member, Err(InvalidNick::Shape), "{shown}");
            }
        }
    }

    #[test]
    fn name_with_the_mark_is_no_wider_than_a_nickname() {
        assert_eq!(Name::poster(&"x".repeat(19)).unwrap().shown.len(), MAX_WIDTH);
        for bad in ["", " ", "two words", "ci[bot]", "a:b", &"x".repeat(20), &"张".repeat(10)] {
            assert_eq!(Name::poster(bad), Err(InvalidNick::Shape), "{bad:?}");
        }
    }

    #[test]
    fn typed_name_of_a_poster_is_found_in_any_case() {
        let key = |text: &str| Name::typed_poster(text).map(|name| name.key);
        assert_eq!(key("CI[Bot]"), Some("ci[bot]".into()));
        for other in ["ci", "[bot]", "bot]", "ci[bot", "ci [bot]x", "张", "张[bot", "a b[bot]"] {
            assert_eq!(key(other), None, "{other}");
        }
        assert!(!Name::is_poster("CI[Bot]") && !Name::is_poster("alice"));
    }
}
