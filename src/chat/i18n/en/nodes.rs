//! What is said of a cluster.

use std::fmt::{Formatter, Result};

use crate::chat::event::{NodeLine, NodeTrouble, Notice};

pub fn notice(notice: &Notice, f: &mut Formatter) -> Result {
    match *notice {
        Notice::LostTouch => f.write_str("This server has lost touch with the others; what you type waits."),
        Notice::InTouchAgain => f.write_str("Connected with the others again."),
        Notice::NoCluster => f.write_str("This server is one process, in no cluster."),
        Notice::Node(ref node) => line(node, f),
        Notice::NodeTrouble(trouble) => self::trouble(trouble, f),
        _ => Ok(()),
    }
}

fn line(node: &NodeLine, f: &mut Formatter) -> Result {
    write!(
        f,
        "{}{}: {} member{}",
        node.name,
        if node.is_this { " (this node)" } else { "" },
        node.members,
        if node.members == 1 { "" } else { "s" }
    )?;
    match (node.applied, node.lag) {
        (Some(applied), Some(0)) => write!(f, ", at position {applied}")?,
        (Some(applied), Some(lag)) => write!(f, ", at position {applied}, {lag} behind")?,
        _ => {}
    }
    match node.heard {
        _ if node.is_this => {}
        Some(heard) => write!(f, ", heard {:.1} s ago", heard.as_secs_f64())?,
        None => f.write_str(", not heard yet")?,
    }
    if node.ready { Ok(()) } else { f.write_str(", does not take part yet") }
}

fn trouble(trouble: NodeTrouble, f: &mut Formatter) -> Result {
    match trouble {
        NodeTrouble::Gap { after, until } => {
            f.write_str("This node has missed what was said ")?;
            after.map_or(Ok(()), |after| write!(f, "after position {after} "))?;
            write!(f, "until position {until} of the log: the engine does not have it any more.")
        }
        NodeTrouble::EngineRestored { read } => write!(
            f,
            "The engine has an older state or another log than before. What was said until position {read} may be missing there. Was it restored from a backup?"
        ),
        NodeTrouble::MustUnderstand { position } => write!(
            f,
            "This node stops: the others run a later version of chinwag, and it cannot read position {position} of the log. Install that version here."
        ),
        NodeTrouble::CannotRestore { why } => {
            write!(f, "This node stops: it cannot take over the state of the others: {why}")
        }
        NodeTrouble::Rival { name } => {
            write!(f, "This node stops: another process has the name {name}. Give each node its own name with --node.")
        }
        NodeTrouble::Left => f.write_str("This node has left the cluster."),
    }
}
