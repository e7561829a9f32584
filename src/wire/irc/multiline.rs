//! Messages of several lines: <https://ircv3.net/specs/extensions/multiline>.

use super::framing::write_line;
use super::writer::{Tags, limit, write_params, write_prefix, write_sender};
use crate::chat::change::TextLine;
use crate::chat::{IrcContext, IrcShape, Sender};

/// Appends a message of several lines to `out`: as a batch, for sessions that read these, or else line by line without the blank
/// ones. Only the begin of the batch, or the first line, has the id of the message.
pub fn render(
    server: &str,
    (id, tags): (u64, &Tags),
    (name, command): (&str, &str),
    lines: &[TextLine],
    context: &IrcContext,
    out: &mut Vec<u8>,
) {
    let (shape, source) = (context.shape, context.detail.source);
    let target = match (context.room, context.detail.private) {
        (Some(room), _) => format!("#{room}"),
        (None, private) => private.and_then(|private| private.target).unwrap_or(context.nick).to_owned(),
    };
    let mut write = |tags: Tags, command: &str, middle: &[&str], text: Option<&str>| {
        write_line(out, shape, |out| {
            tags.write(out, shape);
            let start = out.len();
            write_prefix(out, name, source);
            out.extend_from_slice(command.as_bytes());
            write_params(out, middle.iter().copied(), text);
            limit(out, start);
        });
    };
    if !shape.contains(IrcShape::MULTILINE) {
        for (index, line) in lines.iter().filter(|line| !line.is_blank()).enumerate() {
            let msgid = tags.msgid.filter(|_| index == 0);
            write(Tags { msgid, ..*tags }, command, &[&target], Some(&line.text));
        }
        return;
    }
    let reference = format!("m{id:x}");
    write(*tags, "BATCH", &[&format!("+{reference}"), "draft/multiline", &target], None);
    for line in lines {
        let tags = Tags { batch: Some(&reference), concat: line.concat, ..Tags::default() };
        write(tags, command, &[&target], Some(&line.text));
    }
    write_line(out, shape, |out| {
        write_sender(out, server, Sender::Server, None);
        out.extend_from_slice(format!("BATCH -{reference}").as_bytes());
    });
}
