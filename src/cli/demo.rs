//! `pyrelease demo`: releases a small project to two embedded indexes, and installs it from the second.

use std::path::{Path, PathBuf};

use secrecy::ExposeSecret as _;

use crate::engine::event::{Event, Listener};
use crate::error::{Error, Result};
use crate::index::variable_for;
use crate::ops::{self, Context, RunOptions};
use crate::server::{Access, EmbeddedIndex};
use crate::ui::{Format, Ui, Verbosity};
use crate::world::process::Process;

const FILES: [(&str, &str); 5] = [
    ("pyproject.toml", include_str!("../../templates/demo/pyproject.toml")),
    ("README.md", include_str!("../../templates/demo/README.md")),
    ("LICENSE", include_str!("../../templates/demo/LICENSE")),
    ("CHANGELOG.md", include_str!("../../templates/demo/CHANGELOG.md")),
    ("src/pyrelease_demo/__init__.py", include_str!("../../templates/demo/__init__.py")),
];

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The folder for the project [default: a new temporary folder]
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

pub(super) fn demo(context: &Context, arguments: &Arguments) -> Result<()> {
    let folder = match &arguments.folder {
        Some(folder) => {
            fs_err::create_dir_all(folder)?;
            if fs_err::read_dir(folder)?.next().is_some() {
                return Err(Error::usage(format!("`{}` is not empty", folder.display()))
                    .help("pass an empty folder, or leave out `--folder` to use a temporary one"));
            }
            folder.clone()
        }
        None => tempfile::Builder::new().prefix("pyrelease-demo-").tempdir()?.keep(),
    };
    let folder = fs_err::canonicalize(folder)?;
    let say = |message: &str| context.ui.on_event(&Event::Note { stage: None, message });

    let index = |name: &str| {
        EmbeddedIndex::start(&folder.join("indexes").join(name), name, Access::Tokens)
            .map_err(|error| Error::failed("failed to start an index for the demo").because(error))
    };
    let (testpypi, pypi) = (index("testpypi")?, index("pypi")?);
    say(&format!(
        "two indexes are running: testpypi at {}, pypi at {}",
        testpypi.simple_url(),
        pypi.simple_url()
    ));

    // Whoever is at a terminal can look at the indexes; later, only their files are left.
    let stays = ops::can_ask() && context.format == Format::Human && context.verbosity > Verbosity::Quiet;
    let pages = [&testpypi, &pypi].map(|index| match stays {
        true => format!("{}project/{{name}}/{{version}}/", index.url()),
        false => format!("file://{}/", folder.join("indexes").join(index.name()).display()),
    });
    let project = folder.join("project");
    make_project(&project, &folder.join("remote.git"), (&testpypi, &pypi), &pages)?;
    say(&format!("a project with a history and a remote is in {}", project.display()));
    say("its release.toml lists the stages; what follows is `pyrelease run --yes`");

    // Each index accepts only its own tokens, as PyPI and TestPyPI do.
    let environment =
        [&testpypi, &pypi].into_iter().fold(context.environment.clone(), |environment, index| {
            let token = index.token().map(|token| token.expose_secret().to_owned()).unwrap_or_default();
            environment.with(&variable_for(index.name()), token)
        });
    let inner = Context {
        folder: project.clone(),
        manifest: None,
        environment,
        ui: Ui::new(context.format, context.verbosity),
        format: context.format,
        verbosity: context.verbosity,
        interrupted: std::sync::Arc::clone(&context.interrupted),
    };
    ops::run(&inner, &RunOptions { yes: true, ..RunOptions::default() })?;

    say(
        "installed the release from the second index into a new environment, imported it, and compared its version",
    );
    if stays {
        context
            .ui
            .wait("the two indexes are still running: look at their pages, then press Enter to stop them")?;
    }
    drop((testpypi, pypi));
    say("the two indexes have stopped; their files are kept");
    say(&format!("look at the commit and the tag:   git -C {} log --stat -1 --decorate", project.display()));
    say(&format!("look at what the indexes hold:    ls -R {}", folder.join("indexes").display()));
    say(&format!("look at what the run did:         pyrelease -C {} status --offline", project.display()));
    say(&format!("kill the release at every point:  pyrelease -C {} drill --at HEAD~1", project.display()));
    say(&format!("to clean up:                      rm -r {}", folder.display()));
    Ok(())
}

/// Creates the project with two commits, a tag 0.1.0 and a remote.
fn make_project(
    project: &Path,
    remote: &Path,
    (testpypi, pypi): (&EmbeddedIndex, &EmbeddedIndex),
    [testpypi_page, pypi_page]: &[String; 2],
) -> Result<()> {
    for (path, text) in FILES {
        write(&project.join(path), text)?;
    }
    let git = |folder: &Path, arguments: &[&str]| Process::new("git").args(arguments).folder(folder).read();
    git(project, &["init", "--quiet", "--initial-branch=main", "."])?;
    // Override the user's own settings: the demo neither signs nor runs hooks.
    for (key, value) in [
        ("user.name", "Demo Maintainer"),
        ("user.email", "maintainer@demo.example"),
        ("commit.gpgSign", "false"),
        ("tag.gpgSign", "false"),
        ("core.hooksPath", "no-hooks"),
    ] {
        git(project, &["config", key, value])?;
    }
    git(project, &["add", "."])?;
    git(project, &["commit", "--quiet", "-m", "Start the project"])?;
    git(project, &["tag", "--annotate", "v0.1.0", "-m", "pyrelease-demo 0.1.0"])?;
    let configuration = include_str!("../../templates/demo/release.toml")
        .replace("@testpypi-upload@", &testpypi.upload_url())
        .replace("@testpypi-simple@", &testpypi.simple_url())
        .replace("@testpypi-view@", testpypi_page)
        .replace("@pypi-view@", pypi_page)
        .replace("@pypi-upload@", &pypi.upload_url())
        .replace("@pypi-simple@", &pypi.simple_url());
    write(&project.join("release.toml"), &configuration)?;
    git(project, &["add", "."])?;
    git(project, &["commit", "--quiet", "-m", "Release with pyrelease"])?;

    fs_err::create_dir_all(remote)?;
    git(remote, &["init", "--quiet", "--bare", "--initial-branch=main", "."])?;
    let remote = remote.display().to_string();
    git(project, &["remote", "add", "origin", &remote])?;
    git(project, &["push", "--quiet", "--set-upstream", "origin", "main", "v0.1.0"])?;
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs_err::create_dir_all(folder)?;
    }
    Ok(fs_err::write(path, text)?)
}
