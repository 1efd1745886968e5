//! Writes the version that is released into a file.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use pyrelease_plugin::{
    Context, Descriptor, Effects, Outputs, Preflight, Release, Request, Result, Stage, Standing, Undo, export_stage,
};
use serde_json::json;

/// `config` in `release.toml`
#[derive(serde::Deserialize)]
struct Config {
    file: PathBuf,
}

/// What is kept for `undo`: the file, and what was in it before
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
            .summary("writes the version that is released into a file")
            // It can do no more than it says here.
            .effects(Effects::Reversible)
            // What `config` may be; a mistake there is underlined.
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
        // What would make it fail, found before anything happens.
        match path.parent() {
            Some(folder) if !folder.is_dir() => {
                Ok(preflight.error(format!("there is no folder {}", folder.display()), "make it, or change `file`"))
            }
            _ => Ok(preflight),
        }
    }

    fn run(context: &Context, request: &Request<Config>) -> Result<Outputs> {
        let path = path(&request.release, &request.config);
        let written = Written { before: read(&path)?, path };
        // Announced, written down by pyrelease, and only then done: the closure. `undo` gets what is in `written`, in a
        // process of its own that remembers nothing else.
        context.effect("write", &format!("write {}", written.path.display()), &written, || {
            Ok(std::fs::write(&written.path, format!("{}\n", request.release.version))?)
        })?;
        Ok(Outputs::default())
    }

    fn undo(_: &Context, undo: &Undo<Config>) -> Result<()> {
        let Written { path, before } = undo.effect.payload()?;
        // It may never have been done, and it may be undone already: neither is an error.
        match before {
            Some(before) => Ok(std::fs::write(path, before)?),
            None if path.exists() => Ok(std::fs::remove_file(path)?),
            None => Ok(()),
        }
    }

    fn verify(_: &Context, undo: &Undo<Config>) -> Result<Standing> {
        let Written { path, before } = undo.effect.payload()?;
        Ok(if read(&path)? == before { Standing::Absent } else { Standing::Present })
    }
}

fn path(release: &Release, config: &Config) -> PathBuf {
    release.project.join(&config.file)
}

/// What is in a file; nothing where there is none.
fn read(path: &Path) -> Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        text => Ok(Some(text?)),
    }
}

export_stage!(Plugin);
