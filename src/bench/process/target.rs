//! The server under test: started here, or running already.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use super::certificate_folder::CertificateFolder;
use super::cost::{Process, Processes};
use super::helper::{OutputStream, Subprocess};
use super::upgrades::Upgrades;
use crate::bench::driver::clock;
use crate::bench::driver::clock::{MILLISECOND, SECOND};
use crate::bench::driver::generator::Generator;
use crate::bench::driver::group::Endpoint;
use crate::bench::error::Error;
use crate::bench::report::figures::count;
use crate::bench::settings::CommonSettings;
use crate::bench::workload::encoding::Encoding;
use crate::bench::workload::streams::{MAX_PREFIX, MAX_ROOMS};
use crate::util::fd_limit;

/// Connections of a scenario besides its clients.
pub const SPARE: usize = 16;

/// The server's upper limit of --max-line.
pub const MAX_LINE: usize = 1_048_576;

/// Attempts to find a free port, if another process takes it first.
const TRIES: usize = 5;

/// The server under test.
pub struct Target {
    /// Its addresses and login.
    pub endpoint: Endpoint,
    /// Its processes, if known.
    pub processes: Option<Processes>,
    own: Option<Subprocess>,
    _folder: Option<CertificateFolder>,
}

impl Target {
    /// Starts a server for `people` clients, or uses the given ones.
    ///
    /// # Errors
    /// If it does not start, or there is no such process.
    pub fn open(
        generator: &mut Generator,
        settings: &CommonSettings,
        people: usize,
        size: usize,
    ) -> Result<Self, Error> {
        if settings.addrs.is_empty() {
            let most = capacity().saturating_sub(SPARE);
            if people > most {
                return Err(Error::Limit(format!(
                    "{} connections are more than the limit of open files allows a server here, which is {}: \
                     raise that (ulimit -Hn) or ask for fewer",
                    count(people as u64),
                    count(most as u64)
                )));
            }
            return Self::start(generator, settings, people + SPARE, size);
        }
        let processes = Processes::find(&settings.pids);
        let mut processes = processes.map_err(|error| Error::Subprocess("--pid", error.to_string()))?;
        if let (&[pid], Some(every)) = (&settings.pids[..], settings.upgrade_every) {
            generator.background = Some(Box::new(Upgrades::new(pid, every)));
            // It is another one after each upgrade, whose cost has another beginning.
            processes = None;
        }
        let CommonSettings { encoding, prompt, welcome, tls, .. } = *settings;
        let endpoint = Endpoint { addrs: settings.addrs.clone(), encoding, prompt, welcome, tls };
        Ok(Target { endpoint, processes, own: None, _folder: None })
    }

    fn start(generator: &mut Generator, settings: &CommonSettings, seats: usize, size: usize) -> Result<Self, Error> {
        let mut tries = 0;
        loop {
            tries += 1;
            match Self::try_start(generator, settings, seats, size) {
                Err(Error::Subprocess(_, text)) if tries < TRIES && text.contains("address already in use") => {}
                other => return other,
            }
        }
    }

    fn try_start(
        generator: &mut Generator,
        settings: &CommonSettings,
        seats: usize,
        size: usize,
    ) -> Result<Self, Error> {
        let CommonSettings { encoding, tls, .. } = *settings;
        let [listen, other] = free_ports().map_err(|error| Error::System("cannot find a free port", error))?;
        let scheme = |scheme: &'static str| if tls { scheme } else { "" };
        let mut args = [vec!["server".into()], options(seats, size)].concat();
        let addr = match encoding {
            Encoding::Plain => {
                args.push(format!("--listen={}{listen}", scheme("tls://")));
                listen
            }
            Encoding::WebSocket => {
                args.push(format!("--listen={listen}"));
                args.push(format!("--web={}{other}", scheme("https://")));
                other
            }
            Encoding::Irc => {
                args.push(format!("--listen={listen}"));
                args.push(format!("--irc={}{other}", scheme("ircs://")));
                // The channel that all enter counts as followed.
                args.push(format!("--max-follow={MAX_ROOMS}"));
                other
            }
        };
        let folder = tls.then(CertificateFolder::new).transpose();
        let folder = folder.map_err(|error| Error::System("cannot make a folder for a certificate", error))?;
        args.extend(folder.iter().map(|folder| format!("--tls-self-signed={}", folder.path().display())));
        args.extend_from_slice(&settings.serve);
        let mut own = Subprocess::start(generator, "the server", &args, OutputStream::Stderr)?;
        generator.cores.iter().for_each(|cores| cores.give(own.pid()));
        let process = Process::new(own.pid()).map_err(|error| Error::Subprocess("the server", error.to_string()))?;
        let end = clock::now() + 10 * SECOND;
        // Not by its log, which may be off.
        while let Err(error) = TcpStream::connect(addr) {
            generator.turn(clock::now() + 5 * MILLISECOND)?;
            own.check(generator)?;
            if clock::now() > end {
                return Err(Error::Connect(addr, error));
            }
        }
        // If another process has taken the port, that process has answered.
        own.check(generator)?;
        let endpoint = Endpoint { addrs: vec![addr], encoding, prompt: true, welcome: true, tls };
        Ok(Target { endpoint, processes: Some(process.into()), own: Some(own), _folder: folder })
    }

    /// Closes all connections, and ends a server that was started here; explains an error.
    ///
    /// # Errors
    /// The given one, or that the server has ended.
    pub fn end(mut self, generator: &mut Generator, result: Result<(), Error>) -> Result<(), Error> {
        let result = result.map_err(|error| self.explain(generator, error));
        generator.dismiss_all();
        result
    }

    fn explain(&mut self, generator: &mut Generator, error: Error) -> Error {
        if let (Some(own), Error::Closed { .. } | Error::Connect(..)) = (&mut self.own, &error) {
            // Its connections end a moment before the process does.
            let end = clock::now() + 200 * MILLISECOND;
            while clock::now() < end {
                if let Err(ended) = own.check(generator) {
                    return ended;
                }
                if generator.turn(clock::now() + 5 * MILLISECOND).is_err() {
                    continue;
                }
            }
        }
        error
    }
}

/// Number of clients that a server started here can hold, under the file descriptor limit that it inherits.
pub fn capacity() -> usize {
    fd_limit::connection_limits(fd_limit::raise(), None, 0).max_clients
}

/// Two ports that are free at the moment.
fn free_ports() -> io::Result<[SocketAddr; 2]> {
    // Bound at the same time, so that they differ.
    let [one, other] = [TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?, TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?];
    Ok([one.local_addr()?, other.local_addr()?])
}

/// Switches off the limits that protect a server from its clients.
fn options(seats: usize, size: usize) -> Vec<String> {
    let options = format!(
        "--console=off --max-clients={seats} --max-waiting=0 --rate=0 --login-timeout=86400 \
         --backlog-bytes=1073741824 --max-line={}",
        (size + MAX_PREFIX).clamp(4096, MAX_LINE)
    );
    options.split(' ').map(str::to_owned).collect()
}
