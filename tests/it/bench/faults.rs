//! Faults of a server are found and counted once.

use super::{Faults, NONE, assert_checked, json};
use crate::faulty_server::{Act, Delivery, Faulty, Manners, POLITE, drive, drive_all};

/// Six messages to five readers, with numbers 0 to 4.
const FANOUT: &str = "fanout --readers 5 --rate 10 --seconds 0.6 --timeout 2";
const EXPECTED: u64 = 6 * 5;

/// Six questions in each of two rooms: even numbers from 3 on ask, the odd number after each answers.
const WHISPER: &str = "whisper --idle 2 --pairs 2 --rate 20 --storm 10 --seconds 0.6 --timeout 2";

#[test]
fn correct_server_passes_with_any_login_style() {
    let variants = [
        ("", POLITE),
        ("--prompt none", Manners { prompt: "", ..POLITE }),
        ("--welcome none", Manners { answer: "", ..POLITE }),
        ("--prompt none --welcome none", Manners { prompt: "", answer: "", ..POLITE }),
        // Lines come in pieces, none of which is a complete line.
        ("--at-once 1", Manners { piece: 40, ..POLITE }),
    ];
    let start =
        |(more, manners): &(&str, _)| Faulty::start(json(&format!("{FANOUT} {more}")), *manners, |_| Act::Deliver);
    let all = drive_all(variants.iter().map(start).collect());
    for (finished, (more, _)) in all.iter().zip(variants) {
        let measured = finished.passed();
        assert_checked(&measured["checked"], EXPECTED, NONE);
        assert_eq!(measured["checked"]["echoed"], 0);
        let report = finished.report();
        let command = report["scenarios"][0]["command"].as_str().expect("a command");
        assert!(command.contains(more), "{command} is to do the same again");
    }
}

#[test]
fn echoed_messages_are_no_fault() {
    let echoes = Manners { echoes: true, ..POLITE };
    let all = vec![
        Faulty::start(json(FANOUT), echoes, |_| Act::Deliver),
        Faulty::start(json("churn --rate 20 --residents 2 --seconds 0.3"), echoes, |_| Act::Deliver),
        Faulty::start(json(WHISPER), echoes, |_| Act::Deliver),
    ];
    let [fanout, churn, whisper] = drive_all(all).try_into().expect("three");
    let measured = fanout.passed();
    assert_checked(&measured["checked"], EXPECTED, NONE);
    assert!(measured["checked"]["echoed"].as_u64() >= Some(5), "{measured}");
    assert_checked(&churn.passed()["checked"], 6 * 2, NONE);
    assert_checked(&whisper.passed()["room"], 3 * (2 + 4), NONE);
}

#[test]
fn whisper_command_is_configurable() {
    let mut command = json(WHISPER);
    command.args(["--whisper", "/msg {name} {text}"]);
    let all = vec![
        Faulty::start(command, Manners { whisper: "/msg ", ..POLITE }, |_| Act::Deliver),
        // This server treats other commands as room messages.
        Faulty::start(json(WHISPER), Manners { whisper: "/tell ", ..POLITE }, |_| Act::Deliver),
    ];
    let [said_so, otherwise] = drive_all(all).try_into().expect("two");
    let measured = said_so.passed();
    assert_checked(&measured["alone"]["checked"], 12, NONE);
    assert_checked(&measured["busy"]["checked"], 12, NONE);
    assert!(otherwise.faulty()["room"]["damaged"].as_u64() > Some(0));
}

