//! The node of a cluster in the event loop.

use std::time::Duration;

use log::warn;

use super::EventLoop;
use crate::chat::{NodeTrouble, Now};
use crate::cluster::node::Node;
use crate::cluster::replica::{Notice, Stop};
use crate::server::http::ClusterFigures;

/// How long a server that ends waits until the others know that it has ended.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);

/// The node of this process, and its end.
pub struct Membership {
    pub node: Node,
    /// Until when the end is waited for, once the server has ended.
    leaves_until: Option<Duration>,
    has_left: bool,
    /// The exit code of the process: 1 if the node had to stop.
    pub(super) exit_code: u8,
}

impl Membership {
    pub fn new(node: Node) -> Membership {
        Membership { node, leaves_until: None, has_left: false, exit_code: 0 }
    }
}

impl EventLoop {
    /// Lets the node take the changes of this process, and apply those that were committed.
    pub(super) fn take_part(&mut self, now: Now) {
        let Some(Membership { node, has_left, exit_code, .. }) = &mut self.membership else { return };
        node.turn(self.engine.hub_mut(), now);
        self.engine.set_reading(!node.wants_pause());
        self.engine.resume_committed();
        if node.has_ticked(now.at) {
            let (is_ready, status, counts) = (node.is_ready(), node.status(now.at), node.counts(self.engine.hub()));
            self.engine.set_cluster(ClusterFigures { is_ready, status, counts });
        }
        let hub = self.engine.hub_mut();
        while let Some(notice) = node.poll_notice() {
            match notice {
                Notice::LostTouch { .. } => hub.tell_lost_touch(now),
                Notice::Connected => hub.tell_connected(now),
                // A node that begins has not read what was before.
                Notice::Gap { after: None, .. } => {}
                Notice::Gap { after, until } => hub.tell_operators(NodeTrouble::Gap { after, until }),
                Notice::EngineRestored { read } => hub.tell_operators(NodeTrouble::EngineRestored { read }),
                Notice::Left => *has_left = true,
                Notice::Stopped(stop) => {
                    hub.tell_operators(match &stop {
                        Stop::MustUnderstand { seq } => NodeTrouble::MustUnderstand { position: *seq },
                        Stop::CannotRestore(why) => NodeTrouble::CannotRestore { why },
                        Stop::Rival => NodeTrouble::Rival { name: node.name() },
                    });
                    (*has_left, *exit_code) = (true, 1);
                }
            }
        }
        if *exit_code != 0 && !self.engine.is_ending() {
            self.engine.begin_shutdown(now);
        }
    }

    /// Whether the other nodes know that this one has ended, or it was waited for long enough. To be asked when all sessions
    /// have ended.
    pub(super) fn has_left(&mut self, now: Duration) -> bool {
        let Some(Membership { node, leaves_until, has_left, .. }) = &mut self.membership else { return true };
        let until = *leaves_until.get_or_insert(now + LEAVE_TIMEOUT);
        // The ends of the sessions come first.
        if !self.engine.hub().has_proposals() {
            node.leave();
        }
        if now >= until && !*has_left {
            warn!("cluster: the other servers do not know that this one has ended; they notice it in a few seconds");
        }
        *has_left && node.has_kept_all(self.engine.hub()) || now >= until
    }
}
