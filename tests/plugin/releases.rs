//! Releases with a plugin among their stages, interrupted at every point there is: undone or finished, never half done.

use pyrelease_test_support::Transcript;
use std::time::Duration;

use serde_json::json;

use super::scene::Scene;

const QUESTION: &str = "Release demo 1.1.0? [y/N]";

#[test]
fn a_plugin_does_its_work_among_the_other_stages() {
    let scene = Scene::marking("");
    let plan = scene.project.pyrelease("plan minor").code(0);
    plan.assert_shown("plugin-releases/a-plugin-does-its-work-among-the-other-stages");
    assert!(!scene.mark().exists());
    scene.run().code(0).stderr_contains("https://marks.example/1");
    assert!(fs_err::read_to_string(scene.mark()).unwrap().starts_with("1.1.0\n"));
    assert_eq!(scene.project.tag_target("v1.1.0"), scene.project.head());
    scene.is_quiet();
}

#[test]
fn a_later_failure_takes_back_what_a_plugin_did() {
    let scene = Scene::marking("");
    scene.project.remote().refuse_pushes("not today");
    let before = scene.project.snapshot();
    scene.run().code(1).assert_error_shown("plugin-releases/a-later-failure-takes-back-what-a-plugin-did");
    assert!(!scene.mark().exists());
    scene.project.assert_unchanged(&before);
}

#[test]
fn a_plugin_that_dies_anywhere_leaves_nothing() {
    let mut seen = Transcript::named("plugin-releases/a-plugin-that-dies-anywhere-leaves-nothing");
    let scene = Scene::marking("");
    for at in ["announce", "told", "acknowledged", "acting", "acted", "done"] {
        scene.configure(&format!(", die = \"{at}\""));
        let before = scene.project.snapshot();
        let outcome = scene.run().code(1);
        seen.add_error(&outcome);
        assert!(!scene.mark().exists(), "{at}");
        scene.project.assert_unchanged(&before);
    }
    // Its result was said before it died.
    scene.configure(", die = \"result\"");
    scene.run().code(0);
    assert!(scene.mark().exists());
    seen.assert();
}

