//! Has the project's own formatter format what a tool wrote into the changelog.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::engine::prelude::*;
use crate::python::formatters::{Formatter, SETTINGS};
use crate::python::project::BuildSystem;
use crate::world::kept_environment::{KeptEnvironment, Reporting, Wanted};
use crate::world::process::Process;
use crate::world::tools::{HARMFUL, Interpreter, ToolsError};

/// How long the environment of a formatter is used: its version is the one that the project names.
const MAX_AGE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How many of the last releases show whether the changelog is formatted for one
const EVIDENCE: usize = 3;

/// The formatting of a changelog
pub(super) struct Formatting {
    formatter: Formatter,
    /// Relative to the project's folder
    changelog: String,
    /// The same file, relative to the top of the repository
    file: String,
}

impl Formatting {
    /// None if the project's hooks do not format the file.
    pub(super) fn of(release: &Release, changelog: &str) -> Option<Self> {
        let checkout = &release.checkout;
        let file = checkout.file_of(changelog)?;
        let settings = checkout.repository.committed(&checkout.head.commit, SETTINGS)?;
        let formatter = Formatter::of(&settings, &file)?;
        Some(Self { formatter, changelog: changelog.to_owned(), file })
    }

    /// The command, for the user.
    pub(super) fn command(&self) -> Vec<String> {
        let Self { formatter, file, .. } = self;
        let name = std::iter::once(formatter.name.to_owned());
        name.chain(formatter.arguments.iter().cloned()).chain([file.clone()]).collect()
    }

    /// Formats the changelog that was `before` until a tool wrote into it, if those of the last releases have the
    /// formatter's form. If the formatter cannot be had, fails, or would change lines of earlier releases, the changelog is
    /// left as the tool wrote it, with a warning.
    ///
    /// # Errors
    /// The changelog cannot be read or written.
    pub(super) fn apply(&self, bench: &Workbench<'_>, release: &Release, before: &str) -> Result<()> {
        let Self { formatter, changelog, .. } = self;
        let path = bench.file(&release.root(), changelog)?;
        let written = fs_err::read(&path)?;
        let name = formatter.name;
        let left = match self.format(bench, release, &path) {
            Ok(true) if has_all_of(before, &fs_err::read_to_string(&path)?) => return Ok(()),
            Ok(true) => Some("it would change lines of earlier releases, too".to_owned()),
            Ok(false) => None,
            Err(error) => Some(error.to_string()),
        };
        fs_err::write(&path, written)?;
        match left {
            Some(problem) => {
                let message = format!("`{changelog}` is not formatted by {name} of {SETTINGS}: {problem}");
                let help = format!("run {name} before the release, or format the changelog after it");
                bench.warn(&message, Some(&help));
            }
            None => bench.say(&format!("`{changelog}` is not formatted by {name}, as in the last releases")),
        }
        Ok(())
    }

    /// Formats the changelog, and beside it those of the last releases; returns whether those stay as they were.
    fn format(&self, bench: &Workbench<'_>, release: &Release, path: &Path) -> Result<bool> {
        let repository = &release.checkout.repository;
        let commits = release.target.conventions.release_commits.iter().take(EVIDENCE);
        let past: Vec<Vec<u8>> =
            commits.filter_map(|commit| repository.committed(commit, &self.file)).collect();
        let folder = path.parent().unwrap_or(path);
        // Beside the changelog, the formatter finds the same settings.
        let beside = tempfile::Builder::new().prefix(".formatted-").tempdir_in(folder)?;
        let copies: Vec<PathBuf> = (0..past.len())
            .map(|number| beside.path().join(format!("{number}-{}", file_name(path))))
            .collect();
        for (copy, text) in copies.iter().zip(&past) {
            fs_err::write(copy, text)?;
        }
        self.run(bench, release, copies.iter().map(PathBuf::as_path).chain([path]))?;
        let is_same = |(copy, text): (&PathBuf, &Vec<u8>)| Ok(fs_err::read(copy)? == *text);
        copies.iter().zip(&past).map(is_same).try_fold(true, |all, same: Result<bool>| Ok(all && same?))
    }

    fn run<'a>(
        &self,
        bench: &Workbench<'_>,
        release: &Release,
        paths: impl Iterator<Item = &'a Path>,
    ) -> Result<()> {
        let (formatter, environment) = (&self.formatter, &release.checkout.environment);
        let python = Interpreter::usual(environment).map_err(ToolsError::from)?;
        let open = |requirements: Vec<String>| {
            let system = BuildSystem::of_requirements(requirements);
            let wanted = Wanted {
                python: &python,
                system: &system,
                extra: &[],
                project: bench.clone.top(),
                like: None,
                max_age: MAX_AGE,
                not_before: None,
            };
            let reporting =
                Reporting { run: &|process| bench.command(process), say: &|message| bench.say(message) };
            KeptEnvironment::open(environment, &wanted, &reporting).map_err(|error| {
                let wanted = system.requires.join(", ");
                Error::failed(format!("{wanted} cannot be installed")).because(error)
            })
        };
        let loose = formatter.loose_requirements();
        let kept = match open(formatter.requirements.clone()) {
            Err(_) if loose != formatter.requirements => open(loose)?,
            opened => opened?,
        };
        let process = Process::new(kept.python());
        let process = HARMFUL.iter().fold(process, |process, name| process.without_env(*name));
        let top = bench.clone.top();
        if let Some(file) = formatter.arguments.iter().find(|argument| top.join(argument).exists()) {
            let message = format!("its argument `{file}` is a path, and only the changelog is formatted");
            return Err(Error::failed(message));
        }
        let process = process
            .titled(formatter.name)
            .args(["-I", "-m", formatter.name])
            .args(&formatter.arguments)
            .arg("--");
        bench.command(&process.args(paths).folder(top).env("NO_COLOR", "1"))
    }
}

/// Which lines of a text another has not, from the first to the last of them.
pub(super) fn added_lines(before: &str, after: &str) -> Range<usize> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let start = old.iter().zip(&new).take_while(|(one, other)| one == other).count();
    let ends = old[start..].iter().rev().zip(new[start..].iter().rev());
    start..new.len() - ends.take_while(|(one, other)| one == other).count()
}

fn file_name(path: &Path) -> std::borrow::Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}

/// Whether all lines of a text are in another, with others between two of them.
fn has_all_of(before: &str, after: &str) -> bool {
    let added = added_lines(before, after);
    added.len() + before.lines().count() == after.lines().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_whether_a_text_has_more_than_new_lines() {
        assert!(has_all_of("a\nb\n", "a\nnew\nb\n"));
        assert!(has_all_of("", "new\n"));
        assert!(has_all_of("a\nb\n", "a\nb\n"));
        assert!(!has_all_of("a\nb\n", "a\nnew\nc\n"));
        assert!(!has_all_of("a\nb\n", "a\n"));
    }
}
