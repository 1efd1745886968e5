//! Names that suggest an upload, where the files do not show one.

use super::program::Tool;
use super::uploader::UPLOADERS;

/// Words of names that suggest an upload
const WORDS: [&str; 6] = ["publish", "release", "upload", "pypi", "testpypi", "twine"];

/// Words that say that it is about something else, or that it comes before
const OTHER_WORDS: [&str; 42] = [
    "docs",
    "doc",
    "documentation",
    "notes",
    "note",
    "changelog",
    "docker",
    "image",
    "images",
    "container",
    "npm",
    "crate",
    "crates",
    "cargo",
    "helm",
    "chart",
    "pages",
    "site",
    "website",
    "coverage",
    "codecov",
    "assets",
    "artifact",
    "artifacts",
    "logs",
    "test",
    "tests",
    "check",
    "draft",
    "github",
    "gh",
    "build",
    "prepare",
    "prep",
    "pre",
    "conda",
    "homebrew",
    "brew",
    "snap",
    "binaries",
    "binary",
    "report",
];

/// Tools that run tasks of the project by their names
const TASK_TOOLS: [&str; 10] =
    ["tox", "nox", "make", "gmake", "just", "invoke", "inv", "task", "poe", "doit"];

/// Whether a name suggests that it uploads to an index: `publish-to-pypi`, but not `publish-docs`.
pub(super) fn suggests(name: &str) -> bool {
    let name = name.to_lowercase();
    let mut words = name.split(|letter: char| !letter.is_alphanumeric());
    name.contains("pypi") && !name.contains("attestation")
        || words.clone().any(|word| WORDS.contains(&word)) && !words.any(|word| OTHER_WORDS.contains(&word))
}

/// Whether a tool runs a task whose name suggests an upload.
pub(super) fn is_task(tool: &Tool<'_>) -> bool {
    // `tox -e release -- --dry-run` has arguments of the task.
    let is_off = |word: &String| matches!(word.as_str(), "--dry-run" | "--notest" | "--help");
    if tool.arguments.iter().any(is_off) {
        return false;
    }
    match tool.name.as_str() {
        // Versions 7 and older of python-semantic-release upload too.
        "semantic-release" => tool.arguments.iter().any(|word| word == "publish"),
        "fullrelease" => true,
        name if TASK_TOOLS.contains(&name) => {
            // `tox -e a,b -- arguments`, `make target VARIABLE=value`
            let words = tool.arguments.iter().take_while(|word| *word != "--");
            let mut names = words.flat_map(|word| word.split(','));
            names.any(|name| !name.contains('=') && !name.starts_with("--") && suggests(name))
        }
        _ => tool.is_task && is_script(tool),
    }
}

/// Whether a program that cannot be read has a name that suggests an upload. The tools that upload are known.
pub(super) fn is_script(tool: &Tool<'_>) -> bool {
    suggests(&tool.name) && UPLOADERS.iter().all(|uploader| uploader.program != tool.name)
}

/// Whether code in another language calls a tool that uploads: `["twine", "upload"]`.
pub(super) fn mentions_an_upload(code: &str) -> bool {
    let is_code = |line: &&str| !line.trim_start().starts_with('#');
    code.lines().filter(is_code).any(|line| {
        let is_word = |letter: char| letter.is_alphanumeric() || letter == '-' || letter == '_';
        let words: Vec<&str> =
            line.split(|letter| !is_word(letter)).filter(|word| !word.is_empty()).collect();
        words.windows(2).any(|pair| {
            UPLOADERS.iter().any(|tool| tool.program == pair[0] && tool.subcommands.contains(&pair[1]))
        })
    })
}
