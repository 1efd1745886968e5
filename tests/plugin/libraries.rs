//! Dynamic libraries that misbehave: each is a clear error, and this process lives on.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use pyrelease::plugin::Cause;
use pyrelease::plugin::protocol::Method;

use super::support::{Trial, compiler, library, root};

const SOURCE: &str = "tests/plugin/sources/unruly.c";

fn unruly() -> Option<Trial> {
    library("unruly", SOURCE, &[]).map(|path| Trial::of_library(&path))
}

fn compiled(name: &str, options: &[&str]) -> Option<Trial> {
    library(name, SOURCE, options).map(|path| Trial::of_library(&path))
}

#[test]
fn a_library_that_does_as_it_should_gives_its_result() {
    let Some(trial) = unruly() else { return };
    let (result, heard) = trial.call();
    assert_eq!(result.unwrap()["well"], true);
    assert_eq!(heard.printed, ["at work"]);
}

#[test]
fn whatever_ends_its_process_is_said_with_what_it_said_last() {
    for (mode, expected) in [
        ("segfault", "signal: 11"),
        ("overflow", "overflowed its stack"),
        ("abort", "signal: 6"),
        ("free", "signal: 6"),
        ("allocate", "signal: 6"),
        ("exit-0", "exit status: 0"),
        ("exit-3", "exit status: 3"),
        ("no-result", "returned 0 without a result"),
        ("error", "returned -1 without a result"),
        ("close-all", "without a result"),
    ] {
        let Some(trial) = unruly() else { return };
        let (_, text) = trial.mode(mode).fails();
        assert!(text.contains(expected) && text.contains("\n  at work"), "{mode}: {text}");
    }
}

#[test]
fn what_it_says_itself_is_what_is_shown() {
    let Some(trial) = unruly() else { return };
    let (cause, text) = trial.mode("failure").fails();
    let Cause::Failed(failure) = cause else { panic!("{text}") };
    assert_eq!((failure.message.as_str(), failure.hint.as_deref()), ("no luck", Some("try again")));
}

#[test]
fn one_that_hangs_is_ended_when_its_time_is_up() {
    for mode in ["sleep", "spin", "stop", "deaf"] {
        let Some(trial) = unruly() else { return };
        let began = Instant::now();
        let (cause, text) = trial.mode(mode).limit(300).fails();
        assert!(matches!(cause, Cause::TimedOut(_)), "{mode}: {text}");
        assert!(began.elapsed() < Duration::from_secs(20), "{mode}: {:?}", began.elapsed());
    }
}

#[test]
fn a_polite_one_ends_by_itself_when_the_user_interrupts() {
    let Some(trial) = unruly() else { return };
    let trial = trial.mode("polite");
    trial.stop.store(true, Ordering::SeqCst);
    let (cause, text) = trial.fails();
    assert!(matches!(&cause, Cause::Failed(failure) if failure.message == "stopped as asked"), "{text}");
}

#[test]
fn an_effect_outside_run_is_refused_and_fails_the_call() {
    for (method, allowed) in [(Method::Preflight, false), (Method::Undo, false), (Method::Run, true)] {
        let Some(trial) = unruly() else { return };
        let (result, heard) = trial.mode("effect").method(method).call();
        assert_eq!(result.is_ok(), allowed, "{method}: {result:?}");
        let code = if allowed { "effect: 0" } else { "effect: -2" };
        assert!(heard.printed.iter().any(|line| line == code), "{heard:?}");
        assert_eq!(heard.effects.len(), usize::from(allowed));
        if let Err(error) = result {
            assert!(error.to_string().contains("announced the effect `k` in"), "{error}");
        }
    }
}

