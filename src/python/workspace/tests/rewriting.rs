//! What is written, and what stays as it was.

use proptest::prelude::*;

use super::*;

/// Moves every requirement on the members by their new versions.
fn released(
    files: &Tree,
    members: &[(String, String)],
    versions: &[(usize, &str, &str)],
    pins: Pins,
) -> Result<BTreeMap<String, String>, WorkspaceError> {
    let graph = Graph::read(files, members)?;
    let versions: Vec<NewVersion> = versions
        .iter()
        .map(|(member, old, new)| NewVersion { member: *member, old: version(old), new: version(new) })
        .collect();
    let mut moves = Vec::new();
    for requirement in graph.requirements() {
        let new = versions.iter().find(|version| version.member == requirement.on);
        let specifier = new.and_then(|version| moved(requirement, &version.new, pins).unwrap());
        moves.extend(specifier.map(|specifier| (requirement, specifier)));
    }
    let changed = rewrite(files, &graph, &moves, &versions)?;
    Ok(changed.into_iter().map(|(path, bytes)| (path, String::from_utf8(bytes).unwrap())).collect())
}

#[test]
fn changes_specifiers_and_nothing_else() {
    let pyproject = "\u{feff}# core==1.0\r\n[project]\r\ndependencies = [ 'core[x]==1.0;python_version<\"4\"' , # core==1.0\r\n\
                     \"core\", \"core (>=1.0, <1.1)\", \"core @ file:///core-1.0\", \"\"\"core == 1.0\"\"\"]\r\n\
                     [tool.poetry.dependencies]\r\ncore = { version = \"~1.0\", extras = [\"y\"] }\r\n";
    let cfg = "[options]\ninstall_requires =\n\tcore == 1.0 # x\n";
    let files =
        [("cli/pyproject.toml", pyproject), ("cli/setup.cfg", cfg), ("core/pyproject.toml", "[project]\n")];
    let changed =
        released(&tree(&files[..1]), &named(&["cli", "core"]), &[(1, "1.0", "1.1")], Pins::KeepStyle);
    let expected = pyproject
        .replace("core[x]==1.0", "core[x]==1.1")
        .replace("(>=1.0, <1.1)", "(>=1.1, <1.2)")
        .replace("core == 1.0", "core == 1.1")
        .replace("~1.0", "~1.1");
    assert_eq!(changed.unwrap(), BTreeMap::from([("cli/pyproject.toml".to_owned(), expected)]));
    // A comment is no part of a requirement in a setup.cfg.
    let error = released(&tree(&files), &named(&["cli", "core"]), &[], Pins::KeepStyle).unwrap_err();
    assert!(error.to_string().starts_with("`cli/setup.cfg`, line 3: `core == 1.0 # x` is not a valid"));

    let changed = released(&tree(&files[..1]), &named(&["cli", "core"]), &[(1, "1.0", "1.1")], Pins::Minimum);
    let expected = pyproject
        .replace("core[x]==1.0", "core[x]>=1.1")
        .replace("\"core\"", "\"core>=1.1\"")
        .replace("(>=1.0, <1.1)", "(>=1.1)")
        .replace("core == 1.0", "core >= 1.1")
        .replace("~1.0", ">=1.1");
    assert_eq!(changed.unwrap()["cli/pyproject.toml"], expected);
}

