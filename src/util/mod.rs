//! General helpers: timers, clocks, signals, standard streams, the log, TLS of a client.

pub mod base64_bytes;
pub mod clock;
pub mod fd_limit;
#[cfg(test)]
pub(crate) mod golden;
pub mod io_error;
pub(crate) mod line_queue;
pub mod logging;
pub mod random;
pub mod signals;
pub mod stdio;
pub mod tables;
#[cfg(test)]
pub(crate) mod test_json;
#[cfg(test)]
pub(crate) mod test_support;
pub mod tls;

/// Whether a value is the default one, which a state leaves out: for `skip_serializing_if` of serde.
pub fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
