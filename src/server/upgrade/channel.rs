//! The channel between a server and its successor: packets on a pair of sockets, some of them with descriptors.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::time::Duration;

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::sockopt::socket_type;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use serde::{Deserialize, Serialize};

use crate::server::listen_addr::ListenAddr;
use crate::util::stdio::is_ready;

/// Bytes of a packet at most; the kernel takes up to about 200 KB.
const PACKET: usize = 64 * 1024;

/// Descriptors of one packet at most: SCM_MAX_FD in unix(7).
const DESCRIPTORS: usize = 253;

/// Bytes that the kernel needs beside a packet with so many descriptors.
const CONTROL: usize = rustix::cmsg_space!(ScmRights(DESCRIPTORS));

/// How long the other process may be silent, or not read, during a handover.
pub const SILENCE: Duration = Duration::from_secs(5);

/// What the two processes tell each other besides the state and the descriptors. A packet has one message, as JSON.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// From the server, first: what the successor has to have, too.
    Offer(Offer),
    /// From the successor: it has read its settings, and reads states of these versions.
    Hello { versions: Vec<u32> },
    /// From the successor: it cannot take over, for this reason.
    Refused { why: String },
    /// From the server: so many bytes of the inventory follow, and then so many descriptors.
    Begin { inventory: usize, descriptors: usize },
    /// From the server: so many bytes follow, which are the state.
    State { bytes: usize },
    /// From the successor: it has everything, and will serve when it is told to.
    Ready,
    /// From the server, last: it does not serve any more, whatever happens.
    GoOn,
    /// From the successor, last: it serves.
    Serving,
}

/// What cannot change with an upgrade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    pub is_p2p: bool,
    pub has_console: bool,
    /// The absolute path of the store, if there is one.
    pub store: Option<PathBuf>,
    /// The names of the cluster and of the node in it, if the server takes part in one.
    #[serde(default)]
    pub node: Option<[String; 2]>,
    /// The addresses of sockets that the service manager has opened, which stay.
    pub activated: Vec<ListenAddr>,
}

/// One end of the channel. Nothing here blocks for longer than the time that is given.
#[derive(Debug)]
pub struct Channel {
    socket: OwnedFd,
}

impl Channel {
    /// A new channel: the server's end, and the socket of the successor.
    ///
    /// # Errors
    /// If the kernel has no descriptors left.
    pub fn pair() -> io::Result<(Self, OwnedFd)> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (socket, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        Ok((Channel { socket }, theirs))
    }

    /// The channel that a successor has as its standard input. It stays there until something else is put in its place.
    ///
    /// # Errors
    /// If standard input is no such socket.
    pub fn of_standard_input() -> io::Result<Self> {
        let socket = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
        match socket_type(&socket) {
            Ok(SocketType::SEQPACKET) => Ok(Channel { socket }),
            _ => {
                Err(io::Error::other("take-over is a part of an upgrade: the server that is replaced starts it itself"))
            }
        }
    }

    /// The number of its descriptor, for the poll.
    pub fn raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// Sends a message.
    ///
    /// # Errors
    /// If the other process does not read for [`SILENCE`], or has ended.
    pub fn send(&self, message: &Message) -> io::Result<()> {
        self.send_packet(&serde_json::to_vec(message)?, &[])
    }

    /// Sends bytes, in packets.
    ///
    /// # Errors
    /// As [`Channel::send`].
    pub fn send_bytes(&self, bytes: &[u8]) -> io::Result<()> {
        bytes.chunks(PACKET).try_for_each(|packet| self.send_packet(packet, &[]))
    }

    /// Sends descriptors, in packets.
    ///
    /// # Errors
    /// As [`Channel::send`]; if too many descriptors are on their way.
    pub fn send_descriptors(&self, descriptors: &[BorrowedFd]) -> io::Result<()> {
        descriptors.chunks(DESCRIPTORS).try_for_each(|some| self.send_packet(b"d", some))
    }

