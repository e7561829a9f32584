//! The log on standard error, through `simple_logger`, without blocking the server.
//!
//! `simple_logger` writes with `eprintln!`, which blocks on a slow reader and panics without one.
//! So descriptor 2 becomes an internal pipe, which never holds more than a few lines; its bytes
//! are passed on to the real standard error through a [`Sink`].

use std::io::{self, IsTerminal, Read};
use std::os::fd::OwnedFd;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use log::{LevelFilter, Log, Metadata, Record, info};
use mio::{Registry, Token};
use rustix::pipe::{PipeFlags, fcntl_getpipe_size, pipe_with};
use simple_logger::SimpleLogger;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

use super::clock;
use super::stdio::Sink;

/// Bytes of a page: every line fits in one, and the capacity of a pipe is a number of pages (pipe(7)).
const PIPE_PAGE: usize = 4096;

/// Maximum bytes of a message; with its time, level and target it fits in a page.
const MAX_MESSAGE: usize = 3500;

/// How long the end of the process may wait for the reader of the log.
const FINISH_TIMEOUT: Duration = Duration::from_millis(500);

/// Local times as on the console, with the date.
const LOCAL_TIME: &[BorrowedFormatItem] = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");

static LOGGER: OnceLock<Logger> = OnceLock::new();

struct Logger {
    inner: SimpleLogger,
    /// Used when the clock is past the year 9999, a time at which `simple_logger` panics.
    without_time: SimpleLogger,
    forward: Mutex<Forward>,
    /// The standard error that the process was started with.
    stderr: OwnedFd,
}

struct Forward {
    pipe: std::fs::File,
    sink: Sink,
    /// Lines in the pipe, and the number of lines that always fit in it.
    lines: usize,
    max_lines: usize,
}

/// The style of the log, which differs if the operator's console shows some of the same events.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// Whether times are local, without the offset from UTC (the first line states it); else they are UTC and end with `Z`.
    pub local: bool,
    /// Targets with a lower maximum level than the rest.
    pub quiet: &'static [(&'static str, LevelFilter)],
}

/// Starts the log.
///
/// # Errors
/// If there are no file descriptors left, or a log has been started before.
pub fn start(level: LevelFilter, style: Style) -> io::Result<()> {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let logger = || {
        let logger = SimpleLogger::new()
            .with_level(level)
            .with_colors(io::stderr().is_terminal() && !no_color)
            .with_module_level("mio", LevelFilter::Off);
        let quieter = |logger: SimpleLogger, &(target, most): &(_, LevelFilter)| {
            logger.with_module_level(target, level.min(most))
        };
        style.quiet.iter().fold(logger, quieter)
    };
    // simple_logger would panic at an unknown offset or a time past the year 9999.
    let local = (style.local && clock::is_within_range()).then(|| OffsetDateTime::now_local().ok()).flatten();
    let inner = match local {
        Some(_) => logger().with_local_timestamps().with_timestamp_format(LOCAL_TIME),
        None => logger().with_utc_timestamps(),
    };
    let without_time = logger().without_timestamps();
    let stderr = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stderr(), 3)?;
    let sink = Sink::new(rustix::stdio::stderr());
    let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
    // The kernel gives a user with many pipes smaller ones.
    let max_lines = (fcntl_getpipe_size(&write)? / PIPE_PAGE).max(1);
    rustix::stdio::dup2_stderr(&write)?;
    let forward = Mutex::new(Forward { pipe: read.into(), sink, lines: 0, max_lines });
    log::set_max_level(inner.max_level());
    let logger = LOGGER.get_or_init(|| Logger { inner, without_time, forward, stderr });
    log::set_logger(logger).map_err(io::Error::other)?;
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        finish();
        report(panic);
    }));
    if let Some(now) = local {
        info!("times are local, UTC{}:{:02}", sign_and_hours(now.offset()), now.offset().minutes_past_hour().abs());
    }
    Ok(())
}

fn sign_and_hours(offset: UtcOffset) -> String {
    format!("{}{:02}", if offset.is_negative() { '-' } else { '+' }, offset.whole_hours().abs())
}

/// Passes on logged lines; call it at the end of each turn of the event loop.
pub fn flush() {
    if let Some(logger) = LOGGER.get() {
        logger.forward().run();
    }
}

/// Registers for events under `token` when standard error becomes writable.
///
/// # Errors
/// If it cannot be registered.
pub fn watch(registry: &Registry, token: Token) -> io::Result<()> {
    LOGGER.get().map_or(Ok(()), |logger| logger.forward().sink.watch(registry, token))
}

/// Whether lines wait for the reader of the log; then call [`flush`] again soon.
pub fn has_pending() -> bool {
    LOGGER.get().is_some_and(|logger| logger.forward().sink.has_pending())
}

/// Passes on logged lines and restores the standard error of the process.
pub fn finish() {
    if let Some(logger) = LOGGER.get() {
        // A panic during logging holds the lock.
        if let Ok(mut forward) = logger.forward.try_lock() {
            forward.lines = forward.lines.max(1);
            forward.run();
            forward.sink.finish(FINISH_TIMEOUT);
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
        self.inner.enabled(metadata)
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
        if forward.lines >= forward.max_lines {
            forward.run();
        }
        forward.lines += 1;
        let metadata = record.metadata().clone();
        let inner = if clock::is_within_range() { &self.inner } else { &self.without_time };
        inner.log(&Record::builder().metadata(metadata).args(format_args!("{message}")).build());
    }

    fn flush(&self) {
        self.forward().run();
    }
}

impl Forward {
    fn run(&mut self) {
        if self.lines > 0 {
            self.lines = 0;
            let mut lines = Vec::new();
            let mut block = [0; PIPE_PAGE];
            while let Ok(n @ 1..) = self.pipe.read(&mut block) {
                lines.extend_from_slice(&block[..n]);
            }
            self.sink.push(&lines);
        }
        self.sink.flush();
        self.sink.report_lost(|lost| {
            format!("chinwag: {lost} lines of the log were dropped, since they were not read in time or there was no space\n")
                .into()
        });
    }
}
