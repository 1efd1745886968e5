//! Rules about good practice: only warnings, which a strict check treats as errors.

use super::metadata::of;
use super::{Rule, Violation};
use crate::python::archive::{Member, MemberKind, ScanHit, ScanHitKind, is_test};
use crate::python::distribution::Kind;
use crate::python::filename::Filename;
use crate::python::verdict::Subject;

/// File names that usually hold secrets
const SECRETS: &[&str] = &[
    ".env",
    ".envrc",
    ".git-credentials",
    ".netrc",
    ".pypirc",
    "_netrc",
    "credentials.json",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "id_rsa",
    "pip.conf",
];
/// Path components of files that tools leave behind
const LEFTOVERS: &[&str] = &[
    ".DS_Store",
    ".coverage",
    ".git",
    ".hypothesis",
    ".idea",
    ".ipynb_checkpoints",
    ".mypy_cache",
    ".nox",
    ".pytest_cache",
    ".ruff_cache",
    ".tox",
    ".venv",
    ".vscode",
    "Thumbs.db",
    "__MACOSX",
    "__pycache__",
    "node_modules",
];
/// Module names that are too general to install
const EVERYBODYS: &[&str] = &[
    "benchmarks",
    "build",
    "conftest.py",
    "dist",
    "doc",
    "docs",
    "example",
    "examples",
    "script",
    "scripts",
    "setup.py",
    "test",
    "testing",
    "tests",
    "tools",
];
const NATIVE: &[&str] = &[".so", ".pyd", ".dylib", ".dll"];

pub(super) const RULES: &[Rule] = &[
    Rule::stricter(
        "secret-file",
        "everybody who downloads the file can read it, and deleting it later does not help",
        "no member is a file that usually holds secrets",
        secret_files,
    )
    .warning(),
    Rule::stricter(
        "secret",
        "everybody who downloads the file can use it; current PyPI refuses files with PyPI tokens",
        "no member contains a token or a private key",
        secrets,
    )
    .warning(),
    Rule::stricter(
        "leftover",
        "caches, bytecode and editor files are of no use to others",
        "no member is a tool's leftover",
        leftovers,
    )
    .warning(),
    Rule::stricter(
        "top-level-name",
        "if another project does the same, one overwrites the other",
        "a wheel installs no module with a general name such as `tests` or `docs`",
        top_level,
    )
    .warning(),
    Rule::stricter(
        "native-in-pure-wheel",
        "installers accept it on every platform, but it works on one only",
        "a wheel for any platform has no native code",
        native,
    )
    .warning(),
    Rule::stricter(
        "empty-wheel",
        "installing it makes nothing importable, usually because the build did not find the packages",
        "a wheel has a module, a script or data",
        empty,
    )
    .warning(),
    Rule::stricter("no-license", "nobody may use what has no license", "the metadata has a license", license)
        .warning()
        .of_metadata()
        .by("PEP 639"),
    Rule::stricter(
        "no-requires-python",
        "installers choose the release for Python versions that it does not support",
        "the metadata has the supported Python versions",
        requires_python,
    )
    .warning()
    .of_metadata()
    .by("PEP 345"),
];

fn files<'a>(subject: &'a Subject) -> impl Iterator<Item = &'a Member> {
    subject.contents.members.iter().filter(|member| member.kind != MemberKind::Folder)
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn secret_files(subject: &Subject) -> Vec<Violation> {
    // Those in tests contain generated data.
    let secret = |member: &&Member| SECRETS.contains(&file_name(&member.path)) && !is_test(&member.path);
    let found = files(subject).filter(secret).map(|member| {
        let found =
            Violation::new("a member has the name of a file that usually holds secrets").member(&member.path);
        found.help("remove it; if it contains secrets and has been shared, revoke them")
    });
    found.collect()
}

fn secrets(subject: &Subject) -> Vec<Violation> {
    let found = |hit: &ScanHit| {
        let ScanHitKind::Secret { kind, start } = &hit.what else { return None };
        let article = if kind.starts_with(['A', 'O']) { "an" } else { "a" };
        let found = Violation::new(format!("a member contains {article} {kind}"));
        let found = found.line(&hit.member, hit.line, format!("{start}…"));
        Some(found.help("remove it, and revoke it if it is real; an upload cannot be undone"))
    };
    subject.contents.scan_hits.iter().filter_map(found).collect()
}

