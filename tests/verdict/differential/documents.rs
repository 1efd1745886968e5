//! Whole files: whether PyPI takes the form that the metadata's headers make, and a wheel's entry points.

use super::{Dice, Question, judged, judged_with};

/// The headers of metadata that is right
const RIGHT: &[&str] = &[
    "Metadata-Version: 2.4",
    "Name: demo",
    "Version: 1.0",
    "Summary: a demo",
    "Author-email: A <a@example.org>",
    "License-Expression: MIT",
    "Project-URL: Home, https://example.org",
    "Classifier: Programming Language :: Python :: 3",
    "Requires-Python: >=3.9",
    "Requires-Dist: requests>=2; extra == 'x'",
    "Provides-Extra: x",
    "Description-Content-Type: text/markdown",
    "Keywords: a,b",
    "Dynamic: Summary",
];
/// What is put in, or in the place of another
const MORE: &[&str] = &[
    "Metadata-Version: 2.1",
    "Metadata-Version: 1.0",
    "Metadata-Version: 2.0",
    "Metadata-Version: 2.5",
    "metadata-version:2.4",
    "NAME: demo",
    "Name: -demo",
    "Name : demo",
    "Version: 1.0+local",
    "Version:",
    "Version: UNKNOWN",
    "Summary: UNKNOWN",
    "Summary:",
    "Summary: one\n  two",
    "Home-page: https://example.org",
    "Home-page: UNKNOWN",
    "Home-page: example.org",
    "Home-page:",
    "Author-email: a@@b",
    "Author-email:",
    "License: MIT",
    "License: UNKNOWN",
    "License-Expression: MITT",
    "License-File: LICENSE",
    "License-File: ../LICENSE",
    "License-File:",
    "Project-URL: Home, https://example.com",
    "Project-URL: https://example.org",
    "Project-URL: Docs,https://example.org/docs",
    "Project-URL:",
    "Project-URL: UNKNOWN",
    "Classifier:",
    "Classifier: UNKNOWN",
    "Requires-Python: 3",
    "Requires-Python:",
    "Requires-Dist: a b",
    "Requires-Dist: a @ https://example.org/a.whl",
    "Requires-Dist:",
    "Requires-External: C",
    "Requires: a",
    "Provides-Extra: x y",
    "Provides-Extra:",
    "Provides-Dist: a",
    "Obsoletes-Dist: a b",
    "Dynamic: name",
    "Dynamic: Nothing",
    "Dynamic:",
    "Import-Name: demo",
    "Import-Name: class",
    "Import-Namespace: demo.sub",
    "Platform: any",
    "Supported-Platform: linux",
    "Maintainer: x",
    "Maintainer-email: x@localhost",
    "Download-URL: ftp://example.org",
    "Description-Content-Type: text/html",
    "Description: text",
    "Keywords: c",
    "X-Unknown: x",
    " a blank before it",
    "\tVersion: 2",
    "no header at all",
    ": without a name",
    "Name: é",
    "From demo 1.0",
    "",
    "\n",
];
/// Our rules about what these headers are; the others are about files and lists
const RULES: &[&str] = &[
    "metadata-readable",
    "metadata-version",
    "name",
    "version",
    "local-version",
    "repeated-field",
    "field-too-new",
    "email",
    "content-type",
    "dynamic",
    "url",
    "project-url",
    "project-url-label",
    "import-name",
    "summary",
    "license-and-expression",
    "license-expression",
    "license-file",
    "requirement",
    "direct-dependency",
    "provides-extra",
    "requires-python",
    "classifier",
];

/// Lines of entry_points.txt
const ENTRIES: &[&str] = &[
    "[console_scripts]",
    "[gui_scripts]",
    "[demo.plugins]",
    "[ x ]",
    "[x",
    "[]",
    "[a]b]",
    "demo = demo:main",
    "demo-2.x_y=demo:main [extra]",
    "a/b = demo:main",
    "a b = demo:main",
    "Demo = demo:other",
    "é = demo:main",
    "demo",
    "demo : main",
    "= demo:main",
    "  continued = demo:main",
    "\tcontinued",
    "# comment",
    "  ; comment",
    "demo = # comment",
    "",
    "   ",
    "x = %(y)s",
    "demo = demo:main\r",
];

fn entry_points(dice: &mut Dice) -> String {
    let lines: Vec<&str> = (0..dice.below(7)).map(|_| dice.one(ENTRIES)).collect();
    let first = dice.one(&["[console_scripts]\n", "[console_scripts]\n", "[x]\n", ""]);
    format!("{first}{}", lines.join("\n"))
}

fn document(dice: &mut Dice) -> String {
    let mut lines: Vec<&str> = RIGHT.to_vec();
    for _ in 0..dice.below(4) {
        let at = dice.below(lines.len());
        match dice.below(5) {
            0 => drop(lines.remove(at)),
            1 => {
                let other = dice.below(lines.len());
                lines.swap(at, other);
            }
            2 => lines[at] = dice.one(MORE),
            3 => lines.insert(at, dice.one(RIGHT)),
            _ => lines.insert(at, dice.one(MORE)),
        }
    }
    let end = dice.one(&["\n", "\n", "\n", "\r\n", "\r"]);
    lines.join(end) + end + dice.one(&["", "\n", "\nA description\n", "\nUNKNOWN\n"])
}

fn metadata(dice: &mut Dice) -> Question {
    let text = document(dice);
    let error =
        |found: &pyrelease::python::verdict::Diagnostic| found.is_error() && RULES.contains(&found.rule);
    let refused = judged(text.as_bytes()).iter().any(error);
    Question { kind: "document", asked: text.into(), ours: refused.into() }
}

/// Questions about whole files, with our answers.
pub(super) fn questions(dice: &mut Dice, each: usize) -> Vec<Question> {
    let mut questions: Vec<Question> = (0..each).map(|_| metadata(dice)).collect();
    questions.extend((0..each).map(|_| {
        let text = entry_points(dice);
        let found = judged_with("entry_points.txt", text.as_bytes());
        let refused = found.iter().any(|finding| finding.rule == "entry-points");
        Question { kind: "entry points", asked: text.into(), ours: refused.into() }
    }));
    questions
}
