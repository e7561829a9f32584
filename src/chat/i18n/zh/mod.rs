//! The Chinese texts.

mod accounts;
mod console;
mod moderation;
mod nodes;
mod refusal;

use std::fmt::{Formatter, Result};

use time::Weekday;

pub use self::console::console;
pub use self::refusal::refusal;
use super::{list, minute, prefix, with_nodes};
use crate::chat::cause::Cause;
use crate::chat::config::DEFAULT_NAME;
use crate::chat::event::{CertificateState, Notice, People, Topic, Whois};
use crate::chat::member::Role;
use crate::chat::policy::peer::show_addr;

pub const HELP: &[&str] = &[
    "输入一行文字并按回车即可发言，也可以输入命令：",
    "@昵称 内容，/msg 昵称 内容    私聊；/r 内容 回复最近一次私聊",
    "@@内容，//内容，/say 内容     说出 @内容、/内容，或原样说出内容",
    "/me 内容                      动作：* alice 挥手",
    "/nick 昵称                    更换昵称",
    "/who [房间]，/rooms           谁在这里；有哪些房间",
    "/join 房间，/leave            进入别的房间；回到 lobby",
    "/history [n]                  重看最近 n 条消息",
    "/history before ID [n]        看消息 ID 之前的消息（如有存档）；",
    "                              也可用 after ID、around ID、on YYYY-MM-DD",
    "/search 词语                  查找消息；/search before ID 词语 继续往前找",
    "/ignore [昵称]，/unignore 昵称  屏蔽某人；取消屏蔽",
    "/echo on|off                  是否显示自己说的话",
    "/ping [内容]，/motd           看看服务器是否应答；重看今日公告",
    "/quit [原因]                  离开；单独一行 q、quit 或 exit 也可以",
];

pub const ROOM_HELP: &[&str] = &[
    "/follow 房间，/unfollow 房间  同时阅读另一个房间；不再阅读",
    "#房间 内容，##内容            在您关注的房间里说话；说出 #内容",
    "/topic [内容]，/topic -       显示、设置或清除房间的话题",
    "/quiet on|off                 是否隐藏进出房间的通知",
    "/away [内容]，/whois 昵称     暂时离开或回来；查看某人的信息",
    "/delete last|ID|@昵称 [n]     删除自己的消息",
    "/register 密码                注册自己的昵称（如果服务器存档）",
    "/nick 昵称 密码               使用自己注册的昵称",
    "/password 旧密码 新密码       修改密码；/unregister 密码 取消注册",
    "/read [#房间] ID              让帐号记住读到哪里",
    "与房间有关的命令可以先写 #房间：/history #den，/topic #den 内容",
    "建立房间的人是房主，在该房间里有以下命令：",
    "/room [设置 值|off]           显示或更改设置：key、invite-only、",
    "                              moderated、secret、topic-lock、limit、slow",
    "/invite 昵称                  邀请某人进入",
    "/op，/deop 昵称               给予或收回房主身份",
    "/voice，/devoice 昵称         允许某人在受管制的房间里发言，或收回",
    "/kick 昵称 [原因]             把某人请出房间",
    "/mute 昵称 [分钟]             不许发言；/unmute 昵称，/mutes",
    "/ban 昵称 [分钟]              不许进入；/unban 昵称，/bans",
    "/delete ID，/delete @昵称 [n]  删除别人的消息",
];

pub const MODERATOR_HELP: &[&str] = &[
    "您是版主：以上命令在每个房间都可用（先写 #房间）；",
    "不写 #房间 时对整个服务器有效：",
    "/kick 昵称 [原因]             断开某人的连接",
    "/ban 昵称 [分钟]              拒绝来自其地址的连接；/unban，/bans",
    "/mute 昵称 [分钟]             别人看不到其发言；/unmute，/mutes",
    "/stats                        服务器的数据",
];

pub const OPERATOR_HELP: &[&str] = &[
    "您输入的内容以 server 的名义在 lobby 中说出。命令：",
    "@昵称 内容，/msg 昵称 内容    私聊；/r 内容 回复最近一次私聊",
    "@@内容，//内容，/say 内容     说出 @内容、/内容，或原样说出内容；/me 内容",
    "/who [房间]，/rooms，/stats   谁在这里；有哪些房间；服务器的数据",
    "/motd                         今日公告",
    "/kick 昵称 [原因]             断开某人的连接",
    "/ban 地址|昵称 [分钟]         断开并拒绝来自该地址（或 10.0.0.0/8）的连接",
    "/bans [页]，/unban 地址|昵称  列出封禁；解除封禁",
    "/mute 昵称 [分钟]            别人看不到其发言，本人不会得知",
    "/mutes [页]，/unmute 昵称     列出禁言；解除禁言",
    "/nodes                        与本进程同属一个聊天的其他进程",
    "/reload                       重新读取设置",
    "/shutdown                     关闭服务器",
];

