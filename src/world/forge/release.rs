//! Releases: as GitHub has them, and Gitea in the same form; of GitLab, what is published.

use std::path::Path;
use std::time::Duration;

use reqwest::{Method, StatusCode, Url};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::address::ForgeKind;
use super::asset::Asset;
use super::connection::{Forge, Payload, Repeat};
use super::failure::{Failure, ForgeResult};
use crate::error::{Error, Result};
use crate::world::files::sha256_of;

/// How the mark of every run begins
pub const MARK: &str = "<!-- pyrelease ";
/// Attempts to upload an asset
const UPLOADS: u32 = 3;

/// A release to create, with a mark by which it is found again
#[derive(Debug)]
pub struct MarkedRelease<'a> {
    pub tag: &'a str,
    pub title: &'a str,
    /// Contains the mark
    pub body: &'a str,
    pub mark: &'a str,
    pub is_prerelease: bool,
    /// Whether only those with write access see it
    pub is_draft: bool,
}

impl MarkedRelease<'_> {
    fn json(&self) -> Value {
        let Self { tag, title, body, is_prerelease, is_draft, .. } = self;
        json!({"tag_name": tag, "name": title, "body": body, "draft": is_draft, "prerelease": is_prerelease})
    }
}

/// A release as a forge has it
#[derive(Debug, Clone)]
pub struct ForgeRelease {
    pub id: u64,
    /// Of its page
    pub url: String,
    pub is_draft: bool,
    is_prerelease: bool,
    tag: String,
    title: String,
    body: String,
    upload_url: Option<String>,
}

/// What a draft was before a run took it over, to give it back
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingDraft {
    tag: String,
    title: String,
    body: String,
    is_prerelease: bool,
}

/// An asset as a forge has it
pub(super) struct AssetThere {
    pub(super) id: u64,
    /// GitHub may rename files
    pub(super) name: String,
    label: Option<String>,
    /// Whether its upload was finished
    pub(super) is_complete: bool,
    size: u64,
    sha256: Option<String>,
}

impl AssetThere {
    fn of(value: &Value) -> Self {
        let text = |key: &str| value[key].as_str().map(str::to_owned);
        let digest = text("digest").and_then(|digest| digest.strip_prefix("sha256:").map(str::to_owned));
        Self {
            id: value["id"].as_u64().unwrap_or_default(),
            name: text("name").unwrap_or_default(),
            label: text("label"),
            // Gitea lists only complete ones, without a state.
            is_complete: text("state").is_none_or(|state| state == "uploaded"),
            size: value["size"].as_u64().unwrap_or_default(),
            sha256: digest,
        }
    }

    /// Whether it is the complete file; Gitea tells no digest.
    pub(super) fn is(&self, file: &Asset) -> bool {
        let is_same = self.sha256.as_ref().is_none_or(|sha256| *sha256 == file.sha256);
        self.is_complete && self.size == file.size && is_same
    }

    fn has_name(&self, filename: &str) -> bool {
        self.name == filename || self.label.as_deref() == Some(filename)
    }
}

/// The digest of a release's text, by which an edited one is known: line ends and blanks around do not count.
pub fn digest_of(text: &str) -> String {
    sha256_of(text.replace("\r\n", "\n").trim().as_bytes())
}

impl ForgeRelease {
    fn of(value: &Value, kind: ForgeKind) -> Self {
        let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let (url, body) = match kind {
            ForgeKind::Gitlab => {
                (value["_links"]["self"].as_str().unwrap_or_default().to_owned(), "description")
            }
            _ => (text("html_url"), "body"),
        };
        Self {
            id: value["id"].as_u64().unwrap_or_default(),
            url,
            is_draft: value["draft"] == true,
            is_prerelease: value["prerelease"] == true,
            tag: text("tag_name"),
            title: text("name"),
            body: text(body),
            upload_url: value["upload_url"].as_str().map(str::to_owned),
        }
    }

    /// Whether its text has the mark of a run.
    pub fn has(&self, mark: &str) -> bool {
        self.body.contains(mark)
    }

