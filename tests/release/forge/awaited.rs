//! A CI workflow publishes what the release of the forge starts, and the run waits for it.

use pyrelease_test_support::{IndexServer, Invocation, Transcript};
use serde_json::Value;

use super::fake::{Server, Trouble};
use crate::plugin::github::server::{Kept, TOKEN, TOKEN_OF_APP};
use crate::release::awaited::{self, all, wait_until, workflow_file};
use crate::release::quick;
use crate::release::workspace::{change, three};

/// A project whose workflow publishes when a release is published on its forge
struct Scene {
    inner: awaited::Scene,
    forge: Server<Kept>,
}

const PUBLISHED: &str = "release:\n    types: [published]";
const CREATED: &str = "release:\n    types: [created]";
const UPLOADS: [&str; 2] = ["repos/upload-release-asset"; 2];

fn files() -> Vec<String> {
    vec!["demo-1.1.0-py3-none-any.whl".to_owned(), "demo-1.1.0.tar.gz".to_owned()]
}

/// The workflow with these events.
fn workflow(index: &IndexServer, on: &str) -> String {
    workflow_file(index).replace("push:\n    tags: ['v*']", on)
}

impl Scene {
    /// `on` are the events of the workflow, `more` is added to the settings of `pypi`.
    fn new(on: &str, more: &str) -> Self {
        let (index, forge) = (IndexServer::pypiserver(), Server::<Kept>::start());
        let config = awaited::config(&index, more).replace("\"push\", ", "\"push\", \"forge-release\", ");
        let config = format!(
            "{config}\n[stage.forge-release]\nforge = \"github\"\nurl = \"{}\"\nrepository = \"o/r\"\n",
            forge.url()
        );
        let blueprint = quick().config(&config).file(".github/workflows/release.yml", &workflow(&index, on));
        Self { inner: awaited::Scene { project: blueprint.build(), index }, forge }
    }

    fn pyrelease(&self, args: &str) -> Invocation<'_> {
        self.inner.project.pyrelease(args).env("PYRELEASE_TOKEN_FORGE", TOKEN)
    }

    /// Plays the workflow as soon as the forge has the release.
    fn publish(&self) {
        wait_until("the release is published", || !self.forge.published().is_empty());
        self.inner.publish_now(|_| {}, all, false);
    }

    /// The points of a release, until it waits for the workflow, at which it can be killed, each with its number.
    fn points(&self) -> Vec<(u64, String)> {
        let list = self.inner.project.sandbox().root().join("points");
        let run =
            self.pyrelease("run minor --yes").env("PYRELEASE_DRILL", format!("list:{}", list.display()));
        run.meanwhile(self.inner.kill_when_waiting()).run();
        let text = fs_err::read_to_string(list).expect("the list of points");
        let points = text.lines().map_while(|line| serde_json::from_str::<Value>(line).ok());
        let named = points.map(|point| {
            let text = |key: &str| point[key].as_str().unwrap_or_default().to_owned();
            (point["number"].as_u64().expect("its number"), format!("{} {}", text("moment"), text("what")))
        });
        named.collect()
    }

    /// The numbers of the points right after the intent of the publication and right before it is recorded as done.
    fn points_of_publication(on: &str) -> (u64, u64) {
        let points = Self::new(on, "").points();
        let at = |wanted: &str, from: usize| {
            let found = points[from..].iter().position(|(_, what)| what.starts_with(wanted));
            from + found.unwrap_or_else(|| panic!("no point {wanted}: {points:#?}"))
        };
        let intent = at("after-record intent: release v1.1.0 of", 0);
        (points[intent].0, points[at("before-record done", intent)].0)
    }

    /// Runs into a kill at this point.
    fn kill_at(&self, number: u64) {
        let killed = self.pyrelease("run minor --yes").env("PYRELEASE_DRILL", format!("kill:{number}")).run();
        assert_eq!(killed.status(), -1, "{killed}");
    }

    /// What the forge was asked that changes something.
    fn changes(&self) -> Vec<String> {
        let mut asked = self.forge.asked();
        asked.retain(|id| !id.contains("get") && !id.contains("list"));
        asked
    }

    fn body(&self) -> String {
        let kept = self.forge.kept();
        let release = kept.releases.values().next().expect("a release");
        release["body"].as_str().unwrap_or_default().to_owned()
    }
}

