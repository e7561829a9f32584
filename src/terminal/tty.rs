//! Opens the terminal, sets raw mode, and restores the modes at the end and after a panic.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Mutex;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::event::PollFlags;
use rustix::fs::{Mode, OFlags, open};
use rustix::process::{getpgrp, getsid};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcgetwinsize, tcsetattr};

use super::screen::inline_screen::TerminalSize;
use crate::util::stdio::is_ready;

/// Bracketed paste: pasted text is marked (xterm's ctlseqs, "Bracketed Paste Mode").
const PASTE_ON: &str = "\x1b[?2004h";
const PASTE_OFF: &str = "\x1b[?2004l";

/// The alternate screen, without scrollback, and the cursor of the other one kept (ctlseqs, DECSET 1049).
const ALTERNATE_ON: &str = "\x1b[?1049h\x1b[H\x1b[2J";
const ALTERNATE_OFF: &str = "\x1b[?1049l";

/// Plain characters, a visible cursor, no unfinished frame, and wrapping at the edge.
const PLAIN: &str = "\x1b[0m\x1b[?25h\x1b[?7h\x1b[?2026l";

/// How long to wait for the terminal to accept the last bytes.
const WRITE_TIMEOUT: Duration = Duration::from_millis(500);

/// Erases the input line and what is below it, if the program has not done so (ECMA-48: CR, ED).
const ERASE: &str = "\r\x1b[J";

/// What must be restored, also after a panic; `None` while the terminal has its original modes.
static SAVED_MODES: Mutex<Option<SavedModes>> = Mutex::new(None);

struct SavedModes {
    tty: File,
    /// The modes before raw mode.
    saved: Termios,
    full_screen: bool,
}

/// The terminal of the process; its modes are restored on drop.
pub struct Terminal {
    tty: File,
    full_screen: bool,
    /// Whether it is in raw mode.
    raw_mode: bool,
    /// The frame that is being written, and how many bytes of it are written.
    pending: Vec<u8>,
    written: usize,
}

impl Terminal {
    /// Opens the terminal of standard input with O_NONBLOCK on an own file description, because the shell shares the other
    /// ones.
    ///
    /// # Errors
    /// If there is none.
    pub fn open(full_screen: bool) -> io::Result<Self> {
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        // After su(1) it belongs to another user; the controlling terminal can be opened all the same.
        let fd = open("/proc/self/fd/0", flags, Mode::empty()).or_else(|_| open("/dev/tty", flags, Mode::empty()))?;
        Ok(Terminal::on(fd.into(), full_screen))
    }

