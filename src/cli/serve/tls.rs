//! The options of TLS, and which of them need others.

use super::Serve;
use super::values::ListenAddrs;
use crate::server::connection::transport::ListenerKind;
use crate::server::service::activation::SocketUse;
use crate::server::tls::CertificateSource;

const SELF_SIGNED: &str = "--tls-self-signed DIR, which makes one";

impl Serve {
    /// Where the certificates come from, if there are any.
    pub(super) fn certificate_source(&self) -> Option<CertificateSource> {
        let tls = &self.tls;
        match &tls.tls_self_signed {
            Some(dir) => Some(CertificateSource::SelfSigned(dir.clone())),
            None if tls.tls_cert.is_empty() => None,
            None => {
                Some(CertificateSource::Files(tls.tls_cert.iter().cloned().zip(tls.tls_key.iter().cloned()).collect()))
            }
        }
    }

    /// Checks that the certificates have keys, and that certificates and listeners with TLS go together.
    pub(super) fn check_tls(&self) -> Result<(), String> {
        let (certificates, keys) = (self.tls.tls_cert.len(), self.tls.tls_key.len());
        if self.tls.tls_self_signed.is_some() && certificates + keys > 0 {
            return Err(
                "--tls-self-signed makes a certificate and a key, so that --tls-cert and --tls-key cannot be given, \
                        too; leave out the one or the others"
                    .into(),
            );
        }
        if certificates != keys {
            let times = |n: usize| if n == 1 { "once".into() } else { format!("{n} times") };
            return Err(format!(
                "--tls-cert is given {} and --tls-key {}; each certificate needs its key, in the same order",
                times(certificates),
                times(keys)
            ));
        }
        self.check_tls_listeners()?;
        self.check_redirect()
    }

    fn check_tls_listeners(&self) -> Result<(), String> {
        let listeners = [
            ("--listen tls://", &self.listeners.listen),
            ("--irc ircs://", &self.listeners.irc),
            ("--web https://", &self.listeners.web),
            ("--admin https://", &self.listeners.admin),
        ];
        let with_tls = listeners.into_iter().find(|(_, addrs)| has(addrs, true)).map(|(option, _)| option.to_owned());
        let socket =
            self.sockets.iter().find(|socket| socket.tls).map(|socket| format!("the socket {}", socket.name()));
        match (with_tls.or(socket), self.certificate_source()) {
            (Some(listener), None) => Err(format!(
                "{listener} needs a certificate; give --tls-cert FILE and --tls-key FILE, or {SELF_SIGNED}"
            )),
            (None, Some(source)) => Err(format!(
                "--{} needs a listener with TLS; give --listen tls://ADDR, --irc ircs://ADDR, \
                 --web https://ADDR or --admin https://ADDR, or leave it out",
                source.option()
            )),
            _ => Ok(()),
        }
    }

    fn check_redirect(&self) -> Result<(), String> {
        let has =
            |tls| has(&self.listeners.web, tls) || self.sockets.contains(&SocketUse { kind: ListenerKind::Web, tls });
        match self.tls.https_redirect {
            true if !has(true) => Err("--https-redirect needs --web https://ADDR, to which it leads".into()),
            true if !has(false) => {
                Err("--https-redirect needs a plain --web ADDR, such as --web 0.0.0.0:80, from which it leads away"
                    .into())
            }
            _ => Ok(()),
        }
    }
}

/// Whether there is a listener with or without TLS.
fn has(addrs: &[ListenAddrs], tls: bool) -> bool {
    addrs.iter().flat_map(|addrs| &addrs.0).any(|addr| addr.tls == tls)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    const LINES: [&str; 2] = ["--listen", "tls://127.0.0.1:0"];
    const WEB: [&str; 2] = ["--web", "https://127.0.0.1:0"];
    const FILES: [&str; 4] = ["--tls-cert", "a.pem", "--tls-key", "a.key"];

    fn serve(args: &[&[&str]]) -> Serve {
        match Cli::try_parse_from([&["chinwag"], &args.concat()[..]].concat()).unwrap().into_command() {
            Command::Serve(serve) => *serve,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn refused(args: &[&[&str]], reason: &str) {
        let error = serve(args).check().expect_err("an error");
        assert!(error.contains(reason), "{error}");
    }

    #[test]
    fn nth_key_belongs_to_nth_certificate() {
        let more = ["--tls-key", "b.key", "--tls-cert", "b.pem"];
        let serve = serve(&[&LINES, &FILES, &more]);
        assert_eq!(serve.check(), Ok(()));
        let pair = |name: &str| (PathBuf::from(format!("{name}.pem")), PathBuf::from(format!("{name}.key")));
        assert_eq!(serve.settings().tls, Some(CertificateSource::Files(vec![pair("a"), pair("b")])));
        refused(
            &[&LINES, &FILES, &more[2..]],
            "--tls-cert is given 2 times and --tls-key once; each certificate needs ",
        );
        refused(
            &[&LINES, &FILES[2..]],
            "--tls-cert is given 0 times and --tls-key once; each certificate needs its key",
        );
    }

    #[test]
    fn self_signed_excludes_files() {
        let self_signed = ["--tls-self-signed", "tls"];
        let alone = serve(&[&WEB, &self_signed]);
        assert_eq!(alone.check(), Ok(()));
        assert_eq!(alone.settings().tls, Some(CertificateSource::SelfSigned("tls".into())));
        for files in [&FILES[..], &FILES[2..]] {
            refused(&[&WEB, &self_signed, files], "leave out the one or the others");
        }
    }

    #[test]
    fn listeners_with_tls_and_certificates_need_each_other() {
        let advice = "needs a certificate; give --tls-cert FILE and --tls-key FILE, or --tls-self-signed DIR";
        refused(&[&LINES], &format!("--listen tls:// {advice}"));
        refused(&[&WEB], &format!("--web https:// {advice}"));
        refused(&[&["--irc", "ircs://127.0.0.1:0"]], &format!("--irc ircs:// {advice}"));
        refused(&[&["--admin", "https://127.0.0.1:0"]], &format!("--admin https:// {advice}"));
        refused(&[&FILES], "--tls-cert needs a listener with TLS; give --listen tls://ADDR, ");
        refused(
            &[&["--tls-self-signed", "x"]],
            "--tls-self-signed needs a listener with TLS; give --listen tls://ADDR, ",
        );
        assert_eq!(serve(&[&FILES, &["--admin", "https://127.0.0.1:0"]]).check(), Ok(()));
        assert_eq!(serve(&[]).settings().tls, None);
    }

    #[test]
    fn redirect_needs_a_plain_and_an_encrypted_web_listener() {
        let (switch, plain) = (["--https-redirect"], ["--web", "127.0.0.1:0"]);
        let both = serve(&[&FILES, &WEB, &plain, &switch]);
        assert_eq!((both.check(), both.settings().access.https_redirect), (Ok(()), true));
        refused(&[&switch], "--https-redirect needs --web https://ADDR, to which it leads");
        refused(&[&FILES, &LINES, &plain, &switch], "--https-redirect needs --web https://ADDR");
        refused(&[&FILES, &WEB, &switch], "--https-redirect needs a plain --web ADDR, such as --web 0.0.0.0:80");
        for (value, expected) in [("true", true), ("false", false)] {
            let set = serve(&[&[&*format!("--https-redirect={value}")]]);
            assert_eq!(set.settings().access.https_redirect, expected);
        }
    }
}
