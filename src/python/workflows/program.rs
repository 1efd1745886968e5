//! The program that a command really runs, without the wrappers around it.

/// What a command runs
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Program<'a> {
    Tool(Tool<'a>),
    /// A path, which is a file of the project or else a tool
    File(&'a str, Tool<'a>),
    /// A script within the command: `sh -c '…'`
    Script(&'a str),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tool<'a> {
    /// Without folder and version
    pub name: String,
    pub arguments: &'a [String],
    /// Whether a tool runs it that has tasks of the project too: `hatch run release`
    pub is_task: bool,
}

/// Programs that run what follows, after options and numbers
const WRAPPERS: [&str; 12] = [
    "sudo", "env", "exec", "command", "nohup", "timeout", "xvfb-run", "xargs", "retry", "nice", "eval",
    "dotenv",
];

/// Tools that run another one, and the words that make them do so
const RUNNERS: [(&str, &[&str]); 16] = [
    ("pipx", &["run"]),
    ("uvx", &[]),
    ("uv", &["run"]),
    ("uv", &["tool", "run"]),
    ("poetry", &["run"]),
    ("pdm", &["run"]),
    ("pipenv", &["run"]),
    ("rye", &["run"]),
    ("rye", &["tools", "run"]),
    ("hatch", &["run"]),
    ("conda", &["run"]),
    ("micromamba", &["run"]),
    ("pixi", &["run"]),
    ("mise", &["exec"]),
    ("mise", &["x"]),
    ("coverage", &["run"]),
];

/// Runners that look for a task of the project first
const TASK_RUNNERS: [&str; 5] = ["hatch", "pdm", "rye", "pixi", "pipenv"];

/// Options with a value: of wrappers, of runners, of Python, of shells
const OF_WRAPPERS: [&str; 4] = ["-u", "-I", "-n", "-P"];
const OF_RUNNERS: [&str; 22] = [
    "--spec",
    "--from",
    "--with",
    "--with-editable",
    "--with-requirements",
    "--group",
    "--only-group",
    "--extra",
    "--python",
    "-p",
    "-n",
    "--name",
    "--project",
    "--directory",
    "-C",
    "-e",
    "--env",
    "--env-file",
    "--index",
    "--default-index",
    "--package",
    "--constraint",
];
const OF_PYTHON: [&str; 2] = ["-W", "-X"];
const OF_SHELLS: [&str; 2] = ["-o", "-O"];

const SHELLS: [&str; 6] = ["sh", "bash", "zsh", "dash", "pwsh", "powershell"];

/// What the words run; none if it is nothing that could upload.
pub(super) fn program(words: &[String]) -> Option<Program<'_>> {
    let mut words = words;
    let mut is_task = false;
    // Each turn takes a wrapper away.
    loop {
        words = skip_assignments(words);
        let (first, rest) = words.split_first()?;
        let name = base(first);
        if SHELLS.contains(&name.as_str()) {
            return shell(rest);
        }
        if is_python(&name) {
            let after = skip_options(rest, &OF_PYTHON);
            let options = &rest[..rest.len() - after.len()];
            // What follows `-c` is code, which is not read.
            if options.iter().any(|word| word == "-c") {
                return None;
            }
            words = after;
        } else if WRAPPERS.contains(&name.as_str()) {
            words = skip_options(rest, &OF_WRAPPERS);
            let is_number = |word: &String| word.starts_with(|letter: char| letter.is_ascii_digit());
            while words.first().is_some_and(is_number) {
                words = &words[1..];
            }
        } else if let Some(after) = after_runner(&name, rest) {
            is_task = TASK_RUNNERS.contains(&name.as_str());
            words = after;
        } else if matches!(first.as_str(), "." | "source") {
            words = rest;
        } else {
            let tool = Tool { name, arguments: rest, is_task };
            return Some(match of_project(first) {
                Some(path) if tool.name != "setup.py" => Program::File(path, tool),
                _ => Program::Tool(tool),
            });
        }
    }
}

/// The path of a file that may be the project's.
fn of_project(word: &str) -> Option<&str> {
    let roots =
        ["./", "${{ github.workspace }}/", "$GITHUB_WORKSPACE/", "${GITHUB_WORKSPACE}/", "$CI_PROJECT_DIR/"];
    let path = roots.iter().find_map(|root| word.strip_prefix(root));
    let is_file = word.contains('/') || word.ends_with(".py") || word.ends_with(".sh");
    path.or_else(|| (is_file && !word.starts_with(['/', '$', '~'])).then_some(word))
}

/// The words without the variables set for the command alone.
pub(super) fn skip_assignments(words: &[String]) -> &[String] {
    let count = words.iter().take_while(|word| assignment(word).is_some()).count();
    &words[count..]
}

/// `NAME=value`, also in PowerShell's form `$env:NAME="value"`.
pub(super) fn assignment(word: &str) -> Option<(&str, &str)> {
    let word = word.strip_prefix("$env:").or_else(|| word.strip_prefix("$Env:")).unwrap_or(word);
    let (name, value) = word.split_once('=')?;
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    (!name.is_empty() && name.chars().all(is_name)).then_some((name, value))
}

/// The name of a program without what a variable puts before it, folder, `.exe` and version: `${BIN}/twine==5` is `twine`.
fn base(word: &str) -> String {
    let mut word = word.rsplit('}').next().unwrap_or_default();
    // Hatch: an environment before `:`.
    word = word.rsplit(['/', '\\', ':']).next().unwrap_or_default();
    word = word.split(['=', '@', '<', '>', '~', '[']).next().unwrap_or_default();
    word.strip_suffix(".exe").unwrap_or(word).to_owned()
}

fn is_python(name: &str) -> bool {
    let version = name.strip_prefix("python").or_else(|| name.strip_prefix("pypy"));
    name == "py" || version.is_some_and(|version| version.chars().all(|c| c.is_ascii_digit() || c == '.'))
}

/// The words after options and their values. `-m` is the last one, for the module after it is what runs.
fn skip_options<'a>(words: &'a [String], valued: &[&str]) -> &'a [String] {
    let mut words = words;
    while let Some((first, rest)) = words.split_first() {
        if !first.starts_with('-') {
            break;
        }
        let has_value = valued.contains(&first.as_str()) && !rest.is_empty();
        words = if has_value { &rest[1..] } else { rest };
        if matches!(first.as_str(), "--" | "-m" | "--module" | "-c") {
            break;
        }
    }
    words
}

/// The words that a runner runs.
fn after_runner<'a>(name: &str, words: &'a [String]) -> Option<&'a [String]> {
    let words = skip_options(words, &OF_RUNNERS);
    let found = RUNNERS.iter().find(|(runner, verbs)| {
        let fits = words.len() > verbs.len() && words.iter().zip(*verbs).all(|(word, verb)| word == verb);
        *runner == name && fits
    });
    found.map(|(_, verbs)| skip_options(&words[verbs.len()..], &OF_RUNNERS))
}

/// `sh -c 'script'`, `sh file`
fn shell(words: &[String]) -> Option<Program<'_>> {
    let rest = skip_options(words, &OF_SHELLS);
    let options = &words[..words.len() - rest.len()];
    let (first, arguments) = rest.split_first()?;
    let is_script = |word: &String| word.starts_with('-') && word.to_lowercase().ends_with('c');
    if options.iter().any(|word| is_script(word) || word.eq_ignore_ascii_case("-command")) {
        return Some(Program::Script(first));
    }
    let tool = Tool { name: base(first), arguments, is_task: false };
    Some(Program::File(of_project(first).unwrap_or(first), tool))
}
