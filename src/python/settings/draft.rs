//! Collects the settings of one tool, and checks each before it counts.

use serde_json::Value;

use super::account::{self, Fate, Fates, Hook, HookTime, same};
use super::sources::{Reading, Sources, Table};
use super::tag::TagSetting;
use super::template::{self, Fields, Style};
use super::{ToolSettings, glob};
use crate::python::project::{VersionLocation, VersionSyntax, bump_all};
use crate::python::version::Version;

/// The most places of one tool
const MOST: usize = 100;

/// The most reasons of one tool, and the longest in characters
const MOST_REASONS: usize = 20;
const LONGEST_REASON: usize = 400;

/// Files that state a version in the spelling of Semantic Versioning
const SEMANTIC: [&str; 2] = ["Cargo.toml", "package.json"];

/// The settings of one tool, as far as they were read
pub(super) struct Draft<'s> {
    sources: &'s Sources<'s>,
    pub(super) settings: ToolSettings,
    /// The version that every place must state
    version: Option<Version>,
    tried: usize,
    /// The entry that is being read, such as `files[2]`
    at: String,
    /// The settings that cannot be followed, and why
    refused: Vec<(String, String)>,
    /// The entries whose fate differs from that of others
    settled: Vec<(String, Fate)>,
    /// Why the tool seems to be no longer used
    stale: Option<String>,
    /// What the file calls an entry: `[bumpversion:file:setup.py]` for `files[0]`
    labels: Vec<(String, String)>,
}

impl<'s> Draft<'s> {
    pub(super) fn new(sources: &'s Sources<'s>, tool: &'static str, file: &str) -> Self {
        let settings = ToolSettings {
            tool,
            file: file.to_owned(),
            tag: None,
            annotated: None,
            signed: None,
            tag_message: None,
            commit_message: None,
            places: Vec::new(),
            origins: Vec::new(),
            record: None,
            calver: false,
            commits: None,
            hooks: Vec::new(),
            wheels: None,
            reopen: None,
            changelog: None,
            unread: Vec::new(),
            account: Vec::new(),
        };
        let version = sources.version.clone();
        Self {
            sources,
            settings,
            version,
            tried: 0,
            at: String::new(),
            refused: Vec::new(),
            settled: Vec::new(),
            stale: None,
            labels: Vec::new(),
        }
    }

    /// Settings of which only the problem is known.
    pub(super) fn unreadable(
        sources: &'s Sources<'s>,
        tool: &'static str,
        file: &str,
        reason: String,
    ) -> ToolSettings {
        let mut draft = Self::new(sources, tool, file);
        draft.unread(reason.clone());
        draft.settings.account.push(account::Setting::unreadable(reason));
        draft.settings
    }

    /// What follows is about an entry of the settings, such as `files[2]`; about none if it is empty.
    pub(super) fn within(&mut self, entry: impl Into<String>) {
        self.at = entry.into();
    }

    /// The key of an entry: of a list, or the setting itself if it is a text.
    pub(super) fn entry(table: &Table, key: &str, at: usize) -> String {
        if table.get(key).is_some_and(Value::is_array) { format!("{key}[{at}]") } else { key.to_owned() }
    }

    /// Ends the reading: what becomes of every setting in `table`.
    pub(super) fn finish(mut self, table: &Table, fates: &Fates) -> ToolSettings {
        self.settings.account = account::of(table, fates, (&self.settled, &self.refused), self.settings.tool);
        if let Some(reason) = &self.stale {
            let open = self.settings.account.iter_mut().map(|setting| &mut setting.fate);
            let open = open.filter(|fate| matches!(fate, Fate::NeedsUser(_)));
            open.for_each(|fate| *fate = Fate::Dropped(reason.clone().into()));
        }
        let keys = self.settings.account.iter_mut().map(|setting| &mut setting.key);
        let hooks = self.settings.hooks.iter_mut().map(|hook| &mut hook.key);
        for key in keys.chain(&mut self.settings.origins).chain(hooks) {
            for (entry, label) in &self.labels {
                if let Some(rest) = key.strip_prefix(entry.as_str())
                    && (rest.is_empty() || rest.starts_with('.'))
                {
                    *key = format!("{label} {}", rest.trim_start_matches('.')).trim_end().to_owned();
                    break;
                }
            }
        }
        self.settings
    }

