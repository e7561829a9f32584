//! The signals that a program of ours takes, as events of the poll.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGALRM, SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXFSZ};
use signal_hook_mio::v1_0::Signals;

/// Signals that ask a program to end.
const ENDING: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];

/// Signals that would end a process that does not catch them, and mean nothing to a server.
const MEANINGLESS: [i32; 3] = [SIGUSR1, SIGUSR2, SIGALRM];

/// Catches SIGINT, SIGTERM, and SIGHUP unless the program was started to outlive its terminal.
///
/// # Errors
/// If the pipe through which signals arrive cannot be made.
pub fn watch() -> io::Result<Signals> {
    if is_ignored(SIGHUP) { Signals::new([SIGINT, SIGTERM]) } else { Signals::new(ENDING) }
}

/// Catches what [`watch`] catches, and the signals that a server logs and ignores.
///
/// # Errors
/// If the pipe through which signals arrive cannot be made.
pub fn watch_for_server() -> io::Result<Signals> {
    let signals = watch()?;
    MEANINGLESS.into_iter().try_for_each(|signal| signals.add_signal(signal))?;
    Ok(signals)
}

/// Whether a signal that [`watch_for_server`] catches asks the server to end.
///
/// SIGHUP does so in p2p, where the operator has gone who was one of the two. Elsewhere the server goes on.
pub fn ends_server(signal: i32, is_p2p: bool) -> bool {
    matches!(signal, SIGINT | SIGTERM) || signal == SIGHUP && is_p2p
}

/// Makes a write past the limit of a file's size (RLIMIT_FSIZE) fail with EFBIG instead of ending the process.
///
/// # Errors
/// If the signal (SIGXFSZ) cannot be caught.
pub fn survive_file_size_limit() -> io::Result<()> {
    // Catching it is enough: setrlimit(2).
    signal_hook::flag::register(SIGXFSZ, Arc::default()).map(drop)
}

/// A flag that, once set, has the next of those signals end the process as if nobody caught it.
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
