//! The result as a chart: for each scenario, latency over time beside its distribution.

mod axis;
#[cfg(test)]
mod tests;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use self::axis::{Axis, LAST_QUANTILE};
use super::figures::{count, milliseconds};
use super::latency::{LatencyPoint, LatencySummary};
use super::{Figures, Outcome, Report, ScenarioReport};

/// Width of the picture, and its margin; pixels.
const WIDTH: u32 = 960;
const MARGIN: i32 = 24;
/// Distance of two lines of text.
const LINE: i32 = 18;
/// Height of a chart with its captions.
const CHART: i32 = 290;
/// Characters in a line of text.
const CHARS: usize = 112;

const PAPER: RGBColor = RGBColor(0xff, 0xff, 0xff);
const TEXT: RGBColor = RGBColor(0x1f, 0x23, 0x28);
const SOFT: RGBColor = RGBColor(0x59, 0x63, 0x6e);
const WARNING: RGBColor = RGBColor(0xb3, 0x26, 0x1e);
const GRID: RGBColor = RGBColor(0xd5, 0xda, 0xe0);
/// Colours of curves, after Okabe and Ito, darker to stand out from white.
const CURVES: [RGBColor; 3] = [RGBColor(0x00, 0x72, 0xb2), RGBColor(0xc6, 0x52, 0x00), RGBColor(0x7b, 0x3a, 0x8c)];

