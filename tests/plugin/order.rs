//! What a plugin needs and gives: it may build, and its place in the pipeline follows from that.

use pyrelease_test_support::{Backend, Project, set_binary};

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

fn config(stages: &[&str], more: &str) -> String {
    format!("stages = {stages:?}\n\n[stage.maker]\nplugin = \"maker\"\n{more}{LOOK}")
}

#[test]
fn a_plugin_builds_what_is_checked() {
    let project = project(MAKER);
    project.pyrelease("run minor --yes").code(0).stderr_contains("Checking every distribution");
    assert_eq!(project.tag_target("v1.1.0"), project.head());

    let project = self::project(&MAKER.replace("in_tree.build_", "str; in_tree.__name__; #"));
    let before = project.snapshot();
    project
        .pyrelease("run minor --yes")
        .code(1)
        .stderr_contains("gives the `distributions`, but there are none");
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
    let stages = ["version", "tag", "build", "maker", "check", "push"];
    let tables = "[stage.maker]\nplugin = \"maker\"\n\n[stage.build]\nisolation = false\n";
    project.write("release.toml", &format!("stages = {stages:?}\n\n{tables}"));
    let outcome = project.pyrelease("run minor --yes").code(0);
    outcome.stderr_contains("demo-1.1.0-py3-none-win_amd64.whl (");
    let log = project.pyrelease("log --last").code(0);
    log.stdout_contains("demo-1.1.0-py3-none-win_amd64.whl");
}

#[test]
fn what_a_plugin_or_its_configuration_says_decides_its_place() {
    let project = project(MAKER);
    for (stages, more, said) in [
        (["version", "maker", "tag", "check", "look", "push"], "", "`maker` comes before `tag`"),
        (["version", "tag", "check", "maker", "look", "push"], "", "`check` comes before `maker`"),
        (["version", "tag", "look", "maker", "check", "push"], "", "`look` comes before `maker`"),
        (
            ["maker", "version", "tag", "check", "look", "push"],
            "needs = [\"version\"]\n",
            "`maker` comes before `",
        ),
    ] {
        project.write("release.toml", &config(&stages, more));
        let refused = project.pyrelease("plan minor").code(2);
        refused
            .stderr_contains(said)
            .stderr_contains("an order that works: stages = [\"version\", \"tag\", \"maker\"");
    }
    project.write(
        "release.toml",
        &config(&["version", "tag", "maker", "look", "push"], "gives = [\"wheels\"]\n"),
    );
    let refused = project.pyrelease("plan minor").code(2);
    refused.stderr_contains("unknown value `wheels`").stderr_contains("`distributions`");
}

#[test]
fn a_word_that_no_stage_knows_is_an_error_of_the_plugin() {
    let project = project(&MAKER.replace("\"commit\"", "\"commmit\""));
    let refused = project.pyrelease("plan minor").code(1);
    refused.stderr_contains("plugin `maker` of stage `maker` needs `commmit`, which is not a valid word");
    refused.stderr_contains("valid are `notes`, `version`, `commit`, `tag` and `distributions`");
}
