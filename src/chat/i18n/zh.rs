//! The Chinese texts.

use std::fmt::{Formatter, Result};

use time::Weekday;

use super::{list, minute, prefix};
use crate::chat::cause::Cause;
use crate::chat::event::{Notice, People, Refusal, Topic, Whois};
use crate::chat::policy::nick::{InvalidNick, MAX_WIDTH};

pub const HELP: &[&str] = &[
    "输入一行文字并按回车即可发言，也可以输入命令：",
    "@昵称 内容，/msg 昵称 内容    私聊；/r 内容 回复最近一次私聊",
    "@@内容，//内容，/say 内容     说出 @内容、/内容，或原样说出内容",
    "/me 内容                      动作：* alice 挥手",
    "/nick 昵称                    更换昵称",
    "/who [房间]，/rooms           谁在这里；有哪些房间",
    "/join 房间，/leave            进入别的房间；回到 lobby",
    "/history [n]                  重看最近 n 条消息",
    "/history before ID [n]        看消息 ID 之前的消息（如有存档）",
    "/search 词语                  查找消息；/search before ID 词语 继续往前找",
    "/ignore [昵称]，/unignore 昵称  屏蔽某人；取消屏蔽",
    "/echo on|off                  是否显示自己说的话",
    "/ping [内容]                  看看服务器是否应答",
    "/quit [原因]                  离开；单独一行 q、quit 或 exit 也可以",
];

pub const ROOM_HELP: &[&str] = &[
    "/follow 房间，/unfollow 房间  同时阅读另一个房间；不再阅读",
    "#房间 内容，##内容            在您关注的房间里说话；说出 #内容",
    "/topic [内容]，/topic -       显示、设置或清除房间的话题",
    "/quiet on|off                 是否隐藏进出房间的通知",
    "/away [内容]，/whois 昵称     暂时离开或回来；查看某人的信息",
    "与房间有关的命令可以先写 #房间：/history #den，/topic #den 内容",
];

pub const OPERATOR_HELP: &[&str] = &[
    "您输入的内容以 server 的名义在 lobby 中说出。命令：",
    "@昵称 内容，/msg 昵称 内容    私聊；/r 内容 回复最近一次私聊",
    "@@内容，//内容，/say 内容     说出 @内容、/内容，或原样说出内容；/me 内容",
    "#房间 内容，##内容            在该房间里说话；说出 #内容",
    "/who [房间]，/rooms，/stats   谁在这里；有哪些房间；服务器的数据",
    "/kick 昵称 [原因]             断开某人的连接",
    "/ban 地址|昵称 [分钟]         断开并拒绝来自该地址（或 10.0.0.0/8）的连接",
    "/bans [页]，/unban 地址       列出封禁；解除封禁",
    "/mute 昵称 [分钟]            别人看不到其发言，本人不会得知",
    "/mutes [页]，/unmute 昵称     列出禁言；解除禁言",
    "/shutdown                     关闭服务器",
];

