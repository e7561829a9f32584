//! Parses every refusal that the server can write.

use super::*;
use crate::chat;
use crate::chat::RoomRole;
use crate::chat::policy::nick::InvalidNick;

fn expected_refusal<'a>(refusal: &chat::Refusal<'a>, lang: Lang) -> Option<ServerRefusal<'a>> {
    Some(match *refusal {
        chat::Refusal::Taken { name, asked } => {
            ServerRefusal::Taken { name: (lang == Lang::En).then_some(name), asked }
        }
        chat::Refusal::BadName { asked, .. } => ServerRefusal::BadName { asked },
        chat::Refusal::Registered { asked: true, .. } => ServerRefusal::BadName { asked: true },
        chat::Refusal::WrongPassword { due } => ServerRefusal::WrongPassword { due },
        chat::Refusal::TooManyWrongPasswords { seconds, due } => ServerRefusal::TooManyWrongPasswords { seconds, due },
        chat::Refusal::TooManyLogins => ServerRefusal::TooManyLogins,
        chat::Refusal::PasswordsFail { due } => ServerRefusal::PasswordsFail { due },
        chat::Refusal::StillWaiting => ServerRefusal::StillWaiting,
        chat::Refusal::LoginTimeout { seconds } => ServerRefusal::LoginTimeout { seconds },
        chat::Refusal::Idle { seconds } => ServerRefusal::Idle { seconds },
        chat::Refusal::OtherProtocol => ServerRefusal::OtherProtocol,
        chat::Refusal::Full => ServerRefusal::Full,
        chat::Refusal::Busy => ServerRefusal::Busy,
        chat::Refusal::Banned => ServerRefusal::Banned,
        chat::Refusal::TooManyFromAddress { most } => ServerRefusal::TooManyFromAddress { most },
        chat::Refusal::TooManyRooms { most } => ServerRefusal::TooManyRooms { most },
        chat::Refusal::InThatRoom { room } => ServerRefusal::InThatRoom { room },
        chat::Refusal::NoSuchMember { name } => ServerRefusal::NobodyCalled { name },
        chat::Refusal::AlreadyCalled { .. }
        | chat::Refusal::NamesAreAddresses
        | chat::Refusal::TooLong { .. }
        | chat::Refusal::NotUtf8
        | chat::Refusal::Yourself
        | chat::Refusal::NoWhisperYet
        | chat::Refusal::WhispererLeft
        | chat::Refusal::Usage(_)
        | chat::Refusal::NoCommand { .. }
        | chat::Refusal::BadRoomName
        | chat::Refusal::MixedRoomName { .. }
        | chat::Refusal::RoomLooksLike { .. }
        | chat::Refusal::NoRoom { .. }
        | chat::Refusal::NotInRoom { .. }
        | chat::Refusal::NotMember { .. }
        | chat::Refusal::FollowsAlready { .. }
        | chat::Refusal::NotFollowed { .. }
        | chat::Refusal::TooManyFollowed { .. }
        | chat::Refusal::TextTooLong { .. }
        | chat::Refusal::NotIgnored { .. }
        | chat::Refusal::TooManyIgnored { .. }
        | chat::Refusal::HistoryRange { .. }
        | chat::Refusal::NoStore
        | chat::Refusal::LookupFails
        | chat::Refusal::TooManyStoredRooms { .. }
        | chat::Refusal::TooManyCreated { .. }
        | chat::Refusal::NotBanned { .. }
        | chat::Refusal::ConfiguredBan { .. }
        | chat::Refusal::NotMuted { .. }
        | chat::Refusal::NoPage { .. }
        | chat::Refusal::NotAllowed { .. }
        | chat::Refusal::Protected { .. }
        | chat::Refusal::OnlyOperator
        | chat::Refusal::StoreFails
        | chat::Refusal::BadPassword { .. }
        | chat::Refusal::NoAccounts
        | chat::Refusal::TooManyAccounts { .. }
        | chat::Refusal::RegisteredAlready { .. }
        | chat::Refusal::Registered { asked: false, .. }
        | chat::Refusal::NoAccount { .. }
        | chat::Refusal::NotRegistered { .. }
        | chat::Refusal::AccountRemoved
        | chat::Refusal::OtherSessions { .. }
        | chat::Refusal::IsBanned { .. }
        | chat::Refusal::NotForLobby
        | chat::Refusal::NotThere { .. }
        | chat::Refusal::IsThere { .. }
        | chat::Refusal::HasRole { .. }
        | chat::Refusal::LacksRole { .. }
        | chat::Refusal::LastOperator { .. }
        | chat::Refusal::WrongKey { .. }
        | chat::Refusal::InviteOnly { .. }
        | chat::Refusal::RoomFull { .. }
        | chat::Refusal::BannedFrom { .. }
        | chat::Refusal::Moderated { .. }
        | chat::Refusal::MutedIn { .. }
        | chat::Refusal::SlowMode { .. }
        | chat::Refusal::BadKey { .. }
        | chat::Refusal::NoChange
        | chat::Refusal::ListFull { .. }
        | chat::Refusal::NotRestricted { .. }
        | chat::Refusal::NoMessage { .. }
        | chat::Refusal::NotYours { .. }
        | chat::Refusal::NothingToDelete { .. }
        | chat::Refusal::SharedAddress { .. }
        | chat::Refusal::NoAddress { .. }
        | chat::Refusal::NoProxyHeader
        | chat::Refusal::NotReloaded { .. }
        | chat::Refusal::ConsoleDoesNotQuit => return None,
    })
}

