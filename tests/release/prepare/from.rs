//! `run --from DIR`: distributions that exist already, in place of a build.

use std::path::{Path, PathBuf};

use pyrelease_test_support::Transcript;

use super::super::drilled::{drill, text};
use super::Forge;

/// A folder with the sdist and two wheels of the release, built elsewhere.
#[track_caller]
fn built(forge: &Forge) -> PathBuf {
    let (file, dist) = (forge.prepared("--sdist-only"), forge.path("dist"));
    forge.wheels(&file, &dist, "win_amd64 any", &[]);
    let sandbox = forge.local.project.sandbox();
    let extract = ["xzf", text(&file), "-C", text(&dist), "--strip-components=1", "dist/demo-1.1.0.tar.gz"];
    sandbox.command(sandbox.root(), "tar", &extract).run().expect("tar");
    dist
}

/// Asserts that exactly the files in the folder are public.
#[track_caller]
fn is_published(forge: &Forge, dist: &Path) {
    let public = forge.local.public.files();
    assert_eq!(public.len(), 3, "{public:?}");
    for (name, sha256) in &public {
        assert_eq!(pyrelease::world::sha256(&dist.join(name)).expect("a file").0, *sha256, "{name}");
    }
}

#[test]
fn the_files_in_a_folder_are_released_in_place_of_a_build() {
    let forge = Forge::new();
    let dist = built(&forge);
    let run = forge.local.pyrelease("run minor --yes --format json --from").arg(&dist).code(0);
    assert!(!run.actions().contains(&"build".to_owned()), "{run}");
    is_published(&forge, &dist);
}

#[test]
fn a_killed_run_takes_them_from_the_folder_again() {
    let forge = Forge::new();
    let dist = built(&forge);
    let run = forge.local.pyrelease("run minor --yes --from").arg(&dist);
    assert_eq!(run.env("PYRELEASE_DRILL", drill("", "stage-done build")).run().status(), -1);
    let resume = forge.local.pyrelease("resume --yes --format json").code(0);
    assert!(!resume.actions().contains(&"build".to_owned()), "{resume}");
    is_published(&forge, &dist);
}

#[test]
fn files_of_another_release_are_refused() {
    let mut seen = Transcript::named("prepare/from");
    let forge = Forge::new();
    let (file, dist) = (forge.prepared("--sdist-only"), forge.path("dist"));
    let before = forge.local.project.snapshot();
    let refused = |code: i32| forge.local.pyrelease("run minor --yes --from").arg(&dist).code(code);
    seen.add_error(&refused(3));
    forge.wheels(&file, &dist, "any", &["1.1.0=1.2.0"]);
    seen.add_error(&refused(3));
    forge.local.project.assert_unchanged(&before);
    assert!(forge.local.public.files().is_empty());
    seen.assert();
}
