//! `pyrelease plugin new`: creates a plugin that builds and passes `plugin test`, as a start.

use std::path::PathBuf;

use crate::cli::objects::NewPlugin;
use crate::error::{Error, Result};
use crate::ops::Context;
use crate::stages::taken;
use crate::ui::{Format, data, object};

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Language {
    Rust,
    C,
    Python,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The plugin's name, and the name of its new folder
    #[arg(value_name = "NAME")]
    name: String,

    /// The language of the template
    #[arg(long, value_name = "LANGUAGE", default_value = "python")]
    lang: Language,
}

/// The files of a template: where each goes, and its text
type Files = &'static [(&'static str, &'static str)];

const PYTHON: Files = &[
    ("@name@.py", include_str!("../../../templates/plugin/python/plugin.py")),
    ("README.md", include_str!("../../../templates/plugin/python/README.md")),
];

const C: Files = &[
    ("@name@.c", include_str!("../../../templates/plugin/c/plugin.c")),
    ("pyrelease_stage.h", include_str!("../../../plugins/sdk/include/pyrelease_stage.h")),
    ("Makefile", include_str!("../../../templates/plugin/c/Makefile")),
    ("README.md", include_str!("../../../templates/plugin/c/README.md")),
];

/// Includes the SDK, so that the template builds without a published crate.
const RUST: Files = &[
    ("Cargo.toml", include_str!("../../../templates/plugin/rust/Cargo.toml.in")),
    ("src/lib.rs", include_str!("../../../templates/plugin/rust/lib.rs")),
    ("README.md", include_str!("../../../templates/plugin/rust/README.md")),
    ("pyrelease-plugin/Cargo.toml", include_str!("../../../templates/plugin/rust/sdk.toml.in")),
    ("pyrelease-plugin/src/lib.rs", include_str!("../../../plugins/sdk/src/lib.rs")),
    ("pyrelease-plugin/src/abi.rs", include_str!("../../../plugins/sdk/src/abi.rs")),
    ("pyrelease-plugin/src/answer.rs", include_str!("../../../plugins/sdk/src/answer.rs")),
    ("pyrelease-plugin/src/context.rs", include_str!("../../../plugins/sdk/src/context.rs")),
    ("pyrelease-plugin/src/descriptor.rs", include_str!("../../../plugins/sdk/src/descriptor.rs")),
    ("pyrelease-plugin/src/error.rs", include_str!("../../../plugins/sdk/src/error.rs")),
    ("pyrelease-plugin/src/export.rs", include_str!("../../../plugins/sdk/src/export.rs")),
    ("pyrelease-plugin/src/request.rs", include_str!("../../../plugins/sdk/src/request.rs")),
];

pub(super) fn new(context: &Context, arguments: &Arguments) -> Result<()> {
    let name = &arguments.name;
    let begins = name.starts_with(|letter: char| letter.is_ascii_lowercase());
    if !begins
        || !name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-')
    {
        return Err(Error::usage(format!("`{name}` is not a valid plugin name")).help(
            "it must start with a lower-case letter, and have only lower-case letters, digits and `-`",
        ));
    }
    if let Some(what) = taken(name) {
        return Err(Error::usage(format!("`{name}` is {what}")).help("choose another name for the plugin"));
    }
    let folder = context.folder.join(name);
    if folder.exists() {
        return Err(Error::usage(format!("`{}` already exists", folder.display()))
            .help("choose another name, or delete it"));
    }
    let library = name.replace('-', "_");
    let test = |file: &str| format!("pyrelease plugin test {file} --config '{{\"file\": \"released.txt\"}}'");
    let (files, next): (Files, String) = match arguments.lang {
        Language::Python => (PYTHON, test(&format!("{name}/{name}.py"))),
        Language::C => (C, format!("make -C {name} test")),
        Language::Rust => {
            let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
            let built = test(&format!("{name}/target/release/{prefix}{library}{suffix}"));
            (RUST, format!("cargo build --release --manifest-path {name}/Cargo.toml && {built}"))
        }
    };
    for (path, text) in files {
        let path: PathBuf = folder.join(path.replace("@name@", name));
        fs_err::create_dir_all(path.parent().unwrap_or(&folder))?;
        let text = text.replace("@name@", name).replace("@library@", &library);
        fs_err::write(&path, text.replace("@version@", env!("CARGO_PKG_VERSION")))?;
        make_executable(&path)?;
    }
    match context.format {
        Format::Human => data(&format!("created a working plugin in `{name}`; to test it: {next}")),
        Format::Json => object("new-plugin", &NewPlugin { plugin: name, folder: &folder, next: &next }),
    }
    Ok(())
}

/// Makes a script executable.
fn make_executable(path: &std::path::Path) -> Result<()> {
    #[cfg(unix)]
    if path.extension().is_some_and(|ending| ending == "py") {
        use std::os::unix::fs::PermissionsExt;
        fs_err::set_permissions(path, PermissionsExt::from_mode(0o755))?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}