pub fn notice(notice: &Notice, f: &mut Formatter) -> Result {
    match *notice {
        Notice::Hello { .. } => Ok(()),
        Notice::Welcome => f.write_str("请输入昵称:"),
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
        Notice::Whois(Whois { name, since, rooms, away }) => {
            write!(f, "{name}：{}进入服务器，在房间", minute(since))?;
            list(f, rooms, "、", "和")?;
            away.map_or(Ok(()), |text| write!(f, "；暂时离开：{text}"))
        }
        Notice::HistoryBegins { .. } => f.write_str("----以下是历史记录----"),
        Notice::HistoryEnds => f.write_str("----以上是历史记录----"),
        Notice::PageEnds { room, older: Some(id) } => {
            write!(f, "----以上是历史记录，更早的请输入 /history {}before {id}----", prefix(room))
        }
        Notice::PageEnds { older: None, .. } => f.write_str("----以上是历史记录，没有更早的----"),
        Notice::FoundBegins { words, messages: 0 } => write!(f, "----没有含“{words}”的消息----"),
        Notice::FoundBegins { words, messages } => write!(f, "----{messages}条含“{words}”的消息----"),
        Notice::FoundEnds { room, words, older: Some(id) } => {
            write!(f, "----更早的请输入 /search {}before {id} {words}----", prefix(room))
        }
        Notice::FoundEnds { older: None, .. } => f.write_str("----没有更早的----"),
        Notice::WhisperStored { name } => write!(f, "{name}不在这里，私聊将留给下一个使用该昵称的人。"),
        Notice::OfflineWhispersBegin { whispers } => write!(f, "----您不在时的{whispers}条私聊----"),
        Notice::OfflineWhispersEnd => f.write_str("----以上是您不在时的私聊----"),
        Notice::NoHistory => f.write_str("这里还没有人说过话。"),
        Notice::Joined { name, here } => write!(f, "{name}进入了聊天室，当前{here}人"),
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
        Notice::People { people: p, .. } => {
            write!(f, "当前{}人", p.here)?;
            named(&p, f)
        }
        Notice::PeopleIn { room, people: p } => {
            write!(f, "房间{room}当前{}人", p.here)?;
            named(&p, f)
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
        Notice::Kicked { why: None } => f.write_str("您被管理员请出了聊天室。"),
        Notice::Kicked { why: Some(why) } => write!(f, "您被管理员请出了聊天室：{why}"),
        Notice::ShuttingDown => f.write_str("服务器即将关闭。"),
        Notice::Line(text) => f.write_str(text),
        Notice::Connected { addr, connected } => write!(f, "{addr}已连接，当前{connected}个连接"),
        Notice::Disconnected { addr, connected } => write!(f, "{addr}已断开，当前{connected}个连接"),
        Notice::PeerLeft { name } => write!(f, "{name}已退出，服务器关闭。"),
        Notice::Ban { network, minutes: Some(minutes) } => write!(f, "{network}已被封禁，还剩{minutes}分钟。"),
        Notice::Ban { network, minutes: None } => write!(f, "{network}已被封禁。"),
        Notice::Unbanned { network } => write!(f, "{network}已解除封禁。"),
        Notice::Muted { name, minutes: Some(minutes) } => write!(f, "{name}已被禁言，还剩{minutes}分钟。"),
        Notice::Muted { name, minutes: None } => write!(f, "{name}已被禁言。"),
        Notice::Unmuted { name } => write!(f, "{name}已解除禁言。"),
        Notice::NoMutes => f.write_str("没有禁言任何人。"),
        Notice::NoBans => f.write_str("没有封禁任何地址。"),
        Notice::PageOf { command, page, pages } if page < pages => {
            write!(f, "--- 第{page}页，共{pages}页；{command} {} 显示下一页 ---", page + 1)
        }
        Notice::PageOf { page, pages, .. } => write!(f, "--- 第{page}页，共{pages}页 ---"),
        Notice::MoreRooms { rooms } => write!(f, "--- 另有{rooms}个房间有人：/rooms ---"),
        Notice::Detached => f.write_str("输入已结束：控制台已断开，服务器继续运行。"),
        Notice::StoreFails { why } => write!(f, "消息暂时无法存档，先保存在内存中：{why}。"),
        Notice::StoreWorks { written, lost: 0 } => write!(f, "消息已恢复存档，等待中的{written}条记录已写入。"),
        Notice::StoreWorks { written, lost } => {
            write!(f, "消息已恢复存档，等待中的{written}条记录已写入，另有{lost}条因太多而丢失。")
        }
        Notice::Lost { lines } => write!(f, "有{lines}行因未及时读取而丢失。"),
    }
}

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
            }
            f.write_str(if asked { "，请重新输入:" } else { "。" })
        }
        Refusal::AlreadyCalled { name } => write!(f, "您的昵称已经是{name}。"),
        Refusal::NamesAreAddresses => f.write_str("本服务器以地址作为昵称。"),
        Refusal::LoginTimeout { seconds } => write!(f, "{seconds}秒内没有输入昵称，再见。"),
        Refusal::StillWaiting => f.write_str("您还在排队，这句话没有发出。"),
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
            write!(f, "房间名宽度为1到{MAX_WIDTH}个字符，可用各种文字的字母、数字以及 _ - . ，不能有空格。")
        }
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
        Refusal::TextTooLong { most } => write!(f, "内容太长（最多{most}字节）。"),
        Refusal::NotIgnored { name } => write!(f, "您没有屏蔽{name}。"),
        Refusal::TooManyIgnored { most } => write!(f, "您已屏蔽{most}人，不能再多。"),
        Refusal::HistoryRange { most: 0 } => f.write_str("这里不保存历史记录。"),
        Refusal::HistoryRange { most } => write!(f, "用法：/history n，n为1到{most}"),
        Refusal::NoStore => f.write_str("本服务器没有存档，无法查找。"),
        Refusal::LookupFails => f.write_str("现在无法查找，请稍后再试。"),
        Refusal::NotBanned { what } => write!(f, "{what}不是被封禁的地址，/bans 列出封禁。"),
        Refusal::NotMuted { name } => write!(f, "{name}没有被禁言，/mutes 列出禁言。"),
        Refusal::NoPage { command, pages } => write!(f, "用法：{command} n，n为1到{pages}"),
        Refusal::ConsoleDoesNotQuit => f.write_str("/shutdown 关闭服务器；/say q 说出 q。"),
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
    }
}

fn named(p: &People, f: &mut Formatter) -> Result {
    if p.here > 0 {
        f.write_str("：")?;
        people(p, f)?;
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
