//! Reads the files of settings as tables, whatever their format.

use serde_json::{Map, Value};

use crate::python::project::{Files, Project, VersionLocation, VersionSource, current_version, ini};
use crate::python::version::Version;
use crate::python::yaml::{self, Data, Node};

/// A table of settings
pub(in crate::python) type Table = Map<String, Value>;

/// A reading that may fail; the reason is a sentence
pub(in crate::python) type Reading<T> = Result<T, String>;

/// The most sections of an INI file
const SECTIONS: usize = 300;

/// The largest file in bytes that is read
const LARGEST: usize = 1_000_000;

/// A project's files, and what the project itself says of its version
pub(super) struct Sources<'f> {
    pub(super) files: &'f dyn Files,
    pub(super) project: Option<Project>,
    /// The version that the project's own metadata state, unless tags determine it
    pub(super) version: Option<Version>,
    pyproject: Reading<Option<Table>>,
}

impl<'f> Sources<'f> {
    pub(super) fn of(files: &'f dyn Files) -> Self {
        let pyproject = text(files, "pyproject.toml")
            .and_then(|text| text.map(|text| toml("pyproject.toml", &text)).transpose());
        let described = ["pyproject.toml", "setup.cfg", "setup.py"];
        let readable = described.iter().all(|path| text(files, path).is_ok());
        let project = if readable { Project::read(files).ok() } else { None };
        let places = project.as_ref().map(places_of).unwrap_or_default();
        let version = current_version(files, places).ok();
        Self { files, project, version, pyproject }
    }

    /// The places of the version in the project's own metadata.
    pub(super) fn places(&self) -> &[VersionLocation] {
        self.project.as_ref().map(places_of).unwrap_or_default()
    }

    /// The tool that takes the project's version from tags, if one does.
    pub(super) fn vcs_tool(&self) -> Option<&str> {
        match &self.project.as_ref()?.version {
            VersionSource::Vcs { tool } => Some(tool),
            VersionSource::Static(_) | VersionSource::Unreadable(_) => None,
        }
    }

    /// The file's text; none if there is no such file.
    pub(super) fn text(&self, path: &str) -> Reading<Option<String>> {
        text(self.files, path)
    }

    /// A table of pyproject.toml.
    pub(super) fn pyproject(&self, keys: &[&str]) -> Reading<Option<Table>> {
        match &self.pyproject {
            Ok(whole) => within("pyproject.toml", whole.as_ref(), keys),
            Err(reason) if self.mentions("pyproject.toml", &keys.join(".")) => Err(reason.clone()),
            Err(_) => Ok(None),
        }
    }

    /// A table of a TOML file.
    pub(super) fn toml(&self, path: &str, keys: &[&str]) -> Reading<Option<Table>> {
        if path == "pyproject.toml" {
            return self.pyproject(keys);
        }
        let whole = self.text(path)?.map(|text| toml(path, &text)).transpose()?;
        within(path, whole.as_ref(), keys)
    }

    /// A table of a JSON file.
    pub(super) fn json(&self, path: &str, keys: &[&str]) -> Reading<Option<Table>> {
        let Some(text) = self.text(path)? else { return Ok(None) };
        let parsed = serde_json::from_str(text.trim_start_matches('\u{feff}'));
        let whole: Table =
            parsed.map_err(|error| format!("`{path}` is not valid JSON, line {}", error.line()))?;
        within(path, Some(&whole), keys)
    }

    /// A table of a YAML file.
    pub(super) fn yaml(&self, path: &str, keys: &[&str]) -> Reading<Option<Table>> {
        within(path, yaml_table(self.files, path)?.as_ref(), keys)
    }