#[test]
fn broadcast_faults_are_counted_by_kind() {
    let start = |acts: fn(Delivery) -> Act| Faulty::start(json(FANOUT), POLITE, acts);
    let all = vec![
        // The last message too, which no other message follows.
        start(|line| if matches!((line.to, line.seq), (1, 0) | (3, 2) | (4, 5)) { Act::Drop } else { Act::Deliver }),
        start(|line| if matches!((line.to, line.seq), (0, 1) | (0, 2) | (3, 4)) { Act::Double } else { Act::Deliver }),
        start(|line| if matches!((line.to, line.seq), (2, 0) | (4, 3)) { Act::Swap } else { Act::Deliver }),
        start(|line| if (line.to, line.seq) == (2, 3) { Act::Damage } else { Act::Deliver }),
        start(|line| if line.seq == 3 { Act::Drop } else { Act::Deliver }),
    ];
    let expected = [
        Faults { lost: 3, ..NONE },
        Faults { duplicates: 3, ..NONE },
        Faults { out_of_order: 2, ..NONE },
        // A damaged message counts as lost too.
        Faults { damaged: 1, lost: 1, ..NONE },
        Faults { lost: 5, ..NONE },
    ];
    for (finished, faults) in drive_all(all).iter().zip(expected) {
        let measured = finished.faulty();
        assert_checked(&measured["checked"], EXPECTED, faults);
        assert_eq!(measured["latency"]["count"], EXPECTED - faults.lost);
    }
}

/// Treats about one line in ten badly, but none after the 30th of a sender; counts what it did in `done`.
pub fn mixture(line: Delivery, done: &mut Faults) -> Act {
    let dice = (line.to * 7 + line.stream * 13 + line.seq * 31).wrapping_mul(0x9e37_79b9) >> 16;
    let (act, count) = match dice % 40 {
        _ if line.seq >= 30 => return Act::Deliver,
        0 => (Act::Drop, &mut done.lost),
        1 | 2 => (Act::Double, &mut done.duplicates),
        3 => {
            done.lost += 1;
            (Act::Damage, &mut done.damaged)
        }
        // Far enough apart that the next line comes in between.
        4..10 if line.seq.is_multiple_of(10) => (Act::Swap, &mut done.out_of_order),
        _ => return Act::Deliver,
    };
    *count += 1;
    act
}

#[test]
fn many_mixed_faults_are_counted_exactly() {
    // At a fixed rate readers get one line at a time, with --saturate many at once.
    let mut done = [Faults::default(); 3];
    let [rate, saturated, two] = &mut done;
    let all = vec![
        Faulty::start(json("fanout --readers 20 --rate 100 --seconds 0.5 --timeout 2"), POLITE, |line| {
            mixture(line, rate)
        }),
        Faulty::start(
            json("fanout --readers 20 --saturate --in-flight 100 --seconds 0.3 --timeout 2"),
            Manners { piece: 1500, ..POLITE },
            |line| mixture(line, saturated),
        ),
        Faulty::start(
            json("fanout --readers 10 --senders 2 --saturate --in-flight 50 --seconds 0.3 --timeout 2"),
            Manners { piece: 100, ..POLITE },
            |line| mixture(line, two),
        ),
    ];
    let readers = [20, 20, 10 + 1];
    for ((finished, readers), done) in drive_all(all).iter().zip(readers).zip(done) {
        done.assert_all_kinds();
        let measured = finished.faulty();
        let messages = measured["messages"].as_u64().expect("a count");
        assert_checked(&measured["checked"], messages * readers, done);
    }
}

#[test]
fn saturating_senders_survive_a_lost_line() {
    // A window of four is stuck behind the fifth message until the next slice begins.
    let lost = |line: Delivery| (line.to, line.seq) == (2, 5);
    let drop = move |line| if lost(line) { Act::Drop } else { Act::Deliver };
    let interrupt = move |line: Delivery| if line.seq == 100 { Act::Interrupt } else { drop(line) };
    let saturate =
        |seconds| json(&format!("fanout --readers 5 --saturate --in-flight 4 --seconds {seconds} --timeout 2"));
    let all = vec![Faulty::start(saturate(0.5), POLITE, drop), Faulty::start(saturate(3.0), POLITE, interrupt)];
    let [stuck, goes_on] = drive_all(all).try_into().expect("two");
    let measured = stuck.faulty();
    let messages = measured["messages"].as_u64().expect("a count");
    assert_checked(&measured["checked"], messages * 5, Faults { lost: 1, ..NONE });
    assert!(goes_on.interrupted()["messages"].as_u64() > Some(100));
}

