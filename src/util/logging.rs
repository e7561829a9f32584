//! The log on standard error, as text or as JSON, without blocking the server.
//!
//! Text is written by `simple_logger`. It writes with `eprintln!`, which blocks on a slow reader and panics without one.
//! So descriptor 2 becomes an internal pipe, which never holds more than a few lines; its bytes
//! are passed on to the real standard error through a [`Sink`].

mod forward;

use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::os::fd::OwnedFd;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use log::{Level, LevelFilter, Log, Metadata, Record, info};
use mio::{Registry, Token};
use rustix::pipe::{PipeFlags, fcntl_getpipe_size, pipe_with};
use serde::Serialize;
use simple_logger::SimpleLogger;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

use self::forward::Forward;
use super::clock;
use super::stdio::{Sink, allows_colour};

/// Bytes of a page: every line fits in one, and the capacity of a pipe is a number of pages (pipe(7)).
const PIPE_PAGE: usize = 4096;

/// Maximum bytes of a message; with its time, level and target it fits in a page.
const MAX_MESSAGE: usize = 3500;

/// How long the end of the process may wait for the reader of the log.
const FINISH_TIMEOUT: Duration = Duration::from_millis(500);

/// Local times on a terminal.
const TIME_AND_OFFSET: &[BorrowedFormatItem] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second] [offset_hour sign:mandatory]:[offset_minute]");

/// UTC in JSON: RFC 3339.
const JSON_TIME: &[BorrowedFormatItem] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// Local times as on the console, with the date.
const LOCAL_TIME: &[BorrowedFormatItem] = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");

/// Local times as the console shows them.
const CLOCK_TIME: &[BorrowedFormatItem] = format_description!("[[[hour]:[minute]:[second]]");

static LOGGER: OnceLock<Logger> = OnceLock::new();

struct Logger {
    writer: LineWriter,
    quiet: &'static [(&'static str, LevelFilter)],
    forward: Mutex<Forward>,
    /// The standard error that the process was started with.
    stderr: OwnedFd,
}

/// What makes the lines.
enum LineWriter {
    Text {
        inner: SimpleLogger,
        /// Used when the clock is past the year 9999, a time at which `simple_logger` panics.
        without_time: SimpleLogger,
    },
    Json,
}

/// The form of the lines of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// One line of the log as JSON.
#[derive(Serialize)]
struct JsonLine<'a> {
    time: String,
    level: &'static str,
    target: &'a str,
    message: &'a str,
}

impl JsonLine<'_> {
    /// The bytes of the line, with the time of now.
    fn bytes(level: Level, target: &str, message: &str) -> Vec<u8> {
        let time = clock::utc().format(JSON_TIME).unwrap_or_default();
        // Writing to a vector cannot fail, and every key is a string.
        let mut bytes =
            serde_json::to_vec(&JsonLine { time, level: level.as_str(), target, message }).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}

/// The style of the log, which differs if the operator's console shows some of the same events.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    pub format: LogFormat,
    /// Whether the times of text are local, without the offset from UTC (the first line states it), where standard error is
    /// no terminal. On a terminal they are local with the offset; else they are UTC and end with `Z`.
    pub local: bool,
    /// Whether the operator's console shows the lines: then their times are as those of the console, and they have no colours.
    pub on_console: bool,
    /// Targets with a lower maximum level than the rest.
    pub quiet: &'static [(&'static str, LevelFilter)],
}

