//! Build environments that are kept: used again, resolved again, made again, and never changed by a build.

#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::path::PathBuf;

use pyrelease::world::Environment;
use pyrelease::world::tools::ToolEnvironment;
use pyrelease_test_support::{
    Blueprint, IN_TREE, Invocation, Outcome, Project, distribution, shared_cache, str,
};
use serde_json::Value;

use super::quick;

/// What the backend of these tests does besides: it asks for the requirements that the project lists, tells whether
/// anything of the user leaks into it, and changes its environment where the project has a file `misbehave`.
const MORE: &str = r#"

def _requires(settings=None):
    path = Path("requires.txt")
    return path.read_text().split() if path.exists() else []


get_requires_for_build_sdist = get_requires_for_build_wheel = _requires

try:
    import leaked
    raise SystemExit("a module of the user leaked in")
except ImportError:
    pass
for name in ["PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV"]:
    if os.environ.get(name):
        raise SystemExit(f"{name} leaked in")

if Path("misbehave").exists():
    how = Path("misbehave").read_text().strip()
    if how == "add":
        Path(__file__).with_name("added.py").write_text("x = 1\n")
    else:
        # The same size and time: only the bytes tell.
        text, times = Path(__file__).read_text(), os.stat(__file__)
        Path(__file__).write_text(text.replace("same size", "other one"))
        os.utime(__file__, ns=(times.st_atime_ns, times.st_mtime_ns))
# same size
"#;

/// A project that is built by a backend of its own index, and its caches
struct Scene {
    project: Project,
}

impl Scene {
    fn new() -> Self {
        Self::of(quick())
    }

    fn of(blueprint: Blueprint) -> Self {
        let system = "[build-system]\nrequires = [\"tiny-backend\"]\nbuild-backend = \"tiny_backend\"\n";
        let project = blueprint.without_remote().build();
        let pyproject = project.read("pyproject.toml");
        let old =
            "[build-system]\nrequires = []\nbuild-backend = \"in_tree\"\nbackend-path = [\"backend\"]\n";
        assert!(pyproject.contains(old), "{pyproject}");
        project.write("pyproject.toml", &pyproject.replace(old, system));
        project.commit("Build with a backend from an index");
        let scene = Self { project };
        for folder in [scene.links(), scene.cache()] {
            fs_err::create_dir_all(folder).expect("a folder of the sandbox");
        }
        // The tools are those of all tests; the rest of the cache is this test's own.
        let environment = Environment::of_this_process().with("PYRELEASE_CACHE_DIR", shared_cache());
        ToolEnvironment::ensure(&environment, &|_| {}).expect("the tools");
        #[cfg(unix)]
        std::os::unix::fs::symlink(shared_cache().join("tools"), scene.cache().join("tools"))
            .expect("a link in the sandbox");
        scene.publish("1.0");
        scene
    }

    fn links(&self) -> PathBuf {
        self.project.sandbox().root().join("links")
    }

    fn cache(&self) -> PathBuf {
        self.project.sandbox().root().join("cache")
    }

    /// Publishes a version of the backend.
    fn publish(&self, version: &str) {
        distribution::package(&self.links(), "tiny_backend", version, "any", &format!("{IN_TREE}{MORE}"));
    }

    fn pyrelease(&self, arguments: &str) -> Invocation<'_> {
        self.project
            .pyrelease(arguments)
            .env("PYRELEASE_CACHE_DIR", self.cache())
            .env("PIP_FIND_LINKS", self.links())
            .env("PIP_NO_INDEX", "1")
    }

    /// Builds; returns for each environment whether it was used before, and what is installed.
    #[track_caller]
    fn environments(&self, arguments: &str) -> Vec<(bool, Vec<String>)> {
        environments(&self.pyrelease(&format!("{arguments} --format json")).code(0))
    }

    /// The folders of the environments that are there.
    fn made(&self) -> Vec<PathBuf> {
        let keys = fs_err::read_dir(self.cache().join("build")).into_iter().flatten().flatten();
        let entries = keys.flat_map(|key| fs_err::read_dir(key.path()).into_iter().flatten().flatten());
        let mut made: Vec<PathBuf> =
            entries.map(|entry| entry.path()).filter(|path| path.join("pyvenv.cfg").exists()).collect();
        made.sort();
        made
    }

    fn module(&self) -> PathBuf {
        let [made] = self.made().try_into().expect("one environment");
        let lib = fs_err::read_dir(made.join("lib")).unwrap().next().unwrap().unwrap().path();
        lib.join("site-packages/tiny_backend/__init__.py")
    }
}

