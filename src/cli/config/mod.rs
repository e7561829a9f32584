//! The options in force: from the command line, the environment and a file, in this order.
//!
//! The file's values become arguments behind those of the command line, so that clap checks all values in the same way.

pub mod file;
mod print;
mod reload;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches};

use self::file::{ConfigFile, configurable};
use super::{Cli, Command};
use crate::server::service::activation::{self, SocketUse};
use crate::server::upgrade::TAKE_OVER;
use crate::server::{ReadSettings, Settings};

pub use print::print;
use reload::read_again;

/// Where the value of an option comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Default,
    /// The place in the file.
    File(String),
    Environment,
    CommandLine,
}

/// The value of an option, as it is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// One for each time that the option is given; none if it is not set and has no default.
    pub texts: Vec<String>,
    pub origin: Origin,
}

/// The options of a server with their origins, by name.
pub type Values = BTreeMap<String, Value>;

/// A parsed command line; if its command runs a server, with the values of the server's options.
pub struct Parsed {
    pub command: Command,
    pub values: Values,
    args: Vec<OsString>,
    /// The sockets that the service manager passes.
    sockets: Vec<SocketUse>,
    /// Whether the process takes over a running server.
    takes_over: bool,
}

impl Parsed {
    /// The settings of a server, which can read its options again while it runs; `None` if the command is about no server.
    pub fn settings(&self) -> Option<Settings> {
        let settings = self.command.serve()?.settings();
        let read = read_again(self.args.clone(), self.values.clone(), self.sockets.clone());
        Some(Settings { reload: Some(ReadSettings(Box::new(read))), takes_over: self.takes_over, ..settings })
    }
}

/// Parses a command line, whose first word is the name of the program.
///
/// # Errors
/// What is wrong with the command line, the environment or the file.
pub fn parse(args: &[OsString]) -> Result<Parsed, clap::Error> {
    match args {
        [name, word, rest @ ..] if word == TAKE_OVER => {
            // The predecessor hands the sockets of the service manager over, whose names it has left in the environment.
            let sockets = activation::announced().map_err(wrong)?;
            let parsed = parse_with(&[std::slice::from_ref(name), rest].concat(), Some(&sockets))?;
            match parsed.command {
                Command::Serve(_) => Ok(Parsed { takes_over: true, ..parsed }),
                _ => Err(wrong(format!(
                    "{TAKE_OVER} is a part of an upgrade; the server that is replaced starts it itself"
                ))),
            }
        }
        _ => parse_with(args, None),
    }
}

/// Parses a command line; `sockets` are those of the service manager if they are known already.
fn parse_with(args: &[OsString], sockets: Option<&[SocketUse]>) -> Result<Parsed, clap::Error> {
    let matches = Cli::command().try_get_matches_from(args)?;
    let Some(given) = options_of(&matches) else {
        let command = Cli::from_arg_matches(&matches)?.into_command();
        return Ok(Parsed { command, values: Values::new(), args: Vec::new(), sockets: Vec::new(), takes_over: false });
    };
    let Some(path) = given.get_one::<PathBuf>("config") else {
        return finish(args, sockets, &matches, &matches, None);
    };
    let file = ConfigFile::read(path, &Cli::command()).map_err(wrong)?;
    let mut all = args.to_vec();
    for entry in &file.entries {
        if !is_given(given, &id_of(&entry.key)) {
            all.extend(entry.values.iter().map(|value| OsString::from(format!("--{}={value}", entry.key))));
        }
    }
    match Cli::command().try_get_matches_from(&all) {
        Ok(merged) => finish(args, sockets, &merged, &matches, Some(&file)),
        Err(error) => Err(file.entries.iter().find_map(check_entry).map_or(error, wrong)),
    }
}

/// Checks one value of a file alone; returns what is wrong with it and where it stands.
fn check_entry(entry: &file::Entry) -> Option<String> {
    let args = entry.values.iter().map(|value| format!("--{}={value}", entry.key));
    let error = Cli::command().try_get_matches_from(["chinwag".to_owned()].into_iter().chain(args)).err()?;
    let text = error.to_string();
    let reason = text.strip_prefix("error: ").unwrap_or(&text).split("\n\nFor more").next().unwrap_or_default();
    let lines: Vec<&str> = reason.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    Some(format!("{}: {}", entry.place, lines.join("; ")))
}

