//! Actions and commands that make releases: of the forge, or of the project with another release tool.

use super::program::Tool;
use super::uses::Uses;

/// What a step makes
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Makes {
    /// A release on the forge, which may stay a draft until a person publishes it
    ForgeRelease { is_draft: bool },
    /// Versions and tags, with this tool
    Versions(&'static str),
}

/// Actions that make a release of the forge, or change one that is there
const FORGE_ACTIONS: [&str; 10] = [
    "softprops/action-gh-release",
    "actions/create-release",
    "ncipollo/release-action",
    "marvinpinto/action-automatic-releases",
    "elgohr/github-release-action",
    "comnoco/create-release-action",
    "svenstaro/upload-release-action",
    "actions/forgejo-release",
    "actions/release-action",
    "akkuman/gitea-release-action",
];

/// Release tools: the action and the command of each
const TOOLS: [(&str, &str, &str, &[&str]); 2] = [
    (
        "python-semantic-release",
        "python-semantic-release/python-semantic-release",
        "semantic-release",
        &["version", "publish"],
    ),
    ("commitizen", "commitizen-tools/commitizen-action", "cz", &["bump"]),
];

/// What the action of a step makes, and its name. `with` gives the values that an input may have, if it is set.
pub(super) fn of_action(uses: &str, with: impl Fn(&str) -> Option<Vec<String>>) -> Option<(String, Makes)> {
    let Uses { path, .. } = Uses::read(uses);
    let tool = TOOLS.iter().find(|(_, action, ..)| path == *action);
    let makes = match tool {
        Some((tool, ..)) => Makes::Versions(tool),
        None if FORGE_ACTIONS.contains(&path.as_str()) => {
            Makes::ForgeRelease { is_draft: with("draft").is_some_and(|values| values == ["true"]) }
        }
        None => return None,
    };
    Some((path, makes))
}

/// What a command makes, and how it is called.
pub(super) fn of_command(tool: &Tool<'_>) -> Option<(String, Makes)> {
    let words: Vec<&str> = tool.arguments.iter().map(String::as_str).collect();
    let is_harmless = |word: &&str| matches!(*word, "--help" | "-h" | "--dry-run" | "--noop" | "--print");
    if words.iter().any(is_harmless) {
        return None;
    }
    if tool.name == "gh" && words.starts_with(&["release", "create"]) {
        let is_draft = words.iter().any(|word| matches!(*word, "--draft" | "-d"));
        return Some(("gh release create".to_owned(), Makes::ForgeRelease { is_draft }));
    }
    let (name, _, command, verbs) = TOOLS.iter().find(|(_, _, command, _)| tool.name == *command)?;
    let verb = verbs.iter().find(|verb| words.contains(verb))?;
    Some((format!("{command} {verb}"), Makes::Versions(name)))
}