fn environments(outcome: &Outcome) -> Vec<(bool, Vec<String>)> {
    let events = outcome.events();
    let told = events.iter().filter(|event| event["event"] == "build-environment");
    told.map(|event| {
        let installed = event["environment"]["installed"].as_array().expect("a list");
        let installed = installed.iter().map(|one| one.as_str().expect("a text").to_owned());
        (event["is_reused"] == true, installed.collect())
    })
    .collect()
}

fn new(installed: &[&str]) -> Vec<(bool, Vec<String>)> {
    vec![(false, installed.iter().map(|one| (*one).to_owned()).collect())]
}

fn kept(installed: &[&str]) -> Vec<(bool, Vec<String>)> {
    vec![(true, installed.iter().map(|one| (*one).to_owned()).collect())]
}

const FIRST: &[&str] = &["tiny-backend==1.0"];
const SECOND: &[&str] = &["tiny-backend==1.1"];

#[test]
fn an_environment_is_made_once_and_resolved_again_on_demand() {
    let scene = Scene::new();
    assert_eq!(scene.environments("build"), new(FIRST));
    scene.publish("1.1");
    let outcome = scene.pyrelease("build --format json").watching_command_lines().code(0);
    assert_eq!(environments(&outcome), kept(FIRST));
    let cache = scene.cache().display().to_string();
    let pip = outcome.command_lines().iter().find(|line| line.contains(&cache) && line.contains(" pip "));
    assert_eq!(pip, None);
    assert_eq!(scene.environments("build --fresh"), new(SECOND));
    assert_eq!(scene.environments("build"), kept(SECOND));
    scene.publish("1.2");
    scene.project.write("release.toml", "[stage.build]\nmax-age = \"0s\"\n");
    assert_eq!(scene.environments("build"), new(&["tiny-backend==1.2"]));
    assert_eq!(scene.made().len(), 1, "earlier ones are removed");
}

#[test]
fn what_decides_what_is_installed_belongs_to_the_key() {
    let scene = Scene::new();
    assert_eq!(scene.environments("build"), new(FIRST));
    scene.publish("1.1");
    let constraints = scene.project.sandbox().root().join("constraints.txt");
    for (constraint, expected) in [("tiny-backend<=1.1", SECOND), ("tiny-backend<1.1", FIRST)] {
        fs_err::write(&constraints, constraint).unwrap();
        let constrained = || {
            let outcome = scene.pyrelease("build --format json").env("PIP_CONSTRAINT", &constraints).code(0);
            environments(&outcome)
        };
        assert_eq!(constrained(), new(expected));
        assert_eq!(constrained(), kept(expected));
    }
    let pyproject = scene.project.read("pyproject.toml");
    scene.project.write("pyproject.toml", &pyproject.replace("\"tiny-backend\"", "\"tiny-backend > 1\""));
    assert_eq!(scene.environments("build --working-tree"), new(SECOND));
    assert_eq!(scene.environments("build"), kept(FIRST), "of the last commit");
}

#[test]
fn a_damaged_or_incomplete_environment_is_made_again() {
    let scene = Scene::new();
    assert_eq!(scene.environments("build"), new(FIRST));
    let module = scene.module();
    let text = fs_err::read_to_string(&module).unwrap();
    fs_err::write(&module, text.replace("same size", "SAME SIZE")).unwrap();
    assert_eq!(scene.environments("build"), new(FIRST), "the bytes differ");
    fs_err::write(scene.module().with_file_name("more.py"), "").unwrap();
    assert_eq!(scene.environments("build"), new(FIRST), "there is one file more");
    fs_err::remove_file(scene.module()).unwrap();
    assert_eq!(scene.environments("build"), new(FIRST), "a file is gone");
    let [folder] = scene.made().try_into().unwrap();
    fs_err::remove_file(folder.with_extension("json")).unwrap();
    assert_eq!(scene.environments("build"), new(FIRST), "it has no record");
    assert!(!folder.exists(), "the remains are removed");
    // As a cache of CI restores it
    let module = scene.module();
    fs_err::write(&module, fs_err::read(&module).unwrap()).unwrap();
    assert_eq!(scene.environments("build"), kept(FIRST), "only a time differs");
}

