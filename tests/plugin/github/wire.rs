//! What the plugin sends to GitHub at each of its steps, and what it makes of every answer.

use pyrelease_test_support::{assert_data_eq, str};
use std::time::{Duration, Instant};

use pyrelease::plugin::protocol::Method;
use pyrelease::plugin::store::sha256;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::support::{Listening, Trial, built};
use super::server::{GitHub, TOKEN};
use crate::release::forge::fake::{Fake as _, Trouble};

/// A call of the plugin, with one distribution
struct Call {
    trial: Trial,
    _folder: TempDir,
}

impl Call {
    fn new(github: &GitHub) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut trial = Trial::of_library(&built("github_release"));
        trial.secrets.push(TOKEN.to_owned());
        trial.params = json!({
            "config": {"repository": "o/r", "api": github.api(), "title": "{name} {version}"},
            "release": {"name": "demo", "version": "1.1.0", "tag": "v1.1.0", "notes": "Better.", "dist": []},
            "secrets": {"GITHUB_TOKEN": TOKEN},
            "effects": [],
        });
        let mut call = Self { trial, _folder: folder };
        call.distribution("demo-1.1.0.tar.gz");
        call
    }

    fn distribution(&mut self, name: &str) {
        let (path, bytes) = (self._folder.path().join(name), name.repeat(1000));
        fs_err::write(&path, &bytes).expect("a file in it");
        self.trial.params["release"]["dist"] = json!([
            {"path": path, "filename": name, "kind": "sdist", "size": bytes.len(), "sha256": sha256(bytes.as_bytes())}
        ]);
    }

    fn release(mut self, key: &str, value: &str) -> Self {
        self.trial.params["release"][key] = value.into();
        self
    }

    /// What it says, having done all.
    #[track_caller]
    fn runs(&self) -> (Value, Listening) {
        let (result, heard) = self.trial.call();
        assert_eq!(heard.done, ["draft", "publish"], "{result:?}");
        (result.expect("it has done all"), heard)
    }

    /// Asks for an effect again, or takes it back.
    fn of_effect(&mut self, method: Method, key: &str, undo: &Value) -> Value {
        self.trial.method = method;
        self.trial.params["effects"] =
            json!([{"key": key, "class": "reversible", "state": "begun", "undo": undo}]);
        self.trial.call().0.expect("an answer")
    }
}

fn trouble(operation: &'static str, status: u16, message: &'static str) -> Trouble {
    Trouble::new(operation, status, message)
}

fn assets(github: &GitHub) -> Vec<String> {
    github.published().into_iter().flat_map(|(_, assets)| assets).collect()
}

#[test]
fn a_release_says_what_it_is() {
    let github = GitHub::start();
    for (version, is_prerelease) in [
        ("1.1.0", false),
        ("1.1.0rc1", true),
        ("1.1.0.dev3", true),
        ("1.1.0.post1", false),
        ("1.1.0+local", false),
    ] {
        let tag = format!("v{version}");
        let call = Call::new(&github).release("version", version).release("tag", &tag);
        let (result, _) = call.runs();
        let release =
            github.kept().releases.values().find(|release| release["tag_name"] == tag).cloned().unwrap();
        assert_eq!(release["prerelease"], is_prerelease, "{version}");
        assert_eq!(
            (&release["name"], &release["body"]),
            (&format!("demo {version}").into(), &"Better.".into())
        );
        assert_eq!(result["outputs"]["links"], json!([release["html_url"]]));
    }
    // A tag may be anything that git allows; notes may be longer than what GitHub takes; and names it may not like.
    let mut call =
        Call::new(&github).release("tag", "python/v1.1.0").release("notes", &"Ü line.\n".repeat(20_000));
    call.distribution("demo-1.1.0+a~b.tar.gz");
    call.trial.params["config"]["make_latest"] = "legacy".into();
    let (_, heard) = call.runs();
    assert!(
        heard.logs.contains(&"GitHub renamed demo-1.1.0+a~b.tar.gz to demo-1.1.0.a.b.tar.gz".to_owned()),
        "{heard:?}"
    );
    let kept = github.kept();
    let release = kept.releases.values().find(|release| release["tag_name"] == "python/v1.1.0").unwrap();
    assert!(release["body"].as_str().unwrap().ends_with("Ü line.\n\n…"));
    assert_eq!(release["make_latest"], "legacy");
    assert_eq!(kept.assets[&release["id"].as_u64().unwrap()][0]["label"], "demo-1.1.0+a~b.tar.gz");
}

