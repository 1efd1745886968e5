//! Opens every distribution and judges it as PyPI would, before any index sees it.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::Config;
use crate::engine::prelude::*;
use crate::python::verdict::{
    ContentType, Expected, Finding as Verdict, Judgement, Place, Severity, does_not_render, judge,
    judge_release,
};
use crate::world::tools::ToolEnvironment;
use crate::world::verify;

/// Judge the distributions as PyPI would
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Check {}

pub(super) fn make(config: &Config, name: &str) -> Result<Box<dyn Stage>> {
    Ok(Box::new(config.settings::<Check>(name)?))
}

impl Stage for Check {
    fn name(&self) -> &str {
        "check"
    }

    fn reach(&self) -> Reach {
        Reach::Private
    }

    fn preflight(&self, _: &Release) -> Result<Vec<Finding>> {
        Ok(Vec::new())
    }

    fn run(&self, release: &Release, effects: &mut Effects<'_>) -> Result<Outputs> {
        let action = Action::Check { what: "every distribution by PyPI's rules".to_owned() };
        let judged = effects.private(action, |bench| {
            let judgements = judge_all(release)?;
            let mut errors = Vec::new();
            for judgement in &judgements {
                sort(&judgement.file, &judgement.findings, bench, &mut errors);
            }
            let target = &release.target;
            let expected = expected(&target.project.name, &target.names.version)?;
            sort("the release", &judge_release(&judgements, Some(&expected)), bench, &mut errors);
            sort("the description", &render(release, &judgements, bench)?, bench, &mut errors);
            Ok(errors)
        })?;
        match judged.unwrap_or_default().as_slice() {
            [] => Ok(Outputs::default()),
            [only] => Err(Error::refused(only.clone())),
            several => Err(Error::refused(format!(
                "{} things are wrong with the distributions:\n  {}",
                several.len(),
                several.join("\n  ")
            ))),
        }
    }
}

fn judge_all(release: &Release) -> Result<Vec<Judgement>> {
    let judge_one = |distribution: &crate::python::distribution::Distribution| {
        verify(distribution)?;
        let mut file = fs_err::File::open(&distribution.path)?;
        Ok(judge(&mut file, &distribution.filename, distribution.size))
    };
    match release.outputs.distributions.as_slice() {
        [] => Err(Error::failed("there are no distributions to check").help("put `build` before `check`")),
        distributions => distributions.iter().map(judge_one).collect(),
    }
}

fn expected(name: &str, version: &str) -> Result<Expected> {
    let version = version
        .parse()
        .map_err(|error| Error::failed(format!("`{version}` is no version")).because(format!("{error}")))?;
    Ok(Expected { name: name.to_owned(), version })
}

/// Warns of what is a warning, and keeps what is an error.
fn sort(file: &str, findings: &[Verdict], bench: &Workbench<'_>, errors: &mut Vec<String>) {
    for finding in findings {
        let mut text = format!("`{file}`: {}", finding.message);
        match &finding.place {
            Some(Place::Member { member }) => text.push_str(&format!(" ({member})")),
            Some(Place::Line { member, line, text: shown }) => {
                text.push_str(&format!(" ({member}:{line}: {shown})"))
            }
            None => {}
        }
        text.push_str(&format!(" [{}]", finding.rule));
        match finding.severity {
            Severity::Warning => bench.warn(&text, finding.help.as_deref()),
            Severity::Error => {
                if let Some(help) = &finding.help {
                    text.push_str(&format!("; {help}"));
                }
                errors.push(text);
            }
        }
    }
}

/// Renders every distinct description in reStructuredText as PyPI does.
fn render(release: &Release, judgements: &[Judgement], bench: &Workbench<'_>) -> Result<Vec<Verdict>> {
    let mut texts: Vec<&str> = Vec::new();
    for description in judgements.iter().filter_map(|judgement| judgement.description.as_ref()) {
        if description.content_type == ContentType::Restructured
            && !texts.contains(&description.text.as_str())
        {
            texts.push(&description.text);
        }
    }
    if texts.is_empty() {
        return Ok(Vec::new());
    }
    let tools = ToolEnvironment::ensure(&release.workspace.environment, &|message| bench.say(message))?;
    let rendered = tools.render_rst(&texts)?;
    Ok(rendered.into_iter().filter_map(Result::err).map(|said| does_not_render(&said)).collect())
}
