//! Times whole commands beside those that they replace: `cargo bench --bench peers [-- ROUNDS]`.
//!
//! Each round runs every command once, one after the other, so that changes of the machine's speed affect all of them;
//! the ratios are medians of the rounds' own. The peers are installed once from the package index, below `target/`. The
//! uploads go to two embedded indexes on this machine. The table that is printed is the one in docs/src/background/speed.md.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "prints a report for the developer, and adds to the PATH"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pyrelease::server::{Access, EmbeddedIndex};
use secrecy::ExposeSecret as _;
use tempfile::TempDir;

const PYRELEASE: &str = env!("CARGO_BIN_EXE_pyrelease");
const PEERS: [&str; 4] = ["bump-my-version", "build", "twine", "uv"];
const ROUNDS: usize = 7;

/// A command that is timed, as lines for the shell, in a project that was just made
struct Case {
    name: &'static str,
    /// The group whose first case the ratio is to
    group: &'static str,
    script: String,
}

fn main() {
    let rounds = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(ROUNDS);
    let folder = TempDir::new().unwrap();
    let mut stage = Stage::new(folder.path());
    let cases = stage.cases();
    // Kept build environments, uv's cache and the system's page cache are filled before.
    let first: Vec<Duration> = cases.iter().map(|case| stage.time(case)).collect();
    let mut times: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for _ in 0..rounds {
        for case in &cases {
            times.entry(case.name).or_default().push(stage.time(case).as_secs_f64());
        }
    }
    println!(
        "| medians of {rounds} rounds | seconds | of the first | first time |\n| --- | --- | --- | --- |"
    );
    for (case, first) in cases.iter().zip(first) {
        let base = cases.iter().find(|other| other.group == case.group).unwrap();
        let ratios = times[case.name].iter().zip(&times[base.name]).map(|(one, base)| one / base);
        let (ratio, first) = (median(ratios), first.as_secs_f64());
        println!(
            "| {} | {:.3} | {ratio:.2} | {first:.2} |",
            case.name,
            median(times[case.name].iter().copied())
        );
    }
}

/// Where the commands run: a home of their own, the peers, and two indexes
struct Stage {
    folder: PathBuf,
    peers: PathBuf,
    indexes: [EmbeddedIndex; 2],
    /// Each release is of a new project, because a version can be uploaded once.
    number: usize,
}

impl Stage {
    fn new(folder: &Path) -> Self {
        let home = folder.join("home");
        fs_err::create_dir_all(&home).unwrap();
        fs_err::write(
            home.join(".gitconfig"),
            "[user]\n\tname = Dana\n\temail = dana@example.org\n[init]\n\tdefaultBranch = main\n",
        )
        .unwrap();
        let index = |name: &str| {
            let mut index = EmbeddedIndex::start(&folder.join(name), name, Access::Tokens).unwrap();
            index.serve().unwrap();
            index
        };
        let indexes = [index("testpypi"), index("pypi")];
        Self { folder: folder.to_owned(), peers: peers(), indexes, number: 0 }
    }

    fn cases(&self) -> Vec<Case> {
        let [one, two] = self.indexes.each_ref().map(EmbeddedIndex::upload_url);
        let [key_one, key_two] = self.indexes.each_ref().map(token);
        let script = |build: &str| {
            format!(
                "bump-my-version bump patch\ngit commit -qam 'Release 0.1.1'\ngit tag -a v0.1.1 -m 0.1.1\n{build}\n\
                 twine check --strict dist/*\n\
                 twine upload --disable-progress-bar -u __token__ -p {key_one} --repository-url {one} dist/*\n\
                 twine upload --disable-progress-bar -u __token__ -p {key_two} --repository-url {two} dist/*\n\
                 git push -q origin main v0.1.1"
            )
        };
        let uv = format!(
            "uv version -q --bump patch --frozen\ngit commit -qam 'Release 0.1.1'\ngit tag -a v0.1.1 -m 0.1.1\n\
             uv build -q\nuv publish -q -t {key_one} --publish-url {one}\nuv publish -q -t {key_two} --publish-url {two}\n\
             git push -q origin main v0.1.1"
        );
        let case = |group, name, script: &str| Case { name, group, script: script.to_owned() };
        vec![
            case(
                "release",
                "the script: bump-my-version, git, `python -m build`, twine",
                &script("python -m build"),
            ),
            case(
                "release",
                "the script with `build --installer uv`",
                &script("python -m build --installer uv"),
            ),
            case("release", "the same with uv alone, without a check", &uv),
            case("release", "`pyrelease run patch --yes`", "pyrelease run patch --yes"),
            case("build", "`python -m build`", "python -m build"),
            case("build", "`uv build`", "uv build -q"),
            case("build", "`pyrelease build`, which checks, too", "pyrelease build"),
            case("look", "`pyrelease plan`", "pyrelease plan patch"),
            case("look", "`pyrelease run --dry-run`", "pyrelease run patch --dry-run"),
            case("look", "`pyrelease doctor`", "pyrelease doctor"),
            case("look", "`git status`", "git status"),
        ]
    }

