//! Writes the released version to a file.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use pyrelease_plugin::{
    Context, Descriptor, Effects, Outputs, Preflight, Release, Request, Result, Stage, EffectState, Undo, export_stage,
};
use serde_json::json;

/// `config` in `release.toml`
#[derive(serde::Deserialize)]
struct Config {
    file: PathBuf,
}

/// The data for `undo`: the file, and its content before
#[derive(serde::Serialize, serde::Deserialize)]
struct Written {
    path: PathBuf,
    before: Option<String>,
}

struct Plugin;

impl Stage for Plugin {
    type Config = Config;

    fn describe() -> Descriptor {
        Descriptor::new("@name@", "0.1.0")
            .summary("writes the released version to a file")
            // Stronger effects are refused.
            .effects(Effects::Reversible)
            // The schema of `config`.
            .config_schema(json!({
                "type": "object",
                "additionalProperties": false,
                "required": ["file"],
                "properties": {"file": {"type": "string", "minLength": 1}},
            }))
    }

    fn preflight(_: &Context, request: &Request<Config>) -> Result<Preflight> {
        let path = path(&request.release, &request.config);
        let preflight = Preflight::default().plan("write", format!("write {}", path.display()));
        // Finds problems before anything is changed.
        match path.parent() {
            Some(folder) if !folder.is_dir() => {
                Ok(preflight.error(format!("no such folder: {}", folder.display()), "create it, or change `file`"))
            }
            _ => Ok(preflight),
        }
    }

    fn run(context: &Context, request: &Request<Config>) -> Result<Outputs> {
        let path = path(&request.release, &request.config);
        let written = Written { before: read(&path)?, path };
        // Announced first; the closure runs only once pyrelease has recorded the effect. The `undo` method runs in a new
        // process, and gets only `written`.
        context.effect("write", &format!("write {}", written.path.display()), &written, || {
            Ok(std::fs::write(&written.path, format!("{}\n", request.release.version))?)
        })?;
        Ok(Outputs::default())
    }

    fn undo(_: &Context, undo: &Undo<Config>) -> Result<()> {
        let Written { path, before } = undo.effect.payload()?;
        // It may never have been done, or may be undone already; neither is an error.
        match before {
            Some(before) => Ok(std::fs::write(path, before)?),
            None if path.exists() => Ok(std::fs::remove_file(path)?),
            None => Ok(()),
        }
    }

    fn verify(_: &Context, undo: &Undo<Config>) -> Result<EffectState> {
        let Written { path, before } = undo.effect.payload()?;
        Ok(if read(&path)? == before { EffectState::Absent } else { EffectState::Present })
    }
}

fn path(release: &Release, config: &Config) -> PathBuf {
    release.project.join(&config.file)
}

/// The content of a file; `None` if it does not exist.
fn read(path: &Path) -> Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        text => Ok(Some(text?)),
    }
}

export_stage!(Plugin);
