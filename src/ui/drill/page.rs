//! The report of a drill as one self-contained HTML page without scripts.

use std::fmt::Write as _;

use crate::drill::{Executor, Outcome, Phase, PointResult, Recovery, RecoveryCommand, Report};
use crate::engine::model::Reach;
use crate::text::{escape_html, fill_template, prose_html};

const PAGE: &str = include_str!("../../../templates/drill/page.html");

/// The landing, which is not a stage
const LAND: &str = "land";

/// The page of a drill: the pipeline with its kill points, and a table of them.
pub fn page(report: &Report) -> String {
    let title = format!("{} {}", report.name, report.version);
    let (class, verdict) = match report.diverged().count() {
        0 => ("good", "all converge".to_owned()),
        1 => ("bad", "1 point does not converge".to_owned()),
        several => ("bad", format!("{several} points do not converge")),
    };
    fill_template(
        PAGE,
        &[
            ("title", escape_html(&title)),
            ("verdict-class", class.to_owned()),
            ("verdict", verdict),
            ("figures", figures(report)),
            ("left-out", left_out(report)),
            ("pipeline", pipeline(report)),
            ("rows", rows(report)),
        ],
    )
}

fn figures(report: &Report) -> String {
    let figures = [
        ("stages", report.stages.len().to_string()),
        ("kill points", report.results.len().to_string()),
        ("recoveries", (report.results.len() * 2).to_string()),
        ("converge", format!("{}", report.results.len() - report.diverged().count())),
        ("seconds", format!("{:.0}", report.seconds)),
    ];
    figures.iter().map(|(name, value)| format!("<div><dt>{name}</dt><dd>{value}</dd></div>")).collect()
}

fn left_out(report: &Report) -> String {
    let for_real = report.for_real();
    let notes = report
        .left_out
        .iter()
        .chain(&for_real)
        .map(|note| format!("<p class=\"dim\">{}</p>\n", prose_html(note)));
    notes.collect()
}

/// One card per stage with its points, the point of no return, and the points before and after.
fn pipeline(report: &Report) -> String {
    let mut cards = String::new();
    let first = report.results.iter().position(|judged| judged.point.stage.is_some());
    let (before, rest) = report.results.split_at(first.unwrap_or_default());
    if !before.is_empty() {
        cards.push_str(&card("begin", "", "stage edge", before));
    }
    let of = |name: &str| -> Vec<&PointResult> {
        rest.iter().filter(|judged| judged.point.stage.as_deref() == Some(name)).collect()
    };
    let (mut landed, mut public) = (of(LAND).is_empty(), false);
    let land = |cards: &mut String| cards.push_str(&card(LAND, "repository", "stage repository", of(LAND)));
    for stage in &report.stages {
        if stage.reach >= Reach::Repository && !std::mem::replace(&mut landed, true) {
            land(&mut cards);
        }
        if stage.reach >= Reach::Public && !std::mem::replace(&mut public, true) {
            cards.push_str("<li class=\"line\"><span>point of no return</span></li>\n");
        }
        let reach = stage.reach.to_string();
        let shown = match stage.executor {
            Executor::Pyrelease => reach.clone(),
            Executor::Command => format!("{reach}, a command"),
            Executor::Plugin => format!("{reach}, a plugin"),
            Executor::StandIn => format!("{reach}, a stand-in"),
        };
        cards.push_str(&card(&stage.name, &shown, &format!("stage {reach}"), of(&stage.name)));
    }
    if !landed {
        land(&mut cards);
    }
    let after: Vec<&PointResult> = rest.iter().filter(|judged| judged.point.stage.is_none()).collect();
    if !after.is_empty() {
        cards.push_str(&card("end", "", "stage edge", after));
    }
    cards
}

