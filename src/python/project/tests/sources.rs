//! Where the version is, backend by backend.

use super::*;
use snapbox::{assert_data_eq, str};

/// The one file that changes, with 1.1 for 1.0 and nothing else.
fn changes_only(path: &str, files: &[(&str, &str)]) {
    let text = files.iter().find(|(name, _)| *name == path).unwrap().1;
    assert_eq!(released(files), [(path.to_owned(), text.replacen("1.0", "1.1", 1))], "{files:?}");
}

#[test]
fn reads_the_project_metadata() {
    let text = "[project]\nname = \"Demo._Pkg\"\nversion = \"1.0\"\nrequires-python = \">=3.9\"\n[project.urls]\n\"Source Code\" = \"https://github.com/o/demo.git\"\n";
    let project =
        Project::read(&tree(&[("pyproject.toml", text), ("src/demo__pkg/__init__.py", "")])).unwrap();
    assert_eq!((project.name.as_str(), project.normalized_name().as_str()), ("Demo._Pkg", "demo-pkg"));
    assert_eq!((project.backend, project.import_name.as_str()), (Backend::Setuptools, "demo__pkg"));
    assert_eq!(project.requires_python.as_deref(), Some(">=3.9"));
    assert_eq!(project.repository_url.as_deref(), Some("https://github.com/o/demo"));
}

#[test]
fn guesses_what_is_imported() {
    let import_name = |more: &str, files: &[&str]| {
        let text = format!("[project]\nname = \"Demo-Pkg\"\nversion = \"1\"\n{more}");
        let mut all = vec![("pyproject.toml", text.as_str())];
        all.extend(files.iter().map(|path| (*path, "")));
        Project::read(&tree(&all)).unwrap().import_name
    };
    assert_eq!(import_name("", &[]), "demo_pkg");
    assert_eq!(import_name("", &["Demo_Pkg/__init__.py"]), "Demo_Pkg");
    assert_eq!(import_name("", &["src/demopkg.py"]), "demopkg");
    assert_eq!(import_name("[tool.maturin]\nmodule-name = \"demo._native\"\n", &[]), "demo");
    assert_eq!(import_name("import-names = [\"told ; private\"]\n", &[]), "told");
}

#[test]
fn finds_names_in_older_files() {
    let name = |files: &[(&str, &str)]| Project::read(&tree(files)).map(|project| project.name);
    assert_eq!(
        name(&[("pyproject.toml", "[tool.poetry]\nname = \"demo\"\nversion = \"1.0\"\n")]).unwrap(),
        "demo"
    );
    assert_eq!(name(&[("setup.cfg", "[metadata]\nname = demo\n")]).unwrap(), "demo");
    assert_eq!(name(&[("setup.py", "setup(name='demo')")]).unwrap(), "demo");
    assert_eq!(name(&[("pyproject.toml", "[tool.flit.metadata]\nmodule = \"demo\"\n")]).unwrap(), "demo");
    let without = |files: &[(&str, &str)]| name(files).unwrap_err().help();
    let (setup_py, setup_cfg) =
        (("setup.py", "setup(name=NAME)"), ("setup.cfg", "[metadata]\nversion = 1.0\n"));
    let build_system = ("pyproject.toml", "[build-system]\nrequires = [\"setuptools\"]\n");
    for files in [&[setup_py][..], &[setup_py, setup_cfg], &[setup_py, build_system]] {
        assert!(without(files).starts_with("pass it to `setup()` in `setup.py`"), "{files:?}");
    }
    assert!(without(&[setup_cfg]).starts_with("set `name` in `[metadata]` of `setup.cfg`"));
    for text in ["[project]\nversion = \"1.0\"\n", "[build-system]\nbuild-backend = \"hatchling.build\"\n"] {
        assert!(without(&[("pyproject.toml", text), setup_py]).contains("`pyproject.toml`"), "{text}");
    }
    assert_eq!(name(&[("README", "")]).unwrap_err(), ProjectError::NoProject);
    let error = name(&[("pyproject.toml", "[project]\nname = \"de mo\"\n")]).unwrap_err().to_string();
    assert!(error.starts_with("`project.name` in `pyproject.toml` is not a project name"), "{error}");
    let error = name(&[("pyproject.toml", "[project]\nname = 1\n")]).unwrap_err();
    assert_eq!(error.to_string(), "`project.name` in `pyproject.toml` is not a string");
    assert!(Project::read(&Tree::from([("setup.cfg".into(), vec![0xff])])).is_err());
}

