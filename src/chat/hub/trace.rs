//! The trace: the inputs of a hub and its committed changes, in their order.

use crate::chat::cause::Cause;
use crate::chat::change::{Change, Origin};
use crate::chat::id::{ClientId, Now};

/// One input of the hub, a step of its tick, or a committed change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TraceEvent {
    Connected(ClientId),
    /// A line was taken. Its text is not recorded.
    Line(ClientId),
    /// Raw bytes for the session, such as the answer to a telnet option.
    Raw(ClientId),
    /// A session ended. It may be recorded more than once for a session.
    Departed(ClientId, Cause),
    /// A change was committed; `is_applied` unless it was no longer allowed.
    Committed {
        time: Now,
        origin: Option<Origin>,
        change: Change<'static>,
        is_applied: bool,
    },
    /// In a tick: the timeouts are done; free places, summaries and the renumbering of the admission queue come next.
    Ticked,
    /// Other settings hold from now on.
    Configured,
    ShutDown,
    Closed(ClientId),
}

/// The recorded events; nothing is recorded until it is switched on.
#[derive(Default)]
pub struct Trace(Option<Vec<TraceEvent>>);

impl Trace {
    /// Records from now on.
    pub fn enable(&mut self) {
        self.0.get_or_insert_default();
    }

    /// Records an event.
    #[inline(always)]
    pub fn record(&mut self, event: impl FnOnce() -> TraceEvent) {
        if let Some(events) = &mut self.0 {
            events.push(event());
        }
    }

    /// Records a committed change; `is_applied` unless it was no longer allowed.
    #[inline(always)]
    pub fn record_committed(
        &mut self,
        origin: impl FnOnce() -> Option<Origin>,
        change: &Change,
        is_applied: bool,
        time: &Now,
    ) {
        self.record(|| {
            let change = change.clone().into_owned();
            TraceEvent::Committed { time: *time, origin: origin(), change, is_applied }
        });
    }

    /// Takes the events since the last call.
    pub fn take(&mut self) -> Vec<TraceEvent> {
        self.0.as_mut().map(std::mem::take).unwrap_or_default()
    }
}
