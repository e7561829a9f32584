//! What the server and the service manager, such as systemd, tell each other.

pub mod activation;
mod notify;

use std::time::Duration;

use log::warn;
use rustix::time::{ClockId, clock_gettime};

use self::notify::Notifier;
use crate::chat::HeadCount;

/// The shortest time between two status lines.
const STATUS_INTERVAL: Duration = Duration::from_secs(5);

/// Tells the service manager how the server is: sd_notify(3).
#[derive(Debug)]
pub struct ServiceManager {
    notifier: Notifier,
    watchdog: Option<Watchdog>,
    status: Status,
    /// It has been told that the server ends.
    is_stopping: bool,
}

/// Tells the service manager that the event loop goes around: sd_watchdog_enabled(3).
#[derive(Debug)]
struct Watchdog {
    /// Half of the time after which the service manager takes the server for stuck.
    interval: Duration,
    next: Duration,
}

/// The status line.
#[derive(Debug, Default)]
struct Status {
    /// What it says.
    shown: HeadCount,
    /// The time from which it may be sent again.
    next: Duration,
    /// Whether the counts are others than those that it says.
    is_old: bool,
}

impl ServiceManager {
    /// The service manager that has started this process; `None` if there is none that wants to be told anything.
    pub fn from_env() -> Option<Self> {
        let watchdog = watchdog_interval(|variable| std::env::var(variable).ok(), std::process::id());
        Notifier::from_env().map(|notifier| Self::new(notifier, watchdog))
    }

    fn new(notifier: Notifier, watchdog: Option<Duration>) -> Self {
        let watchdog = watchdog.map(|interval| Watchdog { interval, next: Duration::ZERO });
        ServiceManager { notifier, watchdog, status: Status::default(), is_stopping: false }
    }

    /// The server accepts connections.
    pub fn tell_ready(&mut self, heads: HeadCount, now: Duration) {
        self.status = Status { shown: heads, next: now + STATUS_INTERVAL, is_old: false };
        self.notifier.send(format!("READY=1\n{}", status_line(heads)), now);
    }

    /// The server begins to read its settings again.
    pub fn tell_reloading(&mut self, now: Duration) {
        let time = clock_gettime(ClockId::Monotonic);
        let microseconds = time.tv_sec * 1_000_000 + time.tv_nsec / 1000;
        self.notifier.send(format!("RELOADING=1\nMONOTONIC_USEC={microseconds}"), now);
    }

    /// The server has read its settings again, or keeps the old ones.
    pub fn tell_reloaded(&mut self, now: Duration) {
        self.notifier.send("READY=1".into(), now);
    }

    /// The main process of the service is this one from now on.
    pub fn tell_main_pid(&mut self, pid: u32, now: Duration) {
        self.notifier.send(format!("MAINPID={pid}"), now);
    }

    /// The server ends: tells that once.
    pub fn tell_stopping(&mut self, now: Duration) {
        if !std::mem::replace(&mut self.is_stopping, true) {
            self.notifier.send("STOPPING=1\nSTATUS=Shutting down".into(), now);
        }
    }

    /// A turn of the event loop: tells what is due.
    pub fn turn(&mut self, heads: HeadCount, now: Duration) {
        self.notifier.retry(now);
        if let Some(watchdog) = self.watchdog.as_mut().filter(|watchdog| watchdog.next <= now) {
            watchdog.next = now + watchdog.interval;
            self.notifier.send("WATCHDOG=1".into(), now);
        }
        self.status.is_old = heads != self.status.shown && !self.is_stopping;
        if self.status.is_old && self.status.next <= now {
            self.status = Status { shown: heads, next: now + STATUS_INTERVAL, is_old: false };
            self.notifier.send(status_line(heads), now);
        }
    }

    /// The time of the next turn if nothing else happens before.
    pub fn next_deadline(&self) -> Option<Duration> {
        let watchdog = self.watchdog.as_ref().map(|watchdog| watchdog.next);
        let status = self.status.is_old.then_some(self.status.next);
        [watchdog, status, self.notifier.next_deadline()].into_iter().flatten().min()
    }
}

/// Half of the time in `WATCHDOG_USEC`; `None` if it is not set, or meant for another process.
fn watchdog_interval(variable: impl Fn(&str) -> Option<String>, own_pid: u32) -> Option<Duration> {
    let time = variable("WATCHDOG_USEC").filter(|time| !time.is_empty())?;
    let pid = variable("WATCHDOG_PID").filter(|pid| !pid.is_empty());
    if pid.is_some_and(|pid| pid.parse() != Ok(own_pid)) {
        return None;
    }
    match time.parse().unwrap_or(0) {
        0 => {
            warn!("WATCHDOG_USEC is {time:?}, which is no time in microseconds; there is no watchdog");
            None
        }
        microseconds => Some(Duration::from_micros(microseconds) / 2),
    }
}