pub const OPERATOR_ROOM_HELP: &[&str] = &[
    "#房间 内容，##内容            在该房间里说话；说出 #内容",
    "先写 #房间 则只对该房间有效：/kick #den 昵称。还有：",
    "/room，/topic，/invite，/op，/deop，/voice，/devoice，都可先写 #房间",
    "/delete [#房间] ID|@昵称 [n]  删除消息",
    "/mod 昵称，/unmod 昵称        任命版主；免去版主",
    "/unregister 昵称              取消某个昵称的注册",
];

pub fn notice(notice: &Notice, f: &mut Formatter) -> Result {
    match *notice {
        Notice::Hello { .. } | Notice::MemberAway { .. } => Ok(()),
        Notice::Welcome { server: DEFAULT_NAME } => f.write_str("请输入昵称:"),
        Notice::Welcome { server } => write!(f, "请输入昵称（{server}）:"),
        Notice::NameSet => f.write_str("昵称设置成功"),
        Notice::Entered { name, people: p, .. } => {
            write!(f, "您是{name}，当前{}人：", p.here)?;
            people(&p, f)?;
            f.write_str("。输入 /help 查看命令。")
        }
        Notice::EnteredPeer { name } => write!(f, "您是{name}，正在与服务器管理员对话。输入 /help 查看命令。"),
        Notice::EnteredRoom { room, people: p, .. } => {
            write!(f, "您进入了房间{room}，当前{}人：", p.here)?;
            people(&p, f)?;
            f.write_str("。")
        }
        Notice::Motd { text } => f.write_str(text),
        Notice::NoMotd => f.write_str("没有今日公告。"),
        Notice::Following { room, people: p, .. } => {
            write!(f, "您关注了房间{room}，当前{}人：", p.here)?;
            people(&p, f)?;
            f.write_str("。")
        }
        Notice::Unfollowed { room } => write!(f, "您不再关注房间{room}。"),
        Notice::TopicSet { name, text: Some(text) } => write!(f, "{name}设置了话题：{text}"),
        Notice::TopicSet { name, text: None } => write!(f, "{name}清除了话题。"),
        Notice::Topic(Topic { name, text }) => write!(f, "话题（由{name}设置）：{text}"),
        Notice::NoTopic => f.write_str("没有话题。"),
        Notice::YouAreAway { text: Some(text), .. } => write!(f, "您已暂时离开：{text}"),
        Notice::YouAreAway { text: None, .. } => f.write_str("您回来了。"),
        Notice::Away { name, text } => write!(f, "{name}暂时离开：{text}"),
        Notice::Quiet { on: true } => f.write_str("不再显示进出房间的通知。"),
        Notice::Quiet { on: false } => f.write_str("重新显示进出房间的通知。"),
        Notice::Whois(Whois { name, since, rooms, role, account, away }) => {
            write!(f, "{name}：{}进入服务器，", minute(since))?;
            match rooms {
                [] => f.write_str("不在您能看到的房间里")?,
                rooms => {
                    f.write_str("在房间")?;
                    list(f, rooms, "、", "和")?;
                }
            }
            match account {
                Some(account) if account == name => f.write_str("；已注册")?,
                Some(account) => write!(f, "；已注册为{account}")?,
                None => {}
            }
            match role {
                Role::User => {}
                Role::Moderator => f.write_str("；版主")?,
                Role::Operator => f.write_str("；管理员")?,
            }
            away.map_or(Ok(()), |text| write!(f, "；暂时离开：{text}"))
        }
        Notice::HistoryBegins { .. } => f.write_str("----以下是历史记录----"),
        Notice::HistoryEnds => f.write_str("----以上是历史记录----"),
        Notice::PageEnds { room, older, newer } => {
            match older {
                Some(id) => write!(f, "----以上是历史记录，更早的请输入 /history {}before {id}", prefix(room))?,
                None => f.write_str("----以上是历史记录，没有更早的")?,
            }
            newer.map_or(Ok(()), |id| write!(f, "，更新的请输入 /history {}after {id}", prefix(room)))?;
            f.write_str("----")
        }
        Notice::FoundBegins { words, messages: 0 } => write!(f, "----没有含“{words}”的消息----"),
        Notice::FoundBegins { words, messages } => write!(f, "----{messages}条含“{words}”的消息----"),
        Notice::FoundEnds { room, words, older: Some(id) } => {
            write!(f, "----更早的请输入 /search {}before {id} {words}----", prefix(room))
        }
        Notice::FoundEnds { older: None, .. } => f.write_str("----没有更早的----"),
        Notice::WhisperStored { name, account: true } => write!(f, "{name}不在这里，私聊将在其登录时送达。"),
        Notice::WhisperStored { name, .. } => write!(f, "{name}不在这里，私聊将留给下一个使用该昵称的人。"),
        Notice::OfflineWhispersBegin { whispers } => write!(f, "----您不在时的{whispers}条私聊----"),
        Notice::OfflineWhispersEnd => f.write_str("----以上是您不在时的私聊----"),
        Notice::SomeMissing => f.write_str("本服务器缺少这段时间的部分消息。"),
        Notice::NoHistory => f.write_str("这里还没有人说过话。"),
        Notice::Joined { name, here } => write!(f, "{name}进入了聊天室，当前{here}人"),
        Notice::JoinedFrom { name, addr, here } => {
            write!(f, "{name}从{}进入了聊天室，当前{here}人", show_addr(addr))
        }
        Notice::Left { name, cause, here } => {
            write!(f, "{name}退出了聊天室")?;
            self::cause(cause, f)?;
            write!(f, "，当前{here}人")
        }
        Notice::Renamed { old, new } => write!(f, "{old}改名为{new}"),
        Notice::Summed { joined, left, here } => {
            write!(f, "{joined}人进入了聊天室，{left}人退出了聊天室，当前{here}人")
        }
        Notice::Day(date) => {
            let weekday = match date.weekday() {
                Weekday::Monday => "一",
                Weekday::Tuesday => "二",
                Weekday::Wednesday => "三",
                Weekday::Thursday => "四",
                Weekday::Friday => "五",
                Weekday::Saturday => "六",
                Weekday::Sunday => "日",
            };
            write!(f, "{}年{}月{}日 星期{weekday}", date.year(), u8::from(date.month()), date.day())
        }
        Notice::Waiting { number } => write!(f, "聊天室已满，您在等候队列中排第{number}位。"),
        Notice::Pong { text: "" } => f.write_str("pong"),
        Notice::Pong { text } => write!(f, "pong {text}"),
        Notice::People { people: p, nodes, .. } => {
            write!(f, "当前{}人", p.here)?;
            named(&p, nodes, f)
        }
        Notice::PeopleIn { room, people: p, nodes } => {
            write!(f, "房间{room}当前{}人", p.here)?;
            named(&p, nodes, f)
        }
        Notice::Rooms { rooms, more } => {
            write!(f, "共{}个房间：", rooms.len() + more)?;
            for (index, (room, here, _)) in rooms.iter().enumerate() {
                write!(f, "{}{room}（{here}人）", if index == 0 { "" } else { "、" })?;
            }
            if more > 0 { write!(f, "以及另外{more}个") } else { Ok(()) }
        }
        Notice::Echo { on: true } => f.write_str("从现在起显示您自己说的话。"),
        Notice::Echo { on: false } => f.write_str("不再显示您自己说的话。"),
        Notice::Ignoring { name } => write!(f, "已屏蔽{name}。输入 /unignore {name} 取消屏蔽。"),
        Notice::NoLongerIgnoring { name } => write!(f, "已取消屏蔽{name}。"),
        Notice::IgnoreList { names: [] } => f.write_str("您没有屏蔽任何人。"),
        Notice::IgnoreList { names } => {
            f.write_str("您屏蔽了")?;
            list(f, names, "、", "和")?;
            f.write_str("。")
        }
        Notice::Goodbye => f.write_str("再见。"),
        Notice::ShuttingDown => f.write_str("服务器即将关闭。"),
        Notice::Line(text) => f.write_str(text),
        Notice::Connected { addr, connected } => write!(f, "{}已连接，当前{connected}个连接", show_addr(addr)),
        Notice::Disconnected { addr, connected } => write!(f, "{}已断开，当前{connected}个连接", show_addr(addr)),
        Notice::PeerLeft { name } => write!(f, "{name}已退出，服务器关闭。"),
        Notice::AskPassword { .. }
        | Notice::Registered { .. }
        | Notice::PasswordChanged
        | Notice::Unregistered { .. }
        | Notice::LoggedInAs { .. }
        | Notice::Read { .. } => accounts::notice(notice, f),
        Notice::SettingChanged { .. }
        | Notice::Settings(_)
        | Notice::RoleChanged { .. }
        | Notice::Restricted { .. }
        | Notice::MaskSet { .. }
        | Notice::Mask { .. }
        | Notice::Deleted { .. }
        | Notice::Removed { .. }
        | Notice::Invited { .. }
        | Notice::Moderator { .. }
        | Notice::Kicked { .. }
        | Notice::KickedBy { .. }
        | Notice::Ban { .. }
        | Notice::Unbanned { .. }
        | Notice::ConfiguredBan { .. }
        | Notice::NoBans
        | Notice::Muted { .. }
        | Notice::Unmuted { .. }
        | Notice::NoMutes => moderation::notice(notice, f),
        Notice::LostTouch | Notice::InTouchAgain | Notice::Node(_) | Notice::NoCluster | Notice::NodeTrouble(_) => {
            nodes::notice(notice, f)
        }
        Notice::PageOf { command, page, pages } if page < pages => {
            write!(f, "--- 第{page}页，共{pages}页；{command} {} 显示下一页 ---", page + 1)
        }
        Notice::PageOf { page, pages, .. } => write!(f, "--- 第{page}页，共{pages}页 ---"),
        Notice::MoreRooms { rooms } => write!(f, "--- 另有{rooms}个房间有人：/rooms ---"),
        Notice::Reloaded { changed, fixed } => {
            f.write_str("已重新读取设置")?;
            match changed {
                [] => f.write_str("，没有变化。")?,
                changed => write!(f, "。已更改：{}。", changed.join("、"))?,
            }
            match fixed {
                [] => Ok(()),
                fixed => write!(f, "重启后才生效：{}。", fixed.join("、")),
            }
        }
        Notice::Detached => f.write_str("输入已结束：控制台已断开，服务器继续运行。"),
        Notice::StoreFails { why } => write!(f, "消息暂时无法存档，先保存在内存中：{why}。"),
        Notice::StoreWorks { written, lost: 0 } => write!(f, "消息已恢复存档，等待中的{written}条记录已写入。"),
        Notice::StoreWorks { written, lost } => {
            write!(f, "消息已恢复存档，等待中的{written}条记录已写入，另有{lost}条因太多而丢失。")
        }
        Notice::Certificate { file, state } => match state {
            CertificateState::NotYetValid(at) => {
                write!(f, "TLS 证书 {file} 从 {} UTC 起才有效，在此之前客户端会拒绝它。时钟是否正确？", minute(at))
            }
            CertificateState::Ends { at, days } => {
                let left = if days == 0 { "今天".into() } else { format!("{days}天后") };
                write!(f, "TLS 证书 {file} {left}到期（{} UTC）。请更新证书，然后使用 /reload。", minute(at))
            }
            CertificateState::Ended(at) => {
                write!(
                    f,
                    "TLS 证书 {file} 已到期（{} UTC），客户端会拒绝它。请更新证书，然后使用 /reload。",
                    minute(at)
                )
            }
        },
        Notice::TlsCommand { command } => write!(f, "用 TLS 连接：{command}"),
        Notice::TlsWords { words } => write!(f, "可在电话中念出：{words}"),
        Notice::Lost { lines } => write!(f, "有{lines}行因未及时读取而丢失。"),
    }
}

