//! Checks license expressions, such as `MIT AND (Apache-2.0 OR BSD-3-Clause)` (PEP 639), as `packaging.licenses`
//! does.
//!
//! PyPI uses the list of one version of SPDX and refuses newer identifiers, so this module has the same list.

use crate::python::verdict::lists::SPDX;

const LICENSES: &str = include_str!("../lists/licenses.txt");
const EXCEPTIONS: &str = include_str!("../lists/license_exceptions.txt");

/// The longest text that suggestions are searched for, in bytes
const LONGEST_LOOKED_UP: usize = 100;

fn is_listed(list: &str, name: &str) -> bool {
    list.lines().any(|listed| listed.eq_ignore_ascii_case(name))
}

/// Checks an expression; the error tells what is wrong.
pub(in crate::python::verdict) fn check(expression: &str) -> Result<(), String> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ");
    let tokens: Vec<String> = spaced.split_whitespace().map(str::to_lowercase).collect();
    check_grammar(&tokens)?;
    for (at, token) in tokens.iter().enumerate() {
        if is_grammar(token) {
            continue;
        }
        if at > 0 && tokens[at - 1] == "with" {
            if !is_listed(EXCEPTIONS, token) {
                return Err(format!("`{token}` is not a license exception of SPDX {SPDX}"));
            }
            continue;
        }
        // `+` is only for listed licenses.
        match token.strip_prefix("licenseref-") {
            Some(own)
                if own.chars().all(|letter| letter.is_ascii_alphanumeric() || "-.".contains(letter)) => {}
            Some(_) => {
                return Err(format!("`{token}` must consist of letters, digits, `-` and `.`"));
            }
            None if is_listed(LICENSES, token.strip_suffix('+').unwrap_or(token)) => {}
            None => return Err(format!("`{token}` is not a license identifier of SPDX {SPDX}")),
        }
    }
    Ok(())
}

fn is_grammar(token: &str) -> bool {
    matches!(token, "or" | "and" | "with" | "(" | ")")
}

/// Checks that operands and operators alternate, and that every parenthesis is closed.
fn check_grammar(tokens: &[String]) -> Result<(), String> {
    let mut open = 0_usize;
    let mut wants_operand = true;
    for token in tokens {
        match token.as_str() {
            "or" | "and" | "with" if wants_operand => {
                return Err(format!("expected a license instead of `{token}`"));
            }
            "or" | "and" | "with" => wants_operand = true,
            "(" if !wants_operand => return Err("`(` follows a license without an operator".to_owned()),
            "(" => open += 1,
            ")" if wants_operand || open == 0 => return Err("`)` has no matching `(`".to_owned()),
            ")" => open -= 1,
            _ if !wants_operand => return Err(format!("`{token}` follows a license without an operator")),
            _ => wants_operand = false,
        }
    }
    match (wants_operand, open) {
        (true, _) => Err("expected a license at the end".to_owned()),
        (false, 0) => Ok(()),
        (false, _) => Err("`(` is not closed".to_owned()),
    }
}

/// The most similar identifier in the list, if there is one.
pub(in crate::python::verdict) fn nearest(name: &str) -> Option<&'static str> {
    // A text that is much longer than any identifier is similar to none.
    let name = Some(name).filter(|name| name.len() <= LONGEST_LOOKED_UP)?.to_lowercase();
    let near = |listed: &&str| strsim::jaro_winkler(&listed.to_lowercase(), &name);
    let best = LICENSES.lines().max_by(|a, b| near(a).total_cmp(&near(b)))?;
    (near(&best) > 0.85).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::{check, nearest};

    #[test]
    fn expressions_are_read_as_packaging_reads_them() {
        for right in [
            "MIT",
            "mit",
            "GPL-3.0",
            "GPL-3.0-or-later WITH Classpath-exception-2.0",
            "(MIT AND BSD-3-Clause)",
            "MIT or (apache-2.0 and LicenseRef-Mine.1)",
            "LGPL-2.1+",
            "MIT WITH LLVM-exception",
            "((MIT))",
        ] {
            assert_eq!(check(right), Ok(()), "{right}");
        }
        for wrong in [
            "",
            "MITT",
            "Apache 2.0",
            "LicenseRef-My_Own",
            "LicenseRef-Mine+",
            "MIT AND",
            "AND MIT",
            "(MIT",
            "MIT)",
            "()",
            "MIT (MIT)",
            "MIT WITH MIT",
            "MIT/Apache-2.0",
            "MIT;",
            "BSD",
            "MIT AND OR MIT",
            "Classpath-exception-2.0",
        ] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
        assert_eq!(nearest("Apache 2.0"), Some("Apache-2.0"));
    }
}
