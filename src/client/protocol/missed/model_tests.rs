//! Compares the result with a model: a log that keeps everything, and a client whose connection drops.

use std::collections::{HashMap, HashSet, VecDeque};

use time::{Date, Duration, Month};

use super::*;
use crate::util::test_support::Random;

const ME: &str = "me";

/// A message in the log.
#[derive(Clone)]
struct Logged {
    line: String,
    day: i64,
    /// The name and the text, if it is sent under our name.
    own: Option<String>,
}

/// What is on its way to the server.
enum ToServer {
    /// An index into [`World::own`].
    Line(usize),
    Ping(u64),
}

/// What is on its way to the client.
enum ToClient {
    Line(usize),
    Pong(u64),
}

/// One of our lines that was shown when it was sent.
struct SentLine {
    text: String,
    logged: Option<usize>,
    /// How many lines of others had been shown before.
    after: usize,
}

struct World {
    random: Random,
    log: Vec<Logged>,
    seconds: i64,
    /// The number of messages in the history.
    history: usize,
    texts: usize,
    seen: SeenMessages,
    /// What is shown, as positions in the log: lines of others, and those of our lines that are known to have arrived.
    shown: HashSet<usize>,
    /// The positions of the remembered lines of others, in order.
    others: Vec<usize>,
    own: Vec<SentLine>,
    up: VecDeque<ToServer>,
    down: VecDeque<ToClient>,
    /// How many of `own` a pong has confirmed.
    confirmed: usize,
    /// The difference between an index into `own` and a sent count.
    marks: isize,
    /// The end of the log at the last reconnect; lines lost before it have been reported.
    since: usize,
}

/// Counts of the cases that the test must see often enough.
#[derive(Default)]
struct Counts {
    /// Reconnects that were checked completely, and reconnects that could not be checked.
    clear: usize,
    unclear: usize,
    gaps: usize,
    undelivered: usize,
    foreign: usize,
    days: usize,
}

impl World {
    fn new(seed: u64) -> World {
        let mut random = Random(seed);
        World {
            history: *random.pick(&[1, 3, 10, 30, 60]),
            texts: *random.pick(&[2, 20, 1000, 1000]),
            random,
            log: Vec::new(),
            seconds: 86_000,
            seen: SeenMessages::default(),
            shown: HashSet::new(),
            others: Vec::new(),
            own: Vec::new(),
            up: VecDeque::new(),
            down: VecDeque::new(),
            confirmed: 0,
            marks: 0,
            since: 0,
        }
    }

    fn text(&mut self) -> String {
        let number = self.random.below(self.texts);
        if self.random.one_in(5) { format!("/me {number}") } else { format!("{number}") }
    }

    /// Appends to the log; returns the position.
    fn log(&mut self, name: &str, text: &str) -> usize {
        self.seconds += *self.random.pick(&[0, 0, 0, 1, 1, 40]);
        let clock = Duration::seconds(self.seconds % 86_400);
        let at = time::Time::MIDNIGHT + clock;
        let at = format!("[{:02}:{:02}:{:02}]", at.hour(), at.minute(), at.second());
        let line = match text.strip_prefix("/me ") {
            Some(action) => format!("{at} * {name} {action}"),
            None => format!("{at} {name}: {text}"),
        };
        let own = (name == ME).then(|| text.into());
        self.log.push(Logged { line, day: self.seconds / 86_400, own });
        self.log.len() - 1
    }

    fn others_say(&mut self, online: bool) {
        let (name, text) = (*self.random.pick(&["bob", "carol"]), self.text());
        let place = self.log(name, &text);
        if online {
            self.down.push_back(ToClient::Line(place));
        }
    }

    fn say(&mut self) {
        let text = self.text();
        let echo = match text.strip_prefix("/me ") {
            Some(action) => Echo::Action(action),
            None => Echo::Said(&text),
        };
        self.seen.record_sent(ME, echo);
        self.up.push_back(ToServer::Line(self.own.len()));
        self.own.push(SentLine { text, logged: None, after: self.others.len() });
    }

    fn server_reads(&mut self) {
        match self.up.pop_front() {
            Some(ToServer::Line(number)) => {
                let text = self.own[number].text.clone();
                let place = self.log(ME, &text);
                self.own[number].logged = Some(place);
                self.shown.insert(place);
            }
            Some(ToServer::Ping(mark)) => self.down.push_back(ToClient::Pong(mark)),
            None => {}
        }
    }

    fn we_read(&mut self) {
        match self.down.pop_front() {
            Some(ToClient::Line(place)) => {
                let line = &self.log[place].line;
                self.seen.record_shown(line, &LineShape::parse(line));
                self.shown.insert(place);
                self.others.push(place);
            }
            Some(ToClient::Pong(mark)) => {
                self.seen.confirm(mark);
                self.confirmed = (mark as isize + self.marks) as usize;
            }
            None => {}
        }
    }

