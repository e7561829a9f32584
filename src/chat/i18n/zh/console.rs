//! The Chinese texts of the operator's console.

use std::fmt::{Formatter, Result};

use crate::chat::event::ConsoleText;

pub fn console(text: &ConsoleText, f: &mut Formatter) -> Result {
    match *text {
        ConsoleText::OnThisNetwork { ways } => write!(f, "在本网络中连接：{ways}"),
        ConsoleText::OnThisComputer { ways } => write!(f, "在本机连接：{ways}"),
        ConsoleText::HowOthersConnect { option } => {
            write!(f, "只有本机可以连接。要让别人也能连接，请用 {option} 启动服务器。")
        }
        ConsoleText::WhereYouSpeak { has_rooms: true } => {
            f.write_str("您输入的文字在 lobby 里说出，“#den 内容”在 den 里说出。")
        }
        ConsoleText::WhereYouSpeak { has_rooms: false } => f.write_str("您输入的文字在 lobby 里说出。"),
        ConsoleText::OnePerson => f.write_str("您在这里和一个人交谈。q 结束服务器。"),
        ConsoleText::HelpAndEnd => f.write_str("/help 列出命令。Ctrl-C 结束服务器。"),
        ConsoleText::Status { server, here, waiting, connected, addr } => {
            write!(f, "{server} · {here} 人在这里")?;
            if waiting > 0 {
                write!(f, " · {waiting} 人排队")?;
            }
            if connected != here + waiting {
                write!(f, " · {connected} 个连接")?;
            }
            write!(f, " · 监听 {addr}")
        }
        ConsoleText::Interrupted => f.write_str("再按一次 Ctrl-C 结束服务器"),
        ConsoleText::Ending { server } => write!(f, "{server} · 正在关闭；按 Ctrl-C 立即结束"),
        ConsoleText::PasteTooLong => f.write_str("粘贴的内容太长（最多 1 MiB）。"),
        ConsoleText::PasteCut => f.write_str("粘贴的内容超出了输入行（最多 64 KiB）。"),
        ConsoleText::NotSuspended => f.write_str("这里没有可以让服务器继续运行的 shell，所以没有挂起。"),
    }
}
