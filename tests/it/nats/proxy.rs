//! A proxy between client and server that cuts the connection in the middle of what the server sends.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use super::failures::Record;
use super::{Driver, Engine, settings, stream};

/// Starts a proxy on a free port. It cuts its connections after ever more bytes of the server, `cuts` of them; the next
/// one stays.
fn cutting_proxy(server: String, cuts: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // The threads end with the test program.
    std::thread::spawn(move || {
        for (number, client) in listener.incoming().enumerate() {
            let client = client.unwrap();
            let Ok(upstream) = TcpStream::connect(&server) else { continue };
            let (from, to) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
            std::thread::spawn(move || copy(from, to, usize::MAX));
            // No two cuts are at the same place of a message.
            let limit = if number < cuts { 20_000 + 20_007 * number } else { usize::MAX };
            copy(upstream, client, limit);
        }
    });
    port
}

/// Copies at most `limit` bytes, then cuts both connections.
fn copy(mut from: TcpStream, mut to: TcpStream, mut limit: usize) {
    let mut block = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut block) {
        let count = count.min(limit);
        limit -= count;
        if to.write_all(&block[..count]).is_err() || limit == 0 {
            break;
        }
    }
    // The other side may have ended before.
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

#[test]
#[ignore = "needs nats-server"]
fn nothing_is_read_twice_or_skipped_when_connections_are_cut_in_messages() {
    const COUNT: u64 = 5000;
    let engine = Engine::start(&[]);
    let port = cutting_proxy(engine.addr(), 7);
    let mut driver = Driver::new(&settings(&[&format!("nats://127.0.0.1:{port}")]));
    driver.make_stream(&stream("log"));
    let now = driver.now();
    driver.nats.client.read("log", 1, now).unwrap();
    let (mut record, mut cuts) = (Record::default(), 0);
    driver.drive(|event, client, now| {
        if let Some(event) = event {
            cuts += u64::from(matches!(event, chinwag::cluster::nats::Event::Disconnected { .. }));
            record.note(event, now);
        }
        record.publish(client, 256, COUNT, now);
        record.is_complete(COUNT).then_some(())
    });
    record.check();
    assert_eq!(cuts, 7);
}
