//! The stage `reopen`: a commit that opens the next version, when the release is out.

use pyrelease_test_support::{
    Backend, Blueprint, Config, Cut, GitServer, IndexServer, Project, Transcript, changelog_of_release,
    shell_script, str,
};

use super::drill::{converges, results};
use super::failures::Attempt;
use super::{QUICK, demo, quick};

/// The release of 1.1.0, by these stages after `pypi`, with further settings.
fn settings(after: &[&str], more: &str) -> Config {
    let stages = ["changelog", "version", "tag", "build", "check", "push", "pypi"];
    Config::stages(&[&stages, after].concat().join(" ")).lines(QUICK).lines(more)
}

fn reopening(blueprint: Blueprint, more: &str) -> Attempt {
    Attempt::configured(blueprint, &settings(&["reopen"], more))
}

/// A stage before `reopen` that runs a script of somebody else.
fn after_script(script: &std::path::Path) -> Config {
    Config::default()
        .stage("rival")
        .set("run", [std::path::Path::new("sh"), script])
        .set("reach", "follow-up")
}

/// A release during which somebody pushes a change: what this shell script does in a clone.
fn with_rival(change: &str) -> Attempt {
    let (rehearsal, public) = IndexServer::two_pypiservers();
    let project = quick().build();
    let folder = project.sandbox().root();
    let script = folder.join("change.sh");
    let variables = [("FOLDER", folder.to_str().expect("our own path")), ("CHANGE", change)];
    project.script_with(&script, &variables, include_str!("rival.sh"));
    let config = settings(&["rival", "reopen"], &after_script(&script));
    project.write("release.toml", &config.server("pypi", &public.upload_url(), &public.simple_url()));
    project.commit("Say how to release");
    project.git(&["push", "--quiet"]);
    project.pypirc(&[("pypi", &public)]);
    Attempt { project, rehearsal, public }
}

/// Asserts that the branch has this one commit on top of the release, here and at the remote.
#[track_caller]
fn is_reopened(project: &Project, version: &str, subject: &str) {
    assert_eq!(project.log()[0], subject);
    assert_eq!(project.git(&["rev-parse", "HEAD^"]), project.tag_target("v1.1.0"));
    assert_eq!(project.remote_refs()["refs/heads/main"], project.head());
    project.assert_version_files(version);
    project.assert_tree_clean();
    project.assert_no_debris();
}

