//! The other processes of a load test: the server, the baseline, and helpers with further readers.
//!
//! Each runs this program again, with the hidden subcommand `bench-part`.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mio::unix::pipe::Receiver;
use rustix::event::PollFlags;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, set_parent_process_death_signal};

use crate::bench::driver::generator::Generator;
use crate::bench::error::Error;
use crate::util::stdio::is_ready;

/// How long a process may take to end after SIGTERM.
const END_TIMEOUT: Duration = Duration::from_secs(6);

/// A child process that ends with the load test.
pub struct Subprocess {
    /// The process.
    pub child: Child,
    what: &'static str,
    /// The number of the pipe that carries its lines.
    pub pipe: usize,
}

/// Which of its streams carries lines to the load test.
pub enum OutputStream {
    /// Standard output; errors go to our standard error.
    Stdout,
    /// Standard error, where a server writes its log.
    Stderr,
}

impl Subprocess {
    /// Starts a process; `what` names it in errors.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(
        generator: &mut Generator,
        what: &'static str,
        args: &[String],
        on: OutputStream,
    ) -> Result<Self, Error> {
        let failed = |error: io::Error| Error::Subprocess(what, format!("cannot start it: {error}"));
        let mut command = Command::new("/proc/self/exe");
        // Ctrl-C is for the load test alone, which then ends its child processes.
        command.arg0("chinwag").arg("bench-part").args(args).process_group(0).stdin(Stdio::piped());
        // Its server is none that a service manager knows.
        command.env_remove("NOTIFY_SOCKET");
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CHINWAG_")) {
            command.env_remove(name);
        }
        match on {
            OutputStream::Stdout => command.stdout(Stdio::piped()).stderr(Stdio::inherit()),
            OutputStream::Stderr => command.stdout(Stdio::null()).stderr(Stdio::piped()),
        };
        let mut child = command.spawn().map_err(failed)?;
        let out = child.stdout.take().map(Receiver::from);
        let receiver = out.or_else(|| child.stderr.take().map(Receiver::from)).expect("one of them is a pipe");
        let pipe = generator.watch(receiver)?;
        Ok(Subprocess { child, what, pipe })
    }

    /// Its process number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line that it has written.
    pub fn line(&self, generator: &mut Generator) -> Option<String> {
        generator.pipes[self.pipe].lines.pop_front()
    }

    /// Fails with its exit status and last line, if it has ended.
    pub fn check(&mut self, generator: &mut Generator) -> Result<(), Error> {
        match self.child.try_wait() {
            Ok(Some(status)) => {
                // Its last lines may have come after the last read.
                generator.pipes[self.pipe].read(&mut [0; 4096]);
                let lines = &generator.pipes[self.pipe].lines;
                let cause = lines.iter().find(|line| line.starts_with("error: ") || line.starts_with("chinwag: "));
                let words = cause.or(lines.back()).cloned().unwrap_or_default();
                Err(Error::Subprocess(self.what, format!("it ended ({status}) {words}").trim_end().to_owned()))
            }
            _ => Ok(()),
        }
    }
}

impl Drop for Subprocess {
    fn drop(&mut self) {
        let Some(pid) = Pid::from_raw(self.child.id() as i32) else { return };
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        let _ = kill_process(pid, Signal::TERM);
        // A pidfd becomes readable when its process has ended: pidfd_open(2).
        let ended =
            pidfd_open(pid, PidfdFlags::empty()).is_ok_and(|fd| is_ready(fd.as_fd(), PollFlags::IN, END_TIMEOUT));
        if !ended {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// Ends this process when its parent ends, even if the parent is killed: PR_SET_PDEATHSIG(2const).
pub fn end_with_parent() {
    let _ = set_parent_process_death_signal(Some(Signal::TERM));
}
