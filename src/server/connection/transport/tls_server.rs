//! What all TLS connections of a server share.

use std::cell::RefCell;
use std::rc::Rc;

use super::ListenerKind;
use super::buffers::{Handshakes, TransportBuffers};
use super::records::{MAX_RECORD, Records};
use crate::chat::Lang;
use crate::server::tls::TlsConfigs;

/// What all TLS connections of a server share.
#[derive(Debug)]
pub struct TlsServer {
    configs: RefCell<TlsConfigs>,
    lang: Lang,
    pub(super) buffers: Rc<TransportBuffers>,
    pub(super) scratch: RefCell<Scratch>,
}

/// Buffers that are used within one call.
#[derive(Debug)]
pub struct Scratch {
    /// Received bytes.
    pub received: Box<[u8]>,
    /// Data of several slices, to be encrypted as one record.
    pub data: Vec<u8>,
    /// Bytes to send.
    pub output: Vec<u8>,
}

impl TlsServer {
    /// The shared part of a server's TLS connections; plain clients are told in `lang` that TLS is spoken.
    pub fn new(configs: TlsConfigs, lang: Lang, buffers: &Rc<TransportBuffers>) -> Rc<Self> {
        let scratch = Scratch { received: vec![0; MAX_RECORD].into(), data: Vec::new(), output: Vec::new() };
        Rc::new(TlsServer {
            configs: RefCell::new(configs),
            lang,
            buffers: buffers.clone(),
            scratch: RefCell::new(scratch),
        })
    }

    /// What its connections keep together.
    pub fn buffers(&self) -> &Rc<TransportBuffers> {
        &self.buffers
    }

    /// Sets other settings for later handshakes.
    pub fn set_configs(&self, configs: TlsConfigs) {
        self.configs.replace(configs);
    }

    /// A session whose handshake begins.
    pub(super) fn session(&self, kind: ListenerKind) -> Result<Records, rustls::Error> {
        let configs = self.configs.borrow();
        Records::new(match kind {
            ListenerKind::Plain => configs.lines.clone(),
            ListenerKind::Irc => configs.irc.clone(),
            ListenerKind::Web | ListenerKind::Admin => configs.web.clone(),
        })
    }

    /// Changes the counts of handshakes.
    pub(super) fn count(&self, count: impl FnOnce(&mut Handshakes)) {
        self.buffers.count(count);
    }

    /// What a client is told that does not speak TLS, in its own protocol.
    pub(super) fn plain_answer(&self, kind: ListenerKind) -> &'static str {
        match (kind, self.lang) {
            (ListenerKind::Web | ListenerKind::Admin, _) => HTTP_ANSWER,
            (ListenerKind::Irc, _) => IRC_ANSWER,
            (ListenerKind::Plain, Lang::En) => LINE_ANSWER,
            (ListenerKind::Plain, Lang::Zh) => LINE_ANSWER_ZH,
        }
    }
}

const LINE_ANSWER: &str =
    "! This port speaks TLS. Connect with: chinwag connect --tls HOST:PORT, or ncat --ssl HOST PORT.\r\n";
const LINE_ANSWER_ZH: &str =
    "! 此端口使用 TLS。请用以下命令连接：chinwag connect --tls HOST:PORT，或 ncat --ssl HOST PORT。\r\n";
const IRC_ANSWER: &str = "ERROR :This port speaks TLS: switch on TLS (SSL) for this server in your client.\r\n";
const HTTP_ANSWER: &str = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 63\r\n\
    Connection: close\r\n\r\nThis port speaks TLS: write https:// in front of the address.\r\n";
