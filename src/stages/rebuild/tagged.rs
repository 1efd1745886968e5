//! Finds the release that a tag marks, according to the project.

use crate::config::{Config, Names};
use crate::engine::checkout::Checkout;
use crate::engine::model::Conventions;
use crate::engine::release::Target;
use crate::error::Result;
use crate::python::habits::VersionTag;
use crate::python::project::VersionSource;
use crate::stages::target::{History, read_project};
use crate::stages::version::Version as VersionStage;
use crate::world::git::TagRef;

/// The project's version and its tag
pub(super) struct Tagged {
    pub(super) tag: TagRef,
    /// The commit that the tag marks
    pub(super) commit: String,
    pub(super) target: Target,
}

impl Tagged {
    /// The tag of the project's version, if it exists and marks HEAD or an ancestor of it.
    pub(super) fn find(config: &Config, checkout: &Checkout) -> Result<Option<Self>> {
        let project = read_project(config, checkout, None)?;
        let repository = &checkout.repository;
        let head = &checkout.head.commit;
        let history = History::of(config, checkout, &project)?;
        let has_static_version = !matches!(project.version, VersionSource::Vcs { .. });
        let marked = match has_static_version {
            false => history.last.as_ref(),
            true => {
                let version = config.settings::<VersionStage>("version")?.current(checkout, &project)?;
                history.tag_of(&version)
            }
        };
        let Some(VersionTag { name, version, style }) = marked.cloned() else { return Ok(None) };
        let object = repository.reference(&format!("refs/tags/{name}"));
        let commit = repository.tag(&name).filter(|commit| repository.contains(head, commit));
        let (Some(object), Some(commit)) = (object, commit) else { return Ok(None) };
        let earlier = |name: &str| style.version(name).is_some_and(|earlier| earlier != version);
        let previous_tag = repository.nearest_tag(&commit, earlier)?;
        let previous = previous_tag.as_deref().and_then(|name| style.version(name));
        let previous = previous.unwrap_or_else(|| version.clone());
        let show = ["show", "--no-patch", "--no-show-signature", "--format=%cs"];
        let names = Names {
            version: version.to_string(),
            previous_version: previous.to_string(),
            name: project.name.clone(),
            date: repository.git(show).arg(&commit).read()?,
            tag: name.clone(),
        };
        let target = Target {
            project,
            version,
            previous,
            previous_tag,
            reason: None,
            names,
            conventions: Conventions::default(),
        };
        Ok(Some(Self { tag: TagRef { name, object }, commit, target }))
    }
}
