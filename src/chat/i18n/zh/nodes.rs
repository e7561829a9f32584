//! What is said of a cluster.

use std::fmt::{Formatter, Result};

use crate::chat::event::{NodeLine, NodeTrouble, Notice};

pub fn notice(notice: &Notice, f: &mut Formatter) -> Result {
    match *notice {
        Notice::LostTouch => f.write_str("本服务器与其他服务器失去了联系，您输入的内容会等待发送。"),
        Notice::InTouchAgain => f.write_str("已恢复与其他服务器的联系。"),
        Notice::NoCluster => f.write_str("本服务器是单个进程，不属于任何集群。"),
        Notice::Node(ref node) => line(node, f),
        Notice::NodeTrouble(trouble) => self::trouble(trouble, f),
        _ => Ok(()),
    }
}

fn line(node: &NodeLine, f: &mut Formatter) -> Result {
    write!(f, "{}{}：{}人", node.name, if node.is_this { "（本节点）" } else { "" }, node.members)?;
    match (node.applied, node.lag) {
        (Some(applied), Some(0)) => write!(f, "，日志位置{applied}")?,
        (Some(applied), Some(lag)) => write!(f, "，日志位置{applied}，落后{lag}")?,
        _ => {}
    }
    match node.heard {
        _ if node.is_this => {}
        Some(heard) => write!(f, "，{:.1}秒前有消息", heard.as_secs_f64())?,
        None => f.write_str("，还没有消息")?,
    }
    if node.ready { Ok(()) } else { f.write_str("，尚未加入") }
}

fn trouble(trouble: NodeTrouble, f: &mut Formatter) -> Result {
    match trouble {
        NodeTrouble::Gap { after, until } => {
            f.write_str("本节点缺少日志中")?;
            after.map_or(Ok(()), |after| write!(f, "位置{after}之后"))?;
            write!(f, "到位置{until}为止的内容：引擎里已经没有这些内容。")
        }
        NodeTrouble::EngineRestored { read } => {
            write!(f, "引擎的状态比以前旧，或换成了另一份日志。位置{read}之前的内容可能已经丢失。是否从备份恢复过？")
        }
        NodeTrouble::MustUnderstand { position } => {
            write!(
                f,
                "本节点停止运行：其他节点使用更新的 chinwag 版本，本节点无法读取日志位置{position}。请在这里安装该版本。"
            )
        }
        NodeTrouble::CannotRestore { why } => write!(f, "本节点停止运行：无法接收其他节点的状态：{why}"),
        NodeTrouble::Rival { name } => {
            write!(f, "本节点停止运行：另一个进程使用了名称 {name}。请用 --node 给每个节点不同的名称。")
        }
        NodeTrouble::Left => f.write_str("本节点已离开集群。"),
    }
}
