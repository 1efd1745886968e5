//! Links the release binary smaller, where the linker can.
//!
//! Functions with the same code become one (`--icf`, in LLD, mold and gold), and the addresses that the loader corrects are
//! listed in a tenth of the space (`DT_RELR`, which glibc reads from 2.36 on): two of twenty megabytes. Neither is known to
//! every linker and every loader, so a small program is linked in the same way and run first.

#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "a build script")]

use std::env;
use std::ffi::OsString;
use std::path::Path;

const SAME_CODE: &str = "-Wl,--icf=all";
const SHORT_RELOCATIONS: &str = "-Wl,-z,pack-relative-relocs";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is_native = env::var_os("HOST") == env::var_os("TARGET");
    let is_linux = env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux");
    let is_release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    if !(is_native && is_linux && is_release) {
        return;
    }
    for arguments in [&[SAME_CODE, SHORT_RELOCATIONS][..], &[SAME_CODE], &[SHORT_RELOCATIONS]] {
        if links_and_runs(arguments) {
            arguments.iter().for_each(|argument| println!("cargo::rustc-link-arg-bins={argument}"));
            return;
        }
    }
}

/// Whether a program that is linked with these arguments runs.
fn links_and_runs(arguments: &[&str]) -> bool {
    use std::process::{Command, Stdio};

    let (Some(compiler), Some(folder)) = (env::var_os("RUSTC"), env::var_os("OUT_DIR")) else { return false };
    let (source, program) = (Path::new(&folder).join("probe.rs"), Path::new(&folder).join("probe"));
    if std::fs::write(&source, "fn main() { println!(\"{:?}\", std::env::args()); }").is_err() {
        return false;
    }
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let mut link = Command::new(compiler);
    link.arg(&source).arg("-o").arg(&program).args(flags.split('\x1f').filter(|flag| !flag.is_empty()));
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        let mut option = OsString::from("-Clinker=");
        option.push(linker);
        link.arg(option);
    }
    link.args(arguments.iter().map(|argument| format!("-Clink-arg={argument}")));
    let succeeds = |command: &mut Command| {
        let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    succeeds(&mut link) && succeeds(&mut Command::new(&program))
}
