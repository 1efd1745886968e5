//! Drafts that somebody else keeps for the next release, as release-drafter does: taken over, and given back.

use pyrelease_test_support::Config;
use serde_json::{Value, json};

use super::{ASSETS, Scene, UNBUILT};
use crate::plugin::github::server::{Kept, TOKEN};

const TEXT: &str = "## What's Changed\n\n- Greet in Welsh (#7) @dana\n";

/// A project whose draft of this tag is there, and what it is.
fn with_draft(stages: &str, tag: &str, more: &Config) -> (Scene<Kept>, u64, Value) {
    let scene = Scene::<Kept>::of(stages, "github", "o/r", TOKEN, more);
    let mut kept = scene.forge.kept();
    let id = kept.add(tag, true);
    let draft = kept.releases.get_mut(&id).expect("it was just added");
    draft["name"] = json!("v1.1.0");
    draft["body"] = json!(TEXT);
    let draft = draft.clone();
    drop(kept);
    (scene, id, draft)
}

fn assets() -> Config {
    Config::default().set("assets", ASSETS)
}

#[test]
fn a_standing_draft_becomes_the_release() {
    for (stages, tag) in [(UNBUILT, "v1.1.0"), ("version tag push forge-release", "")] {
        let (scene, id, _) = with_draft(stages, tag, &assets());
        let plan = scene.pyrelease("run minor --dry-run").code(0);
        assert!(plan.stderr().contains("the release takes over the draft that 127.0.0.1"), "{plan}");
        scene.pyrelease("run minor --yes").code(0);
        assert!(!scene.forge.asked().contains(&"repos/create-release".to_owned()));
        assert_eq!(scene.forge.published(), [("v1.1.0".to_owned(), ASSETS.map(str::to_owned).to_vec())]);
        let release = scene.forge.kept().releases[&id].clone();
        let body = release["body"].as_str().unwrap();
        // Without notes of the release, it keeps its own.
        match stages == UNBUILT {
            true => {
                assert!(body.contains("- Greetings in *any* language.") && !body.contains("Welsh"), "{body}")
            }
            false => assert_eq!(body, TEXT.trim_end()),
        }
        assert_eq!((release["name"].as_str(), scene.forge.drafts()), (Some("demo 1.1.0"), 0));
    }
}

#[test]
fn a_release_that_fails_gives_the_draft_back_as_it_was() {
    let fail = assets()
        .stage("fail")
        .set("run", ["sh", "-c", "test -e /nowhere"])
        .set("reach", "repository")
        .set("undo", ["true"]);
    for tag in ["v1.1.0", ""] {
        let (scene, id, draft) = with_draft("version tag push forge-release fail", tag, &fail);
        scene.pyrelease("run minor --yes").code(1);
        let kept = scene.forge.kept();
        assert_eq!((kept.releases.len(), &kept.releases[&id]), (1, &draft));
        assert!(kept.assets.get(&id).is_none_or(Vec::is_empty), "{:?}", kept.assets);
    }
}

#[test]
fn a_draft_that_is_edited_meanwhile_is_left_alone() {
    let edit = assets().stage("edit").set("run", ["false"]).set("reach", "repository").set("undo", ["true"]);
    let (scene, id, _) = with_draft("version tag push forge-release edit", "v1.1.0", &edit);
    let number = scene_point(&scene, "after-record stage-done forge-release");
    let killed = scene.pyrelease("run minor --yes").env("PYRELEASE_DRILL", format!("kill:{number}")).run();
    assert_eq!(killed.status(), -1, "{killed}");
    let edited = {
        let mut kept = scene.forge.kept();
        let draft = kept.releases.get_mut(&id).unwrap();
        draft["body"] = json!(format!("{}\nmore", draft["body"].as_str().unwrap()));
        draft.clone()
    };
    let refused = scene.pyrelease("rollback --yes").code(4);
    assert!(refused.stderr().contains("somebody has edited it"), "{refused}");
    assert_eq!(scene.forge.kept().releases[&id]["body"], edited["body"]);
}

/// The number of a point of a release that a later stage fails.
fn scene_point(scene: &Scene<Kept>, wanted: &str) -> u64 {
    let list = scene.local.project.sandbox().root().join("points");
    let drill = format!("list:{}", list.display());
    scene.pyrelease("run minor --yes").env("PYRELEASE_DRILL", drill).code(1);
    let text = fs_err::read_to_string(list).expect("the list of points");
    let points = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a point in JSON"));
    let named = |point: &Value| {
        let text = |key: &str| point[key].as_str().unwrap_or_default().to_owned();
        format!("{} {}", text("moment"), text("what")) == wanted
    };
    points.clone().find(named).and_then(|point| point["number"].as_u64()).expect("a point")
}

/// Kills a release around each of its changes on the forge.
#[test]
fn a_killed_release_gives_the_draft_back_or_publishes_it_once() {
    let (scene, first, _) = with_draft("version tag push forge-release", "v1.1.0", &assets());
    let points = scene.points();
    let mut tried = 0;
    let (mut minor, mut published) = (1, 1);
    assert_eq!(scene.forge.published().len(), published, "{first}");
    for (at, (number, what)) in points.iter().enumerate() {
        let intent = points[..=at].iter().rposition(|(_, what)| what.starts_with("before-record intent: "));
        let is_of_forge = intent.is_some_and(|at| points[at].1.contains(" on 127.0.0.1"));
        if !is_of_forge
            || !(what.starts_with("before-record done") || what.starts_with("after-record intent"))
        {
            continue;
        }
        let (tag, mut kept) = (format!("v1.{}.0", minor + 1), scene.forge.kept());
        let standing =
            kept.releases.iter().find(|(_, release)| release["tag_name"] == *tag).map(|(id, _)| *id);
        let id = standing.unwrap_or_else(|| kept.add(&tag, true));
        let before = kept.releases[&id].clone();
        drop(kept);
        let killed =
            scene.pyrelease("run minor --yes").env("PYRELEASE_DRILL", format!("kill:{number}")).run();
        assert_eq!(killed.status(), -1, "{killed}");
        let is_public = scene.pyrelease("status").code(0).stdout().contains("can only be completed");
        tried += 1;
        if tried % 2 == 0 && !is_public {
            scene.pyrelease("rollback --yes").code(0);
            assert_eq!(scene.forge.kept().releases[&id], before, "killed at {number}: {what}");
        } else {
            scene.pyrelease("resume --yes").code(0);
            (minor, published) = (minor + 1, published + 1);
        }
        assert_eq!(scene.forge.published().len(), published, "killed at {number}: {what}");
    }
    assert!(tried >= 6, "{points:#?}");
}
