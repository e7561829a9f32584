//! The terminal: opened anew, set to raw mode, and given back as it was, whatever happens.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Mutex;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::event::PollFlags;
use rustix::fs::{Mode, OFlags, open};
use rustix::process::{getpgrp, getsid};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcgetwinsize, tcsetattr};

use super::screen::Size;
use crate::stdio::is_ready;

/// Bracketed paste: what is pasted is told apart from what is typed (xterm's ctlseqs, "Bracketed Paste Mode").
const PASTE_ON: &str = "\x1b[?2004h";
const PASTE_OFF: &str = "\x1b[?2004l";

/// The alternate screen, without scrollback, and the cursor of the other one kept (ctlseqs, DECSET 1049).
const ALTERNATE_ON: &str = "\x1b[?1049h\x1b[H\x1b[2J";
const ALTERNATE_OFF: &str = "\x1b[?1049l";

/// Plain characters, a visible cursor, no frame half drawn, and rows that go on in the next one.
const PLAIN: &str = "\x1b[0m\x1b[?25h\x1b[?7h\x1b[?2026l";

/// How long the terminal may take to read what gives it back.
const PATIENCE: Duration = Duration::from_millis(500);

/// What a panic has to set right: `None` while the terminal is as it was.
static RAW: Mutex<Option<Raw>> = Mutex::new(None);

struct Raw {
    tty: File,
    /// The modes before ours.
    saved: Termios,
    full_screen: bool,
}

/// The terminal that the process was started on; its modes are restored when it is dropped.
pub struct Terminal {
    tty: File,
    full_screen: bool,
    /// It is in raw mode.
    taken: bool,
    /// What it is given, and how much of that it has taken.
    pending: Vec<u8>,
    taken_bytes: usize,
}

impl Terminal {
    /// Opens it, with O_NONBLOCK on a description of our own: the shell shares the other ones.
    ///
    /// # Errors
    /// If there is none.
    pub fn open(full_screen: bool) -> io::Result<Self> {
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        // Without a controlling terminal there is still the one on standard input.
        let fd = open("/dev/tty", flags, Mode::empty()).or_else(|_| open("/proc/self/fd/0", flags, Mode::empty()))?;
        Ok(Terminal::on(fd.into(), full_screen))
    }

