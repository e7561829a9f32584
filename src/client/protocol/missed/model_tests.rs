//! The model test: a log that forgets nothing, a client with a connection that drops, and what it is to be shown.

use std::collections::{HashMap, HashSet, VecDeque};

use time::{Date, Duration, Month};

use super::*;
use crate::testing::Random;

const ME: &str = "me";

/// A message that is in the log.
#[derive(Clone)]
struct Logged {
    line: String,
    day: i64,
    /// The name and the text, if it is by our name.
    own: Option<String>,
}

/// What is on its way to the server.
enum Up {
    /// The how manieth of [`World::own`].
    Line(usize),
    Ping(u64),
}

/// What is on its way to us.
enum Down {
    Line(usize),
    Pong(u64),
}

/// A line of ours that was shown when it was sent.
struct Own {
    text: String,
    logged: Option<usize>,
    /// How many lines of others had been shown.
    after: usize,
}

struct World {
    random: Random,
    log: Vec<Logged>,
    seconds: i64,
    /// How many messages the history has.
    history: usize,
    texts: usize,
    seen: Seen,
    /// What is shown: places in the log, of others and of our own that are known to have arrived.
    shown: HashSet<usize>,
    /// Others' lines that are remembered, in order.
    others: Vec<usize>,
    own: Vec<Own>,
    up: VecDeque<Up>,
    down: VecDeque<Down>,
    /// So many of `own` a pong has confirmed.
    confirmed: usize,
    /// What is to be added to a mark for that.
    marks: isize,
    /// Where the log ended at the last reconnect; what was lost before has been told.
    since: usize,
}

/// How often something of which the test is to see enough has happened.
#[derive(Default)]
struct Counts {
    /// Reconnects of which everything was checked, and of which nothing could be.
    clear: usize,
    unclear: usize,
    gaps: usize,
    unsaid: usize,
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
            seen: Seen::default(),
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

