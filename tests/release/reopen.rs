//! The stage `reopen`: a commit that opens the next version, when the release is out.

use pyrelease_test_support::{
    Backend, Blueprint, Cut, GitServer, IndexServer, Project, changelog_of_release,
};

use super::drill::{converges, results};
use super::failures::Attempt;
use super::{QUICK, demo, quick};

/// The release of 1.1.0, by these stages after `pypi`, with further settings.
fn settings(after: &[&str], more: &str) -> String {
    let stages = ["changelog", "version", "tag", "build", "check", "push", "pypi"];
    let listed: Vec<String> = stages.iter().chain(after).map(|stage| format!("\"{stage}\"")).collect();
    format!("stages = [{}]\n{QUICK}{more}", listed.join(", "))
}

fn reopening(blueprint: Blueprint, more: &str) -> Attempt {
    Attempt::configured(blueprint, &settings(&["reopen"], more))
}

/// A stage before `reopen` that runs a script of somebody else.
fn after_script(script: &std::path::Path) -> String {
    format!(
        "\n[stage.rival]\nrun = [\"sh\", {:?}]\nreach = \"follow-up\"\n",
        script.to_str().expect("our own path")
    )
}

/// A release during which somebody pushes a change: what this shell script does in a clone.
fn with_rival(change: &str) -> Attempt {
    let (rehearsal, public) = IndexServer::two_pypiservers();
    let project = quick().build();
    let folder = project.sandbox().root().to_owned();
    let script = folder.join("change.sh");
    let text = format!(
        "set -e\nunset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_PREFIX\ncd '{folder}'\n\
         git clone --quiet remote.git rival\ncd rival\n{change}\ngit add --all\n\
         git -c user.name=Robin -c user.email=robin@example.org commit --quiet --message 'Be first'\n\
         git push --quiet origin main\n",
        folder = folder.display()
    );
    fs_err::write(&script, text).expect("a script");
    let config = settings(&["rival", "reopen"], &after_script(&script));
    let section = |name: &str, server: &IndexServer| {
        format!(
            "[index.{name}]\nupload = \"{}\"\nsimple = \"{}\"\n",
            server.upload_url(),
            server.simple_url()
        )
    };
    project.write("release.toml", &format!("{config}\n{}", section("pypi", &public)));
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
    let plan = planned.stdout();
    let afterwards = plan.split("afterwards:").nth(1).unwrap_or_else(|| panic!("{plan}"));
    for line in [
        "write pyproject.toml",
        "write uv.lock",
        "commit \"Start 1.1.1.dev0\"",
        "push main to origin",
        "land in",
    ] {
        assert!(afterwards.contains(line), "{line} in {plan}");
    }
    assert_eq!(plan.matches("land in your repository").count(), 2, "{plan}");

    project.write("README.md", "# edited meanwhile\n");
    let outcome = project.pyrelease("run minor --yes").code(0);
    assert!(!outcome.stderr().contains("failed"), "later stages see the release: {outcome}");
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
    project.pyrelease("plan").code(0).stdout_contains("demo 1.1.1").stdout_contains("Start 1.1.2.dev0");
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
    for (setting, expected) in [
        ("marker = \"-SNAPSHOT\"", "`-SNAPSHOT` is not a valid marker"),
        ("marker = \"+git\"", "does not come after"),
        ("commit-message = \"{next_verson}\"", "did you mean `{next_version}`?"),
        ("version = \"micro\"", "micro"),
    ] {
        let attempt = reopening(quick(), &format!("\n[stage.reopen]\n{setting}\n"));
        attempt.project.pyrelease("plan minor").code(2).stderr_contains(expected);
    }
    let early = "stages = [\"changelog\", \"version\", \"tag\", \"reopen\", \"push\"]\n";
    let project = quick().config(early).build();
    project.pyrelease("plan minor").code(2).stderr_contains("\"push\", \"reopen\"]");
}

