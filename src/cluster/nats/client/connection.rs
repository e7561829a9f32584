//! The beginning of a connection, and whether the server is still there.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cluster::nats::error::LinkError;
use crate::cluster::nats::protocol::Output;
use crate::cluster::nats::settings::{Credentials, Limits, ServerAddr};

/// The oldest version of nats-server that has all that is used.
const OLDEST: (u32, u32) = (2, 10);

/// The payload that a server allows if it does not say so.
const DEFAULT_PAYLOAD: usize = 1024 * 1024;

/// What a server says of itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Info {
    version: String,
    max_payload: Option<usize>,
    tls_required: bool,
    tls_available: bool,
    auth_required: bool,
    /// What a client with a key signs.
    nonce: String,
    /// Whether it is about to stop ("lame duck mode").
    #[serde(rename = "ldm")]
    pub is_stopping: bool,
}

impl Info {
    pub fn max_payload(&self) -> usize {
        self.max_payload.unwrap_or(DEFAULT_PAYLOAD)
    }

    /// The version without what could change a terminal on which it is shown.
    pub fn version(&self) -> String {
        self.version.chars().filter(|c| !c.is_control()).take(40).collect()
    }

    fn is_too_old(&self) -> bool {
        let mut numbers = self.version.split('.').map(|number| number.parse().unwrap_or(0));
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < OLDEST
    }
}

/// Who the client is and what it can do.
#[derive(Serialize)]
struct Connect<'a> {
    verbose: bool,
    pedantic: bool,
    tls_required: bool,
    lang: &'static str,
    version: &'static str,
    name: &'a str,
    protocol: u8,
    echo: bool,
    headers: bool,
    no_responders: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pass: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_token: Option<&'a str>,
    /// A public key, and the signature of the server's nonce.
    #[serde(skip_serializing_if = "Option::is_none")]
    nkey: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sig: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// There is no connection.
    None,
    /// Waits for what the server says of itself.
    Info,
    /// TLS begins now.
    Tls,
    /// Has sent the credentials and waits for the answer to a ping.
    Login,
    Ready,
}

/// One connection after another.
#[derive(Debug)]
pub struct Connection {
    pub stage: Stage,
    pub info: Info,
    server: Option<ServerAddr>,
    /// The name of the client.
    name: String,
    is_encrypted: bool,
    /// When the server is asked next whether it is there.
    ping_at: Duration,
    /// Since when an answer is missing.
    unanswered_since: Option<Duration>,
    /// The server's last error.
    pub error: Option<String>,
}

impl Connection {
    pub fn new(name: &str) -> Self {
        Connection {
            stage: Stage::None,
            info: Info::default(),
            server: None,
            name: name.to_owned(),
            is_encrypted: false,
            ping_at: Duration::ZERO,
            unanswered_since: None,
            error: None,
        }
    }

    /// Begins a connection to a server.
    pub fn open(&mut self, server: &ServerAddr) {
        *self = Connection { stage: Stage::Info, server: Some(server.clone()), ..Connection::new(&self.name) };
    }

    /// Takes what the server says of itself; it says so again when something changes.
    ///
    /// # Errors
    /// If it is damaged, the server is too old, it takes only messages that are too short, or it does not encrypt
    /// although it should.
    pub fn handle_info(&mut self, json: &[u8], limits: &Limits, output: &mut Output) -> Result<(), LinkError> {
        self.info = serde_json::from_slice(json).map_err(LinkError::Info)?;
        let is_first = self.stage == Stage::Info;
        if is_first && self.info.is_too_old() {
            let version = self.info.version();
            return Err(LinkError::TooOld(if version.is_empty() { "unknown".into() } else { version }));
        }
        if self.info.max_payload() < limits.needed_payload {
            return Err(LinkError::SmallPayload(self.info.max_payload(), limits.needed_payload));
        }
        if !is_first {
            return Ok(());
        }
        let must_encrypt = self.server.as_ref().is_some_and(|server| server.tls);
        if must_encrypt && !self.info.tls_required && !self.info.tls_available {
            return Err(LinkError::NoTls);
        }
        if must_encrypt || self.info.tls_required {
            self.stage = Stage::Tls;
            return Ok(());
        }
        self.log_in(output)
    }