    /// The time that the case's commands take together, in a new project.
    fn time(&mut self, case: &Case) -> Duration {
        self.number += 1;
        let project = self.project(&format!("sample-{}", self.number));
        let script = self.folder.join("script.sh");
        fs_err::write(&script, format!("set -eu\n{}\n", case.script)).unwrap();
        let command = self
            .command(&project, "sh", [script.as_os_str()])
            .stderr_to_stdout()
            .stdout_capture()
            .unchecked();
        let began = Instant::now();
        let output = command.run().unwrap();
        let took = began.elapsed();
        assert!(output.status.success(), "{}: {}", case.name, String::from_utf8_lossy(&output.stdout));
        fs_err::remove_dir_all(&project).unwrap();
        took
    }

    fn project(&self, name: &str) -> PathBuf {
        let top = self.folder.join(name);
        let module = name.replace('-', "_");
        let [one, two] = &self.indexes;
        let index = |index: &EmbeddedIndex| {
            format!("upload = \"{}\"\nsimple = \"{}\"\n", index.upload_url(), index.simple_url())
        };
        let pyproject = format!(
            "[build-system]\nrequires = [\"hatchling\"]\nbuild-backend = \"hatchling.build\"\n\n[project]\n\
             name = \"{name}\"\nversion = \"0.1.0\"\ndescription = \"A sample\"\nreadme = \"README.md\"\n\
             license = \"MIT\"\nrequires-python = \">=3.9\"\n\n[tool.bumpversion]\ncurrent_version = \"0.1.0\"\n\n\
             [[tool.bumpversion.files]]\nfilename = \"pyproject.toml\"\n"
        );
        let files = [
            (format!("src/{module}/__init__.py"), "def hello():\n    return \"hello\"\n".to_owned()),
            ("pyproject.toml".to_owned(), pyproject),
            ("README.md".to_owned(), "# Sample\n\nA sample.\n".to_owned()),
            (
                "CHANGELOG.md".to_owned(),
                "# Changelog\n\n## [Unreleased]\n\n### Fixed\n\n- Something.\n\n## [0.1.0] - 2026-01-01\n"
                    .to_owned(),
            ),
            (
                "release.toml".to_owned(),
                format!("[index.testpypi]\n{}\n[index.pypi]\n{}", index(one), index(two)),
            ),
        ];
        for (path, text) in files {
            let path = top.join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        }
        let setup = "git init -q . && git add -A && git commit -qm first && git tag -a v0.1.0 -m 0.1.0 && \
                     git init -q --bare .git/remote && git remote add origin .git/remote && \
                     git push -q -u origin main v0.1.0";
        self.command(&top, "sh", ["-c", setup].map(std::ffi::OsStr::new)).run().unwrap();
        top
    }

    fn command<'a>(
        &self,
        folder: &Path,
        program: &str,
        arguments: impl IntoIterator<Item = &'a std::ffi::OsStr>,
    ) -> duct::Expression {
        let own = Path::new(PYRELEASE).parent().unwrap().to_owned();
        let path = std::env::var_os("PATH").unwrap();
        let path =
            std::env::join_paths([self.peers.clone(), own].into_iter().chain(std::env::split_paths(&path)));
        duct::cmd(program, arguments)
            .dir(folder)
            .env("PATH", path.unwrap())
            .env("HOME", self.folder.join("home"))
            .env("PYRELEASE_TOKEN_TESTPYPI", token(&self.indexes[0]))
            .env("PYRELEASE_TOKEN_PYPI", token(&self.indexes[1]))
            .env_remove("VIRTUAL_ENV")
    }
}

fn token(index: &EmbeddedIndex) -> String {
    index.token().unwrap().expose_secret().to_owned()
}

/// The folder of the peers' programs.
fn peers() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("peers");
    let bin = folder.join("bin");
    if PEERS.iter().any(|peer| *peer != "build" && !bin.join(peer).exists()) {
        duct::cmd!("python3", "-m", "venv", &folder).run().unwrap();
        let install = ["-m", "pip", "install", "--quiet"].into_iter().chain(PEERS);
        duct::cmd(bin.join("python"), install).run().unwrap();
    }
    bin
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
