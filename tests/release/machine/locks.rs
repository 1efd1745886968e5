//! File systems without locks, and a journal that cannot be ended.

use pyrelease_test_support::{Config, Transcript};

use crate::plugin::support::compiler;
use crate::release::quick;

/// What a file system without locks answers, such as NFS without its lock service.
const NO_LOCKS: &str = "#include <errno.h>\nint flock(int fd, int how) { errno = ENOLCK; return -1; }\n";

#[test]
fn without_locks_nothing_begins() {
    let Some(compiler) = compiler("gcc") else { return };
    let mut seen = Transcript::named("machine/without-locks");
    let project = quick().config(&Config::stages("version tag push")).build();
    let (source, library) = (project.sandbox().root().join("x.c"), project.sandbox().root().join("x.so"));
    fs_err::write(&source, NO_LOCKS).unwrap();
    duct::cmd!(compiler, "-shared", "-fPIC", "-o", &library, &source).run().unwrap();
    let before = project.snapshot();
    for command in ["run minor --yes", "resume --yes", "rollback --yes"] {
        seen.add_error(&project.pyrelease(command).env("LD_PRELOAD", &library).code(3));
    }
    project.pyrelease("status").env("LD_PRELOAD", &library).code(0);
    project.assert_unchanged(&before);
    seen.assert();
}

/// Nothing is undone any more, so the exit code must not say so.
#[test]
fn a_release_whose_journal_cannot_be_ended_is_not_reported_as_undone() {
    // Too few bytes for the journal, enough for messages; the first time only.
    let limit = "import os, resource as r
if not os.path.exists(os.environ['MARK']):
    open(os.environ['MARK'], 'w').close()
    r.prlimit(os.getppid(), r.RLIMIT_FSIZE, (3000, r.RLIM_INFINITY))
";
    let config = Config::stages("version tag push limit")
        .stage("limit")
        .set("run", ["python3", "-c", limit])
        .set("reach", "follow-up");
    let project = quick().config(&config).build();
    let mark = project.sandbox().root().join("mark");
    let failed = project.pyrelease("run minor --yes").env("MARK", &mark).code(4);
    let message = "error: the release is complete, but the journal of its run could not be ended\n";
    assert!(failed.stderr().contains(message), "{failed}");
    assert!(project.remote_refs().contains_key("refs/tags/v1.1.0"));
    project.pyrelease("resume --yes").env("MARK", &mark).code(0);
    let status = project.pyrelease("status").code(0);
    assert!(status.stdout().starts_with("demo 1.1.0: released"), "{status}");
}
