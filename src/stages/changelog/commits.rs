//! Makes the changelog's section from conventional commits.

use super::{Changelog, Source};
use crate::engine::checkout::Checkout;
use crate::error::{Error, Result};
use crate::python::changelog::Format;
use crate::python::conventional::{self, Commit, Conventional, Entry, Types};
use crate::python::project::Files;
use crate::python::version::Bump;

impl Changelog {
    /// Whether the section is made from commits, and by no other tool.
    pub(in crate::stages) fn is_from_commits(&self, files: &dyn Files) -> bool {
        self.from == Some(Source::Commits) && self.configured_generator(files).is_none()
    }

    /// The bump that the commits since a tag call for, and the reason; none if no commit is of a released type.
    ///
    /// # Errors
    /// The commits cannot be read.
    pub(in crate::stages) fn bump_of_commits(
        &self,
        checkout: &Checkout,
        since: Option<&str>,
    ) -> Result<Option<(Bump, String)>> {
        let commits = released(checkout, since)?;
        let suggested = conventional::suggested_bump(&commits, &self.types()?);
        Ok(suggested.map(|(bump, commit)| {
            let reason = match &commit.breaking {
                Some(breaking) => format!("a commit breaks something: {breaking}"),
                None => format!("a commit is of type `{}`: {}", commit.kind, commit.description),
            };
            (bump, reason)
        }))
    }

    /// The notes of the commits since a tag, in the changelog's format; none if no commit is of a released type.
    ///
    /// # Errors
    /// The commits cannot be read.
    pub(in crate::stages) fn notes_of_commits(
        &self,
        checkout: &Checkout,
        since: Option<&str>,
        path: Option<&str>,
    ) -> Result<Option<String>> {
        let commits = released(checkout, since)?;
        let groups = conventional::grouped(&commits, &self.types()?);
        let is_markdown = path.is_none_or(|path| Format::of(path) == Some(Format::Markdown));
        let shown = groups.iter().map(|group| {
            let heading = match is_markdown {
                true => format!("### {}", group.heading),
                false => format!("**{}**", group.heading),
            };
            let items: Vec<String> = group.entries.iter().map(Entry::item).collect();
            format!("{heading}\n\n{}", items.join("\n"))
        });
        let notes = shown.collect::<Vec<_>>().join("\n\n");
        Ok((!notes.is_empty()).then_some(notes))
    }

    /// The configured types, besides the usual ones.
    pub(super) fn types(&self) -> Result<Types> {
        let mut types = Types::default();
        for (kind, setting) in &self.types {
            types.add(kind, &setting.heading, setting.bump.as_deref()).map_err(|error| {
                Error::usage(format!("[stage.changelog] types.{kind}: {error}"))
                    .help("such as { heading = \"Documentation\", bump = \"patch\" }")
            })?;
        }
        Ok(types)
    }
}

/// The conventional commits of the project since a tag, the newest first.
fn released(checkout: &Checkout, since: Option<&str>) -> Result<Vec<Conventional>> {
    Ok(conventional::conventional(&self::since(checkout, since, false, &["--no-merges"])?))
}

/// The commits of the project, or of the whole repository, since a tag, the newest first.
///
/// # Errors
/// They cannot be read.
pub(super) fn since(
    checkout: &Checkout,
    tag: Option<&str>,
    is_whole: bool,
    options: &[&str],
) -> Result<Vec<Commit>> {
    let head = &checkout.head.commit;
    let range = tag.map_or_else(|| head.clone(), |tag| format!("refs/tags/{tag}..{head}"));
    let log = ["log", "-z", "--no-show-signature", "--format=%H%n%B"];
    let listed = list(checkout, &[&log, options, &[range.as_str()]].concat(), is_whole)?;
    let commits = listed.split('\0').filter_map(|commit| commit.trim_start().split_once('\n'));
    Ok(commits.map(|(id, message)| Commit { id: id.to_owned(), message: message.to_owned() }).collect())
}

/// What a `git` command lists of the project's commits, or of those of the whole repository.
///
/// # Errors
/// They cannot be read.
pub(super) fn list(checkout: &Checkout, command: &[&str], is_whole: bool) -> Result<String> {
    let repository = &checkout.repository;
    let of_project = [["--", checkout.prefix.as_str()]];
    let paths = if checkout.prefix.is_empty() || is_whole { &[][..] } else { of_project.as_flattened() };
    Ok(repository.git(command).args(paths).folder(repository.top()).read()?)
}
