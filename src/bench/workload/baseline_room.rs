//! The readers of the baseline, which get the same lines as those of a room.

use super::encoding::Encoding;
use super::message::{MessageKind, Tag};
use super::readers::{Readers, RoomPlan};
use super::room::Room;
use crate::bench::baseline::Baseline;
use crate::bench::baseline::process::filler;
use crate::bench::driver::clock::{self, MILLISECOND, Nanos};
use crate::bench::driver::generator::Generator;
use crate::bench::driver::group::{Endpoint, Group};
use crate::bench::driver::timeout::Timeout;
use crate::bench::error::Error;
use crate::server::connection::transport::records::MAX_DATA;

/// As many readers as a [`Room`] has for each message; the baseline sends them the same.
pub struct BaselineRoom {
    /// The process that sends.
    pub baseline: Baseline,
    /// The readers.
    pub readers: Readers,
    /// Messages sent in each stream.
    pub said: Vec<u32>,
    /// The bytes before and after a message in a line of the server, in each room.
    around: Vec<(Vec<u8>, Vec<u8>)>,
    encoding: Encoding,
    /// How much longer than its data a record of the server is; 0 without TLS.
    pub overhead: usize,
}

impl BaselineRoom {
    /// Starts the baseline and logs in the readers; its lines have the format of those in `room`.
    ///
    /// # Errors
    /// If it does not start.
    pub fn open(generator: &mut Generator, room: &Room, here: usize, plan: RoomPlan) -> Result<Self, Error> {
        let Group { greeting, endpoint: Endpoint { encoding, .. }, .. } = generator.groups[room.talkers];
        let baseline = Baseline::start(generator, encoding, greeting)?;
        let mut readers = Readers::start(generator, &baseline.endpoint, room.deliveries_per_message, here, plan)?;
        readers.enter(generator, plan)?;
        let said = vec![0; room.said.len()];
        let mut baseline_room = BaselineRoom { baseline, readers, said, around: Vec::new(), encoding, overhead: 0 };
        baseline_room.copy_line_format(generator, room);
        Ok(baseline_room)
    }

    /// Copies the format of the last line in each room; numbers in it may grow by a digit during the test.
    pub fn copy_line_format(&mut self, generator: &Generator, room: &Room) {
        let format = &generator.context.format;
        let samples = &generator.groups[room.readers.group].samples[..generator.context.streams.rooms()];
        let around = samples.iter().map(|sample| {
            let at = format.position(sample).unwrap_or(0);
            let end = (at + format.size()).min(sample.len());
            (sample[..at].to_vec(), sample[end..].to_vec())
        });
        self.around = around.collect();
    }

    /// Appends the next message of a stream as the server would render it.
    pub fn line(&mut self, generator: &Generator, stream: usize, due: Nanos, to: &mut Vec<u8>) {
        self.write_line(generator, stream, due, to);
        self.said[stream] += 1;
    }

    /// As [`BaselineRoom::line`], but the line is not counted, since it will not be sent.
    pub fn write_line(&self, generator: &Generator, stream: usize, due: Nanos, to: &mut Vec<u8>) {
        let seq = self.said[stream];
        let (before, after) = &self.around[generator.context.streams.room(stream)];
        to.extend_from_slice(before);
        generator.context.format.write(Tag { kind: MessageKind::Message, stream: stream as u16, seq, time: due }, to);
        to.extend_from_slice(after);
    }

    /// Sends lines to all readers, and as many bytes more as the server's records have.
    pub fn send(&self, generator: &mut Generator, lines: &mut Vec<u8>) {
        if self.overhead > 0 {
            let records = lines.len().div_ceil(MAX_DATA);
            lines.extend(filler(self.encoding, records * self.overhead));
        }
        self.baseline.send(generator, lines);
    }

    /// Waits until everything has been delivered to the readers in this process, or to all.
    ///
    /// # Errors
    /// If nothing comes before the timeout.
    pub fn drain(&mut self, generator: &mut Generator, all: bool, most: Nanos) -> Result<(), Error> {
        let said: u64 = self.said.iter().copied().map(u64::from).sum();
        let mut timeout = Timeout::new(most);
        loop {
            self.readers.refresh(generator)?;
            let (delivered, readers) = if all {
                (self.readers.delivered(generator), self.readers.count())
            } else {
                (generator.groups[self.readers.group].room.tally.delivered, self.readers.here())
            };
            if delivered >= said * readers as u64 {
                return Ok(());
            }
            timeout.check(delivered, || "readers of the baseline".into())?;
            generator.turn(clock::now() + 20 * MILLISECOND)?;
        }
    }
}