    fn on(tty: File, full_screen: bool) -> Self {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            report(panic);
        }));
        Terminal { tty, full_screen, taken: false, pending: Vec::new(), taken_bytes: 0 }
    }

    /// Has its events come under `token`.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn watch(&self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut SourceFd(&self.tty.as_raw_fd()), token, Interest::READABLE | Interest::WRITABLE)
    }

    /// Takes it over: each key comes as it is pressed, and nothing is echoed (termios(3), raw mode).
    ///
    /// # Errors
    /// If its modes cannot be set.
    pub fn take(&mut self) -> io::Result<()> {
        // Stopped by SIGSTOP it was not given back; what it is to be given back as is known then.
        let saved = lock().take().map_or_else(|| tcgetattr(&self.tty), |raw| Ok(raw.saved))?;
        let mut raw = saved.clone();
        raw.make_raw();
        tcsetattr(&self.tty, OptionalActions::Now, &raw)?;
        let tty = self.tty.try_clone()?;
        self.taken = true;
        *lock() = Some(Raw { tty, saved, full_screen: self.full_screen });
        if self.full_screen {
            self.pending.extend_from_slice(ALTERNATE_ON.as_bytes());
        }
        self.pending.extend_from_slice(PASTE_ON.as_bytes());
        Ok(())
    }

    /// Gives it back, with `last` written before.
    pub fn give_back(&mut self, last: &[u8]) {
        self.pending.extend_from_slice(last);
        while self.has_pending() && is_ready(self.tty.as_fd(), PollFlags::OUT, PATIENCE) {
            if self.flush().is_err() {
                break;
            }
        }
        self.pending.clear();
        self.taken_bytes = 0;
        self.taken = false;
        restore();
    }

    /// Whether it may be read and drawn on: it has been taken, and no other process has it at present.
    pub fn is_ours(&self) -> bool {
        self.taken && !self.is_in_background()
    }

    /// Whether another process of the shell's has the terminal now: one that touched it would be stopped.
    pub fn is_in_background(&self) -> bool {
        is_in_background(&self.tty)
    }

    /// Whether the process runs instead of a shell or is waited for by one that knows no jobs: in the process group
    /// that leads its session, and so in an orphaned one (POSIX, "Orphaned Process Group").
    pub fn has_no_shell(&self) -> bool {
        getsid(None).is_ok_and(|session| session == getpgrp())
    }

    /// Columns and rows.
    pub fn size(&self) -> Size {
        let size = tcgetwinsize(&self.tty).ok().filter(|size| size.ws_col > 0 && size.ws_row > 0);
        size.map_or(Size { columns: 80, rows: 24 }, |size| Size { columns: size.ws_col, rows: size.ws_row })
    }

    /// Reads what has been typed; 0 bytes if the terminal has been hung up.
    ///
    /// # Errors
    /// `WouldBlock` if that is nothing, and those of read(2).
    pub fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        self.tty.read(block)
    }

    /// Writes a frame; what the terminal does not take at once is kept for [`Terminal::flush`].
    ///
    /// # Errors
    /// Those of write(2).
    pub fn draw(&mut self, frame: &[u8]) -> io::Result<()> {
        self.pending.extend_from_slice(frame);
        self.flush()
    }

    /// Writes what it takes.
    ///
    /// # Errors
    /// Those of write(2).
    pub fn flush(&mut self) -> io::Result<()> {
        while self.has_pending() {
            match self.tty.write(&self.pending[self.taken_bytes..]) {
                Ok(n) => self.taken_bytes += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        self.pending.clear();
        self.taken_bytes = 0;
        Ok(())
    }

    /// Whether it has not taken all of the last frame.
    pub fn has_pending(&self) -> bool {
        self.taken_bytes < self.pending.len()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

fn lock() -> std::sync::MutexGuard<'static, Option<Raw>> {
    RAW.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn is_in_background(tty: &File) -> bool {
    tcgetpgrp(tty).is_ok_and(|group| group != getpgrp())
}

/// Sets the terminal's modes back to what they were, if they are not.
fn restore() {
    let Some(raw) = lock().take() else { return };
    // Whoever has the terminal now has set it as they want it, and who touched it would be stopped.
    if is_in_background(&raw.tty) {
        return;
    }
    let alternate = if raw.full_screen { ALTERNATE_OFF } else { "" };
    let last = format!("{PLAIN}{PASTE_OFF}{alternate}");
    let mut rest = last.as_bytes();
    while !rest.is_empty() && is_ready(raw.tty.as_fd(), PollFlags::OUT, PATIENCE) {
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

    /// Whether the terminal gives lines and echoes them.
    fn is_cooked(tty: &File) -> bool {
        tcgetattr(tty).unwrap().local_modes.contains(LocalModes::ICANON | LocalModes::ECHO)
    }

    #[test]
    fn a_panic_gives_the_terminal_back_and_so_does_the_end() {
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
                // What is caught here has been reported, and the terminal must be fit for that.
                let _ = catch_unwind(|| panic!("a fault that is put in"));
                assert!(is_cooked(&tty), "after a panic");
            }
            drop(terminal);
            assert!(is_cooked(&tty));
            let sequences = [PASTE_OFF, ALTERNATE_OFF, "\x1b[?25h", "\x1b[?7h"];
            let mut written = String::new();
            // The kernel may hand over what was written in several pieces.
            while sequences.iter().any(|sequence| !written.contains(sequence)) {
                assert!(is_ready(master.as_fd(), PollFlags::IN, Duration::from_secs(10)), "{written:?}");
                let mut block = [0; 1024];
                let n = master.read(&mut block).unwrap();
                written.push_str(&String::from_utf8_lossy(&block[..n]));
            }
        }
    }
}
