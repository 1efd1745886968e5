//! Where a plugin is: nothing is run to find out.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::world::Environment;
use crate::world::document::user_folder;

/// What a stage says of its plugin
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Its name, to be looked for
    Name(String),
    /// Its file, relative to the project
    Path(String),
    /// A command, one word of which is its file
    Command(Vec<String>),
}

/// Where something was found
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// Named by the configuration
    Configuration,
    /// In the project's `.pyrelease/plugins`
    Project,
    /// In the user's data folder
    User,
    /// A program on PATH
    Path,
}

impl Place {
    pub fn shown(self) -> &'static str {
        match self {
            Self::Configuration => "named in the configuration",
            Self::Project => "in .pyrelease/plugins",
            Self::User => "in your data folder",
            Self::Path => "on PATH",
        }
    }
}

/// A plugin's file, nothing of which has run
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub file: PathBuf,
    pub before: Vec<String>,
    pub after: Vec<String>,
    pub place: Place,
}

/// The beginning of the names of plugins on PATH
pub const PREFIX: &str = "pyrelease-stage-";
/// Where the plugins of a project are, seen from its folder
pub const PROJECT_FOLDER: &str = ".pyrelease/plugins";

/// Where the user's own plugins are.
pub fn user_plugins(environment: &Environment) -> Option<PathBuf> {
    user_folder(environment).ok().map(|folder| folder.join("plugins"))
}

/// All places that have it, the first of which counts.
///
/// # Errors
/// What is wrong with what is wanted, and where it was looked for.
pub fn find(wanted: &Wanted, root: &Path, environment: &Environment) -> Result<Vec<Found>, String> {
    let one = |file: PathBuf, before: &[String], after: &[String]| {
        vec![Found { file, before: before.to_vec(), after: after.to_vec(), place: Place::Configuration }]
    };
    match wanted {
        Wanted::Path(path) => {
            let file = root.join(path);
            if file.is_file() { Ok(one(file, &[], &[])) } else { Err(format!("there is no file `{path}`")) }
        }
        Wanted::Command(words) => {
            let is_file = |word: &String| root.join(word).is_file() && !Path::new(word).is_absolute();
            let at = words.iter().position(is_file).ok_or_else(|| {
                "none of its words is a file of the project, and nothing else can be pinned".to_owned()
            })?;
            Ok(one(root.join(&words[at]), &words[..at], &words[at + 1..]))
        }
        Wanted::Name(name) => {
            let found = named(name, root, environment);
            if found.is_empty() {
                return Err(format!(
                    "it is neither in `{PROJECT_FOLDER}`, nor in `{}`, nor is `{PREFIX}{name}` on PATH",
                    user_plugins(environment).unwrap_or_default().display()
                ));
            }
            Ok(found)
        }
    }
}

fn named(name: &str, root: &Path, environment: &Environment) -> Vec<Found> {
    let mut folders = vec![(root.join(PROJECT_FOLDER), Place::Project)];
    folders.extend(user_plugins(environment).map(|folder| (folder, Place::User)));
    let in_folders = folders.into_iter().filter_map(|(folder, place)| {
        file_names(name)
            .into_iter()
            .map(|file| folder.join(file))
            .find(|file| file.is_file())
            .map(|file| (file, place))
    });
    let programs = environment.search_path().into_iter().filter_map(|folder| {
        let ending = std::env::consts::EXE_SUFFIX;
        let file = folder.join(format!("{PREFIX}{name}{ending}"));
        file.is_file().then_some((file, Place::Path))
    });
    let found = |(file, place)| Found { file, before: Vec::new(), after: Vec::new(), place };
    in_folders.chain(programs).map(found).collect()
}

/// How the file of a plugin may be called: a library as compilers name them, a script, or a program.
fn file_names(name: &str) -> Vec<String> {
    use std::env::consts::{DLL_PREFIX, DLL_SUFFIX, EXE_SUFFIX};
    let library = name.replace('-', "_");
    let mut names = vec![
        format!("{DLL_PREFIX}{library}{DLL_SUFFIX}"),
        format!("{name}{DLL_SUFFIX}"),
        format!("{name}.py"),
        format!("{name}{EXE_SUFFIX}"),
        format!("{PREFIX}{name}{EXE_SUFFIX}"),
    ];
    names.dedup();
    names
}

/// The plugins in a folder, by name.
pub fn in_folder(folder: &Path) -> Vec<(String, PathBuf)> {
    use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
    let entries = fs_err::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<(String, PathBuf)> = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .filter_map(|path| {
            let file = path.file_name()?.to_str()?;
            let name = file.strip_suffix(DLL_SUFFIX).map_or_else(
                || file.strip_suffix(".py").unwrap_or(file).trim_start_matches(PREFIX).to_owned(),
                |name| name.strip_prefix(DLL_PREFIX).unwrap_or(name).replace('_', "-"),
            );
            Some((name, path))
        })
        .collect();
    found.sort();
    found
}
