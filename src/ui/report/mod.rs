//! The report of a run as one self-contained HTML page without scripts: what happened, in which order, with which
//! evidence, and how it ended. It says what the journal says, and nothing else.

mod story;
mod timeline;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use story::{EffectStory, Story};

use super::log::{duration, meaning, when};
use crate::engine::journal::{Header, Outcome, ReadLine};
use crate::engine::model::{Effect, State};
use crate::python::distribution::Distribution;
use crate::text::{escape_html, fill_template, prose_html, safe};
use crate::world::git::short;
use crate::world::kept_environment::ResolvedEnvironment;

const PAGE: &str = include_str!("../../../templates/page/report.html");
const STYLE: &str = include_str!("../../../templates/page/report.css");

/// The page of the run `id`, from the lines of its journal and the log files beside it.
pub fn report_page(id: &str, lines: &[ReadLine], logs: &[PathBuf]) -> String {
    let story = Story::of(lines);
    let title = match &story.header {
        Some(header) => format!("{} {}", header.name, header.version),
        None => format!("Run {id}"),
    };
    let (class, verdict, help) = verdict(&story);
    fill_template(
        PAGE,
        &[
            ("style", STYLE.to_owned()),
            ("title", escape(&title)),
            ("class", class.to_owned()),
            ("verdict", prose(&verdict)),
            ("help", paragraph("help", help)),
            ("failure", failure(&story) + &unreadable(&story)),
            ("facts", facts(id, &story)),
            ("timeline", timeline::timeline(&story)),
            ("effects", section("What it did", effects(&story.effects))),
            ("files", section("Distributions", files(&story))),
            ("notes", section("Release notes", notes(&story))),
            ("environment", section("Built with", environments(&story.outputs.environments))),
            ("links", section("Look at it", links(&story.outputs.links))),
            ("configuration", configuration(story.header.as_ref())),
            ("journal", journal(lines, logs)),
        ],
    )
}

/// How it ended: the class of the mark, the words, and what can be done.
fn verdict(story: &Story) -> (&'static str, String, &'static str) {
    let nothing = "";
    match story.outcome {
        Some(Outcome::Released) => ("good", "released".to_owned(), nothing),
        Some(Outcome::RolledBack) => ("undone", "rolled back: everything is as before".to_owned(), nothing),
        Some(Outcome::GivenUp) => ("bad", "given up: what could not be undone was kept".to_owned(), nothing),
        Some(Outcome::Rehearsed) => {
            ("good", "rehearsed in a copy".to_owned(), "Nothing outside the run's folder was changed.")
        }
        Some(Outcome::RehearsalFailed) => {
            ("bad", "the rehearsal failed".to_owned(), "Nothing outside the run's folder was changed.")
        }
        None => {
            let at = story.next_stage().map(|stage| format!(" before `{}` was done", stage.name));
            let what = if story.failure.is_some() { "failed" } else { "interrupted" };
            let help = match story.is_public() {
                true => "`pyrelease resume` completes it. It is partly public and cannot be undone.",
                false => "`pyrelease resume` completes it, `pyrelease rollback` undoes it.",
            };
            ("bad", format!("{what}{}", at.unwrap_or_default()), help)
        }
    }
}

fn failure(story: &Story) -> String {
    let Some((stage, reason)) = &story.failure else { return String::new() };
    format!("<p class=\"failure\"><b>{}</b> failed: {}</p>\n", escape(stage), prose(reason))
}

fn unreadable(story: &Story) -> String {
    match story.unreadable {
        0 => String::new(),
        1 => paragraph("failure", "1 record of the journal cannot be read: this page may lack something."),
        several => paragraph(
            "failure",
            &format!("{several} records of the journal cannot be read: this page may lack something."),
        ),
    }
}

fn facts(id: &str, story: &Story) -> String {
    let took = story.began.zip(story.ended).map(|(began, ended)| ended.duration_since(began).as_secs_f64());
    let time = |time: Option<jiff::Timestamp>| time.map(|time| when(Some(&time.to_string())));
    let mut facts: Vec<(&str, Option<String>)> = Vec::new();
    if let Some(header) = &story.header {
        facts.extend([
            ("tag", Some(header.tag.clone())),
            ("previous version", Some(header.previous_version.clone())),
            ("from", Some(format!("{} at {}", header.shown_branch(), short(&header.head)))),
            ("release commit", story.outputs.commit.as_deref().map(|commit| short(commit).to_owned())),
        ]);
    }
    let version = story.header.as_ref().map(|header| header.pyrelease.clone());
    facts.extend([
        ("began", time(story.began)),
        ("took", took.map(|seconds| duration(seconds.max(0.0)))),
        ("run", Some(id.to_owned())),
        ("pyrelease", version),
    ]);
    let shown = facts
        .into_iter()
        .filter_map(|(name, value)| Some(format!("<div><dt>{name}</dt><dd>{}</dd></div>", escape(&value?))));
    shown.collect()
}

fn effects(effects: &[EffectStory]) -> String {
    if effects.is_empty() {
        return String::new();
    }
    let mut text =
        "<table><thead><tr><th>stage<th>what<th>reach<th>state<th>evidence</thead><tbody>\n".to_owned();
    for EffectStory { entry, evidence } in effects {
        let evidence: Vec<String> = evidence.iter().map(|line| prose(line)).collect();
        let _ = writeln!(
            text,
            "<tr><th scope=\"row\">{}<td data-label=\"what\">{}<td data-label=\"reach\">{}<td data-label=\"state\"><span \
             class=\"state {}\">{}</span><td data-label=\"evidence\">{}</tr>",
            escape(&entry.stage),
            prose(&entry.effect.to_string()),
            entry.effect.reach(),
            class(entry.state),
            entry.state,
            evidence.join("<br>")
        );
    }
    text + "</tbody></table>\n"
}

