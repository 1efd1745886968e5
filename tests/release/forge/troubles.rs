//! What forges refuse, lose or delay, and what somebody else does there meanwhile.

use pyrelease_test_support::{Config, Transcript};
use serde_json::json;

use super::fake::Trouble;
use super::{ASSETS, STAGES, Scene, UNBUILT};
use crate::plugin::github::server::{Kept, TOKEN};

fn github(more: &Config) -> Scene<Kept> {
    Scene::new("github", "o/r", TOKEN, more)
}

/// One that builds nothing.
fn unbuilt() -> Scene<Kept> {
    Scene::of(UNBUILT, "github", "o/r", TOKEN, &Config::default().set("assets", ASSETS))
}

#[test]
fn what_is_refused_is_said_and_undone() {
    let mut seen = Transcript::named("forge/what-is-refused-is-said-and-undone");
    let scene = unbuilt();
    let before = scene.local.project.snapshot();
    let limited = |status| Trouble {
        headers: vec![("retry-after", "3000".to_owned())],
        ..Trouble::new("repos/create-release", status, "You have exceeded a secondary rate limit")
    };
    let moved = Trouble {
        headers: vec![("location", "https://api.github.com/repositories/7/releases".to_owned())],
        ..Trouble::new("repos/create-release", 307, "Temporary Redirect")
    };
    for trouble in [
        Trouble::new("repos/create-release", 401, "Bad credentials"),
        Trouble::new("repos/create-release", 403, "Resource not accessible by integration"),
        Trouble::new("repos/create-release", 404, "Not Found"),
        Trouble::new("repos/upload-release-asset", 422, "Validation Failed"),
        limited(403),
        limited(429),
        moved,
        Trouble::new("repos/create-release", 500, "Server Error"),
    ] {
        scene.forge.trouble(trouble);
        seen.add_error(&scene.pyrelease("run minor --yes --quiet").code(1));
        scene.local.project.assert_unchanged(&before);
        assert_eq!((scene.forge.drafts(), scene.forge.published()), (0, Vec::new()));
    }
    // Before anything is done:
    seen.add_error(&scene.local.pyrelease("run minor --yes --quiet").code(3));
    scene.forge.trouble(Trouble::new("repos/list-releases", 404, "Not Found"));
    seen.add_error(&scene.pyrelease("run minor --yes --quiet").code(3));
    seen.assert();
}

#[test]
fn what_is_lost_or_delayed_is_repeated() {
    let scene = unbuilt();
    let lost = |operation, status| Trouble { happens: true, ..Trouble::new(operation, status, "lost") };
    let slow = Trouble {
        headers: vec![("retry-after", "1".to_owned())],
        ..Trouble::new("repos/update-release", 429, "slow down")
    };
    for trouble in [
        Trouble::new("repos/get-release-by-tag", 503, "down"),
        lost("repos/create-release", 502),
        lost("repos/upload-release-asset", 502),
        Trouble { happens: true, ..Trouble::new("repos/upload-release-asset", 502, "half of it") },
        slow,
        lost("repos/update-release", 500),
    ] {
        let before = scene.forge.published().len();
        scene.forge.trouble(trouble.clone());
        scene.pyrelease("run minor --yes").code(0);
        assert_eq!((scene.forge.drafts(), scene.forge.published().len()), (0, before + 1), "{trouble:?}");
        let assets = scene.forge.published().pop().unwrap().1;
        assert_eq!(assets.len(), 2, "{trouble:?}: {assets:?}");
    }
}

#[test]
fn a_publication_that_fails_is_a_warning() {
    let mut seen = Transcript::named("forge/a-publication-that-fails-is-a-warning");
    let scene = github(&Config::default());
    scene.forge.trouble(Trouble::new("repos/update-release", 403, "Resource not accessible by integration"));
    seen.add(&scene.pyrelease("run minor --yes").code(0));
    assert_eq!((scene.forge.drafts(), scene.local.public.files().len()), (1, 2));
    seen.assert();
}

