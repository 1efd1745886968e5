//! What a stage of the user's own gives to the stages after it, taken from where it leaves it.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::build;
use crate::config::Config;
use crate::engine::prelude::*;
use crate::python::distribution::Distribution;
use crate::python::filename::{Filename, normalize};
use crate::world::git::TagRef;
use crate::world::sync_to_disk;

/// The stage that checks distributions
const CHECK: &str = "check";

/// What a stage of the user's own declares to give, and where it stands
pub(super) struct Giver {
    stage: String,
    reach: Reach,
    gives: Vec<Product>,
    /// Whether it comes after `check`, so that nobody would check distributions that it changes
    is_after_check: bool,
    /// Whether it gives distributions without saying so, and a later `build` makes them if it does not
    may_give_none: bool,
}

/// Whether a stage with this command makes distributions, though it does not declare them: it is private, it names
/// their folder, and no stage before it makes them.
pub(super) fn fills_dist(config: &Config, stage: &str, reach: Reach, command: &[Template]) -> bool {
    let names_the_folder = command.iter().any(|word| word.text().contains("PYRELEASE_DIST"));
    let makes_or_needs_them = |name: &str| {
        ["build", CHECK].contains(&name)
            || config.indexes().contains_key(name)
            || config.stage_list(name, "gives").any(|given| given == "distributions")
    };
    let mut before =
        config.stages().iter().map(|listed| listed.value.as_str()).take_while(|name| *name != stage);
    reach == Reach::Private && names_the_folder && !before.any(makes_or_needs_them)
}

/// The files in the folder of the distributions before the stage
pub(super) struct Before(BTreeSet<OsString>);

impl Giver {
    /// Refuses a stage that gives something and reaches beyond the run's folder: what it gives lies there.
    pub(super) fn new(config: &Config, stage: &str, reach: Reach, gives: &[Product]) -> Result<Self> {
        if let (Some(product), true) = (gives.first(), reach > Reach::Private) {
            let message = format!("`{stage}` gives {product}, and its reach is {reach}");
            let help = "only a private stage can give something: split it into one that prepares and one that publishes";
            return Err(config.error(&message, config.stage_key(stage, "gives").flatten(), Some(help)));
        }
        let names = config.stages().iter().map(|listed| listed.value.as_str());
        let is_after_check = names.take_while(|name| *name != stage).any(|name| name == CHECK);
        let is_declared = config.stage_list(stage, "gives").any(|given| given == "distributions");
        let may_give_none = !is_declared && config.stages().iter().any(|listed| listed.value == "build");
        Ok(Self { stage: stage.to_owned(), reach, gives: gives.to_vec(), is_after_check, may_give_none })
    }

    /// Whether the stage must not run: the release is public in part, and its distributions were found.
    pub(super) fn is_superseded(&self, release: &Release) -> bool {
        release.is_rebuilt() && self.gives.contains(&Product::Distributions)
    }

    /// The error of a failed stage, with help if it may have failed because the release's distributions were found.
    pub(super) fn explained(&self, error: Error, release: &Release) -> Error {
        let may_change_files = self.reach == Reach::Private && !self.is_after_check;
        match release.is_rebuilt() && may_change_files {
            true => error.help(format!("if it changes the distributions, {}", self.how_to_declare())),
            false => error,
        }
    }

    fn how_to_declare(&self) -> String {
        format!(
            "set gives = [\"distributions\"] in [stage.{}], so that a release whose files were found skips it; then run \
             `pyrelease rollback --leave` and `pyrelease resume`",
            self.stage
        )
    }

    /// Lists the folder of the distributions before the stage runs.
    pub(super) fn before(&self, bench: &Workbench<'_>) -> Before {
        let there = fs_err::read_dir(bench.dist()).into_iter().flatten().flatten();
        Before(there.map(|entry| entry.file_name()).collect())
    }

