//! The signals that end the program, as events of the poll.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook_mio::v1_0::Signals;

/// Catches SIGINT, SIGTERM, and SIGHUP unless the program was started to outlive its terminal.
///
/// # Errors
/// If the pipe through which signals arrive cannot be made.
pub fn watch() -> io::Result<Signals> {
    if is_ignored(SIGHUP) { Signals::new([SIGINT, SIGTERM]) } else { Signals::new([SIGINT, SIGTERM, SIGHUP]) }
}

/// A flag that, once set, has the next of those signals end the process as if nobody caught it.
///
/// # Errors
/// If the signals cannot be caught.
pub fn end_by_default_when() -> io::Result<Arc<AtomicBool>> {
    let when = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|&signal| !is_ignored(signal)) {
        signal_hook::flag::register_conditional_default(signal, Arc::clone(&when))?;
    }
    Ok(when)
}

/// Whether the process was started with `signal` ignored, as nohup(1) does; proc(5).
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}