fn card<'a>(
    name: &str,
    reach: &str,
    class: &str,
    points: impl IntoIterator<Item = &'a PointResult>,
) -> String {
    let (first, deeper): (Vec<&PointResult>, Vec<&PointResult>) =
        points.into_iter().partition(|judged| judged.point.id.then.is_none());
    let mut text =
        format!("<li class=\"{class}\"><h3>{}</h3><small>{reach}&nbsp;</small>", escape_html(name));
    dots(&mut text, &first);
    for command in [RecoveryCommand::Rollback, RecoveryCommand::Resume] {
        let of = |judged: &&PointResult| judged.point.id.then.is_some_and(|(then, _)| then == command);
        let deeper: Vec<&PointResult> = deeper.iter().copied().filter(of).collect();
        if !deeper.is_empty() {
            let _ = write!(text, "<p class=\"again\"><code>{}</code> killed too</p>", command.name());
            dots(&mut text, &deeper);
        }
    }
    text.push_str("</li>\n");
    text
}

fn dots(text: &mut String, points: &[&PointResult]) {
    text.push_str("<ol class=\"dots\">");
    let mut before = None;
    for judged in points {
        let phase = judged.point.phase;
        if phase == Phase::Public && before.is_some_and(|before| before != Phase::Public) {
            text.push_str("<li class=\"cut\"></li>");
        }
        before = Some(phase);
        let [left, right] = [&judged.rollback, &judged.resume].map(class);
        let diverged = if judged.converges() { "" } else { " diverged" };
        let [rollback, resume] = judged.outcomes();
        let _ = write!(
            text,
            "<li><a class=\"dot l-{left} r-{right}{diverged}\" href=\"#{0}\"><span class=\"tip\">{1}: {2}<br>rollback: \
             {rollback}<br>resume: {resume}</span></a></li>",
            anchor(judged),
            judged.point.id,
            prose_html(&judged.point.what)
        );
    }
    text.push_str("</ol>");
}

fn anchor(judged: &PointResult) -> String {
    format!("point-{}", judged.point.id.to_string().replace('/', "-"))
}

fn class(recovery: &Recovery) -> &'static str {
    match recovery.outcome {
        Outcome::RolledBack => "undone",
        Outcome::Released => "released",
        Outcome::Refused => "refused",
        Outcome::Nothing => "nothing",
        Outcome::Diverged => "diverged",
    }
}

fn rows(report: &Report) -> String {
    let mut text = String::new();
    let mut public = false;
    for judged in &report.results {
        if judged.point.phase == Phase::Public && !std::mem::replace(&mut public, true) {
            text.push_str("<tr class=\"no-return\"><td colspan=\"6\">the point of no return</tr>\n");
        }
        let [rollback, resume] = judged.outcomes();
        let [left, right] = [&judged.rollback, &judged.resume].map(class);
        let _ = write!(
            text,
            "<tr id=\"{}\"><td>{}<td>{}<td>{}",
            anchor(judged),
            judged.point.id,
            escape_html(judged.point.stage.as_deref().unwrap_or_default()),
            prose_html(&judged.point.what)
        );
        let ways = [("rollback", &judged.rollback), ("resume", &judged.resume)];
        let differences: String = ways
            .iter()
            .flat_map(|(command, recovery)| recovery.differences.iter().map(move |line| (command, line)))
            .map(|(command, line)| format!("<li>{command}: {}</li>", prose_html(line)))
            .collect();
        if !differences.is_empty() {
            let _ = write!(text, "<ul class=\"differences\">{differences}</ul>");
        }
        let _ = writeln!(
            text,
            "<td><span class=\"o o-{left}\">{rollback}</span><td><span class=\"o o-{right}\">{resume}</span><td>{:.1}</tr>",
            judged.seconds
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_put_in_as_it_is() {
        let values = [("a", "@b@ and @".to_owned()), ("b", "2".to_owned())];
        assert_eq!(
            fill_template("x @a@ y @b@ z@example @media (x) @b@", &values),
            "x @b@ and @ y 2 z@example @media (x) 2"
        );
        assert_eq!(prose_html("a `<b>` & c"), "a <code>&lt;b&gt;</code> &amp; c");
    }
}
