//! The formatters of texts among a project's hooks of [pre-commit](https://pre-commit.com).

use std::rc::Rc;

use regex::Regex;

use super::version::Version;
use super::yaml::{self, Node};

/// Where a repository configures its hooks
pub const SETTINGS: &str = ".pre-commit-config.yaml";

/// The formatters that are known, and the files that they format. The package has the tool's name.
const KNOWN: [(&str, &[&str]); 2] = [("docstrfmt", &[".rst"]), ("mdformat", &[".md", ".markdown"])];

/// A formatter as a repository's hooks run it
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Formatter {
    /// The name of the tool, of its module and of its package
    pub name: &'static str,
    /// What the hook has installed, at the versions that it names
    pub requirements: Vec<String>,
    /// The arguments before the file
    pub arguments: Vec<String>,
}

impl Formatter {
    /// The formatter of a file, by the text of the hooks' settings; `path` is relative to the top of the repository.
    /// None if there is none, if the settings cannot be read, if they exclude the file, or if they name other files.
    pub fn of(settings: &[u8], path: &str) -> Option<Self> {
        let document = yaml::parse(settings).ok()??;
        if !covers(&document.root, path) {
            return None;
        }
        let repositories = document.root.get("repos")?.list();
        let hooks = repositories.iter().flat_map(|repository| {
            let hooks = repository.get("hooks").map(|hooks| hooks.list()).unwrap_or_default();
            hooks.iter().map(move |hook| (repository, hook))
        });
        hooks.filter(|(_, hook)| covers(hook, path)).find_map(|(repository, hook)| {
            Self::of_hook(repository, hook).filter(|formatter| formatter.formats(path))
        })
    }

    fn of_hook(repository: &Rc<Node>, hook: &Rc<Node>) -> Option<Self> {
        let texts = |key: &str| hook.get(key).map(|list| list.texts()).unwrap_or_default();
        if hook.get("stages").is_some_and(|stages| stages.texts() == ["manual"]) {
            return None;
        }
        let is_local = repository.text_of("repo")? == "local";
        let mut words = match is_local {
            true => shlex::split(hook.text_of("entry")?)?,
            false => vec![hook.text_of("id")?.to_owned()],
        };
        let (name, _) = KNOWN.into_iter().find(|(name, _)| words.first().is_some_and(|word| word == name))?;
        let arguments: Vec<String> = words.split_off(1).into_iter().chain(texts("args")).collect();
        // The tags of a formatter's repository are its versions; a commit is none.
        let version =
            repository.text_of("rev").and_then(|rev| rev.trim_start_matches('v').parse::<Version>().ok());
        let own = match version.filter(|_| !is_local) {
            Some(version) => format!("{name}=={version}"),
            None => name.to_owned(),
        };
        let requirements: Vec<String> =
            std::iter::once(own).chain(texts("additional_dependencies")).collect();
        // Neither a path nor an option of pip
        let is_requirement = |text: &String| {
            text.starts_with(|c: char| c.is_ascii_alphanumeric()) && !text.contains(['\n', '\r'])
        };
        // The changelog is the only file: neither a path nor a pattern
        let is_option = |text: &String| text.chars().all(|c| c.is_ascii_alphanumeric() || "-_=,".contains(c));
        let are_known = requirements.iter().all(is_requirement) && arguments.iter().all(is_option);
        are_known.then_some(Self { name, requirements, arguments })
    }

    fn formats(&self, path: &str) -> bool {
        let endings =
            KNOWN.into_iter().filter(|(name, _)| *name == self.name).flat_map(|(_, endings)| endings);
        endings.into_iter().any(|ending| path.to_ascii_lowercase().ends_with(ending))
    }

    /// The requirements without the versions of what is installed beside the tool, which may not exist for this Python.
    pub fn loose_requirements(&self) -> Vec<String> {
        let name = |requirement: &String| {
            let end = requirement.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.[],".contains(c));
            requirement[..end.unwrap_or(requirement.len())].to_owned()
        };
        let (own, others) = self.requirements.split_at(1);
        own.iter().cloned().chain(others.iter().map(name)).collect()
    }
}

/// Whether `files` and `exclude` of the settings, or of a hook, leave the file in. An expression that cannot be read here
/// leaves it out.
fn covers(settings: &Node, path: &str) -> bool {
    let finds =
        |key: &str| settings.text_of(key).map(|text| Regex::new(text).map(|shape| shape.is_match(path)));
    let is_named = finds("files").is_none_or(|found| found.unwrap_or(false));
    let is_excluded = finds("exclude").is_some_and(|found| found.unwrap_or(true));
    is_named && !is_excluded
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOX: &str = "repos:\n  - repo: https://example.org/docstrfmt\n    rev: v2.2.0\n    hooks:\n      - id: docstrfmt\n        \
                       args: [\"-l\", \"120\"]\n        additional_dependencies: [\"sphinx>=9.1\"]\n";

    #[test]
    fn is_found_with_its_version_and_arguments() {
        let found = Formatter::of(TOX.as_bytes(), "docs/changelog.rst").unwrap();
        assert_eq!(found.requirements, ["docstrfmt==2.2.0", "sphinx>=9.1"]);
        assert_eq!(found.loose_requirements(), ["docstrfmt==2.2.0", "sphinx"]);
        assert_eq!(found.arguments, ["-l", "120"]);
        let local = "repos:\n- repo: local\n  hooks:\n  - id: md\n    entry: mdformat --wrap 80\n    \
                     additional_dependencies: [mdformat-gfm>=1]\n";
        let found = Formatter::of(local.as_bytes(), "CHANGELOG.md").unwrap();
        assert_eq!((found.name, found.arguments), ("mdformat", vec!["--wrap".to_owned(), "80".to_owned()]));
        assert_eq!(found.requirements, ["mdformat", "mdformat-gfm>=1"]);
        assert_eq!(Formatter::of(local.as_bytes(), "CHANGES.rst"), None);
    }

    #[test]
    fn leaves_out_what_the_settings_exclude() {
        for (from, to) in [
            ("repos:", "exclude: ^docs/\nrepos:"),
            ("repos:", "files: \\.py$\nrepos:"),
            ("      - id: docstrfmt", "      - id: docstrfmt\n        exclude: changelog"),
            ("      - id: docstrfmt", "      - id: docstrfmt\n        exclude: (?!never)"),
            ("      - id: docstrfmt", "      - id: docstrfmt\n        stages: [manual]"),
            ("id: docstrfmt", "id: other"),
            ("sphinx>=9.1", "--index-url=https://example.org"),
            ("sphinx>=9.1", "./plugin"),
            ("\"120\"", "\"120\", /etc/hosts"),
            ("\"120\"", "\"120\", .."),
            ("\"120\"", "\"120\", README.md"),
            ("\"-l\"", "\"--config=../x\""),
            ("repos:", "repos"),
        ] {
            let settings = TOX.replacen(from, to, 1);
            assert_eq!(Formatter::of(settings.as_bytes(), "docs/changelog.rst"), None, "{settings}");
        }
        for settings in [
            "",
            "repos: 1",
            "repos: [1, {hooks: 2}]",
            "- x",
            "\u{1}",
            "repos: [{repo: local, hooks: [{entry: \"'\"}]}]",
        ] {
            assert_eq!(Formatter::of(settings.as_bytes(), "a.rst"), None, "{settings}");
        }
    }
}
