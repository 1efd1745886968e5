//! Projects with crates: their Cargo.lock is left as cargo itself would write it.

use pyrelease::world::Environment;
use pyrelease_test_support::Project;

use super::habits::release;
use super::quick;

/// Has cargo do this in the project, without a network.
fn cargo(project: &Project, arguments: &[&str]) {
    // The toolchain is the user's own.
    let program = Environment::of_this_process().path("CARGO").unwrap_or_else(|| "cargo".into());
    let output = duct::cmd(program, [arguments, &["--offline", "--quiet"]].concat())
        .dir(project.folder())
        .stderr_to_stdout()
        .stdout_capture()
        .unchecked()
        .run()
        .expect("cargo can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// Two crates have one name: dependencies name their versions.
#[test]
fn cargo_lock_is_as_cargo_writes_it() {
    let inherits = "[package]\nname = \"demo\"\nversion.workspace = true\n";
    let tool = "[package]\nname = \"tool\"\nversion = \"1.0.0\"\n[dependencies]\ndemo = { path = \"../core\" }\n\
                older = { path = \"../vendored\", package = \"demo\" }\n";
    let root = "[workspace]\nmembers = [\"core\", \"tool\"]\nexclude = [\"vendored\"]\nresolver = \"2\"\n";
    let own = "[package]\nname = \"speedups\"\nversion = \"1.0.0\"\n[workspace]\n";
    let project = quick()
        .without_remote()
        .config("stages = [\"version\", \"tag\"]\n")
        .file("rust/Cargo.toml", &format!("{root}[workspace.package]\nversion = \"1.0.0\"\n"))
        .file("rust/core/Cargo.toml", inherits)
        .file("rust/tool/Cargo.toml", &tool.replace("1.0.0", "0.3.0"))
        .file("rust/vendored/Cargo.toml", "[package]\nname = \"demo\"\nversion = \"0.9.0\"\n")
        .file("speedups/Cargo.toml", own)
        .build();
    for member in ["rust/core", "rust/tool", "rust/vendored", "speedups"] {
        project.write(&format!("{member}/src/lib.rs"), "");
    }
    let manifests = ["rust/Cargo.toml", "speedups/Cargo.toml"];
    let relock = |how: &[&str]| {
        for manifest in manifests {
            cargo(&project, &[how, &["--manifest-path", manifest]].concat());
        }
    };
    relock(&["generate-lockfile"]);
    assert!(
        project.read("rust/Cargo.lock").contains("\"demo 1.0.0\""),
        "{}",
        project.read("rust/Cargo.lock")
    );
    let [first, second] = manifests;
    let files = ["pyproject.toml", first, "rust/Cargo.lock", second, "speedups/Cargo.lock"];
    release(&project, ("1.0.0", "1.1.0"), &files, ("Release 1.1.0", &["v1.1.0"]));
    release(&project, ("1.1.0", "1.2.0"), &files, ("Release 1.2.0", &["v1.2.0"]));

    project.pyrelease("run 1.3.0rc1 --yes").code(0);
    let changed = project.git(&["diff", "--name-only", "HEAD^", "HEAD"]);
    let mut expected = files;
    expected.sort_unstable();
    assert_eq!(changed.trim().lines().collect::<Vec<_>>(), expected);
    for path in ["rust/Cargo.lock", "speedups/Cargo.lock"] {
        assert!(project.read(path).contains("1.3.0-rc.1"), "{path}: {}", project.read(path));
    }
    relock(&["update", "--workspace"]);
    assert_eq!(project.git(&["status", "--porcelain", "--untracked-files=no"]), "");

    // One that earlier releases left behind stays so.
    let stale = project.read("speedups/Cargo.lock").replace("1.3.0-rc.1", "1.1.0");
    project.write("speedups/Cargo.lock", &stale);
    project.commit("Forget the lock");
    project.pyrelease("run 1.3.0 --yes").code(0);
    assert_eq!(project.read("speedups/Cargo.lock"), stale);
    assert!(project.read("rust/Cargo.lock").contains("\"demo 1.3.0\""));
}
