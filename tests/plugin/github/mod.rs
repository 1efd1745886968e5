//! The example that publishes on GitHub, against a server that keeps releases as GitHub does and takes and answers what
//! GitHub's own description of its interface allows.

pub(crate) mod description;
pub(crate) mod server;
mod wire;

use pyrelease_test_support::{Config, Invocation, Project, Transcript};
use serde_json::Value;

use super::support::built;
use server::{GitHub, TOKEN};

/// A project that is published there.
fn project(github: &GitHub) -> Project {
    let config = Config::stages("version tag build push github-release")
        .stage("build")
        .set("isolation", false)
        .stage("github-release")
        .set("plugin", "github-release")
        .set("secrets", ["GITHUB_TOKEN"])
        .set("config.repository", "o/r")
        .set("config.api", github.api());
    let project = crate::release::quick().config(&config).build();
    let plugins = project.folder().join(".pyrelease/plugins");
    fs_err::create_dir_all(&plugins).expect("a folder of the project");
    let library = plugins.join("libgithub_release.so");
    fs_err::copy(built("github_release"), &library).expect("it was built with the tests");
    // Without what a debugger needs, it is hashed in no time; where there is no `strip`, that takes a little longer.
    let _ = duct::cmd!("strip", "--strip-debug", &library).unchecked().run();
    project.write(".gitignore", "__pycache__/\n.pyrelease/\n/build/\n");
    project.pyrelease("plugin trust --yes").code(0);
    project.commit("Pin the plugin");
    project.git(&["push", "--quiet"]);
    project
}

fn run(project: &Project) -> Invocation<'_> {
    project.pyrelease("run minor --yes").env("PYRELEASE_SECRET_GITHUB_TOKEN", TOKEN)
}

fn files(version: &str) -> Vec<String> {
    vec![format!("demo-{version}-py3-none-any.whl"), format!("demo-{version}.tar.gz")]
}

#[test]
fn a_release_is_published_with_its_distributions_or_leaves_no_draft() {
    let mut seen =
        Transcript::named("github/a-release-is-published-with-its-distributions-or-leaves-no-draft");
    let github = GitHub::start();
    let project = project(&github);
    seen.add(&project.pyrelease("plan minor").code(0));
    github.kept().refused = Some("demo-1.1.0.tar.gz".to_owned());
    let outcome = run(&project).code(0);
    seen.add(&outcome);
    assert_eq!((github.published(), github.drafts()), (Vec::new(), 0));

    github.kept().refused = None;
    seen.add(&run(&project).code(0));
    assert_eq!((github.published(), github.drafts()), (vec![("v1.2.0".to_owned(), files("1.2.0"))], 0));
    let outcome =
        project.pyrelease("run minor --yes").env("PYRELEASE_SECRET_GITHUB_TOKEN", "ghp-of-yesterday").code(0);
    seen.add(&outcome);
    seen.assert();
}

#[test]
fn one_that_is_killed_is_published_once() {
    let github = GitHub::start();
    let project = project(&github);
    let list = project.sandbox().root().join("points");
    run(&project).env("PYRELEASE_DRILL", format!("list:{}", list.display())).code(0);
    let text = fs_err::read_to_string(list).unwrap();
    let points: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = points
        .iter()
        .filter(|point| point["moment"] == "acknowledged")
        .map(|point| point["number"].as_u64().unwrap());
    let mut versions = vec!["1.1.0".to_owned()];
    for (round, number) in told.enumerate() {
        let killed = run(&project).env("PYRELEASE_DRILL", format!("kill:{number}")).run();
        assert_eq!(killed.status(), -1, "{killed}");
        project.pyrelease("resume --yes").env("PYRELEASE_SECRET_GITHUB_TOKEN", TOKEN).code(0);
        versions.push(format!("1.{}.0", round + 2));
    }
    assert_eq!(versions.len(), 3, "a draft and its publication");
    let expected: Vec<_> = versions.iter().map(|version| (format!("v{version}"), files(version))).collect();
    assert_eq!((github.published(), github.drafts()), (expected, 0));
}
