//! A stage that runs a command of the user's.

use schemars::JsonSchema;
use serde::Deserialize;

use super::given::{Giver, fills_dist};
use crate::config::Config;
use crate::engine::prelude::*;
use crate::world::process::{Process, is_secret};

/// Run a command, with the release in its environment
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Settings {
    /// The command and its arguments, with placeholders; it does not run in a shell
    run: Vec<Template>,
    /// How far its effects reach: `private` (the run's clone only), `rehearsal`, `repository`, `public` or
    /// `follow-up`
    #[serde(default = "private")]
    reach: Reach,
    /// For reach `repository`: the command that undoes its effects
    #[serde(default)]
    undo: Option<Vec<Template>>,
    /// A command that checks whether `run` has done its work, in case a run was interrupted: exit code 0 if it has, 1
    /// if it has not
    #[serde(default)]
    verify: Option<Vec<Template>>,
    /// Secret variables that these commands need, such as `["TWINE_PASSWORD"]`, or that another stage's plugin is
    /// granted; they are hidden from commands otherwise
    #[serde(default)]
    environment: Vec<String>,
    /// Whether it takes part in `pyrelease rehearse`, which runs in a copy of the repository; by default only a command of
    /// reach `private` does
    #[serde(default, rename = "rehearse")]
    _rehearse: Option<bool>,
    /// In a workspace: whether it runs once in the workspace's folder, for all members together; by default it runs in the folder
    /// of each
    #[serde(default, rename = "once")]
    _once: bool,
    /// What a stage before it must give: `notes`, `version`, `commit`, `tag` or `distributions`
    #[serde(default)]
    needs: Vec<Product>,
    /// What it gives to the stages after it, in the same words; a private command with `PYRELEASE_DIST` before `build`
    /// or instead of it gives `distributions`
    #[serde(default)]
    gives: Vec<Product>,
}

fn private() -> Reach {
    Reach::Private
}

struct Command {
    name: String,
    settings: Settings,
    giver: Giver,
}

pub(super) fn make(config: &Config, name: &str) -> Result<Box<dyn Stage>> {
    let mut settings: Settings = config.settings(name)?;
    for (key, words) in
        [("run", Some(&settings.run)), ("undo", settings.undo.as_ref()), ("verify", settings.verify.as_ref())]
    {
        if words.is_some_and(|words| words.first().is_none_or(|program| program.text().is_empty())) {
            let span = config.stage_key(name, key).flatten();
            return Err(config.error(
                "an empty command",
                span,
                Some("set the program and its arguments: [\"make\", \"docs\"]"),
            ));
        }
    }
    let is_held_back =
        |name: &str| is_secret(name) || config.granted_secrets().any(|granted| granted == name);
    if let Some(other) = settings.environment.iter().find(|name| !is_held_back(name)) {
        let span = config.stage_key(name, "environment").flatten();
        let help = "commands get your environment without credentials; list only variables with credentials, and those that \
             a plugin is granted as `secrets`";
        return Err(config.error(&format!("`{other}` is not a secret variable"), span, Some(help)));
    }
    if settings.gives.is_empty() && fills_dist(config, name, settings.reach, &settings.run) {
        settings.gives.push(Product::Distributions);
    }
    let giver = Giver::new(config, name, settings.reach, &settings.gives)?;
    Ok(Box::new(Command { name: name.to_owned(), settings, giver }))
}

impl Command {
    fn words(words: &[Template], release: &Release) -> Vec<String> {
        words.iter().map(|word| word.render(release.names())).collect()
    }

    /// The effect of a command that reaches out of the run's folder.
    fn effect(&self, release: &Release) -> Effect {
        let words = |words: &Vec<Template>| Self::words(words, release);
        Effect::Command {
            reach: self.settings.reach,
            command: words(&self.settings.run),
            undo: self.settings.undo.as_ref().map(words),
            verify: self.settings.verify.as_ref().map(words),
            environment: self.settings.environment.clone(),
            member: release.member.clone(),
        }
    }