    /// Notes that the connection is encrypted now.
    ///
    /// # Errors
    /// If the server asks for credentials and there are none.
    pub fn handle_encrypted(&mut self, output: &mut Output) -> Result<(), LinkError> {
        self.is_encrypted = true;
        self.log_in(output)
    }

    fn log_in(&mut self, output: &mut Output) -> Result<(), LinkError> {
        let credentials = self.server.as_ref().and_then(|server| server.credentials.as_ref());
        if credentials.is_none() && self.info.auth_required {
            return Err(LinkError::CredentialsMissing);
        }
        let (mut user, mut pass, mut auth_token, mut signed) = (None, None, None, None);
        match credentials {
            Some(Credentials::User { name, password }) => (user, pass) = (Some(&name[..]), Some(&password[..])),
            Some(Credentials::Token(token)) => auth_token = Some(&token[..]),
            Some(Credentials::Key(key)) => signed = key.sign(&self.info.nonce),
            None => {}
        }
        let (nkey, sig) = signed.unzip();
        output.connect(&Connect {
            verbose: false,
            pedantic: false,
            tls_required: self.is_encrypted,
            lang: "rust",
            version: env!("CARGO_PKG_VERSION"),
            name: &self.name,
            protocol: 1,
            echo: true,
            headers: true,
            no_responders: true,
            user,
            pass,
            auth_token,
            nkey,
            sig,
        });
        output.ping();
        self.stage = Stage::Login;
        Ok(())
    }

    /// Notes that the server has sent something; whatever it is, the server is there.
    pub fn handle_bytes(&mut self) {
        self.unanswered_since = None;
    }

    /// Takes the answer to a ping; returns whether it was the first, so that the connection is ready.
    pub fn handle_pong(&mut self, now: Duration, limits: &Limits) -> bool {
        let is_first = self.stage == Stage::Login;
        if is_first {
            self.stage = Stage::Ready;
            self.ping_at = now + limits.ping_interval;
        }
        is_first
    }

    /// Takes an error of the server, and keeps it in case the server ends the connection.
    ///
    /// # Errors
    /// If it refuses the credentials.
    pub fn handle_error(&mut self, text: &str) -> Result<(), LinkError> {
        let lower = text.to_ascii_lowercase();
        let has_credentials = self.server.as_ref().is_some_and(|server| server.credentials.is_some());
        let about_login =
            ["authorization violation", "authentication timeout", "authentication expired", "authentication revoked"];
        if about_login.iter().any(|start| lower.contains(start)) {
            return Err(if has_credentials { LinkError::CredentialsWrong } else { LinkError::CredentialsMissing });
        }
        self.error = Some(text.chars().filter(|c| !c.is_control()).take(200).collect());
        Ok(())
    }

    /// Sends a ping when it is due.
    ///
    /// # Errors
    /// If the server has not answered for too long.
    pub fn tick(&mut self, now: Duration, limits: &Limits, output: &mut Output) -> Result<(), LinkError> {
        if self.stage != Stage::Ready {
            return Ok(());
        }
        if self.unanswered_since.is_some_and(|since| since + limits.silence <= now) {
            return Err(LinkError::Silent(limits.silence.as_secs()));
        }
        if self.ping_at <= now {
            output.ping();
            self.ping_at = now + limits.ping_interval;
            self.unanswered_since.get_or_insert(now);
        }
        Ok(())
    }

    /// When [`Connection::tick`] has something to do.
    pub fn deadline(&self, limits: &Limits) -> Option<Duration> {
        let silent_at = self.unanswered_since.map_or(Duration::MAX, |since| since + limits.silence);
        (self.stage == Stage::Ready).then(|| silent_at.min(self.ping_at))
    }
}
