//! Concurrent work: another machine with the same release, or the user in the same repository. Their changes stay,
//! whatever the outcome of the run.

use pyrelease_test_support::{Config, Outcome, Project, Transcript};

use super::failures::Attempt;
use super::{QUICK, quick};

/// The default pipeline with an additional command, which runs `script` and then fails unless `$GO` exists.
fn disturbed(before: &str, script: &str) -> Config {
    let all: Vec<&str> = "changelog version tag build check testpypi push pypi".split(' ').collect();
    let at = all.iter().position(|stage| *stage == before).unwrap_or(all.len());
    let stages = [&all[..at], &["human"], &all[at..]].concat().join(" ");
    let reach = match before {
        "push" | "pypi" => "repository",
        "testpypi" => "rehearsal",
        _ => "private",
    };
    // The script runs in the user's repository.
    let human = ["sh", "-c", "cd \"$HERE\" && unset GIT_DIR && eval \"$1\"", "human", script];
    let config = Config::stages(&stages).stage("human").set("run", human).set("undo", ["true"]);
    config.set("reach", reach).lines(QUICK)
}

fn run(project: &Project, command: &str) -> Outcome {
    let go = project.sandbox().root().join("go");
    project.pyrelease(command).env("HERE", project.repository()).env("GO", go).run()
}

const COMMITS: &str = "echo mine > mine.txt && git add mine.txt && git commit --quiet -m 'My own'";
const AND_THEN_FAILS: &str = "test -e \"$GO\"";

#[test]
fn a_commit_made_meanwhile_stays_and_the_release_is_undone() {
    let attempt = Attempt::configured(quick(), &disturbed("testpypi", COMMITS));
    let project = &attempt.project;
    let remote = project.remote_refs();
    let outcome = run(project, "run minor --yes");
    assert_eq!(outcome.status(), 1, "{outcome}");
    outcome.assert_error_shown("racing/a-commit-made-meanwhile-stays-and-the-release-is-undone");
    assert_eq!(project.log()[0], "My own");
    assert_eq!(project.git(&["tag", "--list", "v1.1.0"]), "");
    assert_eq!(project.remote_refs(), remote);
    project.assert_tree_clean();
    attempt.left_nothing();
}

#[test]
fn another_branch_checked_out_meanwhile_stays_and_the_release_is_undone() {
    let attempt = Attempt::configured(quick(), &disturbed("testpypi", "git switch --quiet --create other"));
    let project = &attempt.project;
    let outcome = run(project, "run minor --yes");
    assert_eq!(outcome.status(), 1, "{outcome}");
    outcome.assert_error_shown("racing/another-branch-checked-out-meanwhile-stays-and-the-release-is-undone");
    assert_eq!(project.branch(), "other");
    assert_eq!(project.git(&["rev-parse", "main"]), project.git(&["rev-parse", "origin/main"]));
    project.assert_tree_clean();
    attempt.left_nothing();
}

#[test]
fn an_edit_made_meanwhile_in_a_file_that_the_release_changes_stays() {
    let attempt = Attempt::configured(quick(), &disturbed("testpypi", "echo '- and more' >> CHANGELOG.md"));
    let project = &attempt.project;
    let before = project.read("CHANGELOG.md");
    let head = project.head();
    let outcome = run(project, "run minor --yes");
    assert_eq!(outcome.status(), 1, "{outcome}");
    outcome.assert_error_shown("racing/an-edit-made-meanwhile-in-a-file-that-the-release-changes-stays");
    assert_eq!(project.read("CHANGELOG.md"), format!("{before}- and more\n"));
    assert_eq!(project.head(), head);
    attempt.left_nothing();
}

#[test]
fn an_edit_made_meanwhile_elsewhere_is_carried_along() {
    let script = "echo '# more' >> README.md && echo staged > staged.txt && git add staged.txt";
    let attempt = Attempt::configured(quick(), &disturbed("testpypi", script));
    let project = &attempt.project;
    let outcome = run(project, "run minor --yes");
    assert_eq!(outcome.status(), 0, "{outcome}");
    assert!(project.read("README.md").ends_with("# more\n"));
    let status = project.git(&["status", "--porcelain"]);
    assert_eq!(status, " M README.md\nA  staged.txt\n?? notes.txt");
    assert_eq!(project.tag_target("v1.1.0"), project.head());
    assert_eq!(attempt.public.files("demo").len(), 2);
}

/// The user commits on top of the release commit, and then a stage fails: their commit must stay, so the release stays
/// until it is completed or given up.
#[test]
fn a_commit_on_top_of_the_release_is_left_alone_and_the_release_can_be_finished() {
    let script = format!("if [ ! -e mine.txt ]; then {COMMITS}; fi && {AND_THEN_FAILS}");
    let attempt = Attempt::configured(quick(), &disturbed("push", &script));
    let project = &attempt.project;
    let outcome = run(project, "run minor --yes");
    assert_eq!(outcome.status(), 4, "{outcome}");
    outcome.assert_error_shown(
        "racing/a-commit-on-top-of-the-release-is-left-alone-and-the-release-can-be-finished",
    );
    assert_eq!(project.log()[..2], ["My own", "Release 1.1.0"]);

    // A rollback finds the same and changes nothing; once the stage succeeds, the release completes.
    let again = run(project, "rollback --yes");
    assert_eq!(again.status(), 4, "{again}");
    fs_err::write(project.sandbox().root().join("go"), "").unwrap();
    let resumed = run(project, "resume --yes");
    assert_eq!(resumed.status(), 0, "{resumed}");
    assert_eq!(project.log()[..2], ["My own", "Release 1.1.0"]);
    assert_eq!(project.remote_refs()["refs/heads/main"], project.tag_target("v1.1.0"));
    assert_eq!(attempt.public.files("demo").len(), 2);
    project.assert_tree_clean();
}

