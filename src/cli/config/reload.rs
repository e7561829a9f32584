//! Reads the options again while the server runs.

use std::ffi::OsString;

use super::{Values, parse_with};
use crate::server::Reloaded;
use crate::server::service::activation::SocketUse;

/// Options that a running server can take over; the rest need a restart.
const RELOADABLE: &[&str] = &[
    "motd",
    "password-file",
    "api-tokens",
    "ban",
    "operator",
    "irc-oper",
    "max-clients",
    "max-waiting",
    "max-rooms",
    "max-follow",
    "max-accounts",
    "max-stored-rooms",
    "announce-limit",
    "login-timeout",
    "idle-timeout",
    "history",
    "offline-whispers",
    "max-per-ip",
    "rate",
    "burst",
    "send-buffer",
    "eol-timeout",
    "keepalive",
    "host",
    "allow-origin",
    "trust-proxy",
    "proxy-protocol",
    "log-level",
    "tls-cert",
    "tls-key",
    "tls-self-signed",
    "https-redirect",
];

/// A function that reads the options again, given those of the start and the sockets that the service manager has passed.
pub fn read_again(
    args: Vec<OsString>,
    mut values: Values,
    sockets: Vec<SocketUse>,
) -> impl FnMut() -> Result<Reloaded, String> {
    let started = values.clone();
    move || {
        let parsed = parse_with(&args, Some(&sockets)).map_err(|error| {
            let text = error.to_string();
            let reason = text.strip_prefix("error: ").unwrap_or(&text).split("\n\n").next().unwrap_or_default();
            reason.split_whitespace().collect::<Vec<_>>().join(" ")
        })?;
        let settings = parsed.command.serve().ok_or("the command is no server")?.settings();
        let differs = |name: &&String, from: &Values| {
            from.get(*name).map(|v| &v.texts) != parsed.values.get(*name).map(|v| &v.texts)
        };
        let is_reloadable = |name: &&String| RELOADABLE.contains(&&***name);
        let names = || parsed.values.keys();
        let changed = names().filter(is_reloadable).filter(|name| differs(name, &values)).cloned().collect();
        let fixed = names().filter(|name| !is_reloadable(name) && differs(name, &started)).cloned().collect();
        values = parsed.values;
        Ok(Reloaded { settings, changed, fixed })
    }
}
