//! The files that describe a project, and the metadata in them.

use super::ini::{self, Entry};
use super::statements::{self, AssignedValue};
use super::toml::Toml;
use super::{Backend, Files, ProjectError, normalize, script, text_of, url};

/// The files that describe a project, if they exist
pub(super) struct Description<'f> {
    pub(super) files: &'f dyn Files,
    pub(super) pyproject: Option<Toml>,
    pub(super) backend: Backend,
    setup_cfg: Option<(String, Vec<Entry>)>,
    pub(super) setup_py: Option<String>,
}

impl<'f> Description<'f> {
    pub(super) fn of(files: &'f dyn Files) -> Result<Self, ProjectError> {
        let optional = |path: &str| match text_of(files, path) {
            Ok(text) => Ok(Some(text)),
            Err(ProjectError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        };
        let pyproject = match optional("pyproject.toml")? {
            Some(text) => Some(Toml::parse("pyproject.toml", &text)?),
            None => None,
        };
        let setup_cfg = optional("setup.cfg")?.map(|text| {
            let entries = ini::entries(&text);
            (text, entries)
        });
        let setup_py = optional("setup.py")?;
        if pyproject.is_none() && setup_cfg.is_none() && setup_py.is_none() {
            return Err(ProjectError::NoProject);
        }
        let backend = Backend::of(pyproject.as_ref());
        Ok(Self { files, pyproject, backend, setup_cfg, setup_py })
    }

    pub(super) fn name(&self) -> Result<String, ProjectError> {
        let places: [&[&str]; 4] = [
            &["project", "name"],
            &["tool", "poetry", "name"],
            &["tool", "flit", "metadata", "dist-name"],
            &["tool", "flit", "metadata", "module"],
        ];
        let toml = self.pyproject.iter();
        for (toml, keys) in toml.flat_map(|toml| places.iter().map(move |keys| (toml, *keys))) {
            if let Some(name) = toml.string(keys)? {
                return checked(name, &toml.path, &keys.join("."));
            }
        }
        if let Some(name) = self.setup_value("metadata", "name") {
            return checked(name, "setup.cfg", "name");
        }
        match self.setup_py.as_deref() {
            Some(text) => match statements::setup_argument(text, "name").map(|found| found.given) {
                Some(AssignedValue::Text(span)) => checked(&text[span], "setup.py", "name"),
                Some(AssignedValue::Named(name)) => {
                    self.plain_string(text, &name).ok_or_else(|| self.without_name())
                }
                _ => Err(self.without_name()),
            },
            None => Err(self.without_name()),
        }
    }

    /// The error of a project without a name, which names the file that has the project's other metadata.
    fn without_name(&self) -> ProjectError {
        let has_table = |toml: &Toml| toml.get(&["project"]).is_some();
        let is_setuptools =
            self.backend == Backend::Setuptools && !self.pyproject.as_ref().is_some_and(has_table);
        let path = match (&self.setup_py, &self.setup_cfg) {
            (Some(_), _) if is_setuptools => "setup.py",
            (None, Some(_)) if is_setuptools => "setup.cfg",
            _ => "pyproject.toml",
        };
        ProjectError::NoName { path }
    }

    /// The plain string that a name of setup.py stands for.
    fn plain_string(&self, setup_py: &str, name: &str) -> Option<String> {
        let path = script::defining_file(self.files, setup_py, name)?;
        let text = text_of(self.files, &path).ok()?;
        match statements::assignments(&text, name).first()?.given.clone() {
            AssignedValue::Text(span) => checked(&text[span], &path, name).ok(),
            _ => None,
        }
    }

    /// The first line of an option of setup.cfg.
    pub(super) fn setup_value(&self, section: &str, key: &str) -> Option<&str> {
        self.setup_values(section, key).into_iter().next()
    }

    pub(super) fn setup_values(&self, section: &str, key: &str) -> Vec<&str> {
        let Some((text, entries)) = &self.setup_cfg else { return Vec::new() };
        ini::find(entries, section, key).map(|entry| entry.values(text).collect()).unwrap_or_default()
    }

    pub(super) fn requires_python(&self) -> Option<String> {
        let told = self.pyproject.as_ref().and_then(|toml| {
            let places: [&[&str]; 2] =
                [&["project", "requires-python"], &["tool", "flit", "metadata", "requires-python"]];
            // Poetry's own syntax, `^3.9`, is not a specifier: leave that to the built metadata.
            places.iter().find_map(|keys| toml.get(keys)?.as_str())
        });
        told.or_else(|| self.setup_value("options", "python_requires")).map(str::to_owned)
    }

    pub(super) fn repository_url(&self) -> Option<String> {
        let mut urls: Vec<(&str, &str)> = Vec::new();
        if let Some(toml) = &self.pyproject {
            urls.extend(toml.pairs(&["project", "urls"]));
            urls.extend(toml.pairs(&["tool", "poetry", "urls"]));
            for (label, keys) in [
                ("repository", ["tool", "poetry", "repository"].as_slice()),
                ("homepage", &["tool", "poetry", "homepage"]),
                ("homepage", &["tool", "flit", "metadata", "home-page"]),
            ] {
                urls.extend(toml.get(keys).and_then(|item| item.as_str()).map(|url| (label, url)));
            }
        }
        let labelled = self.setup_values("metadata", "project_urls");
        urls.extend(
            labelled
                .iter()
                .filter_map(|line| line.split_once('='))
                .map(|(label, url)| (label.trim(), url.trim())),
        );
        urls.extend(self.setup_value("metadata", "url").map(|url| ("url", url)));
        url::repository(urls)
    }

    pub(super) fn import_name(&self, name: &str) -> String {
        let told = self.pyproject.as_ref().and_then(|toml| {
            // PEP 794 first, then each backend's own setting.
            let names = toml.strings(&["project", "import-names"]);
            let first = names.first().map(|name| name.split(';').next().unwrap_or(name).trim());
            let flit = || toml.get(&["tool", "flit", "module", "name"])?.as_str();
            let old_flit = || toml.get(&["tool", "flit", "metadata", "module"])?.as_str();
            let maturin = || toml.get(&["tool", "maturin", "module-name"])?.as_str();
            let uv = || toml.get(&["tool", "uv", "build-backend", "module-name"])?.as_str();
            first.or_else(flit).or_else(old_flit).or_else(maturin).or_else(uv)
        });
        if let Some(told) = told {
            return told.split('.').next().unwrap_or(told).to_owned();
        }
        let plain = name.replace(['-', '.'], "_");
        let guesses = [plain.to_lowercase(), plain, normalize(name).replace('-', "")];
        let exists = |guess: &&String| {
            ["src/", ""].iter().any(|root| {
                let module = |tail: &str| self.files.read(&format!("{root}{guess}{tail}")).is_some();
                module("/__init__.py") || module(".py")
            })
        };
        guesses.iter().find(exists).unwrap_or(&guesses[0]).clone()
    }
}

/// Whether PyPI accepts this as a project's name (core metadata specification).
pub fn is_project_name(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let outer = |c: char| c.is_ascii_alphanumeric();
    name.chars().all(inner) && name.starts_with(outer) && name.ends_with(outer)
}

/// Checks a project name by PyPI's rules (core metadata specification).
fn checked(name: &str, path: &str, key: &str) -> Result<String, ProjectError> {
    if is_project_name(name) {
        return Ok(name.to_owned());
    }
    let expected = "a project name: letters, digits, and `-`, `_` or `.` between them";
    Err(ProjectError::WrongType { path: path.to_owned(), key: key.to_owned(), expected })
}
