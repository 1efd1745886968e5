//! A release with a plugin of each carrier among all the stages that come with pyrelease: a library in C that writes the
//! checksums of what was built, and a program in Python that writes the version. Its indexes and its remote are real.

use std::sync::OnceLock;

use pyrelease::engine::journal::{Journal, entries};
use pyrelease::engine::model::{Effect, PluginEffect, State};
use pyrelease::plugin::store::{PluginKind, sha256};
use pyrelease_test_support::{IndexServer, Project, Transcript, str};
use serde_json::Value;

use super::support::{library, root};
use crate::release::drilled::Local;
use crate::release::failures::Attempt;
use crate::release::quick;

const STAGES: &str = "\
stages = [\"changelog\", \"version\", \"tag\", \"build\", \"check\", \"testpypi\", \"checksums\", \"website\", \"push\", \"pypi\"]

[stage.checksums]
plugin = \"checksums\"

[stage.website]
plugin = \"website\"
config = { file = \"VERSION.txt\" }
";
const ISOLATION: &str = "\n[stage.build]\nisolation = false\n";

/// Puts both plugins into the project, pinned and agreed to; false where nobody can compile.
pub(crate) fn equip(project: &Project) -> bool {
    let source = "plugins/examples/checksums/checksums.c";
    let strict = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror"];
    let Some(built) = library("checksums", source, &strict) else { return false };
    let script = fs_err::read_to_string(root().join("templates/plugin/python/plugin.py"))
        .expect("a template and a folder of the project");
    project.write(".pyrelease/plugins/website.py", &script.replace("@name@", "website"));
    fs_err::copy(&built, project.folder().join(".pyrelease/plugins/libchecksums.so"))
        .expect("a template and a folder of the project");
    project.pyrelease("plugin trust --yes").code(0);
    project.commit("Add plugins");
    project.git(&["push", "--quiet"]);
    true
}

/// A project about to be released to two embedded indexes.
pub(crate) fn equipped() -> Option<Local> {
    let local = Local::of(quick(), STAGES);
    equip(&local.project).then_some(local)
}

/// What the journal of the newest run knows of the plugins' effects.
fn known(local: &Local) -> Vec<(PluginEffect, State)> {
    let journal = Journal::read(&local.run_folder().join("journal.jsonl")).expect("a journal of a run");
    let of_plugins = entries(&journal).into_iter().filter_map(|entry| match entry.effect {
        Effect::Plugin(effect) => Some((*effect, entry.state)),
        _ => None,
    });
    of_plugins.collect()
}

/// Everything is out, and what the plugins write is there and right.
#[track_caller]
fn is_complete(local: &Local) {
    let project = &local.project;
    local.is_released(project.folder());
    assert_eq!(project.read("VERSION.txt"), "1.1.0\n");
    let sums = project.read("SHA256SUMS");
    let sums: Vec<(&str, &str)> = sums.lines().filter_map(|line| line.split_once("  ")).collect();
    let published = local.public.files();
    assert_eq!(sums.len(), 2, "{sums:?}");
    for (digest, name) in sums {
        assert_eq!(published[name], digest, "{name}");
    }
}

#[test]
fn both_do_their_work_and_the_journal_knows_it() {
    let mut seen = Transcript::named("carriers/both-do-their-work-and-the-journal-knows-it");
    let Some(local) = equipped() else { return };
    let plan = local.pyrelease("plan minor").code(0);
    seen.add(&plan);
    local.pyrelease("run minor --yes").code(0);
    is_complete(&local);
    let known = known(&local);
    let carriers: Vec<(PluginKind, State)> =
        known.iter().map(|(effect, state)| (effect.assignment.plugin.kind(), *state)).collect();
    assert_eq!(carriers, [(PluginKind::Library, State::Done), (PluginKind::Executable, State::Done)]);
    for (effect, _) in known {
        let bytes = fs_err::read(&effect.assignment.plugin.source).unwrap();
        assert_eq!(effect.assignment.plugin.sha256, sha256(&bytes), "{effect}");
    }
    seen.assert();
}

#[test]
fn the_last_failure_before_the_point_of_no_return_takes_both_back() {
    let (rehearsal, refusing) = (IndexServer::pypiserver(), IndexServer::refusing());
    let attempt = Attempt::with(quick(), &format!("{STAGES}{ISOLATION}"), rehearsal, refusing);
    if !equip(&attempt.project) {
        return;
    }
    attempt.project.write("SHA256SUMS", "from before\n");
    let outcome = attempt.comes_to_nothing(1);
    outcome.assert_shown("carriers/the-last-failure-before-the-point-of-no-return-takes-both-back");
    attempt.was_rehearsed();
}

/// The points of this release, as `MOMENT WHAT`.
fn points() -> &'static [String] {
    static POINTS: OnceLock<Vec<String>> = OnceLock::new();
    POINTS.get_or_init(|| {
        let local = equipped().expect("a compiler");
        let list = local.project.sandbox().root().join("points");
        local.pyrelease("run minor --yes").env("PYRELEASE_DRILL", format!("list:{}", list.display())).code(0);
        let text = fs_err::read_to_string(list).expect("a point as a drill lists it");
        let named = text.lines().map(|line| {
            let point: Value = serde_json::from_str(line).expect("a point as a drill lists it");
            format!(
                "{} {}",
                point["moment"].as_str().expect("a point as a drill lists it"),
                point["what"].as_str().expect("a point as a drill lists it")
            )
        });
        named.collect()
    })
}

/// Releases, and is killed at the first point after the beginning of `stage` that begins so.
#[track_caller]
fn killed(stage: &str, point: &str) -> Option<Local> {
    let local = equipped()?;
    let points = points();
    let begin = format!("after-record stage-begun {stage}");
    let begun = points.iter().position(|known| *known == begin).expect("the stage is in the list");
    let at = points[begun..].iter().position(|known| known.starts_with(point)).expect("so is the point");
    let drill = format!("kill:{}", begun + at + 1);
    let outcome = local.pyrelease("run minor --yes").env("PYRELEASE_DRILL", drill).run();
    assert_eq!(outcome.status(), -1, "{stage}, {point}: {outcome}");
    Some(local)
}

/// While a plugin is at its effect, and when that is done and nobody knows it. The drill cuts it everywhere.
const CUTS: [&str; 2] = ["acknowledged", "before-record done"];

#[test]
fn killed_inside_either_effect_both_are_undone() {
    for (stage, cut) in ["checksums", "website"].into_iter().zip(CUTS) {
        let Some(local) = killed(stage, cut) else { return };
        local.pyrelease("rollback --yes").code(0);
        for file in ["SHA256SUMS", "VERSION.txt"] {
            assert!(!local.project.folder().join(file).exists(), "{stage}, {cut}: {file}");
        }
        assert!(known(&local).iter().all(|(_, state)| matches!(state, State::Undone | State::NotDone)));
        assert_eq!(local.project.git(&["tag", "--list", "v1.1.0"]), "", "{stage}, {cut}");
        assert!(!local.project.remote_refs().contains_key("refs/tags/v1.1.0"));
        assert!(local.public.files().is_empty());
        local.project.assert_tree_clean();
        local.pyrelease("rollback --yes").code(0).stderr_eq(str![[r#"
             there is nothing to roll back

"#]]);
    }
}

#[test]
fn killed_inside_either_effect_the_release_is_finished() {
    for (stage, cut) in ["website", "checksums"].into_iter().zip(CUTS) {
        let Some(local) = killed(stage, cut) else { return };
        local.pyrelease("resume --yes").code(0);
        is_complete(&local);
    }
}
