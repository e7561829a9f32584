//! `chinwag manual`: the reference, which is built into the program.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::builder::PossibleValue;
use clap::{Args, CommandFactory, ValueEnum};

use super::Cli;

/// What is printed: a topic, the list of topics, or a man page.
#[derive(Clone, Debug, Args)]
pub struct Manual {
    /// protocol, accounts, roles, client, web, irc, tls, proxies, storage, api, service, cluster, options or benchmark; without one, the topics are listed
    #[arg(value_enum, hide_possible_values = true)]
    topic: Option<Topic>,

    /// Write man pages into this folder instead: chinwag.1, one for each command, and chinwag-TOPIC.7
    #[arg(long, value_name = "DIR", conflicts_with = "topic")]
    man: Option<PathBuf>,
}

/// A part of the manual: one file of `src/manual`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Topic {
    /// The plain line protocol: commands, queue, limits, the operator
    Protocol,
    /// Accounts, passwords, names that look alike
    Accounts,
    /// Roles, room settings, kick, mute, ban and deletion
    Roles,
    /// The terminal client: keys and options
    Client,
    /// Browsers and JSON: the WebSocket, a bot, who may connect, metrics
    Web,
    /// IRC: channels, accounts, settings for clients, a bot
    Irc,
    /// TLS: certificates, fingerprints, other clients
    Tls,
    /// Proxies that name their clients, and Unix sockets
    Proxies,
    /// Storage: history in a file, backup, export and import
    Storage,
    /// Messages that programs post: tokens, the request, its answers
    Api,
    /// A service of systemd: units, sockets, upgrades; packages
    Service,
    /// Several servers as one chat, over nats-server
    Cluster,
    /// Options of the server, signals, exit codes
    Options,
    /// The load test: figures, scenarios, other servers
    Benchmark,
}

impl Topic {
    fn text(self) -> &'static str {
        match self {
            Topic::Protocol => include_str!("../manual/protocol.md"),
            Topic::Accounts => include_str!("../manual/accounts.md"),
            Topic::Roles => include_str!("../manual/roles.md"),
            Topic::Client => include_str!("../manual/client.md"),
            Topic::Web => include_str!("../manual/web.md"),
            Topic::Irc => include_str!("../manual/irc.md"),
            Topic::Tls => include_str!("../manual/tls.md"),
            Topic::Proxies => include_str!("../manual/proxies.md"),
            Topic::Storage => include_str!("../manual/storage.md"),
            Topic::Api => include_str!("../manual/api.md"),
            Topic::Service => include_str!("../manual/service.md"),
            Topic::Cluster => include_str!("../manual/cluster.md"),
            Topic::Options => include_str!("../manual/options.md"),
            Topic::Benchmark => include_str!("../manual/benchmark.md"),
        }
    }
}

impl Manual {
    /// Prints the topic, or the list of topics, to standard output.
    ///
    /// # Errors
    /// If standard output cannot be written; a reader that has closed it is none.
    pub fn print(&self) -> io::Result<()> {
        if let Some(folder) = &self.man {
            return write_man_pages(folder);
        }
        let text = match self.topic {
            Some(topic) => topic.text().to_owned(),
            None => topics(),
        };
        match io::stdout().write_all(text.as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => result,
        }
    }
}

/// Writes the man pages of the program, its commands and the topics.
fn write_man_pages(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    clap_mangen::generate_to(Cli::command(), folder)?;
    for topic in Topic::value_variants() {
        let value = topic.to_possible_value().expect("a name");
        fs::write(folder.join(format!("chinwag-{}.7", value.get_name())), man_page(&value, topic.text()))?;
    }
    Ok(())
}

/// A topic as a man page (man(7)); the text stands in it as it is written.
fn man_page(topic: &PossibleValue, text: &str) -> String {
    let name = topic.get_name();
    let help = topic.get_help().map(ToString::to_string).unwrap_or_default();
    let mut page = format!(".TH chinwag-{name} 7\n.SH NAME\nchinwag-{name} \\- {help}\n.SH DESCRIPTION\n.nf\n");
    for line in text.lines() {
        // A line that begins with a dot or an apostrophe would be a request.
        let line = line.replace('\\', "\\e").replace('-', "\\-");
        let mark = if line.starts_with(['.', '\'']) { "\\&" } else { "" };
        page.push_str(&format!("{mark}{line}\n"));
    }
    page + ".fi\n"
}

fn topics() -> String {
    let mut text = "chinwag manual TOPIC prints one of these:\n\n".to_owned();
    for value in Topic::value_variants().iter().filter_map(Topic::to_possible_value) {
        let help = value.get_help().map(ToString::to_string).unwrap_or_default();
        text.push_str(&format!("    {:<10} {help}\n", value.get_name()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_listed_with_what_they_are_about() {
        let text = topics();
        assert!(text.contains("protocol   The plain line protocol"), "{text}");
        assert_eq!(text.lines().count(), 2 + Topic::value_variants().len());
    }
}
