//! Holds the lines of all views, and the screen on which one of them is drawn.

use std::collections::BTreeMap;

use super::buffer::LineBuffer;
use super::full_screen::{FullScreen, MAX_LINES};
use super::inline_screen::{BottomRows, FRAME_BEGINS, FRAME_ENDS, InlineScreen, TerminalSize};
use super::text::StyledLine;

/// The lines kept to draw the screen again; terminals have fewer rows.
const MAX_ROWS: usize = 500;

/// The number of a view. The first one is always there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ViewId(pub u32);

/// A change of what is shown.
#[derive(Debug, PartialEq, Eq)]
pub enum ScreenChange {
    /// A line at the end of a view.
    Line(ViewId, StyledLine),
    /// A view comes on the screen; where lines of views follow each other, the heading comes first.
    Select(ViewId, StyledLine),
    /// A view ends; its lines are dropped.
    Drop(ViewId),
    /// A view ends; those of its lines that wait are shown in the second one.
    Merge(ViewId, ViewId),
}

enum Screen {
    Inline(InlineScreen),
    Full(FullScreen),
}

/// All lines and the screen.
pub struct View {
    screen: Screen,
    colour: bool,
    buffers: BTreeMap<ViewId, LineBuffer>,
    active: ViewId,
}

impl View {
    pub fn new(full_screen: bool, colour: bool) -> Self {
        let screen =
            if full_screen { Screen::Full(FullScreen::default()) } else { Screen::Inline(InlineScreen::default()) };
        View { screen, colour, buffers: BTreeMap::new(), active: ViewId::default() }
    }

    /// Adds a line to the view on the screen.
    pub fn push(&mut self, line: StyledLine) {
        self.active().push(line);
    }

    /// Makes a change.
    pub fn apply(&mut self, change: ScreenChange) {
        match change {
            ScreenChange::Line(id, line) => {
                let views = self.buffers.len();
                let buffer = self.buffers.entry(id).or_default();
                buffer.push(line);
                if id != self.active {
                    buffer.limit_hidden(views.max(1));
                }
            }
            ScreenChange::Select(id, heading) => {
                self.active = id;
                match &mut self.screen {
                    Screen::Inline(_) => self.active().push_first(heading),
                    Screen::Full(screen) => *screen = FullScreen::default(),
                }
            }
            ScreenChange::Drop(id) => drop(self.buffers.remove(&id)),
            ScreenChange::Merge(from, into) => {
                let lines = self.buffers.remove(&from).unwrap_or_default();
                let into = self.buffers.entry(into).or_default();
                lines.waiting.into_iter().for_each(|line| into.push(line));
            }
        }
    }

    fn active(&mut self) -> &mut LineBuffer {
        self.buffers.entry(self.active).or_default()
    }

    /// Whether no more lines may be added now.
    pub fn is_full(&self) -> bool {
        self.buffers.get(&self.active).is_some_and(LineBuffer::is_full)
    }

    /// Whether lines wait to be shown.
    pub fn has_waiting(&self) -> bool {
        self.buffers.get(&self.active).is_some_and(|buffer| !buffer.waiting.is_empty())
    }

    /// Returns the next bytes that bring the terminal up to date; empty if it is.
    pub fn frame(&mut self, bottom: &BottomRows, size: TerminalSize) -> Vec<u8> {
        let (colour, views) = (self.colour, self.buffers.len().max(1));
        let buffer = self.buffers.entry(self.active).or_default();
        let new = buffer.waiting.len();
        match &mut self.screen {
            Screen::Inline(screen) => {
                let frame = screen.frame(&mut buffer.waiting, &mut buffer.log, bottom, size, colour);
                buffer.count_shown(new - buffer.waiting.len(), MAX_ROWS, views);
                frame
            }
            Screen::Full(screen) => {
                buffer.log.append(&mut buffer.waiting);
                buffer.count_shown(new, MAX_LINES, views);
                screen.frame(&buffer.log, new, bottom, size, colour)
            }
        }
    }

    /// Draws everything that fits on the screen again in the next frame; returns the bytes that clear it.
    pub fn redraw(&mut self, size: TerminalSize) -> Vec<u8> {
        let mut out = Vec::new();
        match &mut self.screen {
            Screen::Inline(screen) => {
                screen.clear(&mut out);
                self.active().take_back(usize::from(size.rows).saturating_sub(2), size.columns.into());
            }
            Screen::Full(screen) => screen.redraw(),
        }
        out
    }

    /// Returns the bytes that erase the bottom rows, before another program writes to the terminal.
    pub fn leave(&mut self, size: TerminalSize) -> Vec<u8> {
        let mut out = Vec::new();
        match &mut self.screen {
            Screen::Inline(screen) => screen.erase(size, &mut out),
            Screen::Full(screen) => screen.redraw(),
        }
        out
    }

    /// Continues after another program has written to the terminal: draws from the cursor's row on.
    pub fn resume(&mut self) -> Vec<u8> {
        match &mut self.screen {
            Screen::Inline(screen) => screen.resume(),
            Screen::Full(screen) => {
                screen.redraw();
                Vec::new()
            }
        }
    }

    /// Returns the bytes that show the remaining lines without the bottom rows, at the end of the program.
    pub fn last(&mut self, size: TerminalSize) -> Vec<u8> {
        let mut out = self.leave(size);
        // The text of an alternate screen disappears with it.
        if let Screen::Inline(_) = self.screen {
            out.extend_from_slice(FRAME_BEGINS);
            let colour = self.colour;
            for line in std::mem::take(self.active()).waiting {
                line.write_rows(size.columns.into(), colour, &mut out);
            }
            out.extend_from_slice(FRAME_ENDS);
        }
        out
    }

