//! Parses the server's Chinese sentences.
//!
//! There is no space between a name and the words around it, and a name may contain these words. But no name contains
//! punctuation, so the sentences are split there.

use time::{Date, Month};

use super::notice::ServerNotice;
use super::people::{ListWords, is_name, number};
use super::refusal::ServerRefusal;
use crate::chat::{Due, is_server_name};

const WORDS: ListWords = ListWords { comma: "、", and: "和", you: "您", more: ("另外", "人") };

/// The note behind a password prompt that what is typed there can be read.
pub const VISIBLE: &str = "（输入时可见）";

pub fn notice(text: &str) -> Option<ServerNotice<'_>> {
    Some(match text {
        "昵称设置成功" => ServerNotice::NameSet,
        "----以下是历史记录----" => ServerNotice::HistoryBegins { messages: None },
        "----以上是历史记录----" => ServerNotice::HistoryEnds,
        "----以上是历史记录，没有更早的----" => ServerNotice::HistoryEnds,
        "这里还没有人说过话。" => ServerNotice::NoHistory,
        "从现在起显示您自己说的话。" => ServerNotice::Echo { on: true },
        "不再显示您自己说的话。" => ServerNotice::Echo { on: false },
        "再见。" => ServerNotice::Goodbye,
        "密码已修改。" => ServerNotice::PasswordChanged,
        "服务器即将关闭。" => ServerNotice::ShuttingDown,
        _ => {
            return welcome(text)
                .or_else(|| entered(text))
                .or_else(|| presence(text))
                .or_else(|| listed(text))
                .or_else(|| about_account(text))
                .or_else(|| other(text))
                .or_else(|| renamed(text));
        }
    })
}

/// Parses the prompt for a nickname, in which the server may have a name.
fn welcome(text: &str) -> Option<ServerNotice<'_>> {
    let name = text.strip_prefix("请输入昵称")?.strip_suffix(':')?;
    let in_brackets = || name.strip_prefix('（')?.strip_suffix('）');
    (name.is_empty() || in_brackets().is_some_and(is_server_name)).then_some(ServerNotice::Welcome)
}

fn entered(text: &str) -> Option<ServerNotice<'_>> {
    if let Some(name) =
        text.strip_prefix("您是").and_then(|rest| rest.strip_suffix("，正在与服务器管理员对话。输入 /help 查看命令。"))
    {
        return is_name(name).then_some(ServerNotice::EnteredPeer { name });
    }
    let (room, rest) = match text.strip_prefix("您进入了房间") {
        Some(rest) => (true, rest.strip_suffix("。")?),
        None => (false, text.strip_prefix("您是")?.strip_suffix("。输入 /help 查看命令。")?),
    };
    let (place, rest) = rest.split_once("，当前").filter(|(place, _)| is_name(place))?;
    let (here, list) = rest.split_once("人：")?;
    let people = WORDS.people(list, number(here)?, true)?;
    Some(match room {
        true => ServerNotice::EnteredRoom { room: place, people },
        false => ServerNotice::Entered { name: place, people },
    })
}

fn about_account(text: &str) -> Option<ServerNotice<'_>> {
    if let Some(visible) = password(text) {
        return Some(ServerNotice::AskPassword { account: None, visible });
    }
    if let Some(name) = text.strip_prefix("您已登录为").and_then(|rest| rest.strip_suffix("。")) {
        return is_name(name).then_some(ServerNotice::LoggedInAs { name });
    }
    let rest = text.strip_prefix("昵称")?;
    if let Some(name) = rest.strip_suffix("已取消注册。") {
        return is_name(name).then_some(ServerNotice::Unregistered { name });
    }
    if let Some(name) = rest.strip_suffix("已注册，以后使用它需要输入密码。") {
        return is_name(name).then_some(ServerNotice::Registered { name });
    }
    let (name, prompt) = rest.split_once("已注册。").filter(|(name, _)| is_name(name))?;
    Some(ServerNotice::AskPassword { account: Some(name), visible: password(prompt)? })
}

/// Parses the prompt for a password; returns whether it has the note that what is typed can be read.
fn password(text: &str) -> Option<bool> {
    let prompt = text.strip_suffix(VISIBLE).unwrap_or(text);
    (prompt == "请输入密码:").then_some(prompt.len() < text.len())
}

