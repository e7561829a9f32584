//! Warns of certificates that end soon, have ended or are not valid yet.

use std::time::Duration;

use log::Level;
use time::OffsetDateTime;

use crate::chat::{CertificateState, Hub, Notice, Now};

/// How long before its end a certificate is warned of, in seconds: 14 days.
const EARLY: i64 = 14 * DAY;
const DAY: i64 = 86_400;

/// The time in which a certificate is valid, in Unix seconds; both ends are included (RFC 5280, section 4.1.2.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The file of the certificate.
    pub file: String,
    pub not_before: i64,
    pub not_after: i64,
}

impl Validity {
    /// The state to warn of at this time, in Unix seconds, if there is one.
    fn state(&self, now: i64) -> Option<CertificateState> {
        let at = |time| OffsetDateTime::from_unix_timestamp(time).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        match () {
            () if now > self.not_after => Some(CertificateState::Ended(at(self.not_after))),
            () if now < self.not_before => Some(CertificateState::NotYetValid(at(self.not_before))),
            () if now >= self.not_after - EARLY => {
                Some(CertificateState::Ends { at: at(self.not_after), days: ((self.not_after - now) / DAY) as u32 })
            }
            () => None,
        }
    }
}

/// The warnings that are due at this time, in Unix seconds: files and their states.
pub fn warnings(validities: &[Validity], now: i64) -> Vec<(&str, CertificateState)> {
    validities.iter().filter_map(|one| Some((&*one.file, one.state(now)?))).collect()
}

/// The time of the next look, in Unix seconds: a day later, or when a warning becomes due before that.
pub fn next_look(validities: &[Validity], now: i64) -> i64 {
    let due = validities.iter().flat_map(|one| [one.not_after - EARLY, one.not_after + 1]);
    due.filter(|&time| time > now).fold(now + DAY, i64::min)
}

/// Looks at the certificates of a running server, once a day.
#[derive(Debug)]
pub struct CertificateWatch {
    validities: Vec<Validity>,
    /// The time of the next look.
    next: Duration,
}

impl CertificateWatch {
    /// Watches these certificates; the first look is due at once.
    pub fn new(validities: Vec<Validity>) -> Self {
        CertificateWatch { validities, next: Duration::ZERO }
    }

    /// The time of the next look.
    pub fn next_deadline(&self) -> Duration {
        self.next
    }

    /// Warns the operator of what is due at a look, if it is time for one.
    pub fn look(&mut self, hub: &mut Hub, now: Now) {
        if now.at < self.next {
            return;
        }
        let unix = now.local.unix_timestamp();
        for (file, state) in warnings(&self.validities, unix) {
            hub.tell_operator(Level::Warn, &Notice::Certificate { file, state });
        }
        let wait = next_look(&self.validities, unix) - unix;
        self.next = now.at + Duration::from_secs(wait as u64);
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::chat::{Config, Lang};
    use crate::wire::renderers;

    const END: i64 = 1_800_000_000;

    fn validity(not_before: i64, not_after: i64) -> Validity {
        Validity { file: "c.pem".into(), not_before, not_after }
    }

    #[test]
    fn warning_comes_14_days_before_the_end() {
        let one = validity(0, END);
        assert_eq!(one.state(END - EARLY - 1), None);
        let at = OffsetDateTime::from_unix_timestamp(END).unwrap();
        for (left, days) in [(EARLY, 14), (EARLY - 1, 13), (DAY, 1), (DAY - 1, 0), (0, 0)] {
            assert_eq!(one.state(END - left), Some(CertificateState::Ends { at, days }), "{left}");
        }
        assert_eq!(one.state(END + 1), Some(CertificateState::Ended(at)));
        assert_eq!(validity(END, END + 1).state(END - 1), Some(CertificateState::NotYetValid(at)));
        // Past the years that can be written.
        assert_eq!(validity(0, i64::MAX).state(END), None);
    }

    #[test]
    fn next_look_is_a_day_later_or_when_a_warning_becomes_due() {
        let far = validity(0, END + 1000 * DAY);
        assert_eq!(next_look(std::slice::from_ref(&far), END), END + DAY);
        let early = validity(0, END + EARLY + 7);
        assert_eq!(next_look(&[far.clone(), early.clone()], END), END + 7);
        assert_eq!(next_look(&[early], END + 7), END + 7 + DAY);
        let ends = validity(0, END + 100);
        assert_eq!(next_look(&[far, ends.clone()], END), END + 101);
        assert!(warnings(std::slice::from_ref(&ends), END + 101).len() == 1);
        assert_eq!(next_look(&[ends], END + 101), END + 101 + DAY);
        assert_eq!(next_look(&[], END), END + DAY);
    }

    #[test]
    fn console_is_warned_once_a_day() {
        let mut hub = Hub::new(Config::default(), renderers(Lang::En));
        hub.attach_console();
        let start = datetime!(2026-11-28 12:00 UTC);
        let good = Validity { file: "good.pem".into(), ..validity(0, start.unix_timestamp() + 400 * DAY) };
        let mut watch = CertificateWatch::new(vec![good, validity(0, start.unix_timestamp() + 15 * DAY + 60)]);
        let mut shown = |seconds: i64| {
            let now = Now {
                at: Duration::from_secs(1000 + seconds as u64),
                local: start + Duration::from_secs(seconds as u64),
            };
            watch.look(&mut hub, now);
            let next = watch.next_deadline().as_secs() as i64 - 1000;
            (String::from_utf8(hub.poll_console_output()).unwrap(), next)
        };
        let ends = |left: &str| {
            format!("* The TLS certificate c.pem ends {left}, at 2026-12-13 12:01 UTC. Renew it, then /reload.\r\n")
        };
        assert_eq!(shown(0), (String::new(), DAY));
        assert_eq!(shown(DAY - 1), (String::new(), DAY));
        assert_eq!(shown(DAY), (String::new(), DAY + 60));
        assert_eq!(shown(DAY + 60), (ends("in 14 days"), 2 * DAY + 60));
        assert_eq!(shown(2 * DAY), (String::new(), 2 * DAY + 60));
        // The process was stopped meanwhile.
        assert_eq!(shown(13 * DAY + 61), (ends("in 1 day"), 14 * DAY + 61));
        assert_eq!(shown(14 * DAY + 61), (ends("today"), 15 * DAY + 61));
        let (text, next) = shown(15 * DAY + 61);
        assert!(text.starts_with("* The TLS certificate c.pem has ended, at 2026-12-13 12:01 UTC: "), "{text}");
        assert_eq!(next, 16 * DAY + 61);
    }
}
