//! The manual matches the program.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use chinwag::cli::Cli;
use chinwag::util::tls::fingerprint::Fingerprint;
use clap::CommandFactory;

use crate::harness::{PROGRAM, Server, wait};
use crate::store::TestDir;

const OPTIONS: &str = include_str!("../../src/manual/options.md");
const CLIENT: &str = include_str!("../../src/manual/client.md");
const PROTOCOL: &str = include_str!("../../src/manual/protocol.md");
const TLS: &str = include_str!("../../src/manual/tls.md");
const CLUSTER: &str = include_str!("../../src/manual/cluster.md");
const BENCHMARK: &str = include_str!("../../src/manual/benchmark.md");

/// Cells of the table rows of a text.
fn rows(text: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect())
}

/// The texts between back quotes.
fn quoted(cell: &'static str) -> impl Iterator<Item = &'static str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn manual_options_and_defaults_match_the_program() {
    let mut stated: Vec<(String, String)> = Vec::new();
    for row in rows(OPTIONS) {
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
            (None, "max-follow") => "20".into(),
            (None, "max-clients") => "what the limit of file descriptors allows".into(),
            (None, _) => "none".into(),
        };
        program.push((format!("--{long}"), default));
    }
    stated.sort();
    program.sort();
    assert_eq!(stated, program);
}

#[test]
fn manual_terminal_client_options_match_the_program() {
    let stated = rows(CLIENT).filter(|row| row[0].starts_with("`--"));
    let stated: BTreeSet<&str> =
        stated.flat_map(|row| quoted(row[0])).filter_map(|text| text.split(' ').next()).collect();
    let cli = Cli::command();
    let connect = cli.find_subcommand("connect").expect("connect");
    let program: Vec<String> =
        connect.get_arguments().filter_map(|arg| arg.get_long()).map(|long| format!("--{long}")).collect();
    assert_eq!(stated, program.iter().map(String::as_str).collect());
}

#[test]
fn manual_commands_are_in_the_help() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    alice.send("/help\n/ping end\n");
    let help: String = std::iter::from_fn(|| Some(alice.line()).filter(|line| line != "* pong end")).collect();
    let section = PROTOCOL.split("\n## ").find(|section| section.starts_with("Commands")).expect("a section");
    let commands = rows(section);
    let typed = commands.flat_map(|row| quoted(row[0]));
    let words: BTreeSet<&str> = typed.filter_map(|typed| typed.split([' ', '\\']).next()).collect();
    assert!(words.len() > 15, "{words:?}");
    for word in words.iter().filter(|word| **word != "/help").map(|word| word.replace("bob", "name")) {
        assert!(help.contains(&word), "{word} is not in the help: {help}");
    }
}

#[test]
fn manual_words_are_those_of_the_fingerprint_beside_them() {
    let after = |mark: &str| TLS.split(mark).nth(1).and_then(|rest| rest.split_whitespace().next()).expect("a word");
    let fingerprint: Fingerprint = after("--tls-fingerprint ").parse().expect("a fingerprint");
    assert_eq!(after("To be read over a phone: "), fingerprint.words());
    let pinned = format!("sha256//{}=", fingerprint.to_string().trim_start_matches("SHA256:"));
    assert!(TLS.contains(&pinned), "{pinned}");
    assert_eq!(TLS.matches(&*fingerprint.words()).count(), 2);
}

#[test]
fn manual_load_test_commands_are_valid() {
    let blocks = BENCHMARK.lines().filter_map(|line| line.strip_prefix("    chinwag bench "));
    // The last column of the performance table.
    let table = BENCHMARK.lines().skip_while(|line| !line.ends_with("`chinwag bench …` |")).skip(2);
    let cells = table.take_while(|line| line.starts_with("| ")).filter_map(|row| row.split(" | ").nth(2));
    let commands: Vec<&str> = blocks.chain(cells.flat_map(quoted)).collect();
    assert!(commands.len() > 10, "{commands:?}");
    for command in commands {
        let command = command.split('#').next().unwrap_or_default();
        // Every second part is in quotes.
        let parts = command.split('\'').enumerate().flat_map(|(number, part)| match number % 2 {
            0 => part.split_whitespace().collect(),
            _ => vec![part],
        });
        let args = ["chinwag", "bench"].into_iter().chain(parts);
        Cli::command().try_get_matches_from(args).unwrap_or_else(|error| panic!("{command}: {error}"));
    }
}

/// The code in a section of a topic, as `chinwag manual` prints it.
fn printed_code(topic: &str, section: &str) -> String {
    let printed = Command::new(PROGRAM).args(["manual", topic]).output().expect("the manual").stdout;
    let text = String::from_utf8(printed).expect("UTF-8");
    let section = text.split("\n## ").find(|part| part.lines().next() == Some(section)).expect("the section");
    section.lines().filter_map(|line| line.strip_prefix("    ")).map(|line| format!("{line}\n")).collect()
}

#[test]
#[ignore = "needs python3"]
fn bot_of_the_manual_answers_what_is_said_after_it_came() {
    let code = printed_code("web", "A bot");
    assert!(code.lines().count() <= 15, "{code}");
    let server = Server::start(&[]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    alice.send("!time\n");
    bob.expect("[T] alice: !time");
    bob.ask("/join den", &["* You are in den. 1 here: you."]);
    bob.send("!time\n");
    alice.expect("* bob left (1 here)");

    let port = server.addr.port().to_string();
    let mut bot = Command::new("python3").args(["-c", &code, "127.0.0.1", &port, "den"]).spawn().expect("python3");
    alice.expect("* clock joined (2 here)");
    bob.expect("* clock joined (2 here)");
    for member in [&mut alice, &mut bob] {
        member.send("!time\n");
        let answer = member.line();
        assert!(answer.starts_with("[T] clock: "), "{answer}");
    }
    alice.ask("@clock !time", &["[T] you -> clock: !time"]);
    let answer = alice.line();
    assert!(answer.starts_with("[T] clock -> you: "), "{answer}");
    alice.expect_nothing();
    bob.expect_nothing();
    drop(server);
    assert!(wait(&mut bot).success());
}

/// The examples of the page about clusters that begin with `first`, without their indentation.
pub fn cluster_examples(first: &str) -> Vec<String> {
    let blocks = CLUSTER.split("\n\n").filter(|block| block.starts_with(&format!("    {first}")));
    blocks.map(|block| block.lines().map(|line| format!("{}\n", line.trim_start())).collect()).collect()
}

#[test]
fn manual_configuration_of_a_cluster_is_valid() {
    let dir = TestDir::new();
    let file = dir.0.join("chinwag.toml");
    let examples = cluster_examples("listen =");
    assert_eq!(examples.len(), 1);
    // The site has the same file with other servers.
    let site: String = cluster_examples("cluster =").concat();
    let own = examples[0].lines().filter(|line| !line.starts_with("cluster =")).collect::<Vec<_>>().join("\n");
    for text in [&examples[0], &format!("{own}\n{site}")] {
        fs::write(&file, text).expect("a file");
        let output = Command::new(PROGRAM).args(["check-config", "--config"]).arg(&file).output().expect("output");
        assert!(output.status.success(), "{text}: {output:?}");
    }
}
