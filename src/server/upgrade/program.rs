//! The program that is on disk now, and how the successor is started.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf, absolute};
use std::process::{Child, Command, Stdio};

use crate::util::logging;

/// The first argument of a successor, before those of the server that it replaces. An older program, which does not know it,
/// refuses it, and so can never begin to serve.
pub const TAKE_OVER: &str = "take-over";

/// The variables of sockets that the service manager has passed: sd_listen_fds(3).
const SOCKETS: [&str; 3] = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"];

/// How this process was started, for the start of its successor.
#[derive(Clone, Debug)]
pub struct Program {
    path: PathBuf,
    name: OsString,
    args: Vec<OsString>,
}

impl Program {
    /// The program of this process. Call it at the start, while the file at its path is the one that runs.
    ///
    /// # Errors
    /// If its path cannot be found.
    pub fn of_this_process() -> io::Result<Self> {
        let mut args = env::args_os();
        let name = args.next().unwrap_or_default();
        let mut args: Vec<OsString> = args.collect();
        if args.first().is_some_and(|first| first == TAKE_OVER) {
            args.remove(0);
        }
        Ok(Program { path: path_of(Path::new(&name))?, name, args })
    }

    /// The path at which the program is looked for.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Starts the program at the path with `channel` as its standard input. `has_passed_sockets`: the service manager has
    /// passed sockets to this process.
    ///
    /// # Errors
    /// If it is not there, or cannot be run.
    pub fn start(&self, channel: OwnedFd, has_passed_sockets: bool) -> io::Result<Child> {
        let mut command = Command::new(&self.path);
        command.arg0(&self.name).arg(TAKE_OVER).args(&self.args).stdin(Stdio::from(channel));
        if let Some(stderr) = logging::own_stderr()? {
            // Descriptor 2 of this process is a pipe of the log.
            command.stderr(Stdio::from(stderr));
        }
        if !has_passed_sockets {
            for variable in SOCKETS {
                command.env_remove(variable);
            }
        }
        // The watchdog of this process is that of the successor: sd_watchdog_enabled(3).
        let is_own = env::var("WATCHDOG_PID").is_ok_and(|pid| pid == std::process::id().to_string());
        if !is_own && env::var_os("WATCHDOG_PID").is_some_and(|pid| !pid.is_empty()) {
            command.env_remove("WATCHDOG_USEC");
        }
        command.env_remove("WATCHDOG_PID");
        command.spawn()
    }
}

/// The path by which this program was started, so that a link is followed anew; else that of its file.
fn path_of(name: &Path) -> io::Result<PathBuf> {
    let running = fs::metadata("/proc/self/exe")?;
    let is_running = |path: &PathBuf| {
        fs::metadata(path).is_ok_and(|found| (found.dev(), found.ino()) == (running.dev(), running.ino()))
    };
    let folders = env::var_os("PATH").unwrap_or_default();
    let is_path = name.as_os_str().as_encoded_bytes().contains(&b'/');
    let named = match is_path {
        true => Some(absolute(name)?).filter(is_running),
        false => env::split_paths(&folders).map(|folder| folder.join(name)).find(is_running),
    };
    named.map_or_else(env::current_exe, absolute)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn program_is_looked_for_at_the_path_by_which_it_was_started() {
        let file = env::current_exe().unwrap();
        let folder = env::temp_dir().join(format!("chinwag-program-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let link = folder.join("link");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert_eq!(path_of(&link).unwrap(), link);
        // Neither of them is this program.
        for name in ["/bin/sh", "sh", "", "nothing/at/all"] {
            assert_eq!(path_of(Path::new(name)).unwrap(), file, "{name}");
        }
        fs::remove_dir_all(folder).unwrap();
    }
}
