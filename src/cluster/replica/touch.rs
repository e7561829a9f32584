//! Whether this node is in touch with the others, judged by what comes back from the engine.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Members are not told of a shorter silence.
const TELL_AFTER: Duration = Duration::from_secs(2);
/// Lines wait for this time, then they are refused.
const REFUSE_AFTER: Duration = Duration::from_secs(60);

/// What a longer silence leads to, each once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TouchChange {
    /// Members are told.
    Lost { since: Duration },
    /// What waits is refused from now on.
    Refuse,
    /// Members are told.
    Regained,
}

/// The connection to the engine, and what members were told of it.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Touch {
    is_up: bool,
    /// Since when the engine is not connected, if it was.
    down_since: Option<Duration>,
    /// Whether the node was ever part of the chat; before that, members are told nothing.
    was_live: bool,
    /// Since when it is not any more.
    out_since: Option<Duration>,
    lost_since: Option<Duration>,
    refuses: bool,
}

impl Touch {
    /// The log is read and written.
    pub fn set_up(&mut self) {
        self.is_up = true;
        self.down_since = None;
    }

    /// The connection is lost.
    pub fn set_down(&mut self, now: Duration) {
        self.is_up = false;
        self.down_since.get_or_insert(now);
    }

    /// Whether the log is read and written.
    pub fn is_up(&self) -> bool {
        self.is_up
    }

    /// Since when an answer of the engine is missing. `unanswered` tells it of an entry or a heartbeat.
    pub fn unanswered_since(&self, unanswered: Option<Duration>) -> Option<Duration> {
        [self.down_since, unanswered.filter(|_| self.is_up)].into_iter().flatten().min()
    }

    /// The node is part of the chat, or not any more.
    pub fn set_live(&mut self, is_live: bool, now: Duration) {
        match is_live {
            true => (self.was_live, self.out_since) = (true, None),
            false => _ = self.out_since.get_or_insert(now),
        }
    }

    /// Whether the node was ever part of the chat.
    pub fn was_live(&self) -> bool {
        self.was_live
    }

    /// Since when members have been told that the node is out of touch.
    pub fn lost_since(&self) -> Option<Duration> {
        self.lost_since
    }

    /// Whether lines are refused.
    pub fn refuses(&self) -> bool {
        self.refuses
    }

    /// Judges the silence. `unanswered` tells since when an answer is missing: of an entry, or of a heartbeat.
    pub fn judge(&mut self, unanswered: Option<Duration>, now: Duration) -> Option<TouchChange> {
        if !self.was_live {
            return None;
        }
        let since = [self.unanswered_since(unanswered), self.out_since].into_iter().flatten().min();
        match (since.filter(|since| now > *since + TELL_AFTER), self.lost_since) {
            (None, None) => None,
            // A silence that goes on in another way, for example when the connection ends, is the same one.
            (None, Some(_)) if !self.is_up || self.out_since.is_some() => None,
            (None, Some(_)) => {
                self.lost_since = None;
                self.refuses = false;
                Some(TouchChange::Regained)
            }
            (Some(since), None) => {
                self.lost_since = Some(since);
                Some(TouchChange::Lost { since })
            }
            (Some(_), Some(lost)) if !self.refuses && now > lost + REFUSE_AFTER => {
                self.refuses = true;
                Some(TouchChange::Refuse)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn members_are_told_once_of_a_silence_of_two_seconds() {
        let mut touch = Touch::default();
        touch.set_live(true, millis(0));
        touch.set_up();
        touch.set_down(millis(1_000));
        assert_eq!(touch.judge(None, millis(2_999)), None);
        assert_eq!(touch.judge(None, millis(3_001)), Some(TouchChange::Lost { since: millis(1_000) }));
        assert_eq!(touch.judge(None, millis(60_000)), None);
        assert_eq!(touch.judge(None, millis(61_001)), Some(TouchChange::Refuse));
        assert_eq!((touch.judge(None, millis(90_000)), touch.refuses()), (None, true));
        touch.set_up();
        // What was sent is not read back yet.
        assert_eq!(touch.judge(Some(millis(900)), millis(91_000)), None);
        assert_eq!(touch.judge(None, millis(92_000)), Some(TouchChange::Regained));
        assert_eq!((touch.refuses(), touch.lost_since()), (false, None));
    }

    #[test]
    fn a_silent_engine_counts_like_a_lost_one() {
        let mut touch = Touch::default();
        touch.set_live(true, millis(0));
        touch.set_up();
        assert_eq!(touch.judge(Some(millis(0)), millis(2_001)), Some(TouchChange::Lost { since: millis(0) }));
    }

    #[test]
    fn a_silence_does_not_end_when_the_connection_ends_or_the_node_begins_anew() {
        let mut touch = Touch::default();
        touch.set_live(true, millis(0));
        touch.set_up();
        assert!(touch.judge(Some(millis(0)), millis(2_001)).is_some());
        touch.set_down(millis(4_000));
        assert_eq!(touch.judge(Some(millis(0)), millis(4_001)), None);
        touch.set_up();
        touch.set_live(false, millis(5_000));
        assert_eq!(touch.judge(None, millis(5_001)), None);
        touch.set_live(true, millis(5_500));
        assert_eq!(touch.judge(None, millis(5_501)), Some(TouchChange::Regained));
    }

    #[test]
    fn nobody_is_told_before_the_node_was_part_of_the_chat() {
        let mut touch = Touch::default();
        touch.set_down(millis(0));
        assert_eq!(touch.judge(None, millis(100_000)), None);
    }
}
