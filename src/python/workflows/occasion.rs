//! What may start a workflow.

use crate::python::forge::Forge;

/// A release that appears on a forge.
///
/// Which events there are then is said by "Events that trigger workflows" of GitHub's documentation, for `release`.
#[derive(Debug, Clone, Copy)]
pub struct NewRelease<'a> {
    pub tag: &'a str,
    pub is_prerelease: bool,
    /// Whether it was a draft before it was published
    pub was_draft: bool,
}

impl<'a> NewRelease<'a> {
    /// A release that is no pre-release, published from a draft.
    pub fn of(tag: &'a str) -> Self {
        Self { tag, is_prerelease: false, was_draft: true }
    }

    /// Whether its appearance is such an event.
    pub(super) fn has(&self, forge: Forge, action: &str) -> bool {
        match action {
            "published" => true,
            // Gitea and Forgejo know no others.
            _ if forge != Forge::GitHub => false,
            "released" => !self.is_prerelease,
            // A draft starts nothing when it is created, and neither of these when it is published.
            "created" => !self.was_draft,
            "prereleased" => self.is_prerelease && !self.was_draft,
            _ => false,
        }
    }
}

/// An event, seen by a workflow
#[derive(Debug, Clone, Copy)]
pub(super) struct Occasion<'a> {
    pub event: Event<'a>,
    /// The tag, if the event is about one; `Some(None)` if any
    pub tag: Option<Option<&'a str>>,
    /// Of a release of the forge, if that is known
    pub is_prerelease: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event<'a> {
    Push,
    /// A new branch or tag (GitHub's `create`)
    Create,
    /// A release of the forge, and what is done to it
    Release(&'a str),
    /// A person starts it
    Manual,
    Schedule,
    /// Another workflow has ended
    AfterWorkflow,
    Other(&'a str),
}

impl<'a> Occasion<'a> {
    pub fn tag(tag: Option<&'a str>) -> Self {
        Self { tag: Some(tag), ..Self::on(Event::Push) }
    }

    pub fn on(event: Event<'a>) -> Self {
        Self { event, tag: None, is_prerelease: None }
    }

    /// What is done to a release; to any, if none is given.
    pub fn release(action: &'a str, release: Option<&NewRelease<'a>>) -> Self {
        let tag = Some(release.map(|release| release.tag));
        Self { event: Event::Release(action), tag, is_prerelease: release.map(|one| one.is_prerelease) }
    }
}