    /// Every section of an INI file whose name begins with `prefix`, with its options as strings.
    pub(super) fn ini(&self, path: &str, prefix: &str) -> Reading<Vec<(String, Table)>> {
        let text = match self.text(path) {
            Ok(Some(text)) => text,
            Ok(None) => return Ok(Vec::new()),
            Err(reason) if self.mentions(path, &format!("[{prefix}")) => return Err(reason),
            Err(_) => return Ok(Vec::new()),
        };
        let mut sections: Vec<(String, Table)> = Vec::new();
        for name in ini::sections(&text) {
            if sections.len() < SECTIONS
                && name.starts_with(prefix)
                && sections.iter().all(|(known, _)| *known != name)
            {
                sections.push((name, Table::new()));
            }
        }
        for entry in ini::entries(&text) {
            if let Some((_, table)) = sections.iter_mut().find(|(name, _)| *name == entry.section) {
                let lines: Vec<&str> = entry.values(&text).collect();
                table.insert(entry.key.clone(), Value::String(lines.join("\n")));
            }
        }
        Ok(sections)
    }

    /// Whether a file that cannot be read has settings of a tool nevertheless.
    fn mentions(&self, path: &str, name: &str) -> bool {
        let bytes = self.files.read(path).unwrap_or_default();
        memchr::memmem::find(&bytes, name.as_bytes()).is_some()
    }
}

fn places_of(project: &Project) -> &[VersionLocation] {
    match &project.version {
        VersionSource::Static(places) => places,
        VersionSource::Vcs { .. } | VersionSource::Unreadable(_) => &[],
    }
}

pub(in crate::python) fn text(files: &dyn Files, path: &str) -> Reading<Option<String>> {
    let Some(bytes) = files.read(path) else { return Ok(None) };
    if bytes.len() > LARGEST {
        return Err(format!("`{path}` is larger than 1 MB"));
    }
    String::from_utf8(bytes).map(Some).map_err(|_| format!("`{path}` is not UTF-8 text"))
}

pub(in crate::python) fn toml(path: &str, text: &str) -> Reading<Table> {
    let text = text.trim_start_matches('\u{feff}');
    toml_edit::de::from_str(text).map_err(|error| {
        let reason = error.message().lines().next().unwrap_or_default();
        let line = error.span().map(|span| 1 + text[..span.start.min(text.len())].matches('\n').count());
        let line = line.map(|line| format!(", line {line}")).unwrap_or_default();
        format!("`{path}` is not valid TOML{line}: {reason}")
    })
}

pub(in crate::python) fn within(path: &str, whole: Option<&Table>, keys: &[&str]) -> Reading<Option<Table>> {
    let Some(mut table) = whole else { return Ok(None) };
    for key in keys {
        match table.get(*key) {
            None => return Ok(None),
            Some(Value::Object(inner)) => table = inner,
            Some(_) => return Err(format!("`{}` in `{path}` is not a table", keys.join("."))),
        }
    }
    Ok(Some(table.clone()))
}

/// A YAML file as a table; none if there is no such file.
pub(in crate::python) fn yaml_table(files: &dyn Files, path: &str) -> Reading<Option<Table>> {
    let Some(bytes) = files.read(path) else { return Ok(None) };
    let parsed = yaml::parse(&bytes).map_err(|reason| format!("`{path}` cannot be read: {reason}"))?;
    let Some(document) = parsed else { return Ok(Some(Table::new())) };
    match value(&document.root) {
        Value::Object(table) => Ok(Some(table)),
        _ => Err(format!("`{path}` is not a mapping")),
    }
}

/// A node of YAML by the types of its schema.
fn value(node: &Node) -> Value {
    match &node.data {
        Data::Scalar { text, .. } if node.is_plain() => match text.as_str() {
            "" => Value::Null,
            "true" | "True" | "yes" | "on" => Value::Bool(true),
            "false" | "False" | "no" | "off" => Value::Bool(false),
            text => Value::String(text.to_owned()),
        },
        Data::Scalar { text, .. } => Value::String(text.clone()),
        Data::List(items) => items.iter().map(|item| value(item)).collect(),
        Data::Map(entries) => entries.iter().map(|(key, node)| (key.clone(), value(node))).collect(),
    }
}
