//! A run with effects of a plugin that is completed from a file: the plugin's data in it are somebody's word.

use std::path::PathBuf;

use pyrelease_test_support::Transcript;

use super::scene::Scene;

/// Another clone of the project, in which the plugin is trusted, and the file of a run that was killed after the mark.
fn exported(scene: &Scene) -> (PathBuf, PathBuf) {
    let points = scene.points();
    fs_err::remove_file(scene.mark()).expect("the mark of the release before");
    let (number, _) =
        points.iter().find(|(_, what)| what == "after-record stage-done mark").expect("a point");
    let before = scene.project.head();
    let killed =
        scene.project.pyrelease("run 1.2.0 --yes").env("PYRELEASE_DRILL", format!("kill:{number}")).run();
    assert_eq!(killed.status(), -1, "{killed}");
    let (file, clone) = (scene.beside("run.tar.gz"), scene.beside("clone"));
    scene.project.pyrelease("status --export").arg(&file).code(0);
    let folder = clone.to_str().expect("our own name");
    let remote = scene.project.remote().path().display().to_string();
    scene.project.git(&["clone", "--quiet", &remote, folder]);
    scene.project.git(&["-C", folder, "reset", "--quiet", "--hard", &before]);
    scene.project.pyrelease("plugin trust --yes").from(&clone).code(0);
    (file, clone)
}

#[test]
fn the_data_of_a_plugin_in_a_file_need_an_answer_of_their_own() {
    let mut seen = Transcript::named("plugin-releases/the-data-of-a-plugin-in-a-file");
    let scene = Scene::marking(&[]);
    let (file, clone) = exported(&scene);
    let mark = fs_err::read_to_string(scene.mark()).unwrap();
    for command in ["resume --yes --import", "publish --yes"] {
        seen.add_error(&scene.project.pyrelease(command).arg(&file).from(&clone).code(3));
    }
    assert_eq!(fs_err::read_to_string(scene.mark()).unwrap(), mark);
    let dialogue = [("[y/N]", "y\n")];
    let resumed = scene.project.pyrelease("resume --import").arg(&file).from(&clone).on_a_terminal(&dialogue);
    let resumed = resumed.code(0);
    let (shown, data) = (resumed.stdout(), "the plugin verifies and undoes it by these data");
    assert!(shown.contains(data) && shown.contains("for undo"), "{resumed}");
    assert_eq!(fs_err::read_to_string(scene.mark()).unwrap(), mark);
    assert!(scene.project.remote_refs().contains_key("refs/tags/v1.2.0"));
    // The run that comes home again has the data of this repository's own run.
    scene.project.pyrelease("resume --yes").code(0);
    seen.assert();
}
