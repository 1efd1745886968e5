//! Plugins for the tests: scripts, and libraries compiled once for all tests.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use pyrelease::plugin::launch::{Call, EffectReply, PluginHandler, Program, Stop, call, set_host};
use pyrelease::plugin::protocol::{AnnouncedEffect, Level, Method};
use pyrelease::plugin::{Cause, PluginError};
use serde_json::{Value, json};

/// The folder of this package.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A compiler, or none: then the tests that need one say so and pass.
#[expect(clippy::print_stderr, reason = "whoever reads what the tests say learns what they left out")]
pub(crate) fn compiler(name: &str) -> Option<&str> {
    let there = duct::cmd!(name, "--version").stdout_null().stderr_null().unchecked().run();
    let is_there = there.is_ok_and(|ran| ran.status.success());
    if !is_there {
        eprintln!("left out: there is no `{name}`");
    }
    is_there.then_some(name)
}

/// Compiles a library from a source of `tests/plugin/sources` or of the examples; none without a compiler. Those that
/// are the same are compiled once.
pub(crate) fn library(name: &str, source: &str, options: &[&str]) -> Option<PathBuf> {
    let compiler = compiler(if source.ends_with(".c") { "gcc" } else { "g++" })?;
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let source = root().join(source);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugins");
    fs_err::create_dir_all(&folder).expect("the compiler and the folder for what it builds");
    let library = folder.join(format!("lib{name}.so"));
    let header = root().join("plugins/sdk/include");
    let age = |path: &Path| fs_err::metadata(path).and_then(|known| known.modified()).ok();
    let newest = age(&source).max(age(&header.join("pyrelease_stage.h"))).max(age(&root().join(file!())));
    if age(&library) <= newest {
        let new = folder.join(format!(".{name}.{}", std::process::id()));
        let include = format!("-I{}", header.display());
        let mut arguments: Vec<OsString> =
            ["-shared", "-fPIC", "-O1", "-w", &include].map(OsString::from).into();
        arguments.extend(options.iter().map(OsString::from));
        arguments.extend(["-o".into(), new.clone().into(), source.into()]);
        duct::cmd(compiler, arguments).run().expect("the compiler and the folder for what it builds");
        // It has got its name when it is whole: other tests' processes may look for it.
        fs_err::rename(new, &library).expect("the compiler and the folder for what it builds");
    }
    Some(library)
}

/// What a call heard
#[derive(Debug, Default)]
pub(crate) struct Listening {
    pub(crate) logs: Vec<String>,
    pub(crate) printed: Vec<String>,
    pub(crate) effects: Vec<String>,
    /// What undoing each of them will be told
    pub(crate) undo: Vec<Value>,
    pub(crate) done: Vec<String>,
    pub(crate) summaries: Vec<String>,
    pub(crate) progress: Vec<(u64, u64)>,
}

impl PluginHandler for Listening {
    fn log(&mut self, _: Level, message: &str) {
        self.logs.push(message.to_owned());
    }

    fn printed(&mut self, line: &str) {
        self.printed.push(line.to_owned());
    }

    fn effect(&mut self, effect: AnnouncedEffect) -> EffectReply {
        self.effects.push(effect.key);
        self.undo.push(effect.undo);
        self.summaries.push(effect.summary);
        EffectReply::Act
    }

    fn progress(&mut self, done: u64, total: u64, _: &str) {
        self.progress.push((done, total));
    }

    fn done(&mut self, key: &str) -> Result<(), String> {
        self.done.push(key.to_owned());
        Ok(())
    }
}

/// A plugin about to be called
pub(crate) struct Trial {
    pub(crate) program: Program,
    pub(crate) method: Method,
    pub(crate) params: Value,
    pub(crate) limit: Duration,
    pub(crate) secrets: Vec<String>,
    pub(crate) stop: AtomicBool,
}

impl Trial {
    fn new(program: Program) -> Self {
        set_host(env!("CARGO_BIN_EXE_pyrelease").into());
        Self {
            program,
            method: Method::Run,
            params: json!({}),
            limit: Duration::from_secs(60),
            secrets: Vec::new(),
            stop: AtomicBool::new(false),
        }
    }

    pub(crate) fn of_library(path: &Path) -> Self {
        Self::new(Program::Library(path.to_owned()))
    }

    pub(crate) fn of_shell(script: &str) -> Self {
        Self::new(Program::Executable(vec!["/bin/sh".into(), "-c".into(), script.into()]))
    }

    pub(crate) fn of_words(words: &[&str]) -> Self {
        Self::new(Program::Executable(words.iter().map(OsString::from).collect()))
    }

    pub(crate) fn mode(mut self, mode: &str) -> Self {
        self.params = json!({"config": {"mode": mode}});
        self
    }

    pub(crate) fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    pub(crate) fn limit(mut self, milliseconds: u64) -> Self {
        self.limit = Duration::from_millis(milliseconds);
        self
    }

    pub(crate) fn call(&self) -> (Result<Value, PluginError>, Listening) {
        let mut listening = Listening::default();
        let environment = [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("CANARY", "x")]
            .map(|(name, value)| (name.into(), value.into()));
        let called = call(
            &Call {
                plugin: "unruly",
                stage: "trial",
                method: self.method,
                params: &self.params,
                program: &self.program,
                folder: Path::new("/"),
                environment: &environment,
                secrets: &self.secrets,
                limit: self.limit,
                stop: Stop::Set(&self.stop),
            },
            &mut listening,
        );
        (called, listening)
    }

    /// The error that it ends with: it names the plugin, the stage and the method.
    #[track_caller]
    pub(crate) fn fails(&self) -> (Cause, String) {
        let (called, listening) = self.call();
        let Err(error) = called else { panic!("{called:?} {listening:?}") };
        let text = error.to_string();
        for named in ["`unruly`", "`trial`", &format!("`{}`", self.method)] {
            assert!(text.contains(named), "{named} is not in {text}");
        }
        (error.cause, text)
    }
}

/// A library in Rust that is built with the tests.
pub(crate) fn built(name: &str) -> PathBuf {
    let program = std::env::current_exe().expect("a test knows its own program");
    let folder = program.parent().expect("it is in a folder");
    folder.join(format!("{}{name}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX))
}
