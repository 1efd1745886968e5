//! A project with plugins among its stages, all of them quick: no build and no index.

use std::path::PathBuf;

use pyrelease_test_support::{Blueprint, Config, Invocation, Project, set_binary};
use serde_json::Value;

/// A stage in shell that leaves a mark, and does as its configuration says.
pub(crate) const MARK: &str = include_str!("sources/mark.sh");

pub(crate) struct Scene {
    pub(crate) project: Project,
}

impl Scene {
    /// The stages of `head`, with the plugin under these names.
    pub(crate) fn new(config: &str, plugins: &[&str]) -> Self {
        set_binary(env!("CARGO_BIN_EXE_pyrelease"));
        Self::of(Project::python("demo", "1.0.0").tagged("v1.0.0").with_remote(), config, plugins)
    }

    /// The same of another project.
    pub(crate) fn of(blueprint: Blueprint, config: &str, plugins: &[&str]) -> Self {
        let with =
            |blueprint: Blueprint, name: &&str| blueprint.file(&format!(".pyrelease/plugins/{name}"), MARK);
        Self { project: plugins.iter().fold(blueprint.config(config), with).build() }
    }

    /// One stage named `mark` after the tag, which leaves its mark in [`Self::mark`]; with more in its `config`.
    pub(crate) fn marking(more: &[(&str, &str)]) -> Self {
        let scene = Self::new("", &["mark"]);
        scene.configure(more);
        scene.trust();
        scene
    }

    /// Writes the configuration of [`Self::marking`] anew.
    pub(crate) fn configure(&self, more: &[(&str, &str)]) {
        let config = Config::stages("version tag mark push").lines(&self.table("mark"));
        let set = |config: Config, (key, value): &(&str, &str)| config.set(&format!("config.{key}"), value);
        self.write(&more.iter().fold(config, set));
    }

    /// The table of a stage with the plugin of this name, which leaves its mark in [`Self::mark`].
    pub(crate) fn table(&self, name: &str) -> Config {
        let file = self.mark().display().to_string();
        Config::default().stage(name).set("plugin", name).set("config.file", file)
    }

    /// Writes, commits and pushes the configuration.
    pub(crate) fn write(&self, config: &str) {
        self.project.write("release.toml", config);
        self.project.commit("Configure the release");
        self.project.git(&["push", "--quiet"]);
    }

    pub(crate) fn trust(&self) {
        self.project.pyrelease("plugin trust --yes").code(0);
        self.project.commit("Pin the plugins");
        self.project.git(&["push", "--quiet"]);
    }

    /// The file that a mark is left in.
    pub(crate) fn mark(&self) -> PathBuf {
        self.beside("mark")
    }

    /// A file beside the project.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.project.sandbox().root().join(name)
    }

    pub(crate) fn run(&self) -> Invocation<'_> {
        self.project.pyrelease("run minor --yes")
    }

    /// The points of a release in which the stage `mark` is at work.
    pub(crate) fn points(&self) -> Vec<(u64, String)> {
        let list = self.beside("points");
        let drill = format!("list:{}", list.display());
        self.run().env("PYRELEASE_DRILL", drill).code(0);
        let text = fs_err::read_to_string(list).expect("a point as a drill lists it");
        let points = text.lines().map(|line| {
            let point: Value = serde_json::from_str(line).expect("a point as a drill lists it");
            let what = format!(
                "{} {}",
                point["moment"].as_str().expect("a point as a drill lists it"),
                point["what"].as_str().expect("a point as a drill lists it")
            );
            (point["number"].as_u64().expect("a point as a drill lists it"), what)
        });
        let mut points: Vec<_> =
            points.skip_while(|(_, what)| what != "after-record stage-begun mark").collect();
        let end = points
            .iter()
            .position(|(_, what)| what == "after-record stage-done mark")
            .expect("a point as a drill lists it");
        points.truncate(end + 1);
        // Half a record is the same wherever it lies, and others see to that.
        points.retain(|(_, what)| !what.starts_with("torn-record"));
        points
    }

    /// The plugin's processes have ended, and there are none of the release.
    #[track_caller]
    pub(crate) fn is_quiet(&self) {
        let began = std::time::Instant::now();
        let mut left = self.project.sandbox().processes();
        while !left.is_empty() && began.elapsed() < std::time::Duration::from_secs(10) {
            std::thread::sleep(std::time::Duration::from_millis(20));
            left = self.project.sandbox().processes();
        }
        assert!(left.is_empty(), "still there: {left:?}");
    }
}
