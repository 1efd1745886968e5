//! Changelogs that python-semantic-release generates.

use std::path::PathBuf;

use pyrelease_test_support::{Project, Transcript, shared_cache};

use super::{FROM_COMMITS, STAGES, START, change, generating};

/// Settings, and the major version of the tool that they are for
struct Settings {
    major: u32,
    changelog: &'static str,
}

const MARK: &str = "<!-- version list -->";

impl Settings {
    fn text(&self) -> String {
        format!(
            "\n[tool.semantic_release]\nversion_toml = [\"pyproject.toml:project.version\"]\n\
             allow_zero_version = true\ncommit_message = \"Release {{version}}\"\n{}\n\
             [tool.semantic_release.remote]\nurl = \"https://github.com/o/demo.git\"\n\
             [dependency-groups]\ndev = [\"python-semantic-release=={}.*\"]\n",
            self.changelog, self.major
        )
    }
}

/// The Python of the environment that pyrelease has made for a major version of the tool.
fn python(major: u32) -> PathBuf {
    let environments = fs_err::read_dir(shared_cache().join("tools")).expect("made by the release before");
    let has_version = |environment: &PathBuf| {
        let libraries = fs_err::read_dir(environment.join("lib")).into_iter().flatten().flatten();
        let mut packages = libraries.flat_map(|library| {
            fs_err::read_dir(library.path().join("site-packages")).into_iter().flatten().flatten()
        });
        let prefix = format!("python_semantic_release-{major}.");
        packages.any(|package| package.file_name().to_string_lossy().starts_with(&prefix))
    };
    let environments = environments.flatten().map(|entry| entry.path());
    environments.into_iter().find(has_version).expect("an environment with the tool").join("bin/python")
}

/// Runs the tool by hand in the project.
fn by_hand(project: &Project, major: u32, arguments: &[&str]) {
    let arguments = [&["-m", "semantic_release"], arguments].concat();
    let command = project.sandbox().command(project.folder(), python(major), &arguments);
    command.stdout_capture().stderr_capture().run().expect("it runs");
}

/// The changelog of a release by the tool itself, at HEAD.
fn released_by_hand(project: &Project, major: u32, version: &str) -> String {
    let flags = ["--no-push", "--no-vcs-release", "--skip-build"];
    by_hand(project, major, &[&["version"], &flags[..]].concat());
    assert!(project.read("pyproject.toml").contains(&format!("version = \"{version}\"")));
    project.read("CHANGELOG.md")
}

/// Checks that a release by pyrelease has the changelog that the tool itself makes.
fn assert_as_by_hand(settings: &Settings, text: &str) {
    let project = generating(FROM_COMMITS, ("pyproject.toml", &settings.text()), text);
    change(&project, "docs: explain the flag");
    let before = project.head();
    project.pyrelease("run --yes").code(0);
    let ours = project.read("CHANGELOG.md");
    project.assert_tree_clean();
    project.git(&["tag", "--delete", "v1.1.0"]);
    project.git(&["reset", "--quiet", "--hard", &before]);
    assert_eq!(ours, released_by_hand(&project, settings.major, "1.1.0"));
    assert!(ours.to_lowercase().contains("take a flag"), "{ours}");
}

#[test]
fn a_whole_changelog_is_that_of_the_tool_itself() {
    let init = "[tool.semantic_release.changelog]\nmode = \"init\"";
    for (major, changelog) in [(8, ""), (9, ""), (10, init)] {
        assert_as_by_hand(&Settings { major, changelog }, "");
    }
}

#[test]
fn a_new_section_is_that_of_the_tool_itself() {
    let text = format!("# CHANGELOG\n\n{MARK}\n\n## v1.0.0 (2026-01-05)\n\n- By hand.\n");
    let update = "[tool.semantic_release.changelog]\nmode = \"update\"";
    for (major, changelog) in [(9, update), (10, "")] {
        assert_as_by_hand(&Settings { major, changelog }, &text);
    }
}

