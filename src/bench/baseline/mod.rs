//! Measures the baseline: the cost of sending the same bytes to the same number of sockets with no other work.
//!
//! A separate process ([`process`]) greets each connection as a server does, then writes the bytes it is told to send
//! to all of them, each time with one bare non-blocking send(2). [`aead`] measures encryption, which that leaves out.

pub mod aead;
pub mod process;

use super::driver::clock;
use super::driver::clock::{MILLISECOND, SECOND};
use super::driver::generator::Generator;
use super::driver::group::{Endpoint, Group, Role};
use super::error::Error;
use super::process::cost::{Process, Processes};
use super::process::helper::{OutputStream, Subprocess};
use super::workload::encoding::Encoding;

/// The baseline process and the control connection to it.
pub struct Baseline {
    /// Where readers connect.
    pub endpoint: Endpoint,
    /// Its process.
    pub process: Processes,
    control: usize,
    _part: Subprocess,
}

impl Baseline {
    /// Starts the process. `greeting` is the size in bytes of its prompt and of its answer to a name.
    ///
    /// # Errors
    /// If the process does not start.
    pub fn start(generator: &mut Generator, encoding: Encoding, greeting: (usize, usize)) -> Result<Self, Error> {
        let run = generator.context.run;
        let args = ["baseline", encoding.name()].map(str::to_owned).into_iter();
        let args: Vec<String> = args.chain([run.into(), greeting.0, greeting.1].map(|it| it.to_string())).collect();
        let mut part = Subprocess::start(generator, "the baseline", &args, OutputStream::Stdout)?;
        // It is compared with the server, so it runs on the same core.
        generator.cores.iter().for_each(|cores| cores.give(part.pid()));
        let process = Process::new(part.pid()).map_err(|error| Error::Subprocess("the baseline", error.to_string()))?;
        let addr = loop {
            generator.turn(clock::now() + 100 * MILLISECOND)?;
            if let Some(line) = part.line(generator) {
                break line.parse().map_err(|_| Error::Subprocess("the baseline", line))?;
            }
            part.check(generator)?;
        };
        let endpoint = Endpoint { addrs: vec![addr], encoding, prompt: true, welcome: true, tls: false };
        // Orders are not frames. Only plain connections are greeted at once.
        let prompt = encoding == Encoding::Plain;
        let control = Endpoint { addrs: vec![addr], encoding: Encoding::Plain, prompt, welcome: false, tls: false };
        let control = generator.add_group(Group::new(control, Role::Control, 0, 0, SECOND));
        generator.connect(control, clock::now(), 0..0)?;
        while generator.groups[control].logged_in == 0 {
            generator.turn(clock::now() + 100 * MILLISECOND)?;
            part.check(generator)?;
        }
        Ok(Baseline { endpoint, process: process.into(), control, _part: part })
    }

    /// Tells the process to send `bytes` to all readers.
    pub fn send(&self, generator: &mut Generator, bytes: &[u8]) {
        let mut order = (bytes.len() as u32).to_le_bytes().to_vec();
        order.extend_from_slice(bytes);
        generator.send(self.control, 0, &order);
    }
}
