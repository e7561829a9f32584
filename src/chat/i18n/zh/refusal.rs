//! The Chinese texts of refusals.

use std::fmt::{Formatter, Result};

use super::accounts;
use crate::chat::change::RestrictionKind;
use crate::chat::event::Refusal;
use crate::chat::id::LOBBY;
use crate::chat::member::RoomRole;
use crate::chat::policy::nick::{InvalidNick, MAX_ROOM_WIDTH, MAX_WIDTH};

/// What is wrong with a name of several scripts.
const MIXES: &str = "混用了容易混淆的文字，例如拉丁字母和西里尔字母";

pub fn refusal(refusal: &Refusal, f: &mut Formatter) -> Result {
    match *refusal {
        Refusal::Taken { asked: true, .. } => f.write_str("当前昵称已经存在，请重新输入:"),
        Refusal::Taken { asked: false, .. } => f.write_str("当前昵称已经存在。"),
        Refusal::BadName { why, name, asked } => {
            match why {
                InvalidNick::Shape => {
                    write!(f, "昵称宽度为1到{MAX_WIDTH}个字符，可用各种文字的字母、数字以及 _ - . ，不能有空格")?
                }
                InvalidNick::Reserved => write!(f, "昵称{name}已被保留")?,
                InvalidNick::LooksLike(other) => write!(f, "昵称{name}与{other}过于相似")?,
                InvalidNick::Mixed => write!(f, "昵称{name}{MIXES}")?,
            }
            f.write_str(if asked { "，请重新输入:" } else { "。" })
        }
        Refusal::AlreadyCalled { name } => write!(f, "您的昵称已经是{name}。"),
        Refusal::NamesAreAddresses => f.write_str("本服务器以地址作为昵称。"),
        Refusal::LoginTimeout { seconds } => write!(f, "{seconds}秒内没有输入昵称，再见。"),
        Refusal::StillWaiting => f.write_str("您还在排队，这句话没有发出。"),
        Refusal::NoProxyHeader => f.write_str(
            "来自您的地址的连接必须以PROXY头开始（--proxy-protocol）。请让代理发送PROXY头，或从其他地址连接。",
        ),
        Refusal::OtherProtocol => f.write_str(
            "这个端口只收发文本行，请用 nc、telnet 或 chinwag connect 连接；这里不支持 HTTP、TLS、SSH 等协议。",
        ),
        Refusal::Full => f.write_str("聊天室和等候队列都已满，请稍后再试。"),
        Refusal::TooManyFromAddress { most } => write!(f, "来自您的地址的连接太多（最多{most}个），请先关闭一个。"),
        Refusal::Busy => f.write_str("管理员正在与别人对话，请稍后再试。"),
        Refusal::Banned => f.write_str("您的地址已被封禁。"),
        Refusal::Idle { seconds } => write!(f, "{seconds}秒没有收到您的消息，再见。"),
        Refusal::TooLong { most } => write!(f, "这一行太长（最多{most}字节），没有发出。"),
        Refusal::NotUtf8 => f.write_str("这一行不是UTF-8，没有发出。"),
        Refusal::NoSuchMember { name } => write!(f, "不存在用户名为{name}的用户"),
        Refusal::Yourself => f.write_str("那是您自己。"),
        Refusal::NoWhisperYet => f.write_str("还没有人和您私聊。"),
        Refusal::WhispererLeft => f.write_str("最近和您私聊的人已经不在这里。"),
        Refusal::Usage(usage) => write!(f, "用法：{usage}"),
        Refusal::NoCommand { word } => write!(f, "没有命令 /{word}，输入 /help 查看命令。"),
        Refusal::BadRoomName => {
            write!(f, "房间名宽度为1到{MAX_ROOM_WIDTH}个字符，可用各种文字的字母、数字以及 _ - . ，不能有空格。")
        }
        Refusal::MixedRoomName { room } => write!(f, "房间名{room}{MIXES}。"),
        Refusal::RoomLooksLike { room, other } => write!(f, "房间名{room}与房间{other}的名称过于相似。"),
        Refusal::NoRoom { room } => write!(f, "没有房间{room}。/rooms 列出房间，/join {room} 建立它。"),
        Refusal::TooManyRooms { most } => write!(f, "已有{most}个房间，不能再建。/rooms 列出房间。"),
        Refusal::TooManyStoredRooms { most } => write!(f, "服务器已存有{most}个房间，不能再建新的。/rooms 列出房间。"),
        Refusal::TooManyCreated { most } => write!(f, "您建立的房间还有{most}个，不能再建。/rooms 列出房间。"),
        Refusal::InThatRoom { room } => write!(f, "您已经在房间{room}里。"),
        Refusal::NotInRoom { room } => {
            write!(f, "您不在房间{room}里。请先输入 /follow {room}；##{room} 可原样说出。")
        }
        Refusal::NotMember { room } => write!(f, "您不在房间{room}里。请先输入 /join {room} 或 /follow {room}。"),
        Refusal::FollowsAlready { room } => write!(f, "您已经关注了房间{room}。"),
        Refusal::NotFollowed { room } => write!(f, "您没有关注房间{room}。"),
        Refusal::TooManyFollowed { most } => write!(f, "最多关注{most}个房间。/unfollow 房间 取消一个。"),
        Refusal::TooManyKeys { most } => write!(f, "已有{most}个键，不能再多。"),
        Refusal::TextTooLong { most } => write!(f, "内容太长（最多{most}字节）。"),
        Refusal::NotIgnored { name } => write!(f, "您没有屏蔽{name}。"),
        Refusal::TooManyIgnored { most } => write!(f, "您已屏蔽{most}人，不能再多。"),
        Refusal::HistoryRange { most: 0 } => f.write_str("这里不保存历史记录。"),
        Refusal::HistoryRange { most } => write!(f, "用法：/history n，n为1到{most}"),
        Refusal::NoStore => f.write_str("本服务器没有存档，无法查找。"),
        Refusal::LookupFails => f.write_str("现在无法查找，请稍后再试。"),
        Refusal::NotAllowed { room: Some(room) } => write!(f, "只有房间{room}的房主可以这样做。"),
        Refusal::NotAllowed { room: None } => f.write_str("只有版主可以这样做。"),
        Refusal::CutOff => f.write_str("未发送：本服务器与其他服务器失去了联系。"),
        Refusal::PerhapsNotSaid => f.write_str("可能未发送：本服务器无法确认。请查看消息是否出现。"),
        Refusal::NotReached { name } => write!(f, "可能未发送：{name}所在的服务器没有应答。"),
        Refusal::StoreFails => f.write_str("存档暂时无法写入，此操作没有完成。请稍后再试。"),
        Refusal::OnlyOperator => f.write_str("只有服务器管理员可以这样做。"),
        Refusal::Protected { name } => write!(f, "{name}是版主，只有服务器管理员可以这样做。"),
        Refusal::IsBanned { name, room } => write!(f, "{name}已被禁止进入房间{room}，请先用 /unban {name}。"),
        Refusal::NotForLobby => f.write_str("这对 lobby 不适用。"),
        Refusal::NotThere { name, room } => write!(f, "{name}不在房间{room}里。"),
        Refusal::IsThere { name, room } => write!(f, "房间{room}里已经有{name}。"),
        Refusal::HasRole { name, room: Some(room), role: RoomRole::Operator } => {
            write!(f, "{name}已经是房间{room}的房主。")
        }
        Refusal::HasRole { name, room: Some(room), role: RoomRole::Voice } => {
            write!(f, "{name}在房间{room}里已有发言权。")
        }
        Refusal::HasRole { name, room: None, .. } => write!(f, "{name}已经是版主。"),
        Refusal::LacksRole { name, room: Some(room), role: RoomRole::Operator } => {
            write!(f, "{name}不是房间{room}的房主。")
        }
        Refusal::LacksRole { name, room: Some(room), role: RoomRole::Voice } => {
            write!(f, "{name}在房间{room}里没有发言权。")
        }
        Refusal::LacksRole { name, room: None, .. } => write!(f, "{name}不是版主。"),
        Refusal::LastOperator { room } => write!(f, "您是房间{room}唯一的房主，请先用 /op 任命另一位。"),
        Refusal::WrongKey { room, given: false } => write!(f, "房间{room}需要口令：/join {room} 口令"),
        Refusal::WrongKey { room, given: true } => write!(f, "房间{room}的口令不对。"),
        Refusal::InviteOnly { room } => write!(f, "房间{room}只限受邀者进入，请房主邀请您。"),
        Refusal::RoomFull { room, most } => write!(f, "房间{room}已满（最多{most}人）。"),
        Refusal::BannedFrom { room } => write!(f, "您已被禁止进入房间{room}。"),
        Refusal::Moderated { room } => {
            let operators = if room == LOBBY { "版主" } else { "房主" };
            write!(f, "房间{room}受管制：只有{operators}和有发言权的人可以发言。")
        }
        Refusal::MutedIn { room, minutes: None } => write!(f, "您在房间{room}里已被禁言。"),
        Refusal::MutedIn { room, minutes: Some(minutes) } => {
            write!(f, "您在房间{room}里已被禁言，还剩{minutes}分钟。")
        }
        Refusal::SlowMode { room, every, wait } => {
            write!(f, "房间{room}为慢速模式：每{every}秒一条消息，请再等{wait}秒。")
        }
        Refusal::BadKey { most } => write!(f, "口令是一个词，最多{most}字节。"),
        Refusal::NoChange => f.write_str("已经是这样设置的。"),
        Refusal::ListFull { room, most } => write!(f, "房间{room}的名单已满（最多{most}人）。"),
        Refusal::NotRestricted { name, room, kind: RestrictionKind::Mute } => {
            write!(f, "{name}在房间{room}里没有被禁言。")
        }
        Refusal::NotRestricted { name, room, kind: RestrictionKind::Ban } => {
            write!(f, "{name}没有被禁止进入房间{room}。")
        }
        Refusal::NoMask { mask, room } => write!(f, "房间{room}没有掩码{mask}。/bans 可列出。"),
        Refusal::BadMask { most } => {
            write!(f, "掩码的写法是 昵称!用户@主机（可含*和?）、a:账号，或在其前加 m:；最多{most}字节，不含空格。")
        }
        Refusal::NoMessage { id, room } => write!(f, "房间{room}里没有消息{id}。"),
        Refusal::NotYours { id } => write!(f, "消息{id}不是您的。"),
        Refusal::NothingToDelete { name: None, room } => write!(f, "您在房间{room}里没有可以删除的消息。"),
        Refusal::NothingToDelete { name: Some(name), room } => write!(f, "房间{room}里没有{name}的消息。"),
        Refusal::SharedAddress { name, others, network } => {
            write!(f, "另有{others}人与{name}使用同一地址。/mute {name} 只针对{name}；")?;
            match network {
                Some(network) => write!(f, "/ban {network} 封禁所有人。"),
                None => f.write_str("管理员可以封禁该地址。"),
            }
        }
        Refusal::ConfiguredBan { network } => {
            write!(f, "{network}是在配置中封禁的；请修改配置，然后输入 /reload。")
        }
        Refusal::NotBanned { what } => write!(f, "{what}不是被封禁的地址，/bans 列出封禁。"),
        Refusal::NoAddress { name } => write!(
            f,
            "{name}通过Unix套接字连接，没有可以封禁的地址。/kick {name} 断开其连接；/ban #房间 {name} 禁止其进入房间；/mute {name} 将其禁言。"
        ),
        Refusal::WrongPassword { .. }
        | Refusal::TooManyWrongPasswords { .. }
        | Refusal::TooManyLogins
        | Refusal::PasswordsFail { .. }
        | Refusal::BadPassword { .. }
        | Refusal::NoAccounts
        | Refusal::TooManyAccounts { .. }
        | Refusal::RegisteredAlready { .. }
        | Refusal::Registered { .. }
        | Refusal::NoAccount { .. }
        | Refusal::NotRegistered { .. }
        | Refusal::AccountRemoved
        | Refusal::OtherSessions { .. } => accounts::refusal(refusal, f),
        Refusal::NotMuted { name } => write!(f, "{name}没有被禁言，/mutes 列出禁言。"),
        Refusal::NoPage { command, pages } => write!(f, "用法：{command} n，n为1到{pages}"),
        Refusal::NotReloaded { why } => write!(f, "未能重新读取设置：{why}"),
        Refusal::ConsoleDoesNotQuit => f.write_str("/shutdown 关闭服务器；/say q 说出 q。"),
    }
}
