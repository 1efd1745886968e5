use std::collections::BTreeMap;

use super::*;
use crate::python::conventional::Commit;
use crate::python::version::Bump;

fn found(files: &[(&str, &str)], only: Option<Generator>) -> Option<Generated> {
    let files: BTreeMap<String, Vec<u8>> =
        files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
    Generated::find(&files, only)
}

/// The bump of messages, the newest first, after `v1.0.0`; or why only the tool knows it.
fn bump(file: (&str, &str), messages: &[&str]) -> Result<Option<Bump>, String> {
    bump_since(file, messages, ("v1.0.0", false))
}

fn bump_since(
    file: (&str, &str),
    messages: &[&str],
    (tag, is_before_one): (&str, bool),
) -> Result<Option<Bump>, String> {
    let commits: Vec<Commit> = messages
        .iter()
        .map(|message| Commit { id: "0".repeat(40), message: (*message).to_owned() })
        .collect();
    let suggested =
        found(&[file], None).unwrap().rules?.suggested_bump(&commits, (Some(tag), is_before_one))?;
    Ok(suggested.map(|suggestion| suggestion.bump))
}

#[test]
fn finds_the_settings_of_each_tool() {
    for (path, text, generator, changelog) in [
        ("cliff.toml", "", Generator::GitCliff, None),
        (
            ".config/cliff.toml",
            "[changelog]\noutput = \"./docs/log.md\"\n",
            Generator::GitCliff,
            Some("docs/log.md"),
        ),
        ("pyproject.toml", "[tool.git-cliff.changelog]\nbody = \"x\"\n", Generator::GitCliff, None),
        ("Cargo.toml", "[package.metadata.git-cliff.git]\n", Generator::GitCliff, None),
        ("pyproject.toml", "[tool.commitizen]\n", Generator::Commitizen, Some("CHANGELOG.md")),
        (
            ".cz.json",
            "{\"commitizen\": {\"changelog_file\": \"NEWS.md\"}}",
            Generator::Commitizen,
            Some("NEWS.md"),
        ),
        ("cz.yaml", "commitizen:\n  changelog_file: NEWS.md\n", Generator::Commitizen, Some("NEWS.md")),
        (
            "pyproject.toml",
            "[tool.git-changelog]\noutput = \"./docs/log.md\"\n",
            Generator::GitChangelog,
            Some("docs/log.md"),
        ),
        (".git-changelog.toml", "", Generator::GitChangelog, None),
        ("config/git-changelog.toml", "in-place = true\n", Generator::GitChangelog, None),
        ("pyproject.toml", "[tool.semantic_release]\n", Generator::SemanticRelease, Some("CHANGELOG.md")),
        (
            "releaserc.toml",
            "[semantic_release.changelog.default_templates]\nchangelog_file = \"docs/news.rst\"\n",
            Generator::SemanticRelease,
            Some("docs/news.rst"),
        ),
        (
            "setup.cfg",
            "[semantic_release]\nchangelog_file = NEWS.md\n",
            Generator::SemanticRelease,
            Some("NEWS.md"),
        ),
        (".changelog-config.yaml", "", Generator::GenerateChangelog, Some("CHANGELOG.md")),
        (
            ".changelog-config.yml",
            "variables:\n  file: NEWS.md\noutput_pipeline:\n- action: WriteFile\n  kwargs:\n    filename: '{{ file }}'\n",
            Generator::GenerateChangelog,
            Some("NEWS.md"),
        ),
    ] {
        let found = found(&[(path, text)], None).unwrap();
        assert_eq!((found.generator, found.changelog.as_deref()), (generator, changelog), "{path}");
        assert_eq!((found.settings.as_str(), found.problems), (path, vec![]));
    }
    assert!(found(&[("pyproject.toml", "[tool.towncrier]\n"), ("cz.yaml", "other: 1\n")], None).is_none());
    let both = [("cliff.toml", ""), ("pyproject.toml", "[tool.commitizen]\n")];
    assert_eq!(found(&both, None).unwrap().generator, Generator::GitCliff);
    assert_eq!(found(&both, Some(Generator::Commitizen)).unwrap().generator, Generator::Commitizen);
}