#[test]
fn visitor_message_faults_are_found() {
    let churn = || json("churn --rate 20 --residents 3 --seconds 0.5 --timeout 2");
    // The third visitor has number 6, after the residents and the talker that sends probes.
    let to_itself = |line: Delivery| if (line.to, line.seq) == (6, 2) { Act::Double } else { Act::Deliver };
    let all = vec![
        Faulty::start(churn(), POLITE, |line| if (line.to, line.seq) == (1, 4) { Act::Drop } else { Act::Deliver }),
        Faulty::start(churn(), POLITE, |line| if (line.to, line.seq) == (0, 9) { Act::Double } else { Act::Deliver }),
        Faulty::start(churn(), Manners { echoes: true, ..POLITE }, to_itself),
        // Visitors may speak in another order than they came.
        Faulty::start(churn(), POLITE, |line| if (line.to, line.seq) == (2, 3) { Act::Swap } else { Act::Deliver }),
        Faulty::start(churn(), POLITE, |line| if (line.to, line.seq) == (2, 7) { Act::Damage } else { Act::Deliver }),
    ];
    let [lost, doubled, doubled_to_itself, swapped, damaged] = drive_all(all).try_into().expect("five");
    assert_checked(&lost.faulty()["checked"], 10 * 3, Faults { lost: 1, ..NONE });
    assert_checked(&doubled.faulty()["checked"], 10 * 3, Faults { duplicates: 1, ..NONE });
    assert_checked(&doubled_to_itself.faulty()["checked"], 10 * 3, Faults { duplicates: 1, ..NONE });
    assert_checked(&swapped.passed()["checked"], 10 * 3, NONE);
    assert_checked(&damaged.faulty()["checked"], 10 * 3, Faults { damaged: 1, lost: 1, ..NONE });
}

#[test]
fn faults_with_stalled_clients_are_found() {
    let command = || json("stalled --readers 3 --rate 20 --seconds 0.4 --timeout 2");
    let all = vec![
        Faulty::start(command(), POLITE, |_| Act::Deliver),
        Faulty::start(command(), POLITE, |line| if (line.to, line.seq) == (1, 3) { Act::Drop } else { Act::Deliver }),
        // The stalled client has number 4, after the readers and the talker.
        Faulty::start(
            command(),
            POLITE,
            |line| if (line.to, line.seq) == (4, 400) { Act::Double } else { Act::Deliver },
        ),
    ];
    let [right, lost, doubled] = drive_all(all).try_into().expect("three");
    let measured = [right.passed(), lost.faulty(), doubled.faulty()];
    let expected = [NONE, Faults { lost: 1, ..NONE }, Faults { duplicates: 1, ..NONE }];
    for (measured, faults) in measured.iter().zip(expected) {
        assert_checked(&measured["checked"], 4 * measured["messages"].as_u64().expect("a count"), faults);
    }
}

#[test]
fn server_blocked_by_stalled_client_delays_others() {
    let command = json("stalled --readers 3 --rate 20 --seconds 0.4 --timeout 5");
    let finished = drive(command, Manners { waits: true, ..POLITE }, |_| Act::Deliver);
    // The readers get everything when the stalled client reads again.
    let measured = finished.passed();
    assert_checked(&measured["checked"], 4 * measured["messages"].as_u64().expect("a count"), NONE);
    let p99 = |half: &str| measured[half]["latency"]["p99_ms"].as_f64().expect("a number");
    assert!(p99("with") > 1000.0 && p99("without") < 1000.0, "{measured}");
    assert!(measured["p99_ratio"]["median"].as_f64() > Some(2.0), "{measured}");
}

