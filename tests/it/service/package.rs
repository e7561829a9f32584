//! The Debian package that `.ci/package` makes, by itself and in a system.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::system::{STORE, System, make_package};
use super::units::{code_after, page};
use crate::harness::PROGRAM;
use crate::store::TestDir;

/// The files of the package without the man pages.
const FILES: &str = "\
-rw-r--r-- /etc/chinwag.toml
-rwxr-xr-x /usr/bin/chinwag
-rw-r--r-- /usr/lib/systemd/system/chinwag.service
-rw-r--r-- /usr/lib/sysusers.d/chinwag.conf
-rw-r--r-- /usr/share/bash-completion/completions/chinwag
-rw-r--r-- /usr/share/doc/chinwag/copyright
-rw-r--r-- /usr/share/doc/chinwag/examples/chinwag-web.socket
-rw-r--r-- /usr/share/doc/chinwag/examples/chinwag.socket
-rw-r--r-- /usr/share/doc/chinwag/examples/sockets.conf
-rw-r--r-- /usr/share/fish/vendor_completions.d/chinwag.fish
-rw-r--r-- /usr/share/zsh/vendor-completions/_chinwag
";

/// The link that starts the service with the machine.
const ENABLED: &str = "/etc/systemd/system/multi-user.target.wants/chinwag.service";

/// Runs a program, and returns its standard output.
fn output(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().expect(program);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// A package in a folder, and what is in it.
struct Unpacked {
    _dir: TestDir,
    package: String,
    root: PathBuf,
}

impl Unpacked {
    fn new() -> Unpacked {
        let dir = TestDir::new();
        let package = make_package(&dir.0, 1).to_str().expect("UTF-8").to_owned();
        let root = dir.0.join("root");
        output("dpkg-deb", &["--extract", &package, root.to_str().expect("UTF-8")]);
        Unpacked { _dir: dir, package, root }
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).expect(path)
    }
}

#[test]
#[ignore = "needs Debian's tools for packages"]
fn package_has_the_stated_files_of_root() {
    let unpacked = Unpacked::new();
    let contents = output("dpkg-deb", &["--contents", &unpacked.package]);
    let files = contents.lines().filter(|line| line.starts_with('-')).map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[1], "root/root", "{line}");
        format!("{} {}\n", words[0], words[5].trim_start_matches('.'))
    });
    let (pages, others): (Vec<String>, Vec<String>) = files.partition(|file| file.contains("/man/"));
    assert_eq!(others.concat(), FILES);

    let dir = TestDir::new();
    output(PROGRAM, &["manual", "--man", dir.0.to_str().expect("UTF-8")]);
    let names = fs::read_dir(&dir.0).expect("man pages").map(|file| file.expect("a file").file_name());
    let names = names.map(|name| name.into_string().expect("UTF-8"));
    let expected = names.map(|name| {
        let section = name.rsplit('.').next().expect("a section");
        format!("-rw-r--r-- /usr/share/man/man{section}/{name}.gz\n")
    });
    assert_eq!(pages.into_iter().collect::<BTreeSet<_>>(), expected.collect());
}

#[test]
#[ignore = "needs Debian's tools for packages"]
fn units_of_the_package_are_those_of_the_manual() {
    let (unpacked, page) = (Unpacked::new(), page());
    let trimmed = |text: String| text.lines().map(|line| format!("{}\n", line.trim())).collect::<String>();
    let service = trimmed(unpacked.read("usr/lib/systemd/system/chinwag.service"));
    let other_place = service.replace("ExecStart=/usr/bin/", "ExecStart=/usr/local/bin/");
    assert_ne!(other_place, service);
    assert_eq!(other_place.trim_end(), code_after(&page, "chinwag.service").trim_end());
    for (file, name) in [
        ("chinwag.socket", "chinwag.socket"),
        ("chinwag-web.socket", "chinwag-web.socket"),
        ("sockets.conf", "chinwag.service.d/sockets.conf"),
    ] {
        let example = trimmed(unpacked.read(&format!("usr/share/doc/chinwag/examples/{file}")));
        assert_eq!(example.trim_end(), code_after(&page, name).trim_end());
    }
}

#[test]
#[ignore = "needs Debian's tools for packages"]
fn package_has_the_same_bytes_each_time() {
    let dirs = [TestDir::new(), TestDir::new()];
    let [first, second] = dirs.each_ref().map(|dir| fs::read(make_package(&dir.0, 1)).expect("a package"));
    assert!(first == second);
}

