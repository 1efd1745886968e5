//! Uploads the distributions to an index: any stage named like an index does this.

mod install;
mod rehearsal;
mod sign_in;

use std::cell::Cell;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Config, IndexKind, IndexSettings};
use crate::engine::prelude::*;
use crate::index::{IndexAddress, IndexClient, Put, Standing, UploadError};
use crate::python::distribution::Distribution;
use crate::python::filename::Filename;
use crate::world::verify;

pub use sign_in::sign_in;

/// How often a file is sent whose fate is not known, the index having been asked in between
const ATTEMPTS: u32 = 3;

/// Upload the distributions to the index of the stage's name
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Settings {
    /// Whether to install the release from the index into a fresh environment, the very bytes that were uploaded
    install: bool,
    /// As which version to rehearse: `exact`, or `dev` for X.Y.Z.devN, because an index takes a version once
    version: As,
    /// A command to try the installed release with, such as `python -c 'import demo'`
    smoke: Option<String>,
}

/// The version under which a release is rehearsed
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum As {
    /// The release's own, with the very bytes that will be published
    #[default]
    Exact,
    /// A development release of it, built for the rehearsal
    Dev,
}

/// What is uploaded: distributions of one version
struct Batch {
    version: String,
    distributions: Vec<Distribution>,
}

struct Upload {
    name: String,
    rehearsal: Option<rehearsal::Rehearsal>,
    index: IndexSettings,
    settings: Settings,
}

pub(super) fn make(config: &Config, name: &str) -> Result<Box<dyn Stage>> {
    let settings: Settings = config.settings(name)?;
    if settings.smoke.is_some() && !settings.install {
        let span = config.stage_key(name, "smoke").flatten();
        return Err(config.error(
            "`smoke` without `install`",
            span,
            Some("add `install = true`: it is tried after the installation"),
        ));
    }
    if let Some(smoke) = &settings.smoke
        && shlex::split(smoke).is_none_or(|words| words.is_empty())
    {
        let span = config.stage_key(name, "smoke").flatten();
        return Err(config.error(
            "`smoke` is not a command: a quote is not closed, or it is empty",
            span,
            None,
        ));
    }
    let index = config.indexes()[name].clone();
    if settings.version == As::Dev && index.kind != IndexKind::Rehearsal {
        let span = config.stage_key(name, "version").flatten();
        let help = "only a rehearsal can be of another version; what is public is the release itself";
        return Err(config.error(&format!("`{name}` is not an index for rehearsals"), span, Some(help)));
    }
    let rehearsal = match settings.version {
        As::Exact => None,
        As::Dev => Some(rehearsal::Rehearsal::new(config)?),
    };
    // Addresses are checked here, so that a wrong one is an error before anything else is asked.
    let stage = Upload { name: name.to_owned(), rehearsal, index, settings };
    stage.address()?;
    Ok(Box::new(stage))
}

impl Upload {
    fn address(&self) -> Result<IndexAddress> {
        let index = &self.index;
        let address =
            IndexAddress::new(&self.name, &index.upload, index.simple.as_deref(), index.view.as_deref())?;
        Ok(address.with_trusted_publishing(index.trusted_publishing))
    }

    fn client(&self, release: &Release) -> Result<IndexClient> {
        let project = Some(release.target.project.name.as_str());
        IndexClient::connect(&release.workspace.environment, self.address()?, project)
    }

