//! Golden files of states that are handed over.

use std::{env, fs, path::Path};

use serde_json::Value;

/// Compares JSON with a file in `tests/golden`, and returns what the file has: what an older build has written must stay readable.
/// `CHINWAG_BLESS=1` writes the file anew. That is right only for a field that is added with a default; a change that old files
/// cannot follow needs a new version.
pub fn golden(name: &str, json: &str) -> String {
    let value: Value = serde_json::from_str(json).expect("JSON");
    let json = serde_json::to_string_pretty(&value).expect("JSON") + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if env::var_os("CHINWAG_BLESS").is_some() {
        fs::write(&path, &json).expect("a file that can be written");
    }
    let golden = fs::read_to_string(path).expect("a golden file");
    let line = json.lines().zip(golden.lines()).enumerate().find(|(_, (ours, theirs))| ours != theirs);
    assert_eq!(line, None, "the first line of {name} that differs; CHINWAG_BLESS=1 writes the file anew");
    assert_eq!(json.lines().count(), golden.lines().count(), "{name}");
    golden
}
