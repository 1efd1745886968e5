//! The user's hooks: which ones run, how often and where, and what they may do.

use pyrelease_test_support::{Project, Transcript, str};

use super::{check_undo, is_released, project};

const ALL: [&str; 11] = [
    "pre-commit",
    "prepare-commit-msg",
    "commit-msg",
    "post-commit",
    "post-checkout",
    "post-merge",
    "post-rewrite",
    "pre-push",
    "pre-rebase",
    "pre-auto-gc",
    "pre-merge-commit",
];

/// Hooks run once for the commit, in the run's clone, and once for the push, in the user's working tree. There is no
/// checkout or merge.
#[test]
fn which_hooks_run_and_where() {
    let project = project().build();
    let log = project.sandbox().root().join("hooks.log");
    for hook in ALL {
        let variables = [("HOOK", hook), ("LOG", log.to_str().unwrap())];
        project.hook_with(hook, &variables, "echo \"$HOOK $(pwd)\" >> \"$LOG\"\n");
    }
    project.pyrelease("run minor --yes").code(0);
    is_released(&project, project.repository());
    let ran = fs_err::read_to_string(log).unwrap();
    let ran: Vec<(&str, bool)> = ran
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(hook, folder)| (hook, folder.contains("pyrelease/runs")))
        .collect();
    let expected = [
        ("pre-commit", true),
        ("prepare-commit-msg", true),
        ("commit-msg", true),
        ("post-commit", true),
        ("pre-push", false),
    ];
    assert_eq!(ran, expected);
}

/// A formatter: its changes and additions are only in the release commit.
#[test]
fn a_hook_that_changes_files() {
    let project = project().build();
    let script =
        "printf '\\n' >> CHANGELOG.md\necho formatted > formatted.txt\ngit add CHANGELOG.md formatted.txt\n";
    project.hook("pre-commit", script);
    project.hook("commit-msg", "printf 'chore: release\\n\\nSigned-off-by: Dana\\n' > \"$1\"\n");
    check_undo(&project, project.folder());
    project.pyrelease("run minor --yes").code(0);
    assert_eq!(project.changed_by("HEAD"), ["CHANGELOG.md", "formatted.txt", "pyproject.toml"]);
    assert_eq!(project.git(&["log", "-1", "--format=%B"]).trim(), "chore: release\n\nSigned-off-by: Dana");
    assert_eq!(project.read("formatted.txt"), "formatted\n");
    project.assert_as_checked_out(project.repository());
    assert_eq!(project.git(&["show", "v1.1.0:formatted.txt"]), "formatted");
    assert_eq!(project.remote_refs()["refs/heads/main"], project.head());
}

/// Husky's layout: a path relative to the working tree, with generated files that clones do not have.
#[test]
fn hooks_at_a_relative_path() {
    let project =
        project().file(".husky/pre-commit", "echo \"$0\" > hooked.txt && git add hooked.txt\n").build();
    project.script(
        &project.folder().join(".husky/_/pre-commit"),
        "exec sh \"$(dirname \"$0\")/../pre-commit\"\n",
    );
    project.write(".husky/_/.gitignore", "*\n");
    project.git(&["config", "core.hooksPath", ".husky/_"]);
    check_undo(&project, project.folder());
    project.pyrelease("run minor --yes").code(0);
    assert!(project.read("hooked.txt").contains(".husky/_/../pre-commit"), "{}", project.read("hooked.txt"));
}

/// A hook may need untracked files, such as an environment; `carry` copies them.
#[test]
fn a_hook_that_needs_what_is_not_committed() {
    let mut seen = Transcript::named("repositories/a-hook-that-needs-what-is-not-committed");
    let needs = "test -x .tools/lint || { echo 'no linter here' >&2; exit 1; }\n";
    let carried = super::PIPELINE.replacen("\n\n", "\ncarry = [\".tools\"]\n\n", 1);
    for (config, code) in [(super::PIPELINE, 1), (carried.as_str(), 0)] {
        let project = super::quick().config(&format!("{config}{}", super::QUICK)).build();
        project.write(".git/info/exclude", ".tools/\n");
        project.script(&project.folder().join(".tools/lint"), "true\n");
        project.hook("pre-commit", needs);
        let before = project.snapshot();
        let outcome = project.pyrelease("run minor --yes").code(code);
        if code == 0 {
            is_released(&project, project.repository());
        } else {
            seen.add(&outcome);
            project.assert_unchanged(&before);
        }
    }
    seen.assert();
}