#[test]
fn what_it_prints_is_no_message_of_its() {
    let Some(trial) = unruly() else { return };
    let (result, heard) = trial.mode("garbage").call();
    assert_eq!(result.unwrap()["well"], true, "the forged result counts for nothing");
    assert!(heard.printed.iter().any(|line| line.contains("forged")), "{}", heard.printed.len());
    let (result, heard) = unruly().unwrap().mode("nonsense").call();
    assert!(result.is_ok());
    assert_eq!(heard.printed.iter().filter(|line| *line == "emit: -1").count(), 2);
    let (result, heard) = unruly().unwrap().mode("twice").call();
    assert_eq!(result.unwrap()["first"], true);
    assert!(heard.printed.is_empty() || heard.printed.contains(&"second: -1".to_owned()), "{heard:?}");
}

#[test]
fn much_is_borne_and_too_much_is_not() {
    let Some(trial) = unruly() else { return };
    let (result, heard) = trial.mode("chatter").limit(600_000).call();
    assert_eq!((result.unwrap()["well"].clone(), heard.logs.len()), (true.into(), 50_000));
    let (cause, text) = unruly().unwrap().mode("flood").limit(600_000).fails();
    assert!(matches!(cause, Cause::TooMuch(_)), "{text}");
}

#[test]
fn there_is_no_terminal_to_read_from() {
    let Some(trial) = unruly() else { return };
    let (result, heard) = trial.mode("tty").limit(20_000).call();
    assert!(result.is_ok() && heard.logs.is_empty(), "{result:?} {heard:?}");
}

#[test]
#[cfg(target_os = "linux")]
fn what_it_leaves_running_is_ended() {
    let Some(trial) = unruly() else { return };
    assert!(trial.mode("leave").call().0.is_ok());
    for process in fs_err::read_dir("/proc").unwrap().flatten() {
        let line = fs_err::read(process.path().join("cmdline")).unwrap_or_default();
        assert!(!line.starts_with(b"sleep\x007301"), "it is still there");
    }
}

#[test]
fn what_it_leaves_in_its_process_does_not_spoil_its_end() {
    for mode in ["thread", "atexit", "key", "pipe"] {
        let Some(trial) = unruly() else { return };
        let began = Instant::now();
        let (result, _) = trial.mode(mode).call();
        assert_eq!(result.unwrap()["well"], true, "{mode}");
        assert!(began.elapsed() < Duration::from_secs(5), "{mode}: {:?}", began.elapsed());
    }
}

