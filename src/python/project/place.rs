//! One place that states the version, and how to change only that.

use std::fmt;
use std::ops::Range;

use regex::{Regex, RegexBuilder};

use super::statements::{self, AssignedValue, Assignment};
use super::toml::Toml;
use super::{
    Edit, Files, Pattern, ProjectError, incremental, ini, json, line_at, lines, lines_at, text_of, tuple,
};
use crate::python::version::Version;

/// A place that states the version
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionLocation {
    /// Relative to the project's root
    pub path: String,
    pub how: VersionSyntax,
}

/// How the place states the version
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionSyntax {
    /// `[project] version`
    PyprojectProject,
    /// `[tool.poetry] version`
    PyprojectPoetry,
    /// `[package] version` of a Cargo.toml, in the spelling of Semantic Versioning
    Cargo,
    /// `[workspace.package] version` of a Cargo.toml
    CargoWorkspace,
    /// `version` of a package.json, in the spelling of Semantic Versioning
    PackageJson,
    /// A string in a TOML file
    TomlKey { keys: Vec<String> },
    /// An option of an INI file
    IniKey { section: String, key: String },
    /// `[metadata] version` of a setup.cfg
    SetupCfg,
    /// `setup(version="…")`
    SetupPy,
    /// `name = "…"` at the top level of a Python module
    Assignment { name: String },
    /// `__version__ = Version("demo", 1, 2, 3)`, as incremental writes it
    Incremental,
    /// A tuple from which the module makes its version, and the variable with the number of the development release
    Tuple { name: String, dev: Option<String> },
    /// The file contains only the version
    WholeFile,
    /// A backend's setting: the first match of a regular expression, by its group `version` or else its first group
    Regex { pattern: String },
    /// The lines that match a regular expression: the version where `{version}` is in it, or else anywhere in the line
    Lines { pattern: String },
    /// A pattern from the user
    Pattern(Pattern),
    /// A line that earlier releases changed, and what it becomes; gives way to any other place
    Line { from: String, to: String },
}

