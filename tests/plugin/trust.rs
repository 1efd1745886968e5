//! Not a byte of a plugin runs that was not pinned and agreed to: each would leave a canary.

use pyrelease_test_support::{Config, Transcript, shell_script};
use std::path::Path;

use super::scene::{MARK, Scene};
use super::support::library;

/// A script that leaves the canary
const SING: &str = ": > \"$CANARY\"\n";

fn text(path: &Path) -> &str {
    path.to_str().expect("our own name")
}

/// A scene whose plugin sings as soon as anything of it runs, and where that would be seen.
fn singing() -> (Scene, std::path::PathBuf) {
    let scene = Scene::marking(&[]);
    let canary = scene.beside("canary");
    scene.project.write(".pyrelease/plugins/mark", &MARK.replace("$CANARY", &canary.display().to_string()));
    (scene, canary)
}

/// Asserts that no command runs a byte of the plugin, and shows the errors.
#[track_caller]
fn refused(scene: &Scene, canary: &Path, seen: &mut Transcript) {
    for command in ["run minor --yes", "plan minor", "plugin list"] {
        let outcome = scene.project.pyrelease(command).run();
        match command {
            "plugin list" => assert_eq!(outcome.status(), 0, "{outcome}"),
            _ => {
                assert_eq!(outcome.status(), 3, "{outcome}");
                seen.add_error(&outcome);
            }
        }
        assert!(!canary.exists(), "a byte ran: {outcome}");
    }
}

#[test]
fn of_a_changed_plugin_nothing_runs() {
    let mut seen = Transcript::named("plugin-trust/of-a-changed-plugin-nothing-runs");
    let (scene, canary) = singing();
    refused(&scene, &canary, &mut seen);
    scene.trust();
    scene.project.pyrelease("plan minor").code(0);
    assert!(canary.exists(), "so that its silence means something");
    // One byte is enough.
    fs_err::remove_file(&canary).unwrap();
    let text = scene.project.read(".pyrelease/plugins/mark").replace("for ever", "for even");
    scene.project.write(".pyrelease/plugins/mark", &text);
    refused(&scene, &canary, &mut seen);
    seen.assert();
}

#[test]
fn of_a_plugin_without_a_pin_nothing_runs() {
    let mut seen = Transcript::named("plugin-trust/of-a-plugin-without-a-pin-nothing-runs");
    let (scene, canary) = singing();
    fs_err::remove_file(scene.project.folder().join("release.lock")).unwrap();
    refused(&scene, &canary, &mut seen);
    seen.assert();
}

#[test]
fn bytes_that_the_environment_names_are_as_good_as_pinned_and_agreed_to() {
    let (scene, canary) = singing();
    fs_err::remove_file(scene.project.folder().join("release.lock")).unwrap();
    let bytes = fs_err::read(scene.project.folder().join(".pyrelease/plugins/mark")).unwrap();
    let sha256 = pyrelease::plugin::store::sha256(&bytes);
    let named = |value: String| scene.project.pyrelease("plan minor").env("PYRELEASE_TRUST_PLUGINS", value);
    named("0".repeat(64)).code(3).assert_error_shown(
        "plugin-trust/bytes-that-the-environment-names-are-as-good-as-pinned-and-agreed-to",
    );
    assert!(!canary.exists());
    named(format!("{}, {sha256}", "0".repeat(64))).code(0);
    assert!(canary.exists());
}

/// A scene of a command with these words before the plugin's file and after it.
fn commanded(scene: &Scene, words: &[&str]) {
    let config = Config::stages("version tag mark push").stage("mark").set("command", words);
    scene.project.write("release.toml", &config.set("config.file", scene.mark()));
}