/// Starts the log.
///
/// # Errors
/// If there are no file descriptors left, or a log has been started before.
pub fn start(level: LevelFilter, style: Style) -> io::Result<()> {
    let is_terminal = io::stderr().is_terminal();
    // simple_logger would panic at an unknown offset or a time past the year 9999.
    let is_local = style.format == LogFormat::Text && (is_terminal || style.local) && clock::is_within_range();
    let local = is_local.then(|| OffsetDateTime::now_local().ok()).flatten();
    let writer = match style.format {
        LogFormat::Json => LineWriter::Json,
        LogFormat::Text => {
            // The levels are checked before.
            let has_colors = is_terminal && allows_colour() && !style.on_console;
            let logger = || SimpleLogger::new().with_level(LevelFilter::Trace).with_colors(has_colors);
            let format = match is_terminal {
                _ if style.on_console => CLOCK_TIME,
                true => TIME_AND_OFFSET,
                false => LOCAL_TIME,
            };
            let inner = match local {
                Some(_) => logger().with_local_timestamps().with_timestamp_format(format),
                None => logger().with_utc_timestamps(),
            };
            LineWriter::Text { inner, without_time: logger().without_timestamps() }
        }
    };
    let stderr = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stderr(), 3)?;
    let sink = Sink::new(rustix::stdio::stderr());
    let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
    // The kernel gives a user with many pipes smaller ones.
    let max_lines = (fcntl_getpipe_size(&write)? / PIPE_PAGE).max(1);
    rustix::stdio::dup2_stderr(&write)?;
    let forward = Mutex::new(Forward::new(read.into(), sink, style.format, max_lines));
    set_level(level);
    let logger = LOGGER.get_or_init(|| Logger { writer, quiet: style.quiet, forward, stderr });
    log::set_logger(logger).map_err(io::Error::other)?;
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        finish();
        report(panic);
    }));
    if let Some(now) = local.filter(|_| !is_terminal) {
        info!("times are local, UTC{}:{:02}", sign_and_hours(now.offset()), now.offset().minutes_past_hour().abs());
    }
    Ok(())
}

fn sign_and_hours(offset: UtcOffset) -> String {
    format!("{}{:02}", if offset.is_negative() { '-' } else { '+' }, offset.whole_hours().abs())
}

/// Changes the level of the log. Targets with a lower maximum level keep that.
pub fn set_level(level: LevelFilter) {
    log::set_max_level(level);
}

/// Whether a line is logged at the present level. `quiet`: targets with a lower maximum level.
fn is_enabled(metadata: &Metadata, quiet: &[(&str, LevelFilter)]) -> bool {
    let is_meant = |(target, _): &&(&str, LevelFilter)| metadata.target().starts_with(target);
    let most = quiet.iter().chain(&[("mio", LevelFilter::Off)]).find(is_meant);
    let most = most.map_or(LevelFilter::Trace, |&(_, most)| most);
    metadata.level() <= log::max_level().min(most)
}

/// Writes the error that ends the process to standard error: as a line of the log if that is JSON, whatever its level.
pub fn write_error(error: &dyn Error) {
    match LOGGER.get().map(Logger::forward) {
        Some(mut forward) if forward.format() == LogFormat::Json => {
            forward.push(&JsonLine::bytes(Level::Error, "chinwag", &error.to_string()));
        }
        _ => {
            // Standard error may be closed or full.
            let _ = writeln!(io::stderr(), "chinwag: {error}");
        }
    }
}

/// Writes a message to the user to standard error, for a command that has its output on standard output.
pub fn write_notice(text: &str) {
    // Standard error may be closed or full.
    let _ = writeln!(io::stderr(), "chinwag: {text}");
}

/// Passes on logged lines; call it at the end of each turn of the event loop.
pub fn flush() {
    if let Some(logger) = LOGGER.get() {
        logger.forward().run();
    }
}

/// Keeps lines for [`take`] from now on, instead of writing them to standard error.
pub fn capture() {
    if let Some(logger) = LOGGER.get() {
        logger.forward().capture();
    }
}

/// Takes the captured lines.
pub fn take() -> Vec<u8> {
    LOGGER.get().map(|logger| logger.forward().take()).unwrap_or_default()
}

/// Ends [`capture`]; lines that were not taken are written to standard error.
pub fn release() {
    if let Some(logger) = LOGGER.get() {
        logger.forward().release();
    }
}