#[test]
fn reads_static_versions() {
    changes_only(
        "pyproject.toml",
        &[("pyproject.toml", "[project]\nname = 'demo'\nversion = '1.0'  # here\n")],
    );
    changes_only(
        "pyproject.toml",
        &[("pyproject.toml", "[tool.poetry]\nname = 'demo'\nversion = \"1.0\"\n")],
    );
    changes_only("setup.cfg", &[("setup.cfg", "[metadata]\nname = demo\nversion =  1.0 \n")]);
    changes_only("setup.py", &[("setup.py", "setup(\n    name='demo',\n    version='1.0',\n)\n")]);
    let both = "[project]\nname = 'demo'\nversion = '1.0'\n[tool.poetry]\nversion = '1.0'\n";
    assert_eq!(released(&[("pyproject.toml", both)])[0].1, both.replace("1.0", "1.1"));
}

#[test]
fn reads_hatchling() {
    let toml = pyproject("hatchling.build", "[tool.hatch.version]\npath = \"./src/demo/__about__.py\"\n");
    for about in ["__version__ = \"1.0\"\n", "x = 1\r\nVERSION = 'v1.0'\r\n", "version = '1.0'\n"] {
        changes_only("src/demo/__about__.py", &[("pyproject.toml", &toml), ("src/demo/__about__.py", about)]);
    }
    let custom = pyproject(
        "hatchling.build",
        "[tool.hatch.version]\npath = \"v.py\"\npattern = \"BUILD = 'b(?P<version>[^']+)'\"\n",
    );
    changes_only("v.py", &[("pyproject.toml", &custom), ("v.py", "BUILD = 'b1.0'\n")]);
    let plain = pyproject("hatchling.build", "");
    changes_only(
        "v.py",
        &[
            ("pyproject.toml", &plain),
            ("hatch.toml", "[version]\npath = 'v.py'\n"),
            ("v.py", "__version__ = '1.0'"),
        ],
    );
    let code = pyproject(
        "hatchling.build",
        "[tool.hatch.version]\nsource = \"code\"\npath = \"v.py\"\nexpression = \"V\"\n",
    );
    changes_only("v.py", &[("pyproject.toml", &code), ("v.py", "V = '1.0'")]);

    assert_eq!(unreadable(&[("pyproject.toml", &toml)]), "`src/demo/__about__.py` does not exist");
    assert_eq!(
        unreadable(&[("pyproject.toml", &plain)]),
        "`pyproject.toml` has no `path` in `[tool.hatch.version]`"
    );
    let lookaround = pyproject(
        "hatchling.build",
        "[tool.hatch.version]\npath = \"v.py\"\npattern = '(?<=x)(?P<version>.*)'\n",
    );
    assert_data_eq!(
        unreadable(&[("pyproject.toml", &lookaround), ("v.py", "x1.0")]),
        str![
            "the pattern `(?<=x)(?P<version>.*)` for `pyproject.toml` is not valid: look-around, including look-ahead and look-behind, is not supported"
        ]
    );
    let groupless = pyproject("hatchling.build", "[tool.hatch.version]\npath = \"v.py\"\npattern = 'x'\n");
    assert!(
        unreadable(&[("pyproject.toml", &groupless), ("v.py", "x1.0")])
            .ends_with("it has no group `version`")
    );
    let env = pyproject("hatchling.build", "[tool.hatch.version]\nsource = \"env\"\n");
    assert_data_eq!(
        unreadable(&[("pyproject.toml", &env)]),
        str!["`[tool.hatch.version]`: a version from `env` needs the project's code to run"]
    );
    let outside = pyproject("hatchling.build", "[tool.hatch.version]\npath = \"../v.py\"\n");
    assert_eq!(
        unreadable(&[("pyproject.toml", &outside), ("v.py", "__version__ = '1.0'")]),
        "`../v.py` does not exist"
    );
}