    /// Whether its text has the mark of any run.
    pub(super) fn is_of_a_run(&self) -> bool {
        self.has(MARK)
    }

    /// Its text without the mark of a run.
    pub fn text_without(&self, mark: &str) -> String {
        self.body.replace(mark, "").trim_end().to_owned()
    }

    /// What it is, to give it back later.
    pub fn standing(&self) -> StandingDraft {
        let Self { tag, title, body, is_prerelease, .. } = self.clone();
        StandingDraft { tag, title, body, is_prerelease }
    }

    /// Whether it has no tag, and is named like a version: `v1.2.0`, or `1.2.0 (May)`. GitHub shows a tag of its own there.
    fn is_untagged(&self, tag: &str, version: &str) -> bool {
        let has_none = self.tag.is_empty() || self.tag.starts_with("untagged-");
        let first = self.title.split_whitespace().next().unwrap_or_default();
        has_none && (first == tag || first.strip_prefix('v').unwrap_or(first) == version)
    }

    /// Whether its title and text are as they were made.
    pub fn is_unedited(&self, title: &str, text: &str) -> bool {
        self.title.trim() == title.trim() && digest_of(&self.body) == text
    }

    /// That it is still the draft that was made.
    ///
    /// # Errors
    /// Somebody has published or edited it.
    pub fn expect_own(&self, title: &str, text: &str) -> Result<()> {
        let what = match () {
            () if !self.is_draft => "published",
            () if !self.is_unedited(title, text) => "edited",
            () => return Ok(()),
        };
        Err(Error::failed(format!("somebody has {what} it: {}", self.url)))
    }
}