#[test]
fn whisper_faults_are_counted_in_their_room() {
    let whisper = |acts: fn(Delivery) -> Act| Faulty::start(json(WHISPER), POLITE, acts);
    let all = vec![
        whisper(|line| if (line.kind, line.stream, line.seq) == ('a', 1, 2) { Act::Drop } else { Act::Deliver }),
        whisper(|line| if (line.kind, line.stream, line.seq) == ('q', 1, 2) { Act::Drop } else { Act::Deliver }),
        whisper(|line| if (line.kind, line.stream, line.seq) == ('q', 0, 4) { Act::Double } else { Act::Deliver }),
        whisper(|line| if (line.kind, line.stream, line.seq) == ('a', 0, 1) { Act::Double } else { Act::Deliver }),
        // From the first pair to the member of the second pair that answers, and to the one that asks.
        whisper(|line| if (line.kind, line.stream, line.seq) == ('q', 0, 1) { Act::Divert(6) } else { Act::Deliver }),
        whisper(|line| if (line.kind, line.stream, line.seq) == ('a', 0, 1) { Act::Divert(5) } else { Act::Deliver }),
        whisper(|line| if (line.kind, line.stream, line.seq) == ('a', 0, 1) { Act::Leak(5) } else { Act::Deliver }),
        // Not an echo, although the reader sends the same question.
        whisper(|line| if (line.kind, line.stream, line.seq) == ('q', 0, 1) { Act::Leak(5) } else { Act::Deliver }),
        whisper(|line| if (line.kind, line.stream, line.seq) == ('a', 0, 1) { Act::Leak(6) } else { Act::Deliver }),
    ];
    let expected = [
        ("alone", Faults { lost: 1, ..NONE }),
        // A question that was not read gets no answer.
        ("alone", Faults { lost: 2, ..NONE }),
        ("busy", Faults { duplicates: 1, ..NONE }),
        ("alone", Faults { duplicates: 1, ..NONE }),
        ("alone", Faults { lost: 2, damaged: 1, ..NONE }),
        ("alone", Faults { lost: 1, damaged: 1, ..NONE }),
        ("alone", Faults { damaged: 1, ..NONE }),
        ("alone", Faults { damaged: 1, ..NONE }),
        ("alone", Faults { damaged: 1, ..NONE }),
    ];
    for (finished, (room, faults)) in drive_all(all).iter().zip(expected) {
        let measured = finished.faulty();
        let other = if room == "alone" { "busy" } else { "alone" };
        assert_checked(&measured[room]["checked"], 12, faults);
        assert_checked(&measured[other]["checked"], 12, NONE);
        assert_checked(&measured["room"], 3 * (2 + 4), NONE);
    }
}

#[test]
fn leaked_whisper_and_lost_room_message_are_faults() {
    let start = |acts: fn(Delivery) -> Act| Faulty::start(json(WHISPER), POLITE, acts);
    let all = vec![
        start(|line| if (line.kind, line.stream, line.seq) == ('q', 0, 1) { Act::Leak(1) } else { Act::Deliver }),
        start(|line| if (line.kind, line.to, line.seq) == ('m', 1, 1) { Act::Drop } else { Act::Deliver }),
        start(|line| if (line.kind, line.to, line.seq) == ('m', 4, 1) { Act::Drop } else { Act::Deliver }),
    ];
    let expected = [Faults { damaged: 1, ..NONE }, Faults { lost: 1, ..NONE }, Faults { lost: 1, ..NONE }];
    for (finished, faults) in drive_all(all).iter().zip(expected) {
        let measured = finished.faulty();
        assert_checked(&measured["room"], 3 * (2 + 4), faults);
        assert_checked(&measured["alone"]["checked"], 12, NONE);
        assert_checked(&measured["busy"]["checked"], 12, NONE);
    }
}