    /// Appends to the log; returns where.
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
            self.down.push_back(Down::Line(place));
        }
    }

    fn say(&mut self) {
        let text = self.text();
        let echo = match text.strip_prefix("/me ") {
            Some(action) => Echo::Action(action),
            None => Echo::Said(&text),
        };
        self.seen.sent(ME, echo);
        self.up.push_back(Up::Line(self.own.len()));
        self.own.push(Own { text, logged: None, after: self.others.len() });
    }

    fn server_reads(&mut self) {
        match self.up.pop_front() {
            Some(Up::Line(number)) => {
                let text = self.own[number].text.clone();
                let place = self.log(ME, &text);
                self.own[number].logged = Some(place);
                self.shown.insert(place);
            }
            Some(Up::Ping(mark)) => self.down.push_back(Down::Pong(mark)),
            None => {}
        }
    }

    fn we_read(&mut self) {
        match self.down.pop_front() {
            Some(Down::Line(place)) => {
                let line = &self.log[place].line;
                self.seen.shown(line, &Shape::of(line));
                self.shown.insert(place);
                self.others.push(place);
            }
            Some(Down::Pong(mark)) => {
                self.seen.confirmed(mark);
                self.confirmed = (mark as isize + self.marks) as usize;
            }
            None => {}
        }
    }

    /// As long as the connection stands.
    fn talk(&mut self) {
        for _ in 0..self.random.below(80) {
            match self.random.below(12) {
                0..3 => self.others_say(true),
                3..5 => self.say(),
                5..8 => self.server_reads(),
                8..11 => self.we_read(),
                _ => self.up.push_back(Up::Ping(self.seen.mark())),
            }
        }
    }

    /// The connection drops: some of what is on its way arrives at the server, nothing arrives here.
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

    /// The history as the server shows it: the lines, and where in the log each is.
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

    /// Whether it follows at all from what is known what of the others' lines, and of ours, is to be shown.
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
        // Where nobody else speaks, nothing tells how far back the history reaches.
        let placed = !self.others.is_empty();
        // Sent once, or wholly in the history and not both lost and said from elsewhere.
        let is_clear = |[all, outside, lost, foreign]: &[usize; 4]| {
            all + foreign <= 1
                || (*outside == 0 && (*lost == 0 || *foreign == 0))
                || (placed && *lost == 0 && *foreign == 0)
        };
        // What arrived but is older than the history cannot be told from what did not.
        let pushed_out = self.own[self.confirmed..].iter().any(|own| own.logged.is_some_and(|place| place < first));
        !pushed_out && texts.values().all(is_clear)
    }

    fn reconnect(&mut self, counts: &mut Counts) {
        let (lines, places) = self.block();
        let first = self.log.len().saturating_sub(self.history);
        let (clear, own_clear) = self.is_clear(first);
        let had_seen = !self.others.is_empty();
        let missed = self.seen.missed(&lines, ME);
        assert!(missed.from.is_sorted() && missed.from.iter().all(|&index| index < lines.len()));
        if clear {
            self.check(&missed, &places, first, had_seen, own_clear, counts);
        }
        counts.clear += usize::from(own_clear);
        counts.unclear += usize::from(!clear);
        // From now on the history is what was shown.
        self.since = self.log.len();
        self.shown.extend(first..self.log.len());
        self.others = (first..self.log.len()).filter(|&place| self.log[place].own.is_none()).collect();
        self.own.clear();
        for place in first..self.log.len() {
            if let Some(text) = self.log[place].own.clone() {
                let after = self.others.partition_point(|&other| other < place);
                self.own.push(Own { text, logged: Some(place), after });
            }
        }
        self.confirmed = self.own.len();
        self.marks = self.own.len() as isize - self.seen.mark() as isize;
    }

    fn check(
        &self,
        missed: &Missed,
        places: &[Option<usize>],
        first: usize,
        had_seen: bool,
        own: bool,
        counts: &mut Counts,
    ) {
        let looked_at = |index: &usize| places[*index].is_some_and(|place| own || self.log[place].own.is_none());
        let is_new = |index: &usize| places[*index].is_some_and(|place| !self.shown.contains(&place));
        let new: Vec<usize> = (0..places.len()).filter(looked_at).filter(is_new).collect();
        let shown: Vec<usize> = missed.from.iter().copied().filter(looked_at).collect();
        let text = |index: &usize| &self.log[places[*index].unwrap()].line;
        // Two lines of ours that say the same: either will do, and the later one is shown.
        assert_eq!(shown.len(), new.len(), "{:?}", shown.iter().map(text).collect::<Vec<_>>());
        for (index, expected) in shown.iter().zip(&new) {
            let (shown, expected) = (&self.log[places[*index].unwrap()], &self.log[places[*expected].unwrap()]);
            assert_eq!((&shown.own, &shown.line), (&expected.own, &expected.line));
        }
        // A day is shown before what is new of it, and only then.
        for index in (0..places.len()).filter(|&index| places[index].is_none()) {
            let of_day = places[index + 1..].iter().take_while(|place| place.is_some()).count();
            let wanted = missed.from.iter().any(|&at| at > index && at <= index + of_day);
            assert_eq!(missed.from.contains(&index), wanted, "the day at {index}");
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
        let unsaid: Vec<&str> =
            self.own.iter().filter(|own| own.logged.is_none()).map(|own| own.text.as_str()).collect();
        assert_eq!(missed.unsaid, unsaid, "lines that have not arrived");
        counts.unsaid += unsaid.len();
        counts.foreign += new.iter().filter(|&&index| self.log[places[index].unwrap()].own.is_some()).count();
    }
}

fn run(seed: u64, counts: &mut Counts) {
    let mut world = World::new(seed);
    for _ in 0..world.random.below(20) {
        world.others_say(false);
    }
    // The first history is shown as it stands, which must be no different.
    let before = world.log.len();
    world.shown.extend(0..before);
    world.since = before;
    let (lines, _) = world.block();
    assert_eq!(world.seen.missed(&lines, ME).from, (0..lines.len()).collect::<Vec<_>>());
    world.others = (before.saturating_sub(world.history)..before).collect();
    for _ in 0..3 {
        world.talk();
        world.drop();
        world.reconnect(counts);
    }
}

#[test]
fn what_was_seen_and_what_is_shown_are_the_log() {
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
        counts.unsaid += of_seed.unsaid;
        counts.foreign += of_seed.foreign;
        counts.days += of_seed.days;
    }
    let Counts { clear, unclear, gaps, unsaid, foreign, days } = counts;
    eprintln!("clear {clear}, unclear {unclear}, gaps {gaps}, unsaid {unsaid}, foreign {foreign}, days {days}");
    // Or hardly anything would be tried.
    if only.is_none() && seeds >= 1000 {
        let per = |count: usize| count as u64 * 1000 / seeds;
        let rare = [clear, gaps, unsaid, foreign, days].map(per);
        assert!(per(unclear) < per(clear) && rare.iter().all(|&count| count >= 50), "{rare:?} in 1,000 seeds");
    }
}