    fn send_packet(&self, bytes: &[u8], descriptors: &[BorrowedFd]) -> io::Result<()> {
        loop {
            let mut space = [MaybeUninit::uninit(); CONTROL];
            let mut control = SendAncillaryBuffer::new(&mut space);
            if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
                return Err(io::Error::other("too many descriptors for one packet"));
            }
            match sendmsg(&self.socket, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL) {
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => self.wait(PollFlags::OUT, SILENCE)?,
                Err(Errno::PIPE | Errno::CONNRESET) => return Err(ended()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits at most `most` for a message.
    ///
    /// # Errors
    /// If none comes, the other process has ended, or it sends something else.
    pub fn receive(&self, most: Duration) -> io::Result<Message> {
        let mut packet = Vec::new();
        self.receive_packet(&mut packet, &mut Vec::new(), most)?;
        read_message(&packet)
    }

    /// The next message; `None` if none has come.
    ///
    /// # Errors
    /// As [`Channel::receive`].
    pub fn try_receive(&self) -> io::Result<Option<Message>> {
        let mut packet = Vec::new();
        match self.read_packet(&mut packet, &mut Vec::new()) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            result => result.and_then(|()| read_message(&packet)).map(Some),
        }
    }

    /// Receives so many bytes.
    ///
    /// # Errors
    /// As [`Channel::receive`].
    pub fn receive_bytes(&self, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        while bytes.len() < count {
            self.receive_packet(&mut bytes, &mut Vec::new(), SILENCE)?;
        }
        if bytes.len() > count { Err(unexpected("more bytes than were announced")) } else { Ok(bytes) }
    }

    /// Receives so many descriptors.
    ///
    /// # Errors
    /// As [`Channel::receive`]; if this process cannot have so many.
    pub fn receive_descriptors(&self, count: usize) -> io::Result<Vec<OwnedFd>> {
        let mut descriptors = Vec::new();
        while descriptors.len() < count {
            self.receive_packet(&mut Vec::new(), &mut descriptors, SILENCE)?;
        }
        Ok(descriptors)
    }

    fn receive_packet(&self, bytes: &mut Vec<u8>, descriptors: &mut Vec<OwnedFd>, most: Duration) -> io::Result<()> {
        loop {
            self.wait(PollFlags::IN, most)?;
            match self.read_packet(bytes, descriptors) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
        }
    }

    /// Reads a packet that has come, and adds what is in it.
    fn read_packet(&self, bytes: &mut Vec<u8>, descriptors: &mut Vec<OwnedFd>) -> io::Result<()> {
        let mut space = [MaybeUninit::uninit(); CONTROL];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut block = vec![0; PACKET];
        let received = loop {
            let flags = RecvFlags::CMSG_CLOEXEC;
            match recvmsg(&self.socket, &mut [IoSliceMut::new(&mut block)], &mut control, flags) {
                // The other process has ended and not read everything. That is told once, before what it has sent.
                Err(Errno::INTR | Errno::CONNRESET) => {}
                result => break result?,
            }
        };
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(some) = message {
                descriptors.extend(some);
            }
        }
        if received.flags.contains(ReturnFlags::CTRUNC) {
            let why = "this process may not have so many file descriptors as the one that it replaces; raise its limit \
                       (ulimit -n, LimitNOFILE=)";
            return Err(io::Error::other(why));
        }
        if received.bytes == 0 {
            return Err(ended());
        }
        bytes.extend_from_slice(&block[..received.bytes]);
        Ok(())
    }

    fn wait(&self, flags: PollFlags, most: Duration) -> io::Result<()> {
        let silent = || io::Error::new(io::ErrorKind::TimedOut, format!("was silent for {} s", most.as_secs()));
        if is_ready(self.socket.as_fd(), flags, most) { Ok(()) } else { Err(silent()) }
    }
}

fn read_message(packet: &[u8]) -> io::Result<Message> {
    serde_json::from_slice(packet).map_err(|_| unexpected("something that is no message of an upgrade"))
}

fn unexpected(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("has sent {what}"))
}

fn ended() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "has ended")
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Write};

    use super::*;

    fn channels() -> (Channel, Channel) {
        let (ours, theirs) = Channel::pair().unwrap();
        (ours, Channel { socket: theirs })
    }

    #[test]
    fn messages_bytes_and_descriptors_arrive_in_their_order() {
        let (ours, theirs) = channels();
        assert_eq!(theirs.try_receive().unwrap(), None);
        let state: Vec<u8> = (0..100_000_u32).map(|n| n as u8).collect();
        let pipes: Vec<_> = (0..300).map(|_| io::pipe().unwrap()).collect();
        let writers: Vec<BorrowedFd> = pipes.iter().map(|(_, writer)| writer.as_fd()).collect();
        ours.send(&Message::Ready).unwrap();
        ours.send_bytes(&state).unwrap();
        ours.send_descriptors(&writers).unwrap();
        ours.send(&Message::GoOn).unwrap();
        assert_eq!(theirs.try_receive().unwrap(), Some(Message::Ready));
        assert_eq!(theirs.receive_bytes(state.len()).unwrap(), state);
        let received = theirs.receive_descriptors(300).unwrap();
        for (n, ((mut reader, _), writer)) in pipes.into_iter().zip(received).enumerate() {
            File::from(writer).write_all(&[n as u8]).unwrap();
            let mut byte = [0];
            reader.read_exact(&mut byte).unwrap();
            assert_eq!(byte, [n as u8]);
        }
        assert_eq!(theirs.receive(SILENCE).unwrap(), Message::GoOn);
    }

    #[test]
    fn process_that_has_ended_and_one_that_sends_nonsense_are_errors() {
        let (ours, theirs) = channels();
        theirs.send_bytes(b"Hello\n").unwrap();
        assert_eq!(ours.try_receive().unwrap_err().to_string(), "has sent something that is no message of an upgrade");
        theirs.send_bytes(b"12345").unwrap();
        assert_eq!(ours.receive_bytes(4).unwrap_err().to_string(), "has sent more bytes than were announced");
        drop(theirs);
        assert_eq!(ours.try_receive().unwrap_err().to_string(), "has ended");
        assert_eq!(ours.send(&Message::GoOn).unwrap_err().to_string(), "has ended");
        assert_eq!(ours.receive(SILENCE).unwrap_err().to_string(), "has ended");
    }
}