#[test]
fn reads_setuptools() {
    let backend = "setuptools.build_meta";
    let attr = pyproject(backend, "[tool.setuptools.dynamic]\nversion = { attr = \"demo.__version__\" }\n");
    for path in ["src/demo/__init__.py", "demo/__init__.py", "demo.py"] {
        changes_only(path, &[("pyproject.toml", &attr), (path, "__version__ = '1.0'\n")]);
    }
    let mapped = format!("{attr}[tool.setuptools.package-dir]\n\"\" = \"lib\"\n");
    changes_only(
        "lib/demo/__init__.py",
        &[("pyproject.toml", &mapped), ("lib/demo/__init__.py", "__version__ = '1.0'")],
    );
    let exact = format!("{attr}[tool.setuptools.package-dir]\ndemo = \"code\"\n");
    changes_only(
        "code/__init__.py",
        &[("pyproject.toml", &exact), ("code/__init__.py", "__version__ = '1.0'")],
    );
    let file = pyproject(backend, "[tool.setuptools.dynamic]\nversion.file = [\"VERSION\"]\n");
    changes_only("VERSION", &[("pyproject.toml", &file), ("VERSION", "1.0\r\n")]);
    changes_only(
        "VERSION",
        &[("setup.cfg", "[metadata]\nname = demo\nversion = file: VERSION\n"), ("VERSION", "\u{feff}1.0")],
    );
    let cfg = "[metadata]\nname = demo\nversion = attr: demo.about.V\n[options]\npackage_dir =\n    = src\n";
    changes_only("src/demo/about.py", &[("setup.cfg", cfg), ("src/demo/about.py", "V: str = \"1.0\"\n")]);
}

#[test]
fn follows_a_version_through_imports() {
    let attr = pyproject(
        "setuptools.build_meta",
        "[tool.setuptools.dynamic]\nversion = { attr = \"demo.__version__\" }\n",
    );
    for import in [
        "from ._version import V as __version__",
        "from demo._version import (V as __version__)",
        "from . _version import V as __version__",
    ] {
        let files = [
            ("pyproject.toml", attr.as_str()),
            ("src/demo/__init__.py", import),
            ("src/demo/_version.py", "V = '1.0'\n"),
        ];
        changes_only("src/demo/_version.py", &files);
    }
    let renamed = [
        ("pyproject.toml", attr.as_str()),
        (
            "demo/__init__.py",
            "from .consts import name\nfrom .consts import version\n__version__ = version\n",
        ),
        ("demo/consts.py", "name = 'Demo'\nversion = '1.0'\n"),
    ];
    changes_only("demo/consts.py", &renamed);
    let itself =
        [("pyproject.toml", attr.as_str()), ("demo.py", "__version__ = other\nother = __version__\n")];
    assert_eq!(unreadable(&itself), "`other` in `demo.py`, line 2, is not a plain string");
    let circle = [("pyproject.toml", attr.as_str()), ("demo/__init__.py", "from . import __version__")];
    assert_eq!(unreadable(&circle), "`__version__` in `demo/__init__.py`, line 1, is not a plain string");
    let called =
        [("pyproject.toml", attr.as_str()), ("demo.py", "import x\n__version__ = x.version('demo')\n")];
    assert_eq!(unreadable(&called), "`__version__` in `demo.py`, line 2, is not a plain string");
    let twice = [("pyproject.toml", attr.as_str()), ("demo.py", "__version__ = '1'\n__version__ = '2'\n")];
    assert_eq!(unreadable(&twice), "`demo.py` has `__version__ =` more than once, on lines 1, 2");
    assert_eq!(unreadable(&[("pyproject.toml", &attr)]), "`demo.py` does not exist");
}

