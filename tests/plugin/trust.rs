//! Not a byte of a plugin runs that was not pinned and agreed to: each would leave a canary.

use std::path::Path;

use super::scene::{MARK, Scene};
use super::support::library;

/// A scene whose plugin sings as soon as anything of it runs, and where that would be seen.
fn singing() -> (Scene, std::path::PathBuf) {
    let scene = Scene::marking("");
    let canary = scene.beside("canary");
    scene.project.write(".pyrelease/plugins/mark", &MARK.replace("$CANARY", &canary.display().to_string()));
    (scene, canary)
}

#[track_caller]
fn refused(scene: &Scene, canary: &Path, expected: &str) {
    for command in ["run minor --yes", "plan minor", "plugin list"] {
        let outcome = scene.project.pyrelease(command).run();
        match command {
            "plugin list" => assert_eq!(outcome.status(), 0, "{outcome}"),
            _ => {
                assert_eq!(outcome.status(), 3, "{outcome}");
                outcome.stderr_contains(expected).stderr_contains("nothing of it has run");
            }
        }
        assert!(!canary.exists(), "a byte ran: {outcome}");
    }
}

#[test]
fn of_a_changed_plugin_nothing_runs() {
    let (scene, canary) = singing();
    refused(&scene, &canary, "is not what `release.lock` pins");
    scene.trust();
    scene.project.pyrelease("plan minor").code(0);
    assert!(canary.exists(), "so that its silence means something");
    // One byte is enough.
    fs_err::remove_file(&canary).unwrap();
    let text = scene.project.read(".pyrelease/plugins/mark").replace("for ever", "for even");
    scene.project.write(".pyrelease/plugins/mark", &text);
    refused(&scene, &canary, "is not what `release.lock` pins");
}

#[test]
fn of_a_plugin_without_a_pin_nothing_runs() {
    let (scene, canary) = singing();
    fs_err::remove_file(scene.project.folder().join("release.lock")).unwrap();
    refused(&scene, &canary, "is not pinned in `release.lock`");
}

#[test]
fn bytes_that_the_environment_names_are_as_good_as_pinned_and_agreed_to() {
    let (scene, canary) = singing();
    fs_err::remove_file(scene.project.folder().join("release.lock")).unwrap();
    let bytes = fs_err::read(scene.project.folder().join(".pyrelease/plugins/mark")).unwrap();
    let sha256 = pyrelease::plugin::store::sha256(&bytes);
    let named = |value: String| scene.project.pyrelease("plan minor").env("PYRELEASE_TRUST_PLUGINS", value);
    named("0".repeat(64)).code(3).stderr_contains("is not pinned in `release.lock`");
    assert!(!canary.exists());
    named(format!("{}, {sha256}", "0".repeat(64))).code(0);
    assert!(canary.exists());
}

#[test]
fn a_pin_of_the_repositorys_is_not_the_users_word() {
    let (scene, canary) = singing();
    scene.trust();
    let _ = fs_err::remove_file(&canary);
    let elsewhere = scene.beside("another-user");
    let as_another = |command: &str| scene.project.pyrelease(command).env("PYRELEASE_DATA_DIR", &elsewhere);
    let outcome = as_another("run minor --yes").code(3);
    outcome
        .stderr_contains("you have not agreed to run plugin `mark`")
        .stderr_contains("PYRELEASE_TRUST_PLUGINS=pinned");
    as_another("plugin list").code(0).stdout_contains("you have not agreed to it");
    assert!(!canary.exists());
    as_another("plan minor").env("PYRELEASE_TRUST_PLUGINS", "pinned").code(0);
    assert!(canary.exists());
}

#[test]
fn a_plugin_that_others_may_write_does_not_run() {
    use std::os::unix::fs::PermissionsExt;
    let (scene, canary) = singing();
    scene.trust();
    let _ = fs_err::remove_file(&canary);
    let folder = scene.project.folder().join(".pyrelease/plugins");
    for (path, mode, before) in [(folder.join("mark"), 0o666, 0o644), (folder, 0o777, 0o755)] {
        fs_err::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        refused(&scene, &canary, "could be changed by others");
        fs_err::set_permissions(&path, PermissionsExt::from_mode(before)).unwrap();
    }
}

#[test]
fn of_a_library_that_may_not_run_no_constructor_does() {
    let scene = Scene::new(
        "stages = [\"version\", \"tag\", \"singing\"]\n\n[stage.singing]\nplugin = \"singing\"\n",
        &[],
    );
    let canary = Path::new(env!("CARGO_TARGET_TMPDIR")).join("trust-canary");
    let sings = format!("-DCANARY=\"{}\"", canary.display());
    let Some(built) = library("trust", "tests/plugin/sources/unruly.c", &[&sings]) else { return };
    let _ = fs_err::remove_file(&canary);
    let bytes = fs_err::read(built).unwrap();
    let plugin = scene.project.folder().join(".pyrelease/plugins/libsinging.so");
    fs_err::create_dir_all(plugin.parent().unwrap()).unwrap();
    fs_err::write(&plugin, &bytes).unwrap();
    refused(&scene, &canary, "is not pinned in `release.lock`");
    // Neither does what is asked about it run it, nor a single other byte.
    scene.project.pyrelease("plugin trust --yes").run();
    let _ = fs_err::remove_file(&canary);
    let mut flipped = bytes.clone();
    *flipped.last_mut().unwrap() ^= 1;
    fs_err::write(&plugin, &flipped).unwrap();
    refused(&scene, &canary, "is not what `release.lock` pins");
    fs_err::write(&plugin, &bytes).unwrap();
    let elsewhere = scene.beside("another-user");
    let as_another = scene.project.pyrelease("plan minor").env("PYRELEASE_DATA_DIR", elsewhere).code(3);
    as_another.stderr_contains("you have not agreed to run plugin `singing`");
    assert!(!canary.exists(), "a byte ran");
    scene.project.pyrelease("plan minor").run();
    assert!(canary.exists(), "so that its silence means something");
}

