//! Changelogs that towncrier or scriv collects from fragments, and sections from conventional commits.

use std::path::{Path, PathBuf};

use pyrelease_test_support::{Project, Transcript, shared_cache, str};

use super::quick;

const STAGES: &str = "stages = [\"changelog\", \"version\", \"tag\"]\n";

/// A project whose changelog is collected from fragments by a tool with these settings, appended to `pyproject.toml`.
fn collecting(settings: &str, files: &[(&str, &str)]) -> Project {
    let project = quick().without_remote().config(STAGES).build();
    project.git(&["rm", "--quiet", "--force", "CHANGELOG.md"]);
    project.write("pyproject.toml", &format!("{}\n{settings}", project.read("pyproject.toml")));
    files.iter().for_each(|(path, text)| project.write(path, text));
    project.commit("Collect the changelog");
    project
}

/// The Python of the environment that pyrelease has made for a tool.
fn python_of(tool: &str) -> PathBuf {
    let environments = fs_err::read_dir(shared_cache().join("tools")).expect("made by the release before");
    let has_tool = |folder: &Path| {
        let libraries = fs_err::read_dir(folder.join("lib")).into_iter().flatten().flatten();
        libraries
            .map(|library| library.path().join("site-packages").join(tool))
            .any(|package| package.is_dir())
    };
    let mut folders = environments.flatten().map(|entry| entry.path());
    folders.find(|folder| has_tool(folder)).expect("an environment with the tool").join("bin/python")
}

/// Runs the tool by hand in a clone at HEAD, and returns the text of `changelog` and the files left in `folder`.
fn by_hand(
    project: &Project,
    (tool, arguments): (&str, &[&str]),
    changelog: &str,
    folder: &str,
) -> (String, String) {
    let clone = project.sandbox().home().join(format!("by-hand-{tool}"));
    let _ = fs_err::remove_dir_all(&clone);
    project.git(&["clone", "--quiet", ".", &clone.display().to_string()]);
    let arguments = [&["-I", "-m", tool], arguments].concat();
    project
        .sandbox()
        .command(&clone, python_of(tool), &arguments)
        .stdout_capture()
        .run()
        .expect("it was just run");
    let text = fs_err::read_to_string(clone.join(changelog)).expect("the tool writes it");
    let left = fs_err::read_dir(clone.join(folder)).into_iter().flatten().flatten();
    let mut left: Vec<String> = left.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    left.sort();
    (text, left.join(" "))
}

/// The files of a folder in the last commit.
fn listed(project: &Project, folder: &str) -> String {
    let listed = project.git(&["ls-tree", "--name-only", "HEAD", &format!("{folder}/")]);
    let names = listed.lines().map(|path| path.rsplit('/').next().unwrap_or(path).to_owned());
    names.collect::<Vec<_>>().join(" ")
}

const FEATURE: (&str, &str) = ("12.feature.md", "It takes a *flag*.\n");
const FIX: (&str, &str) = ("13.bugfix.md", "It no longer fails.\n");

