//! The client on a real terminal emulator, which wraps lines again when it is resized.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::harness::{DEADLINE, PROGRAM, Server};

/// A tmux without configuration that runs one program.
pub struct Tmux {
    socket: PathBuf,
}

impl Tmux {
    /// Runs a command line on a terminal of this size. No other test has a tmux of this name.
    pub fn start(name: &str, columns: u16, rows: u16, program: &str) -> Tmux {
        let tmux = Tmux { socket: PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("tmux-{name}")) };
        tmux.run(&["new-session", "-d", "-x", &columns.to_string(), "-y", &rows.to_string(), program]);
        tmux
    }

    fn connect(addr: SocketAddr, name: &str) -> Tmux {
        let program = format!("{PROGRAM} connect {addr} --nick {name}; echo left; read -r");
        // Each server has its own port, and so each test its own tmux.
        Self::start(&addr.port().to_string(), 60, 12, &program)
    }

    fn run(&self, args: &[&str]) -> String {
        let mut command = Command::new("tmux");
        command.arg("-S").arg(&self.socket).args(["-f", "/dev/null"]).args(args).env("LC_ALL", "C.UTF-8");
        let output = command.output().expect("tmux");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    pub fn keys(&self, keys: &[&str]) {
        self.run(&[&["send-keys"], keys].concat());
    }

    /// Returns the screen, and with `all` the scrollback too, with wrapped lines joined.
    fn capture(&self, all: bool) -> String {
        self.run(if all { &["capture-pane", "-p", "-J", "-S", "-"] } else { &["capture-pane", "-p"] })
    }

    /// Types a line.
    pub fn type_line(&self, line: &str) {
        self.keys(&["-l", line]);
        self.keys(&["Enter"]);
    }

    #[track_caller]
    pub fn until(&self, found: impl Fn(&str) -> bool) -> String {
        let until = Instant::now() + DEADLINE;
        loop {
            let screen = self.capture(false);
            if found(&screen) {
                return screen;
            }
            assert!(Instant::now() < until, "it is not shown:\n{screen}");
        }
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        // The program may have ended, and its tmux with it.
        let _ = Command::new("tmux").arg("-S").arg(&self.socket).arg("kill-server").stderr(Stdio::null()).status();
    }
}

#[test]
#[ignore = "needs tmux"]
fn rewrapping_terminal_keeps_each_message_once() {
    let server = Server::start(&["--rate", "0"]);
    let mut bob = server.login("bob");
    let tmux = Tmux::connect(server.addr, "alice");
    tmux.until(|screen| screen.contains("· alice ·"));
    let said: Vec<String> = (0..12).map(|number| format!("{number} {}.", "words ".repeat(15).trim_end())).collect();
    said.iter().for_each(|text| bob.send(&format!("{text}\n")));
    tmux.until(|screen| screen.contains("11 words"));
    tmux.keys(&["-l", "你好 half typed"]);
    tmux.until(|screen| screen.contains("> 你好 half typed"));
    for (columns, rows) in [("30", "8"), ("90", "20"), ("45", "12")] {
        tmux.run(&["resize-window", "-x", columns, "-y", rows]);
        bob.send(&format!("at {columns} columns\n"));
        let shown = tmux
            .until(|screen| screen.contains(&format!("at {columns} columns")) && screen.contains("> 你好 half typed"));
        assert_eq!(shown.matches("> 你好").count(), 1, "{shown}");
        assert_eq!(shown.matches(" lobby · alice").count(), 1, "{shown}");
    }
    // The client has divided the lines into indented rows.
    let all = tmux.capture(true).split_whitespace().collect::<Vec<_>>().join(" ");
    for text in &said {
        assert_eq!(all.matches(&format!("bob: {text}")).count(), 1, "{text} in\n{all}");
    }
    tmux.keys(&["C-u", "hello from tmux", "Enter"]);
    while bob.line() != "[T] alice: hello from tmux" {}
    tmux.keys(&["C-d"]);
    let last = tmux.until(|screen| screen.contains("left"));
    assert!(!last.contains(" lobby · alice"), "{last}");
}

#[test]
#[ignore = "needs tmux"]
fn terminal_paste_differs_from_typing() {
    let server = Server::start(&["--rate", "0"]);
    let mut bob = server.login("bob");
    let tmux = Tmux::connect(server.addr, "alice");
    tmux.until(|screen| screen.contains("· alice ·"));
    bob.expect("* alice joined (2 here)");
    tmux.run(&["set-buffer", "one\ntwo\nthree\nfour\nfive\nsix\n"]);
    tmux.run(&["paste-buffer", "-p"]);
    tmux.until(|screen| screen.contains("Send 6 lines? y or n"));
    tmux.keys(&["y"]);
    bob.expect_all(&["[T] alice: one", "[T] alice: two", "[T] alice: three"]);

    bob.expect_all(&["[T] alice: four", "[T] alice: five", "[T] alice: six"]);
}
