//! Writes fail: full disks, files that may not grow, read-only folders.

use pyrelease_test_support::{Python, ReadOnly, no_small_disk};

use super::{Phase, killed, run_folder, wrapped};
use crate::faults::go_on;
use crate::faults::scene::Scene;
use crate::faults::schedule::{Blow, Pipeline, Step};
use crate::release::{QUICK, quick};

/// The free KiB, from too few for anything to enough for everything
const LEFT: [usize; 12] = [0, 8, 128, 1024, 1056, 1088, 1120, 1152, 1184, 1216, 1280, 4096];

#[test]
fn on_a_full_disk_nothing_is_left_half_done() {
    if let Some(reason) = no_small_disk() {
        eprintln!("not tried: no small disk can be made here ({reason}); see the next test");
        return;
    }
    let mut outcomes = Vec::new();
    for (number, left) in LEFT.into_iter().enumerate() {
        let mut scene = Scene::set([Pipeline::Development, Pipeline::Default][number % 2], true);
        let outcome = scene.step(&Step::new("run minor --yes", vec![Blow::DiskFull(left)]));
        scene.keeps_its_word(&outcome).unwrap_or_else(|problem| panic!("{left} KiB left: {problem}"));
        outcomes.push((left, outcome.status()));
        go_on(&mut scene, left as u64);
    }
    // Check the sizes: some are too small, the largest is not.
    assert!(outcomes.iter().any(|(_, status)| *status == 1), "{outcomes:?}");
    assert!(outcomes.iter().any(|(_, status)| *status == 0), "{outcomes:?}");
}

/// A disk can run out of inodes, too.
#[test]
fn on_a_disk_that_takes_no_more_files_nothing_is_left_half_done() {
    if let Some(reason) = no_small_disk() {
        eprintln!("not tried: no small disk can be made here ({reason})");
        return;
    }
    let mut outcomes = Vec::new();
    for left in [0, 1, 3, 10, 40, 70, 90, 110, 400] {
        let mut scene = Scene::set(Pipeline::Default, true);
        let outcome = scene.step(&Step::new("run minor --yes", vec![Blow::FilesFull(left)]));
        scene.keeps_its_word(&outcome).unwrap_or_else(|problem| panic!("{left} files left: {problem}"));
        outcomes.push((left, outcome.status()));
        go_on(&mut scene, left as u64);
    }
    assert!(outcomes.iter().any(|(_, status)| *status == 0), "{outcomes:?}");
    assert!(outcomes.iter().any(|(_, status)| *status != 0), "{outcomes:?}");
}

/// The disk is full when a run is to be resumed: it can be, once there is space.
#[test]
fn on_a_full_disk_no_recovery_makes_it_worse() {
    if let Some(reason) = no_small_disk() {
        eprintln!("not tried: no small disk can be made here ({reason})");
        return;
    }
    for (seed, command) in ["resume --yes", "rollback --yes"].into_iter().enumerate() {
        for left in [0, 4, 16, 64] {
            let mut scene = Scene::set(Pipeline::Default, true);
            scene.step(&Step::new("run minor --yes", vec![Blow::PushUnanswered, Blow::KilledAt(60)]));
            crate::faults::nobody_left(&scene).unwrap();
            let outcome = scene.step(&Step::new(command, vec![Blow::DiskFull(left)]));
            scene.keeps_its_word(&outcome).unwrap_or_else(|problem| panic!("{left} KiB left: {problem}"));
            go_on(&mut scene, seed as u64);
        }
    }
}

