//! Which part of a history is shown.

/// Which part of a history is shown: the messages after `after`, and at most `bytes` bytes of them.
#[derive(Clone, Copy)]
pub struct Replay {
    pub after: Option<u64>,
    pub bytes: usize,
}

impl Replay {
    pub const ALL: Replay = Replay { after: None, bytes: usize::MAX };
}
