//! The server's own words, one file a language.

mod en;
mod zh;

use std::fmt::{self, Display, Formatter};

use super::event::{Notice, Refusal};

/// The language in which the server speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Chinese.
    Zh,
}

impl Lang {
    /// Its tag (RFC 5646).
    pub fn code(self) -> &'static str {
        match self {
            Lang::En => "en",
            Lang::Zh => "zh",
        }
    }

    /// The words of a notice.
    pub fn notice<'a>(self, notice: &'a Notice<'a>) -> impl Display + 'a {
        Words(move |f: &mut Formatter| match self {
            Lang::En => en::notice(notice, f),
            Lang::Zh => zh::notice(notice, f),
        })
    }

    /// The words of a refusal.
    pub fn refusal<'a>(self, refusal: &'a Refusal<'a>) -> impl Display + 'a {
        Words(move |f: &mut Formatter| match self {
            Lang::En => en::refusal(refusal, f),
            Lang::Zh => zh::refusal(refusal, f),
        })
    }

    /// What `/help` shows to a member.
    pub fn help(self) -> &'static [&'static str] {
        match self {
            Lang::En => en::HELP,
            Lang::Zh => zh::HELP,
        }
    }

    /// What `/help` shows to the operator.
    pub fn operator_help(self) -> &'static [&'static str] {
        match self {
            Lang::En => en::OPERATOR_HELP,
            Lang::Zh => zh::OPERATOR_HELP,
        }
    }
}

struct Words<F>(F);

impl<F: Fn(&mut Formatter) -> fmt::Result> Display for Words<F> {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        (self.0)(f)
    }
}

/// Writes a list with `comma` between its items and `and` before the last.
fn list<T: Display>(f: &mut Formatter, items: &[T], comma: &str, and: &str) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        match items.len() - index {
            _ if index == 0 => {}
            1 => f.write_str(and)?,
            _ => f.write_str(comma)?,
        }
        item.fmt(f)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;

    #[test]
    fn help_fits_a_terminal_of_80_columns() {
        for lang in [Lang::En, Lang::Zh] {
            for line in lang.help().iter().chain(lang.operator_help()) {
                // Written as a notice, which begins with `* `.
                assert!("* ".width() + line.width() <= 80, "{line} takes {} columns", line.width());
            }
        }
    }
}
