//! Datagrams to the service manager: sd_notify(3).
//!
//! The socket never blocks. The crate `sd-notify` sends with a blocking socket, and makes a new one for each datagram.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use log::warn;

use crate::util::io_error::plain_words;

/// Delay before the next try while the service manager has no room for a datagram.
const RETRY: Duration = Duration::from_millis(100);

/// Datagrams that wait at most; the oldest are dropped, since the newest say how things are.
const MAX_WAITING: usize = 16;

/// Sends datagrams to the service manager, in their order.
#[derive(Debug)]
pub struct Notifier {
    socket: UnixDatagram,
    addr: SocketAddr,
    /// Datagrams for which there was no room.
    waiting: VecDeque<String>,
    /// The time of the next try, while datagrams wait.
    retry: Duration,
    /// A failure has been logged.
    has_failed: bool,
}

impl Notifier {
    /// A notifier for the address in `NOTIFY_SOCKET`: the path of a Unix socket, or `@` and the name of an abstract one.
    ///
    /// # Errors
    /// If it is no such address, or the kernel refuses the socket.
    pub fn new(addr: &OsStr) -> io::Result<Self> {
        let addr = match addr.as_bytes() {
            [b'@', name @ ..] if !name.is_empty() => SocketAddr::from_abstract_name(name)?,
            [b'/', ..] => SocketAddr::from_pathname(addr)?,
            _ => return Err(io::Error::new(io::ErrorKind::InvalidInput, "write a path, or @ and a name")),
        };
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        Ok(Notifier { socket, addr, waiting: VecDeque::new(), retry: Duration::ZERO, has_failed: false })
    }

    /// The notifier of this process; `None` if no service manager has asked for one, or its address cannot be used.
    pub fn from_env() -> Option<Self> {
        let addr: OsString = std::env::var_os("NOTIFY_SOCKET").filter(|addr| !addr.is_empty())?;
        let failed = |error: io::Error| {
            warn!("NOTIFY_SOCKET={}: cannot tell the service manager: {}", addr.display(), plain_words(&error))
        };
        Notifier::new(&addr).map_err(failed).ok()
    }

    /// Sends a datagram, later if there is no room for it now.
    pub fn send(&mut self, text: String, now: Duration) {
        self.waiting.push_back(text);
        if self.waiting.len() > MAX_WAITING {
            self.waiting.pop_front();
        }
        if self.waiting.len() == 1 {
            self.retry = now;
        }
        self.retry(now);
    }

    /// Sends what waits, if the time for that has come.
    pub fn retry(&mut self, now: Duration) {
        while let Some(text) = self.waiting.front().filter(|_| self.retry <= now) {
            match self.socket.send_to_addr(text.as_bytes(), &self.addr) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.retry = now + RETRY,
                result => {
                    self.waiting.pop_front();
                    self.note(result.err());
                }
            }
        }
    }

    /// Logs a failure, once.
    fn note(&mut self, error: Option<io::Error>) {
        if let Some(error) = error
            && !std::mem::replace(&mut self.has_failed, true)
        {
            warn!("NOTIFY_SOCKET: cannot tell the service manager: {}", plain_words(&error));
        }
    }

    /// The time of the next try; `None` if nothing waits.
    pub fn next_deadline(&self) -> Option<Duration> {
        (!self.waiting.is_empty()).then_some(self.retry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(5);

    /// A socket that receives, with a name of its own, and a notifier for it.
    fn pair(name: &str) -> (UnixDatagram, Notifier) {
        let name = format!("chinwag-notify-{name}-{}", std::process::id());
        let receiver = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        receiver.set_nonblocking(true).unwrap();
        (receiver, Notifier::new(OsStr::new(&format!("@{name}"))).unwrap())
    }

    fn received(receiver: &UnixDatagram) -> Option<String> {
        let mut block = [0; 256];
        let length = receiver.recv(&mut block).ok()?;
        Some(String::from_utf8_lossy(&block[..length]).into_owned())
    }

    #[test]
    fn datagrams_that_find_no_room_are_sent_later_in_their_order() {
        let (receiver, mut notifier) = pair("full");
        let mut sent = 0;
        while notifier.next_deadline().is_none() {
            notifier.send(format!("N={sent}"), NOW);
            sent += 1;
        }
        notifier.send("READY=1".into(), NOW);
        assert_eq!(notifier.next_deadline(), Some(NOW + RETRY));
        for number in 0..sent - 1 {
            assert_eq!(received(&receiver), Some(format!("N={number}")));
        }
        // Not before its time.
        notifier.retry(NOW);
        assert_eq!(received(&receiver), None);
        notifier.retry(NOW + RETRY);
        assert_eq!([received(&receiver), received(&receiver)], [format!("N={}", sent - 1), "READY=1".into()].map(Some));
        assert_eq!(notifier.next_deadline(), None);
    }

    #[test]
    fn few_datagrams_wait_and_the_newest_are_kept() {
        let (receiver, mut notifier) = pair("bounded");
        while notifier.next_deadline().is_none() {
            notifier.send("FIRST=1".into(), NOW);
        }
        (0..100).for_each(|number| notifier.send(format!("N={number}"), NOW));
        assert_eq!(notifier.waiting.len(), MAX_WAITING);
        let mut all = Vec::new();
        while let Some(time) = notifier.next_deadline() {
            all.extend(std::iter::from_fn(|| received(&receiver)));
            notifier.retry(time);
        }
        all.extend(std::iter::from_fn(|| received(&receiver)));
        let kept: Vec<String> = (100 - MAX_WAITING..100).map(|number| format!("N={number}")).collect();
        assert!(all.ends_with(&kept), "{all:?}");
    }

    #[test]
    fn lost_receiver_is_no_obstacle() {
        let (receiver, mut notifier) = pair("lost");
        drop(receiver);
        notifier.send("READY=1".into(), NOW);
        assert!(notifier.has_failed);
        assert_eq!(notifier.next_deadline(), None);
    }

    #[test]
    fn address_is_a_path_or_an_abstract_name() {
        for addr in ["", "@", "run/notify", "vsock:2:1234", &format!("/{}", "x".repeat(200))] {
            assert!(Notifier::new(OsStr::new(addr)).is_err(), "{addr}");
        }
        assert!(Notifier::new(OsStr::new("/run/systemd/notify")).is_ok());
    }
}
