//! Pushes whose answer is lost while the remote still processes them: what is reported as undone never appears later.

use std::time::{Duration, Instant};

use pyrelease_test_support::{Cut, GitServer, Project, Running, str};

use super::failures::Attempt;
use super::{QUICK, quick};

const TAG: &str = "refs/tags/v1.1.0";
/// How long the remote processes a push
const SECONDS: f32 = 2.0;

/// A project with a remote on the network.
fn by_network(config: &str) -> (Attempt, GitServer) {
    let attempt = Attempt::configured(quick(), config);
    let server = GitServer::before(attempt.project.remote().path());
    attempt.project.git(&["remote", "set-url", "origin", &server.url()]);
    (attempt, server)
}

/// The refs of the remote, without the fences.
fn refs_but_fences(project: &Project) -> Vec<(String, String)> {
    project.remote_refs().into_iter().filter(|(name, _)| !name.starts_with("refs/pyrelease/")).collect()
}

fn fences(project: &Project) -> Vec<String> {
    project.remote_refs().into_keys().filter(|name| name.starts_with("refs/pyrelease/")).collect()
}

#[test]
fn a_push_over_the_network_leaves_no_ref_of_ours() {
    let (attempt, server) = by_network(QUICK);
    let project = &attempt.project;
    project.pyrelease("run minor --yes").code(0);
    assert_eq!(project.remote_refs()[TAG], project.refs()[TAG]);
    assert_eq!(fences(project), [""; 0]);
    assert_eq!(server.pushes(), 2, "the release, and the deletion of what guarded it");
}

/// Git calls such a push successful.
#[test]
fn a_remote_that_deletes_or_moves_what_was_pushed_stops_the_release() {
    let (deletes, moves) = (("-d \"$ref\"", "deleted", 1), ("\"$ref\" main~1", "moved", 4));
    for (is_on_this_machine, (act, what, code)) in
        [(false, deletes), (false, moves), (true, deletes), (true, moves)]
    {
        let (attempt, _server) = match is_on_this_machine {
            false => {
                let (attempt, server) = by_network(QUICK);
                (attempt, Some(server))
            }
            true => (Attempt::configured(quick(), QUICK), None),
        };
        let project = &attempt.project;
        let before = refs_but_fences(project);
        let hook = format!(
            "while read -r _ new ref; do\n\
             case \"$ref $new\" in refs/tags/*' '*[1-9a-f]*) git update-ref {act} ;; esac\ndone\n"
        );
        project.remote().hook("post-receive", &hook);
        let failed = project.pyrelease("run minor --yes").code(code);
        let message = format!("`origin` accepted the push, and then {what} `{TAG}`\n");
        assert!(failed.stderr().contains(&message), "{failed}");
        assert!(attempt.public.files("demo").is_empty());
        if code == 1 {
            assert_eq!(refs_but_fences(project), before);
        }
        assert_eq!(fences(project), [""; 0]);
    }
}