/// Parses what follows a refusal about a password.
fn due(text: &str) -> Option<Due> {
    Some(match text {
        "" => Due::Nothing,
        "再见。" => Due::Goodbye,
        _ => Due::Password { visible: password(text)? },
    })
}

fn presence(text: &str) -> Option<ServerNotice<'_>> {
    let (what, here) = text.strip_suffix("人")?.rsplit_once("，当前")?;
    let here = number(here)?;
    if let Some((joined, rest)) = what.split_once("人进入了聊天室，")
        && let Some(left) = rest.strip_suffix("人退出了聊天室")
    {
        return Some(ServerNotice::Summed { joined: number(joined)?, left: number(left)?, here });
    }
    if let Some((name, cause)) = what.split_once("退出了聊天室：") {
        return is_name(name).then_some(ServerNotice::Left { name, cause, here });
    }
    if let Some(name) = what.strip_suffix("退出了聊天室") {
        return is_name(name).then_some(ServerNotice::Left { name, cause: "", here });
    }
    let name = what.strip_suffix("进入了聊天室")?;
    is_name(name).then_some(ServerNotice::Joined { name, here })
}

/// Parses the answers to `/who` and `/rooms`.
fn listed(text: &str) -> Option<ServerNotice<'_>> {
    if let Some(rest) = text.strip_prefix("共") {
        let (count, list) = rest.split_once("个房间：")?;
        return rooms(list, number(count)?);
    }
    let (head, list) = text.strip_suffix("。").map(|text| text.split_once("：").unwrap_or((text, "")))?;
    let (room, here) = head.strip_suffix("人")?.rsplit_once("当前")?;
    let here = number(here)?;
    if room.is_empty() {
        return Some(ServerNotice::People(WORDS.people(list, here, true)?));
    }
    let room = room.strip_prefix("房间").filter(|room| is_name(room))?;
    Some(ServerNotice::PeopleIn { room, people: WORDS.people(list, here, false)? })
}

fn rooms(list: &str, count: usize) -> Option<ServerNotice<'_>> {
    let (list, more) = match list.strip_suffix("个") {
        Some(list) => list.rsplit_once("以及另外").and_then(|(list, more)| Some((list, number(more)?)))?,
        None => (list, 0),
    };
    let mut rooms = Vec::new();
    for item in list.split("、") {
        let (room, here) = item.strip_suffix("人）")?.split_once("（").filter(|(room, _)| is_name(room))?;
        rooms.push((room, number(here)?));
    }
    (rooms.len().checked_add(more) == Some(count)).then_some(ServerNotice::Rooms { rooms, more })
}

fn other(text: &str) -> Option<ServerNotice<'_>> {
    if let Some(rest) = text.strip_prefix("聊天室已满，您在等候队列中排第") {
        return Some(ServerNotice::Waiting { number: number(rest.strip_suffix("位。")?)? });
    }
    if let Some(rest) = text.strip_prefix("----以上是历史记录，更早的请输入 /history before ") {
        return rest.strip_suffix("----").and_then(number::<u64>).map(|_| ServerNotice::HistoryEnds);
    }
    if let Some(rest) = text.strip_prefix("您被") {
        // A name cannot contain the colon or full stop behind the words.
        let (words, why) = match rest.split_once('：') {
            Some((words, why)) => (words, Some(why)),
            None => (rest.strip_suffix('。')?, None),
        };
        return is_name(words.strip_suffix("请出了聊天室")?).then_some(ServerNotice::Kicked { why });
    }
    // The answer to a `/ping` is the same as in English.
    day(text).map(ServerNotice::Day)
}

fn day(text: &str) -> Option<Date> {
    let (year, rest) = text.split_once("年")?;
    let (month, rest) = rest.split_once("月")?;
    let (day, weekday) = rest.split_once("日 星期")?;
    let month = Month::try_from(number::<u8>(month)?).ok()?;
    let date = Date::from_calendar_date(number(year)?, month, number(day)?).ok()?;
    let weekdays = ["一", "二", "三", "四", "五", "六", "日"];
    (weekdays[usize::from(date.weekday().number_days_from_monday())] == weekday).then_some(date)
}