#[test]
fn what_would_make_a_tool_fail_is_named() {
    for (path, text, problem) in [
        ("cliff.toml", "[git\n", "`cliff.toml` is not valid TOML, line 1: "),
        (
            "cliff.toml",
            "[git]\ncommit_parsers = [{ message = \"(\" }]\n",
            "`cliff.toml`: `commit_parsers` has `(`, which is not a valid regular expression",
        ),
        ("cz.json", "{\"commitizen\": ", "`cz.json` is not valid JSON: "),
        ("cz.yaml", "commitizen: [", "`cz.yaml` cannot be read: "),
        (
            "cz.toml",
            "[tool.commitizen]\ntemplate = \"log.j2\"\n",
            "the template `log.j2`, which `cz.toml` names, does not exist",
        ),
        (
            "cz.toml",
            "[tool.commitizen]\nname = \"cz_customize\"\n",
            "`cz.toml`: `name` is `cz_customize`, but there is no table `customize`",
        ),
        (
            "cz.toml",
            "[tool.commitizen]\nname = \"cz_jira\"\n",
            "`cz.toml`: `name` is `cz_jira`, which makes no changelog",
        ),
        (
            ".changelog-config.yaml",
            "output_pipeline:\n- action: stdout\n",
            "`.changelog-config.yaml`: `output_pipeline` names no file to write",
        ),
    ] {
        let problems = found(&[(path, text)], None).unwrap().problems;
        assert!(problems.iter().any(|one| one.to_string().starts_with(problem)), "{path}: {problems:?}");
    }
    let template = [("cz.toml", "[tool.commitizen]\ntemplate = \"log.j2\"\n"), ("log.j2", "x")];
    assert_eq!(found(&template, None).unwrap().problems, []);
}

#[test]
fn commitizen_looks_at_every_line() {
    let usual = ("cz.toml", "[tool.commitizen]\n");
    for (messages, expected) in [
        (&["docs: a", "Merge branch 'x'"] as &[&str], None),
        (&["fix: a"], Some(Bump::Patch)),
        (&["refactor(core): a"], Some(Bump::Patch)),
        (&["fix: a", "feat: b"], Some(Bump::Minor)),
        (&["docs!: a"], Some(Bump::Major)),
        (&["fix: a\n\nBREAKING CHANGE: b"], Some(Bump::Major)),
        (&["Squashed\n\nfeat: b\nfix: c"], Some(Bump::Minor)),
        (&["Title that goes on\nfeat: here"], None),
    ] {
        assert_eq!(bump(usual, messages), Ok(expected), "{messages:?}");
    }
    let zero = ("cz.toml", "[tool.commitizen]\nmajor_version_zero = true\n");
    assert_eq!(bump(zero, &["feat!: a"]), Ok(Some(Bump::Minor)));
    let own = "[tool.commitizen]\nname = \"cz_customize\"\n[tool.commitizen.customize]\nbump_pattern = \"^(new|break)\"\nbump_map = { break = \"MAJOR\", new = \"MINOR\" }\n";
    assert_eq!(bump(("cz.toml", own), &["new things", "fix: a"]), Ok(Some(Bump::Minor)));
    let python = own.replace("^(new|break)", "^(?!x)(new)");
    assert!(bump(("cz.toml", &python), &["new"]).unwrap_err().contains("Python"));
    let plugin = ("cz.toml", "[tool.commitizen]\nname = \"cz_own\"\n");
    assert_eq!(bump(plugin, &["fix: a"]), Err("its plugin `cz_own` decides".to_owned()));
}

