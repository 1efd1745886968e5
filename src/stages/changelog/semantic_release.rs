//! Has python-semantic-release generate the section of a version that pyrelease has decided.
//!
//! Its own `version` decides the version itself (it can be told a kind of bump, but no version), writes it into files, and
//! since version 10 fetches what a shallow clone lacks. `changelog` does none of that: it makes the sections of the tags that
//! there are, which includes the version's as long as the run's clone has its tag. A tag that is annotated has the date
//! of the section. Nothing is posted without `--post-to-release-tag`, and no request made. It writes on the branches
//! of `branches` only, which do not decide here, so the tool gets the settings with one more branch in a file of their own.
//! Version 7 has no such command, but functions.

use std::collections::BTreeSet;

use super::tool::{Tool, url_of_links};
use super::{Changelog, parse};
use crate::engine::effects::Workbench;
use crate::engine::prelude::*;
use crate::python::generators::{Generated, SemanticRelease};
use crate::python::version::Version;
use crate::world::process::Process;

/// How many sections are named
const MOST_NAMED: usize = 3;
/// The user's hooks do not expect a tag that does not stay.
const NO_HOOKS: [&str; 2] = ["-c", "core.hooksPath=/dev/null"];

/// The tool that makes the section.
pub(super) fn tool_of(settings: &SemanticRelease) -> Tool {
    match settings.major() {
        7 => Tool::SEMANTIC_RELEASE_7,
        8 => Tool::SEMANTIC_RELEASE_8,
        9 => Tool::SEMANTIC_RELEASE_9,
        _ => Tool::SEMANTIC_RELEASE_10,
    }
}

/// What would make the tool fail, or add nothing.
pub(super) fn problems(
    settings: &SemanticRelease,
    release: &Release,
    (path, text): (&str, Option<&str>),
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let checkout = &release.checkout;
    let (version, tag) = (&release.target.version, release.names().tag.as_str());
    if !settings.reads(tag, version) {
        let format = settings.tag_format();
        let message = format!(
            "python-semantic-release does not read the tag `{tag}`: its `tag_format` is `{format}`, with semantic versions"
        );
        findings.push(Finding::error(message).help("pass `--notes FILE`"));
    }
    let is_seven = settings.major() == 7;
    if checkout.head.branch.is_none() && !is_seven {
        let message = "HEAD is detached, and python-semantic-release generates changelogs on branches only";
        findings.push(Finding::error(message).help("run `git switch BRANCH`"));
    }
    if let Some(name) = settings.remote().filter(|name| checkout.repository.plain_url(name).is_none()) {
        let message = format!(
            "python-semantic-release makes links of the URL of the remote `{name}`, which git does not have"
        );
        findings.push(Finding::error(message).help(format!("run `git remote add {name} URL`")));
    }
    let flag = settings.insertion_flag(path);
    if let (Some(flag), Some(text)) = (flag, text)
        && !text.trim().is_empty()
        && !text.contains(&flag)
        // Version 7 makes its own mark there.
        && !(is_seven && text.contains("# Changelog"))
    {
        let flag = flag.replace('\n', "\\n");
        let message = format!("`{path}` has no `{flag}`, where python-semantic-release inserts the section");
        findings.push(Finding::error(message).help("add that line above the newest section"));
    }
    findings
}

