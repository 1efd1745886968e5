//! `pyrelease doctor`: a project in good health, and one in which much is wrong.

use pyrelease_test_support::Transcript;

use crate::release::drilled::Local;
use crate::release::quick;

#[test]
fn what_the_doctor_finds() {
    let mut seen = Transcript::named("doctor");
    seen.heading("nothing is wrong");
    let local = Local::new();
    let before = local.project.snapshot();
    seen.add(&local.pyrelease("doctor").code(0));
    local.project.assert_unchanged(&before);

    seen.heading("much is wrong");
    let ill = Local::of(
        quick().changelog("# Changelog\n\n## [Unreleased]\n").tagged("v1.1.0"),
        "carry = [\"data.bin\"]\n",
    );
    ill.project.remote().move_branch();
    ill.project.write("README.md", "# demo, which somebody edits\n");
    seen.add(&ill.project.pyrelease("doctor minor").code(3));

    seen.heading("a run was interrupted");
    local.killed("stage-done testpypi");
    seen.add(&local.pyrelease("doctor").code(3));

    seen.heading("a stage that is none");
    local.project.write("release.toml", "stages = [\"chngelog\"]\n");
    seen.add(&local.pyrelease("doctor minor").code(3));
    seen.assert();
}