#[test]
fn git_cliff_counts_conventional_commits() {
    let usual = ("cliff.toml", "");
    for (messages, expected) in [
        (&["Merge branch 'x'", "chore(deps): a"] as &[&str], None),
        (&["chore: a"], Some(Bump::Patch)),
        (&["fix: a", "feat: b"], Some(Bump::Minor)),
        (&["docs: a\n\nBREAKING CHANGE: b"], Some(Bump::Major)),
    ] {
        assert_eq!(bump(usual, messages), Ok(expected), "{messages:?}");
    }
    let skips = "[git]\ncommit_parsers = [{ message = \"^feat\", skip = true }, { message = \"^fix\", group = \"F\" }]\nfilter_commits = true\n";
    assert_eq!(bump(("cliff.toml", skips), &["feat!: a", "fix: b", "perf!: c"]), Ok(Some(Bump::Patch)));
    let protects = format!("{skips}protect_breaking_commits = true\n");
    assert_eq!(bump(("cliff.toml", &protects), &["feat!: a", "fix: b"]), Ok(Some(Bump::Major)));
    let replaces = "[git]\ncommit_preprocessors = [{ pattern = \"^ticket: \", replace = \"feat: \" }]\n";
    assert_eq!(bump(("cliff.toml", replaces), &["ticket: a"]), Ok(Some(Bump::Minor)));
    let fixed = ("cliff.toml", "[bump]\nbump_type = \"minor\"\n");
    assert_eq!(bump(fixed, &["fix!: a"]), Ok(Some(Bump::Minor)));
    for text in [
        "[git]\ncommit_preprocessors = [{ pattern = \"a\", replace_command = \"b\" }]\n",
        "[git]\ninclude_paths = [\"a\"]\n",
        "[git]\nignore_tags = \"v1\"\n",
        "[git]\ncommit_parsers = [{ field = \"author.name\", pattern = \"bot\", skip = true }]\n",
        "[bump]\ncustom_minor_increment_regex = \"minor\"\n",
    ] {
        assert!(bump(("cliff.toml", text), &["fix: a"]).is_err(), "{text}");
    }
    let before_one = ("cliff.toml", "[bump]\nbreaking_always_bump_major = false\n");
    assert!(bump_since(before_one, &["fix!: a"], ("v0.1.0", true)).is_err());
    assert_eq!(bump_since(before_one, &["fix!: a"], ("v1.1.0", false)), Ok(Some(Bump::Major)));
}

#[test]
fn git_cliff_writes_a_changelog_as_a_whole_that_ends_so() {
    let writes_all = |settings: &str, text: Option<&str>| {
        found(&[("cliff.toml", settings)], None).unwrap().writes_all(text)
    };
    let own = "# Log\n\n## 1.0\n\n- a\n";
    assert!(writes_all("", None) && !writes_all("", Some(own)));
    assert!(writes_all("[changelog]\noutput = \"CHANGELOG.md\"\n", Some(own)));
    let marker = "[changelog]\nfooter = \"<!-- by git-cliff -->\"\n";
    assert!(
        !writes_all(marker, Some(own)) && writes_all(marker, Some(&format!("{own}<!-- by git-cliff -->\n")))
    );
    let links = "[changelog]\nfooter = \"\"\"{% for r in releases %}\n[{{ r }}]: x\n{% endfor %}\"\"\"\n";
    assert!(
        !writes_all(links, Some(own)) && writes_all(links, Some(&format!("{own}\n[1.0]: https://h/1.0\n")))
    );
}

#[test]
fn entries_that_are_subjects_are_generated() {
    let subjects: Vec<String> =
        ["feat(cli): take a flag (#12)", "fix: no longer fail", "Merge branch 'x'", "typo"]
            .map(str::to_owned)
            .into();
    let generated = "### Feat\n\n- **cli**: take a flag ([#12](https://h/12))\n- No longer fail. [abc](https://h/abc)\n  - detail\n";
    assert!(is_generated(generated, &subjects));
    assert!(!is_generated("- You can pass a flag now\n- Failures and typos are gone\n", &subjects));
    assert!(!is_generated("Nothing to see.\n", &subjects));
}

