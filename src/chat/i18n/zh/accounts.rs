//! The Chinese texts about accounts and passwords.

use std::fmt::{Formatter, Result};

use crate::chat::event::{Due, Notice, Refusal};

pub fn notice(notice: &Notice, f: &mut Formatter) -> Result {
    match *notice {
        Notice::AskPassword { account, visible } => {
            account.map_or(Ok(()), |name| write!(f, "昵称{name}已注册。"))?;
            f.write_str(password(visible))
        }
        Notice::Registered { name } => write!(f, "昵称{name}已注册，以后使用它需要输入密码。"),
        Notice::PasswordChanged => f.write_str("密码已修改。"),
        Notice::Unregistered { name } => write!(f, "昵称{name}已取消注册。"),
        Notice::LoggedInAs { name } => write!(f, "您已登录为{name}。"),
        Notice::Read { room, id, own: true } => write!(f, "您在{room}已读到消息{id}。"),
        _ => Ok(()),
    }
}

pub fn refusal(refusal: &Refusal, f: &mut Formatter) -> Result {
    match *refusal {
        Refusal::WrongPassword { due } => {
            f.write_str("密码错误。")?;
            what_is_due(due, f)
        }
        Refusal::TooManyWrongPasswords { seconds, due } => {
            write!(f, "密码错误次数太多，请在{seconds}秒后再试。")?;
            what_is_due(due, f)
        }
        Refusal::TooManyLogins => f.write_str("同时登录的人太多，请再试一次。"),
        Refusal::PasswordsFail { due } => {
            f.write_str("暂时无法检查密码，请稍后再试。")?;
            what_is_due(due, f)
        }
        Refusal::BadPassword { most } => {
            write!(f, "密码是一个1到{most}字节的词，不能是 q、quit、exit，也不能以 / 开头。")
        }
        Refusal::NoAccounts => f.write_str("本服务器不存档，因此不能注册。"),
        Refusal::TooManyAccounts { most } => write!(f, "已有{most}个注册昵称，不能再注册。"),
        Refusal::RegisteredAlready { name } => write!(f, "您已经注册为{name}。"),
        Refusal::Registered { name, asked: true } => write!(f, "昵称{name}已注册，请重新输入:"),
        Refusal::Registered { name, asked: false } => {
            write!(f, "昵称{name}已注册。如果是您的: /nick {name} 密码")
        }
        Refusal::NoAccount { name } => write!(f, "您没有注册。/register 密码 可注册昵称{name}。"),
        Refusal::NotRegistered { name } => write!(f, "昵称{name}没有注册。"),
        Refusal::AccountRemoved => f.write_str("该账号已被移除。"),
        Refusal::OtherSessions { others } => write!(f, "该昵称还有{others}个其他连接，请先关闭它们。"),
        _ => Ok(()),
    }
}

/// The prompt for a password.
fn password(visible: bool) -> &'static str {
    if visible { "请输入密码:（输入时可见）" } else { "请输入密码:" }
}

/// Writes the prompt after a refusal.
fn what_is_due(due: Due, f: &mut Formatter) -> Result {
    match due {
        Due::Nothing => Ok(()),
        Due::Password { visible } => f.write_str(password(visible)),
        Due::Goodbye => f.write_str("再见。"),
    }
}
