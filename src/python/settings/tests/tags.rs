//! Tools that take the version from tags.

use super::*;

/// A pyproject.toml of a backend with a version from tags.
fn pyproject(backend: &str, settings: &str) -> String {
    format!(
        "[project]\nname = 'demo'\ndynamic = ['version']\n[build-system]\nrequires = []\nbuild-backend = '{backend}'\n{settings}"
    )
}

/// The tool, the template, and which of the tags stand for 1.2.3.
fn tags(pyproject: &str, names: &[&str]) -> (&'static str, Option<String>, Vec<String>) {
    let settings = only(&[("pyproject.toml", pyproject)]);
    assert_eq!(settings.unread, [""; 0]);
    let tag = settings.tag.unwrap();
    let accepted = names.iter().filter(|name| tag.accepts(name, &version("1.2.3")));
    (settings.tool, tag.template("demo"), accepted.map(|name| (*name).to_owned()).collect())
}

const NAMES: [&str; 8] =
    ["v1.2.3", "1.2.3", "demo-v1.2.3", "demo-1.2.3", "demo/1.2.3", "release-1.2.3", "v1.2.4", "nightly"];

#[test]
fn each_tool_reads_its_own_tags() {
    let words: &[&str] = &["v1.2.3", "1.2.3", "demo-v1.2.3", "demo-1.2.3", "release-1.2.3"];
    for (backend, settings, tool, template, accepted) in [
        ("setuptools.build_meta", "[tool.setuptools_scm]\n", "setuptools-scm", "v{version}", words),
        (
            "setuptools.build_meta",
            "[tool.setuptools_scm]\ntag_regex = '^release-(?P<version>.+)$'\n",
            "setuptools-scm",
            "release-{version}",
            &["release-1.2.3"],
        ),
        (
            "setuptools.build_meta",
            "[tool.setuptools_scm]\ntag.prefix = 'demo-v'\n",
            "setuptools-scm",
            "demo-v{version}",
            &["demo-v1.2.3"],
        ),
        (
            "setuptools.build_meta",
            "[tool.setuptools_scm]\ngit_describe_command = 'git describe --dirty --tags --long --match \"[0-9]*\"'\n",
            "setuptools-scm",
            "{version}",
            &["1.2.3"],
        ),
        (
            "hatchling.build",
            "[tool.hatch.version]\nsource = 'vcs'\ntag-pattern = 'demo-v(.*)'\n",
            "hatch-vcs",
            "demo-v{version}",
            &["demo-v1.2.3"],
        ),
        ("hatchling.build", "[tool.hatch.version]\nsource = 'vcs'\n", "hatch-vcs", "v{version}", words),
        (
            "hatchling.build",
            "[tool.hatch.version]\nsource = 'versioningit'\n[tool.versioningit.tag2version]\nrmprefix = 'demo/'\n",
            "versioningit",
            "v{version}",
            &["v1.2.3", "1.2.3", "demo/1.2.3"],
        ),
        (
            "hatchling.build",
            "[tool.hatch.version]\nsource = 'versioningit'\n[tool.versioningit]\nvcs.match = ['demo*']\ntag2version = { regex = '-v?(?P<version>[0-9].*)', require-match = true }\n",
            "versioningit",
            "demo-v{version}",
            &["demo-v1.2.3", "demo-1.2.3"],
        ),
        (
            "pdm.backend",
            "[tool.pdm.version]\nsource = 'scm'\ntag_filter = 'demo-*'\n",
            "pdm-backend",
            "demo-v{version}",
            &["demo-v1.2.3", "demo-1.2.3"],
        ),
        (
            "poetry_dynamic_versioning.backend",
            "[tool.poetry-dynamic-versioning]\nenable = true\n",
            "poetry-dynamic-versioning",
            "v{version}",
            &["v1.2.3"],
        ),
        (
            "poetry_dynamic_versioning.backend",
            "[tool.poetry-dynamic-versioning]\nenable = true\npattern = 'default-unprefixed'\n",
            "poetry-dynamic-versioning",
            "v{version}",
            &["v1.2.3", "1.2.3"],
        ),
        (
            "hatchling.build",
            "[tool.hatch.version]\nsource = 'uv-dynamic-versioning'\n[tool.uv-dynamic-versioning]\npattern-prefix = 'demo-'\n",
            "uv-dynamic-versioning",
            "demo-v{version}",
            &["demo-v1.2.3"],
        ),
        (
            "setuptools.build_meta",
            "[tool.versioneer]\nVCS = 'git'\ntag_prefix = 'release-'\n",
            "versioneer",
            "release-{version}",
            &["release-1.2.3"],
        ),
    ] {
        let text = pyproject(backend, settings);
        let expected = accepted.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(tags(&text, &NAMES), (tool, Some(template.to_owned()), expected), "{settings}");
    }
}

#[test]
fn dunamai_reads_pre_releases() {
    let text = pyproject("poetry.core", "[tool.poetry-dynamic-versioning]\nenable = true\n");
    let tag = only(&[("pyproject.toml", &text)]).tag.unwrap();
    assert!(tag.accepts("v1!1.2.3-rc.4", &version("1!1.2.3rc4")));
}

#[test]
fn settings_that_decide_in_code_are_named() {
    for (settings, reason) in [
        ("tag_regex = '(?<=v)(?P<version>.*)'", "`tag_regex` cannot be read: "),
        ("parse = 'demo:parse'", "`parse`: this function decides which tags count"),
    ] {
        let text = pyproject("setuptools.build_meta", &format!("[tool.setuptools_scm]\n{settings}\n"));
        let settings = only(&[("pyproject.toml", &text)]);
        assert!(settings.unread[0].starts_with(reason), "{:?}", settings.unread);
    }
}

#[test]
fn a_written_version_needs_no_tag() {
    let text = "[project]\nname = 'demo'\nversion = '1.2.3'\n[tool.setuptools_scm]\n";
    assert_eq!(read(&project(&[("pyproject.toml", text)])), []);
}

#[test]
fn a_template_names_exactly_one_tag() {
    let tag = TagSetting::Template("v{version}".to_owned());
    assert!(tag.accepts("v1.2.3", &version("1.2.3")));
    assert!(!tag.accepts("1.2.3", &version("1.2.3")));
}