#[test]
fn what_somebody_edits_or_publishes_is_left_alone() {
    let mut seen = Transcript::named("forge/what-somebody-edits-or-publishes-is-left-alone");
    let scene = github(&Config::default());
    let points = scene.points();
    // The draft has all its files, and nothing is public.
    let point = |wanted: &str| {
        let found = points.iter().find(|(_, what)| what.starts_with(wanted));
        found.unwrap_or_else(|| panic!("no point {wanted}: {points:#?}")).0
    };
    let complete = point("before-record intent: demo-1.1.0-py3-none-any.whl on pypi");
    let incomplete = point("before-record intent: demo-1.1.0.tar.gz in draft");
    let killed_at = |number: u64| {
        let killed =
            scene.pyrelease("run minor --yes").env("PYRELEASE_DRILL", format!("kill:{number}")).run();
        assert_eq!(killed.status(), -1, "{killed}");
    };
    let edit = |key: &str, value: serde_json::Value| {
        let mut kept = scene.forge.kept();
        let release = kept.releases.values_mut().next_back().expect("the draft");
        if key == "body" {
            release["body"] = format!("Read this!\n{}", release["body"].as_str().expect("a text")).into();
        } else {
            release[key] = value;
        }
    };
    let is_pushed = |tag: &str| scene.local.project.remote_refs().contains_key(&format!("refs/tags/{tag}"));
    killed_at(complete);
    // Whoever does not know whether the draft is public undoes nothing.
    scene.forge.trouble(Trouble::new("repos/get-release-by-tag", 401, "Bad credentials"));
    seen.add_error(&scene.pyrelease("rollback --yes").code(4));
    scene.forge.trouble(Trouble::new("repos/delete-release-asset", 403, "Forbidden"));
    scene.forge.trouble(Trouble::new("repos/get-release-by-tag", 401, "Bad credentials"));
    seen.add_error(&scene.pyrelease("rollback --yes").code(4));
    assert!(is_pushed("v1.2.0"), "the push was undone");
    edit("body", json!(null));
    seen.add_error(&scene.pyrelease("rollback --yes").code(4));
    assert_eq!(scene.forge.drafts(), 1);
    assert!(!is_pushed("v1.2.0"), "the push was not undone");
    seen.add(&scene.pyrelease("status").code(0));
    scene.pyrelease("rollback --yes --leave").code(0);
    scene.forge.kept().releases.pop_last();

    killed_at(complete);
    edit("draft", json!(false));
    seen.add_error(&scene.pyrelease("rollback --yes").code(4));
    assert!(is_pushed("v1.2.0"), "the push was undone");
    seen.add(&scene.pyrelease("rollback --yes --leave").code(0));
    assert!(is_pushed("v1.2.0"), "the push was undone");

    killed_at(incomplete);
    edit("draft", json!(false));
    seen.add(&scene.pyrelease("resume --yes").code(0));
    assert_eq!(scene.forge.published().pop().map(|(_, files)| files.len()), Some(2));

    killed_at(complete);
    edit("name", json!("The big one"));
    seen.add(&scene.pyrelease("resume --yes").code(0));
    assert_eq!(scene.forge.drafts(), 1);
    seen.assert();
}

