//! A wrong and a right example of every rule, as the page of the rules shows them; each is made and judged.

use std::collections::BTreeSet;

use pyrelease::python::verdict::{Policy, RULES};
use pyrelease::stages::judge_files;
use pyrelease::world::Environment;
use pyrelease_test_support::Sandbox;

use super::made;
use super::sample::Given;
use super::sample::Sample::{self, Content, Files, Made, Metadata, Record, Sdist, Told, Wheel};

const ROW: &str = "demo/__init__.py,sha256=";

/// The rules with a wrong and a right example
pub(crate) const EXAMPLES: &[(&str, Sample, Sample)] = &[
    ("metadata-version", Metadata("Metadata-Version: 3.0"), Metadata("Metadata-Version: 2.4")),
    ("name", Metadata("Name: -demo"), Metadata("Name: demo")),
    ("version", Metadata("Version: one"), Metadata("Version: 1.0")),
    ("local-version", Metadata("Version: 1.0+linux"), Metadata("Version: 1.0")),
    (
        "repeated-field",
        Metadata("Summary: Says hello\nSummary: Says goodbye"),
        Metadata("Summary: Says hello"),
    ),
    (
        "field-too-new",
        Metadata("Metadata-Version: 2.1\nLicense-Expression: MIT"),
        Metadata("Metadata-Version: 2.4\nLicense-Expression: MIT"),
    ),
    (
        "metadata-line",
        Metadata("Summary: Says hello\nto everybody"),
        Metadata("Summary: Says hello to everybody"),
    ),
    ("email", Metadata("Author-email: Dana"), Metadata("Author-email: Dana <dana@example.org>")),
    (
        "classifier",
        Metadata("Classifier: Topic :: Greetings"),
        Metadata("Classifier: Topic :: Software Development"),
    ),
    (
        "classifier-deprecated",
        Metadata("Classifier: Natural Language :: Ukranian"),
        Metadata("Classifier: Natural Language :: Ukrainian"),
    ),
    (
        "content-type",
        Metadata("Description-Content-Type: text/html"),
        Metadata("Description-Content-Type: text/markdown"),
    ),
    ("dynamic", Metadata("Dynamic: Name"), Metadata("Dynamic: Summary")),
    ("url", Metadata("Home-page: example.org"), Metadata("Home-page: https://example.org/")),
    (
        "project-url",
        Metadata("Project-URL: https://example.org/"),
        Metadata("Project-URL: Documentation, https://example.org/"),
    ),
    (
        "project-url-label",
        Metadata("Project-URL: Docs, https://example.org/\nProject-URL: Docs, https://docs.example.org/"),
        Metadata("Project-URL: Home, https://example.org/\nProject-URL: Docs, https://docs.example.org/"),
    ),
    (
        "import-name",
        Metadata("Metadata-Version: 2.5\nImport-Name: my-demo"),
        Metadata("Metadata-Version: 2.5\nImport-Name: my_demo"),
    ),
    ("summary", Metadata("Summary: Says hello\n  and goodbye"), Metadata("Summary: Says hello and goodbye")),
    (
        "license-and-expression",
        Metadata("License: MIT\nLicense-Expression: MIT"),
        Metadata("License-Expression: MIT"),
    ),
    ("license-expression", Metadata("License-Expression: MIT License"), Metadata("License-Expression: MIT")),
    ("license-file", Metadata("License-File: ../LICENSE"), Metadata("License-File: LICENSE")),
    ("license-file-missing", Metadata("License-File: LICENSE"), Metadata("License-Expression: MIT")),
    ("requirement", Metadata("Requires-Dist: requests >> 2"), Metadata("Requires-Dist: requests >=2")),
    (
        "direct-dependency",
        Metadata("Requires-Dist: tool @ https://example.org/tool.zip"),
        Metadata("Requires-Dist: tool"),
    ),
    ("provides-extra", Metadata("Provides-Extra: -all"), Metadata("Provides-Extra: all")),
    ("requires-python", Metadata("Requires-Python: 3.9+"), Metadata("Requires-Python: >=3.9")),
    ("standard-library-name", Metadata("Name: json"), Metadata("Name: demo-json")),
    ("prohibited-name", Metadata("Name: requirements.txt"), Metadata("Name: demo")),
    (
        "description-not-blank",
        Metadata("Description-Content-Type: text/markdown\n\n\n"),
        Metadata("Description-Content-Type: text/markdown\n\nSays hello."),
    ),
    (
        "description-renders",
        Metadata("Description-Content-Type: text/x-rst\n\n.. toctree::"),
        Metadata("Description-Content-Type: text/x-rst\n\n.. note:: It says hello."),
    ),
    (
        "metadata-readable",
        Made("METADATA is empty.", made::empty_metadata),
        Made("METADATA has a name and a version.", made::right),
    ),
    (
        "description-too-costly",
        Told(
            "A description of a few kilobytes whose substitutions refer to each other, so that it renders to gigabytes.",
        ),
        Told("A description as long as it renders."),
    ),
    ("filename", Files(&["demo-1.0.whl"]), Files(&["demo-1.0-py3-none-any.whl"])),
    ("filename-name", Content("other-1.0-py3-none-any.whl", ""), Files(&["demo-1.0-py3-none-any.whl"])),
    ("filename-version", Content("demo-1.1-py3-none-any.whl", ""), Files(&["demo-1.0-py3-none-any.whl"])),
    ("filename-sdist", Files(&["Demo-1.0.tar.gz"]), Files(&["demo-1.0.tar.gz"])),
    (
        "filename-length",
        Made(
            "A wheel whose version has 227 characters, so that its name with `.metadata` is longer than 255 bytes.",
            made::long_name,
        ),
        Made("`demo-1.0-py3-none-any.whl`.", made::right),
    ),
    (
        "file-size",
        Made("A file of more than 100 MiB, unless PyPI has raised the project's limit.", made::large_file),
        Made("A file of up to 100 MiB.", made::right),
    ),
    (
        "archive",
        Content("demo-1.0-py3-none-any.whl", "<html>Not found</html>"),
        Files(&["demo-1.0-py3-none-any.whl"]),
    ),
    (
        "compression-ratio",
        Made("A wheel of 1 KiB with a member that unpacks to 1 GiB.", made::bomb),
        Made(
            "Members that unpack to at most 50 times the wheel's size, or to less than 64 MiB.",
            made::right,
        ),
    ),
    (
        "compression-method",
        Made("A member of the wheel is compressed with LZMA.", made::lzma),
        Made("All are stored or deflated.", made::right),
    ),
    (
        "zip-framing",
        Made(
            "The wheel was written as a stream, with each member's size after it and not before.",
            made::streamed,
        ),
        Made("A wheel as Python's `zipfile` writes it to a file.", made::right),
    ),
    (
        "sparse-member",
        Made("`demo-1.0/data.bin` is stored sparse, as by `tar --sparse`.", made::sparse),
        Made("All members are stored whole.", made::right),
    ),
    (
        "encrypted-code",
        Wheel(&[("demo/core.py", "__pyarmor_enter__()\n")]),
        Wheel(&[("demo/core.py", "def hello(): ...\n")]),
    ),
    (
        "damage",
        Made("The checksum at the end of the gzip stream is of other bytes.", made::damaged),
        Made("It is of these bytes.", made::right),
    ),
    (
        "trailing-data",
        Made("A line break follows the end of the gzip stream.", made::trailing),
        Made("The file ends with it.", made::right),
    ),
    (
        "encrypted-member",
        Made("A member of the wheel is encrypted, as by `zip --encrypt`.", made::encrypted),
        Made("None is.", made::right),
    ),
    (
        "archive-limits",
        Made("`demo-1.0/PKG-INFO` has 18 MiB.", made::large_member),
        Made(
            "At most 100,000 members, and none of those that describe the distribution over 16 MiB.",
            made::right,
        ),
    ),
    (
        "duplicate-metadata",
        Sdist(&["demo-1.0/PKG-INFO", "demo-1.0/demo.py", "demo-1.0/PKG-INFO"]),
        Sdist(&["demo-1.0/PKG-INFO", "demo-1.0/demo.py"]),
    ),
    (
        "duplicate-member",
        Sdist(&["demo-1.0/PKG-INFO", "demo-1.0/demo.py", "demo-1.0/demo.py"]),
        Sdist(&["demo-1.0/PKG-INFO", "demo-1.0/demo.py"]),
    ),
    (
        "sdist-top-folder",
        Sdist(&["demo-1.0/PKG-INFO", "src/demo.py"]),
        Sdist(&["demo-1.0/PKG-INFO", "demo-1.0/src/demo.py"]),
    ),
    (
        "sdist-pkg-info",
        Sdist(&["demo-1.0/demo.py", "demo-1.0/setup.py"]),
        Sdist(&["demo-1.0/PKG-INFO", "demo-1.0/demo.py"]),
    ),
    (
        "sdist-folder-name",
        Sdist(&["demo/PKG-INFO", "demo/demo.py"]),
        Sdist(&["demo-1.0/PKG-INFO", "demo-1.0/demo.py"]),
    ),
    (
        "sdist-folder-spelling",
        Sdist(&["Demo-1.0/PKG-INFO", "Demo-1.0/demo.py"]),
        Sdist(&["demo-1.0/PKG-INFO", "demo-1.0/demo.py"]),
    ),
    ("wheel-file", Wheel(&[("-demo-1.0.dist-info/WHEEL", "")]), Wheel(&[])),
    ("wheel-metadata", Wheel(&[("-demo-1.0.dist-info/METADATA", "")]), Wheel(&[])),
    (
        "platform-tag",
        Files(&["demo-1.0-py3-none-linux_x86_64.whl"]),
        Files(&["demo-1.0-py3-none-manylinux_2_28_x86_64.whl"]),
    ),
    (
        "entry-points",
        Wheel(&[("demo-1.0.dist-info/entry_points.txt", "[console_scripts]\nsay hello\n")]),
        Wheel(&[("demo-1.0.dist-info/entry_points.txt", "[console_scripts]\nsay = demo:hello\n")]),
    ),
    ("wheel-one-dist-info", Wheel(&[("other-1.0.dist-info/METADATA", "")]), Wheel(&[])),
    ("record-missing", Wheel(&[("-demo-1.0.dist-info/RECORD", "")]), Wheel(&[])),
    ("record-readable", Record(ROW, "\"demo/__init__.py,sha256="), Record(ROW, ROW)),
    ("record-unlisted", Record(ROW, "demo/other.py,sha256="), Record(ROW, ROW)),
    ("record-absent", Record(ROW, "demo/other.py,,\ndemo/__init__.py,sha256="), Record(ROW, ROW)),
    ("record-hash", Record(ROW, "demo/__init__.py,sha256=A"), Record(ROW, ROW)),
    ("record-size", Record(",6\n", ",7\n"), Record(",6\n", ",6\n")),
    ("record-repeated", Record(ROW, "demo/__init__.py,,\ndemo/__init__.py,sha256="), Record(ROW, ROW)),
    ("record-algorithm", Record(ROW, "demo/__init__.py,md5="), Record(ROW, ROW)),
    ("path-escapes", Wheel(&[("../demo.py", "")]), Wheel(&[("demo/demo.py", "")])),
    (
        "link-escapes",
        Made("`demo-1.0/docs` is a link to `../../docs`.", made::link_out),
        Made("`demo-1.0/docs` is a link to `guides`, in the same folder.", made::link_inside),
    ),
    (
        "behind-link",
        Made(
            "`demo-1.0/docs` is a link to `guides`, and `demo-1.0/docs/index.md` a member.",
            made::behind_link,
        ),
        Made(
            "`demo-1.0/docs` is a link to `guides`, and `demo-1.0/guides/index.md` a member.",
            made::link_inside,
        ),
    ),
    (
        "special-file",
        Made("`demo-1.0/pipe` is a named pipe.", made::pipe),
        Made("All members are files, folders and links.", made::right),
    ),
    (
        "wheel-link",
        Made("`demo/link.py` is a link to `__init__.py`.", || made::linked_wheel("__init__.py")),
        Made("`demo/link.py` is a copy of it.", made::right),
    ),
    (
        "secret",
        Made("`demo/settings.py` has the line `TOKEN = \"ghp_…\"`, with a whole token.", made::token),
        Made("`demo/settings.py` has the line `TOKEN = os.environ[\"TOKEN\"]`.", made::right),
    ),
    ("secret-file", Wheel(&[("demo/.pypirc", "[pypi]\n")]), Wheel(&[("demo/pypirc.py", "")])),
    ("leftover", Wheel(&[("demo/.DS_Store", "")]), Wheel(&[("demo/data.txt", "")])),
    ("top-level-name", Wheel(&[("tests/__init__.py", "")]), Wheel(&[("demo/tests/__init__.py", "")])),
    ("native-in-pure-wheel", Wheel(&[("demo/fast.so", "\u{7f}ELF")]), Wheel(&[("demo/fast.py", "")])),
    ("empty-wheel", Wheel(&[("-demo/__init__.py", "")]), Wheel(&[])),
    ("no-license", Metadata("Requires-Python: >=3.9"), Metadata("License-Expression: MIT")),
    ("no-requires-python", Metadata("License-Expression: MIT"), Metadata("Requires-Python: >=3.9")),
    (
        "relative-link",
        Metadata("Description-Content-Type: text/markdown\n\n[Guide](docs/guide.md)"),
        Metadata("Description-Content-Type: text/markdown\n\n[Guide](https://example.org/guide)"),
    ),
    (
        "attestation-valid",
        Told(
            "`demo-1.0.tar.gz` was built again, and `demo-1.0.tar.gz.publish.attestation` is of the earlier file.",
        ),
        Told("The attestation was made for these bytes."),
    ),
    (
        "tracked-file-missing",
        Made(
            "git tracks `demo/data.json`, and `demo-1.0.tar.gz` has only `demo/__init__.py`.",
            made::without_data,
        ),
        Made("`demo-1.0.tar.gz` has both.", made::with_data),
    ),
    (
        "same-file",
        Made("`demo-1.0-py2.py3-none-any.whl` is a copy of `demo-1.0-py3-none-any.whl`.", made::same_bytes),
        Made("Each file has bytes and a name of its own.", made::right),
    ),
    (
        "release-name",
        Made("`demo-1.0.tar.gz` in a release of `other`.", made::other_name),
        Made("`demo-1.0.tar.gz` in a release of `demo`.", made::as_expected),
    ),
    (
        "release-version",
        Made("`demo-1.0.tar.gz` in a release of 1.1.", made::other_version),
        Made("`demo-1.0.tar.gz` in a release of 1.0.", made::as_expected),
    ),
    (
        "same-metadata",
        Made(
            "The wheel has `Summary: Says hello`, and the source distribution no summary.",
            made::other_summary,
        ),
        Made("Both have the same.", made::right),
    ),
    (
        "one-sdist",
        Files(&["demo-1.0.tar.gz", "Demo-1.0.tar.gz"]),
        Files(&["demo-1.0.tar.gz", "demo-1.0-py3-none-any.whl"]),
    ),
    (
        "one-name",
        Files(&["demo-1.0.tar.gz", "other-1.0-py3-none-any.whl"]),
        Files(&["demo-1.0.tar.gz", "demo-1.0-py3-none-any.whl"]),
    ),
    (
        "one-version",
        Files(&["demo-1.0.tar.gz", "demo-1.1-py3-none-any.whl"]),
        Files(&["demo-1.0.tar.gz", "demo-1.0-py3-none-any.whl"]),
    ),
];

