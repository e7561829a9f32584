//! The plan of a seed: the server's options and budgets, and the faults.

use std::time::Duration;

use crate::chat::{Config, DEFAULT_NAME, Login};
use crate::server::Limits;
use crate::server::engine::Budget;
use crate::util::test_support::Random;

pub struct SeedPlan {
    pub config: Config,
    pub limits: Limits,
    pub budget: Budget,
    pub max_connections: usize,
    pub listeners: usize,
    /// There is another listener, for browsers.
    pub web: bool,
    /// Persons at the same time, at most.
    pub people: usize,
    pub steps: usize,
    pub operator: bool,
    /// Different addresses of persons.
    pub addresses: usize,
    /// Bytes that the kernel buffers for a client that does not read.
    pub capacity: usize,
    /// Events of one poll, at most.
    pub events: usize,
    /// One of this many lines is long.
    pub long: usize,
    /// Turns are made only when the server asks for them.
    pub punctual: bool,
    /// File descriptors may run out, and connections may break.
    pub faults: bool,
    /// The clock may jump by hours.
    pub jumps: bool,
}

impl SeedPlan {
    /// The settings after a reload: some of them are others. Without `removes_rooms` no room may leave memory.
    pub fn reloaded(&self, random: &mut Random, removes_rooms: bool) -> Config {
        let mut config = self.config.clone();
        for _ in 0..1 + random.below(3) {
            match random.below(14) {
                0 => config.max_clients = if random.one_in(2) { 1 + random.below(self.people) } else { 1024 },
                1 => config.max_waiting = *random.pick(&[0, 2, 5, 1024]),
                2 => config.max_per_ip = if random.one_in(2) { 1 + random.below(4) } else { 0 },
                3 => config.history = *random.pick(&[0, 1, 4, 100]),
                4 => config.login_timeout = Duration::from_secs(*random.pick(&[5, 60])),
                5 => config.idle_timeout = Duration::from_secs(*random.pick(&[0, 10, 30])),
                6 => config.rate = *random.pick(&[0, 10, 100]),
                7 => config.burst = *random.pick(&[1, 3, 30]),
                8 => config.announce_limit = *random.pick(&[0, 2, 200]),
                9 if removes_rooms => config.max_rooms = *random.pick(&[2, 3, 256]),
                10 => config.max_follow = *random.pick(&[0, 1, 3, 20]),
                11 => config.max_accounts = *random.pick(&[2, 10_000]),
                12 => config.bans.clear(),
                _ => {
                    let host = format!("10.0.0.{}", 1 + random.below(self.addresses));
                    let network = if random.one_in(4) { "10.0.0.0/30" } else { &host };
                    config.bans.insert(network.parse().expect("a network"));
                }
            }
        }
        config
    }

    pub fn new(random: &mut Random) -> SeedPlan {
        let crowd = random.one_in(1000);
        let people = if crowd { 100 + random.below(200) } else { 2 + random.below(11) };
        let narrow = random.one_in(2);
        let rate = *random.pick(&[0, 0, 10, 100]);
        let seconds = |random: &mut Random, choices: &[u64]| Duration::from_secs(*random.pick(choices));
        let backlog_bytes = *random.pick(&[4096, 4096, 16 * 1024, 1 << 20]);
        // A log that is made anew has messages only, and JSON is longer than lines:
        // limits in bytes are left to the other seeds.
        let web = random.one_in(8);
        let backlog_bytes = if web { 1 << 20 } else { backlog_bytes };
        let config = Config {
            // Not from `random`, so that a seed stays what it was.
            name: if people.is_multiple_of(5) { "chat.example" } else { DEFAULT_NAME }.into(),
            motd: [None, Some("Be kind.".into()), Some("Be kind.\n\n \"No\" spam.".into()), None][people % 4].clone(),
            login: if random.one_in(16) { Login::Address } else { Login::Nickname },
            max_clients: if random.one_in(3) { 1 + random.below(people) } else { 1024 },
            max_waiting: *random.pick(&[0, 2, 5, 1024]),
            max_per_ip: if random.one_in(6) { 1 + random.below(4) } else { 0 },
            history: *random.pick(&[0, 4, 4, 100]),
            history_bytes: if web { 1 << 20 } else { *random.pick(&[2048, 1 << 20]) },
            backlog_bytes,
            login_timeout: seconds(random, &[5, 60]),
            idle_timeout: if random.one_in(5) { Duration::from_secs(30) } else { Duration::ZERO },
            max_line: *random.pick(&[600, 4096]),
            rate,
            burst: *random.pick(&[1, 3, 30]),
            announce_limit: *random.pick(&[0, 2, 200, 200]),
            max_rooms: *random.pick(&[2, 3, 256]),
            max_follow: *random.pick(&[0, 1, 3, 5, 20]),
            max_ignored: *random.pick(&[1, 100]),
            max_listed: *random.pick(&[3, 100]),
            ..Config::default()
        };
        let limits = Limits {
            max_line: config.max_line,
            eol_timeout: if random.one_in(8) { Duration::from_millis(300) } else { Duration::ZERO },
            keepalive: Duration::ZERO,
            send_buffer: 0,
        };
        let few = |random: &mut Random, many| if narrow { 1 + random.below(4) } else { many };
        let all = Budget::default();
        let budget = Budget {
            block: if random.one_in(2) { 16 + random.below(240) } else { 2048 },
            accepts: few(random, all.accepts),
            reads: few(random, all.reads),
            answers: all.answers,
            handshakes: if narrow { 1 } else { all.handshakes },
            private_writes: few(random, all.private_writes),
            bytes: if random.one_in(2) { 1 + random.below(500) } else { all.bytes },
            visits: few(random, all.visits),
            // Not from `random`, so that a seed stays what it was.
            turn_bytes: if narrow { 100 * people as u64 } else { all.turn_bytes },
            disconnects: if narrow { 1 + people % 3 } else { all.disconnects },
            reaps: if narrow { 1 + people % 2 } else { all.reaps },
            timers: if narrow { 1 + people % 4 } else { all.timers },
        };
        SeedPlan {
            max_connections: if random.one_in(6) { 1 + random.below(people) } else { 1 << 20 },
            listeners: 1 + usize::from(random.one_in(4)),
            people,
            steps: if crowd { 300 } else { 24 + random.below(72) },
            operator: random.one_in(3),
            addresses: 1 + random.below(people.min(250)),
            capacity: *random.pick(&[48, 300, 4000, 1 << 16]),
            events: if random.one_in(3) { 1 + random.below(3) } else { usize::MAX },
            long: if backlog_bytes < 1 << 20 { 1 + random.below(6) } else { 10 },
            punctual: random.one_in(2),
            faults: random.one_in(2),
            // Such a history does not contain days without messages.
            jumps: random.one_in(5) && !web,
            web,
            config,
            limits,
            budget,
        }
    }
}
