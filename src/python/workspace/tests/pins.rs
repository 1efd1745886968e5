//! What a requirement becomes for a new version.

use proptest::prelude::*;

use super::*;

fn requirement(specifier: &str, grammar: Grammar) -> Requirement {
    Requirement {
        of: Some(0),
        on: 1,
        kind: Kind::Run,
        specifier: specifier.to_owned(),
        grammar,
        path: "pyproject.toml".to_owned(),
        line: 1,
        key: "project.dependencies".to_owned(),
        span: None,
    }
}

/// The specifier after the move, or the error.
fn after(specifier: &str, new: &str, pins: Pins, grammar: Grammar) -> String {
    match moved(&requirement(specifier, grammar), &version(new), pins) {
        Ok(None) => "stays".to_owned(),
        Ok(Some(specifier)) => specifier,
        Err(error) => format!("error: {error}"),
    }
}

#[test]
fn each_keeps_its_style() {
    for (specifier, new, expected) in [
        ("", "2.0.0", "stays"),
        ("==1.2.0", "1.3.0", "==1.3.0"),
        ("== 1.2", "1.2.0", "stays"),
        ("===1.2.0", "1.3.0", "===1.3.0"),
        ("===1.2", "1.2.0", "===1.2.0"),
        ("==1.2.*", "1.2.9", "stays"),
        ("==1.2.*", "1.3.0", "==1.3.*"),
        ("==1.2.*", "2", "==2.0.*"),
        ("==1.0.*", "1", "stays"),
        ("==1.2.*", "1.3.0rc1", "==1.3.*"),
        (">=1.1", "2.0.0", "stays"),
        (">=1.1,<2", "1.9", "stays"),
        (">=1.1,<2", "2.0.0", ">=2.0.0,<3"),
        (">=1.1,<2", "2.0.0rc1", ">=2.0.0rc1,<3"),
        (">= 1.1 , < 2", "2.0.0", ">= 2.0.0 , < 3"),
        ("<2,>=1.1,!=1.5", "2.0.0", "<3,>=2.0.0,!=1.5"),
        (">=2.0,<3", "1.9.1", ">=1.9.1,<3"),
        (">=2.0", "2.0.0rc1", ">=2.0.0rc1"),
        // A bound on the version as it was being worked on; a later one says more.
        (">=2.0.0.dev0", "2.0.0", ">=2.0.0"),
        ("~= 1.44.0.dev", "1.44.0", "~= 1.44.0"),
        (">=0.65b0.dev,<1", "0.65b0", ">=0.65b0,<1"),
        (">=1.9.dev0", "2.0.0", "stays"),
        (">=2.0.0rc1", "2.0.0", "stays"),
        ("~=1.4", "1.5", "stays"),
        ("~=1.4", "2.0.0", "~=2.0"),
        ("~=1.4", "2.1.3", "~=2.1"),
        ("~=1.4.2", "2.1.3", "~=2.1.3"),
        ("~=1.4.2", "2", "~=2.0.0"),
        ("~=1.4", "2.0.0rc1", "~=2.0rc1"),
        ("~=1.4", "2.1.3rc1", "~=2.1"),
        ("<2", "2.0.0", "<3"),
        ("<2", "2.0.0rc1", "<3"),
        ("<2.0", "2.0.0", "<3.0"),
        ("<2.0a0", "2.0.0", "<3.0a0"),
        ("<2.dev0", "2.0.0", "<3.dev0"),
        ("<1.3", "1.3.0", "<1.4"),
        ("<1.3", "2.0.0", "<2.1"),
        ("<0.5.0", "0.5.0", "<0.6.0"),
        ("<2025", "2025.1.0", "<2026"),
        ("<2.0rc2", "2.0rc1", "stays"),
        ("<=1.9", "2.0.0", "<=2.0.0"),
        (">1.1", "1.1", ">=1.1"),
        (">1.1", "1.1.post1", ">=1.1.post1"),
        (">1.1", "1.2", "stays"),
        ("!=1.5", "2.0.0", "stays"),
        ("!=2.0.0", "2.0.0", "error: `!=2.0.0` excludes 2.0.0"),
        (">=1,!=2.0.*", "2.0.1", "error: `!=2.0.*` excludes 2.0.1"),
        ("==1.0", "1!2.0", "==1!2.0"),
        ("<2", "1!2.0", "<1!3"),
        ("~=1.4", "1!2.0", "~=1!2.0"),
        ("<1", "18446744073709551615", "error: a number in 18446744073709551615 is too large to increase"),
        ("^1.0", "2.0", "error: `^1.0` is not a valid version specifier: `^1.0` has no operator"),
        (
            "~=1",
            "2.0",
            "error: `~=1` is not a valid version specifier: `~=` needs a version with two numbers",
        ),
        (
            ">=1.*",
            "2.0",
            "error: `>=1.*` is not a valid version specifier: `.*` is valid only after `==` and `!=`",
        ),
    ] {
        assert_eq!(
            after(specifier, new, Pins::KeepStyle, Grammar::Pep440),
            expected,
            "`{specifier}` with {new}"
        );
    }
}

