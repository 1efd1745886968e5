//! Decides what is written, and what becomes of each part that other tools' settings decide.

use super::Finds;
use super::decided::{Decided, Read, Verdict, origin, setting_of};
use super::document::{Entry, texts};
use super::hooks;
use super::places;
use super::{indexes, stages};
use crate::config::Template;
use crate::engine::model::{Convention, DEFAULT_COMMIT_MESSAGE, DEFAULT_TAG_MESSAGE, DEFAULT_TAG_NAME};
use crate::error::Result;
use crate::python::project::VersionSource;
use crate::python::settings::{Part, TagSetting, ToolSettings};
use crate::python::version::Calver;
use crate::python::workflows::Makes;

/// Decides everything.
///
/// # Errors
/// The working tree cannot be read.
pub(super) fn decide(finds: &Finds<'_>) -> Result<Decided> {
    let mut decided = Decided { places: places::places(finds), ..Decided::default() };
    if let Some(name) = finds.name {
        decided.document.top.push(Entry {
            comment: vec!["the project's files do not tell its name".to_owned()],
            key: "name",
            value: name.into(),
        });
    }
    let mut pipeline = stages::pipeline(finds, &mut decided);
    changelog(finds, &mut decided);
    version(finds, &mut decided);
    tag(finds, &mut decided);
    wheels(finds, &mut decided);
    reopen(finds, &mut decided, &mut pipeline);
    hooks::hooks(finds, &mut decided, &mut pipeline);
    indexes::indexes(finds, &mut decided, &mut pipeline);
    pipeline.comments.insert(0, "the stages of a release, in order".to_owned());
    decided.document.top.push(Entry {
        comment: pipeline.comments,
        key: "stages",
        value: texts(pipeline.stages.iter().map(String::as_str)),
    });
    let open = std::mem::take(&mut decided.places.open);
    decided.open.extend(open);
    decided.open.extend(still_running(finds));
    decided.document.remarks.clone_from(&decided.open);
    Ok(decided)
}

/// The workflows in which another tool goes on making releases, whatever the configuration says.
fn still_running(finds: &Finds<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for step in &finds.discovery.releasing {
        let Makes::Versions(tool) = step.makes else { continue };
        let is_tool_of_project = finds.tools.iter().any(|one| one.tool == tool);
        let said =
            format!("`{}` makes releases with {tool}: remove its step, or both tools release", step.file);
        if is_tool_of_project && !found.contains(&said) {
            found.push(said);
        }
    }
    found
}

fn tag(finds: &Finds<'_>, decided: &mut Decided) {
    let learned = &finds.discovery.learned;
    let name = finds.discovery.project.name.as_str();
    let accepted = |tool: &ToolSettings| {
        let setting = tool.tag.as_ref()?;
        // A rule may allow what earlier releases have.
        if let (TagSetting::Rule(_), Some(learned)) = (setting, &learned.tag_name)
            && let Ok(version) = "1.2.3".parse()
            && setting.accepts(&learned.value.replace("{version}", "1.2.3"), &version)
        {
            return Some(learned.value.clone());
        }
        setting.template(name)
    };
    let of_name = (learned.tag_name.as_ref(), DEFAULT_TAG_NAME);
    text(finds, decided, (Part::TagName, "name"), &accepted, of_name);
    let read = |tool: &ToolSettings| tool.annotated;
    let same = |one: &bool, other: &bool| one == other;
    let setting = "`annotated` in [stage.tag]";
    let before = learned.annotated.as_ref();
    let annotated = decided.settle(finds, Part::TagKind, (&read, setting), before, (&same, &true));
    if let Some((annotated, reason)) = &annotated {
        decided.document.set("stage.tag", "annotated", *annotated, reason);
    }
    let is_annotated = annotated.map(|(value, _)| value).or_else(|| before.map(|learned| learned.value));
    match is_annotated.unwrap_or(true) {
        true => {
            let read = |tool: &ToolSettings| tool.tag_message.clone();
            let of_message = (learned.tag_message.as_ref(), DEFAULT_TAG_MESSAGE);
            text(finds, decided, (Part::TagMessage, "message"), &read, of_message);
        }
        false => {
            for tool in finds.tools.iter().filter(|tool| tool.tag_message.is_some()) {
                let reason = "the tags are lightweight, and have no message".to_owned();
                decided.verdict(tool.tool, Part::TagMessage, Verdict::Dropped(reason));
            }
        }
    }
    let read = |tool: &ToolSettings| tool.commit_message.clone();
    // History only shows subjects: with the same one, a tool's message has the text below it.
    let has_more = |tool: &ToolSettings, subject: &str| {
        let message = tool.commit_message.as_deref().unwrap_or_default();
        message.strip_prefix(subject).is_some_and(|rest| rest.starts_with('\n'))
    };
    let shown = learned.commit_message.as_ref();
    let shown = shown.filter(|shown| !finds.tools.iter().any(|tool| has_more(tool, &shown.value)));
    let of_commit = (shown, DEFAULT_COMMIT_MESSAGE);
    text(finds, decided, (Part::CommitMessage, "commit-message"), &read, of_commit);
    signature(finds, decided);
}

