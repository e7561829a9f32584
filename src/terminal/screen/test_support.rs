//! Emulates terminals for tests.

use super::inline_screen::TerminalSize;

/// Returns a terminal that keeps `scrollback` rows.
pub(crate) fn emulator(size: TerminalSize, scrollback: usize) -> vt100::Parser {
    let [rows, columns] = [size.rows, size.columns].map(|n| n.try_into().expect("a row and a column"));
    vt100::Parser::new(rows, columns, scrollback)
}

/// Returns the text of the rows of a terminal.
pub(crate) fn rows(parser: &vt100::Parser) -> Vec<String> {
    parser.screen().rows(0, parser.screen().size().1.into()).collect()
}
