//! Where each backend takes the version from.

use super::description::Description;
use super::place::{compiled, in_toml};
use super::statements::{self, AssignedValue};
use super::toml::Toml;
use super::{
    Backend, Files, ProjectError, VersionLocation, VersionSource, VersionSyntax, incremental, normalize,
    text_of, tuple,
};
use super::{computed, script};

/// hatchling's default pattern in `[tool.hatch.version]`
const HATCH: &str = r#"(?i)^(?:__version__|VERSION) *= *(?:"v?(?P<version>.+?)"|'v?(?P<version_>.+?)')"#;

/// pdm-backend's default pattern in `[tool.pdm.version]`
const PDM: &str = r#"^(?:__version__|VERSION)\s*=\s*["'](?P<version>.+?)["']\s*(?:#.*)?$"#;

/// The default pattern of scikit-build-core's regex provider
const SCIKIT_BUILD: &str = r#"(?i)^(?:__version__|VERSION)(?: ?: ?str)? *= *["']v?(?P<version>.+?)["']"#;

/// `version` of `project(…)` in a meson.build, which meson-python takes where it is dynamic
const MESON: &str = r"(?s)\A[^#]*?\bproject\s*\([^)]*?\bversion\s*:\s*'(?P<version>[^'\n]+)'";

/// The most modules that may pass a version on by import
const HOPS: usize = 5;

type SourceResult = Result<VersionSource, ProjectError>;

pub(super) fn version_source(description: &Description<'_>, name: &str) -> SourceResult {
    let Some(toml) = &description.pyproject else { return setuptools(description) };
    // With this plugin, the written version is the placeholder `0.0.0`.
    if toml.is_true(&["tool", "poetry-dynamic-versioning", "enable"]) {
        return vcs("poetry-dynamic-versioning");
    }
    let text = text_of(description.files, &toml.path)?;
    let places =
        in_toml(&toml.path, &text, [VersionSyntax::PyprojectProject, VersionSyntax::PyprojectPoetry])?;
    if !places.is_empty() {
        return Ok(VersionSource::Static(places));
    }
    match &description.backend {
        Backend::Hatchling => hatchling(description, toml),
        Backend::Setuptools => setuptools(description),
        Backend::Flit => flit(description, toml, name),
        Backend::Pdm => pdm(description, toml),
        Backend::Maturin => maturin(description, toml),
        Backend::ScikitBuild => scikit_build(description, toml),
        Backend::Meson => {
            at(description.files, "meson.build", VersionSyntax::Regex { pattern: MESON.to_owned() })
        }
        Backend::Poetry | Backend::UvBuild => {
            Err(ProjectError::NotFound { path: toml.path.clone(), what: "`[project] version`".to_owned() })
        }
        Backend::Other(backend) => Err(ProjectError::Dynamic {
            setting: "`[project] version` is dynamic".to_owned(),
            reason: format!("it is not known where `{backend}` takes it from"),
        }),
    }
}

fn vcs(tool: &str) -> SourceResult {
    Ok(VersionSource::Vcs { tool: tool.to_owned() })
}

/// A place where a version can be read.
fn at(files: &dyn Files, path: &str, how: VersionSyntax) -> SourceResult {
    let place = VersionLocation { path: joined("", path), how };
    place.read(&text_of(files, &place.path)?)?;
    Ok(VersionSource::Static(vec![place]))
}

fn unknown(setting: &str, source: &str) -> SourceResult {
    Err(ProjectError::Dynamic {
        setting: setting.to_owned(),
        reason: format!("a version from `{source}` needs the project's code to run"),
    })
}

fn hatchling(description: &Description<'_>, pyproject: &Toml) -> SourceResult {
    let own = match text_of(description.files, "hatch.toml") {
        Ok(text) if !pyproject.has(&["tool", "hatch", "version"]) => Some(Toml::parse("hatch.toml", &text)?),
        _ => None,
    };
    let (toml, table): (&Toml, &[&str]) =
        own.as_ref().map_or((pyproject, &["tool", "hatch", "version"]), |own| (own, &["version"]));
    let setting = |key: &str| toml.string(&[table, &[key]].concat());
    let path = || setting("path")?.ok_or_else(|| missing_setting(toml, table, "path"));
    match setting("source")?.unwrap_or("regex") {
        "regex" => {
            let pattern = setting("pattern")?.filter(|pattern| !pattern.is_empty()).unwrap_or(HATCH);
            compiled(&toml.path, pattern)?;
            at(description.files, path()?, VersionSyntax::Regex { pattern: pattern.to_owned() })
        }
        "code" => {
            let expression = setting("expression")?.unwrap_or("__version__");
            if expression.chars().any(|c| !c.is_alphanumeric() && c != '_') {
                return unknown("`[tool.hatch.version]`", expression);
            }
            attribute(description.files, &joined("", path()?), expression, &[])
        }
        "nodejs" => {
            at(description.files, setting("path")?.unwrap_or("package.json"), VersionSyntax::PackageJson)
        }
        "vcs" => vcs("hatch-vcs"),
        source @ ("uv-dynamic-versioning" | "versioningit" | "scm") => vcs(source),
        source => unknown("`[tool.hatch.version]`", source),
    }
}

