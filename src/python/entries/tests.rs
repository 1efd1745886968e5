//! Forms of entries, learned from two releases and used for a third one.

use super::*;

const URL: &str = "https://github.com/o/r";

fn id(number: u64) -> String {
    format!("{:040x}", 0x00ab_cdef_1234_5678_u64.wrapping_mul(number * number + 7))
        .replace("00000000", "b1c2d3e4")
}

/// Commits from their messages, the newest first; `>` begins that of one by a bot.
fn commits(seed: u64, messages: &[&str]) -> Vec<Made> {
    let commit = |(at, message): (usize, &&str)| {
        let is_bot = message.starts_with('>');
        Made {
            id: id(seed * 100 + at as u64),
            message: message.trim_start_matches('>').to_owned(),
            author: if is_bot { "robot[bot]".to_owned() } else { "Ann Other".to_owned() },
            email: "12+ann@users.noreply.github.com".to_owned(),
            is_merge: message.starts_with("Merge "),
            is_on_branch: true,
        }
    };
    messages.iter().enumerate().map(commit).collect()
}

fn names(minor: u64) -> Names {
    Names {
        version: format!("1.{minor}.0"),
        previous: format!("1.{}.0", minor - 1),
        tag: format!("v1.{minor}.0"),
        previous_tag: format!("v1.{}.0", minor - 1),
        date: format!("2026-01-{:02}", 10 + minor),
    }
}

/// The section of the third release; `write` makes a section from its commits.
fn third(write: impl Fn(&[Made], &Names) -> String, messages: [&[&str]; 3]) -> Option<(String, String)> {
    let made: Vec<(Vec<Made>, Names)> =
        (0..3).map(|at| (commits(at as u64 + 1, messages[at]), names(at as u64 + 1))).collect();
    let sample = |(commits, names): &(Vec<Made>, Names)| Sample {
        body: write(commits, names),
        commits: commits.clone(),
        names: names.clone(),
    };
    let samples: Vec<Sample> = made[..2].iter().rev().map(sample).collect();
    let (form, count) = Form::learn(&samples)?;
    assert_eq!(count, 2);
    let (commits, names) = &made[2];
    Some((form.section(commits, names)?, write(commits, names)))
}

#[track_caller]
fn check(write: impl Fn(&[Made], &Names) -> String, messages: [&[&str]; 3]) {
    let (section, expected) = third(write, messages).expect("the form is learned");
    assert_eq!(section, expected);
}

#[test]
fn a_list_of_what_was_merged() {
    let title = |commit: &Made| commit.message.lines().last().unwrap().to_owned();
    let number = |commit: &Made| commit.message.split(['#', ' ']).nth(4).unwrap().to_owned();
    let list = |commits: &[Made], names: &Names| {
        let items: Vec<String> = commits
            .iter()
            .map(|one| format!("* {} by @ann in {URL}/pull/{}", title(one), number(one)))
            .collect();
        format!(
            "### What's Changed\n\n{}\n\n**Full Changelog**: {URL}/compare/{}...{}",
            items.join("\n"),
            names.previous_tag,
            names.tag
        )
    };
    check(
        list,
        [
            &["Merge pull request #9 from a/b\n\nA flag", "Merge pull request #7 from a/c\n\nA fix"],
            &["Merge pull request #12 from a/b\n\nOther things"],
            &["Merge pull request #21 from a/b\n\nMore", "Merge pull request #20 from a/b\n\nDo it"],
        ],
    );
}

#[test]
fn the_log_with_identifiers_and_authors() {
    for format in
        ["- {id} {title} (Ann Other)", "- {title} ({id})", "* {title}", "- **{title}** by Ann Other [{id}]"]
    {
        for order in [false, true] {
            let list = |commits: &[Made], _: &Names| {
                let item = |one: &Made| format.replace("{id}", &one.id[..8]).replace("{title}", &one.message);
                let mut items: Vec<String> = commits.iter().map(item).collect();
                if order {
                    items.reverse();
                }
                items.join("\n")
            };
            check(list, [&["Add a flag", "Fix it all"], &["Drop it", "Amend that"], &["Go on", "Be quick"]]);
        }
    }
}

