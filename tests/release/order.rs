//! `needs` and `gives`: stages of the user replace built-in ones.

use pyrelease_test_support::{Transcript, str};

use super::failures::Attempt;
use super::{demo, quick};

/// Stages of the user that bump the version, commit, tag and build
const OWN: &str = r#"
stages = ["raise", "mark", "make", "check", "testpypi", "push", "pypi"]

[stage.raise]
run = ["sh", "-c", "sed -i s/1.0.0/1.1.0/ pyproject.toml && echo It is new > $PYRELEASE_NOTES"]
gives = ["version", "notes"]

[stage.mark]
run = ["sh", "-c", "git commit -qam 'Release {version}' && git tag -a {tag} -m {tag}"]
needs = ["version"]
gives = ["commit", "tag"]

[stage.make]
run = ["sh", "-c", "grep -q new $PYRELEASE_NOTES && python3 -B make.py $PYRELEASE_DIST"]
needs = ["commit", "notes"]
gives = ["distributions"]
"#;

/// Builds with the project's backend into the folder that it is passed
pub(super) const MAKE: &str = "import sys
sys.path.insert(0, 'backend')
import in_tree
in_tree.build_sdist(sys.argv[1])
in_tree.build_wheel(sys.argv[1])
";

#[test]
fn custom_stages_bump_commit_tag_and_build() {
    let attempt = Attempt::configured(quick().file("make.py", MAKE), OWN);
    let project = &attempt.project;
    let plan = project.pyrelease("plan minor").code(0);
    plan.stdout_eq(str![[r#"
demo 1.1.0 (now 1.0.0), tag v1.1.0, from main at [OID]
  in the run's own clone:
    raise     run `sh -c sed -i s/1.0.0/1.1.0/ pyproject.toml && echo It is new > $PYRELEASE_NOTES`
    mark      run `sh -c git commit -qam 'Release 1.1.0' && git tag -a v1.1.0 -m v1.1.0`
    make      run `sh -c grep -q new $PYRELEASE_NOTES && python3 -B make.py $PYRELEASE_DIST`
    check     check every distribution by PyPI's rules
  rehearsal:
    testpypi  upload to testpypi (http://127.0.0.1:[PORT]/, release.toml)
  in the repository and its remote; undone if a later stage fails:
    land      land in your repository: main and tag v1.1.0
    push      push main and v1.1.0 to origin, atomically
  public; past this point the release can only be completed:
    pypi      upload to pypi (http://127.0.0.1:[PORT]/, release.toml)

"#]]);
    project.pyrelease("run minor --yes").code(0);
    attempt.was_rehearsed();
    assert_eq!(attempt.public.files("demo").len(), 2);
    assert_eq!(project.tag_target("v1.1.0"), project.head());
    assert_eq!(project.remote_refs()["refs/heads/main"], project.head());
    assert!(project.read("pyproject.toml").contains("1.1.0"));
}

#[test]
fn a_declared_product_must_exist() {
    let mut seen = Transcript::named("order/a-declared-product-must-exist");
    for (right, wrong) in [
        ("make.py $PYRELEASE_DIST", "make.py $PYRELEASE_DIST/../scratch-make"),
        (" && git tag -a {tag} -m {tag}", ""),
        ("git tag -a {tag} -m {tag}", "git tag {tag} HEAD~1"),
        (" && echo It is new > $PYRELEASE_NOTES", ""),
        ("git commit -qam", "git checkout -q --orphan x && git commit -qam"),
    ] {
        assert!(OWN.contains(right));
        let attempt = Attempt::configured(quick().file("make.py", MAKE), &OWN.replace(right, wrong));
        seen.add_error(&attempt.comes_to_nothing(1));
        attempt.was_not_rehearsed();
    }
    seen.assert();
}

#[test]
fn an_order_that_cannot_work_is_refused_when_it_is_read() {
    let config = "stages = [\"changelog\", \"version\", \"build\", \"tag\", \"check\", \"push\"]\n";
    let project = demo().config(config).build();
    let mut seen = Transcript::named("order/an-order-that-cannot-work-is-refused-when-it-is-read");
    for command in ["plan", "doctor", "run minor --yes"] {
        let outcome = project.pyrelease(command).code(if command == "doctor" { 3 } else { 2 });
        seen.add_messages(&outcome);
    }
    seen.assert();
}
