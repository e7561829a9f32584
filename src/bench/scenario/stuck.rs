//! Whether a server was stuck at clients that have stopped reading.

/// The slice in which the server held the fewest unread bytes.
pub fn fewest_held(unread: &[(u64, Option<u64>)]) -> Option<(u64, Option<u64>)> {
    let held = |&(unread, kernel): &(u64, Option<u64>)| kernel.map(|kernel| unread.saturating_sub(kernel));
    unread.iter().copied().min_by_key(held)
}

/// A remark if the server may not have been stuck at all.
pub fn stuck_doubt(unread: Option<u64>, kernel: Option<u64>) -> Option<&'static str> {
    match (unread?, kernel) {
        (_, None) => Some("the socket queues cannot be read here: whether the server was stuck is not certain"),
        (unread, Some(kernel)) if unread <= kernel => {
            Some("the server was not stuck: the kernel held all unread bytes (a higher --rate or --size helps)")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_is_stuck_only_beyond_kernel_buffers() {
        assert_eq!(stuck_doubt(Some(1001), Some(1000)), None);
        assert!(stuck_doubt(Some(1000), Some(1000)).is_some_and(|text| text.contains("was not stuck")));
        assert!(stuck_doubt(Some(1000), None).is_some_and(|text| text.contains("not certain")));
        assert_eq!(stuck_doubt(None, None), None, "all were closed, which is told");
        let unread = [(100, Some(90)), (50, Some(45)), (60, Some(30))];
        assert_eq!(fewest_held(&unread), Some((50, Some(45))));
        assert_eq!(fewest_held(&[unread[0], (70, None)]), Some((70, None)), "what is not seen counts least");
    }
}