/// Replaces the colours above in dark mode: a style sheet overrides attributes.
const STYLE: &str = r##"<style>
@media (prefers-color-scheme: dark) {
  [fill="#FFFFFF"] { fill: #12161c } [fill="#1F2328"] { fill: #e6edf3 } [fill="#59636E"] { fill: #9da7b3 }
  [fill="#B3261E"] { fill: #ff8a80 } [stroke="#D5DAE0"] { stroke: #343c46 }
  [fill="#0072B2"] { fill: #56b4e9 } [fill="#C65200"] { fill: #e69f00 } [fill="#7B3A8C"] { fill: #d99bc4 }
  [stroke="#0072B2"] { stroke: #56b4e9 } [stroke="#C65200"] { stroke: #e69f00 } [stroke="#7B3A8C"] { stroke: #d99bc4 }
}
</style>"##;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// Draws the chart.
pub fn draw<M: Figures>(report: &Report<M>) -> String {
    let panels: Vec<Panel> = report.scenarios.iter().filter_map(Panel::new).collect();
    let mut header = vec![TextLine::new(17, TEXT, "chinwag bench: latency")];
    let machine = &report.machine;
    let build = if report.build == "debug" { ", a debug build: its figures mean little" } else { "" };
    let (version, kernel, cpus, cpu) = (report.chinwag, &machine.kernel, machine.cpus, &machine.cpu);
    let about = format!("chinwag {version}{build}, {kernel}, {cpus} x {cpu}, {}", report.started);
    header.extend(TextLine::wrapped(SOFT, &about));
    if panels.is_empty() {
        header.push(TextLine::new(12, TEXT, "No latency was measured."));
    }
    let height = 2 * MARGIN + LINE * header.len() as i32 + panels.iter().map(Panel::height).sum::<i32>();
    let mut svg = String::new();
    paint(&SVGBackend::with_string(&mut svg, (WIDTH, height as u32)).into_drawing_area(), &header, &panels)
        .expect("a string takes everything");
    let told: Vec<String> = panels.iter().map(Panel::description).collect();
    let told = told.join("\n").replace('&', "&amp;").replace('<', "&lt;");
    let (root, rest) = svg.split_once('\n').expect("the root element has its own line");
    format!("{root}\n<title>Latency, measured by chinwag bench</title>\n<desc>{told}</desc>\n{STYLE}\n{rest}")
}

fn paint(root: &Area, header: &[TextLine], panels: &[Panel]) -> Drawn {
    root.fill(&PAPER)?;
    let mut y = MARGIN;
    for line in header {
        line.paint(root, &mut y)?;
    }
    for panel in panels {
        y += LINE;
        root.draw(&PathElement::new(vec![(MARGIN, y - 8), (WIDTH as i32 - MARGIN, y - 8)], GRID))?;
        for line in panel.text() {
            line.paint(root, &mut y)?;
        }
        let area = root.clone().shrink((0, y), (WIDTH - MARGIN as u32, CHART as u32));
        panel.paint(&area)?;
        y += CHART;
    }
    root.present()
}

/// A line of text, with a dot in the colour of its curve.
struct TextLine {
    size: i32,
    colour: RGBColor,
    text: String,
    dot: Option<RGBColor>,
}

impl TextLine {
    fn new(size: i32, colour: RGBColor, text: &str) -> Self {
        // XML has no place for control characters.
        let text = text.replace(|char: char| char.is_control() || matches!(char, '\u{fffe}' | '\u{ffff}'), "\u{fffd}");
        TextLine { size, colour, text, dot: None }
    }

    fn wrapped(colour: RGBColor, text: &str) -> impl Iterator<Item = Self> + use<> {
        wrap(text, CHARS).into_iter().map(move |line| TextLine::new(12, colour, &line))
    }

    fn paint(&self, root: &Area, y: &mut i32) -> Drawn {
        let mut x = MARGIN;
        if let Some(colour) = self.dot {
            root.draw(&Circle::new((x + 5, *y + 6), 5, colour.filled()))?;
            x += 16;
        }
        root.draw(&Text::new(self.text.as_str(), (x, *y), style(self.size, self.colour)))?;
        *y += LINE;
        Ok(())
    }
}

/// Text of this size in pixels: plotters writes font sizes divided by 1.24.
fn style(size: i32, colour: RGBColor) -> TextStyle<'static> {
    ("sans-serif", 1.24 * f64::from(size)).into_font().color(&colour).pos(Pos::new(HPos::Left, VPos::Top))
}

/// A scenario with latencies.
struct Panel<'a> {
    command: &'a str,
    outcome: &'a Outcome,
    notes: &'a [String],
    curves: Vec<(&'static str, &'a LatencySummary)>,
}

impl<'a> Panel<'a> {
    fn new<M: Figures>(report: &'a ScenarioReport<M>) -> Option<Self> {
        let latencies = report.measured.as_ref()?.latencies();
        let curves: Vec<_> = latencies.into_iter().filter_map(|(name, summary)| Some((name, summary?))).collect();
        let ScenarioReport { command, outcome, notes, .. } = report;
        (!curves.is_empty()).then_some(Panel { command, outcome, notes, curves })
    }

    fn height(&self) -> i32 {
        LINE + LINE * self.text().len() as i32 + CHART
    }

    /// The command, what went wrong, remarks, and the legend.
    fn text(&self) -> Vec<TextLine> {
        let mut lines: Vec<TextLine> =
            wrap(self.command, CHARS).iter().map(|line| TextLine::new(14, TEXT, line)).collect();
        let warning = match self.outcome {
            Outcome::Passed => None,
            Outcome::Faulty => Some("FAULTY: not every line arrived once, in order and intact".into()),
            Outcome::Interrupted { .. } => Some("interrupted: the figures are those measured until then".into()),
            Outcome::Failed { why } => Some(format!("FAILED: {why}")),
        };
        lines.extend(warning.iter().flat_map(|warning| TextLine::wrapped(WARNING, warning)));
        lines.extend(self.notes.iter().flat_map(|note| TextLine::wrapped(SOFT, &format!("({note})"))));
        for ((name, summary), colour) in self.coloured() {
            let text = format!("{name}, {} measured: {}", count(summary.count), percentiles(summary));
            lines.push(TextLine { dot: Some(colour), ..TextLine::new(12, TEXT, &text) });
        }
        lines
    }

    /// The same for readers who do not see the picture.
    fn description(&self) -> String {
        let curves: Vec<String> =
            self.curves.iter().map(|(name, summary)| format!("{name} {}", percentiles(summary))).collect();
        TextLine::new(12, TEXT, &format!("{}: {}.", self.command, curves.join("; "))).text
    }

    fn coloured(&self) -> impl Iterator<Item = ((&'static str, &'a LatencySummary), RGBColor)> {
        self.curves.iter().copied().zip(CURVES.into_iter().cycle())
    }

    /// Draws both charts; only the distribution if nothing was measured over time.
    fn paint(&self, area: &Area) -> Drawn {
        let mut over_time = Vec::new();
        let mut distribution = Vec::new();
        for ((_, summary), colour) in self.coloured() {
            let line = |value: fn(&LatencyPoint) -> f64| -> Vec<(f64, f64)> {
                summary.timeline.iter().map(|point| (point.at_s, value(point))).collect()
            };
            over_time.push((line(|point| point.max_ms), colour.mix(0.4).stroke_width(1)));
            over_time.push((line(|point| point.p99_ms), colour.stroke_width(1)));
            over_time.push((line(|point| point.p50_ms), colour.stroke_width(3)));
            distribution.push((quantiles(summary), colour.stroke_width(2)));
        }
        let latency =
            Axis::latency(over_time.iter().chain(&distribution).flat_map(|line| &line.0).map(|point| point.1));
        let has_course = self.curves.iter().any(|(_, summary)| summary.timeline.len() > 1);
        let (left, right) = area.split_horizontally(if has_course { (WIDTH as i32 - MARGIN) / 2 } else { 0 });
        if has_course {
            let time = Axis::seconds(over_time.iter().flat_map(|line| &line.0).map(|point| point.0));
            let title = "over time: p50 (thick), p99 (thin), max (pale)";
            chart(&left, title, "seconds of measured time", (&time, &latency), over_time)?;
        }
        chart(&right, "distribution", "percentile", (&Axis::quantile(), &latency), distribution)
    }
}

fn percentiles(summary: &LatencySummary) -> String {
    let [p50, p99, max] = [summary.p50_ms, summary.p99_ms, summary.max_ms].map(milliseconds);
    format!("p50 {p50}, p99 {p99}, max {max}")
}

/// The distribution from the median on. The maximum of `n` measurements stands for half of one: 1 - 0.5 / n.
fn quantiles(summary: &LatencySummary) -> Vec<(f64, f64)> {
    let end = 1.0 - 0.5 / summary.count.max(1) as f64;
    let shown = |&&(quantile, _): &&(f64, f64)| quantile >= 0.5 && (quantile <= LAST_QUANTILE || end <= LAST_QUANTILE);
    summary.distribution.iter().filter(shown).map(|&(quantile, ms)| (quantile.min(end), ms)).collect()
}

fn chart(
    area: &Area,
    title: &str,
    unit: &str,
    axes: (&Axis, &Axis),
    lines: Vec<(Vec<(f64, f64)>, ShapeStyle)>,
) -> Drawn {
    let (across, up) = axes;
    let mut chart = ChartBuilder::on(area)
        .caption(title, style(13, TEXT))
        .margin_right(20)
        .x_label_area_size(40)
        .y_label_area_size(MARGIN + 56)
        .build_cartesian_2d(across.clone(), up.clone())?;
    chart
        .configure_mesh()
        .x_desc(unit)
        .axis_desc_style(style(12, SOFT))
        .label_style(style(11, SOFT))
        .axis_style(GRID)
        .bold_line_style(GRID)
        .draw()?;
    for (points, line) in lines {
        // A single point has no line.
        let dot = if points.len() == 1 { 2 } else { 0 };
        chart.draw_series(LineSeries::new(points, line).point_size(dot))?;
    }
    Ok(())
}

/// Lines of at most `chars` characters, broken between words if possible.
fn wrap(text: &str, chars: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let letters: Vec<char> = word.chars().collect();
        for (number, piece) in letters.chunks(chars).enumerate() {
            let used = lines.last().map_or(0, |line| line.chars().count());
            match lines.last_mut() {
                Some(line) if number == 0 && used > 0 && used + 1 + piece.len() <= chars => {
                    line.push(' ');
                    line.extend(piece);
                }
                Some(line) if used == 0 => line.extend(piece),
                _ => lines.push(piece.iter().collect()),
            }
        }
    }
    lines
}
