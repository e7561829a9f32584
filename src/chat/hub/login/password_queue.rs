//! The queue of passwords that wait to be compared: the networks from which they come take turns.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::chat::password::PasswordRequest;
use crate::chat::policy::cidr::Network;

/// Requests at most; each session has one at most.
const MAX_REQUESTS: usize = 1024;
/// Requests from one network at most, so that it leaves places for others.
const MAX_FROM_NETWORK: usize = 512;

/// Requests by network.
#[derive(Default, Serialize, Deserialize)]
pub struct PasswordQueue {
    requests: BTreeMap<Network, VecDeque<PasswordRequest>>,
    /// The networks with requests, that of the next turn first.
    turns: VecDeque<Network>,
    len: usize,
}

impl PasswordQueue {
    /// Whether another request from this network is taken.
    pub fn has_room(&self, network: Network) -> bool {
        self.len < MAX_REQUESTS && self.requests.get(&network).is_none_or(|queue| queue.len() < MAX_FROM_NETWORK)
    }

    /// Whether there are no requests.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The number of networks with requests.
    pub fn networks(&self) -> usize {
        self.turns.len()
    }

    /// Adds a request.
    pub fn push(&mut self, network: Network, request: PasswordRequest) {
        let queue = self.requests.entry(network).or_default();
        if queue.is_empty() {
            self.turns.push_back(network);
        }
        queue.push_back(request);
        self.len += 1;
    }

    /// Puts a request back that was taken: it is the next one.
    pub fn put_back(&mut self, network: Network, request: PasswordRequest) {
        self.turns.retain(|&turn| turn != network);
        self.turns.push_front(network);
        self.requests.entry(network).or_default().push_front(request);
        self.len += 1;
    }

    /// The network whose turn is next.
    pub fn next_network(&self) -> Option<Network> {
        self.turns.front().copied()
    }

    /// Takes the first request of a network.
    pub fn pop(&mut self, network: Network) -> Option<PasswordRequest> {
        let request = self.requests.get_mut(&network)?.pop_front()?;
        self.len -= 1;
        Some(request)
    }

    /// Ends the turn of the first network.
    pub fn end_turn(&mut self) {
        let Some(network) = self.turns.pop_front() else { return };
        match self.requests.get(&network).is_none_or(VecDeque::is_empty) {
            true => drop(self.requests.remove(&network)),
            false => self.turns.push_back(network),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(number: u32) -> PasswordRequest {
        let job = json!({ "Hash": { "password": "x" } });
        serde_json::from_value(json!({ "origin": { "client": number, "session": number }, "job": job })).unwrap()
    }

    fn next(queue: &mut PasswordQueue) -> Option<usize> {
        let network = queue.next_network()?;
        let request = queue.pop(network);
        queue.end_turn();
        Some(request?.origin.client.slot() + 1)
    }

    #[test]
    fn networks_take_turns() {
        let mut queue = PasswordQueue::default();
        let [a, b] = [1, 2].map(|last| Network::of_client([10, 0, 0, last].into()));
        for (network, number) in [(a, 1), (a, 2), (a, 3), (b, 4), (b, 5)] {
            queue.push(network, request(number));
        }
        assert_eq!([next(&mut queue), next(&mut queue), next(&mut queue)], [Some(1), Some(4), Some(2)]);
        queue.put_back(a, request(2));
        let rest: Vec<usize> = std::iter::from_fn(|| next(&mut queue)).collect();
        assert_eq!(rest, [2, 5, 3]);
        assert!(queue.is_empty() && queue.networks() == 0);
    }

    #[test]
    fn one_network_leaves_places_for_others() {
        let mut queue = PasswordQueue::default();
        let network = |last| Network::of_client([10, 0, 0, last].into());
        let fill = |queue: &mut PasswordQueue, last| {
            let count = (1..).take_while(|&number| {
                let has_room = queue.has_room(network(last));
                if has_room {
                    queue.push(network(last), request(number));
                }
                has_room
            });
            count.count()
        };
        assert_eq!([fill(&mut queue, 1), fill(&mut queue, 2), fill(&mut queue, 3)], [512, 512, 0]);
    }
}
