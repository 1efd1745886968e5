//! A secret under the name that everybody knows it by, such as `GITHUB_TOKEN`: once a stage's plugin is granted it, nobody
//! else finds it who has not asked for it.

use std::path::{Path, PathBuf};

use pyrelease_test_support::{CANARY, Config, Invocation};

use super::scene::Scene;
use crate::release::quick;

const VARIABLE: &str = "MARK_TOKEN";

/// A release in which everybody who is started writes down what they find in their environment.
struct Peeking {
    scene: Scene,
    secret: String,
}

impl Peeking {
    fn new() -> Self {
        let scene = Scene::of(quick(), "", &["mark"]);
        let project = &scene.project;
        let backend = project.read("backend/in_tree.py");
        let peek = format!(
            "\n\nwith open({:?}, \"a\") as peeked:\n    peeked.write(repr(dict(os.environ)))\n",
            scene.beside("peeked-by-backend")
        );
        project.write("backend/in_tree.py", &format!("{backend}{peek}"));
        for hook in ["pre-commit", "reference-transaction", "pre-push"] {
            let file = scene.beside(&format!("peeked-by-{hook}")).display().to_string();
            project.hook_with(hook, &[("FILE", &file)], "env >> \"$FILE\"\n");
        }
        let scene = Self { scene, secret: format!("{CANARY}-of-the-plugin") };
        scene.configure(true);
        scene.scene.trust();
        scene
    }

    /// The command `look` asks for nothing, the command `ask` for the secret.
    fn configure(&self, is_granted: bool) {
        const PEEK: &str = "env | grep -v ^PWD >> \"$1\"; eval \"$2\"";
        let command = |name: &str| {
            let peek = |what: &str| {
                let file = self.scene.beside(&format!("peeked-by-{name}-{what}")).display().to_string();
                ["sh", "-c", PEEK, "peek", &file, what].map(str::to_owned)
            };
            let config = Config::default().stage(name).set("reach", "repository");
            config.set("run", peek("true")).set("undo", peek(":")).set("verify", peek("exit 0"))
        };
        let build = |config: Config| config.stage("build").set("isolation", false).lines(&command("look"));
        let config = match is_granted {
            true => build(Config::stages("version tag build mark look ask push"))
                .lines(&command("ask").set("environment", [VARIABLE]))
                .lines(&self.scene.table("mark").set("secrets", [VARIABLE])),
            false => {
                build(Config::stages("version tag build mark look push")).lines(&self.scene.table("mark"))
            }
        };
        self.scene.write(&config);
    }

    fn pyrelease(&self, args: &str) -> Invocation<'_> {
        self.scene.project.pyrelease(args).env(VARIABLE, &self.secret)
    }

    /// Whether this file, which somebody has written, has the secret.
    #[track_caller]
    fn knows(&self, name: &str) -> bool {
        let peeked = fs_err::read_to_string(self.scene.beside(&format!("peeked-by-{name}")));
        let peeked = peeked.expect("somebody has looked");
        assert!(peeked.contains("PATH"), "{peeked}");
        peeked.contains(&self.secret)
    }

    /// What everybody has seen so far is forgotten.
    fn forget(&self) {
        for file in self.peeked() {
            fs_err::remove_file(file).expect("a file that was just found");
        }
    }

    fn peeked(&self) -> Vec<PathBuf> {
        let is_one = |path: &Path| {
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("peeked-by-"))
        };
        let beside = self.scene.beside("").read_dir().expect("the folder of the sandbox");
        beside.flatten().map(|entry| entry.path()).filter(|path| is_one(path)).collect()
    }

    /// Nobody knows the secret but the plugin and whoever asked for it.
    #[track_caller]
    fn only_who_asked(&self, seen: &[&str]) {
        for name in seen {
            assert_eq!(self.knows(name), name.starts_with("ask"), "{name}");
        }
        for file in self.peeked().iter().filter(|file| !file.to_string_lossy().contains("peeked-by-ask")) {
            let text = fs_err::read_to_string(file).expect("a file that was just found");
            assert!(!text.contains(&self.secret), "it is in {}", file.display());
        }
    }
}

#[test]
fn nobody_finds_it_who_did_not_ask() {
    let peeking = Peeking::new();
    peeking.forget();
    peeking.pyrelease("run minor --yes").code(0);
    peeking.only_who_asked(&[
        "backend",
        "pre-commit",
        "reference-transaction",
        "pre-push",
        "look-true",
        "ask-true",
    ]);
    // The plugin has it: its mark is the hash of it.
    let hash = pyrelease::plugin::store::sha256(format!("{}\n", peeking.secret).as_bytes());
    assert!(fs_err::read_to_string(peeking.scene.mark()).unwrap().contains(&hash));
}

#[test]
fn nobody_finds_it_on_the_way_back_either() {
    let peeking = Peeking::new();
    let list = peeking.scene.beside("list");
    peeking.pyrelease("run minor --yes").env("PYRELEASE_DRILL", format!("list:{}", list.display())).code(0);
    let list = fs_err::read_to_string(list).unwrap();
    let asked =
        list.lines().position(|line| line.contains("after-record") && line.contains("stage-done ask"));
    let drill = format!("kill:{}", asked.unwrap() + 1);
    assert_eq!(peeking.pyrelease("run minor --yes").env("PYRELEASE_DRILL", drill).run().status(), -1);
    peeking.forget();
    // What the release.toml says by now does not count: the run began with another.
    peeking.configure(false);
    peeking.forget();
    peeking.pyrelease("rollback --yes").run();
    peeking.only_who_asked(&["look-:", "ask-:"]);
}

#[test]
fn a_command_asks_only_for_what_is_held_back() {
    let peeking = Peeking::new();
    let project = &peeking.scene.project;
    let text =
        project.read("release.toml").replace("environment = [\"MARK_TOKEN\"]", "environment = [\"EDITOR\"]");
    project.write("release.toml", &text);
    let outcome = peeking.pyrelease("plan minor").code(2);
    outcome.assert_error_shown("secrets/a-command-asks-only-for-what-is-held-back");
}
