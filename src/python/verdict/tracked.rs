//! A rule about tracked files that the source distribution lacks: usually package data missing in the backend's
//! settings.

use std::collections::HashSet;

use regex::Regex;
use toml_edit::{DocumentMut, Item};

use super::Subject;
use super::diagnostic::{Diagnostic, Violation};
use super::rules::rule::{Rule, Source};
use crate::python::archive::{MemberKind, is_test};
use crate::python::distribution::Kind;
use crate::python::filename::normalize;
use crate::python::version::ExactVersion;

const MISSING: Rule = Rule::elsewhere(
    "tracked-file-missing",
    Source::Stricter("builds from the source distribution lack it too; PyPI cannot detect it"),
    "a source distribution has the files of its packages that git tracks",
)
.warning();

pub(super) const RULES: &[Rule] = &[MISSING];

/// Files that a build needs
const BUILD_FILES: &[&str] = &["pyproject.toml", "setup.cfg", "setup.py"];
/// Folders of the project that a source distribution need not contain
const ASIDE: &[&str] = &[
    "asv_bench",
    "bench",
    "benchmark",
    "benchmarks",
    "changes",
    "ci",
    "news",
    "notebooks",
    "requirements",
    "script",
    "scripts",
    "tools",
    "tutorial",
    "tutorials",
];
/// Suffixes of files for readers and tools, in any folder
const FOR_READERS: &[&str] = &[".cfg", ".ipynb", ".lock", ".md", ".orig", ".rst"];
/// The build backends' tables in pyproject.toml that may have exclusions
const BACKENDS: &[&str] =
    &["flit", "hatch", "maturin", "meson-python", "pdm", "poetry", "scikit-build", "uv"];

/// A project's tracked files
#[derive(Debug)]
pub struct Tracked {
    name: String,
    version: Option<ExactVersion>,
    files: Vec<String>,
    excluded: Vec<Regex>,
}

impl Tracked {
    /// The files of the project with this name, relative to its folder; with a version, only source distributions of
    /// that version are compared.
    pub fn new(name: &str, version: Option<ExactVersion>, files: Vec<String>) -> Self {
        Self { name: normalize(name), version, files, excluded: Vec::new() }
    }

    /// Removes the files that MANIFEST.in excludes.
    pub fn without_manifest(mut self, manifest: &str) -> Self {
        for line in manifest.lines() {
            let mut words = line.split_whitespace();
            let command = words.next().unwrap_or_default();
            let patterns: Vec<String> = match command {
                "exclude" | "global-exclude" | "prune" => words.map(str::to_owned).collect(),
                "recursive-exclude" => {
                    let folder = words.next().unwrap_or_default().trim_end_matches('/');
                    words.map(|pattern| format!("{folder}/**/{pattern}")).collect()
                }
                _ => continue,
            };
            self.exclude(&patterns);
        }
        self
    }

    /// Removes the files that the backend's settings in pyproject.toml exclude.
    pub fn without_settings(mut self, pyproject: &str) -> Self {
        let Ok(document) = pyproject.parse::<DocumentMut>() else { return self };
        let mut patterns = Vec::new();
        if let Some(tools) = document.get("tool").and_then(Item::as_table_like) {
            let backends = tools.iter().filter(|(name, _)| BACKENDS.contains(name));
            backends.for_each(|(_, settings)| collect(settings, &mut patterns));
        }
        self.exclude(&patterns);
        self
    }

    fn exclude(&mut self, patterns: &[String]) {
        self.excluded.extend(patterns.iter().filter_map(|pattern| glob(pattern)));
    }

    /// The finding about files that a source distribution of this project lacks; none for other files.
    pub(super) fn judge(&self, subject: &Subject) -> Option<Diagnostic> {
        let name = subject.name.as_ref().ok()?;
        let is_this = self.version.as_ref().is_none_or(|version| version == name.version());
        if subject.kind != Some(Kind::Sdist) || name.normalized_name() != self.name || !is_this {
            return None;
        }
        let files = subject.contents.members.iter().filter(|member| member.kind != MemberKind::Folder);
        let present: HashSet<&str> =
            files.filter_map(|member| Some(member.path.split_once('/')?.1)).collect();
        let packages: HashSet<&str> = present.iter().filter_map(|path| package(path)).collect();
        if packages.is_empty() {
            return None;
        }
        let is_wanted = |path: &str| match package(path) {
            Some(folder) => packages.contains(folder) && !is_aside(path),
            None => BUILD_FILES.contains(&path),
        };
        let is_missing = |path: &&String| {
            !present.contains(path.as_str())
                && is_wanted(path)
                && !self.excluded.iter().any(|pattern| pattern.is_match(path))
        };
        let missing: Vec<&String> = self.files.iter().filter(is_missing).collect();
        let first = missing.first()?;
        let message = match missing.len() {
            1 => format!("git tracks `{first}`, which the source distribution does not have"),
            more => format!(
                "git tracks `{first}` and {} more, which the source distribution does not have",
                more - 1
            ),
        };
        let shown: Vec<String> = missing.iter().take(5).map(|path| format!("`{path}`")).collect();
        let help = format!(
            "include {}{} by MANIFEST.in or the backend's settings, or exclude it there",
            shown.join(", "),
            if missing.len() > shown.len() { ", …" } else { "" }
        );
        Some(MISSING.diagnostic(Violation::new(message).help(help)))
    }
}

