//! Parse, run, exit code.

use std::process::ExitCode;

use pyrelease::plugin::host;
use pyrelease::world::{Environment, memory, signals, watchdog};

fn main() -> ExitCode {
    if let Some(code) = host::run_if_requested(std::env::args_os().skip(1)) {
        return code;
    }
    if watchdog::run_if_requested(std::env::args_os().skip(1)) {
        return ExitCode::SUCCESS;
    }
    memory::protect();
    signals::survive_file_size_limit();
    ExitCode::from(pyrelease::cli::main(Environment::of_this_process()) as u8)
}
