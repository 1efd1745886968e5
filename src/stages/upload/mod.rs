//! Uploads the distributions to an index: any stage named like an index does this.

mod attest;
mod awaited;
mod credentials;
mod install;
mod look;
mod newer;
mod prepared;
mod rehearsal;
mod send;
mod standalone;
mod verify;

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Attestations, Config, IndexKind, IndexSettings};
use crate::engine::prelude::*;
use crate::error::ErrorKind;
use crate::finding::Severity;
use crate::index::{IndexAddress, IndexClient, Submission};
use crate::python::distribution::Distribution;

pub use credentials::check_credentials;
pub use install::{Installer, TrialByName};
pub use newer::newer_releases;
pub use standalone::{StandaloneUpload, Verification, address_of};

/// How many wheels are uploaded in parallel by default: with more, PyPI's database deadlocks
pub const CONNECTIONS: usize = 2;
/// The limit: recovery must check every upload that was in flight, and indexes limit their clients
pub const MOST_CONNECTIONS: usize = 32;

/// Upload the distributions to the index of the stage's name
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Settings {
    /// How many wheels to upload in parallel, 1 to 32. The first file goes alone, and the sdist after all wheels
    connections: usize,
    /// Whether to wait until the index lists every file with its hash, and to compare one that it serves with what
    /// was sent
    verify: bool,
    /// Whether to install the release from the index into a fresh environment
    install: bool,
    /// As which version to rehearse: `exact`, which goes on as `dev` where the index has other bytes under the files' names; or
    /// `dev` for X.Y.Z.devN
    version: RehearsalVersion,
    /// A command to test the installed release with, such as `python -c 'import demo'`
    smoke: Option<String>,
    /// Whether to wait on a terminal, after the upload, until you have looked at it and say yes. A no before the release is
    /// public undoes it. Without a terminal and with `--yes` nothing waits
    pause: bool,
    /// Who builds and uploads the files: `pyrelease`, or `workflow` for a CI workflow that the push starts, or the release on
    /// the forge. Then this stage waits until the index lists the release, and compares it with what was built here
    by: By,
    /// With `by = "workflow"`: how long to wait for it, such as `1h` or `90m`
    wait: Option<String>,
    /// With `by = "workflow"`: how long the index must list no further file before missing ones count as missing
    settle: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connections: CONNECTIONS,
            verify: false,
            install: false,
            version: RehearsalVersion::Exact,
            smoke: None,
            pause: false,
            by: By::Pyrelease,
            wait: None,
            settle: None,
        }
    }
}

/// Who builds and uploads the files
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum By {
    /// This stage, those that were built and checked
    Pyrelease,
    /// A CI workflow that the push starts, or the release on the forge
    Workflow,
}

/// The version under which a release is rehearsed
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum RehearsalVersion {
    /// The release's own, with the very bytes that will be published, as long as an index has none that differ
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
    /// How to rehearse under a version of its own, where that may come to be
    rehearsal: Option<rehearsal::Rehearsal>,
    index: IndexSettings,
    settings: Settings,
    /// A file that the index served, and its version: what is installed when every member of a workspace is there
    fetched: Mutex<Option<(PathBuf, String)>>,
}