#[test]
fn every_wrong_example_is_found_and_every_right_one_passes() {
    let sandbox = Sandbox::new();
    let environment: Environment = sandbox.environment().into_iter().collect();
    let found = |given: Given, folder: String| -> BTreeSet<&str> {
        let folder = sandbox.root().join(folder);
        fs_err::create_dir_all(&folder).expect("a folder");
        let write = |(name, bytes): &(String, Vec<u8>)| {
            let path = folder.join(name);
            fs_err::write(&path, bytes).expect("a file");
            path
        };
        let files: Vec<_> = given.files.iter().map(write).collect();
        let (expected, policy) = (given.expected.as_ref(), Policy::default());
        let report = judge_files(&files, expected, given.tracked, &policy, &environment, &|_| ());
        fs_err::remove_dir_all(&folder).expect("the folder");
        report.expect("a verdict").diagnostics().map(|(_, finding)| finding.rule).collect()
    };
    let mut wrong = Vec::new();
    for (rule, bad, good) in EXAMPLES {
        let (Some(bad), Some(good)) = (bad.given(), good.given()) else { continue };
        let (of_bad, of_good) = (found(bad, format!("{rule}-wrong")), found(good, format!("{rule}-right")));
        if !of_bad.contains(rule) || of_good.contains(rule) {
            wrong.push(format!("{rule}: wrong {of_bad:?}, right {of_good:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let shown: BTreeSet<&str> = EXAMPLES.iter().map(|(rule, ..)| *rule).collect();
    let all: BTreeSet<&str> = RULES.iter().copied().flatten().map(|rule| rule.id).collect();
    assert_eq!(shown, all);
    assert_eq!(EXAMPLES.len(), all.len());
}
