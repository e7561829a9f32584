//! The lines of one view: those that wait to be shown, and those that are kept to be shown again.

use std::collections::VecDeque;

use super::full_screen::MAX_LINES;
use super::text::StyledLine;

/// The most lines that wait to be shown on the screen; beyond it the server is not read (backpressure).
const MAX_WAITING: usize = 500_000;

/// The most bytes that wait to be shown on the screen; beyond it the server is not read. One line may have a megabyte.
pub const MAX_WAITING_BYTES: usize = 64 * 1024 * 1024;

/// The most lines that wait in a view while another one is on the screen; beyond it the oldest are dropped.
const MAX_HIDDEN: usize = MAX_LINES;

/// The most bytes of lines that are kept in all views: of shown ones, and of those that wait while another view is on the
/// screen. Each view has its share.
pub const MAX_KEPT_BYTES: usize = 16 * 1024 * 1024;

/// The lines of one view.
#[derive(Default)]
pub struct LineBuffer {
    /// Lines not shown yet; on the alternate screen, lines not counted yet.
    pub waiting: VecDeque<StyledLine>,
    /// Shown lines that are kept for drawing again.
    pub log: VecDeque<StyledLine>,
    /// The bytes of text in `waiting` and in `log`.
    pub waiting_bytes: usize,
    pub log_bytes: usize,
}

impl LineBuffer {
    /// Adds a line.
    pub fn push(&mut self, line: StyledLine) {
        self.waiting_bytes += line.text().len();
        self.waiting.push_back(line);
    }

    /// Adds a line that is shown before all others that wait.
    pub fn push_first(&mut self, line: StyledLine) {
        self.waiting_bytes += line.text().len();
        self.waiting.push_front(line);
    }

    /// Whether no more lines may be added while it is on the screen.
    pub fn is_full(&self) -> bool {
        self.waiting.len() >= MAX_WAITING || self.waiting_bytes >= MAX_WAITING_BYTES
    }

    /// Drops the oldest lines beyond the limits of a view that is not on the screen; there are `views` views.
    pub fn limit_hidden(&mut self, views: usize) {
        limit(&mut self.waiting, &mut self.waiting_bytes, MAX_HIDDEN, MAX_KEPT_BYTES / views);
        limit(&mut self.log, &mut self.log_bytes, MAX_LINES, MAX_KEPT_BYTES / views);
    }

    /// Counts `shown` lines at the end of the log of one of `views` views, which were moved there, and drops the oldest beyond the
    /// limits.
    pub fn count_shown(&mut self, shown: usize, most: usize, views: usize) {
        let bytes: usize = self.log.iter().rev().take(shown).map(|line| line.text().len()).sum();
        self.waiting_bytes -= bytes;
        self.log_bytes += bytes;
        limit(&mut self.log, &mut self.log_bytes, most, MAX_KEPT_BYTES / views);
    }

    /// Takes back the last shown lines that fit into this number of rows: they wait again.
    pub fn take_back(&mut self, mut room: usize, columns: usize) {
        while let Some(line) = self.log.pop_back() {
            let rows = line.rows(columns).len();
            if rows > room {
                self.log.push_back(line);
                break;
            }
            room -= rows;
            self.log_bytes -= line.text().len();
            self.push_first(line);
        }
    }
}

/// Drops the oldest lines beyond the limits.
fn limit(lines: &mut VecDeque<StyledLine>, bytes: &mut usize, most: usize, most_bytes: usize) {
    while (lines.len() > most || *bytes > most_bytes)
        && let Some(line) = lines.pop_front()
    {
        *bytes -= line.text().len();
    }
}