#[test]
fn towncrier_collects_as_the_project_configures_it() {
    let start = "# News\n\n<!-- towncrier release notes start -->\n\n## 1.0.0\n\n- The first one.\n";
    let template = "{% for section in sections.values() %}{% for kind, entries in section.items() %}{% for text, values in entries.items() %}* {{ kind }}: {{ text }} {{ values|join(', ') }}\n{% endfor %}{% endfor %}{% endfor %}";
    for (settings, changelog, folder, more) in [
        ("[tool.towncrier]\n", "NEWS.rst", "demo/newsfragments", vec![]),
        (
            "[tool.towncrier]\nname = \"Demo\"\ndirectory = \"news\"\nfilename = \"NEWS.md\"\n",
            "NEWS.md",
            "news",
            vec![("NEWS.md", start)],
        ),
        (
            "[tool.towncrier]\npackage = \"demo\"\npackage_dir = \"src\"\nfilename = \"docs/news.md\"\nissue_format = \"#{issue}\"\ntitle_format = \"## {version} ({project_date})\"\n",
            "docs/news.md",
            "src/demo/newsfragments",
            vec![("docs/news.md", start)],
        ),
        (
            "[tool.towncrier]\ndirectory = \"changes\"\ntemplate = \"changes/template.jinja\"\nfilename = \"CHANGES.md\"\n",
            "CHANGES.md",
            "changes",
            vec![("changes/template.jinja", template), ("CHANGES.md", start)],
        ),
        (
            "[tool.towncrier]\ndirectory = \"news\"\nsingle_file = false\nfilename = \"news-{version}.md\"\n[[tool.towncrier.type]]\ndirectory = \"feature\"\nname = \"New\"\nshowcontent = true\n[[tool.towncrier.type]]\ndirectory = \"bugfix\"\nname = \"Mended\"\nshowcontent = true\n",
            "news-1.1.0.md",
            "news",
            vec![],
        ),
        // Where the tool looked before it read the project's name
        ("[tool.towncrier]\ntitle_format = \"v{version}\"\n", "NEWS.rst", "newsfragments", vec![]),
    ] {
        let fragments = [FEATURE, FIX].map(|(name, text)| (format!("{folder}/{name}"), text));
        let files: Vec<(&str, &str)> =
            fragments.iter().map(|(path, text)| (path.as_str(), *text)).chain(more).collect();
        let project = collecting(settings, &files);
        let plan = project.pyrelease("plan").code(0);
        assert!(plan.stdout().contains("demo 1.1.0") && plan.stdout().contains("towncrier build"), "{plan}");
        let date = project.git(&["log", "-1", "--format=%cd", "--date=format:%Y-%m-%d"]);
        let before = project.head();
        project.pyrelease("run --yes").code(0);
        let released = project.read(changelog);
        let left = listed(&project, folder);
        project.git(&["reset", "--quiet", "--hard", &before]);
        let mut arguments = vec!["build", "--yes", "--version", "1.1.0", "--date", date.trim()];
        if folder == "newsfragments" {
            arguments.extend(["--config", "pyproject.toml"]);
        }
        assert_eq!(
            (released, left),
            by_hand(&project, ("towncrier", &arguments), changelog, folder),
            "{settings}"
        );
    }
}

#[test]
fn scriv_collects_as_the_project_configures_it() {
    let rst = "Added\n-----\n\n- A flag.\n\nFixed\n-----\n\n- A failure.\n";
    let md = "### Added\n\n- A flag.\n\n<!--\n### Removed\n\n- An example.\n-->\n";
    let start = "# Changelog\n\n<!-- scriv-insert-here -->\n\n## 1.0.0\n\n- The first one.\n";
    for (settings, changelog, folder, ending, fragment) in [
        ("[tool.scriv]\n", "CHANGELOG.rst", "changelog.d", "rst", rst),
        ("[tool.scriv]\nformat = \"md\"\n", "CHANGELOG.md", "changelog.d", "md", md),
        (
            "[tool.scriv]\nformat = \"md\"\nfragment_directory = \"news\"\nchangelog = \"docs/NEWS.md\"\nmd_header_level = \"2\"\n",
            "docs/NEWS.md",
            "news",
            "md",
            md,
        ),
        (
            "[tool.scriv]\nformat = \"md\"\nentry_title_template = \"{{ version }} of demo\"\n",
            "CHANGELOG.md",
            "changelog.d",
            "md",
            md,
        ),
        (
            "[tool.scriv]\nrst_header_chars = \"-~\"\n",
            "CHANGELOG.rst",
            "changelog.d",
            "rst",
            "Added\n~~~~~\n\n- A flag.\n",
        ),
    ] {
        let path = format!("{folder}/20260115_120000_change.{ending}");
        let mut files = vec![(path.as_str(), fragment)];
        if ending == "md" {
            files.push((changelog, start));
        }
        let project = collecting(settings, &files);
        let plan = project.pyrelease("plan").code(0);
        assert!(plan.stdout().contains("demo 1.1.0") && plan.stdout().contains("scriv collect"), "{plan}");
        let before = project.head();
        project.pyrelease("run --yes").code(0);
        let (released, left) = (project.read(changelog), listed(&project, folder));
        project.git(&["reset", "--quiet", "--hard", &before]);
        let hand = by_hand(&project, ("scriv", &["collect", "--version", "1.1.0"]), changelog, folder);
        assert_eq!((released, left), hand, "{settings}");
    }
}

