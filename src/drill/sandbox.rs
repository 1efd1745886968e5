//! A sandbox: repository, remotes and indexes at fixed paths and URLs, so that a state can be saved and restored.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use secrecy::ExposeSecret as _;

use super::configuration::{Address, Configuration, FILE};
use super::copies::{Sharing, copy};
use super::facts::Facts;
use super::stand_in;
use super::template::{Template, repository};
use super::workflow;
use crate::error::{Error, ExitCode, Result};
use crate::index::variable_for;
use crate::server::{Access, EmbeddedIndex, Options};
use crate::world::git::TRUSTED;
use crate::world::process::is_withheld;
use crate::world::{Environment, failpoints};

/// Marks every process of a sandbox
const MARK: &str = "PYRELEASE_DRILL_WORLD";
/// The time limit of a command
const COMMAND_LIMIT: Duration = Duration::from_secs(30 * 60);
/// How long a command's children may run after it
const EXIT_LIMIT: Duration = Duration::from_secs(20);
/// How often a workflow looks whether it is to publish
const WORKFLOW_TICK: Duration = Duration::from_millis(100);
const TICK: Duration = Duration::from_millis(5);

/// How a pyrelease command ended
#[derive(Debug)]
pub(super) struct Ended {
    /// `None` if a signal ended it
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Ended {
    /// `None` if it ended in another way than pyrelease does, such as by a signal.
    pub(super) fn exit_code(&self) -> Option<ExitCode> {
        ExitCode::ALL.into_iter().find(|known| self.code == Some(i32::from(*known as u8)))
    }

    /// Its status and last output, for messages.
    pub(super) fn said(&self) -> String {
        let lines: Vec<&str> = self.stderr.lines().collect();
        let last = &lines[lines.len().saturating_sub(6)..];
        let status = self.code.map_or("killed".to_owned(), |code| format!("exit code {code}"));
        format!("{status}: {}", last.join(" / "))
    }
}

/// A sandbox, which holds one state at a time
pub(super) struct Sandbox<'a> {
    folder: PathBuf,
    template: &'a Template,
    indexes: Vec<EmbeddedIndex>,
    environment: BTreeMap<OsString, OsString>,
    program: PathBuf,
    /// The indexes to which a workflow publishes
    by_workflow: Vec<String>,
}

/// What all sandboxes share
#[derive(Clone, Copy)]
pub(super) struct SandboxBase<'a> {
    pub(super) template: &'a Template,
    pub(super) configuration: &'a Configuration,
    pub(super) environment: &'a Environment,
    /// The user's own project
    pub(super) original: &'a Path,
    /// The folder for temporary files, if not one in the sandbox
    pub(super) temporary: Option<&'a Path>,
}

/// The initial state of a sandbox
pub(super) const PRISTINE: &str = "pristine";

impl<'a> Sandbox<'a> {
    /// Creates a sandbox with the project as it is before a release.
    ///
    /// # Errors
    /// A file cannot be written, or an index does not start.
    pub(super) fn make(base: SandboxBase<'a>, folder: &Path) -> Result<Self> {
        let mut sandbox = Self::new(base, folder)?;
        sandbox.save(PRISTINE)?;
        Ok(sandbox)
    }

    /// The same, without saving its initial state.
    ///
    /// # Errors
    /// As [`Sandbox::make`].
    pub(super) fn new(base: SandboxBase<'a>, folder: &Path) -> Result<Self> {
        let world = folder.join("world");
        base.template.instantiate(&world)?;
        let (marks, temporary) = (marks(&world), world.join("tmp"));
        fs_err::create_dir_all(&marks)?;
        fs_err::create_dir_all(&temporary)?;
        let mut indexes = Vec::new();
        for index in &base.configuration.indexes {
            let folder = world.join("indexes").join(&index.name);
            let options = Options { rules: index.rules, ..Options::new(&index.name, Access::Tokens) };
            indexes.push(EmbeddedIndex::start_with(&folder, options).map_err(no_index)?);
        }
        let address = |name: &str| {
            let index = indexes.iter().find(|index| index.name() == name)?;
            Some(Address { upload: index.upload_url(), simple: index.simple_url() })
        };
        let text = base.configuration.text(address, (base.original, &marks))?;
        let project = base.template.project(&world);
        fs_err::write(project.join(FILE), text)?;
        let ignored = repository(&world).join(".git/info/exclude");
        if let Some(folder) = ignored.parent() {
            fs_err::create_dir_all(folder)?;
        }
        let mut excluded = fs_err::read_to_string(&ignored).unwrap_or_default();
        excluded.push_str(&format!("\n{FILE}\n"));
        if base.configuration.stand_ins().any(|command| command.plugin.is_some()) {
            excluded.push_str(&format!("{}\n", stand_in::write(&project)?));
        }
        fs_err::write(&ignored, excluded)?;

        let by_workflow = base.configuration.indexes.iter().filter(|index| index.by_workflow);
        Ok(Self {
            folder: folder.to_owned(),
            template: base.template,
            environment: environment(base, &world, &indexes),
            program: std::env::current_exe()?,
            by_workflow: by_workflow.map(|index| index.name.clone()).collect(),
            indexes,
        })
    }

