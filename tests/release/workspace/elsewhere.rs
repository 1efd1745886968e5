//! Distributions of several members that were built elsewhere: each joins the member that it is of.

use std::path::{Path, PathBuf};

use pyrelease_test_support::{Project, Python, str};

use super::{change, three};
use crate::release::drilled::{Local, text};

/// Built wheels in place of a platform's machine
const BUILDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/release/prepare/wheel_builder.py");

/// Marks members as ones with extension modules.
pub(crate) fn compile(project: &Project, names: &[&str]) {
    for name in names {
        let path = format!("packages/{name}/pyproject.toml");
        project.write(&path, &format!("{}\n[tool.cibuildwheel]\nskip = \"pp*\"\n", project.read(&path)));
    }
    project.commit("Compile");
}

fn local() -> Local {
    let local = Local::of(three(), "workspace = {}\n");
    compile(&local.project, &["cli", "app"]);
    change(&local.project, "core");
    local
}

/// The file of a prepared release of all three, and its distributions, by what they are of.
#[track_caller]
fn prepared(local: &Local) -> (PathBuf, PathBuf) {
    let (project, root) = (&local.project, local.project.sandbox().root().to_owned());
    let (file, dist) = (root.join("run.tar.gz"), root.join("unpacked"));
    let words = "prepare core=minor cli=minor app=minor --sdist-only --yes --out";
    project.pyrelease(words).arg(&file).code(0);
    fs_err::create_dir(&dist).expect("a folder");
    project.sandbox().command(&dist, "tar", &["xzf", text(&file), "dist"]).run().expect("tar");
    (file, dist.join("dist"))
}

/// Builds the wheels of a member from its sdist.
#[track_caller]
fn wheels(local: &Local, sdist: &Path, out: &Path, platforms: &str) {
    let sandbox = local.project.sandbox();
    let source = tempfile::tempdir_in(sandbox.root()).expect("a folder").keep();
    let unpack = ["xzf", text(sdist), "--strip-components=1"];
    sandbox.command(&source, "tar", &unpack).run().expect("tar");
    Python::get().run(sandbox.root(), &["-I", BUILDER, text(&source), text(out), platforms]);
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs_err::read_dir(folder).expect("a folder").flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_str().expect("our own name").to_owned()).collect();
    names.sort();
    names
}