#[test]
fn version_seven_adds_its_section() {
    let settings = "\n[tool.semantic_release]\nversion_toml = \"pyproject.toml:project.version\"\n\
                    changelog_components = \"semantic_release.changelog.changelog_headers,semantic_release.changelog.compare_url\"\n";
    let text = "# Changelog\n\n<!--next-version-placeholder-->\n\n## v1.0.0 (2026-01-05)\n\n* By hand\n";
    let project = generating(FROM_COMMITS, ("pyproject.toml", settings), text);
    project.git(&["remote", "add", "origin", "https://git.invalid/o/demo.git"]);
    let commits = project.git(&["log", "--format=%H", "-2"]);
    let commits: Vec<&str> = commits.lines().collect();
    project.pyrelease("run --yes").code(0);
    let links = commits.iter().map(|id| format!("[`{}`](https://github.com/o/demo/commit/{id})", &id[..7]));
    let links: Vec<String> = links.collect();
    let day = project.git(&["log", "-1", "--format=%cs"]);
    let section = format!(
        "<!--next-version-placeholder-->\n\n## v1.1.0 ({})\n\n### Feature\n\n* **cli:** Take a flag ({})\n\n\
         ### Fix\n\n* No longer fail ({})\n\n**[See all commits in this version](https://github.com/o/demo/compare/v1.0.0...v1.1.0)**\n",
        day.trim(),
        links[1],
        links[0]
    );
    assert_eq!(project.read("CHANGELOG.md"), text.replace("<!--next-version-placeholder-->\n", &section));
}

/// A project whose version 1.1.0 the tool has released itself.
fn released_by_tool(settings: &Settings) -> Project {
    let project = generating(STAGES, ("pyproject.toml", &settings.text()), "# CHANGELOG\n");
    // The tool's environment is made by a release that is undone.
    let before = project.head();
    project.write("release.toml", FROM_COMMITS);
    project.write("CHANGELOG.md", "");
    project.commit("chore: begin the changelog");
    project.pyrelease("run minor --yes").code(0);
    project.git(&["tag", "--delete", "v1.1.0"]);
    project.git(&["reset", "--quiet", "--hard", &before]);
    project.write("CHANGELOG.md", "");
    project.commit("chore: begin the changelog");
    released_by_hand(&project, settings.major, "1.1.0");
    change(&project, "feat: count all the words");
    project
}

#[test]
fn a_changelog_of_the_tool_is_generated_again() {
    let settings = Settings { major: 10, changelog: "" };
    let project = released_by_tool(&settings);
    let plan = project.pyrelease("plan").code(0);
    plan.assert_shown("generated/plan-of-semantic-release");
    // The branch is none of those that the tool would release by itself.
    project.git(&["switch", "--quiet", "--create", "next"]);
    let before = project.head();
    project.pyrelease("run --yes").code(0);
    let ours = project.read("CHANGELOG.md");
    project.git(&["tag", "--delete", "v1.2.0"]);
    project.git(&["reset", "--quiet", "--hard", &before]);
    project.git(&["switch", "--quiet", "main"]);
    assert_eq!(ours, released_by_hand(&project, settings.major, "1.2.0"));

    // The tool knows semantic versions only: it has no section for a pre-release of Python.
    change(&project, "fix: no longer stop");
    let plan = project.pyrelease("plan rc").code(0);
    assert!(!plan.stdout().contains("semantic-release changelog"), "{plan}");
}

#[test]
fn what_would_make_the_tool_fail_is_refused_first() {
    let mut seen = Transcript::named("generated/semantic-release-refused");
    let url = "url = \"https://github.com/o/demo.git\"\n";
    let settings = |changelog: &'static str| Settings { major: 10, changelog }.text();
    let flag = "[tool.semantic_release.changelog]\ninsertion_flag = \"<!-- here -->\"";
    let tag = settings("tag_format = \"demo-{version}\"");
    let parser = "commit_parser = \"house.commits:Parser\"";
    for (settings, bump) in
        [(settings(flag), ""), (settings("").replace(url, ""), ""), (settings(parser), "minor")]
    {
        let project = generating(FROM_COMMITS, ("pyproject.toml", &settings), START);
        let text = project.read("CHANGELOG.md");
        project
            .write("CHANGELOG.md", &text.replacen("# Changelog\n", &format!("# Changelog\n\n{MARK}\n"), 1));
        project.commit("docs: mark the newest section");
        let before = project.snapshot();
        seen.add_messages(&project.pyrelease(&format!("run {bump} --yes")).code(3));
        project.assert_unchanged(&before);
    }
    let config = format!("{FROM_COMMITS}[stage.tag]\nname = \"v{{version}}\"\n");
    let project = generating(&config, ("pyproject.toml", &tag), "");
    seen.add_messages(&project.pyrelease("run --yes").code(3));
    let project = generating(FROM_COMMITS, ("pyproject.toml", &settings(parser)), "");
    seen.add_messages(&project.pyrelease("run --yes").code(2));
    let project = generating(FROM_COMMITS, ("pyproject.toml", &settings("")), "");
    let oldest = project.git(&["rev-parse", "HEAD~1"]);
    project.write(".git/shallow", &oldest);
    seen.add_messages(&project.pyrelease("run minor --yes").code(3));
    seen.assert();
}