    pub(super) fn world(&self) -> PathBuf {
        self.folder.join("world")
    }

    /// The folder of a saved state.
    fn kept(&self, state: &str) -> PathBuf {
        self.folder.join("saved").join(state)
    }

    pub(super) fn has(&self, state: &str) -> bool {
        self.kept(state).is_dir()
    }

    /// Saves the current state under a name.
    ///
    /// # Errors
    /// A file cannot be copied.
    pub(super) fn save(&mut self, state: &str) -> Result<()> {
        self.wait_for_processes();
        self.indexes.iter_mut().for_each(EmbeddedIndex::pause);
        let kept = self.kept(state);
        remove(&kept)?;
        copy(&self.world(), &kept, Sharing::Objects, &|_| false)?;
        self.indexes.iter_mut().try_for_each(EmbeddedIndex::serve).map_err(no_index)
    }

    /// Restores a saved state.
    ///
    /// # Errors
    /// A file cannot be copied.
    pub(super) fn restore(&mut self, state: &str) -> Result<()> {
        self.wait_for_processes();
        self.indexes.iter_mut().for_each(EmbeddedIndex::pause);
        remove(&self.world())?;
        copy(&self.kept(state), &self.world(), Sharing::Objects, &|_| false)?;
        self.indexes.iter_mut().try_for_each(EmbeddedIndex::serve).map_err(no_index)
    }

    /// Copies the current state to a folder for inspection.
    ///
    /// # Errors
    /// A file cannot be copied.
    pub(super) fn show(&mut self, folder: &Path) -> Result<()> {
        self.wait_for_processes();
        remove(folder)?;
        copy(&self.world(), folder, Sharing::Objects, &|_| false)
    }

    /// Runs a pyrelease command in the project.
    ///
    /// # Errors
    /// The command cannot be started.
    pub(super) fn pyrelease(&self, arguments: &[&str], drill: Option<&str>) -> Result<Ended> {
        let project = self.template.project(&self.world());
        let [stdout, stderr] = ["stdout", "stderr"].map(|stream| self.folder.join(stream));
        let mut environment = self.environment.clone();
        if let Some(drill) = drill {
            environment.insert(failpoints::VARIABLE.into(), drill.into());
        }
        let failed = |error| Error::failed("failed to run pyrelease").because(error);
        let handle = duct::cmd(&self.program, [&["--manifest", FILE], arguments].concat())
            .dir(&project)
            .full_env(environment)
            .stdin_null()
            .stdout_path(&stdout)
            .stderr_path(&stderr)
            .unchecked()
            .start()
            .map_err(failed)?;
        // A workflow has time until the release waits for it.
        let waits = matches!(arguments.first(), Some(&"run" | &"resume"));
        let plays = waits && !self.by_workflow.is_empty();
        let began = Instant::now();
        let ended = loop {
            let (left, tick) = (COMMAND_LIMIT.saturating_sub(began.elapsed()), WORKFLOW_TICK);
            let time = if plays { left.min(tick) } else { left };
            let ended = handle.wait_timeout(time).map_err(failed)?.map(|output| output.status);
            if ended.is_some() || began.elapsed() >= COMMAND_LIMIT {
                break ended;
            }
            self.publish()?;
        };
        if ended.is_none() {
            handle.kill().map_err(failed)?;
        }
        let read = |path: &Path| Ok::<_, Error>(String::from_utf8_lossy(&fs_err::read(path)?).into_owned());
        let mut stderr = read(&stderr)?;
        if ended.is_none() {
            stderr.push_str(&format!("\nit did not end within {} minutes", COMMAND_LIMIT.as_secs() / 60));
        }
        Ok(Ended { code: ended.and_then(|status| status.code()), stdout: read(&stdout)?, stderr })
    }

    /// Whether a workflow publishes to one of the indexes.
    pub(super) fn has_workflows(&self) -> bool {
        !self.by_workflow.is_empty()
    }

    pub(super) fn indexes(&self) -> &[EmbeddedIndex] {
        &self.indexes
    }