fn pdm(description: &Description<'_>, toml: &Toml) -> SourceResult {
    let setting = |key: &str| toml.string(&["tool", "pdm", "version", key]);
    let path = setting("path")?;
    match (setting("source")?, path) {
        (Some("scm"), _) => vcs("pdm-backend"),
        (Some("file") | None, Some(path)) => {
            let pattern = setting("pattern")?.unwrap_or(PDM);
            compiled(&toml.path, pattern)?;
            at(description.files, path, VersionSyntax::Regex { pattern: pattern.to_owned() })
        }
        (Some("file") | None, None) => Err(missing_setting(toml, &["tool", "pdm", "version"], "path")),
        (Some(source), _) => unknown("`[tool.pdm.version]`", source),
    }
}

fn scikit_build(description: &Description<'_>, toml: &Toml) -> SourceResult {
    let table = ["tool", "scikit-build", "metadata", "version"];
    let setting = |key: &str| toml.string(&[table.as_slice(), &[key]].concat());
    match setting("provider")? {
        Some("scikit_build_core.metadata.setuptools_scm") => vcs("setuptools-scm"),
        Some("scikit_build_core.metadata.regex") => {
            let input = setting("input")?.ok_or_else(|| missing_setting(toml, &table, "input"))?;
            let pattern = setting("regex")?.unwrap_or(SCIKIT_BUILD);
            compiled(&toml.path, pattern)?;
            at(description.files, input, VersionSyntax::Regex { pattern: pattern.to_owned() })
        }
        Some(provider) => unknown("`[tool.scikit-build.metadata.version]`", provider),
        None => Err(missing_setting(toml, &table, "provider")),
    }
}

/// flit-core reads `__version__` from the module, or from the file in the package with its name.
fn flit(description: &Description<'_>, toml: &Toml, name: &str) -> SourceResult {
    let places: [&[&str]; 2] = [&["tool", "flit", "module", "name"], &["tool", "flit", "metadata", "module"]];
    let told = places.iter().find_map(|keys| toml.get(keys)?.as_str());
    let module = told.map_or_else(|| name.replace('-', "_"), str::to_owned).replace('.', "/");
    let mut first = None;
    for root in ["", "src/"] {
        let package = format!("{root}{module}");
        let inside = ["/__init__.py", "/version.py", "/_version.py", "/__version__.py", ".py"];
        for path in inside.iter().map(|tail| format!("{package}{tail}")) {
            let Ok(text) = text_of(description.files, &path) else { continue };
            let found = statements::assignments(&text, "__version__");
            if found.iter().any(|one| matches!(one.given, AssignedValue::Text(_))) {
                return at(
                    description.files,
                    &path,
                    VersionSyntax::Assignment { name: "__version__".to_owned() },
                );
            }
            first.get_or_insert(path);
        }
    }
    match first {
        Some(path) => attribute(description.files, &path, "__version__", &["", "src"]),
        None => Err(ProjectError::Missing { path: format!("{module}/__init__.py") }),
    }
}

/// maturin takes the version from the crate, or from its workspace.
fn maturin(description: &Description<'_>, toml: &Toml) -> SourceResult {
    let files = description.files;
    let told = toml.string(&["tool", "maturin", "manifest-path"])?;
    let usual = ["Cargo.toml", "rust/Cargo.toml"].into_iter().find(|path| files.read(path).is_some());
    let manifest = joined("", told.or(usual).unwrap_or("Cargo.toml"));
    let text = text_of(files, &manifest)?;
    let cargo = Toml::parse(&manifest, &text)?;
    if !cargo.is_true(&["package", "version", "workspace"]) {
        return at(files, &manifest, VersionSyntax::Cargo);
    }
    let mut folder = folder_of(&manifest).to_owned();
    if let Some(root) = cargo.string(&["package", "workspace"])? {
        folder = joined(&folder, root);
    }
    loop {
        let root = joined(&folder, "Cargo.toml");
        if let Ok(text) = text_of(files, &root)
            && Toml::parse(&root, &text)?.has(&["workspace"])
        {
            return at(files, &root, VersionSyntax::CargoWorkspace);
        }
        if folder.is_empty() {
            let what = "workspace above it from which to inherit its version".to_owned();
            return Err(ProjectError::NotFound { path: manifest, what });
        }
        folder = folder_of(&folder).to_owned();
    }
}