    fn process(&self, release: &Release, words: &[String], bench: &Workbench<'_>) -> Result<Process> {
        let (program, arguments) = words.split_first().ok_or_else(|| Error::usage("an empty command"))?;
        let notes = notes_file(bench);
        fs_err::create_dir_all(bench.scratch())?;
        fs_err::write(&notes, release.outputs.notes.as_deref().unwrap_or_default())?;
        let process = Process::new(program)
            .args(arguments)
            .folder(&release.root())
            .env("PYRELEASE_NOTES", notes)
            .with_secrets(&release.checkout.environment, &self.settings.environment);
        let variables = bench.variables(release.names());
        Ok(variables.into_iter().fold(process, |process, (name, value)| process.env(name, value)))
    }
}

/// The file in which the command finds the release notes, or leaves them.
fn notes_file(bench: &Workbench<'_>) -> std::path::PathBuf {
    bench.scratch().join("notes.md")
}

impl Stage for Command {
    fn name(&self) -> &str {
        &self.name
    }

    fn reach(&self) -> Reach {
        self.settings.reach
    }

    fn commands(&self, release: &Release) -> Vec<Effect> {
        if self.settings.reach == Reach::Private { Vec::new() } else { vec![self.effect(release)] }
    }

    fn flow(&self) -> Flow {
        let Settings { needs, gives, .. } = &self.settings;
        Flow { needs: needs.clone(), gives: gives.clone(), ..Flow::default() }
    }

    fn preflight(&self, release: &Release) -> Result<Vec<Finding>> {
        let mut findings = Vec::new();
        let program = Self::words(&self.settings.run, release).remove(0);
        if !release.checkout.environment.has_program(&program, &release.checkout.root()) {
            let finding = Finding::error(format!("`{program}` is not on PATH"));
            findings.push(finding.help(format!("install it, or change `run` in [stage.{}]", self.name)));
        }
        for name in &self.settings.environment {
            if release.checkout.environment.get(name).is_none() {
                let finding = Finding::warning(format!("`{name}`, which `{}` needs, is not set", self.name));
                findings.push(match self.settings.reach {
                    Reach::Private => finding,
                    _ => finding.about_rights(),
                });
            }
        }
        if self.settings.reach == Reach::Repository && self.settings.undo.is_none() {
            let message =
                format!("if a later stage fails, the effects of `{}` stay: it has no `undo`", self.name);
            findings
                .push(Finding::warning(message).help(format!("add `undo = [...]` to [stage.{}]", self.name)));
        }
        if self.settings.reach == Reach::Public && self.settings.verify.is_none() {
            let message = format!(
                "if the run is interrupted during `{}`, you must check its effects by hand: it has no `verify`",
                self.name
            );
            findings.push(
                Finding::warning(message).help(format!("add `verify = [...]` to [stage.{}]", self.name)),
            );
        }
        Ok(findings)
    }

    fn run(&self, release: &Release, effects: &mut Effects<'_>) -> Result<Outputs> {
        let words = Self::words(&self.settings.run, release);
        let action = Action::Command { command: words.clone() };
        if self.settings.reach == Reach::Private {
            if self.giver.is_superseded(release) {
                effects.skip("the distributions were found, and are never built again")?;
                return Ok(Outputs::default());
            }
            let given = effects.private(action, |bench| {
                let before = self.giver.before(bench);
                let process = self.process(release, &words, bench)?;
                bench.command(&process).map_err(|error| self.giver.explained(error, release))?;
                let notes = || Ok(fs_err::read_to_string(notes_file(bench))?);
                self.giver.collect(&before, notes, (release, bench))
            })?;
            return Ok(given.unwrap_or_default());
        }
        let undoable = self.settings.undo.is_some();
        effects.announce(action)?;
        effects.attempt(self.effect(release), |effects| {
            let bench = effects.bench().ok_or_else(|| Attempt::NotDone(Error::failed("there is no run")))?;
            let process = self.process(release, &words, &bench).map_err(Attempt::NotDone)?;
            // A failed command may have done part of its work. If it can be undone, undo it. If it is public, it
            // cannot be, so the run must not continue as if nothing had happened.
            let half_done = undoable || self.settings.reach == Reach::Public;
            let doubt = if half_done { Attempt::InDoubt } else { Attempt::NotDone };
            bench.command(&process).map(|()| "exit status 0".to_owned()).map_err(doubt)
        })?;
        Ok(Outputs::default())
    }
}
