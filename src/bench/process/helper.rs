//! The other processes of a load test: the server, the floor, and readers past the fd limit.
//!
//! Each is the same program again, with the hidden subcommand `bench-part`.

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

/// How long a part may take to end once it has been asked to.
const PATIENCE: Duration = Duration::from_secs(6);

/// A process that ends with the load test.
pub struct Part {
    /// The process.
    pub child: Child,
    what: &'static str,
    /// The number of the pipe on which it writes lines to us.
    pub pipe: usize,
}

/// Which of its streams a part writes lines to us on.
pub enum Speaks {
    /// Standard output; errors go where ours go.
    Stdout,
    /// Standard error, where a server has its log.
    Stderr,
}

impl Part {
    /// Starts one; `what` names it in errors.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(generator: &mut Generator, what: &'static str, args: &[String], on: Speaks) -> Result<Self, Error> {
        let failed = |error: io::Error| Error::Part(what, format!("cannot start it: {error}"));
        let mut command = Command::new("/proc/self/exe");
        // Ctrl-C is for the load test alone, which then ends its parts.
        command.arg0("chinwag").arg("bench-part").args(args).process_group(0).stdin(Stdio::piped());
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CHINWAG_")) {
            command.env_remove(name);
        }
        match on {
            Speaks::Stdout => command.stdout(Stdio::piped()).stderr(Stdio::inherit()),
            Speaks::Stderr => command.stdout(Stdio::null()).stderr(Stdio::piped()),
        };
        let mut child = command.spawn().map_err(failed)?;
        let out = child.stdout.take().map(Receiver::from);
        let receiver = out.or_else(|| child.stderr.take().map(Receiver::from)).expect("one of them is a pipe");
        let pipe = generator.watch(receiver)?;
        Ok(Part { child, what, pipe })
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line that it has written.
    pub fn line(&self, generator: &mut Generator) -> Option<String> {
        generator.pipes[self.pipe].lines.pop_front()
    }

    /// An error that says how it ended, if it has.
    pub fn check(&mut self, generator: &mut Generator) -> Result<(), Error> {
        match self.child.try_wait() {
            Ok(Some(status)) => {
                // Its last words may have come after the last look.
                generator.pipes[self.pipe].read(&mut [0; 4096]);
                let lines = &generator.pipes[self.pipe].lines;
                let cause = lines.iter().find(|line| line.starts_with("error: ") || line.starts_with("chinwag: "));
                let words = cause.or(lines.back()).cloned().unwrap_or_default();
                Err(Error::Part(self.what, format!("it ended ({status}) {words}").trim_end().to_owned()))
            }
            _ => Ok(()),
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let Some(pid) = Pid::from_raw(self.child.id() as i32) else { return };
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        let _ = kill_process(pid, Signal::TERM);
        // The descriptor of a process becomes readable when the process has ended: pidfd_open(2).
        let ended = pidfd_open(pid, PidfdFlags::empty()).is_ok_and(|fd| is_ready(fd.as_fd(), PollFlags::IN, PATIENCE));
        if !ended {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// Has this process end with the one that started it, even if that one is killed: PR_SET_PDEATHSIG(2const).
pub fn end_with_parent() {
    let _ = set_parent_process_death_signal(Some(Signal::TERM));
}