#[test]
fn whoever_it_lets_go_with_all_its_pipes_holds_nobody_up() {
    let Some(trial) = unruly() else { return };
    let began = Instant::now();
    let (result, _) = trial.mode("escape").call();
    assert_eq!(result.unwrap()["well"], true);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn one_that_cannot_be_a_plugin_is_told_before_or_as_it_is_loaded() {
    let canary = Path::new(env!("CARGO_TARGET_TMPDIR")).join("unruly-canary");
    let sings = format!("-DCANARY=\"{}\"", canary.display());
    let _ = fs_err::remove_file(&canary);
    for (name, options, expected) in [
        ("magic", &["-DMAGIC=7"][..], "not 0x00000007"),
        ("lying_major", &["-DMAJOR=2"], "it has version 2 of the plugin interface"),
        ("minor", &["-DMINOR=1"], "it needs version 1.1 of the plugin interface"),
        ("short", &["-DSIZE=32"], "its table has 32 bytes"),
        ("refusing", &["-DREFUSING"], "its `create` returned -1"),
        ("missing_symbol", &["-DMISSING_SYMBOL"], "nobody_has_this"),
        (
            "constructor_segfault",
            &["-DCONSTRUCTOR=*(volatile int *)(long)(getpid() & 7) = 1"],
            "being loaded for",
        ),
        ("constructor_exit", &["-DCONSTRUCTOR=_exit(0)"], "being loaded for"),
        ("wrong_major", &["-DWRONG_MAJOR", &sings], "it was built for version 2 of the plugin interface"),
    ] {
        let Some(trial) = compiled(name, options) else { return };
        let (_, text) = trial.fails();
        assert!(text.contains(expected), "{name}: {text}");
        assert!(!canary.exists(), "a byte of {name} ran");
    }
    let (cause, text) =
        compiled("constructor_hang", &["-DCONSTRUCTOR=for (;;) sleep(1000)"]).unwrap().limit(3_000).fails();
    assert!(matches!(cause, Cause::TimedOut(_)) && text.contains("being loaded"), "{text}");
    // So that the silence of the canary means something
    compiled("singing", &[&sings]).unwrap().call().0.unwrap();
    assert!(canary.exists());
}

#[test]
fn a_file_that_is_no_library_is_an_error_that_says_so() {
    let Some(real) = library("unruly", SOURCE, &[]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("libx.so");
    let bytes = fs_err::read(real).unwrap();
    let mut other_machine = bytes.clone();
    other_machine[18] = 0xf3;
    let marked = b"#!/bin/sh\npyrelease-stage-abi=1;".to_vec();
    let unmarked = fs_err::read("/bin/sh").unwrap();
    let marker = b"pyrelease-stage-abi=1;";
    let marked_to = bytes.windows(marker.len()).position(|part| part == marker).unwrap() + marker.len();
    for (bytes, expected) in [
        (Vec::new(), "is not a pyrelease plugin"),
        (unmarked, "is not a pyrelease plugin"),
        (marked, "cannot be loaded: "),
        (other_machine, "cannot be loaded: "),
        (bytes[..marked_to].to_vec(), "being loaded for"),
    ] {
        fs_err::write(&file, &bytes).unwrap();
        let (_, text) = Trial::of_library(&file).fails();
        assert!(text.contains(expected), "{} bytes: {text}", bytes.len());
    }
    // Wherever in the file the mark is: it was seen, for what follows is an attempt to load it.
    for before in (1..=12).map(|number| (64 << 10) * number - 7) {
        fs_err::write(&file, [&vec![b'x'; before][..], b"pyrelease-stage-abi=1;", &[b'x'; 100_000]].concat())
            .unwrap();
        let (_, text) = Trial::of_library(&file).fails();
        assert!(text.contains("cannot be loaded: "), "{before}: {text}");
    }
    let (_, text) = Trial::of_library(Path::new("/nothing/here.so")).fails();
    assert!(text.contains("/nothing/here.so"), "{text}");
}

#[test]
fn an_exception_of_another_language_is_contained() {
    let source = "tests/plugin/sources/throwing.cpp";
    let Some(throwing) = library("throwing", source, &[]) else { return };
    let (_, text) = Trial::of_library(&throwing).fails();
    assert!(text.contains("signal: 6"), "{text}");
}

#[test]
fn the_header_is_what_it_says_in_both_languages() {
    let header = root().join("plugins/sdk/include/pyrelease_stage.h");
    let sizes = "#include \"HEADER\"\n#include <stddef.h>\n\
        #define SAME(name, a, b) typedef char name[(a) == (b) ? 1 : -1]\n\
        SAME(host_size, sizeof(pyrelease_stage_host), 48);\n\
        SAME(host_data, offsetof(pyrelease_stage_host, data), 16);\n\
        SAME(host_cancelled, offsetof(pyrelease_stage_host, cancelled), 40);\n\
        SAME(plugin_size, sizeof(pyrelease_stage_plugin_v1), 64);\n\
        SAME(plugin_marker, offsetof(pyrelease_stage_plugin_v1, marker), 16);\n\
        SAME(plugin_call, offsetof(pyrelease_stage_plugin_v1, call), 40);\n\
        SAME(plugin_destroy, offsetof(pyrelease_stage_plugin_v1, destroy), 56);\n";
    let folder = tempfile::tempdir().unwrap();
    for (compiler_name, file, standard) in [("gcc", "x.c", "-std=c99"), ("g++", "x.cpp", "-std=c++11")] {
        let Some(compiler) = compiler(compiler_name) else { continue };
        let path = folder.path().join(file);
        fs_err::write(&path, sizes.replace("HEADER", header.to_str().unwrap())).unwrap();
        duct::cmd!(compiler, standard, "-pedantic", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", path)
            .run()
            .unwrap();
    }
}