#[test]
fn what_a_tool_would_refuse_or_leave_out_is_refused_first() {
    let towncrier = "[tool.towncrier]\ndirectory = \"news\"\n";
    let mut seen = Transcript::named("fragments/refused");
    for (settings, file) in [
        (towncrier.to_owned(), ("news/12.feat.md", "A flag.\n")),
        (towncrier.to_owned(), ("news/notes", "A flag.\n")),
        (
            format!("{towncrier}[[tool.towncrier.type]]\ndirectory = \"new\"\n"),
            ("news/12.feat.md", "A flag.\n"),
        ),
        (format!("{towncrier}[tool.towncrier.fragment.new]\n"), ("news/12.feat.md", "A flag.\n")),
        (format!("{towncrier}template = \"news/missing.jinja\"\n"), ("news/12.feature.md", "A flag.\n")),
    ] {
        let project = collecting(&settings, &[file]);
        let before = project.snapshot();
        seen.add_messages(&project.pyrelease("run minor --yes").code(3));
        project.assert_unchanged(&before);
    }
    seen.assert();
}

/// The tool would write a second section of the version.
#[test]
fn a_section_that_people_have_begun_takes_the_fragments() {
    let mut seen = Transcript::named("fragments/begun");
    for (settings, fragment, changelog) in [
        ("[tool.towncrier]\ndirectory = \"news\"\nfilename = \"NEWS.md\"\n", "news/12.feature.md", "NEWS.md"),
        ("[tool.scriv]\nformat = \"md\"\nmd_header_level = \"2\"\n", "changelog.d/x.md", "CHANGELOG.md"),
    ] {
        let text = if changelog == "NEWS.md" { "A flag.\n" } else { "### Added\n\n- A flag.\n" };
        let project = collecting(settings, &[(fragment, text)]);
        let old = "# News\n\n## 1.1.0 (TBD)\n\n- By hand.\n\nTODO: add the others.\n\n## 1.0.0\n\n- The first one.\n";
        // scriv knows headings of versions only.
        let old = if changelog == "NEWS.md" { old } else { &old["# News\n\n".len()..] };
        project.write(changelog, old);
        project.commit("Announce 1.1.0");
        seen.add_messages(&project.pyrelease("run minor --yes").code(0));
        let text = project.read(changelog);
        assert_eq!(
            text.lines().filter(|line| line.starts_with("#") && line.contains("1.1.0")).count(),
            1,
            "{text}"
        );
        assert!(!text.contains("TBD") && !text.contains("TODO"), "{text}");
        let order = ["1.1.0", "- By hand.", "A flag.", "## 1.0.0", "- The first one."];
        let places = order.map(|words| text.find(words).unwrap_or_else(|| panic!("no {words}: {text}")));
        assert!(places.is_sorted(), "{text}");
        let notes = project.pyrelease("notes").code(0);
        assert!(notes.stdout().contains("By hand.") && notes.stdout().contains("A flag."), "{notes}");
    }
    seen.assert();
}