#[test]
fn a_template_that_fails_undoes_the_release() {
    let settings = Settings { major: 10, changelog: "" };
    let project = generating(FROM_COMMITS, ("pyproject.toml", &settings.text()), "");
    project.write("templates/CHANGELOG.md.j2", "{{ context.nothing.at_all }}\n");
    project.commit("docs: make the changelog");
    let before = project.snapshot();
    let failed = project.pyrelease("run --yes").code(1);
    assert!(failed.stderr().contains("has no attribute"), "{failed}");
    project.assert_unchanged(&before);
    project.assert_no_debris();
}

#[test]
fn files_of_templates_are_in_the_release_commit() {
    let settings = Settings { major: 10, changelog: "" };
    let project = generating(FROM_COMMITS, ("pyproject.toml", &settings.text()), "");
    let each = "{% for version in context.history.released %}{{ version }}\n{% endfor %}";
    project.write("templates/CHANGELOG.md.j2", &format!("# Log\n\n{each}"));
    project.write("templates/docs/versions.txt.j2", each);
    project.commit("docs: make the changelog");
    project.pyrelease("run --yes").code(0);
    assert_eq!(project.read("CHANGELOG.md"), "# Log\n\n1.1.0\n1.0.0\n");
    let files = project.git(&["show", "--name-only", "--format=", "HEAD"]);
    assert_eq!(files.lines().collect::<Vec<_>>(), ["CHANGELOG.md", "docs/versions.txt", "pyproject.toml"]);
    project.assert_tree_clean();
}

/// The tool would write the whole changelog anew, from tags only.
#[test]
fn sections_that_the_tool_did_not_write_are_kept() {
    let settings = Settings { major: 9, changelog: "" };
    let old =
        "# CHANGELOG\n\n## v1.0.0 (2026-01-05)\n\n- By hand.\n\n## v0.9.0 (2025-01-05)\n\n- Before git.\n";
    let project = generating(FROM_COMMITS, ("pyproject.toml", &settings.text()), old);
    let run = project.pyrelease("run --yes").code(0);
    assert!(run.stderr().contains("would drop 0.9.0: adding the new section only"), "{run}");
    let text = project.read("CHANGELOG.md");
    let (head, rest) = text.split_once("\n## v1.0.0").expect("the section is kept");
    assert!(head.starts_with("# CHANGELOG\n\n## v1.1.0 (") && head.contains("### Features"), "{text}");
    assert_eq!(format!("\n## v1.0.0{rest}"), old[old.find("\n## v1.0.0").unwrap()..]);
    project.write("CHANGELOG.md", &old[..old.find("\n## v0.9.0").unwrap()]);
    project.commit("docs: correct the changelog");
    change(&project, "fix: no longer stop");
    let run = project.pyrelease("run --yes").code(0);
    assert!(run.stderr().contains("would rewrite 1.0.0: adding the new section only"), "{run}");
}

/// A rehearsal's remote is a folder, but its files are released: their links are those of the project's remote.
#[test]
fn links_of_a_rehearsal_are_those_of_the_release() {
    let settings = Settings { major: 10, changelog: "" }.text();
    let settings = settings.replace("url = \"https://github.com/o/demo.git\"\n", "");
    let config = FROM_COMMITS.replace("\"tag\"]", "\"tag\", \"build\"]");
    let project = generating(&config, ("pyproject.toml", &settings), "");
    project.git(&["remote", "add", "origin", "https://user:secret@git.invalid/o/real.git"]);
    project.pyrelease("rehearse --yes").code(0);
    let run = project.pyrelease("run --yes").code(0);
    assert!(!run.stderr().contains("Running `semantic-release"), "{run}");
    let text = project.read("CHANGELOG.md");
    assert!(text.contains("(https://github.com/o/real/commit/") && !text.contains("secret"), "{text}");

    // A folder is no address for a link.
    let folder = project.sandbox().home().join("remote.git").display().to_string();
    project.git(&["init", "--quiet", "--bare", &folder]);
    project.git(&["remote", "set-url", "origin", &folder]);
    let urls = "\n[project.urls]\nSource = \"http://github.com/o/source\"\n";
    project.write("pyproject.toml", &(project.read("pyproject.toml") + urls));
    project.commit("fix: name the source");
    project.pyrelease("run --yes").code(0);
    let text = project.read("CHANGELOG.md");
    assert!(text.contains("(https://github.com/o/source/commit/") && !text.contains("remote"), "{text}");
}