impl Forge<'_> {
    fn parsed(&self, value: &Value) -> ForgeRelease {
        ForgeRelease::of(value, self.address.kind)
    }

    /// The published release of a tag.
    ///
    /// # Errors
    /// The forge did not answer, or refused.
    pub fn published(&self, tag: &str) -> ForgeResult<Option<ForgeRelease>> {
        let parts = match self.address.kind {
            ForgeKind::Gitlab => vec!["releases", tag],
            _ => vec!["releases", "tags", tag],
        };
        let found = self.find(&parts, "look for the release")?.map(|release| self.parsed(&release));
        Ok(found.filter(|release| !release.is_draft))
    }

    pub(super) fn release(&self, id: u64) -> ForgeResult<Option<ForgeRelease>> {
        let found = self.find(&["releases", &id.to_string()], "look for the release")?;
        Ok(found.map(|release| self.parsed(&release)))
    }

    /// The drafts of a tag, which are visible only with write access.
    pub(super) fn drafts(&self, tag: &str) -> ForgeResult<Vec<ForgeRelease>> {
        let mut drafts = self.all_drafts()?;
        drafts.retain(|draft| draft.tag == tag);
        Ok(drafts)
    }

    /// A draft that somebody else keeps for this release before it is made, as release-drafter does: the only one of the
    /// tag; or else the only one without a tag that is named like the version.
    ///
    /// # Errors
    /// The forge did not answer, or refused.
    pub fn standing_draft(&self, tag: &str, version: &str) -> ForgeResult<Option<ForgeRelease>> {
        if !self.address.kind.has_drafts() {
            return Ok(None);
        }
        let (tagged, others): (Vec<_>, Vec<_>) =
            self.all_drafts()?.into_iter().partition(|draft| draft.tag == tag);
        let untagged = others.into_iter().filter(|draft| draft.is_untagged(tag, version)).collect();
        let mut found = if tagged.is_empty() { untagged } else { tagged };
        let is_only = found.len() == 1;
        Ok(found.pop().filter(|draft| is_only && !draft.is_of_a_run()))
    }

    fn all_drafts(&self) -> ForgeResult<Vec<ForgeRelease>> {
        let query: &[(&str, &str)] = match self.address.kind {
            ForgeKind::Gitea => &[("draft", "true")],
            _ => &[],
        };
        let all = self.list(&["releases"], query, "list the releases")?;
        let all = all.iter().map(|release| self.parsed(release));
        Ok(all.filter(|release| release.is_draft).collect())
    }

    /// The draft whose text contains this mark, or what somebody has published of it.
    ///
    /// # Errors
    /// The forge did not answer, or refused.
    pub fn marked(&self, tag: &str, mark: &str) -> ForgeResult<Option<ForgeRelease>> {
        let draft = self.drafts(tag)?.into_iter().find(|draft| draft.has(mark));
        match draft {
            Some(draft) => Ok(Some(draft)),
            None => Ok(self.published(tag)?.filter(|release| release.has(mark))),
        }
    }

    /// Creates a release, or finds the one that an interrupted run created.
    ///
    /// # Errors
    /// The forge did not answer, or refused.
    pub fn create_marked(&self, new: &MarkedRelease<'_>) -> ForgeResult<ForgeRelease> {
        let MarkedRelease { tag, mark, is_draft, .. } = new;
        if let Some(there) = self.marked(tag, mark)? {
            return Ok(there);
        }
        let json = new.json();
        let what = if *is_draft { "create the draft release" } else { "create the release" };
        let created = self.change(Repeat::Unsafe, Method::POST, &["releases"], &json, what);
        match created {
            Ok(created) => Ok(self.parsed(&created)),
            Err(failure) if failure.in_doubt => match self.marked(tag, mark) {
                Ok(Some(there)) => Ok(there),
                Ok(None) => Err(Failure::refused(failure.error)),
                Err(_) => Err(failure),
            },
            Err(failure) => Err(failure),
        }
    }

    pub(super) fn assets(&self, release: &ForgeRelease) -> ForgeResult<Vec<AssetThere>> {
        let id = release.id.to_string();
        let parts = ["releases", &id, "assets"];
        let listed = match self.address.kind {
            // It lists them all at once, without pages.
            ForgeKind::Gitea => {
                let listed = self.find(&parts, "list the files of the release")?;
                listed.and_then(|listed| listed.as_array().cloned()).unwrap_or_default()
            }
            _ => self.list(&parts, &[], "list the files of the release")?,
        };
        Ok(listed.iter().map(AssetThere::of).collect())
    }

    pub(super) fn asset(&self, release: &ForgeRelease, file: &Asset) -> ForgeResult<Option<AssetThere>> {
        Ok(self.assets(release)?.into_iter().find(|asset| asset.has_name(&file.filename)))
    }

    /// Uploads a file to the draft, unless it is there, and returns its name there.
    ///
    /// # Errors
    /// The forge did not answer, or refused; or it has another file of this name.
    pub fn upload_asset(&self, draft: &ForgeRelease, file: &Asset, path: &Path) -> ForgeResult<String> {
        let what = format!("take {}", file.filename);
        let url = self.upload_url(draft, file).map_err(Failure::refused)?;
        let mut uploads = 0;
        loop {
            match self.asset(draft, file)? {
                Some(asset) if asset.is(file) => return Ok(asset.name),
                Some(asset) if asset.is_complete => {
                    let error = format!("draft {} has another {}", draft.url, file.filename);
                    return Err(Failure::refused(Error::failed(error)));
                }
                // After an interrupted upload GitHub keeps an empty asset.
                Some(asset) => self.delete_asset(draft.id, asset.id)?,
                None => {}
            }
            let payload = match self.address.kind {
                ForgeKind::Gitea => Payload::Form(path, file),
                _ => Payload::File(path, file),
            };
            let reply = self.send(Repeat::Unsafe, &Method::POST, &url, payload);
            uploads += 1;
            let is_taken = reply.as_ref().is_ok_and(|reply| reply.status == StatusCode::UNPROCESSABLE_ENTITY);
            let failure = match reply.and_then(|reply| self.checked(reply, &what)) {
                Ok(asset) if AssetThere::of(&asset).is(file) => return Ok(AssetThere::of(&asset).name),
                Ok(_) => Failure::refused(Error::failed(format!(
                    "{} is incomplete at {}",
                    file.filename, draft.url
                ))),
                // It may be the asset of a lost reply, which is looked for.
                Err(failure) if failure.in_doubt => failure,
                Err(failure) if is_taken && uploads < UPLOADS && self.asset(draft, file)?.is_some() => {
                    failure
                }
                Err(failure) => return Err(failure),
            };
            if uploads == UPLOADS {
                return Err(failure);
            }
            self.wait(Duration::from_millis(125 << uploads))
                .map_err(|error| Failure { error, in_doubt: true })?;
        }
    }

    /// The URL that takes a file: only the forge's own hosts get the token.
    fn upload_url(&self, draft: &ForgeRelease, file: &Asset) -> Result<Url> {
        let id = draft.id.to_string();
        let own = self.url(&["releases", &id, "assets"])?;
        let given = draft.upload_url.as_ref().filter(|_| self.address.kind == ForgeKind::Github);
        let mut url = match given {
            Some(given) => Url::parse(given.split('{').next().unwrap_or_default())
                .map_err(|error| Error::failed("GitHub's URL for uploads is not valid").because(error))?,
            None => own.clone(),
        };
        let for_uploads =
            own.host_str().and_then(|host| host.strip_prefix("api.")).map(|host| format!("uploads.{host}"));
        let is_for_uploads =
            own.scheme() == url.scheme() && for_uploads.is_some() && for_uploads.as_deref() == url.host_str();
        if own.origin() != url.origin() && !is_for_uploads {
            let host = url.host_str().unwrap_or_default();
            return Err(Error::failed(format!(
                "the URL for uploads is on {host}, which is not a host of GitHub"
            )));
        }
        let mut query = url.query_pairs_mut();
        query.append_pair("name", &file.filename);
        // Displayed instead of the name, if GitHub must change that.
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
        if self.address.kind == ForgeKind::Github && !file.filename.chars().all(is_plain) {
            query.append_pair("label", &file.filename);
        }
        drop(query);
        Ok(url)
    }

    /// Publishes a draft, with its final text.
    ///
    /// # Errors
    /// The forge did not answer, or refused.
    pub fn publish(&self, id: u64, body: &str) -> ForgeResult<ForgeRelease> {
        self.edit(id, &json!({"draft": false, "body": body}), "publish the release")
    }

    fn edit(&self, id: u64, json: &Value, what: &str) -> ForgeResult<ForgeRelease> {
        let parts = ["releases", &id.to_string()];
        let edited = self.change(Repeat::Safe, Method::PATCH, &parts, json, what)?;
        Ok(self.parsed(&edited))
    }

    /// Makes somebody else's draft the run's.
    ///
    /// # Errors
    /// The forge did not answer, or refused.
    pub fn take_over(&self, id: u64, new: &MarkedRelease<'_>) -> ForgeResult<ForgeRelease> {
        self.edit(id, &new.json(), "take over the draft release")
    }

    pub(super) fn give_back(&self, id: u64, before: &StandingDraft) -> ForgeResult<()> {
        let StandingDraft { tag, title, body, is_prerelease } = before;
        let (mark, is_prerelease, is_draft) = ("", *is_prerelease, true);
        let before = MarkedRelease { tag, title, body, mark, is_prerelease, is_draft };
        self.edit(id, &before.json(), "give back the draft release").map(drop)
    }

    pub(super) fn delete_draft(&self, id: u64) -> ForgeResult<()> {
        self.delete(&["releases", &id.to_string()], "delete the draft release")
    }

    pub(super) fn delete_asset(&self, release: u64, id: u64) -> ForgeResult<()> {
        let (release, id) = (release.to_string(), id.to_string());
        let parts = match self.address.kind {
            ForgeKind::Gitea => vec!["releases", &release, "assets", &id],
            _ => vec!["releases", "assets", &id],
        };
        self.delete(&parts, "delete a file of the draft release")
    }
}
