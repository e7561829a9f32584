//! The tokens with which programs may post.

use std::io;
use std::path::Path;
use std::time::Duration;

use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::chat::policy::nick::Name;
use crate::chat::{Now, RateLimit};
use crate::server::secret_file;

/// The longest file in bytes.
const MAX_BYTES: u64 = 64 * 1024;
/// The shortest and the longest token in characters. 16 random letters and digits have 82 bits or more.
const LENGTHS: std::ops::RangeInclusive<usize> = 16..=256;

/// A token: what posts with it is called if the request gives no name, and a hash, which takes the same time to compare whatever
/// was sent.
#[derive(Clone)]
struct Token {
    name: Name,
    hash: [u8; 32],
    /// Its bucket of messages in microseconds, see [`RateLimit`].
    bucket: u64,
}

/// The tokens of a server.
#[derive(Clone, Default)]
pub struct ApiTokens(Vec<Token>);

/// Whether the same tokens have the same names.
impl PartialEq for ApiTokens {
    fn eq(&self, other: &Self) -> bool {
        let pairs = |tokens: &Self| tokens.0.iter().map(|token| (token.name.clone(), token.hash)).collect::<Vec<_>>();
        pairs(self) == pairs(other)
    }
}

impl std::fmt::Debug for ApiTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "ApiTokens({} tokens)", self.0.len())
    }
}

impl ApiTokens {
    /// Reads tokens from a file with one in each line: `NAME TOKEN`. Blank lines and those that begin with `#` are comments.
    /// Warns if other users can read the file.
    ///
    /// # Errors
    /// If the file cannot be read, is longer than 64 KiB or not UTF-8, or has another line.
    pub fn read(path: &Path) -> io::Result<ApiTokens> {
        ApiTokens::parse(&secret_file::read(path, MAX_BYTES, "the tokens")?).map_err(io::Error::other)
    }

    /// Parses the text of such a file.
    ///
    /// # Errors
    /// What is wrong with which line.
    pub fn parse(text: &str) -> Result<ApiTokens, String> {
        let mut tokens: Vec<Token> = Vec::new();
        for (line, number) in text.lines().zip(1..) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let token = parse_line(line).map_err(|why| format!("line {number}: {why}"))?;
            if tokens.iter().any(|other| other.name.key == token.name.key) {
                return Err(format!(
                    "line {number}: an earlier line has the same name; give each token a name of its own"
                ));
            }
            if tokens.iter().any(|other| other.hash == token.hash) {
                return Err(format!("line {number}: an earlier line has the same token; each name needs its own"));
            }
            tokens.push(token);
        }
        Ok(ApiTokens(tokens))
    }

    /// The number of a token that a request has sent.
    pub fn find(&self, sent: &str) -> Option<usize> {
        let hash: [u8; 32] = Sha256::digest(sent).into();
        let mut found = 0;
        // All are compared, so that the time tells nothing.
        for (token, number) in self.0.iter().zip(1u64..) {
            let is_same: Choice = token.hash.ct_eq(&hash);
            found = u64::conditional_select(&found, &number, is_same);
        }
        (found as usize).checked_sub(1)
    }

    /// What posts with a token is called if the request gives no name.
    pub fn name(&self, number: usize) -> &Name {
        &self.0[number].name
    }

    /// The time before which no more messages may be posted with a token.
    pub fn wait(&self, number: usize, rate_limit: RateLimit, now: Now) -> Option<Duration> {
        // The limit may be another one than before.
        rate_limit.wait(rate_limit.adopt(self.0[number].bucket, now), now)
    }

    /// Counts messages that were posted with a token.
    pub fn count(&mut self, number: usize, lines: usize, rate_limit: RateLimit, now: Now) {
        let bucket = &mut self.0[number].bucket;
        *bucket = (0..lines).fold(rate_limit.adopt(*bucket, now), |bucket, _| rate_limit.taken(bucket, now));
    }

    /// Takes over what was counted for the tokens of before that still have their names.
    pub fn adopt(&mut self, before: &ApiTokens) {
        for token in &mut self.0 {
            if let Some(old) = before.0.iter().find(|old| old.name == token.name) {
                token.bucket = old.bucket;
            }
        }
    }
}

