//! The publication of the draft, when the release is out.

use super::{Shared, Text, attempted, digest_of, effect, on_forge};
use crate::engine::prelude::*;
use crate::world::forge::{Asset, Forge, ForgeAddress, ForgeChange, ForgeResult, Token};
use crate::world::git::Remote;

/// The name of the stage that `forge-release` adds
pub(in crate::stages) const PUBLICATION: &str = "forge-publish";

/// Publishes the draft
pub(in crate::stages) struct Publication(pub(super) Shared);

impl Publication {
    /// That the remote has the release's tag: the forge would create a missing one, at its newest commit.
    fn expect_tag(release: &Release, remote: &Remote) -> Result<()> {
        let tag = &release.names().tag;
        let name = format!("refs/tags/{tag}");
        let there = remote.refs(&release.checkout.repository, &[&name])?.remove(&name);
        let ours = release.outputs.tag.as_ref().map(|tag| &tag.object);
        let message = match &there {
            None => format!("`{}` has no tag {tag}", remote.name),
            Some(there) if ours.is_some_and(|ours| ours != there) => {
                format!("`{}` has another tag {tag}", remote.name)
            }
            Some(_) => return Ok(()),
        };
        Err(Error::failed(message)
            .help(format!("push it with `git push {} {tag}`, and publish the release by hand", remote.name)))
    }

    /// Publishes the draft; returns the URL of the release.
    fn publish(
        &self,
        release: &Release,
        (address, token): (&ForgeAddress, &Token),
        effects: &mut Effects<'_>,
    ) -> Result<String> {
        let Text { published, drafted, mark } = &Text::of(release, effects);
        let (tag, title) = (release.names().tag.clone(), self.0.title(release));
        let draft = on_forge((release, effects), (address, token), |forge| forge.marked(&tag, mark))?;
        let draft = draft.ok_or_else(|| {
            Error::failed(format!("draft release {tag} of {address} is gone"))
                .help("create the release by hand, if it is still wanted")
        })?;
        draft.expect_own(&title, &digest_of(drafted)).map_err(|error| {
            Error::failed(format!("draft release {tag} of {address} is left as it is: {error}"))
                .help("publish it by hand")
        })?;
        let change = ForgeChange::Publication { tag, id: draft.id };
        effects.attempt(effect(address, change), |effects| {
            let publish = |forge: &Forge<'_>| forge.publish(draft.id, published);
            let released = on_forge((release, effects), (address, token), publish).map_err(attempted)?;
            Ok(released.url)
        })?;
        self.url(release, (address, token), effects)
    }

    /// Creates the release on GitLab, with links to the files of the package; returns its URL.
    fn create(
        &self,
        release: &Release,
        (address, token): (&ForgeAddress, &Token),
        effects: &mut Effects<'_>,
    ) -> Result<String> {
        let Text { published, .. } = &Text::of(release, effects);
        let (tag, title) = (release.names().tag.clone(), self.0.title(release));
        let files: Vec<Asset> = self.0.assets(release, effects)?.into_iter().map(|(file, _)| file).collect();
        let text = digest_of(published);
        let change = ForgeChange::Release { tag: tag.clone(), title: title.clone(), text };
        effects.attempt(effect(address, change), |effects| {
            let package = (release.names().name.as_str(), release.names().version.as_str());
            let create = |forge: &Forge<'_>| forge.create_release((&tag, &title, published), package, &files);
            on_forge((release, effects), (address, token), create).map_err(attempted)
        })?;
        self.url(release, (address, token), effects)
    }

    fn url(
        &self,
        release: &Release,
        place: (&ForgeAddress, &Token),
        effects: &Effects<'_>,
    ) -> Result<String> {
        let tag = &release.names().tag;
        let find = |forge: &Forge<'_>| -> ForgeResult<_> { forge.published(tag) };
        Ok(on_forge((release, effects), place, find)?.map(|release| release.url).unwrap_or_default())
    }
}

impl Stage for Publication {
    fn name(&self) -> &str {
        PUBLICATION
    }

    fn reach(&self) -> Reach {
        Reach::FollowUp
    }

    fn is_added(&self) -> bool {
        true
    }

    fn preflight(&self, _: &Release) -> Result<Vec<Finding>> {
        // The stage that drafts has looked.
        Ok(Vec::new())
    }

    fn run(&self, release: &Release, effects: &mut Effects<'_>) -> Result<Outputs> {
        let (remote, address) = self.0.place(release)?;
        let tag = &release.names().tag;
        if self.0.settings.draft {
            effects.skip(&format!("release {tag} of {address} stays a draft, for you to publish"))?;
            return Ok(Outputs::default());
        }
        let (at, what) = (address.to_string(), format!("release {tag}"));
        effects.announce(Action::Forge { at, what, publishes: true })?;
        if !effects.is_live() {
            return Ok(Outputs::default());
        }
        let token = Shared::token(release, &address)?;
        let there = on_forge((release, effects), (&address, &token), |forge| forge.published(tag))?;
        let url = match there {
            Some(there) => {
                if effects.completed().is_empty() {
                    effects.note(&format!("somebody has published it already: {}", there.url));
                }
                there.url
            }
            None => {
                Self::expect_tag(release, &remote)?;
                match address.kind.has_drafts() {
                    true => self.publish(release, (&address, &token), effects)?,
                    false => self.create(release, (&address, &token), effects)?,
                }
            }
        };
        let links = Some(url).filter(|url| !url.is_empty()).into_iter().collect();
        Ok(Outputs { links, ..Outputs::default() })
    }
}