fn class(state: State) -> &'static str {
    match state {
        State::Done => "good",
        State::InDoubt => "bad",
        State::NotDone => "none",
        State::Undone => "undone",
        State::Kept => "kept",
    }
}

/// Each file's way by its hash: what was built, and what each index got.
fn files(story: &Story) -> String {
    let built = &story.outputs.distributions;
    let sent = story.effects.iter().filter_map(|effect| match &effect.entry.effect {
        Effect::Upload { index, distribution, .. } => Some((index, distribution, effect.entry.state)),
        _ => None,
    });
    let sent: Vec<(&String, &Distribution, State)> = sent.collect();
    let names: BTreeSet<&str> = built
        .iter()
        .chain(sent.iter().map(|(_, file, _)| *file))
        .map(|file| file.filename.as_str())
        .collect();
    let mut text = String::new();
    for name in names {
        let own = built.iter().find(|file| file.filename == name);
        let mut steps = own.map(|file| step("built", &file.sha256, "", "good")).unwrap_or_default();
        for (index, file, state) in sent.iter().filter(|(_, file, _)| file.filename == name) {
            let other = own.is_some_and(|own| own.sha256 != file.sha256);
            let note = if other { ", other bytes than those built" } else { "" };
            let note = format!("{state}{note}");
            steps.push_str(&step(index, &file.sha256, &note, class(*state)));
        }
        let size = own.or(sent.iter().find(|(_, file, _)| file.filename == name).map(|(_, file, _)| *file));
        let size = size.map(|file| bytes(file.size)).unwrap_or_default();
        let _ = writeln!(
            text,
            "<li><b>{}</b> <span class=\"dim\">{size}</span><ol class=\"way\">{steps}</ol></li>",
            escape(name)
        );
    }
    if text.is_empty() { text } else { format!("<ul class=\"files\">\n{text}</ul>\n") }
}

fn step(place: &str, sha256: &str, note: &str, class: &str) -> String {
    let note =
        if note.is_empty() { String::new() } else { format!(" <span class=\"dim\">{}</span>", escape(note)) };
    format!(
        "<li class=\"{class}\">{}{note}<code title=\"sha256\">{}</code></li>",
        escape(place),
        escape(sha256)
    )
}

fn bytes(size: u64) -> String {
    match size {
        0..10_000 => format!("{size} bytes"),
        10_000..10_000_000 => format!("{} kB", size / 1000),
        _ => format!("{} MB", size / 1_000_000),
    }
}

fn notes(story: &Story) -> String {
    let notes = story.outputs.notes.as_deref().map(str::trim).filter(|notes| !notes.is_empty());
    notes.map(|notes| format!("<pre>{}</pre>\n", escape(notes))).unwrap_or_default()
}

fn environments(environments: &[ResolvedEnvironment]) -> String {
    let shown = environments.iter().map(|environment| {
        let packages: String =
            environment.installed.iter().map(|package| format!("<li>{}</li>", escape(package))).collect();
        format!(
            "<p>Python {} on {}, resolved by {} at {}</p>\n<ul class=\"packages\">{packages}</ul>\n",
            escape(&environment.python),
            escape(&environment.platform),
            escape(&environment.installer),
            when(Some(&environment.resolved))
        )
    });
    shown.collect()
}

fn links(links: &[String]) -> String {
    let is_web = |link: &&String| link.starts_with("https://") || link.starts_with("http://");
    let shown = links.iter().filter(is_web);
    let shown: String = shown.map(|link| format!("<li><a href=\"{0}\">{0}</a></li>", escape(link))).collect();
    if shown.is_empty() { shown } else { format!("<ul>{shown}</ul>\n") }
}

fn configuration(header: Option<&Header>) -> String {
    let Some((path, text)) = header.map(|header| &header.configuration) else { return String::new() };
    if text.trim().is_empty() {
        return String::new();
    }
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    format!(
        "<details><summary>{} as the run began</summary><pre>{}</pre></details>\n",
        escape(&name),
        escape(text)
    )
}

fn journal(lines: &[ReadLine], logs: &[PathBuf]) -> String {
    let rows: String = lines
        .iter()
        .map(|line| {
            let time = when(line.time.map(|time| time.to_string()).as_deref());
            format!("<tr><td>{}<td>{time}<td>{}</tr>\n", line.number, prose(&meaning(&line.content)))
        })
        .collect();
    let name =
        |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let logs: String =
        logs.iter().map(|path| format!("<li><a href=\"{0}\">{0}</a></li>", escape(&name(path)))).collect();
    let logs = if logs.is_empty() {
        logs
    } else {
        format!("<p>Output of the stages, beside this page:</p><ul>{logs}</ul>\n")
    };
    let unreadable = if lines.is_empty() { "<p>The run has no journal.</p>" } else { "" };
    format!(
        "<details><summary>The journal, {} records</summary>{unreadable}<div class=\"scroll\" tabindex=\"0\"><table \
         class=\"journal\"><tbody>\n{rows}</tbody></table></div></details>\n{logs}",
        lines.len()
    )
}

fn section(heading: &str, content: String) -> String {
    if content.is_empty() { content } else { format!("<section><h2>{heading}</h2>\n{content}</section>\n") }
}

fn paragraph(class: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("<p class=\"{class}\">{}</p>\n", prose(text)) }
}

/// Text of the journal: characters that reorder text are written out.
fn escape(text: &str) -> String {
    escape_html(&safe(text))
}

/// The same, with backticks as code.
fn prose(text: &str) -> String {
    prose_html(&safe(text))
}
