//! The README says what is so.

use std::collections::BTreeSet;

use chinwag::cli::Cli;
use clap::CommandFactory;

use crate::harness::Server;

const README: &str = include_str!("../../README.md");

/// The rows of the tables under that heading, as cells.
fn rows(heading: &str) -> Vec<Vec<&'static str>> {
    let from = README.find(&format!("\n## {heading}\n")).expect("a heading") + 4;
    let section = &README[from..];
    let section = section.find("\n## ").map_or(section, |end| &section[..end]);
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

/// What stands between back quotes.
fn quoted(cell: &'static str) -> impl Iterator<Item = &'static str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn the_options_and_defaults_of_the_readme_are_those_of_the_program() {
    let mut stated: Vec<(String, String)> = Vec::new();
    for row in rows("Options") {
        let names = quoted(row[0]).map(|text| text.split([' ', '[']).next().unwrap_or_default());
        let defaults = row[1].replace('`', "");
        stated.extend(names.map(str::to_owned).zip(defaults.split(", ").map(str::to_owned)));
    }
    stated.retain(|(name, _)| name.starts_with("--"));
    let mut program = Vec::new();
    for arg in Cli::command().get_arguments() {
        let Some(long) = arg.get_long().filter(|long| !["verbose", "quiet"].contains(long)) else { continue };
        let default = match (arg.get_default_values().first(), long) {
            (Some(default), _) => default.to_string_lossy().into_owned(),
            (None, "max-clients") => "what the limit of file descriptors allows".into(),
            (None, _) => continue,
        };
        program.push((format!("--{long}"), default));
    }
    stated.sort();
    program.sort();
    assert_eq!(stated, program);
}

#[test]
fn every_command_of_the_readme_is_in_the_help() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    alice.send("/help\n/ping end\n");
    let help: String = std::iter::from_fn(|| Some(alice.line()).filter(|line| line != "* pong end")).collect();
    let typed = rows("The protocol").into_iter().flat_map(|row| quoted(row[0]));
    let words: BTreeSet<&str> = typed.filter_map(|typed| typed.split([' ', '\\']).next()).collect();
    assert!(words.len() > 15, "{words:?}");
    for word in words.iter().filter(|word| **word != "/help").map(|word| word.replace("bob", "name")) {
        assert!(help.contains(&word), "{word} is not in the help: {help}");
    }
}