/// The package's folder of a file: the first component of its path, below `src` the first two.
fn package(path: &str) -> Option<&str> {
    let below = path.strip_prefix("src/").map_or(0, |_| "src/".len());
    path[below..].find('/').map(|end| &path[..below + end])
}

/// Whether a file is for readers, tests and tools and not for the build.
fn is_aside(path: &str) -> bool {
    let mut folders = path.split('/');
    let top = folders.next().unwrap_or_default().to_ascii_lowercase();
    ASIDE.contains(&top.as_str())
        || is_test(path)
        || path.split('/').any(|part| part.starts_with('.'))
        || FOR_READERS.iter().any(|ending| path.ends_with(ending))
}

/// Collects the patterns of every list of exclusions, at any depth.
fn collect(settings: &Item, patterns: &mut Vec<String>) {
    let Some(table) = settings.as_table_like() else { return };
    for (key, item) in table.iter() {
        match item.as_array() {
            Some(list) if key.ends_with("exclude") || key == "excludes" => {
                patterns.extend(list.iter().filter_map(|value| value.as_str().map(str::to_owned)));
            }
            _ => collect(item, patterns),
        }
    }
}

/// A path pattern as a regular expression: one without `/` matches names at any depth, and a folder's matches
/// everything in it.
fn glob(pattern: &str) -> Option<Regex> {
    let pattern = pattern.trim_start_matches("./").trim_end_matches('/');
    let anywhere = if pattern.contains('/') { "" } else { "(?:.*/)?" };
    let mut expression = format!("^{anywhere}");
    let mut rest = pattern.trim_start_matches('/');
    while let Some(letter) = rest.chars().next() {
        let (taken, meaning) = match letter {
            '*' if rest.starts_with("**/") => (3, "(?:.*/)?".to_owned()),
            '*' if rest.starts_with("**") => (2, ".*".to_owned()),
            '*' => (1, "[^/]*".to_owned()),
            '?' => (1, "[^/]".to_owned()),
            letter => (letter.len_utf8(), regex::escape(&letter.to_string())),
        };
        expression.push_str(&meaning);
        rest = &rest[taken..];
    }
    if pattern.is_empty() { None } else { Regex::new(&format!("{expression}(?:/.*)?$")).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::archive::{Contents, Member};

    /// What is said of a source distribution with these files.
    fn told(tracked: &Tracked, file: &str, present: &[&str]) -> Option<String> {
        let member = |path: &&str| {
            let path = format!("{}/{path}", file.strip_suffix(".tar.gz").unwrap());
            Member { path, kind: MemberKind::File, size: 0, sha256: None }
        };
        let mut contents = Contents::default();
        contents.members = present.iter().map(member).collect();
        let kind = Some(Kind::Sdist);
        let subject =
            Subject { file, name: file.parse(), kind, size: 0, contents, metadata: None, record: None };
        tracked.judge(&subject).map(|found| found.finding.message)
    }

    const TRACKED: &[&str] = &[
        ".github/workflows/ci.yml",
        ".gitignore",
        "Makefile",
        "README.md",
        "demo/__init__.py",
        "demo/data/a.json",
        "demo/README.md",
        "demo/tests/test_a.py",
        "docs/conf.py",
        "pyproject.toml",
        "other/b.py",
        "tests/test_b.py",
        "tox.ini",
    ];

    fn tracked() -> Tracked {
        Tracked::new("Demo", "1.0".parse().ok(), TRACKED.iter().map(|path| (*path).to_owned()).collect())
    }

    #[test]
    fn only_missing_package_files_are_reported() {
        let present = ["PKG-INFO", "pyproject.toml", "demo/__init__.py"];
        let told_of = |file: &str| told(&tracked(), file, &present);
        let message = "git tracks `demo/data/a.json`, which the source distribution does not have";
        assert_eq!(told_of("demo-1.0.tar.gz").as_deref(), Some(message));
        assert_eq!(told_of("demo-0.9.tar.gz"), None, "another version has other files");
        assert_eq!(told_of("demo_2-1.0.tar.gz"), None);
        let more = told(&tracked(), "demo-1.0.tar.gz", &["demo/__init__.py"]).unwrap();
        assert!(more.starts_with("git tracks `demo/data/a.json` and 1 more"), "{more}");
        assert_eq!(told(&tracked(), "demo-1.0.tar.gz", &["PKG-INFO", "demo.py"]), None, "a single module");
    }

    #[test]
    fn excluded_files_are_not_missing() {
        let present = ["pyproject.toml", "demo/__init__.py"];
        let silent = |tracked: Tracked| told(&tracked, "demo-1.0.tar.gz", &present).is_none();
        for manifest in [
            "prune demo/data",
            "exclude demo/data/a.json",
            "recursive-exclude demo *.json",
            "global-exclude *.json",
        ] {
            assert!(silent(tracked().without_manifest(manifest)), "{manifest}");
        }
        assert!(!silent(tracked().without_manifest("include demo/data/a.json\nexclude *.txt")));
        for settings in [
            "[tool.hatch.build.targets.sdist]\nexclude = [\"/demo/data\"]",
            "[tool.flit.sdist]\nexclude = [\"demo/**/*.json\"]",
            "[tool.uv.build-backend]\nsource-exclude = [\"*.json\"]",
        ] {
            assert!(silent(tracked().without_settings(settings)), "{settings}");
        }
        assert!(!silent(tracked().without_settings("[tool.black]\nexclude = [\"*.json\"]")));
    }
}