#[test]
fn reads_flit() {
    let toml = pyproject("flit_core.buildapi", "[tool.flit.module]\nname = \"demo\"\n");
    for path in ["demo/__init__.py", "demo.py", "src/demo/__init__.py", "src/demo/_version.py"] {
        changes_only(
            path,
            &[
                ("pyproject.toml", &toml),
                (path, "\"\"\"Doc\n__version__ = 'no'\n\"\"\"\n__version__ = '1.0'\n"),
            ],
        );
    }
    let handed = [
        ("pyproject.toml", toml.as_str()),
        ("demo/__init__.py", "from .about import __version__"),
        ("demo/about.py", "__version__ = '1.0'"),
    ];
    changes_only("demo/about.py", &handed);
    assert_eq!(unreadable(&[("pyproject.toml", &toml)]), "`demo/__init__.py` does not exist");
    let old =
        "[build-system]\nbuild-backend = \"flit_core.buildapi\"\n[tool.flit.metadata]\nmodule = \"demo\"\n";
    changes_only("demo.py", &[("pyproject.toml", old), ("demo.py", "__version__ = '1.0'")]);
}

#[test]
fn reads_pdm_and_scikit_build() {
    let toml = pyproject("pdm.backend", "[tool.pdm.version]\nsource = \"file\"\npath = \"demo.py\"\n");
    changes_only("demo.py", &[("pyproject.toml", &toml), ("demo.py", "# x\r\n__version__ = '1.0'  # c\r\n")]);
    let custom = format!("{toml}pattern = 'V=(\\S+)'\n");
    changes_only("demo.py", &[("pyproject.toml", &custom), ("demo.py", "V=1.0")]);
    let call = pyproject("pdm.backend", "[tool.pdm.version]\nsource = \"call\"\ngetter = \"x:y\"\n");
    assert!(
        unreadable(&[("pyproject.toml", &call)]).starts_with("`[tool.pdm.version]`: a version from `call`")
    );
    let scikit = pyproject(
        "scikit_build_core.build",
        "[tool.scikit-build.metadata.version]\nprovider = \"scikit_build_core.metadata.regex\"\ninput = \"demo.py\"\n",
    );
    changes_only("demo.py", &[("pyproject.toml", &scikit), ("demo.py", "__version__ = '1.0'")]);
}

#[test]
fn reads_maturin() {
    let toml = pyproject("maturin", "");
    let cargo = "[package]\nname = \"demo\"\nversion = \"1.0.0\" # c\n";
    changes_only("Cargo.toml", &[("pyproject.toml", &toml), ("Cargo.toml", cargo)]);
    let elsewhere = pyproject("maturin", "[tool.maturin]\nmanifest-path = \"crates/py/Cargo.toml\"\n");
    let member = "[package]\nname = \"demo\"\nversion.workspace = true\n";
    let root = "[workspace]\nmembers = [\"crates/*\"]\n[workspace.package]\nversion = \"1.0.0\"\n";
    changes_only(
        "Cargo.toml",
        &[("pyproject.toml", &elsewhere), ("crates/py/Cargo.toml", member), ("Cargo.toml", root)],
    );
    let orphan = unreadable(&[("pyproject.toml", &toml), ("Cargo.toml", member)]);
    assert_eq!(orphan, "`Cargo.toml` has no workspace above it from which to inherit its version");
}

