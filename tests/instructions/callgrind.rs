//! Runs a workload under callgrind and reads what it counted.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::counts::Count;

/// What the C library is called for memory.
const ALLOCATING: &[&str] = &["malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc", "memalign"];

/// The function in whose calls everything is counted, as the profile names it.
const COUNTED: &str = "instructions::workloads::counted";

/// What callgrind counted, and which functions of ours called for memory how many times.
#[derive(Debug)]
pub struct Profile {
    pub count: Count,
    pub allocating: BTreeMap<String, u64>,
}

/// Counts one workload in a process of its own, so that none depends on those before it.
pub fn profile(workload: &str) -> Result<Profile, String> {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{workload}.callgrind"));
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind", &format!("--toggle-collect=*{COUNTED}*")])
        // Calls are told apart by those that led to them: callgrind counts calls outside of the counted part too.
        .arg("--separate-callers=60")
        .args(["--compress-strings=no", &format!("--callgrind-out-file={}", file.display())])
        .arg(program)
        .args(["run", workload])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    let times = String::from_utf8_lossy(&output.stdout).trim().parse();
    let (true, Ok(times)) = (output.status.success(), times) else {
        return Err(format!("{workload}: {}", output.status));
    };
    let profile = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let instructions = instructions(&profile).filter(|&instructions| instructions > 0);
    let instructions = instructions.ok_or(format!("{workload}: nothing was counted, see {}", file.display()))?;
    let allocating = allocating(&profile);
    Ok(Profile { count: Count { times, instructions, allocations: allocating.values().sum() }, allocating })
}

fn instructions(profile: &str) -> Option<u64> {
    profile.lines().find_map(|line| line.strip_prefix("totals: "))?.trim().parse().ok()
}

/// Who calls for memory in the counted part: the innermost function of ours.
fn allocating(profile: &str) -> BTreeMap<String, u64> {
    let mut allocating = BTreeMap::new();
    let mut callee = "";
    for line in profile.lines() {
        if let Some(name) = line.strip_prefix("cfn=") {
            callee = name;
        }
        let Some(calls) = line.strip_prefix("calls=") else { continue };
        // A function and those that led to it, the innermost first.
        let mut chain = callee.split('\'');
        let calls_for_memory = |name: Option<&str>| name.is_some_and(|name| ALLOCATING.contains(&name));
        if !calls_for_memory(chain.next()) || !callee.contains(COUNTED) || calls_for_memory(chain.clone().next()) {
            continue;
        }
        let ours = chain.find(|name| name.contains("chinwag::")).unwrap_or(COUNTED);
        let calls = calls.split(' ').next().and_then(|calls| calls.parse::<u64>().ok()).unwrap_or(0);
        *allocating.entry(ours.to_owned()).or_default() += calls;
    }
    allocating
}