#[test]
fn refusals_parse_to_the_same_refusal() {
    let mut random = Random(1);
    for _ in 0..500 {
        let (name, number) = (name(&mut random), random.below(3));
        let (name, seconds, most, asked) = (&*name, number as u64, number, random.one_in(2));
        let due = *random.pick(&[
            Due::Nothing,
            Due::Password { visible: true },
            Due::Password { visible: false },
            Due::Goodbye,
        ]);
        for refusal in [
            chat::Refusal::WrongPassword { due },
            chat::Refusal::TooManyWrongPasswords { seconds, due },
            chat::Refusal::TooManyLogins,
            chat::Refusal::PasswordsFail { due },
            chat::Refusal::BadPassword { most },
            chat::Refusal::NoAccounts,
            chat::Refusal::TooManyAccounts { most },
            chat::Refusal::RegisteredAlready { name },
            chat::Refusal::Registered { name, asked },
            chat::Refusal::NoAccount { name },
            chat::Refusal::NotRegistered { name },
            chat::Refusal::AccountRemoved,
            chat::Refusal::OtherSessions { others: number as u32 },
            chat::Refusal::Taken { name, asked },
            chat::Refusal::BadName { why: InvalidNick::Shape, name, asked },
            chat::Refusal::BadName { why: InvalidNick::Reserved, name, asked },
            chat::Refusal::BadName { why: InvalidNick::LooksLike("alice"), name, asked },
            chat::Refusal::BadName { why: InvalidNick::LooksLike(name), name: "alice", asked },
            chat::Refusal::BadName { why: InvalidNick::Mixed, name, asked },
            chat::Refusal::AlreadyCalled { name },
            chat::Refusal::NamesAreAddresses,
            chat::Refusal::LoginTimeout { seconds },
            chat::Refusal::StillWaiting,
            chat::Refusal::OtherProtocol,
            chat::Refusal::Full,
            chat::Refusal::Busy,
            chat::Refusal::TooManyFromAddress { most },
            chat::Refusal::Banned,
            chat::Refusal::Idle { seconds },
            chat::Refusal::TooLong { most },
            chat::Refusal::NotUtf8,
            chat::Refusal::NoSuchMember { name },
            chat::Refusal::Yourself,
            chat::Refusal::NoWhisperYet,
            chat::Refusal::WhispererLeft,
            chat::Refusal::Usage("/me text"),
            chat::Refusal::NoCommand { word: name },
            chat::Refusal::BadRoomName,
            chat::Refusal::MixedRoomName { room: name },
            chat::Refusal::RoomLooksLike { room: name, other: "lobby" },
            chat::Refusal::NoRoom { room: name },
            chat::Refusal::TooManyRooms { most },
            chat::Refusal::InThatRoom { room: name },
            chat::Refusal::NotIgnored { name },
            chat::Refusal::TooManyIgnored { most },
            chat::Refusal::HistoryRange { most },
            chat::Refusal::NoStore,
            chat::Refusal::LookupFails,
            chat::Refusal::TooManyStoredRooms { most },
            chat::Refusal::TooManyCreated { most },
            chat::Refusal::NotBanned { what: name },
            chat::Refusal::ConfiguredBan { network: "10.0.0.0/8".parse().unwrap() },
            chat::Refusal::NotReloaded { why: name },
            chat::Refusal::NoPage { command: "/bans", pages: most },
            chat::Refusal::NotMuted { name },
            chat::Refusal::NotAllowed { room: Some(name) },
            chat::Refusal::NotAllowed { room: None },
            chat::Refusal::NotThere { name, room: "den" },
            chat::Refusal::IsThere { name, room: "den" },
            chat::Refusal::HasRole { name, room: Some("den"), role: RoomRole::Voice },
            chat::Refusal::LastOperator { room: name },
            chat::Refusal::WrongKey { room: name, given: asked },
            chat::Refusal::InviteOnly { room: name },
            chat::Refusal::RoomFull { room: name, most: 3 },
            chat::Refusal::BannedFrom { room: name },
            chat::Refusal::Moderated { room: name },
            chat::Refusal::MutedIn { room: name, minutes: asked.then_some(seconds) },
            chat::Refusal::SlowMode { room: name, every: 30, wait: seconds },
            chat::Refusal::NoMessage { id: seconds, room: name },
            chat::Refusal::NothingToDelete { name: Some(name), room: "den" },
            chat::Refusal::SharedAddress { name, others: most, network: None },
            chat::Refusal::NoAddress { name },
            chat::Refusal::NoProxyHeader,
            chat::Refusal::ConsoleDoesNotQuit,
        ] {
            for lang in [Lang::En, Lang::Zh] {
                read(lang, Event::Refusal(refusal), |shape, line| {
                    let expected = expected_refusal(&refusal, lang).unwrap_or(ServerRefusal::Other(&line[2..]));
                    assert_eq!(shape, LineShape::Refused(expected), "{line:?}");
                });
            }
        }
    }
}

#[test]
fn only_password_prompts_are_shown_without_their_note() {
    for (line, shown) in [
        ("* Password: (visible as you type)", "* Password:"),
        ("* alice is registered. Password: (visible as you type)", "* alice is registered. Password:"),
        ("! Wrong password. Password: (visible as you type)", "! Wrong password. Password:"),
        ("! Wrong password.", "! Wrong password."),
        ("* 昵称alice已注册。请输入密码:（输入时可见）", "* 昵称alice已注册。请输入密码:"),
        ("! 密码错误。请输入密码:（输入时可见）", "! 密码错误。请输入密码:"),
        ("* x (visible as you type)", "* x (visible as you type)"),
        ("[12:00:00] bob: Password: (visible as you type)", "[12:00:00] bob: Password: (visible as you type)"),
    ] {
        assert_eq!(LineShape::parse(line).shown_part(line), shown);
    }
}
