//! Socket queues in the kernel: bytes that a server has sent and a client has not read.
//!
//! Read from `/proc/net/tcp` and `tcp6`, proc_net(5); only if both ends are on this machine.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The queues of a connection between a server and a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketQueue {
    /// Whether the server's end is open; false from the server's close on.
    pub open: bool,
    /// Bytes queued on the server's side and on the client's.
    pub bytes: u64,
}

/// The number of the state ESTABLISHED (include/net/tcp_states.h).
const ESTABLISHED: &str = "01";

/// The queues between the server and each of these clients; `None` if not found.
pub fn socket_queues(server: SocketAddr, clients: &[SocketAddr]) -> Vec<Option<SocketQueue>> {
    let tables = ["tcp", "tcp6"].map(|name| fs::read_to_string(format!("/proc/net/{name}")).unwrap_or_default());
    find(&tables.concat(), server, clients)
}

fn find(tables: &str, server: SocketAddr, clients: &[SocketAddr]) -> Vec<Option<SocketQueue>> {
    let mut queues = vec![None; clients.len()];
    for row in tables.lines() {
        let cells: Vec<&str> = row.split_whitespace().take(5).collect();
        let &[_, local, remote, state, sizes] = &cells[..] else { continue };
        let (Some(local), Some(remote), Some((unsent, unread))) = (addr(local), addr(remote), sizes.split_once(':'))
        else {
            continue;
        };
        let bytes = |digits| u64::from_str_radix(digits, 16).unwrap_or(0);
        let index = |addr| clients.iter().position(|&client| client == addr);
        // A server that listens on all addresses shows the address that the client connected to.
        if local == server
            && let Some(index) = index(remote)
        {
            let queue: &mut SocketQueue = queues[index].get_or_insert_default();
            queue.open = state == ESTABLISHED;
            queue.bytes += bytes(unsent);
        } else if remote == server
            && let Some(index) = index(local)
        {
            queues[index].get_or_insert_default().bytes += bytes(unread);
        }
    }
    queues
}

/// Parses 32-bit words in the byte order of the machine, then the port.
fn addr(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let word = |at: usize| Some(u32::from_str_radix(ip.get(8 * at..8 * at + 8)?, 16).ok()?.to_ne_bytes());
    let ip = match ip.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        _ => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let bytes: [u8; 16] = words.concat().try_into().ok()?;
            // An IPv4 client of a server that listens on IPv6.
            Ipv6Addr::from(bytes).to_canonical()
        }
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn queue_counts_unread_bytes_until_the_server_closes() {
        for ip in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(ip).unwrap();
            let server = listener.local_addr().unwrap();
            let client = TcpStream::connect(server).unwrap();
            let other = SocketAddr::from(([127, 0, 0, 1], 1));
            let clients = [other, client.local_addr().unwrap()];
            let (mut accepted, _) = listener.accept().unwrap();
            accepted.write_all(&[0; 1000]).unwrap();
            let seen = socket_queues(server, &clients);
            // Bytes that are not acknowledged yet count on both sides.
            assert!(seen[0].is_none() && seen[1].is_some_and(|it| it.open && it.bytes >= 1000), "{seen:?}");
            drop(accepted);
            assert_eq!(socket_queues(server, &clients)[1].map(|queue| queue.open), Some(false));
        }
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn queue_counts_both_ends_of_ipv4_and_ipv6() {
        let tables = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt
   0: 0100007F:11D7 00000000:0000 0A 00000000:00000000 00:00000000 00000000
   1: 0200007F:C350 0100007F:11D7 01 00000000:00000900 00:00000000 00000000
  sl  local_address                         remote_address                        st tx_queue rx_queue
   0: 0000000000000000FFFF00000100007F:11D7 0000000000000000FFFF00000200007F:C350 01 00010000:00000000 00:00
";
        let server = "127.0.0.1:4567".parse().unwrap();
        let client = "127.0.0.2:50000".parse().unwrap();
        assert_eq!(find(tables, server, &[client]), [Some(SocketQueue { open: true, bytes: 0x10900 })]);
        assert_eq!(find(&tables.replace("01 0001", "04 0001"), server, &[client])[0].map(|it| it.open), Some(false));
        assert_eq!(find("nothing:of the:sort 01 a:b", server, &[client]), [None]);
    }
}