#[test]
fn a_changelog_without_unreleased_gets_one() {
    let changelog = "# Changes\n\n## 1.0.0 - 2026-01-15\n\n- The first one.\n";
    let stages = "stages = [\"version\", \"tag\", \"push\", \"reopen\"]\n";
    let project = quick().changelog(changelog).config(stages).build();
    project.pyrelease("plan minor").code(0).stdout_contains("write CHANGELOG.md");
    project.write("CHANGELOG.md", "mine\n");
    project.pyrelease("run minor --yes").code(3).stderr_contains("`CHANGELOG.md` has edits");
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
    outcome.stderr_contains("`pyproject.toml` changed there").stderr_contains("git pull origin main");
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
    outcome.stderr_contains("a submodule changed there");
    assert_eq!(project.head(), project.tag_target("v1.1.0"));
}

#[cfg(unix)]
#[test]
fn a_push_that_loses_a_race_is_made_again() {
    let attempt = reopening(quick(), "");
    let project = &attempt.project;
    let rival = project.remote().rival();
    let script = format!(
        "#!/bin/sh\ncat > /dev/null\n\
         [ -e \"$MARK.1\" ] || {{ touch \"$MARK.1\"; exit 0; }}\n\
         [ -e \"$MARK.2\" ] || {{ touch \"$MARK.2\"; sh '{}' >&2; }}\n",
        rival.display()
    );
    pre_push(project, &script);
    let mark = project.sandbox().root().join("mark");
    let outcome = project.pyrelease("run minor --yes").env("MARK", &mark).code(0);
    assert_eq!(project.log()[..2], ["Start 1.1.1.dev0", "Be first"], "{outcome}");
    assert_eq!(project.remote_refs()["refs/heads/main"], project.head());
    project.assert_version_files("1.1.1.dev0");
    project.assert_tree_clean();
    project.pyrelease("status").code(0).stdout_contains("released");
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
    outcome.stderr_contains("already states 1.2.0.dev0");
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
    project.pyrelease("status").code(0).stdout_contains("pyrelease resume");
    let before = project.snapshot();
    project.pyrelease("rollback --yes").code(4).stderr_contains("is public");
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
    planned.stdout_contains("skip: hatch-vcs takes the version from tags");
    project.pyrelease("run minor --yes").code(0);
    assert_eq!(project.head(), project.tag_target("v1.1.0"));
    assert_eq!(project.remote_refs()["refs/heads/main"], project.head());
    project.assert_tree_clean();
}

#[test]
fn a_prerelease_is_bumped_only_if_configured() {
    let stages = "stages = [\"changelog\", \"version\", \"tag\", \"push\", \"reopen\"]\n";
    let project = quick().config(stages).build();
    project.pyrelease("plan rc").code(0).stdout_contains("skip: 1.0.1rc1 is a pre-release");
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
    outcome.stderr_contains("the release is out, but `reopen` failed");
    outcome.stderr_contains("only by pull request").stderr_contains("git cherry-pick");
    assert_eq!(project.head(), project.tag_target("v1.1.0"));
    project.assert_tree_clean();
    project.assert_no_debris();
    project.pyrelease("resume --yes").code(0).stderr_contains("no run");
}

#[test]
fn an_edit_made_meanwhile_is_not_lost() {
    let edit = "\n[stage.edit]\nrun = [\"sh\", \"-c\", \"echo mine >> $EDITED\"]\nreach = \"follow-up\"\n";
    let attempt = Attempt::configured(quick(), &settings(&["edit", "reopen"], edit));
    let project = &attempt.project;
    let edited = project.folder().join("pyproject.toml");
    let outcome = project.pyrelease("run minor --yes").env("EDITED", &edited).code(0);
    outcome.stderr_contains("commit or stash your edits, then run `git pull origin main`");
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
    let expected = "the commits after the last releases set the next minor version, as in v1.2.0 and v1.1.0";
    project.pyrelease("plan").code(0).stderr_contains(expected).stderr_contains("add `reopen` to `stages`");
    project.pyrelease("doctor").code(0).stderr_contains(expected);

    // The stage does as they did.
    project.write("release.toml", "stages = [\"version\", \"tag\", \"reopen\"]\n");
    project.commit("Have it reopened");
    let planned = project.pyrelease("plan").code(0);
    planned.stdout_contains("commit \"Start 1.4.0.dev0\"").stdout_contains("as in v1.2.0 and v1.1.0");
    planned.stderr_lacks("add `reopen`");
    project.pyrelease("run --yes").code(0);
    assert!(project.read("pyproject.toml").contains("1.4.0.dev0"));
}
