//! Every place that states a requirement.

use super::*;

#[test]
fn reads_the_standards() {
    let text = r#"[build-system]
requires = ["hatchling", "Build_Tool>=1"]
[project]
dependencies = [
    "core[x] >=1.0,<2 ; python_version < \"3.9\"", # comment
    'CORE (== 1.0)',
    "core-extra==1", "requests>=2",
    "core @ file:///x/core",
]
[project.optional-dependencies]
all = ["core", "cli[all]"]
[dependency-groups]
dev = [{ include-group = "test" }, "core~=1.0"]
test = ["core==1.*"]
[tool.uv]
dev-dependencies = ["core!=1.5"]
[tool.pdm.dev-dependencies]
lint = ["-e file:///${PROJECT_ROOT}/../core#egg=core", "core<2"]
[tool.flit.metadata]
requires = ["core>1"]
requires-extra.doc = ["core<=3"]
[tool.hatch.metadata.hooks.uv-dynamic-versioning]
dependencies = ["core[x]=={{ version }}", "other=={{ version }}"]
optional-dependencies.y = ["core>=1"]
[tool.hatch.envs.default]
dependencies = ["core", "core @ {root:uri}/../core"]
[tool.hatch.envs.docs]
extra-dependencies = ["core==1"]
"#;
    let graph = read(&[("cli/pyproject.toml", text)], &["core", "cli", "build-tool"]).unwrap();
    assert_eq!(
        shown(&graph),
        [
            "cli -> build-tool >=1 (build requirement) cli/pyproject.toml:2 build-system.requires",
            "cli -> core >=1.0,<2 (dependency) cli/pyproject.toml:5 project.dependencies",
            "cli -> core == 1.0 (dependency) cli/pyproject.toml:6 project.dependencies",
            "cli -> core @ (dependency) cli/pyproject.toml:8 project.dependencies",
            "cli -> core  (dependency of the extra `all`) cli/pyproject.toml:11 project.optional-dependencies.all",
            "cli -> cli  (dependency of the extra `all`) cli/pyproject.toml:11 project.optional-dependencies.all",
            "cli -> core ~=1.0 (dependency of the group `dev`) cli/pyproject.toml:13 dependency-groups.dev",
            "cli -> core ==1.* (dependency of the group `test`) cli/pyproject.toml:14 dependency-groups.test",
            "cli -> core !=1.5 (dependency of the group `dev`) cli/pyproject.toml:16 tool.uv.dev-dependencies",
            "cli -> core <2 (dependency of the group `lint`) cli/pyproject.toml:18 tool.pdm.dev-dependencies.lint",
            "cli -> core >1 (dependency) cli/pyproject.toml:20 tool.flit.metadata.requires",
            "cli -> core <=3 (dependency of the extra `doc`) cli/pyproject.toml:21 tool.flit.metadata.requires-extra.doc",
            "cli -> core = (dependency) cli/pyproject.toml:23 tool.hatch.metadata.hooks.uv-dynamic-versioning.dependencies",
            "cli -> core >=1 (dependency of the extra `y`) cli/pyproject.toml:24 tool.hatch.metadata.hooks.uv-dynamic-versioning.optional-dependencies.y",
            "cli -> core  (dependency of the group `default`) cli/pyproject.toml:26 tool.hatch.envs.default.dependencies",
            "cli -> core @ (dependency of the group `default`) cli/pyproject.toml:26 tool.hatch.envs.default.dependencies",
            "cli -> core ==1 (dependency of the group `docs`) cli/pyproject.toml:28 tool.hatch.envs.docs.extra-dependencies",
        ]
    );
}

