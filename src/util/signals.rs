//! Signals as events of the poll.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGALRM, SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXFSZ};
use signal_hook_mio::v1_0::Signals;

/// Signals that ask a program to end.
const ENDING: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];

/// Signals that a server logs and ignores, and SIGUSR2, at which it is replaced; uncaught, they would end the process.
const OTHERS: [i32; 3] = [SIGUSR1, SIGUSR2, SIGALRM];

/// Catches SIGINT, SIGTERM, and also SIGHUP unless the program was started with it ignored, as by nohup(1).
///
/// # Errors
/// If the pipe through which signals arrive cannot be made.
pub fn watch() -> io::Result<Signals> {
    if is_ignored(SIGHUP) { Signals::new([SIGINT, SIGTERM]) } else { Signals::new(ENDING) }
}

/// Catches the signals of [`watch`] those that a server logs and ignores, and SIGUSR2.
///
/// # Errors
/// If the pipe through which signals arrive cannot be made.
pub fn watch_for_server() -> io::Result<Signals> {
    let signals = watch()?;
    OTHERS.into_iter().try_for_each(|signal| signals.add_signal(signal))?;
    Ok(signals)
}

/// Whether a signal that [`watch_for_server`] catches asks the server to end.
///
/// SIGHUP ends only a p2p server, since the operator is one of its two members. Other servers read their settings again.
pub fn ends_server(signal: i32, is_p2p: bool) -> bool {
    matches!(signal, SIGINT | SIGTERM) || signal == SIGHUP && is_p2p
}

/// Makes a write past the file size limit (RLIMIT_FSIZE) fail with EFBIG instead of ending the process.
///
/// # Errors
/// If the signal (SIGXFSZ) cannot be caught.
pub fn survive_file_size_limit() -> io::Result<()> {
    // Catching it is enough: setrlimit(2).
    signal_hook::flag::register(SIGXFSZ, Arc::default()).map(drop)
}

/// Returns a flag that is set when a signal asks the program to end, which it then does by itself.
///
/// # Errors
/// If the signals cannot be caught.
pub fn flag_of_end() -> io::Result<Arc<AtomicBool>> {
    let is_asked = Arc::new(AtomicBool::new(false));
    for signal in ENDING.into_iter().filter(|&signal| !is_ignored(signal)) {
        signal_hook::flag::register(signal, Arc::clone(&is_asked))?;
    }
    Ok(is_asked)
}

/// Returns a flag; after it is set, the next signal that asks the program to end has its default action.
///
/// # Errors
/// If the signals cannot be caught.
pub fn end_by_default_when() -> io::Result<Arc<AtomicBool>> {
    let when = Arc::new(AtomicBool::new(false));
    for signal in ENDING.into_iter().filter(|&signal| !is_ignored(signal)) {
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
