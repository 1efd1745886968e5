//! `plan` and `run`: what would be done, what is done, and what is said when it is not.

use pyrelease_test_support::Transcript;

use crate::release::drilled::Local;
use crate::release::quick;

/// Stages that need neither a build nor an index, and a command of one's own after the push
const FAILING: &str = "\
stages = [\"changelog\", \"version\", \"tag\", \"push\", \"announce\"]

[stage.announce]
run = [\"sh\", \"-c\", \"echo the server is away; exit 7\"]
reach = \"repository\"
undo = [\"true\"]
";

/// One that waits after the push until it is interrupted
const WAITING: &str = "\
stages = [\"changelog\", \"version\", \"tag\", \"push\", \"wait\"]

[stage.wait]
run = [\"sh\", \"-c\", \"touch $WAITS; sleep 60\"]
reach = \"repository\"
undo = [\"true\"]
";

/// What comes after the release fails
const FOLLOWING: &str = "\
stages = [\"changelog\", \"version\", \"tag\", \"docs\"]

[stage.docs]
run = [\"sh\", \"-c\", \"exit 7\"]
reach = \"follow-up\"
";

/// What comes after the release opens the next version
const REOPENING: &str = "stages = [\"changelog\", \"version\", \"tag\", \"push\", \"reopen\"]\n";

const NOTHING_NEW: &str =
    "# Changelog\n\n## [Unreleased]\n\n## [1.0.0] - 2026-01-15\n\n### Added\n\n- The first one.\n";

#[test]
fn a_release_from_the_plan_to_the_end() {
    let local = Local::new();
    let mut seen = Transcript::named("run");
    seen.heading("without a terminal there is nobody to ask");
    seen.add(&local.pyrelease("run minor").code(2));
    seen.heading("everything is asked, nothing is done");
    seen.add(&local.pyrelease("run minor --dry-run").code(0));
    seen.heading("a release");
    seen.add(&local.pyrelease("run minor --yes").code(0));
    seen.heading("there is nothing more to release");
    seen.add(&local.pyrelease("run --yes").code(3));
    seen.assert();
}

#[test]
fn what_would_be_done() {
    let local = Local::new();
    let mut seen = Transcript::named("plan");
    seen.heading("the changelog says how the version is raised");
    seen.add(&local.pyrelease("plan").code(0));
    seen.heading("said on the command line");
    seen.add(&local.pyrelease("plan 2.0.0rc1").code(0));
    seen.heading(
        "a repository without a remote, commands of one's own, a version of its own for the rehearsal",
    );
    let config = FAILING.replace("\"push\", ", "").replace("\"tag\"", "\"tag\", \"push\"");
    let notes = quick().without_remote().config(&config).build();
    seen.add(&notes.pyrelease("plan minor").code(0));
    seen.heading("nothing is new");
    let nothing =
        quick().changelog(NOTHING_NEW).config("stages = [\"changelog\", \"version\", \"tag\"]\n").build();
    seen.add(&nothing.pyrelease("plan").run());
    seen.heading("nothing tells how to bump the version");
    let untold = quick()
        .changelog("# Changelog\n\n## [1.0.0] - 2026-01-15\n\n- The first one.\n")
        .config("stages = [\"version\", \"tag\"]\n")
        .build();
    seen.add(&untold.pyrelease("plan").code(0));
    seen.add(&untold.pyrelease("run --yes").code(2));
    seen.assert();
}

#[test]
fn what_is_refused_before_anything_happens() {
    let local = Local::of(quick().changelog(NOTHING_NEW).tagged("v1.1.0"), "carry = [\"data.bin\"]\n");
    local.project.remote().move_branch();
    let mut seen = Transcript::named("run-refused");
    seen.add(&local.project.pyrelease("run minor --yes").code(3));
    seen.assert();
}

#[test]
fn what_fails_is_undone() {
    let project = quick().config(FAILING).build();
    let before = project.snapshot();
    let mut seen = Transcript::named("run-failed");
    seen.heading("a command fails when branch and tag are at the remote");
    seen.add(&project.pyrelease("run minor --yes").code(1));
    project.assert_unchanged(&before);
    seen.heading("with what the commands print");
    seen.add(&project.pyrelease("run minor --yes --verbose").code(1));
    seen.heading("only what is wrong");
    seen.add(&project.pyrelease("run minor --yes --quiet").code(1));
    seen.heading("what comes after the release fails");
    let following = quick().config(FOLLOWING).build();
    seen.add(&following.pyrelease("run minor --yes").code(0));
    seen.assert();
}

#[cfg(unix)]
#[test]
fn an_interrupt_undoes() {
    let project = quick().config(WAITING).build();
    let waits = project.sandbox().root().join("waits");
    let before = project.snapshot();
    let interrupted = project.pyrelease("run minor --yes").env("WAITS", &waits).meanwhile(|running| {
        while !waits.exists() && !running.has_ended() {
            running.wait(std::time::Duration::from_millis(5));
        }
        running.signal("INT");
    });
    let interrupted = interrupted.code(130);
    project.assert_unchanged(&before);
    interrupted.assert_shown("run-interrupted");
}

#[test]
fn a_demonstration() {
    let project = quick().build();
    let folder = project.sandbox().root().join("tour");
    project.pyrelease("demo --folder").arg(folder).code(0).assert_shown("demo");
}

/// The links that the demonstration ends with lead somewhere as long as somebody looks at them.
#[test]
fn the_indexes_of_a_demonstration_run_until_somebody_has_looked() {
    let project = quick().build();
    for key in ["\n", "\u{3}"] {
        let folder = project.sandbox().root().join(format!("tour-{}", u32::from(key == "\n")));
        let dialogue = [("press Enter to stop them", key)];
        let demo = project.pyrelease("demo --folder").arg(&folder).on_a_terminal(&dialogue).code(0);
        let shown = demo.stdout();
        assert!(shown.contains("/project/pyrelease-demo/0.2.0/"), "{demo}");
        assert!(shown.find("View at") < shown.find("press Enter"), "{demo}");
        assert!(shown.find("press Enter") < shown.find("have stopped"), "{demo}");
    }
}

#[test]
fn the_next_version_is_opened() {
    let project = quick().config(REOPENING).build();
    let mut seen = Transcript::named("reopen");
    seen.heading("a release, and the commit after it");
    seen.add(&project.pyrelease("run minor --yes").code(0));
    project.git(&["reset", "--quiet", "--hard", "HEAD~2"]);
    project.git(&["tag", "--delete", "v1.1.0"]);
    let remote = project.remote();
    remote.git(&["update-ref", "refs/heads/main", &project.head()]);
    remote.git(&["update-ref", "-d", "refs/tags/v1.1.0"]);
    seen.heading("the remote takes no such commit");
    let refuse = "while read old new ref; do git log -1 --format=%s $new | grep -q ^Start && { echo only by pull request; exit 1; }; done; exit 0\n";
    remote.hook("pre-receive", refuse);
    seen.add(&project.pyrelease("run minor --yes").code(0));
    seen.assert();
}
