//! Whether a plugin may run. It must be pinned by the project (`release.lock`), and this user must trust it. A pin
//! alone proves nothing: it comes with the repository, as the plugin does. Both cover everything the plugin's command
//! executes ([`Plugin::identity`]); trust also covers the program that starts it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use toml_edit::{Array, DocumentMut, Item, Table, value};

use super::find::{PROJECT_FOLDER, PluginFile, PluginReference, find};
use super::identity::Interpreter;
use super::store::{Plugin, PluginKind, WordFile, sha256};
use crate::error::{Error, Result};
use crate::world::Environment;
use crate::world::document::{read, user_folder, write};
use crate::world::process::quoted;

/// The file with the pins, next to the configuration
pub const LOCK: &str = "release.lock";
/// Trusts plugins without a prompt: `pinned`, for CI, trusts all pinned plugins; an identity counts as both pin and
/// trust. Separate several values with commas.
pub const VARIABLE: &str = "PYRELEASE_TRUST_PLUGINS";
/// The value that trusts all pinned plugins
const PINNED: &str = "pinned";
/// The file with the plugins that the user trusts
const CONSENT: &str = "trust.toml";
/// The key in that file for the programs that may start a plugin
const INTERPRETERS: &str = "interpreters";

/// Scripts run on every machine
const ANY: &str = "any";

/// The target that a file is for.
pub fn target(file: &Path, bytes: &[u8]) -> String {
    let is_script = bytes.starts_with(b"#!") || std::str::from_utf8(bytes).is_ok();
    if PluginKind::of(file) == PluginKind::Executable && is_script {
        return ANY.to_owned();
    }
    let (arch, os) = (std::env::consts::ARCH, std::env::consts::OS);
    match os {
        "linux" if cfg!(target_env = "musl") => format!("{arch}-unknown-linux-musl"),
        "linux" => format!("{arch}-unknown-linux-gnu"),
        "macos" => format!("{arch}-apple-darwin"),
        "windows" if cfg!(target_env = "gnu") => format!("{arch}-pc-windows-gnu"),
        "windows" => format!("{arch}-pc-windows-msvc"),
        other => format!("{arch}-unknown-{other}"),
    }
}

/// Why a plugin may not run
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// The project has not pinned it
    Unpinned,
    /// It differs from the pin
    Changed { pinned: String },
    /// The user does not trust it, or trusts it with another interpreter
    NotTrusted { otherwise: Option<String> },
    /// Other users can write to it
    WritableByOthers { path: PathBuf },
}

/// A plugin's file, and what prevents it from running
#[derive(Debug)]
pub struct Inspection {
    pub plugin: Plugin,
    pub found: Vec<PluginFile>,
    pub target: String,
    /// The program that starts it
    pub interpreter: Option<Interpreter>,
    pub obstacle: Option<Obstacle>,
}

/// Finds a plugin and checks whether it may run, without running it.
///
/// # Errors
/// The plugin is not found, or a file cannot be read.
pub fn look(
    name: &str,
    wanted: &PluginReference,
    root: &Path,
    environment: &Environment,
) -> Result<Inspection> {
    let found = find(wanted, root, environment).map_err(|problem| {
        let error = Error::refused(format!("plugin `{name}` was not found: {problem}"));
        match wanted {
            PluginReference::Name(_) => {
                error.help(format!("put its file into `{PROJECT_FOLDER}`, or set `path = \"FILE\"`"))
            }
            _ => error,
        }
    })?;
    let first = &found[0];
    let bytes = fs_err::read(&first.file)?;
    let mut target = target(&first.file, &bytes);
    let mut files = Vec::new();
    for (at, path) in &first.files {
        let bytes = fs_err::read(path)?;
        if target == ANY {
            target = self::target(path, &bytes);
        }
        files.push(WordFile { at: *at, sha256: sha256(&bytes), source: fs_err::canonicalize(path)? });
    }
    let plugin = Plugin {
        name: name.to_owned(),
        sha256: sha256(&bytes),
        source: fs_err::canonicalize(&first.file)?,
        before: first.before.clone(),
        after: first.after.clone(),
        files,
    };
    plugin.recognise(&bytes, environment);
    let identity = plugin.identity();
    let interpreter = plugin.interpreter(repository_of(root), environment)?;
    let named = std::iter::once(&first.file).chain(first.files.iter().map(|(_, path)| path));
    let behind_links = std::iter::once(&plugin.source).chain(plugin.files.iter().map(|file| &file.source));
    let loose = named.chain(behind_links).find_map(|file| writable_by_others(file));
    let pin = Pins::read(root)?.of(name, &target);
    let obstacle = match pin {
        None if !allows(&identity, environment) => Some(Obstacle::Unpinned),
        Some(pinned) if pinned != identity => Some(Obstacle::Changed { pinned }),
        _ => match loose {
            Some(path) => Some(Obstacle::WritableByOthers { path }),
            None => consent_obstacle(&identity, interpreter.as_ref(), environment)?,
        },
    };
    Ok(Inspection { plugin, found, target, interpreter, obstacle })
}