#[test]
fn a_draft_may_stay_one_with_other_files() {
    let config = Config::default()
        .set("draft", true)
        .set("prerelease", true)
        .set("title", "Release {version} of {name}")
        .set("assets", ["distributions", "LICENSE-*", "CHANGELOG.md"]);
    let scene = github(&config);
    scene.local.project.write("LICENSE-MIT", "None.\n");
    scene.local.project.commit("Add a licence");
    let released = scene.pyrelease("run minor --yes").code(0);
    assert!(released.stderr().contains("stays a draft, for you to publish"), "{released}");
    assert_eq!((scene.forge.drafts(), scene.forge.published()), (1, Vec::new()));
    let kept = scene.forge.kept();
    let (id, release) = kept.releases.iter().next().unwrap();
    assert_eq!((&release["name"], &release["prerelease"]), (&json!("Release 1.1.0 of demo"), &json!(true)));
    let names: Vec<&str> = kept.assets[id].iter().map(|asset| asset["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["CHANGELOG.md", "LICENSE-MIT", "demo-1.1.0-py3-none-any.whl", "demo-1.1.0.tar.gz"]);
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let mut seen = Transcript::named("forge/settings-that-cannot-work-are-refused");
    let scene = github(&Config::default());
    let written = scene.local.project.read("release.toml");
    let mut try_with = |old: &str, new: &str, code: i32| {
        assert!(written.contains(old), "{old} in {written}");
        scene.local.project.write("release.toml", &written.replace(old, new));
        scene.local.project.commit("Change the configuration");
        let refused = scene.pyrelease("run minor --yes --quiet --force").code(code);
        seen.heading(new).add_error(&refused);
    };
    let stages = |names: &str| Config::stages(names).lines("").to_string();
    let usual = stages(STAGES);
    try_with(&usual, &stages("version tag build push pypi forge-release"), 2);
    try_with(&usual, &stages("version tag build forge-release push pypi"), 2);
    try_with(&usual, &stages("version tag build push forge-release pypi forge-publish"), 2);
    try_with("forge = \"github\"", "forge = \"sourceforge\"", 2);
    try_with("forge = \"github\"\n", "", 3);
    try_with("repository = \"o/r\"\n", "", 3);
    try_with("repository = \"o/r\"", "repository = \"o/../r\"", 3);
    try_with("repository = \"o/r\"", "repository = \"o/r\"\nassets = [\"../secret\"]", 2);
    try_with("repository = \"o/r\"", "repository = \"o/r\"\nassets = [\"*.pdf\"]", 3);
    try_with("forge = \"github\"", "forge = \"gitlab\"\ndraft = true", 3);
    seen.assert();
}

#[test]
fn a_rehearsal_and_a_drill_ask_no_forge() {
    let scene = github(&Config::default());
    let rehearsed = scene.pyrelease("rehearse minor --yes").code(0);
    assert!(rehearsed.stderr().contains("`forge-release` does not take part"), "{rehearsed}");
    assert_eq!(scene.forge.asked(), [""; 0]);
    let scene = unbuilt();
    scene.pyrelease("drill minor --every 20").code(0);
    assert_eq!(scene.forge.asked(), [""; 0]);
}

#[test]
fn a_token_goes_to_its_own_forge_only() {
    use pyrelease::world::Environment;
    use pyrelease::world::forge::{ForgeAddress, ForgeKind, ForgeSettings, Token};
    let nowhere = std::path::Path::new("/");
    let source = |remote: &str, kind: Option<ForgeKind>, variables: &[(&str, &str)]| {
        let address =
            ForgeAddress::of_remote(remote, ForgeSettings { kind, ..ForgeSettings::default() }).unwrap();
        let environment = Environment::from_iter(variables.iter().copied());
        Token::find(&address, &environment, nowhere).map(|token| token.source.to_string())
    };
    let all = [
        ("GITHUB_TOKEN", "x"),
        ("GITLAB_TOKEN", "x"),
        ("CI_JOB_TOKEN", "x"),
        ("GITEA_TOKEN", "x"),
        ("GH_ENTERPRISE_TOKEN", " \n"),
    ];
    let (hub, lab) = ("https://github.com/o/r", "https://gitlab.corp.example:8443/o/r");
    let (own, tea) = ("https://github.corp.example/o/r", "https://git.corp.example/o/r");
    assert_eq!(source(hub, None, &all).as_deref(), Some("`GITHUB_TOKEN`"));
    assert_eq!(source(own, None, &all), None, "it is for github.com");
    let of_job = [("GITHUB_SERVER_URL", "https://github.corp.example"), ("GITHUB_TOKEN", "x")];
    assert_eq!(source(own, None, &of_job).as_deref(), Some("`GITHUB_TOKEN`"));
    assert_eq!(source(tea, Some(ForgeKind::Gitea), &of_job), None);
    assert_eq!(source(tea, Some(ForgeKind::Gitea), &all), None, "the project chose the host");
    let allowed = [("GITEA_TOKEN", "x"), ("PYRELEASE_ALLOW_HOSTS", "other.example, git.corp.example")];
    assert_eq!(source(tea, Some(ForgeKind::Gitea), &allowed).as_deref(), Some("`GITEA_TOKEN`"));
    assert_eq!(source(lab, None, &all[2..]), None, "it is for the server of the job");
    let of_job = [("CI_SERVER_URL", "https://gitlab.corp.example:8443/"), ("CI_JOB_TOKEN", "x")];
    assert_eq!(source(lab, None, &of_job).as_deref(), Some("`CI_JOB_TOKEN`"));
    let for_any = [("PYRELEASE_TOKEN_FORGE", "x"), ("GITHUB_TOKEN", "x")];
    assert_eq!(source(hub, None, &for_any).as_deref(), Some("`PYRELEASE_TOKEN_FORGE`"));
    assert_eq!(source(hub, None, &[("GITHUB_TOKEN", "")]), None);
}