fn leftovers(subject: &Subject) -> Vec<Violation> {
    let leftover = |member: &&Member| {
        let path = &member.path;
        path.split('/').any(|part| LEFTOVERS.contains(&part))
            || path.ends_with(".pyc")
            || path.ends_with(".pyo")
    };
    files(subject)
        .filter(leftover)
        .map(|member| Violation::new("this is a tool's leftover").member(&member.path))
        .collect()
}

/// The files that a wheel installs beside other projects' modules.
fn modules<'a>(subject: &'a Subject) -> impl Iterator<Item = &'a str> {
    let of_wheel = subject.kind == Some(Kind::Wheel);
    let paths = files(subject).filter(move |_| of_wheel).map(|member| member.path.as_str());
    let library = |path: &'a str| match path.split_once('/') {
        Some((top, _)) if top.ends_with(".dist-info") => None,
        Some((top, rest)) if top.ends_with(".data") => {
            rest.strip_prefix("purelib/").or_else(|| rest.strip_prefix("platlib/"))
        }
        _ => Some(path),
    };
    paths.filter_map(library)
}

fn top_level(subject: &Subject) -> Vec<Violation> {
    let mut tops: Vec<&str> = modules(subject).map(|path| path.split('/').next().unwrap_or(path)).collect();
    tops.sort_unstable();
    tops.dedup();
    tops.retain(|top| EVERYBODYS.contains(top));
    let found = |top: &str| {
        let found = Violation::new(format!("the wheel installs the general name `{top}` at the top level"))
            .member(top);
        found.help("exclude it from the packages in the build backend's settings")
    };
    tops.into_iter().map(found).collect()
}

fn native(subject: &Subject) -> Vec<Violation> {
    let Ok(Filename::Wheel { platform, .. }) = &subject.name else { return Vec::new() };
    if platform != "any" {
        return Vec::new();
    }
    let native = |path: &&str| NATIVE.iter().any(|ending| path.ends_with(ending));
    modules(subject)
        .filter(native)
        .map(|path| Violation::new("a wheel for any platform has native code").member(path))
        .collect()
}

/// Whether a file of a wheel can be imported, or is a type stub.
fn is_importable(path: &str) -> bool {
    const IMPORTED: &[&str] = &[".py", ".pyc", ".pyi", ".pth", ".so", ".pyd"];
    IMPORTED.iter().any(|ending| path.ends_with(ending))
}

fn empty(subject: &Subject) -> Vec<Violation> {
    let is_put_elsewhere = |member: &Member| {
        let mut parts = member.path.split('/');
        parts.next().is_some_and(|top| top.ends_with(".data"))
            && parts.next().is_some_and(|scheme| matches!(scheme, "scripts" | "data" | "headers"))
    };
    if subject.kind != Some(Kind::Wheel)
        || subject.contents.members.is_empty()
        || modules(subject).any(is_importable)
        || files(subject).any(is_put_elsewhere)
    {
        return Vec::new();
    }
    let found = match modules(subject).next() {
        None => Violation::new("the wheel contains only metadata"),
        Some(path) => Violation::new("the wheel contains no importable files").member(path),
    };
    vec![found.help("set the location of the packages in the build backend's settings")]
}

fn license(subject: &Subject) -> Vec<Violation> {
    of(subject, |member, metadata| {
        let fields = ["license", "license_expression", "license_file"];
        let classified =
            metadata.sent("classifiers").iter().any(|header| header.value.trim().starts_with("License ::"));
        if classified || fields.iter().any(|field| !metadata.sent(field).is_empty()) {
            return Vec::new();
        }
        let found = Violation::new("the metadata has no license").member(member);
        vec![found.help(
            "set `license`, such as `license = \"MIT\"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`",
        )]
    })
}

fn requires_python(subject: &Subject) -> Vec<Violation> {
    of(subject, |member, metadata| {
        if !metadata.sent("requires_python").is_empty() {
            return Vec::new();
        }
        let found = Violation::new("the metadata has no `Requires-Python`").member(member);
        vec![found.help(
            "set `requires-python = \">=3.9\"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in \
             `setup()`",
        )]
    })
}
