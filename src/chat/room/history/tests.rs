use super::*;

#[test]
fn days_stand_between_the_messages_that_are_kept() {
    let retention = Retention { messages: 3, history_bytes: 1 << 20, backlog_bytes: 1 << 20 };
    let mut history = History::new(retention);
    let date = |day| OffsetDateTime::UNIX_EPOCH.date() + time::Duration::days(day);
    let say = |history: &mut History, id| {
        let event = Event::Said { id, at: OffsetDateTime::UNIX_EPOCH, name: "bob", text: "hi" };
        history.add(Author::NONE, &event);
    };
    let shown = |history: &History, n| {
        let line = |line| match line {
            HistoryLine::Day(day) => -(day - date(0)).whole_days(),
            HistoryLine::Message(message) => message.item.id as i64,
        };
        history.last_lines(n).map(line).collect::<Vec<_>>()
    };
    history.begin_day(date(1));
    say(&mut history, 1);
    history.begin_day(date(2));
    history.begin_day(date(3));
    say(&mut history, 2);
    history.begin_day(date(4));
    assert_eq!(shown(&history, 9), [1, -2, -3, 2, -4]);
    assert_eq!((shown(&history, 1), shown(&history, 0)), (vec![2, -4], vec![]));
    [3, 4].into_iter().for_each(|id| say(&mut history, id));
    assert_eq!(shown(&history, 9), [2, -4, 3, 4]);
    assert_eq!(history.days.len(), 1, "days before the first message are dropped");
}

#[test]
fn deleted_messages_are_gone_and_days_stay_between_the_others() {
    let retention = Retention { messages: 10, history_bytes: 1 << 20, backlog_bytes: 1 << 20 };
    let mut history = History::new(retention);
    let date = |day| OffsetDateTime::UNIX_EPOCH.date() + time::Duration::days(day);
    for id in 1..=6u64 {
        let text = format!("text {id}");
        let event = Event::Said { id, at: OffsetDateTime::UNIX_EPOCH, name: "bob", text: &text };
        history.add(Author::NONE, &event);
        if id.is_multiple_of(2) {
            history.begin_day(date(id as i64));
        }
    }
    let shown = |history: &History| {
        let line = |line| match line {
            HistoryLine::Day(day) => format!("day {}", (day - date(0)).whole_days()),
            HistoryLine::Message(message) => message.text.to_owned(),
        };
        history.last_lines(9).map(line).collect::<Vec<_>>()
    };
    assert!(!history.delete(&[7]));
    assert!(history.delete(&[3, 4, 9]));
    assert_eq!(shown(&history), ["text 1", "text 2", "day 2", "day 4", "text 5", "text 6", "day 6"]);
    assert_eq!((history.get(3).is_none(), history.get(5).map(|found| found.text)), (true, Some("text 5")));
    assert!(history.delete(&[1, 2]));
    assert_eq!(shown(&history), ["text 5", "text 6", "day 6"]);
    assert_eq!(history.since(1), (2, false), "a deleted message is no gap");
    assert!(history.delete(&[5, 6]) && history.is_empty() && shown(&history).is_empty());
    history.add(Author::NONE, &Event::Said { id: 7, at: OffsetDateTime::UNIX_EPOCH, name: "b", text: "new" });
    assert_eq!(shown(&history), ["new"]);
    assert_eq!(history.cost, LINE_OVERHEAD + 4);
}

#[test]
fn message_of_an_earlier_version_keeps_its_kind() {
    let retention = Retention { messages: 3, history_bytes: 1 << 20, backlog_bytes: 1 << 20 };
    let mut history = History::new(retention);
    history.add(Author::NONE, &Event::Action { id: 7, at: OffsetDateTime::UNIX_EPOCH, name: "bob", text: "waves" });
    history.add(Author::NONE, &Event::Noticed { id: 8, at: OffsetDateTime::UNIX_EPOCH, name: "bob", text: "rings" });
    let kinds = |json: &str| {
        let history: History = serde_json::from_str(json).unwrap();
        let kinds = history.last(2).filter_map(|message| message.event().message());
        kinds.map(|message| (message.kind, message.text.to_owned())).collect::<Vec<_>>()
    };
    let json = serde_json::to_string(&history).unwrap();
    let expected = [(MessageKind::Action, "waves".to_owned()), (MessageKind::Notice, "rings".to_owned())];
    assert_eq!(kinds(&json), expected);
    let earlier = json.replace(r#""kind":"Action""#, r#""action":true"#);
    assert_ne!(json, earlier);
    assert_eq!(kinds(&earlier), expected);
}

#[test]
fn history_keeps_the_newest_messages_within_its_limits() {
    let retention = Retention { messages: 50, history_bytes: 20 * (LINE_OVERHEAD + 400), backlog_bytes: 1 << 20 };
    let mut history = History::new(retention);
    let mut kept = VecDeque::new();
    for id in 1..=500u64 {
        let text = "é".repeat(id as usize * 37 % 400);
        let name = if id % 3 == 0 { "bob" } else { "张三" };
        let event = Event::Said { id, at: OffsetDateTime::UNIX_EPOCH, name, text: &text };
        history.add(Author::NONE, &event);
        kept.push_back((id, name, text));
        kept.drain(..kept.len() - history.len());
        let shown: Vec<_> = history.last(7).map(|message| (message.item.id, message.name, message.text)).collect();
        let expected: Vec<_> = kept.iter().skip(kept.len().saturating_sub(7)).collect();
        assert!(shown.iter().zip(&expected).all(|(a, b)| (a.0, a.1, a.2) == (b.0, b.1, &*b.2)), "message {id}");
        assert_eq!((shown.len(), history.len()), (expected.len(), kept.len()));
        let bytes: usize = kept.iter().map(|(_, name, text)| LINE_OVERHEAD + name.len() + text.len()).sum();
        assert!(kept.len() <= 50 && bytes <= retention.history_bytes);
        assert!(history.texts.len() < 2 * bytes + 2 * MIN_MOVE, "{} bytes of texts", history.texts.len());
    }
    assert_eq!(history.since(500), (0, false));
    assert_eq!(history.since(1), (kept.len(), true));
}

#[test]
fn missing_messages_are_told_also_after_older_ones_are_dropped() {
    let mut history = History::new(Retention { messages: 2, history_bytes: 1 << 20, backlog_bytes: 1 << 20 });
    let add = |history: &mut History, id| {
        history.add(Author::NONE, &Event::Said { id, at: OffsetDateTime::UNIX_EPOCH, name: "bob", text: "hello" });
    };
    add(&mut history, 1);
    add(&mut history, 2);
    history.note_missed(9);
    add(&mut history, 10);
    assert_eq!((history.newest_missing(), history.since(2), history.since(9)), (9, (1, true), (1, false)));
}
