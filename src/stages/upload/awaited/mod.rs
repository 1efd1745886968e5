//! Waits for a workflow that publishes, and compares what it published with what was built and checked here.
//!
//! The push, or the release of the forge, is what publishes: this stage only observes, needs no credentials, and may be
//! repeated.

mod compare;
mod start;
mod wait;

use std::time::Duration;

use jiff::SignedDuration;

use super::{Settings, address_of, install, judge_trial, look};
use crate::config::{Config, IndexKind, IndexSettings};
use crate::engine::prelude::*;
use crate::index::IndexClient;
use crate::stages::forge_release;
use crate::stages::push::Push;
use crate::stages::workflows::{self, RemoteHosts};

const WAIT: &str = "1h";
const SETTLE: &str = "5m";
/// The longest time that can be set
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// Wait until the index lists what a workflow publishes, and compare it with what was built here
struct Awaited {
    name: String,
    index: IndexSettings,
    install: bool,
    smoke: Option<String>,
    pause: bool,
    /// As configured
    limit: String,
    times: wait::Times,
    push: Push,
    waits_for: workflows::Awaited,
    /// Whether a stage of the user's comes between the push and this one: it may start the workflow, too
    has_own_stage: bool,
}

/// Builds the stage; `settings` are valid for any stage of an index.
pub(super) fn make(config: &Config, name: &str, settings: Settings) -> Result<Box<dyn Stage>> {
    let unsuitable = ["connections", "verify", "version"];
    if let Some(key) = unsuitable.into_iter().find(|key| config.stage_key(name, key).is_some()) {
        let help = "the stage uploads nothing: remove it";
        let span = config.stage_key(name, key).flatten();
        return Err(config.error(
            &format!("`{key}` has no effect with `by = \"workflow\"`"),
            span,
            Some(help),
        ));
    }
    let span = || config.stage_key(name, "by").flatten();
    let position = |stage: &str| config.stages().iter().position(|listed| listed.value == stage);
    if position("push").is_none_or(|push| Some(push) > position(name)) {
        let message = format!("`{name}` waits for a workflow that no earlier stage starts");
        let help = format!("add `push` to `stages` before `{name}`: the push starts the workflow");
        return Err(config.error(&message, span(), Some(&help)));
    }
    let index = config.indexes()[name].clone();
    let forge = position(forge_release::NAME).filter(|_| index.kind == IndexKind::Public);
    if let Some(forge) = forge.filter(|forge| Some(*forge) > position(name)) {
        let message = format!("`{}` comes after `{name}`, which waits for a workflow", forge_release::NAME);
        let help = format!(
            "move \"{}\" before \"{name}\" in `stages`: the release on the forge may start the workflow",
            forge_release::NAME
        );
        return Err(config.error(&message, config.stages()[forge].span.clone(), Some(&help)));
    }
    if index.simple.is_none() {
        let help = format!("add `simple` to [index.{name}], the URL where the index lists files");
        return Err(config.error("`by = \"workflow\"` requires `simple`", span(), Some(&help)));
    }
    let time = |key: &str, text: Option<String>, default: &str| -> Result<(String, Duration)> {
        let text = text.unwrap_or_else(|| default.to_owned());
        let parsed = text.parse::<SignedDuration>().ok().and_then(|time| Duration::try_from(time).ok());
        match parsed.filter(|time| !time.is_zero() && *time <= LONGEST) {
            Some(time) => Ok((text, time)),
            None => {
                let span = config.stage_key(name, key).flatten();
                let message =
                    format!("`{key}` must be a time of at most 30 days, not `{}`", text.escape_debug());
                Err(config.error(&message, span, Some("write it as \"90m\", \"1h\" or \"1h 30m\"")))
            }
        }
    };
    let Settings { install, smoke, pause, wait, settle, .. } = settings;
    let (limit, most) = time("wait", wait, WAIT)?;
    let (_, settle) = time("settle", settle, SETTLE)?;
    let times = wait::Times { limit: most, settle };
    let between = config.stages().iter().skip_while(|stage| stage.value != "push");
    let mut between = between.take_while(|stage| stage.value != name).map(|stage| stage.value.as_str());
    let is_own = |stage: &str| ["run", "plugin"].iter().any(|key| config.stage_key(stage, key).is_some());
    let stage = Awaited {
        name: name.to_owned(),
        index,
        install,
        smoke,
        pause,
        limit,
        times,
        push: config.settings("push")?,
        waits_for: workflows::Awaited::of(config, name)?,
        has_own_stage: between.any(is_own),
    };
    address_of(&stage.name, &stage.index)?;
    Ok(Box::new(stage))
}

impl Awaited {
    fn client(&self, release: &Release) -> Result<IndexClient> {
        let address = address_of(&self.name, &self.index)?;
        IndexClient::connect_to_read(&release.checkout.environment, address, &release.target.project.name)
    }

    fn is_public(&self) -> bool {
        self.index.kind == IndexKind::Public
    }

    /// What the index has that bars the release.
    fn taken(&self, release: &Release) -> Result<Vec<Finding>> {
        let client = self.client(release)?;
        let (project, version) = (&release.target.project.name, &release.target.version);
        let Some(listing) = look::listing(&client, project)? else { return Ok(Vec::new()) };
        let there = wait::of_version(&listing.files, &version.to_string());
        let mut findings = look::limits(&client, &listing, project, &version.to_string(), 0);
        if there.is_empty() {
            findings
                .extend(look::superseded(&client, &listing, project, version).filter(|_| self.is_public()));
            return Ok(findings);
        }
        let names: Vec<&str> = there.iter().map(|file| file.filename.as_str()).collect();
        let message = format!("`{}` has {project} {version} already: {}", self.name, names.join(", "));
        let help = "an index takes a version once, whatever became of its tag: choose another version";
        findings.push(Finding::error(message).help(help));
        Ok(findings)
    }

