//! Counts of rare events, which a run of many seeds must reach.

use std::ops::AddAssign;

/// Counts of rare events.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub lines: usize,
    /// Members with IRC clients, and what they said in rooms.
    pub irc_members: usize,
    pub irc_messages: usize,
    /// Changes that an IRC client read once, and shared several rooms with who made them.
    pub irc_shared: usize,
    /// Lines of IRC that only clients with a capability read.
    pub irc_optional: usize,
    /// Lines of NAMES that were left out, because the session had much to read.
    pub irc_cut_names: usize,
    /// Clients of IRC with a WebSocket.
    pub irc_frames: usize,
    /// Changes of metadata.
    pub irc_metadata: usize,
    /// Messages of several lines.
    pub irc_multiline: usize,
    /// Answers with a label.
    pub labels: usize,
    /// MODE commands with several changes that were shown in one line.
    pub irc_joined_modes: usize,
    /// Histories that IRC clients were shown, and messages that they deleted.
    pub irc_histories: usize,
    pub irc_redactions: usize,
    /// What IRC clients were told of members that they monitor.
    pub irc_monitored: usize,
    /// Messages for the members of a room with a role.
    pub irc_role_messages: usize,
    /// Persons who came through a proxy.
    pub proxied: usize,
    /// Lines that programs have posted.
    pub posted: usize,
    pub dropped: usize,
    pub summed: usize,
    pub admitted: usize,
    /// Changes that a commit refused.
    pub refused: usize,
    /// Rooms that members began to follow.
    pub followed: usize,
    /// Times that one turn wrote lines of several rooms to one session.
    pub merged: usize,
    pub topics: usize,
    /// Whispers to members who were away.
    pub told_away: usize,
    /// Programs that were told that a member of their room is away, or back.
    pub shown_away: usize,
    /// Lists with members that are away.
    pub listed_away: usize,
    pub json_lines: usize,
    /// Histories that a returning member was shown from a message on.
    pub resumed: usize,
    /// Members that entered a room with its key.
    pub entered_with_key: usize,
    /// Refusals of rooms that cannot be entered.
    pub kept_out: usize,
    pub invited: usize,
    /// Members that were kicked or banned from a room.
    pub removed_from_room: usize,
    /// Mutes in a room and bans from it.
    pub restricted: usize,
    /// Such mutes and bans that were lifted.
    pub lifted: usize,
    /// Bans by masks, and their ends.
    pub masks: usize,
    pub lifted_masks: usize,
    /// Settings that were changed.
    pub settings: usize,
    /// Messages that a room refused.
    pub refused_speech: usize,
    /// Deleted messages.
    pub deleted: usize,
    /// Histories that were shown after a deletion.
    pub thinned_histories: usize,
    pub roles_given: usize,
    /// Acts of moderators, in rooms and on the server.
    pub moderator_acts: usize,
    /// Bans that were refused because of a shared address.
    pub shared_addresses: usize,
    /// Topics that a room refused because its members may not speak.
    pub refused_topics: usize,
    /// Reasons of `/quit` that were dropped because the member may not speak in one of its rooms.
    pub dropped_reasons: usize,
    /// Acts in a room of members that are muted on the server.
    pub hidden_acts: usize,
    /// Refusals of acts against oneself, and of addresses and invitations that are not for that member.
    pub refused_acts: usize,
    /// Rooms that could not be made because the empty ones have operators who are on the server.
    pub kept_rooms: usize,
    pub registered: usize,
    /// New members of accounts, and members that became those of accounts by `/nick`.
    pub account_logins: usize,
    /// Sessions that logged in as accounts with members.
    pub second_sessions: usize,
    /// Sessions that left their members for those of other accounts.
    pub switched: usize,
    pub wrong_passwords: usize,
    /// Passwords that were not compared after too many wrong ones.
    pub refused_passwords: usize,
    pub unregistered: usize,
    /// Accounts that got the keys of their password when it was given.
    pub late_keys: usize,
    /// Members of accounts whose first session ended before another one.
    pub outlived: usize,
    /// Refusals of names that look like those of members.
    pub alike_names: usize,
    /// Refusals of names that look like reserved words, or mix scripts.
    pub unfit_names: usize,
    /// Refusals of rooms whose names look like those of other rooms.
    pub alike_rooms: usize,
    /// Times that a session was shown the message of the day.
    pub motds: usize,
    /// Times that the settings changed.
    pub configured: usize,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.lines += other.lines;
        self.irc_members += other.irc_members;
        self.irc_messages += other.irc_messages;
        self.irc_shared += other.irc_shared;
        self.irc_optional += other.irc_optional;
        self.irc_cut_names += other.irc_cut_names;
        self.irc_frames += other.irc_frames;
        self.irc_metadata += other.irc_metadata;
        self.irc_multiline += other.irc_multiline;
        self.labels += other.labels;
        self.irc_joined_modes += other.irc_joined_modes;
        self.irc_histories += other.irc_histories;
        self.irc_redactions += other.irc_redactions;
        self.irc_monitored += other.irc_monitored;
        self.irc_role_messages += other.irc_role_messages;
        self.proxied += other.proxied;
        self.posted += other.posted;
        self.dropped += other.dropped;
        self.summed += other.summed;
        self.admitted += other.admitted;
        self.refused += other.refused;
        self.followed += other.followed;
        self.merged += other.merged;
        self.topics += other.topics;
        self.told_away += other.told_away;
        self.shown_away += other.shown_away;
        self.listed_away += other.listed_away;
        self.json_lines += other.json_lines;
        self.resumed += other.resumed;
        self.entered_with_key += other.entered_with_key;
        self.kept_out += other.kept_out;
        self.invited += other.invited;
        self.removed_from_room += other.removed_from_room;
        self.restricted += other.restricted;
        self.lifted += other.lifted;
        self.masks += other.masks;
        self.lifted_masks += other.lifted_masks;
        self.settings += other.settings;
        self.refused_speech += other.refused_speech;
        self.deleted += other.deleted;
        self.thinned_histories += other.thinned_histories;
        self.roles_given += other.roles_given;
        self.moderator_acts += other.moderator_acts;
        self.shared_addresses += other.shared_addresses;
        self.refused_topics += other.refused_topics;
        self.dropped_reasons += other.dropped_reasons;
        self.hidden_acts += other.hidden_acts;
        self.refused_acts += other.refused_acts;
        self.kept_rooms += other.kept_rooms;
        self.registered += other.registered;
        self.account_logins += other.account_logins;
        self.second_sessions += other.second_sessions;
        self.switched += other.switched;
        self.wrong_passwords += other.wrong_passwords;
        self.refused_passwords += other.refused_passwords;
        self.unregistered += other.unregistered;
        self.late_keys += other.late_keys;
        self.outlived += other.outlived;
        self.alike_names += other.alike_names;
        self.unfit_names += other.unfit_names;
        self.alike_rooms += other.alike_rooms;
        self.motds += other.motds;
        self.configured += other.configured;
    }
}