/// Makes typed options of checked values. `given`: those of the command line and the environment alone.
fn finish(
    args: &[OsString],
    sockets: Option<&[SocketUse]>,
    merged: &ArgMatches,
    given: &ArgMatches,
    file: Option<&ConfigFile>,
) -> Result<Parsed, clap::Error> {
    let mut command = Cli::from_arg_matches(merged)?.into_command();
    let values = values(merged, given, file);
    let sockets = sockets.map_or_else(|| passed_sockets(&command), |known| Ok(known.to_vec())).map_err(wrong)?;
    if let Some(serve) = command.serve_mut() {
        let is_default = values.get("listen").is_none_or(|listen| listen.origin == Origin::Default);
        serve.add_sockets(sockets.clone(), is_default);
        check_needed(&values).and_then(|()| serve.check()).map_err(wrong)?;
    }
    Ok(Parsed { command, values, args: args.to_vec(), sockets, takes_over: false })
}

/// The sockets that the service manager passes to the server of this command, or will pass to the one that is checked.
fn passed_sockets(command: &Command) -> Result<Vec<SocketUse>, String> {
    match command {
        Command::Serve(_) => activation::passed(),
        Command::CheckConfig(_) => activation::announced(),
        _ => Ok(Vec::new()),
    }
}

fn values(merged: &ArgMatches, given: &ArgMatches, file: Option<&ConfigFile>) -> Values {
    let (Some(merged), Some(given)) = (options_of(merged), options_of(given)) else { return Values::new() };
    let value = |name: &str| {
        let id = id_of(name);
        let raw = merged.get_raw(&id).into_iter().flatten();
        let texts = raw.map(|text| text.to_string_lossy().into_owned()).collect();
        let entry = file.and_then(|file| file.entries.iter().find(|entry| entry.key == name));
        let origin = match (given.value_source(&id), entry) {
            (Some(ValueSource::CommandLine), _) => Origin::CommandLine,
            (Some(ValueSource::EnvVariable), _) => Origin::Environment,
            (_, Some(entry)) => Origin::File(entry.place.clone()),
            _ => Origin::Default,
        };
        Value { texts, origin }
    };
    let options = Cli::command();
    let names = configurable(&options).filter_map(|arg| arg.get_long());
    names.map(|name| (name.to_owned(), value(name))).collect()
}

/// Options that mean nothing without another one: the names of the others, of which one must be given, how they are
/// written, and the options.
const NEEDED: &[(&[&str], &str, &[&str])] = &[
    (&["store"], "--store FILE", &["sync", "keep", "keep-messages", "max-stored-rooms", "offline-whispers"]),
    // The nodes of a cluster have accounts also without a store.
    (&["store", "cluster"], "--store FILE or --cluster URL", &["operator", "max-accounts"]),
    (
        &["cluster"],
        "--cluster URL",
        &["cluster-name", "node", "cluster-ca", "cluster-replicas", "cluster-max-age", "cluster-max-bytes"],
    ),
];

fn check_needed(values: &Values) -> Result<(), String> {
    let is_set = |name: &&str| values.get(*name).is_some_and(|value| !value.texts.is_empty());
    let command = Cli::command();
    // The file that `print-config` prints has the defaults, too.
    let is_default = |name: &str, value: &Value| {
        let arg = configurable(&command).find(|arg| arg.get_long() == Some(name));
        arg.is_some_and(|arg| arg.get_default_values().iter().eq(&value.texts))
    };
    let is_given = |name: &&&str| {
        values.get(**name).is_some_and(|value| value.origin != Origin::Default && !is_default(name, value))
    };
    for (others, written, options) in NEEDED {
        if !others.iter().any(is_set)
            && let Some(name) = options.iter().find(is_given)
        {
            return Err(format!("--{name} needs {written}; add that, or leave --{name} out"));
        }
    }
    Ok(())
}

/// The matches of the options of a server, if the command has them.
fn options_of(matches: &ArgMatches) -> Option<&ArgMatches> {
    match matches.subcommand() {
        None => Some(matches),
        Some(("serve" | "check-config" | "print-config", serve)) => Some(serve),
        Some(("bench-part", part)) => part.subcommand_matches("server"),
        Some(_) => None,
    }
}

/// Whether an option stands on the command line or in the environment.
fn is_given(given: &ArgMatches, id: &str) -> bool {
    matches!(given.value_source(id), Some(ValueSource::CommandLine | ValueSource::EnvVariable))
}

/// The name that clap has for an option.
fn id_of(name: &str) -> String {
    name.replace('-', "_")
}

fn wrong(text: String) -> clap::Error {
    clap::Error::raw(ErrorKind::ValueValidation, text + "\n")
}
