//! Finds uploads and releases in the scripts of steps, and in the project's own scripts that these run.

use std::cell::Cell;
use std::collections::BTreeMap;

use super::hint;
use super::program::{Program, Tool, assignment, program};
use super::releaser::{self, Makes};
use super::shell::{Command, commands};
use super::target::Target;
use super::uploader::{SETUP, UPLOADERS};
use crate::python::project::Files;

/// How deep scripts may run other scripts
const DEEPEST: usize = 3;
/// The largest script in bytes
const LARGEST: usize = 200_000;
/// The most bytes that are read of all scripts of a project
pub(super) const MOST_BYTES: usize = 10_000_000;
/// The most uploads of one script; a loop of scripts would find the same again and again
const MOST: usize = 20;

/// A command or an action that uploads
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Upload {
    /// `twine upload`
    pub by: String,
    pub indexes: Vec<Target>,
    pub is_certain: bool,
    /// Counted from 0 in the script
    pub line: usize,
}

/// A command or an action that makes a release
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Releasing {
    /// `gh release create`
    pub by: String,
    pub makes: Makes,
    /// Counted from 0 in the script
    pub line: usize,
}

/// What the commands of a script do, in their order
#[derive(Debug, Default)]
pub(super) struct Found {
    pub uploads: Vec<Upload>,
    pub releases: Vec<Releasing>,
}

/// Variables and the values they may have; none if these cannot be told
pub(super) type Variables = BTreeMap<String, Vec<String>>;

/// What surrounds a script
#[derive(Clone, Copy)]
pub(super) struct Surroundings<'a> {
    pub files: &'a dyn Files,
    pub variables: &'a Variables,
    /// The folder it runs in; empty at the root
    pub folder: &'a str,
    /// The values that a text with the CI's own placeholders may have
    pub expand: &'a dyn Fn(&str) -> Vec<String>,
    /// The bytes of scripts that may still be read, of [`MOST_BYTES`]
    pub bytes_left: &'a Cell<usize>,
}

/// The uploads and releases of a script.
pub(super) fn find(script: &str, around: Surroundings<'_>) -> Found {
    let mut finder = Finder { around, set: Variables::new(), found: Found::default() };
    finder.read(script, 0);
    finder.found
}

struct Finder<'a> {
    around: Surroundings<'a>,
    /// What the script itself sets
    set: Variables,
    found: Found,
}

impl Finder<'_> {
    fn read(&mut self, script: &str, depth: usize) {
        let left = self.around.bytes_left.get();
        self.around.bytes_left.set(left.saturating_sub(script.len()));
        if script.len() > LARGEST.min(left) || depth > DEEPEST {
            return;
        }
        let commands = commands(script);
        // A branch that comes later may set another value.
        for (name, value) in commands.iter().flat_map(set_by) {
            let values = self.expand(value);
            self.set.entry(name.to_owned()).or_default().extend(values);
        }
        for command in commands {
            if self.found.uploads.len() + self.found.releases.len() >= MOST {
                return;
            }
            match program(&command.words) {
                Some(Program::Tool(tool)) => self.add(&command, &tool),
                Some(Program::File(path, tool)) => self.follow(&command, path, &tool, depth),
                Some(Program::Script(script)) => self.within(&command, script, depth),
                None => {}
            }
        }
    }

    /// Reads a script within a command, on whose line all in it counts.
    fn within(&mut self, command: &Command, script: &str, depth: usize) {
        let (uploads, releases) = (self.found.uploads.len(), self.found.releases.len());
        self.read(script, depth + 1);
        self.found.uploads[uploads..].iter_mut().for_each(|upload| upload.line = command.line);
        self.found.releases[releases..].iter_mut().for_each(|release| release.line = command.line);
    }

    fn add(&mut self, command: &Command, tool: &Tool<'_>) {
        let uploaders = UPLOADERS.iter().chain([&SETUP]).filter(|uploader| uploader.program == tool.name);
        for uploader in uploaders {
            let Some(subcommand) = uploader.subcommand(tool.arguments) else { continue };
            let before = &command.words[..command.words.len() - tool.arguments.len()];
            let own = |name: &str| {
                let mut set = before.iter().filter_map(|word| assignment(word));
                let value = set.find(|(set, _)| *set == name).map(|(_, value)| self.expand(value));
                value.or_else(|| self.variable(name))
            };
            let indexes = uploader.targets(tool.arguments, |value| self.expand(value), own);
            let by = format!("{} {subcommand}", uploader.program);
            self.found.uploads.push(Upload { by, indexes, is_certain: true, line: command.line });
        }
        if let Some((by, makes)) = releaser::of_command(tool) {
            self.found.releases.push(Releasing { by, makes, line: command.line });
        }
        if hint::is_task(tool) {
            self.guess(command);
        }
    }

    /// Adds a command that may upload.
    fn guess(&mut self, command: &Command) {
        let by: String = command.words.join(" ").chars().take(80).collect();
        let names = UPLOADERS.iter().flat_map(|uploader| uploader.variables);
        let values: Vec<String> = names.filter_map(|name| self.variable(name)).flatten().collect();
        let indexes = Target::all(&values, Target::named);
        self.found.uploads.push(Upload { by, indexes, is_certain: false, line: command.line });
    }

    /// Reads a script of the project.
    fn follow(&mut self, command: &Command, path: &str, tool: &Tool<'_>, depth: usize) {
        let in_folder = format!("{}/{path}", self.around.folder.trim_matches('/'));
        let paths = [in_folder.trim_start_matches('/'), path];
        let text = paths.iter().find_map(|path| self.around.files.read(path));
        let Some(text) = text.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()) else {
            self.add(command, tool);
            if hint::is_script(tool) {
                self.guess(command);
            }
            return;
        };
        let first = text.lines().next().unwrap_or_default();
        let is_shell = if first.starts_with("#!") { first.contains("sh") } else { !path.ends_with(".py") };
        if is_shell {
            self.within(command, &text, depth);
        } else if hint::mentions_an_upload(&text) {
            self.guess(command);
        }
    }

    /// The values of a variable; none if it is not set.
    fn variable(&self, name: &str) -> Option<Vec<String>> {
        self.set.get(name).or_else(|| self.around.variables.get(name)).cloned()
    }

    /// The values that a word may have.
    fn expand(&self, word: &str) -> Vec<String> {
        if word.contains("${{") {
            return (self.around.expand)(word);
        }
        let Some((before, rest)) = word.split_once('$') else { return vec![word.to_owned()] };
        let rest = rest.strip_prefix("env:").unwrap_or(rest);
        let rest = rest.strip_prefix('{').unwrap_or(rest);
        let end =
            rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(rest.len());
        let after = rest[end..].strip_prefix('}').unwrap_or(&rest[end..]);
        match (before, after) {
            ("", "") => self.variable(&rest[..end]).unwrap_or_default(),
            // A URL with a variable in it is still a URL.
            ("", after) if after.starts_with('/') => vec![word.to_owned()],
            (before, _) if before.contains("://") && before.ends_with('/') => vec![word.to_owned()],
            _ => Vec::new(),
        }
    }
}

/// The variables that a command sets for those after it.
fn set_by(command: &Command) -> impl Iterator<Item = (&str, &str)> {
    let words = &command.words;
    let declares = ["export", "set", "declare", "readonly", "local"].contains(&words[0].as_str());
    let all_set = words.iter().all(|word| assignment(word).is_some());
    let set = if declares || all_set { &words[usize::from(declares)..] } else { &[] };
    set.iter().filter_map(|word| assignment(word))
}
