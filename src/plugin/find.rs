//! Where a plugin is: nothing is run to find out.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::world::Environment;
use crate::world::document::user_folder;

/// What a stage says of its plugin
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PluginReference {
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
pub enum PluginLocation {
    /// Named by the configuration
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

/// A plugin's file, nothing of which has run
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginFile {
    pub file: PathBuf,
    pub before: Vec<String>,
    pub after: Vec<String>,
    /// Those of `after` that are files of the project, by their places
    pub files: Vec<(usize, PathBuf)>,
    pub place: PluginLocation,
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
pub fn find(
    wanted: &PluginReference,
    root: &Path,
    environment: &Environment,
) -> Result<Vec<PluginFile>, String> {
    match wanted {
        PluginReference::Path(path) => {
            let file = root.join(path);
            if file.is_file() {
                Ok(vec![PluginFile::alone(file, PluginLocation::Configuration)])
            } else {
                Err(format!("there is no file `{path}`"))
            }
        }
        PluginReference::Command(words) => Ok(vec![command(words, root)?]),
        PluginReference::Name(name) => {
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
    in_folders.chain(programs).map(|(file, place)| PluginFile::alone(file, place)).collect()
}

impl PluginFile {
    /// One that is started by itself.
    fn alone(file: PathBuf, place: PluginLocation) -> Self {
        Self { file, before: Vec::new(), after: Vec::new(), files: Vec::new(), place }
    }
}

/// The files of a command: each word that is one.
fn command(words: &[String], root: &Path) -> Result<PluginFile, String> {
    let file = |word: &String| {
        let path = Path::new(word);
        let is_projects = path.is_relative() || path.starts_with(root);
        Some(root.join(path)).filter(|file| is_projects && file.is_file())
    };
    let first = words.iter().enumerate().find_map(|(at, word)| Some((at, file(word)?)));
    let (at, own) =
        first.ok_or("none of its words is a file of the project, and nothing else can be pinned")?;
    let (before, rest) = words.split_at(at);
    let after = rest.get(1..).unwrap_or_default();
    let files: Vec<_> = after.iter().enumerate().filter_map(|(at, word)| Some((at, file(word)?))).collect();
    // The options of an interpreter may be code, or name some; where it has any, what follows them may be theirs.
    let options = before.iter().skip(1);
    let theirs = after
        .iter()
        .enumerate()
        .filter(|(at, _)| before.len() > 1 && files.iter().all(|(file, _)| file != at));
    for word in options.chain(theirs.map(|(_, word)| word)) {
        if let Some(part) = part_of_the_project(word, root) {
            return Err(format!(
                "`{word}` of its command names `{part}` of the project, which cannot be pinned there: only a word that is \
                 itself a file can"
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

/// What a word names of the project otherwise than as a file: a folder, a module of Python's, a path in the middle of it.
fn part_of_the_project<'a>(word: &'a str, root: &Path) -> Option<&'a str> {
    let is_of_a_path = |letter: char| letter.is_alphanumeric() || "_-./@+~".contains(letter);
    let parts = word.split(|letter| !is_of_a_path(letter));
    // An option may have its value in the same word: `-mMODULE`.
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