#[test]
fn a_link_is_what_it_leads_to() {
    let (scene, canary) = singing();
    scene.trust();
    let _ = fs_err::remove_file(&canary);
    let plugin = scene.project.folder().join(".pyrelease/plugins/mark");
    let other = scene.beside("other");
    fs_err::write(&other, format!("#!/bin/sh\n: > {}\n", canary.display())).unwrap();
    fs_err::remove_file(&plugin).unwrap();
    std::os::unix::fs::symlink(&other, &plugin).unwrap();
    refused(&scene, &canary, "is not what `release.lock` pins");
}

#[test]
fn a_copy_that_somebody_has_changed_is_made_anew() {
    let scene = Scene::marking("");
    scene.project.pyrelease("plan minor").code(0);
    let copies = scene.project.sandbox().home().join(".local/share/pyrelease/copies");
    let copy = fs_err::read_dir(copies).unwrap().flatten().next().unwrap().path().join("mark");
    let canary = scene.beside("canary");
    fs_err::remove_file(&copy).unwrap();
    fs_err::write(&copy, format!("#!/bin/sh\n: > {}\n", canary.display())).unwrap();
    scene.project.pyrelease("plan minor").code(0);
    assert!(!canary.exists());
    assert_eq!(fs_err::read_to_string(copy).unwrap(), MARK);
}

#[test]
fn a_secret_goes_to_the_plugin_that_was_granted_it_and_nowhere_else() {
    const CANARY: &str = "pyrelease-canary-7f3a9c";
    let scene = Scene::new("", &["mark"]);
    let (file, environments) = (scene.mark().display().to_string(), scene.beside("environments"));
    let env = format!("env >> {}", environments.display());
    scene.project.write(
        "release.toml",
        &format!("stages = [\"version\", \"tag\", \"mark\", \"look\", \"push\"]\n\n[stage.look]\nrun = [\"sh\", \"-c\", {env:?}]\nreach = \"repository\"\nundo = [\"true\"]\n\n[stage.mark]\nplugin = \"mark\"\nsecrets = [\"MARK_TOKEN\"]\nconfig = {{ file = \"{file}\" }}\n"),
    );
    scene.project.commit("Configure the release");
    scene.trust();
    scene.run().code(3).stderr_contains("the secret `MARK_TOKEN` for its plugin is not there");
    let configured = scene.project.read("release.toml");
    for (settings, code) in [(", fail = \"no luck\" }", 1), (" }", 0)] {
        scene.project.write("release.toml", &configured.replace(" }\n", &format!("{settings}\n")));
        scene.project.commit("Configure it otherwise");
        scene.project.git(&["push", "--quiet"]);
        let run = scene.run().env("PYRELEASE_SECRET_MARK_TOKEN", CANARY).watching_command_lines();
        let outcome = run.code(code);
        for text in [outcome.stdout(), outcome.stderr(), &outcome.command_lines().join("\n")] {
            assert!(!text.contains(CANARY), "{text}");
        }
    }
    // The plugin has it: its mark is the hash of it.
    let hash = pyrelease::plugin::store::sha256(format!("{CANARY}\n").as_bytes());
    assert!(fs_err::read_to_string(scene.mark()).unwrap().contains(&hash));
    assert!(!fs_err::read_to_string(environments).unwrap().contains(CANARY));
    let runs = scene.project.repository().join(".git/pyrelease/runs");
    for run in fs_err::read_dir(runs).unwrap().flatten() {
        for file in fs_err::read_dir(run.path()).unwrap().flatten().filter(|file| file.path().is_file()) {
            let text = fs_err::read(file.path()).unwrap();
            assert!(!String::from_utf8_lossy(&text).contains(CANARY), "it is in {}", file.path().display());
        }
    }
}

#[test]
fn a_configuration_is_checked_against_the_plugins_own_schema() {
    let scene = Scene::marking(", dei = \"acting\"");
    let outcome = scene.project.pyrelease("plan minor").code(2);
    outcome
        .stderr_contains("unknown key `dei` in the `config` of plugin `mark`")
        .stderr_contains("^^^")
        .stderr_contains("did you mean `die`?");
    scene.configure(", die = 7");
    scene.project.pyrelease("plan minor").code(2).stderr_contains("7 is not of type").stderr_contains("^");
}

#[test]
fn a_stage_that_comes_with_pyrelease_is_not_a_plugins() {
    let scene = Scene::new("stages = [\"version\", \"tag\"]\n\n[stage.tag]\nplugin = \"mark\"\n", &["mark"]);
    scene.project.pyrelease("plan minor").code(2).stderr_contains("unknown key `plugin` in [stage.tag]");
}
