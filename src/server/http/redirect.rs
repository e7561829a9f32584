//! Leads browsers from HTTP to HTTPS (`--https-redirect`).

use std::borrow::Cow;

use super::access::Access;
use super::exchange::Answer;
use crate::chat::Now;
use crate::wire::host::Host;
use crate::wire::http::{HttpError, Request, Response};

/// The port of HTTPS that a URL need not name.
const HTTPS_PORT: u16 = 443;
/// For a year, a browser asks this host by HTTPS only (RFC 6797).
const HSTS: &[u8] = b"Strict-Transport-Security: max-age=31536000\r\n";

impl Access {
    /// Whether requests without TLS are redirected.
    pub fn redirects(&self) -> bool {
        self.https_redirect && self.https_port.is_some()
    }

    /// The redirect to the same host and path by HTTPS, with the status 308 (RFC 9110, section 15.4.9).
    ///
    /// # Errors
    /// If the request has no `Host`, as HTTP/1.0 allows: then there is nowhere to lead to.
    pub fn redirect(&self, request: &Request, now: Now) -> Result<Answer, HttpError> {
        let host = match request.host.as_deref().and_then(Host::parse) {
            None => return Err(HttpError::BadRequest),
            Some(Host::Name(name)) => name,
            Some(Host::Address(addr)) if addr.is_ipv6() => format!("[{addr}]"),
            Some(Host::Address(addr)) => addr.to_string(),
        };
        let port =
            self.https_port.filter(|&port| port != HTTPS_PORT).map_or_else(String::new, |port| format!(":{port}"));
        let mark = if request.query.is_empty() { "" } else { "?" };
        let location = format!("https://{host}{port}{}{mark}{}", request.path, request.query);
        let response = Response::new("308 Permanent Redirect", now.local)
            .field("Location", &location)
            // A browser would keep the redirect for ever, and the port may change.
            .field("Cache-Control", "no-store")
            .field("Content-Length", "0");
        Ok((response.without_body(request.keep_alive), Cow::default()))
    }

    /// Adds HSTS to the head of an answer over TLS, if requests without TLS are redirected. Not for a `Host` with a port:
    /// HSTS holds for all ports of a host, and another server may be behind one of them.
    pub fn add_hsts(&self, request: &Request, head: &mut Vec<u8>) {
        let has_port = request.host.as_deref().is_none_or(|host| host.rsplit(']').next().unwrap_or(host).contains(':'));
        if self.redirects() && !has_port && head.ends_with(b"\r\n\r\n") {
            let end = head.len() - 2;
            head.splice(end..end, HSTS.iter().copied());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use time::OffsetDateTime;

    use super::*;

    const NOW: Now = Now { at: Duration::ZERO, local: OffsetDateTime::UNIX_EPOCH };

    fn access(port: u16) -> Access {
        Access { https_redirect: true, https_port: Some(port), ..Access::default() }
    }

    fn request(host: &str, path: &str, query: &str) -> Request {
        Request { host: Some(host.into()), path: path.into(), query: query.into(), ..Request::default() }
    }

    #[test]
    fn redirect_has_host_and_path_of_the_request_and_the_port_of_https() {
        for (port, host, path, query, location) in [
            (443, "chat.example", "/", "", "https://chat.example/"),
            (443, "Chat.Example.:80", "/ws", "a=%0d&b", "https://chat.example/ws?a=%0d&b"),
            (8443, "chat.example:8080", "/x", "", "https://chat.example:8443/x"),
            (8443, "[::1]:8080", "/", "", "https://[::1]:8443/"),
            (443, "192.0.2.1", "/", "", "https://192.0.2.1/"),
        ] {
            let (head, body) = access(port).redirect(&request(host, path, query), NOW).unwrap();
            let head = String::from_utf8(head).unwrap();
            assert!(head.starts_with("HTTP/1.1 308 Permanent Redirect\r\n") && body.is_empty(), "{head}");
            assert!(head.contains(&format!("\r\nLocation: {location}\r\n")), "{head}");
            assert!(head.contains("\r\nContent-Length: 0\r\n"), "{head}");
        }
        let nowhere = Request { path: "/".into(), ..Request::default() };
        assert_eq!(access(443).redirect(&nowhere, NOW), Err(HttpError::BadRequest));
        assert!(access(443).redirects());
        assert!(!Access { https_port: None, ..access(443) }.redirects());
        assert!(!Access { https_redirect: false, ..access(443) }.redirects());
    }

    #[test]
    fn hsts_is_added_for_a_host_without_a_port() {
        let added = |access: &Access, host: Option<&str>| {
            let mut head = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
            access.add_hsts(&Request { host: host.map(str::to_owned), ..Request::default() }, &mut head);
            String::from_utf8(head).unwrap()
        };
        let with = "HTTP/1.1 200 OK\r\nStrict-Transport-Security: max-age=31536000\r\n\r\n";
        for host in ["chat.example", "[::1]"] {
            assert_eq!(added(&access(443), Some(host)), with, "{host}");
        }
        for host in [Some("chat.example:443"), Some("chat.example:8443"), Some("[::1]:443"), None] {
            assert_eq!(added(&access(443), host), "HTTP/1.1 200 OK\r\n\r\n", "{host:?}");
        }
        assert_eq!(added(&Access::default(), Some("chat.example")), "HTTP/1.1 200 OK\r\n\r\n");
    }
}
