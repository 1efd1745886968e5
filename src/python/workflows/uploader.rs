//! The tools that upload, and how their arguments and variables name the index.

use super::target::Target;

/// A tool's command that uploads
pub(super) struct Uploader {
    pub program: &'static str,
    pub subcommands: &'static [&'static str],
    /// Options with the index's name or URL
    options: &'static [&'static str],
    /// Variables with the index's name or URL
    pub variables: &'static [&'static str],
    /// Names that the tool gives to PyPI and TestPyPI, besides these themselves
    names: &'static [(&'static str, Target)],
}

pub(super) const UPLOADERS: [Uploader; 8] = [
    Uploader {
        program: "twine",
        subcommands: &["upload"],
        options: &["--repository-url", "--repository", "-r"],
        variables: &["TWINE_REPOSITORY_URL", "TWINE_REPOSITORY"],
        names: &[],
    },
    Uploader {
        program: "uv",
        subcommands: &["publish"],
        options: &["--publish-url", "--index"],
        variables: &["UV_PUBLISH_URL", "UV_PUBLISH_INDEX"],
        names: &[],
    },
    Uploader {
        program: "hatch",
        subcommands: &["publish"],
        options: &["--repo", "-r"],
        variables: &["HATCH_INDEX_REPO"],
        names: &[("main", Target::PyPi), ("test", Target::TestPyPi)],
    },
    Uploader {
        program: "flit",
        subcommands: &["publish"],
        options: &["--repository"],
        variables: &["FLIT_INDEX_URL"],
        names: &[],
    },
    Uploader {
        program: "poetry",
        subcommands: &["publish"],
        options: &["--repository", "-r"],
        variables: &[],
        names: &[],
    },
    Uploader {
        program: "pdm",
        subcommands: &["publish"],
        options: &["--repository", "-r"],
        variables: &["PDM_PUBLISH_REPO"],
        names: &[],
    },
    Uploader {
        program: "maturin",
        subcommands: &["publish", "upload"],
        options: &["--repository-url", "--repository", "-r"],
        variables: &["MATURIN_REPOSITORY_URL", "MATURIN_REPOSITORY"],
        names: &[],
    },
    Uploader {
        program: "rye",
        subcommands: &["publish"],
        options: &["--repository-url", "--repository"],
        variables: &[],
        names: &[],
    },
];

/// `python setup.py sdist upload`, which is deprecated but works
pub(super) const SETUP: Uploader = Uploader {
    program: "setup.py",
    subcommands: &["upload"],
    options: &["--repository", "-r"],
    variables: &[],
    names: &[],
};

/// Options that make a command not upload
const HARMLESS: [&str; 4] = ["--help", "-h", "--dry-run", "--version"];

impl Uploader {
    /// The subcommand that uploads; none if the words do not upload.
    pub fn subcommand(&self, words: &[String]) -> Option<&'static str> {
        let found = words.iter().find_map(|word| self.subcommands.iter().find(|name| *name == word))?;
        // An argument of another command is not one: `uv run publish`, `poetry version publish`.
        let values = ["-C", "--directory", "--project", "--config-file", "-e", "--env", "-p"];
        // `setup.py` runs several: `sdist upload`.
        let is_alone = self.program != SETUP.program;
        let mut before = words.iter().take_while(|word| word != found);
        while let Some(word) = before.next() {
            if values.contains(&word.as_str()) {
                before.next();
            } else if is_alone && !word.starts_with('-') {
                return None;
            }
        }
        let is_harmless = words.iter().any(|word| HARMLESS.contains(&word.as_str()));
        (!is_harmless).then_some(found)
    }

    /// The indexes that arguments and variables name. `expand` gives the values that an argument may have, `variable`
    /// those of a variable that is set; none of them if they cannot be told.
    pub fn targets(
        &self,
        words: &[String],
        expand: impl Fn(&str) -> Vec<String>,
        variable: impl Fn(&str) -> Option<Vec<String>>,
    ) -> Vec<Target> {
        let option = self.options.iter().find_map(|option| value_of(option, words)).map(expand);
        // Branches of a script may set one or another.
        let set: Vec<Vec<String>> = self.variables.iter().filter_map(|name| variable(name)).collect();
        let values = option.or_else(|| (!set.is_empty()).then(|| set.concat()));
        values.map_or_else(|| vec![Target::PyPi], |values| Target::all(&values, |value| self.target(value)))
    }

    fn target(&self, value: &str) -> Target {
        let known = self.names.iter().find(|(name, _)| *name == value);
        known.map_or_else(|| Target::named(value), |(_, target)| target.clone())
    }
}

/// The value of an option: `--name value`, `--name=value`, `-nvalue`.
fn value_of<'a>(option: &str, words: &'a [String]) -> Option<&'a str> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let Some(rest) = word.strip_prefix(option) else { continue };
        match rest.strip_prefix('=') {
            Some(value) => return Some(value),
            None if rest.is_empty() => return words.next().map(String::as_str),
            None if !option.starts_with("--") => return Some(rest),
            None => {}
        }
    }
    None
}
