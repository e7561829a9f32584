//! The comparison of what was written with what was expected, and how far readers are behind.

use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::reader::Reader;
use crate::simulator::oracle::words::Optional;

/// Bytes that an object of JSON needs at most besides its texts.
const MAX_OBJECT: usize = 200;

/// Bytes of a line of IRC that need not be those of a text: tags and a whole line, or the source before each piece of a text.
const MAX_IRC_LINE: usize = 640;

impl Reader {
    /// Leaves out the optional lines that differ from these bytes, if there are some. What was written of them must be the
    /// beginning of what stands there then, too.
    fn leave_out(&mut self, bytes: &[u8]) -> bool {
        let same = self.expected[self.written..].iter().zip(bytes).take_while(|(a, b)| a == b).count();
        let differs = self.written + same;
        let Some(index) = self.optional.iter().position(|lines| lines.place.contains(&differs)) else { return false };
        let place = self.optional[index].place.clone();
        let written = self.expected[place.start..place.end.min(self.written.max(place.start))].to_vec();
        self.remove_optional(index);
        while !self.expected[place.start..].starts_with(&written) {
            let index = self.optional.iter().position(|other| other.place.start == place.start);
            self.remove_optional(index.expect("a line that is partly written has an end"));
        }
        true
    }

    fn remove_optional(&mut self, index: usize) {
        let Optional { place, instead } = self.optional.remove(index);
        let moved = |at: usize| if at > place.start { at - place.len() + instead.len() } else { at };
        self.optional.iter_mut().for_each(|other| other.place = moved(other.place.start)..moved(other.place.end));
        self.sources.iter_mut().for_each(|(begin, _)| *begin = moved(*begin));
        self.expected.splice(place, instead);
    }

    /// The lines that are not written yet may be left out, apart from one that is partly written.
    pub(super) fn make_unread_optional(&mut self) {
        let mut begin = 0;
        let mut lines = Vec::new();
        for line in self.expected.split_inclusive(|&byte| byte == b'\n') {
            if begin >= self.written {
                lines.push(Optional { place: begin..begin + line.len(), instead: Vec::new() });
            }
            begin += line.len();
        }
        self.optional = lines;
    }
}

/// The first lines in which two texts differ.
fn difference(got: &[u8], expected: &[u8]) -> String {
    let same = got.iter().zip(expected).take_while(|(a, b)| a == b).count();
    let begin = got[..same].iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    let line = |bytes: &[u8]| String::from_utf8_lossy(&bytes[begin..bytes.len().min(begin + 200)]).into_owned();
    format!("  got      {:?}\n  expected {:?}", line(got), line(expected))
}

impl Oracle {
    pub(super) fn send_line(&mut self, who: usize, line: &str) {
        if self.is_irc(who) {
            return self.irc_words(who, line);
        }
        let expected = &mut self.readers[who].expected;
        expected.extend_from_slice(line.as_bytes());
        expected.extend_from_slice(b"\r\n");
    }

    /// Notes that the next line comes from a room.
    pub(super) fn note_source(&mut self, who: usize, room: usize) {
        let reader = &mut self.readers[who];
        if reader.member.is_some_and(|member| !self.members[member].followed.is_empty()) {
            reader.sources.push_back((reader.expected.len(), room));
        }
    }

    /// Checks bytes that were written to a reader.
    pub fn check_output(&mut self, who: usize, bytes: &[u8]) {
        let reader = &mut self.readers[who];
        while !reader.expected[reader.written..].starts_with(bytes) && reader.leave_out(bytes) {
            self.counts.irc_cut_names += 1;
        }
        let unread = &reader.expected[reader.written..];
        if !unread.starts_with(bytes) {
            panic!("person {who} is sent unexpected bytes\n{}", difference(bytes, unread));
        }
        reader.written += bytes.len();
        reader.optional.retain(|lines| lines.place.end > reader.written);
        let mut rooms = Vec::new();
        while let Some((_, room)) = reader.sources.pop_front_if(|(begin, _)| *begin < reader.written) {
            rooms.push(room);
        }
        self.counts.merged += usize::from(rooms.iter().any(|room| *room != rooms[0]));
        let reader = &self.readers[who];
        if let (true, Some(member)) = (reader.written == reader.expected.len(), reader.member) {
            let shown = |room: usize| Some((room, self.rooms[room].as_ref()?.shown));
            self.readers[who].up_to_date = self.rooms_of(member).into_iter().filter_map(shown).collect();
        }
    }

    /// Expected bytes that have not been written.
    pub fn unread_bytes(&self, who: usize) -> usize {
        let reader = &self.readers[who];
        reader.expected.len() - reader.written
    }

    /// As [`Oracle::unread_bytes`], without what may be left out.
    pub fn owed_bytes(&self, who: usize) -> usize {
        let reader = &self.readers[who];
        let places = reader.optional.iter().filter(|lines| lines.instead.is_empty()).map(|lines| &lines.place);
        let optional = places.map(|place| place.end - place.start.max(reader.written)).sum::<usize>();
        self.unread_bytes(who) - optional
    }

    /// The beginning of the unread text, for messages.
    pub fn unread_text(&self, who: usize) -> String {
        let reader = &self.readers[who];
        let unread = &reader.expected[reader.written..];
        String::from_utf8_lossy(&unread[..unread.len().min(300)]).into_owned()
    }

    /// Checks the output for the operator.
    pub fn check_console_output(&mut self, bytes: &[u8]) {
        let Some(console) = &mut self.console else { return };
        if *console != bytes {
            panic!("the operator is shown unexpected output\n{}", difference(bytes, console));
        }
        console.clear();
    }

    /// A member's possible lag in bytes, in its encoding, including lines that it does not read.
    pub(super) fn lag(&self, who: usize) -> usize {
        let reader = &self.readers[who];
        let unread = &reader.expected[reader.written..];
        let mut bytes = unread.len();
        let mut lines = unread.iter().filter(|byte| **byte == b'\n').count();
        if let Some(member) = reader.member {
            for room in self.rooms_of(member) {
                let shown = self.unread_in(who, room);
                bytes += shown.bytes + self.label(member, room).len() * shown.lines;
                lines += shown.lines;
            }
        }
        if self.is_irc(who) {
            return 2 * bytes + MAX_IRC_LINE * lines;
        }
        // JSON may need two bytes for one.
        if reader.program.is_some() { 2 * bytes + MAX_OBJECT * lines } else { bytes }
    }
}