/// Settles a text of [stage.tag].
fn text(
    finds: &Finds<'_>,
    decided: &mut Decided,
    (part, key): (Part, &'static str),
    read: Read<'_, String>,
    (learned, default): (Option<&Convention<String>>, &str),
) {
    let name = finds.discovery.project.name.as_str();
    let alike = |one: &String, other: &String| one.replace("{name}", name) == other.replace("{name}", name);
    let setting = format!("`{key}` in [stage.tag]");
    let settled = decided.settle(finds, part, (read, &setting), learned, (&alike, &default.to_owned()));
    let Some((value, reason)) = settled else { return };
    match Template::new(value.as_str()) {
        Ok(_) => decided.document.set("stage.tag", key, value.as_str(), &reason),
        Err(reason) => decided.open.push(format!("{setting}: {reason}")),
    }
}

fn signature(finds: &Finds<'_>, decided: &mut Decided) {
    let signs = finds.checkout.repository.signs().1;
    let mut reason = finds.discovery.learned.signed.clone();
    for tool in finds.tools {
        let verdict = match tool.signed {
            None => continue,
            Some(false) => Verdict::Same("git's `tag.gpgSign` decides".to_owned()),
            Some(true) if signs => Verdict::Same("git's `tag.gpgSign` is set".to_owned()),
            Some(true) => {
                reason.get_or_insert_with(|| origin(tool, Part::Signature));
                Verdict::Written("`sign` in [stage.tag]".to_owned())
            }
        };
        decided.verdict(tool.tool, Part::Signature, verdict);
    }
    if let Some(reason) = reason.filter(|_| !signs) {
        decided.document.set("stage.tag", "sign", true, &format!("tags are signed: {reason}"));
    }
}

/// The tools that go on making the changelog, by their own settings
const GENERATORS: [&str; 2] = ["commitizen", "python-semantic-release"];

fn changelog(finds: &Finds<'_>, decided: &mut Decided) {
    let discovery = finds.discovery;
    let found = discovery.changelog.as_ref();
    for tool in finds.tools {
        let Some(path) = &tool.changelog else { continue };
        let exists = found.is_some_and(|found| found.path == *path);
        let verdict = match exists {
            true => Verdict::Same("it is found".to_owned()),
            false if tool.commits.is_some() => Verdict::Same("it is made with the first release".to_owned()),
            false => Verdict::Dropped(format!("there is no `{path}`")),
        };
        decided.verdict(tool.tool, Part::Changelog, verdict);
        // Without the tool's settings, another file would be found.
        let is_usual = !path.contains('/');
        if exists && !is_usual && discovery.learned.changelog.is_none() && discovery.fragments.is_none() {
            // An entry of its places may name it, too.
            let entry = tool.account.iter().find(|setting| setting.key.contains(path.as_str()));
            let reason = match entry.filter(|_| setting_of(tool, Part::Changelog).is_none()) {
                Some(entry) => format!("`{}` of {}, in `{}`", entry.key, tool.tool, tool.file),
                None => origin(tool, Part::Changelog),
            };
            decided.document.set("stage.changelog", "file", path.as_str(), &reason);
        }
    }
    let has_entries = found.is_some_and(|found| found.has_entries);
    for tool in finds.tools {
        let Some(is_stable) = tool.commits else { continue };
        let verdict = if let Some(generator) = &discovery.learned.generator {
            Verdict::Same(format!(
                "{} makes the changelog of the commits, {}",
                generator.value, generator.reason
            ))
        } else if has_entries || discovery.fragments.is_some() {
            Verdict::Dropped("the changelog has the changes, and decides the version".to_owned())
        } else {
            let reason =
                format!("changelog and version come from the commits: {}", origin(tool, Part::Commits));
            decided.document.set("stage.changelog", "from", "commits", &reason);
            Verdict::Written("`from` in [stage.changelog]".to_owned())
        };
        if GENERATORS.contains(&tool.tool) && !matches!(verdict, Verdict::Dropped(_)) {
            decided.keeps.push(tool.tool);
        }
        let stable = stable(finds, (tool, is_stable), &verdict);
        if matches!(stable, Verdict::Written(_)) {
            let reason = format!("a breaking change makes 1.0.0, as for {}", tool.tool);
            decided.document.set("stage.version", "stable", true, &reason);
        }
        decided.verdict(tool.tool, Part::Stable, stable);
        decided.verdict(tool.tool, Part::Commits, verdict);
    }
    if discovery.fragments.is_some() {
        decided.keeps.extend(["towncrier", "scriv"]);
    }
}

/// What becomes of the rule for a breaking change before 1.0.0; `commits` is what becomes of the commits.
fn stable(finds: &Finds<'_>, (tool, is_stable): (&ToolSettings, bool), commits: &Verdict) -> Verdict {
    let version = finds.discovery.version.as_ref();
    let is_below_one = version.is_some_and(|version| version.release_segments().first() == Some(&0));
    match commits {
        Verdict::Dropped(reason) => Verdict::Dropped(reason.clone()),
        _ if !is_below_one => Verdict::Same("the version is not below 1.0.0".to_owned()),
        _ if GENERATORS.contains(&tool.tool) => {
            Verdict::Same(format!("the rules of {} give the bump", tool.tool))
        }
        _ if is_stable => Verdict::Written("`stable` in [stage.version]".to_owned()),
        _ => Verdict::Same("a breaking change before 1.0.0 is a minor release".to_owned()),
    }
}

fn version(finds: &Finds<'_>, decided: &mut Decided) {
    let discovery = finds.discovery;
    for tool in finds.tools.iter().filter(|tool| tool.calver) {
        let form = discovery.version.as_ref().and_then(Calver::of_version);
        let verdict = match (&discovery.learned.calver, form) {
            (Some(reason), _) => Verdict::Same(format!("versions follow the calendar, {reason}")),
            (None, Some(_)) => {
                let reason = format!("versions follow the calendar: {}", origin(tool, Part::Calver));
                decided.document.set("stage.version", "bump", "calver", &reason);
                Verdict::Written("`bump` in [stage.version]".to_owned())
            }
            (None, None) => {
                Verdict::NeedsUser("the current version is none by the calendar: pass the new one".to_owned())
            }
        };
        decided.verdict(tool.tool, Part::Calver, verdict);
    }
    if !decided.places.files.is_empty() {
        let comment = match discovery.project.version {
            VersionSource::Static(_) => "besides the project's own metadata",
            VersionSource::Vcs { .. } | VersionSource::Unreadable(_) => "the files that state the version",
        };
        let lines = std::mem::take(&mut decided.places.files);
        decided.document.set("stage.version", "files", super::document::Setting::Lines(lines), comment);
    }
    if let Some(error) = &discovery.unreadable
        && finds.tools.iter().all(|tool| tool.places.is_empty())
    {
        decided.open.push(format!("the version: {error}; set `files` in [stage.version]"));
    }
}

fn wheels(finds: &Finds<'_>, decided: &mut Decided) {
    for tool in finds.tools {
        let verdict = match tool.wheels {
            None => continue,
            Some(true) => Verdict::Same("a wheel is built".to_owned()),
            Some(false) => {
                decided.document.set("stage.build", "wheels", "none", &origin(tool, Part::Wheels));
                Verdict::Written("`wheels` in [stage.build]".to_owned())
            }
        };
        decided.verdict(tool.tool, Part::Wheels, verdict);
    }
}

fn reopen(finds: &Finds<'_>, decided: &mut Decided, pipeline: &mut stages::Pipeline) {
    let learned = finds.discovery.learned.reopening.as_ref();
    let is_vcs = matches!(finds.discovery.project.version, VersionSource::Vcs { .. });
    if let Some(learned) = learned {
        pipeline.stages.push("reopen".to_owned());
        pipeline
            .comments
            .push(format!("reopen: the next version begins after a release, {}", learned.reason));
    }
    for tool in finds.tools {
        let Some(marker) = tool.reopen.as_ref().filter(|_| !is_vcs) else { continue };
        let verdict = match learned {
            Some(learned) => Verdict::Same(format!(
                "the next version begins as after earlier releases, {}",
                learned.reason
            )),
            None => {
                pipeline.stages.push("reopen".to_owned());
                pipeline
                    .comments
                    .push(format!("reopen: the next version begins after a release, as for {}", tool.tool));
                if marker != ".dev0" {
                    let reason = origin(tool, Part::Reopen);
                    decided.document.set("stage.reopen", "marker", marker.as_str(), &reason);
                }
                decided.document.set(
                    "stage.reopen",
                    "commit-message",
                    "Back to development: {next_version}",
                    &format!("as {} writes it", tool.tool),
                );
                Verdict::Written("the stage `reopen`".to_owned())
            }
        };
        decided.verdict(tool.tool, Part::Reopen, verdict);
    }
}