#[test]
fn reads_poetry() {
    let text = r#"[tool.poetry.dependencies]
python = "^3.9"
Core = "^1.1"
util = { path = "../util", develop = true }
extra_one = { version = "~1.0", optional = true }
multi = [
    { version = "<=1.9", python = "<3.10" },
    { path = "../multi", python = ">=3.10" },
]
[tool.poetry.extras]
one = ["extra-one"]
[tool.poetry.dev-dependencies]
core = "*"
[tool.poetry.group.test.dependencies]
core = { version = "^1.0", extras = ["x"] }
[[tool.poetry.group.test.dependencies.util]]
version = "1.0"
"#;
    let members = ["cli", "core", "util", "extra-one", "multi"];
    let graph = read(&[("cli/pyproject.toml", text)], &members).unwrap();
    assert_eq!(
        shown(&graph),
        [
            "cli -> core ^1.1 (dependency) cli/pyproject.toml:3 tool.poetry.dependencies",
            "cli -> util @ (dependency) cli/pyproject.toml:4 tool.poetry.dependencies",
            "cli -> extra-one ~1.0 (dependency of the extra `one`) cli/pyproject.toml:5 tool.poetry.dependencies",
            "cli -> multi @ (dependency) cli/pyproject.toml:6 tool.poetry.dependencies",
            "cli -> multi <=1.9 (dependency) cli/pyproject.toml:7 tool.poetry.dependencies",
            "cli -> core * (dependency of the group `dev`) cli/pyproject.toml:13 tool.poetry.dev-dependencies",
            "cli -> core ^1.0 (dependency of the group `test`) cli/pyproject.toml:15 tool.poetry.group.test.dependencies",
            "cli -> util 1.0 (dependency of the group `test`) cli/pyproject.toml:17 tool.poetry.group.test.dependencies",
        ]
    );
}

#[test]
fn reads_setuptools_without_running_it() {
    let cfg = "[options]\r\ninstall_requires =\r\n    core==1.0; python_version < '3.9'\r\n    # core==2\r\n    other\r\nsetup_requires = util>=1; core\r\n\
               [options.extras_require]\r\nx = core~=1.0\r\ny = file: extra.txt\r\n";
    let script = "import core\nPIN = 'core==1.1'\nEXTRAS = {'z': ['core<2', 'core is nice', 'util==' + V]}\n\
                  setup(name='core', install_requires=['util>=2', PIN, f'core>={V}', 'other==' + V], extras_require=EXTRAS)\n";
    let pyproject = "[tool.setuptools.dynamic]\ndependencies = { file = [\"requirements.txt\", \"../shared.txt\", \"../../out.txt\", \"none.txt\"] }\n\
                     optional-dependencies.w = { file = \"extra.txt\" }\n\
                     [tool.hatch.metadata.hooks.requirements_txt.optional-dependencies]\nv = [\"extra.txt\"]\n";
    let files = [
        ("cli/setup.cfg", cfg),
        ("cli/setup.py", script),
        ("cli/pyproject.toml", pyproject),
        (
            "cli/requirements.txt",
            "# core\n-r other.txt\n  core==1.0 --hash=sha256:x \\\n  --hash=y\nutil>=1 # why\n",
        ),
        ("shared.txt", "\u{feff}core>=1\n"),
        ("cli/extra.txt", "core<9"),
    ];
    assert_eq!(
        shown(&read(&files, &["cli", "core", "util"]).unwrap()),
        [
            "cli -> core ==1.0 (dependency) cli/setup.cfg:3 options.install_requires",
            "cli -> util >=1 (build requirement) cli/setup.cfg:6 options.setup_requires",
            "cli -> core  (build requirement) cli/setup.cfg:6 options.setup_requires",
            "cli -> core ~=1.0 (dependency of the extra `x`) cli/setup.cfg:8 options.extras_require.x",
            "cli -> core ==1.1 (dependency) cli/setup.py:2 install_requires",
            "cli -> core <2 (dependency of the extra `z`) cli/setup.py:3 extras_require",
            "cli -> util = (dependency of the extra `z`) cli/setup.py:3 extras_require",
            "cli -> util >=2 (dependency) cli/setup.py:4 install_requires",
            "cli -> core = (dependency) cli/setup.py:4 install_requires",
            "cli -> core ==1.0 (dependency) cli/requirements.txt:3 tool.setuptools.dynamic.dependencies.file",
            "cli -> util >=1 (dependency) cli/requirements.txt:5 tool.setuptools.dynamic.dependencies.file",
            "cli -> core >=1 (dependency) shared.txt:1 tool.setuptools.dynamic.dependencies.file",
            "cli -> core <9 (dependency of the extra `w`) cli/extra.txt:1 tool.setuptools.dynamic.optional-dependencies.w.file",
            "cli -> core <9 (dependency of the extra `v`) cli/extra.txt:1 tool.hatch.metadata.hooks.requirements_txt.optional-dependencies.v",
            "cli -> core <9 (dependency of the extra `y`) cli/extra.txt:1 options.extras_require.y",
        ]
    );
}