fn cause(cause: &Cause, f: &mut Formatter) -> Result {
    match cause {
        Cause::Quit(None) | Cause::EndOfInput | Cause::Moved | Cause::ShutDown => Ok(()),
        Cause::Quit(Some(reason)) => write!(f, "：“{reason}”"),
        Cause::ConnectionLost => f.write_str("：连接中断"),
        Cause::Idle => f.write_str("：长时间没有消息"),
        Cause::TooSlow => f.write_str("：读取太慢"),
        Cause::Kicked(_) => f.write_str("：被请出"),
        Cause::Banned => f.write_str("：被封禁"),
        Cause::LoginTimeout => f.write_str("：没有输入昵称"),
        Cause::OtherProtocol => f.write_str("：使用了其他协议"),
        Cause::WrongPassword => f.write_str("：密码错误"),
    }
}

fn named(p: &People, nodes: &[(&str, &str)], f: &mut Formatter) -> Result {
    if p.here > 0 {
        f.write_str("：")?;
        with_nodes(p, nodes, |p| people(p, f))?;
    }
    f.write_str("。")
}

fn people(p: &People, f: &mut Formatter) -> Result {
    match (p.more(), p.you) {
        (0, false) => list(f, p.names, "、", "和"),
        (0, true) if p.names.is_empty() => f.write_str("您"),
        (0, true) => {
            list(f, p.names, "、", "、")?;
            f.write_str("和您")
        }
        (more, you) => {
            for name in p.names {
                write!(f, "{name}、")?;
            }
            write!(f, "另外{more}人{}", if you { "和您" } else { "" })
        }
    }
}