#[test]
fn reads_meson_and_backends_in_the_project() {
    let meson = "project(\n  'demo', 'c',\n  # the version is here\n  version: '1.0',\n)\n";
    let toml = pyproject("mesonpy", "");
    changes_only("meson.build", &[("pyproject.toml", &toml), ("meson.build", meson)]);
    let computed = "project('demo', 'c', version: run_command('x.py').stdout(),\n)\n";
    let error = unreadable(&[("pyproject.toml", &toml), ("meson.build", computed)]);
    assert!(error.starts_with("`meson.build` has no match for"), "{error}");

    let own = "[build-system]\nbuild-backend = \"own\"\nbackend-path = [\".\"]\nrequires = [\"setuptools>=61\", \"wheel\"]\n[project]\nname = \"demo\"\ndynamic = [\"version\"]\n[tool.setuptools.dynamic]\nversion = { attr = \"demo.V\" }\n";
    changes_only("demo.py", &[("pyproject.toml", own), ("demo.py", "V = '1.0'\n")]);
    let unknown = own.replace("setuptools>=61", "another");
    let error = unreadable(&[("pyproject.toml", &unknown), ("demo.py", "V = '1.0'\n")]);
    assert_eq!(error, "`[project] version` is dynamic: it is not known where `own` takes it from");
}

#[test]
fn reads_what_a_setup_py_computes() {
    for (setup, path, text) in [
        // The variable is imported, or an attribute of a module.
        (
            "from demo import __version__ as V\nsetup(name='demo', version=V)",
            "demo/__init__.py",
            "__version__ = '1.0'\n",
        ),
        ("import demo.about\nsetup(name='demo', version=demo.about.V)", "src/demo/about.py", "V = '1.0'\n"),
        // It is read from a file that the script names.
        ("setup(name='demo', version=find('lib', 'v.py'))", "lib/v.py", "__version__ = '1.0'\n"),
        ("v = open('VERSION').read().strip()\nsetup(name='demo', version=v)", "VERSION", "1.0\n"),
        (
            "here = 'x'\nexec(open(here + '/demo/version.py').read())\nsetup(name='demo', version=V)",
            "demo/version.py",
            "V = '1.0'\n",
        ),
        // It is in the package.
        (
            "setup(name='demo', version=get_version('demo'))",
            "demo/__init__.py",
            "import x\n__version__ = '1.0'\n",
        ),
        ("setup(name='demo', version=get_version())", "src/demo/_version.py", "version = '1.0'\n"),
        ("setup(name='demo', version=get_version())", "demo.py", "VERSION = '1.0'\n"),
    ] {
        changes_only(path, &[("setup.py", setup), (path, text)]);
    }
    let twice = [
        ("setup.py", "setup(name='demo', version=get_version())"),
        ("demo/__init__.py", "__version__ = '1.0'"),
        ("demo/version.py", "VERSION = '1.1'"),
    ];
    assert_eq!(unreadable(&twice), "`version` in `setup.py`, line 1, is not a plain string");
}

#[test]
fn reads_and_writes_tuples() {
    let attr = pyproject(
        "setuptools.build_meta",
        "[tool.setuptools.dynamic]\nversion = { attr = \"demo.__version__\" }\n",
    );
    let module = "VERSION = (1, 0)\n__version__ = '.'.join(map(str, VERSION))\n";
    let changed = released(&[("pyproject.toml", &attr), ("demo.py", module)]);
    assert_eq!(changed, [("demo.py".to_owned(), module.replace("(1, 0)", "(1, 1)"))]);
    let setup = "exec(open('demo/version.py').read())\nsetup(name='demo', version=__version__)";
    let changed = released(&[("setup.py", setup), ("demo/version.py", module)]);
    assert_eq!(changed, [("demo/version.py".to_owned(), module.replace("(1, 0)", "(1, 1)"))]);

    let files = tree(&[("pyproject.toml", &attr), ("demo.py", module)]);
    let VersionSource::Static(places) = Project::read(&files).unwrap().version else { panic!("a tuple") };
    let errors = bump_all(&files, &places, &version("1.0"), &version("1.1rc1")).unwrap_err();
    assert_eq!(errors[0].to_string(), "the tuple `VERSION` in `demo.py` cannot express `1.1rc1`");
}

