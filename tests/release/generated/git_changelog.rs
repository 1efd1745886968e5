//! Changelogs that git-changelog generates.

use pyrelease_test_support::{Project, Transcript, str};

use super::{FROM_COMMITS, STAGES, change, generating, program};

const CONFIG: &str = "config/git-changelog.toml";
const SETTINGS: &str = "bump = \"auto\"\nconvention = \"angular\"\nin-place = true\noutput = \"CHANGELOG.md\"\nsections = [\"build\", \"feat\", \"fix\"]\nversioning = \"pep440\"\n";
const MARKED: &str = "# Changelog\n\n<!-- insertion marker -->\n## [v1.0.0](https://github.com/o/demo/releases/tag/v1.0.0) - 2026-01-05\n\n- By hand.\n";

fn project(config: &str, settings: &str, changelog: &str) -> Project {
    generating(config, (CONFIG, settings), changelog)
}

/// A project whose remote is a folder, and which says where its code is.
fn with_remote(settings: &str, changelog: &str) -> Project {
    let project = project(FROM_COMMITS, settings, changelog);
    let metadata = project.read("pyproject.toml");
    let urls = "\n[project.urls]\nRepository = \"https://github.com/o/demo\"\n";
    project.write("pyproject.toml", &format!("{metadata}{urls}"));
    project.commit("build: say where the code is");
    let remote = project.sandbox().home().join("remote.git");
    project.git(&["clone", "--quiet", "--bare", ".", &remote.display().to_string()]);
    project.git(&["remote", "add", "origin", &remote.display().to_string()]);
    project
}

/// Runs the tool by hand in the project, as if its remote were on GitHub; returns what it prints.
fn by_hand(project: &Project, arguments: &[&str]) -> String {
    let url = |url: &str| project.git(&["config", "remote.origin.url", url]);
    let before = project.git(&["config", "remote.origin.url"]);
    url("git@github.com:o/demo.git");
    let command = project.sandbox().command(project.folder(), program("git-changelog"), arguments);
    let said = command.stderr_capture().read().expect("it runs");
    url(before.trim());
    said
}

/// Releases by pyrelease, and checks that the changelog is the one that the tool makes by hand.
fn assert_as_by_hand(project: &Project, version: &str) {
    let before = project.head();
    project.pyrelease("run --yes").code(0);
    let ours = project.read("CHANGELOG.md");
    project.assert_tree_clean();
    let after = project.head();
    project.git(&["tag", "--delete", version]);
    project.git(&["reset", "--quiet", "--hard", &before]);
    // The tool itself finds the version that pyrelease has computed.
    assert_eq!(by_hand(project, &["--bumped-version"]), version);
    by_hand(project, &["--output", "CHANGELOG.md"]);
    assert_eq!(project.read("CHANGELOG.md"), ours);
    project.git(&["reset", "--quiet", "--hard", &after]);
    project.git(&["tag", version]);
}