#[test]
fn the_release_of_the_forge_starts_the_workflow_and_its_index_is_awaited() {
    let scene = Scene::new(PUBLISHED, "");
    let mut seen = Transcript::named("awaited/release");
    seen.add(&scene.pyrelease("plan minor").code(0));
    let run = scene.pyrelease("run minor --yes").meanwhile(|_| {
        wait_until("the release is published", || !scene.forge.published().is_empty());
        // It is complete when the workflow begins.
        assert_eq!(scene.forge.published(), [("v1.1.0".to_owned(), files())]);
        assert!(scene.inner.index.files("demo").is_empty());
        scene.publish();
    });
    seen.add(&run.code(0));
    seen.add(&scene.pyrelease("status").code(0));
    seen.assert();
    assert!(!scene.body().contains("<!--"), "{}", scene.body());
    scene.inner.is_released();
}

#[test]
fn until_the_release_is_published_everything_is_undone() {
    let scene = Scene::new(PUBLISHED, "");
    let before = scene.inner.project.snapshot();
    scene.forge.trouble(Trouble::new("repos/update-release", 403, "Resource not accessible"));
    let failed = scene.pyrelease("run minor --yes").code(1);
    assert!(failed.stderr().contains("127.0.0.1 did not publish the release: 403"), "{failed}");
    scene.inner.project.assert_unchanged(&before);
    assert_eq!((scene.forge.drafts(), scene.forge.published()), (0, Vec::new()));
}

#[test]
fn from_the_published_release_on_the_run_can_only_be_completed() {
    let scene = Scene::new(PUBLISHED, "");
    let mut seen = Transcript::named("awaited/release-cannot-be-undone");
    let killed = scene.pyrelease("run minor --yes").meanwhile(scene.inner.kill_when_waiting()).run();
    assert_eq!(killed.status(), -1, "{killed}");
    seen.add(&scene.pyrelease("status").code(0));
    let refs = scene.inner.project.remote_refs();
    seen.add_messages(&scene.pyrelease("rollback --yes").code(4));
    assert_eq!(scene.inner.project.remote_refs(), refs, "the tag stays");
    seen.add_messages(&scene.pyrelease("resume --yes").meanwhile(|_| scene.publish()).code(0));
    seen.assert();
    assert_eq!(scene.forge.published(), [("v1.1.0".to_owned(), files())]);
    scene.inner.is_released();
}

#[test]
fn the_release_stays_if_the_workflow_does_not_come() {
    let scene = Scene::new(PUBLISHED, "wait = \"1s\"\n");
    let outcome = scene.pyrelease("run minor --yes").code(4);
    outcome.assert_error_shown("awaited/release-out-of-time");
    assert_eq!(scene.forge.published(), [("v1.1.0".to_owned(), files())]);
    scene.publish();
    scene.pyrelease("resume --yes").code(0);
    scene.inner.is_released();
}

/// Before its request, the publication has not happened, whatever the journal knows.
#[test]
fn killed_before_the_publication() {
    let (intent, _) = Scene::points_of_publication(PUBLISHED);
    let scene = Scene::new(PUBLISHED, "");
    let before = scene.inner.project.snapshot();
    scene.kill_at(intent);
    assert!(scene.pyrelease("status").code(0).stdout().contains("a workflow may publish release v1.1.0 of"));
    scene.pyrelease("rollback --yes").code(0);
    scene.inner.project.assert_unchanged(&before);
    assert_eq!((scene.forge.drafts(), scene.forge.published()), (0, Vec::new()));
    scene.kill_at(intent);
    scene.pyrelease("resume --yes").meanwhile(|_| scene.publish()).code(0);
    assert_eq!(scene.forge.published(), [("v1.1.0".to_owned(), files())]);
    scene.inner.is_released();
}