/// A scene with a plugin at `tools/mark` that is run by `sh`, trusted; and where anything else that runs would be seen.
fn by_a_shell() -> (Scene, std::path::PathBuf) {
    let scene = Scene::new("", &[]);
    scene.project.write("tools/mark", MARK);
    scene.project.write("tools/other", "another file\n");
    commanded(&scene, &["sh", "tools/mark"]);
    scene.project.commit("Configure the release");
    scene.trust();
    scene.project.pyrelease("plan minor").code(0);
    let canary = scene.beside("canary");
    (scene, canary)
}

#[test]
fn consent_is_given_for_the_whole_command() {
    let mut seen = Transcript::named("plugin-trust/consent-is-given-for-the-whole-command");
    let (scene, canary) = by_a_shell();
    let sing = format!(": > '{}'", canary.display());
    for words in [
        &["sh", "-c", &sing, "tools/mark"][..],
        &["sh", "tools/mark", "-c", &sing],
        &["sh", "-x", "tools/mark"],
        &["env", "sh", "tools/mark"],
        &["tools/mark"],
        &["sh", "tools/mark", "tools/other"],
        &["sh", "tools/mark", ""],
    ] {
        commanded(&scene, words);
        refused(&scene, &canary, &mut seen);
        for command in ["doctor minor", "run minor --dry-run"] {
            seen.add_error(&scene.project.pyrelease(command).code(3));
        }
        assert!(!canary.exists(), "{words:?}");
    }
    // A repository that brings the same bytes, with a pin of its own, is asked about like any other.
    commanded(&scene, &["sh", "-c", &sing, "tools/mark"]);
    let elsewhere = scene.beside("another-user");
    scene.project.pyrelease("plugin trust --yes").env("PYRELEASE_DATA_DIR", elsewhere).code(0);
    refused(&scene, &canary, &mut seen);
    seen.add(&scene.project.pyrelease("plugin list").code(0));
    commanded(&scene, &["sh", "tools/mark"]);
    scene.project.pyrelease("plugin trust --yes").code(0);
    scene.project.pyrelease("plan minor").code(0);
    seen.assert();
}

#[test]
fn every_file_of_the_command_is_pinned_and_run_as_it_was_agreed_to() {
    let mut seen =
        Transcript::named("plugin-trust/every-file-of-the-command-is-pinned-and-run-as-it-was-agreed-to");
    let (scene, canary) = by_a_shell();
    // The first word is one, and the plugin is told of another.
    scene.project.write("tools/sh", "#!/bin/sh\nexec sh \"$@\"\n");
    for path in ["tools/sh", "tools/mark"] {
        use std::os::unix::fs::PermissionsExt;
        let file = scene.project.folder().join(path);
        fs_err::set_permissions(file, PermissionsExt::from_mode(0o755)).unwrap();
    }
    std::os::unix::fs::symlink("mark", scene.project.folder().join("tools/link")).unwrap();
    commanded(&scene, &["tools/sh", "tools/link"]);
    scene.project.commit("Its own shell");
    scene.trust();
    scene.project.pyrelease("plan minor").code(0);
    let evil = shell_script(&[("CANARY", text(&canary))], SING);
    for path in ["tools/sh", "tools/mark"] {
        let before = scene.project.read(path);
        scene.project.write(path, &evil);
        refused(&scene, &canary, &mut seen);
        scene.project.write(path, &before);
    }
    fs_err::remove_file(scene.project.folder().join("tools/link")).unwrap();
    scene.project.write("tools/link", &evil);
    refused(&scene, &canary, &mut seen);
    seen.assert();
}

