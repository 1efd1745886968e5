//! What somebody who writes a plugin has: a beginning that works, a trial that finds what is wrong, and the examples.

use std::path::{Path, PathBuf};

use pyrelease_test_support::{Config, Outcome, Sandbox, set_binary, str};

use super::scene::Scene;
use super::support::{compiler, library, root};

/// The program run in a folder of its own.
pub(super) fn pyrelease(sandbox: &Sandbox, arguments: &[&str]) -> (i32, String) {
    let ran = sandbox
        .command(sandbox.root(), env!("CARGO_BIN_EXE_pyrelease"), arguments)
        .stderr_to_stdout()
        .stdout_capture()
        .unchecked()
        .run()
        .expect("a program that starts");
    (ran.status.code().unwrap_or(-1), String::from_utf8_lossy(&ran.stdout).into_owned())
}

/// Everything that the trial of a reversible plugin tries
const ALL: [&str; 12] = [
    "describe",
    "preflight",
    "run",
    "verify after run",
    "undo",
    "undo again",
    "the project after undo",
    "cancellation",
    "killed after announcing `write`",
    "killed after the acknowledgement of `write`",
    "killed after doing `write`",
    "undo of effects that never happened",
];

#[track_caller]
fn passes(sandbox: &Sandbox, file: &str, config: &str) {
    let (code, said) = pyrelease(sandbox, &["plugin", "test", file, "--config", config]);
    assert_eq!(code, 0, "{said}");
    for what in ALL {
        assert!(said.lines().any(|line| line == format!("passed    {what}")), "{what}: {said}");
    }
}

#[test]
fn a_new_plugin_in_python_passes_as_it_is() {
    let sandbox = Sandbox::new();
    assert_eq!(pyrelease(&sandbox, &["plugin", "new", "my-stage"]).0, 0);
    passes(&sandbox, "my-stage/my-stage.py", "{\"file\": \"released.txt\"}");
    let copies = sandbox.home().join(".local/share/pyrelease/copies");
    assert_eq!(fs_err::read_dir(copies).unwrap().count(), 0, "what was tried is not kept");
    let file = |path: &str| pyrelease(&sandbox, &["plugin", "test", path]);
    assert!(
        file("my-stage")
            .1
            .contains("error: `my-stage` is a folder, not a file\nhelp: pass the plugin's own file")
    );
    assert!(file("none.py").1.contains("error: `none.py` does not exist"));
    // An existing one is left alone.
    let (code, said) = pyrelease(&sandbox, &["plugin", "new", "my-stage", "--lang", "c"]);
    assert!(code == 2 && said.contains("already exists"), "{said}");
    let (code, said) = pyrelease(&sandbox, &["plugin", "new", "../x"]);
    assert!(code == 2 && said.contains("is not a valid plugin name"), "{said}");
}

/// What the page on plugins tells to do, followed by a second release.
#[test]
fn a_new_plugin_works_release_after_release() {
    let scene = Scene::new(
        "stages = [\"version\", \"tag\", \"website\"]\n\n[stage.website]\nplugin = \"website\"\nconfig = { file = \
         \"VERSION.txt\" }\n",
        &[],
    );
    scene.project.pyrelease("plugin new website").code(0);
    let script = scene.project.read("website/website.py");
    fs_err::remove_dir_all(scene.project.folder().join("website")).unwrap();
    scene.project.write(".pyrelease/plugins/website.py", &script);
    scene.project.write(".gitignore", "/VERSION.txt\n__pycache__/\n");
    scene.project.commit("Have a plugin");
    scene.trust();
    for version in ["1.1.0\n", "1.2.0\n"] {
        scene.run().code(0);
        assert_eq!(scene.project.read("VERSION.txt"), version);
    }
}

#[test]
fn a_new_plugin_in_c_builds_and_passes_as_it_is() {
    if compiler("gcc").is_none() || compiler("make").is_none() {
        return;
    }
    let sandbox = Sandbox::new();
    assert_eq!(pyrelease(&sandbox, &["plugin", "new", "my-stage", "--lang", "c"]).0, 0);
    let strict = "CFLAGS=-std=c99 -pedantic -O2 -Wall -Wextra -Werror";
    let program = format!("PYRELEASE={}", env!("CARGO_BIN_EXE_pyrelease"));
    let made =
        sandbox.command(sandbox.root(), "make", &["-C", "my-stage", "CC=gcc", strict, &program, "test"]);
    let made = made.stderr_to_stdout().stdout_capture().unchecked().run().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
    passes(&sandbox, "my-stage/libmy_stage.so", "{}");
}

#[test]
fn a_new_plugin_in_rust_builds_and_passes_as_it_is() {
    let sandbox = Sandbox::new();
    assert_eq!(pyrelease(&sandbox, &["plugin", "new", "my-stage", "--lang", "rust"]).0, 0);
    // Built where the crates that it needs lie already, and into a folder that is kept.
    fs_err::copy(root().join("Cargo.lock"), sandbox.root().join("my-stage/Cargo.lock")).unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("new-plugin");
    let manifest = sandbox.root().join("my-stage/Cargo.toml");
    duct::cmd!(env!("CARGO"), "build", "--quiet", "--manifest-path", manifest, "--target-dir", &target)
        .run()
        .unwrap();
    let built = target.join("debug/libmy_stage.so");
    passes(&sandbox, built.to_str().unwrap(), "{\"file\": \"released.txt\"}");
}

