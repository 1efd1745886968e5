//! What other tools make of their settings equals what a release makes of the converted ones.

use std::path::PathBuf;

use pyrelease_test_support::{Blueprint, Project, Python};

use super::project;

/// A tool, its settings, and how it is run
struct Tool {
    /// The program and its arguments, to be run one after the other
    commands: &'static [&'static [&'static str]],
    files: &'static [(&'static str, &'static str)],
    /// The tag of the last release
    tagged: Option<&'static str>,
    /// The user's own settings, for the tool only
    home: Option<&'static str>,
    /// The stages that do what the tool does
    stages: &'static str,
    /// How pyrelease is asked for the version
    bump: &'static str,
}

/// What a release left in a repository
#[derive(Debug, PartialEq)]
struct Made {
    /// The files with their blobs
    tree: String,
    message: String,
    tags: String,
}

fn made(project: &Project) -> Made {
    let git = |args: &[&str]| project.git(args).trim().to_owned();
    let tree = git(&["ls-tree", "-r", "HEAD"]);
    Made {
        tree,
        message: git(&["log", "-1", "--format=%B"]),
        tags: git(&["for-each-ref", "refs/tags", "--format=%(refname) %(objecttype) %(contents)"]),
    }
}

/// Has the tool release one copy of the project, and pyrelease another one with the converted settings.
fn compare(python: &Python, tool: &Tool) {
    let blueprint = || -> Blueprint {
        tool.files.iter().fold(project(), |blueprint, (path, text)| blueprint.file(path, text))
    };
    let (theirs, ours) = (blueprint().build(), blueprint().build());
    if let Some(tag) = tool.tagged {
        for project in [&theirs, &ours] {
            project.git(&["tag", "--annotate", tag, "-m", tag]);
        }
    }
    if let Some(text) = tool.home {
        theirs.sandbox().write_home(".pypirc", text);
    }
    for command in tool.commands {
        let program: PathBuf = python.programs().join(command[0]);
        let path = format!("{}:/usr/bin:/bin", python.programs().display());
        let variables = [("PATH", path.as_str())];
        let command = theirs.sandbox().command_with(theirs.folder(), program, &command[1..], &variables);
        let output = command.stderr_to_stdout().stdout_capture().unchecked().run().expect("the tool runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    ours.pyrelease("init --yes").code(0);
    let config = ours.read("release.toml");
    let (before, listed) = config.split_once("stages = [").expect("stages");
    let (_, after) = listed.split_once("]\n").expect("the end of stages");
    ours.write("release.toml", &format!("{before}stages = {}\n{after}", tool.stages));
    ours.pyrelease(&format!("run {} --yes", tool.bump)).code(0);
    assert_eq!(made(&theirs), made(&ours), "{config}");
}

const MODULE: (&str, &str) =
    ("src/demo/__init__.py", "\"\"\"Demo 1.0.0.\"\"\"\n\n__version__ = \"1.0.0\"\nOTHER = \"11.0.0\"\n");

#[test]
fn bump2version() {
    compare(
        Python::with_bump2version(),
        &Tool {
            commands: &[&["bump2version", "minor"]],
            files: &[
                (
                    ".bumpversion.cfg",
                    "[bumpversion]\ncurrent_version = 1.0.0\ncommit = True\ntag = True\ntag_name = demo-{new_version}\n\
                     message = Release {new_version}, after {current_version}\n\n[bumpversion:file:pyproject.toml]\n\n\
                     [bumpversion:file:src/demo/__init__.py]\nsearch = __version__ = \"{current_version}\"\n\
                     replace = __version__ = \"{new_version}\"\n\n[bumpversion:glob:docs/*.txt]\n",
                ),
                MODULE,
                ("docs/a.txt", "1.0.0 or v1.0.0\n"),
            ],
            tagged: None,
            home: None,
            stages: "[\"version\", \"tag\"]",
            bump: "minor",
        },
    );
}

#[test]
fn bump_my_version() {
    compare(
        Python::with_bump_tools(),
        &Tool {
            commands: &[&["bump-my-version", "bump", "patch"]],
            files: &[
                (
                    ".bumpversion.toml",
                    "[tool.bumpversion]\ncurrent_version = \"1.0.0\"\ncommit = true\ntag = true\ntag_message = \"\"\nallow_shell_hooks = true\n\
                     tag_name = \"{new_version}\"\nmessage = \"chore: {new_version}\"\n\
                     pre_commit_hooks = [\"echo hooked >> docs/a.txt\", \"git add docs/a.txt\"]\n\
                     [[tool.bumpversion.files]]\nfilename = \"pyproject.toml\"\nsearch = 'version = \"{current_version}\"'\n\
                     replace = 'version = \"{new_version}\"'\n[[tool.bumpversion.files]]\nfilename = \"x.toml\"\n\
                     key_path = \"app.version\"\n[[tool.bumpversion.files]]\nglob = \"docs/*.txt\"\n",
                ),
                ("x.toml", "[app]\nversion = \"1.0.0\"\n"),
                ("docs/a.txt", "1.0.0 or v1.0.0\n"),
            ],
            tagged: None,
            home: None,
            stages: "[\"version\", \"before-commit\", \"tag\"]",
            bump: "patch",
        },
    );
}

#[test]
fn tbump() {
    compare(
        Python::with_bump_tools(),
        &Tool {
            commands: &[&["tbump", "1.1.0", "--non-interactive", "--no-push"]],
            files: &[
                (
                    "tbump.toml",
                    "[version]\ncurrent = \"1.0.0\"\nregex = '(?P<major>\\d+)\\.(?P<minor>\\d+)\\.(?P<patch>\\d+)'\n\n[git]\n\
                     message_template = \"Bump to {new_version}\"\ntag_template = \"v{new_version}\"\n\n[[file]]\n\
                     src = \"pyproject.toml\"\nsearch = 'version = \"{current_version}\"'\n\n[[file]]\n\
                     src = \"src/demo/__init__.py\"\nsearch = '__version__ = \"{current_version}\"'\n\n[[before_commit]]\n\
                     name = \"note it\"\ncmd = \"echo {current_version} {new_version} >> docs/a.txt\"\n",
                ),
                MODULE,
                ("docs/a.txt", "1.0.0\n"),
            ],
            tagged: None,
            home: None,
            stages: "[\"version\", \"note-it\", \"tag\"]",
            bump: "minor",
        },
    );
}

#[test]
fn commitizen() {
    compare(
        Python::with_release_tools(),
        &Tool {
            commands: &[&["cz", "--no-raise", "21", "bump", "--yes", "--increment", "MINOR"]],
            files: &[
                (
                    ".cz.toml",
                    "[tool.commitizen]\nname = \"cz_conventional_commits\"\nversion = \"1.0.0\"\ntag_format = \"v$version\"\n\
                     version_files = [\"pyproject.toml:^version\", \"src/demo/__init__.py:^__version__\"]\n\
                     bump_message = \"release $current_version → $new_version [skip-ci]\"\nannotated_tag = true\n",
                ),
                MODULE,
            ],
            tagged: None,
            home: None,
            stages: "[\"version\", \"tag\"]",
            bump: "minor",
        },
    );
}

#[test]
fn python_semantic_release() {
    compare(
        Python::with_release_tools(),
        &Tool {
            commands: &[&[
                "semantic-release",
                "-c",
                "releaserc.toml",
                "version",
                "--minor",
                "--no-push",
                "--no-vcs-release",
                "--no-changelog",
                "--skip-build",
            ]],
            files: &[
                (
                    "releaserc.toml",
                    "[semantic_release]\nversion_toml = [\"pyproject.toml:project.version\"]\n\
                     version_variables = [\"src/demo/__init__.py:__version__\", \"docs/conf.py:release:tf\"]\n\
                     tag_format = \"demo-v{version}\"\ncommit_message = \"chore: {version}\"\n\
                     [semantic_release.remote]\nignore_token_for_push = true\nurl = \"https://example.com/me/demo.git\"\ntype = \"gitea\"\n",
                ),
                MODULE,
                ("docs/conf.py", "release = \"demo-v1.0.0\"\nversion = \"1.0.0\"\n"),
            ],
            tagged: Some("demo-v1.0.0"),
            home: None,
            stages: "[\"version\", \"tag\"]",
            bump: "minor",
        },
    );
}

#[test]
fn zest_releaser() {
    compare(
        Python::with_bump_tools(),
        &Tool {
            commands: &[&["prerelease", "--no-input"], &["release", "--no-input"]],
            files: &[
                (
                    "pyproject.toml",
                    "[build-system]\nrequires = []\nbuild-backend = \"in_tree\"\nbackend-path = [\"backend\"]\n[project]\n\
                     name = \"demo\"\nversion = \"1.1.0.dev0\"\n",
                ),
                (
                    "setup.cfg",
                    "[zest.releaser]\ntag-format = v{version}\ntag-message = Tag {version}\nprefix-message = [TAG]\n",
                ),
                (
                    "CHANGES.rst",
                    "Changelog\n=========\n\n1.1.0 (unreleased)\n------------------\n\n- More.\n\n\n1.0.0 (2026-01-01)\n\
                     ------------------\n\n- The first.\n",
                ),
                ("CHANGELOG.md", "See CHANGES.rst.\n"),
                ("MANIFEST.in", "include *.rst\n"),
            ],
            tagged: None,
            home: Some("[zest.releaser]\nrelease = no\npush-changes = no\n"),
            stages: "[\"changelog\", \"version\", \"tag\"]",
            bump: "1.1.0",
        },
    );
}
