//! What a load test does.

pub mod churn;
pub mod connections;
mod cost;
pub mod fanout;
pub mod stalled;
pub mod whisper;

use super::Settings;
use super::driver::clock;
use super::driver::clock::{Nanos, SECOND};
use super::driver::generator::Generator;
use super::error::Error;
use super::process::target;
use super::process::target::SPARE;
use super::report::Report;
use super::report::figures::count;
use super::workload::encoding::Encoding;
use super::workload::message::MIN_SIZE;
use super::workload::readers::{Plan, capacity};
use super::workload::room::Room;

/// One of them, with what it is to do.
#[derive(Clone, Debug)]
pub enum Scenario {
    /// How many clients, how fast they get in, and what each costs.
    Connections(connections::Params),
    /// What is said is read by very many.
    Fanout(fanout::Params),
    /// Round trips of whispers, alone and while the room is busy.
    Whisper(whisper::Params),
    /// People who come, talk and go.
    Churn(churn::Params),
    /// Some stop reading: what the others have of it.
    Stalled(stalled::Params),
}

impl Scenario {
    /// Bytes of its messages.
    pub fn size(&self) -> usize {
        match self {
            Scenario::Fanout(params) => params.size,
            Scenario::Stalled(params) => params.size,
            _ => SIZE,
        }
    }

    /// # Errors
    /// If it would have more on its way at once, or more visitors, than anybody can mean.
    pub fn is_possible(&self) -> Result<(), String> {
        match self {
            Scenario::Fanout(fanout::Params { senders, pace: fanout::Pace::Saturate { in_flight }, size, .. }) => {
                let bytes = *senders as u64 * u64::from(*in_flight) * *size as u64;
                let text = || {
                    format!(
                        "--senders times --in-flight times --size is {} bytes on their way at once: at most {} are allowed",
                        count(bytes),
                        count(MOST_IN_FLIGHT)
                    )
                };
                (bytes <= MOST_IN_FLIGHT).then_some(()).ok_or_else(text)
            }
            Scenario::Churn(it) if it.rate * it.seconds > MOST_VISITS as f64 => {
                Err(format!("--rate times --seconds is more than {} visitors", count(MOST_VISITS)))
            }
            _ => Ok(()),
        }
    }

    /// Carries it out and adds to the report what came of it, whatever the outcome.
    ///
    /// # Errors
    /// If it could not be carried through.
    pub fn run(&self, generator: &mut Generator, settings: &Settings, report: &mut Report) -> Result<(), Error> {
        match self {
            Scenario::Connections(params) => connections::run(generator, settings, *params, report),
            Scenario::Fanout(params) => fanout::run(generator, settings, *params, report),
            Scenario::Whisper(params) => whisper::run(generator, settings, *params, report),
            Scenario::Churn(params) => churn::run(generator, settings, *params, report),
            Scenario::Stalled(params) => stalled::run(generator, settings, *params, report),
        }
    }

    /// The command that does the same again.
    pub fn command(&self, settings: &Settings) -> String {
        let mut command = match self {
            Scenario::Connections(it) => format!("connections --count {} --seconds {}", it.count, it.seconds),
            Scenario::Fanout(it) => {
                let pace = match it.pace {
                    fanout::Pace::Rate(rate) => format!("--rate {rate}"),
                    fanout::Pace::Saturate { in_flight } => format!("--saturate --in-flight {in_flight}"),
                };
                let fanout::Params { readers, senders, size, seconds, .. } = it;
                format!("fanout --readers {readers} --senders {senders} {pace} --size {size} --seconds {seconds}")
            }
            Scenario::Whisper(it) => {
                let whisper::Params { idle, pairs, rate, storm, seconds } = it;
                format!("whisper --idle {idle} --pairs {pairs} --rate {rate} --storm {storm} --seconds {seconds}")
            }
            Scenario::Churn(it) => {
                format!("churn --rate {} --residents {} --seconds {}", it.rate, it.residents, it.seconds)
            }
            Scenario::Stalled(it) => {
                let stalled::Params { readers, stalled, rate, size, seconds } = it;
                format!(
                    "stalled --readers {readers} --stalled {stalled} --rate {rate} --size {size} --seconds {seconds}"
                )
            }
        };
        command.insert_str(0, "chinwag bench ");
        if let Some(addr) = settings.addr {
            command += &format!(" --addr {addr}");
        }
        if settings.encoding != Encoding::Plain {
            command += &format!(" --dialect {}", settings.encoding.name());
        }
        if let Some(pid) = settings.pid {
            command += &format!(" --pid {pid}");
        }
        for (option, taken) in [("prompt", settings.prompt), ("welcome", settings.welcome)] {
            if !taken {
                command += &format!(" --{option} none");
            }
        }
        if settings.whisper != WHISPER {
            command += &format!(" --whisper '{}'", settings.whisper);
        }
        if settings.at_once != AT_ONCE {
            command += &format!(" --at-once {}", settings.at_once);
        }
        if settings.timeout != PATIENCE {
            command += &format!(" --patience {}", settings.timeout / SECOND);
        }
        if settings.pin {
            command += " --pin";
        }
        if settings.addr.is_some_and(|addr| !addr.ip().is_loopback()) {
            command += " --yes-remote";
        }
        if !settings.serve.is_empty() {
            command += &format!(" --serve '{}'", settings.serve.join(" "));
        }
        command
    }
}