#[test]
fn a_trial_finds_what_is_wrong() {
    let sandbox = Sandbox::new();
    let write = |changes: &[(&str, &str)]| -> PathBuf {
        let template = fs_err::read_to_string(root().join("templates/plugin/python/plugin.py")).unwrap();
        let text = changes.iter().fold(template.replace("@name@", "bad"), |text, (from, to)| {
            assert!(text.contains(from), "{from}");
            text.replace(from, to)
        });
        let path = sandbox.root().join("bad.py");
        fs_err::write(&path, text).unwrap();
        path
    };
    for (changes, expected) in [
        (&[("elif os.path.exists(path):", "else:")][..], "failed    undo again"),
        (&[("\"absent\" if", "\"present\" if")], "failed    undo"),
        (&[("os.remove(path)", "pass")], "failed    undo"),
        (
            &[("with call.effect(", "open(path, \"w\").close()\n        with call.effect(")],
            "failed    killed after announcing",
        ),
        (&[("effects = \"reversible\"", "effects = \"none\"")], "which its description does not declare"),
        (&[("\"type\": \"object\"", "\"type\": \"thing\"")], "its schema is not valid"),
        (&[("serve(Plugin)", "print(\"hello\")\nserve(Plugin)")], "failed    describe"),
        (
            &[
                (
                    "effects = \"reversible\"",
                    "effects = \"reversible\"\n    secrets = [{\"name\": \"TOKEN\"}]",
                ),
                (
                    "path = self.path(call)\n        #",
                    "path = self.path(call)\n        call.log(\"token \" + call.secrets[\"TOKEN\"])\n        #",
                ),
            ],
            "it leaked a secret",
        ),
    ] {
        let file = write(changes);
        let config = "{\"file\": \"released.txt\"}";
        let (code, said) =
            pyrelease(&sandbox, &["plugin", "test", file.to_str().unwrap(), "--config", config]);
        assert!(code == 1 && said.contains(expected), "{expected}: {said}");
    }
    let file = write(&[]);
    let (code, said) = pyrelease(&sandbox, &["plugin", "test", file.to_str().unwrap()]);
    assert!(code == 1 && said.contains("`file` is missing: pass it with `--config`"), "{said}");
}

#[test]
fn the_example_in_c_writes_checksums_and_takes_them_back() {
    let source = "plugins/examples/checksums/checksums.c";
    let Some(built) = library("checksums", source, &["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror"])
    else {
        return;
    };
    let sandbox = Sandbox::new();
    passes(&sandbox, built.to_str().unwrap(), "{\"file\": \"SHA \\\"256\\\" sümß\"}");

    // In a release: after `build`, among the stages that come with pyrelease.
    set_binary(env!("CARGO_BIN_EXE_pyrelease"));
    let config = "stages = [\"version\", \"tag\", \"build\", \"checksums\", \"push\"]\n\n[stage.checksums]\nplugin = \
                  \"checksums\"\n\n[stage.build]\nisolation = false\n";
    let project = crate::release::quick().config(config).build();
    let plugins = project.folder().join(".pyrelease/plugins");
    fs_err::create_dir_all(&plugins).unwrap();
    fs_err::copy(&built, plugins.join("libchecksums.so")).unwrap();
    project.write("SHA256SUMS", "from before\n");
    project.pyrelease("plugin trust --yes").code(0);
    project.commit("Trust the plugin");
    project.git(&["push", "--quiet"]);
    project.remote().refuse_pushes("not today");
    project.pyrelease("run minor --yes").code(1);
    assert_eq!(project.read("SHA256SUMS"), "from before\n");
    fs_err::remove_file(project.remote().path().join("hooks/pre-receive")).unwrap();
    project.pyrelease("run minor --yes").code(0);
    let dist = project.repository().join(".git/pyrelease/runs");
    let dist = fs_err::read_dir(dist).unwrap().flatten().map(|run| run.path()).max().unwrap().join("dist");
    for line in project.read("SHA256SUMS").lines() {
        let (digest, name) = line.split_once("  ").unwrap();
        assert_eq!(pyrelease::world::sha256(&dist.join(name)).unwrap().0, digest);
    }
    assert_eq!(project.read("SHA256SUMS").lines().count(), 2);
}

#[test]
fn the_example_in_python_posts_once_the_release_is_out() {
    let heard = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = heard.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut connection, _) = heard.accept().unwrap();
        connection.set_read_timeout(Some(std::time::Duration::from_secs(30))).unwrap();
        let mut request = Vec::new();
        let mut chunk = [0; 4096];
        while !request.ends_with(b"}") {
            let read = connection.read(&mut chunk).unwrap();
            assert!(read > 0, "{}", String::from_utf8_lossy(&request));
            request.extend_from_slice(&chunk[..read]);
        }
        connection.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").unwrap();
        String::from_utf8(request).unwrap()
    });
    let scene = Scene::new("", &[]);
    let example = fs_err::read_to_string(root().join("plugins/examples/announce/announce.py")).unwrap();
    scene.project.write("tools/announce.py", &example);
    let config = Config::stages("version tag push announce")
        .stage("announce")
        .set("command", ["python3", "tools/announce.py"])
        .set("config.url", format!("http://{address}/hook"))
        .set("config.text", "{name} {version} is \"out\"");
    scene.project.write("release.toml", &config);
    scene.project.commit("Announce releases");
    scene.trust();
    let outcome: Outcome = scene.run().code(0);
    outcome.messages_eq(str![]);
    let request = server.join().unwrap();
    assert!(request.starts_with("POST /hook HTTP/1.1\r\n"), "{request}");
    assert!(request.ends_with("{\"text\": \"demo 1.1.0 is \\\"out\\\"\"}"), "{request}");
    // Nobody listens any more: the release is out all the same.
    scene.run().code(0).messages_eq(str![[r#"
warning: [announce] the release is out, but `announce` failed: plugin `announce` of stage `announce` failed: failed to reach the webhook: <urlopen error [..]>, in `run`

"#]]);
}
