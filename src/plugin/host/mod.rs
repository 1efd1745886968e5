//! The process that runs a plugin: this program again, with an internal command that `main` handles first.
//!
//! `__stage-host PARENT --exec PROGRAM ARGUMENTS...` becomes the program, in a session of its own. `--lib FILE` loads
//! the library and speaks the protocol for it. Both end when the parent does.

mod conversation;
mod library;
mod shared;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

#[cfg(unix)]
use crate::world::process::why_not_started;

/// The internal command
pub const COMMAND: &str = "__stage-host";

/// The limit for a library, in bytes of address space
const MEMORY: u64 = 1 << 30;
/// The limit for each process of a program, in bytes that it can write to: programs may reserve far more address space than
/// they use
const DATA: u64 = 4 << 30;

/// Runs the host if the command line asks for it.
pub fn run_if_requested(mut arguments: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    if arguments.next().is_none_or(|command| command != COMMAND) {
        return None;
    }
    let parent = arguments.next().and_then(|parent| parent.to_str()?.parse::<u32>().ok());
    let kind = arguments.next();
    match (parent, kind.as_ref().and_then(|kind| kind.to_str()), arguments.next()) {
        (Some(parent), Some("--lib"), Some(file)) => {
            set_apart(parent, Ceiling::AddressSpace);
            Some(conversation::host(Path::new(&file)))
        }
        (Some(parent), Some("--exec"), Some(program)) => {
            set_apart(parent, Ceiling::Data);
            Some(execute(&program, arguments))
        }
        // Only pyrelease uses this command.
        _ => Some(ExitCode::from(2)),
    }
}

/// What bounds the memory of a plugin
enum Ceiling {
    AddressSpace,
    Data,
}

/// Isolates this process: its own session (so that its children can be found, and it has no terminal), death with the
/// parent, no core files, and a memory limit.
#[cfg(unix)]
fn set_apart(parent: u32, memory: Ceiling) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, setsid};
    // Fails only for the leader of a process group, which a new child is not.
    let _ = setsid();
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use rustix::process::{Signal, getppid, set_parent_process_death_signal};
        let _ = set_parent_process_death_signal(Some(Signal::KILL));
        let is_there = getppid().is_some_and(|now| u32::try_from(now.as_raw_nonzero().get()) == Ok(parent));
        if !is_there {
            std::process::exit(ORPHANED.into());
        }
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = parent;
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let _ = setrlimit(Resource::Core, none);
    // Ignored where the system has no such limit.
    let _ = match memory {
        Ceiling::AddressSpace => {
            setrlimit(Resource::As, Rlimit { current: Some(MEMORY), maximum: Some(MEMORY) })
        }
        Ceiling::Data => {
            let Rlimit { current, maximum } = getrlimit(Resource::Data);
            let current = Some(current.map_or(DATA, |current| current.min(DATA)));
            setrlimit(Resource::Data, Rlimit { current, maximum })
        }
    };
}

#[cfg(not(unix))]
fn set_apart(_: u32, _: Ceiling) {}

/// The status of a host whose parent has ended
const ORPHANED: u8 = 75;

/// Becomes the program.
#[cfg(unix)]
#[expect(clippy::disallowed_types, reason = "this process becomes the program; duct would start another")]
fn execute(program: &OsString, arguments: impl Iterator<Item = OsString>) -> ExitCode {
    use std::os::unix::process::CommandExt;
    let error = std::process::Command::new(program).args(arguments).exec();
    let hint = why_not_started(&error).map(|why| format!(": {why}")).unwrap_or_default();
    conversation::fatal("start", &format!("`{}`: {error}{hint}", Path::new(program).display()));
    ExitCode::from(126)
}

/// Runs the program as a child, and ends when it does.
#[cfg(not(unix))]
#[expect(clippy::disallowed_types, reason = "it inherits our pipes")]
fn execute(program: &OsString, arguments: impl Iterator<Item = OsString>) -> ExitCode {
    match std::process::Command::new(program).args(arguments).status() {
        Ok(status) => ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1)),
        Err(error) => {
            conversation::fatal("start", &format!("`{}`: {error}", Path::new(program).display()));
            ExitCode::from(126)
        }
    }
}