    /// Takes what the stage gives: distributions from their folder, commit and tag from the clone. Distributions that a
    /// private stage changed are taken even if it does not declare them.
    ///
    /// # Errors
    /// It is not there; or the stage changed the distributions, and may not.
    pub(super) fn collect(
        &self,
        before: &Before,
        notes: impl FnOnce() -> Result<String>,
        (release, bench): (&Release, &Workbench<'_>),
    ) -> Result<Outputs> {
        let (stage, gives) = (self.stage.as_str(), &self.gives);
        let mut outputs = Outputs::default();
        if gives.contains(&Product::Notes) {
            let notes = notes()?;
            if notes.trim().is_empty() {
                return Err(nothing(stage, Product::Notes, "there are none"));
            }
            outputs.notes = Some(notes);
        }
        if gives.contains(&Product::Commit) {
            outputs.commit = Some(commit(stage, release, bench)?);
        }
        if gives.contains(&Product::Tag) {
            let commit = outputs.commit.as_ref().or(release.outputs.commit.as_ref());
            let commit = commit.unwrap_or(&release.checkout.head.commit);
            outputs.tag = Some(tag(stage, commit, release, bench)?);
        }
        let known = &release.outputs.distributions;
        let is_empty = || bench.dist().read_dir().is_ok_and(|mut entries| entries.next().is_none());
        if gives.contains(&Product::Distributions) && !(self.may_give_none && is_empty()) {
            outputs.distributions = self.distributions(before, release, bench)?;
        } else if self.reach == Reach::Private && !known.is_empty() {
            let found = self.distributions(before, release, bench)?;
            if found.len() != known.len() || !found.iter().all(|file| is_among(known, file)) {
                self.refuse_change(&found, release)?;
                outputs.distributions = found;
            }
        }
        for file in outputs.distributions.iter().filter(|file| !is_among(known, file)) {
            bench.say(&build::described(file));
        }
        Ok(outputs)
    }

    /// Refuses changed distributions that nobody would check, or that are public already.
    fn refuse_change(&self, found: &[Distribution], release: &Release) -> Result<()> {
        let known = &release.outputs.distributions;
        let changed = found.iter().find(|file| !is_among(known, file));
        let removed = known.iter().find(|file| found.iter().all(|other| other.filename != file.filename));
        let Some(file) = changed.or(removed) else { return Ok(()) };
        let (stage, filename) = (&self.stage, &file.filename);
        let does = match (changed.is_some(), known.iter().any(|other| other.filename == *filename)) {
            (false, _) => "removed",
            (true, true) => "changed",
            (true, false) => "added",
        };
        if release.is_rebuilt() {
            return Err(Error::left(format!(
                "`{stage}` {does} `{filename}`, and the release is public in part"
            ))
            .help(self.how_to_declare()));
        }
        if self.is_after_check {
            return Err(Error::failed(format!("`{stage}` {does} `{filename}` after `check`")).help(format!(
                "put `{stage}` before `check` in `stages`, or leave the distributions as they are"
            )));
        }
        Ok(())
    }

    /// The distributions that the stage left in their folder.
    fn distributions(
        &self,
        before: &Before,
        release: &Release,
        bench: &Workbench<'_>,
    ) -> Result<Vec<Distribution>> {
        let (stage, dist) = (self.stage.as_str(), bench.dist());
        match dist.symlink_metadata() {
            Ok(there) if there.is_dir() => {}
            Ok(_) => {
                let message = format!(
                    "`{stage}` replaced the folder of the distributions: `{}` is a symbolic link or a file",
                    dist.display()
                );
                return Err(Error::failed(message).help("copy the files into the folder instead"));
            }
            Err(_) => return Err(self.none(&dist)),
        }
        let mut names = BTreeSet::new();
        for entry in fs_err::read_dir(&dist)? {
            names.insert(entry?.file_name().to_string_lossy().into_owned());
        }
        let is_distribution = |name: &String| name.parse::<Filename>().is_ok();
        let mut found = Vec::new();
        for name in &names {
            let accompanies = |other: &String| {
                name.strip_prefix(other.as_str()).is_some_and(|rest| rest.starts_with('.'))
                    && is_distribution(other)
            };
            let is_foreign = !is_distribution(name);
            let was_there = before.0.contains(OsStr::new(name));
            if name.starts_with('.') || is_foreign && (was_there || names.iter().any(accompanies)) {
                continue;
            }
            let path = dist.join(name);
            if let Some(why) = unsuitable(&path, name, release) {
                return Err(Error::failed(format!("`{stage}` left {why}")).help(
                    "leave there only regular files: the wheels and the sdist of the release, and files named after one, such as \
                     `FILE.asc`",
                ));
            }
            found.push(release.checkout.hashes.record_digest(&path)?);
        }
        if found.is_empty() {
            return Err(self.none(&dist));
        }
        found.sort_by(|one, other| (one.kind, &one.filename).cmp(&(other.kind, &other.filename)));
        found.iter().try_for_each(|distribution| sync_to_disk(&distribution.path))?;
        sync_to_disk(&dist)?;
        Ok(found)
    }

    fn none(&self, dist: &Path) -> Error {
        let (stage, dist) = (&self.stage, dist.display());
        match self.gives.contains(&Product::Distributions) {
            true => nothing(stage, Product::Distributions, &format!("there are none in `{dist}`")),
            false => {
                Error::failed(format!("`{stage}` removed all distributions: there are none in `{dist}`"))
            }
        }
        .help("leave them in the folder that PYRELEASE_DIST names")
    }
}

/// Whether the file with these bytes is among the others.
fn is_among(files: &[Distribution], file: &Distribution) -> bool {
    files.iter().any(|other| (&other.filename, &other.sha256) == (&file.filename, &file.sha256))
}

/// Why a file among the distributions is none of the release's.
fn unsuitable(path: &Path, name: &str, release: &Release) -> Option<String> {
    let kind = path.symlink_metadata().map(|metadata| metadata.file_type());
    match kind {
        Ok(kind) if kind.is_symlink() => {
            return Some(format!("`{name}` among the distributions, and it is a symbolic link"));
        }
        Ok(kind) if !kind.is_file() => {
            return Some(format!("`{name}` among the distributions, and it is not a file"));
        }
        _ => {}
    }
    let names = release.names();
    match name.parse::<Filename>() {
        Err(error) => Some(format!("`{name}` among the distributions, and it is not one: {error}")),
        Ok(file)
            if file.normalized_name() == normalize(&names.name)
                && file.version().to_string() == names.version =>
        {
            None
        }
        Ok(_) => Some(format!(
            "a file of another release: `{name}` is not a distribution of {} {}",
            names.name, names.version
        )),
    }
}

fn nothing(stage: &str, product: Product, why: &str) -> Error {
    Error::failed(format!("`{stage}` gives {product}, but {why}"))
}

fn commit(stage: &str, release: &Release, bench: &Workbench<'_>) -> Result<String> {
    let commit = bench.clone.head()?;
    let began = &release.checkout.head.commit;
    if !bench.clone.git(["merge-base", "--is-ancestor", began, &commit]).capture()?.success() {
        return Err(nothing(stage, Product::Commit, &format!("{commit} does not contain {began}"))
            .help("a release adds commits to the branch and rewrites none"));
    }
    Ok(commit)
}

fn tag(stage: &str, commit: &str, release: &Release, bench: &Workbench<'_>) -> Result<TagRef> {
    let name = &release.names().tag;
    let read = |what: String| bench.clone.git(["rev-parse", "--verify", "--quiet", &what]).read().ok();
    let object = read(format!("refs/tags/{name}")).ok_or_else(|| {
        nothing(stage, Product::Tag, &format!("there is no tag `{name}`"))
            .help("make the tag that PYRELEASE_TAG names, or set `name` in [stage.tag]")
    })?;
    match read(format!("refs/tags/{name}^{{commit}}")) {
        Some(marked) if marked == commit => Ok(TagRef { name: name.clone(), object }),
        _ => {
            Err(nothing(stage, Product::Tag, &format!("`{name}` does not mark the release commit {commit}"))
                .help("tag HEAD of the run's clone"))
        }
    }
}