#[test]
fn wheels_of_a_matrix_join_the_members_that_wait_for_them() {
    let local = local();
    let (file, dist) = prepared(&local);
    // What has no extension module is built here as ever.
    assert_eq!(
        names(&dist),
        ["app-2.1.0.tar.gz", "cli-0.4.0.tar.gz", "core-1.1.0-py3-none-any.whl", "core-1.1.0.tar.gz"]
    );
    let root = local.project.sandbox().root();
    let publish = |options: &str| local.pyrelease(&format!("publish --yes {options}")).arg(&file);
    publish("").code(3).stderr_eq(str![[r#"
error: the run was prepared with `--sdist-only`: it waits for the wheels of cli 0.4.0, app 2.1.0
help: pass the folder with the wheels: `--adopt DIR`
help: pass `--sdist-only` here, too, to release the sdist alone

"#]]);
    let adopted = root.join("wheels");
    wheels(&local, &dist.join("cli-0.4.0.tar.gz"), &adopted, "win_amd64 macosx_11_0_arm64");
    let adopt = format!("--adopt {}", text(&adopted));
    let refused = publish(&adopt).code(3);
    assert!(refused.stderr().contains("the run waits for the wheels of app 2.1.0"), "{refused}");
    wheels(&local, &dist.join("app-2.1.0.tar.gz"), &adopted, "win_amd64");
    // One of no member, and one of another version
    for name in ["other-1.0.0-py3-none-any.whl", "cli-0.5.0-py3-none-any.whl"] {
        let foreign = adopted.join(name);
        fs_err::copy(adopted.join("cli-0.4.0-py3-none-win_amd64.whl"), &foreign).expect("a copy");
        let refused = publish(&adopt).code(3);
        assert!(refused.stderr().contains(&format!("`{name}` is ")), "{refused}");
        fs_err::remove_file(&foreign).expect("it was there");
    }
    assert!(local.public.files_of("core").is_empty() && local.rehearsal.files_of("core").is_empty());
    publish(&adopt).code(0);
    for name in ["core", "cli", "app"] {
        assert_eq!(local.public.files_of(name), local.rehearsal.files_of(name));
    }
    let of = |name: &str| local.public.files_of(name).into_keys().collect::<Vec<_>>();
    assert_eq!(of("core"), ["core-1.1.0-py3-none-any.whl", "core-1.1.0.tar.gz"]);
    assert_eq!(
        of("cli"),
        ["cli-0.4.0-py3-none-macosx_11_0_arm64.whl", "cli-0.4.0-py3-none-win_amd64.whl", "cli-0.4.0.tar.gz"]
    );
    assert_eq!(of("app"), ["app-2.1.0-py3-none-win_amd64.whl", "app-2.1.0.tar.gz"]);
    local.pyrelease("status").code(0);
}

#[test]
fn a_release_without_extension_modules_waits_for_no_wheels() {
    let local = Local::of(three(), "workspace = {}\n");
    compile(&local.project, &["app"]);
    change(&local.project, "core");
    let file = local.project.sandbox().root().join("run.tar.gz");
    let prepared = local.project.pyrelease("prepare --sdist-only --yes --out").arg(&file).code(0);
    assert!(!prepared.stderr().contains("--adopt"), "{prepared}");
    local.pyrelease("publish --yes").arg(&file).code(0);
    assert_eq!(local.public.files_of("cli").len(), 2);
}

#[test]
fn a_killed_publication_goes_on_with_the_wheels_that_joined() {
    let local = local();
    let (file, dist) = prepared(&local);
    let adopted = local.project.sandbox().root().join("wheels");
    for sdist in ["cli-0.4.0.tar.gz", "app-2.1.0.tar.gz"] {
        wheels(&local, &dist.join(sdist), &adopted, "win_amd64");
    }
    let publish = || local.pyrelease("publish --yes --adopt").arg(&adopted).arg(&file);
    for point in [4, 12, 30] {
        let killed = publish().env("PYRELEASE_DRILL", format!("kill:{point}")).run();
        assert_eq!(killed.status(), -1, "{killed}");
    }
    publish().code(0);
    for (name, wheel) in
        [("cli", "cli-0.4.0-py3-none-win_amd64.whl"), ("app", "app-2.1.0-py3-none-win_amd64.whl")]
    {
        let public = local.public.files_of(name);
        assert_eq!(public, local.rehearsal.files_of(name));
        assert_eq!(public[wheel], pyrelease::world::sha256(&adopted.join(wheel)).expect("a file").0);
    }
}

#[test]
fn the_files_in_a_folder_are_released_in_place_of_a_build() {
    let local = local();
    let (_, dist) = prepared(&local);
    for sdist in ["cli-0.4.0.tar.gz", "app-2.1.0.tar.gz"] {
        wheels(&local, &dist.join(sdist), &dist, "win_amd64");
    }
    let before = local.project.snapshot();
    let words = "run core=minor cli=minor app=minor --yes --from";
    let foreign = dist.join("other-1.0.0-py3-none-any.whl");
    fs_err::copy(dist.join("core-1.1.0-py3-none-any.whl"), &foreign).expect("a copy");
    local.pyrelease(words).arg(&dist).code(3).stderr_eq(str![[r#"
error: `other-1.0.0-py3-none-any.whl` is of none of the packages that are uploaded: `core`, `cli` and `app`
help: nothing was begun: leave only the release's files in the folder, and run this again

"#]]);
    fs_err::rename(&foreign, dist.join("../core.whl")).expect("it is there");
    // Without those of one member
    let hidden = local.project.sandbox().root().join("hidden");
    fs_err::create_dir(&hidden).expect("a folder");
    for name in ["core-1.1.0-py3-none-any.whl", "core-1.1.0.tar.gz"] {
        fs_err::rename(dist.join(name), hidden.join(name)).expect("it is there");
    }
    let refused = local.pyrelease(words).arg(&dist).code(3);
    assert!(refused.stderr().contains("core: there is no distribution of core 1.1.0 in `"), "{refused}");
    local.project.assert_unchanged(&before);
    for name in names(&hidden) {
        fs_err::rename(hidden.join(&name), dist.join(&name)).expect("it is there");
    }
    let run = local.pyrelease(&format!("{words} {} --format json", text(&dist))).code(0);
    assert!(!run.actions().contains(&"build".to_owned()), "{run}");
    let mut public: Vec<String> = Vec::new();
    for name in ["app", "cli", "core"] {
        public.extend(local.public.files_of(name).into_keys());
    }
    assert_eq!(public, names(&dist));
}
