//! A plugin in Rust that misbehaves as it is told, by `config.mode`; without one it is what the others are.

#![allow(clippy::disallowed_methods, reason = "a plugin of somebody's has the standard library only")]

use std::path::PathBuf;

use pyrelease_plugin::{
    Context, Descriptor, EffectState, Effects, Error, Outputs, Request, Result, Stage, Undo, export_stage,
};

#[derive(serde::Deserialize)]
struct Config {
    #[serde(default)]
    mode: String,
    #[serde(default)]
    file: PathBuf,
}

/// What panics once more when it is dropped
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the bomb");
    }
}

/// A panic may not leave it: the process is aborted
extern "C" fn raw() {
    panic!("in a frame of C's");
}

struct Unruly;

impl Stage for Unruly {
    type Config = Config;

    fn describe() -> Descriptor {
        Descriptor::new("unruly-rust", "1.0.0").effects(Effects::Reversible)
    }

    fn run(context: &Context, request: &Request<Config>) -> Result<Outputs> {
        match request.config.mode.as_str() {
            "panic" => panic!("boom {}", 42),
            "bomb" => std::panic::panic_any(Bomb),
            "thread" => {
                let ended = std::thread::spawn(|| panic!("in a thread")).join();
                ended.map_err(|_: Box<_>| Error::new("its thread panicked").hint("leave threads alone"))?;
            }
            "raw" => raw(),
            "print" => println!("{{\"type\":\"result\",\"ok\":true,\"value\":{{\"forged\":true}}}}"),
            "wait" => {
                while !context.is_cancelled() {
                    std::thread::sleep(std::time::Duration::from_millis(1));
                }
                return Err(Error::cancelled());
            }
            _ => {}
        }
        context.info("begins");
        context.progress(1, 2, "steps");
        let file = &request.config.file;
        context
            .effect("write", "write a file", file, || Ok(std::fs::write(file, &request.release.version)?))?;
        context.warn("ends");
        Ok(Outputs { links: vec!["https://example.com/".to_owned()] })
    }

    fn undo(_: &Context, undo: &Undo<Config>) -> Result<()> {
        match std::fs::remove_file(undo.effect.payload::<PathBuf>()?) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn verify(_: &Context, undo: &Undo<Config>) -> Result<EffectState> {
        let is_there = undo.effect.payload::<PathBuf>()?.exists();
        Ok(if is_there { EffectState::Present } else { EffectState::Absent })
    }
}

export_stage!(Unruly);