    /// Sends and reads while the connection is up.
    fn talk(&mut self) {
        for _ in 0..self.random.below(80) {
            match self.random.below(12) {
                0..3 => self.others_say(true),
                3..5 => self.say(),
                5..8 => self.server_reads(),
                8..11 => self.we_read(),
                _ => self.up.push_back(ToServer::Ping(self.seen.sent_count())),
            }
        }
    }

    /// Drops the connection: a part of what is on its way arrives at the server, nothing arrives at the client.
    fn drop(&mut self) {
        for _ in 0..self.random.below(self.up.len() + 1) {
            self.server_reads();
        }
        self.up.clear();
        self.down.clear();
        for _ in 0..self.random.below(2 * self.history.min(12)) {
            if self.random.one_in(8) {
                let text = self.text();
                self.log(ME, &text);
            } else {
                self.others_say(false);
            }
        }
    }

    /// Returns the history as the server shows it: the lines, and the position of each in the log.
    fn block(&self) -> (Vec<String>, Vec<Option<usize>>) {
        let (mut lines, mut places) = (Vec::new(), Vec::new());
        let mut day = self.seconds / 86_400;
        for place in self.log.len().saturating_sub(self.history)..self.log.len() {
            let logged = &self.log[place];
            if std::mem::replace(&mut day, logged.day) != logged.day {
                let date = Date::from_calendar_date(2026, Month::November, 20).unwrap() + Duration::days(logged.day);
                lines.push(format!("* {} {} {} {}", date.weekday(), date.day(), date.month(), date.year()));
                places.push(None);
            }
            lines.push(logged.line.clone());
            places.push(Some(place));
        }
        (lines, places)
    }

    /// Whether the known facts decide which lines of others to show, and which of ours.
    fn is_clear(&self, first: usize) -> (bool, bool) {
        let line = |&place: &usize| &*self.log[place].line;
        let seen: Vec<&str> = self.others.iter().map(line).collect();
        let read: Vec<usize> = (first..self.log.len()).filter(|&place| self.log[place].own.is_none()).collect();
        let overlap = read.iter().filter(|place| self.shown.contains(place)).count();
        let read: Vec<&str> = read.iter().map(line).collect();
        let possible: Vec<usize> = (1..=read.len()).filter(|&len| seen.ends_with(&read[..len])).collect();
        let others = match overlap {
            0 => possible.is_empty() && seen.last().is_none_or(|last| !read.contains(last)),
            _ => possible == [overlap],
        };
        (others, others && self.own_is_clear(first, overlap))
    }

    fn own_is_clear(&self, first: usize, overlap: usize) -> bool {
        let start = self.others.len() - overlap;
        let mut texts: HashMap<&str, [usize; 4]> = HashMap::new();
        for own in &self.own {
            let counts = texts.entry(&own.text).or_default();
            counts[0] += 1;
            let inside = own.logged.is_some_and(|place| place >= first) && own.after > start;
            counts[1] += usize::from(own.logged.is_some() && !(inside && overlap > 0));
            counts[2] += usize::from(own.logged.is_none());
        }
        for place in first..self.log.len() {
            let logged = &self.log[place];
            if let Some(text) = logged.own.as_deref().filter(|_| !self.shown.contains(&place)) {
                texts.entry(text).or_default()[3] += 1;
            }
        }
        // If only we speak, nothing shows how far back the history reaches.
        let placed = !self.others.is_empty();
        // Sent once; or all copies are in the history, and not some lost and some sent from another connection.
        let is_clear = |[all, outside, lost, foreign]: &[usize; 4]| {
            all + foreign <= 1
                || (*outside == 0 && (*lost == 0 || *foreign == 0))
                || (placed && *lost == 0 && *foreign == 0)
        };
        // A line that arrived but is older than the history looks like one that did not arrive.
        let pushed_out = self.own[self.confirmed..].iter().any(|own| own.logged.is_some_and(|place| place < first));
        !pushed_out && texts.values().all(is_clear)
    }

    fn reconnect(&mut self, counts: &mut Counts) {
        let (lines, places) = self.block();
        let first = self.log.len().saturating_sub(self.history);
        let (clear, own_clear) = self.is_clear(first);
        let had_seen = !self.others.is_empty();
        let missed = self.seen.compare(&lines, ME);
        assert!(missed.to_show.is_sorted() && missed.to_show.iter().all(|&index| index < lines.len()));
        if clear {
            self.check(&missed, &places, first, had_seen, own_clear, counts);
        }
        counts.clear += usize::from(own_clear);
        counts.unclear += usize::from(!clear);
        // From now on the history is what is known.
        self.since = self.log.len();
        self.shown.extend(first..self.log.len());
        self.others = (first..self.log.len()).filter(|&place| self.log[place].own.is_none()).collect();
        self.own.clear();
        for place in first..self.log.len() {
            if let Some(text) = self.log[place].own.clone() {
                let after = self.others.partition_point(|&other| other < place);
                self.own.push(SentLine { text, logged: Some(place), after });
            }
        }
        self.confirmed = self.own.len();
        self.marks = self.own.len() as isize - self.seen.sent_count() as isize;
    }

