//! What the operator is told at the start: how others connect, and what can be typed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::chat::{ConsoleText, Lang};
use crate::server::connection::transport::ListenerKind;
use crate::server::listen_addr::{ListenAddr, ListenPlace};

/// The most addresses of this computer that are shown.
const MAX_ADDRESSES: usize = 4;

/// The addresses at which other computers may reach this one, in the order of its network interfaces.
pub fn own_addresses() -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    interfaces.iter().map(|interface| interface.ip()).filter(|&ip| !is_local(ip)).collect()
}

/// Whether an address is of this computer alone, or of one link.
fn is_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unicast_link_local(),
    }
}

/// What the operator is told. `listeners` have their real ports; `own` are the addresses of this computer; `speaking` tells
/// where the operator speaks.
pub fn lines(
    listeners: &[(ListenerKind, ListenAddr)],
    own: &[IpAddr],
    speaking: ConsoleText,
    lang: Lang,
) -> Vec<String> {
    let (here, network): (Vec<_>, Vec<_>) = ways(listeners, own).into_iter().partition(|(ip, _)| ip.is_loopback());
    let joined = |all: &[(IpAddr, Vec<String>)]| all.iter().map(|(_, ways)| ways.join(", ")).collect::<Vec<String>>();
    let network = joined(&network);
    let here = joined(&here);
    let option = listeners.iter().find_map(|(kind, addr)| open_option(*kind, addr)).filter(|_| network.is_empty());
    let network = network.iter().take(MAX_ADDRESSES).map(|ways| ConsoleText::OnThisNetwork { ways });
    let here = here.iter().map(|ways| ConsoleText::OnThisComputer { ways });
    let option = option.iter().map(|option| ConsoleText::HowOthersConnect { option });
    let texts = network.chain(here).chain(option).chain([speaking, ConsoleText::HelpAndEnd]);
    texts.map(|text| lang.console(&text).to_string()).collect()
}

/// The ways to connect to each address.
fn ways(listeners: &[(ListenerKind, ListenAddr)], own: &[IpAddr]) -> Vec<(IpAddr, Vec<String>)> {
    let mut all: Vec<(IpAddr, Vec<String>)> = Vec::new();
    for (kind, addr) in listeners {
        let ListenPlace::Tcp(place) = addr.place else { continue };
        for ip in reachable(place.ip(), own) {
            let Some(way) = way(*kind, SocketAddr::new(ip, place.port()), addr.tls) else { continue };
            match all.iter_mut().find(|(known, _)| *known == ip) {
                Some((_, ways)) => ways.push(way),
                None => all.push((ip, vec![way])),
            }
        }
    }
    all
}

/// The addresses at which a listener can be reached; without a network, that of this computer.
fn reachable(listen: IpAddr, own: &[IpAddr]) -> Vec<IpAddr> {
    if !listen.is_unspecified() {
        return vec![listen];
    }
    let same: Vec<IpAddr> = own.iter().copied().filter(|ip| ip.is_ipv4() == listen.is_ipv4()).collect();
    match listen {
        _ if !same.is_empty() => same,
        IpAddr::V4(_) => vec![Ipv4Addr::LOCALHOST.into()],
        IpAddr::V6(_) => vec![Ipv6Addr::LOCALHOST.into()],
    }
}

/// How a person connects to an address; `None` if it is not for persons.
fn way(kind: ListenerKind, addr: SocketAddr, tls: bool) -> Option<String> {
    match (kind, tls) {
        (ListenerKind::Plain, false) => Some(format!("nc {} {}", addr.ip(), addr.port())),
        (ListenerKind::Plain, true) => Some(format!("chinwag connect --tls {addr}")),
        (ListenerKind::Irc, false) => Some(format!("irc://{addr}")),
        (ListenerKind::Irc, true) => Some(format!("ircs://{addr}")),
        (ListenerKind::Web, false) => Some(format!("http://{addr}")),
        (ListenerKind::Web, true) => Some(format!("https://{addr}")),
        (ListenerKind::Admin, _) => None,
    }
}