const SEMANTIC: (&str, &str) = ("pyproject.toml", "[tool.semantic_release]\n");

/// The major version of python-semantic-release that these files show.
fn major(files: &[(&str, &str)]) -> Option<u64> {
    found(&[files, &[SEMANTIC]].concat(), None).unwrap().semantic_release.unwrap().major
}

#[test]
fn the_version_of_python_semantic_release_is_that_of_the_project() {
    let workflow = |reference: &str| {
        let text = format!("      - uses: python-semantic-release/python-semantic-release@{reference}\n");
        major(&[(".github/workflows/release.yml", &text)])
    };
    let sha = "39dd2052f2ce8282a5d932c31d58a2ca06d2550e";
    for (reference, expected) in [
        ("v9", Some(9)),
        ("v10.6.1", Some(10)),
        ("v9.21.0", Some(9)),
        // Its sections have the form of those of version 8.
        ("v9.8.8", Some(8)),
        ("v11.0.0", None),
        ("v99999999999", None),
        ("master", None),
        (sha, None),
        (&format!("{sha} # v10.6.1"), Some(10)),
        (&format!("{sha}  # 8.0.0"), Some(8)),
    ] {
        assert_eq!(workflow(reference), expected, "{reference}");
    }
    for (file, text, expected) in [
        ("uv.lock", "[[package]]\nname = \"python-semantic-release\"\nversion = \"9.3.1\"\n", Some(8)),
        ("requirements-dev.txt", "python-semantic-release==7.34.6\n", Some(7)),
        ("requirements-dev.txt", "python-semantic-release>=9,<10\n", Some(9)),
        ("requirements-dev.txt", "python-semantic-release\n", None),
        (
            ".gitlab-ci.yml",
            "  script: uvx --from python-semantic-release@9 semantic-release version\n",
            Some(9),
        ),
        ("CHANGELOG.md", "# Changelog\n\n<!--next-version-placeholder-->\n", Some(7)),
        ("CHANGELOG.md", "## v1\n\n### Fix\n\n* fix: a ([`b`](c))\n", Some(8)),
        ("CHANGELOG.md", "## v1\n\n### Bug Fixes\n\n- A ([`b`](c))\n", Some(9)),
        ("CHANGELOG.md", "<!-- version list -->\n\n## v1\n\n### Features\n\n- A\n", Some(10)),
        ("CHANGELOG.md", "## v1\n\n### Fix\n\n- by hand\n", None),
    ] {
        assert_eq!(major(&[(file, text)]), expected, "{file}: {text}");
    }
}

#[test]
fn python_semantic_release_has_rules_before_one() {
    let bump = |settings: &str, messages: &[&str]| {
        let text = format!("[tool.semantic_release]\n{settings}");
        bump_since(("pyproject.toml", &text), messages, ("v0.1.0", true))
    };
    for (settings, messages, expected) in [
        ("", &["docs: a"] as &[&str], Some(Bump::Major)),
        ("allow_zero_version = true\n", &["docs: a"], None),
        ("allow_zero_version = true\n", &["fix!: a"], Some(Bump::Major)),
        ("allow_zero_version = true\nmajor_on_zero = false\n", &["fix!: a"], Some(Bump::Minor)),
        (
            "allow_zero_version = true\ncommit_parser_options = { default_bump_level = 2 }\n",
            &["ci: a"],
            Some(Bump::Patch),
        ),
        (
            "allow_zero_version = true\ncommit_parser_options = { minor_tags = [\"new\"] }\n",
            &["new: a", "feat: b"],
            Some(Bump::Minor),
        ),
    ] {
        assert_eq!(bump(settings, messages), Ok(expected), "{settings}");
    }
    for settings in [
        "commit_parser = \"emoji\"\n",
        "commit_parser = \"house:Parser\"\n",
        "commit_parser_options = { allowed_tags = [\"(?<!a)b\"] }\n",
        "commit_parser_options = { default_bump_level = 77 }\n",
    ] {
        assert!(bump(settings, &["feat: a"]).is_err(), "{settings}");
    }
    assert!(bump("", &["Squashed commit of the following:\n\ncommit 1\n\n    feat: a"]).is_err());
}

