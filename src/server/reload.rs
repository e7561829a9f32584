//! Reads the settings again while the server runs.

use std::collections::BTreeSet;
use std::fmt::{self, Debug, Formatter};
use std::path::PathBuf;

use log::LevelFilter;

use super::http::{self, Access};
use super::limits::Limits;
use super::motd;
use super::password_file::PasswordSource;
use super::{Error, Settings, limit_connections};
use crate::chat::{Config, ServerPassword};
use crate::util::fd_limit;

/// The option whose file is read again even if no settings are.
const PASSWORD_FILE: &str = "password-file";
/// The option whose file is read again with the settings.
const MOTD: &str = "motd";
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
    /// The names of the options that have changed, and of those that could not.
    pub changed: Vec<String>,
    pub fixed: Vec<String>,
}

/// Settings outside of the hub.
pub struct ProcessSettings {
    pub limits: Limits,
    pub access: Access,
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
}

impl Reloader {
    /// A reloader for a server that was started with these settings; `hub` has the password and the bounded maximum users.
    pub fn new(read: Option<ReadSettings>, password: Option<PasswordSource>, hub: Config, limits: Limits) -> Self {
        Reloader { read, pending: BTreeSet::new(), password, hub, limits }
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
            return Ok(Reload { hub: self.hub.clone(), process: None, changed, fixed: Vec::new() });
        };
        let Reloaded { settings, changed, mut fixed } = read()?;
        self.pending.extend(changed);
        let Settings { mut hub, mut access, mut limits, level, password: source, motd, max_clients, .. } = settings;
        let password = read_password(source.as_ref())?;
        hub.motd = read_motd(motd).map_err(|error| error.to_string())?;
        let mut changed: Vec<String> = std::mem::take(&mut self.pending).into_iter().collect();
        if hub.motd != self.hub.motd && !changed.iter().any(|name| name == MOTD) {
            changed.push(MOTD.into());
        }
        limit_connections(&mut hub, max_clients, fd_limit::raise());
        if limits.send_buffer == 0 && self.limits.send_buffer > 0 {
            limits.send_buffer = self.limits.send_buffer;
            changed.retain(|name| name != SEND_BUFFER);
            fixed.push(SEND_BUFFER.into());
        }
        access.hosts.extend(http::machine_names());
        hub.password = self.hub.password.take();
        (self.hub, self.password, self.limits) = (hub, source, limits);
        self.take_password(password, &mut changed);
        Ok(Reload { hub: self.hub.clone(), process: Some(ProcessSettings { limits, access, level }), changed, fixed })
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

fn read_password(source: Option<&PasswordSource>) -> Result<Option<ServerPassword>, String> {
    let read =
        |source: &PasswordSource| source.read().map_err(|error| Error::Password(source.name(), error).to_string());
    source.map(read).transpose()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::fs;
    use std::net::SocketAddr;
    use std::rc::Rc;
    use std::time::Duration;

    use super::*;
    use crate::chat::Lang;
    use crate::server::ConsoleMode;
    use crate::util::logging::LogFormat;

    fn limits(send_buffer: usize) -> Limits {
        Limits { max_line: 4096, eol_timeout: Duration::ZERO, keepalive: Duration::from_secs(60), send_buffer }
    }

    fn settings(hub: Config, send_buffer: usize, password: Option<PasswordSource>) -> Settings {
        Settings {
            listen: Vec::<SocketAddr>::new(),
            web: Vec::new(),
            admin: Vec::new(),
            access: Access::default(),
            lang: Lang::En,
            console: ConsoleMode::Off,
            level: LevelFilter::Info,
            limits: limits(send_buffer),
            max_clients: Some(7),
            store: None,
            password,
            motd: None,
            log_format: LogFormat::Text,
            hub,
            reload: None,
        }
    }

    fn password_file(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("chinwag-reload-{name}-{}", std::process::id()))
    }

    #[test]
    fn password_file_is_read_again_and_an_error_leaves_the_old_password() {
        let path = password_file("alone");
        let source = Some(PasswordSource::File(path.clone()));
        let hub = Config { password: Some(ServerPassword::new("old")), ..Config::default() };
        let mut reloader = Reloader::new(None, source, hub, limits(0));
        let why = reloader.reload().err().unwrap();
        assert_eq!(why, format!("cannot read the password from {}: no such file or directory", path.display()));
        assert!(reloader.hub.password.as_ref().unwrap().is("old"));
        for (text, changed) in [("old", &[][..]), ("new", &["password-file"])] {
            fs::write(&path, text).unwrap();
            let reload = reloader.reload().unwrap();
            assert!(reload.hub.password.unwrap().is(text));
            assert_eq!(
                (reload.changed, reload.process.is_none()),
                (changed.iter().map(|&name| name.into()).collect(), true)
            );
        }
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn settings_that_are_read_again_hold_unless_something_is_wrong() {
        let path = password_file("settings");
        let next = Rc::new(RefCell::new(None));
        let given = next.clone();
        let read =
            ReadSettings(Box::new(move || given.take().unwrap_or_else(|| Err("line 3: rate is no number".into()))));
        let mut reloader = Reloader::new(Some(read), None, Config::default(), limits(5000));
        assert_eq!(reloader.reload().err().as_deref(), Some("line 3: rate is no number"));
        let reloaded = |source| Reloaded {
            settings: settings(Config { rate: 99, ..Config::default() }, 0, source),
            changed: vec!["rate".into(), "send-buffer".into()],
            fixed: vec!["listen".into()],
        };
        next.replace(Some(Ok(reloaded(Some(PasswordSource::File(path.clone()))))));
        assert!(reloader.reload().err().unwrap().starts_with("cannot read the password from "));
        assert_eq!(reloader.hub.rate, Config::default().rate);
        fs::write(&path, "fish").unwrap();
        // The reload that failed has named the options that changed; they hold only now.
        let again = reloaded(Some(PasswordSource::File(path.clone())));
        next.replace(Some(Ok(Reloaded { changed: Vec::new(), ..again })));
        let Reload { hub, process, changed, fixed } = reloader.reload().unwrap();
        assert_eq!((hub.rate, hub.max_clients), (99, 7));
        assert!(hub.password.unwrap().is("fish"));
        assert_eq!(process.unwrap().limits.send_buffer, 5000, "the kernel's own choice cannot be had back");
        assert_eq!(
            (changed, fixed),
            (vec!["rate".into(), "password-file".into()], vec!["listen".into(), "send-buffer".into()])
        );
        next.replace(Some(Ok(Reloaded { changed: Vec::new(), fixed: Vec::new(), ..reloaded(None) })));
        let reload = reloader.reload().unwrap();
        assert_eq!((reload.hub.password.is_none(), reload.changed), (true, vec![PASSWORD_FILE.to_owned()]));
        fs::remove_file(&path).unwrap();
    }
}
