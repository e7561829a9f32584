//! The server's side of the handover: sends everything, and stops serving when the successor has it.

use std::io;

use log::{debug, info, warn};

use super::channel::{Channel, Message, SILENCE};
use super::inventory::{Inventory, SocketPairs};
use super::{Parts, Successor};
use crate::chat::Now;
use crate::cluster::node::Node;
use crate::server::control::Control;
use crate::server::handover::HandoverView;
use crate::server::listen::Listening;
use crate::util::io_error::plain_words;

pub(super) const UNEXPECTED: &str = "the new program has sent something unexpected";

/// Hands everything over; the successor serves afterwards. Returns what is left for the relay. On an error nothing has changed,
/// except that the store is closed.
pub(super) fn hand_over(
    successor: &mut Successor,
    listening: &[Listening],
    parts: &mut Parts,
    now: Now,
) -> Result<SocketPairs, String> {
    let began = parts.clock.elapsed();
    let pairs = SocketPairs::of(parts.engine)
        .map_err(|error| format!("no sockets can be made for connections with TLS: {}", plain_words(&error)))?;
    if let Some(hasher) = &mut parts.hasher {
        // Sent again by the successor, or by this process.
        let requests = hasher.take_requests();
        parts.engine.hub_mut().return_passwords(requests);
    }
    if let Some(control) = &mut parts.control {
        control.interrupt(parts.engine.store_writer_mut(), now.at);
    }
    parts.engine.release_store();
    let control = parts.control.as_deref().and_then(Control::listener);
    let inventory = Inventory::of(parts.engine, &pairs, listening, control, parts.console.as_deref_mut());
    let pid = successor.child.id();
    let sent = send_all(&successor.channel, &inventory, &pairs, parts)
        .map_err(|why| refusal(&successor.channel).unwrap_or(why));
    let sent = sent.and_then(|()| {
        // The service manager believes the next process only after it was named.
        parts.tell_main_pid(pid, now);
        let lost = |error| {
            parts.tell_main_pid(std::process::id(), now);
            format!("the new program {error}")
        };
        successor.channel.send(&Message::GoOn).map_err(lost)
    });
    if let Err(why) = sent {
        if let (Some(console), Some(state)) = (&mut parts.console, inventory.console) {
            console.restore(state);
        }
        return Err(why);
    }
    parts.engine.listeners().for_each(|(_, listener)| listener.set_owns_file(false));
    parts.control.iter().filter_map(|control| control.listener()).for_each(|listener| listener.set_owns_file(false));
    let took = parts.clock.elapsed().saturating_sub(began).as_millis();
    let connections = parts.engine.connection_count();
    // The successor serves whether it says so or not.
    match successor.channel.receive(SILENCE) {
        Ok(Message::Serving) => {}
        _ => warn!("upgrade: process {pid} has not said that it serves"),
    }
    let mut rest = String::new();
    if pairs.count() > 0 {
        rest += &format!("; this process stays as the relay of {} with TLS", pairs.count());
    }
    if successor.ended > 0 {
        rest += &format!("; {} more with TLS had to end", successor.ended);
    }
    info!("upgrade: process {pid} serves on with {connections} connections, after a pause of {took} ms{rest}");
    Ok(pairs)
}

/// Sends the state and the descriptors, and the last message when the successor has them.
fn send_all(channel: &Channel, inventory: &Inventory, pairs: &SocketPairs, parts: &mut Parts) -> Result<(), String> {
    let lost = |error: io::Error| format!("the new program {error}");
    let control = parts.control.as_deref().and_then(Control::listener);
    let descriptors = Inventory::descriptors(parts.engine, pairs, control);
    let header = serde_json::to_vec(inventory).map_err(|error| format!("the state cannot be written: {error}"))?;
    // First, since the successor takes them while this process writes the state.
    let began = parts.clock.elapsed();
    let begin = Message::Begin { inventory: header.len(), descriptors: inventory.descriptor_count() };
    channel.send(&begin).map_err(lost)?;
    channel.send_bytes(&header).map_err(lost)?;
    channel.send_descriptors(&descriptors).map_err(lost)?;
    let sent = parts.clock.elapsed();
    let state = HandoverView::of(parts.engine, sent).with_node(parts.node.map(Node::state)).to_json();
    let state = state.map_err(|error| format!("the state cannot be written: {error}"))?;
    let wrote = parts.clock.elapsed();
    channel.send(&Message::State { bytes: state.len() }).map_err(lost)?;
    channel.send_bytes(&state).map_err(lost)?;
    debug!(
        "{} ms to send {} descriptors, {} ms to write the state of {} bytes, {} ms to send it",
        (sent - began).as_millis(),
        descriptors.len(),
        (wrote - sent).as_millis(),
        state.len(),
        (parts.clock.elapsed() - wrote).as_millis()
    );
    match channel.receive(SILENCE).map_err(lost)? {
        Message::Ready => Ok(()),
        Message::Refused { why } => Err(says(&why)),
        _ => Err(UNEXPECTED.into()),
    }
}

/// Why the successor does not go on, if it has said so before it has ended.
fn refusal(channel: &Channel) -> Option<String> {
    match channel.try_receive() {
        Ok(Some(Message::Refused { why })) => Some(says(&why)),
        _ => None,
    }
}

pub(super) fn says(why: &str) -> String {
    format!("the new program says: {why}")
}
