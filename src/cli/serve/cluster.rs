//! The options of a cluster, and what they need of the others.

use std::ffi::OsStr;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Command, Error};

use super::Serve;
use crate::cluster::nats::ServerAddr;
use crate::cluster::replica::NodeName;
use crate::cluster::settings::{ClusterSettings, LogSettings};

/// The longest line in bytes: some of them must fit in one entry of the log.
const MAX_LINE: u64 = 32 * 1024;
const SECONDS_OF_A_DAY: u64 = 24 * 60 * 60;

/// The addresses of one `--cluster`.
#[derive(Clone, Debug)]
pub struct ClusterAddrs(Vec<ServerAddr>);

/// Parses the addresses of one `--cluster`. Its errors do not repeat the value, which can have a password.
#[derive(Clone)]
pub struct ClusterAddrsParser;

impl TypedValueParser for ClusterAddrsParser {
    type Value = ClusterAddrs;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<ClusterAddrs, Error> {
        cluster_addrs(&value.to_string_lossy()).map_err(|why| {
            let option = arg.map(ToString::to_string).unwrap_or_default();
            Error::raw(ErrorKind::ValueValidation, format!("invalid value for '{option}': {why}\n")).with_cmd(command)
        })
    }
}

/// Parses `nats://[USER:PASSWORD@]HOST:PORT[,HOST:PORT...]`. What stands before the first host holds for those after a comma, too,
/// up to the next whole address.
fn cluster_addrs(text: &str) -> Result<ClusterAddrs, String> {
    let mut before = String::new();
    let mut addrs = Vec::new();
    for (index, part) in text.split(',').enumerate() {
        let wrong = |why: &dyn ToString| match text.contains(',') {
            true => format!("address {}: {}", index + 1, why.to_string()),
            false => why.to_string(),
        };
        let whole = match part.contains("://") {
            true => part.to_owned(),
            false if part.contains('@') => {
                let why = "a comma ends an address; write %2C for one in a user or a password, and nats:// before an address \
                           that has its own user";
                return Err(wrong(&why));
            }
            false => format!("{before}{part}"),
        };
        addrs.push(whole.parse().map_err(|error| wrong(&error))?);
        let host = whole.rfind('@').map(|at| at + 1).or_else(|| whole.find("://").map(|at| at + 3));
        before = whole[..host.unwrap_or_default()].to_owned();
    }
    Ok(ClusterAddrs(addrs))
}

/// Parses the name of a cluster or of a node.
pub fn node_name(text: &str) -> Result<NodeName, String> {
    NodeName::try_from(text.to_owned())
        .map_err(|_| "write 1 to 32 letters (a to z, A to Z), digits, - and _, such as web-1".into())
}

/// Parses on how many servers the log is kept: JetStream needs a majority of them.
pub fn replicas() -> impl TypedValueParser<Value = u32> {
    PossibleValuesParser::new(["1", "3", "5"]).map(|text| text.parse().expect("a number"))
}

impl Serve {
    /// How the server takes part in a cluster, if it does.
    pub(super) fn cluster(&self) -> Option<ClusterSettings> {
        let cluster = &self.cluster;
        let servers: Vec<ServerAddr> = cluster.cluster.iter().flat_map(|addrs| &addrs.0).cloned().collect();
        let (Some(name), Some(node), false) = (&cluster.cluster_name, &cluster.node, servers.is_empty()) else {
            return None;
        };
        Some(ClusterSettings {
            servers,
            tls_ca: cluster.cluster_ca.clone(),
            cluster: name.clone(),
            node: node.clone(),
            log: LogSettings {
                replicas: cluster.cluster_replicas,
                max_age: Some(Duration::from_secs(u64::from(cluster.cluster_max_age) * SECONDS_OF_A_DAY)),
                max_bytes: Some(cluster.cluster_max_bytes),
            },
        })
    }

