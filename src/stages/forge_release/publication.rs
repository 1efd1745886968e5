//! The publication of the draft: when the release is out, or before a stage waits for the workflow that it starts.

use super::{Attached, Shared, Text, attempted, digest_of, mark_of, on_forge};
use crate::engine::prelude::*;
use crate::python::workflows::Likelihood;
use crate::stages::workflows::started_by_plan;
use crate::world::forge::{
    Asset, Forge, ForgeAddress, ForgeChange, ForgeRelease, ForgeResult, MarkedRelease, Token,
};
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
        let (tag, title, mark) = (release.names().tag.clone(), self.0.title(release), &mark_of(release));
        let draft = on_forge((release, effects), (address, token), |forge| forge.marked(&tag, mark))?;
        let draft = draft.ok_or_else(|| {
            Error::failed(format!("draft release {tag} of {address} is gone"))
                .help("create the release by hand, if it is still wanted")
        })?;
        let Text { published, drafted, .. } = &Text::of(release, effects, &draft.text_without(mark));
        draft.expect_own(&title, &digest_of(drafted)).map_err(|error| {
            Error::failed(format!("draft release {tag} of {address} is left as it is: {error}"))
                .help("publish it by hand")
        })?;
        let change = ForgeChange::Publication { tag, id: draft.id };
        effects.attempt(self.0.effect(address, change), |effects| {
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
        let Text { published, .. } = &Text::of(release, effects, "");
        let (tag, title) = (release.names().tag.clone(), self.0.title(release));
        let files: Vec<Asset> = self.0.assets(release, effects)?.into_iter().map(|(file, _)| file).collect();
        let text = digest_of(published);
        let change = ForgeChange::Release { tag: tag.clone(), title: title.clone(), text };
        effects.attempt(self.0.effect(address, change), |effects| {
            let package = (release.names().name.as_str(), release.names().version.as_str());
            let create = |forge: &Forge<'_>| forge.create_release((&tag, &title, published), package, &files);
            on_forge((release, effects), (address, token), create).map_err(attempted)
        })?;
        self.url(release, (address, token), effects)
    }

    /// Creates a release that never was a draft, and then attaches the files; returns its URL. `there` is the release, if an
    /// interrupted run has created it.
    fn create_directly(
        &self,
        release: &Release,
        (address, token): (&ForgeAddress, &Token),
        there: Option<ForgeRelease>,
        effects: &mut Effects<'_>,
    ) -> Result<String> {
        let Text { drafted, mark, .. } = &Text::of(release, effects, "");
        let (tag, title) = (release.names().tag.clone(), self.0.title(release));
        let files = self.0.assets(release, effects)?;
        let text = digest_of(drafted);
        let change = ForgeChange::Release { tag: tag.clone(), title: title.clone(), text: text.clone() };
        effects.attempt(self.0.effect(address, change), |effects| {
            let is_prerelease = self.0.settings.is_prerelease(release);
            let (is_draft, body) = (false, drafted.as_str());
            let new = MarkedRelease { tag: &tag, title: &title, body, mark, is_prerelease, is_draft };
            let created = on_forge((release, effects), (address, token), |forge| forge.create_marked(&new));
            created.map(|created| created.url).map_err(attempted)
        })?;
        let there = match there {
            Some(there) => Some(there),
            None => on_forge((release, effects), (address, token), |forge| forge.marked(&tag, mark))?,
        };
        let there = there.ok_or_else(|| Error::failed(format!("release {tag} of {address} is gone")))?;
        let to = Attached { there: &there, tag: &tag, title: &title, text: &text, mark };
        self.0.attach(&to, &files, (release, effects), (address, token))?;
        Ok(there.url)
    }

    /// Records that somebody else has published the release: what it starts cannot be undone either.
    fn adopt(
        &self,
        release: &Release,
        address: &ForgeAddress,
        there: &ForgeRelease,
        effects: &mut Effects<'_>,
    ) -> Result<()> {
        let known = effects.completed();
        let is_known = |effect: &Effect| matches!(effect, Effect::Forge(effect) if effect.change.is_public());
        if known.iter().any(is_known) {
            return Ok(());
        }
        effects.note(&format!("somebody has published it already: {}", there.url));
        if !self.is_first() {
            return Ok(());
        }
        let change = ForgeChange::Publication { tag: release.names().tag.clone(), id: there.id };
        effects.attempt(self.0.effect(address, change), |_| Ok("somebody has published it".to_owned()))
    }

    /// Whether it comes before a stage that waits for a workflow.
    fn is_first(&self) -> bool {
        !self.0.awaited.is_empty()
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
        if self.is_first() { Reach::Public } else { Reach::FollowUp }
    }

    fn is_added(&self) -> bool {
        true
    }

    fn flow(&self) -> Flow {
        // As the stage that drafts: a private member of a workspace has no release.
        Flow { uses: vec![Product::Distributions], ..Flow::default() }
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
        let start = self.0.starts(release);
        let starts = start.map(|start| started_by_plan(&start.workflow, start.likelihood == Likelihood::Yes));
        effects.announce(Action::Forge { at, what, publishes: true, starts })?;
        if !effects.is_live() {
            return Ok(Outputs::default());
        }
        let token = Shared::token(release, &address)?;
        let there = on_forge((release, effects), (&address, &token), |forge| forge.published(tag))?;
        let is_direct = self.0.is_direct(release);
        let is_own = |there: &ForgeRelease| there.has(&mark_of(release));
        let url = match there {
            Some(there) if is_direct && is_own(&there) => {
                self.create_directly(release, (&address, &token), Some(there), effects)?
            }
            Some(there) => {
                self.adopt(release, &address, &there, effects)?;
                there.url
            }
            None => {
                Self::expect_tag(release, &remote)?;
                match address.kind.has_drafts() {
                    true if is_direct => self.create_directly(release, (&address, &token), None, effects)?,
                    true => self.publish(release, (&address, &token), effects)?,
                    false => self.create(release, (&address, &token), effects)?,
                }
            }
        };
        let links = Some(url).filter(|url| !url.is_empty()).into_iter().collect();
        Ok(Outputs { links, ..Outputs::default() })
    }
}
