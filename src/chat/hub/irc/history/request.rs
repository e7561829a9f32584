//! The parameters of CHATHISTORY: <https://ircv3.net/specs/extensions/chathistory>.

use crate::chat::hub::irc::registration::isupport::MAX_CHATHISTORY;
use crate::chat::irc::message_id::MessageId;
use crate::chat::irc::timestamp;
use crate::chat::span::{Dated, Point, Side, Span};

/// What CHATHISTORY asks for; at most `n` messages or targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// The messages of a room or of a conversation.
    Messages { command: &'a str, target: &'a str, part: Part, n: usize },
    /// The rooms and conversations whose newest message was said between two times, in milliseconds since 1970.
    Targets { between: (i64, i64), n: usize },
}

/// Which messages are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Span(Span),
    /// Those between two points: the oldest ones if the first point is the older one, else the newest ones.
    Between(Point, Point),
}

/// Why a request is refused: the code and the text of the standard reply FAIL, and the parameters between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault<'a> {
    pub code: &'static str,
    pub context: Vec<&'a str>,
    pub text: &'static str,
}

impl<'a> Request<'a> {
    /// Reads the parameters. `run` is the number of the run of the server, which is part of the ids of messages.
    ///
    /// # Errors
    /// There is no such subcommand, or a parameter is missing or wrong.
    pub fn parse(params: &[&'a str], run: u64) -> Result<Request<'a>, Fault<'a>> {
        let Some(&command) = params.first() else {
            return Err(fault("NEED_MORE_PARAMS", &[], "A subcommand is missing"));
        };
        let name = command.to_ascii_uppercase();
        let points = match &*name {
            "LATEST" | "BEFORE" | "AFTER" | "AROUND" => 1,
            "BETWEEN" | "TARGETS" => 2,
            _ => return Err(fault("UNKNOWN_COMMAND", &[command], "There is no such subcommand")),
        };
        let is_targets = name == "TARGETS";
        let given = params.len() - 1;
        if given < points + 1 + usize::from(!is_targets) {
            return Err(fault("NEED_MORE_PARAMS", &[command], "Not enough parameters"));
        }
        let n = params[given].parse::<usize>().ok().filter(|&n| n > 0);
        let Some(n) = n else {
            return Err(fault("INVALID_PARAMS", &[command, params[given]], "Not a number of messages"));
        };
        let n = n.min(MAX_CHATHISTORY);
        if is_targets {
            return match (time(params[1]), time(params[2])) {
                (Some(one), Some(other)) => Ok(Request::Targets { between: (one.min(other), one.max(other)), n }),
                _ => Err(fault("INVALID_PARAMS", &[command], "Not a time")),
            };
        }
        let target = params[1];
        let point =
            |text: &'a str| read_point(text, run).map_err(|(code, why)| fault(code, &[command, target, text], why));
        let span = |after, before, side| Part::Span(Span { after, before, side });
        let part = match &*name {
            "LATEST" if params[2] == "*" => span(None, None, Side::Newest),
            "LATEST" => span(Some(point(params[2])?), None, Side::Newest),
            "BEFORE" => span(None, Some(point(params[2])?), Side::Newest),
            "AFTER" => span(Some(point(params[2])?), None, Side::Oldest),
            "AROUND" => span(Some(point(params[2])?), None, Side::Around),
            _ => Part::Between(point(params[2])?, point(params[3])?),
        };
        Ok(Request::Messages { command, target, part, n })
    }
}

impl Part {
    /// The span that is meant. `items` are the messages in memory, by which an id is compared with a time.
    pub fn span(self, items: &[impl Dated]) -> Span {
        let (one, other) = match self {
            Part::Span(span) => return span,
            Part::Between(one, other) => (one, other),
        };
        let time_of = |id: u64| {
            let index = items.partition_point(|item| item.id() < id);
            let is_known = index > 0 || items.first().is_some_and(|item| item.id() == id);
            items.get(index).filter(|_| is_known).map_or(if is_known { i64::MAX } else { i64::MIN }, Dated::millis)
        };
        let is_reversed = match (one, other) {
            (Point::Id(one), Point::Id(other)) => one > other,
            (Point::Time(one), Point::Time(other)) => one > other,
            (Point::Id(id), Point::Time(at)) => time_of(id) > at,
            (Point::Time(at), Point::Id(id)) => at > time_of(id),
        };
        match is_reversed {
            false => Span { after: Some(one), before: Some(other), side: Side::Oldest },
            true => Span { after: Some(other), before: Some(one), side: Side::Newest },
        }
    }
}

fn fault<'a>(code: &'static str, context: &[&'a str], text: &'static str) -> Fault<'a> {
    Fault { code, context: context.to_vec(), text }
}

