//! Which members a probe has reached.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::Generator;

impl Generator {
    /// The addresses at which no member of a group has read a probe, if members at others have.
    pub fn unreached_addrs(&self, group: usize) -> Vec<SocketAddr> {
        let endpoint = &self.groups[group].endpoint;
        let keys = self.groups[group].keys.iter().enumerate();
        let members = keys.filter_map(|(index, &key)| Some((endpoint.place(index), self.members.get(key)?)));
        let (reached, not): (Vec<_>, Vec<_>) = members.partition(|(_, member)| member.has_read_probe());
        let reached: BTreeSet<usize> = reached.into_iter().map(|(place, _)| place).collect();
        let not: BTreeSet<usize> = not.into_iter().map(|(place, _)| place).collect();
        if reached.is_empty() {
            return Vec::new();
        }
        not.difference(&reached).map(|&place| endpoint.addrs[place]).collect()
    }
}
