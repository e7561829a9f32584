//! Reloads that change settings, and those that fail.

use std::cell::RefCell;
use std::fs;
use std::rc::Rc;
use std::time::Duration;

use super::*;
use crate::chat::Lang;
use crate::server::ConsoleMode;
use crate::server::listen_addr::ListenAddr;
use crate::server::tls::test_support::{Folder, test_file};
use crate::server::tls::{CertificateSource, Certificates, self_signed};
use crate::util::logging::LogFormat;

fn limits(send_buffer: usize) -> Limits {
    Limits { max_line: 4096, eol_timeout: Duration::ZERO, keepalive: Duration::from_secs(60), send_buffer }
}

fn settings(hub: Config, send_buffer: usize, password: Option<PasswordSource>) -> Settings {
    Settings {
        listen: Vec::new(),
        irc: Vec::new(),
        web: Vec::new(),
        admin: Vec::new(),
        api_tokens: None,
        control: None,
        sockets: Vec::new(),
        unix_mode: 0o660,
        reuse_port: false,
        proxies: Vec::new(),
        tls: None,
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
        cluster: None,
        hub,
        takes_over: false,
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
    let mut reloader = Reloader::new(None, source, hub, limits(0), AtStart::default());
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
    let read = ReadSettings(Box::new(move || given.take().unwrap_or_else(|| Err("line 3: rate is no number".into()))));
    let mut reloader = Reloader::new(Some(read), None, Config::default(), limits(5000), AtStart::default());
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
    let Reload { hub, process, changed, fixed, .. } = reloader.reload().unwrap();
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

/// Files of two certificates, and a reloader of a server that has been started with the first one.
struct Tls {
    folder: Folder,
    reloader: Reloader,
    next: Rc<RefCell<Option<Result<Reloaded, String>>>>,
}

impl Tls {
    fn new(source: impl Fn(&Folder) -> Option<CertificateSource>) -> Tls {
        let folder = Folder::new("reload");
        let next: Rc<RefCell<Option<Result<Reloaded, String>>>> = Rc::default();
        let given = next.clone();
        let read = ReadSettings(Box::new(move || given.take().unwrap_or_else(|| Err("none".into()))));
        copy(&folder, "ec");
        let addr = "192.0.2.1:1".parse::<std::net::SocketAddr>().unwrap();
        let listen = vec![ListenAddr { tls: true, ..addr.into() }];
        let names = self_signed::names(&http::machine_names(), &listen);
        let certificates = source(&folder).map(|source| Certificates::load(&source, &names).unwrap());
        let start =
            AtStart { https_port: certificates.as_ref().map(|_| 8443), certificates, listen, tls_lines: vec![addr] };
        Tls { folder, next, reloader: Reloader::new(Some(read), None, Config::default(), limits(0), start) }
    }

    /// Reads these settings; `changed` is what the options say.
    fn reload(&mut self, tls: Option<CertificateSource>, changed: &[&str]) -> Result<Reload, String> {
        let settings = Settings { tls, ..settings(Config::default(), 0, None) };
        let changed = changed.iter().map(|&name| name.into()).collect();
        self.next.replace(Some(Ok(Reloaded { settings, changed, fixed: Vec::new() })));
        self.reloader.reload()
    }

    fn files(folder: &Folder) -> Option<CertificateSource> {
        Some(CertificateSource::Files(vec![(folder.path("cert"), folder.path("key"))]))
    }
}

/// Copies a certificate and its key to the names that the server reads.
fn copy(folder: &Folder, name: &str) {
    for (ending, to) in [("pem", "cert"), ("key", "key")] {
        fs::copy(test_file(&format!("{name}.{ending}")), folder.path(to)).unwrap();
    }
}

#[test]
fn certificates_of_the_same_files_are_read_again() {
    let mut tls = Tls::new(Tls::files);
    let source = Tls::files(&tls.folder);
    let reload = tls.reload(source.clone(), &[]).unwrap();
    let same = reload.certificates.unwrap();
    assert!(same.configs.is_none() && same.validities.len() == 1 && reload.changed.is_empty());
    copy(&tls.folder, "rsa");
    let reload = tls.reload(source.clone(), &[]).unwrap();
    let other = reload.certificates.unwrap();
    assert!(other.configs.is_some() && other.validities.len() == 1);
    assert_eq!((reload.changed, reload.fixed), (vec!["tls-cert".to_owned()], vec![]));
    // The name of the file changes, and what it contains does not.
    fs::copy(tls.folder.path("cert"), tls.folder.path("renamed")).unwrap();
    let renamed = CertificateSource::Files(vec![(tls.folder.path("renamed"), tls.folder.path("key"))]);
    let reload = tls.reload(Some(renamed), &["tls-cert"]).unwrap();
    assert_eq!((reload.certificates.unwrap().configs.is_none(), reload.changed), (true, vec!["tls-cert".to_owned()]));
}

#[test]
fn certificate_that_cannot_be_read_leaves_all_settings() {
    let mut tls = Tls::new(Tls::files);
    let source = Tls::files(&tls.folder);
    fs::copy(test_file("rsa.pem"), tls.folder.path("cert")).unwrap();
    let why = tls.reload(source.clone(), &["rate"]).err().unwrap();
    assert!(why.starts_with("cannot use the TLS key ") && why.contains(": it does not belong to "), "{why}");
    fs::remove_file(tls.folder.path("cert")).unwrap();
    let why = tls.reload(source.clone(), &[]).err().unwrap();
    assert!(why.ends_with("/cert: no such file or directory"), "{why}");
    copy(&tls.folder, "ec");
    let reload = tls.reload(source, &[]).unwrap();
    assert_eq!(reload.changed, ["rate"]);
    assert!(reload.certificates.unwrap().configs.is_none());
}

#[test]
fn certificates_wait_for_a_restart_if_the_listeners_do() {
    let mut tls = Tls::new(|_| None);
    let source = Tls::files(&tls.folder);
    let reload = tls.reload(source, &["tls-cert", "rate", "tls-key"]).unwrap();
    assert!(reload.certificates.is_none());
    assert_eq!((reload.changed, reload.fixed), (vec!["rate".into()], vec!["tls-cert".into(), "tls-key".to_owned()]));
    let mut tls = Tls::new(Tls::files);
    let reload = tls.reload(None, &["tls-cert", "tls-key"]).unwrap();
    assert!(reload.certificates.is_none() && reload.changed.is_empty());
    assert!(tls.reloader.start.certificates.is_some());
}

#[test]
fn self_signed_certificate_gets_new_names_and_keeps_its_key() {
    let own = |folder: &Folder| Some(CertificateSource::SelfSigned(folder.path("own")));
    let mut tls = Tls::new(own);
    let first = tls.reloader.start.certificates.as_ref().unwrap().first().clone();
    let source = own(&tls.folder);
    let mut host = settings(Config::default(), 0, None);
    host.access.hosts.push("new.example".into());
    host.tls = source.clone();
    tls.next.replace(Some(Ok(Reloaded { settings: host, changed: vec!["host".into()], fixed: Vec::new() })));
    let reload = tls.reloader.reload().unwrap();
    assert_eq!(reload.changed, ["host", "tls-self-signed"]);
    assert_eq!(reload.certificates.unwrap().introduction, None);
    let second = tls.reloader.start.certificates.as_ref().unwrap().first().clone();
    assert_eq!(second.fingerprint, first.fingerprint);
    assert_ne!(second.key.cert, first.key.cert);
    let reload = tls.reload(source.clone(), &["host"]).unwrap();
    assert_eq!(reload.changed, ["host", "tls-self-signed"]);
    fs::remove_file(tls.folder.path("own/key.pem")).unwrap();
    let introduction = tls.reload(source, &[]).unwrap().certificates.unwrap().introduction.unwrap();
    let third = tls.reloader.start.certificates.as_ref().unwrap().first();
    assert_ne!(third.fingerprint, first.fingerprint);
    assert_eq!(introduction.words, third.fingerprint.words());
    let command = format!("chinwag connect --tls 192.0.2.1:1 --tls-fingerprint {}", third.fingerprint);
    assert_eq!(introduction.commands, [command]);
}

#[test]
fn redirect_leads_to_the_port_of_the_start() {
    for (tls, port, changed, fixed) in [
        (Tls::new(Tls::files), Some(8443), vec!["https-redirect"], vec![]),
        (Tls::new(|_| None), None, vec![], vec!["https-redirect"]),
    ] {
        let Tls { next, mut reloader, folder } = tls;
        let mut settings = settings(Config::default(), 0, None);
        settings.access.https_redirect = true;
        settings.tls = Tls::files(&folder).filter(|_| port.is_some());
        next.replace(Some(Ok(Reloaded { settings, changed: vec!["https-redirect".into()], fixed: Vec::new() })));
        let reload = reloader.reload().unwrap();
        let access = reload.process.unwrap().access;
        assert_eq!((access.https_port, access.redirects()), (port, port.is_some()));
        assert_eq!(
            (reload.changed, reload.fixed),
            (changed.into_iter().map(str::to_owned).collect(), fixed.into_iter().map(str::to_owned).collect())
        );
    }
}
