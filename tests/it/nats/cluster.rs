//! Three servers that have a stream together.

use std::net::TcpListener;

use chinwag::cluster::nats::{Event, Settings, StreamConfig};

use super::failures::Record;
use super::{Driver, Engine, settings, stream};
use crate::store::TestDir;

/// Starts three servers that know each other.
fn cluster() -> Vec<Engine> {
    // Ports for the servers among themselves; they are free until the servers take them.
    let listeners: Vec<_> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
    let ports: Vec<_> = listeners.iter().map(|listener| listener.local_addr().expect("an address").port()).collect();
    drop(listeners);
    let routes: Vec<_> = ports.iter().map(|port| format!("nats://127.0.0.1:{port}")).collect();
    let routes = routes.join(",");
    let start = |(index, port): (usize, &u16)| {
        let (name, own) = (format!("s{index}"), format!("nats://127.0.0.1:{port}"));
        let arguments = ["--name", &name, "--cluster_name", "tests", "--cluster", &own, "--routes", &routes];
        Engine::start_in(TestDir::new(), &arguments)
    };
    ports.iter().enumerate().map(start).collect()
}

/// Asks which server leads the stream `log`.
fn leader(driver: &mut Driver) -> usize {
    let now = driver.now();
    driver.nats.client.stream_info(1, "log", now).unwrap();
    let info = driver.until(|event| match event {
        Event::Stream { result, .. } => Some(result.unwrap()),
        _ => None,
    });
    let leader = info.leader.as_deref().and_then(|name| name.strip_prefix('s')?.parse().ok());
    leader.expect("a leader")
}

/// Kills the leader of the stream while messages are published and read, by a client of the leader or of another server.
fn kill_leader(is_client_of_leader: bool) {
    const COUNT: u64 = 3000;
    let mut engines = cluster();
    let urls: Vec<_> = engines.iter().map(Engine::url).collect();
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    let mut driver = Driver::new(&settings(&urls));
    driver.make_stream(&StreamConfig { num_replicas: 3, ..stream("log") });
    let leader = leader(&mut driver);
    let first = if is_client_of_leader { leader } else { leader + 1 };
    let mut driver = Driver::new(&Settings { first, ..settings(&urls) });
    let now = driver.now();
    driver.nats.client.read("log", 1, now).unwrap();
    let (mut record, mut is_killed, mut losses) = (Record::default(), false, 0);
    driver.drive(|event, client, now| {
        if let Some(event) = event {
            losses += u64::from(matches!(event, Event::Disconnected { .. }));
            record.note(event, now);
        }
        record.publish(client, 64, COUNT, now);
        if record.read.len() as u64 > COUNT / 3 && !is_killed {
            is_killed = true;
            engines[leader].kill();
        }
        record.is_complete(COUNT).then_some(())
    });
    record.check();
    assert_eq!((is_killed, losses), (true, u64::from(is_client_of_leader)));
}

#[test]
#[ignore = "needs nats-server"]
fn nothing_is_read_twice_or_skipped_when_the_leader_crashes() {
    kill_leader(false);
}

#[test]
#[ignore = "needs nats-server"]
fn nothing_is_read_twice_or_skipped_when_the_leader_crashes_to_which_the_client_is_connected() {
    kill_leader(true);
}
