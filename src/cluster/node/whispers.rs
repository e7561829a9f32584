//! Messages between members at different nodes: requests of NATS, which are in no log.

use std::time::Duration;

use log::debug;

use crate::chat::change::Origin;
use crate::chat::{Hub, NodeMessage, NodeUnreachable, Now};
use crate::cluster::nats::{Client, SendError, SubscriptionId};
use crate::cluster::replica::Replica;
use crate::cluster::settings::ClusterSettings;

/// How long another node may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// The messages of this node to others, and of others to this one.
pub struct Whispers {
    /// The subjects of all nodes begin so; the name of the node follows.
    prefix: String,
    subscription: SubscriptionId,
    /// Nothing that a predecessor has sent will be answered.
    forgets: bool,
}

impl Whispers {
    /// Subscribes to the messages for this node.
    ///
    /// # Errors
    /// If a name is not valid, which is checked before.
    pub fn new(settings: &ClusterSettings, client: &mut Client) -> Result<Whispers, SendError> {
        let prefix = format!("chinwag.{}.whisper.", settings.cluster.as_str());
        let subscription = client.subscribe(&format!("{prefix}{}", settings.node.as_str()))?;
        Ok(Whispers { prefix, subscription, forgets: true })
    }

    /// Whether messages of other nodes come by this subscription.
    pub fn come_by(&self, subscription: SubscriptionId) -> bool {
        self.subscription == subscription
    }

    /// Takes a message of another node, and answers it.
    pub fn handle(&self, payload: &[u8], reply: Option<&str>, hub: &mut Hub, client: &mut Client, now: Now) {
        let answer = hub.handle_node_message(payload, now);
        if let (Some(answer), Some(reply)) = (answer, reply)
            && let Err(error) = client.publish(reply, &answer)
        {
            debug!("a message of another node is not answered: {error}");
        }
    }

    /// Sends what the hub has for other nodes.
    pub fn send(&mut self, hub: &mut Hub, replica: &Replica<Origin>, client: &mut Client, now: Now) {
        if std::mem::take(&mut self.forgets) {
            hub.fail_node_messages(now);
        }
        while let Some(NodeMessage { to, tag, payload }) = hub.poll_node_message() {
            let subject = replica.name_of(to).map(|name| format!("{}{}", self.prefix, name.as_str()));
            let sent = subject.map(|subject| client.request(tag, &subject, &payload, ANSWER_TIMEOUT, now.at));
            if !matches!(sent, Some(Ok(()))) {
                hub.handle_node_answer(tag, Err(NodeUnreachable), now);
            }
        }
    }
}