#[test]
fn recognises_versions_from_tags() {
    let setuptools = "setuptools.build_meta";
    for (files, tool) in [
        (vec![("pyproject.toml", pyproject("hatchling.build", "[tool.hatch.version]\nsource = \"vcs\"\n"))], "hatch-vcs"),
        (vec![("pyproject.toml", pyproject(setuptools, "[tool.setuptools_scm]\n"))], "setuptools-scm"),
        (
            vec![("pyproject.toml", "[build-system]\nrequires = [\"setuptools_scm[toml, simple]>=9\"]\n[project]\nname='demo'\ndynamic=['version']\n".to_owned())],
            "setuptools-scm",
        ),
        (vec![("setup.py", "setup(name='demo', use_scm_version=True)".to_owned())], "setuptools-scm"),
        (vec![("pyproject.toml", pyproject("pdm.backend", "[tool.pdm.version]\nsource = \"scm\"\n"))], "pdm-backend"),
        (
            vec![("pyproject.toml", "[tool.poetry]\nname='demo'\nversion='0.0.0'\n[tool.poetry-dynamic-versioning]\nenable = true\n".to_owned())],
            "poetry-dynamic-versioning",
        ),
        (vec![("setup.py", "setup(name='demo', version=versioneer.get_version())".to_owned())], "versioneer"),
    ] {
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        assert_eq!(vcs(&files), tool);
    }
}

#[test]
fn reports_unreadable_versions() {
    let other = pyproject("sipbuild.api", "");
    assert_eq!(
        unreadable(&[("pyproject.toml", &other)]),
        "`[project] version` is dynamic: it is not known where `sipbuild.api` takes it from"
    );
    assert_eq!(
        unreadable(&[("pyproject.toml", &pyproject("uv_build", ""))]),
        "`pyproject.toml` has no `[project] version`"
    );
    assert_eq!(
        unreadable(&[("setup.py", "setup(name='demo', version=V)")]),
        "`version` in `setup.py`, line 1, is not a plain string"
    );
}

#[test]
fn changes_its_own_entry_of_a_lock_file_and_nothing_else() {
    let lock = |files: &[(&str, &str)], others: &[&str]| -> Vec<(String, String)> {
        let files = tree(files);
        let project = Project::read(&files).unwrap();
        let VersionSource::Static(places) = &project.version else { panic!("the version is static") };
        let others: Vec<String> = others.iter().map(|path| (*path).to_owned()).collect();
        let (old, new) = ("1.0.0".parse().unwrap(), "1.1.0rc1".parse().unwrap());
        let changed = lock_all(&files, &project, (places, &others), &old, &new);
        changed.into_iter().map(|(path, bytes)| (path, String::from_utf8(bytes).unwrap())).collect()
    };
    let project = "[project]\nname = \"De_mo\"\nversion = \"1.0.0\"\n";
    let entry = |name: &str, version: &str, source: &str| {
        format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n{source}\n\n")
    };
    let editable = "source = { editable = \".\" }\ndependencies = [\n    { name = \"other\" },\n]";
    let registry = "source = { registry = \"https://pypi.org/simple\" }";
    let uv = |version: &str| {
        format!(
            "version = 1\r\n\n{}{}{}[package.metadata]\nrequires-dist = []\n",
            entry("other", "1.0.0", registry),
            entry("de-mo", version, editable),
            entry("de-mo-extra", "1.0.0", editable),
        )
    };
    let files = [("pyproject.toml", project), ("uv.lock", &uv("1.0.0")), ("poetry.lock", "")];
    assert_eq!(lock(&files, &[]), [("uv.lock".to_owned(), uv("1.1.0rc1"))]);
    let sibling = [("pyproject.toml", project), ("../sdk/uv.lock", &uv("1.0.0"))];
    assert_eq!(lock(&sibling, &["../sdk/uv.lock"]), [("../sdk/uv.lock".to_owned(), uv("1.1.0rc1"))]);
    // From an index, or with a version that nobody keeps up to date.
    let fetched = entry("de-mo", "1.0.0", registry);
    assert_eq!(lock(&[("pyproject.toml", project), ("uv.lock", &fetched)], &[]), []);
    assert_eq!(lock(&[("pyproject.toml", project), ("uv.lock", &uv("0.9"))], &[]), []);
    assert_eq!(lock(&[("pyproject.toml", project), ("uv.lock", "[[package]]\nname =")], &[]), []);

    // Of npm, where earlier releases changed it
    let npm = |version: &str| {
        format!("{{\n  \"version\": \"{version}\",\n  \"packages\": {{\"\": {{\"version\": \"0.9\"}}}}\n}}\n")
    };
    let files = [("pyproject.toml", project), ("web/package-lock.json", &npm("1.0.0"))];
    assert_eq!(lock(&files, &[]), []);
    let path = "web/package-lock.json";
    assert_eq!(lock(&files, &[path]), [(path.to_owned(), npm("1.1.0rc1"))]);
}