fn setuptools(description: &Description<'_>) -> SourceResult {
    let files = description.files;
    if let Some(source) = incremental_module(description) {
        return source;
    }
    if let Some(toml) = &description.pyproject {
        let dynamic = ["tool", "setuptools", "dynamic", "version"];
        let option = |key: &str| toml.get(&[dynamic.as_slice(), &[key]].concat());
        if let Some(attr) = option("attr").and_then(|item| item.as_str()) {
            return setuptools_attribute(description, attr);
        }
        if let [file, more @ ..] = toml.strings(&[dynamic.as_slice(), &["file"]].concat()).as_slice() {
            return if more.is_empty() {
                at(files, file, VersionSyntax::WholeFile)
            } else {
                unknown("`[tool.setuptools.dynamic]`", "file")
            };
        }
        if toml.has(&dynamic) {
            return Err(toml.wrong(&dynamic, "a table with `attr` or `file`"));
        }
        if toml.has(&["tool", "setuptools_scm"]) || requires_simple_scm(toml) {
            return vcs("setuptools-scm");
        }
        if toml.has(&["tool", "setuptools-git-versioning"]) {
            return vcs("setuptools-git-versioning");
        }
        if toml.has(&["tool", "versioneer"]) {
            return vcs("versioneer");
        }
    }
    if let Some(value) = description.setup_value("metadata", "version") {
        return match value.split_once(':') {
            Some(("attr", attr)) => setuptools_attribute(description, attr.trim()),
            Some(("file", file)) => at(files, file.trim(), VersionSyntax::WholeFile),
            _ => at(files, "setup.cfg", VersionSyntax::SetupCfg),
        };
    }
    let Some(text) = &description.setup_py else {
        let path = if description.pyproject.is_some() { "pyproject.toml" } else { "setup.cfg" };
        return Err(ProjectError::NotFound { path: path.to_owned(), what: "version".to_owned() });
    };
    if statements::setup_argument(text, "use_scm_version").is_some() {
        return vcs("setuptools-scm");
    }
    if text.contains("versioneer.get_version(") {
        return vcs("versioneer");
    }
    let given = statements::setup_argument(text, "version").map(|found| found.given);
    let name = match &given {
        Some(AssignedValue::Text(_)) => return at(files, "setup.py", VersionSyntax::SetupPy),
        Some(AssignedValue::Named(name)) => {
            if let Some(path) = script::defining_file(files, text, name) {
                return at(files, &path, VersionSyntax::Assignment { name: name.clone() });
            }
            if let Ok(found) = attribute(files, "setup.py", name, &["src", ""]) {
                return Ok(found);
            }
            Some(name.as_str())
        }
        Some(AssignedValue::Import { module, name, .. }) => {
            if let Ok(found) = setuptools_attribute(description, &format!("{module}.{name}")) {
                return Ok(found);
            }
            None
        }
        Some(AssignedValue::Other) => None,
        None => return at(files, "setup.py", VersionSyntax::SetupPy),
    };
    match computed::version(description, text, name) {
        Some(place) => Ok(VersionSource::Static(vec![place])),
        None => at(files, "setup.py", VersionSyntax::SetupPy),
    }
}

/// Whether the build requirements have `setuptools-scm[simple]`, which enables it without its own table.
fn requires_simple_scm(toml: &Toml) -> bool {
    toml.strings(&["build-system", "requires"]).iter().any(|requirement| {
        let Some((name, extras)) = requirement.split_once('[') else { return false };
        normalize(name.trim()) == "setuptools-scm"
            && extras.split(']').next().unwrap_or("").split(',').any(|extra| extra.trim() == "simple")
    })
}