/// A forged file of a run holds a log that compresses well.
#[test]
fn a_file_that_the_disk_cannot_take_is_not_unpacked() {
    if let Some(reason) = no_small_disk() {
        eprintln!("not tried: no small disk can be made here ({reason})");
        return;
    }
    let project = quick().config(QUICK).on_a_disk_of(24 << 10).build();
    let root = project.sandbox().root();
    let (file, large) = (root.join("prepared.tar.gz"), root.join("large.tar.gz"));
    project.pyrelease("prepare minor --yes --out").arg(&file).code(0);
    let script = "
import hashlib, io, json, sys, tarfile
with tarfile.open(sys.argv[1]) as run:
    files = [(member.name, run.extractfile(member).read()) for member in run]
log = bytes(30 << 20)
manifest = json.loads(files[0][1])
manifest['files'].append({'name': 'x.log', 'size': len(log), 'sha256': hashlib.sha256(log).hexdigest()})
files[0] = ('run.json', json.dumps(manifest).encode())
with tarfile.open(sys.argv[2], 'w:gz') as forged:
    for name, content in [*files, ('x.log', log)]:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        forged.addfile(member, io.BytesIO(content))
";
    duct::cmd!(Python::get().program(), "-c", script, &file, &large).run().unwrap();
    let before = project.snapshot();
    for command in ["publish --yes", "resume --yes --import"] {
        let refused = project.pyrelease(command).arg(&large).code(3);
        let why = "needs 41.5 MB on the disk of the repository, which has only";
        assert!(refused.stderr().contains(why), "{refused}");
        project.assert_unchanged(&before);
        project.assert_no_debris();
    }
}

/// Works on every system: writes beyond a size fail, as on a full disk. Where nobody ignores its signal, the system kills
/// a writing child process, and pyrelease must not end by it either.
#[test]
fn where_files_may_not_grow_nothing_is_left_half_done() {
    for (blocks, ignored) in
        [(0, ""), (1, "XFSZ"), (3, ""), (6, "XFSZ"), (9, ""), (12, ""), (24, "XFSZ"), (24, "")]
    {
        let mut scene = Scene::set(Pipeline::Default, false);
        let script = "test -z \"$IGNORED\" || trap '' \"$IGNORED\"
ulimit -f \"$BLOCKS\"
exec \"$PYRELEASE\" \"$@\"
";
        let variables = [("BLOCKS", blocks.to_string()), ("IGNORED", ignored.to_owned())];
        let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
        let program = wrapped(&scene, &variables, script);
        let outcome = scene.project.pyrelease("run minor --yes").program(&program).run();
        assert_ne!(outcome.status(), -1, "{blocks} blocks: a signal ended it: {outcome}");
        scene
            .keeps_its_word(&outcome)
            .unwrap_or_else(|problem| panic!("{blocks} blocks, {ignored}: {problem}"));
        go_on(&mut scene, blocks);
    }
}

#[test]
fn read_only_files_are_left_alone() {
    for path in [".", ".git", ".git/refs", ".git/objects", ".git/logs", "CHANGELOG.md", "pyproject.toml"] {
        let mut scene = Scene::set(Pipeline::Default, false);
        // Git creates it with the first commit, in every repository with a working tree.
        let place = scene.project.repository().join(path);
        let read_only = match ReadOnly::make(&place) {
            Ok(read_only) => read_only,
            Err(reason) => {
                eprintln!("`{path}` is not tried: {reason}");
                continue;
            }
        };
        let outcome = scene.calmly("run minor --yes");
        assert_ne!(outcome.status(), 0, "`{path}` is read-only, and {outcome}");
        let word = scene.keeps_its_word(&outcome);
        drop(read_only);
        word.unwrap_or_else(|problem| panic!("`{path}`: {problem}"));
        go_on(&mut scene, 1);
    }
}

/// The run's folder becomes read-only between a kill and the recovery.
#[test]
fn a_run_with_a_read_only_folder_can_be_resumed_later() {
    for (one, phase) in [Phase::Rehearsed, Phase::HalfPublic].into_iter().enumerate() {
        for (other, part) in ["", "dist", "tree"].into_iter().enumerate() {
            let command = ["resume --yes", "rollback --yes"][(one + other) % 2];
            let mut scene = killed(phase);
            let read_only = match ReadOnly::make(&run_folder(&scene).join(part)) {
                Ok(read_only) => read_only,
                Err(reason) => {
                    eprintln!("not tried: {reason}");
                    return;
                }
            };
            let outcome = scene.calmly(command);
            let standing = scene.standing();
            drop(read_only);
            standing.unwrap_or_else(|problem| panic!("{phase:?}, {command}, `{part}`: {problem}"));
            scene
                .keeps_its_word(&outcome)
                .unwrap_or_else(|problem| panic!("{phase:?}, {command}, `{part}`: {problem}"));
            go_on(&mut scene, 2);
        }
    }
}