#[test]
fn records_in_cargo_lock_what_a_release_changes_in_a_manifest() {
    let manifest = |version: &str| format!("[package]\nname = \"demo\"\nversion = \"{version}\"\n");
    let workspace = |version: &str| format!("[workspace.package]\nversion = \"{version}\"\n");
    let entry = |name: &str, version: &str, rest: &str| {
        format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n{rest}\n")
    };
    let fetched = "source = \"registry+https://example.org/index\"\n";
    let crates = |demo: &str, more: &str| {
        let needs = |version: &str| format!("dependencies = [\n \"demo {version}\",\n \"serde\",\n]\n");
        let packages = [
            entry("demo", "0.9.0", fetched),
            entry("demo", demo, ""),
            entry("more", more, &needs(demo)),
            entry("old", "0.8.0", &needs("0.9.0")),
            entry("serde", "1.0.0", fetched),
        ];
        format!("version = 4\n\n{}", packages.concat())
    };
    let lock = |files: &[(&str, &str)], written: &[(&str, &str)]| -> Vec<(String, String)> {
        let written: Vec<(String, Vec<u8>)> =
            written.iter().map(|(path, text)| ((*path).to_owned(), (*text).into())).collect();
        let changed = lock_crates(&tree(files), &written);
        changed.into_iter().map(|(path, bytes)| (path, String::from_utf8(bytes).unwrap())).collect()
    };
    let (old, new) = ("1.0.0", "1.1.0-rc.1");
    // Beside the manifest or above it, and above the project
    for (path, file) in [
        ("Cargo.toml", "Cargo.lock"),
        ("rust/a/Cargo.toml", "rust/Cargo.lock"),
        ("rust/Cargo.toml", "Cargo.lock"),
        ("../core/Cargo.toml", "../Cargo.lock"),
    ] {
        let files = [(path, &*manifest(old)), (file, &*crates(old, old))];
        assert_eq!(lock(&files, &[(path, &manifest(new))]), [(file.to_owned(), crates(new, old))], "{path}");
    }
    let inherited = [("Cargo.toml", &*workspace(old)), ("Cargo.lock", &*crates(old, old))];
    assert_eq!(
        lock(&inherited, &[("Cargo.toml", &workspace(new))]),
        [("Cargo.lock".to_owned(), crates(new, new))]
    );

    // Nothing if the manifest's version stays, the record is stale or there is none, or the release writes the file.
    let files = [("Cargo.toml", &*manifest(old)), ("Cargo.lock", &*crates(old, old))];
    assert_eq!(lock(&files, &[("Cargo.toml", &format!("{}# 1.1.0\n", manifest(old)))]), []);
    assert_eq!(lock(&files, &[("Cargo.toml", &manifest(new)), ("Cargo.lock", "")]), []);
    let written = [("Cargo.toml", &*manifest(new))];
    for stale in [&*crates("0.7.0", old), "", "[[package]]\nname =", "\u{feff}", "version = 4\n"] {
        assert_eq!(lock(&[("Cargo.toml", &*manifest(old)), ("Cargo.lock", stale)], &written), []);
    }
    for broken in ["", "[package", "[package]\nversion = 1\n", "version = \"1.0.0\"\n"] {
        assert_eq!(lock(&[("Cargo.toml", broken), ("Cargo.lock", &*crates(old, old))], &written), []);
        assert_eq!(lock(&files, &[("Cargo.toml", broken)]), []);
    }
}
