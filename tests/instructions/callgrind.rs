//! Runs a workload under callgrind and reads what it counted.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::counts::Count;

/// Functions of the C library that allocate memory.
const ALLOCATING: &[&str] = &["malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc", "memalign"];

/// Name in the profile of the function inside which instructions are counted.
const COUNTED: &str = "instructions::workloads::counted";

/// Counts of a workload, and the number of allocations by our functions.
#[derive(Debug)]
pub struct Profile {
    pub count: Count,
    pub allocating: BTreeMap<String, u64>,
}

/// Counts one workload in its own process, so that it does not depend on earlier ones.
pub fn profile(workload: &str) -> Result<Profile, String> {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{workload}.callgrind"));
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind", &format!("--toggle-collect=*{COUNTED}*")])
        // Separate calls by their callers: callgrind also counts calls outside of the counted part.
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

/// Allocations in the counted part, by our innermost function.
fn allocating(profile: &str) -> BTreeMap<String, u64> {
    let mut allocating = BTreeMap::new();
    let mut callee = "";
    for line in profile.lines() {
        if let Some(name) = line.strip_prefix("cfn=") {
            callee = name;
        }
        let Some(calls) = line.strip_prefix("calls=") else { continue };
        // A function and its callers, innermost first.
        let mut chain = callee.split('\'');
        let allocates = |name: Option<&str>| name.is_some_and(|name| ALLOCATING.contains(&name));
        if !allocates(chain.next()) || !callee.contains(COUNTED) || allocates(chain.clone().next()) {
            continue;
        }
        let ours = chain.find(|name| name.contains("chinwag::")).unwrap_or(COUNTED);
        let calls = calls.split(' ').next().and_then(|calls| calls.parse::<u64>().ok()).unwrap_or(0);
        *allocating.entry(ours.to_owned()).or_default() += calls;
    }
    allocating
}
