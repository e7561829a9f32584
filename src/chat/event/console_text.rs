//! What the operator's console itself shows on a terminal; no session reads it.

/// A text of the operator's console.
#[derive(Clone, Copy, Debug)]
pub enum ConsoleText<'a> {
    /// How others connect to one address of this computer: `nc 192.0.2.7 4567, http://192.0.2.7:8080`.
    OnThisNetwork { ways: &'a str },
    /// How programs on this computer connect.
    OnThisComputer { ways: &'a str },
    /// Only this computer can connect, and the option with which others can, too.
    HowOthersConnect { option: &'a str },
    /// Where the operator speaks; `has_rooms`: there are several rooms.
    WhereYouSpeak { has_rooms: bool },
    /// The same, if the operator talks with one person.
    OnePerson,
    /// How the commands are found, and how the server is ended.
    HelpAndEnd,
    /// The status line: how many members there are, how many clients wait in the admission queue, how many connections there
    /// are, and the first address that is listened on.
    Status { server: &'a str, here: usize, waiting: usize, connected: usize, addr: &'a str },
    /// The status line after Ctrl-C has cleared the input line.
    Interrupted,
    /// The status line while the server ends.
    Ending { server: &'a str },
    /// A pasted text is longer than 1 MiB.
    PasteTooLong,
    /// A pasted text did not fit into the input line.
    PasteCut,
    /// Ctrl-Z has no effect, because no shell could resume the server.
    NotSuspended,
}
