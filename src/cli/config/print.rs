//! `chinwag print-config`: the options in force as a configuration file, with the origin of each.

use clap::{ArgAction, CommandFactory};

use super::file::{configurable, table_of};
use super::{Origin, Values};
use crate::cli::Cli;

/// Whether the values of an option have passwords, which are not shown.
fn is_secret(name: &str, texts: &[String]) -> bool {
    match name {
        "irc-oper" => !texts.is_empty(),
        "cluster" => texts.iter().any(|text| text.contains('@')),
        _ => false,
    }
}

/// The values as a configuration file.
pub fn print(values: &Values) -> String {
    let options = Cli::command();
    let mut text = String::from("# The options in force, and where each comes from.\n");
    if std::env::var_os("CHINWAG_PASSWORD").is_some_and(|password| !password.is_empty()) {
        text.push_str("# CHINWAG_PASSWORD in the environment has a password; it is not shown.\n");
    }
    let mut table = String::new();
    for arg in configurable(&options) {
        let name = arg.get_long().unwrap_or_default();
        let Some(value) = values.get(name) else { continue };
        if table_of(arg) != table {
            table = table_of(arg);
            text.push_str(&format!("\n[{table}]\n"));
        }
        let origin = match &value.origin {
            Origin::Default => "default",
            Origin::File(place) => place,
            Origin::Environment => "environment",
            Origin::CommandLine => "command line",
        };
        if is_secret(name, &value.texts) {
            text.push_str(&format!("# {name} is set and not shown, since it has passwords  # {origin}\n"));
            continue;
        }
        let words: Vec<String> = value.texts.iter().map(|text| toml_value(text)).collect();
        let line = match (&words[..], arg.get_action()) {
            (words, ArgAction::Append) => format!("{name} = [{}]  # {origin}\n", words.join(", ")),
            ([], _) => format!("# {name} is not set\n"),
            (words, _) => format!("{name} = {}  # {origin}\n", words.join(" ")),
        };
        text.push_str(&line);
    }
    text
}

/// A number as it is, another word in quotation marks.
fn toml_value(text: &str) -> String {
    let is_number = text.parse::<u64>().is_ok_and(|number| number.to_string() == text);
    if is_number { text.to_owned() } else { toml::Value::from(text).to_string() }
}
