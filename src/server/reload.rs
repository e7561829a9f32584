//! Reads the settings again while the server runs.

mod at_start;

use std::collections::BTreeSet;
use std::fmt::{self, Debug, Formatter};
use std::path::PathBuf;

use log::LevelFilter;

pub use self::at_start::{AtStart, ReloadedCertificates};
use super::http::api::ApiTokens;
use super::http::{self, Access};
use super::limits::Limits;
use super::motd;
use super::password_file::PasswordSource;
use super::trusted_peer::TrustedPeer;
use super::{Error, Settings, limit_connections};
use crate::chat::{Config, ServerPassword};
use crate::util::fd_limit;

/// The option whose file is read again even if no settings are.
const PASSWORD_FILE: &str = "password-file";
/// The option whose file is read again with the settings.
const MOTD: &str = "motd";
const API_TOKENS: &str = "api-tokens";
/// The option that can be set to 0 only before a socket listens, since the kernel has no way back to its own choice.
const SEND_BUFFER: &str = "send-buffer";

/// Settings that were read again.
#[derive(Debug)]
pub struct Reloaded {
    pub settings: Settings,
    /// The names of the options that have changed since the last time and hold from now on, such as `rate`.
    pub changed: Vec<String>,
    /// The names of the options that differ from those of the start and can change only with a restart.
    pub fixed: Vec<String>,
}

/// Reads the settings again; the error says what is wrong with them.
pub struct ReadSettings(pub Box<dyn FnMut() -> Result<Reloaded, String>>);

impl Debug for ReadSettings {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        f.write_str("ReadSettings(...)")
    }
}

/// What changes with a reload.
pub struct Reload {
    pub hub: Config,
    /// The settings of the sockets and the log; `None` if they were not read again.
    pub process: Option<ProcessSettings>,
    /// The certificates, if they were read again.
    pub certificates: Option<ReloadedCertificates>,
    /// The names of the options that have changed, and of those that could not.
    pub changed: Vec<String>,
    pub fixed: Vec<String>,
}

/// Settings outside of the hub.
pub struct ProcessSettings {
    pub limits: Limits,
    pub access: Access,
    pub proxies: Vec<TrustedPeer>,
    /// The tokens with which programs may post; `None` if no program may.
    pub tokens: Option<ApiTokens>,
    pub level: LevelFilter,
}

/// Knows how the settings are read again, and those that hold now.
#[derive(Debug)]
pub struct Reloader {
    /// Reads all settings; without it the file with the password of the server is read alone.
    read: Option<ReadSettings>,
    /// Options that were read with other values and do not hold yet, since that reload failed later.
    pending: BTreeSet<String>,
    password: Option<PasswordSource>,
    hub: Config,
    limits: Limits,
    tokens: Option<ApiTokens>,
    start: AtStart,
}

impl Reloader {
    /// A reloader for a server that was started with these settings; `hub` has the password and the bounded maximum users.
    pub fn new(
        read: Option<ReadSettings>,
        password: Option<PasswordSource>,
        hub: Config,
        limits: Limits,
        start: AtStart,
    ) -> Self {
        Reloader { read, pending: BTreeSet::new(), password, hub, limits, tokens: None, start }
    }

    /// The same reloader for a server that has these tokens.
    pub fn with_tokens(self, tokens: Option<ApiTokens>) -> Self {
        Reloader { tokens, ..self }
    }

    /// Reads the settings again. What is read holds from now on: the caller must apply it.
    ///
    /// # Errors
    /// What cannot be read, and why. Then the old settings hold.
    pub fn reload(&mut self) -> Result<Reload, String> {
        let Some(ReadSettings(read)) = &mut self.read else {
            let password = read_password(self.password.as_ref())?;
            let mut changed = Vec::new();
            self.take_password(password, &mut changed);
            return Ok(Reload { hub: self.hub.clone(), process: None, certificates: None, changed, fixed: Vec::new() });
        };
        let Reloaded { settings, changed, mut fixed } = read()?;
        self.pending.extend(changed);
        let Settings { mut hub, mut access, mut limits, level, password: source, motd, max_clients, .. } = settings;
        let Settings { tls, proxies, api_tokens, .. } = settings;
        let password = read_password(source.as_ref())?;
        hub.motd = read_motd(motd).map_err(|error| error.to_string())?;
        let tokens = read_tokens(api_tokens).map_err(|error| error.to_string())?;
        access.hosts.extend(http::machine_names());
        let certificates = self.start.read_certificates(tls.as_ref(), &access)?;
        let mut changed: Vec<String> = std::mem::take(&mut self.pending).into_iter().collect();
        if hub.motd != self.hub.motd && !changed.iter().any(|name| name == MOTD) {
            changed.push(MOTD.into());
        }
        if tokens != self.tokens && !changed.iter().any(|name| name == API_TOKENS) {
            changed.push(API_TOKENS.into());
        }
        limit_connections(&mut hub, max_clients, fd_limit::raise());
        if limits.send_buffer == 0 && self.limits.send_buffer > 0 {
            limits.send_buffer = self.limits.send_buffer;
            changed.retain(|name| name != SEND_BUFFER);
            fixed.push(SEND_BUFFER.into());
        }
        let certificates = self.start.take_certificates(tls.as_ref(), certificates, &mut changed, &mut fixed);
        self.start.take_access(&mut access, &mut changed, &mut fixed);
        hub.password = self.hub.password.take();
        (self.hub, self.password, self.limits) = (hub, source, limits);
        self.tokens = tokens.clone();
        self.take_password(password, &mut changed);
        let process = Some(ProcessSettings { limits, access, proxies, tokens, level });
        Ok(Reload { hub: self.hub.clone(), process, certificates, changed, fixed })
    }

    /// Sets the password; if it is another one, its option is named among those that have changed.
    fn take_password(&mut self, password: Option<ServerPassword>, changed: &mut Vec<String>) {
        let is_same = match (&self.hub.password, &password) {
            (Some(old), Some(new)) => old.is_same(new),
            (old, new) => old.is_none() && new.is_none(),
        };
        if !is_same && !changed.iter().any(|name| name == PASSWORD_FILE) {
            changed.push(PASSWORD_FILE.into());
        }
        self.hub.password = password;
    }
}

/// Reads the message of the day from its file, if there is one.
///
/// # Errors
/// If the file cannot be read, or is no such message.
pub fn read_motd(path: Option<PathBuf>) -> Result<Option<Box<str>>, Error> {
    let Some(path) = path else { return Ok(None) };
    let text = motd::read(&path).map_err(|error| Error::Motd(path, error))?;
    Ok(text.map(Into::into))
}

/// Reads the tokens of programs from their file, if there is one.
///
/// # Errors
/// If the file cannot be read, or has a line that is no token.
pub fn read_tokens(path: Option<PathBuf>) -> Result<Option<ApiTokens>, Error> {
    let read = |path: PathBuf| ApiTokens::read(&path).map_err(|error| Error::Tokens(path, error));
    path.map(read).transpose()
}

fn read_password(source: Option<&PasswordSource>) -> Result<Option<ServerPassword>, String> {
    let read =
        |source: &PasswordSource| source.read().map_err(|error| Error::Password(source.name(), error).to_string());
    source.map(read).transpose()
}

#[cfg(test)]
mod tests;
