//! `pyrelease drill` with plugins: they are killed themselves, or somebody who has effects of the same kind in their place.

use pyrelease_test_support::{Config, Outcome, Project, Transcript};
use serde_json::Value;

use super::carriers::equip;
use super::scene::{MARK, Scene};
use crate::release::drill::EXHAUSTIVE;
use crate::release::quick;

/// Every so many points, or every one where that is asked for.
#[expect(clippy::disallowed_methods, reason = "asked of the test, not of the program")]
fn every(many: usize) -> usize {
    if std::env::var_os(EXHAUSTIVE).is_some() { 1 } else { many }
}

fn report(outcome: &Outcome) -> Value {
    outcome.events().pop().expect("a report")
}

/// What was killed, where both ways from there came out, and nothing was otherwise than it should be.
#[track_caller]
fn outcomes(report: &Value) -> Vec<(String, String)> {
    let outcome = |judged: &Value, way: &str| {
        assert_eq!(judged[way]["differences"], Value::Array(Vec::new()), "{judged:#}");
        judged[way]["outcome"].as_str().expect("an outcome").to_owned()
    };
    let results = report["results"].as_array().expect("a list of results");
    results
        .iter()
        .map(|judged| {
            (
                judged["point"]["what"].as_str().expect("it says what").to_owned(),
                format!("{} {}", outcome(judged, "rollback"), outcome(judged, "resume")),
            )
        })
        .collect()
}

fn doers(report: &Value) -> Vec<(&str, &str)> {
    let stages = report["stages"].as_array().expect("a list of stages");
    stages
        .iter()
        .map(|stage| (stage["name"].as_str().expect("a name"), stage["doer"].as_str().expect("a doer")))
        .collect()
}

/// A project with a library and a program between its build and its push.
fn both() -> Option<Project> {
    let config = "\
stages = [\"version\", \"tag\", \"build\", \"checksums\", \"website\", \"push\"]

[stage.build]
isolation = false

[stage.checksums]
plugin = \"checksums\"

[stage.website]
plugin = \"website\"
config = { file = \"VERSION.txt\" }
";
    let project = quick().config(config).build();
    equip(&project).then_some(project)
}

#[test]
fn plugins_themselves_are_killed_undone_and_finished() {
    let Some(project) = both() else { return };
    // What nobody has committed is brought along.
    project.write(".gitignore", "__pycache__/\n.pyrelease/\nrelease.lock\n");
    project.git(&["rm", "--quiet", "--cached", "-r", ".pyrelease", "release.lock"]);
    project.commit("Keep plugins out of git");
    project.git(&["push", "--quiet"]);
    let before = project.snapshot();
    let options = format!(
        "drill minor --commands --stage checksums --stage website --every {} --format json",
        every(6)
    );
    let outcome = project.pyrelease(&options).code(0);
    project.assert_unchanged(&before);
    project.assert_no_debris();
    let report = report(&outcome);
    assert_eq!(doers(&report)[3..5], [("checksums", "plugin"), ("website", "plugin")]);
    let outcomes = outcomes(&report);
    assert!(outcomes.iter().all(|(_, outcome)| outcome == "rolled-back released"), "{outcomes:#?}");
    for file in ["SHA256SUMS", "VERSION.txt"] {
        assert!(outcomes.iter().any(|(what, _)| what.contains(file)), "{file} in {outcomes:#?}");
    }
}

#[test]
fn a_stand_in_has_effects_of_the_kind_that_the_plugin_declared() {
    let scene = Scene::new("", &["mark", "news"]);
    let canary = scene.beside("canary");
    let config = Config::stages("version tag mark push news").lines(&scene.table("mark"));
    let config = config.set("secrets", ["MARK_TOKEN"]).lines(&scene.table("news"));
    scene.project.write("release.toml", &config);
    const SING: &str = ": > \"@canary@\"\n    at announce";
    let sings = MARK.replace("at announce", SING).replace("@canary@", &canary.display().to_string());
    scene.project.write(".pyrelease/plugins/news", &sings);
    scene.project.commit("Configure the release");
    scene.trust();
    let agreed = scene.project.sandbox().home().join(".local/share/pyrelease/trust.toml");
    let (before, consent) = (scene.project.snapshot(), fs_err::read(&agreed).unwrap());
    let options = format!("drill minor --stage mark --stage news --every {} --format json", every(4));
    let outcome = scene.project.pyrelease(&options).env("PYRELEASE_SECRET_MARK_TOKEN", "x").code(0);
    scene.project.assert_unchanged(&before);
    assert_eq!(fs_err::read(&agreed).unwrap(), consent, "nothing was agreed to in the user's name");
    assert!(!canary.exists() && !scene.mark().exists(), "the plugins themselves did nothing");

    let report = report(&outcome);
    assert_eq!(doers(&report)[2..], [("mark", "stand-in"), ("push", "pyrelease"), ("news", "stand-in")]);
    let left_out: Vec<&str> =
        report["left_out"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(left_out[0].contains("stand-in replaces the plugin of `mark`"), "{left_out:?}");
    assert!(left_out[0].contains("and reversible") && left_out[1].contains("and irreversible"));
    let outcomes = outcomes(&report);
    let of = |kind: &str| {
        let of_kind = outcomes.iter().filter(|(what, _)| what.ends_with(kind));
        of_kind.map(|(_, outcome)| outcome.as_str()).collect::<Vec<_>>()
    };
    assert!(of("is reversible (plugin `stand-in`)").contains(&"rolled-back released"), "{outcomes:#?}");
    assert!(of("is irreversible (plugin `stand-in`)").contains(&"refused released"), "{outcomes:#?}");
}

#[test]
fn an_undo_of_a_plugin_that_undoes_nothing_is_found() {
    let mut seen = Transcript::named("plugin-drill/an-undo-of-a-plugin-that-undoes-nothing-is-found");
    let scene = Scene::marking(&[]);
    scene.project.write(".pyrelease/plugins/mark", &MARK.replace("rm -f \"$file\"", ":"));
    let settings =
        scene.project.read("release.toml").replace("plugin =", "secrets = [\"MARK_TOKEN\"]\nplugin =");
    scene.project.write("release.toml", &settings);
    scene.trust();
    let outcome = scene
        .project
        .pyrelease("drill minor --commands --stage mark --every 9 --jobs 1")
        .env("PYRELEASE_SECRET_MARK_TOKEN", "x")
        .code(1);
    seen.add_error(&outcome);
    // It was given what it asks for.
    let hash = pyrelease::plugin::store::sha256(b"x\n");
    assert!(fs_err::read_to_string(scene.mark()).unwrap().contains(&hash));
    seen.add_error(&scene.project.pyrelease("drill --stage makr").code(2));
    seen.assert();
}