/// The standard error of the process, if its descriptor is the internal pipe; for a process that is started.
///
/// # Errors
/// If there are no file descriptors left.
pub fn own_stderr() -> io::Result<Option<OwnedFd>> {
    LOGGER.get().map(|logger| logger.stderr.try_clone()).transpose()
}

/// Registers for events under `token` when standard error becomes writable.
///
/// # Errors
/// If it cannot be registered.
pub fn watch(registry: &Registry, token: Token) -> io::Result<()> {
    LOGGER.get().map_or(Ok(()), |logger| logger.forward().watch(registry, token))
}

/// Whether lines wait for the reader of the log; then call [`flush`] again soon.
pub fn has_pending() -> bool {
    LOGGER.get().is_some_and(|logger| logger.forward().has_pending())
}

/// Passes on logged lines and restores the standard error of the process.
pub fn finish() {
    if let Some(logger) = LOGGER.get() {
        // A panic during logging holds the lock.
        if let Ok(mut forward) = logger.forward.try_lock() {
            forward.finish(FINISH_TIMEOUT);
        }
        let _ = rustix::stdio::dup2_stderr(&logger.stderr);
    }
}

impl Logger {
    fn forward(&self) -> std::sync::MutexGuard<'_, Forward> {
        self.forward.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata) -> bool {
        is_enabled(metadata, self.quiet)
    }

    fn log(&self, record: &Record) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let mut message = record.args().to_string();
        if message.len() > MAX_MESSAGE {
            message.truncate((0..=MAX_MESSAGE).rev().find(|&at| message.is_char_boundary(at)).unwrap_or(0));
        }
        let mut forward = self.forward();
        let LineWriter::Text { inner, without_time } = &self.writer else {
            let line = JsonLine::bytes(record.level(), record.target(), &message);
            return forward.push(&line);
        };
        forward.expect_line();
        let metadata = record.metadata().clone();
        let inner = if clock::is_within_range() { inner } else { without_time };
        inner.log(&Record::builder().metadata(metadata).args(format_args!("{message}")).build());
    }

    fn flush(&self) {
        self.forward().run();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn level_can_change_and_quiet_targets_keep_their_maximum() {
        let quiet = [("chinwag::chat", LevelFilter::Warn), ("chinwag::operator", LevelFilter::Off)];
        let logged = |target, level| is_enabled(&Metadata::builder().target(target).level(level).build(), &quiet);
        set_level(LevelFilter::Debug);
        assert!(logged("chinwag::server", Level::Debug) && !logged("chinwag::server", Level::Trace));
        assert!(logged("chinwag::chat::hub", Level::Warn) && !logged("chinwag::chat::hub", Level::Info));
        assert!(!logged("chinwag::operator", Level::Error) && !logged("mio::poll", Level::Error));
        set_level(LevelFilter::Error);
        assert!(logged("chinwag::server", Level::Error) && !logged("chinwag::server", Level::Warn));
        assert!(logged("chinwag::chat", Level::Error) && !logged("chinwag::chat", Level::Warn));
        set_level(LevelFilter::Off);
        assert!(!logged("chinwag::server", Level::Error));
    }

    #[test]
    fn json_line_is_one_object() {
        let bytes = JsonLine::bytes(Level::Warn, "chinwag::x", "a \"b\"\nc \\ 你好");
        let line = String::from_utf8(bytes).unwrap();
        assert_eq!(line.matches('\n').count(), 1);
        let object: Value = serde_json::from_str(&line).unwrap();
        let time = object["time"].as_str().unwrap();
        assert_eq!(
            OffsetDateTime::parse(time, &time::format_description::well_known::Rfc3339).unwrap().offset(),
            UtcOffset::UTC
        );
        assert!(time.ends_with('Z') && time.len() == "2026-11-28T20:15:00.123Z".len(), "{time}");
        assert_eq!((&object["level"], &object["target"]), (&"WARN".into(), &"chinwag::x".into()));
        assert_eq!(object["message"], "a \"b\"\nc \\ 你好");
        assert_eq!(object.as_object().unwrap().len(), 4);
    }
}