    /// What the index has that bars the release.
    fn taken(&self, client: &IndexClient, release: &Release) -> Result<Vec<Finding>> {
        if client.address().simple.is_none() {
            let message = format!(
                "`{}` has no `simple` address: what it has already cannot be seen beforehand",
                self.name
            );
            return Ok(vec![
                Finding::warning(message).help(format!("add `simple` to [index.{}]", self.name)),
            ]);
        }
        let target = &release.target;
        let listing = client.listing(&target.project.name).map_err(|error| {
            Error::refused(format!("`{}` cannot be asked what it has", self.name)).because(error)
        })?;
        let Some(listing) = listing else { return Ok(Vec::new()) };
        let mut findings = Vec::new();
        if self.rehearsal.is_some() {
            return Ok(findings);
        }
        if let Some(status @ ("archived" | "quarantined")) = listing.status.as_deref() {
            findings
                .push(Finding::error(format!("`{}` is {status} on `{}`", target.project.name, self.name)));
        }
        let version = target.version.to_string();
        let there: Vec<&str> = listing
            .files
            .iter()
            .filter(|file| {
                file.filename.parse::<Filename>().is_ok_and(|name| name.version().to_string() == version)
            })
            .map(|file| file.filename.as_str())
            .collect();
        if !there.is_empty() {
            let message = format!(
                "`{}` has {} {version} already: {}",
                self.name,
                target.project.name,
                there.join(", ")
            );
            let mut help =
                "an index takes a version once, whatever became of its tag: choose another version"
                    .to_owned();
            if self.index.kind == IndexKind::Rehearsal {
                help.push_str(&format!(
                    ", or rehearse under one that is free: [stage.{}] version = \"dev\"",
                    self.name
                ));
            }
            findings.push(Finding::error(message).help(help));
        }
        Ok(findings)
    }

    /// Sends one file; where it is not known whether that worked, asks the index by hash before sending it again.
    fn send(
        &self,
        client: &IndexClient,
        project: &str,
        form: &Form,
        effects: &Effects<'_>,
    ) -> Result<String, Attempt> {
        let distribution = &form.distribution;
        let told = Cell::new(None);
        let progress = |done| {
            if told.replace(Some(done)) != Some(done) {
                effects.progress(&distribution.filename, done, distribution.size);
            }
            effects.check_interrupt().is_ok()
        };
        let mut attempt = 1;
        loop {
            let error = match client.put(distribution, &form.fields, &form.python_tag, &progress) {
                Ok(Put::Uploaded) => return Ok("uploaded".to_owned()),
                Ok(Put::AlreadyThere) => return Ok("there already, with the same sha256".to_owned()),
                Err(error) if error.is_ambiguous() => error,
                // The index has a file of that name and does not say which: after a doubtful attempt it may be ours.
                Err(error @ UploadError::Duplicate { theirs: None, .. }) if attempt > 1 => {
                    return Err(Attempt::InDoubt(self.refused(client, error)));
                }
                Err(error) => return Err(Attempt::NotDone(self.refused(client, error))),
            };
            // Interrupted or not: what the index says of it is worth knowing.
            let _ = effects.wait(Duration::from_secs(u64::from(attempt * attempt)));
            match client.standing(project, distribution) {
                Ok(Standing::Identical) => return Ok(format!("found there by its sha256, after: {error}")),
                Ok(Standing::Absent) if attempt < ATTEMPTS && effects.check_interrupt().is_ok() => {
                    attempt += 1
                }
                _ => return Err(Attempt::InDoubt(self.refused(client, error))),
            }
            effects.warn(&format!("{error}; it is not listed there, so it is sent again"), None);
        }
    }

    /// What is tried out after the upload, for the plan.
    fn plan_trial(&self, effects: &mut Effects<'_>) -> Result<Outputs> {
        if self.settings.install {
            effects
                .announce(Action::Check { what: format!("the release as installed from {}", self.name) })?;
        }
        if let Some(smoke) = &self.settings.smoke {
            effects.announce(Action::Command { command: vec![smoke.clone()] })?;
        }
        Ok(Outputs::default())
    }

    fn refused(&self, client: &IndexClient, error: UploadError) -> Error {
        let help = error.help();
        let unauthorised = matches!(error, UploadError::Refused { status: 401 | 403, .. });
        let mut converted = Error::failed(error.to_string());
        if let Some(source) = std::error::Error::source(&error) {
            converted = converted.because(source.to_string());
        }
        if let (true, Some(credentials)) = (unauthorised, client.credentials()) {
            converted = converted.help(format!("the credentials came from {}", credentials.source()));
        }
        help.into_iter().fold(converted, Error::help)
    }

