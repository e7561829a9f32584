//! Checks limits that depend on each other.

use super::Serve;
use crate::chat::Mode;

/// Bytes of a message besides its text: time, name, id, and the frame header or the line end.
const MESSAGE_OVERHEAD: u64 = 1024;
/// Maximum growth of text in JSON: a quotation mark or a backslash becomes two bytes.
const JSON_GROWTH: u64 = 2;

impl Serve {
    /// Checks that one member cannot make a client that reads at once fill its backlog and be disconnected.
    ///
    /// # Errors
    /// Which options contradict each other, and what to change.
    pub fn check(&self) -> Result<(), String> {
        self.check_line()?;
        self.check_burst()?;
        self.check_follow()?;
        self.check_irc()?;
        self.check_password()?;
        self.check_api()?;
        self.check_cluster()?;
        self.check_tls()
    }

    /// Passwords are asked for only where members have nicknames.
    fn check_password(&self) -> Result<(), String> {
        match self.password() {
            Some(_) if !self.hub().has_followed_rooms() => {
                Err("--password-file and CHINWAG_PASSWORD need --mode hub and --login nickname; leave them out, or change these".into())
            }
            _ if !self.security.operator.is_empty() && !self.hub().has_followed_rooms() => {
                Err("--operator needs --mode hub and --login nickname; leave it out, or change these".into())
            }
            _ if !self.security.irc_oper.is_empty() && !self.has_irc() => {
                Err("--irc-oper needs --irc ADDR; add that, or leave --irc-oper out".into())
            }
            _ => Ok(()),
        }
    }

    /// Programs post at the admin listener, in rooms.
    fn check_api(&self) -> Result<(), String> {
        match self.listeners.api_tokens.is_some() {
            true if !self.has_admin() => {
                Err("--api-tokens needs --admin ADDR; add that, or leave --api-tokens out".into())
            }
            true if self.hub().mode == Mode::P2p => {
                Err("--api-tokens needs --mode hub; leave it out, or change that".into())
            }
            _ => Ok(()),
        }
    }

    /// Rooms can be followed only where members have nicknames and there are several rooms.
    fn check_follow(&self) -> Result<(), String> {
        match self.people.max_follow {
            Some(_) if !self.hub().has_followed_rooms() => {
                Err("--max-follow needs --mode hub and --login nickname; leave it out, or change these".into())
            }
            _ => Ok(()),
        }
    }

    /// A client of IRC gives its nickname itself, and all that it does is in rooms.
    fn check_irc(&self) -> Result<(), String> {
        let listener = if self.listeners.irc.is_empty() { "a socket for IRC" } else { "--irc" };
        match self.hub().has_followed_rooms() || !self.has_irc() {
            true => Ok(()),
            false => Err(format!("{listener} needs --mode hub and --login nickname; leave it out, or change these")),
        }
    }

    /// Bytes of the largest message in the largest encoding.
    fn max_message_bytes(&self) -> u64 {
        MESSAGE_OVERHEAD + self.limits.max_line * if self.has_web() { JSON_GROWTH } else { 1 }
    }

    /// The backlog must hold two messages: one that is being sent and one that waits.
    fn check_line(&self) -> Result<(), String> {
        let (line, backlog) = (self.limits.max_line, self.limits.backlog_bytes);
        let least = 2 * self.max_message_bytes();
        if backlog >= least {
            return Ok(());
        }
        let web = if self.has_web() { " and --web" } else { "" };
        Err(format!(
            "--backlog-bytes {backlog} is too little for --max-line {line}{web}: two of the longest messages must fit; \
             give --backlog-bytes {least} or more, or a shorter --max-line"
        ))
    }

