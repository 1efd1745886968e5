//! What a run changes on a forge, with all that is needed to ask for it and to undo it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::address::ForgeKind;
use super::asset::Asset;
use super::connection::Forge;
use super::failure::ForgeResult;
use super::release::StandingDraft;
use crate::error::{Error, Result};

/// A change on a forge
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum ForgeChange {
    /// A release that only those with write access see
    Draft {
        tag: String,
        title: String,
        /// The digest of its text; see [`super::release::digest_of`]
        text: String,
        /// What its text contains, so that it is found again
        mark: String,
    },
    /// A draft that somebody keeps for the release before it is made, as release-drafter does, becomes the run's
    TakeOver {
        id: u64,
        tag: String,
        title: String,
        text: String,
        mark: String,
        /// What it was before
        before: Box<StandingDraft>,
    },
    /// A file of the draft
    Asset {
        tag: String,
        title: String,
        text: String,
        mark: String,
        file: Asset,
        /// Whether the release never was a draft
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_published: bool,
    },
    /// A file of a generic package, on GitLab, which has no drafts
    Package { name: String, version: String, file: Asset },
    /// The draft becomes a release
    Publication { tag: String, id: u64 },
    /// A release that never was a draft; on GitLab with links to the files of the package
    Release { tag: String, title: String, text: String },
}

impl ForgeChange {
    /// Whether everybody sees it, so that it cannot be undone.
    pub fn is_public(&self) -> bool {
        matches!(self, Self::Publication { .. } | Self::Release { .. })
    }
}

impl fmt::Display for ForgeChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Draft { tag, .. } | Self::TakeOver { tag, .. } => write!(f, "draft release {tag}"),
            Self::Asset { tag, file, is_published, .. } => {
                let draft = if *is_published { "" } else { "draft " };
                write!(f, "{} in {draft}release {tag}", file.filename)
            }
            Self::Package { name, version, file } => {
                write!(f, "{} in package {name} {version}", file.filename)
            }
            Self::Publication { tag, .. } | Self::Release { tag, .. } => write!(f, "release {tag}"),
        }
    }
}

/// Whether a change is there
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForgePresence {
    Present,
    Absent,
    /// It cannot be told, and why
    Unknown(String),
}

impl Forge<'_> {
    /// Asks whether a change is there.
    ///
    /// # Errors
    /// The forge did not answer, or not what is needed.
    pub fn presence(&self, change: &ForgeChange) -> ForgeResult<ForgePresence> {
        let there = |is_there| if is_there { ForgePresence::Present } else { ForgePresence::Absent };
        Ok(match change {
            ForgeChange::Draft { tag, mark, .. } | ForgeChange::TakeOver { tag, mark, .. } => {
                there(self.marked(tag, mark)?.is_some())
            }
            ForgeChange::Asset { tag, mark, file, .. } => match self.marked(tag, mark)? {
                Some(release) => there(self.asset(&release, file)?.is_some_and(|asset| asset.is(file))),
                None => ForgePresence::Absent,
            },
            ForgeChange::Package { name, version, file } => {
                there(self.package_file(name, version, file)?.is_some())
            }
            ForgeChange::Publication { id, .. } => match self.release(*id)? {
                Some(release) => there(!release.is_draft),
                None => ForgePresence::Unknown("somebody has deleted it".to_owned()),
            },
            ForgeChange::Release { tag, title, text } => match self.published(tag)? {
                None => ForgePresence::Absent,
                Some(release) if release.is_unedited(title, text) => ForgePresence::Present,
                Some(release) => ForgePresence::Unknown(format!("there is another one: {}", release.url)),
            },
        })
    }

    /// Undoes a change; succeeds if it is not there. What somebody else has changed or published is left alone.
    ///
    /// # Errors
    /// It stays, and why.
    pub fn undo(&self, change: &ForgeChange) -> Result<()> {
        match change {
            ForgeChange::Draft { tag, title, text, mark } => {
                let Some(draft) = self.marked(tag, mark)? else { return Ok(()) };
                draft.expect_own(title, text)?;
                let assets = self.assets(&draft)?;
                match assets.iter().find(|asset| asset.is_complete) {
                    Some(asset) => Err(Error::failed(format!(
                        "it has the file `{}`, which is not of this release: {}",
                        asset.name, draft.url
                    ))),
                    None => Ok(self.delete_draft(draft.id)?),
                }
            }
            ForgeChange::TakeOver { id, tag, title, text, mark, before } => {
                let Some(draft) = self.marked(tag, mark)? else { return Ok(()) };
                draft.expect_own(title, text)?;
                Ok(self.give_back(*id, before)?)
            }
            ForgeChange::Asset { tag, title, text, mark, file, .. } => {
                let Some(draft) = self.marked(tag, mark)? else { return Ok(()) };
                draft.expect_own(title, text)?;
                match self.asset(&draft, file)? {
                    Some(asset) if asset.is_complete && !asset.is(file) => {
                        Err(Error::failed(format!("somebody has replaced it: {}", draft.url)))
                    }
                    Some(asset) => Ok(self.delete_asset(draft.id, asset.id)?),
                    None => Ok(()),
                }
            }
            ForgeChange::Package { name, version, file } => {
                Ok(self.delete_package_file(name, version, file)?)
            }
            ForgeChange::Publication { .. } | ForgeChange::Release { .. } => {
                Err(Error::failed("a published release stays"))
            }
        }
    }

    /// What the forge has of a release that is to be made and that stands in the way. The only draft of another author does
    /// not: see [`Self::standing_draft`].
    ///
    /// # Errors
    /// The forge did not answer, or refused.
    pub fn in_the_way(&self, tag: &str, (name, version): (&str, &str)) -> ForgeResult<Option<String>> {
        if let Some(release) = self.published(tag)? {
            return Ok(Some(format!("release {tag} already exists: {}", release.url)));
        }
        if self.address.kind == ForgeKind::Gitlab {
            let files = self.package_files(name, version)?;
            return Ok(
                (!files.is_empty()).then(|| format!("the generic package {name} {version} already exists"))
            );
        }
        let drafts = self.drafts(tag)?;
        let all = drafts.iter().map(|draft| draft.url.as_str()).collect::<Vec<_>>().join(", ");
        Ok(match drafts.as_slice() {
            [] => None,
            [only] if !only.is_of_a_run() => None,
            [_] => Some(format!("a draft of {tag} from another run already exists: {all}")),
            _ => Some(format!("there are several drafts of {tag}: {all}")),
        })
    }
}
