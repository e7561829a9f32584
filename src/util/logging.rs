//! The log on standard error, through `simple_logger`, which must neither stop nor slow the server.
//!
//! `simple_logger` writes with `eprintln!`: that waits for a slow reader and panics without one.
//! So descriptor 2 becomes a pipe of our own, which never holds more than a few lines; what arrives
//! in it goes on to the real standard error through a [`Sink`].

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

/// What a line surely fits, and a pipe holds a number of: a page (pipe(7)).
const PAGE: usize = 4096;

/// The longest message in bytes; with what stands before it, it fits a page.
const MAX_MESSAGE: usize = 3500;

/// How long the end of the process may wait for whoever reads the log.
const PATIENCE: Duration = Duration::from_millis(500);

/// As the console's times are, with the day.
const LOCAL_TIME: &[BorrowedFormatItem] = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");

static LOGGER: OnceLock<Logger> = OnceLock::new();

struct Logger {
    inner: SimpleLogger,
    /// For a clock past the year 9999, of which `simple_logger` can write no time and panics.
    without_time: SimpleLogger,
    forward: Mutex<Forward>,
    /// The standard error that the process was started with.
    stderr: OwnedFd,
}

struct Forward {
    pipe: std::fs::File,
    sink: Sink,
    /// Lines in the pipe, and how many surely fit it.
    lines: usize,
    max_lines: usize,
}

/// How the log differs where the operator's console shows some of the same.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// Times are local ones, without the offset from UTC, which is logged first; else they are UTC and end with `Z`.
    pub local: bool,
    /// Targets of which less is logged, and the highest level of each.
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
    // Unknown offsets, and times past the year 9999, are errors that simple_logger would panic at.
    let local = (style.local && clock::is_within_range()).then(|| OffsetDateTime::now_local().ok()).flatten();
    let inner = match local {
        Some(_) => logger().with_local_timestamps().with_timestamp_format(LOCAL_TIME),
        None => logger().with_utc_timestamps(),
    };
    let without_time = logger().without_timestamps();
    let stderr = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stderr(), 3)?;
    let sink = Sink::new(rustix::stdio::stderr());
    let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
    // A user who has many pipes gets smaller ones.
    let max_lines = (fcntl_getpipe_size(&write)? / PAGE).max(1);
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

/// Passes on what has been logged; to be called when a turn is over.
pub fn flush() {
    if let Some(logger) = LOGGER.get() {
        logger.forward().run();
    }
}

/// Has events come under `token` when the reader of the log has made room.
///
/// # Errors
/// If the kernel refuses.
pub fn watch(registry: &Registry, token: Token) -> io::Result<()> {
    LOGGER.get().map_or(Ok(()), |logger| logger.forward().sink.watch(registry, token))
}

/// Whether lines wait for whoever reads the log; then [`flush`] is to be called again soon.
pub fn has_pending() -> bool {
    LOGGER.get().is_some_and(|logger| logger.forward().sink.has_pending())
}

/// Passes on what has been logged and gives the process its own standard error back.
pub fn finish() {
    if let Some(logger) = LOGGER.get() {
        // Whoever panics while logging holds the lock.
        if let Ok(mut forward) = logger.forward.try_lock() {
            forward.lines = forward.lines.max(1);
            forward.run();
            forward.sink.finish(PATIENCE);
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
            let mut block = [0; PAGE];
            while let Ok(n @ 1..) = self.pipe.read(&mut block) {
                lines.extend_from_slice(&block[..n]);
            }
            self.sink.push(&lines);
        }
        self.sink.flush();
        self.sink.tell_lost(|lost| {
            format!("chinwag: {lost} lines of the log were lost, since they were not read in time or found no room\n")
                .into()
        });
    }
}
