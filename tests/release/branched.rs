//! Projects that make their releases on branches of their own.

use super::habits::{release, released_twice};
use super::quick;

#[test]
fn a_project_that_releases_from_branches_is_released_as_there() {
    let project = released_twice(quick().without_remote());
    project.write("README.md", "install demo==1.2.0\n");
    project.commit("Tell how to install");
    for (old, new) in [("1.2.0", "1.3.0"), ("1.3.0", "1.4.0")] {
        project.git(&["checkout", "-q", "-b", &format!("release-{new}")]);
        let files = ["pyproject.toml", "docs/conf.py", "README.md"];
        let (message, tag) = (format!("Prepare release {new}"), format!("v{new}"));
        release(&project, (old, new), &files, (&message, &[&tag]));
        project.git(&["checkout", "-q", "main"]);
        for path in files {
            project.write(path, &project.read(path).replace(old, new));
        }
        project.commit(&format!("Go on after {new}"));
    }
    let text = project.read("pyproject.toml").replace("1.4.0", "1.5.0.dev0");
    project.write("pyproject.toml", &text);
    project.commit("Start 1.5.0");
    let plan = &project.pyrelease("plan --format json").code(0).json()["plan"];
    assert_eq!([&plan["version"], &plan["tag"]], ["1.5.0", "v1.5.0"], "{plan}");
    project.pyrelease("run --yes").code(0);
    assert_eq!(project.git(&["log", "-1", "--format=%s"]).trim(), "Prepare release 1.5.0");
    assert_eq!(project.read("README.md"), "install demo==1.5.0\n");
    // A release of an older series follows that series.
    project.git(&["checkout", "-q", "-b", "1.2.x", "1.2.0"]);
    let plan = &project.pyrelease("plan patch --format json").code(0).json()["plan"];
    assert_eq!([&plan["version"], &plan["tag"]], ["1.2.1", "1.2.1"], "{plan}");
}