#[test]
fn a_release_that_is_killed_at_any_point_of_a_plugin_is_undone() {
    let scene = Scene::marking("");
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
    let scene = Scene::marking("");
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
    let scene = Scene::marking(", fail = \"no luck\"");
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
    let scene = Scene::marking(", fail = \"no luck\"");
    let before = scene.project.snapshot();
    let says = |method: &str, value: &str| {
        fs_err::write(scene.beside(&format!("mark.{method}-says")), value).unwrap()
    };
    says("undo", "{}");
    says("verify", "{\"effects\":[{\"key\":\"mark\",\"state\":\"present\"}]}");
    seen.add_error(&scene.run().code(4));
    for (undo, verify, expected) in [
        ("null", "null", "the plugin did not report that it undid it"),
        ("{\"undone\":\"mark\"}", "7", "the plugin did not report that it undid it"),
        (
            "{\"undone\":[\"other\"]}",
            "{\"effects\":[{\"key\":\"other\",\"state\":\"absent\"}]}",
            "did not report",
        ),
        (
            "{\"undone\":[7],\"kept\":[{}]}",
            "{\"effects\":[{\"key\":\"mark\",\"state\":\"maybe\"}]}",
            "did not report",
        ),
        (
            "{\"kept\":[{\"key\":\"mark\",\"reason\":\"it is too late\"}]}",
            "{\"effects\":{}}",
            "it is too late",
        ),
    ] {
        says("undo", undo);
        says("verify", verify);
        let rollback = scene.project.pyrelease("rollback --yes").code(4);
        rollback.stderr_contains(expected);
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
    let file = scene.mark().display().to_string();
    scene.project.write(
        "release.toml",
        &format!("stages = [\"version\", \"tag\", \"unruly\"]\n\n[stage.unruly]\npath = \"libunruly_rust.so\"\nconfig \
                  = {{ file = \"{file}\", mode = \"wait\" }}\n"),
    );
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
        let file = scene.mark().display().to_string();
        scene.project.write(
            "release.toml",
            &format!("stages = [\"version\", \"tag\", \"pub\"]\n\n[stage.pub]\nplugin = \"pub\"\nconfig = {{ file = \
                      \"{file}\", class = \"irreversible\", die = \"acted\" }}\n"),
        );
        scene.project.commit("Configure the release");
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
        let scene = in_doubt("news", "\"version\", \"tag\", \"push\", \"news\"");
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
    let file = scene.mark().display().to_string();
    scene.project.write(
        "release.toml",
        &format!(
            "stages = [{stages}]\n\n[stage.{stage}]\nplugin = \"{stage}\"\nconfig = {{ file = \"{file}\", class = \
             \"irreversible\" }}\n"
        ),
    );
    scene.project.commit("Configure the release");
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
    let scene = in_doubt("news", "\"version\", \"tag\", \"push\", \"news\"");
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
    let scene = in_doubt("trial", "\"version\", \"tag\", \"trial\", \"push\"");
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
    let file = scene.mark().display().to_string();
    scene.project.write(
        "release.toml",
        &format!("stages = [\"version\", \"tag\", \"push\", \"news\"]\n\n[stage.news]\nplugin = \"news\"\nconfig = {{ \
                  file = \"{file}\", fail = \"no luck\" }}\n"),
    );
    scene.project.commit("Configure the release");
    scene.trust();
    let outcome = scene.run().code(0);
    outcome.assert_shown("plugin-releases/a-plugin-after-the-release-only-warns-when-it-fails");
    assert!(!scene.mark().exists(), "what it had begun was taken back");
    assert_eq!(scene.project.tag_target("v1.1.0"), scene.project.head());
}

#[test]
fn one_that_does_more_than_it_said_is_stopped_before_it_does() {
    let scene = Scene::marking(", class = \"irreversible\"");
    let before = scene.project.snapshot();
    let outcome = scene.run().code(1);
    outcome.assert_error_shown("plugin-releases/one-that-does-more-than-it-said-is-stopped-before-it-does");
    assert!(!scene.mark().exists());
    scene.project.assert_unchanged(&before);
}

#[test]
fn an_interrupt_ends_one_that_hangs_and_undoes() {
    let scene = Scene::marking(", wait = \"acting\"");
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
    let scene = Scene::marking(", wait = \"acting\"");
    let before = scene.project.snapshot();
    let dialogue = [(QUESTION, "y\n"), ("Calling mark", "\u{3}"), ("interrupted: ", "\u{3}")];
    let outcome = scene.project.pyrelease("run minor").on_a_terminal(&dialogue).code(4);
    outcome.stdout_contains("stopped at once; `pyrelease status` shows what is left");
    scene.is_quiet();
    scene.project.pyrelease("rollback --yes").code(0);
    assert!(!scene.mark().exists());
    scene.project.assert_unchanged(&before);
}

#[test]
fn one_that_listens_ends_by_itself_and_has_no_terminal() {
    let scene = Scene::marking(", polite = \"acting\"");
    let before = scene.project.snapshot();
    let dialogue = [(QUESTION, "y\n"), ("Calling mark", "\u{3}")];
    let outcome = scene.project.pyrelease("run minor -v").on_a_terminal(&dialogue).code(130);
    outcome.stdout_contains("heard of interrupt").stdout_contains("Rolled back");
    assert!(!outcome.stdout().contains("there is a terminal"), "{outcome}");
    assert!(!scene.mark().exists());
    scene.project.assert_unchanged(&before);
    scene.is_quiet();
}

#[test]
fn what_is_undone_twice_is_undone() {
    let mut seen = Transcript::named("plugin-releases/what-is-undone-twice-is-undone");
    let scene = Scene::marking("");
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
    let (file, program) = (scene.mark().display().to_string(), scene.beside("pyrelease"));
    fs_err::copy(env!("CARGO_BIN_EXE_pyrelease"), &program).unwrap();
    let gone = program.display();
    scene.project.write(
        "release.toml",
        &format!(
            "stages = [\"version\", \"upgrade\", \"tag\", \"mark\"]\n\n[stage.upgrade]\nrun = [\"rm\", \
                  \"{gone}\"]\n\n[stage.mark]\nplugin = \"mark\"\nconfig = {{ file = \"{file}\" }}\n"
        ),
    );
    scene.project.commit("Configure the release");
    scene.trust();
    scene.run().program(&program).code(0);
    assert!(!program.exists() && scene.mark().exists());
}

#[test]
fn what_replaces_a_plugin_while_the_release_is_under_way_does_not_run() {
    let scene = Scene::new("", &["mark"]);
    let (file, canary) = (scene.mark().display().to_string(), scene.beside("canary"));
    let plugin = scene.project.folder().join(".pyrelease/plugins/mark");
    let swap = format!("printf '#!/bin/sh\\n: > {}\\n' > {}", canary.display(), plugin.display());
    scene.project.write(
        "release.toml",
        &format!("stages = [\"version\", \"swap\", \"tag\", \"mark\"]\n\n[stage.swap]\nrun = [\"sh\", \"-c\", \
                  {swap:?}]\n\n[stage.mark]\nplugin = \"mark\"\nconfig = {{ file = \"{file}\", die = \"done\" }}\n"),
    );
    scene.project.commit("Configure the release");
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
