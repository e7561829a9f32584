//! The file of known servers: which key a server had before, as in the `known_hosts` file of ssh.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::util::io_error::plain_words;
use crate::util::tls::fingerprint::Fingerprint;

/// What stands in place of a fingerprint for a server whose certificate an authority has signed.
const AUTHORITY: &str = "authority";

/// What is known of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownServer {
    /// An authority had signed its certificate, so its key may change.
    Authority,
    Key(Fingerprint),
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KnownServersError {
    #[error("cannot read the file of known servers {path}: {why}", path = .0.display(), why = plain_words(.1))]
    Read(PathBuf, #[source] io::Error),
    /// The number of the line.
    #[error(
        "line {1} of the file of known servers {path} is damaged: correct or remove it; a line is \
         HOST:PORT SHA256:..., HOST:PORT authority, or a comment after #",
        path = .0.display()
    )]
    Damaged(PathBuf, usize),
    /// The number of the second line.
    #[error("line {1} of the file of known servers {path} is about a server of an earlier line: remove one of the two", path = .0.display())]
    Twice(PathBuf, usize),
    #[error("cannot write the file of known servers {path}: {why}", path = .0.display(), why = plain_words(.1))]
    Write(PathBuf, #[source] io::Error),
    #[error(
        "there is no place for the file of known servers: set HOME or XDG_STATE_HOME, or use --tls-ca or \
         --tls-fingerprint"
    )]
    NoPlace,
}

/// The contents of the file. Comments and the order of lines are kept.
///
/// Two clients that write at the same time can lose the line of one of them; that server is then new once more.
#[derive(Debug)]
pub struct KnownServers {
    path: PathBuf,
    lines: Vec<String>,
}

impl KnownServers {
    /// Returns the path of the user's file; `None` if the environment names no place for it.
    ///
    /// It is in `$XDG_STATE_HOME`, by default `~/.local/state` (XDG Base Directory Specification 0.8).
    pub fn default_path() -> Option<PathBuf> {
        path_in(std::env::var_os("XDG_STATE_HOME"), std::env::home_dir())
    }

    /// Reads the file; one that does not exist has no lines.
    ///
    /// # Errors
    /// If it cannot be read, a line is damaged, or two lines are about one server.
    pub fn read(path: &Path) -> Result<Self, KnownServersError> {
        let bytes = match fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            outcome => outcome.map_err(|error| KnownServersError::Read(path.into(), error))?,
        };
        let mut servers = KnownServers { path: path.into(), lines: Vec::new() };
        for (index, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
            let damaged = || KnownServersError::Damaged(path.into(), index + 1);
            let line = str::from_utf8(line).map_err(|_| damaged())?;
            if let Some(text) = content(line) {
                let (server, _) = parse(text).ok_or_else(damaged)?;
                if servers.find(server).is_some() {
                    return Err(KnownServersError::Twice(path.into(), index + 1));
                }
            }
            servers.lines.push(line.to_owned());
        }
        // After the last line end.
        servers.lines.pop_if(|line| line.is_empty());
        Ok(servers)
    }

    /// Returns what is known of a server, and the number of its line.
    pub fn find(&self, server: &str) -> Option<(usize, KnownServer)> {
        let lines = self.lines.iter().enumerate();
        let mut entries = lines.filter_map(|(index, line)| content(line).and_then(parse).map(|entry| (index, entry)));
        entries.find(|(_, (name, _))| *name == server).map(|(index, (_, known))| (index + 1, known))
    }

    /// Adds what is known of a server to the file; a line that is already there stays as it is.
    ///
    /// A new file with mode 0600 takes the place of the old one; missing directories are created with mode 0700.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn add(&mut self, server: &str, known: KnownServer) -> Result<(), KnownServersError> {
        if self.find(server).is_some() {
            return Ok(());
        }
        self.lines.push(match known {
            KnownServer::Authority => format!("{server} {AUTHORITY}"),
            KnownServer::Key(key) => format!("{server} {key}"),
        });
        self.write().map_err(|error| KnownServersError::Write(self.path.clone(), error))
    }

    fn write(&self) -> io::Result<()> {
        if let Some(directory) = self.path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        }
        let draft = self.path.with_extension(format!("new-{}", std::process::id()));
        let written = write_file(&draft, &(self.lines.join("\n") + "\n")).and_then(|()| fs::rename(&draft, &self.path));
        if written.is_err() {
            let _ = fs::remove_file(&draft);
        }
        written
    }
}