    /// The backlog and the send buffer must hold the whole burst of one member for a client that has read none of it.
    fn check_burst(&self) -> Result<(), String> {
        let (line, burst, backlog, buffer) =
            (self.limits.max_line, self.limits.burst, self.limits.backlog_bytes, self.limits.send_buffer);
        // Linux doubles SO_SNDBUF for its own overhead, so only the given size counts: socket(7).
        let least = (u64::from(burst) * self.max_message_bytes()).saturating_sub(buffer);
        if self.limits.rate == 0 || backlog >= least {
            return Ok(());
        }
        Err(format!(
            "--burst {burst} lines of --max-line {line} bytes do not fit in --backlog-bytes {backlog} and \
             --send-buffer {buffer}; give --backlog-bytes {least} or more, or lower --burst or --max-line"
        ))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::cli::{Cli, Command};

    fn check(args: &[&str]) -> Result<(), String> {
        match Cli::try_parse_from([&["chinwag"], args].concat()).unwrap().into_command() {
            Command::Serve(serve) => serve.check(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn defaults_are_valid_with_and_without_web() {
        assert_eq!(check(&[]), Ok(()));
        assert_eq!(check(&["--web", "127.0.0.1:0"]), Ok(()));
        assert_eq!(check(&["--send-buffer", "1"]), Ok(()));
        assert_eq!(check(&["--send-buffer", "0"]), Ok(()));
    }

    #[test]
    fn backlog_must_hold_two_longest_messages_in_each_encoding() {
        let args = ["--rate", "0", "--max-line", "4096", "--backlog-bytes"];
        let with = |bytes, web: &[&str]| check(&[&args[..], &[bytes], web].concat());
        assert_eq!(with("10240", &[]), Ok(()));
        assert_eq!(
            with("10239", &[]).unwrap_err(),
            "--backlog-bytes 10239 is too little for --max-line 4096: two of the longest messages must fit; \
             give --backlog-bytes 10240 or more, or a shorter --max-line"
        );
        let web = ["--web", "127.0.0.1:0"];
        assert_eq!(with("18432", &web), Ok(()));
        let error = with("18431", &web).unwrap_err();
        assert!(error.contains("--max-line 4096 and --web: ") && error.contains("give --backlog-bytes 18432 "));
        assert!(check(&["--max-line", "1048576", "--send-buffer", "1"]).unwrap_err().contains("2099200"));
    }

    #[test]
    fn followed_rooms_and_irc_need_nicknames_and_several_rooms() {
        for option in [["--max-follow", "5"], ["--irc", "127.0.0.1:0"]] {
            assert_eq!(check(&option), Ok(()));
            for other in [["--login", "address"], ["--mode", "p2p"]] {
                assert_eq!(check(&other), Ok(()));
                let error = check(&[other, option].concat()).unwrap_err();
                let expected = format!("{} needs --mode hub and --login nickname; ", option[0]);
                assert!(error.starts_with(&expected), "{error}");
            }
        }
    }

    #[test]
    fn operators_of_irc_need_irc() {
        assert_eq!(check(&["--irc", "127.0.0.1:0", "--irc-oper", "a:b"]), Ok(()));
        assert!(check(&["--irc-oper", "a:b"]).unwrap_err().starts_with("--irc-oper needs --irc ADDR"));
    }

    #[test]
    fn tokens_need_an_admin_listener_and_rooms() {
        let tokens = ["--api-tokens", "file"];
        let admin = ["--admin", "127.0.0.1:0", "--api-tokens", "file"];
        assert_eq!((check(&admin), check(&[&admin[..], &["--login", "address"]].concat())), (Ok(()), Ok(())));
        assert!(check(&tokens).unwrap_err().starts_with("--api-tokens needs --admin ADDR"));
        let p2p = check(&[&admin[..], &["--mode", "p2p"]].concat());
        assert!(p2p.unwrap_err().starts_with("--api-tokens needs --mode hub"));
    }

    #[test]
    fn backlog_and_send_buffer_must_hold_a_burst() {
        let args = ["--max-line", "1048576", "--burst", "10", "--send-buffer", "1000", "--backlog-bytes"];
        let least = 10 * (1_048_576 + 1024) - 1000;
        let with = |bytes: u32, more: &[&str]| check(&[&args[..], &[&*bytes.to_string()], more].concat());
        assert_eq!(with(least, &[]), Ok(()));
        let error = with(least - 1, &[]).unwrap_err();
        assert_eq!(
            error,
            "--burst 10 lines of --max-line 1048576 bytes do not fit in --backlog-bytes 10494999 and \
             --send-buffer 1000; give --backlog-bytes 10495000 or more, or lower --burst or --max-line"
        );
        // With --rate 0 there is no burst limit, so nothing to check.
        assert_eq!(with(least - 1, &["--rate", "0"]), Ok(()));
    }
}
