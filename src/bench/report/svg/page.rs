//! The picture as text: what SVG calls things, how they look, and what has to be escaped.

use std::fmt::Write;

/// Colours by class, so that the reader's scheme decides. Those of curves are after Okabe and Ito, some of them
/// darker on white, so that they stand out from it; they differ in lightness, too.
const STYLE: &str = r#"
    svg { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
    text { fill: #1f2328; }
    .title { font-size: 17px; font-weight: 600; }
    .command { font: 600 13px ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
    .soft { fill: #59636e; }
    .warning { fill: #b3261e; font-weight: 600; }
    .name { font-size: 11px; }
    .middle { text-anchor: middle; }
    .end { text-anchor: end; }
    .paper { fill: #ffffff; }
    .grid, .faint { stroke: #d5dae0; stroke-width: 1; }
    .faint { stroke: #eff1f4; }
    .line { fill: none; stroke: currentColor; stroke-linejoin: round; stroke-linecap: round; }
    .line.thin { stroke-width: 1; }
    .line.medium { stroke-width: 1.5; }
    .line.thick { stroke-width: 2.25; }
    .dot { fill: currentColor; }
    .plain { color: #59636e; }
    .c0 { color: #0072b2; }
    .c1 { color: #c65200; }
    .c2 { color: #7b3a8c; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .soft { fill: #9da7b3; }
      .warning { fill: #ff8a80; }
      .paper { fill: #12161c; }
      .grid { stroke: #343c46; }
      .faint { stroke: #1f252d; }
      .plain { color: #9da7b3; }
      .c0 { color: #56b4e9; }
      .c1 { color: #e69f00; }
      .c2 { color: #d99bc4; }
    }
"#;

/// On which side of its place a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// It begins there.
    Start,
    /// It is on both sides.
    Middle,
    /// It ends there.
    End,
}

/// A picture that grows downwards.
pub struct Page {
    body: String,
    width: f64,
    margin: f64,
    y: f64,
}

impl Page {
    /// An empty one.
    pub fn new(width: f64, margin: f64) -> Self {
        Page { body: String::new(), width, margin, y: margin }
    }

    /// Where we are.
    pub fn y(&self) -> f64 {
        self.y
    }

    /// Goes down.
    pub fn down(&mut self, pixels: f64) {
        self.y += pixels;
    }

    /// A text here.
    pub fn text(&mut self, x: f64, class: &str, anchor: Anchor, text: &str) {
        self.text_at((x, self.y), class, anchor, text);
    }

    /// A text there.
    pub fn text_at(&mut self, (x, y): (f64, f64), class: &str, anchor: Anchor, text: &str) {
        let side = match anchor {
            Anchor::Start => "",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let class = class_attribute(&[class, side]);
        let _ = writeln!(self.body, r#"  <text{class} x="{x:.1}" y="{y:.1}">{}</text>"#, escape(text));
    }

    /// A text in as many lines as it needs, each below where we are.
    pub fn lines(&mut self, x: f64, class: &str, text: &str, chars: usize, height: f64) {
        for line in wrap(text, chars) {
            self.down(height);
            self.text(x, class, Anchor::Start, &line);
        }
    }

    /// Texts after each other, some after a dot in their colour.
    pub fn runs(&mut self, x: f64, runs: &[(Option<&str>, String)]) {
        let _ = write!(self.body, r#"  <text x="{x:.1}" y="{:.1}">"#, self.y);
        for (number, (colour, text)) in runs.iter().enumerate() {
            let gap = if number > 0 { r#" dx="14""# } else { "" };
            let text = escape(text);
            let _ = match colour {
                Some(colour) => {
                    write!(self.body, r#"<tspan class="dot {colour}"{gap}>●</tspan><tspan dx="5">{text}</tspan>"#)
                }
                None => write!(self.body, "<tspan{gap}>{text}</tspan>"),
            };
        }
        self.body.push_str("</text>\n");
    }

    /// A line from one side to the other.
    pub fn rule(&mut self) {
        self.grid(true, (self.margin, self.y), (self.width - self.margin, self.y));
    }

    /// A line behind the curves.
    pub fn grid(&mut self, clear: bool, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        let class = if clear { "grid" } else { "faint" };
        let _ = writeln!(self.body, r#"  <line class="{class}" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#);
    }

    /// A curve; a dot, where it would be too short to be seen.
    pub fn line(&mut self, class: &str, points: impl Iterator<Item = (f64, f64)>) {
        let mut points: Vec<String> = points.map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        points.dedup();
        match points.as_slice() {
            [] => {}
            [point] => {
                let (x, y) = point.split_once(',').unwrap_or_default();
                let _ = writeln!(self.body, r#"  <circle class="{class}" cx="{x}" cy="{y}" r="2"/>"#);
            }
            points => {
                let _ = writeln!(self.body, r#"  <polyline class="{class}" points="{}"/>"#, points.join(" "));
            }
        }
    }

    /// A dot.
    pub fn dot(&mut self, colour: &str, (x, y): (f64, f64)) {
        let _ = writeln!(self.body, r#"  <circle class="dot {colour}" cx="{x:.1}" cy="{y:.1}" r="4"/>"#);
    }

    /// The whole file.
    pub fn finish(self, title: &str, description: &str) -> String {
        let (width, height) = (self.width, (self.y + self.margin).ceil());
        format!(
            r#"<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" version="1.1" width="{width}" height="{height}" viewBox="0 0 {width} {height}">
  <title>{}</title>
  <desc>{}</desc>
  <style type="text/css">{STYLE}  </style>
  <rect class="paper" width="{width}" height="{height}"/>
{}</svg>
"#,
            escape(title),
            escape(description),
            self.body
        )
    }
}

fn class_attribute(classes: &[&str]) -> String {
    let classes: Vec<&str> = classes.iter().copied().filter(|class| !class.is_empty()).collect();
    if classes.is_empty() { String::new() } else { format!(r#" class="{}""#, classes.join(" ")) }
}

/// For XML, which has no place for some characters at all.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\t' | '\n' => escaped.push(char),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ if char.is_control() => escaped.push('\u{fffd}'),
            _ => escaped.push(char),
        }
    }
    escaped
}

/// Lines of at most so many characters, broken between words where that is possible.
fn wrap(text: &str, chars: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        let word: Vec<char> = word.chars().collect();
        for (number, piece) in word.chunks(chars).enumerate() {
            if length > 0 && (number > 0 || length + 1 + piece.len() > chars) {
                lines.push(std::mem::take(&mut line));
                length = 0;
            }
            if length > 0 {
                line.push(' ');
                length += 1;
            }
            line.extend(piece);
            length += piece.len();
        }
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_become_markup() {
        let mut page = Page::new(100.0, 10.0);
        page.text(0.0, "", Anchor::Start, "<b a=\"1\">&\u{1b}\u{0}\u{ffff}é");
        page.runs(0.0, &[(Some("c0"), "a<b".into())]);
        let svg = page.finish("<title>", "</desc>");
        assert!(svg.contains("&lt;b a=&quot;1&quot;&gt;&amp;\u{fffd}\u{fffd}\u{fffd}é</text>"), "{svg}");
        assert!(svg.contains(">a&lt;b</tspan>"), "{svg}");
        assert!(svg.contains("<title>&lt;title&gt;</title>"), "{svg}");
        assert!(svg.contains("<desc>&lt;/desc&gt;</desc>"), "{svg}");
    }

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("one two three", 13), ["one two three"]);
        assert_eq!(wrap("a bbbbbbbb c", 3), ["a", "bbb", "bbb", "bb", "c"].map(String::from).to_vec());
        assert_eq!(wrap("ééé ééé", 3), ["ééé", "ééé"]);
        assert_eq!(wrap("", 3), [""]);
    }

    #[test]
    fn a_curve_of_one_point_is_a_dot() {
        let drawn = |points: &[(f64, f64)]| {
            let mut page = Page::new(100.0, 10.0);
            page.line("line", points.iter().copied());
            page.body
        };
        assert_eq!(drawn(&[]), "");
        assert!(drawn(&[(1.0, 2.0), (1.01, 2.01)]).contains(r#"<circle class="line" cx="1.0" cy="2.0""#));
        assert!(drawn(&[(1.0, 2.0), (3.0, 4.0)]).contains(r#"points="1.0,2.0 3.0,4.0""#));
    }

    #[test]
    fn the_picture_is_as_high_as_what_is_in_it() {
        let mut page = Page::new(100.0, 10.0);
        page.lines(0.0, "", "one two three", 5, 20.0);
        assert!(page.finish("", "").contains(r#"viewBox="0 0 100 80""#));
    }
}