#[test]
fn what_somebody_else_has_made_is_left_alone() {
    let github = GitHub::start();
    let mut call = Call::new(&github);
    github.kept().has_no_tags = true;
    assert_data_eq!(
        call.trial.fails().1,
        str!["plugin `unruly` of stage `trial` failed: GitHub has no tag v1.1.0 in o/r, in `run`"]
    );
    github.kept().has_no_tags = false;
    let theirs = github.kept().add("v1.1.0", true);
    let (_, text) = call.trial.fails();
    assert!(text.contains("a draft of v1.1.0 of o/r already exists: http://127.0.0.1:"), "{text}");
    // Theirs comes while ours is made, and more than a page of others.
    github.kept().releases.remove(&theirs);
    github.kept().refused = Some("demo-1.1.0.tar.gz".to_owned());
    let (result, heard) = call.trial.call();
    assert_data_eq!(
        result.unwrap_err().to_string(),
        str![
            "plugin `unruly` of stage `trial` failed: GitHub did not upload demo-1.1.0.tar.gz: 422 Unprocessable Entity: Validation Failed: `name` already exists, in `run`"
        ]
    );
    let undo = &heard.undo[0];
    github.kept().add("v1.1.0", true);
    for number in 0..230 {
        github.kept().add(&format!("v0.{number}"), false);
    }
    assert_eq!(call.of_effect(Method::Verify, "draft", undo)["effects"][0]["state"], "present");
    assert_eq!(github.drafts(), 2);
    call.of_effect(Method::Undo, "draft", undo);
    assert_eq!((github.drafts(), github.published().len()), (1, 230));
    call.of_effect(Method::Undo, "draft", undo);
    assert_eq!(call.of_effect(Method::Verify, "draft", undo)["effects"][0]["state"], "absent");

    github.kept().add("v1.1.0", false);
    call.trial.method = Method::Run;
    call.trial.params["effects"] = json!([]);
    let (_, text) = call.trial.fails();
    assert!(text.contains("release v1.1.0 of o/r already exists: http://127.0.0.1:"), "{text}");
    assert_eq!((github.drafts(), github.published().len()), (1, 231));
}

#[test]
fn a_publication_is_known_by_its_release() {
    let github = GitHub::start();
    let mut call = Call::new(&github);
    let (_, heard) = call.runs();
    assert_eq!(call.of_effect(Method::Verify, "publish", &heard.undo[1])["effects"][0]["state"], "present");
    assert_eq!(call.of_effect(Method::Verify, "draft", &heard.undo[0])["effects"][0]["state"], "absent");
    let kept = call.of_effect(Method::Undo, "publish", &heard.undo[1]);
    assert_eq!(kept["kept"][0]["reason"], "a published release stays");
    // When `run` is told that it stands, nothing is done again.
    call.trial.method = Method::Run;
    let (result, again) = call.trial.call();
    assert!(result.unwrap()["outputs"]["links"][0].is_string() && again.effects.is_empty());
    let id = *github.kept().releases.keys().next().unwrap();
    github.kept().releases.get_mut(&id).unwrap()["draft"] = true.into();
    assert_eq!(call.of_effect(Method::Verify, "publish", &heard.undo[1])["effects"][0]["state"], "absent");
}

