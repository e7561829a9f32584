//! The headers of a message.

/// What each block of headers begins with.
const VERSION: &[u8] = b"NATS/1.0";

/// The headers of a message, not parsed before they are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Headers<'a>(&'a [u8]);

impl<'a> Headers<'a> {
    /// Takes the bytes of a block of headers; `None` if it is none.
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        bytes.strip_prefix(VERSION).map(|_| Headers(bytes))
    }

    /// The number in the first line: what a message without a payload means, such as 503 for "no responders".
    pub fn status(&self) -> Option<u16> {
        let number = self.status_line()?.split_ascii_whitespace().next()?;
        number.parse().ok()
    }

    /// The words after that number; empty if there are none.
    pub fn description(&self) -> &'a str {
        let line = self.status_line().unwrap_or_default().trim();
        line.split_once(' ').map_or("", |(_, words)| words.trim())
    }

    /// The first value of a header; the case of its name does not matter.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        let mut lines = self.0.split(|&byte| byte == b'\n').skip(1);
        lines.find_map(|line| {
            let (key, value) = str::from_utf8(line).ok()?.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    fn status_line(&self) -> Option<&'a str> {
        let line = self.0.split(|&byte| byte == b'\n').next()?;
        str::from_utf8(line.strip_prefix(VERSION)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_and_description_are_read() {
        for (text, status, description) in [
            ("NATS/1.0 503\r\n\r\n", Some(503), ""),
            ("NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 3\r\n\r\n", Some(100), "Idle Heartbeat"),
            ("NATS/1.0\t409  Consumer Deleted \r\n\r\n", Some(409), "Consumer Deleted"),
            ("NATS/1.0\r\nA: b\r\n\r\n", None, ""),
            ("NATS/1.0 99999999 x\r\n\r\n", None, "x"),
            ("NATS/1.0 -1\r\n", None, ""),
            ("NATS/1.0", None, ""),
        ] {
            let headers = Headers::new(text.as_bytes()).unwrap();
            assert_eq!((headers.status(), headers.description()), (status, description), "{text:?}");
        }
        assert_eq!(Headers::new(b"HTTP/1.1 200 OK\r\n\r\n"), None);
        assert_eq!(Headers::new(b""), None);
    }

    #[test]
    fn values_are_found_by_name_in_any_case() {
        let headers =
            Headers::new(b"NATS/1.0\r\nNats-Sequence: 7\r\nempty:\r\nnats-sequence:8\r\n\xff: x\r\n\r\n").unwrap();
        assert_eq!(headers.get("nats-SEQUENCE"), Some("7"));
        assert_eq!(headers.get("Empty"), Some(""));
        assert_eq!(headers.get("Nats"), None);
        assert_eq!(Headers::default().get("a"), None);
    }
}
