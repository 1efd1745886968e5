//! Finds plugins, without running anything.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::world::Environment;
use crate::world::document::user_folder;

/// How a stage names its plugin
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PluginReference {
    /// By name
    Name(String),
    /// By file, relative to the project
    Path(String),
    /// By a command that contains its file
    Command(Vec<String>),
}

/// Where a plugin was found
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PluginLocation {
    /// Named in the configuration
    Configuration,
    /// In the project's `.pyrelease/plugins`
    Project,
    /// In the user's data folder
    User,
    /// A program on PATH
    Path,
}

impl PluginLocation {
    pub fn shown(self) -> &'static str {
        match self {
            Self::Configuration => "named in the configuration",
            Self::Project => "in .pyrelease/plugins",
            Self::User => "in your data folder",
            Self::Path => "on PATH",
        }
    }
}

/// A plugin's file; nothing of it has run
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginFile {
    pub file: PathBuf,
    pub before: Vec<String>,
    pub after: Vec<String>,
    /// The words of `after` that are files of the project, with their positions
    pub files: Vec<(usize, PathBuf)>,
    pub place: PluginLocation,
}

/// The prefix of the names of plugins on PATH
pub const PREFIX: &str = "pyrelease-stage-";
/// The folder of a project's plugins, relative to the project
pub const PROJECT_FOLDER: &str = ".pyrelease/plugins";

/// The folder of the user's plugins.
pub fn user_plugins(environment: &Environment) -> Option<PathBuf> {
    user_folder(environment).ok().map(|folder| folder.join("plugins"))
}

/// Finds the plugin in all locations; the first one wins.
///
/// # Errors
/// The plugin is not found, or its command is not valid.
pub fn find(
    wanted: &PluginReference,
    root: &Path,
    environment: &Environment,
) -> Result<Vec<PluginFile>, String> {
    match wanted {
        PluginReference::Path(path) => {
            let file = root.join(path);
            if file.is_file() {
                Ok(vec![PluginFile::without_command(file, PluginLocation::Configuration)])
            } else {
                Err(format!("file `{path}` does not exist"))
            }
        }
        PluginReference::Command(words) => Ok(vec![command(words, root)?]),
        PluginReference::Name(name) => {
            let found = named(name, root, environment);
            if found.is_empty() {
                return Err(format!(
                    "it is not in `{PROJECT_FOLDER}` or `{}`, and `{PREFIX}{name}` is not on PATH",
                    user_plugins(environment).unwrap_or_default().display()
                ));
            }
            Ok(found)
        }
    }
}

fn named(name: &str, root: &Path, environment: &Environment) -> Vec<PluginFile> {
    let mut folders = vec![(root.join(PROJECT_FOLDER), PluginLocation::Project)];
    folders.extend(user_plugins(environment).map(|folder| (folder, PluginLocation::User)));
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
        file.is_file().then_some((file, PluginLocation::Path))
    });
    in_folders.chain(programs).map(|(file, place)| PluginFile::without_command(file, place)).collect()
}

impl PluginFile {
    /// A plugin that is started without an interpreter.
    fn without_command(file: PathBuf, place: PluginLocation) -> Self {
        Self { file, before: Vec::new(), after: Vec::new(), files: Vec::new(), place }
    }
}

/// Finds the files among the words of a command.
fn command(words: &[String], root: &Path) -> Result<PluginFile, String> {
    let file = |word: &String| {
        let path = Path::new(word);
        let is_projects = path.is_relative() || path.starts_with(root);
        Some(root.join(path)).filter(|file| is_projects && file.is_file())
    };
    let first = words.iter().enumerate().find_map(|(at, word)| Some((at, file(word)?)));
    let (at, own) =
        first.ok_or("no word of its command is a file of the project, and only files can be pinned")?;
    let (before, rest) = words.split_at(at);
    let after = rest.get(1..).unwrap_or_default();
    let files: Vec<_> = after.iter().enumerate().filter_map(|(at, word)| Some((at, file(word)?))).collect();
    // An interpreter's options may contain code, or name it; the words after them may be their values.
    let options = before.iter().skip(1);
    let arguments = after
        .iter()
        .enumerate()
        .filter(|(at, _)| before.len() > 1 && files.iter().all(|(file, _)| file != at));
    for word in options.chain(arguments.map(|(_, word)| word)) {
        if let Some(part) = part_of_the_project(word, root) {
            return Err(format!(
                "`{word}` in its command refers to `{part}` of the project, which cannot be pinned: only words \
                 that are files can be pinned"
            ));
        }
    }
    Ok(PluginFile {
        file: own,
        before: before.to_vec(),
        after: after.to_vec(),
        files,
        place: PluginLocation::Configuration,
    })
}

/// The part of the project that a word refers to without being a file: a folder, a Python module, or a path within the
/// word.
fn part_of_the_project<'a>(word: &'a str, root: &Path) -> Option<&'a str> {
    let is_of_a_path = |letter: char| letter.is_alphanumeric() || "_-./@+~".contains(letter);
    let parts = word.split(|letter| !is_of_a_path(letter));
    // An option and its value may be one word: `-mMODULE`.
    let parts =
        parts.flat_map(|part| [Some(part), part.strip_prefix('-').and_then(|option| option.get(1..))]);
    parts.flatten().find(|part| {
        let is_named = part.chars().any(|letter| letter.is_alphanumeric() || letter == '_');
        let path = Path::new(part);
        let is_there = |path: PathBuf| path.starts_with(root) && path.exists();
        let module = root.join(part.replace('.', "/"));
        is_named
            && (is_there(root.join(path))
                || (path.is_relative()
                    && (is_there(module.clone()) || is_there(module.with_extension("py")))))
    })
}

/// The possible file names of a plugin: a library as compilers name it, a script, or a program.
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