impl Changelog {
    /// Has the tool write the changelog in the run's clone; returns its text before and after.
    ///
    /// # Errors
    /// The tool fails, or adds nothing.
    pub(super) fn generate_by_tag(
        &self,
        (generated, settings): (&Generated, &SemanticRelease),
        release: &Release,
        (path, bench): (&str, &Workbench<'_>),
    ) -> Result<(String, String)> {
        let root = release.root();
        let file = bench.file(&root, path)?;
        let before = fs_err::read_to_string(&file).unwrap_or_default();
        let untracked = |bench: &Workbench<'_>| -> Result<BTreeSet<String>> {
            let listed = bench.clone.git(["ls-files", "--others", "--exclude-standard", "-z"]).read()?;
            Ok(listed.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
        };
        let already = untracked(bench)?;
        let process = process(generated, settings, release, bench)?.folder(&root);
        if settings.major() == 7 {
            let (target, names) = (&release.target, release.names());
            let words = [target.version.to_string(), target.previous.to_string(), names.date.clone()];
            bench.command(&process.args(words))?;
        } else {
            let url = settings.remote().and_then(|remote| url_of_links(remote, release));
            let document = bench.scratch().join("semantic-release.json");
            fs_err::create_dir_all(bench.scratch())?;
            fs_err::write(&document, settings.document(self.file.as_deref(), url.as_deref()))?;
            tagged(release, bench, || {
                bench.command(&process.arg("--config").arg(&document).arg("changelog"))
            })?;
        }
        let mut after = fs_err::read_to_string(&file).unwrap_or_default();
        if let Some(kept) = kept_sections(path, &before, &after, (&release.target.version, settings)) {
            bench.say(&kept.reason);
            fs_err::write(&file, &kept.text)?;
            after = kept.text;
        }
        // Templates may make more files than the changelog.
        let new: Vec<String> = untracked(bench)?.difference(&already).cloned().collect();
        bench.clone.track(&new.iter().map(String::as_str).collect::<Vec<_>>())?;
        Ok((before, after))
    }
}

/// The project's own tool, if its sections have the form of the project's; else one of an environment made for it.
fn process(
    generated: &Generated,
    settings: &SemanticRelease,
    release: &Release,
    bench: &Workbench<'_>,
) -> Result<Process> {
    let (tool, checkout) = (tool_of(settings), &release.checkout);
    let fits = |own: &Process| {
        let Ok(said) = own.clone().arg("--version").read() else { return false };
        let version = said.split_whitespace().last().and_then(|word| word.parse::<Version>().ok());
        let numbers = version.as_ref().map(Version::release_segments);
        let Some(&[major, minor, ..]) = numbers else { return false };
        let writes = SemanticRelease::form_of(major, Some(minor));
        generated.plugin.is_some() || settings.major.is_none() || writes == settings.major
    };
    match tool.own(checkout).filter(|own| settings.major() != 7 && fits(own)) {
        Some(own) => Ok(own.env("NO_COLOR", "1")),
        None => tool.made(checkout, &|message| bench.say(message)),
    }
}

/// Does something in the run's clone while HEAD has the version's tag.
fn tagged(release: &Release, bench: &Workbench<'_>, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let names = release.names();
    let git = |words: &[&str]| bench.clone.git([&NO_HOOKS, words].concat());
    // A run that was killed meanwhile has left the tag.
    let tag = git(&[
        "tag",
        "--annotate",
        "--no-sign",
        "--force",
        "--message",
        &names.tag,
        "--",
        &names.tag,
        "HEAD",
    ]);
    tag.env("GIT_COMMITTER_DATE", format!("{}T12:00:00+00:00", names.date)).read()?;
    let worked = work();
    git(&["update-ref", "-d", &format!("refs/tags/{}", names.tag)]).read()?;
    worked
}

/// A changelog with the new section, and otherwise as it was
struct Kept {
    text: String,
    /// What the tool would have done
    reason: String,
}

/// The changelog to have instead of the tool's, if that lacks sections, or has others than the project: written by hand, or
/// by a version of the tool with other templates.
fn kept_sections(
    path: &str,
    before: &str,
    after: &str,
    (version, settings): (&Version, &SemanticRelease),
) -> Option<Kept> {
    let (old, new) = (parse(path, before.to_owned()).ok()?, parse(path, after.to_owned()).ok()?);
    let made = new.versions();
    let known = old.versions();
    let of = |version: &Version| made.iter().find(|section| section.version.as_ref() == Some(version));
    let named = |is_wrong: &dyn Fn(&Version, &str) -> bool| -> Vec<String> {
        let sections = known.iter().filter_map(|section| Some((section.version.as_ref()?, section)));
        let wrong = sections.filter(|(version, section)| is_wrong(version, &section.body));
        wrong.map(|(version, _)| version.to_string()).collect()
    };
    let lost = named(&|version, _| of(version).is_none());
    // Templates of the project's own may add to earlier sections.
    let is_other = |version: &Version, body: &str| of(version).is_some_and(|made| made.body != body);
    let changed = if settings.has_templates { Vec::new() } else { named(&is_other) };
    let (does, wrong) = match (lost.is_empty(), changed.is_empty()) {
        (false, _) => ("drop", lost),
        (true, false) => ("rewrite", changed),
        (true, true) => return None,
    };
    let more = wrong.len().saturating_sub(MOST_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let wrong = &wrong[..wrong.len().min(MOST_NAMED)];
    let reason = format!(
        "python-semantic-release would {does} {}{more}: adding the new section only",
        wrong.join(", ")
    );
    let at = made.iter().position(|section| section.version.as_ref() == Some(version))?;
    let lines: Vec<&str> = after.split_inclusive('\n').collect();
    let start = start_of(&lines, made[at].line);
    let end = made.get(at + 1).map_or(lines.len(), |next| start_of(&lines, next.line));
    let section = lines.get(start..end)?.concat();
    let mut text: Vec<&str> = before.split_inclusive('\n').collect();
    let place = start_of(&text, known.first()?.line);
    let section = format!("{}\n\n", section.trim_end());
    text.insert(place, &section);
    Some(Kept { text: text.concat(), reason })
}

/// The index of the first line of a section: its heading, or the label above it.
fn start_of(lines: &[&str], heading: usize) -> usize {
    let mut start = heading.saturating_sub(1);
    while start > 0 && (lines[start - 1].trim().is_empty() || lines[start - 1].starts_with(".. _")) {
        start -= 1;
    }
    while lines.get(start).is_some_and(|line| line.trim().is_empty()) {
        start += 1;
    }
    start
}