#[test]
fn what_cannot_be_written_is_named() {
    let members = named(&["cli", "core"]);
    let escaped = tree(&[("cli/pyproject.toml", "[project]\ndependencies = [\"core\\u003d=1.0\"]\n")]);
    assert_eq!(
        released(&escaped, &members, &[(1, "1.0", "1.1")], Pins::KeepStyle).unwrap_err().to_string(),
        "`cli/pyproject.toml`, line 2: the requirement on `core` is written with escapes"
    );
    assert_eq!(released(&escaped, &members, &[(1, "0.9", "1.0")], Pins::KeepStyle).unwrap(), BTreeMap::new());

    let files = tree(&[("cli/pyproject.toml", "[project]\ndependencies = [\"core==1.0\"]\n")]);
    let graph = Graph::read(&files, &members).unwrap();
    let moves = [(&graph.requirements()[0], "==1.1".to_owned())];
    // Elsewhere in the file, but the same statement.
    let later = tree(&[("cli/pyproject.toml", "\n\n[project]\nname = 'x'\ndependencies = ['core==1.0']\n")]);
    let changed = rewrite(&later, &graph, &moves, &[]).unwrap();
    assert_eq!(
        String::from_utf8_lossy(&changed["cli/pyproject.toml"]),
        "\n\n[project]\nname = 'x'\ndependencies = ['core==1.1']\n"
    );
    let other = tree(&[("cli/pyproject.toml", "[project]\ndependencies = ['core==2.0']\n")]);
    let error = rewrite(&other, &graph, &moves, &[]).unwrap_err();
    assert_eq!(error.to_string(), "`cli/pyproject.toml` no longer states the requirement `==1.0` on `core`");

    let shared = "[tool.setuptools.dynamic]\ndependencies = { file = \"../r.txt\" }\n";
    let files = tree(&[("a/pyproject.toml", shared), ("b/pyproject.toml", shared), ("r.txt", "core==1.0\n")]);
    let members = named(&["a", "b", "core"]);
    let changed = released(&files, &members, &[(2, "1.0", "1.1")], Pins::KeepStyle).unwrap();
    assert_eq!(changed, BTreeMap::from([("r.txt".to_owned(), "core==1.1\n".to_owned())]));
    let graph = Graph::read(&files, &members).unwrap();
    let [one, other] = graph.requirements() else { panic!() };
    let error = rewrite(&files, &graph, &[(one, "==1.1".to_owned()), (other, "==1.2".to_owned())], &[]);
    assert_eq!(
        error.unwrap_err().to_string(),
        "`r.txt`, line 1: the requirement on `core` is to become both `==1.1` and `==1.2`"
    );
}

const UV_LOCK: &str = r#"[[package]]
name = "util"
version = "1.0"
source = { editable = "../util" }

[[package]]
name = "base"
version = "1.0"
source = { registry = "https://pypi.org/simple" }

[[package]]
name = "core"
version = "1.0"
source = { editable = "." }

[package.metadata]
requires-dist = [{ name = "other", specifier = "~=1.0" }, { name = "util", specifier = "~=1.0" }, { name = "base", specifier = "==1.0" },
    { name = "opt", marker = "extra == 'x'", specifier = ">=1.0,<1.1" },
]

[[package]]
name = "opt"
version = "1.0"
source = { editable = "../opt" }

[package.metadata]
requires-dist = [{ name = "util", specifier = "~=1.0.0" }]
"#;

#[test]
fn lock_files_record_versions_and_requirements() {
    let files = tree(&[
        ("cli/pyproject.toml", "[tool.poetry.dependencies]\ncore = { path = \"../core\" }\n"),
        (
            "core/pyproject.toml",
            "[project]\ndependencies = [\"util ~=1.0\", \"base == 1.0\"]\noptional-dependencies.x = [\"opt>=1.0,<1.1\"]\n",
        ),
        ("core/uv.lock", UV_LOCK),
        (
            "cli/poetry.lock",
            "[[package]]\nname = \"core\"\nversion = \"1.0\"\n\n[package.dependencies]\nbase = {version = \"==1.0\", markers = \"a\"}\nother = \"==1.0\"\nutil = [\n    {version = \">=1.0,<2.0\"},\n]\n\n\
             [package.extras]\nx = [\"opt (>=1.0,<1.1)\", \"util[y] (>=1.0,<2.0) ; os_name == \\\"(==1.0)\\\"\"]\n\n\
             [package.source]\ntype = \"directory\"\nurl = \"../core\"\n\n\
             [[package]]\nname = \"util\"\nversion = \"1.0\"\n\n[package.dependencies]\ncore = \"==1.0\"\n\n\
             [[package]]\nname = \"base\"\nversion = \"0.9\"\n\n[package.source]\ntype = \"directory\"\n\n\
             [metadata]\ncontent-hash = \"unknown\"\n",
        ),
    ]);
    let members = named(&["cli", "core", "util", "base", "opt"]);
    let versions: Vec<_> = (1..5).map(|member| (member, "1.0", "2.0")).collect();
    let changed = released(&files, &members, &versions, Pins::KeepStyle).unwrap();
    let before = |path: &str| String::from_utf8(files[path].clone()).unwrap();
    let expected = UV_LOCK
        .replace("version = \"1.0\"\nsource = { editable", "version = \"2.0\"\nsource = { editable")
        .replace("name = \"util\", specifier = \"~=1.0\"", "name = \"util\", specifier = \"~=2.0\"")
        .replace("specifier = \">=1.0,<1.1\"", "specifier = \">=2.0,<2.1\"");
    assert_eq!(changed["core/uv.lock"], expected);
    let expected = before("cli/poetry.lock")
        .replacen("version = \"1.0\"", "version = \"2.0\"", 1)
        .replace("{version = \"==1.0\"", "{version = \"==2.0\"")
        .replace(">=1.0,<2.0", ">=2.0,<3.0")
        .replace(">=1.0,<1.1", ">=2.0,<2.1");
    assert_eq!(changed["cli/poetry.lock"], expected);
    assert_eq!(
        changed.keys().collect::<Vec<_>>(),
        ["cli/poetry.lock", "core/pyproject.toml", "core/uv.lock"]
    );
}

