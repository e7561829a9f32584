//! Options of a server by command line, environment and file.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use crate::harness::{PROGRAM, Server};

/// A value of each option that is not its default, as it stands in a file. The first two words are one that the command
/// line has, and one that the environment has.
const VALUES: &[(&str, &str, &str, &str)] = &[
    ("lang", "zh", "zh", "\"zh\""),
    ("mode", "p2p", "p2p", "\"p2p\""),
    ("login", "address", "address", "\"address\""),
    ("console", "on", "off", "false"),
    ("control", "a", "b", "\"c\""),
    ("name", "a", "b", "\"c\""),
    ("motd", "a", "b", "\"c\""),
    ("log-format", "json", "json", "\"json\""),
    ("listen", "127.0.0.1:1", "127.0.0.1:2", "[\"127.0.0.1:3\", \"[::1]:3\"]"),
    ("irc", "127.0.0.1:1", "127.0.0.1:2", "[\"127.0.0.1:3\"]"),
    ("web", "127.0.0.1:1", "127.0.0.1:2", "[\"127.0.0.1:3\"]"),
    ("admin", "127.0.0.1:1", "127.0.0.1:2", "\"127.0.0.1:3\""),
    ("api-tokens", "a", "b", "\"c\""),
    ("unix-mode", "0600", "0640", "\"0666\""),
    ("reuse-port", "true", "true", "true"),
    ("proxy-protocol", "10.0.0.0/8", "10.0.0.2", "[\"10.0.0.3\", \"unix\"]"),
    ("tls-cert", "a", "b", "[\"c\"]"),
    ("tls-key", "a", "b", "[\"c\"]"),
    ("tls-self-signed", "a", "b", "\"c\""),
    ("https-redirect", "true", "true", "true"),
    ("max-clients", "1", "2", "3"),
    ("max-waiting", "1", "2", "3"),
    ("max-rooms", "1", "2", "3"),
    ("max-follow", "1", "2", "3"),
    ("announce-limit", "1", "2", "3"),
    ("login-timeout", "1", "2", "3"),
    ("idle-timeout", "1", "2", "3"),
    ("history", "1", "2", "3"),
    ("store", "a", "b", "\"c\""),
    ("sync", "full", "off", "\"full\""),
    ("keep", "1", "2", "3"),
    ("keep-messages", "1", "2", "3"),
    ("max-stored-rooms", "1", "2", "3"),
    ("offline-whispers", "all", "off", "false"),
    ("max-per-ip", "1", "2", "3"),
    ("max-line", "100", "200", "0x100"),
    ("rate", "1", "2", "3"),
    ("burst", "1", "2", "3"),
    ("backlog-bytes", "1000000", "2000000", "3_000_000"),
    ("send-buffer", "100000", "200000", "300000"),
    ("eol-timeout", "1", "2", "3"),
    ("keepalive", "1", "2", "3"),
    ("password-file", "a", "b", "\"c\""),
    ("operator", "a", "b", "[\"c\", \"d\"]"),
    ("max-accounts", "1", "2", "3"),
    ("ban", "10.0.0.0/8", "10.0.0.2", "[\"10.0.0.3\"]"),
    ("host", "a.example", "b.example", "[\"c.example\"]"),
    ("allow-origin", "https://a", "https://b", "[\"https://c\"]"),
    ("trust-proxy", "10.0.0.0/8", "10.0.0.2", "[\"10.0.0.3\"]"),
    ("cluster", "nats://a:1", "nats://b:2,c", "[\"tls://d\", \"tls://e\"]"),
    ("cluster-name", "a", "b", "\"c\""),
    ("node", "a", "b", "\"c\""),
    ("cluster-ca", "a", "b", "\"c\""),
    ("cluster-replicas", "3", "5", "3"),
    ("cluster-max-age", "1", "2", "3"),
    ("cluster-max-bytes", "100000000", "200000000", "300_000_000"),
    ("log-level", "warn", "debug", "\"trace\""),
];

