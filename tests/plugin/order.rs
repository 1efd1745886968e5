//! What a plugin needs and gives: it may build, and its place in the pipeline follows from that.

use pyrelease_test_support::{Backend, Config, Project, Transcript, set_binary, str};

/// Builds the distributions and writes the release notes
const MAKER: &str = r#"#!/usr/bin/env python3
import sys
from pyrelease_plugin import Stage, serve
sys.dont_write_bytecode = True

class Plugin(Stage):
    name, version, needs, gives = "maker", "0.1.0", ["commit"], ["distributions", "notes"]

    def run(self, call):
        sys.path.insert(0, "backend")
        import in_tree
        in_tree.build_sdist(call.release["dist_folder"])
        in_tree.build_wheel(call.release["dist_folder"])
        return {"notes": "It is new"}

serve(Plugin)
"#;

const LOOK: &str = r#"
[stage.look]
run = ["sh", "-c", "grep -q new $PYRELEASE_NOTES && ls $PYRELEASE_DIST/*.whl $PYRELEASE_DIST/*.tar.gz"]
needs = ["distributions", "notes"]
"#;

fn project(plugin: &str) -> Project {
    set_binary(env!("CARGO_BIN_EXE_pyrelease"));
    let blueprint = Project::python("demo", "1.0.0").backend(Backend::InTree).tagged("v1.0.0").with_remote();
    let file = blueprint.file(".pyrelease/plugins/maker.py", plugin);
    let project = file.config(&config(&["version", "tag", "maker", "check", "look", "push"], "")).build();
    project.pyrelease("plugin trust --yes").code(0);
    project.commit("Pin the plugin");
    project.git(&["push", "--quiet"]);
    project
}

fn config(stages: &[&str], more: &str) -> Config {
    Config::stages(&stages.join(" ")).stage("maker").set("plugin", "maker").lines(more).lines(LOOK)
}

