//! What the event loop is given before it runs, and what a reload replaces.

use std::io;
use std::rc::Rc;

use log::Level;

use super::cluster::Membership;
use super::{CLUSTER, CONTROL, CONTROL_CONNECTIONS, EventLoop, HASHER, UPGRADE};
use crate::chat::Notice;
use crate::cluster::node::{Node, NodeState};
use crate::cluster::settings::ClusterSettings;
use crate::cluster::stored::Beginning;
use crate::server::connection::transport::{TlsServer, TransportBuffers, UnixServer};
use crate::server::control::Control;
use crate::server::http::Access;
use crate::server::http::api::ApiTokens;
use crate::server::listen::Listening;
use crate::server::password::{Hasher, HasherCommand};
use crate::server::reload::Reloader;
use crate::server::service::ServiceManager;
use crate::server::store::writer::StoreWriter;
use crate::server::tls::expiry::{CertificateWatch, Validity};
use crate::server::tls::self_signed::Introduction;
use crate::server::trusted_peer::TrustedPeer;
use crate::server::upgrade::{Offer, Program, Upgrade};
use crate::util::clock::Clock;
use crate::util::random::random;

impl EventLoop {
    /// Sets the access rules of the web side.
    pub fn set_access(&mut self, access: Access) {
        self.engine.set_access(access);
    }

    /// Sets the tokens with which programs may post; `None` if no program may.
    pub fn set_tokens(&mut self, tokens: Option<ApiTokens>) {
        self.engine.set_tokens(tokens);
    }

    /// Sets the proxies whose connections begin with a header.
    pub fn set_proxies(&mut self, proxies: Vec<TrustedPeer>) {
        self.engine.set_proxies(proxies);
    }

    /// Sets what TLS connections share, and the buffers that they count.
    pub fn set_tls(&mut self, tls: Rc<TlsServer>, buffers: Rc<TransportBuffers>) {
        self.tls = Some(tls);
        self.engine.set_buffers(buffers);
    }

    /// Sets the store writer.
    pub fn set_store_writer(&mut self, store_writer: Option<StoreWriter>) {
        self.engine.set_store_writer(store_writer);
    }

    /// Sets who is told how the server is.
    pub fn set_service_manager(&mut self, service_manager: Option<ServiceManager>) {
        self.service_manager = service_manager;
    }

    /// Lets the process be replaced: by `program`, with settings for which `offer` holds.
    pub fn set_upgrade(&mut self, program: io::Result<Program>, offer: Offer, listening: Vec<Listening>) {
        self.upgrade = Some(Upgrade::new(program, UPGRADE, offer, listening));
    }

    /// Takes the files of the Unix sockets that a predecessor has made: they are removed at the end.
    pub fn own_files(&self) {
        self.engine.listeners().for_each(|(_, listener)| listener.set_owns_file(true));
        self.control.iter().filter_map(Control::listener).for_each(|listener| listener.set_owns_file(true));
    }

    /// Sets the control socket.
    ///
    /// # Errors
    /// If the kernel refuses to register it.
    pub fn set_control(&mut self, listener: UnixServer) -> io::Result<()> {
        let control = Control::new(listener, self.poll.registry(), CONTROL, CONTROL_CONNECTIONS)?;
        self.control = Some(control);
        Ok(())
    }

    /// Sets what reads the settings again.
    pub fn set_reloader(&mut self, reloader: Reloader) {
        self.reloader = Some(reloader);
    }

    /// Watches the certificates with these dates, from now on.
    pub fn watch_certificates(&mut self, validities: Vec<Validity>) {
        self.engine.set_certificates(validities.clone());
        self.certificates = Some(CertificateWatch::new(validities));
    }

    /// Tells the operator how clients connect with TLS, and know the server by its key.
    pub fn tell_how_to_connect(&mut self, introduction: &Introduction) {
        let hub = self.engine.hub_mut();
        for command in &introduction.commands {
            hub.tell_operator(Level::Info, &Notice::TlsCommand { command });
        }
        if !introduction.commands.is_empty() {
            hub.tell_operator(Level::Info, &Notice::TlsWords { words: &introduction.words });
        }
    }

    /// Lets the server take part in a cluster: as a node that begins there, or as what a predecessor has handed over. From now on
    /// its clock is one that began in 1970.
    ///
    /// # Errors
    /// If the authorities for TLS cannot be used, or the kernel refuses.
    pub fn join_cluster(&mut self, settings: &ClusterSettings, state: Result<NodeState, Beginning>) -> io::Result<()> {
        if state.is_err() {
            self.clock = Clock::since_1970();
            self.engine.set_began(self.clock.elapsed());
        }
        let (registry, now) = (self.poll.registry(), self.clock.elapsed());
        let node = match state {
            Err(beginning) => Node::new(settings, beginning, [random(), random()], registry, CLUSTER, now),
            Ok(state) => Node::restore(settings, state, random(), registry, CLUSTER, now),
        };
        self.membership = Some(Membership::new(node?));
        Ok(())
    }

    /// Starts the process that compares and hashes passwords.
    pub fn start_hasher(&mut self) {
        let now = self.clock.elapsed();
        self.hasher = Some(Hasher::start(HasherCommand::default(), self.poll.registry(), HASHER, now));
    }
}
