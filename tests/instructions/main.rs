//! Counts instructions and allocations of the server's most frequent work under valgrind's callgrind, and compares them
//! with `counts.json`: `cargo bench --bench instructions`.
//!
//! No logger is set, as in a server with `-q`.

mod callgrind;
mod counts;
mod machine;
mod server;
mod workloads;

use std::collections::BTreeMap;
use std::process::ExitCode;

use callgrind::Profile;
use counts::Workloads;
use serde::{Deserialize, Serialize};
use workloads::WORKLOADS;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/instructions/counts.json");

/// Content of that file.
#[derive(Serialize, Deserialize)]
struct Counts {
    /// What the counts depend on besides the source; they are only compared if all of it is the same.
    machine: BTreeMap<String, String>,
    workloads: Workloads,
}

const USAGE: &str = "\
cargo bench --bench instructions              compares with the recorded counts
cargo bench --bench instructions -- write     records the counts of this build
cargo bench --bench instructions -- million   the cost of a message with 1, 1,000 and 1,000,000 members; takes minutes";

fn main() -> ExitCode {
    // Cargo adds this argument.
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args[..] {
        [] => check(),
        ["write"] => write(),
        ["million"] => million(),
        ["run", name] => run(name),
        _ => Err(USAGE.into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// Runs one workload; called inside valgrind.
fn run(name: &str) -> Result<(), String> {
    let workload = WORKLOADS.iter().find(|workload| workload.name == name).ok_or("no such workload")?;
    println!("{}", (workload.run)());
    Ok(())
}

/// Counts all workloads; prints the counts of each and which functions allocate.
fn count() -> Result<Workloads, String> {
    let mut counted = Workloads::new();
    println!("{:<16} {:>13} {:>13}", "once", "instructions", "allocations");
    for workload in WORKLOADS.iter().filter(|workload| !workload.on_request) {
        let Profile { count, allocating } = callgrind::profile(workload.name)?;
        let times = count.times as f64;
        println!("{:<16} {:>13.1} {:>13.3}", workload.name, count.each(), count.allocations as f64 / times);
        for (function, calls) in allocating {
            println!("{:<16} {:>13} {:>13.3} {function}", "", "", calls as f64 / times);
        }
        counted.insert(workload.name.into(), count);
    }
    Ok(counted)
}

fn check() -> Result<(), String> {
    let text = std::fs::read_to_string(FILE).map_err(|error| format!("{FILE}: {error}"))?;
    let recorded: Counts = serde_json::from_str(&text).map_err(|error| format!("{FILE}: {error}"))?;
    let machine = machine::describe()?;
    let counted = count()?;
    let mut differences = counts::growth(&counted, "append-1", "append-10000");
    if machine == recorded.machine {
        differences.extend(counts::differences(&recorded.workloads, &counted));
        let gains = counts::gains(&recorded.workloads, &counted);
        gains.iter().for_each(|gain| eprintln!("{gain} against the recorded count"));
    } else {
        eprintln!("The instructions were not compared: the recorded counts are of");
        eprintln!("{:?}, here is {machine:?}.", recorded.machine);
    }
    if differences.is_empty() {
        return Ok(());
    }
    let differences = differences.join("\n");
    Err(format!("{differences}\nIf that is intended, record it: cargo bench --bench instructions -- write"))
}

fn write() -> Result<(), String> {
    let counts = Counts { machine: machine::describe()?, workloads: count()? };
    let mut json = serde_json::to_string_pretty(&counts).map_err(|error| error.to_string())?;
    json.push('\n');
    std::fs::write(FILE, json).map_err(|error| format!("{FILE}: {error}"))
}

/// Cost of a message appended to the log of a room with up to a million members, in time and instructions.
fn million() -> Result<(), String> {
    println!("{:<16} {:>13}", "once", "nanoseconds");
    for members in [1, 1000, 1_000_000] {
        println!("{:<16} {:>13.1}", format!("append-{members}"), workloads::append_nanoseconds(members));
    }
    println!("{:<16} {:>13}", "once", "instructions");
    for name in ["append-1", "append-1000", "append-1000000"] {
        println!("{name:<16} {:>13.1}", callgrind::profile(name)?.count.each());
    }
    Ok(())
}