#[test]
fn a_new_section_is_that_of_the_tool_itself() {
    let project = with_remote(SETTINGS, MARKED);
    assert_as_by_hand(&project, "v1.1.0");
    let section = "### Features\n\n- take a flag ([";
    assert!(project.read("CHANGELOG.md").contains(section), "{}", project.read("CHANGELOG.md"));
    project.pyrelease("notes").code(0).stdout_eq(str![[r#"
<small>[Compare with v1.0.0](https://github.com/o/demo/compare/v1.0.0...v1.1.0)</small>

### Build

- say where the code is ([[OID]](https://github.com/o/demo/commit/[OID]) by Dana Developer).

### Features

- take a flag ([[OID]](https://github.com/o/demo/commit/[OID]) by Dana Developer).

### Bug Fixes

- no longer fail ([[OID]](https://github.com/o/demo/commit/[OID]) by Dana Developer).

"#]]);

    // The next release follows this one.
    project.write("release.toml", STAGES);
    project.commit("chore: no longer say from what");
    change(&project, "build: need less");
    let plan = project.pyrelease("plan").code(0);
    plan.assert_shown("generated/plan-of-git-changelog");
    assert_as_by_hand(&project, "v1.1.1");
}

#[test]
fn a_whole_changelog_is_that_of_the_tool_itself() {
    let settings = "bump = \"auto\"\nconvention = \"conventional\"\noutput = \"./CHANGELOG.md\"\n";
    let whole = with_remote(settings, "");
    change(&whole, "fix!: take fewer arguments");
    assert_as_by_hand(&whole, "v2.0.0");
    assert!(whole.read("CHANGELOG.md").contains("## [v1.0.0]"));

    // Sections of versions without a tag are not made again.
    let old = MARKED.replace("v1.0.0", "v0.9.0");
    let kept = project(FROM_COMMITS, settings, &old);
    kept.pyrelease("run --yes").code(0);
    let text = kept.read("CHANGELOG.md");
    assert!(text.contains("- By hand.\n") && text.contains("- take a flag"), "{text}");
}

#[test]
fn what_would_make_it_fail_is_refused_first() {
    let mut seen = Transcript::named("generated/git-changelog-refused");
    let changed = |from: &str, to: &str| SETTINGS.replace(from, to);
    let template = changed("output", "template = \"path:news.md.jinja\"\noutput");
    for (settings, changelog, bump) in [
        (SETTINGS.to_owned(), MARKED.replace("<!-- insertion marker -->\n", ""), "minor"),
        (changed("pep440", "semver"), MARKED.to_owned(), "1.1.0rc1"),
        (changed("pep440", "calver"), MARKED.to_owned(), "minor"),
        (template, MARKED.to_owned(), "minor"),
        ("output = [\n".to_owned(), MARKED.to_owned(), "minor"),
    ] {
        let project = project(FROM_COMMITS, &settings, &changelog);
        let before = project.snapshot();
        seen.add_messages(&project.pyrelease(&format!("run {bump} --yes")).code(3));
        project.assert_unchanged(&before);
    }
    seen.assert();
}

#[test]
fn a_section_that_is_there_already_is_left() {
    let written = MARKED.replace("## [", "## [v1.1.0](https://x.test) - 2026-01-09\n\n- Ready.\n\n## [");
    let project = project(FROM_COMMITS, SETTINGS, &written);
    project.pyrelease("run minor --yes").code(0);
    assert_eq!(project.read("CHANGELOG.md"), written);
}

/// Prints what the tool makes of the history of each revision, for a convention.
const SCRIPT: &str = "
import sys
from git_changelog import Changelog
for convention, revision in zip(sys.argv[1::2], sys.argv[2::2]):
    made = Changelog('.', convention=convention, bump='auto', filter_commits=revision)
    print(made.versions_list[0].planned_tag)
";

#[test]
fn bumps_are_those_of_the_tool() {
    let project = project(FROM_COMMITS, SETTINGS, MARKED);
    // Its environment is made by a release.
    project.pyrelease("run minor --yes").code(0);
    let histories: [(&str, &[&str], &str); 10] = [
        ("angular", &["feat(cli): a", "docs: b"], "v1.2.0"),
        ("angular", &["feat!: a"], "v1.1.1"),
        ("angular", &["fix: a\n\nBreaking changes: b"], "v2.0.0"),
        ("angular", &["feat : a", "features: b"], "v1.1.1"),
        ("conventional", &["docs!: a"], "v2.0.0"),
        ("conventional", &["nothing!: a", "feat(x y):b"], "v1.1.1"),
        ("basic", &["Address a", "break"], "v1.2.0"),
        ("basic", &["breaks all"], "v2.0.0"),
        ("linux", &["mm: add a"], "v1.2.0"),
        ("linux", &["adds: fix a"], "v1.1.1"),
    ];
    let mut arguments = vec!["-c", SCRIPT];
    let names: Vec<String> = (0..histories.len()).map(|number| format!("history-{number}")).collect();
    for ((convention, messages, expected), name) in histories.iter().zip(&names) {
        project.git(&["switch", "--quiet", "--create", name, "v1.1.0"]);
        project.write(CONFIG, &format!("# {name}\n{}", SETTINGS.replace("angular", convention)));
        project.commit("chore: choose a convention");
        for message in *messages {
            project.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        }
        let plan = project.pyrelease("plan").code(0);
        let ours = plan.stdout().split_whitespace().nth(1).map(|version| format!("v{version}"));
        assert_eq!(ours.as_deref(), Some(*expected), "{convention}: {messages:?}");
        arguments.extend([*convention, name.as_str()]);
    }
    let python = program("git-changelog").with_file_name("python");
    let said = project.sandbox().command(project.folder(), python, &arguments).read().expect("it runs");
    let theirs: Vec<&str> = said.lines().collect();
    assert_eq!(theirs, histories.map(|(_, _, expected)| expected));
}
