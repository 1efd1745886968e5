//! Plugins in several languages, and one that was built long ago: the host treats them alike.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use pyrelease::plugin::Cause;
use pyrelease::plugin::launch::Program;
use pyrelease::plugin::protocol::Method;
use pyrelease::plugin::store::{Plugin, PluginKind};
use pyrelease_test_support::Sandbox;
use serde_json::json;

use super::support::{Listening, Trial, built, library, root};

fn rust() -> Trial {
    Trial::of_library(&built("unruly_rust"))
}

#[test]
fn a_panic_of_a_plugin_in_rust_is_its_error_with_the_place() {
    let (cause, text) = rust().mode("panic").fails();
    let Cause::Failed(failure) = cause else { panic!("{text}") };
    assert_eq!(failure.code, "panic");
    assert!(failure.message.contains("boom 42") && failure.message.contains("lib.rs:"), "{text}");
    // A payload that would panic when it is dropped, and a thread's
    let (cause, text) = rust().mode("bomb").fails();
    assert!(matches!(cause, Cause::Failed(_)), "{text}");
    let (cause, text) = rust().mode("thread").fails();
    assert!(matches!(&cause, Cause::Failed(failure) if failure.message == "its thread panicked"), "{text}");
    // And one that cannot be caught ends its process.
    let (cause, text) = rust().mode("raw").fails();
    assert!(matches!(cause, Cause::Crashed(_)) && text.contains("signal: 6"), "{text}");
}

#[test]
fn one_in_rust_prints_and_is_cancelled_like_others() {
    let folder = tempfile::tempdir().unwrap();
    let mut trial = rust();
    trial.params = json!({"config": {"mode": "print", "file": folder.path().join("x")}});
    let (result, _) = trial.call();
    assert!(result.unwrap().get("forged").is_none());
    let trial = rust().mode("wait");
    trial.stop.store(true, Ordering::SeqCst);
    let (cause, text) = trial.fails();
    assert!(matches!(&cause, Cause::Failed(failure) if failure.code == "cancelled"), "{text}");
}

/// The same stage in every language does and says the same.
#[test]
fn all_languages_say_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let python = folder.path().join("same.py");
    let script = "import os, sys\nsys.path.insert(0, SDK)\nfrom pyrelease_plugin import Stage, serve\n\
        class Same(Stage):\n    name = 'same'\n    effects = 'reversible'\n    def run(self, call):\n        call.log('begins')\n        call.progress(1, 2, 'steps')\n        \
        with call.effect('write', summary='write a file', undo=call.config['file']) as act:\n            act and open(call.config['file'], 'w').write(call.release['version'])\n        \
        call.log('ends', 'warn')\n        return {'links': ['https://example.com/']}\n    def undo(self, call, effect):\n        os.path.exists(effect['undo']) and os.remove(effect['undo'])\n    \
        def verify(self, call, effect):\n        return 'present' if os.path.exists(effect['undo']) else 'absent'\nserve(Same)\n";
    let sdk = root().join("plugins/sdk/python");
    fs_err::write(&python, script.replace("SDK", &format!("{:?}", sdk.display().to_string()))).unwrap();
    let says = |mut trial: Trial, name: &str| {
        let file = folder.path().join(name);
        let call = |trial: &Trial| {
            let (result, Listening { logs, effects, done, .. }) = trial.call();
            format!("{} {logs:?} {effects:?} {done:?} {}", result.unwrap(), file.exists())
        };
        let effect = json!([{"key": "write", "class": "reversible", "state": "begun", "undo": file}]);
        trial.params = json!({"config": {"file": file}, "release": {"version": "1.1.0"}, "effects": []});
        let mut said = vec![call(&trial)];
        trial.params["effects"] = effect;
        for method in [Method::Verify, Method::Undo, Method::Undo, Method::Verify] {
            trial.method = method;
            said.push(call(&trial));
        }
        said
    };
    let in_rust = says(rust(), "rust");
    assert_eq!(in_rust, says(Trial::of_words(&["python3", python.to_str().unwrap()]), "python"));
    let sources = [("same_c", "tests/plugin/sources/same.c"), ("same_cpp", "tests/plugin/sources/same.cpp")];
    for (name, source) in sources {
        let Some(file) = library(name, source, &[]) else { continue };
        assert_eq!(in_rust, says(Trial::of_library(&file), name), "{source}");
    }
    assert!(in_rust[0].contains("[\"begins\", \"ends\"] [\"write\"] [\"write\"] true"), "{in_rust:#?}");
    assert!(in_rust[4].contains("absent") && in_rust[4].ends_with("false"), "{in_rust:#?}");
}