    /// The error that the time is over; a resumed run waits again.
    fn out_of_time(&self, release: &Release, why: &str) -> Error {
        let (names, index) = (release.names(), &self.name);
        let message = format!(
            "{} {} is not complete on `{index}` after {}: {why}",
            names.name, names.version, self.limit
        );
        let repository = &release.checkout.repository;
        let hosts =
            self.push.remote(release).ok().flatten().map(|remote| RemoteHosts::of(repository, &remote));
        let workflow = self.waits_for.start(release).map(|start| start.workflow);
        let page = workflow.as_ref().and_then(|workflow| hosts?.page(workflow));
        let what = match (page, workflow) {
            (Some(page), _) => format!("the workflow's runs: {page}"),
            (None, Some(workflow)) => format!("look at the runs of `{}`", workflow.workflow),
            (None, None) => "look at the runs of the workflow that publishes".to_owned(),
        };
        let error = Error::left(message)
            .help(what)
            .help("run the workflow again if it failed; `pyrelease resume` waits for it again");
        match release.outputs.distributions.first().and_then(|file| file.path.parent()) {
            Some(folder) => error.help(format!(
                "if it cannot publish, `pyrelease upload {}/* --index {index}` uploads the files that were checked here",
                folder.display()
            )),
            None => error,
        }
    }

    /// The trial installation of what is published.
    fn try_out(
        &self,
        file: &std::path::Path,
        release: &Release,
        effects: &mut Effects<'_>,
    ) -> Result<Option<String>> {
        let version = release.names().version.as_str();
        let tried = install::try_out(self.smoke.as_deref(), &self.name, (file, version), release, effects);
        judge_trial((&self.name, self.reach()), tried, effects)
    }
}

impl Stage for Awaited {
    fn name(&self) -> &str {
        &self.name
    }

    /// It comes after the push. What it sees on an index for rehearsals can still be undone.
    fn reach(&self) -> Reach {
        if self.is_public() { Reach::Public } else { Reach::Repository }
    }

    fn flow(&self) -> Flow {
        Flow { needs: vec![Product::Distributions], ..Flow::default() }
    }

    fn destination(&self) -> Option<Destination> {
        Some(Destination {
            index: self.name.clone(),
            url: self.index.upload.clone(),
            simple: self.index.simple.clone(),
            reach: if self.is_public() { Reach::Public } else { Reach::Rehearsal },
            exact: true,
            by_workflow: true,
        })
    }

    fn preflight(&self, release: &Release) -> Result<Vec<Finding>> {
        if self.push.remote(release)?.is_none() {
            let message = "the repository has no remote, so no push starts the workflow that publishes";
            let help = format!("add a remote, or remove `by` from [stage.{}] to upload from here", self.name);
            return Ok(vec![Finding::error(message).help(help)]);
        }
        let mut findings = vec![self.start(release)];
        match release.not_asked(&self.name) {
            Some(note) => findings.push(note),
            None => findings.extend(self.taken(release).unwrap_or_else(|error| vec![error.into()])),
        }
        Ok(findings)
    }

    fn preflight_of_prepared(&self, release: &Release) -> Result<Vec<Finding>> {
        look::listing(&self.client(release)?, &release.target.project.name).map(|_| Vec::new())
    }

    fn pauses(&self) -> bool {
        self.pause
    }

    fn run(&self, release: &Release, effects: &mut Effects<'_>) -> Result<Outputs> {
        let IndexSettings { simple, origins: [_, simple_from], .. } = self.index.clone();
        let limit = self.limit.clone();
        effects.announce(Action::Await { index: self.name.clone(), simple, simple_from, limit })?;
        if !effects.is_live() {
            effects.announce(compare::action(&self.name))?;
            if self.install {
                let what = format!("the release as installed from {}", self.name);
                effects.announce(Action::Check { what })?;
            }
            if let Some(smoke) = &self.smoke {
                effects.announce(Action::Command { command: vec![smoke.clone()] })?;
            }
            return Ok(Outputs::default());
        }
        let client = self.client(release)?;
        let listed = match wait::wait(&client, release, self.times, effects)? {
            wait::Awaiting::Settled(files) => files,
            wait::Awaiting::OutOfTime(why) => return Err(self.out_of_time(release, &why)),
        };
        let published = compare::Published::new(&client, listed, effects)?;
        let differences = published.differences(release, effects)?;
        for difference in &differences {
            effects.warn(&difference.text, None);
        }
        let serious = differences.iter().filter(|difference| difference.is_serious);
        let serious: Vec<&str> = serious.map(|difference| difference.text.as_str()).collect();
        let serious = (!serious.is_empty()).then(|| {
            format!(
                "`{}` has something else than was built and checked here: {}",
                self.name,
                serious.join("; ")
            )
        });
        let mut failed_trial = match serious {
            Some(reason) if !self.is_public() => {
                return Err(Error::failed(reason).help("compare the workflow's build with yours"));
            }
            serious => serious,
        };
        if self.install
            && let Some(file) = published.installable(effects)?
        {
            failed_trial = self.try_out(&file, release, effects)?.or(failed_trial);
        }
        let page = client.address().view_url(&release.names().name, &release.names().version);
        Ok(Outputs { links: page.into_iter().collect(), failed_trial, ..Outputs::default() })
    }
}
