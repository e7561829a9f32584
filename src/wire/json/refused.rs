//! Refusals as JSON.

use serde::Serialize;

use crate::chat::change::RestrictionKind;
use crate::chat::policy::nick::InvalidNick;
use crate::chat::{Due, Lang, Refusal, RoomRole};

/// A refusal: its kind, its text, and the values in the text.
#[derive(Default, Serialize)]
pub struct Refused<'a> {
    what: &'static str,
    /// Whether the text repeats the prompt for a nickname or a password.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    asked: bool,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
    /// The name for which `name` or `room` can be mistaken.
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    most: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    word: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    minutes: Option<u64>,
    /// A role, or `muted` or `banned`.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
}

/// Whether a password is due.
fn is_asked(due: Due) -> bool {
    matches!(due, Due::Password { .. })
}

/// The name of a role in a room, or on the server.
fn role_name(room: Option<&str>, role: RoomRole) -> Option<&'static str> {
    Some(match (room, role) {
        (None, _) => "moderator",
        (_, RoomRole::Operator) => "op",
        (_, RoomRole::Voice) => "voice",
    })
}

impl<'a> Refused<'a> {
    /// A refusal with its text in a language.
    pub fn new(lang: Lang, refusal: &Refusal<'a>) -> Self {
        let base = |what| Refused { what, ..Refused::default() };
        let refused = match *refusal {
            Refusal::Taken { name, asked } => Refused { name: Some(name), asked, ..base("taken") },
            Refusal::BadName { why, name, asked } => {
                let bad = |why| Refused { name: Some(name), why: Some(why), asked, ..base("bad_name") };
                match why {
                    InvalidNick::Shape => bad("shape"),
                    InvalidNick::Reserved => bad("reserved"),
                    InvalidNick::Mixed => bad("mixed"),
                    InvalidNick::LooksLike(other) => {
                        Refused { name: Some(name), other: Some(other), asked, ..base("looks_like") }
                    }
                }
            }
            Refusal::AlreadyCalled { name } => Refused { name: Some(name), ..base("already_called") },
            Refusal::NamesAreAddresses => base("names_are_addresses"),
            Refusal::LoginTimeout { seconds } => Refused { seconds: Some(seconds), ..base("login_timeout") },
            Refusal::StillWaiting => base("still_waiting"),
            Refusal::OtherProtocol => base("other_protocol"),
            // Told before a client can ask for JSON.
            Refusal::NoProxyHeader => base("no_proxy_header"),
            Refusal::Full => base("full"),
            Refusal::Busy => base("busy"),
            Refusal::TooManyFromAddress { most } => Refused { most: Some(most), ..base("too_many_from_address") },
            Refusal::Banned => base("banned"),
            Refusal::Idle { seconds } => Refused { seconds: Some(seconds), ..base("idle") },
            Refusal::TooLong { most } => Refused { most: Some(most), ..base("too_long") },
            Refusal::NotUtf8 => base("not_utf8"),
            Refusal::NoSuchMember { name } => Refused { name: Some(name), ..base("nobody_called") },
            Refusal::Yourself => base("yourself"),
            Refusal::NoWhisperYet => base("nobody_whispered"),
            Refusal::WhispererLeft => base("whisperer_left"),
            Refusal::Usage(usage) => Refused { usage: Some(usage), ..base("usage") },
            Refusal::NoCommand { word } => Refused { word: Some(word), ..base("no_command") },
            Refusal::BadRoomName => base("bad_room_name"),
            Refusal::MixedRoomName { room } => {
                Refused { room: Some(room), why: Some("mixed"), ..base("bad_room_name") }
            }
            Refusal::RoomLooksLike { room, other } => {
                Refused { room: Some(room), other: Some(other), ..base("looks_like") }
            }
            Refusal::NoRoom { room } => Refused { room: Some(room), ..base("no_room") },
            Refusal::TooManyRooms { most } => Refused { most: Some(most), ..base("too_many_rooms") },
            Refusal::TooManyStoredRooms { most } => Refused { most: Some(most), ..base("too_many_stored_rooms") },
            Refusal::TooManyCreated { most } => Refused { most: Some(most), ..base("too_many_made") },
            Refusal::InThatRoom { room } => Refused { room: Some(room), ..base("in_that_room") },
            Refusal::NotInRoom { room } | Refusal::NotMember { room } => {
                Refused { room: Some(room), ..base("not_in_room") }
            }
            Refusal::FollowsAlready { room } => Refused { room: Some(room), ..base("follows_already") },
            Refusal::NotFollowed { room } => Refused { room: Some(room), ..base("not_followed") },
            Refusal::TooManyFollowed { most } => Refused { most: Some(most), ..base("too_many_followed") },
            Refusal::TooManyKeys { most } => Refused { most: Some(most), ..base("too_many_keys") },
            Refusal::TextTooLong { most } => Refused { most: Some(most), ..base("text_too_long") },
            Refusal::NotIgnored { name } => Refused { name: Some(name), ..base("not_ignored") },
            Refusal::TooManyIgnored { most } => Refused { most: Some(most), ..base("too_many_ignored") },
            Refusal::HistoryRange { most } => Refused { most: Some(most), ..base("history_range") },
            Refusal::NoStore => base("no_store"),
            Refusal::LookupFails => base("lookup_fails"),
            Refusal::NotAllowed { room } => Refused { room, ..base("not_allowed") },
            Refusal::StoreFails => base("store_fails"),
            Refusal::CutOff => base("cut_off"),
            Refusal::PerhapsNotSaid => base("perhaps_not_said"),
            Refusal::NotReached { name } => Refused { name: Some(name), ..base("not_reached") },
            Refusal::WrongPassword { due } => Refused { asked: is_asked(due), ..base("wrong_password") },
            Refusal::TooManyWrongPasswords { seconds, due } => {
                Refused { seconds: Some(seconds), asked: is_asked(due), ..base("too_many_wrong_passwords") }
            }
            Refusal::TooManyLogins => base("too_many_logins"),
            Refusal::PasswordsFail { due } => Refused { asked: is_asked(due), ..base("passwords_fail") },
            Refusal::BadPassword { most } => Refused { most: Some(most), ..base("bad_password") },
            Refusal::NoAccounts => base("no_accounts"),
            Refusal::TooManyAccounts { most } => Refused { most: Some(most), ..base("too_many_accounts") },
            Refusal::RegisteredAlready { name } => Refused { name: Some(name), ..base("registered_already") },
            Refusal::Registered { name, asked } => Refused { name: Some(name), asked, ..base("registered") },
            Refusal::NoAccount { name } => Refused { name: Some(name), ..base("no_account") },
            Refusal::NotRegistered { name } => Refused { name: Some(name), ..base("not_registered") },
            Refusal::AccountRemoved => base("account_removed"),
            Refusal::OtherSessions { others } => Refused { most: Some(others as usize), ..base("other_sessions") },
            Refusal::OnlyOperator => base("only_operator"),
            Refusal::IsBanned { name, room } => Refused { name: Some(name), room: Some(room), ..base("is_banned") },
            Refusal::Protected { name } => Refused { name: Some(name), ..base("protected") },
            Refusal::NotForLobby => base("not_for_lobby"),
            Refusal::NotThere { name, room } => Refused { name: Some(name), room: Some(room), ..base("not_there") },
            Refusal::IsThere { name, room } => Refused { name: Some(name), room: Some(room), ..base("is_there") },
            Refusal::HasRole { name, room, role } => {
                Refused { name: Some(name), room, role: role_name(room, role), ..base("has_role") }
            }
            Refusal::LacksRole { name, room, role } => {
                Refused { name: Some(name), room, role: role_name(room, role), ..base("lacks_role") }
            }
            Refusal::LastOperator { room } => Refused { room: Some(room), ..base("last_operator") },
            Refusal::WrongKey { room, .. } => Refused { room: Some(room), ..base("wrong_key") },
            Refusal::InviteOnly { room } => Refused { room: Some(room), ..base("invite_only") },
            Refusal::RoomFull { room, most } => {
                Refused { room: Some(room), most: Some(most as usize), ..base("room_full") }
            }
            Refusal::BannedFrom { room } => Refused { room: Some(room), ..base("banned_from") },
            Refusal::Moderated { room } => Refused { room: Some(room), ..base("moderated") },
            Refusal::MutedIn { room, minutes } => Refused { room: Some(room), minutes, ..base("muted_in") },
            Refusal::SlowMode { room, every, wait } => {
                let most = Some(every as usize);
                Refused { room: Some(room), seconds: Some(wait), most, ..base("slow_mode") }
            }
            Refusal::BadKey { most } => Refused { most: Some(most), ..base("bad_key") },
            Refusal::NoChange => base("no_change"),
            Refusal::ListFull { room, most } => Refused { room: Some(room), most: Some(most), ..base("list_full") },
            Refusal::NotRestricted { name, room, kind } => {
                let role = Some(if kind == RestrictionKind::Mute { "muted" } else { "banned" });
                Refused { name: Some(name), room: Some(room), role, ..base("not_restricted") }
            }
            Refusal::NoMask { mask, room } => Refused { name: Some(mask), room: Some(room), ..base("no_mask") },
            Refusal::BadMask { most } => Refused { most: Some(most), ..base("bad_mask") },
            Refusal::NoMessage { id, room } => Refused { id: Some(id), room: Some(room), ..base("no_message") },
            Refusal::NotYours { id } => Refused { id: Some(id), ..base("not_yours") },
            Refusal::NothingToDelete { name, room } => Refused { name, room: Some(room), ..base("nothing_to_delete") },
            Refusal::SharedAddress { name, others, .. } => {
                Refused { name: Some(name), most: Some(others), ..base("shared_address") }
            }
            Refusal::NoAddress { name } => Refused { name: Some(name), ..base("no_address") },
            Refusal::NotBanned { .. } => base("not_banned"),
            Refusal::ConfiguredBan { .. } => base("configured_ban"),
            Refusal::NotMuted { name } => Refused { name: Some(name), ..base("not_muted") },
            Refusal::NoPage { .. } => base("no_page"),
            Refusal::NotReloaded { .. } => base("not_reloaded"),
            // Only for the operator, whose console is plain.
            Refusal::ConsoleDoesNotQuit => base("operator"),
        };
        Refused { text: lang.refusal(refusal).to_string(), ..refused }
    }
}
