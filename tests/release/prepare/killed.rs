//! A job that publishes is killed, and run again: with the file of `prepare`, in a checkout of the commit before.

use std::sync::OnceLock;

use serde_json::Value;

use super::Forge;

/// The points of a publication: `MOMENT WHAT`.
fn points() -> &'static [String] {
    static POINTS: OnceLock<Vec<String>> = OnceLock::new();
    POINTS.get_or_init(|| {
        let forge = Forge::new();
        let (file, list) = (forge.prepared(""), forge.path("points"));
        let job = forge.publishing_job(&forge.checkout("publishing"), "publish --yes").arg(&file);
        job.env("PYRELEASE_DRILL", format!("list:{}", list.display())).code(0);
        let text = fs_err::read_to_string(list).expect("the list of points");
        let named = text.lines().map(|line| {
            let point: Value = serde_json::from_str(line).expect("a point in JSON");
            let field = |name: &str| point[name].as_str().expect("a point has it").to_owned();
            format!("{} {}", field("moment"), field("what"))
        });
        named.collect()
    })
}

/// The number of a point.
#[track_caller]
pub(super) fn number(point: &str) -> usize {
    let at = points().iter().position(|known| known.contains(point));
    at.unwrap_or_else(|| panic!("no point `{point}` among {:#?}", points())) + 1
}

/// Kills the publication at a point; a second job completes it.
#[track_caller]
fn released_once_after(point: &str) {
    let number = number(point);
    let forge = Forge::new();
    let file = forge.prepared("");
    let first = forge.checkout("first attempt");
    let job = forge.publishing_job(&first, "publish --yes").arg(&file);
    let killed = job.env("PYRELEASE_DRILL", format!("kill:{number}")).run();
    assert_eq!(killed.status(), -1, "{killed}");
    let before = forge.local.public.files();

    let second = forge.old_checkout("second attempt");
    forge.publishing_job(&second, "publish --yes").arg(&file).code(0);
    forge.local.is_released(&second);
    let public = forge.local.public.files();
    assert!(before.iter().all(|(name, sha256)| public.get(name) == Some(sha256)), "{before:?}, {public:?}");
}

#[test]
fn after_the_push() {
    released_once_after("after-record stage-done push");
}

#[test]
fn in_the_middle_of_the_publication() {
    released_once_after("after-record intent: demo-1.1.0-py3-none-any.whl on pypi");
}

#[test]
fn with_one_file_public() {
    released_once_after("before-record intent: demo-1.1.0.tar.gz on pypi");
}

/// Every attempt begins in a checkout of its own, from the file of `prepare` alone.
#[test]
fn again_and_again() {
    let forge = Forge::new();
    let file = forge.prepared("");
    let all = points().len();
    for (attempt, number) in (1..=6).map(|part| (part, part * all / 7)) {
        let folder = forge.old_checkout(&format!("attempt {attempt}"));
        let job = forge.publishing_job(&folder, "publish --yes").arg(&file);
        let killed = job.env("PYRELEASE_DRILL", format!("kill:{number}")).run();
        assert_eq!(killed.status(), -1, "{killed}");
    }
    let last = forge.old_checkout("last attempt");
    forge.publishing_job(&last, "publish --yes").arg(&file).code(0);
    forge.local.is_released(&last);
}

#[test]
fn a_run_that_a_job_saved_is_published_by_the_next() {
    let point = "before-record intent: demo-1.1.0.tar.gz on pypi";
    let number = number(point);
    let forge = Forge::new();
    let file = forge.prepared("");
    let first = forge.checkout("first attempt");
    let job = forge.publishing_job(&first, "publish --yes").arg(&file);
    assert_eq!(job.env("PYRELEASE_DRILL", format!("kill:{number}")).run().status(), -1);
    let saved = forge.path("saved.tar.gz");
    forge.job(&first, "status --export").arg(&saved).code(0);
    let second = forge.old_checkout("second attempt");
    forge.publishing_job(&second, "publish --yes").arg(&saved).code(0);
    forge.local.is_released(&second);
    // On a runner that keeps its checkout, the first file does, too.
    forge.publishing_job(&first, "publish --yes").arg(&file).code(0);
    forge.local.is_released(&first);
}

/// On a runner that keeps its checkout, the command begins where it was killed, and the wheels join once.
#[test]
fn before_and_after_the_wheels_joined() {
    let forge = Forge::new();
    let (file, wheels) = (forge.prepared("--sdist-only"), forge.path("wheels"));
    forge.wheels(&file, &wheels, "any win_amd64", &[]);
    let folder = forge.checkout("publishing");
    let publish = || forge.publishing_job(&folder, "publish --yes --adopt").arg(&wheels).arg(&file);
    let joined = || forge.job(&folder, "log --last").run().stdout().matches("built elsewhere").count();
    // The second attempt is killed before the wheels join, and the third, which finds the run, after that.
    let imported = number("after-record imported");
    let first_record = imported - number("before-record imported") + 1;
    for (kill, joins) in [(imported, 0), (imported + 1, 0), (first_record, 1)] {
        assert_eq!(publish().env("PYRELEASE_DRILL", format!("kill:{kill}")).run().status(), -1);
        assert_eq!(joined(), joins);
        forge.assert_nothing_is_out();
    }
    publish().code(0);
    assert_eq!(joined(), 1);
    assert_eq!(forge.local.public.files().len(), 3);
}

/// A run whose files another machine has published cannot be undone, and `status` says so.
#[test]
fn status_offers_no_rollback_that_would_be_refused() {
    let number = number("after-record stage-done push");
    let forge = Forge::new();
    let file = forge.prepared("");
    let first = forge.checkout("first attempt");
    let job = forge.publishing_job(&first, "publish --yes").arg(&file);
    assert_eq!(job.env("PYRELEASE_DRILL", format!("kill:{number}")).run().status(), -1);
    forge.publishing_job(&forge.old_checkout("second attempt"), "publish --yes").arg(&file).code(0);
    let status = forge.publishing_job(&first, "status").code(0);
    status.assert_shown("prepare/status-of-what-another-machine-published");
    forge.publishing_job(&first, "rollback --yes").code(4);
    forge.publishing_job(&first, "resume --yes").code(0);
    forge.local.is_released(&first);
}