/// The sections of python-semantic-release: types, capitals, wrapped lines.
fn typed(commits: &[Made], _: &Names) -> String {
    let mut section = Vec::new();
    for (kind, heading) in [("fix", "Bug Fixes"), ("feat", "Features"), ("test", "Testing")] {
        let mut items: Vec<String> = Vec::new();
        for one in commits.iter().filter(|one| one.message.starts_with(kind)) {
            let (title, number) = one.message.rsplit_once(" (#").unwrap();
            let (head, text) = title.split_once(": ").unwrap();
            let scope =
                head.split_once('(').map(|(_, scope)| format!("**{}**: ", scope.trim_end_matches(')')));
            let text = format!("{}{}", text[..1].to_uppercase(), &text[1..]);
            let (number, id) = (number.trim_end_matches(')'), &one.id);
            items.push(format!(
                "- {}{text} ([#{number}]({URL}/pull/{number}), [`{}`]({URL}/commit/{id}))",
                scope.unwrap_or_default(),
                &id[..7]
            ));
        }
        items.sort();
        let wrap = wrap::Wrap::for_tests(100, "  ");
        let items: Vec<String> = items.iter().map(|item| wrap.wrapped(item)).collect();
        if !items.is_empty() {
            section.push(format!("### {heading}\n\n{}", items.join("\n\n")));
        }
    }
    section.join("\n\n")
}

#[test]
fn types_of_conventional_commits_with_headings() {
    let first: &[&str] = &[
        "fix: bound the reads (#4)",
        "chore: a change that has no entry (#3)",
        "feat(cli): a flag that does it (#2)",
        "fix: a first thing (#1)",
        "wip",
    ];
    let second: &[&str] = &[
        "test: add benchmarks for the path of the cache that expires (#8)",
        "fix: x and y (#7)",
        "ci: none (#6)",
    ];
    check(
        typed,
        [first, second, &["feat: new (#12)", "chore: none (#11)", "fix: z (#10)", "fix: a (#9)", "Tidy"]],
    );
    // What is not known of has no form: another type, a breaking change, a commit without a number.
    for unknown in ["docs: a page (#12)", "feat!: drop it (#12)", "feat: new"] {
        assert_eq!(third(typed, [first, second, &[unknown]]).map(|(section, _)| section), None, "{unknown}");
    }
    assert_eq!(third(typed, [first, second, &["chore: none (#12)"]]), None, "there is no entry");
}

#[test]
fn the_commits_of_bots_and_without_a_number_may_have_no_entry() {
    let list = |commits: &[Made], _: &Names| {
        let kept = commits.iter().filter(|one| one.message.contains('#') && !one.author.ends_with("[bot]"));
        kept.map(|one| format!("- {}", one.message)).collect::<Vec<_>>().join("\n")
    };
    check(
        list,
        [
            &["A flag (#2)", "typo", ">Bump x (#1)", "A fix (#0)"],
            &["More (#4)", ">Bump y (#3)", "again"],
            &["Others (#9)", "oops", ">Bump z (#8)"],
        ],
    );
}

#[test]
fn what_a_person_wrote_is_no_form() {
    let messages: [&[&str]; 3] = [&["Add a flag", "Fix it"], &["Drop it", "Amend that"], &["Go on"]];
    // Other words, an entry that no commit has, a commit that has none, a note above.
    for write in [
        |_: &[Made], _: &Names| "- A flag was added.\n- It was fixed.".to_owned(),
        |commits: &[Made], _: &Names| format!("- {}\n- Thanks", commits[0].message),
        |commits: &[Made], _: &Names| format!("- {}", commits[0].message),
        |commits: &[Made], names: &Names| {
            let lead = if names.version == "1.1.0" { "One.\n\n" } else { "Two.\n\n" };
            format!("{lead}Changes:\n\n- {}\n- {}", commits[0].message, commits[1].message)
        },
    ] {
        assert_eq!(third(write, messages), None);
    }
    // Two entries are a coincidence.
    let one = |commits: &[Made], _: &Names| format!("- {}", commits[0].message);
    assert_eq!(third(one, [&["Add a flag"], &["Drop it"], &["Go on"]]), None);
}

#[test]
fn more_releases_show_more() {
    // Two releases with one type each could be without types.
    let messages: [&[&str]; 4] = [
        &["feat: second (#6)", "test: a test (#5)"],
        &[
            "fix: one (#4)",
            "chore: none (#3)",
            "test: a test that is there (#2)",
            "test: and one more of them (#1)",
        ],
        &["fix: two (#7)"],
        &["fix: three (#8)"],
    ];
    let sample = |at: usize| {
        let (commits, names) = (commits(at as u64 + 1, messages[at]), names(at as u64 + 1));
        Sample { body: typed(&commits, &names), commits, names }
    };
    let samples: Vec<Sample> = (0..4).rev().map(sample).collect();
    assert!(Form::is_likely(&samples[..2]) && Form::learn(&samples[..2]).is_none());
    let (form, count) = Form::learn(&samples).unwrap();
    assert_eq!(count, 4);
    let next = commits(9, &["feat: next (#11)", "chore: it (#10)", "test: the rest (#9)"]);
    assert_eq!(form.section(&next, &names(9)).unwrap(), typed(&next, &names(9)));
}
