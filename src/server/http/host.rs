//! Checks the `Host` of requests, against DNS rebinding.
//!
//! A foreign page can point its own name to this machine (DNS rebinding). For the browser it then has
//! the same origin, and only the `Host` of its requests shows the difference.

use super::access::Access;
use crate::wire::host::Host;
use crate::wire::http::Request;

impl Access {
    /// Whether the request names this server.
    ///
    /// An address always does, since no other site can point it here. A request without a `Host`, as HTTP/1.0 allows,
    /// names nothing and is from no browser.
    pub fn names_this_server(&self, request: &Request) -> bool {
        let Some(host) = &request.host else { return true };
        match Host::parse(host) {
            None => false,
            Some(Host::Address(_)) => true,
            Some(Host::Name(name)) => {
                let origins = self.allow_origin.iter().filter_map(|origin| Host::parse(origin.split_once("://")?.1));
                let is_local = name == "localhost" || name.ends_with(".localhost");
                is_local
                    || self.hosts.contains(&name)
                    || origins.into_iter().any(|host| host == Host::Name(name.clone()))
            }
        }
    }
}

/// The names of this machine: its host name, the first part of that, and both with `.local` (RFC 6762).
pub fn machine_names() -> Vec<String> {
    names_of(&rustix::system::uname().nodename().to_string_lossy())
}

/// The name of this machine, if it has one that can stand in a URL.
pub fn machine_name() -> Option<String> {
    let node = rustix::system::uname().nodename().to_string_lossy().into_owned();
    match Host::parse(&node).filter(|_| !node.contains(':')) {
        Some(Host::Name(name)) if !name.is_empty() => Some(name),
        _ => None,
    }
}

fn names_of(node: &str) -> Vec<String> {
    let Some(Host::Name(name)) = Host::parse(node).filter(|_| !node.contains(':')) else { return Vec::new() };
    let first = name.split('.').next().unwrap_or_default();
    if first.is_empty() {
        return Vec::new();
    }
    let mut names = vec![first.to_owned(), format!("{first}.local")];
    if first != name {
        names.extend([format!("{name}.local"), name]);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_server_are_accepted() {
        let access = Access {
            allow_origin: vec!["https://Page.example:8443".into(), "*".into()],
            hosts: ["chat.example".into()].into_iter().chain(names_of("Box.home.example")).collect(),
            ..Access::default()
        };
        let names_this_server = |host: Option<&str>| {
            access.names_this_server(&Request { host: host.map(str::to_owned), ..Request::default() })
        };
        for host in [
            "localhost",
            "LOCALHOST.:8080",
            "a.localhost",
            "127.0.0.1:8080",
            "203.0.113.9",
            "[::1]:8080",
            "chat.example",
            "Chat.Example.:443",
            "page.example",
            "box",
            "box.local:8080",
            "box.home.example",
            "box.home.example.local",
        ] {
            assert!(names_this_server(Some(host)), "{host}");
        }
        assert!(names_this_server(None));
        for host in [
            "",
            ":80",
            "evil.example",
            "chat.example.evil",
            "xlocalhost",
            "127.0.0.1.evil.example",
            "example",
            "local",
            "*",
        ] {
            assert!(!names_this_server(Some(host)), "{host}");
        }
    }

    #[test]
    fn unusable_host_names_give_no_names() {
        for node in ["", ".", "(none) x", "a:1", "127.0.0.1"] {
            assert_eq!(names_of(node), Vec::<String>::new(), "{node}");
        }
        assert_eq!(names_of("box"), ["box", "box.local"]);
    }
}