    /// Plays the workflows that publish.
    pub(super) fn publish(&self) -> Result<()> {
        for index in &self.by_workflow {
            let files = workflow::to_publish(&self.world(), &self.project(), index)?;
            if files.is_empty() {
                continue;
            }
            let options = ["--manifest", FILE, "upload", "--yes", "--index", index].map(OsString::from);
            let arguments = options.into_iter().chain(files.into_iter().map(PathBuf::into_os_string));
            let uploaded = duct::cmd(&self.program, arguments)
                .dir(self.project())
                .full_env(&self.environment)
                .stdin_null()
                .stdout_null()
                .stderr_capture()
                .unchecked()
                .run()?;
            if !uploaded.status.success() {
                let said = String::from_utf8_lossy(&uploaded.stderr).trim_end().to_owned();
                let message =
                    format!("the drill failed to play the workflow that publishes to `{index}`:\n{said}");
                return Err(Error::failed(message));
            }
        }
        Ok(())
    }

    /// Waits until no process is running in the sandbox; returns those that remain after the limit.
    pub(super) fn wait_for_processes(&self) -> Vec<String> {
        let began = Instant::now();
        loop {
            let at_work = at_work(&self.world());
            if at_work.is_empty() || began.elapsed() > EXIT_LIMIT {
                return at_work;
            }
            std::thread::sleep(TICK);
        }
    }

    /// The current state.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(super) fn facts(&self) -> Result<Facts> {
        Facts::of(&self.world(), self.template.remotes())
    }

    /// The environment of its commands.
    pub(super) fn environment(&self) -> Environment {
        self.environment.clone().into_iter().collect()
    }

    /// The project's folder.
    pub(super) fn project(&self) -> PathBuf {
        self.template.project(&self.world())
    }
}

/// The folder for the marks of stand-ins.
fn marks(world: &Path) -> PathBuf {
    world.join("commands")
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs_err::remove_dir_all(folder)?;
    }
    Ok(())
}

fn no_index(error: crate::server::ServerError) -> Error {
    Error::failed("failed to start an index for the drill").because(error)
}

/// The user's environment without tokens, except those that are needed, plus a token for each local index.
fn environment(
    base: SandboxBase<'_>,
    world: &Path,
    indexes: &[EmbeddedIndex],
) -> BTreeMap<OsString, OsString> {
    let given = base.environment.variables();
    let mut environment: BTreeMap<OsString, OsString> = given
        .filter(|(name, _)| {
            let asked_for = |name: &str| base.configuration.secrets.iter().any(|asked| asked == name);
            name.to_str().is_none_or(|name| !is_withheld(name) || asked_for(name))
        })
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    for index in indexes {
        let Some(token) = index.token() else { continue };
        environment.insert(variable_for(index.name()).into(), token.expose_secret().into());
    }
    for name in ["TMPDIR", "TEMP", "TMP"] {
        let temporary = base.temporary.map_or_else(|| world.join("tmp"), Path::to_owned);
        environment.insert(name.into(), temporary.into());
    }
    environment.insert(MARK.into(), world.into());
    // Drilling a release includes consent to the repository's own git settings, which the copy has too.
    let before =
        base.environment.get("GIT_CONFIG_COUNT").and_then(|count| count.parse().ok()).unwrap_or(0_u32);
    environment.insert(format!("GIT_CONFIG_KEY_{before}").into(), TRUSTED.into());
    environment.insert(format!("GIT_CONFIG_VALUE_{before}").into(), repository(world).into());
    environment.insert("GIT_CONFIG_COUNT".into(), (before + 1).to_string().into());
    let marks = marks(world);
    let mut stand_ins = base
        .configuration
        .stand_ins()
        .filter_map(|command| {
            Some((command.plugin?, command.reach, marks.join(&command.name).display().to_string()))
        })
        .peekable();
    if stand_ins.peek().is_some() {
        let (name, value) = stand_in::consent(base.environment, stand_ins);
        environment.insert(name.into(), value.into());
    }
    // The project's virtual environment is not committed, and so missing in the copy.
    let own = base.original.join(".venv");
    if base.environment.path("VIRTUAL_ENV").is_none() && own.is_dir() {
        environment.insert("VIRTUAL_ENV".into(), own.into());
    }
    environment
}

/// The command lines of the sandbox's processes on Linux; empty elsewhere.
fn at_work(world: &Path) -> Vec<String> {
    let Ok(processes) = fs_err::read_dir("/proc") else { return Vec::new() };
    let mark = format!("{MARK}={}", world.display());
    let mut found = Vec::new();
    for process in processes.flatten() {
        // Processes that ended meanwhile, or belong to another user, cannot be read.
        let Ok(environment) = fs_err::read(process.path().join("environ")) else { continue };
        if environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes()) {
            let line = fs_err::read(process.path().join("cmdline")).unwrap_or_default();
            found.push(String::from_utf8_lossy(&line).replace('\0', " ").trim().to_owned());
        }
    }
    found
}