#[test]
fn a_killed_installation_is_no_environment() {
    let scene = Scene::new();
    let killed = scene.pyrelease("build").meanwhile(|running| {
        while scene.made().is_empty() && !running.has_ended() {
            running.wait(std::time::Duration::from_millis(5));
        }
        running.signal("KILL");
    });
    assert_eq!(killed.run().status(), -1);
    let [half] = scene.made().try_into().unwrap();
    assert_eq!(scene.environments("build"), new(FIRST));
    // Its pip may still have been at work.
    assert_eq!(scene.environments("build --fresh"), new(FIRST));
    assert!(!half.exists());
}

#[test]
fn builds_at_the_same_time_share_one_environment() {
    let scene = Scene::new();
    let outcomes = std::thread::scope(|scope| {
        let build = |out: &'static str| scene.pyrelease(&format!("build --format json --out {out}")).code(0);
        let threads = ["one", "two", "three"].map(|out| scope.spawn(move || build(out)));
        threads.map(|thread| thread.join().expect("a build"))
    });
    let mut reused: Vec<bool> =
        outcomes.iter().flat_map(environments).map(|(is_reused, _)| is_reused).collect();
    reused.sort_unstable();
    assert_eq!(reused, [false, true, true]);
    let built = |outcome: &Outcome| -> Vec<Value> {
        let events = outcome.events();
        let built = events.iter().find(|event| event["event"] == "built").expect("the last event");
        built["files"].as_array().unwrap().iter().map(|file| file["sha256"].clone()).collect()
    };
    assert_eq!(built(&outcomes[0]), built(&outcomes[1]));
    assert_eq!(scene.made().len(), 1);
}