impl VersionLocation {
    /// Finds the places of the version in a file, by the file's name.
    ///
    /// # Errors
    /// The file is missing, has no version where files of its name have one, or is of an unknown kind.
    pub fn for_file(path: &str, files: &dyn Files) -> Result<Vec<Self>, ProjectError> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let text = text_of(files, path)?;
        let place = |how| Self { path: path.to_owned(), how };
        match name {
            "pyproject.toml" => {
                let places =
                    in_toml(path, &text, [VersionSyntax::PyprojectProject, VersionSyntax::PyprojectPoetry])?;
                let what = "`[project] version` or `[tool.poetry] version`";
                if places.is_empty() { Err(not_found(path, what)) } else { Ok(places) }
            }
            "Cargo.toml" => {
                let places = in_toml(path, &text, [VersionSyntax::Cargo, VersionSyntax::CargoWorkspace])?;
                let what = "`[package] version` or `[workspace.package] version` of its own";
                if places.is_empty() { Err(not_found(path, what)) } else { Ok(places) }
            }
            "package.json" => Ok(vec![place(VersionSyntax::PackageJson).checked(&text)?]),
            "setup.cfg" => Ok(vec![place(VersionSyntax::SetupCfg).checked(&text)?]),
            "setup.py" => Ok(vec![place(VersionSyntax::SetupPy).checked(&text)?]),
            _ if name.ends_with(".py") => {
                Ok(vec![place(VersionSyntax::Assignment { name: "__version__".to_owned() }).checked(&text)?])
            }
            _ if statements::is_version_file(path) => {
                Ok(vec![place(VersionSyntax::WholeFile).checked(&text)?])
            }
            _ => Err(ProjectError::UnknownFile { path: path.to_owned() }),
        }
    }

    /// A place that a user's pattern describes.
    pub fn pattern(path: impl Into<String>, pattern: Pattern) -> Self {
        Self { path: path.into(), how: VersionSyntax::Pattern(pattern) }
    }

    /// Whether the place is known from earlier releases only.
    pub(super) fn is_learned(&self) -> bool {
        matches!(self.how, VersionSyntax::Line { .. })
    }

    fn checked(self, text: &str) -> Result<Self, ProjectError> {
        self.locate(text)?;
        Ok(self)
    }

    /// Reads the version; none if a user's pattern alone cannot determine it.
    ///
    /// # Errors
    /// The version is missing, not valid, or not a plain string.
    pub fn read(&self, text: &str) -> Result<Option<Version>, ProjectError> {
        match &self.how {
            VersionSyntax::Pattern(pattern) => pattern.read(&self.path, text),
            VersionSyntax::Line { .. } | VersionSyntax::Lines { .. } => Ok(None),
            _ => self.version_at(text, &self.locate(text)?).map(Some),
        }
    }

    /// Writes the version: `text` with `new` instead of `old`, and all other bytes unchanged.
    ///
    /// # Errors
    /// As for [`VersionLocation::read`]; or the version there is not `old`, or the file's format cannot express
    /// `new`.
    pub fn write(&self, text: &str, old: &Version, new: &Version) -> Result<String, ProjectError> {
        Ok(super::bump::edited(text, self.edits(text, old, new)?))
    }

    pub(super) fn edits(&self, text: &str, old: &Version, new: &Version) -> Result<Vec<Edit>, ProjectError> {
        match &self.how {
            VersionSyntax::Pattern(pattern) => return pattern.edits(&self.path, text, old, new),
            VersionSyntax::Lines { pattern } => return lines::edits(&self.path, text, pattern, (old, new)),
            VersionSyntax::Line { from, to } => return Ok(line_edits(text, from, to)),
            _ => {}
        }
        let span = self.locate(text)?;
        let found = self.version_at(text, &span)?;
        if found != *old {
            let (path, line) = (self.path.clone(), line_at(text, span.start));
            return Err(ProjectError::Differs { path, line, found, expected: old.clone() });
        }
        if let VersionSyntax::Tuple { name, dev } = &self.how {
            let refused = || ProjectError::NotInTuple {
                path: self.path.clone(),
                name: name.clone(),
                version: new.clone(),
            };
            return tuple::edits(text, (name, dev.as_deref()), new).ok_or_else(refused);
        }
        // Some projects write `v1.0` even here.
        let letter = if text[span.clone()].starts_with('v') { "v" } else { "" };
        Ok(vec![Edit { span, text: format!("{letter}{}", self.spelled(new)?) }])
    }

    fn version_at(&self, text: &str, span: &Range<usize>) -> Result<Version, ProjectError> {
        if self.how == VersionSyntax::Incremental {
            let missing = || not_found(&self.path, "valid version in its `Version(…)`");
            return incremental::parse(&text[span.clone()]).ok_or_else(missing);
        }
        if let VersionSyntax::Tuple { name, dev } = &self.how {
            let missing = || not_found(&self.path, &format!("valid version in `{name}`"));
            return tuple::read(text, name, dev.as_deref()).ok_or_else(missing);
        }
        text[span.clone()].parse().map_err(|source| ProjectError::NotAVersion {
            path: self.path.clone(),
            line: line_at(text, span.start),
            source,
        })
    }

    fn spelled(&self, version: &Version) -> Result<String, ProjectError> {
        let refused = || ProjectError::NotSemantic { path: self.path.clone(), version: version.clone() };
        match &self.how {
            // maturin reads `1.2.0-post.1` as the post-release. For npm it would sort before 1.2.0.
            VersionSyntax::Cargo | VersionSyntax::CargoWorkspace => version.to_semver().ok_or_else(refused),
            VersionSyntax::Incremental => incremental::spell(version).ok_or_else(refused),
            VersionSyntax::PackageJson if version.post().is_some() => Err(refused()),
            VersionSyntax::PackageJson => version.to_semver().ok_or_else(refused),
            _ => Ok(version.spelled()),
        }
    }

    /// The byte range of the version.
    fn locate(&self, text: &str) -> Result<Range<usize>, ProjectError> {
        let path = self.path.as_str();
        match &self.how {
            VersionSyntax::PyprojectProject
            | VersionSyntax::PyprojectPoetry
            | VersionSyntax::Cargo
            | VersionSyntax::CargoWorkspace => toml_string(path, text, self.how.keys()),
            VersionSyntax::TomlKey { keys } => {
                toml_string(path, text, &keys.iter().map(String::as_str).collect::<Vec<_>>())
            }
            VersionSyntax::PackageJson => json::version(path, text),
            VersionSyntax::SetupCfg => ini_option(path, text, "metadata", "version"),
            VersionSyntax::IniKey { section, key } => ini_option(path, text, section, key),
            VersionSyntax::SetupPy => {
                let found = statements::setup_argument(text, "version");
                self.plain(text, found.as_slice(), "version")
            }
            VersionSyntax::Assignment { name } => {
                self.plain(text, &statements::assignments(text, name), name)
            }
            VersionSyntax::Incremental => {
                incremental::locate(text).ok_or_else(|| not_found(path, "`__version__ = Version(…)`"))
            }
            VersionSyntax::Tuple { name, .. } => tuple::locate(text, name)
                .ok_or_else(|| not_found(path, &format!("`{name} = (…)` with a version"))),
            VersionSyntax::WholeFile => {
                let inner = text.strip_prefix('\u{feff}').unwrap_or(text);
                let start = text.len() - inner.trim_start().len();
                let span = start..start + inner.trim().len();
                if span.is_empty() { Err(not_found(path, "version in it")) } else { Ok(span) }
            }
            VersionSyntax::Regex { pattern } => first_match(path, text, pattern),
            VersionSyntax::Pattern(Pattern { search: shown, .. })
            | VersionSyntax::Line { from: shown, .. }
            | VersionSyntax::Lines { pattern: shown } => {
                Err(not_found(path, &format!("plain version at `{shown}`")))
            }
        }
    }

    fn plain(&self, text: &str, found: &[Assignment], name: &str) -> Result<Range<usize>, ProjectError> {
        let path = self.path.clone();
        let line = |one: &Assignment| line_at(text, one.offset);
        match found {
            [] => Err(not_found(&path, &format!("`{name} = \"…\"`"))),
            [Assignment { given: AssignedValue::Text(span), .. }] => Ok(span.clone()),
            [one] => Err(ProjectError::NotLiteral { path, name: name.to_owned(), line: line(one) }),
            _ => Err(ProjectError::Several {
                path,
                what: format!("`{name} =`"),
                lines: lines_at(text, found.iter().map(|one| one.offset)),
            }),
        }
    }
}

