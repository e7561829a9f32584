//! The state machine of the chat: members, sessions, the admission queue, rooms, and the output of each session.
//!
//! It is pure: no sockets and no clock. The caller passes the time with each call:
//!
//! - input: [`Hub::handle_plain_connection`], [`Hub::handle_line`], [`Hub::handle_end_of_input`],
//!   [`Hub::handle_connection_lost`], [`Hub::handle_closed`], [`Hub::handle_tick`]; [`Hub::attach_console`] for the
//!   console, whose lines are those of [`ClientId::CONSOLE`];
//! - output: [`Hub::poll_outbox`] and [`Hub::poll_sweep`] return sessions with output, [`Hub::gather`] lends the bytes,
//!   [`Hub::handle_written`] and [`Hub::handle_blocked`] report the result of the write; [`Hub::poll_close`] returns
//!   connections to close, [`Hub::poll_deadline`] returns the time of the next tick;
//! - public changes: the hub commits them itself, or hands them out with [`Hub::poll_proposal`] and applies them with
//!   [`Hub::handle_committed`] in the order that the caller gives them;
//! - a node of a cluster ([`Hub::use_cluster`]): [`Hub::snapshot`] gives what is the same on all nodes, [`Hub::restore_snapshot`]
//!   takes it from another one, [`Hub::found`] begins it anew; [`Hub::bury`] and [`Hub::rejoin`] end and begin the run of a node;
//! - the nodes of a cluster, besides the order of the changes: [`Hub::poll_node_message`] returns what is for the members of one
//!   other node, [`Hub::handle_node_answer`] takes its answer, [`Hub::handle_node_message`] what another node has sent;
//!   [`Hub::set_nodes`] tells which nodes there are, [`Hub::tell_lost_touch`] and [`Hub::tell_connected`] what members are told;
//! - what outlives all nodes of a cluster: [`Hub::handle_kept`] takes the values of the bucket, [`Hub::poll_kept`] returns those
//!   that it should have, [`Hub::handle_kept_result`] says whether it has one;
//! - posters: [`Hub::handle_post`] takes a message of a program that is no member, [`Hub::poll_posted`] returns what has become of
//!   it when its place in the order is known;
//! - state: [`Hub::into_state`] gives all of it as plain data, [`Hub::from_state`] takes it back.
//!
//! A room is a log (`room::segment_log`) and a subscription is a cursor into it. Lines for one session alone wait in
//! its outbox (`session::outbox`), and `session::reader` merges the two by stamp.
//!
//! The hub hands out the records to store with [`Hub::poll_records`] and gets stored data back with [`Hub::restore`].
//! It hands out queries about stored data with [`Hub::poll_query`] and gets the results with [`Hub::handle_answer`].
//!
//! A room has one log for each encoding that a session reads, with the same entries and stamps. It keeps its history as
//! events (`room::history`), from which such a log is made when its first reader comes.

pub(crate) mod account;
mod cause;
pub mod change;
pub mod command;
mod config;
mod encoding;
mod event;
pub mod gaps;
mod hub;
mod i18n;
mod id;
pub mod input;
pub mod irc;
mod member;
pub mod password;
pub mod policy;
mod query;
pub mod record;
mod room;
pub mod scram_keys;
mod session;
pub mod settings;
pub mod span;

pub use cause::Cause;
pub use config::{Config, DEFAULT_NAME, IrcOper, Login, MAX_SERVER_NAME, Mode, OfflineWhispers, is_server_name};
pub use encoding::{
    AnswerPart, Detail, Encoding, IrcContext, IrcShape, Optional, Render, RenderIrc, Renderers, RoomLabel,
};
pub use event::{
    CertificateState, ConsoleText, Due, Event, Help, IrcLine, MessageKind, NodeLine, NodeTrouble, Notice, People,
    Refusal, Sender, SettingsView, Source, Topic, Whois,
};
#[cfg(test)]
pub(crate) use hub::tests::{store_queue::start as initial_state, test_hub::read_lines};
pub use hub::{
    DISCONNECTS_PER_TICK, HeadCount, Hub, HubState, HubStateSettings, HubView, Kept, NodeMessage, NodeUnreachable,
    NodeView, OPERATOR_LOG, PostRefusal, Posted, Returned, Snapshot, StatsSnapshot, TraceEvent, WriteBatch,
};
pub use i18n::Lang;
pub use id::{ClientId, Incarnation, LOBBY, Now};
pub use input::{Allowance, Close, Input, NewConnection, ResumeRequest};
pub use member::markers::Markers;
pub use member::table::OPERATOR;
pub use member::{Ignored, Rank, Role, RoomRole};
pub use password::{Password, PasswordAnswer, PasswordJob, PasswordRequest, ServerPassword};
pub use policy::cidr::Network;
pub use policy::host::Host;
pub use policy::ip_limit::IpLimit;
pub use policy::mask::{Mask, MaskEntry, MaskKind};
pub use policy::peer::{is_unix, show_addr};
pub use policy::rate_limit::RateLimit;
pub use query::{Answer, DeleteChoice, HistoryRange, Lookup, Query, RoomUse};
