//! Checks every distribution by PyPI's rules, before any index sees it.

mod attestations;
mod files;
mod known;
mod tracked;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Config, nearest};
use crate::engine::prelude::*;
use crate::finding::Severity;
use crate::python::verdict::{Expected, Group, Policy, Report};

pub use attestations::verify_attestations;
pub use files::{distributions_in, judge_files};
pub use known::known_or;
pub use tracked::tracked_at;
use tracked::tracked_by;

/// Check the distributions by PyPI's rules
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Settings {
    /// The rules to silence, by their names in `pyrelease check --list-rules`; a rule that PyPI enforces still warns
    allow: Vec<String>,
    /// Whether warnings count as errors
    strict: bool,
}

struct Check {
    policy: Policy,
}

pub(super) fn make(config: &Config, name: &str) -> Result<Box<dyn Stage>> {
    Ok(Box::new(Check { policy: policy(config, name, false)? }))
}

/// The policy in a stage's settings.
///
/// # Errors
/// A setting is wrong, or there is no such rule.
pub fn policy(config: &Config, stage: &str, strict: bool) -> Result<Policy> {
    let settings = config.settings::<Settings>(stage)?;
    let policy = Policy::new(&settings.allow, strict || settings.strict).map_err(|unknown| {
        let help = match nearest(&unknown.name, unknown.known.iter().copied()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => "run `pyrelease check --list-rules` to list them".to_owned(),
        };
        let span = config.stage_key(stage, "allow").flatten();
        config.error(&format!("{unknown} of [stage.{stage}]"), span, Some(&help))
    })?;
    Ok(policy.with_old_classifiers(files::classifiers_are_old()))
}

impl Stage for Check {
    fn name(&self) -> &str {
        "check"
    }

    fn reach(&self) -> Reach {
        Reach::Private
    }

    fn flow(&self) -> Flow {
        Flow { needs: vec![Product::Distributions], ..Flow::default() }
    }

    fn preflight(&self, _: &Release) -> Result<Vec<Finding>> {
        Ok(Vec::new())
    }

    fn run(&self, release: &Release, effects: &mut Effects<'_>) -> Result<Outputs> {
        let action = Action::Check { what: "every distribution by PyPI's rules".to_owned() };
        let judged = effects.private(action, |bench| {
            let distributions = &release.outputs.distributions;
            distributions.iter().try_for_each(|file| release.checkout.hashes.verify(file))?;
            let paths: Vec<_> = distributions.iter().map(|distribution| distribution.path.clone()).collect();
            let target = &release.target;
            let expected = expected(&target.project.name, &target.names.version)?;
            let environment = &release.checkout.environment;
            let checkout = &release.checkout;
            let tracked = tracked_by(&checkout.repository, &checkout.prefix, checkout, &target.project, None);
            judge_files(&paths, Some(&expected), Some(tracked), &self.policy, environment, &|message| {
                bench.say(message)
            })
            .map(|report| sorted(&report, bench))
        })?;
        let (number, errors) = judged.unwrap_or_default();
        match errors.as_slice() {
            [] => Ok(Outputs::default()),
            [only] => Err(Error::refused(only.clone())),
            several => Err(Error::refused(format!(
                "the distributions have {number} errors:\n  {}",
                several.join("\n  ")
            ))),
        }
    }
}

fn expected(name: &str, version: &str) -> Result<Expected> {
    let version = version.parse().map_err(|error| {
        Error::failed(format!("`{version}` is not a valid version")).because(format!("{error}"))
    })?;
    Ok(Expected { name: name.to_owned(), version })
}

/// Reports the warnings, and returns the errors with their number.
fn sorted(report: &Report, bench: &Workbench<'_>) -> (usize, Vec<String>) {
    let mut errors = Vec::new();
    for finding in as_findings(report) {
        let Finding { severity, message, help, .. } = finding;
        match (severity, help) {
            (Severity::Error, Some(help)) => errors.push(format!("{message}; {help}")),
            (Severity::Error, None) => errors.push(message),
            (_, help) => bench.warn(&message, help.as_deref()),
        }
    }
    (report.errors(), errors)
}

/// Turns a report into findings.
pub fn as_findings(report: &Report) -> Vec<Finding> {
    report.groups().iter().map(Group::finding).collect()
}