#[test]
fn reads_the_root_that_is_no_member() {
    let root = "[dependency-groups]\ndev = [\"core==1.0\"]\n";
    let files = [("pyproject.toml", root), ("core/pyproject.toml", "[project]\nname = \"core\"\n")];
    let graph = read(&files, &["core"]).unwrap();
    assert_eq!(
        shown(&graph),
        ["root -> core ==1.0 (dependency of the group `dev`) pyproject.toml:2 dependency-groups.dev"]
    );
    assert!(!graph.requirements()[0].is_published());
    let members = [(String::new(), "root".to_owned()), ("core".to_owned(), "core".to_owned())];
    let graph = Graph::read(&tree(&files), &members).unwrap();
    assert_eq!(graph.requirements()[0].of, Some(0));
}

#[test]
fn names_what_is_wrong_and_where() {
    let error = |text: &str| {
        let error = read(&[("cli/pyproject.toml", text)], &["cli", "core"]).unwrap_err();
        assert!(!error.help().is_empty());
        error.to_string()
    };
    assert_eq!(
        error("[project]\ndependencies = [\n\"core ==\"]\n"),
        "`cli/pyproject.toml`, line 3: `core ==` is not a valid requirement: expected the end, a comma, or a semicolon and a marker"
    );
    assert_eq!(
        error("[project]\ndependencies = \"core\"\n"),
        "`project.dependencies` in `cli/pyproject.toml` is not an array of requirements"
    );
    assert_eq!(
        error("[project]\ndependencies = [1]\n"),
        "`project.dependencies` in `cli/pyproject.toml` is not an array of requirements"
    );
    assert_eq!(
        error("dependency-groups = []\n"),
        "`dependency-groups` in `cli/pyproject.toml` is not a table"
    );
    assert!(error("[project\n").starts_with("failed to read `cli/pyproject.toml`, line 1: "));
    // Groups that include each other are each read where they stand.
    let cycle =
        "[dependency-groups]\na = [{include-group = \"b\"}]\nb = [{include-group = \"a\"}, \"core\"]\n";
    assert_eq!(read(&[("cli/pyproject.toml", cycle)], &["cli", "core"]).unwrap().requirements().len(), 1);

    let files = BTreeMap::from([("cli/setup.cfg".to_owned(), b"\xff".to_vec())]);
    let error = Graph::read(&files, &named(&["cli"])).unwrap_err();
    assert_eq!(error.to_string(), "`cli/setup.cfg` is not UTF-8 text");
    let files = BTreeMap::from([("cli/setup.cfg".to_owned(), vec![b' '; 17 << 20])]);
    let error = Graph::read(&files, &named(&["cli"])).unwrap_err();
    assert_eq!(error.to_string(), "`cli/setup.cfg` has 17825792 bytes, more than a file of a project has");
    let members = [("a".to_owned(), "Core.x".to_owned()), ("b".to_owned(), "core-X".to_owned())];
    assert_eq!(
        Graph::read(&tree(&[]), &members).unwrap_err().to_string(),
        "the members in `a` and `b` have the same name `core-X`"
    );
}

/// Counts the files that are asked for.
struct Counted<'t>(&'t Tree, std::cell::Cell<usize>);

impl crate::python::project::Files for Counted<'_> {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.1.set(self.1.get() + 1);
        self.0.get(path).cloned()
    }
}

#[test]
fn each_member_costs_the_same_number_of_reads() {
    let reads = |count: usize| {
        let names: Vec<String> = (0..count).map(|number| format!("m{number}")).collect();
        let mut files = Tree::new();
        for number in 1..count {
            let text = format!("[project]\ndependencies = [\"m{}==1.0\"]\n", number - 1);
            files.insert(format!("m{number}/pyproject.toml"), text.into_bytes());
        }
        let counted = Counted(&files, std::cell::Cell::new(0));
        let members = named(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let graph = Graph::read(&counted, &members).unwrap();
        let moves: Vec<_> =
            graph.requirements().iter().map(|requirement| (requirement, "==2.0".to_owned())).collect();
        assert_eq!(rewrite(&counted, &graph, &moves, &[]).unwrap().len(), count - 1);
        counted.1.get()
    };
    let per_member = (reads(100) - reads(10)) / 90;
    assert_eq!(reads(1_000) - reads(100), 900 * per_member);
    assert!(per_member <= 10, "{per_member}");
}
