//! The draft, or on GitLab the package: what can still be undone.

use super::{AssetFile, Attached, NAME, Shared, Text, attempted, digest_of, mark_of, on_forge};
use crate::engine::prelude::*;
use crate::world::forge::{
    Forge, ForgeAddress, ForgeChange, ForgeKind, ForgeRelease, ForgeResult, MarkedRelease, Token,
};

/// Creates the draft, with its files
pub(in crate::stages) struct Draft(pub(super) Shared);

impl Draft {
    /// Creates the draft and uploads the files to it; returns its URL.
    fn create(
        &self,
        release: &Release,
        (address, token): (&ForgeAddress, &Token),
        files: &[AssetFile],
        effects: &mut Effects<'_>,
    ) -> Result<String> {
        let (tag, title, mark) = (release.names().tag.clone(), self.0.title(release), &mark_of(release));
        let ask = |effects: &Effects<'_>, ask: &dyn Fn(&Forge<'_>) -> ForgeResult<Option<ForgeRelease>>| {
            on_forge((release, effects), (address, token), ask)
        };
        let own = ask(effects, &|forge| forge.marked(&tag, mark))?;
        let standing = match own {
            Some(_) => None,
            None => ask(effects, &|forge| forge.standing_draft(&tag, &release.names().version))?,
        };
        let kept =
            standing.as_ref().or(own.as_ref()).map(|draft| draft.text_without(mark)).unwrap_or_default();
        let Text { drafted, .. } = &Text::of(release, effects, &kept);
        let text = digest_of(drafted);
        let does = format!("draft release {tag}");
        effects.announce(created(address, does.clone()))?;
        let change = match &standing {
            None => ForgeChange::Draft {
                tag: tag.clone(),
                title: title.clone(),
                text: text.clone(),
                mark: mark.clone(),
            },
            Some(standing) => {
                effects.note(&format!("takes over the draft that is there: {}", standing.url));
                ForgeChange::TakeOver {
                    id: standing.id,
                    tag: tag.clone(),
                    title: title.clone(),
                    text: text.clone(),
                    mark: mark.clone(),
                    before: Box::new(standing.standing()),
                }
            }
        };
        let is_taken_over = |effect: &Effect| match effect {
            Effect::Forge(effect) => matches!(effect.change, ForgeChange::TakeOver { .. }),
            _ => false,
        };
        // What an interrupted run has taken over is given back, not deleted.
        if !effects.completed().iter().any(is_taken_over) {
            effects.attempt(self.0.effect(address, change), |effects| {
                let is_prerelease = self.0.settings.is_prerelease(release);
                let (is_draft, body) = (true, drafted.as_str());
                let draft = MarkedRelease { tag: &tag, title: &title, body, mark, is_prerelease, is_draft };
                let made = on_forge((release, effects), (address, token), |forge| match &standing {
                    Some(standing) => forge.take_over(standing.id, &draft),
                    None => forge.create_marked(&draft),
                });
                made.map(|draft| draft.url).map_err(attempted)
            })?;
        }
        let found = ask(effects, &|forge| forge.marked(&tag, mark))?;
        let draft = found.ok_or_else(|| Error::failed(format!("{does} of {address} is gone")))?;
        match draft.is_draft {
            true => {
                let own = draft.expect_own(&title, &text);
                own.map_err(|error| Error::failed(format!("{does} of {address}: {error}")))?;
            }
            // It gets the files that it does not have yet.
            false => effects.note(&format!("somebody has published it already: {}", draft.url)),
        }
        let to = Attached { there: &draft, tag: &tag, title: &title, text: &text, mark };
        self.0.attach(&to, files, (release, effects), (address, token))?;
        Ok(draft.url)
    }

    /// Uploads the files to a generic package.
    fn package(
        &self,
        release: &Release,
        (address, token): (&ForgeAddress, &Token),
        files: &[AssetFile],
        effects: &mut Effects<'_>,
    ) -> Result<()> {
        let (name, version) = (&release.names().name, &release.names().version);
        for (file, path) in files {
            let does = format!("{} in package {name} {version}", file.filename);
            effects.announce(created(address, does))?;
            let change =
                ForgeChange::Package { name: name.clone(), version: version.clone(), file: file.clone() };
            effects.attempt(self.0.effect(address, change), |effects| {
                let upload = |forge: &Forge<'_>| forge.upload_to_package((name, version), file, path);
                on_forge((release, effects), (address, token), upload).map_err(attempted)?;
                Ok("uploaded".to_owned())
            })?;
        }
        Ok(())
    }

    fn plan(&self, release: &Release, address: &ForgeAddress, effects: &mut Effects<'_>) -> Result<()> {
        if self.0.is_direct(release) {
            return effects.skip(NO_DRAFT);
        }
        let names = release.names();
        let does = match address.kind.has_drafts() {
            true => format!("draft release {}", names.tag),
            false => format!("package {} {}", names.name, names.version),
        };
        effects.announce(created(address, does))
    }
}

