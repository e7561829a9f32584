//! Describes what the counts depend on besides the source.

use std::collections::BTreeMap;
use std::process::Command;

/// Versions of compiler, valgrind and C library, the architecture, and whether the C library can use AVX2.
pub fn describe() -> Result<BTreeMap<String, String>, String> {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let avx2 = if std::arch::is_x86_feature_detected!("avx2") { "yes" } else { "no" };
    let facts = [
        ("rustc", version_line(&rustc, "-V")?),
        ("valgrind", version_line("valgrind", "--version")?),
        ("libc", version_line("getconf", "GNU_LIBC_VERSION")?),
        ("target", std::env::consts::ARCH.into()),
        ("avx2", avx2.into()),
    ];
    Ok(facts.map(|(name, value)| (name.into(), value)).into())
}

fn version_line(program: &str, arg: &str) -> Result<String, String> {
    let output = Command::new(program).arg(arg).output().map_err(|error| format!("{program}: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().into())
}