#[test]
fn what_a_command_loads_of_the_project_otherwise_is_refused() {
    let mut seen = Transcript::named("plugin-trust/what-a-command-loads-of-the-project-otherwise-is-refused");
    let (scene, canary) = by_a_shell();
    let sing = format!("open({:?}, 'w')\n", canary.display().to_string());
    for file in ["pkg/__init__.py", "pkg/__main__.py", "module.py", "tools/inner.py"] {
        scene.project.write(file, &sing);
    }
    for words in [
        &["python3", "-m", "pkg", "tools/mark"][..],
        &["python3", "-mpkg", "tools/mark"],
        &["python3", "-m", "module", "tools/mark"],
        &["python3", "-m", "tools.inner", "tools/mark"],
        &["python3", "-c", "import module", "tools/mark"],
        &["env", "PYTHONPATH=tools", "python3", "-m", "inner", "tools/mark"],
        &["sh", "-c", "python3 tools/inner.py", "tools/mark"],
        &["sh", "-c", "python3 \"$1\"", "tools/mark", "pkg"],
    ] {
        commanded(&scene, words);
        for command in ["plan minor", "plugin trust --yes"] {
            let outcome = scene.project.pyrelease(command).code(3);
            seen.add_error(&outcome);
            assert!(!canary.exists(), "{outcome}");
        }
    }
    commanded(&scene, &["python3", "-m", "json"]);
    seen.add_error(&scene.project.pyrelease("plan minor").code(3));
    seen.assert();
}

#[test]
fn another_program_by_the_same_name_is_asked_about_again() {
    let mut seen = Transcript::named("plugin-trust/another-program-by-the-same-name-is-asked-about-again");
    let (scene, canary) = by_a_shell();
    let folder = scene.beside("bin");
    let sings_along = ": > \"$CANARY\"\nexec /bin/sh \"$@\"\n";
    scene.project.script_with(&folder.join("sh"), &[("CANARY", text(&canary))], sings_along);
    let path = |folder: &Path| format!("{}:/usr/local/bin:/usr/bin:/bin", folder.display());
    for command in ["plan minor", "doctor minor", "run minor --yes"] {
        let outcome = scene.project.pyrelease(command).env("PATH", path(&folder)).code(3);
        seen.add_error(&outcome);
        assert!(!canary.exists(), "{outcome}");
    }
    // The pin is the same everywhere: only the user is asked.
    let pinned = scene.project.read("release.lock");
    scene.project.pyrelease("plugin trust --yes").env("PATH", path(&folder)).code(0);
    assert_eq!(scene.project.read("release.lock"), pinned);
    scene.project.pyrelease("plan minor").env("PATH", path(&folder)).code(0);
    assert!(canary.exists());
    scene.project.pyrelease("plan minor").code(0);
    // One in the repository is what it is, byte for byte.
    fs_err::remove_file(&canary).unwrap();
    let inside = scene.project.folder().join("bin");
    scene.project.script(&inside.join("sh"), "exec /bin/sh \"$@\"\n");
    scene.project.pyrelease("plugin trust --yes").env("PATH", path(&inside)).code(0);
    scene.project.pyrelease("plan minor").env("PATH", path(&inside)).code(0);
    scene.project.script_with(&inside.join("sh"), &[("CANARY", text(&canary))], SING);
    scene.project.pyrelease("plan minor").env("PATH", path(&inside)).code(3);
    assert!(!canary.exists());
    seen.assert();
}

#[test]
fn a_pin_of_the_file_alone_is_told_from_one_of_the_command() {
    let mut seen = Transcript::named("plugin-trust/a-pin-of-the-file-alone-is-told-from-one-of-the-command");
    let (scene, canary) = by_a_shell();
    let lock = scene.project.read("release.lock");
    let pinned = lock.split('"').nth(1).unwrap();
    let alone = pyrelease::plugin::store::sha256(MARK.as_bytes());
    assert_ne!(pinned, alone);
    // As an earlier version wrote both.
    scene.project.write("release.lock", &lock.replace(pinned, &alone));
    let consent = scene.project.sandbox().home().join(".local/share/pyrelease/trust.toml");
    let agreed = fs_err::read_to_string(&consent).unwrap();
    fs_err::write(&consent, agreed.replace(pinned, &alone)).unwrap();
    refused(&scene, &canary, &mut seen);
    seen.add_error(&scene.project.pyrelease("plan minor").code(3));
    scene.project.pyrelease("plugin trust --yes").code(0);
    scene.project.pyrelease("plan minor").code(0);
    // What is pinned is what the environment may name.
    fs_err::remove_file(&consent).unwrap();
    scene.project.pyrelease("plan minor").env("PYRELEASE_TRUST_PLUGINS", &alone).code(3);
    scene.project.pyrelease("plan minor").env("PYRELEASE_TRUST_PLUGINS", pinned).code(0);
    scene.project.pyrelease("plan minor").env("PYRELEASE_TRUST_PLUGINS", "pinned").code(0);
    seen.assert();
}