#[test]
fn a_push_that_the_remote_is_still_at_work_on_cannot_arrive_after_the_rollback() {
    let (attempt, server) = by_network(QUICK);
    let project = &attempt.project;
    let (before, local) = (refs_but_fences(project), project.refs());
    server.take_time(1, SECONDS);
    server.cut_next_push(Cut::Answer);
    let began = Instant::now();
    let outcome = project.pyrelease("run minor --yes").code(1);
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    outcome.messages_eq(str![[r#"
error: `git push` to `origin` failed
  send-pack: unexpected disconnect while reading sideband packet
  fatal: the remote end hung up unexpectedly
help: left on `testpypi`: demo-1.1.0-py3-none-any.whl, demo-1.1.0.tar.gz; the next run rehearses there as `.devN`, unless it builds the same bytes

"#]]);
    server.settled();
    assert_eq!(refs_but_fences(project), before);
    assert_eq!(project.refs(), local);
    assert_eq!(fences(project).len(), 1);

    // Two releases in a row do not block each other.
    let again = project.pyrelease("run minor --yes").run();
    assert_eq!(again.status(), 0, "{again}");
}

#[test]
fn the_same_after_a_kill_and_after_a_double_interrupt() {
    for blow in ["KILL", "INT"] {
        let (attempt, server) = by_network(QUICK);
        let project = &attempt.project;
        let before = refs_but_fences(project);
        // Longer than a recovery waits for the `git` of a killed run.
        server.take_time(1, 6.0);
        let received = project.remote().path().join("received");
        let strike = move |run: &Running<'_>| {
            while !received.exists() && !run.has_ended() {
                std::thread::sleep(Duration::from_millis(5));
            }
            run.signal(blow);
            if blow == "INT" {
                std::thread::sleep(Duration::from_millis(300));
                run.signal(blow);
            }
        };
        let outcome = project.pyrelease("run minor --yes").meanwhile(strike).run();
        assert_ne!(outcome.status(), 0, "{outcome}");
        let back = project.pyrelease("rollback --yes").code(0);
        server.settled();
        assert_eq!(refs_but_fences(project), before, "after {blow}: {outcome}\n{back}");
    }
}

/// A rollback's own push can be cut as well: `resume` must not publish what a late undo then removes.
#[test]
fn an_undo_that_the_remote_is_still_at_work_on_cannot_arrive_after_the_release() {
    let stages = "stages = [\"changelog\", \"version\", \"tag\", \"build\", \"check\", \"push\", \"look\", \"pypi\"]\n";
    let look = "[stage.look]\nrun = [\"sh\", \"-c\", \"test -e \\\"$GO\\\"\"]\nreach = \"repository\"\nundo = [\"true\"]\n";
    let (attempt, server) = by_network(&format!("{stages}{look}{QUICK}"));
    let project = &attempt.project;
    let go = project.sandbox().root().join("go");
    server.take_time(3, SECONDS);
    // The release's push and the deletion of its fence are answered, the undo is not.
    [Cut::None, Cut::None, Cut::Answer].into_iter().for_each(|cut| server.cut_next_push(cut));
    let outcome = project.pyrelease("run minor --yes").env("GO", &go).code(4);
    fs_err::write(&go, "").unwrap();
    let resumed = project.pyrelease("resume --yes").env("GO", &go).run();
    assert_eq!(resumed.status(), 0, "{outcome}\n{resumed}");
    server.settled();
    assert_eq!(project.remote_refs()[TAG], project.refs()[TAG], "{resumed}");
    assert_eq!(attempt.public.files("demo").len(), 2);
}

#[test]
fn a_remote_that_rejects_fences_is_pushed_to_without_one() {
    let (attempt, _server) = by_network(QUICK);
    let project = &attempt.project;
    refuse_fences(project, "");
    project.pyrelease("run minor --yes").code(0);
    assert_eq!(project.remote_refs()[TAG], project.refs()[TAG]);
}

#[test]
fn if_the_remote_rejects_fences_a_lost_push_is_waited_for() {
    let (attempt, server) = by_network(QUICK);
    let project = &attempt.project;
    refuse_fences(project, "touch received\nsleep \"$SECONDS\"\n");
    // The first push is rejected for its fence, the second is cut.
    server.cut_next_push(Cut::None);
    server.cut_next_push(Cut::Answer);
    let outcome = project.pyrelease("run minor --yes").code(4);
    outcome.messages_eq(str![[r#"
error: main and v1.1.0 at origin could not be undone: `origin` did not answer the push, which may still arrive, and rejects the ref that would prevent it. After a quarter of an hour the push counts as lost; `git ls-remote origin` shows whether it has arrived
  caused by: `git push` to `origin` failed
  send-pack: unexpected disconnect while reading sideband packet
  fatal: the remote end hung up unexpectedly
help: fix the cause and run `pyrelease rollback` again, or finish the release with `pyrelease resume`, or give up the run as it is with `pyrelease rollback --leave`

"#]]);
    project.pyrelease("status").code(0).stdout_eq(str![[r#"
demo 1.1.0: interrupted in `push`
  run       [RUN]
  folder    [ROOT]/demo/.git/pyrelease/runs/[RUN]
  failed    push: `git push` to `origin` failed
              send-pack: unexpected disconnect while reading sideband packet
              fatal: the remote end hung up unexpectedly
  stages    changelog ✓, version ✓, tag ✓, build ✓, check ✓, testpypi ✓, push, pypi
  done      demo-1.1.0-py3-none-any.whl on testpypi
  done      demo-1.1.0.tar.gz on testpypi
  done      main in the repository and tag v1.1.0
  not done  main and v1.1.0 at origin
  in doubt  main and v1.1.0 at origin

  file                         sha256        here     testpypi  pypi
  demo-1.1.0-py3-none-any.whl  [SHA256]      present  same      absent
  demo-1.1.0.tar.gz            [SHA256]      present  same      absent

  ref         at      now         state
  main        here    [OID]       as the run made it
  tag v1.1.0  here    [OID]       as the run made it
  main        origin  [OID]       as before the run
  tag v1.1.0  origin  none        as before the run

note: the remote did not answer the push of main and v1.1.0 at origin, which may still arrive

next: pyrelease resume
  or: pyrelease rollback

"#]]);
    server.settled();
    assert_eq!(project.remote_refs()[TAG], project.refs()[TAG]);
    project.pyrelease("rollback --yes").code(0);
    assert!(!project.remote_refs().contains_key(TAG));
}

/// A hook that accepts only branches and tags, and then runs this script.
fn refuse_fences(project: &Project, then: &str) {
    let seconds = SECONDS.to_string();
    let script = [include_str!("refuse_fences.sh"), then].concat();
    project.remote().hook_with("pre-receive", &[("SECONDS", &seconds)], &script);
}
