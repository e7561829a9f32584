//! Listening Unix sockets: unix(7).

use std::cell::Cell;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net;
use std::path::{Path, PathBuf};

use mio::net::{UnixListener, UnixStream};
use rustix::fs::{Mode, fchmod};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use socket2::{Domain, SockAddr, SockRef, Socket, Type};

/// Bytes of the longest path of a Unix socket in Linux.
const MAX_PATH: usize = 107;

/// A listening Unix socket. Its file is removed when it is closed, if it has made it.
#[derive(Debug)]
pub struct UnixServer {
    socket: UnixListener,
    /// The number of the last connection.
    number: Cell<u16>,
    /// The send buffer of its connections in bytes; 0 for the system's default.
    send_buffer: Cell<usize>,
    file: Option<SocketFile>,
}

impl UnixServer {
    /// Listens at `path`. The file has this mode before anyone can connect; a file that a dead server has left is replaced.
    ///
    /// # Errors
    /// If another server listens there, another kind of file is there, or the path cannot be used.
    pub fn listen(path: &Path, mode: u32, backlog: i32) -> io::Result<Self> {
        if path.as_os_str().len() > MAX_PATH {
            let why = format!("the path is longer than {MAX_PATH} bytes; choose a shorter one");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
            let why = format!("there is no folder {}; make it, or choose another path", folder.display());
            return Err(io::Error::new(io::ErrorKind::NotFound, why));
        }
        let addr = SockAddr::unix(path)?;
        remove_dead(path, &addr)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        // The file gets the mode of the socket without the bits of the umask, and so never a wider one. A umask of our own
        // would be that of the whole process.
        fchmod(&socket, Mode::from_raw_mode(mode))?;
        socket.bind(&addr)?;
        let file = SocketFile::new(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        socket.listen(backlog)?;
        Ok(Self::new(socket.into(), Some(file)))
    }

    /// Takes over a socket that listens already; its file stays when it is closed.
    ///
    /// # Errors
    /// If the kernel refuses to make it non-blocking.
    pub fn adopt(socket: net::UnixListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self::new(socket, None))
    }

    /// Takes over a socket that a predecessor hands over, with the file that it has made. It is removed at the end only after
    /// [`UnixServer::set_owns_file`].
    ///
    /// # Errors
    /// If the kernel refuses to make it non-blocking.
    pub fn take_over(socket: net::UnixListener, file: Option<SocketFile>) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let server = Self::new(socket, file);
        server.set_owns_file(false);
        Ok(server)
    }

    /// The file that the server has made for it.
    pub fn file(&self) -> Option<&SocketFile> {
        self.file.as_ref()
    }

    /// Sets whether the file is removed when the socket is closed here.
    pub fn set_owns_file(&self, owns: bool) {
        self.file.iter().for_each(|file| file.set_owned(owns));
    }

    fn new(socket: net::UnixListener, file: Option<SocketFile>) -> Self {
        let socket = UnixListener::from_std(socket);
        UnixServer { socket, number: Cell::new(0), send_buffer: Cell::new(0), file }
    }

    /// Sets the send buffer of later connections in bytes; 0 for the system's default. They do not inherit that of the
    /// listener, as those of TCP do.
    pub fn set_send_buffer(&self, bytes: usize) {
        self.send_buffer.set(bytes);
    }

    /// The source of its events.
    pub fn socket_mut(&mut self) -> &mut UnixListener {
        &mut self.socket
    }

    /// Accepts a connection. The peer has no address: see [`crate::chat::is_unix`].
    pub fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        let (stream, _) = self.socket.accept()?;
        if self.send_buffer.get() > 0 {
            // Without it the connection works as well.
            let _ = SockRef::from(&stream).set_send_buffer_size(self.send_buffer.get());
        }
        self.number.set(self.number.get().wrapping_add(1).max(1));
        Ok((stream, SocketAddr::from((Ipv4Addr::UNSPECIFIED, self.number.get()))))
    }
}

impl AsFd for UnixServer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Removes the socket that a dead server has left at `path`, if there is one.
fn remove_dead(path: &Path, addr: &SockAddr) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(found) if !found.file_type().is_socket() => {
            let why = "a file that is no socket is there; choose another path, or remove the file";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
        }
        Ok(_) => {}
    }
    let probe = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // A server that is busy has no room for one more connection, which would be waited for.
    probe.set_nonblocking(true)?;
    match probe.connect(addr) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        _ => Err(Errno::ADDRINUSE.into()),
    }
}

