//! Whether a plugin may run at all. Two questions: is it what this project pinned (`release.lock`), and has this user
//! agreed to run it? A pin alone proves nothing: it comes with the repository, as the plugin does. Both are about all that
//! its command executes ([`Plugin::identity`]); the user also agrees to the program that starts it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use toml_edit::{Array, DocumentMut, Item, Table, value};

use super::find::{PROJECT_FOLDER, PluginFile, PluginReference, find};
use super::identity::Interpreter;
use super::store::{Carrier, Plugin, WordFile, sha256};
use crate::error::{Error, Result};
use crate::world::Environment;
use crate::world::document::{read, user_folder, write};

/// The file of the pins, beside the configuration
pub const LOCK: &str = "release.lock";
/// Where it is said which plugins may run where nobody could agree to anything: `pinned`, in CI, says that pins are enough;
/// what a plugin is known by is as good as a pin and an agreement. Several have commas between them.
pub const VARIABLE: &str = "PYRELEASE_TRUST_PLUGINS";
/// The value that says so
const PINNED: &str = "pinned";
/// The file of what the user has agreed to
const CONSENT: &str = "trust.toml";
/// In that file, the programs that may start a plugin
const INTERPRETERS: &str = "interpreters";

/// Scripts are the same everywhere
const ANY: &str = "any";

