//! A release of several packages, to its end.

use pyrelease_test_support::IndexServer;

use super::{LOCAL, QUICK, change, installed, three, workspace};

#[test]
fn all_are_published_in_order_and_require_each_other() {
    let (rehearsal, public) = IndexServer::two_pypiservers();
    let install = "\n[stage.testpypi]\ninstall = true\nsmoke = \"python -c 'import {}'\"\n";
    let install = install.replace("\nsmoke = \"python -c 'import {}'\"", "");
    let more = format!("[workspace]\n{install}{QUICK}");
    let project = three().releasing_to(&rehearsal, &public, &more).build();
    project.pypirc(&[("testpypi", &rehearsal), ("pypi", &public)]);
    change(&project, "core");
    let outcome = project.pyrelease("run core=minor app=patch --yes --format json").code(0);
    let events = outcome.events();
    let sent: Vec<String> = events
        .iter()
        .filter(|event| event["event"] == "file" && event["index"] == "pypi")
        .map(|event| format!("{} {}", event["member"].as_str().unwrap(), event["file"].as_str().unwrap()))
        .collect();
    assert_eq!(
        sent,
        [
            "core core-1.1.0-py3-none-any.whl",
            "core core-1.1.0.tar.gz",
            "cli cli-0.3.1-py3-none-any.whl",
            "cli cli-0.3.1.tar.gz",
            "app app-2.0.1-py3-none-any.whl",
            "app app-2.0.1.tar.gz",
        ]
    );
    let last_rehearsal =
        events.iter().rposition(|event| event["event"] == "file" && event["index"] == "testpypi");
    let first_public = events.iter().position(|event| event["event"] == "point-of-no-return");
    assert!(last_rehearsal < first_public, "everything is rehearsed before anything is public");
    for name in ["core", "cli", "app"] {
        assert_eq!(public.files(name), rehearsal.files(name));
    }
    // One commit, all tags, here and at the remote.
    let tags = project.git(&["tag", "--points-at", "HEAD"]);
    assert_eq!(tags.split_whitespace().collect::<Vec<_>>(), ["app-v2.0.1", "cli-v0.3.1", "core-v1.1.0"]);
    assert_eq!(project.refs(), {
        let mut refs = project.remote().refs();
        refs.retain(|name, _| project.refs().contains_key(name));
        let own = project.refs();
        refs.extend(own.into_iter().filter(|(name, _)| name.starts_with("refs/remotes/")));
        refs
    });
    assert_eq!(
        project.changed_by("HEAD"),
        [
            "packages/app/CHANGELOG.md",
            "packages/app/pyproject.toml",
            "packages/cli/CHANGELOG.md",
            "packages/cli/pyproject.toml",
            "packages/core/CHANGELOG.md",
            "packages/core/pyproject.toml",
        ]
    );
    assert!(project.read("packages/cli/CHANGELOG.md").contains("- Require `core 1.1.0`"));
    project.assert_tree_clean();
    project.assert_no_debris();
    // Nothing is left to do.
    project.pyrelease("status").code(0);
    project.pyrelease("resume --yes").code(0);
    let listed = installed(&project, "pip", &public, "app");
    assert_eq!(listed, ["app==2.0.1", "cli==0.3.1", "core==1.1.0"]);
}

/// Earlier releases changed a line with the version and one with a requirement: each follows what it states.
#[test]
fn requirements_are_not_taken_for_the_version() {
    let members: [(&str, &str, &[&str]); 2] = [("core", "1.0.0", &[]), ("cli", "1.0.0", &["core==1.0.0"])];
    let project = workspace(&members).config(LOCAL).build();
    for version in ["1.1.0", "1.2.0"] {
        project.pyrelease(&format!("run core={version} cli={version} --yes")).code(0);
        assert!(project.read("packages/cli/pyproject.toml").contains(&format!("\"core=={version}\"")));
    }
    project.pyrelease("run cli=1.3.0 --yes").code(0);
    let pyproject = project.read("packages/cli/pyproject.toml");
    assert!(
        pyproject.contains("version = \"1.3.0\"") && pyproject.contains("\"core==1.2.0\""),
        "{pyproject}"
    );
}