/// `pkg.module.NAME`, found as in setuptools: by `package-dir`, else in `src`, else in the root.
fn setuptools_attribute(description: &Description<'_>, attr: &str) -> SourceResult {
    let (module, name) = attr.trim().rsplit_once('.').unwrap_or(("__init__", attr.trim()));
    let mut folders: Vec<(String, String)> = Vec::new();
    if let Some(toml) = &description.pyproject {
        let told = toml.pairs(&["tool", "setuptools", "package-dir"]);
        folders.extend(told.into_iter().map(|(package, folder)| (package.to_owned(), folder.to_owned())));
        let searched = toml.strings(&["tool", "setuptools", "packages", "find", "where"]);
        folders.extend(searched.into_iter().map(|folder| (String::new(), folder.to_owned())));
    }
    let told = description.setup_values("options", "package_dir");
    folders.extend(
        told.iter()
            .filter_map(|line| line.split_once('='))
            .map(|(p, f)| (p.trim().to_owned(), f.trim().to_owned())),
    );
    let searched = description.setup_value("options.packages.find", "where");
    folders.extend(searched.map(|folder| (String::new(), folder.to_owned())));
    // The most specific package comes first.
    folders.sort_by_key(|(package, _)| std::cmp::Reverse(package.len()));
    folders.extend([(String::new(), "src".to_owned()), (String::new(), String::new())]);
    for (package, folder) in &folders {
        let rest = match module.strip_prefix(package.as_str()) {
            Some("") => "",
            Some(rest) if package.is_empty() => rest,
            Some(rest) => match rest.strip_prefix('.') {
                Some(rest) => rest,
                None => continue,
            },
            None => continue,
        };
        if let Some(path) = module_file(description.files, &joined(folder, &rest.replace('.', "/"))) {
            let roots: Vec<&str> =
                folders.iter().filter(|(p, _)| p.is_empty()).map(|(_, f)| f.as_str()).collect();
            return attribute(description.files, &path, name, &roots);
        }
    }
    Err(ProjectError::Missing { path: format!("{}.py", module.replace('.', "/")) })
}

fn module_file(files: &dyn Files, stem: &str) -> Option<String> {
    [format!("{stem}.py"), joined(stem, "__init__.py")].into_iter().find(|path| files.read(path).is_some())
}

/// Follows imports and other names of a value to the module that assigns it.
fn attribute(files: &dyn Files, path: &str, name: &str, roots: &[&str]) -> SourceResult {
    let (mut path, mut name) = (path.to_owned(), name.to_owned());
    for _ in 0..HOPS {
        let text = text_of(files, &path)?;
        let found = statements::assignments(&text, &name);
        let [only] = found.as_slice() else { break };
        if let AssignedValue::Named(other) = &only.given
            && !statements::assignments(&text, other).is_empty()
        {
            name.clone_from(other);
            continue;
        }
        let AssignedValue::Import { dots, module, name: there } = &only.given else { break };
        let module = module.replace('.', "/");
        let folder = (0..*dots).fold(path.as_str(), |folder, _| folder_of(folder));
        let stems = match dots {
            0 => roots.iter().map(|root| joined(root, &module)).collect(),
            _ => vec![joined(folder, &module)],
        };
        let Some(next) = stems.iter().find_map(|stem| module_file(files, stem)) else { break };
        (path, name) = (next, there.clone());
    }
    if incremental::locate(&text_of(files, &path)?).is_some() {
        return at(files, &path, VersionSyntax::Incremental);
    }
    if let Some(how) = tuple::syntax(&text_of(files, &path)?, &name) {
        return at(files, &path, how);
    }
    at(files, &path, VersionSyntax::Assignment { name })
}

/// The module that incremental writes, where the project uses it.
fn incremental_module(description: &Description<'_>) -> Option<SourceResult> {
    let configured = description.pyproject.as_ref().is_some_and(|toml| toml.has(&["tool", "incremental"]));
    let text = description.setup_py.as_deref().unwrap_or_default();
    if !configured && statements::setup_argument(text, "use_incremental").is_none() {
        return None;
    }
    let name = description.import_name(&description.name().ok()?);
    let paths = ["src/", ""].map(|root| format!("{root}{name}/_version.py"));
    let path = paths.iter().find(|path| description.files.read(path).is_some())?;
    Some(at(description.files, path, VersionSyntax::Incremental))
}

fn missing_setting(toml: &Toml, table: &[&str], key: &str) -> ProjectError {
    ProjectError::NotFound { path: toml.path.clone(), what: format!("`{key}` in `[{}]`", table.join(".")) }
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The path from the project's root; a path that leaves the root keeps its `..`, so that no file is found.
fn joined(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.join("/")
}
