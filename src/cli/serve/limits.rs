//! Limits that only make sense together.

use super::Serve;

/// Bytes that a message takes besides its text: time, name, number, and the frame or the end of the line.
const BESIDES: u64 = 1024;
/// Times that text may grow in JSON: each quotation mark and each backslash becomes two bytes.
const JSON_GROWTH: u64 = 2;

impl Serve {
    /// Checks that nobody who reads well can be dropped as too slow because of one member.
    ///
    /// # Errors
    /// What does not go together, and what to change.
    pub fn check(&self) -> Result<(), String> {
        self.check_line()?;
        self.check_burst()
    }

    /// Bytes of the largest message.
    fn message_bytes(&self) -> u64 {
        BESIDES + self.max_line * if self.web.is_empty() { 1 } else { JSON_GROWTH }
    }

    /// While one message is on its way to a reader the next one waits in the backlog.
    fn check_line(&self) -> Result<(), String> {
        let (line, backlog) = (self.max_line, self.backlog_bytes);
        let least = 2 * self.message_bytes();
        if backlog >= least {
            return Ok(());
        }
        let web = if self.web.is_empty() { "" } else { " and --web" };
        Err(format!(
            "--backlog-bytes {backlog} is too little for --max-line {line}{web}: two of the longest messages must fit; \
             give --backlog-bytes {least} or more, or a shorter --max-line"
        ))
    }

    /// What one member may say at once fits what is kept for a reader who has not had time to read any of it.
    fn check_burst(&self) -> Result<(), String> {
        let (line, burst, backlog, buffer) = (self.max_line, self.burst, self.backlog_bytes, self.send_buffer);
        // Linux doubles a send buffer for its own needs, which take up to that much again: socket(7).
        let least = (u64::from(burst) * self.message_bytes()).saturating_sub(buffer);
        if self.rate == 0 || backlog >= least {
            return Ok(());
        }
        Err(format!(
            "--burst {burst} lines of --max-line {line} bytes are more than --backlog-bytes {backlog} and \
             --send-buffer {buffer} hold; give --backlog-bytes {least} or more, or less of the others"
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
    fn the_defaults_go_together_with_and_without_the_web() {
        assert_eq!(check(&[]), Ok(()));
        assert_eq!(check(&["--web", "127.0.0.1:0"]), Ok(()));
        assert_eq!(check(&["--send-buffer", "1"]), Ok(()));
        assert_eq!(check(&["--send-buffer", "0"]), Ok(()));
    }

    #[test]
    fn the_backlog_holds_two_of_the_longest_messages_in_each_encoding() {
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
    fn a_burst_fits_the_send_buffer_and_the_backlog() {
        let args = ["--max-line", "1048576", "--burst", "10", "--send-buffer", "1000", "--backlog-bytes"];
        let least = 10 * (1_048_576 + 1024) - 1000;
        let with = |bytes: u32, more: &[&str]| check(&[&args[..], &[&*bytes.to_string()], more].concat());
        assert_eq!(with(least, &[]), Ok(()));
        let error = with(least - 1, &[]).unwrap_err();
        assert_eq!(
            error,
            "--burst 10 lines of --max-line 1048576 bytes are more than --backlog-bytes 10494999 and \
             --send-buffer 1000 hold; give --backlog-bytes 10495000 or more, or less of the others"
        );
        // Who wants no limit has none.
        assert_eq!(with(least - 1, &["--rate", "0"]), Ok(()));
    }
}
