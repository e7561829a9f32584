//! Counts the instructions and the allocations of what the server does most, under valgrind's callgrind, and
//! compares them with `counts.json`: `cargo bench --bench instructions`.
//!
//! No logger is set, as with a server that runs with `-q`.

mod callgrind;
mod counts;
mod house;
mod machine;
mod workloads;

use std::collections::BTreeMap;
use std::process::ExitCode;

use callgrind::Profile;
use counts::Workloads;
use serde::{Deserialize, Serialize};
use workloads::WORKLOADS;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/instructions/counts.json");

/// What is in that file.
#[derive(Serialize, Deserialize)]
struct Counts {
    /// What the counts depend on besides the source: they can be compared only where all of it is the same.
    machine: BTreeMap<String, String>,
    workloads: Workloads,
}

const USAGE: &str = "\
cargo bench --bench instructions              compares with what is written down
cargo bench --bench instructions -- write     writes down what is counted now
cargo bench --bench instructions -- million   the cost of a message with 1, 1,000 and 1,000,000 members; takes minutes";

fn main() -> ExitCode {
    // Cargo adds an argument of its own.
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

/// Runs one workload; this is what valgrind is given to run.
fn run(name: &str) -> Result<(), String> {
    let workload = WORKLOADS.iter().find(|workload| workload.name == name).ok_or("no such workload")?;
    println!("{}", (workload.run)());
    Ok(())
}

/// Counts all workloads, and prints what each takes and by whom memory is called for.
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
    let written: Counts = serde_json::from_str(&text).map_err(|error| format!("{FILE}: {error}"))?;
    let machine = machine::describe()?;
    let counted = count()?;
    let mut differences = counts::growth(&counted, "append-1", "append-10000");
    if machine == written.machine {
        differences.extend(counts::differences(&written.workloads, &counted));
        let gains = counts::gains(&written.workloads, &counted);
        gains.iter().for_each(|gain| eprintln!("{gain} against what is written down"));
    } else {
        eprintln!("The instructions were not compared: they were written down with");
        eprintln!("{:?}, here is {machine:?}.", written.machine);
    }
    if differences.is_empty() {
        return Ok(());
    }
    let differences = differences.join("\n");
    Err(format!("{differences}\nIf that is meant, write it down: cargo bench --bench instructions -- write"))
}

fn write() -> Result<(), String> {
    let counts = Counts { machine: machine::describe()?, workloads: count()? };
    let mut json = serde_json::to_string_pretty(&counts).map_err(|error| error.to_string())?;
    json.push('\n');
    std::fs::write(FILE, json).map_err(|error| format!("{FILE}: {error}"))
}

/// A message at the log of a room with very many in it: in time, and in instructions.
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