    /// Scrolls by a page less one row, on the alternate screen only.
    pub fn scroll(&mut self, back: bool, size: TerminalSize) {
        let buffer = self.buffers.entry(self.active).or_default();
        if let Screen::Full(screen) = &mut self.screen {
            if back {
                screen.page_up(&buffer.log, size);
            } else {
                screen.page_down(&buffer.log, size);
            }
        }
    }

    /// Returns the number of lines below the view, if the user has scrolled back.
    pub fn unseen(&self) -> Option<usize> {
        match &self.screen {
            Screen::Full(screen) if screen.is_scrolled() => Some(screen.unseen()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::buffer::{MAX_KEPT_BYTES, MAX_WAITING_BYTES};
    use super::super::test_support::{emulator, rows};
    use super::super::text::TextStyle;
    use super::*;

    const SIZE: TerminalSize = TerminalSize { columns: 20, rows: 5 };

    fn view(full_screen: bool) -> View {
        let mut view = View::new(full_screen, true);
        (0..9).for_each(|number| view.push(StyledLine::new(TextStyle::Plain, &format!("line {number}"))));
        view
    }

    #[test]
    fn redraw_restores_the_screen() {
        for full_screen in [false, true] {
            let mut parser = emulator(SIZE, 0);
            let mut view = view(full_screen);
            parser.process(&view.frame(&BottomRows::default(), SIZE));
            let before = rows(&parser);
            assert_eq!(before[..3], ["line 6", "line 7", "line 8"]);
            parser.process(b"\x1b[Hnoise of others");
            parser.process(&view.redraw(SIZE));
            parser.process(&view.frame(&BottomRows::default(), SIZE));
            assert_eq!(rows(&parser), before);
        }
    }

    #[test]
    fn shown_lines_are_limited() {
        for (full_screen, most) in [(false, MAX_ROWS), (true, MAX_LINES)] {
            let mut view = View::new(full_screen, true);
            for _ in 0..3 * MAX_LINES {
                view.push(StyledLine::new(TextStyle::Plain, "line"));
                view.frame(&BottomRows::default(), SIZE);
            }
            assert_eq!(view.active().log.len(), most);
        }
    }

    #[test]
    fn long_lines_are_limited_by_bytes() {
        let long = "x".repeat(1024 * 1024);
        for full_screen in [false, true] {
            let mut view = View::new(full_screen, true);
            let mut pushed = 0;
            while !view.is_full() {
                view.push(StyledLine::new(TextStyle::Plain, &long));
                pushed += long.len();
            }
            assert_eq!(pushed, MAX_WAITING_BYTES);
            while view.has_waiting() {
                view.frame(&BottomRows::default(), SIZE);
                let buffer = view.active();
                let bytes = buffer.log.iter().map(|line| line.text().len()).sum::<usize>();
                assert!(bytes <= MAX_KEPT_BYTES && bytes == buffer.log_bytes);
            }
            assert_eq!(view.active().waiting_bytes, 0);
            view.redraw(SIZE);
            view.frame(&BottomRows::default(), SIZE);
            let buffer = view.active();
            assert_eq!((buffer.waiting_bytes, buffer.log_bytes), (0, MAX_KEPT_BYTES));
        }
    }

    #[test]
    fn leave_and_resume_keep_foreign_output() {
        let mut parser = emulator(SIZE, 10);
        let mut view = view(false);
        let bottom = BottomRows { input: "typed".into(), ..BottomRows::default() };
        parser.process(&view.frame(&bottom, SIZE));
        parser.process(&view.leave(SIZE));
        parser.process(b"$ fg\r\n");
        // Repeating it changes nothing.
        for _ in 0..2 {
            parser.process(&view.resume());
            parser.process(&view.frame(&bottom, SIZE));
            assert_eq!(rows(&parser)[1..], ["line 8", "$ fg", "typed", ""]);
        }
    }

    fn line(text: &str) -> StyledLine {
        StyledLine::new(TextStyle::Plain, text)
    }

    #[test]
    fn hidden_view_waits_until_it_is_selected() {
        for full_screen in [false, true] {
            let mut parser = emulator(SIZE, 10);
            let mut view = View::new(full_screen, true);
            let den = ViewId(1);
            view.push(line("in the lobby"));
            view.apply(ScreenChange::Line(den, line("in the den")));
            parser.process(&view.frame(&BottomRows::default(), SIZE));
            assert_eq!(rows(&parser)[..2], ["in the lobby", ""]);
            view.apply(ScreenChange::Select(den, line("-- den")));
            parser.process(&view.frame(&BottomRows::default(), SIZE));
            let expected = if full_screen { ["in the den", ""] } else { ["-- den", "in the den"] };
            assert_eq!(rows(&parser)[usize::from(!full_screen)..][..2], expected);
            view.apply(ScreenChange::Line(den, line("more")));
            view.apply(ScreenChange::Merge(den, ViewId::default()));
            view.apply(ScreenChange::Select(ViewId::default(), line("-- lobby")));
            parser.process(&view.frame(&BottomRows::default(), SIZE));
            assert!(rows(&parser).contains(&"more".to_owned()), "{:?}", rows(&parser));
        }
    }

    #[test]
    fn hidden_view_keeps_the_newest_lines() {
        let mut view = View::new(false, true);
        for number in 0..3 * MAX_LINES {
            view.apply(ScreenChange::Line(ViewId(1), line(&format!("line {number}"))));
        }
        let hidden = &view.buffers[&ViewId(1)];
        assert_eq!((hidden.waiting.len(), hidden.waiting[0].text()), (MAX_LINES, "line 20000"));
        assert_eq!(hidden.waiting_bytes, 10 * MAX_LINES);
        assert!(!view.is_full() && !view.has_waiting());
    }
}