    pub(super) fn project_name(&self) -> Option<&str> {
        self.sources.project.as_ref().map(|project| project.name.as_str())
    }

    /// The version that every place must state.
    pub(super) fn version(&self) -> Option<&Version> {
        self.version.as_ref()
    }

    pub(super) fn text(&self, path: &str) -> Reading<Option<String>> {
        self.sources.text(path)
    }

    /// What the file calls an entry.
    pub(super) fn label(&mut self, entry: String, label: String) {
        self.labels.push((entry, label));
    }

    /// Adds a reason why the entry that is being read does not count.
    pub(super) fn unread(&mut self, reason: impl Into<String>) {
        self.unread_at("", reason);
    }

    /// Adds a reason why a setting does not count.
    pub(super) fn unread_at(&mut self, key: &str, reason: impl Into<String>) {
        let mut reason = reason.into();
        if let Some((end, _)) = reason.char_indices().nth(LONGEST_REASON) {
            reason.truncate(end);
            reason.push('…');
        }
        let separator = if self.at.is_empty() || key.is_empty() { "" } else { "." };
        self.refused.push((format!("{}{separator}{key}", self.at), reason.clone()));
        self.warn(reason);
    }

    /// Adds a warning for a release; the fates of the settings have more on it.
    pub(super) fn warn(&mut self, reason: String) {
        if self.settings.unread.len() < MOST_REASONS && !self.settings.unread.contains(&reason) {
            self.settings.unread.push(reason);
        }
    }

    /// The value, or else none and its reason.
    fn noted<T>(&mut self, key: &str, reading: Reading<Option<T>>) -> Option<T> {
        reading.unwrap_or_else(|reason| {
            self.unread_at(key, reason);
            None
        })
    }

    pub(super) fn string(&mut self, table: &Table, key: &str) -> Option<String> {
        self.noted(
            key,
            match table.get(key) {
                None => Ok(None),
                Some(Value::String(text)) => Ok(Some(text.clone())),
                Some(_) => Err(format!("`{key}` is not a string")),
            },
        )
    }

    /// A flag, also in the spellings of INI files.
    pub(super) fn flag(&mut self, table: &Table, key: &str) -> Option<bool> {
        let wrong = || Err(format!("`{key}` is not true or false"));
        self.noted(
            key,
            match table.get(key) {
                None => Ok(None),
                Some(Value::Bool(flag)) => Ok(Some(*flag)),
                Some(Value::String(text)) => match text.to_lowercase().as_str() {
                    "true" | "yes" | "on" | "1" => Ok(Some(true)),
                    "false" | "no" | "off" | "0" | "" => Ok(Some(false)),
                    _ => wrong(),
                },
                Some(_) => wrong(),
            },
        )
    }