#[test]
fn poetry_has_styles_of_its_own() {
    for (specifier, new, expected) in [
        ("*", "2.0.0", "stays"),
        ("^1.1", "1.9", "stays"),
        ("^1.1", "2.0.0", "^2.0"),
        ("^1", "2.0.0", "^2"),
        ("^1.1.0", "2.0.0", "^2.0.0"),
        ("^1.1", "2.0.0rc1", "^2.0rc1"),
        ("^0.1", "0.2.0", "^0.2"),
        ("^0.0.3", "0.0.4", "^0.0.4"),
        ("^0", "0.9", "stays"),
        ("^0.0", "0.1.5", "^0.1"),
        ("~1.1", "1.2.0", "~1.2"),
        ("~1", "1.9", "stays"),
        ("1.1.0", "1.2.0", "1.2.0"),
        ("=1.1.0", "1.2.0", "=1.2.0"),
        ("1.*", "2.0.0", "2.*"),
        ("^1 || ^2", "2.3", "stays"),
        ("^1 || ^2", "3.0.0", "^1 || ^2 || ^3"),
        (">=1.0 <2.0", "2.0.0", ">=2.0.0 <3.0"),
        ("||", "2.0", "error: `||` is not a valid version specifier: a version is missing beside `|`"),
        ("latest", "2.0", "error: `latest` is not a valid version specifier: `latest` is not a version"),
    ] {
        assert_eq!(
            after(specifier, new, Pins::KeepStyle, Grammar::Poetry),
            expected,
            "`{specifier}` with {new}"
        );
    }
}

#[test]
fn a_policy_writes_its_operator() {
    for (pins, specifier, new, expected) in [
        (Pins::Exact, "", "2.0.0", "==2.0.0"),
        (Pins::Exact, ">= 1.1, !=3.0", "2.0.0", "== 2.0.0"),
        (Pins::Exact, "==2.0.0", "2.0.0", "stays"),
        (Pins::Compatible, "", "2", "~=2.0"),
        (Pins::Compatible, ">=1.1,<2,!=1.5,!=2.3", "2.0.0rc1", "~=2.0.0rc1,!=2.3"),
        (Pins::Minimum, "==1.0", "2.0.0", ">=2.0.0"),
        (Pins::Minimum, ">=1.0,<2, !=2.1", "2.0.0", ">=2.0.0, !=2.1"),
        (Pins::Minimum, "!=2.0.0", "2.0.0", "error: `!=2.0.0` excludes 2.0.0"),
        (Pins::Leave, ">=1.0", "2.0.0", "stays"),
        (Pins::Leave, "==1.0", "2.0.0", "error: `==1.0` does not admit 2.0.0"),
    ] {
        assert_eq!(after(specifier, new, pins, Grammar::Pep440), expected, "`{specifier}` with {new}");
    }
    assert_eq!(after("*", "2.0.0", Pins::Minimum, Grammar::Poetry), ">=2.0.0");
    assert_eq!(after("", "2.0.0", Pins::Exact, Grammar::Direct), "stays");
    assert!(Pins::words().all(|word| Pins::from_word(word).is_some()));
    assert_eq!(Pins::from_word("=="), Some(Pins::Exact));
    assert_eq!(Pins::from_word("loose"), None);
}

#[test]
fn a_huge_specifier_is_an_error() {
    let huge = ">=1,".repeat(100_000);
    assert!(after(&huge, "2.0", Pins::KeepStyle, Grammar::Pep440).ends_with("it is too long"));
}

const NUMBER: &str = r"[0-9]{1,2}(\.[0-9]{1,2}){0,3}((a|rc)[0-9])?(\.post[0-9])?(\.dev[0-9])?";

proptest! {
    #[test]
    fn what_is_moved_admits_the_version_and_then_stays(
        bounds in prop::collection::vec((r"(==|>=|<=|<|>|~=0\.|!=|==0\.|\^|~|===) ?", NUMBER), 0..4),
        new in NUMBER,
        poetry in any::<bool>(),
        policy in 0_usize..5,
    ) {
        let grammar = if poetry { Grammar::Poetry } else { Grammar::Pep440 };
        let clauses: Vec<String> = bounds.into_iter().map(|(operator, number)| operator + &number).collect();
        let first = requirement(&clauses.join(","), grammar);
        let pins = Pins::from_word(Pins::words().nth(policy).unwrap()).unwrap();
        if let Ok(Some(specifier)) = moved(&first, &version(&new), pins) {
            let second = requirement(&specifier, grammar);
            prop_assert_eq!(moved(&second, &version(&new), pins), Ok(None));
            prop_assert_eq!(moved(&second, &version(&new), Pins::Leave), Ok(None));
        }
    }

    #[test]
    fn hostile_text_never_panics(specifier in r"(\PC|[=<>~^!*|., 0-9]){0,30}", poetry in any::<bool>()) {
        let grammar = if poetry { Grammar::Poetry } else { Grammar::Pep440 };
        let _ = moved(&requirement(&specifier, grammar), &version("2.0.0"), Pins::KeepStyle);
    }
}
