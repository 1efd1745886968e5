//! Replaces the parts of the output that differ between runs, machines or versions by names.

use std::path::Path;
use std::sync::OnceLock;

use regex::{Captures, Regex};

use crate::sandbox::{shared_cache, target_folder};

/// The patterns and their replacements, applied in this order.
const RULES: [(&str, &str); 20] = [
    (r"(?m)^( +Using) .* \((just resolved|resolved .* ago)\)$", "$1 [PACKAGES] ([AGE])"),
    (r"\b\d{8}T\d{9}-\d{5}\b", "[RUN]"),
    (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|\+00:00)?", "[TIME]"),
    (r"\b\d{4}-\d\d-\d\d\b", "[DATE]"),
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "[UUID]"),
    (r"\b[0-9a-f]{64}\b", "[SHA256]"),
    (r"\b[0-9a-f]{40}\b", "[OID]"),
    // The first digits of a SHA-256 digest, which may all be decimal
    (r"([ (`])[0-9a-f]{12}\b", "${1}[SHA256]"),
    (r"\b(127\.0\.0\.1|localhost):\d{2,5}\b", "$1:[PORT]"),
    (r"/(tmp|dev/shm)/(\.tmp|pyrelease-)[A-Za-z0-9_-]+", "[TEMPORARY]"),
    (r"\b(git|git version|Python|build|pip|uv) \d+\.\d+(\.\d+)*\b", "$1 [VERSION]"),
    (r"\bpyrelease/?( ?)\d+\.\d+\.\d+\b", "pyrelease$1[VERSION]"),
    (r"\b(linux|macos|windows) on (x86_64|aarch64)\b", "[PLATFORM]"),
    // Numbers in a column, with a variable width
    (r" {2,}(\+?)\d+\.\d+ ?s\b", "  $1[SECONDS]"),
    (r"(?m) {2,}\d+\.\d$", "  [SECONDS]"),
    (r"\b\d+(\.\d+)? ?s\b", "[SECONDS]"),
    (r"\b\d+(\.\d+)? days\b", "[DAYS] days"),
    (r"\b\d[\d,]*(\.\d+)? (bytes|B|kB|KiB|KB|MB|MiB)\b", "[SIZE]"),
    (r"\bprocess \d+\b", "process [PID]"),
    // Short ids of git and `status`; all ten digits may be decimal
    (r"\b([0-9a-f]{10}|[0-9a-f]{16})\b", "[OID]"),
];

/// Replaces the sandbox by `[ROOT]`, the shared cache by `[CACHE]`, cargo's folder by `[TARGET]`, applies [`RULES`],
/// and replaces other short ids by `[OID]`.
pub(crate) fn redact(text: &str, root: &Path) -> String {
    static COMPILED: OnceLock<(Vec<(Regex, &str)>, Regex)> = OnceLock::new();
    let (rules, short) = COMPILED.get_or_init(|| {
        let compile = |pattern: &str| Regex::new(pattern).expect("a regular expression of our own");
        let rules = RULES.iter().map(|(pattern, name)| (compile(pattern), *name)).collect();
        (rules, compile(r"\b[0-9a-f]{7,39}\b"))
    });
    let folders = [(root, "[ROOT]"), (&shared_cache(), "[CACHE]"), (target_folder(), "[TARGET]")];
    let text = folders
        .iter()
        .fold(text.to_owned(), |text, (folder, name)| text.replace(&folder.display().to_string(), name));
    let text = rules.iter().fold(text, |text, (rule, name)| replace(rule, &text, name));
    // A word such as `defaced` is not an id, nor is a number.
    let is_id = |word: &str| word.contains(char::is_alphabetic) && word.contains(char::is_numeric);
    let name = |found: &Captures<'_>| if is_id(&found[0]) { "[OID]" } else { &found[0] }.to_owned();
    short.replace_all(&text, name).into_owned()
}

/// Pads the name to the width of the replaced text if a column follows.
fn replace(rule: &Regex, text: &str, name: &str) -> String {
    let named = |found: &Captures<'_>| {
        let mut named = String::new();
        found.expand(name, &mut named);
        let whole = found.get(0).expect("a match has its text");
        match text[whole.end()..].starts_with("  ") {
            true => format!("{named:width$}", width = whole.len()),
            false => named,
        }
    };
    rule.replace_all(text, named).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_gets_a_name_and_the_rest_stays() {
        let root = Path::new("/tmp/x");
        for (text, expected) in [
            ("Tagged v1.1.0 at 0a1b2c3 (2026-11-24)", "Tagged v1.1.0 at [OID] ([DATE])"),
            ("/tmp/x/demo/runs/20261124T010203004-00042/", "[ROOT]/demo/runs/[RUN]/"),
            ("http://127.0.0.1:34567/simple/ 127.0.0.1", "http://127.0.0.1:[PORT]/simple/ 127.0.0.1"),
            ("defaced 1234567 demo-1.1.0-py3-none-any.whl", "defaced 1234567 demo-1.1.0-py3-none-any.whl"),
            ("main  0123456789  as it was", "main  [OID]       as it was"),
            ("  tag    12.3", "  tag  [SECONDS]"),
            ("released  0.5 s, 1,234 bytes in 3 s", "released  [SECONDS], [SIZE] in [SECONDS]"),
            ("pyrelease 0.1.0, git 2.43.0, 13.9 days", "pyrelease [VERSION], git [VERSION], [DAYS] days"),
        ] {
            assert_eq!(redact(text, root), expected);
        }
        assert_eq!(redact(&"ab12".repeat(16), root), "[SHA256]");
        assert_eq!(redact("(sha256 123456789012)", root), "(sha256 [SHA256])");
    }
}