/// How one whispers unless told otherwise.
pub const WHISPER: &str = "@{name} {text}";

/// Logins on their way at once unless told otherwise.
pub const AT_ONCE: usize = 64;

/// How long nothing may happen unless told otherwise.
pub const PATIENCE: Nanos = 10 * SECOND;

/// Bytes on their way at once.
const MOST_IN_FLIGHT: u64 = 64 << 20;

/// There are 36 to the fourth names, which is 1.7 million.
const MOST_VISITS: u64 = 1_000_000;

/// Bytes of a message where nothing else is asked for.
pub const SIZE: usize = 64;
const _: () = assert!(SIZE >= MIN_SIZE);

/// How many clients a scenario has unless it is told: so many, or what the limit of open files allows.
pub fn at_most(wanted: usize, own: bool) -> usize {
    let room = capacity().min(if own { target::capacity() } else { usize::MAX });
    wanted.min(room.saturating_sub(SPARE)).max(1)
}

fn span(seconds: f64) -> Nanos {
    (seconds * SECOND as f64) as Nanos
}

/// What is compared is measured in turn, each for about so long, so that both see the same machine.
const SLICE: f64 = 2.0;

/// How many slices there are, and how long each of them is.
fn slices(seconds: f64) -> (u64, Nanos) {
    let slices = (seconds / SLICE).round().max(1.0);
    (slices as u64, span(seconds / slices))
}

fn plan(settings: &Settings, streams: usize, seconds: f64) -> Plan {
    Plan { streams, at_once: settings.at_once, span: span(seconds), timeout: settings.timeout }
}

/// When things are due that happen `rate` times a second, in measured time, which may stand still meanwhile.
struct Schedule {
    rate: f64,
    next: u64,
}

impl Schedule {
    /// The first one is due at once.
    fn new(rate: f64) -> Self {
        Schedule { rate, next: 0 }
    }

    /// The number of the next one and when it is due, if that is before `end`.
    fn next(&mut self, end: Nanos) -> Option<(u64, Nanos)> {
        let due = self.due();
        let number = self.next;
        (due < end).then(|| {
            self.next += 1;
            (number, due)
        })
    }

    /// When the next one is due.
    fn due(&self) -> Nanos {
        (self.next as f64 * SECOND as f64 / self.rate) as Nanos
    }
}

/// Sees to what happens until `due`, and to some of it if that is over.
fn wait_until(generator: &mut Generator, due: Nanos) -> Result<(), Error> {
    loop {
        generator.turn(due)?;
        if clock::now() >= due {
            return Ok(());
        }
    }
}

/// Has those who talk say, in turn, what is due in a slice that began at `begin`, when so much was `measured`.
fn talk_on_time(
    generator: &mut Generator,
    room: &mut Room,
    schedule: &mut Schedule,
    begin: Nanos,
    measured: Nanos,
    slice: Nanos,
) -> Result<(), Error> {
    while let Some((number, due)) = schedule.next(measured + slice) {
        let due = begin + due - measured;
        wait_until(generator, due)?;
        let talker = (number % room.said.len() as u64) as usize;
        let tag = room.next(talker, due);
        generator.say(room.talkers, talker, tag);
    }
    wait_until(generator, begin + slice)
}

/// Microseconds for each of so many.
fn us_each(cpu: Nanos, count: u64) -> f64 {
    cpu as f64 / 1e3 / count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_goes_on_where_it_stopped() {
        let mut schedule = Schedule::new(0.5);
        let mut slices = Vec::new();
        for end in 1..=6 {
            slices.push(schedule.next(end * SECOND));
            assert_eq!(schedule.next(end * SECOND), None);
        }
        assert_eq!(slices, [Some((0, 0)), None, Some((1, 2 * SECOND)), None, Some((2, 4 * SECOND)), None]);
    }
}