/// Refuses a plugin that this user does not trust, for a run that already uses it in the repository at `top`.
///
/// # Errors
/// The user does not trust the plugin.
pub fn expect_consent(plugin: &Plugin, top: &Path, environment: &Environment) -> Result<()> {
    let interpreter = plugin.interpreter(top, environment)?;
    match consent_obstacle(&plugin.identity(), interpreter.as_ref(), environment)? {
        None => Ok(()),
        Some(obstacle) => Err(obstacle.refusal(plugin)),
    }
}

/// The top of the repository that contains a project.
fn repository_of(root: &Path) -> &Path {
    root.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(root)
}

impl Inspection {
    /// The plugin, if it may run.
    ///
    /// # Errors
    /// The reason why it may not, and what to do.
    pub fn trusted(self) -> Result<Plugin> {
        match self.obstacle {
            None => Ok(self.plugin),
            Some(obstacle) => Err(obstacle.refusal(&self.plugin)),
        }
    }
}

impl Obstacle {
    /// The error for a plugin that may not run, with help.
    pub fn refusal(&self, plugin: &Plugin) -> Error {
        let (name, file) = (&plugin.name, plugin.source.display());
        let trust = format!("review `{file}`; to allow it, run `pyrelease plugin trust {name}`");
        let identity = plugin.identity();
        match self {
        Self::Unpinned => {
            Error::refused(format!("plugin `{name}` is not pinned in `{LOCK}`, and was not run")).help(trust)
        }
        Self::Changed { pinned } => {
            let error = Error::refused(format!(
                "plugin `{name}` does not match `{LOCK}`: its sha256 is {identity}, but {pinned} is pinned; it was not \
                 run"
            ));
            // Older pins did not cover the words of a command.
            let error = match *pinned == plugin.sha256 {
                true => error.help("the pin covers only its file; pins now cover every word of its command"),
                false => error,
            };
            error.help(trust)
        }
        Self::NotTrusted { otherwise: Some(interpreter) } => Error::refused(format!(
            "you trust plugin `{name}` (sha256 {identity}) with another program than `{interpreter}`, which its \
             command now uses; it was not run"
        ))
        .help(trust)
        .help(format!("or trust it once: set {VARIABLE}={identity}")),
        Self::NotTrusted { otherwise: None } => Error::refused(format!(
            "plugin `{name}` (sha256 {identity}) is not trusted on this machine, and was not run; a pin in the \
             repository is not enough"
        ))
        .help(trust)
        .help(format!(
            "in CI for your own repository, set {VARIABLE}={PINNED} to trust its pins, or \
             {VARIABLE}={identity}"
        )),
        Self::WritableByOthers { path } => Error::refused(format!(
            "plugin `{name}` could be changed by other users: `{}` is writable by them; it was not run",
            path.display()
        ))
        .help(format!("run `chmod go-w {}`", quoted(&path.display().to_string()))),
    }
    }
}

/// The file or its folder, if other users can write to it.
#[cfg(unix)]
fn writable_by_others(file: &Path) -> Option<PathBuf> {
    use std::os::unix::fs::MetadataExt;
    let is_loose = |path: &Path| {
        let Ok(known) = fs_err::metadata(path) else { return true };
        let mode = known.mode();
        let sticky = known.is_dir() && mode & 0o1000 != 0;
        // A group that contains only the user, as many systems create one per user, is fine.
        let own_group = known.uid() == known.gid();
        (mode & 0o002 != 0 && !sticky) || (mode & 0o020 != 0 && !own_group)
    };
    [Some(file), file.parent()].into_iter().flatten().find(|path| is_loose(path)).map(Path::to_owned)
}

#[cfg(not(unix))]
fn writable_by_others(_: &Path) -> Option<PathBuf> {
    None
}

/// The pins of a project
pub struct Pins {
    path: PathBuf,
    document: DocumentMut,
}