#[test]
fn a_plugin_builds_what_is_checked() {
    let project = project(MAKER);
    let released = project.pyrelease("run minor --yes --format json").code(0);
    assert!(released.actions().contains(&"check".to_owned()), "{released}");
    assert_eq!(project.tag_target("v1.1.0"), project.head());

    let project = self::project(&MAKER.replace("in_tree.build_", "str; in_tree.__name__; #"));
    let before = project.snapshot();
    project.pyrelease("run minor --yes").code(1).messages_eq(str![[r#"
error: `maker` gives the `distributions`, but there are none in `[ROOT]/demo/.git/pyrelease/runs/[RUN]/dist`
help: leave them in the folder that PYRELEASE_DIST names

"#]]);
    project.assert_unchanged(&before);
}

#[test]
fn a_plugin_after_build_adds_a_wheel() {
    let run = MAKER.find("        in_tree.build_sdist").expect("what it builds");
    let end = MAKER.find("\nserve").expect("its end");
    let adds = "        in_tree._write_wheel(call.release[\"dist_folder\"], \"py3-none-win_amd64\")\n        return {}\n";
    let plugin = format!("{}{adds}{}", &MAKER[..run], &MAKER[end..]);
    let project =
        project(&plugin.replace("[\"commit\"], [\"distributions\", \"notes\"]", "[\"distributions\"], []"));
    let config = Config::stages("version tag build maker check push").stage("maker").set("plugin", "maker");
    project.write("release.toml", &config.stage("build").set("isolation", false));
    let outcome = project.pyrelease("run minor --yes").code(0);
    outcome.stderr_eq(str![[r#"
warning: uncommitted changes are not released: `release.toml`
help: commit them first if they belong to this release
note: untracked files are not released: `notes.txt`
help: `git add` and commit them if they belong to this release
demo 1.1.0 (now 1.0.0), tag v1.1.0, from main at [OID]
   Releasing 1.1.0 (run [RUN])
     Writing pyproject.toml
  Committing "Release 1.1.0"
     Tagging v1.1.0
    Building sdist and wheel with python -m build
             demo-1.1.0-py3-none-any.whl ([SIZE], sha256 [SHA256])
             demo-1.1.0.tar.gz ([SIZE], sha256 [SHA256])
             demo-1.1.0-py3-none-win_amd64.whl ([SIZE], sha256 [SHA256])
    Checking every distribution by PyPI's rules
     Landing in your repository: main and tag v1.1.0
     Pushing main and v1.1.0 to origin, atomically
    Released demo 1.1.0

"#]]);
    let log = project.pyrelease("log --last").code(0);
    log.stdout_eq(str![[r#"
   1  [TIME]  +[SECONDS]                the run began: demo 1.1.0 (tag v1.1.0) from main at [OID], by pyrelease [VERSION]
   2  [TIME]  +[SECONDS]                stage `version` began
   3  [TIME]  +[SECONDS]                stage `version` is done
   4  [TIME]  +[SECONDS]                stage `tag` began
   5  [TIME]  +[SECONDS]                stage `tag` is done: commit [OID], tag v1.1.0 ([OID])
   6  [TIME]  +[SECONDS]                stage `build` began
   7  [TIME]  +[SECONDS]                stage `build` is done: demo-1.1.0-py3-none-any.whl (sha256 [SHA256]), demo-1.1.0.tar.gz (sha256 [SHA256])
   8  [TIME]  +[SECONDS]                stage `maker` began
   9  [TIME]  +[SECONDS]                stage `maker` is done: demo-1.1.0-py3-none-any.whl (sha256 [SHA256]), demo-1.1.0-py3-none-win_amd64.whl (sha256 [SHA256]), demo-1.1.0.tar.gz (sha256 [SHA256])
  10  [TIME]  +[SECONDS]                stage `check` began
  11  [TIME]  +[SECONDS]                stage `check` is done
  12  [TIME]  +[SECONDS]                #0 about to do: main in the repository and tag v1.1.0
  13  [TIME]  +[SECONDS]                #0 done: [OID]
  14  [TIME]  +[SECONDS]                stage `push` began
  15  [TIME]  +[SECONDS]                #1 about to do: main and v1.1.0 at origin
  16  [TIME]  +[SECONDS]                #1 done: pushed
  17  [TIME]  +[SECONDS]                stage `push` is done
  18  [TIME]  +[SECONDS]                the run is over: released
output of a stage: [ROOT]/demo/.git/pyrelease/runs/[RUN]/build.log
output of a stage: [ROOT]/demo/.git/pyrelease/runs/[RUN]/maker.log

"#]]);
}

#[test]
fn what_a_plugin_or_its_configuration_says_decides_its_place() {
    let mut seen =
        Transcript::named("plugin-order/what-a-plugin-or-its-configuration-says-decides-its-place");
    let project = project(MAKER);
    for (stages, more) in [
        (["version", "maker", "tag", "check", "look", "push"], ""),
        (["version", "tag", "check", "maker", "look", "push"], ""),
        (["version", "tag", "look", "maker", "check", "push"], ""),
        (["maker", "version", "tag", "check", "look", "push"], "needs = [\"version\"]\n"),
    ] {
        project.write("release.toml", &config(&stages, more));
        seen.add_error(&project.pyrelease("plan minor").code(2));
    }
    seen.assert();
    project.write(
        "release.toml",
        &config(&["version", "tag", "maker", "look", "push"], "gives = [\"wheels\"]\n"),
    );
    let refused = project.pyrelease("plan minor").code(2);
    refused.messages_eq(str![[r#"
error: unknown value `wheels`, expected one of `notes`, `version`, `commit`, `tag`, `distributions` in [stage.maker]
 --> release.toml:5:10
  |
5 | gives = ["wheels"]
  |          ^^^^^^^^

"#]]);
}

#[test]
fn a_word_that_no_stage_knows_is_an_error_of_the_plugin() {
    let project = project(&MAKER.replace("\"commit\"", "\"commmit\""));
    let refused = project.pyrelease("plan minor").code(1);
    refused.messages_eq(str![[r#"
error: plugin `maker` of stage `maker` needs `commmit`, which is not a valid word
help: valid are `notes`, `version`, `commit`, `tag` and `distributions`

"#]]);
}
