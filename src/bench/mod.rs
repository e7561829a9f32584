//! The load test: drives a server with very many clients, checks all that it delivers, and says what it costs.
//!
//! - [`message`], [`checker`], [`latency`]: what is said, whether it arrives, and how late; [`transcript`] makes
//!   that cheap. Pure.
//! - [`encoding`]: what is spoken with the server; [`browser`]: that of browsers.
//! - [`generator`]: the reactor; [`group`] and [`member`] are what it knows of its connections.
//! - [`part`]: the other processes: [`target`] (the server), [`baseline`] (what a bare send costs), and
//!   helpers of [`readers`] where one process may not have so many files open; [`queue`] is the kernel's part.
//! - [`scenario`]: what is done; [`room`] is what the scenarios share. [`report`]: what came of it.

pub mod baseline;
pub mod driver;
pub mod error;
pub mod process;
pub mod report;
pub mod scenario;
pub mod workload;

use std::collections::hash_map::RandomState;
use std::fs::File;
use std::hash::BuildHasher;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use self::driver::clock::Nanos;
use self::driver::common::Common;
use self::driver::generator::Generator;
use self::process::cores::Cores;
use self::report::progress::Live;
use self::workload::encoding::Encoding;
use error::Error;
use report::{Outcome, Report};
use scenario::Scenario;

use crate::util::io_error::plain_words;
use crate::util::{fd_limit, signals};

/// All that a load test is started with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The server to be driven; `None` for one of our own.
    pub addr: Option<SocketAddr>,
    /// What is spoken with it.
    pub encoding: Encoding,
    /// Its process, where its costs are to be measured.
    pub pid: Option<u32>,
    /// Whether it says something before the name is due.
    pub prompt: bool,
    /// Whether it answers the name.
    pub welcome: bool,
    /// How one whispers to it: `{name}` and `{text}` are filled in.
    pub whisper: String,
    /// Options for a server of our own.
    pub serve: Vec<String>,
    /// Logins on their way at once.
    pub at_once: usize,
    /// How long nothing may happen.
    pub timeout: Nanos,
    /// Whether a server of our own has a core to itself.
    pub pin: bool,
    /// What is done, one after another.
    pub scenarios: Vec<Scenario>,
    /// Whether the result is written as JSON.
    pub json: bool,
    /// Where a picture of it goes.
    pub svg: Option<PathBuf>,
}

/// Runs a load test and prints what came of it; returns the exit code.
///
/// # Errors
/// If the result cannot be written, or signals not be caught.
pub fn run(settings: &Settings) -> io::Result<u8> {
    fd_limit::raise();
    let svg = settings.svg.as_ref().map(|path| File::create(path).map_err(|error| cannot_write(path, &error)));
    let mut svg = svg.transpose()?;
    let impatient = signals::end_by_default_when()?;
    // Two runs against one server do not take each other's names or messages for their own.
    let run = RandomState::new().hash_one(0) as u16;
    let mut report = Report::begin(settings);
    let cores = settings.pin.then(Cores::split).transpose()?;
    report.machine.server_core = cores.map(Cores::server);
    for (number, scenario) in settings.scenarios.iter().enumerate() {
        // A server remembers the last scenario's messages and names for a while.
        let outcome = drive(settings, scenario, run.wrapping_add(number as u16), cores, &impatient, &mut report);
        if matches!(outcome, Outcome::Interrupted { .. }) {
            break;
        }
    }
    // Nobody looks for signals from here on.
    impatient.store(true, Ordering::Relaxed);
    let text = if settings.json { report.json() } else { report::table::write(&report) };
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error),
        _ => {}
    }
    for failure in report.failures() {
        // Standard error may be closed or full.
        let _ = writeln!(io::stderr(), "chinwag: {failure}");
    }
    if let (Some(file), Some(path)) = (&mut svg, &settings.svg) {
        file.write_all(report::svg::draw(&report).as_bytes()).map_err(|error| cannot_write(path, &error))?;
    }
    Ok(report.exit_code())
}

fn cannot_write(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot write {}: {}", path.display(), plain_words(error)))
}

fn drive(
    settings: &Settings,
    scenario: &Scenario,
    run: u16,
    cores: Option<Cores>,
    impatient: &Arc<AtomicBool>,
    report: &mut Report,
) -> Outcome {
    let common = Common::new(run, scenario.size(), settings.whisper.clone());
    let result = match Generator::new(common, Live::new(), Arc::clone(impatient)) {
        Ok(mut generator) => {
            generator.cores = cores;
            let result = scenario.run(&mut generator, settings, report);
            generator.live.clear();
            // One that came when nothing could be ended earlier any more.
            result.and_then(|()| generator.interrupted.map_or(Ok(()), |signal| Err(Error::Interrupted(signal))))
        }
        Err(error) => Err(error),
    };
    report.end_scenario(scenario, settings, result)
}

/// The end of a load test, as a signal asks for it.
fn interrupted(error: &Error) -> Option<i32> {
    if let Error::Interrupted(signal) = error { Some(*signal) } else { None }
}