impl Pins {
    /// Reads the project's `release.lock`; a missing file has no pins.
    ///
    /// # Errors
    /// The file is not valid TOML.
    pub fn read(root: &Path) -> Result<Self> {
        let path = root.join(LOCK);
        let document = document(&path)?;
        Ok(Self { path, document })
    }

    /// The pinned identity.
    pub fn of(&self, name: &str, target: &str) -> Option<String> {
        Some(self.document.get("plugin")?.get(name)?.get(target)?.as_str()?.to_owned())
    }

    /// Pins a plugin for a target, replacing an earlier pin.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn pin(&mut self, name: &str, target: &str, identity: &str) -> Result<()> {
        let tables = self.document.entry("plugin").or_insert_with(|| {
            let mut table = Table::new();
            table.set_implicit(true);
            Item::Table(table)
        });
        tables[name].or_insert(Item::Table(Table::new()));
        tables[name][target] = value(identity);
        let what = "The pinned plugins of this project's releases, written by `pyrelease plugin trust`";
        write(&self.path, &self.document, what)
    }
}

fn document(path: &Path) -> Result<DocumentMut> {
    read(path).map_err(|error| error.help("delete it, and trust the plugins again"))
}

/// Whether [`VARIABLE`] contains this value.
fn allows(word: &str, environment: &Environment) -> bool {
    environment.get(VARIABLE).is_some_and(|value| value.split(',').any(|part| part.trim() == word))
}

/// Checks whether the user, or the CI's configuration, trusts an identity with its interpreter.
fn consent_obstacle(
    identity: &str,
    interpreter: Option<&Interpreter>,
    environment: &Environment,
) -> Result<Option<Obstacle>> {
    if allows(PINNED, environment) || allows(identity, environment) {
        return Ok(None);
    }
    let agreed = document(&user_folder(environment)?.join(CONSENT))?;
    let Some(entry) = agreed.get("plugin").and_then(|plugins| plugins.get(identity)) else {
        return Ok(Some(Obstacle::NotTrusted { otherwise: None }));
    };
    let is_agreed = |shown: &String| interpreters(entry).any(|agreed| agreed == shown);
    let otherwise = interpreter.map(Interpreter::shown).filter(|shown| !is_agreed(shown));
    Ok(otherwise.map(|shown| Obstacle::NotTrusted { otherwise: Some(shown) }))
}

/// The programs that may start a plugin.
fn interpreters(entry: &Item) -> impl Iterator<Item = &str> {
    let listed = entry.get(INTERPRETERS).and_then(Item::as_array);
    listed.into_iter().flatten().filter_map(|interpreter| interpreter.as_str())
}

/// Records that the user trusts a plugin, with the program that starts it.
///
/// # Errors
/// The file cannot be written.
pub fn agree(looked: &Inspection, environment: &Environment) -> Result<()> {
    let folder = user_folder(environment)?;
    let path = folder.join(CONSENT);
    let mut agreed = document(&path)?;
    let tables = agreed.entry("plugin").or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    });
    let (plugin, identity) = (&looked.plugin, looked.plugin.identity());
    let known = tables.get(&identity).into_iter().flat_map(interpreters).map(str::to_owned);
    let now = looked.interpreter.iter().map(Interpreter::shown);
    let all: BTreeSet<String> = known.chain(now).collect();
    let mut entry = Table::new();
    entry["name"] = value(&plugin.name);
    entry["found"] = value(plugin.source.display().to_string());
    entry["since"] = value(jiff::Timestamp::now().to_string());
    if !all.is_empty() {
        entry[INTERPRETERS] = value(all.into_iter().collect::<Array>());
    }
    tables[&identity] = Item::Table(entry);
    let what = "The plugins that this user trusts, written by `pyrelease plugin trust`";
    write(&path, &agreed, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_for_one_target_and_leaves_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let mut pins = Pins::read(folder.path()).unwrap();
        assert_eq!(pins.of("notify", ANY), None);
        pins.pin("notify", ANY, "aa").unwrap();
        pins.pin("notify", "x86_64-unknown-linux-gnu", "bb").unwrap();
        pins.pin("other", ANY, "cc").unwrap();
        let mut pins = Pins::read(folder.path()).unwrap();
        pins.pin("notify", ANY, "dd").unwrap();
        let pins = Pins::read(folder.path()).unwrap();
        let all = [("notify", ANY), ("notify", "x86_64-unknown-linux-gnu"), ("other", ANY)];
        assert_eq!(all.map(|(name, target)| pins.of(name, target).unwrap()), ["dd", "bb", "cc"]);
    }
}
