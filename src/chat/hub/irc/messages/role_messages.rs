//! Messages for the members of a room with a role: `@#room` for operators, `+#room` for those with voice, too.
//!
//! Source: <https://modern.ircdocs.horse/#statusmsg-parameter>

use crate::chat::change::SayToRole;
use crate::chat::encoding::Private;
use crate::chat::event::Event;
use crate::chat::hub::fanout::sign;
use crate::chat::hub::{Hub, Shared};
use crate::chat::id::{ClientId, Holder, MemberId, Now, RoomId};
use crate::chat::member::RoomRole;

impl Hub {
    /// Shows such a message to those it is for, and to the other sessions of its author; `client` is the one that has sent it.
    ///
    /// Clients without IRC read a whisper that begins with `(@#room)`.
    pub(in crate::chat::hub) fn apply_say_to_role(&mut self, client: Option<ClientId>, said: &SayToRole, time: &Now) {
        let &SayToRole { member, room, role, ref text, kind, ref tags } = said;
        if self.shared.rooms[room].rules.settings.slow.is_some() {
            self.note_spoken(member, room, time);
        }
        let target = format!("{}#{}", sign(Some(role)), self.shared.rooms.name(room));
        let private = Private { kind, id: self.committed_id(time), target: Some(&target) };
        let (name, author) = (self.name_of(member), self.shared.members.author(member.slot));
        let marked = format!("({target}) {text}");
        let recipients = match self.shared.mutes.holds(member, time.at) {
            true => Vec::new(),
            false => with_role(&self.shared, room, role),
        };
        for to in recipients.into_iter().filter(|&to| to != member) {
            let members = &mut self.shared.members;
            if members[to.slot].ignores(author) {
                continue;
            }
            members[to.slot].set_whisperer(member, None);
            for id in self.shared.members[to.slot].sessions().collect::<Vec<_>>() {
                let text = if self.sessions[id].encoding.is_irc() { text } else { &*marked };
                let event = Event::Whisper { at: time.local, from: &name, text };
                self.fanout_by(member, time).tagged(tags.as_deref()).privately(private).send_dated(id, &event, time);
            }
        }
        let event = Event::Whispered { at: time.local, to: &target, text };
        let speaker = client.unwrap_or(ClientId::CONSOLE);
        let mut fanout = self.fanout_by(member, time).tagged(tags.as_deref()).privately(private);
        fanout.send_own_whisper(member.slot, speaker, &event, time);
    }
}

/// The members that are in a room and have this role there, or a higher one.
fn with_role(shared: &Shared, room: RoomId, least: RoomRole) -> Vec<MemberId> {
    let Shared { members, rooms, accounts, .. } = shared;
    let holders = rooms[room].rules.roles().iter().filter(|&&(_, role)| role >= least);
    let found = holders.filter_map(|&(holder, _)| match holder {
        Holder::Member(member) => members.get(member).map(|_| member),
        Holder::Account(account) => accounts.get(account)?.member,
    });
    found.filter(|member| members.is_in(member.slot, room)).collect()
}