#[test]
fn what_the_last_release_left_out_is_left_out_again() {
    let project = collecting("[tool.towncrier]\ndirectory = \"news\"\n", &[("news/9.fix.md", "Stale.\n")]);
    project.write("later.txt", "A release later\n");
    project.commit("Release 1.0.0");
    project.git(&["tag", "--force", "v1.0.0"]);
    project.write("news/12.feature.md", "A flag.\n");
    project.commit("Add a flag");
    let run = project.pyrelease("run minor --yes").code(0);
    let warning = "warning: [changelog] `news/9.fix.md`: `fix` is not a type of fragment in `pyproject.toml` \
                   (feature, bugfix, doc, removal, misc): the tool leaves it out, as in the last release";
    assert!(run.stderr().contains(warning), "{}", run.stderr());
    assert_eq!(listed(&project, "news"), "9.fix.md");
    assert!(project.read("NEWS.rst").contains("A flag."));
}

#[test]
fn fragments_that_are_configured_and_missing_are_named() {
    let mut seen = Transcript::named("fragments/missing");
    for settings in ["", "[tool.towncrier]\ndirectory = \"news\"\n"] {
        let project = collecting(settings, &[("later.txt", "something\n")]);
        for (required, code) in [("", 0), ("required = true\n", 3)] {
            let config = format!("{STAGES}[stage.changelog]\nfrom = \"fragments\"\n{required}");
            project.write("release.toml", &config);
            project.commit("Configure the changelog");
            seen.add_messages(&project.pyrelease("run minor --dry-run").code(code));
        }
    }
    seen.assert();
}

/// A fragment that is a link would publish what it leads to, and a changelog that is one would overwrite it.
#[test]
fn nothing_outside_the_repository_is_read_or_written() {
    let mut seen = Transcript::named("fragments/outside");
    for (changelog, link) in
        [("NEWS.md", "news/12.feature.md"), ("NEWS.md", "NEWS.md"), ("../../NEWS.md", "other")]
    {
        let settings = format!("[tool.towncrier]\ndirectory = \"news\"\nfilename = \"{changelog}\"\n");
        let project = collecting(&settings, &[("news/13.bugfix.md", "It no longer fails.\n")]);
        let secret = project.sandbox().home().join("secret");
        fs_err::write(&secret, "a secret\n").expect("a file");
        std::os::unix::fs::symlink(&secret, project.folder().join(link)).expect("a link");
        project.commit("Lead elsewhere");
        let before = project.snapshot();
        seen.add_error(&project.pyrelease("run minor --yes").code(3));
        project.assert_unchanged(&before);
        assert_eq!(fs_err::read_to_string(&secret).expect("it is there"), "a secret\n");
    }
    seen.assert();
}

#[test]
fn a_tool_that_fails_undoes_the_release() {
    let settings = "[tool.towncrier]\ndirectory = \"news\"\ntemplate = \"news/template.jinja\"\n";
    let files = [("news/12.feature.md", "A flag.\n"), ("news/template.jinja", "{% for %}\n")];
    let project = collecting(settings, &files);
    let before = project.snapshot();
    let failed = project.pyrelease("run minor --yes").code(1);
    assert!(failed.stderr().contains("TemplateSyntaxError"), "{failed}");
    project.assert_unchanged(&before);
    project.assert_no_debris();
}

