//! Whether a plugin may run at all. Two questions: is it what this project pinned (`release.lock`), and has this user
//! agreed to run it? A pin alone proves nothing: it comes with the repository, as the plugin does.

use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Item, Table, value};

use super::find::{Found, PROJECT_FOLDER, Wanted, find};
use super::store::{Carrier, Plugin, sha256};
use crate::error::{Error, Result};
use crate::world::Environment;
use crate::world::document::{read, user_folder, write};

/// The file of the pins, beside the configuration
pub const LOCK: &str = "release.lock";
/// Where it is said which plugins may run where nobody could agree to anything: `pinned`, in CI, says that pins are enough;
/// a sha256 is as good as a pin and an agreement. Several have commas between them.
pub const VARIABLE: &str = "PYRELEASE_TRUST_PLUGINS";
/// The value that says so
const PINNED: &str = "pinned";
/// The file of what the user has agreed to
const CONSENT: &str = "trust.toml";

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
    /// The user has not agreed
    NotAgreed,
    /// Others may write it
    Loose { path: PathBuf },
}

/// A plugin's file looked at, and what stands in its way
#[derive(Debug)]
pub struct Looked {
    pub plugin: Plugin,
    pub found: Vec<Found>,
    pub target: String,
    pub obstacle: Option<Obstacle>,
}

/// Finds a plugin and looks whether it may run; nothing of it does.
///
/// # Errors
/// It is not found, or a file cannot be read.
pub fn look(name: &str, wanted: &Wanted, root: &Path, environment: &Environment) -> Result<Looked> {
    let found = find(wanted, root, environment).map_err(|problem| {
        let error = Error::refused(format!("plugin `{name}` is not found: {problem}"));
        match wanted {
            Wanted::Name(_) => {
                error.help(format!("put its file into `{PROJECT_FOLDER}`, or name it: path = \"FILE\""))
            }
            _ => error,
        }
    })?;
    let first = &found[0];
    let bytes = fs_err::read(&first.file)?;
    let plugin = Plugin {
        name: name.to_owned(),
        sha256: sha256(&bytes),
        source: fs_err::canonicalize(&first.file)?,
        before: first.before.clone(),
        after: first.after.clone(),
    };
    plugin.recognise(&bytes, environment);
    let target = target(&first.file, &bytes);
    let pin = Pins::read(root)?.of(name, &target);
    let obstacle = match pin {
        None if !is_said(&plugin.sha256, environment) => Some(Obstacle::Unpinned),
        Some(pinned) if pinned != plugin.sha256 => Some(Obstacle::Changed { pinned }),
        _ => match loose(&first.file).or_else(|| loose(&plugin.source)) {
            Some(path) => Some(Obstacle::Loose { path }),
            None if has_agreed(&plugin.sha256, environment)? => None,
            None => Some(Obstacle::NotAgreed),
        },
    };
    Ok(Looked { plugin, found, target, obstacle })
}

/// Refuses a plugin that this user has not agreed to, for a run that began with it.
///
/// # Errors
/// They have not.
pub fn expect_consent(plugin: &Plugin, environment: &Environment) -> Result<()> {
    match has_agreed(&plugin.sha256, environment)? {
        true => Ok(()),
        false => Err(Obstacle::NotAgreed.refusal(plugin)),
    }
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
        match self {
        Self::Unpinned => {
            Error::refused(format!("plugin `{name}` is not pinned in `{LOCK}`: nothing of it has run")).help(trust)
        }
        Self::Changed { pinned } => Error::refused(format!(
            "plugin `{name}` is not what `{LOCK}` pins: its sha256 is {}, and {pinned} is pinned; nothing of it has run",
            plugin.sha256
        ))
        .help(trust),
        Self::NotAgreed => Error::refused(format!(
            "you have not agreed to run plugin `{name}` (sha256 {}): that the repository pins it says nothing, since it \
             comes from there too; nothing of it has run",
            plugin.sha256
        ))
        .help(trust)
        .help(format!("in CI, where the pins of a repository of your own are enough: {VARIABLE}={PINNED}")),
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

    /// The sha256 that is pinned.
    pub fn of(&self, name: &str, target: &str) -> Option<String> {
        Some(self.document.get("plugin")?.get(name)?.get(target)?.as_str()?.to_owned())
    }

    /// Pins a plugin, in the place of what was pinned for the target.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn pin(&mut self, name: &str, target: &str, sha256: &str) -> Result<()> {
        let tables = self.document.entry("plugin").or_insert_with(|| {
            let mut table = Table::new();
            table.set_implicit(true);
            Item::Table(table)
        });
        tables[name].or_insert(Item::Table(Table::new()));
        tables[name][target] = value(sha256);
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

/// Whether the user, or whoever set up this CI, has agreed to these bytes.
fn has_agreed(sha256: &str, environment: &Environment) -> Result<bool> {
    if is_said(PINNED, environment) || is_said(sha256, environment) {
        return Ok(true);
    }
    let agreed = document(&user_folder(environment)?.join(CONSENT))?;
    Ok(agreed.get("plugin").is_some_and(|plugins| plugins.get(sha256).is_some()))
}

/// Writes down that the user has agreed to a plugin.
///
/// # Errors
/// The file cannot be written.
pub fn agree(plugin: &Plugin, environment: &Environment) -> Result<()> {
    let folder = user_folder(environment)?;
    let path = folder.join(CONSENT);
    let mut agreed = document(&path)?;
    let tables = agreed.entry("plugin").or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    });
    let mut entry = Table::new();
    entry["name"] = value(&plugin.name);
    entry["found"] = value(plugin.source.display().to_string());
    entry["since"] = value(jiff::Timestamp::now().to_string());
    tables[&plugin.sha256] = Item::Table(entry);
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
