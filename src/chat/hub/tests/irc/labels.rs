//! Tests of labels whose answers come in several parts.

use super::super::store_queue::{message, start};
use super::super::test_hub::TestHub;
use crate::chat::query::Answer;
use crate::chat::record::{InitialState, RoomRecord};

#[test]
fn answer_before_and_after_a_query_is_one_batch() {
    let mut server = TestHub::new();
    let now = server.now();
    let stored = vec![("den".into(), RoomRecord::default())];
    server.hub.restore(InitialState { stored, ..start() }, now);
    let alice = server.enter_with("alice", "batch labeled-response");
    while let Some(query) = server.hub.poll_query() {
        server.hub.handle_answer(query, Answer::Nothing, now);
    }
    let begin = server.answer(alice, "@label=a JOIN #nook,#den,#tea");
    let batch = begin[0].split_once(" BATCH +").expect("a batch").1.split(' ').next().unwrap().to_owned();
    let is_inside = |line: &String| line.starts_with(&format!("@batch={batch} "));
    assert!(begin[0].starts_with("@label=a ") && begin[1..].iter().all(is_inside), "{begin:?}");
    assert!(begin.len() == 4 && begin[1].ends_with(" JOIN #nook"), "{begin:?}");
    let query = server.hub.poll_query().expect("den is read");
    server.hub.handle_answer(query, Answer::Messages(vec![message(1, "den", "bob", "old", now.local)]), now);
    let rest = server.read(alice);
    let joined: Vec<&str> = rest.iter().filter_map(|line| Some(line.split_once(" JOIN ")?.1)).collect();
    assert_eq!(joined, ["#den", "#tea"], "{rest:?}");
    let (end, inner) = rest.split_last().unwrap();
    assert!(inner.iter().all(is_inside) && end.ends_with(&format!(" BATCH -{batch}")), "{rest:?}");
    server.check_irc(alice, "@label=b PING x", &["@label=b :chinwag PONG chinwag :x"]);
}
