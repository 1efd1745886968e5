//! License expressions, as `MIT AND (Apache-2.0 OR BSD-3-Clause)` (PEP 639), as `packaging.licenses` reads them.
//!
//! PyPI goes by the list of one version of SPDX; an identifier that is newer is refused there, so it is that list that
//! is kept here, and not whichever is the latest.

use crate::python::verdict::lists::SPDX;

const LICENSES: &str = include_str!("../lists/licenses.txt");
const EXCEPTIONS: &str = include_str!("../lists/license_exceptions.txt");

/// The longest text that a nearest identifier is looked for, in bytes
const LONGEST_LOOKED_UP: usize = 100;

fn is_listed(list: &str, name: &str) -> bool {
    list.lines().any(|listed| listed.eq_ignore_ascii_case(name))
}

/// Checks an expression; what is wrong with it otherwise.
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
                return Err(format!("`{token}` is no license exception of SPDX {SPDX}"));
            }
            continue;
        }
        // `+` is for the listed ones: one's own license says itself whether it is a later one.
        match token.strip_prefix("licenseref-") {
            Some(own)
                if own.chars().all(|letter| letter.is_ascii_alphanumeric() || "-.".contains(letter)) => {}
            Some(_) => {
                return Err(format!("`{token}` has other characters than letters, digits, `-` and `.`"));
            }
            None if is_listed(LICENSES, token.strip_suffix('+').unwrap_or(token)) => {}
            None => return Err(format!("`{token}` is no license identifier of SPDX {SPDX}")),
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
                return Err(format!("`{token}` stands where a license should"));
            }
            "or" | "and" | "with" => wants_operand = true,
            "(" if !wants_operand => return Err("`(` follows a license without an operator".to_owned()),
            "(" => open += 1,
            ")" if wants_operand || open == 0 => return Err("`)` closes nothing".to_owned()),
            ")" => open -= 1,
            _ if !wants_operand => return Err(format!("`{token}` follows a license without an operator")),
            _ => wants_operand = false,
        }
    }
    match (wants_operand, open) {
        (true, _) => Err("the expression ends where a license should be".to_owned()),
        (false, 0) => Ok(()),
        (false, _) => Err("`(` is not closed".to_owned()),
    }
}

/// The identifier of the list that is nearest to what was written, if one is near.
pub(in crate::python::verdict) fn nearest(name: &str) -> Option<&'static str> {
    // Nothing is near to what is much longer than any.
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