    fn check(
        &self,
        missed: &MissedMessages,
        places: &[Option<usize>],
        first: usize,
        had_seen: bool,
        own: bool,
        counts: &mut Counts,
    ) {
        let looked_at = |index: &usize| places[*index].is_some_and(|place| own || self.log[place].own.is_none());
        let is_new = |index: &usize| places[*index].is_some_and(|place| !self.shown.contains(&place));
        let new: Vec<usize> = (0..places.len()).filter(looked_at).filter(is_new).collect();
        let shown: Vec<usize> = missed.to_show.iter().copied().filter(looked_at).collect();
        let text = |index: &usize| &self.log[places[*index].unwrap()].line;
        // Of two of our lines with the same text either may be shown; the later one is.
        assert_eq!(shown.len(), new.len(), "{:?}", shown.iter().map(text).collect::<Vec<_>>());
        for (index, expected) in shown.iter().zip(&new) {
            let (shown, expected) = (&self.log[places[*index].unwrap()], &self.log[places[*expected].unwrap()]);
            assert_eq!((&shown.own, &shown.line), (&expected.own, &expected.line));
        }
        // A date is shown before new messages of that day, and only then.
        for index in (0..places.len()).filter(|&index| places[index].is_none()) {
            let of_day = places[index + 1..].iter().take_while(|place| place.is_some()).count();
            let wanted = missed.to_show.iter().any(|&at| at > index && at <= index + of_day);
            assert_eq!(missed.to_show.contains(&index), wanted, "the day at {index}");
            counts.days += usize::from(wanted);
        }
        let lost = (self.since..first).any(|place| !self.shown.contains(&place));
        assert!(missed.gap || !lost || !had_seen, "what was missed is older than the history, and nothing is told");
        let others = places.iter().flatten().filter(|&&place| self.log[place].own.is_none());
        let reached = others.clone().any(|place| self.shown.contains(place)) || !had_seen;
        assert!(!missed.gap || !reached, "a gap is told, but the history reaches back far enough");
        counts.gaps += usize::from(missed.gap);
        if !own {
            return;
        }
        let undelivered: Vec<&str> =
            self.own.iter().filter(|own| own.logged.is_none()).map(|own| own.text.as_str()).collect();
        assert_eq!(missed.undelivered, undelivered, "lines that have not arrived");
        counts.undelivered += undelivered.len();
        counts.foreign += new.iter().filter(|&&index| self.log[places[index].unwrap()].own.is_some()).count();
    }
}

fn run(seed: u64, counts: &mut Counts) {
    let mut world = World::new(seed);
    for _ in 0..world.random.below(20) {
        world.others_say(false);
    }
    // The first history must be shown completely.
    let before = world.log.len();
    world.shown.extend(0..before);
    world.since = before;
    let (lines, _) = world.block();
    assert_eq!(world.seen.compare(&lines, ME).to_show, (0..lines.len()).collect::<Vec<_>>());
    world.others = (before.saturating_sub(world.history)..before).collect();
    for _ in 0..3 {
        world.talk();
        world.drop();
        world.reconnect(counts);
    }
}

#[test]
fn seen_and_shown_messages_equal_the_log() {
    let seeds =
        std::env::var("CHINWAG_SEEDS").map_or(20_000, |seeds| seeds.parse().expect("a number in CHINWAG_SEEDS"));
    let only = std::env::var("CHINWAG_SEED").ok().map(|seed| seed.parse().expect("a number in CHINWAG_SEED"));
    let mut counts = Counts::default();
    for seed in only.map_or(0..seeds, |seed: u64| seed..seed + 1) {
        let result = std::panic::catch_unwind(|| {
            let mut counts = Counts::default();
            run(seed, &mut counts);
            counts
        });
        let Ok(of_seed) = result else { panic!("seed {seed}: CHINWAG_SEED={seed} cargo test --lib missed") };
        counts.clear += of_seed.clear;
        counts.unclear += of_seed.unclear;
        counts.gaps += of_seed.gaps;
        counts.undelivered += of_seed.undelivered;
        counts.foreign += of_seed.foreign;
        counts.days += of_seed.days;
    }
    let Counts { clear, unclear, gaps, undelivered, foreign, days } = counts;
    eprintln!(
        "clear {clear}, unclear {unclear}, gaps {gaps}, undelivered {undelivered}, foreign {foreign}, days {days}"
    );
    // Otherwise too few cases were tried.
    if only.is_none() && seeds >= 1000 {
        let per = |count: usize| count as u64 * 1000 / seeds;
        let rare = [clear, gaps, undelivered, foreign, days].map(per);
        assert!(per(unclear) < per(clear) && rare.iter().all(|&count| count >= 50), "{rare:?} in 1,000 seeds");
    }
}