/// Replaces the lines that equal `from`, as far as they differ from `to`.
fn line_edits(text: &str, from: &str, to: &str) -> Vec<Edit> {
    let same = |one: &mut dyn Iterator<Item = char>, other: &mut dyn Iterator<Item = char>| -> usize {
        one.zip(other).take_while(|(one, other)| one == other).map(|(letter, _)| letter.len_utf8()).sum()
    };
    let start = same(&mut from.chars(), &mut to.chars());
    let end = same(&mut from[start..].chars().rev(), &mut to[start..].chars().rev());
    let mut edits = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_end_matches(['\r', '\n']) == from {
            let span = at + start..at + from.len() - end;
            edits.push(Edit { span, text: to[start..to.len() - end].to_owned() });
        }
        at += line.len();
    }
    edits
}

impl VersionSyntax {
    fn keys(&self) -> &'static [&'static str] {
        match self {
            Self::PyprojectProject => &["project", "version"],
            Self::PyprojectPoetry => &["tool", "poetry", "version"],
            Self::Cargo => &["package", "version"],
            Self::CargoWorkspace => &["workspace", "package", "version"],
            _ => &[],
        }
    }
}

impl fmt::Display for VersionLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.path)?;
        match &self.how {
            VersionSyntax::PyprojectPoetry => f.write_str(" (`[tool.poetry]`)"),
            VersionSyntax::CargoWorkspace => f.write_str(" (`[workspace.package]`)"),
            VersionSyntax::Assignment { name } | VersionSyntax::Tuple { name, .. } => {
                write!(f, " (`{name}`)")
            }
            VersionSyntax::TomlKey { keys } => write!(f, " (`{}`)", keys.join(".")),
            VersionSyntax::IniKey { section, key } => write!(f, " (`{key}` in `[{section}]`)"),
            VersionSyntax::Lines { pattern } => write!(f, " (lines with `{pattern}`)"),
            VersionSyntax::Pattern(pattern) => write!(f, " (`{}`)", pattern.search),
            VersionSyntax::Line { from, .. } => write!(f, " (`{}`)", from.trim()),
            _ => Ok(()),
        }
    }
}

