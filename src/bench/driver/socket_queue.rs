//! What the kernel holds for connections: bytes that a server has sent and a client has not read.
//!
//! From `/proc/net/tcp` and `tcp6`, proc_net(5): only where both ends are on this machine.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A connection between a server and a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queue {
    /// Whether the server's end is open; it is not from when the server closes on.
    pub open: bool,
    /// Bytes that wait on the server's side, and on the client's.
    pub bytes: u64,
}

/// ESTABLISHED, as the kernel numbers the states (include/net/tcp_states.h).
const ESTABLISHED: &str = "01";

/// The connections of these clients to the server, as far as they are seen.
pub fn look(server: SocketAddr, clients: &[SocketAddr]) -> Vec<Option<Queue>> {
    let tables = ["tcp", "tcp6"].map(|name| fs::read_to_string(format!("/proc/net/{name}")).unwrap_or_default());
    find(&tables.concat(), server, clients)
}

fn find(tables: &str, server: SocketAddr, clients: &[SocketAddr]) -> Vec<Option<Queue>> {
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
        // A server that listens everywhere has the address to which the client has connected.
        if local == server
            && let Some(index) = index(remote)
        {
            let queue: &mut Queue = queues[index].get_or_insert_default();
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

/// Words of 32 bits as the machine has them in memory, then the port.
fn addr(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let word = |at: usize| Some(u32::from_str_radix(ip.get(8 * at..8 * at + 8)?, 16).ok()?.to_ne_bytes());
    let ip = match ip.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        _ => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let bytes: [u8; 16] = words.concat().try_into().ok()?;
            // A client by IPv4 of a server that listens by IPv6.
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
    fn bytes_that_nobody_reads_are_seen_until_the_server_closes() {
        for ip in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(ip).unwrap();
            let server = listener.local_addr().unwrap();
            let client = TcpStream::connect(server).unwrap();
            let other = SocketAddr::from(([127, 0, 0, 1], 1));
            let clients = [other, client.local_addr().unwrap()];
            let (mut accepted, _) = listener.accept().unwrap();
            accepted.write_all(&[0; 1000]).unwrap();
            let seen = look(server, &clients);
            // What has not been acknowledged yet is on both sides.
            assert!(seen[0].is_none() && seen[1].is_some_and(|it| it.open && it.bytes >= 1000), "{seen:?}");
            drop(accepted);
            assert_eq!(look(server, &clients)[1].map(|queue| queue.open), Some(false));
        }
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn both_ends_count_whatever_way_the_client_has_come() {
        let tables = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt
   0: 0100007F:11D7 00000000:0000 0A 00000000:00000000 00:00000000 00000000
   1: 0200007F:C350 0100007F:11D7 01 00000000:00000900 00:00000000 00000000
  sl  local_address                         remote_address                        st tx_queue rx_queue
   0: 0000000000000000FFFF00000100007F:11D7 0000000000000000FFFF00000200007F:C350 01 00010000:00000000 00:00
";
        let server = "127.0.0.1:4567".parse().unwrap();
        let client = "127.0.0.2:50000".parse().unwrap();
        assert_eq!(find(tables, server, &[client]), [Some(Queue { open: true, bytes: 0x10900 })]);
        assert_eq!(find(&tables.replace("01 0001", "04 0001"), server, &[client])[0].map(|it| it.open), Some(false));
        assert_eq!(find("nothing:of the:sort 01 a:b", server, &[client]), [None]);
    }
}