    /// A list of strings; of a single string, its lines.
    pub(super) fn list(&mut self, table: &Table, key: &str) -> Vec<String> {
        match table.get(key) {
            None => Vec::new(),
            Some(Value::String(text)) => text.lines().map(str::to_owned).collect(),
            Some(Value::Array(items)) if items.iter().all(Value::is_string) => {
                items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            Some(_) => {
                self.unread_at(key, format!("`{key}` is not a list of strings"));
                Vec::new()
            }
        }
    }

    /// A list of tables.
    pub(super) fn tables(&mut self, table: &Table, key: &str) -> Vec<Table> {
        match table.get(key) {
            None => Vec::new(),
            Some(Value::Array(items)) if items.iter().all(Value::is_object) => {
                items.iter().filter_map(Value::as_object).take(MOST + 1).cloned().collect()
            }
            Some(_) => {
                self.unread_at(key, format!("`{key}` is not a list of tables"));
                Vec::new()
            }
        }
    }

    /// Adds a warning for each of the keys that is set; the fates of the settings have more on them.
    pub(super) fn unfollowed(&mut self, table: &Table, keys: &[(&str, &str)]) {
        for (key, reason) in keys {
            if table.get(*key).is_some_and(account::is_on) {
                self.warn(format!("`{key}`: {reason}"));
            }
        }
    }

    /// The current version as the setting `key` states it, and its place. The version counts if the project itself states
    /// none.
    pub(super) fn current_version(&mut self, key: &str, text: &str, place: VersionLocation) {
        if let Ok(version) = text.trim().parse::<Version>() {
            match &self.version {
                Some(known) if version < *known => {
                    let tool = self.settings.tool;
                    self.stale = Some(format!("{tool} is no longer used: it knows {version}, not {known}"));
                }
                Some(_) => {}
                None => self.version = Some(version),
            }
        }
        self.within(key);
        self.place(place.clone(), false);
        self.within("");
        if self.settings.places.contains(&place) {
            self.settings.record = Some(place);
        }
    }

    /// Adds the commands of a setting.
    pub(super) fn hooks(&mut self, key: &str, name: &str, time: HookTime, commands: Vec<String>) {
        let commands: Vec<String> = commands.into_iter().filter(|one| !one.trim().is_empty()).collect();
        if !commands.is_empty() && self.settings.hooks.len() < MOST {
            self.settings.hooks.push(Hook { key: key.to_owned(), name: name.to_owned(), time, commands });
        }
    }

    /// Sets the template of tags.
    pub(super) fn tag(&mut self, key: &str, text: &str, style: Style, fields: &Fields) {
        match template::translate(text, style, fields) {
            Ok(name) if name.matches('{').count() == 1 && name.contains("{version}") => {
                self.settings.tag = Some(TagSetting::Template(name));
            }
            Ok(_) => self.unread_at(
                key,
                format!("`{key}` must contain the version once, and nothing else that varies"),
            ),
            Err(reason) => self.unread_at(key, format!("`{key}`: {reason}")),
        }
    }

    /// The template of a message; none if it is empty or cannot be translated.
    pub(super) fn message(&mut self, key: &str, text: &str, style: Style, fields: &Fields) -> Option<String> {
        match template::translate(text.trim(), style, fields) {
            Ok(message) => Some(message).filter(|message| !message.is_empty()),
            Err(reason) => {
                self.unread_at(key, format!("`{key}`: {reason}"));
                None
            }
        }
    }

    /// Sets the changelog.
    pub(super) fn changelog(&mut self, key: &str, path: &str) {
        match inside(path) {
            Some(path) => self.settings.changelog = Some(path),
            None => self.unread_at(key, format!("`{key}`: `{path}` is not a path in the project")),
        }
    }

    /// The files that a path or a pattern of paths names.
    pub(super) fn paths(&mut self, path: &str, optional: bool) -> Vec<String> {
        let Some(path) = inside(path) else {
            self.unread(format!("`{path}` is not a path in the project"));
            return Vec::new();
        };
        if !glob::is_pattern(&path) || self.sources.files.read(&path).is_some() {
            return vec![path];
        }
        let found = glob::matching(self.sources.files, &path);
        if found.is_empty() && !optional {
            self.unread(format!("`{path}` matches no file"));
        }
        found
    }

    /// Adds a place that a text search describes, in files of some kinds by their own syntax instead. A changelog is no
    /// place: it keeps earlier versions, and its section and links are promoted by another stage.
    pub(super) fn search(&mut self, path: &str, how: VersionSyntax, optional: bool) {
        if is_changelog(path) {
            self.is_changelog(path);
            return;
        }
        let name = path.rsplit('/').next().unwrap_or(path);
        if SEMANTIC.contains(&name)
            && let Ok(Some(_)) = self.sources.text(path)
            && let Ok(places) = VersionLocation::for_file(path, self.sources.files)
            && places.iter().all(|place| self.check(place).is_ok())
        {
            for place in places {
                self.place(place, optional);
            }
            return;
        }
        self.place(VersionLocation { path: path.to_owned(), how }, optional);
    }

    /// The entry that is being read is the changelog, unless another one is known.
    pub(super) fn is_changelog(&mut self, path: &str) {
        self.settings.changelog.get_or_insert_with(|| path.to_owned());
        self.settled.push((
            self.at.clone(),
            same("the changelog gets the version's section, as the stage `changelog` writes it"),
        ));
    }

    /// Adds a string in a TOML file.
    pub(super) fn toml_key(&mut self, path: &str, keys: &[&str], optional: bool) {
        self.place(toml_place(path, keys), optional);
    }

    /// Adds a place if it states the current version; an optional one that does not is left out silently.
    pub(super) fn place(&mut self, place: VersionLocation, optional: bool) {
        if self.settings.places.contains(&place) {
            return;
        }
        self.tried += 1;
        if self.tried > MOST {
            self.unread(format!("only the first {MOST} places of the version are read"));
            return;
        }
        match self.check(&place) {
            Ok(()) => {
                self.settings.places.push(place);
                self.settings.origins.push(self.at.clone());
            }
            Err(_) if optional => {}
            Err(reason) => self.unread(reason),
        }
    }

    fn check(&self, place: &VersionLocation) -> Reading<()> {
        let path = place.path.as_str();
        let text = self.sources.text(path)?.ok_or_else(|| format!("`{path}` does not exist"))?;
        let Some(version) = &self.version else {
            let read = place.read(&text).map_err(|error| error.to_string())?;
            return read
                .map(drop)
                .ok_or_else(|| format!("`{path}` is not searched: the current version is not known"));
        };
        let earlier = self.sources.places().iter().chain(&self.settings.places);
        let mut together: Vec<VersionLocation> =
            earlier.filter(|other| other.path == path).cloned().collect();
        together.push(place.clone());
        match bump_all(self.sources.files, &together, version, version) {
            Ok(_) => Ok(()),
            Err(problems) => Err(problems
                .first()
                .map_or_else(|| format!("`{path}` cannot be bumped"), ToString::to_string)),
        }
    }
}

/// A string in a TOML file as a place of the version.
pub(super) fn toml_place(path: &str, keys: &[&str]) -> VersionLocation {
    let name = path.rsplit('/').next().unwrap_or(path);
    let how = match (name, keys) {
        ("pyproject.toml", ["project", "version"]) => VersionSyntax::PyprojectProject,
        ("pyproject.toml", ["tool", "poetry", "version"]) => VersionSyntax::PyprojectPoetry,
        ("Cargo.toml", ["package", "version"]) => VersionSyntax::Cargo,
        ("Cargo.toml", ["workspace", "package", "version"]) => VersionSyntax::CargoWorkspace,
        _ => VersionSyntax::TomlKey { keys: keys.iter().map(|key| (*key).to_owned()).collect() },
    };
    VersionLocation { path: path.to_owned(), how }
}

/// Whether a file is a changelog, by its usual names.
pub(super) fn is_changelog(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
    let (stem, extension) = name.split_once('.').unwrap_or((&name, ""));
    ["changelog", "changes", "history", "news", "release_notes", "release-notes"].contains(&stem)
        && ["", "md", "markdown", "rst", "txt", "adoc"].contains(&extension)
}

/// The path with `/` as separator and without `.`; none if it is absolute or may leave the project.
pub(super) fn inside(path: &str) -> Option<String> {
    let path = path.trim().replace('\\', "/");
    if path.starts_with('/') || path.contains([':', '\0']) || path.len() > 500 {
        return None;
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.is_empty() || parts.contains(&"..") { None } else { Some(parts.join("/")) }
}
