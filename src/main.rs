//! Parse, run, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    let environment = pyrelease::world::Environment::of_this_process();
    ExitCode::from(pyrelease::cli::main(environment) as u8)
}
