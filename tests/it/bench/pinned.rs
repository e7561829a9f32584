//! A server with its own core.

use std::fs;
use std::thread::available_parallelism;

use super::bench;
use super::ending::children;
use super::output::OnTerminal;

/// The cores that a process may run on, as the kernel writes them: `0-2,5`.
fn cores(pid: i32) -> Vec<usize> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("status");
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).expect("a list");
    let number = |text: &str| text.trim().parse::<usize>().expect("a number");
    let ranges = list.split(',').map(|range| range.split_once('-').unwrap_or((range, range)));
    ranges.flat_map(|(first, last)| number(first)..=number(last)).collect()
}

#[test]
fn server_and_baseline_share_one_reserved_core() {
    if available_parallelism().is_ok_and(|cores| cores.get() == 1) {
        let finished = super::finish(bench("fanout --pin"));
        assert_eq!(finished.code, Some(1));
        return assert!(finished.stderr.starts_with("chinwag: --pin needs two cores at least"), "{finished:?}");
    }
    let mut run = OnTerminal::start("pinned", 150, 1000, "fanout --readers 5 --rate 50 --seconds 60 --pin");
    run.shows(r"fanout: [0-9]+ connections, [0-9]+ messages/s");
    let [server, baseline] = children(run.pid).try_into().expect("a server and the baseline");
    let [server, baseline] = [server, baseline].map(|(pid, _)| cores(pid.as_raw_nonzero().get()));
    assert_eq!((server.len(), &server), (1, &baseline));
    assert!(!cores(run.pid.as_raw_nonzero().get()).contains(&server[0]));
    run.terminal.send_control('c').expect("typing");
    assert_eq!(run.finish().1.report()["machine"]["server_core"], server[0]);
}