#[test]
fn a_release_that_cannot_be_undone_is_given_up_as_it_is() {
    let mut seen = Transcript::named("racing/a-release-that-cannot-be-undone-is-given-up-as-it-is");
    let script = format!("if [ ! -e mine.txt ]; then {COMMITS}; fi && {AND_THEN_FAILS}");
    let attempt = Attempt::configured(quick(), &disturbed("push", &script));
    let project = &attempt.project;
    assert_eq!(run(project, "run minor --yes").status(), 4);

    let left = project.pyrelease("rollback --leave --yes").code(0);
    seen.add(&left);
    assert_eq!(project.log()[..2], ["My own", "Release 1.1.0"]);
    seen.add(&project.pyrelease("status").code(0));
    seen.add(&project.pyrelease("rollback --yes").code(0));
    project.assert_no_debris();
    assert!(attempt.public.files("demo").is_empty());

    // Nothing blocks the next release.
    project.write(
        "CHANGELOG.md",
        &project.read("CHANGELOG.md").replace("## [Unreleased]\n", "## [Unreleased]\n\n### Fixed\n\n- x\n"),
    );
    project.commit("Fix it");
    fs_err::write(project.sandbox().root().join("go"), "").unwrap();
    let next = run(project, "run 1.1.1 --yes");
    assert_eq!(next.status(), 0, "{next}");
    seen.assert();
}

/// Somebody pushes on top of the release right after its push.
#[test]
fn a_push_on_top_of_the_release_is_left_alone() {
    let attempt =
        Attempt::configured(quick(), &disturbed("pypi", &format!("\"$RIVAL\" && {AND_THEN_FAILS}")));
    let project = &attempt.project;
    let rival = project.remote().rival();
    let go = project.sandbox().root().join("go");
    let command = |command: &str| {
        project.pyrelease(command).env("RIVAL", &rival).env("HERE", project.repository()).env("GO", &go).run()
    };
    let outcome = command("run minor --yes");
    assert_eq!(outcome.status(), 4, "{outcome}");
    outcome.assert_error_shown("racing/a-push-on-top-of-the-release-is-left-alone");
    let theirs = project.remote_refs()["refs/heads/main"].clone();
    assert_eq!(project.remote().git(&["log", "-2", "--format=%s", &theirs]), "Be first\nRelease 1.1.0");
    // The local repository and the remote agree.
    assert_eq!(project.tag_target("v1.1.0"), project.head());

    fs_err::write(&go, "").unwrap();
    let resumed = project.pyrelease("resume --yes").env("RIVAL", "true").env("HERE", project.repository());
    resumed.env("GO", &go).code(0);
    assert_eq!(project.remote_refs()["refs/heads/main"], theirs);
    assert_eq!(attempt.public.files("demo").len(), 2);
}

/// Two machines release the same version at the same moment: one atomic push wins, the other undoes everything.
#[test]
fn two_machines_with_the_same_release() {
    let attempt = Attempt::configured(quick(), QUICK);
    let project = &attempt.project;
    let other = project.sandbox().root().join("other");
    let (remote, clone) = (project.remote().path().display().to_string(), other.display().to_string());
    project.git(&["clone", "--quiet", &remote, &clone]);
    // With the same author and second, the commits would be identical.
    project.sandbox().git(&other, &["config", "user.name", "Robin Rival"]);
    let both = std::thread::scope(|scope| {
        let there = scope.spawn(|| project.pyrelease("run minor --yes").from(&other).run());
        let here = project.pyrelease("run minor --yes").run();
        [here, there.join().unwrap()]
    });
    let codes: Vec<i32> = both.iter().map(Outcome::status).collect();
    assert!(codes.contains(&0), "one of them releases: {} {}", both[0], both[1]);
    assert!(codes.iter().all(|code| [0, 1, 3].contains(code)), "the other undoes: {} {}", both[0], both[1]);
    let winner = if codes[0] == 0 { project.repository() } else { &other };
    let refs = project.remote_refs();
    let tag = project.sandbox().git(winner, &["rev-parse", "refs/tags/v1.1.0"]);
    assert_eq!(refs["refs/tags/v1.1.0"], tag);
    assert_eq!(refs["refs/heads/main"], project.sandbox().git(winner, &["rev-parse", "main"]));
    let loser = if codes[0] == 0 { &other } else { project.repository() };
    assert_eq!(project.sandbox().git(loser, &["tag", "--list", "v1.1.0"]), "");
    assert_eq!(project.sandbox().git(loser, &["status", "--porcelain", "--untracked-files=no"]), "");
    assert_eq!(attempt.public.files("demo").len(), 2);
}
