//! Three servers that have a stream together.

use std::net::TcpListener;

use chinwag::cluster::nats::{Event, StreamConfig};

use super::failures::Record;
use super::{Driver, Engine, host_of_routes, settings, stream};

/// Starts three servers that know each other.
fn cluster() -> Vec<Engine> {
    // Ports for the servers among themselves; they are free until the servers take them.
    let host = host_of_routes();
    let listeners: Vec<_> = (0..3).map(|_| TcpListener::bind((&*host, 0)).expect("a port")).collect();
    let url = |listener: &TcpListener| format!("nats://{}", listener.local_addr().expect("an address"));
    let urls: Vec<_> = listeners.iter().map(url).collect();
    drop(listeners);
    let routes = urls.join(",");
    let start = |(index, url): (usize, &String)| {
        let name = format!("s{index}");
        Engine::start(&["--name", &name, "--cluster_name", "tests", "--cluster", url, "--routes", &routes])
    };
    urls.iter().enumerate().map(start).collect()
}

/// Publishes and reads while a server is killed: the leader of the stream, or the one to which the client is connected.
fn kill_one(is_leader: bool) {
    const COUNT: u64 = 3000;
    let mut engines = cluster();
    let urls: Vec<_> = engines.iter().map(Engine::url).collect();
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    let mut driver = Driver::new(&settings(&urls));
    driver.make_stream(&StreamConfig { num_replicas: 3, ..stream("log") });
    let now = driver.now();
    driver.nats.client.read("log", 1, now).unwrap();
    let (mut record, mut is_asked, mut killed, mut losses) = (Record::default(), false, None, 0);
    driver.drive(|event, client, now| {
        match event {
            Some(Event::Stream { result, .. }) => {
                let leader = result.unwrap().leader.expect("a leader");
                let leader: usize = leader.strip_prefix('s').expect("a name of ours").parse().unwrap();
                let number = if is_leader { leader } else { 0 };
                engines[number].kill();
                killed = Some(number);
            }
            Some(event) => {
                losses += u64::from(matches!(event, Event::Disconnected { .. }));
                record.note(event, now);
            }
            None => {}
        }
        record.publish(client, 64, COUNT, now);
        if record.read.len() as u64 > COUNT / 3 && !std::mem::replace(&mut is_asked, true) {
            client.stream_info(1, "log", now).unwrap();
        }
        record.is_complete(COUNT).then_some(())
    });
    record.check();
    // The client is connected to the first server.
    assert_eq!(losses, u64::from(killed == Some(0)));
}

#[test]
#[ignore = "needs nats-server"]
fn nothing_is_read_twice_or_skipped_when_the_leader_crashes() {
    kill_one(true);
}

#[test]
#[ignore = "needs nats-server"]
fn nothing_is_read_twice_or_skipped_when_the_server_of_the_client_crashes() {
    kill_one(false);
}
