//! One changelog for all members, with a section for each.

use pyrelease_test_support::{Project, str};

use super::{LOCAL, planned, workspace};

const MEMBERS: [(&str, &str, &[&str]); 3] =
    [("core", "1.0.0", &[]), ("cli", "1.0.0", &["core==1.0.0"]), ("app", "1.0.0", &[])];

/// Three members with one changelog at the top.
fn sharing(file: &str, text: &str, more: &str) -> Project {
    let shared = LOCAL.replace("[workspace]\n", &format!("[workspace]\nchangelog = \"{file}\"\n{more}"));
    let whole = workspace(&MEMBERS).config(&shared);
    let mut blueprint = match file {
        "CHANGELOG.md" => whole.changelog(text),
        _ => whole.file(file, text),
    };
    for (name, _, _) in MEMBERS {
        // What is not read any more.
        blueprint = blueprint.file(&format!("packages/{name}/CHANGELOG.md"), super::NEWS);
    }
    blueprint.build()
}

/// The changelog with `DATE` for the day of the last release.
fn changelog(project: &Project, file: &str) -> String {
    project.read(file).replace(&project.date_of("HEAD"), "DATE")
}

const NESTED: &str = "# Changelog\n\nAll of them.\n\n## [Unreleased]\n\n### core\n\n#### Added\n\n- A greeting.\n\n\
                      ### app\n\n#### Fixed\n\n- A comma.\n\n## app 1.0.0 - 2026-01-15\n\n- The first one.\n\n\
                      ## core 1.0.0 - 2026-01-14\n\n### Added\n\n- The first one.\n";