/// The syntaxes with which a TOML file states a version; an inherited one is stated elsewhere.
pub(super) fn in_toml(
    path: &str,
    text: &str,
    ways: [VersionSyntax; 2],
) -> Result<Vec<VersionLocation>, ProjectError> {
    let toml = Toml::parse(path, text)?;
    let mut places = Vec::new();
    for how in ways {
        let keys = how.keys();
        let inherited = toml.is_true(&[keys, &["workspace"]].concat());
        if !inherited && toml.string(keys)?.is_some() {
            places.push(VersionLocation { path: path.to_owned(), how });
        }
    }
    Ok(places)
}

/// Compiles a regular expression with the meaning of Python's `re` with `MULTILINE`, as far as both agree.
pub(super) fn compiled(path: &str, pattern: &str) -> Result<Regex, ProjectError> {
    let bad = |reason: String| ProjectError::BadPattern {
        path: path.to_owned(),
        pattern: pattern.chars().take(200).collect(),
        reason,
    };
    // A backend's pattern is one line; a longer one would only take time.
    if pattern.len() > 10_000 {
        return Err(bad("it is longer than 10000 bytes".to_owned()));
    }
    let expression = RegexBuilder::new(pattern).multi_line(true).crlf(true).build().map_err(|error| {
        bad(error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned())
    })?;
    let grouped = expression.captures_len() > 1;
    if grouped { Ok(expression) } else { Err(bad("it has no group `version`".to_owned())) }
}

fn toml_string(path: &str, text: &str, keys: &[&str]) -> Result<Range<usize>, ProjectError> {
    let missing = || not_found(path, &format!("`{}`", keys.join(".")));
    Toml::parse(path, text)?.place(keys)?.ok_or_else(missing)
}

fn ini_option(path: &str, text: &str, section: &str, key: &str) -> Result<Range<usize>, ProjectError> {
    let entries = ini::entries(text);
    let found = ini::find(&entries, section, key).and_then(|entry| entry.lines.first());
    found.cloned().ok_or_else(|| not_found(path, &format!("`{key}` in `[{section}]`")))
}

fn first_match(path: &str, text: &str, pattern: &str) -> Result<Range<usize>, ProjectError> {
    let expression = compiled(path, pattern)?;
    let missing = || not_found(path, &format!("match for `{pattern}`"));
    let found = expression.captures(text).ok_or_else(missing)?;
    let named = ["version", "version_"].iter().find_map(|name| found.name(name));
    let group = named.or_else(|| found.iter().skip(1).flatten().next());
    group.map(|group| group.range()).filter(|span| !span.is_empty()).ok_or_else(missing)
}

fn not_found(path: &str, what: &str) -> ProjectError {
    ProjectError::NotFound { path: path.to_owned(), what: what.to_owned() }
}