/// After its request, it has.
#[test]
fn killed_after_the_publication() {
    let (_, done) = Scene::points_of_publication(PUBLISHED);
    let scene = Scene::new(PUBLISHED, "");
    scene.kill_at(done);
    let refs = scene.inner.project.remote_refs();
    scene.pyrelease("rollback --yes").code(4);
    assert_eq!(scene.inner.project.remote_refs(), refs, "the tag stays");
    scene.changes();
    scene.pyrelease("resume --yes").meanwhile(|_| scene.publish()).code(0);
    assert_eq!(scene.changes(), [""; 0], "it is not published again");
    assert_eq!(scene.forge.published(), [("v1.1.0".to_owned(), files())]);
    scene.inner.is_released();
}

/// The person looks at the draft before a later stage fails, and publishes it on the forge's page.
#[test]
fn a_draft_that_somebody_publishes_is_public() {
    let scene = Scene::new(PUBLISHED, "");
    let project = &scene.inner.project;
    let status = project.sandbox().root().join("status");
    let config = project.read("release.toml").replace("\"forge-release\", ", "\"forge-release\", \"look\", ");
    let look = "[stage.look]\nreach = \"repository\"\nverify = [\"false\"]\n\
                run = [\"sh\", \"-c\", \"until [ -s $STATUS ]; do sleep 0.05; done; exit $(cat $STATUS)\"]\n";
    project.write("release.toml", &format!("{config}\n{look}"));
    project.commit("Look at the draft");
    project.git(&["push", "--quiet"]);
    let before = project.remote_refs();
    let mut seen = Transcript::named("awaited/draft-published-by-hand");
    let failed = scene.pyrelease("run minor --yes").env("STATUS", &status).meanwhile(|_| {
        let begun = "{\"type\":\"stage-begun\",\"stage\":\"look\"}";
        wait_until("the draft is there", || scene.inner.journal().contains(begun));
        scene.forge.kept().releases.values_mut().for_each(|release| release["draft"] = false.into());
        fs_err::write(&status, "1").expect("a folder of ours");
    });
    seen.add_error(&failed.code(4));
    let refs = project.remote_refs();
    assert_ne!(refs, before, "the tag is there");
    seen.add_messages(&scene.pyrelease("rollback --yes").code(4));
    assert_eq!(project.remote_refs(), refs, "the tag stays");
    scene.changes();
    fs_err::write(&status, "0").expect("a folder of ours");
    let resumed = scene.pyrelease("resume --yes").env("STATUS", &status).meanwhile(|_| scene.publish());
    seen.add_messages(&resumed.code(0));
    assert_eq!(scene.changes(), [""; 0], "it is not published again");
    assert_eq!(scene.forge.published(), [("v1.1.0".to_owned(), files())]);
    scene.inner.is_released();
    seen.assert();
}

/// GitHub: nothing starts on `created` for a release that is published from a draft.
#[test]
fn a_workflow_for_created_releases_gets_one_that_never_was_a_draft() {
    let scene = Scene::new(CREATED, "");
    let mut seen = Transcript::named("awaited/created");
    seen.add(&scene.pyrelease("plan minor").code(0));
    scene.changes();
    seen.add_messages(&scene.pyrelease("run minor --yes").meanwhile(|_| scene.publish()).code(0));
    seen.assert();
    assert_eq!(scene.changes(), [&["repos/create-release"], &UPLOADS[..]].concat());
    assert_eq!(scene.forge.published(), [("v1.1.0".to_owned(), files())]);
    assert!(scene.body().contains("- Greetings in *any* language."), "{}", scene.body());
    scene.inner.is_released();
}

#[test]
fn killed_after_the_creation_the_files_are_still_attached() {
    let (_, done) = Scene::points_of_publication(CREATED);
    let scene = Scene::new(CREATED, "");
    scene.kill_at(done);
    scene.pyrelease("rollback --yes").code(4);
    scene.changes();
    scene.pyrelease("resume --yes").meanwhile(|_| scene.publish()).code(0);
    assert_eq!(scene.changes(), UPLOADS, "the files are attached, and nothing is created again");
    scene.inner.is_released();
}