#[test]
fn a_push_that_the_users_own_hook_refuses() {
    let project = project().build();
    project.hook("pre-push", "echo 'not from this machine' >&2\nexit 1\n");
    let before = project.snapshot();
    project.pyrelease("run minor --yes").code(1).messages_eq(str![[r#"
error: `git push` to `origin` failed
  not from this machine
  error: failed to push some refs to '[ROOT]/remote.git'

"#]]);
    project.assert_unchanged(&before);
    project.assert_no_debris();
}

/// The hook can reject a push, but not an undo.
#[test]
fn a_hook_that_would_reject_the_undo() {
    let project = project().build();
    // The new commit must follow the old one.
    let script = "while read -r _ new _ old; do\n\
                  [ -z \"$(echo \"$old\" | tr -d 0)\" ] || git merge-base --is-ancestor \"$old\" \"$new\" || exit 1\n\
                  done\n";
    project.hook("pre-push", script);
    check_undo(&project, project.folder());
}

/// A hook on every change of a ref, which rejects some.
fn reference_hook(project: &Project, refused: &str) {
    project.hook_with("reference-transaction", &[("REFUSED", refused)], include_str!("reference_hook.sh"));
}

#[test]
fn a_landing_that_a_hook_refuses() {
    let project = project().build();
    reference_hook(&project, "refs/tags/v1.1.0*");
    let before = project.snapshot();
    let outcome = project.pyrelease("run minor --yes").code(1);
    outcome.assert_error_shown("repositories/a-landing-that-a-hook-refuses");
    project.assert_unchanged(&before);
    project.assert_no_debris();
}

/// An effect that cannot be undone is kept and reported; without the hook, it is undone.
#[test]
fn an_undo_that_a_hook_refuses() {
    let project = project().build();
    let before = project.snapshot();
    reference_hook(&project, "refs/tags/v1.1.0 * 0000000000000000000000000000000000000000");
    let outcome = project.pyrelease("run minor --yes").env("FAIL", "yes").code(4);
    outcome.assert_error_shown("repositories/an-undo-that-a-hook-refuses");
    fs_err::remove_file(project.git_folder().join("hooks/reference-transaction")).unwrap();
    project.pyrelease("rollback --yes").code(0);
    project.assert_unchanged(&before);
    project.assert_no_debris();
}

/// The clone lies in the repository, in which git would go on if it did not find the clone.
#[test]
fn what_deletes_the_clone_s_git_folder_reaches_no_other_repository() {
    let project = project().build();
    project.hook("post-commit", "rm -rf \"$PWD/.git\"");
    let before = project.snapshot();
    let failed = project.pyrelease("run minor --yes").code(1);
    assert!(failed.stderr().contains("not a git repository"), "{failed}");
    project.assert_unchanged(&before);
}

#[test]
fn a_command_that_deletes_the_clone_s_git_folder_reaches_no_other_repository() {
    let project = project().build();
    let stages = project.read("release.toml").replace("\"tag\", ", "\"tag\", \"clean\", ");
    let clean = "[stage.clean]\nrun = [\"sh\", \"-c\", \"rm -rf .git; git tag elsewhere; git commit --allow-empty -m x\"]\n";
    project.write("release.toml", &format!("{stages}\n{clean}"));
    let before = project.snapshot();
    let failed = project.pyrelease("run minor --yes").code(1);
    assert!(failed.stderr().contains("not a git repository"), "{failed}");
    project.assert_unchanged(&before);
}