#[test]
fn a_section_is_made_from_conventional_commits() {
    let config = format!(
        "{STAGES}[stage.changelog]\nfrom = \"commits\"\ntypes.docs = {{ heading = \"Documentation\" }}\n"
    );
    let text = "# Changelog\n\n## 1.0.0\n\n- The first one.\n";
    let project = quick().without_remote().config(&config).changelog(text).build();
    for (file, message) in [
        ("a.txt", "feat(cli): take a flag"),
        ("b.txt", "fix!: refuse empty input\n\nBREAKING CHANGE: empty input was ignored"),
        ("c.txt", "docs: say how"),
        ("d.txt", "chore: tidy up"),
    ] {
        project.write(file, "something\n");
        project.commit(message);
    }
    project.pyrelease("plan").code(0).stdout_eq(str![[r#"
demo 2.0.0 (now 1.0.0), tag v2.0.0, from main at [OID]
because of the commits: a commit breaks something: empty input was ignored
  in the run's own clone:
    changelog  write CHANGELOG.md
    version    write pyproject.toml
    tag        commit "Release 2.0.0"
               tag v2.0.0
  in the repository and its remote; undone if a later stage fails:
    land       land in your repository: main and tag v2.0.0

"#]]);
    project.pyrelease("run --yes").code(0);
    let released = project.read("CHANGELOG.md");
    let entries = "### Added\n\n- **cli:** take a flag\n\n### Fixed\n\n- **Breaking:** refuse empty input: empty input was ignored\n\n### Documentation\n\n- say how\n";
    assert!(released.contains(entries), "{released}");
    assert!(released.ends_with("## 1.0.0\n\n- The first one.\n"), "{released}");

    project.write("e.txt", "something\n");
    project.commit("chore: nothing for users");
    project.pyrelease("run --yes").code(2).messages_eq(str![[r#"
error: 2.0.0 is already released, and no commit since is of a type that is released
help: pass how to bump the version: `pyrelease run patch` (or minor, major, rc, …)

"#]]);
    project.write(
        "release.toml",
        &config.replace("commits\"", "commits\"\ntypes.fix = { heading = \"X\", bump = \"huge\" }"),
    );
    project.pyrelease("plan").code(2).messages_eq(str![[r#"
error: [stage.changelog] types.fix: `huge` is not `major`, `minor` or `patch`
help: such as { heading = "Documentation", bump = "patch" }

"#]]);
}

#[test]
fn what_a_tool_wrote_is_formatted_as_the_projects_hooks_would() {
    let hooks = "repos:\n  - repo: https://github.com/hukkin/mdformat\n    rev: 0.7.22\n    hooks:\n      - id: mdformat\n        \
                 args: [--wrap, \"40\"]\n";
    let settings =
        "[tool.towncrier]\ndirectory = \"news\"\nfilename = \"NEWS.md\"\ntemplate = \"template.jinja\"\n";
    let template = "## {{ versiondata.version }}\n{% for section in sections.values() %}{% for kind, entries in section.items() %}{% for text, values in entries.items() %}* {{ text }}\n{% endfor %}{% endfor %}{% endfor %}";
    let start = "# News\n\n<!-- towncrier release notes start -->\n\n## 1.0.0\n\n- The first one.\n";
    // The changelog at the last release, and since
    let released = |first: &str, start: &str| {
        let files = [
            (".pre-commit-config.yaml", hooks),
            ("template.jinja", template),
            ("news/1.feature.md", "It takes a *flag*, and says what it has done with it.\n"),
            ("NEWS.md", first),
        ];
        let project = collecting(settings, &files);
        project.git(&["tag", "--force", "v1.0.0"]);
        project.write("NEWS.md", start);
        project.git(&[
            "commit",
            "--quiet",
            "--allow-empty",
            "--all",
            "--message",
            "Change the form of the changelog",
        ]);
        let planned = project.pyrelease("plan").code(0).stdout().to_owned();
        assert!(planned.contains("run `mdformat --wrap 40 NEWS.md`"), "{planned}");
        let run = project.pyrelease("run --yes").code(0);
        assert_eq!(project.git(&["status", "--porcelain", "--untracked-files=no"]), "");
        (project.read("NEWS.md"), run.stderr().to_owned())
    };
    let other = start.replace("- The", "* The");
    let (text, said) = released(start, start);
    let section = "## 1.1.0\n\n- It takes a *flag*, and says what it\n  has done with it.\n\n";
    assert_eq!(text, start.replace("## 1.0.0", &format!("{section}## 1.0.0")));
    assert!(!said.contains("is not formatted"), "{said}");
    for (first, start, why) in [
        (start, other.as_str(), "lines of earlier releases"),
        (other.as_str(), start, "as in the last release"),
    ] {
        let (text, said) = released(first, start);
        assert!(text.contains("\n* It takes a *flag*, and says what it has done with it.\n"), "{text}");
        assert!(said.contains("`NEWS.md` is not formatted by mdformat") && said.contains(why), "{said}");
    }
}
