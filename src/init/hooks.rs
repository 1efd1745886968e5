//! Commands of other tools, as stages.

use super::Finds;
use super::decided::{Decided, Verdict};
use super::document::texts;
use super::stages::Pipeline;
use crate::config::Template;
use crate::python::settings::{Hook, HookTime, own_work};
use crate::stages::taken;

/// Adds a stage for each hook.
pub(super) fn hooks(finds: &Finds<'_>, decided: &mut Decided, pipeline: &mut Pipeline) {
    let mut first = 0;
    for tool in finds.tools {
        for hook in &tool.hooks {
            let verdict = match split(hook, finds) {
                (left, Some(reason)) if left.is_empty() => Verdict::Dropped(reason.to_owned()),
                (left, _) => match command(&left) {
                    Ok(command) => {
                        let name = stage_name(&hook.name, &pipeline.stages);
                        let stage = format!("stage.{name}");
                        let reason = format!("{} of {}: runs in the release's clone", hook.key, tool.tool);
                        decided.document.set(&stage, "run", texts(["sh", "-c", command.as_str()]), &reason);
                        match hook.time {
                            HookTime::First => {
                                pipeline.stages.insert(first, name.clone());
                                first += 1;
                            }
                            HookTime::BeforeCommit => pipeline.insert_before("tag", name.clone()),
                            HookTime::AfterCommit => pipeline.insert_before("build", name.clone()),
                            HookTime::AfterPush => {
                                decided.document.set(
                                    &stage,
                                    "reach",
                                    "follow-up",
                                    "after the release is out",
                                );
                                pipeline.stages.push(name.clone());
                            }
                        }
                        Verdict::Written(format!("the stage `{name}`"))
                    }
                    Err(reason) => Verdict::NeedsUser(reason),
                },
            };
            decided.hooks.push((tool.tool, hook.key.clone(), verdict));
        }
    }
}

/// The commands whose work no stage does, and the reason for the first of the others.
fn split<'a>(hook: &'a Hook, finds: &Finds<'_>) -> (Vec<&'a str>, Option<&'static str>) {
    let discovery = finds.discovery;
    let generator = discovery.learned.generator.as_ref().map(|generator| generator.value.as_str());
    let (mut left, mut reason) = (Vec::new(), None);
    for command in &hook.commands {
        match own_work(command, discovery.fragments.is_some(), generator) {
            Some(found) => reason = reason.or(Some(found)),
            None => left.push(command.as_str()),
        }
    }
    (left, reason)
}

/// The commands as one for a shell.
fn command(commands: &[&str]) -> Result<String, String> {
    let joined = commands.join(" && ");
    if joined.contains('\0') {
        return Err("the command is not a text".to_owned());
    }
    Template::new(joined.as_str()).map_err(|reason| format!("the command cannot be a template: {reason}"))?;
    Ok(joined)
}

/// A name for the stage that no other one has.
fn stage_name(wanted: &str, known: &[String]) -> String {
    let mut name: String = wanted
        .to_lowercase()
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || letter == '_' { letter } else { '-' })
        .take(40)
        .collect();
    name = name.trim_matches('-').to_owned();
    while name.contains("--") {
        name = name.replace("--", "-");
    }
    if name.is_empty() {
        name = "command".to_owned();
    }
    let is_free = |name: &str| taken(name).is_none() && !known.iter().any(|stage| stage == name);
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    std::iter::once(name.clone()).chain(numbered).find(|name| is_free(name)).unwrap_or(name.clone())
}
