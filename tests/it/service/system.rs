//! A system in which packages are installed: the files of this machine in a namespace of its own.
//!
//! What is written in it is kept in memory, and nothing of it is seen outside. The network is that of this machine.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::units::values;
use crate::harness::{Lines, PROGRAM, Server};
use crate::store::TestDir;

/// The store that the package's configuration names.
pub const STORE: &str = "/var/lib/chinwag/history.db";

/// Puts a layer in memory over all files, the packages to /mnt, and goes on until standard input is closed. When all is
/// in place, it writes its number as this side of the namespace has it.
const HOLD: &str = r#"set -e
read -r pid rest < /proc/self/stat
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
mount --bind "$2" "$1/root/mnt"
mount --bind /dev "$1/root/dev"
mount -t proc proc "$1/root/proc"
exec chroot "$1/root" sh -c 'echo "$0" && exec cat' "$pid""#;

/// Starts the arguments as a service, whose number it writes down first.
const START: &str = r#"set -e
install -d -o chinwag -g chinwag -m 0700 /var/lib/chinwag
cd /var/lib/chinwag
umask 0077
echo $$ > /run/main.pid
exec setpriv --reuid=chinwag --regid=chinwag --clear-groups --no-new-privs "$@""#;

/// Answers in place of systemctl, and writes down what it is asked for.
const SYSTEMCTL: &str = r#"#!/bin/sh
link=/etc/systemd/system/multi-user.target.wants/chinwag.service
case "$*" in
*preset*) mkdir -p "${link%/*}" && ln -sf /usr/lib/systemd/system/chinwag.service "$link" ;;
*is-enabled*) test -L "$link" && echo enabled ;;
*is-active*) test -e /run/main.pid ;;
*show*) cat /run/main.pid ;;
*) echo "$*" >> /run/asked ;;
esac
"#;

/// Makes the package of the program under test in a folder.
pub fn make_package(folder: &Path, revision: u32) -> PathBuf {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/.ci/package");
    let mut command = Command::new(script);
    command.args(["--binary", PROGRAM, "--compression", "none", "--revision", &revision.to_string()]);
    let output = command.arg("--out").arg(folder).env("SOURCE_DATE_EPOCH", "1700000000").output().expect("a run");
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    said.split(' ').next().expect("a path").into()
}

/// The system; its processes end with the value.
pub struct System {
    holder: Child,
    /// The first process in the namespace, as it is numbered outside.
    pid: String,
    packages: [String; 2],
    _dir: TestDir,
}

impl System {
    /// A system with packages of the revisions 1 and 2; `None`, which is told, if the kernel refuses namespaces or layers.
    pub fn new() -> Option<System> {
        let dir = TestDir::new();
        let [base, folder] = ["base", "packages"].map(|name| dir.0.join(name));
        fs::create_dir(&base).expect("a folder");
        fs::create_dir(&folder).expect("a folder");
        let packages = [1, 2].map(|revision| {
            let package = make_package(&folder, revision);
            format!("/mnt/{}", package.file_name().and_then(|name| name.to_str()).expect("a name"))
        });
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation=private", "--pid", "--fork", "--kill-child", "sh", "-c", HOLD, "sh"]);
        command.args([&base, &folder]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut holder = command.spawn().expect("unshare");
        let Some(pid) = Lines::new(holder.stdout.take().expect("stdout")).next() else {
            let mut why = String::new();
            holder.stderr.take().expect("stderr").read_to_string(&mut why).expect("UTF-8");
            holder.wait().expect("wait");
            let refusals = ["not permitted", "permission denied", "unknown filesystem"];
            assert!(refusals.iter().any(|refusal| why.contains(refusal)), "{why}");
            eprintln!("skipped, since the kernel refuses: {why}");
            return None;
        };
        let system = System { holder, pid, packages, _dir: dir };
        // The safeguard of this machine: what follows changes files.
        assert_eq!(system.run(&["stat", "--file-system", "--format=%T", "/"]), "overlayfs\n");
        // The index of man pages takes seconds, and is not what is tested.
        system.run(&["rm", "-f", "/var/lib/man-db/auto-update"]);
        Some(system)
    }

    /// The path of the package of a revision.
    pub fn package(&self, revision: usize) -> String {
        self.packages[revision - 1].clone()
    }

    /// A command that runs in the system.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.pid, "--mount", "--pid", "--root", "--wd"]).args(args).stdin(Stdio::null());
        command.env_clear().env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("DEBIAN_FRONTEND", "noninteractive").env("LC_ALL", "C.UTF-8");
        command
    }

    /// Runs a program; returns what it writes.
    #[track_caller]
    pub fn run(&self, args: &[&str]) -> String {
        let output = self.command(&[&["timeout", "60"], args].concat()).output().expect("nsenter");
        let text = [&output.stdout[..], &output.stderr].concat();
        let text = String::from_utf8(text).expect("UTF-8");
        assert!(output.status.success(), "{args:?}: {}: {text}", output.status);
        text
    }

    /// Whether there is a file or a link.
    pub fn has(&self, path: &str) -> bool {
        self.run(&["sh", "-c", "if [ -e \"$0\" ] || [ -L \"$0\" ]; then echo yes; fi", path]) == "yes\n"
    }

    /// Starts the server as its unit says: the command, the user, and the folder where it starts.
    pub fn serve(&self) -> Server {
        let unit = self.run(&["cat", "/usr/lib/systemd/system/chinwag.service"]);
        let [command] = values(&unit, "ExecStart")[..] else { panic!("{unit}") };
        let args: Vec<&str> = ["sh", "-c", START, "sh"].into_iter().chain(command.split(' ')).collect();
        Server::spawn(self.command(&args))
    }

    /// From now on a script answers as systemd would; it starts and stops nothing.
    pub fn stand_in_for_systemd(&self) {
        self.run(&["mkdir", "-p", "/run/systemd/system"]);
        // Images of containers have one that forbids to start services.
        self.run(&["rm", "-f", "/usr/sbin/policy-rc.d"]);
        self.run(&[
            "sh",
            "-c",
            "rm -f \"$0\" && printf %s \"$1\" > \"$0\" && chmod 755 \"$0\"",
            "/usr/bin/systemctl",
            SYSTEMCTL,
        ]);
    }

    /// What systemd has been asked to do since the last time.
    pub fn asked_of_systemd(&self) -> Vec<String> {
        let asked = self.run(&["sh", "-c", "cat /run/asked && rm /run/asked"]);
        asked.lines().map(str::to_owned).collect()
    }
}

impl Drop for System {
    fn drop(&mut self) {
        // With its end the kernel ends all processes of the namespace, and with them its mounts.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
