//! The files of `--tls-self-signed`.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use time::macros::datetime;

use super::*;
use crate::server::tls::test_support::{Folder, test_file};

const NOW: OffsetDateTime = datetime!(2026-11-28 12:00 UTC);

fn some_names() -> Vec<String> {
    ["localhost", "127.0.0.1", "::1", "chat.example"].map(str::to_owned).into()
}

fn files(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn mode(path: PathBuf) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn folder_key_and_certificate_are_made_and_kept() {
    let folder = Folder::new("made");
    let dir = folder.path("a/tls");
    let made = load(&dir, &some_names(), NOW).unwrap();
    assert_eq!(files(&dir), ["cert.pem", "key.pem"]);
    assert_eq!([mode(dir.clone()), mode(dir.join("key.pem")), mode(dir.join("cert.pem"))], [0o700, 0o600, 0o644]);
    assert_eq!(names_of(&made).unwrap(), some_names());
    assert_eq!(made.validity.not_before, datetime!(2026-11-27 12:00 UTC).unix_timestamp());
    assert_eq!(made.validity.not_after, datetime!(2027-12-29 12:00 UTC).unix_timestamp());
    let again = load(&dir, &some_names(), NOW + Duration::days(300)).unwrap();
    assert_eq!(again.key.cert, made.key.cert);
}

#[test]
fn certificate_is_made_anew_from_the_same_key_before_its_end_and_for_other_names() {
    let folder = Folder::new("anew");
    let dir = folder.path("tls");
    let first = load(&dir, &some_names(), NOW).unwrap();
    let end = OffsetDateTime::from_unix_timestamp(first.validity.not_after).unwrap();
    assert_eq!(load(&dir, &some_names(), end - LEAST_LEFT).unwrap().key.cert, first.key.cert);
    let mut last = first.clone();
    let more = [some_names(), vec!["more.example".into()]].concat();
    for (names, now) in [
        (&more, NOW),
        (&some_names(), NOW),
        (&some_names(), end - LEAST_LEFT + Duration::SECOND),
        (&some_names(), end + Duration::days(1000)),
        // The clock was wrong before.
        (&some_names(), NOW),
    ] {
        let new = load(&dir, names, now).unwrap();
        assert_ne!(new.key.cert, last.key.cert);
        assert_eq!(new.fingerprint, first.fingerprint);
        assert_eq!(names_of(&new).as_ref(), Some(names));
        last = new;
    }
    assert_eq!(files(&dir), ["cert.pem", "key.pem"]);
}

#[test]
fn damaged_certificate_is_made_anew_and_damaged_key_is_left() {
    let folder = Folder::new("left");
    let dir = folder.path("tls");
    let first = load(&dir, &some_names(), NOW).unwrap();
    fs::write(dir.join("cert.pem"), "half").unwrap();
    assert_eq!(load(&dir, &some_names(), NOW).unwrap().fingerprint, first.fingerprint);
    // The certificate of another key.
    fs::copy(test_file("ec.pem"), dir.join("cert.pem")).unwrap();
    assert_eq!(load(&dir, &some_names(), NOW).unwrap().fingerprint, first.fingerprint);
    for text in ["", "half", "-----BEGIN PRIVATE KEY-----\nMAAA\n-----END PRIVATE KEY-----\n"] {
        fs::write(dir.join("key.pem"), text).unwrap();
        let error = load(&dir, &some_names(), NOW).err().unwrap().to_string();
        assert!(error.starts_with(&format!("cannot use the TLS key {}/key.pem: ", dir.display())), "{error}");
        assert_eq!(check(&dir).err().unwrap().to_string(), error);
        assert_eq!(fs::read_to_string(dir.join("key.pem")).unwrap(), text);
    }
}

#[test]
fn errors_name_the_folder() {
    let folder = Folder::new("errors");
    let file = folder.write("file", "x");
    let error = load(&file, &some_names(), NOW).err().unwrap().to_string();
    assert_eq!(error, format!("cannot use the TLS folder {}: file exists", file.display()));
    let error = check(&file).err().unwrap().to_string();
    assert!(error.ends_with("is not a folder; name one, which is made if it is missing"), "{error}");
    assert!(check(&folder.path("none")).is_ok());
}

#[test]
fn key_that_another_server_has_made_is_not_replaced() {
    let folder = Folder::new("race");
    let dir = folder.path("");
    let pems: Vec<String> = (0..3)
        .map(|_| {
            // What a server does that has seen no key.
            make_key(&dir).unwrap();
            fs::read_to_string(dir.join("key.pem")).unwrap()
        })
        .collect();
    assert!(pems[0] == pems[1] && pems[1] == pems[2]);
    assert_eq!(files(&dir), ["key.pem"]);
}

#[test]
fn names_are_those_of_the_machine_the_options_and_the_tls_addresses() {
    let listen = |addr: &str, tls| ListenAddr { tls, ..addr.parse::<SocketAddr>().unwrap().into() };
    let hosts = ["chat.example".to_owned(), "localhost".to_owned()];
    let addrs = [
        listen("192.0.2.1:1", true),
        listen("192.0.2.1:2", true),
        listen("192.0.2.2:1", false),
        listen("[::]:1", true),
    ];
    let found = names(&hosts, &addrs);
    assert_eq!(found[..3], ["localhost", "127.0.0.1", "::1"]);
    assert!(http::machine_names().iter().all(|name| found.contains(name)));
    let rest = ["chat.example", "192.0.2.1"];
    assert_eq!(found[found.len() - 2..], rest);
    assert!(!found.iter().any(|name| name == "192.0.2.2" || name == "::"));
}

#[test]
fn command_to_connect_names_the_address_or_this_machine() {
    let folder = Folder::new("command");
    let fingerprint = load(&folder.path(""), &some_names(), NOW).unwrap().fingerprint;
    let command = |addr: &str| connect_command(addr.parse().unwrap(), &fingerprint);
    assert_eq!(
        command("192.0.2.1:4568"),
        format!("chinwag connect --tls 192.0.2.1:4568 --tls-fingerprint {fingerprint}")
    );
    assert!(command("[::1]:4568").starts_with("chinwag connect --tls [::1]:4568 --tls-fingerprint SHA256:"));
    let host = http::machine_name().unwrap_or("localhost".into());
    for any in ["0.0.0.0:4568", "[::]:4568"] {
        assert!(command(any).starts_with(&format!("chinwag connect --tls {host}:4568 ")), "{any}");
    }
}
