//! The labels of answers: <https://ircv3.net/specs/extensions/labeled-response>.

use super::framing::{lines, write_line};
use crate::chat::{AnswerPart, IrcShape};

/// Rewrites the lines of an answer with the label of the command that they answer.
///
/// One line has the tag itself. Several lines stand in a batch, unless they are one batch already. For no line there is an ACK
/// of the server. An answer in parts is one batch.
pub fn label(server: &str, answer: &[u8], shape: IrcShape, part: &AnswerPart, out: &mut Vec<u8>) {
    let tag = format!("label={}", part.label);
    let lines: Vec<&[u8]> = lines(answer, shape).collect();
    let is_whole = part.begins && part.ends;
    match &lines[..] {
        [] if is_whole => {
            write_line(out, shape, |out| out.extend_from_slice(format!("@{tag} :{server} ACK").as_bytes()))
        }
        [line] if is_whole => write_line(out, shape, |out| tagged(out, &tag, line)),
        [first, others @ ..] if is_whole && is_one_batch(&lines) => {
            write_line(out, shape, |out| tagged(out, &tag, first));
            others.iter().for_each(|line| write_line(out, shape, |out| out.extend_from_slice(line)));
        }
        _ => batch(server, &lines, shape, part, out),
    }
}

/// Writes a part of an answer in a batch.
fn batch(server: &str, lines: &[&[u8]], shape: IrcShape, part: &AnswerPart, out: &mut Vec<u8>) {
    let AnswerPart { label, batch, begins, ends } = *part;
    if begins {
        let begin = format!("@label={label} :{server} BATCH +{batch} labeled-response");
        write_line(out, shape, |out| out.extend_from_slice(begin.as_bytes()));
    }
    let inner = format!("batch={batch}");
    for line in lines {
        // The lines of a batch within this one have a tag of that batch already.
        let is_nested = batch_of(line).is_some();
        write_line(out, shape, |out| match is_nested {
            true => out.extend_from_slice(line),
            false => tagged(out, &inner, line),
        });
    }
    if ends {
        let end = format!(":{server} BATCH -{batch}");
        write_line(out, shape, |out| out.extend_from_slice(end.as_bytes()));
    }
}

/// Writes a line with one more tag.
fn tagged(out: &mut Vec<u8>, tag: &str, line: &[u8]) {
    out.push(b'@');
    out.extend_from_slice(tag.as_bytes());
    match line.strip_prefix(b"@") {
        Some(rest) => {
            out.push(b';');
            out.extend_from_slice(rest);
        }
        None => {
            out.push(b' ');
            out.extend_from_slice(line);
        }
    }
}

/// The reference of the batch that a line belongs to.
fn batch_of(line: &[u8]) -> Option<&[u8]> {
    let tags = line.strip_prefix(b"@")?.split(|byte| *byte == b' ').next()?;
    tags.split(|byte| *byte == b';').find_map(|tag| tag.strip_prefix(b"batch="))
}

/// Whether the lines are one batch from its begin to its end.
fn is_one_batch(lines: &[&[u8]]) -> bool {
    let words = |line: &[u8]| -> Vec<Vec<u8>> { line.split(|byte| *byte == b' ').map(<[u8]>::to_vec).collect() };
    let reference = |line: &[u8], sign: u8| {
        let words = words(line);
        let at = words.iter().position(|word| word == b"BATCH")?;
        words.get(at + 1)?.strip_prefix(&[sign]).map(<[u8]>::to_vec)
    };
    match (lines.first(), lines.last()) {
        (Some(first), Some(last)) => {
            let begun = reference(first, b'+');
            begun.is_some() && begun == reference(last, b'-')
        }
        _ => false,
    }
}