pub(super) fn make(config: &Config, name: &str) -> Result<Box<dyn Stage>> {
    let settings: Settings = config.settings(name)?;
    if settings.smoke.is_some() && !settings.install {
        let span = config.stage_key(name, "smoke").flatten();
        return Err(config.error(
            "`smoke` requires `install`",
            span,
            Some("add `install = true`: the command runs after the installation"),
        ));
    }
    if let Some(smoke) = &settings.smoke
        && shlex::split(smoke).is_none_or(|words| words.is_empty())
    {
        let span = config.stage_key(name, "smoke").flatten();
        return Err(config.error(
            "`smoke` is not a valid command: a quote is not closed, or it is empty",
            span,
            None,
        ));
    }
    if settings.by == By::Workflow {
        return awaited::make(config, name, settings);
    }
    if let Some(key) = ["wait", "settle"].into_iter().find(|key| config.stage_key(name, key).is_some()) {
        let help = "add `by = \"workflow\"` if a workflow publishes the release";
        let span = config.stage_key(name, key).flatten();
        return Err(config.error(&format!("`{key}` requires `by = \"workflow\"`"), span, Some(help)));
    }
    if !(1..=MOST_CONNECTIONS).contains(&settings.connections) {
        let span = config.stage_key(name, "connections").flatten();
        let message = format!("`connections` must be 1 to {MOST_CONNECTIONS}, not {}", settings.connections);
        return Err(config.error(&message, span, None));
    }
    let index = config.indexes()[name].clone();
    if settings.version == RehearsalVersion::Dev && index.kind != IndexKind::Rehearsal {
        let span = config.stage_key(name, "version").flatten();
        let help = "only a rehearsal can be of another version; what is public is the release itself";
        return Err(config.error(&format!("`{name}` is not an index for rehearsals"), span, Some(help)));
    }
    // What a stage of the user's own builds, nobody else can build under another version.
    let builds = config.stages().iter().any(|stage| stage.value == "build");
    let may_be_own =
        settings.version == RehearsalVersion::Dev || (builds && index.kind == IndexKind::Rehearsal);
    let rehearsal = if may_be_own { Some(rehearsal::Rehearsal::new(config)?) } else { None };
    // Check the URLs here, so that an invalid one is reported before anything else.
    let stage = Upload { name: name.to_owned(), rehearsal, index, settings, fetched: Mutex::default() };
    stage.address()?;
    Ok(Box::new(stage))
}

impl Upload {
    fn address(&self) -> Result<IndexAddress> {
        address_of(&self.name, &self.index)
    }

    fn client(&self, release: &Release) -> Result<IndexClient> {
        let project = Some(release.target.project.name.as_str());
        IndexClient::connect(&release.checkout.environment, self.address()?, project)
    }

    fn fetched(&self) -> MutexGuard<'_, Option<(PathBuf, String)>> {
        self.fetched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The comparison after the upload, for the plan.
    fn plan_verification(&self, effects: &mut Effects<'_>) -> Result<()> {
        if self.settings.verify || self.settings.install {
            let what = format!("that {} lists every file and serves the uploaded bytes", self.name);
            effects.announce(Action::Check { what })?;
        }
        Ok(())
    }

    /// The trial after the upload, for the plan.
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
}

