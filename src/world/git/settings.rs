//! Git settings, and copying the user's settings to the private clone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::{Author, PrivateClone, Repository, git, text};
use crate::error::Result;

/// Settings whose values are paths; relative ones are relative to the user's working tree
const PATHS: [&str; 6] = [
    "core.attributesfile",
    "core.excludesfile",
    "commit.template",
    "gpg.ssh.allowedsignersfile",
    "gpg.ssh.revocationfile",
    "user.signingkey",
];

/// Settings whose values are programs; those that contain a slash are paths
const PROGRAMS: [&str; 4] = ["gpg.program", "gpg.openpgp.program", "gpg.ssh.program", "gpg.x509.program"];

/// Files in `.git/info` that affect how files are treated
const INFORMATION: [&str; 2] = ["attributes", "exclude"];

/// The git settings in effect at some folder
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    /// In the order in which git reads them
    all: Vec<Setting>,
    /// The index in `all` of each key's last value
    values: BTreeMap<String, usize>,
    files: BTreeSet<PathBuf>,
}

/// One setting
#[derive(Debug, Clone)]
pub(super) struct Setting {
    /// The key as git lists it: lower case except for the subsection
    pub(super) key: String,
    pub(super) value: String,
    /// Whether it comes from the repository, not from the user or the system
    pub(super) is_own: bool,
}

impl Setting {
    /// Section, subsection and name.
    pub(super) fn parts(&self) -> (&str, Option<&str>, &str) {
        let (section, rest) = self.key.split_once('.').unwrap_or((&self.key, ""));
        match rest.rsplit_once('.') {
            Some((subsection, name)) => (section, Some(subsection), name),
            None => (section, None, rest),
        }
    }
}

impl Settings {
    /// All settings in effect at `top`.
    pub(super) fn at(git: &super::Process, top: &Path) -> Result<Self> {
        let list = ["config", "--list", "--show-scope", "--show-origin", "-z"];
        let listed = git.clone().args(list).read_bytes()?;
        let mut settings = Self::default();
        let listed = String::from_utf8_lossy(&listed).into_owned();
        let mut parts = listed.split('\0');
        while let (Some(scope), Some(origin), Some(entry)) = (parts.next(), parts.next(), parts.next()) {
            if let Some(file) = origin.strip_prefix("file:") {
                settings.files.insert(canonical(&top.join(file)));
            }
            let (key, value) = entry.split_once('\n').unwrap_or((entry, "true"));
            let is_own = !["system", "global", "command"].contains(&scope);
            settings.values.insert(key.to_owned(), settings.all.len());
            settings.all.push(Setting { key: key.to_owned(), value: value.to_owned(), is_own });
        }
        Ok(settings)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Setting> {
        self.all.iter()
    }

    fn has_conditional_includes(&self) -> bool {
        self.all.iter().any(|setting| setting.key.starts_with("includeif."))
    }

    /// The value of a key; only the subsection is case-sensitive.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.find(key).map(|setting| setting.value.as_str())
    }

    fn find(&self, key: &str) -> Option<&Setting> {
        let (section, rest) = key.split_once('.').unwrap_or((key, ""));
        let listed = match rest.rsplit_once('.') {
            Some((middle, name)) => {
                format!("{}.{middle}.{}", section.to_ascii_lowercase(), name.to_ascii_lowercase())
            }
            None => key.to_ascii_lowercase(),
        };
        self.values.get(&listed).and_then(|at| self.all.get(*at))
    }

    /// Whether a boolean setting is on; `None` if it is not set.
    pub(super) fn is_on(&self, key: &str) -> Option<bool> {
        let value = self.get(key)?.to_ascii_lowercase();
        Some(!["false", "no", "off", "0", ""].contains(&value.as_str()))
    }
}