#[test]
fn a_backend_that_changes_its_environment_is_noticed() {
    let scene = Scene::new();
    for (how, expected) in [
        (
            "add",
            str![[r#"
warning: [build] the build changed its own environment: `lib/python[..]/site-packages/tiny_backend/added.py`; the environment is thrown away
help: a build that changes its environment is not repeatable; environment = "fresh" in [stage.build] makes one for each build

"#]],
        ),
        (
            "replace",
            str![[r#"
warning: [build] the build changed its own environment: `lib/python[..]/site-packages/tiny_backend/__init__.py`; the environment is thrown away
help: a build that changes its environment is not repeatable; environment = "fresh" in [stage.build] makes one for each build

"#]],
        ),
    ] {
        scene.project.write("misbehave", how);
        let built = scene.pyrelease("build --working-tree").code(0);
        built.messages_eq(expected);
        assert_eq!(scene.environments("build"), new(FIRST), "{how}: it is made again");
        assert_eq!(scene.environments("build"), kept(FIRST));
        fs_err::remove_dir_all(scene.cache().join("build")).unwrap();
    }
}

#[test]
fn nothing_of_the_user_leaks_in() {
    let scene = Scene::new();
    let user = scene.project.sandbox().root().join("modules");
    fs_err::create_dir_all(&user).unwrap();
    for name in ["leaked.py", "sitecustomize.py", "json.py"] {
        fs_err::write(user.join(name), "raise SystemExit('a module of the user was run')\n").unwrap();
    }
    for _ in 0..2 {
        let build = scene.pyrelease("build").env("PYTHONPATH", &user).env("VIRTUAL_ENV", &user);
        build.env("PYTHONSTARTUP", user.join("leaked.py")).code(0);
    }
}

#[test]
fn a_backend_gets_what_its_hooks_ask_for() {
    let scene = Scene::new();
    distribution::wheel(&scene.links(), "asked_for", "2.0", "any", "hello");
    scene.project.write("requires.txt", "asked_for");
    scene.project.commit("Ask for more");
    let with = vec!["asked-for==2.0".to_owned(), "tiny-backend==1.0".to_owned()];
    let alone = vec!["tiny-backend==1.0".to_owned()];
    // The wheel is built from the sdist, which lacks the file.
    assert_eq!(scene.environments("build"), [(false, alone.clone()), (false, with.clone())]);
    assert_eq!(scene.environments("build"), [(true, alone), (true, with)]);
}

#[test]
fn what_cannot_be_resolved_or_imported_is_named() {
    let scene = Scene::new();
    let pyproject = scene.project.read("pyproject.toml");
    scene.project.write("pyproject.toml", &pyproject.replace("\"tiny-backend\"", "\"tiny-backend > 9\""));
    let failed = scene.pyrelease("build --working-tree").code(1);
    for part in [
        "error: failed to install the build requirements: tiny-backend > 9\n",
        "No matching distribution found for tiny-backend>9\n",
        "help: correct `requires` of [build-system] in pyproject.toml",
    ] {
        assert!(failed.stderr().contains(part), "{part}: {failed}");
    }
    assert!(scene.made().is_empty(), "nothing is left");
    scene
        .project
        .write("pyproject.toml", &pyproject.replace("backend = \"tiny_backend", "backend = \"no_backend"));
    let failed = scene.pyrelease("build --working-tree").code(1);
    assert!(failed.stderr().contains("ERROR Backend 'no_backend' is not available."), "{failed}");
    scene.project.write("pyproject.toml", &pyproject.replace("requires = [\"tiny-backend\"]\n", ""));
    scene.pyrelease("build --working-tree").code(3).messages_eq(str![[r#"
error: `build-system.requires` in `pyproject.toml` is not an array of strings
help: correct [build-system] of pyproject.toml

"#]]);
}

#[test]
fn a_release_records_its_environment_and_another_can_build_like_it() {
    let scene = Scene::new();
    let config = "stages = [\"version\", \"tag\", \"build\"]\n";
    scene.project.write("release.toml", config);
    scene.project.commit("Configure releases");
    let run = |outcome: &Outcome| -> String {
        let events = outcome.events();
        let started = events.iter().find(|event| event["event"] == "run-started").expect("a run");
        started["run"].as_str().unwrap().to_owned()
    };
    let first = scene.pyrelease("run patch --yes --format json").code(0);
    assert_eq!(environments(&first), new(FIRST));
    let recorded = |run: &str| -> Value {
        let lines = scene.pyrelease("log --format json").arg(run).code(0).events();
        let done = lines.iter().find(|line| line["record"]["outputs"]["environments"].is_array());
        done.expect("a stage that built")["record"]["outputs"]["environments"].clone()
    };
    let first = run(&first);
    assert_eq!(recorded(&first)[0]["installed"], serde_json::json!(["tiny-backend==1.0"]));
    assert_eq!(recorded(&first)[0]["requires"], serde_json::json!(["tiny-backend"]));
    let text = scene.pyrelease("log").arg(&first).code(0);
    assert!(text.stdout().contains(" and tiny-backend==1.0"), "{text}");

    scene.publish("1.1");
    let second = scene.pyrelease("run patch --yes --format json --fresh").code(0);
    assert_eq!(environments(&second), new(SECOND));
    let like = scene.pyrelease("run patch --yes --format json --like").arg(&first).code(0);
    assert_eq!(environments(&like), new(FIRST));
    assert_eq!(recorded(&run(&like))[0]["installed"], serde_json::json!(["tiny-backend==1.0"]));
    // The same for a run that is continued later.
    let killed = scene.pyrelease("run patch --yes --like").arg(&first).env("PYRELEASE_DRILL", "kill:8");
    assert_eq!(killed.run().status(), -1);
    let resumed = scene.pyrelease("resume --yes --format json").code(0);
    assert_eq!(environments(&resumed), kept(FIRST));

    scene.pyrelease("run patch --yes --like nothing").code(2).messages_eq(str![[r#"
error: there is no run `nothing`
help: `pyrelease log` lists the runs

"#]]);
    scene.project.write("release.toml", &format!("{config}[stage.build]\nenvironment = \"fresh\"\n"));
    scene.project.commit("Build in fresh environments");
    scene.pyrelease("run patch --yes --like").arg(&first).code(3).messages_eq(str![[r#"
error: [build] `--like` needs a kept build environment, and [stage.build] has environment = "fresh"
help: release without `--like`
error: the release was refused; nothing has been done

"#]]);
    let fresh = scene.pyrelease("run patch --yes --format json").code(0);
    assert_eq!(environments(&fresh), []);
    scene.pyrelease("run patch --yes --like").arg(run(&fresh)).code(2).messages_eq(str![[r#"
error: run [RUN] has no record of a build environment to build like
help: only runs that built in a kept environment have one

"#]]);
}
