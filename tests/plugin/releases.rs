//! Releases with a plugin among their stages, interrupted at every point there is: undone or finished, never half done.

use pyrelease_test_support::{Config, Transcript, str};
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::scene::Scene;

const QUESTION: &str = "Release demo 1.1.0? [y/N]";

#[test]
fn a_plugin_does_its_work_among_the_other_stages() {
    let scene = Scene::marking(&[]);
    let plan = scene.project.pyrelease("plan minor").code(0);
    plan.assert_shown("plugin-releases/a-plugin-does-its-work-among-the-other-stages");
    assert!(!scene.mark().exists());
    scene.run().code(0).stderr_eq(str![[r#"
note: untracked files are not released: `notes.txt`
help: `git add` and commit them if they belong to this release
demo 1.1.0 (now 1.0.0), tag v1.1.0, from main at [OID]
   Releasing 1.1.0 (run [RUN])
     Writing src/demo/__init__.py
  Committing "Release 1.1.0"
     Tagging v1.1.0
     Landing in your repository: main and tag v1.1.0
     Calling mark: a mark in a file
     Pushing main and v1.1.0 to origin, atomically
    Released demo 1.1.0
     View at https://marks.example/1

"#]]);
    assert!(fs_err::read_to_string(scene.mark()).unwrap().starts_with("1.1.0\n"));
    assert_eq!(scene.project.tag_target("v1.1.0"), scene.project.head());
    scene.is_quiet();
}

#[test]
fn a_later_failure_takes_back_what_a_plugin_did() {
    let scene = Scene::marking(&[]);
    scene.project.remote().refuse_pushes("not today");
    let before = scene.project.snapshot();
    scene.run().code(1).assert_error_shown("plugin-releases/a-later-failure-takes-back-what-a-plugin-did");
    assert!(!scene.mark().exists());
    scene.project.assert_unchanged(&before);
}

#[test]
fn a_plugin_that_dies_anywhere_leaves_nothing() {
    let mut seen = Transcript::named("plugin-releases/a-plugin-that-dies-anywhere-leaves-nothing");
    let scene = Scene::marking(&[]);
    for at in ["announce", "told", "acknowledged", "acting", "acted", "done"] {
        scene.configure(&[("die", at)]);
        let before = scene.project.snapshot();
        let outcome = scene.run().code(1);
        seen.add_error(&outcome);
        assert!(!scene.mark().exists(), "{at}");
        scene.project.assert_unchanged(&before);
    }
    // Its result was said before it died.
    scene.configure(&[("die", "result")]);
    scene.run().code(0);
    assert!(scene.mark().exists());
    seen.assert();
}

#[test]
fn a_release_that_is_killed_at_any_point_of_a_plugin_is_undone() {
    let scene = Scene::marking(&[]);
    let points = scene.points();
    assert!(points.iter().any(|(_, what)| what.starts_with("acknowledged")), "{points:?}");
    fs_err::remove_file(scene.mark()).unwrap();
    for (number, what) in points {
        let before = scene.project.snapshot();
        let killed = scene.run().env("PYRELEASE_DRILL", format!("kill:{number}")).run();
        assert_eq!(killed.status(), -1, "{what}: {killed}");
        scene.project.pyrelease("rollback --yes").code(0);
        assert!(!scene.mark().exists(), "{what}");
        scene.project.assert_unchanged(&before);
        scene.is_quiet();
    }
}

#[test]
fn a_release_that_is_killed_at_any_point_of_a_plugin_is_finished() {
    let scene = Scene::marking(&[]);
    for (number, what) in scene.points() {
        fs_err::remove_file(scene.mark()).unwrap();
        let killed = scene.run().env("PYRELEASE_DRILL", format!("kill:{number}")).run();
        assert_eq!(killed.status(), -1, "{what}: {killed}");
        scene.project.pyrelease("resume --yes").code(0);
        let tag = scene.project.git(&["describe", "--exact-match", "HEAD"]);
        let mark = fs_err::read_to_string(scene.mark()).unwrap();
        assert_eq!(Some(mark.lines().next().unwrap()), tag.strip_prefix('v'), "{what}");
        assert_eq!(
            scene.project.remote_refs()[&format!("refs/tags/{tag}")],
            scene.project.git(&["rev-parse", &tag])
        );
    }
}

#[test]
fn an_undo_that_dies_is_reported_and_tried_again() {
    let mut seen = Transcript::named("plugin-releases/an-undo-that-dies-is-reported-and-tried-again");
    let scene = Scene::marking(&[("fail", "no luck")]);
    let before = scene.project.snapshot();
    fs_err::write(scene.beside("mark.stuck"), "").unwrap();
    let outcome = scene.run().code(4);
    seen.add_error(&outcome);
    // What was done before it is taken back all the same.
    assert!(scene.project.git(&["tag", "--list", "v1.1.0"]).is_empty());
    seen.add(&scene.project.pyrelease("status").code(0));
    fs_err::remove_file(scene.beside("mark.stuck")).unwrap();
    scene.project.pyrelease("rollback --yes").code(0);
    assert!(!scene.mark().exists());
    scene.project.assert_unchanged(&before);
    seen.assert();
}

#[test]
fn an_answer_that_makes_no_sense_counts_for_nothing() {
    let mut seen = Transcript::named("plugin-releases/an-answer-that-makes-no-sense-counts-for-nothing");
    let scene = Scene::marking(&[("fail", "no luck")]);
    let before = scene.project.snapshot();
    let says = |method: &str, value: &str| {
        fs_err::write(scene.beside(&format!("mark.{method}-says")), value).unwrap()
    };
    says("undo", "{}");
    says("verify", "{\"effects\":[{\"key\":\"mark\",\"state\":\"present\"}]}");
    seen.add_error(&scene.run().code(4));
    for (undo, verify) in [
        ("null", "null"),
        ("{\"undone\":\"mark\"}", "7"),
        ("{\"undone\":[\"other\"]}", "{\"effects\":[{\"key\":\"other\",\"state\":\"absent\"}]}"),
        ("{\"undone\":[7],\"kept\":[{}]}", "{\"effects\":[{\"key\":\"mark\",\"state\":\"maybe\"}]}"),
        ("{\"kept\":[{\"key\":\"mark\",\"reason\":\"it is too late\"}]}", "{\"effects\":{}}"),
    ] {
        says("undo", undo);
        says("verify", verify);
        let rollback = scene.project.pyrelease("rollback --yes").code(4);
        seen.add_error(&rollback);
        assert!(scene.mark().exists(), "{undo}");
    }
    for method in ["undo", "verify"] {
        fs_err::remove_file(scene.beside(&format!("mark.{method}-says"))).unwrap();
    }
    scene.project.pyrelease("rollback --yes").code(0);
    assert!(!scene.mark().exists());
    scene.project.assert_unchanged(&before);
    seen.assert();
}

#[test]
fn a_library_does_not_outlive_a_killed_release() {
    let scene = Scene::new("", &[]);
    let config = Config::stages("version tag unruly").stage("unruly").set("path", "libunruly_rust.so");
    let config = config.set("config.file", scene.mark()).set("config.mode", "wait");
    scene.project.write("release.toml", &config);
    let library = scene.project.folder().join("libunruly_rust.so");
    fs_err::copy(super::support::built("unruly_rust"), &library).unwrap();
    // Without what a debugger needs, it is hashed in no time; where there is no `strip`, that takes a little longer.
    let _ = duct::cmd!("strip", "--strip-debug", &library).unchecked().run();
    scene.project.commit("Configure the release");
    scene.trust();
    let log = scene.project.repository().join(".git/pyrelease/runs");
    let killed = scene
        .run()
        .meanwhile(|running| {
            let is_at_work = || {
                let runs = fs_err::read_dir(&log).into_iter().flatten().flatten();
                runs.map(|run| run.path().join("unruly.log")).any(|log| log.exists())
            };
            while !is_at_work() && !running.has_ended() {
                running.wait(Duration::from_millis(5));
            }
            running.wait(Duration::from_millis(300));
            running.signal("KILL");
        })
        .run();
    assert_eq!(killed.status(), -1, "{killed}");
    scene.is_quiet();
    scene.project.pyrelease("rollback --yes").code(0);
}

#[test]
fn what_cannot_be_taken_back_is_never_done_twice() {
    let mut seen = Transcript::named("plugin-releases/what-cannot-be-taken-back-is-never-done-twice");
    let config = |scene: &Scene| {
        let config = Config::stages("version tag pub").lines(&scene.table("pub"));
        scene.write(&config.set("config.class", "irreversible").set("config.die", "acted"));
        scene.trust();
    };
    // It is there, and its plugin can tell.
    let scene = Scene::new("", &["pub"]);
    config(&scene);
    seen.add_error(&scene.run().code(4));
    let marked = fs_err::read(scene.mark()).unwrap();
    seen.add_error(&scene.project.pyrelease("rollback --yes").code(4));
    scene.project.pyrelease("resume --yes").code(0);
    assert_eq!(fs_err::read(scene.mark()).unwrap(), marked);

    // Nobody can tell, so it is not tried again unless the user says so.
    let scene = Scene::new("", &["pub"]);
    config(&scene);
    fs_err::write(scene.beside("mark.unknown"), "").unwrap();
    seen.add_error(&scene.run().code(4));
    seen.add_error(&scene.project.pyrelease("resume --yes").code(4));
    let status = scene.project.pyrelease("status --format json").code(0);
    let next = status.events()[0]["next"].clone();
    assert_eq!(next, json!(["pyrelease resume --done pub", "pyrelease resume --again pub"]));
    scene.project.pyrelease("resume --yes --done pub").code(0);

    // Whoever says what the plugin can tell by now is believed; one who says otherwise is not.
    for (says, code) in [("--done", 0), ("--again", 4)] {
        let scene = in_doubt("news", "version tag push news");
        fs_err::write(scene.mark(), "1.1.0").unwrap();
        fs_err::remove_file(scene.beside("mark.unknown")).unwrap();
        scene.project.pyrelease("resume --yes").arg(says).arg("news").code(code);
        scene.project.pyrelease("resume --yes").code(0);
    }
    seen.assert();
}

/// A release in which the stage is the last, interrupted when its plugin may have acted, and nobody can tell.
fn in_doubt(stage: &str, stages: &str) -> Scene {
    let scene = Scene::new("", &[stage]);
    scene.write(&Config::stages(stages).lines(&scene.table(stage)).set("config.class", "irreversible"));
    scene.trust();
    fs_err::write(scene.beside("mark.unknown"), "").expect("a list with a plugin that acts");
    let list = scene.beside("list");
    scene.run().env("PYRELEASE_DRILL", format!("list:{}", list.display())).code(0);
    let list = fs_err::read_to_string(list).expect("a list with a plugin that acts");
    let told = list
        .lines()
        .position(|line| line.contains("\"acknowledged\""))
        .expect("a list with a plugin that acts")
        + 1;
    fs_err::remove_file(scene.mark()).expect("a list with a plugin that acts");
    let killed = scene.run().env("PYRELEASE_DRILL", format!("kill:{told}")).run();
    assert_eq!(killed.status(), -1, "{killed}");
    scene
}

#[test]
fn whoever_resumes_is_asked_about_what_came_after_the_release() {
    let mut seen =
        Transcript::named("plugin-releases/whoever-resumes-is-asked-about-what-came-after-the-release");
    let scene = in_doubt("news", "version tag push news");
    let _ = fs_err::remove_file(scene.mark());
    let outcome = scene.project.pyrelease("resume --yes").code(4);
    seen.add_error(&outcome);
    assert!(!scene.mark().exists(), "it was not tried again");
    scene.project.pyrelease("resume --yes --again news").code(0);
    assert!(scene.mark().exists());
    seen.add(&scene.project.pyrelease("resume --yes").code(0));
    seen.assert();
}

#[test]
fn what_was_for_trial_and_is_not_known_ends_in_an_undone_release() {
    let mut seen =
        Transcript::named("plugin-releases/what-was-for-trial-and-is-not-known-ends-in-an-undone-release");
    let scene = in_doubt("trial", "version tag trial push");
    let before = scene.project.git(&["rev-parse", "HEAD"]);
    let outcome = scene.project.pyrelease("resume --yes").code(1);
    seen.add_error(&outcome);
    assert_eq!(scene.project.git(&["rev-parse", "HEAD"]), before);
    seen.add(&scene.project.pyrelease("resume --yes").code(0));
    seen.assert();
}

#[test]
fn a_plugin_after_the_release_only_warns_when_it_fails() {
    let scene = Scene::new("", &["news"]);
    let config = Config::stages("version tag push news").lines(&scene.table("news"));
    scene.write(&config.set("config.fail", "no luck"));
    scene.trust();
    let outcome = scene.run().code(0);
    outcome.assert_shown("plugin-releases/a-plugin-after-the-release-only-warns-when-it-fails");
    assert!(!scene.mark().exists(), "what it had begun was taken back");
    assert_eq!(scene.project.tag_target("v1.1.0"), scene.project.head());
}

#[test]
fn one_that_does_more_than_it_said_is_stopped_before_it_does() {
    let scene = Scene::marking(&[("class", "irreversible")]);
    let before = scene.project.snapshot();
    let outcome = scene.run().code(1);
    outcome.assert_error_shown("plugin-releases/one-that-does-more-than-it-said-is-stopped-before-it-does");
    assert!(!scene.mark().exists());
    scene.project.assert_unchanged(&before);
}

#[test]
fn an_interrupt_ends_one_that_hangs_and_undoes() {
    let scene = Scene::marking(&[("wait", "acting")]);
    let before = scene.project.snapshot();
    let dialogue = [(QUESTION, "y\n"), ("Calling mark", "\u{3}")];
    let outcome = scene.project.pyrelease("run minor").on_a_terminal(&dialogue).code(130);
    assert!(outcome.took() < Duration::from_secs(60), "{outcome}");
    assert!(!scene.mark().exists());
    scene.project.assert_unchanged(&before);
    scene.is_quiet();
}

#[test]
fn a_second_interrupt_stops_at_once_and_the_rest_is_undone_later() {
    let scene = Scene::marking(&[("wait", "acting")]);
    let before = scene.project.snapshot();
    let dialogue = [(QUESTION, "y\n"), ("Calling mark", "\u{3}"), ("interrupted: ", "\u{3}")];
    let outcome = scene.project.pyrelease("run minor").on_a_terminal(&dialogue).code(4);
    outcome.stdout_eq(str![[r#"
note: untracked files are not released: `notes.txt`
help: `git add` and commit them if they belong to this release
demo 1.1.0 (now 1.0.0), tag v1.1.0, from main at [OID]
  in the run's own clone:
    version  write src/demo/__init__.py
    tag      commit "Release 1.1.0"
             tag v1.1.0
  in the repository and its remote; undone if a later stage fails:
    land     land in your repository: main and tag v1.1.0
    mark     plugin mark: leave a mark
    push     push main and v1.1.0 to origin, atomically
Release demo 1.1.0? [y/N] y
   Releasing 1.1.0 (run [RUN])
     Writing src/demo/__init__.py
  Committing "Release 1.1.0"
     Tagging v1.1.0
     Landing in your repository: main and tag v1.1.0
     Calling mark: a mark in a file
^C
interrupted: stopping the current step and undoing what can be undone (press again to stop at once)
^C
stopped at once; `pyrelease status` shows what is left and how to continue

"#]]);
    scene.is_quiet();
    scene.project.pyrelease("rollback --yes").code(0);
    assert!(!scene.mark().exists());
    scene.project.assert_unchanged(&before);
}

#[test]
fn one_that_listens_ends_by_itself_and_has_no_terminal() {
    let scene = Scene::marking(&[("polite", "acting")]);
    let before = scene.project.snapshot();
    let dialogue = [(QUESTION, "y\n"), ("Calling mark", "\u{3}")];
    let outcome = scene.project.pyrelease("run minor -v").on_a_terminal(&dialogue).code(130);
    let printed = outcome.stdout();
    assert!(printed.contains("heard of interrupt") && !printed.contains("there is a terminal"), "{outcome}");
    assert!(!scene.mark().exists());
    scene.project.assert_unchanged(&before);
    scene.is_quiet();
}

#[test]
fn what_is_undone_twice_is_undone() {
    let mut seen = Transcript::named("plugin-releases/what-is-undone-twice-is-undone");
    let scene = Scene::marking(&[]);
    let told = scene.points().into_iter().find(|(_, what)| what.starts_with("after-record done"));
    let (done, _) = told.expect("the effect is done");
    fs_err::remove_file(scene.mark()).unwrap();
    let before = scene.project.snapshot();
    let killed = |command: &str, point: u64| {
        let killed = scene.project.pyrelease(command).env("PYRELEASE_DRILL", format!("kill:{point}")).run();
        assert_eq!(killed.status(), -1, "{killed}");
    };
    // When the plugin has undone its effect, and before that is written down.
    killed("run minor --yes", done);
    let list = scene.beside("way-back");
    scene
        .project
        .pyrelease("rollback --yes")
        .env("PYRELEASE_DRILL", format!("list:{}", list.display()))
        .code(0);
    let points = fs_err::read_to_string(list).unwrap();
    let undone =
        points.lines().position(|line| line.contains("process-ended") && line.contains("plugin mark"));
    let undone = undone.expect("the plugin undoes") as u64 + 1;
    for is_known in [true, false] {
        if !is_known {
            fs_err::write(scene.beside("mark.unknown"), "").unwrap();
        }
        killed("run minor --yes", done);
        killed("rollback --yes", undone);
        assert!(!scene.mark().exists(), "it was undone");
        scene.project.pyrelease("rollback --yes").code(0);
        assert!(!scene.mark().exists());
        scene.project.assert_unchanged(&before);
        seen.add(&scene.project.pyrelease("rollback --yes").code(0));
    }
    // The first time the plugin said that it was gone; the second time it could not tell, and undid it once more.
    let said = fs_err::read_to_string(scene.beside("mark.undone")).unwrap();
    assert_eq!(said.lines().count(), 1 + 1 + 2, "{said}");
    seen.assert();
}

#[test]
fn a_plugin_is_started_when_the_program_itself_is_gone() {
    let scene = Scene::new("", &["mark"]);
    let program = scene.beside("pyrelease");
    let config = Config::stages("version upgrade tag mark").lines(&scene.table("mark"));
    scene.write(&config.stage("upgrade").set("run", [Path::new("rm"), &program]));
    scene.trust();
    scene.run().copied_to(&program).code(0);
    assert!(!program.exists() && scene.mark().exists());
}

#[test]
fn what_replaces_a_plugin_while_the_release_is_under_way_does_not_run() {
    let scene = Scene::new("", &["mark"]);
    let canary = scene.beside("canary");
    let plugin = scene.project.folder().join(".pyrelease/plugins/mark");
    let other = scene.beside("other");
    scene.project.script_with(
        &other,
        &[("CANARY", &canary.display().to_string())],
        ": > \"$CANARY\"
",
    );
    let config =
        Config::stages("version swap tag mark").lines(&scene.table("mark")).set("config.die", "done");
    scene.write(&config.stage("swap").set("run", [Path::new("cp"), &other, &plugin]));
    scene.trust();
    // It dies, and its undo runs from the same bytes.
    scene.run().code(1);
    assert!(!canary.exists() && !scene.mark().exists());
    assert!(scene.beside("mark.undone").exists());
    fs_err::remove_file(plugin).unwrap();
    scene.run().code(3).assert_error_shown(
        "plugin-releases/what-replaces-a-plugin-while-the-release-is-under-way-does-not-run",
    );
}