/// Why there is no draft
const NO_DRAFT: &str = "its workflow starts only for a release that never was a draft";

fn created(address: &ForgeAddress, what: String) -> Action {
    Action::Forge { at: address.to_string(), what, publishes: false, starts: None }
}

impl Stage for Draft {
    fn name(&self) -> &str {
        NAME
    }

    fn reach(&self) -> Reach {
        Reach::Repository
    }

    fn flow(&self) -> Flow {
        Flow {
            needs: vec![Product::Tag],
            uses: vec![Product::Notes, Product::Distributions],
            // Gitea publishes a draft when its tag is pushed.
            after: vec!["push".to_owned()],
            ..Flow::default()
        }
    }

    fn preflight(&self, release: &Release) -> Result<Vec<Finding>> {
        let (_, address) = self.0.place(release)?;
        let mut findings = Vec::new();
        if self.0.settings.draft && !address.kind.has_drafts() {
            let finding = Finding::error(format!("{} has no draft releases", address.kind));
            findings.push(finding.help("remove `draft` from [stage.forge-release]"));
            return Ok(findings);
        }
        for pattern in self.0.settings.assets.iter().flatten() {
            super::named(release, pattern)?;
        }
        findings.extend(self.0.other_makers(release));
        findings.extend(self.0.other_uploads(release));
        if let Some(note) = release.not_asked(&address.host) {
            return Ok(vec![note]);
        }
        let token = Shared::token(release, &address)?;
        let forge = Forge::new(&address, &token, &release.checkout.environment, &|_| {})?;
        findings.extend(self.0.powerless_token(release, &forge, &token)?);
        let names = release.names();
        let in_the_way = forge.in_the_way(&names.tag, (&names.name, &names.version))?;
        // A run whose journal is lost continues with what it made.
        if let Some(there) = in_the_way.filter(|_| !release.is_rebuilt()) {
            let help = match address.kind {
                ForgeKind::Gitlab => "delete it, or choose another version",
                _ => "publish or delete it by hand, or choose another version",
            };
            findings.push(Finding::error(format!("{there}, on {}", address.host)).help(help));
        } else if let Some(draft) =
            forge.standing_draft(&names.tag, &names.version)?.filter(|_| !release.is_rebuilt())
        {
            let message =
                format!("the release takes over the draft that {} has for it: {}", address.host, draft.url);
            findings.push(Finding::note(message));
        }
        Ok(findings)
    }

    fn check_credentials(&self, release: &Release) -> Result<Vec<Finding>> {
        let (_, address) = self.0.place(release)?;
        Shared::token(release, &address).map(|_| Vec::new())
    }

    fn preflight_of_prepared(&self, release: &Release) -> Result<Vec<Finding>> {
        let (_, address) = self.0.place(release)?;
        let token = Shared::token(release, &address)?;
        let forge = Forge::new(&address, &token, &release.checkout.environment, &|_| {})?;
        // An earlier attempt may have drafted or published it.
        match forge.published(&release.names().tag)? {
            Some(_) => Ok(Vec::new()),
            None => Ok(self.0.powerless_token(release, &forge, &token)?.into_iter().collect()),
        }
    }

    fn run(&self, release: &Release, effects: &mut Effects<'_>) -> Result<Outputs> {
        let (_, address) = self.0.place(release)?;
        if !effects.is_live() {
            self.plan(release, &address, effects)?;
            return Ok(Outputs::default());
        }
        let token = Shared::token(release, &address)?;
        let tag = &release.names().tag;
        let there = on_forge((release, effects), (&address, &token), |forge| forge.published(tag))?;
        if let Some(there) = there.filter(|there| !there.has(&mark_of(release))) {
            let message = format!("release {tag} of {address} is published already: {}", there.url);
            // An earlier attempt may have published it before a job was run again.
            if release.is_rebuilt() || release.is_imported() {
                effects.skip(&message)?;
                return Ok(Outputs::default());
            }
            return Err(Error::failed(message).help("somebody else has made it; it was not changed"));
        }
        if self.0.is_direct(release) {
            effects.skip(NO_DRAFT)?;
            return Ok(Outputs::default());
        }
        let files = self.0.assets(release, effects)?;
        let links = match address.kind.has_drafts() {
            true => vec![self.create(release, (&address, &token), &files, effects)?],
            false => {
                self.package(release, (&address, &token), &files, effects)?;
                Vec::new()
            }
        };
        // Where the draft stays one, its URL is what to look at; else it is gone when the release is out.
        let links = if self.0.settings.draft { links } else { Vec::new() };
        Ok(Outputs { links, ..Outputs::default() })
    }
}