fn write_file(path: &Path, text: &str) -> io::Result<()> {
    let open = || OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = match open() {
        // Left by a process with the same number that was killed.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => fs::remove_file(path).and_then(|()| open())?,
        outcome => outcome?,
    };
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn path_in(state: Option<OsString>, home: Option<PathBuf>) -> Option<PathBuf> {
    // The specification says that a relative path is to be ignored.
    let absolute = |path: PathBuf| path.is_absolute().then_some(path);
    let state = state.map(PathBuf::from).and_then(absolute);
    let state = state.or_else(|| home.and_then(absolute).map(|home| home.join(".local/state")))?;
    Some(state.join("chinwag/known_servers"))
}

/// Returns the line without spaces around it, or `None` if it is empty or a comment.
fn content(line: &str) -> Option<&str> {
    let line = line.trim();
    (!line.is_empty() && !line.starts_with('#')).then_some(line)
}

fn parse(line: &str) -> Option<(&str, KnownServer)> {
    let (server, known) = line.split_once(char::is_whitespace)?;
    let known = match known.trim_start() {
        AUTHORITY => KnownServer::Authority,
        key => KnownServer::Key(key.parse().ok()?),
    };
    let port = server.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    port.map(|_| (server, known))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::client::protocol::connection::tls::tests::scratch_directory;

    const ONE: &str = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const TWO: &str = "SHA256:BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn key(text: &str) -> KnownServer {
        KnownServer::Key(text.parse().unwrap())
    }

    #[test]
    fn path_follows_the_xdg_specification() {
        let path = |state: &str, home: &str| {
            let set = |text: &str| (!text.is_empty()).then(|| OsString::from(text));
            path_in(set(state), set(home).map(PathBuf::from)).map(|path| path.display().to_string())
        };
        assert_eq!(path("", "/home/a").as_deref(), Some("/home/a/.local/state/chinwag/known_servers"));
        assert_eq!(path("/state", "/home/a").as_deref(), Some("/state/chinwag/known_servers"));
        assert_eq!(path("state", "/home/a").as_deref(), Some("/home/a/.local/state/chinwag/known_servers"));
        assert_eq!(path("/state", "").as_deref(), Some("/state/chinwag/known_servers"));
        assert_eq!((path("", ""), path("", "home")), (None, None));
    }

    #[test]
    fn servers_are_kept_privately_and_comments_stay() {
        let directory = scratch_directory("kept");
        let path = directory.join("a/chinwag/known_servers");
        let mut servers = KnownServers::read(&path).unwrap();
        assert_eq!(servers.find("h:1"), None);
        servers.add("h:1", key(ONE)).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));

        fs::write(&path, format!("# mine\n\n  h:1\t{ONE}  \n[::1]:2 authority")).unwrap();
        let mut servers = KnownServers::read(&path).unwrap();
        assert_eq!(servers.find("h:1"), Some((3, key(ONE))));
        assert_eq!(servers.find("[::1]:2"), Some((4, KnownServer::Authority)));
        assert_eq!((servers.find("h:2"), servers.find("h")), (None, None));
        servers.add("h:2", key(TWO)).unwrap();
        servers.add("h:1", key(TWO)).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, format!("# mine\n\n  h:1\t{ONE}  \n[::1]:2 authority\nh:2 {TWO}\n"));
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "a draft is left");
    }

    #[test]
    fn draft_of_a_killed_process_is_replaced() {
        let directory = scratch_directory("draft");
        let path = directory.join("known_servers");
        fs::write(path.with_extension(format!("new-{}", std::process::id())), "half").unwrap();
        KnownServers::read(&path).unwrap().add("h:1", key(ONE)).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("h:1 {ONE}\n"));
        assert_eq!(fs::read_dir(&*directory).unwrap().count(), 1);
    }

    #[test]
    fn damaged_file_is_an_error_with_the_line() {
        let directory = scratch_directory("damaged");
        let path = directory.join("known_servers");
        let damages = ["h:1", "h SHA256:x", "h:1 sha256:x", &format!("h {ONE}"), "h:1 authority x", "h:x authority"];
        for line in damages.iter().map(|line| line.as_bytes()).chain([&b"\xff:1 authority"[..], b"\0"]) {
            fs::write(&path, [b"# first\n", line, b"\n"].concat()).unwrap();
            let error = KnownServers::read(&path).unwrap_err().to_string();
            assert!(error.starts_with("line 2 of the file of known servers /"), "{error}");
        }
        fs::write(&path, "h:1 authority\nh:1 authority\n").unwrap();
        assert!(matches!(KnownServers::read(&path), Err(KnownServersError::Twice(_, 2))));
    }

    #[test]
    fn unusable_path_is_an_error() {
        let directory = scratch_directory("unusable");
        let error = KnownServers::read(&directory).unwrap_err().to_string();
        assert!(error.ends_with(": is a directory"), "{error}");
        fs::write(directory.join("file"), "").unwrap();
        let error = KnownServers::read(&directory.join("file/known_servers")).unwrap_err().to_string();
        assert!(error.ends_with(": not a directory"), "{error}");
        let mut servers = KnownServers::read(&directory.join("none")).unwrap();
        servers.path = directory.join("file/known_servers");
        assert!(matches!(servers.add("h:1", key(ONE)), Err(KnownServersError::Write(..))));
    }
}
