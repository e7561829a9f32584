//! Load tests that end early.

use std::fs;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

use super::output::OnTerminal;
use super::{Bench, bench, json, limited};
use crate::faulty_server::{Act, Delivery, Faulty, POLITE, drive, drive_all};
use crate::harness::DEADLINE;

/// Sends the load test SIGINT instead of the first line with this message.
fn interrupt(kind: char, seq: u32) -> impl Fn(Delivery) -> Act {
    move |line| if (line.kind, line.seq) == (kind, seq) { Act::Interrupt } else { Act::Deliver }
}

/// The child processes of a process.
pub fn children(pid: Pid) -> Vec<(Pid, OwnedFd)> {
    let pid = pid.as_raw_nonzero();
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).expect("children");
    let children = children.split_whitespace().filter_map(|child| Pid::from_raw(child.parse().ok()?));
    children.map(|child| (child, pidfd_open(child, PidfdFlags::empty()).expect("pidfd"))).collect()
}

/// Waits until a descriptor is readable: a connection arrives, or a process ends.
#[track_caller]
pub fn comes_true(fd: &impl AsFd) {
    let timeout = Timespec { tv_sec: DEADLINE.as_secs() as _, tv_nsec: 0 };
    assert!(poll(&mut [PollFd::new(fd, PollFlags::IN)], Some(&timeout)).expect("poll") > 0, "nothing happens");
}

#[test]
fn interrupted_test_reports_figures_without_losses() {
    let start = |args: &str, kind, seq| Faulty::start(json(args), POLITE, interrupt(kind, seq));
    let all = vec![
        start("fanout --readers 5 --rate 10 --seconds 30", 'm', 3),
        start("fanout --readers 5 --saturate --seconds 30", 'm', 100),
        start("whisper --idle 2 --pairs 1 --rate 20 --storm 10 --seconds 30", 'a', 2),
        start("whisper --idle 2 --pairs 1 --rate 20 --storm 10 --seconds 1", 'm', 2),
        start("churn --rate 20 --residents 2 --seconds 30", 'm', 4),
        start("stalled --readers 5 --seconds 30", 'm', 3),
        start("connections --count 5", 'm', 0),
    ];
    let measured: Vec<_> = drive_all(all).iter().map(|finished| finished.interrupted()).collect();
    let [fanout, saturated, alone, busy, churn, stalled, connections] = measured.try_into().expect("seven");
    for checked in [
        &fanout["checked"],
        &saturated["checked"],
        &alone["alone"]["checked"],
        &busy["busy"]["checked"],
        &busy["room"],
        &churn["checked"],
        &stalled["checked"],
    ] {
        let counts = ["lost", "duplicates", "out_of_order", "damaged"].map(|name| checked[name].as_u64());
        assert_eq!(counts, [Some(0); 4], "{checked}");
        assert!(checked["delivered"].as_u64() > Some(0), "{checked}");
    }
    assert_eq!(fanout["messages"], 4);
    assert!(alone["busy"].is_null() && busy["alone"]["checked"]["lost"] == 0, "{alone} {busy}");
    assert_eq!(connections["logged_in"], 5);
}

#[test]
fn interrupted_test_includes_helper_figures() {
    let command = limited(150, "fanout --readers 300 --rate 10 --seconds 30");
    let measured = drive(command, POLITE, interrupt('m', 3)).interrupted();
    assert!(measured["checked"]["delivered"].as_u64() >= Some(3 * 300), "{measured}");
    assert_eq!(measured["checked"]["lost"], 0);
    assert!(measured["own"]["processes"].as_u64() > Some(1));
}

#[test]
fn login_phase_can_be_interrupted() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    for signal in [Signal::INT, Signal::TERM] {
        let test = Bench::spawn(&mut json(&format!("fanout --addr {}", listener.local_addr().expect("address"))));
        comes_true(&listener);
        let _connection = listener.accept().expect("accept");
        kill_process(Pid::from_child(&test.child), signal).expect("kill");
        assert!(test.finish().ended_by_signal(signal.as_raw()).is_null());
    }
}

#[test]
fn table_shows_interruption() {
    let command = bench("fanout --readers 5 --rate 10 --seconds 30");
    let finished = drive(command, POLITE, interrupt('m', 3));
    assert_eq!((finished.code, &*finished.stderr), (Some(130), ""));
    assert!(finished.stdout.contains("\n  interrupted: "), "{finished:?}");
}

#[test]
fn ctrl_c_ends_load_test_and_child_processes() {
    let mut run = OnTerminal::start("ctrl-c", 150, 1000, "fanout --readers 5 --rate 50 --seconds 60");
    run.shows(r"fanout: [0-9]+ connections, [0-9]+ messages/s");
    let children = children(run.pid);
    assert_eq!(children.len(), 2, "a server and the baseline");
    run.terminal.send_control('c').expect("typing");
    let (_, finished) = run.finish();
    let measured = finished.interrupted();
    assert!(measured["checked"]["delivered"].as_u64() > Some(0), "{measured}");
    assert_eq!(measured["checked"]["lost"], 0);
    for (child, _) in children {
        // The load test has waited for them.
        assert!(!fs::exists(format!("/proc/{}", child.as_raw_nonzero())).expect("/proc"), "{child:?} is left");
    }
}

/// A process that is killed at the end, even if it is stopped.
struct Killed(Pid);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = kill_process(self.0, Signal::KILL);
    }
}

#[test]
fn second_ctrl_c_does_not_wait_for_stopped_server() {
    let mut run = OnTerminal::start("second", 150, 1000, "fanout --readers 5 --rate 50 --seconds 60");
    run.shows(r"fanout: [0-9]+ connections, [0-9]+ messages/s");
    let [(server, _), (_, baseline)] = children(run.pid).try_into().expect("a server and the baseline");
    let _killed = Killed(server);
    kill_process(server, Signal::STOP).expect("kill");
    run.terminal.send_control('c').expect("typing");
    // It ends before the load test waits for the server.
    comes_true(&baseline);
    run.terminal.send_control('c').expect("typing");
    assert_eq!(run.finish().1.code, None, "it was not ended by the signal");
}

#[test]
fn killed_load_test_ends_child_processes() {
    let mut run = OnTerminal::start("killed", 150, 1000, "fanout --readers 5 --rate 50 --seconds 60");
    run.shows(r"fanout: [0-9]+ connections, [0-9]+ messages/s");
    let children = children(run.pid);
    assert_eq!(children.len(), 2, "a server and the baseline");
    kill_process(run.pid, Signal::KILL).expect("kill");
    children.iter().for_each(|(_, ended)| comes_true(ended));
}

#[test]
fn interruption_skips_remaining_scenarios() {
    let mut run = OnTerminal::start("all", 150, 200, "all");
    run.shows("connections: idle: [0-9,]+ connections");
    run.terminal.send_control('c').expect("typing");
    let (_, finished) = run.finish();
    let measured = finished.interrupted();
    assert_eq!(measured["scenario"], "connections");
    assert!(measured["logged_in"].as_u64() > Some(50) && measured["idle"].is_null(), "{measured}");
    assert_eq!(finished.report()["scenarios"].as_array().map(Vec::len), Some(1));
}