fn parse_line(line: &str) -> Result<Token, String> {
    let mut words = line.split_whitespace();
    let (Some(name), Some(token), None) = (words.next(), words.next(), words.next()) else {
        return Err("each line has a name and a token, with a space between them".into());
    };
    let name = Name::poster(name).map_err(|_| {
        "a name has 1 to 19 letters or digits of any script, _, - and .; it is shown with [bot] behind it".to_owned()
    })?;
    // The characters of a bearer token: RFC 6750, section 2.1.
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-._~+/=".contains(c);
    match LENGTHS.contains(&token.len()) && token.chars().all(is_allowed) {
        true => Ok(Token { name, hash: Sha256::digest(token).into(), bucket: 0 }),
        false => Err(format!(
            "a token has {} to {} letters, digits and -._~+/=; `openssl rand -hex 20` makes one",
            LENGTHS.start(),
            LENGTHS.end()
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use time::OffsetDateTime;

    use super::*;

    const FILE: &str = "# for CI\nci 0123456789abcdef\n\n  监控\tABCDEFGHIJKLMNOP-._~+/=\r\n";

    fn at(seconds: u64) -> Now {
        Now { at: Duration::from_secs(seconds), local: OffsetDateTime::UNIX_EPOCH }
    }

    #[test]
    fn token_is_found_with_its_name() {
        let tokens = ApiTokens::parse(FILE).unwrap();
        let name = |sent: &str| tokens.find(sent).map(|number| &*tokens.name(number).shown);
        assert_eq!(name("0123456789abcdef"), Some("ci[bot]"));
        assert_eq!(name("ABCDEFGHIJKLMNOP-._~+/="), Some("监控[bot]"));
        for wrong in ["", "0123456789abcde", "0123456789abcdef0", "0123456789ABCDEF", "ci"] {
            assert_eq!(name(wrong), None, "{wrong:?}");
        }
        assert_eq!(ApiTokens::parse("").unwrap().find("0123456789abcdef"), None);
        assert!(!format!("{tokens:?}").contains("0123"));
    }

    #[test]
    fn other_lines_are_refused_with_their_numbers() {
        for (text, why) in [
            ("ci", "line 1: each line has a name and a token"),
            ("#\nci 0123456789abcdef # mine", "line 2: each line has a name and a token"),
            ("c!i 0123456789abcdef", "line 1: a name has 1 to 19 letters"),
            ("ci 0123456789abcde", "line 1: a token has 16 to 256 letters"),
            ("ci 0123456789abcdé", "line 1: a token has 16 to 256 letters"),
            ("ci 0123456789abcdef\nCI ABCDEF0123456789", "line 2: an earlier line has the same name"),
            ("ci 0123456789abcdef\nb 0123456789abcdef", "line 2: an earlier line has the same token"),
        ] {
            let error = ApiTokens::parse(text).err().unwrap();
            assert!(error.starts_with(why) && !error.contains("0123456789"), "{text}: {error}");
        }
        assert!(
            ApiTokens::parse(&format!("ci {}", "x".repeat(256))).is_ok()
                && ApiTokens::parse(&format!("ci {}", "x".repeat(257))).is_err()
        );
    }

    #[test]
    fn messages_are_limited_for_each_token_also_after_a_reload() {
        let mut tokens = ApiTokens::parse(FILE).unwrap();
        let limit = RateLimit::new(1, 3);
        tokens.count(0, 3, limit, at(10));
        assert_eq!(
            (tokens.wait(0, limit, at(10)), tokens.wait(1, limit, at(10))),
            (Some(Duration::from_secs(11)), None)
        );
        assert_eq!(tokens.wait(0, limit, at(11)), None);
        let mut reread = ApiTokens::parse("b ABCDEFGHIJKLMNOP\nci abcdefghijklmnop").unwrap();
        assert!(reread != tokens && tokens == ApiTokens::parse(FILE).unwrap());
        reread.adopt(&tokens);
        assert_eq!(
            (reread.wait(0, limit, at(10)), reread.wait(1, limit, at(10))),
            (None, Some(Duration::from_secs(11)))
        );
        assert_eq!(reread.wait(1, RateLimit::new(0, 1), at(10)), None);
    }

    #[test]
    fn file_is_read() {
        let path = std::env::temp_dir().join(format!("chinwag-tokens-{}", std::process::id()));
        fs::write(&path, FILE).unwrap();
        assert!(ApiTokens::read(&path).unwrap() == ApiTokens::parse(FILE).unwrap());
        fs::write(&path, "#".repeat(MAX_BYTES as usize + 1)).unwrap();
        assert_eq!(ApiTokens::read(&path).unwrap_err().to_string(), "it is longer than 65536 bytes");
        fs::remove_file(&path).unwrap();
        assert_eq!(ApiTokens::read(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
