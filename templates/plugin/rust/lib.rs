//! Writes the version that is released into a file.

use std::io::ErrorKind;
use std::path::PathBuf;

use pyrelease_plugin::{
    Context, Descriptor, Effects, Outputs, Preflight, Release, Request, Result, Stage, Standing, Undo, export_stage,
};
use serde_json::json;

/// `config` in `release.toml`
#[derive(serde::Deserialize)]
struct Config {
    file: PathBuf,
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
        if path.exists() {
            return Ok(preflight.error(format!("{} is there already", path.display()), "delete it"));
        }
        Ok(preflight)
    }

    fn run(context: &Context, request: &Request<Config>) -> Result<Outputs> {
        let path = path(&request.release, &request.config);
        // Announced, written down by pyrelease, and only then done: the closure. `undo` gets the path, in a process of its
        // own that remembers nothing else.
        context.effect("write", &format!("write {}", path.display()), &path, || {
            Ok(std::fs::write(&path, format!("{}\n", request.release.version))?)
        })?;
        Ok(Outputs::default())
    }

    fn undo(_: &Context, undo: &Undo<Config>) -> Result<()> {
        // It may never have been done, and it may be undone already: neither is an error.
        match std::fs::remove_file(undo.effect.payload::<PathBuf>()?) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn verify(_: &Context, undo: &Undo<Config>) -> Result<Standing> {
        let is_there = undo.effect.payload::<PathBuf>()?.exists();
        Ok(if is_there { Standing::Present } else { Standing::Absent })
    }
}

fn path(release: &Release, config: &Config) -> PathBuf {
    release.project.join(&config.file)
}

export_stage!(Plugin);