    fn on(tty: File, full_screen: bool) -> Self {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            report(panic);
        }));
        Terminal { tty, full_screen, raw_mode: false, pending: Vec::new(), written: 0 }
    }

    /// Registers its events under `token`.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn watch(&self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut SourceFd(&self.tty.as_raw_fd()), token, Interest::READABLE | Interest::WRITABLE)
    }

    /// Sets raw mode: each key comes as it is pressed, and nothing is echoed (termios(3)).
    ///
    /// # Errors
    /// If the modes cannot be set.
    pub fn take(&mut self) -> io::Result<()> {
        // After SIGSTOP the modes were not restored; the original ones are still known.
        let saved = lock().take().map_or_else(|| tcgetattr(&self.tty), |raw| Ok(raw.saved))?;
        let mut raw = saved.clone();
        raw.make_raw();
        tcsetattr(&self.tty, OptionalActions::Now, &raw)?;
        let tty = self.tty.try_clone()?;
        self.raw_mode = true;
        *lock() = Some(SavedModes { tty, saved, full_screen: self.full_screen });
        if self.full_screen {
            self.pending.extend_from_slice(ALTERNATE_ON.as_bytes());
        }
        self.pending.extend_from_slice(PASTE_ON.as_bytes());
        Ok(())
    }

    /// Writes `last` and restores the terminal.
    pub fn give_back(&mut self, last: &[u8]) {
        self.pending.extend_from_slice(last);
        while self.has_pending() && is_ready(self.tty.as_fd(), PollFlags::OUT, WRITE_TIMEOUT) {
            if self.flush().is_err() {
                break;
            }
        }
        self.pending.clear();
        self.written = 0;
        self.raw_mode = false;
        restore();
    }

    /// Whether it may be read and drawn on: it is in raw mode, and our process group is in the foreground.
    pub fn can_draw(&self) -> bool {
        self.raw_mode && !self.is_in_background()
    }

    /// Whether another process group is in the foreground; the kernel would stop us if we touched the terminal.
    pub fn is_in_background(&self) -> bool {
        is_in_background(&self.tty)
    }

    /// Whether no shell with job control has started the process: its process group contains the session leader, and is
    /// therefore orphaned (POSIX, "Orphaned Process Group").
    pub fn has_no_shell(&self) -> bool {
        getsid(None).is_ok_and(|session| session == getpgrp())
    }

    /// Returns columns and rows; 80 and 24 if they are unknown.
    pub fn size(&self) -> TerminalSize {
        let size = tcgetwinsize(&self.tty).ok().filter(|size| size.ws_col > 0 && size.ws_row > 0);
        size.map_or(TerminalSize { columns: 80, rows: 24 }, |size| TerminalSize {
            columns: size.ws_col,
            rows: size.ws_row,
        })
    }

    /// Reads input; 0 bytes if the terminal has been hung up.
    ///
    /// # Errors
    /// `WouldBlock` if there is none, and those of read(2).
    pub fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        self.tty.read(block)
    }

    /// Writes a frame; what the terminal does not accept at once is kept for [`Terminal::flush`].
    ///
    /// # Errors
    /// Those of write(2).
    pub fn draw(&mut self, frame: &[u8]) -> io::Result<()> {
        self.pending.extend_from_slice(frame);
        self.flush()
    }

    /// Writes what the terminal accepts.
    ///
    /// # Errors
    /// Those of write(2).
    pub fn flush(&mut self) -> io::Result<()> {
        while self.has_pending() {
            match self.tty.write(&self.pending[self.written..]) {
                Ok(n) => self.written += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        self.pending.clear();
        self.written = 0;
        Ok(())
    }

    /// Whether a part of the last frame is not written yet.
    pub fn has_pending(&self) -> bool {
        self.written < self.pending.len()
    }
}

/// Whether standard input and output are a terminal that can be drawn on.
pub fn is_interactive() -> bool {
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    io::stdin().is_terminal() && io::stdout().is_terminal() && !is_dumb
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

fn lock() -> std::sync::MutexGuard<'static, Option<SavedModes>> {
    SAVED_MODES.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn is_in_background(tty: &File) -> bool {
    tcgetpgrp(tty).is_ok_and(|group| group != getpgrp())
}

/// Restores the terminal's modes, unless they are the original ones.
fn restore() {
    let Some(raw) = lock().take() else { return };
    // The process in the foreground has set its own modes, and the kernel would stop us if we touched the terminal.
    if is_in_background(&raw.tty) {
        return;
    }
    let alternate = if raw.full_screen { ALTERNATE_OFF } else { "" };
    let last = format!("{ERASE}{PLAIN}{PASTE_OFF}{alternate}");
    let mut rest = last.as_bytes();
    while !rest.is_empty() && is_ready(raw.tty.as_fd(), PollFlags::OUT, WRITE_TIMEOUT) {
        match (&raw.tty).write(rest) {
            Ok(n) => rest = &rest[n..],
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(_) => break,
        }
    }
    let _ = tcsetattr(&raw.tty, OptionalActions::Now, &raw.saved);
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
    use rustix::termios::LocalModes;

    use super::*;

    /// Whether the terminal is in its usual mode: it returns whole lines and echoes them.
    fn is_cooked(tty: &File) -> bool {
        tcgetattr(tty).unwrap().local_modes.contains(LocalModes::ICANON | LocalModes::ECHO)
    }

    #[test]
    fn panic_and_drop_restore_the_terminal() {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
        let mut master = File::from(openpt(flags).unwrap());
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let tty = File::from(ioctl_tiocgptpeer(&master, flags).unwrap());
        for panics in [true, false] {
            let mut terminal = Terminal::on(tty.try_clone().unwrap(), true);
            terminal.take().unwrap();
            terminal.flush().unwrap();
            assert!(!is_cooked(&tty));
            if panics {
                // The panic hook has run before the panic is caught, so the terminal must be restored.
                let _ = catch_unwind(|| panic!("a fault that is put in"));
                assert!(is_cooked(&tty), "after a panic");
            }
            drop(terminal);
            assert!(is_cooked(&tty));
            let sequences = [PASTE_OFF, ALTERNATE_OFF, "\x1b[?25h", "\x1b[?7h"];
            let mut written = String::new();
            // The kernel may return what was written in several pieces.
            while sequences.iter().any(|sequence| !written.contains(sequence)) {
                assert!(is_ready(master.as_fd(), PollFlags::IN, Duration::from_secs(10)), "{written:?}");
                let mut block = [0; 1024];
                let n = master.read(&mut block).unwrap();
                written.push_str(&String::from_utf8_lossy(&block[..n]));
            }
        }
    }
}
