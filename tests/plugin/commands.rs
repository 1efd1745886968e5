//! Commands of somebody else's: `pyrelease NAME` is `pyrelease-NAME` on PATH.

use pyrelease_test_support::{Transcript, shell_script};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::scene::Scene;

fn write(folder: &Path, name: &str, script: &str, mode: u32) {
    fs_err::create_dir_all(folder).expect("a file of the sandbox");
    fs_err::write(folder.join(name), shell_script(&[], script)).expect("a file of the sandbox");
    fs_err::set_permissions(folder.join(name), PermissionsExt::from_mode(mode))
        .expect("a file of the sandbox");
}

#[test]
fn a_command_on_path_is_run_with_its_arguments_and_its_status_is_ours() {
    let mut seen = Transcript::named(
        "external-commands/a-command-on-path-is-run-with-its-arguments-and-its-status-is-ours",
    );
    let scene = Scene::new("stages = [\"version\", \"tag\"]\n", &[]);
    let folder = scene.beside("bin");
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", folder.display());
    write(&folder, "pyrelease-greet", "echo \"hello $*\"; echo \"by $PYRELEASE\" >&2; exit 7", 0o755);
    write(&folder, "pyrelease-plan", "echo shadowed", 0o755);
    write(&folder, "pyrelease-asleep", "echo no", 0o644);
    write(&folder, "pyrelease-stage-x", "echo no", 0o755);
    let run = |args: &str| scene.project.pyrelease(args).env("PATH", &path);
    let outcome = run("greet --loudly you").code(7);
    seen.add(&outcome);
    let plan = run("plan minor").code(0);
    assert!(!plan.stdout().contains("shadowed"), "{plan}");

    let list = run("--list").code(0);
    seen.add(&list);
    assert!(!list.stdout().contains("asleep") && !list.stdout().contains("stage-x"), "{list}");

    seen.add_error(&run("rnu").code(2));
    seen.add_error(&run("gret").code(2));
    seen.add_error(&run("asleep").code(2));
    seen.add_error(&run("stage-x").code(2));
    run("").code(2);

    // What only looks like one
    fs_err::create_dir(folder.join("pyrelease-folder")).unwrap();
    std::os::unix::fs::symlink("/nowhere", folder.join("pyrelease-dangling")).unwrap();
    write(&folder, "pyrelease-bare", "", 0o755);
    fs_err::write(folder.join("pyrelease-bare"), "echo no interpreter\n").unwrap();
    write(&folder, "pyrelease-lost", "", 0o755);
    fs_err::write(folder.join("pyrelease-lost"), "#!/no/such/interpreter\n").unwrap();
    seen.add_error(&run("folder").code(2));
    seen.add_error(&run("dangling").code(2));
    seen.add_error(&run("bare").code(1));
    seen.add_error(&run("lost").code(1));
    seen.add_error(&run("../greet").code(2));
    // Nothing is run from wherever the user happens to be.
    for path in ["bin:/usr/bin:/bin", ":/usr/bin:/bin", ".:/usr/bin:/bin"] {
        let outcome = scene.project.pyrelease("greet").env("PATH", path);
        let here = if path.starts_with("bin") { folder.parent().unwrap() } else { &*folder };
        seen.add_error(&outcome.from(here).code(2));
    }
    seen.assert();
}