fn status_line(HeadCount { here, waiting, connected }: HeadCount) -> String {
    let plural = |number| if number == 1 { "" } else { "s" };
    let waiting = if waiting == 0 { String::new() } else { format!(", {waiting} waiting") };
    format!("STATUS={here} member{}, {connected} connection{}{waiting}", plural(here), plural(connected))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A service manager with what it has been told.
    struct Told {
        receiver: UnixDatagram,
        manager: ServiceManager,
    }

    impl Told {
        fn new(name: &str, watchdog: Option<Duration>) -> Told {
            let name = format!("chinwag-service-{name}-{}", std::process::id());
            let receiver = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
            receiver.set_nonblocking(true).unwrap();
            let notifier = Notifier::new(OsStr::new(&format!("@{name}"))).unwrap();
            Told { receiver, manager: ServiceManager::new(notifier, watchdog) }
        }

        fn next(&self) -> Option<String> {
            let mut block = [0; 256];
            let length = self.receiver.recv(&mut block).ok()?;
            Some(String::from_utf8_lossy(&block[..length]).into_owned())
        }

        #[track_caller]
        fn expect(&self, expected: &[&str]) {
            assert_eq!(std::iter::from_fn(|| self.next()).collect::<Vec<_>>(), expected);
        }
    }

    fn heads(here: usize, connected: usize) -> HeadCount {
        HeadCount { here, waiting: 0, connected }
    }

    #[test]
    fn status_is_told_when_it_has_changed_and_not_more_often_than_its_interval() {
        let mut told = Told::new("status", None);
        told.manager.tell_ready(heads(0, 0), SECOND);
        told.expect(&["READY=1\nSTATUS=0 members, 0 connections"]);
        told.manager.turn(heads(0, 0), 2 * SECOND);
        assert_eq!(told.manager.next_deadline(), None);
        told.manager.turn(heads(0, 1), 3 * SECOND);
        told.expect(&[]);
        assert_eq!(told.manager.next_deadline(), Some(SECOND + STATUS_INTERVAL));
        // Back to what was told: nothing is due any more.
        told.manager.turn(heads(0, 0), 4 * SECOND);
        assert_eq!(told.manager.next_deadline(), None);
        told.manager.turn(heads(1, 2), 5 * SECOND);
        told.manager.turn(heads(1, 1), SECOND + STATUS_INTERVAL);
        told.expect(&["STATUS=1 member, 1 connection"]);
        told.manager.turn(HeadCount { here: 2, waiting: 3, connected: 6 }, 100 * SECOND);
        told.expect(&["STATUS=2 members, 6 connections, 3 waiting"]);
        assert_eq!(told.manager.next_deadline(), None);
    }

    #[test]
    fn watchdog_is_told_by_turns_only() {
        let mut told = Told::new("watchdog", Some(10 * SECOND));
        told.manager.tell_ready(heads(0, 0), SECOND);
        told.next();
        told.manager.turn(heads(0, 0), 2 * SECOND);
        told.manager.turn(heads(0, 0), 3 * SECOND);
        told.expect(&["WATCHDOG=1"]);
        assert_eq!(told.manager.next_deadline(), Some(12 * SECOND));
        // A late turn is not made up for.
        told.manager.turn(heads(0, 0), 40 * SECOND);
        told.expect(&["WATCHDOG=1"]);
        assert_eq!(told.manager.next_deadline(), Some(50 * SECOND));
    }

    #[test]
    fn end_is_told_once_and_the_watchdog_goes_on() {
        let mut told = Told::new("end", Some(10 * SECOND));
        told.manager.tell_stopping(SECOND);
        told.manager.tell_stopping(SECOND);
        told.manager.turn(heads(1, 1), 9 * SECOND);
        told.expect(&["STOPPING=1\nSTATUS=Shutting down", "WATCHDOG=1"]);
        assert_eq!(told.manager.next_deadline(), Some(19 * SECOND));
    }

    #[test]
    fn reload_has_a_beginning_with_a_time_and_an_end() {
        let mut told = Told::new("reload", None);
        told.manager.tell_reloading(SECOND);
        told.manager.tell_reloaded(SECOND);
        let began = told.next().unwrap();
        let time = began.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect("a time");
        assert!(time.parse::<u64>().is_ok_and(|time| time > 0), "{time}");
        told.expect(&["READY=1"]);
    }

    #[test]
    fn watchdog_of_another_process_or_without_a_time_is_none() {
        let interval = |time: Option<&str>, pid: Option<&str>| {
            watchdog_interval(|name| if name == "WATCHDOG_PID" { pid } else { time }.map(str::to_owned), 77)
        };
        assert_eq!(interval(Some("20000000"), None), Some(10 * SECOND));
        assert_eq!(interval(Some("20000000"), Some("77")), Some(10 * SECOND));
        for (time, pid) in [(None, Some("77")), (Some("20"), Some("78")), (Some("0"), None), (Some("1s"), None)] {
            assert_eq!(interval(time, pid), None, "{time:?} {pid:?}");
        }
    }
}