#[test]
#[ignore = "needs Debian's tools for packages"]
fn package_depends_on_the_libraries_of_the_program() {
    let unpacked = Unpacked::new();
    let depends = output("dpkg-deb", &["--field", &unpacked.package, "Depends"]);
    let libc = depends.split(", ").find_map(|package| package.trim().strip_prefix("libc6 (>= 2."));
    let minor = libc.and_then(|rest| rest.trim_end_matches(')').parse::<u32>().ok());
    assert!(minor.is_some_and(|minor| minor >= 17), "{depends}");
    assert_eq!(depends.contains("libgcc-s1"), output("ldd", &[PROGRAM]).contains("libgcc_s.so.1"), "{depends}");
}

#[test]
#[ignore = "needs root, dpkg and a file system in layers"]
fn package_is_installed_upgraded_removed_and_purged_without_systemd() {
    let Some(system) = System::new() else { return };
    system.run(&["rm", "-f", "/usr/bin/systemctl", "/usr/bin/systemd-sysusers"]);
    system.run(&["dpkg", "--install", &system.package(1)]);
    let user = system.run(&["getent", "passwd", "chinwag"]);
    assert!(user.trim_end().ends_with(":/var/lib/chinwag:/usr/sbin/nologin"), "{user}");
    let check = system.run(&["chinwag", "check-config", "--config", "/etc/chinwag.toml"]);
    assert_eq!(check, "The configuration is valid.\n");
    // Files that differ from those of the package would be listed.
    assert_eq!(system.run(&["dpkg", "--verify", "chinwag"]), "");
    assert!(system.has(ENABLED));

    system.run(&["sed", "-i", "s/127.0.0.1:4567/127.0.0.1:0/", "/etc/chinwag.toml"]);
    let mut server = system.serve();
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    let said = system.run(&["dpkg", "--install", &system.package(2)]);
    let pid = said.lines().find_map(|line| line.strip_prefix("process ")?.strip_suffix(" serves now")).expect(&said);
    assert!(server.wait().success());
    assert_eq!(system.run(&["readlink", &format!("/proc/{pid}/exe")]), "/usr/bin/chinwag\n");
    alice.send("still here\n");
    bob.expect("[T] alice: still here");
    assert!(system.run(&["cat", "/etc/chinwag.toml"]).contains("\nlisten = [\"127.0.0.1:0\"]\n"));

    let said = system.run(&["dpkg", "--remove", "chinwag"]);
    assert!(said.contains("chinwag: a server that was started without systemd goes on"), "{said}");
    bob.send("so am I\n");
    alice.expect("[T] bob: so am I");
    system.run(&["kill", "-TERM", pid]);
    server.log.rest();
    alice.until("The server is shutting down");
    for path in ["/usr/bin/chinwag", "/usr/lib/systemd/system/chinwag.service", "/usr/share/doc/chinwag"] {
        assert!(!system.has(path), "{path}");
    }
    assert!(system.has("/etc/chinwag.toml") && system.has(STORE));

    system.run(&["dpkg", "--purge", "chinwag"]);
    for path in ["/etc/chinwag.toml", "/var/lib/chinwag", ENABLED] {
        assert!(!system.has(path), "{path}");
    }
    assert_eq!(system.run(&["getent", "passwd", "chinwag"]), user);
}

#[test]
#[ignore = "needs root, dpkg and a file system in layers"]
fn systemd_is_asked_to_start_and_stop_the_server_and_to_restart_it_only_if_the_upgrade_fails() {
    let Some(system) = System::new() else { return };
    system.stand_in_for_systemd();
    system.run(&["dpkg", "--install", &system.package(1)]);
    assert_eq!(system.asked_of_systemd(), ["--system daemon-reload", "--quiet --system start chinwag.service"]);

    system.run(&["sed", "-i", "s/127.0.0.1:4567/127.0.0.1:0/", "/etc/chinwag.toml"]);
    let mut server = system.serve();
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    system.run(&["dpkg", "--install", &system.package(2)]);
    assert!(server.wait().success());
    alice.send("still here\n");
    bob.expect("[T] alice: still here");
    assert_eq!(system.asked_of_systemd(), ["--system daemon-reload"]);

    // The process that it names as the main one has ended.
    let said = system.run(&["dpkg", "--install", &system.package(2)]);
    assert!(said.contains("chinwag: the server is restarted instead"), "{said}");
    assert_eq!(system.asked_of_systemd(), ["--system daemon-reload", "--quiet --system restart chinwag.service"]);

    system.run(&["dpkg", "--purge", "chinwag"]);
    let asked = system.asked_of_systemd();
    assert!(asked[1..].iter().all(|line| line.ends_with("daemon-reload")), "{asked:?}");
    assert_eq!(asked[0], "stop chinwag.service");
    assert!(!system.has("/var/lib/chinwag"));
}