#[test]
fn a_lock_file_may_be_huge_but_must_be_text() {
    let mut files = tree(&[]);
    let huge = UV_LOCK.repeat(40_000);
    assert!(huge.len() > 20 << 20);
    files.insert("uv.lock".to_owned(), huge.into_bytes());
    let (members, versions) = (named(&["core", "util"]), [(1, "1.0", "2.0")]);
    let changed = released(&files, &members, &versions, Pins::KeepStyle).unwrap();
    assert_eq!(changed["uv.lock"].matches("version = \"2.0\"").count(), 40_000);
    files.insert("core/poetry.lock".to_owned(), vec![0xff]);
    let error = released(&files, &members, &versions, Pins::KeepStyle).unwrap_err();
    assert_eq!(error.to_string(), "`core/poetry.lock` is not UTF-8 text");
}

const WORD: &str = "[a-z]{1,6}";

/// A requirement in any spelling, as the source of a string in TOML.
fn stated() -> impl Strategy<Value = String> {
    let name = prop_oneof![Just("core"), Just("Co_re-x"), Just("other"), Just("util")];
    let specifier = prop_oneof![
        Just(""),
        Just("==1.0"),
        Just(" >= 0.5 , < 1.1 "),
        Just("~=1.0"),
        Just(" (== 1.*)"),
        Just("!=0.9,<2"),
    ];
    let marker = prop_oneof![Just(""), Just(" ; python_version<'3'"), Just(";os_name=='core==1.0'")];
    let extras = prop_oneof![Just(""), Just("[a]"), Just(" [a , b]")];
    (name, extras, specifier, marker)
        .prop_map(|(name, extras, specifier, marker)| format!("{name}{extras}{specifier}{marker}"))
}

proptest! {
    #[test]
    fn reading_again_gives_the_new_specifiers(
        run in prop::collection::vec(stated(), 0..5),
        group in prop::collection::vec(stated(), 0..3),
        listed in prop::collection::vec(stated(), 0..3),
        legacy in prop::collection::vec(stated(), 0..4),
        constraint in prop_oneof![Just("^1.0"), Just("*"), Just(" ~1.0 || ^0.9"), Just("1.0"), Just(">=0.5 <1.1")],
        comment in WORD,
        policy in 0_usize..4,
    ) {
        let quoted = |list: &[String]| -> String {
            list.iter().map(|stated| format!("  \"{stated}\", # core==1.0 {comment}\n")).collect()
        };
        let pyproject = format!(
            "# {comment}\n[project]\ndependencies = [\n{}]\n[dependency-groups]\n{comment} = [\n{}]\n\
             [tool.setuptools.dynamic]\ndependencies = {{ file = \"r.txt\" }}\n\
             [tool.poetry.dependencies]\ncore = '{constraint}' # {comment}\nutil = {{ path = \"..\", version = \"{constraint}\" }}\n",
            quoted(&run), quoted(&group)
        );
        let (listed, lines) = (listed.join("\n"), legacy.join("\r\n \t"));
        let cfg = format!("[options]\r\ninstall_requires =\r\n  {lines}\r\n# {comment}\n");
        let script = format!("# core==1.0\nX = [\n{}]\nsetup(setup_requires=X, name='{comment}')\n", quoted(&legacy));
        let files = tree(&[
            ("cli/pyproject.toml", &pyproject),
            ("cli/r.txt", &listed),
            ("cli/setup.cfg", &cfg),
            ("cli/setup.py", &script),
        ]);
        let members = named(&["cli", "core", "co-re-x", "util"]);
        let graph = Graph::read(&files, &members).unwrap();
        let pins = Pins::from_word(Pins::words().nth(policy).unwrap()).unwrap();
        let new = version("2.0.0");
        let mut moves = Vec::new();
        for requirement in graph.requirements().iter().filter(|requirement| requirement.on < 3) {
            moves.extend(moved(requirement, &new, pins).unwrap().map(|specifier| (requirement, specifier)));
        }
        let mut after = files.clone();
        after.extend(rewrite(&files, &graph, &moves, &[]).unwrap());
        let again = Graph::read(&after, &members).unwrap();
        prop_assert_eq!(again.requirements().len(), graph.requirements().len());
        for (before, now) in graph.requirements().iter().zip(again.requirements()) {
            let expected = moves.iter().find(|(moved, _)| *moved == before).map_or(&before.specifier, |(_, new)| new);
            prop_assert_eq!(&now.specifier, expected);
            prop_assert_eq!((now.on, now.line, &now.key, &now.path), (before.on, before.line, &before.key, &before.path));
        }
        // Without the specifiers, the files are the same.
        for path in files.keys() {
            prop_assert_eq!(bare(&files, &graph, path), bare(&after, &again, path));
        }
    }
}