#[test]
fn a_run_goes_on_by_the_command_that_it_began_with() {
    let mut seen = Transcript::named("plugin-trust/a-run-goes-on-by-the-command-that-it-began-with");
    let (scene, canary) = by_a_shell();
    let points = scene.points();
    let acts = |(_, what): &&(u64, String)| what.starts_with("acknowledged");
    let (number, _) = points.iter().find(acts).expect("a plugin that acts");
    for command in ["resume --yes", "rollback --yes"] {
        let _ = fs_err::remove_file(scene.mark());
        let killed = scene.run().env("PYRELEASE_DRILL", format!("kill:{number}")).run();
        assert_eq!(killed.status(), -1, "{killed}");
        // What its command names is another file by now.
        scene.project.write("tools/mark", &format!(": > '{}'\n", canary.display()));
        let elsewhere = scene.beside("another-user");
        let outcome = scene.project.pyrelease(command).env("PYRELEASE_DATA_DIR", elsewhere).run();
        assert!([3, 4].contains(&outcome.status()), "{outcome}");
        seen.add(&outcome);
        scene.project.pyrelease(command).code(0);
        assert_eq!(scene.mark().exists(), command == "resume --yes");
        assert!(!canary.exists());
        scene.project.git(&["checkout", "--quiet", "--", "tools/mark"]);
    }
    seen.assert();
}

#[test]
fn a_pin_of_the_repositorys_is_not_the_users_word() {
    let mut seen = Transcript::named("plugin-trust/a-pin-of-the-repositorys-is-not-the-users-word");
    let (scene, canary) = singing();
    scene.trust();
    let _ = fs_err::remove_file(&canary);
    let elsewhere = scene.beside("another-user");
    let as_another = |command: &str| scene.project.pyrelease(command).env("PYRELEASE_DATA_DIR", &elsewhere);
    let outcome = as_another("run minor --yes").code(3);
    seen.add_error(&outcome);
    seen.add(&as_another("plugin list").code(0));
    assert!(!canary.exists());
    as_another("plan minor").env("PYRELEASE_TRUST_PLUGINS", "pinned").code(0);
    assert!(canary.exists());
    seen.assert();
}

#[test]
fn a_plugin_that_others_may_write_does_not_run() {
    use std::os::unix::fs::PermissionsExt;
    let mut seen = Transcript::named("plugin-trust/a-plugin-that-others-may-write-does-not-run");
    let (scene, canary) = singing();
    scene.trust();
    let _ = fs_err::remove_file(&canary);
    let folder = scene.project.folder().join(".pyrelease/plugins");
    for (path, mode, before) in [(folder.join("mark"), 0o666, 0o644), (folder, 0o777, 0o755)] {
        fs_err::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        refused(&scene, &canary, &mut seen);
        fs_err::set_permissions(&path, PermissionsExt::from_mode(before)).unwrap();
    }
    seen.assert();
}

#[test]
fn of_a_library_that_may_not_run_no_constructor_does() {
    let mut seen = Transcript::named("plugin-trust/of-a-library-that-may-not-run-no-constructor-does");
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
    refused(&scene, &canary, &mut seen);
    // Neither does what is asked about it run it, nor a single other byte.
    scene.project.pyrelease("plugin trust --yes").run();
    let _ = fs_err::remove_file(&canary);
    let mut flipped = bytes.clone();
    *flipped.last_mut().unwrap() ^= 1;
    fs_err::write(&plugin, &flipped).unwrap();
    refused(&scene, &canary, &mut seen);
    fs_err::write(&plugin, &bytes).unwrap();
    let elsewhere = scene.beside("another-user");
    let as_another = scene.project.pyrelease("plan minor").env("PYRELEASE_DATA_DIR", elsewhere).code(3);
    seen.add_error(&as_another);
    assert!(!canary.exists(), "a byte ran");
    scene.project.pyrelease("plan minor").run();
    assert!(canary.exists(), "so that its silence means something");
    seen.assert();
}