#[test]
fn a_tag_that_starts_the_workflow_is_the_point_of_no_return() {
    let scene = Scene::new("push:\n    tags: ['v*']", "");
    let mut seen = Transcript::named("awaited/release-after-tag");
    seen.add(&scene.pyrelease("plan minor").code(0));
    scene.forge.trouble(Trouble::new("repos/create-release", 403, "Resource not accessible"));
    seen.add_messages(&scene.pyrelease("run minor --yes").code(4));
    seen.assert();
    scene.pyrelease("resume --yes").meanwhile(|_| scene.publish()).code(0);
    assert_eq!(scene.forge.published(), [("v1.1.0".to_owned(), files())]);
    scene.inner.is_released();
}

#[test]
fn what_the_release_does_not_start_is_refused_before_anything_happens() {
    let mut seen = Transcript::named("awaited/release-refused");
    for (on, from, to, bump) in [
        // No stage makes the release.
        (PUBLISHED, "\"forge-release\", ", "", "minor"),
        // It comes too late.
        (PUBLISHED, "\"forge-release\", \"pypi\"", "\"pypi\", \"forge-release\"", "minor"),
        (PUBLISHED, "\"push\", \"forge-release\"", "\"forge-release\", \"push\"", "minor"),
        // It stays a draft.
        (PUBLISHED, "forge = \"github\"", "forge = \"github\"\ndraft = true", "minor"),
        // A pre-release is not one of `released`.
        ("release:\n    types: [released]", "", "", "1.1.0rc1"),
        ("release:\n    types: [edited]", "", "", "minor"),
        ("workflow_dispatch:", "", "", "minor"),
        ("workflow_dispatch:\n  push:\n    branches: [main]", "\"forge-release\", ", "", "minor"),
    ] {
        let scene = Scene::new(on, "");
        let project = &scene.inner.project;
        let mut config = project.read("release.toml").replace(from, to);
        if !config.contains("\"forge-release\"") {
            config.truncate(config.find("\n[stage.forge-release]").expect("its settings"));
        }
        if config != project.read("release.toml") {
            project.write("release.toml", &config);
            project.commit("Configure");
        }
        let before = project.snapshot();
        let refused = scene.pyrelease(&format!("run {bump} --yes")).run();
        assert!([2, 3].contains(&refused.status()), "{refused}");
        seen.add_messages(&refused);
        project.assert_unchanged(&before);
        assert_eq!(scene.changes(), [""; 0]);
    }
    seen.assert();
}

#[test]
fn a_stage_of_the_user_may_publish_the_release() {
    let scene = Scene::new(PUBLISHED, "");
    let project = &scene.inner.project;
    let config = project.read("release.toml").replace("\"forge-release\"", "\"announce\"");
    let at = config.find("\n[stage.forge-release]").expect("its settings");
    let own = format!("{}\n[stage.announce]\nrun = [\"true\"]\nreach = \"public\"\n", &config[..at]);
    project.write("release.toml", &own);
    project.commit("Publish with gh");
    let dry = scene.pyrelease("run minor --yes --dry-run").code(0);
    assert!(dry.stderr().contains("unless a stage of yours publishes it, add \"forge-release\""), "{dry}");
}

#[test]
fn a_job_of_github_does_not_release_with_its_own_token() {
    let scene = Scene::new(PUBLISHED, "");
    let before = scene.inner.project.snapshot();
    let in_job = |args: &str, token: &str| {
        scene.pyrelease(args).env("PYRELEASE_TOKEN_FORGE", token).env("GITHUB_ACTIONS", "true")
    };
    scene.forge.kept().login = "github-actions[bot]";
    let mut seen = Transcript::named("awaited/token-of-job");
    seen.add_messages(&in_job("run minor --yes", TOKEN_OF_APP).code(3));
    seen.assert();
    scene.inner.project.assert_unchanged(&before);
    // On a machine of a person, and for a token of another kind, nobody is asked.
    scene.pyrelease("run minor --yes --dry-run").env("PYRELEASE_TOKEN_FORGE", TOKEN_OF_APP).code(0);
    in_job("run minor --yes --dry-run", TOKEN).code(0);
    scene.forge.kept().login = "our-releases[bot]";
    in_job("run minor --yes --dry-run", TOKEN_OF_APP).code(0);
    assert_eq!(scene.changes(), [""; 0]);
}