/// What pyrelease says to a plugin, and what that answers.
fn dialogue(hello: &str) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("plain.py");
    let script =
        "from pyrelease_plugin import Stage, serve\nclass Plain(Stage):\n    name = 'plain'\nserve(Plain)\n";
    fs_err::write(&file, script).expect("a script");
    let call = r#"{"type":"call","method":"describe","params":{}}"#;
    duct::cmd!("python3", file)
        .env("PYTHONPATH", root().join("plugins/sdk/python"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin_bytes(format!("{hello}\n{call}\n{{\"type\":\"bye\"}}\n"))
        .read()
        .expect("a plugin that ends well")
}

#[test]
fn a_plugin_of_the_sdk_answers_every_host_that_it_understands() {
    for hello in [
        r#"{"type":"hello","protocol":"1.0"}"#,
        r#"{"type":"hello","protocol":"1.0","tool":"pyrelease/0.1.0","features":[],"required":[]}"#,
        r#"{"type":"hello","protocol":"1.7-rc.1","features":["flight"],"of-a-later-version":1}"#,
    ] {
        let said = dialogue(hello);
        assert!(
            said.contains(r#""type":"result","ok":true"#) && said.contains(r#""name":"plain""#),
            "{said}"
        );
    }
    for (hello, expected) in [
        (r#"{"type":"hello","protocol":"2.0"}"#, "version 2.0 of the protocol"),
        (r#"{"type":"hello","protocol":"1.1","required":["flight"]}"#, "requires `flight`"),
    ] {
        let said = dialogue(hello);
        assert!(said.contains(r#""type":"result","ok":false"#) && said.contains(expected), "{said}");
    }
}

/// It was built when the interface was 1.0, and is loaded by every version that comes.
#[test]
#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
fn a_plugin_of_the_first_interface_is_loaded_for_ever() {
    let binary = root().join("tests/plugin/binaries/checksums-abi-1.0-x86_64-linux-gnu.so");
    assert_eq!(
        pyrelease::world::sha256(&binary).unwrap().0,
        "aec5d3ef2720280aec4fe5a2351834a102a84ad89ec0c790b472ae811c5f7aaa",
        "this file is never built again"
    );
    let sandbox = Sandbox::new();
    let arguments = ["plugin", "test", binary.to_str().unwrap()];
    let ran = sandbox.command(sandbox.root(), env!("CARGO_BIN_EXE_pyrelease"), &arguments);
    let ran = ran.stderr_to_stdout().stdout_capture().unchecked().run().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && said.contains("passed    undo again"), "{said}");
}

#[test]
fn a_call_costs_next_to_nothing() {
    let mut times: Vec<Duration> = (0..21)
        .map(|_| {
            let began = Instant::now();
            rust().method(Method::Describe).call().0.unwrap();
            began.elapsed()
        })
        .collect();
    times.sort();
    assert!(times[10] < Duration::from_millis(250), "{times:?}");
}

#[test]
fn a_file_is_carried_as_its_name_says() {
    let of = |name: &str| PluginKind::of(name.as_ref());
    assert_eq!(["libx.so", "x.dylib", "x.dll"].map(of), [PluginKind::Library; 3]);
    assert_eq!(["x", "x.py", "x.so.sh"].map(of), [PluginKind::Executable; 3]);
    // And a command is a program, whatever its file is called.
    let sandbox = Sandbox::new();
    let file = sandbox.root().join("x.so");
    fs_err::write(&file, "x").unwrap();
    let mut plugin = Plugin::of_file("x", &file).unwrap();
    plugin.before = vec!["python3".to_owned()];
    let environment = sandbox.environment().into_iter().collect();
    assert!(matches!(plugin.program(&environment).unwrap(), Program::Executable(words) if words.len() == 2));
}