impl PrivateClone {
    /// Writes the clone's configuration: the user's settings first, then the overrides, because later values win.
    pub(super) fn configure(&self, user: &Repository, common: &Path) -> Result<()> {
        for name in INFORMATION {
            let from = common.join("info").join(name);
            if from.is_file() {
                fs_err::create_dir_all(self.top().join(".git/info"))?;
                fs_err::copy(from, self.top().join(".git/info").join(name))?;
            }
        }
        let path = self.top().join(".git/config");
        let own = fs_err::read_to_string(&path)?;
        let settings = user.settings()?;
        let mut includes = vec![common.join("config")];
        includes.push(user.repository.path().join("config.worktree"));
        let included: String = includes.iter().map(|file| include(file)).collect::<Result<_>>()?;
        let overrides = self.overrides(user, common, settings)?;
        fs_err::write(&path, format!("{included}{own}{overrides}"))?;

        if !settings.has_conditional_includes() {
            return Ok(());
        }
        // Conditional includes that depend on the repository's path apply only there, so include their files
        // unconditionally.
        let here = Settings::at(&self.git::<&str>([]), self.top())?;
        let conditional = settings.files.difference(&here.files);
        let conditional: String = conditional.map(|file| include(file)).collect::<Result<_>>()?;
        if !conditional.is_empty() {
            fs_err::write(&path, format!("{conditional}{included}{own}{overrides}"))?;
        }
        Ok(())
    }

    fn overrides(&self, user: &Repository, common: &Path, settings: &Settings) -> Result<String> {
        let hooks = match settings.get("core.hookspath") {
            Some(_) => user.top().join(git(user.top(), ["rev-parse", "--git-path", "hooks"]).read()?),
            None => common.join("hooks"),
        };
        let mut written = String::new();
        // `git init` wrote `bare = false`, but a `core.worktree` in the user's settings would redirect this clone.
        let _ = writeln!(
            written,
            "[core]\n\tworktree = {}\n\thooksPath = {}",
            quoted(self.top())?,
            quoted(&hooks)?
        );
        // Do not watch a folder that is deleted soon.
        written.push_str("\tfsmonitor = false\n");
        written.push_str("[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n[submodule]\n\trecurse = false\n");
        // Share the user's large files: the clone has no remote to fetch them from.
        let _ = writeln!(written, "[lfs]\n\tstorage = {}", quoted(&large_files(common, settings))?);
        written.extend(user.author.get().map(Author::section));
        for key in PATHS.iter().chain(&PROGRAMS) {
            let Some(value) = settings.get(key) else { continue };
            let relative = Path::new(value).is_relative() && !value.starts_with(['~', '%']);
            let is_path = PATHS.contains(key) || value.contains('/');
            let path = user.top().join(value);
            if relative && is_path && path.exists() {
                let (section, name) = key.rsplit_once('.').unwrap_or((key, ""));
                let section = match section.split_once('.') {
                    Some((section, subsection)) => format!("{section} \"{subsection}\""),
                    None => section.to_owned(),
                };
                let _ = writeln!(written, "[{section}]\n\t{name} = {}", quoted(&path)?);
            }
        }
        Ok(written)
    }
}

impl Repository {
    /// A configured value, after all includes.
    pub fn configured(&self, key: &str) -> Option<String> {
        self.settings().ok()?.get(key).map(str::to_owned)
    }

    /// Whether a boolean setting is on; `None` if it is not set.
    pub(super) fn is_on(&self, key: &str) -> Option<bool> {
        self.settings().ok()?.is_on(key)
    }

    /// Whether the effective value comes from the repository's own settings.
    pub(super) fn is_own(&self, key: &str) -> bool {
        self.settings().is_ok_and(|settings| settings.find(key).is_some_and(|setting| setting.is_own))
    }

    /// The storage folder of Git LFS.
    ///
    /// # Errors
    /// The settings cannot be read.
    pub(super) fn large_files(&self) -> Result<PathBuf> {
        Ok(large_files(&canonical(self.common_folder()), self.settings()?))
    }

    pub(super) fn settings(&self) -> Result<&Settings> {
        if self.settings.get().is_none() {
            let settings = Settings::at(&git::<&str>(self.top(), []), self.top())?;
            let _ = self.settings.set(settings);
        }
        Ok(self.settings.get_or_init(Settings::default))
    }
}

fn large_files(common: &Path, settings: &Settings) -> PathBuf {
    common.join(settings.get("lfs.storage").unwrap_or("lfs"))
}

fn canonical(path: &Path) -> PathBuf {
    fs_err::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn include(file: &Path) -> Result<String> {
    if !file.is_file() {
        return Ok(String::new());
    }
    Ok(format!("[include]\n\tpath = {}\n", quoted(file)?))
}

fn quoted(path: &Path) -> Result<String> {
    let text =
        text(path)?.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\t', "\\t");
    Ok(format!("\"{text}\""))
}
