//! The settings, read again while the server runs.

use log::warn;

use super::EventLoop;
use crate::chat::{ClientId, Now};
use crate::server::listen;
use crate::server::reload::{ProcessSettings, Reload, ReloadedCertificates};
use crate::util::logging;

impl EventLoop {
    /// Reads the settings again if a signal or sessions have asked for that.
    pub(super) fn reload_if_asked(&mut self, now: Now) {
        if std::mem::take(&mut self.hung_up) {
            self.reload(None, now);
        }
        while let Some(id) = self.engine.hub_mut().poll_reload() {
            self.reload(Some(id), now);
        }
    }

    /// Reads the settings again, and tells the service manager about it.
    fn reload(&mut self, by: Option<ClientId>, now: Now) {
        self.service_manager.iter_mut().for_each(|manager| manager.tell_reloading(now.at));
        self.apply_settings(by, now);
        self.service_manager.iter_mut().for_each(|manager| manager.tell_reloaded(now.at));
    }

    /// Reads the settings again, applies them, and tells the result to the log, the console and the session that has asked.
    fn apply_settings(&mut self, by: Option<ClientId>, now: Now) {
        let Some(reloader) = &mut self.reloader else { return };
        let Reload { hub: config, process, certificates, changed, fixed } = match reloader.reload() {
            Ok(reload) => reload,
            Err(why) => return self.engine.hub_mut().tell_not_reloaded(by, &why),
        };
        if let Some(ProcessSettings { limits, access, proxies, tokens, level }) = process {
            logging::set_level(level);
            for (_, listener) in self.engine.listeners() {
                if let Err(error) = listen::set_options(listener, &limits) {
                    warn!("a listener keeps its options: {error}");
                }
            }
            self.engine.set_limits(limits);
            self.engine.set_access(access);
            self.engine.set_proxies(proxies);
            self.engine.set_tokens(tokens);
        }
        if let Some(ReloadedCertificates { configs, validities, introduction }) = certificates {
            if let (Some(tls), Some(configs)) = (&self.tls, configs) {
                tls.set_configs(configs);
            }
            self.watch_certificates(validities);
            if let Some(introduction) = introduction {
                self.tell_how_to_connect(&introduction);
            }
        }
        let hub = self.engine.hub_mut();
        hub.set_config(&config, now);
        hub.tell_reloaded(by, &changed, &fixed);
    }
}