#[test]
fn a_workflow_that_makes_the_release_itself_is_refused() {
    let scene = Scene::new(PUBLISHED, "");
    let project = &scene.inner.project;
    let maker = |on: &str, step: &str| {
        format!("on: {on}\njobs:\n  page:\n    runs-on: ubuntu-latest\n    steps:\n      - {step}\n")
    };
    let mut seen = Transcript::named("awaited/second-release");
    let dry = "run minor --yes --dry-run";
    for (on, step, code) in [
        ("{push: {tags: ['v*']}}", "uses: softprops/action-gh-release@v2", 3),
        ("{push: {tags: ['v*']}}", "run: gh release create \"$GITHUB_REF_NAME\" dist/*", 3),
        ("{push: {tags: ['v*']}}", "{uses: ncipollo/release-action@v1, if: vars.PAGE}", 0),
        ("{release: {types: [published]}}", "uses: softprops/action-gh-release@v2", 0),
    ] {
        project.write(".github/workflows/page.yml", &maker(on, step));
        project.commit("Make a page");
        project.git(&["push", "--quiet"]);
        seen.add_messages(&scene.pyrelease(dry).code(code));
    }
    // Without the stage, the workflow's release may start the other workflow.
    project.write(
        ".github/workflows/page.yml",
        &maker("{push: {tags: ['v*']}}", "uses: softprops/action-gh-release@v2"),
    );
    let config = project.read("release.toml").replace("\"forge-release\", ", "");
    let at = config.find("\n[stage.forge-release]").expect("its settings");
    project.write("release.toml", &config[..at]);
    project.commit("Leave the page to the workflow");
    project.git(&["push", "--quiet"]);
    seen.add_messages(&scene.pyrelease(dry).code(0));
    project.write(
        ".github/workflows/page.yml",
        &maker("{push: {tags: ['v*']}}", "run: gh release create v1 --draft"),
    );
    project.commit("Publish the page by hand");
    project.git(&["push", "--quiet"]);
    seen.add_messages(&scene.pyrelease(dry).code(0));
    seen.assert();
}

#[test]
fn a_workflow_that_uploads_the_same_after_the_release_is_a_warning() {
    let scene = Scene::new(PUBLISHED, "");
    let project = &scene.inner.project;
    project.write("release.toml", &project.read("release.toml").replace("by = \"workflow\"\n", ""));
    project.commit("Upload from here");
    project.git(&["push", "--quiet"]);
    project.pypirc(&[("pypi", &scene.inner.index)]);
    let mut seen = Transcript::named("awaited/uploads-again");
    seen.add_messages(&scene.pyrelease("run minor --yes --dry-run").code(0));
    seen.assert();
}

#[test]
fn the_drill_of_such_a_release_converges() {
    let scene = Scene::new(PUBLISHED, "");
    let report = crate::release::drill::converges(&scene.inner.project, "--stage push --stage pypi", 16);
    let left_out = report["left_out"].to_string();
    assert!(left_out.contains("the push starts the workflow in its place"), "{left_out}");
    assert!(scene.inner.index.files("demo").is_empty());
}

#[test]
fn releases_of_members_start_the_workflow() {
    let config = "stages = [\"changelog\", \"version\", \"tag\", \"build\", \"push\", \"forge-release\", \"pypi\"]\n\n\
                  [workspace]\n\n[member.app]\npublish = false\n\n[stage.pypi]\nby = \"workflow\"\n\n[stage.forge-release]\nforge = \"github\"\n\
                  url = \"https://github.com\"\nrepository = \"me/work\"\n";
    let workflow = "on: {release: {types: [published]}}\njobs:\n  one:\n    steps:\n      \
                    - uses: pypa/gh-action-pypi-publish@release/v1\n";
    let project = three().config(config).file(".github/workflows/release.yml", workflow).build();
    change(&project, "cli");
    let mut seen = Transcript::named("awaited/workspace");
    seen.add(&project.pyrelease("plan cli=minor").code(0));
    seen.assert();
}