fn time(text: &str) -> Option<i64> {
    timestamp::parse(text.strip_prefix("timestamp=")?)
}

/// Reads `timestamp=TIME` or `msgid=ID`.
///
/// # Errors
/// The code of FAIL, and its text.
fn read_point(text: &str, run: u64) -> Result<Point, (&'static str, &'static str)> {
    if text.starts_with("timestamp=") {
        return time(text).map(Point::Time).ok_or(("INVALID_PARAMS", "Not a time"));
    }
    match text.strip_prefix("msgid=").map(MessageId::parse) {
        Some(Some(MessageId::Room { run: its, id } | MessageId::Private { run: its, id })) if its == run => {
            Ok(Point::Id(id))
        }
        Some(Some(_)) => Err(("MESSAGE_ERROR", "There is no such message")),
        _ => Err(("INVALID_PARAMS", "Neither a time nor the id of a message")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Request<'_>, Fault<'_>> {
        Request::parse(&line.split_ascii_whitespace().collect::<Vec<_>>(), 0xab)
    }

    #[test]
    fn each_subcommand_is_read() {
        let time = Some(Point::Time(1));
        for (line, after, before, side) in [
            ("LATEST #den * 5", None, None, Side::Newest),
            ("latest #den msgid=ab-7 5", Some(Point::Id(7)), None, Side::Newest),
            ("BEFORE #den timestamp=1970-01-01T00:00:00.001Z 5", None, time, Side::Newest),
            ("AFTER #den timestamp=1970-01-01T00:00:00.001Z 5", time, None, Side::Oldest),
            ("AROUND #den msgid=ab-pff 5", Some(Point::Id(255)), None, Side::Around),
        ] {
            let Ok(Request::Messages { target: "#den", part: Part::Span(span), n: 5, .. }) = parse(line) else {
                panic!("{line}")
            };
            assert_eq!(span, Span { after, before, side }, "{line}");
        }
        let part = Part::Between(Point::Id(7), Point::Id(9));
        let between = Request::Messages { command: "BETWEEN", target: "bob", part, n: MAX_CHATHISTORY };
        assert_eq!(parse("BETWEEN bob msgid=ab-7 msgid=ab-9 5000"), Ok(between));
        let targets = "TARGETS timestamp=1970-01-01T00:00:00.009Z timestamp=1970-01-01T00:00:00.001Z 5";
        assert_eq!(parse(targets), Ok(Request::Targets { between: (1, 9), n: 5 }));
    }

    #[test]
    fn wrong_parameters_have_a_code() {
        for (line, code) in [
            ("", "NEED_MORE_PARAMS"),
            ("LATEST #den *", "NEED_MORE_PARAMS"),
            ("BETWEEN #den msgid=ab-7 5", "NEED_MORE_PARAMS"),
            ("TARGETS timestamp=1970-01-01T00:00:00.009Z 5", "NEED_MORE_PARAMS"),
            ("NEWEST #den * 5", "UNKNOWN_COMMAND"),
            ("LATEST #den * 0", "INVALID_PARAMS"),
            ("LATEST #den * x", "INVALID_PARAMS"),
            ("BEFORE #den * 5", "INVALID_PARAMS"),
            ("BEFORE #den msgid=x 5", "INVALID_PARAMS"),
            ("BEFORE #den timestamp=today 5", "INVALID_PARAMS"),
            ("TARGETS msgid=ab-1 msgid=ab-2 5", "INVALID_PARAMS"),
            ("BEFORE #den msgid=ac-7 5", "MESSAGE_ERROR"),
        ] {
            assert_eq!(parse(line).map_err(|fault| fault.code), Err(code), "{line}");
        }
    }

    #[test]
    fn points_in_reverse_order_mean_the_newest_messages() {
        let items: Vec<(u64, i64)> = (11..=20).map(|id| (id, id as i64 * 1000)).collect();
        let (early, late) = (Point::Id(12), Point::Id(15));
        let (at_13, at_9) = (Point::Time(13_000), Point::Time(9_000));
        for (one, other) in [(early, late), (early, at_13), (at_13, late), (Point::Id(3), at_13), (at_9, at_13)] {
            let span = |one, other| Part::Between(one, other).span(&items);
            assert_eq!(span(one, other), Span { after: Some(one), before: Some(other), side: Side::Oldest });
            assert_eq!(span(other, one), Span { after: Some(one), before: Some(other), side: Side::Newest });
        }
    }
}
