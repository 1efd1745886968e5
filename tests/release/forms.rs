//! Changelogs whose form only earlier releases show.

use pyrelease_test_support::{Blueprint, Project, str};

use super::{changelog_of, quick};

const STAGES: &str = "stages = [\"changelog\", \"version\", \"tag\"]\n";

fn project(text: &str) -> Project {
    blueprint().changelog(text).build()
}

fn blueprint() -> Blueprint {
    quick().without_remote().config(STAGES)
}

/// Commits and tags a version with this changelog.
fn release(project: &Project, (from, to): (&str, &str), path: &str, text: &str) {
    let metadata = project.read("pyproject.toml").replace(&format!("\"{from}\""), &format!("\"{to}\""));
    project.write("pyproject.toml", &metadata);
    project.write(path, text);
    project.commit(&format!("Release {to}"));
    project.git(&["tag", &format!("v{to}")]);
}

#[test]
fn a_final_release_takes_over_the_section_of_its_candidate_as_the_last_one_did() {
    let first = "# Changes\n\n## 1.0.0 (2026-01-01)\n\n- The first one.\n";
    let with = |heading: &str, old: &str| {
        old.replacen("# Changes\n", &format!("# Changes\n\n## {heading}\n\n- More.\n"), 1)
    };
    let project = project(first);
    release(&project, ("1.0.0", "1.1.0rc1"), "CHANGELOG.md", &with("1.1.0rc1 (2026-01-02)", first));
    let sentence = "## 1.1.0 (2026-01-03)\n\nNo significant changes since the last candidate.";
    let text = with("1.1.0rc1 (2026-01-02)", first).replace("## 1.1.0rc1 (2026-01-02)", sentence);
    release(&project, ("1.1.0rc1", "1.1.0"), "CHANGELOG.md", &text);
    let text = with("1.2.0rc1 (2026-01-04)", &text);
    release(&project, ("1.1.0", "1.2.0rc1"), "CHANGELOG.md", &text);
    project.pyrelease("plan release").code(0).stdout_eq(str![[r#"
demo 1.2.0 (now 1.2.0rc1), tag v1.2.0, from main at [OID]
  in the run's own clone:
    changelog  write CHANGELOG.md
    version    write pyproject.toml
    tag        commit "Release 1.2.0"
               tag v1.2.0
  in the repository and its remote; undone if a later stage fails:
    land       land in your repository: main and tag v1.2.0
  where the configuration does not say:
    no Unreleased section is left, as in v1.2.0rc1 and v1.1.0 (to change it, set `unreleased` in [stage.changelog])
    the section of the last pre-release becomes that of this version, as in v1.1.0 (to change it, set `renames-prerelease` in [stage.changelog])
    lightweight tag, as in v1.2.0rc1 and v1.1.0 (to change it, set `annotated` in [stage.tag])

"#]]);
    for renames in [false, true] {
        project
            .write("release.toml", &format!("{STAGES}[stage.changelog]\nrenames-prerelease = {renames}\n"));
        let plan = project.pyrelease("plan release").code(0);
        assert_eq!(plan.stdout().contains("becomes that of this version, as in v1.1.0"), renames, "{plan}");
        let says_so = "a section `No changes since 1.2.0rc1.` above that of the last pre-release, by default";
        assert_eq!(plan.stdout().contains(says_so), !renames, "{plan}");
    }
    project.write("release.toml", STAGES);
    project.pyrelease("run release --yes").code(0);
    let sentence = "## 1.2.0 (DAY)\n\nNo significant changes since the last candidate.";
    assert_eq!(changelog_of(&project, "CHANGELOG.md"), text.replace("## 1.2.0rc1 (2026-01-04)", sentence));
    let notes = project.pyrelease("notes 1.2.0").code(0);
    assert!(
        notes.stdout().starts_with("No significant changes since the last candidate.\n\n- More."),
        "{notes}"
    );
}

#[test]
fn a_final_release_says_that_nothing_has_changed_since_its_candidate_as_earlier_ones_did() {
    let headed = |version: &str, day: &str, body: &str| {
        let title = format!("v{version} ({day})");
        format!("{title}\n{}\n\n{body}\n\n", ".".repeat(title.len()))
    };
    let first = headed("1.0.0", "2026-01-01", "- The first one.");
    let project = blueprint().changelog("").build();
    project.git(&["rm", "--quiet", "--force", "CHANGELOG.md"]);
    let with = |heading: &str, day: &str, body: &str, old: &str| headed(heading, day, body) + old;
    let candidate = with("1.1.0rc1", "2026-01-02", "- More.", &first);
    release(&project, ("1.0.0", "1.1.0rc1"), "NEWS.rst", &candidate);
    // Nothing shows another way.
    let plan = project.pyrelease("plan release").code(0);
    assert!(plan.stdout().contains("a section `No changes since 1.1.0rc1.` above that"), "{plan}");
    let text = with("1.1.0", "2026-01-03", "No changes from **v1.1.0rc1**.", &candidate);
    release(&project, ("1.1.0rc1", "1.1.0"), "NEWS.rst", &text);
    let text = with("1.2.0rc1", "2026-01-04", "- Another.", &text);
    release(&project, ("1.1.0", "1.2.0rc1"), "NEWS.rst", &text);
    let text = with("1.2.0rc2", "2026-01-05", "- A fix.", &text);
    release(&project, ("1.2.0rc1", "1.2.0rc2"), "NEWS.rst", &text);
    let sentence = "No changes from **v1.2.0rc2**.";
    let plan = project.pyrelease("plan release").code(0);
    assert!(
        plan.stdout().contains(&format!(
            "a section `{sentence}` above that of the last pre-release, as `v1.1.0 (2026-01-03)` (to change it, set `renames-prerelease`"
        )),
        "{plan}"
    );
    project.pyrelease("run release --yes").code(0);
    let released = changelog_of(&project, "NEWS.rst");
    let (heading, rest) = released.split_once('\n').unwrap();
    assert_eq!(heading, "v1.2.0 (DAY)");
    assert_eq!(rest.split_once('\n').unwrap().1, format!("\n{sentence}\n\n{text}"));
    assert_eq!(project.pyrelease("notes 1.2.0").code(0).stdout().trim(), sentence);

    // Where final releases had changes of their own, nobody says that there are none.
    let project = blueprint().changelog("").build();
    project.git(&["rm", "--quiet", "--force", "CHANGELOG.md"]);
    release(&project, ("1.0.0", "1.1.0rc1"), "NEWS.rst", &candidate);
    let text = with("1.1.0", "2026-01-03", "- A late fix.", &candidate);
    release(&project, ("1.1.0rc1", "1.1.0"), "NEWS.rst", &text);
    let text = with("1.2.0rc1", "2026-01-04", "- Another.", &text);
    release(&project, ("1.1.0", "1.2.0rc1"), "NEWS.rst", &text);
    project.pyrelease("run release --yes").code(0);
    assert_eq!(project.read("NEWS.rst"), text);
}

#[test]
fn the_section_of_the_next_version_is_left_as_in_the_last_releases() {
    let headed = |title: &str| format!("{title}\n{}\n\n", "-".repeat(title.len()));
    let open = |version: &str| headed(&format!("{version} (unreleased)"));
    let first = headed("1.0.0 (2026-01-01)") + "- The first one.\n";
    let project = blueprint().changelog("").build();
    project.git(&["rm", "--quiet", "--force", "CHANGELOG.md"]);
    let edit = |text: &str| {
        project.write("CHANGES.rst", text);
        project.commit("Write the changelog");
    };
    let mut old = first;
    for (from, to) in [("1.0.0", "1.0.1"), ("1.0.1", "1.0.2")] {
        edit(&format!("{}- A fix.\n\n{old}", open(to)));
        old = format!("{}- A fix.\n\n{old}", headed(&format!("{to} (2026-01-02)")));
        let next = if to == "1.0.1" { "1.0.2" } else { "1.0.3" };
        release(&project, (from, to), "CHANGES.rst", &format!("{}- Nothing yet.\n\n{old}", open(next)));
    }
    edit(&format!("{}- Another fix.\n\n{old}", open("1.0.3")));
    let plan = project.pyrelease("plan 1.0.3").code(0);
    assert!(
        plan.stdout().contains(
            "an empty section `1.0.4 (unreleased)` is left, as in v1.0.2 and v1.0.1 (to change it, set `unreleased`"
        ),
        "{plan}"
    );
    // Nothing shows what follows a minor release.
    let plan = project.pyrelease("plan 1.1.0").code(0);
    assert!(plan.stdout().contains("no Unreleased section is left"), "{plan}");
    project.pyrelease("run 1.0.3 --yes").code(0);
    let released = headed("1.0.3 (2026-01-02)") + "- Another fix.\n\n" + &old;
    assert_eq!(
        changelog_of(&project, "CHANGES.rst"),
        open("1.0.4") + "- Nothing yet.\n\n" + &released.replace("1.0.3 (2026-01-02)", "1.0.3 (DAY)")
    );
    project.write("release.toml", &format!("{STAGES}[stage.changelog]\nunreleased = false\n"));
    edit(&format!("{}- A last fix.\n\n{released}", open("1.0.4")));
    project.pyrelease("run 1.0.4 --yes").code(0);
    assert!(project.read("CHANGES.rst").starts_with("1.0.4 (2"), "{}", project.read("CHANGES.rst"));
}

#[test]
fn a_minor_release_shows_which_section_the_patch_release_after_it_leaves() {
    let headed = |title: &str| format!("{title}\n{}\n\n", "-".repeat(title.len()));
    let open = |version: &str| headed(&format!("{version} (unreleased)"));
    let first = headed("1.0.0 (2026-01-01)") + "- The first one.\n";
    let project = blueprint().changelog("").build();
    project.git(&["rm", "--quiet", "--force", "CHANGELOG.md"]);
    project.write("CHANGES.rst", &format!("{}- A flag.\n\n{first}", open("1.1.0")));
    project.commit("Write the changelog");
    let old = format!("{}- A flag.\n\n{first}", headed("1.1.0 (2026-01-02)"));
    let text = format!("{}{}{old}", open("1.2.0"), open("1.1.1"));
    release(&project, ("1.0.0", "1.1.0"), "CHANGES.rst", &text);
    project.write("CHANGES.rst", &format!("{}{}- A fix.\n\n{old}", open("1.2.0"), open("1.1.1")));
    project.commit("Write the changelog");
    project.pyrelease("run 1.1.1 --yes").code(0);
    let released = headed("1.1.1 (2026-01-02)").replace("2026-01-02", "DAY") + "- A fix.\n\n";
    assert_eq!(
        changelog_of(&project, "CHANGES.rst"),
        format!("{}{}{released}{old}", open("1.2.0"), open("1.1.2"))
    );
}

#[test]
fn another_file_with_the_same_section_is_released_as_well() {
    let headed = |title: &str| format!("{title}\n{}\n\n", "-".repeat(title.len()));
    let page = |title: &str, rest: &str| {
        format!("{}- All about the fix.\n\n{rest}", headed(&format!("Version {title}")))
    };
    let news = |title: &str, rest: &str| format!("{}- A fix.\n\n{rest}", headed(title));
    let project = blueprint().changelog("").build();
    project.git(&["rm", "--quiet", "--force", "CHANGELOG.md"]);
    let open = |version: &str, old: &(String, String)| {
        let title = format!("{version} (unreleased)");
        project.write("CHANGES.txt", &news(&title, &old.0));
        project.write("docs/release/1.x.rst", &page(&title, &old.1));
        project.write("docs/plugins-news.rst", &news(&title, &headed("0.3.0 (2026-01-01)")));
        project.commit("Write the changelog");
    };
    let old = (headed("1.0.0 (2026-01-01)"), headed("Version 1.0.0 (2026-01-01)"));
    open("1.0.1", &old);
    let title = "1.0.1 (2026-01-02)";
    let old = (news(title, &old.0), page(title, &old.1));
    project.write("docs/release/1.x.rst", &old.1);
    project.write("docs/plugins-news.rst", &news("0.3.0 (2026-01-01)", ""));
    release(&project, ("1.0.0", "1.0.1"), "CHANGES.txt", &old.0);
    open("1.0.2", &old);
    let plugins = project.read("docs/plugins-news.rst");
    let plan = project.pyrelease("plan 1.0.2").code(0);
    let says = "the section in `docs/release/1.x.rst` as well, as in v1.0.1 (to change it, set `file` in";
    assert!(plan.stdout().contains(says), "{plan}");
    let doctor = project.pyrelease("doctor").code(0);
    assert!(doctor.stderr().contains("docs/release/1.x.rst (reStructuredText) becomes"), "{doctor}");
    // An edit that is not committed is in the way in either.
    project.write("docs/release/1.x.rst", &format!("{}- More.\n", project.read("docs/release/1.x.rst")));
    let refused = project.pyrelease("run 1.0.2 --yes").code(3);
    assert!(refused.stderr().contains("docs/release/1.x.rst"), "{refused}");
    project.git(&["checkout", "--quiet", "docs/release/1.x.rst"]);
    project.pyrelease("run 1.0.2 --yes").code(0);
    let today = "1.0.2 (DAY)";
    assert_eq!(
        changelog_of(&project, "CHANGES.txt"),
        news("1.0.2 (2026-01-03)", &old.0).replace("1.0.2 (2026-01-03)", today)
    );
    assert_eq!(
        changelog_of(&project, "docs/release/1.x.rst"),
        page("1.0.2 (2026-01-03)", &old.1).replace("1.0.2 (2026-01-03)", today)
    );
    assert_eq!(project.read("docs/plugins-news.rst"), plugins);
    assert_eq!(project.git(&["status", "--porcelain", "--untracked-files=no"]), "");
    // What the configuration names is all.
    open("1.0.3", &(project.read("CHANGES.txt"), project.read("docs/release/1.x.rst")));
    project.write("release.toml", &format!("{STAGES}[stage.changelog]\nfile = \"CHANGES.txt\"\n"));
    let plan = project.pyrelease("plan 1.0.3").code(0);
    assert!(!plan.stdout().contains("1.x.rst"), "{plan}");
}

#[test]
fn entries_are_made_from_commits_as_in_the_last_releases() {
    let mut text = "# Changes\n\n## v1.0.0 - 2026-01-01\n\n- The first one.\n".to_owned();
    let project = project(&text);
    let change = |messages: &[&str]| {
        for message in messages {
            let file = message.replace(|c: char| !c.is_alphanumeric(), "-");
            project.write(&format!("{file}.txt"), message);
            project.commit(message);
        }
    };
    let list = |titles: &[&str], (old, new): (&str, &str)| {
        let items: String = titles.iter().map(|title| format!("* {title}\n")).collect();
        format!(
            "### What's Changed\n\n{items}\n**Full Changelog**: https://example.org/o/r/compare/v{old}...v{new}\n"
        )
    };
    let with = |text: &str, version: &str, day: &str, list: &str| {
        text.replacen("# Changes\n", &format!("# Changes\n\n## v{version} - {day}\n\n{list}"), 1)
    };
    change(&["feat: take a flag (#2)", "fix: no longer fail (#3)"]);
    let entries = list(&["fix: no longer fail (#3)", "feat: take a flag (#2)"], ("1.0.0", "1.0.1"));
    text = with(&text, "1.0.1", "2026-01-02", &entries);
    release(&project, ("1.0.0", "1.0.1"), "CHANGELOG.md", &text);
    change(&["docs: say how (#4)"]);
    text = with(&text, "1.0.2", "2026-01-03", &list(&["docs: say how (#4)"], ("1.0.1", "1.0.2")));
    release(&project, ("1.0.1", "1.0.2"), "CHANGELOG.md", &text);
    change(&["Go on (#5)", "ci: another thing (#6)"]);
    project.pyrelease("plan 1.1.0").code(0).stdout_eq(str![[r#"
demo 1.1.0 (now 1.0.2), tag v1.1.0, from main at [OID]
  in the run's own clone:
    changelog  write CHANGELOG.md
    version    write pyproject.toml
    tag        commit "Release 1.1.0"
               tag v1.1.0
  in the repository and its remote; undone if a later stage fails:
    land       land in your repository: main and tag v1.1.0
  where the configuration does not say:
    section `v1.1.0 - [DATE]`, as `v1.0.2 - [DATE]` (to change it, set `heading` in [stage.changelog])
    no Unreleased section is left, as in v1.0.2 and v1.0.1 (to change it, set `unreleased` in [stage.changelog])
    changelog entries made from the commits, as in v1.0.2 and v1.0.1 (to change it, set `from` in [stage.changelog])
    lightweight tag, as in v1.0.2 and v1.0.1 (to change it, set `annotated` in [stage.tag])

"#]]);
    project.pyrelease("run 1.1.0 --yes").code(0);
    let entries = list(&["ci: another thing (#6)", "Go on (#5)"], ("1.0.2", "1.1.0"));
    assert_eq!(changelog_of(&project, "CHANGELOG.md"), with(&text, "1.1.0", "DAY", &entries));

    // What was written by hand counts first.
    let text =
        project.read("CHANGELOG.md").replacen("# Changes\n", "# Changes\n\n## Unreleased\n\n- By hand.\n", 1);
    project.write("CHANGELOG.md", &text);
    project.commit("Write the changelog");
    project.pyrelease("run 1.2.0 --yes").code(0);
    assert!(project.read("CHANGELOG.md").contains("\n\n- By hand.\n\n## v1.1.0"));
}

#[test]
fn fragments_of_the_repository_are_collected_with_the_versions_of_earlier_headings() {
    let section =
        |versions: &str, day: &str| format!("## Version {versions} ({day})\n\n### Added\n\n- That. (#7)\n\n");
    let start = "# Changelog\n\n<!-- start -->\n\n";
    let project = blueprint().in_subfolder("api").changelog("").build();
    project.git(&["rm", "--quiet", "--force", "CHANGELOG.md"]);
    let path = "../CHANGELOG.md";
    let settings = "[tool.towncrier]\ndirectory = \".changes\"\nfilename = \"CHANGELOG.md\"\nstart_string = \"<!-- start -->\\n\"\n\
                    issue_format = \"#{issue}\"\ntitle_format = \"## Version {version} ({project_date})\"\nunderlines = [\"\", \"\", \"\"]\n\
                    [[tool.towncrier.type]]\ndirectory = \"added\"\nname = \"Added\"\nshowcontent = true\n";
    project.write("../pyproject.toml", settings);
    let mut text = format!("{start}{}", section("1.0.0/0.4b0", "2026-01-01"));
    for (versions, both) in [(("1.0.0", "1.1.0"), "1.1.0/0.5b0"), (("1.1.0", "1.2.0"), "1.2.0/0.6b0")] {
        text = text.replacen(start, &format!("{start}{}", section(both, "2026-01-02")), 1);
        release(&project, versions, path, &text);
    }
    project.write("../.changes/12.added", "A flag.\n");
    project.write("../.changes/.gitignore", "!.gitignore\n");
    project.commit("Add a flag");
    project.pyrelease("plan").code(0).stdout_eq(str![[r#"
demo 1.3.0 (now 1.2.0), tag v1.3.0, from main at [OID]
because `../.changes/12.added` is a fragment of type `added`
  in the run's own clone:
    changelog  run `towncrier build --yes --version 1.3.0/0.7b0 --date [DATE]`
    version    write pyproject.toml
    tag        commit "Release 1.3.0"
               tag v1.3.0
  in the repository and its remote; undone if a later stage fails:
    land       land in your repository: main and tag v1.3.0
  where the configuration does not say:
    changelog `../CHANGELOG.md`, as in v1.2.0 (to change it, set `file` in [stage.changelog])
    no Unreleased section is left, as in v1.2.0 and v1.1.0 (to change it, set `unreleased` in [stage.changelog])
    lightweight tag, as in v1.2.0 and v1.1.0 (to change it, set `annotated` in [stage.tag])

"#]]);
    project.pyrelease("run --yes").code(0);
    let released = changelog_of(&project, path);
    assert!(
        released
            .starts_with(&format!("{start}## Version 1.3.0/0.7b0 (DAY)\n\n### Added\n\n- A flag. (#12)\n")),
        "{released}"
    );
    assert_eq!(project.git(&["ls-files", "../.changes"]).trim(), "../.changes/.gitignore");
    assert_eq!(project.git(&["status", "--porcelain", "--untracked-files=no"]), "");
    // A bad fragment is refused by its path.
    project.write("../.changes/13.unheard", "Something.\n");
    project.commit("Add a bad one");
    let refused = project.pyrelease("run minor --dry-run").code(3);
    assert!(
        refused.stderr().contains("`../.changes/13.unheard`: `unheard` is not a type of fragment"),
        "{refused}"
    );
}

#[test]
fn doctor_names_the_form_and_what_becomes_of_the_changelog() {
    let towncrier = "\n[tool.towncrier]\ndirectory = \"news\"\nfilename = \"NEWS.md\"\n";
    let earlier = "1.0.0 (2026-01-01)\n------------------\n\n- The first one.\n";
    let headed = |title: &str| format!("{title}\n{}\n\n- More.\n\n{earlier}", "-".repeat(title.len()));
    for (path, text, metadata, expected) in [
        ("NEWS.txt", headed("1.1.0 (unreleased)"), "", "NEWS.txt (plain text) becomes"),
        ("CHANGES", headed("1.1.0 (unreleased)"), "", "CHANGES (reStructuredText) becomes"),
        ("HISTORY.md", headed("Unreleased").replace('\n', "\r\n"), "", "HISTORY.md (Markdown) becomes"),
        (
            "CHANGES.rst",
            headed("1.1.0 (2026-01-02)"),
            "",
            "CHANGES.rst (reStructuredText) has the section of 1.1.0 already",
        ),
        (
            "news/1.bugfix",
            "A fix.\n".to_owned(),
            towncrier,
            "NEWS.md: towncrier collects one fragment of `news` into it",
        ),
    ] {
        let project = blueprint().changelog("").build();
        project.git(&["rm", "--quiet", "--force", "CHANGELOG.md"]);
        project.write(path, &text);
        project
            .write("pyproject.toml", &(project.read("pyproject.toml").replace("1.0.0", "1.1.0") + metadata));
        project.commit("Write the changelog");
        let doctor = project.pyrelease("doctor").code(0);
        assert!(doctor.stderr().contains(expected), "{doctor}");
    }
}
