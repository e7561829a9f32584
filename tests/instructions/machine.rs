//! What the counts depend on besides the source.

use std::collections::BTreeMap;
use std::process::Command;

/// The compiler, valgrind, the C library, and whether it has its functions for AVX2 at hand.
pub fn describe() -> Result<BTreeMap<String, String>, String> {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let avx2 = if std::arch::is_x86_feature_detected!("avx2") { "yes" } else { "no" };
    let facts = [
        ("rustc", says(&rustc, "-V")?),
        ("valgrind", says("valgrind", "--version")?),
        ("libc", says("getconf", "GNU_LIBC_VERSION")?),
        ("target", std::env::consts::ARCH.into()),
        ("avx2", avx2.into()),
    ];
    Ok(facts.map(|(name, value)| (name.into(), value)).into())
}

fn says(program: &str, arg: &str) -> Result<String, String> {
    let output = Command::new(program).arg(arg).output().map_err(|error| format!("{program}: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().into())
}
