//! The stages of a run on a line of time, as an SVG picture.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::escape;
use super::story::{AttemptEnd, Pause, Story};
use crate::engine::model::State;
use crate::ui::log::duration;

/// Units of the picture; it scales to the page
const WIDTH: f64 = 900.0;
const ROW: f64 = 26.0;
/// Left of the bars are the stages' names
const LABELS: f64 = 150.0;
/// Right of them are their times
const TIMES: f64 = 70.0;
/// What a pause takes, however long it was
const PAUSE: f64 = 26.0;
const NARROWEST: f64 = 2.0;

/// The picture; empty if no stage has run.
pub(super) fn timeline(story: &Story) -> String {
    let (Some(began), Some(ended)) = (story.began, story.ended) else { return String::new() };
    let rows: Vec<&str> = story.stages.iter().map(|stage| stage.name.as_str()).collect();
    let others = story.attempts.iter().map(|attempt| attempt.stage.as_str());
    let rows = others.fold(rows, |mut rows, name| {
        if !rows.contains(&name) {
            rows.push(name);
        }
        rows
    });
    if story.attempts.is_empty() {
        return String::new();
    }
    let scale = Scale::new(began, ended, &story.pauses);
    let height = ROW * rows.len() as f64 + 24.0;
    let mut svg = format!(
        "<div class=\"scroll timeline\" tabindex=\"0\">\n<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"timeline-title\">\n\
         <title id=\"timeline-title\">When each stage ran</title>\n"
    );
    for pause in &story.pauses {
        let (from, to) = (scale.at(pause.from), scale.at(pause.to));
        let seconds = pause.to.duration_since(pause.from).as_secs_f64();
        let _ = writeln!(
            svg,
            "<rect class=\"pause\" x=\"{from:.1}\" y=\"0\" width=\"{:.1}\" height=\"{:.1}\"><title>interrupted for \
             {}</title></rect>",
            to - from,
            height - 20.0,
            duration(seconds)
        );
    }
    for (at, name) in rows.iter().enumerate() {
        let y = ROW * at as f64;
        let _ = writeln!(
            svg,
            "<text class=\"label\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            LABELS - 12.0,
            y + 17.0,
            escape(&shortened(name))
        );
        let mut total = 0.0;
        for attempt in story.attempts.iter().filter(|attempt| attempt.stage == *name) {
            let seconds = attempt.ended.duration_since(attempt.began).as_secs_f64().max(0.0);
            total += seconds;
            let x = scale.at(attempt.began);
            let width = (scale.at(attempt.ended) - x).max(NARROWEST);
            let (class, what) = match attempt.end {
                AttemptEnd::Done => ("done", "done"),
                AttemptEnd::Failed => ("failed", "failed"),
                AttemptEnd::Cut => ("cut", "interrupted"),
            };
            let _ = writeln!(
                svg,
                "<rect class=\"bar {class}\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"16\" rx=\"2\">\
                 <title>{}: {what} after {}</title></rect>",
                y + 5.0,
                escape(name),
                duration(seconds)
            );
        }
        let shown = if story.attempts.iter().any(|attempt| attempt.stage == *name) {
            duration(total)
        } else {
            "not run".to_owned()
        };
        let _ = writeln!(svg, "<text class=\"time\" x=\"{WIDTH}\" y=\"{:.1}\">{shown}</text>", y + 17.0);
    }
    marks(&mut svg, story, &scale, height);
    svg.push_str("</svg>\n</div>\n");
    svg
}

/// The point of no return and the undos.
fn marks(svg: &mut String, story: &Story, scale: &Scale, height: f64) {
    if let Some(time) = story.public_from.filter(|_| story.is_public()) {
        let x = scale.at(time);
        let _ = writeln!(
            svg,
            "<line class=\"no-return\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"0\" y2=\"{:.1}\"/>\n\
             <text class=\"no-return\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{}\">point of no return</text>",
            height - 18.0,
            height - 4.0,
            if x > WIDTH / 2.0 { "end" } else { "start" }
        );
    }
    if story.effects.iter().any(|effect| effect.entry.state == State::Undone) {
        let x = WIDTH - TIMES;
        let _ = writeln!(
            svg,
            "<text class=\"undone\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"end\">then undone</text>",
            height - 4.0
        );
    }
}

fn shortened(name: &str) -> String {
    const LONGEST: usize = 18;
    match name.chars().count() {
        0..=LONGEST => name.to_owned(),
        _ => name.chars().take(LONGEST - 1).chain(['…']).collect(),
    }
}

/// From times to places
struct Scale<'a> {
    began: Timestamp,
    pauses: &'a [Pause],
    /// Units for each second of work
    unit: f64,
}

impl<'a> Scale<'a> {
    fn new(began: Timestamp, ended: Timestamp, pauses: &'a [Pause]) -> Self {
        let paused: f64 = pauses.iter().map(|pause| seconds(pause.from, pause.to)).sum();
        let worked = (seconds(began, ended) - paused).max(0.001);
        let room = (WIDTH - LABELS - TIMES - PAUSE * pauses.len() as f64).max(WIDTH / 4.0);
        Self { began, pauses, unit: room / worked }
    }

    fn at(&self, time: Timestamp) -> f64 {
        let mut worked = seconds(self.began, time);
        let mut place = LABELS;
        for pause in self.pauses.iter().filter(|pause| pause.from < time) {
            let passed = if time >= pause.to { pause.to } else { time };
            worked -= seconds(pause.from, passed);
            place += PAUSE * seconds(pause.from, passed) / seconds(pause.from, pause.to).max(0.001);
        }
        (place + worked * self.unit).clamp(LABELS, WIDTH - TIMES + PAUSE)
    }
}

/// The clock may have been set back.
fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64().max(0.0)
}