    /// Checks what each server of a cluster needs: a name, rooms, nicknames, and lines that fit in the log. Addresses cannot be
    /// the names of members there: the same address is another member at each server.
    pub(super) fn check_cluster(&self) -> Result<(), String> {
        let line = self.limits.max_line;
        if self.cluster.cluster.is_empty() {
            return Ok(());
        }
        if self.cluster.cluster_name.is_none() {
            return Err(
                "--cluster needs --cluster-name NAME, the same name at all servers of the cluster; add that".into()
            );
        }
        if self.cluster.node.is_none() {
            return Err("--cluster needs --node NAME, another name at each server of the cluster; add that".into());
        }
        if !self.hub().has_followed_rooms() {
            return Err("--cluster needs --mode hub and --login nickname; leave it out, or change these".into());
        }
        if line > MAX_LINE {
            return Err(format!(
                "--max-line {line} is too long for --cluster, whose log has small entries; give --max-line {MAX_LINE} or less"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    const NAMES: [&str; 4] = ["--cluster-name", "office", "--node", "web-1"];
    const CLUSTER: [&str; 2] = ["--cluster", "nats://a"];

    fn parse(args: &[&[&str]]) -> Result<Serve, String> {
        let parsed = Cli::try_parse_from([&["chinwag"], &args.concat()[..]].concat());
        let command = parsed.map_err(|error| error.to_string())?.into_command();
        Ok(command.serve().expect("a server").clone())
    }

    fn settings(args: &[&[&str]]) -> Option<ClusterSettings> {
        parse(args).unwrap_or_else(|error| panic!("{error}")).settings().cluster
    }

    /// The addresses with the scheme and what stands for the credentials.
    fn servers(args: &[&[&str]]) -> Vec<String> {
        let settings = settings(&[args, &[&NAMES]].concat()).expect("a cluster");
        let shown = |addr: &ServerAddr| {
            let by = addr.credentials.as_ref().map_or_else(String::new, |by| format!("{by:?} "));
            format!("{by}{}{addr}", if addr.tls { "TLS " } else { "" })
        };
        settings.servers.iter().map(shown).collect()
    }

    #[test]
    fn address_after_a_comma_has_the_scheme_and_credentials_of_the_one_before() {
        for (text, expected) in [
            ("nats://a", &["a:4222"][..]),
            ("nats://a:1,b:2,[::1]", &["a:1", "b:2", "[::1]:4222"]),
            ("tls://bob:x@a,b:2", &["User(\"bob\", ...) TLS a:4222", "User(\"bob\", ...) TLS b:2"]),
            ("nats://bob:a@b@h1,h2", &["User(\"bob\", ...) h1:4222", "User(\"bob\", ...) h2:4222"]),
            ("nats://t@a,tls://b,c", &["Token(...) a:4222", "TLS b:4222", "TLS c:4222"]),
        ] {
            assert_eq!(servers(&[&["--cluster", text]]), expected, "{text}");
        }
        let twice = ["--cluster", "nats://bob:x@a", "--cluster", "nats://b,c"];
        assert_eq!(servers(&[&twice]), ["User(\"bob\", ...) a:4222", "b:4222", "c:4222"]);
    }

    #[test]
    fn wrong_addresses_are_refused_without_their_password() {
        for (text, why) in [
            ("a:4222", "it does not begin with nats:// or tls://; write nats://HOST:PORT"),
            ("", "it does not begin with nats:// or tls://"),
            ("nats://bob:hush@a,b:x", "address 2: its port is not a number from 1 to 65535"),
            ("nats://bob:hush@a,", "address 2: it has no host"),
            ("nats://bob:%ffhush@a", "its user, password or token is not UTF-8"),
            ("nats://a,bob:hush@b", "address 2: a comma ends an address; write %2C"),
            ("nats://bob:hu,sh@b", "address 1: its port is not a number"),
        ] {
            let error = parse(&[&["--cluster", text], &NAMES]).expect_err(text);
            assert!(error.starts_with("error: invalid value for '--cluster <URL>': "), "{error}");
            assert!(error.contains(why) && !error.contains("hu"), "{text}: {error}");
        }
        let serve = parse(&[&["--cluster", "nats://bob:hush@a,b"], &NAMES]).unwrap();
        assert!(!format!("{serve:?} {:?}", serve.cluster()).contains("hush"));
    }

    #[test]
    fn names_have_letters_digits_and_two_signs() {
        let longest = "x".repeat(32);
        for name in ["a", "Web_1-b", &longest] {
            let settings = settings(&[&CLUSTER, &["--cluster-name", name, "--node", name]]).expect("a cluster");
            assert_eq!((settings.cluster.as_str(), settings.node.as_str()), (name, name));
        }
        for bad in ["", "a b", "café", "a.b", "*", &"x".repeat(33)] {
            for option in ["--cluster-name", "--node"] {
                let error = parse(&[&[option, bad]]).expect_err(bad);
                assert!(error.contains("write 1 to 32 letters (a to z, A to Z), digits, - and _"), "{error}");
            }
        }
    }

    #[test]
    fn log_of_a_cluster_is_bounded_by_default() {
        let with = |args: &[&str]| settings(&[&CLUSTER, &NAMES, args]).expect("a cluster");
        let LogSettings { replicas, max_age, max_bytes } = with(&[]).log;
        assert_eq!((replicas, max_age, max_bytes), (1, Some(Duration::from_secs(604_800)), Some(1_073_741_824)));
        let log = with(&["--cluster-replicas", "3", "--cluster-max-age", "1", "--cluster-max-bytes", "67108864"]).log;
        assert_eq!(
            (log.replicas, log.max_age, log.max_bytes),
            (3, Some(Duration::from_secs(86_400)), Some(67_108_864))
        );
        assert_eq!(with(&["--cluster-ca", "ca.pem"]).tls_ca, Some("ca.pem".into()));
        for bad in [["--cluster-replicas", "2"], ["--cluster-max-age", "0"], ["--cluster-max-bytes", "67108863"]] {
            assert!(parse(&[&CLUSTER, &NAMES, &bad]).is_err(), "{bad:?}");
        }
        assert!(settings(&[]).is_none());
    }

    #[test]
    fn cluster_needs_two_names_nicknames_rooms_and_short_lines() {
        let check = |args: &[&[&str]]| parse(args).unwrap_or_else(|error| panic!("{error}")).check();
        assert_eq!(check(&[&CLUSTER, &NAMES, &["--max-line", "32768"]]), Ok(()));
        for (args, why) in [
            (&NAMES[2..], "--cluster needs --cluster-name NAME, the same name at all servers"),
            (&NAMES[..2], "--cluster needs --node NAME, another name at each server"),
            (&[&NAMES[..], &["--mode", "p2p"]].concat(), "--cluster needs --mode hub and --login nickname; "),
            (&[&NAMES[..], &["--login", "address"]].concat(), "--cluster needs --mode hub and --login nickname; "),
            (
                &[&NAMES[..], &["--max-line", "32769"]].concat(),
                "--max-line 32769 is too long for --cluster, whose log has small entries; give --max-line 32768 or less",
            ),
        ] {
            let error = check(&[&CLUSTER, args]).expect_err(why);
            assert!(error.starts_with(why), "{error}");
        }
    }
}
