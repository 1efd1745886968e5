//! Measures the cost of plugins: one `describe` call, and seven plugins in a plan: `cargo bench --bench plugins`.
//!
//! A call includes the process, the private copy, its hash and the messages. Plans with and without plugins alternate,
//! so that changes of the machine's speed affect both.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "prints a report for the developer")]

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use pyrelease::plugin::launch::{Stop, set_host};
use pyrelease::plugin::{Assignment, CallContext, Plugin};
use pyrelease::stages::NullHandler;
use pyrelease_test_support::{Project, Sandbox, set_binary};
use serde_json::json;

const CALLS: usize = 50;
const ROUNDS: usize = 11;
const STAGES: usize = 7;

fn main() {
    set_binary(env!("CARGO_BIN_EXE_pyrelease"));
    set_host(env!("CARGO_BIN_EXE_pyrelease").into());
    let folder = tempfile::tempdir().unwrap();
    let plugins = plugins(folder.path());
    println!("{:34} {:>10} {:>10} {:>10}", "describe", "size", "median", "p95");
    for (language, file, _) in &plugins {
        let times = calls(file);
        let (median, late) = (times[CALLS / 2], times[CALLS * 95 / 100]);
        let size = fs_err::metadata(file).unwrap().len() >> 10;
        println!("{language:34} {size:7} KiB {:7.2} ms {:7.2} ms", ms(median), ms(late));
    }
    println!("\n{:34} {:>10} {:>10} {:>10}", "", "without", "with", "added");
    for (language, file, config) in &plugins {
        let (without, with) = (project(None, config), project(Some(file), config));
        for command in ["plan minor", "run minor --dry-run"] {
            let took = |project: &Project| {
                project.pyrelease(command).env("PYRELEASE_SECRET_GITHUB_TOKEN", "x").code(0).took()
            };
            // Warm up the page cache.
            took(&without);
            took(&with);
            let rounds: Vec<_> = (0..ROUNDS).map(|_| (took(&without), took(&with))).collect();
            let median = |of: fn(&(Duration, Duration)) -> f64| {
                let mut values: Vec<f64> = rounds.iter().map(of).collect();
                values.sort_by(f64::total_cmp);
                values[ROUNDS / 2]
            };
            let (without, with) = (median(|round| ms(round.0)), median(|round| ms(round.1)));
            let added = median(|round| ms(round.1) - ms(round.0));
            let what = format!("{command}, {STAGES} in {language}");
            println!("{what:34} {without:7.1} ms {with:7.1} ms {added:7.1} ms");
        }
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// A plugin in each language: its name, its file and its configuration.
fn plugins(folder: &Path) -> Vec<(&'static str, PathBuf, &'static str)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let program = std::env::current_exe().unwrap();
    let built = |name: &str| program.parent().unwrap().join(format!("{prefix}{name}{suffix}"));
    let mut plugins = vec![
        ("Rust", built("unruly_rust"), "{}"),
        ("Rust, with HTTP", built("github_release"), "{ repository = \"o/r\" }"),
        ("Python", root.join("plugins/examples/announce/announce.py"), "{ url = \"http://127.0.0.1:9/\" }"),
    ];
    let in_c = folder.join(format!("{prefix}checksums{suffix}"));
    let include = format!("-I{}", root.join("plugins/sdk/include").display());
    let source = root.join("plugins/examples/checksums/checksums.c");
    if duct::cmd!("cc", "-shared", "-fPIC", "-O2", include, "-o", &in_c, source).run().is_ok() {
        plugins.insert(0, ("C", in_c, "{}"));
    }
    plugins
}

/// The times of `describe` calls, sorted.
fn calls(file: &Path) -> Vec<Duration> {
    let sandbox = Sandbox::new();
    let environment = sandbox.environment().into_iter().collect();
    let (folder, stop) = (sandbox.root(), &AtomicBool::new(false));
    let assignment = Assignment {
        stage: "stage".to_owned(),
        plugin: Plugin::of_file("plugin", file).unwrap(),
        config: json!({}),
        secrets: Vec::new(),
        environment: Vec::new(),
        seconds: Some(60),
    };
    let mut times: Vec<Duration> = (0..=CALLS)
        .map(|_| {
            let began = Instant::now();
            assignment
                .describe(
                    &CallContext { environment: &environment, folder, stop: Stop::Set(stop) },
                    &mut NullHandler,
                )
                .unwrap();
            began.elapsed()
        })
        .skip(1)
        .collect();
    times.sort();
    times
}

/// A project whose release has these plugin stages, or as many that do nothing.
fn project(plugin: Option<&Path>, config: &str) -> Project {
    let names: Vec<String> = (1..=STAGES).map(|number| format!("own{number}")).collect();
    let list = names.iter().map(|name| format!(", \"{name}\"")).collect::<String>();
    let secrets = if config.contains("repository") { "secrets = [\"GITHUB_TOKEN\"]\n" } else { "" };
    let stage = |name: &String| match plugin {
        Some(_) => format!("[stage.{name}]\nplugin = \"mine\"\n{secrets}config = {config}\n"),
        None => format!("[stage.{name}]\nrun = [\"true\"]\nreach = \"follow-up\"\n"),
    };
    let tables: String = names.iter().map(stage).collect();
    let config = format!("stages = [\"version\", \"tag\", \"push\"{list}]\n\n{tables}");
    let project = Project::python("demo", "1.0.0").tagged("v1.0.0").with_remote().config(&config).build();
    if let Some(plugin) = plugin {
        let ending = plugin.extension().unwrap().to_str().unwrap();
        let name = if ending == "py" { "mine.py".to_owned() } else { format!("libmine.{ending}") };
        let folder = project.folder().join(".pyrelease/plugins");
        fs_err::create_dir_all(&folder).unwrap();
        fs_err::copy(plugin, folder.join(name)).unwrap();
        project.pyrelease("plugin trust --yes").code(0);
        project.commit("Trust the plugin");
    }
    project
}