#[test]
fn a_link_is_what_it_leads_to() {
    let mut seen = Transcript::named("plugin-trust/a-link-is-what-it-leads-to");
    let (scene, canary) = singing();
    scene.trust();
    let _ = fs_err::remove_file(&canary);
    let plugin = scene.project.folder().join(".pyrelease/plugins/mark");
    let other = scene.beside("other");
    fs_err::write(&other, shell_script(&[("CANARY", text(&canary))], SING)).unwrap();
    fs_err::remove_file(&plugin).unwrap();
    std::os::unix::fs::symlink(&other, &plugin).unwrap();
    refused(&scene, &canary, &mut seen);
    seen.assert();
}

#[test]
fn a_copy_that_somebody_has_changed_is_made_anew() {
    let scene = Scene::marking(&[]);
    scene.project.pyrelease("plan minor").code(0);
    let copies = scene.project.sandbox().home().join(".local/share/pyrelease/copies");
    let copy = fs_err::read_dir(copies).unwrap().flatten().next().unwrap().path().join("mark");
    let canary = scene.beside("canary");
    fs_err::remove_file(&copy).unwrap();
    fs_err::write(&copy, shell_script(&[("CANARY", text(&canary))], SING)).unwrap();
    scene.project.pyrelease("plan minor").code(0);
    assert!(!canary.exists());
    assert_eq!(fs_err::read_to_string(copy).unwrap(), MARK);
}

#[test]
fn a_secret_goes_to_the_plugin_that_was_granted_it_and_nowhere_else() {
    let mut seen =
        Transcript::named("plugin-trust/a-secret-goes-to-the-plugin-that-was-granted-it-and-nowhere-else");
    const CANARY: &str = "pyrelease-canary-7f3a9c";
    let scene = Scene::new("", &["mark"]);
    let environments = scene.beside("environments");
    let config = Config::stages("version tag mark look push")
        .stage("look")
        .set("run", ["sh", "-c", "env >> \"$1\"", "look", text(&environments)])
        .set("reach", "repository")
        .set("undo", ["true"])
        .lines(&scene.table("mark"))
        .set("secrets", ["MARK_TOKEN"]);
    scene.write(&config);
    scene.trust();
    seen.add_error(&scene.run().code(3));
    for (config, code) in [(config.clone().set("config.fail", "no luck"), 1), (config, 0)] {
        scene.write(&config);
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
    seen.assert();
}

#[test]
fn a_configuration_is_checked_against_the_plugins_own_schema() {
    let mut seen =
        Transcript::named("plugin-trust/a-configuration-is-checked-against-the-plugins-own-schema");
    let scene = Scene::marking(&[("dei", "acting")]);
    let outcome = scene.project.pyrelease("plan minor").code(2);
    seen.add_error(&outcome);
    scene.write(&Config::stages("version tag mark push").lines(&scene.table("mark")).set("config.die", 7));
    seen.add_error(&scene.project.pyrelease("plan minor").code(2));
    seen.assert();
}

#[test]
fn a_stage_that_comes_with_pyrelease_is_not_a_plugins() {
    let scene = Scene::new("stages = [\"version\", \"tag\"]\n\n[stage.tag]\nplugin = \"mark\"\n", &["mark"]);
    scene
        .project
        .pyrelease("plan minor")
        .code(2)
        .assert_error_shown("plugin-trust/a-stage-that-comes-with-pyrelease-is-not-a-plugins");
}
