//! Servers of the engine that are killed while people talk.

use super::engines::Three;
use super::talk::Talk;
use super::{health, start_measured, start_nodes_at};
use crate::harness::Server;
use crate::nats::Engine;

#[test]
#[ignore = "needs nats-server"]
fn nothing_is_lost_or_doubled_when_servers_of_the_engine_crash() {
    let mut three = Three::start();
    let nodes: [Server; 3] = start_nodes_at(&three.urls(), &["--cluster-replicas", "3"]);
    let mut talk = Talk::start(&nodes);
    talk.hear(&[0, 1, 2], 100);
    let leader = three.leader();
    three.engines[leader].kill();
    talk.hear(&[0, 1, 2], 100);
    three.engines[leader].restart();
    talk.hear(&[0, 1, 2], 100);
    // All at once; the files stay.
    three.engines.iter_mut().for_each(|engine| engine.kill());
    three.engines.iter_mut().for_each(|engine| engine.restart());
    talk.hear(&[0, 1, 2], 100);
    talk.finish();
}

#[test]
#[ignore = "needs nats-server"]
fn single_server_of_the_engine_that_crashes_goes_on_with_its_files() {
    let mut engine = Engine::start(&[]);
    let (first, admin) = start_measured(&engine.url(), "a", &[]);
    let (second, _) = start_measured(&engine.url(), "b", &[]);
    let nodes = [first, second];
    let mut talk = Talk::start(&nodes);
    talk.hear(&[0, 1], 50);
    engine.crash_and_restart();
    talk.hear(&[0, 1], 50);
    engine.kill();
    talk.until("health is 503", |_| health(admin) == 503);
    engine.restart();
    talk.hear(&[0, 1], 50);
    talk.until("health is 200", |_| health(admin) == 200);
    talk.finish();
}