/// A folder that is removed when it goes.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("chinwag-config-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }

    fn file(&self, text: &str) -> String {
        let path = self.0.join("chinwag.toml");
        fs::write(&path, text).expect("a file");
        path.to_str().expect("UTF-8").into()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn run(args: &[&str], env: &[(String, &str)]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(args).envs(env.iter().map(|(name, value)| (name, value)));
    command.output().expect("the program starts")
}

/// What `print-config` prints: the value and the origin of each option.
fn printed(args: &[&str], env: &[(String, &str)]) -> BTreeMap<String, (String, String)> {
    let output = run(&[&["print-config"], args].concat(), env);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let line = |line: &str| {
        if let Some(name) = line.strip_suffix(" is not set") {
            return Some((name.trim_start_matches("# ").to_owned(), Default::default()));
        }
        let (name, rest) = line.split_once(" = ")?;
        let (value, origin) = rest.rsplit_once("  # ")?;
        Some((name.to_owned(), (value.to_owned(), origin.to_owned())))
    };
    text.lines().filter_map(line).collect()
}

fn variable(option: &str) -> String {
    format!("CHINWAG_{}", option.replace('-', "_").to_uppercase())
}

#[test]
fn every_option_is_set_by_file_environment_and_command_line_in_this_order() {
    let folder = Folder::new("every");
    // Some options need others, which they do not change.
    let all = printed(&[], &[]);
    let tested: Vec<&str> = VALUES.iter().map(|(name, ..)| *name).collect();
    let is_tested = |name: &str| tested.contains(&name) || name == "irc-oper";
    let untested: Vec<_> = all.keys().filter(|name| !is_tested(name)).collect();
    assert!(untested.is_empty(), "without a test: {untested:?}");
    for &(name, typed, in_environment, in_file) in VALUES {
        let needs_store =
            ["sync", "keep", "keep-messages", "max-stored-rooms", "offline-whispers", "operator", "max-accounts"];
        let more: &[&str] = if needs_store.contains(&name) { &["--store", "x"] } else { &[] };
        let wide = ["--rate", "0"];
        let listeners: &[&str] = match name {
            "tls-cert" => &["--listen", "tls://127.0.0.1:1", "--tls-key", "x"],
            "tls-key" => &["--listen", "tls://127.0.0.1:1", "--tls-cert", "x"],
            "tls-self-signed" => &["--listen", "tls://127.0.0.1:1"],
            "api-tokens" => &["--admin", "127.0.0.1:1"],
            "https-redirect" => &["--web", "https://127.0.0.1:1,127.0.0.1:2", "--tls-self-signed", "x"],
            "cluster" => &["--cluster-name", "x", "--node", "x"],
            "cluster-name" => &["--cluster", "nats://x", "--node", "x"],
            "node" => &["--cluster", "nats://x", "--cluster-name", "x"],
            name if name.starts_with("cluster-") => &["--cluster", "nats://x", "--cluster-name", "x", "--node", "x"],
            _ => &[],
        };
        let more = [more, listeners].concat();
        let more = if name == "rate" { more } else { [&more[..], &wide].concat() };
        let file = folder.file(&format!("{name} = {in_file}\n"));
        let option = format!("--{name}");
        let env = [(variable(name), in_environment)];
        let with_file = [&["--config", &*file], &more[..]].concat();
        let shown = |args: &[&str], env: &[(String, &str)]| printed(args, env)[name].clone();
        let (value, origin) = shown(&with_file, &[]);
        assert_eq!(origin, format!("{file}:1:{}", name.len() + 4), "{name} = {value}");
        assert_ne!(value, all[name].0, "{name} of the file has no effect");
        let (value, origin) = shown(&with_file, &env);
        assert_eq!(origin, "environment", "{name}");
        assert!(value.contains(in_environment), "{name}: {value}");
        let (value, origin) = shown(&[&with_file[..], &[&option, typed]].concat(), &env);
        assert_eq!(origin, "command line", "{name}");
        assert!(value.contains(typed), "{name}: {value}");
    }
}

#[test]
fn printed_options_are_a_configuration_file_with_the_same_options() {
    let folder = Folder::new("printed");
    let many = ["--store", "a b\"c", "--rate", "0", "--web", "127.0.0.1:1", "--web", "127.0.0.1:2", "--lang", "zh"];
    for args in [&many[..], &[]] {
        let first = printed(args, &[]);
        let output = run(&[&["print-config"], args].concat(), &[]);
        let file = folder.file(std::str::from_utf8(&output.stdout).expect("UTF-8"));
        let second = printed(&["--config", &file], &[]);
        let values = |all: BTreeMap<String, (String, String)>| all.into_iter().map(|(name, (value, _))| (name, value));
        assert_eq!(values(first).collect::<Vec<_>>(), values(second).collect::<Vec<_>>());
    }
}

#[test]
fn passwords_of_irc_operators_are_read_and_not_printed() {
    let folder = Folder::new("irc-oper");
    let print = |text: &str| {
        let file = folder.file(text);
        let output = run(&["print-config", "--config", &file], &[]);
        let [stdout, stderr] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).expect("UTF-8"));
        (output.status.success(), stdout + &stderr)
    };
    let (is_valid, printed) = print("irc = \"127.0.0.1:1\"\nirc-oper = [\"root:secret\", \"b:c:d\"]\n");
    assert!(
        is_valid && printed.contains("# irc-oper is set and not shown") && !printed.contains("secret"),
        "{printed}"
    );
    let (is_valid, error) = print("irc-oper = [\"root:secret\"]\n");
    assert!(!is_valid && error.contains("--irc-oper needs --irc ADDR"), "{error}");
    for bad in ["root", ":secret", "root:", "root:two words"] {
        let (is_valid, error) = print(&format!("irc = \"127.0.0.1:1\"\nirc-oper = [{bad:?}]\n"));
        assert!(!is_valid && error.contains("write a name, a colon and a password"), "{bad}: {error}");
    }
}

