//! Commands of other tools, as stages.

use super::Finds;
use super::decided::{Decided, Verdict};
use super::document::texts;
use super::stages::Pipeline;
use crate::config::Template;
use crate::python::settings::{Hook, HookTime};
use crate::stages::taken;

/// Words of commands that do what a stage does anyway
const OWN_WORK: [(&str, &str); 8] = [
    ("twine upload", "pyrelease uploads"),
    ("twine check", "the stage `check` does it"),
    ("publish", "pyrelease publishes"),
    ("setup.py upload", "pyrelease uploads"),
    ("flit publish", "pyrelease publishes"),
    ("python -m build", "the stage `build` does it"),
    ("git push", "the stage `push` does it"),
    ("git tag", "the stage `tag` does it"),
];

/// Adds a stage for each hook.
pub(super) fn hooks(finds: &Finds<'_>, decided: &mut Decided, pipeline: &mut Pipeline) {
    let mut first = 0;
    for tool in finds.tools {
        for hook in &tool.hooks {
            let verdict = match own_work(hook) {
                Some(reason) => Verdict::Dropped(reason.to_owned()),
                None => match command(hook) {
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

fn own_work(hook: &Hook) -> Option<&'static str> {
    let works = |command: &String| {
        OWN_WORK.iter().find(|(words, _)| command.contains(words)).map(|(_, reason)| *reason)
    };
    let reasons: Option<Vec<&str>> = hook.commands.iter().map(works).collect();
    reasons?.first().copied()
}

/// The commands as one for a shell.
fn command(hook: &Hook) -> Result<String, String> {
    let joined = hook.commands.join(" && ");
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