/// The result of a trial. For a public release a failure is only reported, because trying again changes nothing.
fn judge_trial(
    (index, reach): (&str, Reach),
    tried: Result<()>,
    effects: &Effects<'_>,
) -> Result<Option<String>> {
    match tried {
        Err(error) if reach == Reach::Public && error.kind() != ErrorKind::Interrupted => {
            let reason = format!("its trial on `{index}` failed: {}", error.chain());
            effects.warn(&reason, error.hints().first().map(String::as_str));
            Ok(Some(reason))
        }
        tried => tried.map(|()| None),
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

    fn flow(&self) -> Flow {
        let distributions = vec![Product::Distributions];
        match self.rehearsal {
            None => Flow { needs: distributions, ..Flow::default() },
            // It builds its own.
            Some(_) => Flow { uses: distributions, ..Flow::default() },
        }
    }

    fn destination(&self) -> Option<Destination> {
        Some(Destination {
            index: self.name.clone(),
            url: self.index.upload.clone(),
            simple: self.index.simple.clone(),
            reach: self.reach(),
            exact: self.settings.version == RehearsalVersion::Exact,
            by_workflow: false,
        })
    }

    fn preflight(&self, release: &Release) -> Result<Vec<Finding>> {
        let client = self.client(release)?;
        let project = &release.target.project.name;
        let environment = &release.checkout.environment;
        let mut findings = check_credentials(&client, environment, project);
        findings.extend(self.check_signing(&client, environment));
        if let Some(note) = release.not_asked(&self.name) {
            findings.push(note);
            return Ok(findings);
        }
        if client.new_host(environment)?.is_some() {
            return Ok(findings);
        }
        if let Some(refusal) = prepared::refusal_beforehand(&client, release) {
            // It says more than that there are no credentials.
            findings.retain(|finding| finding.severity < Severity::Warning);
            findings.push(refusal);
        }
        // An index that cannot be reached must not hide problems with the credentials.
        findings.extend(self.taken(&client, release).unwrap_or_else(|error| vec![error.into()]));
        Ok(findings)
    }

    fn check_credentials(&self, release: &Release) -> Result<Vec<Finding>> {
        let project = &release.target.project.name;
        Ok(check_credentials(&self.client(release)?, &release.checkout.environment, project))
    }

    fn preflight_of_prepared(&self, release: &Release) -> Result<Vec<Finding>> {
        self.obstacles(release)
    }

    fn probe(&self, release: &Release) -> Result<Vec<Finding>> {
        let client = self.client(release)?;
        // A rehearsal under another version has files of its own, which are not built yet.
        if release.is_rebuilt() || self.own_rehearsal(&client, release).is_some() {
            return Ok(Vec::new());
        }
        let hashes = &release.checkout.hashes;
        let read = |file| Submission::read(file, hashes);
        let submissions = release.outputs.distributions.iter().map(read).collect::<Result<Vec<_>>>()?;
        Ok(look::probe(&client, &submissions))
    }

    fn pauses(&self) -> bool {
        self.settings.pause
    }

    fn run(&self, release: &Release, effects: &mut Effects<'_>) -> Result<Outputs> {
        let IndexSettings { upload, simple, origins: [url_from, simple_from], .. } = self.index.clone();
        let index = self.name.clone();
        let announce = |version, otherwise| Action::Upload {
            index,
            url: upload,
            url_from,
            simple,
            simple_from,
            version,
            otherwise,
        };
        if !effects.is_live() {
            // Looking for credentials can take time, and only a job has an identity to sign with.
            let may_attest =
                self.index.attestations != Attestations::Off && release.checkout.environment.is_ci();
            if may_attest && self.will_attest(&self.client(release)?) {
                effects
                    .announce(Action::Attest { optional: self.index.attestations == Attestations::Auto })?;
            }
            let own = self.rehearsal.as_ref().map(|_| format!("{}.devN", release.names().version));
            effects.announce(match self.settings.version {
                RehearsalVersion::Dev => announce(own, None),
                RehearsalVersion::Exact => announce(None, own),
            })?;
            self.plan_verification(effects)?;
            return Ok(Outputs::default());
        }
        if release.is_rebuilt() && self.index.kind == IndexKind::Rehearsal {
            effects.skip("the release is public in part: there is nothing left to rehearse")?;
            return Ok(Outputs::default());
        }
        let client = self.client(release)?;
        let batch = match self.own_rehearsal(&client, release) {
            None => Batch {
                version: release.names().version.clone(),
                distributions: release.outputs.distributions.clone(),
            },
            Some((rehearsal, why)) => {
                if let Some(why) = why {
                    effects.warn(&why, Some("what is tried there are not the bytes that are published"));
                }
                rehearsal.prepare(&client, release, effects)?
            }
        };
        let own = (batch.version != release.names().version).then(|| batch.version.clone());
        self.attest(&client, &batch, release, effects)?;
        effects.announce(announce(own, None))?;
        send::send(self, &client, &batch, release, effects)?;
        if self.settings.verify || self.settings.install {
            let fetched = verify::verify(&client, &batch, release, self.reach(), effects)?;
            *self.fetched() = fetched.map(|file| (file, batch.version.clone()));
        } else {
            verify::compare(&client, &batch, release, self.reach(), effects)?;
        }
        let page = client.address().view_url(&release.names().name, &batch.version);
        Ok(Outputs { links: page.into_iter().collect(), ..Outputs::default() })
    }

    fn conclude(&self, release: &Release, effects: &mut Effects<'_>) -> Result<Outputs> {
        if !effects.is_live() {
            return self.plan_trial(effects);
        }
        let fetched = self.fetched().take().filter(|_| self.settings.install);
        let Some((file, version)) = fetched else { return Ok(Outputs::default()) };
        let smoke = self.settings.smoke.as_deref();
        let tried = install::try_out(smoke, &self.name, (&file, &version), release, effects);
        let failed_trial = judge_trial((&self.name, self.reach()), tried, effects)?;
        Ok(Outputs { failed_trial, ..Outputs::default() })
    }
}