    fn upload(
        &self,
        client: &IndexClient,
        batch: &Batch,
        release: &Release,
        effects: &mut Effects<'_>,
    ) -> Result<()> {
        let project = &release.target.project.name;
        // All are read before the first is sent: a broken one must not be found half-way.
        let forms = batch.distributions.iter().map(Form::read).collect::<Result<Vec<_>>>()?;
        for form in &forms {
            let effect = Effect::Upload {
                index: self.name.clone(),
                url: self.index.upload.clone(),
                simple: self.index.simple.clone(),
                reach: self.reach(),
                project: project.clone(),
                distribution: form.distribution.clone(),
            };
            effects.attempt(effect, |effects| self.send(client, project, form, effects))?;
            effects.note(&format!("{} is on {}", form.distribution.filename, self.name));
        }
        Ok(())
    }
}

impl Stage for Upload {
    fn name(&self) -> &str {
        &self.name
    }

    fn reach(&self) -> Reach {
        match self.index.kind {
            IndexKind::Rehearsal => Reach::Rehearsal,
            IndexKind::Public => Reach::Public,
        }
    }

    fn destination(&self) -> Option<Destination> {
        Some(Destination {
            index: self.name.clone(),
            url: self.index.upload.clone(),
            simple: self.index.simple.clone(),
            reach: self.reach(),
            exact: self.rehearsal.is_none(),
        })
    }

    fn preflight(&self, release: &Release) -> Result<Vec<Finding>> {
        let client = self.client(release)?;
        let project = &release.target.project.name;
        let mut findings = sign_in(&client, &release.workspace.environment, project);
        findings.extend(self.taken(&client, release)?);
        Ok(findings)
    }

    fn run(&self, release: &Release, effects: &mut Effects<'_>) -> Result<Outputs> {
        let url = self.index.upload.clone();
        let announce = |version| Action::Upload { index: self.name.clone(), url, version };
        if !effects.is_live() {
            effects.announce(announce(
                self.rehearsal.as_ref().map(|_| format!("{}.devN", release.names().version)),
            ))?;
            return self.plan_trial(effects);
        }
        if release.is_rebuilt() && self.index.kind == IndexKind::Rehearsal {
            effects.skip("the release is public in part: there is nothing left to rehearse")?;
            return Ok(Outputs::default());
        }
        let client = self.client(release)?;
        let batch = match &self.rehearsal {
            None => Batch {
                version: release.names().version.clone(),
                distributions: release.outputs.distributions.clone(),
            },
            Some(rehearsal) => rehearsal.prepare(&client, release, effects)?,
        };
        if batch.distributions.is_empty() {
            return Err(
                Error::failed("there are no distributions to upload").help("put `build` before this stage")
            );
        }
        effects.announce(announce(self.rehearsal.as_ref().map(|_| batch.version.clone())))?;
        self.upload(&client, &batch, release, effects)?;
        if self.settings.install {
            install::try_out(self.settings.smoke.as_deref(), &client, &batch, release, effects)?;
        }
        let page = client.address().view_url(&release.names().name, &batch.version);
        Ok(Outputs { links: page.into_iter().collect(), ..Outputs::default() })
    }
}

/// A distribution and what the upload form says of it
struct Form {
    distribution: Distribution,
    fields: Vec<(String, String)>,
    /// A wheel's Python tag, or `source`
    python_tag: String,
}

impl Form {
    /// Reads a distribution whose bytes are still those that were built.
    fn read(distribution: &Distribution) -> Result<Self> {
        verify(distribution)?;
        let broken =
            |error: String| Error::failed(format!("`{}` cannot be uploaded: {error}", distribution.filename));
        let filename: Filename = distribution
            .filename
            .parse()
            .map_err(|error: crate::python::filename::FilenameError| broken(error.to_string()))?;
        let mut file = fs_err::File::open(&distribution.path)?;
        let judgement = crate::python::verdict::judge(&mut file, &distribution.filename, distribution.size);
        let metadata =
            judgement.metadata().ok_or_else(|| broken("its metadata cannot be read".to_owned()))?;
        Ok(Self {
            distribution: distribution.clone(),
            fields: metadata.form_fields(),
            python_tag: filename.python_tag().to_owned(),
        })
    }
}
