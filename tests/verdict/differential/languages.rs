//! The fields of the metadata that are small languages: whether a value is refused.

use super::{Dice, Question, judged};

/// A header, how Python is asked about it, our rule about it, what it may look like, and what is put in
struct Language {
    header: &'static str,
    question: &'static str,
    rule: &'static str,
    seeds: &'static [&'static str],
    pieces: &'static [&'static str],
}

const LANGUAGES: &[Language] = &[
    Language {
        header: "Requires-Dist",
        question: "requires_dist",
        rule: "requirement",
        seeds: &[
            "requests[security,socks]>=2.0,!=2.1.*; python_version < \"3.12\" and extra == 'x'",
            "a.b-c_d (~=1.4.2) ; (os_name == 'nt' or 'linux' in sys_platform) and platform.machine not in 'x y'",
            "pip @ https://example.org/pip.zip ; python_full_version >= '3.8.1'",
            "foo===1.0-anything",
            "foo==1!2.0a1.post2.dev3+local.1",
        ],
        pieces: &[
            " ", ",", ";", "(", ")", "[", "]", "'", "\"", "<", ">=", "==", "===", "~=", "!=", "@", ".*",
            "+l", "-", "_", ".", "1", "a", "rc1", " and ", " or ", " in ", " not in ", "extra", "os.name",
            "é", "\t", "\\", "!", "v", "post", "dev",
        ],
    },
    Language {
        header: "Requires-Python",
        question: "requires_python",
        rule: "requires-python",
        seeds: &[">=3.9,<4", "==3.*,!=3.7.*", "~=3.9.1", ">=3.8.0rc1", "!=3.0 , >2"],
        pieces: &[
            " ", ",", "*", ".", ".*", "<", ">", "=", "~=", "!", "===", "3", "x", "a1", "+l", "-1", "v", ";",
            "\t",
        ],
    },
    Language {
        header: "Version",
        question: "version",
        rule: "version",
        seeds: &["1.0", "1!2.0a1.post2.dev3+local.1", "v1.0-rc.1", "2024.01.02", "1.0_post1"],
        pieces: &[
            " ", ".", "-", "_", "+", "!", "0", "1", "a", "b", "c", "rc", "alpha", "beta", "pre", "preview",
            "post", "rev", "r", "dev", "v", "V", "é", "٣",
        ],
    },
    Language {
        header: "Provides-Extra",
        question: "provides_extra",
        rule: "provides-extra",
        seeds: &["dev", "a.b-c_d", "Dev2"],
        pieces: &["-", "_", ".", " ", "é", "1", "a", "ſ", "+"],
    },
    Language {
        header: "License-Expression",
        question: "license_expression",
        rule: "license-expression",
        seeds: &[
            "MIT AND (Apache-2.0 OR BSD-3-Clause)",
            "GPL-3.0-or-later WITH Classpath-exception-2.0",
            "LicenseRef-My.Own-1 or mit",
            "LGPL-2.1+",
        ],
        pieces: &[
            " ",
            "(",
            ")",
            "+",
            " AND ",
            " OR ",
            " WITH ",
            "MIT",
            "not",
            "False",
            "LicenseRef-",
            "_",
            "-",
            ".",
            "/",
            "é",
            "0BSD",
            "()",
        ],
    },
    Language {
        header: "License-File",
        question: "license_files",
        rule: "license-file",
        seeds: &["LICENSE", "licenses/sub/LICENSE.txt", "a b"],
        pieces: &["/", "\\", ".", "..", "*", "./", "//", "C:", " ", "é", ":"],
    },
    Language {
        header: "Description-Content-Type",
        question: "description_content_type",
        rule: "content-type",
        seeds: &[
            "text/markdown; charset=UTF-8; variant=GFM",
            "text/x-rst",
            "text/plain; charset=\"UTF-8\"",
            "text/markdown;variant=CommonMark",
        ],
        pieces: &[
            ";", "=", " ", "UTF-8", "utf-8", "GFM", "variant", "charset", "text/", "/", "x", "TEXT", ";;",
        ],
    },
    Language {
        header: "Import-Name",
        question: "import_names",
        rule: "import-name",
        seeds: &["demo", "demo.sub_1", "demo ; private", "_a;private"],
        pieces: &[".", ";", " ", "private", "class", "None", "1", "é", "-", "_", "a"],
    },
    Language {
        header: "Dynamic",
        question: "dynamic",
        rule: "dynamic",
        seeds: &["Requires-Dist", "version", "import-name", "Classifier", "platform"],
        pieces: &["-", "s", "Name", "_", " "],
    },
    Language {
        header: "Author-email",
        question: "email",
        rule: "email",
        seeds: &[
            "a.b+c@sub.example.org",
            "Some Body <a@example.org>",
            "é@exämple.org",
            "a@xn--exmple-cua.org",
            "faß@straße.example",
            "a@例え.example",
            "a@ab--cd.org",
            "a@192.168.1.1",
        ],
        pieces: &[
            ".", "-", "--", "@", "xn--", "_", "ß", "ς", "İ", "\u{200d}", "\u{ad}", "。", "１", "٣", "a",
            "test", ".local", "xn--a", "xn--0", "é", "e\u{301}", "\u{301}", "א", "א1", "😀", "xn--e1a", "A",
            " ", "%", "~", "xn--zca",
        ],
    },
    Language {
        header: "Home-page",
        question: "url",
        rule: "url",
        seeds: &[
            "https://example.org/path?query=1#fragment",
            "http://user:word@example.org:8080/",
            "https://[::1]:443/x",
            "http://127.0.0.1:80",
            "https:x",
        ],
        pieces: &[
            ":",
            "/",
            "//",
            "?",
            "#",
            "@",
            "[",
            "]",
            "%",
            "%zz",
            "%41",
            " ",
            "é",
            "65536",
            "999",
            "..",
            "http",
            "HTTPS:",
            "\\",
            "|",
            "{",
            "<",
            "::",
            "300.1.1.1",
            "&",
            "\t",
            "javascript:",
            "a",
            "v1.x",
        ],
    },
];

/// A seed in which some letters are gone and some pieces are put in.
fn mutated(language: &Language, dice: &mut Dice) -> String {
    // Metadata has no blanks at a value's start, and an empty value counts as none.
    dice.mutated(language.seeds, language.pieces).trim_matches([' ', '\t']).to_owned()
}

/// Questions about every language, with what our rule says of a wheel with that header.
pub(super) fn questions(dice: &mut Dice, each: usize) -> Vec<Question> {
    let mut questions = Vec::new();
    for language in LANGUAGES {
        for _ in 0..each {
            let value = mutated(language, dice);
            if value.is_empty() || value == "UNKNOWN" {
                continue;
            }
            let version = if language.header == "Version" { "" } else { "Version: 1.0\n" };
            let header = language.header;
            let metadata = format!("Metadata-Version: 2.5\nName: demo\n{version}{header}: {value}\n");
            let refused = judged(metadata.as_bytes()).iter().any(|finding| finding.rule == language.rule);
            questions.push(Question { kind: language.question, asked: value.into(), ours: refused.into() });
        }
    }
    questions
}
