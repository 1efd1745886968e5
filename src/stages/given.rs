//! What a stage of the user's own gives to the stages after it, taken from where it leaves it.

use std::path::Path;

use super::build;
use crate::config::Config;
use crate::engine::prelude::*;
use crate::world::git::TagRef;
use crate::world::sync_to_disk;

/// Refuses a stage that gives something and reaches beyond the run's folder: what it gives lies there.
pub(super) fn check(config: &Config, stage: &str, reach: Reach, gives: &[Product]) -> Result<()> {
    let (Some(product), true) = (gives.first(), reach > Reach::Private) else { return Ok(()) };
    let message = format!("`{stage}` gives {product}, and its reach is {reach}");
    let help =
        "only a private stage can give something: split it into one that prepares and one that publishes";
    Err(config.error(&message, config.stage_key(stage, "gives").flatten(), Some(help)))
}

/// Takes what the stage gives: distributions from their folder, commit and tag from the clone.
///
/// # Errors
/// It is not there.
pub(super) fn collect(
    stage: &str,
    gives: &[Product],
    notes: impl FnOnce() -> Result<String>,
    (release, bench): (&Release, &Workbench<'_>),
) -> Result<Outputs> {
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
        let commit = commit.unwrap_or(&release.workspace.head.commit);
        outputs.tag = Some(tag(stage, commit, release, bench)?);
    }
    if gives.contains(&Product::Distributions) {
        outputs.distributions = distributions(stage, &bench.dist(), release)?;
    }
    Ok(outputs)
}

fn nothing(stage: &str, product: Product, why: &str) -> Error {
    Error::failed(format!("`{stage}` gives {product}, but {why}"))
}

fn commit(stage: &str, release: &Release, bench: &Workbench<'_>) -> Result<String> {
    let commit = bench.clone.head()?;
    let began = &release.workspace.head.commit;
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

fn distributions(
    stage: &str,
    dist: &Path,
    release: &Release,
) -> Result<Vec<crate::python::distribution::Distribution>> {
    let mut found = build::listed(dist, &release.workspace.hashes)?;
    if found.is_empty() {
        return Err(nothing(
            stage,
            Product::Distributions,
            &format!("there are none in `{}`", dist.display()),
        )
        .help("leave them in the folder that PYRELEASE_DIST names"));
    }
    found.sort_by(|one, other| (one.kind, &one.filename).cmp(&(other.kind, &other.filename)));
    found.iter().try_for_each(|distribution| sync_to_disk(&distribution.path))?;
    sync_to_disk(dist)?;
    Ok(found)
}