#[test]
fn python_semantic_release_is_told_what_it_lacks() {
    let settings = |text: &str| {
        found(&[("pyproject.toml", &format!("[tool.semantic_release]\n{text}"))], None)
            .unwrap()
            .semantic_release
            .unwrap()
    };
    let odd =
        settings("branches = \"main\"\nremote = 1\nchangelog.default_templates.changelog_file = \"A.md\"\n");
    assert_eq!(
        odd.document(Some("B.md"), Some("https://h/o/n")),
        r#"{"semantic_release":{"branches":{"pyrelease":{"match":".*"}},"remote":{"ignore_token_for_push":true,"url":"https://h/o/n"},"changelog":{"default_templates":{},"changelog_file":"B.md"}}}"#
    );
    let version: crate::python::version::Version = "1.2.0rc1".parse().unwrap();
    assert!(settings("").reads("v1.2.0-rc.1", &version) && !settings("").reads("v1.2.0rc1", &version));
    assert_eq!(settings("").insertion_flag("A.md").as_deref(), Some("<!-- version list -->"));
    assert_eq!(settings("changelog.mode = \"init\"\n").insertion_flag("A.md"), None);
    assert_eq!(settings("").remote(), Some("origin"));
    assert_eq!(settings("remote.url = \"https://h/o/n\"\n").remote(), None);
}

#[test]
fn a_commit_that_was_squashed_has_a_subject() {
    let messages =
        "chore: lock (#3)\n\n* chore: lock the files\n\n- fix: mend it (#2)\nSee there\n\0feat: b\n\0";
    let expected = ["chore: lock (#3)", "chore: lock the files", "fix: mend it (#2)", "feat: b"];
    assert_eq!(subjects(messages), expected);
    assert_eq!(subjects(""), Vec::<String>::new());
    assert!(is_generated("- Mend it ([`abc`](https://h/abc))\n", &subjects(messages)));
}

#[test]
fn git_changelog_keeps_a_version_before_one_unless_told_otherwise() {
    let of = |settings: &str, tag: &str| {
        let text = format!("convention = \"conventional\"\n{settings}");
        bump_since((".git-changelog.toml", &text), &["fix!: a"], (tag, true))
    };
    assert_eq!(of("", "v0.1.0"), Ok(Some(Bump::Minor)));
    assert_eq!(of("zerover = false", "0.1.0"), Ok(Some(Bump::Major)));
    assert_eq!(of("bump = \"patch\"", "0.1.0"), Ok(Some(Bump::Patch)));
    assert_eq!(of("versioning = \"pep440\"", "v0.1"), Ok(Some(Bump::Minor)));
    for (settings, tag) in [
        ("", "v0.1"),
        ("", "demo-0.1.0"),
        ("bump = \"1.0.0\"", "v0.1.0"),
        ("filter-commits = \"v0.1.0..\"", "v0.1.0"),
    ] {
        assert!(of(settings, tag).is_err(), "{settings} {tag}");
    }
    // A table without settings is none, as to the tool.
    assert!(found(&[("pyproject.toml", "[tool.git-changelog]\n")], None).is_none());
    assert!(
        !found(&[("pyproject.toml", "tool.git-changelog = 1\n")], None)
            .is_some_and(|found| found.problems.is_empty())
    );
    for text in ["output = [\n", "versioning = \"x\"\n", "template = \"path:none\"\n"] {
        assert_eq!(found(&[(".git-changelog.toml", text)], None).unwrap().problems.len(), 1, "{text}");
    }
}
