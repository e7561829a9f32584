//! Sessions whose node was taken for dead: they stay connected, and claim their names again.

use std::collections::BTreeMap;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::Returned;
use super::renumbering::Renumbering;
use crate::chat::hub::Hub;
use crate::chat::id::{AccountId, ClientId, Incarnation, MemberSlot, Now};
use crate::chat::input::ResumeRequest;
use crate::chat::member::Ignored;
use crate::chat::policy::nick::{Name, fold};
use crate::chat::session::{SessionFlags, SessionStage};

/// The sessions that wait to be members again, each with the name that it claims.
#[derive(Default, Serialize, Deserialize)]
pub struct Rejoining {
    /// The present run of this node; `None` without a cluster, and before it takes part.
    node: Option<Incarnation>,
    claims: BTreeMap<ClientId, Claim>,
    /// The new numbers of the accounts, from the time another state took the place of this one until the node takes part.
    #[serde(skip)]
    pub(super) numbers: Renumbering,
}

/// What a session claims.
#[derive(Clone, Serialize, Deserialize)]
struct Claim {
    name: Name,
    account: Option<AccountId>,
    /// Whom its member ignored, if it had no account.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ignored: Vec<CompactString>,
}

impl Rejoining {
    /// Whether there is nothing in it, as without a cluster.
    pub fn is_empty(&self) -> bool {
        self.node.is_none() && self.claims.is_empty()
    }

    /// The present run of this node.
    pub fn node(&self) -> Option<Incarnation> {
        self.node
    }

    /// Whether a session waits.
    pub fn has(&self, id: ClientId) -> bool {
        self.claims.contains_key(&id)
    }

    /// The accounts that are claimed.
    pub(super) fn accounts_mut(&mut self) -> impl Iterator<Item = &mut AccountId> {
        self.claims.values_mut().filter_map(|claim| claim.account.as_mut())
    }

    /// A session waits no longer; returns whether it did.
    pub fn end(&mut self, id: ClientId) -> bool {
        !self.claims.is_empty() && self.claims.remove(&id).is_some()
    }
}

impl Hub {
    /// The members of this node are to be removed, since the other nodes have taken it for dead, or another state takes the place of
    /// this one: their sessions stay, keep what they have not read, and wait for [`Hub::rejoin`]. Their next lines wait, too.
    pub(super) fn detach_sessions(&mut self) {
        let present = self.sessions.iter().filter(|(_, session)| session.stage == SessionStage::Present);
        let ids: Vec<ClientId> = present.map(|(id, _)| id).collect();
        for id in ids {
            let Some(slot) = self.sessions[id].member else { continue };
            let (members, rooms) = (&self.shared.members, &self.shared.rooms);
            let member = &members[slot];
            let name = Name { shown: member.name.clone(), key: fold(&member.name).into() };
            let account = member.account();
            let ignored = member.ignored().iter().map(|ignored| ignored.name.clone()).collect();
            let read = Some((self.run, self.journal.last_message_id()));
            let room = member.room().map(|room| rooms.name(room).to_owned());
            let follow = members.followed(slot).map(|room| rooms.name(room).into()).collect();
            self.resume_requests.insert(id, ResumeRequest { room, follow, read, looked_up: 0 });
            self.cancel_deliveries(id);
            let mut fanout = self.fanout();
            fanout.move_unread_to_outbox(id);
            fanout.unsubscribe_all(id);
            self.remove_session(slot, id);
            let session = &mut self.sessions[id];
            session.stage = SessionStage::LoggingIn;
            // It is the member that ignores others.
            session.flags.remove(SessionFlags::IGNORES);
            self.claim_again(id, name, account);
            if let Some(claim) = self.rejoining.claims.get_mut(&id) {
                claim.ignored = ignored;
            }
        }
    }

    /// A session that has claimed its name is a member again, in `slot`: without an account it ignores whom it ignored before.
    /// Returns whether it had claimed a name.
    pub(in crate::chat::hub) fn end_rejoining(&mut self, id: ClientId, slot: MemberSlot) -> bool {
        if self.rejoining.claims.is_empty() {
            return false;
        }
        let Some(Claim { ignored, .. }) = self.rejoining.claims.remove(&id) else { return false };
        let members = &mut self.shared.members;
        if !ignored.is_empty() && members[slot].account().is_none() {
            let ignored = ignored.iter().map(|name| Ignored::of_name(name, |key| members.name_hash(key))).collect();
            *members[slot].ignored_mut() = ignored;
            self.note_ignoring(self.shared.members.id(slot));
        }
        true
    }

    /// A session waits until this node takes part, and then claims a name.
    pub(super) fn claim_again(&mut self, id: ClientId, name: Name, account: Option<AccountId>) {
        let ignored = self.rejoining.claims.remove(&id).map_or_else(Vec::new, |claim| claim.ignored);
        let account = account.map(|account| self.rejoining.numbers.of_account(account));
        self.rejoining.claims.insert(id, Claim { name, account, ignored });
        self.sessions[id].uncommitted.add(false);
    }

    /// Another state takes the place of this one, with this run. In a new run ids begin anew: the sessions have read nothing of it.
    pub(super) fn change_run(&mut self, run: u64) {
        let before = std::mem::replace(&mut self.run, run);
        self.outbound.set_run(run);
        if before != run {
            let read = self.resume_requests.values_mut().filter_map(|request| request.read.as_mut());
            read.filter(|(of, _)| *of == before).for_each(|read| *read = (run, 0));
            if self.knows_run() {
                self.send_hello_to_programs();
            }
        }
    }

    /// This node takes part, for the first time or again, as this run: its sessions claim the names of their members. A session whose
    /// name is taken by now is asked for another one.
    pub fn rejoin(&mut self, node: Incarnation, now: Now) {
        let knew_run = self.knows_run();
        self.rejoining.node = Some(node);
        if !knew_run {
            self.send_hello_to_programs();
        }
        self.leave_founding();
        self.forget_restored();
        // They are about members and accounts of the state before.
        while let Some(proposal) = self.poll_proposal() {
            self.return_proposal(proposal, Returned::NotApplied, &now);
        }
        self.rejoining.numbers = Renumbering::default();
        for (id, Claim { name, account, .. }) in self.rejoining.claims.clone() {
            let Some(session) = self.sessions.get_mut(id).filter(|session| session.stage == SessionStage::LoggingIn)
            else {
                self.rejoining.end(id);
                continue;
            };
            session.uncommitted.remove(false);
            self.log_in(id, name, account, now);
            self.end_command(id);
            if !self.sessions[id].uncommitted.blocks() {
                self.outbound.resume(id);
            }
        }
    }
}
