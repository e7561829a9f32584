//! Ends that are announced, and cuts.

use std::io::{self, Read, Write};

use super::{Pair, World, versions};

#[test]
fn announced_end_is_an_end_and_a_cut_is_an_error() {
    for version in versions() {
        let world = World::new(&version);
        let mut pair = world.open(3, usize::MAX);
        pair.client.writer().write_all(b"bye").unwrap();
        pair.client.send_close_notify();
        assert_eq!(pair.read(), (b"bye".to_vec(), None));
        // The server can go on sending, and announces its own end.
        assert_eq!(pair.stream.write(b"Goodbye!").unwrap(), 8);
        pair.stream.end_writing().unwrap();
        assert_eq!(pair.received(), b"Goodbye!");
        assert!(pair.client.process_new_packets().unwrap().peer_has_closed());

        let mut pair = world.open(3, usize::MAX);
        pair.client.writer().write_all(b"unended").unwrap();
        pair.exchange();
        pair.pipe.borrow_mut().is_closed = true;
        assert_eq!(pair.read(), (b"unended".to_vec(), Some(io::ErrorKind::UnexpectedEof)));
    }
}

#[test]
fn end_that_comes_with_data_or_a_part_of_a_record_is_announced() {
    for version in versions() {
        let world = World::new(&version);
        // One event tells of the data and of the end.
        let mut pair = world.open(usize::MAX, usize::MAX);
        pair.client.writer().write_all(b"hello").unwrap();
        pair.client.send_close_notify();
        pair.exchange();
        assert_eq!(pair.stream.read(&mut pair.block).unwrap(), 5);
        assert!(pair.stream.has_pending_read());
        assert_eq!(pair.stream.read(&mut pair.block).unwrap(), 0);
        let part_and_cut = |pair: &mut Pair| {
            pair.exchange();
            pair.pipe.borrow_mut().to_server.pop_back();
            pair.pipe.borrow_mut().is_closed = true;
        };
        let mut pair = world.open(usize::MAX, usize::MAX);
        pair.client.writer().write_all(b"hello").unwrap();
        part_and_cut(&mut pair);
        let kinds = [(); 2].map(|()| pair.stream.read(&mut pair.block).unwrap_err().kind());
        assert_eq!(kinds, [io::ErrorKind::Interrupted, io::ErrorKind::UnexpectedEof]);
        let mut pair = world.pair(usize::MAX, usize::MAX);
        part_and_cut(&mut pair);
        let kinds = [(); 2].map(|()| pair.stream.shake_hands().unwrap_err().kind());
        assert_eq!(kinds, [io::ErrorKind::Interrupted, io::ErrorKind::UnexpectedEof]);
    }
}
