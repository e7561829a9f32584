//! Compares everything that the server writes to connections, console and log with golden transcripts, byte for byte.
//!
//! A file `golden/en/NAME.txt` is a script and its output. Lines without indent are acts; the indented lines after an act
//! are what each reader was sent because of it. The test plays the acts again, in English and in Chinese
//! (`golden/zh/NAME.txt`), and compares. `CHINWAG_BLESS=1 cargo test --test it transcript` writes the files again; a new
//! script needs only its acts. The acts:
//!
//!     server OPTIONS            starts a server; <dir> is a temporary directory
//!     alice connects [from IP]  a line client; `unread`: its output is not read
//!     page opens /ws            a WebSocket
//!     alice> text               sends a line (the operator is `console`); >> sends bytes, with \r \n \xHH
//!     alice half-closes, closes, resets, ends (reads to the end), waits (for one more line; `log` too)
//!     alice floods [N]          sends N lines of 1000 bytes, or lines until she is sent something
//!     get admin PATH            a request over HTTP
//!     file NAME TEXT            writes <dir>/NAME; \n \xHH as above
//!     | line                    input of the next `run`
//!     run ARGUMENTS             runs the program to its end
//!     signal TERM, exits        the second reads everything to the end of the process
//!
//! Acts on one line, separated by ` ; `, are played without reading in between.

mod connection;
mod mask;
mod scene;

use std::path::{Path, PathBuf};
use std::process::Command;

use scene::Scene;

macro_rules! transcripts {
    ($($name:ident)*) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];
        $(mod $name {
            #[test]
            fn en() {
                super::play(stringify!($name), "en");
            }

            #[test]
            fn zh() {
                super::play(stringify!($name), "zh");
            }
        })*
    };
}

transcripts! { entering greeting talking rooms following leaving waiting limits ending operator moderation roles accounts p2p addresses web store log }

fn golden(name: &str, lang: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/it/transcript/golden/{lang}/{name}.txt"))
}

fn play(name: &str, lang: &str) {
    let script = std::fs::read_to_string(golden(name, "en")).expect("a script");
    let mut scene = Scene::new(lang);
    for line in script.lines().filter(|line| !line.starts_with("    ")) {
        scene.play(line);
    }
    let (golden, played) = (golden(name, lang), scene.written);
    if std::fs::read_to_string(&golden).is_ok_and(|expected| expected == played) {
        return;
    }
    let file = format!("{}/{name}.{lang}.{}.txt", env!("CARGO_TARGET_TMPDIR"), std::process::id());
    std::fs::write(&file, &played).expect("a file");
    if std::env::var_os("CHINWAG_BLESS").is_some() {
        // Renamed atomically, since the test of the other language reads the script at the same time.
        let blessed = golden.with_extension("new");
        std::fs::copy(&file, &blessed).and_then(|_| std::fs::rename(&blessed, &golden)).expect("a golden file");
        return std::fs::remove_file(file).expect("the file again");
    }
    let diff = Command::new("diff").arg("-u").arg(&golden).arg(&file).output().expect("diff");
    panic!(
        "differs from the golden file (CHINWAG_BLESS=1 writes it again):\n{}",
        String::from_utf8_lossy(&diff.stdout)
    );
}

#[test]
fn every_golden_file_is_played() {
    for lang in ["en", "zh"] {
        let files = std::fs::read_dir(golden("", lang).parent().expect("a directory")).expect("files");
        let names = files.map(|file| file.expect("a file").file_name().into_string().expect("UTF-8"));
        let mut found: Vec<String> = names.filter(|name| !name.ends_with(".new")).collect();
        let mut expected: Vec<String> = NAMES.iter().map(|name| format!("{name}.txt")).collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{lang}");
    }
}
