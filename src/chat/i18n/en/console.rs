//! The English texts of the operator's console.

use std::fmt::{Formatter, Result};

use crate::chat::event::ConsoleText;

pub fn console(text: &ConsoleText, f: &mut Formatter) -> Result {
    match *text {
        ConsoleText::OnThisNetwork { ways } => write!(f, "On this network: {ways}"),
        ConsoleText::OnThisComputer { ways } => write!(f, "On this computer: {ways}"),
        ConsoleText::HowOthersConnect { option } => {
            write!(f, "Only this computer can connect. Start the server with {option} to let others in.")
        }
        ConsoleText::WhereYouSpeak { has_rooms: true } => {
            f.write_str("What you type is said in the lobby, #den text in den.")
        }
        ConsoleText::WhereYouSpeak { has_rooms: false } => f.write_str("What you type is said in the lobby."),
        ConsoleText::OnePerson => f.write_str("You talk with one person here. q ends the server."),
        ConsoleText::HelpAndEnd => f.write_str("/help lists the commands. Ctrl-C ends the server."),
        ConsoleText::Status { server, here, waiting, connected, addr } => {
            write!(f, "{server} · {here} here")?;
            if waiting > 0 {
                write!(f, " · {waiting} waiting")?;
            }
            if connected != here + waiting {
                write!(f, " · {connected} connected")?;
            }
            write!(f, " · listening on {addr}")
        }
        ConsoleText::Interrupted => f.write_str("Ctrl-C again ends the server"),
        ConsoleText::Ending { server } => write!(f, "{server} · shutting down; Ctrl-C ends at once"),
        ConsoleText::PasteTooLong => f.write_str("The paste is too long (1 MiB at most)."),
        ConsoleText::PasteCut => f.write_str("The pasted text does not fit into the input line (64 KiB at most)."),
        ConsoleText::NotSuspended => {
            f.write_str("There is no shell here to resume the server, so it was not suspended.")
        }
    }
}