/// The file of a listening socket; removed at the end, unless another one has its path.
#[derive(Debug, Serialize, Deserialize)]
pub struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
    /// Another process has it, or may have it.
    #[serde(skip, default = "left")]
    is_left: Cell<bool>,
}

/// A file that was handed over is that of the other process at first.
fn left() -> Cell<bool> {
    Cell::new(true)
}

impl Clone for SocketFile {
    /// Another value for the same file, which is left at the end.
    fn clone(&self) -> Self {
        SocketFile { path: self.path.clone(), is_left: Cell::new(true), ..*self }
    }
}

impl SocketFile {
    fn new(path: &Path) -> io::Result<Self> {
        let found = fs::symlink_metadata(path)?;
        Ok(SocketFile { path: path.to_owned(), device: found.dev(), inode: found.ino(), is_left: Cell::new(false) })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Sets whether this process removes it.
    pub fn set_owned(&self, is_owned: bool) {
        self.is_left.set(!is_owned);
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_own = |found: &fs::Metadata| (found.dev(), found.ino()) == (self.device, self.inode);
        if !self.is_left.get() && fs::symlink_metadata(&self.path).as_ref().is_ok_and(is_own) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

    /// An empty folder, which is removed at the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let path = std::env::temp_dir().join(format!("chinwag-unix-{name}-{}", std::process::id()));
            fs::create_dir(&path).unwrap();
            Folder(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn refused(path: &Path) -> String {
        UnixServer::listen(path, 0o600, 8).unwrap_err().to_string()
    }

    #[test]
    fn socket_has_its_mode_and_is_removed_at_the_end() {
        let folder = Folder::new("mode");
        let path = folder.0.join("chat.sock");
        for mode in [0o600, 0o660, 0o666, 0o777] {
            let server = UnixServer::listen(&path, mode, 8).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, mode);
            let _client = UnixStream::connect(&path).unwrap();
            assert_eq!(server.accept().unwrap().1, "0.0.0.0:1".parse().unwrap());
            drop(server);
            assert!(!path.exists());
        }
    }

    #[test]
    fn peers_have_numbers_and_the_send_buffer_that_was_set_last() {
        let folder = Folder::new("numbers");
        let path = folder.0.join("chat.sock");
        let server = UnixServer::listen(&path, 0o600, 8).unwrap();
        server.number.set(u16::MAX - 1);
        for (buffer, number) in [(30_000, u16::MAX), (50_000, 1)] {
            server.set_send_buffer(buffer);
            let _client = UnixStream::connect(&path).unwrap();
            let (stream, addr) = server.accept().unwrap();
            assert_eq!(addr, SocketAddr::from(([0, 0, 0, 0], number)));
            assert_eq!(SockRef::from(&stream).send_buffer_size().unwrap(), 2 * buffer);
        }
    }

    #[test]
    fn socket_of_a_dead_server_is_replaced_and_that_of_a_live_one_is_not() {
        let folder = Folder::new("dead");
        let path = folder.0.join("chat.sock");
        // The standard library leaves the file.
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let server = UnixServer::listen(&path, 0o600, 0).unwrap();
        assert!(refused(&path).starts_with("Address already in use"));
        // Its queue is full, too.
        let probe = || {
            let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            (socket.connect(&SockAddr::unix(&path).unwrap()).is_ok(), socket)
        };
        let waiting: Vec<_> = std::iter::from_fn(|| Some(probe()).filter(|(is_connected, _)| *is_connected)).collect();
        assert!(refused(&path).starts_with("Address already in use"), "{} wait", waiting.len());
        // What another server has put there in the meantime stays.
        fs::remove_file(&path).unwrap();
        let other = UnixListener::bind(&path).unwrap();
        drop(server);
        assert!(path.exists());
        drop(other);
    }

    #[test]
    fn other_files_are_never_removed() {
        let folder = Folder::new("other");
        let (file, link) = (folder.0.join("file"), folder.0.join("link"));
        fs::write(&file, "text").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        for path in [&file, &link, &folder.0] {
            assert!(refused(path).starts_with("a file that is no socket is there; "), "{}", path.display());
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), "text");
        assert!(refused(&folder.0.join("no/chat.sock")).starts_with("there is no folder "));
        assert!(refused(&folder.0.join("x".repeat(200))).starts_with("the path is longer than 107 bytes"));
    }
}