#[test]
fn password_of_a_cluster_is_read_from_file_and_environment_and_not_printed() {
    let folder = Folder::new("cluster");
    let names = "cluster-name = \"office\"\nnode = \"a\"\n";
    let print = |text: &str, url: &str| {
        let file = folder.file(&format!("{names}{text}"));
        let env = if url.is_empty() { Vec::new() } else { vec![("CHINWAG_CLUSTER".to_owned(), url)] };
        let output = run(&["print-config", "--config", &file], &env);
        let [stdout, stderr] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).expect("UTF-8"));
        (output.status.success(), stdout + &stderr)
    };
    let url = "nats://bob:hush@localhost:4222,localhost:4223";
    for (text, url, origin) in
        [(format!("cluster = \"{url}\"\n"), "", "chinwag.toml:3:11"), (String::new(), url, "environment")]
    {
        let (is_valid, printed) = print(&text, url);
        let hidden = "# cluster is set and not shown, since it has passwords  # ";
        assert!(is_valid && printed.contains(hidden) && printed.contains(origin), "{printed}");
        assert!(!printed.contains("hush"), "{printed}");
    }
    let (is_valid, printed) = print("cluster = \"nats://localhost\"\n", "");
    assert!(is_valid && printed.contains("cluster = [\"nats://localhost\"]"), "{printed}");
    let bad = "nats://bob:hush@localhost:x";
    for (text, url, place) in [(format!("cluster = \"{bad}\"\n"), "", "chinwag.toml:3:11: "), (String::new(), bad, "")]
    {
        let (is_valid, error) = print(&text, url);
        let why = format!("{place}invalid value for '--cluster <URL>': its port is not a number from 1 to 65535");
        assert!(!is_valid && error.contains(&why) && !error.contains("hush"), "{error}");
    }
    let (is_valid, error) = print("", "");
    assert!(!is_valid && error.contains("--cluster-name needs --cluster URL; add that, or leave"), "{error}");
}

