use super::*;

fn bump_of(messages: &[&str]) -> Option<Bump> {
    let commits: Vec<Commit> = messages
        .iter()
        .enumerate()
        .map(|(index, message)| Commit { id: format!("{index:040x}"), message: (*message).to_owned() })
        .collect();
    suggested_bump(&conventional(&commits), &Types::default()).map(|(bump, _)| bump)
}

/// The examples of conventionalcommits.org.
#[test]
fn bumps_as_the_specification_says() {
    for (message, expected) in [
        (
            "feat: allow provided config object to extend other configs\n\nBREAKING CHANGE: `extends` key in config file is now used for extending other config files",
            Some(Bump::Major),
        ),
        ("feat!: send an email to the customer when a product is shipped", Some(Bump::Major)),
        ("feat(api)!: send an email to the customer when a product is shipped", Some(Bump::Major)),
        (
            "chore!: drop support for Node 6\n\nBREAKING CHANGE: use JavaScript features not available in Node 6.",
            Some(Bump::Major),
        ),
        ("docs: correct spelling of CHANGELOG", None),
        ("feat(lang): add Polish language", Some(Bump::Minor)),
        (
            "fix: prevent racing of requests\n\nIntroduce a request id and a reference to latest request. Dismiss\nincoming responses other than from latest request.\n\nReviewed-by: Z\nRefs: #123",
            Some(Bump::Patch),
        ),
        ("revert: let us never again speak of the noodle incident\n\nRefs: 676104e, a215868", None),
        ("fix: x\n\nBREAKING-CHANGE: everything", Some(Bump::Major)),
        ("FEAT: case does not matter", Some(Bump::Minor)),
        // Not conventional, or the footer in other letters.
        ("feat allow", None),
        ("feat:allow", None),
        ("Add a feature", None),
        ("fix: x\n\nbreaking change: nothing", Some(Bump::Patch)),
        ("", None),
    ] {
        assert_eq!(bump_of(&[message]), expected, "{message}");
    }
    assert_eq!(bump_of(&["fix: a", "feat: b", "docs: c"]), Some(Bump::Minor));
}

#[test]
fn a_reverted_commit_is_not_released() {
    let feature = "feat: a";
    let id = format!("{:040x}", 1);
    assert_eq!(bump_of(&[&format!("Revert \"feat: a\"\n\nThis reverts commit {id}."), feature]), None);
    assert_eq!(bump_of(&[&format!("revert: feat: a\n\nThis reverts commit {}.", &id[..12]), feature]), None);
    // The commit that it reverts is an earlier release's.
    let other = format!("fix: undo\n\nThis reverts commit {:040x}.", 77);
    assert_eq!(bump_of(&[&other, "feat: b"]), Some(Bump::Minor));
}

#[test]
fn groups_entries_below_the_headings_of_keep_a_changelog() {
    let messages = [
        "fix: third",
        "feat(cli)!: second\n\nBREAKING CHANGE: the option is gone",
        "chore!: drop Python 3.8",
        "docs: nothing",
        "fix(api): first",
        "fix(api): first",
    ];
    let commits: Vec<_> = messages.iter().filter_map(|message| Conventional::parse(message)).collect();
    let shown: Vec<String> = grouped(&commits, &Types::default())
        .into_iter()
        .map(|group| {
            let items: Vec<String> = group.entries.iter().map(Entry::item).collect();
            format!("{}: {}", group.heading, items.join(" "))
        })
        .collect();
    assert_eq!(
        shown,
        [
            "Added: - **Breaking:** **cli:** second: the option is gone",
            "Changed: - **Breaking:** drop Python 3.8",
            "Fixed: - **api:** first - third",
        ]
    );
}

#[test]
fn types_are_configurable() {
    let mut types = Types::default();
    types.add("Docs", "Documentation", None).unwrap();
    types.add("fix", "Bugs", Some("minor")).unwrap();
    assert_eq!(types.add("x", "X", Some("huge")), Err(UnknownBump { bump: "huge".to_owned() }));
    let commit = |message: &str| Conventional::parse(message).unwrap();
    assert_eq!(types.bump(&commit("docs: x")), Some(Bump::Patch));
    assert_eq!(types.bump(&commit("fix: x")), Some(Bump::Minor));
    assert_eq!(types.heading(&commit("fix: x")), Some("Bugs"));
    assert_eq!(types.heading(&commit("docs: x")), Some("Documentation"));
}

proptest::proptest! {
    #[test]
    fn never_panics(message in r"(\PC|[\n():!# -]|feat|fix|BREAKING CHANGE: ){0,40}") {
        let _ = Conventional::parse(&message);
    }
}
