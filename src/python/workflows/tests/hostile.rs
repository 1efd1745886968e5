//! Files that are broken, or made to do harm.

use proptest::prelude::*;

use super::*;

const PATHS: [&str; 4] =
    [".github/workflows/release.yml", ".github/actions/a/action.yml", ".gitlab-ci.yml", "scripts/publish"];

/// All files have the bytes.
fn read(bytes: &[u8]) -> Workflows {
    let tree: Tree = PATHS.iter().map(|path| ((*path).to_owned(), bytes.to_owned())).collect();
    let listed: Vec<String> = tree.keys().cloned().collect();
    publishing(&tree, &listed)
}

fn unread(text: impl AsRef<[u8]>) -> Option<String> {
    let found = read(text.as_ref());
    assert!(found.publishing.is_empty());
    found.unread.into_iter().next().map(|(_, reason)| reason)
}

#[test]
fn what_cannot_be_read_is_told() {
    let large = format!("on: push\n#{}", "x".repeat(1_000_000));
    let deep = format!("on: {}", "[".repeat(70) + &"]".repeat(70));
    let bomb: String = std::iter::once("a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned())
        .chain((1..20).map(|n| {
            let aliases = vec![format!("*a{}", n - 1); 9].join(", ");
            format!("a{n}: &a{n} [{aliases}]\n")
        }))
        .collect();
    for (text, reason) in [
        (large.as_bytes(), "it is larger than 1 MB"),
        (b"on: push\nname: \xff\n", "it is not UTF-8"),
        (deep.as_bytes(), "line 1 is nested more than 64 levels deep"),
        (bomb.as_bytes(), "it has more than 100000 values, aliases expanded"),
        (b"on: push\non: release\njobs: {}\n", "line 2 has the key `on` again"),
        (b"- one\n", "it is not a mapping"),
        (b"text", "it is not a mapping"),
        (b"? [a]\n: b\n", "line 1 has a key that is no text"),
    ] {
        let told = unread(text);
        assert_eq!(told.as_deref(), Some(reason));
    }
    for text in ["on: [push", "a: *b\n", "a: &a [*a]\n", "a: 'b\n", "a: b: c\n"] {
        let reason = unread(text).unwrap();
        assert!(reason.starts_with("line "), "{text}: {reason}");
    }
}

#[test]
fn what_is_empty_is_nothing() {
    for text in [
        "",
        "\n",
        "# comment\n",
        "---\n",
        "\u{feff}",
        "on:\n",
        "jobs:\n",
        "jobs: {a: }\n",
        "on: push\njobs: [a]\n",
    ] {
        assert_eq!(unread(text), None, "{text:?}");
    }
}

#[test]
fn large_files_end() {
    let repeated = |text: &str| text.repeat(200_000 / text.len());
    let step = "      - {run: *run, uses: ./.github/actions/a, env: *env, if: *if}\n";
    let calls = format!(
        "on: push\nx-run: &run '{}'\nx-if: &if \"{}\"\nx-env: &env {{{}}}\nruns: &runs\n  steps:\n{}jobs:\n  a: *runs\n  b: *runs\n",
        "./scripts/publish; twine upload; ".repeat(2000),
        "(a || b) && ".repeat(300),
        (0..100).map(|n| format!("V{n}: *if, ")).collect::<String>(),
        step.repeat(2000),
    );
    let scripts = |text: &str| format!("on: push\njobs: {{a: {{steps: [{{run: '{}'}}]}}}}\n", repeated(text));
    for text in [
        repeated("["),
        repeated("{"),
        repeated("- "),
        repeated("? "),
        repeated("a: "),
        repeated("&a "),
        repeated("'"),
        repeated("\t"),
        repeated("{a: [b, "),
        repeated("a: &b\n "),
        repeated("---\n"),
        format!("jobs: &a {}", repeated("{b: *a}, ")),
        calls,
        scripts("${"),
        scripts(">"),
        scripts("$("),
        scripts("<<a "),
        scripts("x;"),
        scripts("\\"),
    ] {
        read(text.as_bytes());
    }
}

/// Pieces of workflows, so that random texts reach all that is read
const PIECES: [&str; 44] = [
    "on: ",
    "push",
    "jobs:\n",
    "  a:\n",
    "    steps:\n",
    "      - run: ",
    "twine upload ",
    "    if: ",
    "${{ ",
    " }}",
    "github.ref",
    " == ",
    "'",
    "\"",
    "(",
    ")",
    "startsWith(",
    ", ",
    "\n",
    "    needs: [a]\n",
    "tags: ['v*', ",
    "[",
    "]",
    "{",
    "}",
    "&a ",
    "*a",
    "<<: ",
    "    uses: ./.github/workflows/release.yml\n",
    "      - uses: ./.github/actions/a\n",
    "runs:\n",
    "  steps:\n",
    "  script: ",
    "rules: [{if: ",
    "$CI_COMMIT_TAG",
    " =~ /",
    "extends: a\n",
    "include: ",
    "scripts/publish\n",
    "|\n",
    "$(",
    "<<E",
    "\\",
    "é",
];

proptest! {
    #[test]
    fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read(&bytes);
    }

    #[test]
    fn no_text_is_too_strange(text in any::<String>(), tag in any::<String>()) {
        for script in [&text, &format!("on: push\njobs: {{a: {{if: {text:?}, steps: [{{run: {text:?}}}]}}}}\n")] {
            for step in read(script.as_bytes()).publishing {
                step.starts_on_tag(&tag);
                step.starts_on_release(&NewRelease::of(&tag));
            }
        }
    }

    #[test]
    fn no_workflow_is_too_strange(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..40), tag in any::<String>()) {
        for step in read(pieces.concat().as_bytes()).publishing {
            step.starts_on_tag(&tag);
            step.starts_on_release(&NewRelease::of(&tag));
        }
    }

    #[test]
    fn no_condition_is_too_strange(
        pieces in prop::collection::vec(prop::sample::select(&PIECES[8..]), 0..20),
        pattern in any::<String>(),
        tag in any::<String>(),
    ) {
        let condition = pieces.concat();
        let text = format!("on: {{push: {{tags: [{pattern:?}]}}}}\njobs: {{a: {{if: {condition:?}, steps: [{{run: 'twine upload {condition:?}'}}]}}}}\n");
        let pipeline = format!("a: {{script: [twine upload d], rules: [{{if: {condition:?}}}], only: [{pattern:?}]}}\n");
        for text in [text, pipeline] {
            for step in read(text.as_bytes()).publishing {
                step.starts_on_tag(&tag);
                step.starts_on_release(&NewRelease::of(&tag));
            }
        }
    }
}
