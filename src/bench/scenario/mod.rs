//! The scenarios of a load test.

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
use super::workload::readers::{RoomPlan, capacity};
use super::workload::room::Room;

/// A scenario with its parameters.
#[derive(Clone, Debug)]
pub enum Scenario {
    /// Number of clients, login rate, and cost per client.
    Connections(connections::Params),
    /// Broadcast to many readers.
    Fanout(fanout::Params),
    /// Round trips of whispers, in a quiet and in a busy room.
    Whisper(whisper::Params),
    /// Clients that come, send one message and leave.
    Churn(churn::Params),
    /// The effect of clients that stop reading on the others.
    Stalled(stalled::Params),
}

impl Scenario {
    /// Size of its messages in bytes.
    pub fn size(&self) -> usize {
        match self {
            Scenario::Fanout(params) => params.size,
            Scenario::Stalled(params) => params.size,
            _ => SIZE,
        }
    }

    /// Checks the parameters against fixed limits.
    ///
    /// # Errors
    /// If there would be too many bytes in flight, or too many visitors.
    pub fn is_possible(&self) -> Result<(), String> {
        match self {
            Scenario::Fanout(fanout::Params {
                senders, pace: fanout::SendRate::Saturate { in_flight }, size, ..
            }) => {
                let bytes = *senders as u64 * u64::from(*in_flight) * *size as u64;
                let text = || {
                    format!(
                        "--senders times --in-flight times --size is {} bytes in flight: at most {} are allowed",
                        count(bytes),
                        count(MAX_IN_FLIGHT)
                    )
                };
                (bytes <= MAX_IN_FLIGHT).then_some(()).ok_or_else(text)
            }
            Scenario::Churn(it) if it.rate * it.seconds > MAX_VISITS as f64 => {
                Err(format!("--rate times --seconds is more than {} visitors", count(MAX_VISITS)))
            }
            _ => Ok(()),
        }
    }

    /// Runs the scenario, and adds its figures to the report in any case.
    ///
    /// # Errors
    /// If it could not be completed.
    pub fn run(&self, generator: &mut Generator, settings: &Settings, report: &mut Report) -> Result<(), Error> {
        match self {
            Scenario::Connections(params) => connections::run(generator, settings, *params, report),
            Scenario::Fanout(params) => fanout::run(generator, settings, *params, report),
            Scenario::Whisper(params) => whisper::run(generator, settings, *params, report),
            Scenario::Churn(params) => churn::run(generator, settings, *params, report),
            Scenario::Stalled(params) => stalled::run(generator, settings, *params, report),
        }
    }

    /// The command that repeats it.
    pub fn command(&self, settings: &Settings) -> String {
        let mut command = match self {
            Scenario::Connections(it) => format!("connections --count {} --seconds {}", it.count, it.seconds),
            Scenario::Fanout(it) => {
                let pace = match it.pace {
                    fanout::SendRate::Rate(rate) => format!("--rate {rate}"),
                    fanout::SendRate::Saturate { in_flight } => format!("--saturate --in-flight {in_flight}"),
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
            command += &format!(" --encoding {}", settings.encoding.name());
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
        if settings.timeout != DEFAULT_TIMEOUT {
            command += &format!(" --timeout {}", settings.timeout / SECOND);
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

/// The default whisper command.
pub const WHISPER: &str = "@{name} {text}";

/// The default number of logins in progress at once.
pub const AT_ONCE: usize = 64;

/// The default timeout.
pub const DEFAULT_TIMEOUT: Nanos = 10 * SECOND;

/// Maximum number of bytes in flight.
const MAX_IN_FLIGHT: u64 = 64 << 20;

/// There are 36 to the power of 4 names, about 1.7 million.
const MAX_VISITS: u64 = 1_000_000;

/// The default size of a message in bytes.
pub const SIZE: usize = 64;
const _: () = assert!(SIZE >= MIN_SIZE);

/// The default number of clients: `wanted`, or what the limit of open files allows.
pub fn at_most(wanted: usize, own: bool) -> usize {
    let room = capacity().min(if own { target::capacity() } else { usize::MAX });
    wanted.min(room.saturating_sub(SPARE)).max(1)
}

fn span(seconds: f64) -> Nanos {
    (seconds * SECOND as f64) as Nanos
}

/// Figures to be compared are measured in turn, each for about this time, so that both meet the same conditions.
const SLICE: f64 = 2.0;

/// The number of slices, and the length of each.
fn slices(seconds: f64) -> (u64, Nanos) {
    let slices = (seconds / SLICE).round().max(1.0);
    (slices as u64, span(seconds / slices))
}

fn plan(settings: &Settings, streams: usize, seconds: f64) -> RoomPlan {
    RoomPlan { streams, at_once: settings.at_once, span: span(seconds), timeout: settings.timeout }
}

/// Due times of events that happen `rate` times per second of measured time, which may pause.
struct Schedule {
    rate: f64,
    next: u64,
}

impl Schedule {
    /// The first event is due at once.
    fn new(rate: f64) -> Self {
        Schedule { rate, next: 0 }
    }

    /// The number of the next event and its due time, if that is before `end`.
    fn next(&mut self, end: Nanos) -> Option<(u64, Nanos)> {
        let due = self.due();
        let number = self.next;
        (due < end).then(|| {
            self.next += 1;
            (number, due)
        })
    }

    /// The due time of the next event.
    fn due(&self) -> Nanos {
        (self.next as f64 * SECOND as f64 / self.rate) as Nanos
    }
}

/// Handles events until `due`; at least some of them, if that is over.
fn wait_until(generator: &mut Generator, due: Nanos) -> Result<(), Error> {
    loop {
        generator.turn(due)?;
        if clock::now() >= due {
            return Ok(());
        }
    }
}

/// Sends, with talkers in turn, the messages due in a slice that began at `begin`; earlier slices had `measured` in
/// total.
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

/// Microseconds per item.
fn us_each(cpu: Nanos, count: u64) -> f64 {
    cpu as f64 / 1e3 / count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedule_continues_where_it_stopped() {
        let mut schedule = Schedule::new(0.5);
        let mut slices = Vec::new();
        for end in 1..=6 {
            slices.push(schedule.next(end * SECOND));
            assert_eq!(schedule.next(end * SECOND), None);
        }
        assert_eq!(slices, [Some((0, 0)), None, Some((1, 2 * SECOND)), None, Some((2, 4 * SECOND)), None]);
    }
}