/// Pieces of all the files, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "[[package]]\n",
        "name = \"core\"\n",
        "version = \"1.0\"\n",
        "source = { editable = \".\" }\n",
        "[package.source]\n",
        "type = \"directory\"\n",
        "[package.dependencies]\n",
        "core = \"==1.0\"\n",
        "core = [\n",
        "{version = \"^1.0\"}",
        "]\n",
        "[package.extras]\n",
        "x = [\"core (>=1.0,<1.1)\"]\n",
        "x = [\"core[\"(\"\")",
        "[package.metadata]\n",
        "requires-dist = [{ name = \"core\", specifier = \"==1.0\" }]\n",
        "{ name = \"",
        " specifier = \"",
        "}",
        "\n[metadata]\n",
        "\ncontent-hash = \"",
        "\"",
        "é",
        "\r\n",
        "\u{feff}",
        "[options]\n",
        "install_requires = core==1.0;",
        "\n core\n",
        "setup(",
        "install_requires=[",
        "f'core",
        "'core==1.0',",
        "+",
        ")",
        "'''",
        "\\",
        "[project]\n",
        "dependencies = [",
        "\"core==1.0\",",
        "# ",
        "[tool.poetry.dependencies]\n",
        "core = { version = \"1.0\" }\n",
    ]);
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn hostile_files_never_panic(toml in pieces(), cfg in pieces(), script in pieces(), locks in pieces()) {
        let project = "[project]\ndependencies = [\"core==1.0\"]\n";
        for toml in [toml.as_str(), project] {
            let files = tree(&[
                ("cli/pyproject.toml", toml),
                ("cli/setup.cfg", &cfg),
                ("cli/setup.py", &script),
                ("cli/uv.lock", &locks),
                ("cli/poetry.lock", &locks),
                ("core/pyproject.toml", project),
            ]);
            let _ = is_private(&files, "cli");
            let Ok(graph) = Graph::read(&files, &named(&["cli", "core"])) else { continue };
            let new = NewVersion { member: 1, old: version("1.0"), new: version("2.0") };
            let moves: Vec<_> = graph
                .requirements()
                .iter()
                .filter_map(|one| Some((one, moved(one, &new.new, Pins::KeepStyle).ok()??)))
                .collect();
            let _ = rewrite(&files, &graph, &moves, &[new]);
        }
    }
}

/// The file with every specifier removed.
fn bare(files: &Tree, graph: &Graph, path: &str) -> String {
    let mut text = String::from_utf8(files[path].clone()).unwrap();
    let mut spans: Vec<_> = graph
        .requirements()
        .iter()
        .filter(|one| one.path == path)
        .filter_map(|one| one.span.clone())
        .collect();
    spans.sort_by_key(|span| std::cmp::Reverse(span.start));
    for span in spans {
        text.replace_range(span, "");
    }
    text
}