/// Parses a renaming. If the names contain the same words, nothing shows which copy is the server's: the first is
/// taken.
fn renamed(text: &str) -> Option<ServerNotice<'_>> {
    let mut ways = text.match_indices("改名为").map(|(at, words)| (&text[..at], &text[at + words.len()..]));
    let (old, new) = ways.find(|(old, new)| is_name(old) && is_name(new))?;
    Some(ServerNotice::Renamed { old, new })
}

pub fn refusal(text: &str) -> Option<ServerRefusal<'_>> {
    let (sentence, asked) = match text.strip_suffix("，请重新输入:") {
        Some(sentence) => (sentence, true),
        None => (text.strip_suffix("。").unwrap_or(text), false),
    };
    if asked && sentence.starts_with("昵称") && sentence.ends_with("已注册") {
        return Some(ServerRefusal::BadName { asked });
    }
    let reasons = ["已被保留", "过于相似", "混用了容易混淆的文字，例如拉丁字母和西里尔字母"];
    let is_bad = sentence.strip_prefix("昵称").is_some_and(|rest| reasons.iter().any(|reason| rest.ends_with(reason)));
    if is_bad || sentence.starts_with("昵称宽度为1到") {
        return Some(ServerRefusal::BadName { asked });
    }
    Some(match text {
        "当前昵称已经存在，请重新输入:" => ServerRefusal::Taken { name: None, asked: true },
        "当前昵称已经存在。" => ServerRefusal::Taken { name: None, asked: false },
        "您还在排队，这句话没有发出。" => ServerRefusal::StillWaiting,
        "这个端口只收发文本行，请用 nc、telnet 或 chinwag connect 连接；这里不支持 HTTP、TLS、SSH 等协议。" => {
            ServerRefusal::OtherProtocol
        }
        "聊天室和等候队列都已满，请稍后再试。" => ServerRefusal::Full,
        "管理员正在与别人对话，请稍后再试。" => ServerRefusal::Busy,
        "您的地址已被封禁。" => ServerRefusal::Banned,
        "同时登录的人太多，请再试一次。" => ServerRefusal::TooManyLogins,
        _ => return about_password(text).or_else(|| with_fields(text)),
    })
}

fn about_password(text: &str) -> Option<ServerRefusal<'_>> {
    if let Some(rest) = text.strip_prefix("密码错误。") {
        return Some(ServerRefusal::WrongPassword { due: due(rest)? });
    }
    if let Some(rest) = text.strip_prefix("暂时无法检查密码，请稍后再试。") {
        return Some(ServerRefusal::PasswordsFail { due: due(rest)? });
    }
    let (seconds, rest) = text.strip_prefix("密码错误次数太多，请在")?.split_once("秒后再试。")?;
    Some(ServerRefusal::TooManyWrongPasswords { seconds: number(seconds)?, due: due(rest)? })
}

/// Parses the refusals that contain a number or a name.
fn with_fields(text: &str) -> Option<ServerRefusal<'_>> {
    let between = |before: &str, after: &str| text.strip_prefix(before)?.strip_suffix(after);
    if let Some(seconds) = between("", "秒内没有输入昵称，再见。") {
        return Some(ServerRefusal::LoginTimeout { seconds: number(seconds)? });
    }
    if let Some(seconds) = between("", "秒没有收到您的消息，再见。") {
        return Some(ServerRefusal::Idle { seconds: number(seconds)? });
    }
    if let Some(most) = between("来自您的地址的连接太多（最多", "个），请先关闭一个。") {
        return Some(ServerRefusal::TooManyFromAddress { most: number(most)? });
    }
    if let Some(most) = between("已有", "个房间，不能再建。/rooms 列出房间。") {
        return Some(ServerRefusal::TooManyRooms { most: number(most)? });
    }
    if let Some(room) = between("您已经在房间", "里。") {
        return is_name(room).then_some(ServerRefusal::InThatRoom { room });
    }
    between("不存在用户名为", "的用户").map(|name| ServerRefusal::NobodyCalled { name })
}
