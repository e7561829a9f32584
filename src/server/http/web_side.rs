//! What the web side knows besides its connections: access rules, the page, and the exchanges of each address.

use std::borrow::Cow;
use std::net::IpAddr;

use super::access::Access;
use super::api::ApiTokens;
use super::cluster_figures::ClusterFigures;
use super::exchange::Answer;
use super::page::ServedPage;
use crate::chat::{IpLimit, Now};
use crate::server::tls::expiry::Validity;
use crate::wire::http::{Request, Response};

/// Exchanges allowed to one address besides its connections, since a browser opens several for a page.
const SPARE_EXCHANGES: usize = 8;

/// Access rules, the page, and counts of exchanges.
pub struct WebSide {
    access: Access,
    page: ServedPage,
    /// Exchanges by address; counted only if there is a per-IP limit.
    exchanges: IpLimit,
    /// When the certificates are valid, for the metrics; none without TLS.
    certificates: Vec<Validity>,
    /// The figures of the node, for the metrics; `None` without a cluster.
    cluster: Option<ClusterFigures>,
    /// The tokens with which programs may post; `None` if no program may.
    tokens: Option<ApiTokens>,
}

impl WebSide {
    /// The web side of a server with this name. It goes on with the counts of exchanges that another one gave.
    pub fn new(name: &str, exchanges: IpLimit) -> Self {
        let (access, page) = (Access::default(), ServedPage::new(name));
        WebSide { access, page, exchanges, certificates: Vec::new(), cluster: None, tokens: None }
    }

    /// The counts of exchanges.
    pub fn exchanges(&self) -> &IpLimit {
        &self.exchanges
    }

    /// Gives the counts of exchanges.
    pub fn into_exchanges(self) -> IpLimit {
        self.exchanges
    }

    /// Sets the access rules, and counts the open exchanges from these addresses by them.
    pub fn set_access(&mut self, access: Access, open: impl Iterator<Item = IpAddr>) {
        self.access = access;
        self.exchanges = IpLimit::default();
        for addr in open {
            if self.most(addr) > 0 {
                // Those above the limit stay.
                self.exchanges.enter(addr, usize::MAX);
            }
        }
    }

    /// The access rules.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Sets when the certificates are valid, for the metrics.
    pub fn set_certificates(&mut self, certificates: Vec<Validity>) {
        self.certificates = certificates;
    }

    /// When the certificates are valid; none without TLS.
    pub fn certificates(&self) -> &[Validity] {
        &self.certificates
    }

    /// Sets the figures of the node of a cluster.
    pub fn set_cluster(&mut self, cluster: ClusterFigures) {
        self.cluster = Some(cluster);
    }

    /// The figures of the node; `None` without a cluster.
    pub fn cluster(&self) -> Option<&ClusterFigures> {
        self.cluster.as_ref()
    }

    /// Sets the tokens with which programs may post; those that were known before go on with what was counted for them.
    pub fn set_tokens(&mut self, mut tokens: Option<ApiTokens>) {
        if let (Some(new), Some(before)) = (&mut tokens, &self.tokens) {
            new.adopt(before);
        }
        self.tokens = tokens;
    }

    /// The tokens with which programs may post; `None` if no program may.
    pub fn tokens_mut(&mut self) -> Option<&mut ApiTokens> {
        self.tokens.as_mut()
    }

    /// Counts a new exchange; `false` if its address has too many.
    pub fn admit(&mut self, addr: IpAddr) -> bool {
        let most = self.most(addr);
        self.exchanges.enter(addr, most)
    }

    /// Uncounts an exchange that has become a WebSocket or has ended.
    pub fn release(&mut self, addr: IpAddr) {
        if self.most(addr) > 0 {
            self.exchanges.leave(addr);
        }
    }

    /// Maximum exchanges of an address; 0 for no limit.
    fn most(&self, addr: IpAddr) -> usize {
        if self.access.max_per_ip == 0 || self.access.is_trusted(addr) {
            return 0;
        }
        self.access.max_per_ip + SPARE_EXCHANGES
    }

    /// The answer to a request for the page.
    pub fn page(&self, request: &Request, now: Now) -> Answer {
        self.page.answer(request, now)
    }
}

/// The answer with a document that is made for each request.
pub fn document(kind: &str, text: String, request: &Request, now: Now) -> Answer {
    let response = Response::new("200 OK", now.local).field("Cache-Control", "no-store");
    let head = response.with_body(kind, text.len(), request.keep_alive);
    (head, Cow::Owned(if request.is_head { Vec::new() } else { text.into_bytes() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_has_spare_exchanges_besides_its_limit() {
        let access = Access { max_per_ip: 1, trust_proxy: vec!["10.0.0.3".parse().unwrap()], ..Access::default() };
        let mut web = WebSide { access, ..WebSide::new("chinwag", IpLimit::default()) };
        let [here, there, proxy] = [1, 2, 3].map(|last| IpAddr::from([10, 0, 0, last]));
        assert_eq!((0..20).filter(|_| web.admit(here)).count(), 1 + SPARE_EXCHANGES);
        assert_eq!((0..20).filter(|_| web.admit(proxy)).count(), 20);
        assert!(web.admit(there));
        web.release(here);
        web.release(proxy);
        assert!(web.admit(here) && !web.admit(here));
        (0..1 + SPARE_EXCHANGES).for_each(|_| web.release(here));
        web.release(there);
        assert_eq!(web.exchanges.total(), 0);
    }

    #[test]
    fn open_exchanges_are_counted_by_other_access_rules() {
        let mut web = WebSide::new("chinwag", IpLimit::default());
        let [here, proxy] = [1, 3].map(|last| IpAddr::from([10, 0, 0, last]));
        let open = [here; 20];
        assert_eq!(open.iter().filter(|_| web.admit(here)).count(), 20);
        let access = Access { max_per_ip: 1, trust_proxy: vec!["10.0.0.3".parse().unwrap()], ..Access::default() };
        web.set_access(access, open.into_iter().chain([proxy]));
        assert_eq!(web.exchanges.total(), 20);
        (0..20 - SPARE_EXCHANGES).for_each(|_| web.release(here));
        assert!(web.admit(here) && !web.admit(here));
        web.set_access(Access::default(), [here].into_iter());
        web.release(here);
        assert_eq!(web.exchanges.total(), 0);
    }
}
