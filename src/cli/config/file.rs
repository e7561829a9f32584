//! The configuration file: TOML whose keys are the names of options.
//!
//! Tables group the keys under the headings of `chinwag --help`, such as `[limits]`; a key may also stand above all tables.
//! TOML: <https://toml.io/en/v1.0.0>.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, Command};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::util::io_error::plain_words;

/// The longest file in bytes.
const MAX_BYTES: u64 = 1 << 20;
/// How alike two names are, from 0 to 1, before one is suggested for the other.
const MIN_SIMILARITY: f64 = 0.75;

/// One key and its values.
#[derive(Debug)]
pub struct Entry {
    /// The name of an option, without dashes in front.
    pub key: String,
    /// The values as they would be typed.
    pub values: Vec<String>,
    /// Where the value stands: `FILE:LINE:COLUMN`.
    pub place: String,
}

/// A configuration file.
#[derive(Debug)]
pub struct ConfigFile {
    pub path: PathBuf,
    pub entries: Vec<Entry>,
}

impl ConfigFile {
    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read, is longer than 1 MiB, is not TOML, or has an unknown key or a value of a wrong type. The text
    /// begins with the place in the file.
    pub fn read(path: &Path, options: &Command) -> Result<Self, String> {
        let text = read_text(path).map_err(|error| format!("{}: {}", path.display(), plain_words(&error)))?;
        let mut reader = Reader { path, text: &text, options, entries: Vec::new() };
        reader.read()?;
        Ok(ConfigFile { path: path.to_owned(), entries: reader.entries })
    }
}

fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    match text.len() as u64 > MAX_BYTES {
        true => Err(io::Error::other(format!("it is longer than {MAX_BYTES} bytes"))),
        false => Ok(text),
    }
}

/// The options that a file can have: those of a server, but for the file itself.
pub fn configurable(options: &Command) -> impl Iterator<Item = &Arg> {
    let is_other = |name: &str| ["config", "verbose", "quiet", "help", "version"].contains(&name);
    options.get_arguments().filter(move |arg| arg.get_long().is_some_and(|name| !is_other(name)))
}

/// The name of the table under which an option may stand: its heading in the help.
pub fn table_of(arg: &Arg) -> String {
    arg.get_help_heading().unwrap_or_default().to_lowercase().replace(' ', "-")
}

type Key<'a> = Spanned<Cow<'a, str>>;

/// The keys of a table as they stand in the file.
fn in_order<'a, 'i>(table: &'a DeTable<'i>) -> Vec<(&'a Key<'i>, &'a Spanned<DeValue<'i>>)> {
    let mut keys: Vec<_> = table.iter().collect();
    keys.sort_by_key(|(key, _)| key.span().start);
    keys
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    options: &'a Command,
    entries: Vec<Entry>,
}

impl Reader<'_> {
    fn read(&mut self) -> Result<(), String> {
        let parsed = DeTable::parse(self.text).map_err(|error| {
            let place = self.place(error.span().unwrap_or_default());
            format!("{place}: {}", error.message().replace('\n', "; "))
        })?;
        in_order(parsed.get_ref()).into_iter().try_for_each(|(key, value)| match value.get_ref() {
            DeValue::Table(table) => self.read_table(key, table),
            _ => self.read_entry(key, value),
        })
    }

    fn read_table(&mut self, name: &Key, table: &DeTable) -> Result<(), String> {
        let tables: Vec<String> = configurable(self.options).map(table_of).collect();
        if !tables.iter().any(|table| table == name.get_ref()) {
            let hint = suggestion(name.get_ref(), tables.iter().map(String::as_str))
                .map_or_else(String::new, |similar| format!("; did you mean [{similar}]?"));
            return Err(format!("{}: there is no table [{}]{hint}", self.place(name.span()), name.get_ref()));
        }
        in_order(table).into_iter().try_for_each(|(key, value)| self.read_entry(key, value))
    }

    fn read_entry(&mut self, key: &Key, value: &Spanned<DeValue>) -> Result<(), String> {
        let (name, place) = (key.get_ref(), self.place(key.span()));
        let Some(arg) = configurable(self.options).find(|arg| arg.get_long() == Some(name)) else {
            let names = configurable(self.options).filter_map(Arg::get_long);
            let hint = match &**name {
                "verbose" | "quiet" => "; write log-level".into(),
                "config" => "; a file cannot name another one".into(),
                _ => suggestion(name, names).map_or_else(String::new, |similar| format!("; did you mean {similar}?")),
            };
            return Err(format!("{place}: there is no option {name}{hint}"));
        };
        if let Some(first) = self.entries.iter().find(|entry| entry.key == **name) {
            return Err(format!("{place}: {name} is set a second time, after {}", first.place));
        }
        let place = self.place(value.span());
        let values = match value.get_ref() {
            DeValue::Array(items) if matches!(arg.get_action(), ArgAction::Append) => {
                items.iter().map(|item| word(item.get_ref())).collect()
            }
            DeValue::Array(_) => return Err(format!("{place}: {name} has one value, not a list")),
            value => word(value).map(|value| vec![value]),
        };
        let values = values.ok_or_else(|| format!("{place}: {name} is a text, a number, true or false"))?;
        self.entries.push(Entry { key: name.to_string(), values, place });
        Ok(())
    }

    /// The place of a byte in the file; lines and columns count from 1, and columns are characters.
    fn place(&self, span: Range<usize>) -> String {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        format!("{}:{line}:{column}", self.path.display())
    }
}

/// A value as it would be typed on the command line.
fn word(value: &DeValue) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => match i128::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Some(number.to_string()),
            Err(_) => Some(number.as_str().into()),
        },
        DeValue::Float(number) => Some(number.as_str().into()),
        DeValue::Boolean(is_true) => Some(is_true.to_string()),
        _ => None,
    }
}

/// The name that is most like a wrong one.
fn suggestion<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let alike = |name: &str| strsim::jaro_winkler(wrong, name);
    names.filter(|name| alike(name) >= MIN_SIMILARITY).max_by(|a, b| alike(a).total_cmp(&alike(b)))
}
