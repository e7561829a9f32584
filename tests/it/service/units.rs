//! The units of the manual.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use chinwag::cli::Cli;
use clap::CommandFactory;

use crate::harness::{DEADLINE, PROGRAM};
use crate::process::tls::{files, write_certificate};
use crate::store::TestDir;

const UNITS: [&str; 4] = ["chinwag.service", "chinwag.socket", "chinwag-web.socket", "chinwag.service.d/sockets.conf"];

/// The page of the manual, as it is printed.
pub fn page() -> String {
    let output = Command::new(PROGRAM).args(["manual", "service"]).output().expect("the manual");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The code that follows the place where `name` is mentioned in back quotes.
pub fn code_after(page: &str, name: &str) -> String {
    let (_, rest) = page.split_once(&format!("/{name}`")).unwrap_or_else(|| panic!("{name} is not in the page"));
    let code = rest.lines().skip_while(|line| !line.starts_with("    "));
    let code = code.take_while(|line| line.is_empty() || line.starts_with("    "));
    code.map(|line| format!("{}\n", line.trim())).collect()
}

/// The values of a key.
pub fn values<'a>(unit: &'a str, key: &str) -> Vec<&'a str> {
    unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).collect()
}

/// Writes the units into a folder, with the program under test.
fn write_units(dir: &Path) {
    let page = page();
    for name in UNITS {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, code_after(&page, name).replace("/usr/local/bin/chinwag", PROGRAM)).expect("a file");
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

#[test]
fn command_and_configuration_of_the_units_are_valid() {
    let page = page();
    let service = code_after(&page, "chinwag.service");
    let [command] = values(&service, "ExecStart")[..] else { panic!("{service}") };
    Cli::command().try_get_matches_from(command.split(' ')).unwrap_or_else(|error| panic!("{command}: {error}"));

    let dir = TestDir::new();
    let example = page.split_once("An `/etc/chinwag.toml` for it").expect("an example").1;
    let example = example.lines().filter_map(|line| line.strip_prefix("    ")).take_while(|line| !line.is_empty());
    let options: Vec<&str> = example.take_while(|line| line.contains(" = ")).collect();
    assert_eq!(options.len(), 2, "{options:?}");
    fs::write(dir.0.join("chinwag.toml"), options.join("\n")).expect("a file");
    let mut check = Command::new(PROGRAM);
    let output = check.current_dir(&dir.0).args(["check-config", "--config", "chinwag.toml"]).output().expect("a run");
    assert!(output.status.success(), "{}", text(&output));
}

#[test]
fn names_of_the_page_are_those_that_the_program_knows() {
    let page = page();
    let rows = page.lines().skip_while(|line| !line.starts_with("| `FileDescriptorName=`")).skip(2);
    let cells = rows.take_while(|line| line.starts_with('|')).filter_map(|row| row.split('|').nth(1));
    let mut names: Vec<&str> = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    assert_eq!(names.len(), 8, "{names:?}");
    let units = UNITS.map(|unit| code_after(&page, unit));
    names.extend(units.iter().flat_map(|unit| values(unit, "FileDescriptorName")));
    let dir = TestDir::new();
    write_certificate(&dir.0, "a", 100);
    for name in names {
        let mut check = Command::new(PROGRAM);
        check.arg("check-config").env("LISTEN_FDNAMES", name);
        if name.ends_with("-tls") {
            check.args(files(&dir.0, "a"));
        }
        let output = check.output().expect("a run");
        assert!(output.status.success(), "{name}: {}", text(&output));
    }
}

#[test]
#[ignore = "needs systemd"]
fn units_are_valid_for_systemd() {
    let dir = TestDir::new();
    write_units(&dir.0);
    let units = UNITS.iter().filter(|name| !name.ends_with(".conf")).map(|name| dir.0.join(name));
    let output = Command::new("systemd-analyze").arg("verify").args(units).output().expect("systemd-analyze");
    assert!(output.status.success(), "{}", text(&output));
    // Keys that it does not know are only warned of.
    let folder = dir.0.to_str().expect("a path");
    assert!(!text(&output).contains(folder), "{}", text(&output));
}

/// A process that is killed at the end.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "needs systemd"]
fn socket_of_systemd_socket_activate_is_served() {
    let dir = TestDir::new();
    let path = dir.0.join("chat.sock");
    let mut command = Command::new("systemd-socket-activate");
    command.arg("-l").arg(&path).args(["--fdname=listen", PROGRAM, "serve"]).stderr(Stdio::piped());
    let mut child = Killed(command.spawn().expect("systemd-socket-activate"));
    let mut log = BufReader::new(child.0.stderr.take().expect("stderr")).lines();
    log.find(|line| line.as_ref().is_ok_and(|line| line.starts_with("Listening on "))).expect("a line").expect("UTF-8");
    let client = UnixStream::connect(&path).expect("connect");
    client.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    let mut line = String::new();
    BufReader::new(client).read_line(&mut line).expect("a line");
    assert_eq!(line.trim_end(), "* Welcome to chinwag. Type a nickname and press Enter:");
}
