//! The indexes that the project is published to.

use super::Finds;
use super::decided::Decided;
use super::stages::Pipeline;
use crate::python::filename::normalize;
use crate::python::project::Files as _;

/// A classifier with which PyPI refuses a project
const PRIVATE: &str = "Private ::";

/// The private indexes in `.pypirc` for this project or for any, by name and upload URL.
fn private(finds: &Finds<'_>) -> Vec<(String, String)> {
    let own = normalize(&finds.discovery.project.name);
    let mut found: Vec<(String, String)> = Vec::new();
    for index in finds.pypirc {
        let is_for_other = index.project.as_ref().is_some_and(|project| normalize(project) != own);
        let Some(upload) = index.upload.as_ref().filter(|_| !is_for_other) else { continue };
        let is_public = upload.host_str().is_some_and(|host| host.ends_with("pypi.org"));
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
        let is_name =
            index.name.chars().all(is_plain) && !["pypi", "testpypi"].contains(&index.name.as_str());
        if !is_public && is_name && found.iter().all(|(name, _)| *name != index.name) {
            found.push((index.name.clone(), upload.to_string()));
        }
    }
    found
}

/// Those that the user is asked about: all, unless there is no choice.
pub(super) fn offered(finds: &Finds<'_>) -> Vec<(String, String)> {
    let private = private(finds);
    if is_private(finds) && private.len() == 1 { Vec::new() } else { private }
}

/// Whether PyPI refuses the project by its classifiers.
pub(super) fn is_private(finds: &Finds<'_>) -> bool {
    ["pyproject.toml", "setup.cfg", "setup.py"].iter().any(|path| {
        let bytes = finds.checkout.read(path).unwrap_or_default();
        memchr::memmem::find(&bytes, PRIVATE.as_bytes()).is_some()
    })
}

/// Replaces PyPI by the private index that the user chose, or that a private project must have.
pub(super) fn indexes(finds: &Finds<'_>, decided: &mut Decided, pipeline: &mut Pipeline) {
    let private = private(finds);
    let chosen = finds.answers.index.as_ref();
    let chosen = chosen.and_then(|chosen| private.iter().find(|(name, _)| name == chosen));
    let only = || if is_private(finds) && private.len() == 1 { private.first() } else { None };
    let Some((name, upload)) = chosen.or_else(only) else {
        if is_private(finds) {
            decided.open.push(
                "the project is private (a classifier `Private ::`), and PyPI refuses it: add an [index.NAME] and \
                 its stage instead of `pypi`"
                    .to_owned(),
            );
        }
        return;
    };
    let stage = format!("index.{name}");
    decided.document.set(&stage, "kind", "public", "for users; an upload there is permanent");
    decided.document.set(
        &stage,
        "upload",
        upload.as_str(),
        "as in `.pypirc`; with `simple`, where the files are listed, uploads are verified",
    );
    if is_private(finds) {
        pipeline.remove("testpypi");
    }
    for listed in pipeline.stages.iter_mut().filter(|listed| *listed == "pypi") {
        listed.clone_from(name);
    }
    // No workflow that publishes to PyPI is waited for.
    decided.document.tables.retain(|(table, _)| table != "stage.pypi");
    pipeline.remove("forge-release");
}
