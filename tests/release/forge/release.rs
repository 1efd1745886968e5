//! A release on each forge, and what becomes of it when something else fails or the run is killed.

use pyrelease_test_support::{Config, Transcript};
use serde_json::{Value, json};

use super::fake::Fake;
use super::gitea::{self, Gitea};
use super::gitlab::{self, GitLab};
use super::{ASSETS, STAGES, Scene, UNBUILT};
use crate::plugin::github::server::{Kept, TOKEN};

fn github(more: &Config) -> Scene<Kept> {
    Scene::new("github", "o/r", TOKEN, more)
}

/// The files of a release.
fn files(version: &str) -> Vec<String> {
    vec![format!("demo-{version}-py3-none-any.whl"), format!("demo-{version}.tar.gz")]
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The links of a release on GitLab.
fn links(release: &Value) -> &[Value] {
    release["assets"]["links"].as_array().map_or(&[], Vec::as_slice)
}

/// Whether there is a draft, and what is published: each tag with its files.
trait Seen {
    fn seen(&self) -> (usize, Vec<(String, Vec<String>)>);
}

impl Seen for Scene<Kept> {
    fn seen(&self) -> (usize, Vec<(String, Vec<String>)>) {
        (self.forge.drafts(), self.forge.published())
    }
}

impl Seen for Scene<Gitea> {
    fn seen(&self) -> (usize, Vec<(String, Vec<String>)>) {
        let kept = self.forge.kept();
        let names = |release: &Value| {
            let assets = release["assets"].as_array().into_iter().flatten();
            let mut names: Vec<String> = assets.map(|asset| text(&asset["name"])).collect();
            names.sort();
            names
        };
        let (drafts, published): (Vec<&Value>, Vec<&Value>) =
            kept.releases.values().partition(|release| release["draft"] == true);
        let published = published.iter().map(|one| (text(&one["tag_name"]), names(one)));
        (drafts.len(), published.collect())
    }
}

impl Seen for Scene<GitLab> {
    fn seen(&self) -> (usize, Vec<(String, Vec<String>)>) {
        let kept = self.forge.kept();
        let linked: usize = kept.releases.values().map(|one| links(one).len()).sum();
        let published = kept
            .releases
            .iter()
            .map(|(tag, one)| (tag.clone(), links(one).iter().map(|link| text(&link["name"])).collect()));
        (kept.files().len() - linked, published.collect())
    }
}

fn released(version: &str) -> (usize, Vec<(String, Vec<String>)>) {
    (0, vec![(format!("v{version}"), files(version))])
}

#[test]
fn a_github_release_is_drafted_before_pypi_and_published_after() {
    let mut seen = Transcript::named("forge/a-github-release-is-drafted-before-pypi-and-published-after");
    let stages = STAGES.replace("build", "build check testpypi");
    let scene = Scene::<Kept>::of(&stages, "github", "o/r", TOKEN, &Config::default());
    seen.add(&scene.local.pyrelease("plan minor").code(0));
    scene.forge.asked();
    seen.add(&scene.pyrelease("run minor --yes").code(0));
    assert_eq!(scene.seen(), released("1.1.0"));
    let asked = scene.forge.asked();
    let changes: Vec<&String> =
        asked.iter().filter(|id| !id.contains("get") && !id.contains("list")).collect();
    assert_eq!(
        changes,
        [
            "repos/create-release",
            "repos/upload-release-asset",
            "repos/upload-release-asset",
            "repos/update-release"
        ]
    );
    let release = scene.forge.kept().releases.values().next().unwrap().clone();
    assert_eq!((&release["name"], &release["prerelease"]), (&json!("demo 1.1.0"), &json!(false)));
    let body = release["body"].as_str().unwrap();
    assert!(body.contains("- Greetings in *any* language.") && !body.contains("<!--"), "{body}");
    scene.local.is_released(scene.local.project.folder());
    seen.add(&scene.pyrelease("status").code(0));
    seen.assert();
    // A release that is there already is found before anything is done.
    scene.forge.kept().add("v1.2.0", true);
    scene.forge.kept().add("v1.2.0", true);
    let refused = scene.pyrelease("run minor --yes").code(3);
    assert!(refused.stderr().contains("there are several drafts of v1.2.0: http://127.0.0.1:"), "{refused}");
    scene.forge.kept().add("v1.2.0", false);
    let refused = scene.pyrelease("run minor --yes").code(3);
    assert!(refused.stderr().contains("release v1.2.0 already exists: http://127.0.0.1:"), "{refused}");
}

#[test]
fn a_gitea_release_is_drafted_before_pypi_and_published_after() {
    let scene = Scene::<Gitea>::new("gitea", "o/r", gitea::TOKEN, &Config::default());
    scene.pyrelease("run 1.1.0rc1 --yes").code(0);
    assert_eq!(scene.seen(), released("1.1.0rc1"));
    let release = scene.forge.kept().releases.values().next().unwrap().clone();
    assert_eq!((&release["name"], &release["prerelease"]), (&json!("demo 1.1.0rc1"), &json!(true)));
    let digests: Vec<&str> =
        release["assets"].as_array().unwrap().iter().map(|asset| asset["sha256"].as_str().unwrap()).collect();
    let public = scene.local.public.files();
    assert_eq!(digests, public.values().collect::<Vec<_>>(), "the bytes of PyPI");
    let refused = scene.pyrelease("run 1.1.0 --yes").env("PYRELEASE_TOKEN_FORGE", "of-yesterday").code(3);
    assert!(
        refused.stderr().contains("the token in `PYRELEASE_TOKEN_FORGE` is not valid or has expired"),
        "{refused}"
    );
}

#[test]
fn a_gitlab_release_has_its_files_in_a_package() {
    let mut seen = Transcript::named("forge/a-gitlab-release-has-its-files-in-a-package");
    let scene = Scene::<GitLab>::new("gitlab", "group/sub/r", gitlab::TOKEN, &Config::default());
    seen.add(&scene.pyrelease("run minor --yes").code(0));
    seen.assert();
    assert_eq!(scene.seen(), released("1.1.0"));
    let kept = scene.forge.kept();
    let release = &kept.releases["v1.1.0"];
    assert!(release["description"].as_str().unwrap().contains("- Greetings in *any* language."), "{release}");
    let link = release["assets"]["links"][0]["url"].as_str().unwrap();
    assert!(
        link.ends_with(
            "/api/v4/projects/group%2Fsub%2Fr/packages/generic/demo/1.1.0/demo-1.1.0-py3-none-any.whl"
        ),
        "{link}"
    );
}

/// A stage before PyPI that fails, or an index that does not take the files: nothing is left on the forge.
fn leaves_nothing<F: Fake>(kind: &str, repository: &str, token: &'static str)
where
    Scene<F>: Seen,
{
    let fail = Config::default()
        .stage("fail")
        .set("run", ["sh", "-c", "test -e /nowhere"])
        .set("reach", "repository")
        .set("undo", ["true"]);
    let stages = STAGES.replace("forge-release", "forge-release fail");
    let scene = Scene::<F>::of(&stages, kind, repository, token, &fail);
    let before = scene.local.project.snapshot();
    let failed = scene.pyrelease("run minor --yes").code(1);
    assert!(failed.stderr().contains("Undoing"), "{failed}");
    scene.local.project.assert_unchanged(&before);
    assert_eq!(scene.seen(), (0, Vec::new()));
}

#[test]
fn a_stage_that_fails_before_pypi_leaves_no_github_draft() {
    leaves_nothing::<Kept>("github", "o/r", TOKEN);
}

#[test]
fn a_stage_that_fails_before_pypi_leaves_no_gitea_draft() {
    leaves_nothing::<Gitea>("gitea", "o/r", gitea::TOKEN);
}

#[test]
fn a_stage_that_fails_before_pypi_leaves_no_gitlab_package() {
    leaves_nothing::<GitLab>("gitlab", "group/sub/r", gitlab::TOKEN);
}

#[test]
fn an_index_that_refuses_the_files_leaves_no_draft() {
    let mut seen = Transcript::named("forge/an-index-that-refuses-the-files-leaves-no-draft");
    let scene = github(&Config::default());
    let before = scene.local.project.snapshot();
    let failed = scene.pyrelease("run minor --yes").env("PYRELEASE_TOKEN_PYPI", "nobody-knows-it").code(1);
    seen.add_error(&failed);
    seen.assert();
    assert!(scene.forge.asked().contains(&"repos/create-release".to_owned()));
    scene.local.project.assert_unchanged(&before);
    assert_eq!(scene.seen(), (0, Vec::new()));
}

/// Kills a release around each of its changes on the forge; some are resumed, the others rolled back.
fn converges<F: Fake>(kind: &str, repository: &str, token: &'static str)
where
    Scene<F>: Seen,
{
    let assets = Config::default().set("assets", ASSETS);
    let scene = Scene::<F>::of(UNBUILT, kind, repository, token, &assets);
    let files = || ASSETS.map(str::to_owned).to_vec();
    let points = scene.points();
    let mut expected = vec![("v1.1.0".to_owned(), files())];
    let (mut minor, mut of_forge) = (1, 0);
    for (at, (number, what)) in points.iter().enumerate() {
        let intent = points[..=at].iter().rposition(|(_, what)| what.starts_with("before-record intent: "));
        let is_of_forge = intent.is_some_and(|at| points[at].1.contains(" on 127.0.0.1"));
        let is_wanted = what.starts_with("before-record done") || what.starts_with("after-record intent");
        if !is_of_forge || !is_wanted {
            continue;
        }
        of_forge += 1;
        let killed =
            scene.pyrelease("run minor --yes").env("PYRELEASE_DRILL", format!("kill:{number}")).run();
        assert_eq!(killed.status(), -1, "{killed}");
        let is_public = scene.pyrelease("status").code(0).stdout().contains("can only be completed");
        if of_forge % 3 == 0 && !is_public {
            scene.pyrelease("rollback --yes").code(0);
        } else {
            scene.pyrelease("resume --yes").code(0);
            minor += 1;
            expected.push((format!("v1.{minor}.0"), files()));
        }
        assert_eq!(scene.seen(), (0, expected.clone()), "killed at {number}: {what}");
        scene.local.project.assert_no_debris();
    }
    assert!(of_forge >= 6, "{points:#?}");
}

#[test]
fn a_github_release_that_is_killed_is_published_once_or_leaves_nothing() {
    converges::<Kept>("github", "o/r", TOKEN);
}

#[test]
fn a_gitlab_release_that_is_killed_is_published_once_or_leaves_nothing() {
    converges::<GitLab>("gitlab", "group/sub/r", gitlab::TOKEN);
}

/// A job that publishes is run again after it has done everything.
#[test]
fn a_job_that_is_run_again_finds_its_own_release() {
    let scene = github(&Config::default());
    let project = &scene.local.project;
    let (root, before) = (project.sandbox().root(), project.head());
    let file = root.join("run.tar.gz");
    scene.pyrelease("prepare minor --yes --out").arg(&file).code(0);
    for name in ["first", "second"] {
        let clone = root.join(name);
        let (remote, folder) = (project.remote().path().display().to_string(), clone.display().to_string());
        project.git(&["clone", "--quiet", "--no-tags", &remote, &folder]);
        project.git(&["-C", &folder, "reset", "--quiet", "--hard", &before]);
        scene.pyrelease("publish --yes").arg(&file).from(&clone).code(0);
        assert_eq!((scene.local.public.files().len(), scene.seen()), (2, released("1.1.0")));
    }
}
