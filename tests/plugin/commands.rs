//! Commands of somebody else's: `pyrelease NAME` is `pyrelease-NAME` on PATH.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::scene::Scene;

fn write(folder: &Path, name: &str, script: &str, mode: u32) {
    fs_err::create_dir_all(folder).expect("a file of the sandbox");
    fs_err::write(folder.join(name), format!("#!/bin/sh\n{script}\n")).expect("a file of the sandbox");
    fs_err::set_permissions(folder.join(name), PermissionsExt::from_mode(mode))
        .expect("a file of the sandbox");
}

#[test]
fn a_command_on_path_is_run_with_its_arguments_and_its_status_is_ours() {
    let scene = Scene::new("stages = [\"version\", \"tag\"]\n", &[]);
    let folder = scene.beside("bin");
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", folder.display());
    write(&folder, "pyrelease-greet", "echo \"hello $*\"; echo \"by $PYRELEASE\" >&2; exit 7", 0o755);
    write(&folder, "pyrelease-plan", "echo shadowed", 0o755);
    write(&folder, "pyrelease-asleep", "echo no", 0o644);
    write(&folder, "pyrelease-stage-x", "echo no", 0o755);
    let run = |args: &str| scene.project.pyrelease(args).env("PATH", &path);
    let outcome = run("greet --loudly you").code(7);
    outcome.stdout_contains("hello --loudly you").stderr_contains("by ");
    let plan = run("plan minor").code(0);
    assert!(!plan.stdout().contains("shadowed"), "{plan}");

    let list = run("--list").code(0);
    list.stdout_contains("greet")
        .stdout_contains("(never run: pyrelease has its own)")
        .stdout_contains("Release the project");
    assert!(!list.stdout().contains("asleep") && !list.stdout().contains("stage-x"), "{list}");

    run("rnu").code(2).stderr_contains("there is no command `rnu`").stderr_contains("did you mean `run`?");
    run("gret").code(2).stderr_contains("did you mean `greet`?");
    run("asleep").code(2).stderr_contains("pyrelease-asleep` may not be executed: `chmod +x /");
    run("stage-x").code(2).stderr_contains("there is no command `stage-x`");
    run("").code(2);

    // What only looks like one
    fs_err::create_dir(folder.join("pyrelease-folder")).unwrap();
    std::os::unix::fs::symlink("/nowhere", folder.join("pyrelease-dangling")).unwrap();
    write(&folder, "pyrelease-bare", "", 0o755);
    fs_err::write(folder.join("pyrelease-bare"), "echo no interpreter\n").unwrap();
    write(&folder, "pyrelease-lost", "", 0o755);
    fs_err::write(folder.join("pyrelease-lost"), "#!/no/such/interpreter\n").unwrap();
    run("folder").code(2).stderr_contains("there is no command `folder`");
    run("dangling").code(2).stderr_contains("pyrelease-dangling` is a link that leads nowhere");
    run("bare").code(1).stderr_contains("help: a script must begin with `#!` and its interpreter");
    run("lost").code(1).stderr_contains("help: the file or its interpreter does not exist");
    run("../greet").code(2).stderr_contains("help: a command is named, not its file");
    // Nothing is run from wherever the user happens to be.
    for path in ["bin:/usr/bin:/bin", ":/usr/bin:/bin", ".:/usr/bin:/bin"] {
        let outcome = scene.project.pyrelease("greet").env("PATH", path);
        let here = if path.starts_with("bin") { folder.parent().unwrap() } else { &*folder };
        outcome.from(here).code(2).stderr_contains("there is no command `greet`");
    }
}
