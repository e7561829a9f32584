//! The floor: what it costs to send the same bytes to as many sockets and do nothing else.
//!
//! A process of its own ([`part`]) greets whoever connects, as a server does, and then writes to all of
//! them what it is told to, each time with one bare non-blocking send(2).

pub mod process;

use super::driver::clock;
use super::driver::clock::{MILLISECOND, SECOND};
use super::driver::generator::Generator;
use super::driver::group::{Door, Group, Role};
use super::error::Error;
use super::process::cost::Process;
use super::process::helper::{Part, Speaks};
use super::workload::encoding::Encoding;

/// What tells the one connection that gives orders from the others, in place of a name.
pub const CONTROL: &str = "#control";

/// The floor's process, and the connection to it.
pub struct Baseline {
    /// How one gets in.
    pub door: Door,
    /// Its process.
    pub process: Process,
    control: usize,
    _part: Part,
}

impl Baseline {
    /// Starts it; what it says before a name, and its answer to one, have so many bytes.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start(generator: &mut Generator, encoding: Encoding, greeting: (usize, usize)) -> Result<Self, Error> {
        let run = generator.common.run;
        let args = ["baseline", encoding.name()].map(str::to_owned).into_iter();
        let args: Vec<String> = args.chain([run.into(), greeting.0, greeting.1].map(|it| it.to_string())).collect();
        let mut part = Part::start(generator, "the floor", &args, Speaks::Stdout)?;
        // It is compared with the server, and so has the same core.
        generator.cores.iter().for_each(|cores| cores.give(part.pid()));
        let process = Process::new(part.pid()).map_err(|error| Error::Part("the floor", error.desc().into()))?;
        let addr = loop {
            generator.turn(clock::now() + 100 * MILLISECOND)?;
            if let Some(line) = part.line(generator) {
                break line.parse().map_err(|_| Error::Part("the floor", line))?;
            }
            part.check(generator)?;
        };
        let door = Door { addr, encoding, prompt: true, welcome: true };
        // Orders are no frames. It greets at once only those who speak plainly.
        let control = Door { addr, encoding: Encoding::Plain, prompt: encoding == Encoding::Plain, welcome: false };
        let control = generator.add_group(Group::new(control, Role::Control, 0, 0, SECOND));
        generator.connect(control, clock::now(), None)?;
        while generator.groups[control].logged_in == 0 {
            generator.turn(clock::now() + 100 * MILLISECOND)?;
            part.check(generator)?;
        }
        Ok(Baseline { door, process, control, _part: part })
    }

    /// Has it send `bytes` to everybody.
    pub fn send(&self, generator: &mut Generator, bytes: &[u8]) {
        let mut order = (bytes.len() as u32).to_le_bytes().to_vec();
        order.extend_from_slice(bytes);
        generator.send(self.control, 0, &order);
    }
}