/// A file at the top has a line for each group, which only the version tells apart.
#[test]
fn a_line_of_another_version_is_another_members() {
    let groups = "versions = \"grouped\"\n\n[workspace.groups]\nstable = [\"core\"]\nbeta = [\"cli\"]\n";
    let project = workspace(&[("core", "0.8.0", &[]), ("cli", "0.1b0", &[])])
        .config(&format!("{LOCAL}{groups}"))
        .file("versions.ini", "[stable]\nversion=0.8.0\n\n[beta]\nversion=0.1b0\n")
        .build();
    let write = |stable: &str, beta: &str| {
        let ini = format!("[stable]\nversion={stable}\n\n[beta]\nversion={beta}\n");
        project.write("versions.ini", &ini);
        project.write("packages/core/pyproject.toml", &super::pyproject("core", stable, &[]));
        project.write("packages/cli/pyproject.toml", &super::pyproject("cli", beta, &[]));
        project.commit("Next");
    };
    write("0.9.0", "0.2b0");
    project.git(&["tag", "core-v0.9.0"]);
    project.git(&["tag", "cli-v0.2b0"]);
    write("1.1.0.dev", "0.3b0.dev");
    for name in ["core", "cli"] {
        project.write(&format!("packages/{name}/CHANGELOG.md"), super::NEWS);
    }
    project.commit("Add greetings");
    project.git(&["push", "--quiet", "--tags", "origin", "main"]);
    project.pyrelease("run --yes").code(0);
    assert_eq!(project.read("versions.ini"), "[stable]\nversion=1.1.0\n\n[beta]\nversion=0.3b0\n");
}

#[test]
fn a_private_member_has_a_version_and_no_files() {
    let (rehearsal, public) = IndexServer::two_pypiservers();
    let more = format!("[workspace]\n\n[member.app]\npublish = false\n{QUICK}");
    let project = three().releasing_to(&rehearsal, &public, &more).build();
    project.pypirc(&[("testpypi", &rehearsal), ("pypi", &public)]);
    change(&project, "cli");
    project.pyrelease("run cli=minor --yes").code(0);
    assert!(project.read("packages/app/pyproject.toml").contains("\"cli>=0.4.0,<0.5\""));
    assert!(project.refs().contains_key("refs/tags/app-v2.0.1"));
    assert_eq!(public.files("cli").len(), 2);
    assert!(public.files("app").is_empty() && rehearsal.files("app").is_empty());
}

#[test]
fn one_member_that_an_index_refuses_stops_all() {
    let (rehearsal, public) = IndexServer::two_pypiservers();
    let more = format!("[workspace]\n{QUICK}");
    let project = three().releasing_to(&rehearsal, &public, &more).build();
    project.pypirc(&[("testpypi", &rehearsal), ("pypi", &public)]);
    // `check` refuses the metadata of the second.
    let broken = super::pyproject("cli", "0.3.0", &["core==1.0.0"])
        .replace("license = \"MIT\"", "license = \"MIT\"\nclassifiers = [\"No :: Such\"]");
    project.write("packages/cli/pyproject.toml", &broken);
    project.write(
        "packages/cli/backend/in_tree.py",
        &pyrelease_test_support::IN_TREE.replace("Summary: ", "Classifier: No :: Such\\nSummary: "),
    );
    change(&project, "core");
    let before = project.snapshot();
    let outcome = project.pyrelease("run --yes").run().code_in(&[1, 3]).stderr().to_owned();
    assert!(outcome.contains("cli: ") && outcome.contains("No :: Such"), "{outcome}");
    project.assert_unchanged(&before);
    project.assert_no_debris();
    for index in [&rehearsal, &public] {
        assert!(["core", "cli", "app"].iter().all(|name| index.files(name).is_empty()));
    }
}