/// The option that lets others connect to a listener of this computer alone; `None` if they can already, once there is a
/// network.
fn open_option(kind: ListenerKind, addr: &ListenAddr) -> Option<String> {
    let ListenPlace::Tcp(place) = addr.place else { return None };
    if place.ip().is_unspecified() {
        return None;
    }
    let any = if place.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let place = SocketAddr::new(any, place.port());
    match (kind, addr.tls) {
        (ListenerKind::Plain, false) => Some(format!("--listen {place}")),
        (ListenerKind::Plain, true) => Some(format!("--listen tls://{place}")),
        (ListenerKind::Irc, false) => Some(format!("--irc {place}")),
        (ListenerKind::Irc, true) => Some(format!("--irc ircs://{place}")),
        (ListenerKind::Web, false) => Some(format!("--web {place}")),
        (ListenerKind::Web, true) => Some(format!("--web https://{place}")),
        (ListenerKind::Admin, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEAKING: ConsoleText = ConsoleText::WhereYouSpeak { has_rooms: true };

    /// Listeners as the options give them: `tls://` and `https://` have TLS, and `http` is for browsers.
    fn introduced(listen: &[&str], own: &[&str]) -> Vec<String> {
        let listener = |text: &&str| {
            let tls = text.starts_with("tls://") || text.starts_with("https://");
            let kind = if text.starts_with("http") { ListenerKind::Web } else { ListenerKind::Plain };
            let place: SocketAddr = text.rsplit('/').next().unwrap().parse().unwrap();
            (kind, ListenAddr { tls, ..place.into() })
        };
        let listeners: Vec<_> = listen.iter().map(listener).collect();
        let own: Vec<IpAddr> = own.iter().map(|ip| ip.parse().unwrap()).collect();
        let mut lines = lines(&listeners, &own, SPEAKING, Lang::En);
        let always = lines.split_off(lines.len() - 2);
        assert_eq!(always, [SPEAKING, ConsoleText::HelpAndEnd].map(|text| Lang::En.console(&text).to_string()));
        lines
    }

    #[test]
    fn each_address_of_the_network_is_shown_with_all_ways() {
        let own = ["192.0.2.7", "198.51.100.2", "2001:db8::1"];
        assert_eq!(
            introduced(&["0.0.0.0:4567", "http://0.0.0.0:8080"], &own),
            [
                "On this network: nc 192.0.2.7 4567, http://192.0.2.7:8080",
                "On this network: nc 198.51.100.2 4567, http://198.51.100.2:8080"
            ]
        );
        assert_eq!(
            introduced(&["tls://[::]:4568", "https://192.0.2.7:443", "127.0.0.1:4567"], &own),
            [
                "On this network: chinwag connect --tls [2001:db8::1]:4568",
                "On this network: https://192.0.2.7:443",
                "On this computer: nc 127.0.0.1 4567"
            ]
        );
        let many: Vec<String> = (1..9).map(|n| format!("192.0.2.{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(introduced(&["0.0.0.0:1"], &many).len(), MAX_ADDRESSES);
    }

    #[test]
    fn listeners_of_this_computer_alone_are_told_so() {
        for (listen, way, option) in [
            ("127.0.0.1:4567", "nc 127.0.0.1 4567", "--listen 0.0.0.0:4567"),
            ("tls://[::1]:1", "chinwag connect --tls [::1]:1", "--listen tls://[::]:1"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080", "--web 0.0.0.0:8080"),
            ("https://127.0.0.1:443", "https://127.0.0.1:443", "--web https://0.0.0.0:443"),
        ] {
            let option = format!("Only this computer can connect. Start the server with {option} to let others in.");
            assert_eq!(introduced(&[listen], &["192.0.2.7"]), [format!("On this computer: {way}"), option]);
        }
    }

    #[test]
    fn without_a_network_this_computer_is_shown() {
        assert_eq!(
            introduced(&["0.0.0.0:4567", "http://[::]:80"], &[]),
            ["On this computer: nc 127.0.0.1 4567", "On this computer: http://[::1]:80"]
        );
    }

    #[test]
    fn loopback_and_link_local_addresses_are_not_for_others() {
        for ip in ["127.0.0.1", "169.254.1.2", "::1", "fe80::1"] {
            assert!(is_local(ip.parse().unwrap()), "{ip}");
        }
        for ip in ["192.168.1.2", "10.0.0.1", "2001:db8::1", "fd00::1"] {
            assert!(!is_local(ip.parse().unwrap()), "{ip}");
        }
    }
}
