//! `pyrelease check`: checks distributions against PyPI's rules, offline.

use std::path::PathBuf;

use super::objects::RuleData;
use crate::config::{Config, nearest};
use crate::engine::event::{Event, Listener};
use crate::error::{Error, ErrorKind, Result};
use crate::input::why_no_file;
use crate::ops::Context;
use crate::ops::locate;
use crate::python::verdict::{RULES, rule};
use crate::stages::{distributions_in, judge_files, policy, tracked_at, verify_attestations};
use crate::ui::{Format, annotations, check_text, data, object, rule_text, rules_text};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The distributions, checked as one release [default: those in `dist`]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Treat warnings as errors
    #[arg(long)]
    strict: bool,

    /// Explain a rule and its source
    #[arg(long, value_name = "RULE", conflicts_with_all = ["files", "strict"])]
    explain: Option<String>,

    /// List all rules
    #[arg(long, conflicts_with_all = ["files", "strict", "explain"])]
    list_rules: bool,
}

pub(super) fn check(context: &Context, arguments: &Arguments) -> Result<()> {
    if arguments.list_rules {
        match context.format {
            Format::Human => data(&rules_text()),
            Format::Json => {
                RULES.iter().copied().flatten().for_each(|rule| object("rule", &RuleData::of(rule)));
            }
        }
        return Ok(());
    }
    if let Some(name) = &arguments.explain {
        let known = RULES.iter().copied().flatten().map(|rule| rule.id);
        let rule = rule(name).ok_or_else(|| {
            let error = Error::usage(format!("`{name}` is not a valid rule"));
            match nearest(name, known) {
                Some(nearest) => error.help(format!("did you mean `{nearest}`?")),
                None => error.help("`pyrelease check --list-rules` lists them"),
            }
        })?;
        match context.format {
            Format::Human => data(&rule_text(rule)),
            Format::Json => object("rule", &RuleData::of(rule)),
        }
        return Ok(());
    }
    let (config, root) = match (locate(context), &context.manifest) {
        (Ok(location), _) => (location.config, Some(location.root)),
        // Distributions may be anywhere; a project is only needed for its settings.
        (Err(error), None) if error.kind() == ErrorKind::NoProject => (Config::default_pipeline(), None),
        (Err(error), _) => return Err(error),
    };
    let policy = policy(&config, "check", arguments.strict)?;
    let (files, missing) = files(context, &arguments.files)?;
    if files.is_empty() {
        return refuse_missing(&missing);
    }
    if context.format == Format::Json {
        // Standard output has one object: the report, or this error.
        refuse_missing(&missing)?;
    }
    let tracked = root.and_then(|root| tracked_at(&root, &files));
    let progress = |message: &str| context.ui.on_event(&Event::Note { stage: None, message });
    let mut report = judge_files(&files, None, tracked, &policy, &context.environment, &progress)?;
    verify_attestations(&mut report, &context.environment, &progress);
    match context.format {
        Format::Json => object("check", &report),
        Format::Human => {
            data(&check_text(&report));
            let annotations = annotations(&report);
            if context.environment.get("GITHUB_ACTIONS").is_some() && !annotations.is_empty() {
                data(&annotations);
            }
        }
    }
    refuse_missing(&missing)?;
    match report.errors() {
        0 => Ok(()),
        1 => Err(Error::refused("the distributions have 1 error").already_reported()),
        several => Err(Error::refused(format!("the distributions have {several} errors")).already_reported()),
    }
}

/// Refuses named paths without a file.
fn refuse_missing(missing: &[Missing]) -> Result<()> {
    let shown: Vec<String> =
        missing.iter().map(|(path, why)| format!("`{}` {why}", path.display())).collect();
    if shown.is_empty() { Ok(()) } else { Err(Error::usage(shown.join(", "))) }
}

/// A named path, and why there is no file
type Missing = (PathBuf, &'static str);

/// The named files, those in named folders, or those in `dist`; and the named paths without a file.
fn files(context: &Context, named: &[PathBuf]) -> Result<(Vec<PathBuf>, Vec<Missing>)> {
    let resolve = |path: &PathBuf| match context.folder.as_os_str().to_str() {
        Some(".") => path.clone(),
        _ => context.folder.join(path),
    };
    if named.is_empty() {
        return Ok((distributions_in(&resolve(&PathBuf::from("dist")))?, Vec::new()));
    }
    let (mut files, mut missing) = (Vec::new(), Vec::new());
    for path in named.iter().map(resolve) {
        if path.is_dir() {
            files.extend(distributions_in(&path)?);
        } else if let Some(why) = why_no_file(&path) {
            missing.push((path, why));
        } else {
            files.push(path);
        }
    }
    Ok((files, missing))
}
