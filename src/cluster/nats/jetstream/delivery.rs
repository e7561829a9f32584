//! What JetStream says of a message that it delivers.

/// The place of a message in its stream and among those that a consumer got.
///
/// It is in the subject for the answer:
/// `$JS.ACK.STREAM.CONSUMER.TRIES.SEQ.NUMBER.TIME.PENDING`, or with a domain and an account,
/// `$JS.ACK.DOMAIN.ACCOUNT.STREAM.CONSUMER.TRIES.SEQ.NUMBER.TIME.PENDING[.RANDOM]`
/// (<https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-15.md>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its number in the stream.
    pub seq: u64,
    /// Its number among those that the consumer got.
    pub number: u64,
    /// When it was stored, in nanoseconds since the start of 1970.
    pub time: u64,
    /// How many messages follow.
    pub pending: u64,
}

impl Delivery {
    /// Parses the subject for the answer.
    pub fn parse(reply: &str) -> Option<Self> {
        let rest = reply.strip_prefix("$JS.ACK.")?;
        let mut words = rest.split('.');
        // Without a domain, the numbers follow two words, else four.
        match rest.split('.').count() {
            7 => words.nth(2)?,
            9 | 10 => words.nth(4)?,
            _ => return None,
        };
        let mut number = || words.next()?.parse().ok();
        Some(Delivery { seq: number()?, number: number()?, time: number()?, pending: number()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_parsed() {
        let delivery = Some(Delivery { seq: 42, number: 7, time: 1_700_000_000_000_000_000, pending: 3 });
        for reply in [
            "$JS.ACK.S.c.1.42.7.1700000000000000000.3",
            "$JS.ACK.hub.ACCHASH.S.c.1.42.7.1700000000000000000.3",
            "$JS.ACK._.ACCHASH.S.c.1.42.7.1700000000000000000.3.rnd",
        ] {
            assert_eq!(Delivery::parse(reply), delivery, "{reply}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for reply in [
            "",
            "_INBOX.1.2",
            "$JS.ACK.",
            "$JS.ACK.S.c.1.42.7.1700000000000000000",
            "$JS.ACK.S.c.1.42.7.1700000000000000000.x",
            "$JS.ACK.S.c.1.-42.7.1700000000000000000.3",
            "$JS.ACK.S.c.1.99999999999999999999.7.1.3",
            "$JS.ACK.a.b.S.c.1.42.7.17.3.r.more",
        ] {
            assert_eq!(Delivery::parse(reply), None, "{reply:?}");
        }
    }
}
