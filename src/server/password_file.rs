//! The password of the server: from a file or from the environment.

use std::io;
use std::path::PathBuf;

use super::secret_file;
use crate::chat::ServerPassword;

/// The longest file in bytes.
const MAX_BYTES: u64 = 4096;

/// Where the password of the server comes from.
#[derive(Clone)]
pub enum PasswordSource {
    /// The first line of a file.
    File(PathBuf),
    Text(String),
}

impl std::fmt::Debug for PasswordSource {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            PasswordSource::File(path) => f.debug_tuple("File").field(path).finish(),
            PasswordSource::Text(_) => f.write_str("Text(...)"),
        }
    }
}

impl PasswordSource {
    /// Reads the password. Warns if other users can read the file.
    ///
    /// # Errors
    /// If the file cannot be read, is longer than 4096 bytes or not UTF-8, or its first line is empty.
    pub fn read(&self) -> io::Result<ServerPassword> {
        let text = match self {
            PasswordSource::Text(text) => text.clone(),
            PasswordSource::File(path) => secret_file::read(path, MAX_BYTES, "the password")?,
        };
        let line = text.lines().next().unwrap_or_default();
        match line.trim() {
            "" => Err(io::Error::other("its first line is empty, and must be the password")),
            password => Ok(ServerPassword::new(password)),
        }
    }

    /// The name of the source, for errors.
    pub fn name(&self) -> String {
        match self {
            PasswordSource::File(path) => path.display().to_string(),
            PasswordSource::Text(_) => "CHINWAG_PASSWORD".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn password_is_the_first_line_of_the_file() {
        let path = std::env::temp_dir().join(format!("chinwag-password-{}", std::process::id()));
        let source = PasswordSource::File(path.clone());
        for (text, password) in [("fish\n", "fish"), ("fish", "fish"), (" fish \r\nrest", "fish")] {
            fs::write(&path, text).unwrap();
            assert!(source.read().unwrap().is(password), "{text:?}");
        }
        for text in ["", "\n", "  \nfish", &"x".repeat(4097)] {
            fs::write(&path, text).unwrap();
            assert!(source.read().is_err(), "{text:?}");
        }
        fs::write(&path, [0xff]).unwrap();
        assert!(source.read().is_err());
        fs::remove_file(&path).unwrap();
        assert_eq!(source.read().unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(!format!("{:?}", PasswordSource::Text("fish".into())).contains("fish"));
    }
}
