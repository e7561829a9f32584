//! The load test: drives a server with many clients, checks everything it delivers, and measures its cost.
//!
//! - [`workload`]: the messages, the check that each arrives once and in order, the room that scenarios share, and the
//!   encodings spoken with the server.
//! - [`driver`]: the reactor ([`driver::generator`]), its connections and their groups.
//! - [`process`]: the other processes ([`process::target`] is the server), their CPU time and memory, CPU cores.
//! - [`baseline`]: the cost of a bare send, for comparison.
//! - [`scenario`]: the scenarios. [`report`]: their results as a table, as JSON and as a chart.
//! - [`settings`]: what all scenarios share.

pub mod baseline;
pub mod driver;
pub mod error;
pub mod process;
pub mod report;
pub mod scenario;
pub mod settings;
pub mod workload;

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use self::driver::context::RunContext;
use self::driver::generator::Generator;
use self::process::cores::Cores;
use self::report::progress::ProgressLine;
use self::settings::CommonSettings;
use error::Error;
use report::{Outcome, Report};
use scenario::{AnyScenario, Measured, command};

use crate::util::io_error::plain_words;
use crate::util::random::random;
use crate::util::{fd_limit, signals};

/// The settings of a load test.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What all scenarios share.
    pub common: CommonSettings,
    /// The scenarios, run one after another.
    pub scenarios: Vec<AnyScenario>,
    /// Whether the result is printed as JSON.
    pub json: bool,
    /// The file of the chart.
    pub svg: Option<PathBuf>,
}

/// Runs a load test and prints the result; returns the exit code.
///
/// # Errors
/// If the result cannot be written, or signals cannot be caught.
pub fn run(settings: &Settings) -> io::Result<u8> {
    fd_limit::raise();
    let svg = settings.svg.as_ref().map(|path| File::create(path).map_err(|error| cannot_write(path, &error)));
    let mut svg = svg.transpose()?;
    let second_signal_ends = signals::end_by_default_when()?;
    // A random number, so that two runs against one server do not share names or messages.
    let run = random() as u16;
    let mut report = Report::begin(&settings.common);
    let cores = settings.common.pin.then(Cores::split).transpose()?;
    report.machine.server_core = cores.map(Cores::server);
    for (number, scenario) in settings.scenarios.iter().enumerate() {
        // A server remembers messages and names of the last scenario for a while.
        let outcome =
            drive(&settings.common, scenario, run.wrapping_add(number as u16), cores, &second_signal_ends, &mut report);
        if matches!(outcome, Outcome::Interrupted { .. }) {
            break;
        }
    }
    // Signals are not watched from here on.
    second_signal_ends.store(true, Ordering::Relaxed);
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
    settings: &CommonSettings,
    scenario: &AnyScenario,
    run: u16,
    cores: Option<Cores>,
    second_signal_ends: &Arc<AtomicBool>,
    report: &mut Report<Measured>,
) -> Outcome {
    let context = RunContext::new(run, scenario.size(), scenario.follow(), settings.whisper.clone());
    let result = match Generator::new(context, ProgressLine::new(), Arc::clone(second_signal_ends)) {
        Ok(mut generator) => {
            generator.cores = cores;
            let result = scenario.run(&mut generator, settings, report);
            generator.progress.clear();
            generator.background.iter().for_each(|background| report.note(background.note()));
            // A signal that came after the last point where the scenario could end early.
            result.and_then(|()| generator.interrupted.map_or(Ok(()), |signal| Err(Error::Interrupted(signal))))
        }
        Err(error) => Err(error),
    };
    report.end_scenario(command(scenario, settings), result)
}