#[test]
fn opens_the_next_version_on_the_branch_and_at_the_remote() {
    let lock =
        "version = 1\n\n[[package]]\nname = \"demo\"\nversion = \"1.0.0\"\nsource = { editable = \".\" }\n";
    let check = "\n[stage.look]\nrun = [\"grep\", \"1.1.0\", \"pyproject.toml\"]\nreach = \"follow-up\"\n";
    let config = settings(&["reopen", "look"], check);
    let attempt = Attempt::configured(quick().file("uv.lock", lock), &config);
    let project = &attempt.project;
    let planned = project.pyrelease("plan minor").code(0);
    planned.assert_shown("reopen/the-plan");

    project.write("README.md", "# edited meanwhile\n");
    let outcome = project.pyrelease("run minor --yes").code(0);
    // Later stages see the release.
    outcome.messages_eq(str![[r#"
note: no stage uploads to the index `testpypi`
help: `pyrelease upload --index testpypi` does; for a release, add "testpypi" to `stages`
warning: uncommitted changes are not released: `README.md`
help: commit them first if they belong to this release

"#]]);
    assert_eq!(project.read("README.md"), "# edited meanwhile\n");
    project.git(&["checkout", "--", "README.md"]);
    is_reopened(project, "1.1.1.dev0", "Start 1.1.1.dev0");
    assert_eq!(project.changed_by("HEAD"), ["pyproject.toml", "uv.lock"]);
    assert!(project.read("uv.lock").contains("\"1.1.1.dev0\""));
    let date = project.date_of("HEAD^");
    assert_eq!(project.read("CHANGELOG.md"), changelog_of_release("1.1.0", &date));
    assert_eq!(attempt.public.files("demo").len(), 2);
    project.pyrelease("status").code(0);

    // The development version becomes the next release.
    let changelog = project.read("CHANGELOG.md").replacen("[Unreleased]\n", "[Unreleased]\n\n- More.\n", 1);
    project.write("CHANGELOG.md", &changelog);
    project.commit("Add more");
    project.pyrelease("plan").code(0).assert_shown("reopen/the-plan-of-the-next-release");
}

#[test]
fn the_settings_choose_the_version_and_the_message() {
    let more = "\n[stage.reopen]\nversion = \"minor\"\nmarker = \".dev1\"\ncommit-message = \"Back to work on {next_version} after {version}\"\n";
    let attempt = reopening(quick(), more);
    attempt.project.pyrelease("run minor --yes").code(0);
    is_reopened(&attempt.project, "1.2.0.dev1", "Back to work on 1.2.0.dev1 after 1.1.0");
}

#[test]
fn wrong_settings_are_underlined() {
    let mut seen = Transcript::named("reopen/wrong-settings-are-underlined");
    for setting in [
        "marker = \"-SNAPSHOT\"",
        "marker = \"+git\"",
        "commit-message = \"{next_verson}\"",
        "version = \"micro\"",
    ] {
        let attempt = reopening(quick(), &Config::default().stage("reopen").lines(setting).lines("\n"));
        seen.add_error(&attempt.project.pyrelease("plan minor").code(2));
    }
    seen.assert();
    let early = "stages = [\"changelog\", \"version\", \"tag\", \"reopen\", \"push\"]\n";
    let project = quick().config(early).build();
    project.pyrelease("plan minor").code(2).messages_eq(str![[r#"
error: `push` (repository) comes after `reopen` (follow-up): if it fails, what `reopen` did is already out
 --> release.toml:1:52
  |
1 | stages = ["changelog", "version", "tag", "reopen", "push"]
  |                                                    ^^^^^^
help: an order that works: stages = ["changelog", "version", "tag", "push", "reopen"]

"#]]);
}

#[test]
fn a_changelog_without_unreleased_gets_one() {
    let changelog = "# Changes\n\n## 1.0.0 - 2026-01-15\n\n- The first one.\n";
    let stages = "stages = [\"version\", \"tag\", \"push\", \"reopen\"]\n";
    let project = quick().changelog(changelog).config(stages).build();
    project.pyrelease("plan minor").code(0).assert_shown("reopen/a-changelog-without-unreleased");
    project.write("CHANGELOG.md", "mine\n");
    project.pyrelease("run minor --yes").code(3).messages_eq(str![[r#"
warning: uncommitted changes are not released: `CHANGELOG.md`
help: commit them first if they belong to this release
error: [reopen] `CHANGELOG.md` has edits that are not committed, and the release changes it
help: commit or stash them first
error: the release was refused; nothing has been done

"#]]);
    project.git(&["checkout", "--", "CHANGELOG.md"]);
    project.pyrelease("run minor --yes").code(0);
    is_reopened(&project, "1.1.1.dev0", "Start 1.1.1.dev0");
    assert_eq!(project.read("CHANGELOG.md"), changelog.replace("## 1.0.0", "## Unreleased\n\n## 1.0.0"));
}

#[test]
fn commits_of_others_come_first() {
    let attempt = with_rival("echo 'mine was first' > rival.txt");
    let project = &attempt.project;
    let outcome = project.pyrelease("run minor --yes").code(0);
    assert_eq!(project.log()[..2], ["Start 1.1.1.dev0", "Be first"], "{outcome}");
    assert_eq!(project.git(&["rev-parse", "HEAD~2"]), project.tag_target("v1.1.0"));
    assert_eq!(project.remote_refs()["refs/heads/main"], project.head());
    assert_eq!(project.read("rival.txt"), "mine was first\n");
    project.assert_version_files("1.1.1.dev0");
    project.assert_tree_clean();
    project.assert_no_debris();
}

#[test]
fn a_change_of_others_to_the_same_file_is_left_to_the_user() {
    let attempt = with_rival("echo '# more' >> pyproject.toml");
    let project = &attempt.project;
    let outcome = project.pyrelease("run minor --yes").code(0);
    outcome.messages_eq(str![[r#"
warning: [reopen] the release is out, but `reopen` failed: `main` at `origin` has moved since the release, and `pyproject.toml` changed there
help: to do it by hand: `git pull origin main`, `git cherry-pick [OID]`, `git push origin HEAD:main`

"#]]);
    assert_eq!(project.head(), project.tag_target("v1.1.0"), "{outcome}");
    project.assert_tree_clean();
    project.assert_no_debris();
    // What the message says works.
    let text = outcome.stderr().replace('\n', " ");
    let commit = text.split("git cherry-pick ").nth(1).unwrap().split('`').next().unwrap().to_owned();
    project.git(&["pull", "--quiet", "origin", "main"]);
    project.git(&["cherry-pick", "--strategy-option=theirs", &commit]);
    project.git(&["push", "--quiet", "origin", "HEAD:main"]);
    assert!(project.read("pyproject.toml").contains("1.1.1.dev0"));
}

#[test]
fn submodules_that_others_moved_stay() {
    let change = "git -c protocol.file.allow=always submodule --quiet add ../remote.git vendored";
    let attempt = with_rival(change);
    let project = &attempt.project;
    let outcome = project.pyrelease("run minor --yes").code(0);
    outcome.messages_eq(str![[r#"
warning: [reopen] the release is out, but `reopen` failed: `main` at `origin` has moved since the release, and a submodule changed there
help: to do it by hand: `git pull origin main`, `git cherry-pick [OID]`, `git push origin HEAD:main`

"#]]);
    assert_eq!(project.head(), project.tag_target("v1.1.0"));
}

/// A hook that lets the release through, and makes somebody else win the next push.
#[cfg(unix)]
const RACING: &str = "cat > /dev/null
[ -e \"$MARK.1\" ] || { touch \"$MARK.1\"; exit 0; }
[ -e \"$MARK.2\" ] || { touch \"$MARK.2\"; sh \"$RIVAL\" >&2; }
";

#[cfg(unix)]
#[test]
fn a_push_that_loses_a_race_is_made_again() {
    let attempt = reopening(quick(), "");
    let project = &attempt.project;
    let rival = project.remote().rival();
    let script = shell_script(&[("RIVAL", rival.to_str().unwrap())], RACING);
    pre_push(project, &script);
    let mark = project.sandbox().root().join("mark");
    let outcome = project.pyrelease("run minor --yes").env("MARK", &mark).code(0);
    assert_eq!(project.log()[..2], ["Start 1.1.1.dev0", "Be first"], "{outcome}");
    assert_eq!(project.remote_refs()["refs/heads/main"], project.head());
    project.assert_version_files("1.1.1.dev0");
    project.assert_tree_clean();
    assert_eq!(project.pyrelease("status --format json").code(0).json()["outcome"], "released");
}

#[cfg(unix)]
fn pre_push(project: &Project, script: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let hook = project.repository().join(".git/hooks/pre-push");
    fs_err::create_dir_all(hook.parent().expect("a folder")).expect("a folder");
    fs_err::write(&hook, script).expect("a hook");
    fs_err::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).expect("a hook");
}

#[test]
fn what_somebody_else_has_reopened_is_not_reopened_again() {
    let attempt = with_rival("sed -i.bak 's/1.1.0/1.2.0.dev0/' pyproject.toml; rm pyproject.toml.bak");
    let project = &attempt.project;
    let outcome = project.pyrelease("run minor --yes").code(0);
    outcome.messages_eq(str![]);
    assert_eq!(project.head(), project.tag_target("v1.1.0"));
    project.assert_tree_clean();
}

#[cfg(unix)]
/// A hook that kills the run before its second push: between the commit and its push.
const KILLING: &str = "#!/bin/sh\n\
    cat > /dev/null\n\
    [ -e \"$MARK.1\" ] || { touch \"$MARK.1\"; exit 0; }\n\
    [ -e \"$MARK.2\" ] || { touch \"$MARK.2\"; kill -9 $(ps -o ppid= -p $PPID); sleep 1; exit 1; }\n";

#[cfg(unix)]
#[test]
fn killed_between_the_commit_and_its_push_and_resumed() {
    let attempt = reopening(quick(), "");
    let project = &attempt.project;
    pre_push(project, KILLING);
    let mark = project.sandbox().root().join("mark");
    let run = |command: &str| project.pyrelease(command).env("MARK", &mark).run();
    let killed = run("run minor --yes");
    assert_eq!(killed.status(), -1, "{killed}");
    assert_eq!(project.head(), project.tag_target("v1.1.0"));
    assert_eq!(project.remote_refs()["refs/heads/main"], project.head());
    let next = project.pyrelease("status --format json").code(0).json()["next"].clone();
    assert_eq!(next, serde_json::json!(["pyrelease resume"]));
    let before = project.snapshot();
    project.pyrelease("rollback --yes").code(4).messages_eq(str![[r#"
error: demo-1.1.0-py3-none-any.whl on pypi is public and cannot be undone
help: finish the release: `pyrelease resume`

"#]]);
    project.assert_unchanged(&before);
    let resumed = run("resume --yes");
    assert_eq!(resumed.status(), 0, "{resumed}");
    // The killed run could not delete its own temporary files.
    for entry in fs_err::read_dir(project.sandbox().temporary()).unwrap() {
        fs_err::remove_file(entry.unwrap().path()).unwrap();
    }
    is_reopened(project, "1.1.1.dev0", "Start 1.1.1.dev0");
}

#[test]
fn killed_anywhere_it_converges() {
    let config = settings(&["reopen"], "");
    let report = converges(&quick().config(&config).build(), "--stage reopen", 9);
    let stages = results(&report).iter().map(|judged| judged["point"]["stage"].clone());
    assert!(stages.filter(|stage| stage == "reopen").count() > 2, "{report:#}");
    let config = "stages = [\"changelog\", \"version\", \"tag\", \"push\", \"reopen\"]\n";
    converges(&quick().config(config).build(), "--stage reopen", 9);
}

#[test]
fn without_a_remote_only_the_branch_moves() {
    let stages = "stages = [\"changelog\", \"version\", \"tag\", \"push\", \"reopen\"]\n";
    let project = quick().without_remote().config(stages).build();
    project.pyrelease("run minor --yes").code(0);
    assert_eq!(project.log()[0], "Start 1.1.1.dev0");
    assert_eq!(project.git(&["rev-parse", "HEAD^"]), project.tag_target("v1.1.0"));
    project.assert_version_files("1.1.1.dev0");
    project.assert_tree_clean();
    project.assert_no_debris();
}

#[test]
fn a_release_that_is_not_pushed_is_reopened_here() {
    let stages = "stages = [\"changelog\", \"version\", \"tag\", \"reopen\"]\n";
    let project = quick().config(stages).build();
    let before = project.remote_refs();
    project.pyrelease("run minor --yes").code(0);
    assert_eq!(project.log()[0], "Start 1.1.1.dev0");
    assert_eq!(project.remote_refs(), before);
    project.assert_tree_clean();
}

#[test]
fn a_version_that_comes_from_tags_is_not_bumped() {
    let stages = "stages = [\"changelog\", \"version\", \"tag\", \"push\", \"reopen\"]\n";
    let project = demo().backend(Backend::HatchVcs).config(stages).build();
    let planned = project.pyrelease("plan minor").code(0);
    planned.assert_shown("reopen/a-version-from-tags");
    project.pyrelease("run minor --yes").code(0);
    assert_eq!(project.head(), project.tag_target("v1.1.0"));
    assert_eq!(project.remote_refs()["refs/heads/main"], project.head());
    project.assert_tree_clean();
}

#[test]
fn a_prerelease_is_bumped_only_if_configured() {
    let stages = "stages = [\"changelog\", \"version\", \"tag\", \"push\", \"reopen\"]\n";
    let project = quick().config(stages).build();
    project.pyrelease("plan rc").code(0).assert_shown("reopen/a-prerelease");
    project.pyrelease("run rc --yes").code(0);
    assert_eq!(project.head(), project.tag_target("v1.0.1rc1"));
    project.assert_tree_clean();

    let more = "\n[stage.reopen]\nprereleases = true\n";
    let project = quick().config(&format!("{stages}{more}")).build();
    project.pyrelease("run rc --yes").code(0);
    assert_eq!(project.log()[0], "Start 1.0.1rc2.dev0");
    project.assert_version_files("1.0.1rc2.dev0");
}

#[test]
fn a_remote_that_refuses_the_commit_does_not_make_the_release_fail() {
    let attempt = reopening(quick(), "");
    let project = &attempt.project;
    let refuse = "while read old new ref; do git log -1 --format=%s $new | grep -q ^Start && { echo only by pull request; exit 1; }; done; exit 0\n";
    project.remote().hook("pre-receive", refuse);
    let outcome = project.pyrelease("run minor --yes").code(0);
    outcome.messages_eq(str![[r#"
note: no stage uploads to the index `testpypi`
help: `pyrelease upload --index testpypi` does; for a release, add "testpypi" to `stages`
warning: [reopen] the release is out, but `reopen` failed: `main` at `origin` was not updated: `git push` to `origin` failed
  remote: only by pull request
  error: failed to push some refs to '[ROOT]/remote.git'
  refs/heads/main: [remote rejected] (pre-receive hook declined)
help: to do it by hand: `git pull origin main`, `git cherry-pick [OID]`, `git push origin HEAD:main`

"#]]);
    assert_eq!(project.head(), project.tag_target("v1.1.0"));
    project.assert_tree_clean();
    project.assert_no_debris();
    project.pyrelease("resume --yes").code(0).stderr_eq(str![[r#"
             there is no run to resume

"#]]);
}

#[test]
fn an_edit_made_meanwhile_is_not_lost() {
    let edit = "\n[stage.edit]\nrun = [\"sh\", \"-c\", \"echo mine >> $EDITED\"]\nreach = \"follow-up\"\n";
    let attempt = Attempt::configured(quick(), &settings(&["edit", "reopen"], edit));
    let project = &attempt.project;
    let edited = project.folder().join("pyproject.toml");
    let outcome = project.pyrelease("run minor --yes").env("EDITED", &edited).code(0);
    outcome.messages_eq(str![[r#"
note: no stage uploads to the index `testpypi`
help: `pyrelease upload --index testpypi` does; for a release, add "testpypi" to `stages`
warning: [reopen] the release is out, but `reopen` failed: main stays at the release: `git read-tree -m -u -n [OID] [OID]` failed (exit status: 128)
  error: Entry 'pyproject.toml' not uptodate. Cannot merge.
help: commit or stash your edits, then run `git pull origin main`

"#]]);
    assert!(project.read("pyproject.toml").ends_with("mine\n"), "{outcome}");
    assert_eq!(project.head(), project.tag_target("v1.1.0"));
    project.git(&["checkout", "--", "pyproject.toml"]);
    project.git(&["pull", "--quiet", "origin", "main"]);
    is_reopened(project, "1.1.1.dev0", "Start 1.1.1.dev0");
}

#[test]
fn a_push_whose_answer_is_lost_is_found_at_the_remote() {
    let attempt = reopening(quick(), "");
    let project = &attempt.project;
    let server = GitServer::before(project.remote().path());
    project.git(&["remote", "set-url", "origin", &server.url()]);
    // The release and the deletion of its fence are answered.
    [Cut::None, Cut::None, Cut::Answer].into_iter().for_each(|cut| server.cut_next_push(cut));
    let outcome = project.pyrelease("run minor --yes").code(0);
    server.settled();
    assert_eq!(project.log()[0], "Start 1.1.1.dev0", "{outcome}");
    assert_eq!(project.remote_refs()["refs/heads/main"], project.head(), "{outcome}");
    project.assert_tree_clean();
    project.pyrelease("status").code(0);
}

#[test]
fn a_detached_head_and_a_subfolder() {
    let push = "\n[stage.push]\nbranch = \"main\"\n";
    let stages = "stages = [\"changelog\", \"version\", \"tag\", \"push\", \"reopen\"]\n";
    let project = quick().in_subfolder("python/demo").config(&format!("{stages}{push}")).build();
    project.git(&["checkout", "--quiet", "--detach"]);
    project.pyrelease("run minor --yes").code(0);
    is_reopened(&project, "1.1.1.dev0", "Start 1.1.1.dev0");
}

#[test]
fn a_project_that_reopens_by_hand_is_advised_to_have_it_done() {
    let stages = "stages = [\"version\", \"tag\"]\n";
    let project = quick().without_remote().config(stages).build();
    let write = |version: &str| {
        let text = project.read("pyproject.toml");
        let line = text.lines().find(|line| line.starts_with("version")).unwrap();
        project.write("pyproject.toml", &text.replace(line, &format!("version = \"{version}\"")));
    };
    for (version, next) in [("1.1.0", "1.2.0.dev0"), ("1.2.0", "1.3.0.dev0")] {
        write(version);
        project.commit(&format!("Release {version}"));
        project.git(&["tag", "--annotate", "--message", version, &format!("v{version}")]);
        write(next);
        project.commit("Back to development");
    }
    project.pyrelease("plan").code(0).messages_eq(str![[r#"
note: the commits after the last releases set the next minor version, as in v1.2.0 and v1.1.0
help: add `reopen` to `stages` to have that done

"#]]);
    project.pyrelease("doctor").code(0).messages_eq(str![[r#"
note: the commits after the last releases set the next minor version, as in v1.2.0 and v1.1.0
help: add `reopen` to `stages` to have that done

"#]]);

    // The stage does as they did.
    project.write("release.toml", "stages = [\"version\", \"tag\", \"reopen\"]\n");
    project.commit("Have it reopened");
    let planned = project.pyrelease("plan").code(0);
    planned.assert_shown("reopen/as-earlier-releases");
    planned.messages_eq(str![]);
    project.pyrelease("run --yes").code(0);
    assert!(project.read("pyproject.toml").contains("1.4.0.dev0"));
}