#[test]
fn a_release_moves_the_section_of_its_member() {
    let project = sharing("CHANGELOG.md", NESTED, "");
    // The entries tell what is released, and how it is bumped.
    let all = ["core 1.1.0 (core-v1.1.0)", "cli 1.0.1 (cli-v1.0.1)", "app 1.0.1 (app-v1.0.1)"];
    let mut planned = planned(&project, "");
    planned.sort_by_key(|line| all.iter().position(|one| one == line));
    assert_eq!(planned, all);
    project.pyrelease("run core --yes").code(0);
    let expected = NESTED.replacen("### core\n\n#### Added\n\n- A greeting.\n\n", "", 1).replacen(
        "## app 1.0.0",
        "## cli 1.0.1 - DATE\n\n- Require `core 1.1.0`\n\n## core 1.1.0 - DATE\n\n### Added\n\n- A greeting.\n\n## app 1.0.0",
        1,
    );
    assert_eq!(changelog(&project, "CHANGELOG.md"), expected);
    project.assert_tree_clean();
    assert_eq!(project.changed_by("HEAD").iter().filter(|path| path.ends_with("CHANGELOG.md")).count(), 1);
    project.pyrelease("notes core 1.1.0").code(0).stdout_eq(str![[r#"
### Added

- A greeting.

"#]]);
    project.pyrelease("notes cli 1.0.1").code(0).stdout_eq(str![[r#"
- Require `core 1.1.0`

"#]]);
    project.pyrelease("run --yes").code(0);
    let after = changelog(&project, "CHANGELOG.md");
    assert!(
        after.contains("## [Unreleased]\n\n## app 1.0.1 - DATE\n\n### Fixed\n\n- A comma.\n\n## "),
        "{after}"
    );
}

#[test]
fn a_version_of_all_has_a_subsection_for_each() {
    let text = "# Changelog\n\n## [Unreleased]\n\n### core\n\n#### Added\n\n- A greeting.\n\n## [1.0.0] - 2026-01-15\n\n\
                ### core\n\n- The first one.\n";
    let project = sharing("CHANGELOG.md", text, "versions = \"locked\"\n");
    project.pyrelease("run --yes").code(0);
    let expected = "# Changelog\n\n## [Unreleased]\n\n## [1.1.0] - DATE\n\n### core\n\n#### Added\n\n- A greeting.\n\n\
                    ### cli\n\n- Require `core 1.1.0`\n\n### app\n\n- No changes: released with `core`\n\n\
                    ## [1.0.0] - 2026-01-15\n\n### core\n\n- The first one.\n";
    let after = changelog(&project, "CHANGELOG.md");
    // The order is that in which they are published.
    let app = "### app\n\n- No changes: released with `core`\n\n";
    let sorted = after.replacen(app, "", 1).replacen("## [1.0.0]", &format!("{app}## [1.0.0]"), 1);
    assert_eq!(sorted, expected);
    project.pyrelease("notes cli 1.1.0").code(0).stdout_eq(str![[r#"
- Require `core 1.1.0`

"#]]);
}

#[test]
fn sections_that_are_named_from_the_beginning() {
    let text = "# News\n\n## cli [Unreleased]\n\n## core [Unreleased]\n\n### Fixed\n\n- A dot.\n\n## `core` 1.0.0 (2026-01-15)\n\n\
                - The first one.\n\n## old 3.0.0 (2020-01-01)\n\n- Not here any more.\n";
    let project = sharing("NEWS.md", text, "dependents = \"off\"\n");
    project.pyrelease("run --yes").code(0);
    let expected = text.replacen("### Fixed\n\n- A dot.\n\n", "", 1).replacen(
        "## `core` 1.0.0",
        "## `core` 1.0.1 (DATE)\n\n### Fixed\n\n- A dot.\n\n## `core` 1.0.0",
        1,
    );
    assert_eq!(changelog(&project, "NEWS.md"), expected);
}

#[test]
fn in_restructuredtext() {
    let text = "Changes\n=======\n\nUnreleased\n----------\n\napp\n~~~\n\n- A word.\n\ncore\n~~~~\n\nAdded\n^^^^^\n\n- A greeting.\n\n\
                app 1.0.0 (2026-01-15)\n----------------------\n\n- The first one.\n";
    let project = sharing("CHANGES.rst", text, "dependents = \"off\"\n");
    project.pyrelease("run core --yes").code(0);
    let expected = text.replacen("core\n~~~~\n\nAdded\n^^^^^\n\n- A greeting.\n\n", "", 1).replacen(
        "app 1.0.0",
        "core 1.1.0 (DATE)\n-----------------------\n\nAdded\n~~~~~\n\n- A greeting.\n\napp 1.0.0",
        1,
    );
    let after = changelog(&project, "CHANGES.rst");
    assert_eq!(after, expected);
}

#[test]
fn what_cannot_be_shared_is_refused() {
    let project = sharing("CHANGELOG.md", NESTED, "");
    let plan = |config: &str| {
        project.write("release.toml", config);
        let outcome = project.pyrelease("plan").run().code_in(&[2, 3]).stderr().to_owned();
        assert!(!outcome.contains("panicked"), "{outcome}");
        outcome
    };
    for (line, expected) in [
        ("changelog = \"NEWS.md\"\n", "`NEWS.md` is not in the last commit"),
        ("changelog = 3\n", "changelog = 3"),
        (
            "changelog = \"CHANGELOG.md\"\n[stage.changelog]\nfile = \"NEWS.md\"\n",
            "`file` in [stage.changelog] and `changelog` in [workspace] exclude each other",
        ),
        (
            "changelog = \"CHANGELOG.md\"\n[member.core.stage.changelog]\nfile = \"NEWS.md\"\n",
            "`file` in [stage.changelog] and `changelog` in [workspace] exclude each other",
        ),
    ] {
        let said = plan(&format!("{LOCAL}{line}"));
        assert!(said.contains(expected) && said.contains("release.toml"), "{line}: {said}");
    }
    let without = LOCAL.replace("\"changelog\", ", "");
    let said = plan(&format!("{without}changelog = \"CHANGELOG.md\"\n"));
    assert!(said.contains("`changelog` in [workspace] requires the stage `changelog`"), "{said}");
}

#[test]
fn an_entry_of_no_member_is_named() {
    let text = NESTED.replacen("### core\n", "- Of nobody.\n\n### core\n", 1);
    let project = sharing("CHANGELOG.md", &text, "");
    let plan = project.pyrelease("plan").code(0);
    let warning = "warning: `CHANGELOG.md`, line 7: not released, and in no member's subsection";
    assert!(plan.stderr().contains(warning), "{plan}");
    project.pyrelease("run core --yes").code(0);
    assert!(changelog(&project, "CHANGELOG.md").contains("- Of nobody."));
}