#[test]
fn answers_that_are_lost_are_looked_for() {
    let github = GitHub::start();
    let upload = "repos/upload-release-asset";
    for (version, trouble) in [
        ("1.1", trouble("repos/get-release-by-tag", 503, "down")),
        ("1.2", Trouble { happens: true, ..trouble("repos/create-release", 502, "lost") }),
        ("1.3", Trouble { happens: true, ..trouble(upload, 502, "lost") }),
        ("1.4", Trouble { happens: true, ..trouble(upload, 502, "half of it") }),
        ("1.5", trouble(upload, 502, "down")),
        ("1.6", Trouble { happens: true, ..trouble("repos/update-release", 500, "lost") }),
    ] {
        let before = github.kept().releases.len();
        github.trouble(trouble.clone());
        Call::new(&github).release("tag", version).runs();
        assert!(github.kept().log().troubles.is_empty(), "{trouble:?}");
        assert_eq!((github.drafts(), github.kept().releases.len()), (0, before + 1), "{trouble:?}");
    }
    assert_eq!(assets(&github), ["demo-1.1.0.tar.gz"; 6]);
    // One that was not made is not made twice.
    github.trouble(trouble("repos/create-release", 500, "down"));
    let (_, text) = Call::new(&github).release("tag", "1.7").trial.fails();
    assert_data_eq!(
        text,
        str![
            "plugin `unruly` of stage `trial` failed: GitHub did not draft the release: 500 Internal Server Error: down, in `run`"
        ]
    );
    assert_eq!(github.drafts(), 0);
}

#[test]
fn requests_that_come_too_early_are_made_later() {
    let github = GitHub::start();
    let in_a_second =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() + 1;
    for headers in [
        vec![("retry-after", "1".to_owned())],
        vec![("x-ratelimit-remaining", "0".to_owned()), ("x-ratelimit-reset", in_a_second.to_string())],
    ] {
        let limited = trouble("repos/create-release", 403, "You have exceeded a secondary rate limit");
        github.trouble(Trouble { headers, ..limited });
    }
    let began = Instant::now();
    Call::new(&github).runs();
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(assets(&github), ["demo-1.1.0.tar.gz"]);
    let headers = vec![("retry-after", "3000".to_owned())];
    github.trouble(Trouble { headers, ..trouble("git/get-ref", 429, "slow down") });
    let (cause, text) = Call::new(&github).release("tag", "v2").trial.fails();
    assert_data_eq!(
        text,
        str![
            "plugin `unruly` of stage `trial` failed: GitHub did not look for the tag: 429 Too Many Requests: slow down, in `run`"
        ]
    );
    assert!(format!("{cause:?}").contains("try again in 50 minutes"), "{cause:?}");
}

#[test]
fn what_it_may_not_is_said_with_what_to_do() {
    let github = GitHub::start();
    let moved = Trouble {
        headers: vec![("location", "https://api.github.com/repositories/7/releases".to_owned())],
        ..trouble("repos/get-release-by-tag", 301, "Moved Permanently")
    };
    for (trouble, expected) in [
        (trouble("repos/create-release", 403, "Resource not accessible"), "`contents: write`"),
        (trouble("repos/list-releases", 404, "Not Found"), "`repository` is its name"),
        (moved, "GitHub redirects to https://api.github.com/repositories/7"),
    ] {
        github.trouble(trouble);
        let (cause, text) = Call::new(&github).trial.fails();
        assert!(format!("{cause:?}").contains(expected), "{expected}: {text} {cause:?}");
    }
    let mut call = Call::new(&github);
    call.trial.params["secrets"]["GITHUB_TOKEN"] = "ghp-of-yesterday".into();
    assert!(format!("{:?}", call.trial.fails().0).contains("the token is not valid or has expired"));
    // A token that was read from a file, with the end of its line.
    call.trial.params["secrets"]["GITHUB_TOKEN"] = format!("{TOKEN}\n").into();
    call.runs();
}
