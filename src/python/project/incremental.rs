//! The version module of incremental (the release tool of Twisted): `__version__ = Version("demo", 24, 8, 0)`.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::python::version::{PrereleaseKind, Version};

static CALL: LazyLock<Regex> = LazyLock::new(|| {
    let call = r#"(?m)^__version__\s*=\s*(?:incremental\.)?Version\(\s*["'][^"'\n]*["']\s*,\s*([0-9][^()\n]*[0-9])\s*,?\s*\)"#;
    Regex::new(call).expect("a constant that the tests compile")
});

/// The byte range of the version's arguments: `24, 8, 0, release_candidate=1`.
pub(super) fn locate(text: &str) -> Option<Range<usize>> {
    Some(CALL.captures(text)?.get(1)?.range())
}

/// The version that the arguments mean.
pub(super) fn parse(arguments: &str) -> Option<Version> {
    let mut numbers = Vec::new();
    let mut rest = String::new();
    for argument in arguments.split(',').map(str::trim) {
        match argument.split_once('=') {
            None => numbers.push(argument),
            Some((key, number)) => {
                let word = match key.trim() {
                    "release_candidate" | "prerelease" => "rc",
                    "post" => ".post",
                    "dev" => ".dev",
                    _ => return None,
                };
                rest.push_str(word);
                rest.push_str(number.trim());
            }
        }
    }
    format!("{}{rest}", numbers.join(".")).parse().ok()
}

/// The arguments for a version; none if they cannot express it: alphas, betas, epochs and local versions.
pub(super) fn spell(version: &Version) -> Option<String> {
    let numbers = version.release_segments();
    if numbers.len() > 3 || version.epoch() != 0 || version.is_local() {
        return None;
    }
    let number = |at: usize| numbers.get(at).copied().unwrap_or(0);
    let mut text = format!("{}, {}, {}", number(0), number(1), number(2));
    let mut add = |key: &str, number: Option<u64>| {
        if let Some(number) = number {
            text.push_str(&format!(", {key}={number}"));
        }
    };
    match version.pre() {
        Some((PrereleaseKind::Rc, number)) => add("release_candidate", Some(number)),
        Some(_) => return None,
        None => {}
    }
    add("post", version.post());
    add("dev", version.dev());
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_the_arguments() {
        let module = "from incremental import Version\n\n__version__ = Version(\"demo\", 24, 8, 0, release_candidate=1)\n";
        assert_eq!(&module[locate(module).unwrap()], "24, 8, 0, release_candidate=1");
        for (arguments, version) in [
            ("24, 8, 0", "24.8.0"),
            ("24, 8, 0, release_candidate=1", "24.8.0rc1"),
            ("24, 8, 1, dev=0", "24.8.1.dev0"),
            ("24, 8, 1, post=2", "24.8.1.post2"),
        ] {
            let version: Version = version.parse().unwrap();
            assert_eq!(parse(arguments), Some(version.clone()));
            assert_eq!(spell(&version).as_deref(), Some(arguments));
        }
        assert_eq!(parse("24, x=1"), None);
        assert_eq!(spell(&"1.0a1".parse().unwrap()), None);
        assert_eq!(locate("__version__ = Version('demo', '1.0')"), None);
    }
}