/// For which machines the file is.
pub fn target(file: &Path, bytes: &[u8]) -> String {
    let is_script = bytes.starts_with(b"#!") || std::str::from_utf8(bytes).is_ok();
    if Carrier::of(file) == Carrier::Executable && is_script {
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

/// What stands in the way of running a plugin
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// The project has not pinned it
    Unpinned,
    /// It is not what the project pinned
    Changed { pinned: String },
    /// The user has not agreed, or only to another program that starts it
    NotAgreed { otherwise: Option<String> },
    /// Others may write it
    Loose { path: PathBuf },
}

/// A plugin's file looked at, and what stands in its way
#[derive(Debug)]
pub struct Looked {
    pub plugin: Plugin,
    pub found: Vec<PluginFile>,
    pub target: String,
    /// What starts it
    pub interpreter: Option<Interpreter>,
    pub obstacle: Option<Obstacle>,
}

/// Finds a plugin and looks whether it may run; nothing of it does.
///
/// # Errors
/// It is not found, or a file cannot be read.
pub fn look(name: &str, wanted: &PluginReference, root: &Path, environment: &Environment) -> Result<Looked> {
    let found = find(wanted, root, environment).map_err(|problem| {
        let error = Error::refused(format!("plugin `{name}` is not found: {problem}"));
        match wanted {
            PluginReference::Name(_) => {
                error.help(format!("put its file into `{PROJECT_FOLDER}`, or name it: path = \"FILE\""))
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
    let loose = named.chain(behind_links).find_map(|file| loose(file));
    let pin = Pins::read(root)?.of(name, &target);
    let obstacle = match pin {
        None if !is_said(&identity, environment) => Some(Obstacle::Unpinned),
        Some(pinned) if pinned != identity => Some(Obstacle::Changed { pinned }),
        _ => match loose {
            Some(path) => Some(Obstacle::Loose { path }),
            None => disagreement(&identity, interpreter.as_ref(), environment)?,
        },
    };
    Ok(Looked { plugin, found, target, interpreter, obstacle })
}

/// Refuses a plugin that this user has not agreed to, for a run that began with it in the repository at `top`.
///
/// # Errors
/// They have not.
pub fn expect_consent(plugin: &Plugin, top: &Path, environment: &Environment) -> Result<()> {
    let interpreter = plugin.interpreter(top, environment)?;
    match disagreement(&plugin.identity(), interpreter.as_ref(), environment)? {
        None => Ok(()),
        Some(obstacle) => Err(obstacle.refusal(plugin)),
    }
}

/// The top of the repository that a project lies in.
fn repository_of(root: &Path) -> &Path {
    root.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(root)
}

impl Looked {
    /// The plugin, if it may run.
    ///
    /// # Errors
    /// What stands in its way, and what to do.
    pub fn trusted(self) -> Result<Plugin> {
        match self.obstacle {
            None => Ok(self.plugin),
            Some(obstacle) => Err(obstacle.refusal(&self.plugin)),
        }
    }
}

impl Obstacle {
    /// Why the plugin does not run, and what to do.
    pub fn refusal(&self, plugin: &Plugin) -> Error {
        let (name, file) = (&plugin.name, plugin.source.display());
        let trust = format!("look at `{file}`, and if you want it to run: `pyrelease plugin trust {name}`");
        let identity = plugin.identity();
        match self {
        Self::Unpinned => {
            Error::refused(format!("plugin `{name}` is not pinned in `{LOCK}`: nothing of it has run")).help(trust)
        }
        Self::Changed { pinned } => {
            let error = Error::refused(format!(
                "plugin `{name}` is not what `{LOCK}` pins: its sha256 is {identity}, and {pinned} is pinned; nothing of it \
                 has run"
            ));
            // As it was pinned before a pin covered the words of a command.
            let error = match *pinned == plugin.sha256 {
                true => error.help("what is pinned is its file alone; now it is pinned with every word of its command"),
                false => error,
            };
            error.help(trust)
        }
        Self::NotAgreed { otherwise: Some(interpreter) } => Error::refused(format!(
            "you have agreed to run plugin `{name}` (sha256 {identity}) by another program than `{interpreter}`, which its \
             command finds now; nothing of it has run"
        ))
        .help(trust)
        .help(format!("or name it for this once: {VARIABLE}={identity}")),
        Self::NotAgreed { otherwise: None } => Error::refused(format!(
            "you have not agreed to run plugin `{name}` (sha256 {identity}): that the repository pins it says nothing, since \
             it comes from there too; nothing of it has run"
        ))
        .help(trust)
        .help(format!(
            "in CI, where the pins of a repository of your own are enough: {VARIABLE}={PINNED}; or name it: \
             {VARIABLE}={identity}"
        )),
        Self::Loose { path } => Error::refused(format!(
            "plugin `{name}` could be changed by others: `{}` is writable for them; nothing of it has run",
            path.display()
        ))
        .help(format!("`chmod go-w {}`", path.display())),
    }
    }
}

/// The file or its folder, if others may write it.
#[cfg(unix)]
fn loose(file: &Path) -> Option<PathBuf> {
    use std::os::unix::fs::MetadataExt;
    let is_loose = |path: &Path| {
        let Ok(known) = fs_err::metadata(path) else { return true };
        let mode = known.mode();
        let sticky = known.is_dir() && mode & 0o1000 != 0;
        // A group that is the user's own, as many systems make one for each, is nobody else.
        let own_group = known.uid() == known.gid();
        (mode & 0o002 != 0 && !sticky) || (mode & 0o020 != 0 && !own_group)
    };
    [Some(file), file.parent()].into_iter().flatten().find(|path| is_loose(path)).map(Path::to_owned)
}

#[cfg(not(unix))]
fn loose(_: &Path) -> Option<PathBuf> {
    None
}

/// The pins of a project
pub struct Pins {
    path: PathBuf,
    document: DocumentMut,
}

impl Pins {
    /// Reads the project's `release.lock`; none are in one that is not there.
    ///
    /// # Errors
    /// It is not TOML.
    pub fn read(root: &Path) -> Result<Self> {
        let path = root.join(LOCK);
        let document = document(&path)?;
        Ok(Self { path, document })
    }

    /// What is pinned.
    pub fn of(&self, name: &str, target: &str) -> Option<String> {
        Some(self.document.get("plugin")?.get(name)?.get(target)?.as_str()?.to_owned())
    }

    /// Pins a plugin, in the place of what was pinned for the target.
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
        let what = "What the plugins of this project's releases are: written by `pyrelease plugin trust`";
        write(&self.path, &self.document, what)
    }
}

fn document(path: &Path) -> Result<DocumentMut> {
    read(path).map_err(|error| error.help("delete it, and trust the plugins again"))
}

/// Whether [`VARIABLE`] says this.
fn is_said(word: &str, environment: &Environment) -> bool {
    environment.get(VARIABLE).is_some_and(|said| said.split(',').any(|said| said.trim() == word))
}

/// Why the user, or whoever set up this CI, has not agreed to what is known by this, started so.
fn disagreement(
    identity: &str,
    interpreter: Option<&Interpreter>,
    environment: &Environment,
) -> Result<Option<Obstacle>> {
    if is_said(PINNED, environment) || is_said(identity, environment) {
        return Ok(None);
    }
    let agreed = document(&user_folder(environment)?.join(CONSENT))?;
    let Some(entry) = agreed.get("plugin").and_then(|plugins| plugins.get(identity)) else {
        return Ok(Some(Obstacle::NotAgreed { otherwise: None }));
    };
    let is_agreed = |shown: &String| interpreters(entry).any(|agreed| agreed == shown);
    let otherwise = interpreter.map(Interpreter::shown).filter(|shown| !is_agreed(shown));
    Ok(otherwise.map(|shown| Obstacle::NotAgreed { otherwise: Some(shown) }))
}

/// The programs that may start a plugin.
fn interpreters(entry: &Item) -> impl Iterator<Item = &str> {
    let listed = entry.get(INTERPRETERS).and_then(Item::as_array);
    listed.into_iter().flatten().filter_map(|interpreter| interpreter.as_str())
}

/// Writes down that the user has agreed to a plugin, and to what starts it.
///
/// # Errors
/// The file cannot be written.
pub fn agree(looked: &Looked, environment: &Environment) -> Result<()> {
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
    let what = "The plugins that this user has agreed to run: written by `pyrelease plugin trust`";
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