#[test]
fn errors_of_a_file_have_their_place_and_a_suggestion() {
    let folder = Folder::new("errors");
    for (text, error) in [
        ("lang = \"zh\"\nhistroy = 3\n", ":2:1: there is no option histroy; did you mean history?"),
        ("[limit]\nrate = 3\n", ":1:2: there is no table [limit]; did you mean [limits]?"),
        ("[limits]\n  rate = \"x\"\n", ":2:10: invalid value 'x' for '--rate <N>': invalid digit found in string"),
        ("rate = [3]\n", ":1:8: rate has one value, not a list"),
        ("rate = 2000-01-01\n", ":1:8: rate is a text, a number, true or false"),
        ("rate = 3\n[limits]\nrate = 4\n", ":3:1: rate is set a second time, after "),
        ("verbose = 2\n", ":1:1: there is no option verbose; write log-level"),
        ("config = \"x\"\n", ":1:1: there is no option config; a file cannot name another one"),
        ("rate = \n", ":1:8: string values must be quoted"),
        ("keep = 3\n", "--keep needs --store FILE; add that, or leave --keep out"),
        ("burst = 4000\n", "--burst 4000 lines of --max-line 4096 bytes do not fit"),
    ] {
        let file = folder.file(text);
        let output = run(&["check-config", "--config", &file], &[]);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{text:?}: {stderr}");
        assert!(stderr.starts_with("error: ") && stderr.contains(error), "{text:?}: {stderr}");
        assert!(!error.starts_with(':') || stderr.contains(&file), "{text:?}: {stderr}");
        assert!(!stderr.contains("Usage"), "{stderr}");
    }
    let missing = run(&["--config", "/nowhere/chinwag.toml"], &[]);
    assert_eq!(missing.status.code(), Some(2));
    let stderr = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert_eq!(stderr, "error: /nowhere/chinwag.toml: no such file or directory\n");
}

#[test]
fn check_config_reads_the_files_that_are_named() {
    let folder = Folder::new("check");
    let password = folder.0.join("password");
    let file = folder.file(&format!("password-file = {:?}\n", password.to_str().expect("UTF-8")));
    let check = || run(&["check-config", "--config", &file], &[]);
    let output = check();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no such file or directory"));
    fs::write(&password, "fish\n").expect("a file");
    let output = check();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "The configuration is valid.\n");
    assert!(String::from_utf8_lossy(&output.stderr).contains("other users may read the password"));
}

#[test]
fn server_takes_its_options_from_a_file() {
    let folder = Folder::new("server");
    let file = folder.file("[general]\nlang = \"zh\"\n[limits]\nmax-line = 64\n");
    let server = Server::start(&["--config", &file]);
    let mut alice = server.connect();
    alice.expect("* 请输入昵称:");
    alice.send("alice\n");
    alice.expect("* 昵称设置成功");
    alice.line();
    alice.send(&"x".repeat(65));
    assert!(alice.line().starts_with("! "));
}

#[test]
fn completions_and_man_pages_name_the_options() {
    for shell in ["bash", "zsh", "fish"] {
        let output = run(&["completions", shell], &[]);
        let script = String::from_utf8(output.stdout).expect("UTF-8");
        assert!(output.status.success() && script.contains("max-line"), "{shell}");
        let hidden = ["hash-passwords", "look-up"];
        assert!(!hidden.iter().any(|name| script.contains(name)), "{shell} completes a hidden command");
    }
    let folder = Folder::new("man");
    let output = run(&["manual", "--man", folder.0.to_str().expect("UTF-8")], &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let page = |name: &str| fs::read_to_string(folder.0.join(name)).expect("a page");
    assert!(page("chinwag.1").contains("max\\-line"));
    assert!(page("chinwag-protocol.7").contains(".SH DESCRIPTION"));
    assert!(page("chinwag-connect.1").contains("nick"));
}
