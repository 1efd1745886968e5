//! The place from which `setup.py` computes its version, as far as it can be told without running it.

use super::description::Description;
use super::{VersionLocation, VersionSyntax, script, statements, text_of, tuple};

/// The usual names of a version in a module
const NAMES: [&str; 6] =
    ["__version__", "VERSION", "version", "__VERSION__", "VERSION_STRING", "version_string"];

/// The usual modules of a package for its version
const MODULES: [&str; 7] = ["__init__", "__version__", "_version", "version", "__about__", "about", "_about"];

/// The one place from which `setup.py` most likely computes its version: in a file that it names, or else in the
/// package. `name` is the variable that it passes to `setup`.
pub(super) fn version(
    description: &Description<'_>,
    setup_py: &str,
    name: Option<&str>,
) -> Option<VersionLocation> {
    let files = description.files;
    let names: Vec<&str> = name.into_iter().chain(NAMES).collect();
    let place = |path: &String| {
        let text = if path == "setup.py" { setup_py.to_owned() } else { text_of(files, path).ok()? };
        let how = if statements::is_version_file(path) {
            VersionSyntax::WholeFile
        } else {
            names.iter().find_map(|name| stated(&text, name))?
        };
        let place = VersionLocation { path: path.clone(), how };
        place.read(&text).is_ok().then_some(place)
    };
    let own = name.and_then(|name| stated(setup_py, name));
    if let Some(how) = own {
        return Some(VersionLocation { path: "setup.py".to_owned(), how });
    }
    let mut named = statements::named_files(setup_py);
    named.sort_unstable();
    named.dedup();
    let mut found: Vec<VersionLocation> = named.iter().filter_map(place).collect();
    if found.is_empty() {
        let import_name = description.import_name(&description.name().ok()?);
        let paths = ["src/", ""]
            .iter()
            .flat_map(|root| MODULES.map(|module| format!("{root}{import_name}/{module}.py")).into_iter());
        let single = ["src/", ""].map(|root| format!("{root}{import_name}.py"));
        found = paths.chain(single).filter_map(|path| place(&path)).collect();
    }
    match found.len() {
        1 => found.pop(),
        _ => None,
    }
}

/// How a module states a version under this name: as a plain string, or made from a tuple.
fn stated(text: &str, name: &str) -> Option<VersionSyntax> {
    match script::is_plain(text, name) {
        true => Some(VersionSyntax::Assignment { name: name.to_owned() }),
        false => tuple::syntax(text, name),
    }
}
