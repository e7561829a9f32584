//! Where control sockets are: beside the store, in the folder for sockets of the user, or where a process has one.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::Error;

/// The end of the names of control sockets, by which those of a process are found.
pub const ENDING: &str = ".control";

/// The flag of listening sockets in /proc/PID/net/unix: `__SO_ACCEPTCON` of Linux.
const LISTENS: u32 = 1 << 16;

/// The control socket of the server that uses a store.
pub fn beside(store: &Path) -> PathBuf {
    let mut path = store.as_os_str().to_owned();
    path.push(ENDING);
    path.into()
}

/// The control socket of this process if no other is named: beside the store; without one in the folder that systemd or the
/// login session gives for sockets; `None` if there is no such folder.
pub fn default_for(store: Option<&Path>, pid: u32, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    if let Some(store) = store {
        return Some(beside(store));
    }
    // RUNTIME_DIRECTORY of systemd can name several folders: systemd.exec(5).
    let first =
        |folders: OsString| OsString::from_vec(folders.into_vec().split(|&byte| byte == b':').next()?.to_vec()).into();
    let folder = variable("RUNTIME_DIRECTORY").and_then(first).or_else(|| variable("XDG_RUNTIME_DIR"));
    let folder = folder.map(PathBuf::from).filter(|folder| folder.is_absolute())?;
    Some(folder.join(format!("chinwag.{pid}{ENDING}")))
}

/// The control socket of a process: the first of its listening Unix sockets whose name ends so.
///
/// # Errors
/// If there is no such process, it belongs to another user, or has no control socket.
pub fn of_process(pid: u32) -> Result<PathBuf, Error> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Error::Process(pid, io::Error::other("there is no such process")),
        _ => Error::Process(pid, error),
    };
    let mut sockets = HashSet::new();
    for file in fs::read_dir(format!("/proc/{pid}/fd")).map_err(failed)? {
        // A descriptor may be closed while this goes on.
        let Ok(target) = file.and_then(|file| fs::read_link(file.path())) else { continue };
        sockets.extend(inode_of(target.as_os_str()));
    }
    let list = fs::read(format!("/proc/{pid}/net/unix")).map_err(failed)?;
    let found = listening(&list).find(|(inode, path)| sockets.contains(inode) && path.ends_with(ENDING.as_bytes()));
    found.map(|(_, path)| OsStr::from_bytes(path).into()).ok_or(Error::NoSocket(pid))
}

/// The inode in the link of a descriptor, such as `socket:[1234]`.
fn inode_of(link: &OsStr) -> Option<u64> {
    link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// The listening sockets with a path in the text of /proc/PID/net/unix, with their inodes: proc_pid_net(5).
fn listening(list: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    list.split(|&byte| byte == b'\n').filter_map(|line| {
        // Num, RefCount, Protocol, Flags, Type, St, Inode, Path; the path may have spaces.
        let mut rest = line;
        let mut word = || {
            let start = rest.trim_ascii_start();
            let end = start.iter().position(|byte| *byte == b' ')?;
            rest = &start[end + 1..];
            std::str::from_utf8(&start[..end]).ok()
        };
        let flags =
            u32::from_str_radix(word().and_then(|_| word()).and_then(|_| word()).and_then(|_| word())?, 16).ok()?;
        let inode = word().and_then(|_| word()).and_then(|_| word())?.parse().ok()?;
        (flags & LISTENS != 0 && rest.starts_with(b"/")).then_some((inode, rest))
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn default_is_beside_the_store_or_in_the_folder_for_sockets() {
        let place = |store: Option<&str>, variables: &[(&str, &str)]| {
            let value = |name: &str| Some(variables.iter().find(|(found, _)| *found == name)?.1.into());
            default_for(store.map(Path::new), 7, value)
        };
        let both = [("RUNTIME_DIRECTORY", "/run/a:/run/b"), ("XDG_RUNTIME_DIR", "/run/user/1")];
        assert_eq!(place(Some("/x/history.db"), &both), Some("/x/history.db.control".into()));
        assert_eq!(place(None, &both), Some("/run/a/chinwag.7.control".into()));
        assert_eq!(place(None, &both[1..]), Some("/run/user/1/chinwag.7.control".into()));
        assert_eq!(place(None, &[("XDG_RUNTIME_DIR", "")]), None);
        assert_eq!(place(None, &[]), None);
    }

    #[test]
    fn listening_sockets_are_read_with_spaces_in_their_paths() {
        let list = b"Num       RefCount Protocol Flags    Type St Inode Path\n\
            00000000a: 00000002 00000000 00010000 0001 01 12345 /run/a b.control\n\
            00000000b: 00000003 00000000 00000000 0001 03 12346 /run/c.control\n\
            00000000c: 00000002 00000000 00010000 0001 01    99 @abstract\n\
            00000000d: 00000002 00000000 00010000 0005 01 12348\n";
        assert_eq!(listening(list).collect::<Vec<_>>(), [(12345, &b"/run/a b.control"[..])]);
    }

    #[test]
    fn socket_of_a_process_is_found_by_its_number() {
        let own = std::process::id();
        let path = std::env::temp_dir().join(format!("chinwag place {own}.control"));
        let listener = UnixListener::bind(&path).unwrap();
        assert_eq!(of_process(own).unwrap(), path);
        drop(listener);
        fs::remove_file(&path).unwrap();
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let found = of_process(child.id());
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(matches!(found, Err(Error::NoSocket(pid)) if pid == child.id()), "{found:?}");
        let none = of_process(u32::MAX).unwrap_err().to_string();
        assert!(none.ends_with(": there is no such process"), "{none}");
    }
}
