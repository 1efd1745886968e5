//! Programs that misbehave: each is a clear error, within bounds of time and memory.

use pyrelease_test_support::{assert_data_eq, str};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use pyrelease::plugin::Cause;
use pyrelease::plugin::protocol::Method;
use serde_json::json;

use super::support::Trial;

const HELLO: &str = r#"echo '{"type":"hello","protocol":"1.0"}'; "#;
const WELL: &str = r#"echo '{"type":"result","ok":true,"value":{"well":true}}'"#;

/// A script that says hello, hears the call, does this and gives its result.
fn greeting(does: &str) -> Trial {
    Trial::of_shell(&format!("read hello; {HELLO} read call; {does}; {WELL}"))
}

#[test]
fn a_program_that_does_as_it_should_gives_its_result() {
    let (result, heard) = greeting(r#"echo at work >&2; echo '{"type":"log","message":"x"}'"#).call();
    assert_eq!(result.unwrap()["well"], true);
    assert_eq!((heard.printed, heard.logs), (vec!["at work".to_owned()], vec!["x".to_owned()]));
}

#[test]
fn whatever_ends_it_is_said_with_what_it_said_last() {
    let mut seen = Vec::new();
    for does in [
        "echo oops >&2; exit 0",
        "echo oops >&2; exit 3",
        "echo oops >&2; kill -SEGV $$",
        "echo oops >&2; kill -KILL $$",
        "echo oops >&2; exec >&-; exec sleep 1000",
        "echo oops >&2; exec <&- >&- 2>&-; exec sleep 1000",
        "echo oops >&2; echo '{\"type\":\"dance\"}'",
        "echo oops >&2; echo '{\"type\":\"log\"}'",
        "echo oops >&2; echo '{\"type\":\"hello\",\"protocol\":\"1.0\"}'",
        "echo oops >&2; echo '{\"type\":\"effect_done\",\"key\":\"k\"}'; exit 1",
    ] {
        let (_, text) = greeting(does).fails();
        assert!(text.contains("\n  oops"), "{does}: {text}");
        seen.push(text);
    }
    assert_data_eq!(
        seen.join("\n"),
        str![[r#"
plugin `unruly` of stage `trial` exited (exit status: 0) without a result, in `run`
  oops
plugin `unruly` of stage `trial` exited (exit status: 3) without a result, in `run`
  oops
plugin `unruly` of stage `trial` was killed by signal: 11 (SIGSEGV), in `run`
  oops
plugin `unruly` of stage `trial` was killed by signal: 9 (SIGKILL), in `run`
  oops
plugin `unruly` of stage `trial` closed its output without a result, in `run`
  oops
plugin `unruly` of stage `trial` closed its output without a result, in `run`
  oops
plugin `unruly` of stage `trial` wrote a message of unknown type `dance`, in `run`
  oops
plugin `unruly` of stage `trial` wrote an invalid message (missing field `message`): `{/"type/":/"log/"}`, in `run`
  oops
plugin `unruly` of stage `trial` wrote `hello` out of turn, in `run`
  oops
plugin `unruly` of stage `trial` exited (exit status: 1) without a result, in `run`
  oops
"#]]
    );
}

/// Both would wait for each other until its time is up.
#[test]
fn a_message_that_cannot_be_read_ends_it_at_once() {
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    for (does, expected) in [
        (
            r#"printf '{"type":"effect","key":"a\377","class":"reversible"}\n'; read ack"#.to_owned(),
            "unicode",
        ),
        (format!(r#"echo '{{"type":"result","ok":true,"value":{deep}}}'; read bye"#), "recursion"),
    ] {
        let began = Instant::now();
        let (cause, text) = greeting(&does).fails();
        assert!(matches!(cause, Cause::Garbage(_)) && text.contains(expected), "{text}");
        assert!(began.elapsed() < Duration::from_secs(30), "{text}");
    }
}

#[test]
fn one_that_cannot_be_started_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script");
    fs_err::write(&script, "#!/nothing/here\n").unwrap();
    for (word, expected) in
        [("/nothing/here", "No such file"), (script.to_str().unwrap(), "Permission denied")]
    {
        let (cause, text) = Trial::of_words(&[word]).fails();
        assert!(matches!(cause, Cause::NotStarted(_)) && text.contains(expected), "{text}");
    }
}

#[test]
fn versions_that_do_not_fit_are_told() {
    let mut seen = Vec::new();
    for hello in [
        r#"{"type":"hello","protocol":"2.0"}"#,
        r#"{"type":"hello","protocol":"new"}"#,
        r#"{"type":"hello","protocol":"1.0","required":["flight"]}"#,
        r#"{"type":"log","message":"x"}"#,
        r#"{"type":"result","ok":true}"#,
    ] {
        let (_, text) = Trial::of_shell(&format!("read hello; echo '{hello}'")).fails();
        seen.push(text);
    }
    assert_data_eq!(
        seen.join("\n"),
        str![[r#"
plugin `unruly` of stage `trial` cannot be used: it uses version 2.0 of the protocol, but this pyrelease has 1.0, starting for `run`
plugin `unruly` of stage `trial` cannot be used: `new` is not a valid version, starting for `run`
plugin `unruly` of stage `trial` cannot be used: it needs `flight`, which this version of pyrelease does not have, starting for `run`
plugin `unruly` of stage `trial` exited (exit status: 0) without a result, starting for `run`
plugin `unruly` of stage `trial` wrote `a message before `hello`` out of turn, starting for `run`
"#]]
    );
    let later = r#"{"type":"hello","protocol":"1.7.0-rc.1","unknown":1}"#;
    let trial = Trial::of_shell(&format!("printf '%s\\r\\n' '{later}'; read hello; read call; {WELL}"));
    assert!(trial.call().0.is_ok());
}

#[test]
fn a_stray_line_is_forgiven_where_something_may_have_been_done() {
    for (method, forgiven) in
        [(Method::Describe, false), (Method::Preflight, false), (Method::Run, true), (Method::Undo, true)]
    {
        for stray in ["hello there", "{", "\\377\\376", "", "a\\000b"] {
            let (result, heard) = greeting(&format!("printf '{stray}\\n'")).method(method).call();
            assert_eq!(result.is_ok(), forgiven, "{method} {stray}: {result:?}");
            assert_eq!(heard.logs.len(), usize::from(forgiven), "{heard:?}");
        }
    }
}

#[test]
fn a_message_has_a_greatest_length() {
    let line = |length: usize| {
        let rest = length - r#"{"type":"log","message":""}"#.len();
        format!(r#"printf '{{"type":"log","message":"%s"}}\n' "$(head -c {rest} /dev/zero | tr '\0' x)""#)
    };
    assert!(greeting(&line(1 << 20)).call().0.is_ok());
    let (cause, text) = greeting(&line((1 << 20) + 1)).fails();
    assert!(matches!(cause, Cause::TooLong), "{text}");
}

#[test]
fn one_that_never_stops_talking_is_stopped() {
    for does in ["yes | tr -d '\\n'", "yes", "yes '{\"type\":\"log\",\"message\":\"x\"}'"] {
        let began = Instant::now();
        let (cause, text) = greeting(does).fails();
        assert!(matches!(cause, Cause::TooLong | Cause::TooMuch(_) | Cause::TimedOut(_)), "{does}: {text}");
        assert!(began.elapsed() < Duration::from_secs(300), "{does}: {:?}", began.elapsed());
    }
    // On the standard error it may talk as long as its time lasts; only so much is kept.
    let (cause, text) = greeting("yes >&2").limit(300).fails();
    assert!(matches!(cause, Cause::TimedOut(_)) && text.len() < 10_000, "{}", text.len());
}

/// A library has a limit of its own.
#[cfg(target_os = "linux")]
#[test]
fn one_that_takes_all_memory_gets_no_more_than_a_program_needs() {
    let take = |gibibytes: u32| format!("python3 -c 'bytearray({gibibytes} << 30)' || exit 9");
    assert!(greeting(&take(1)).call().0.is_ok());
    let (cause, text) = greeting(&take(5)).fails();
    assert!(matches!(cause, Cause::Ended(_)) && text.contains("MemoryError"), "{text}");
}

#[test]
fn one_that_hangs_is_ended_when_its_time_is_up() {
    for script in ["exec sleep 1000", "trap '' TERM INT; while :; do sleep 1; done", "kill -STOP $$"] {
        for script in [script.to_owned(), format!("read hello; {HELLO} {script}")] {
            let (cause, text) = Trial::of_shell(&script).limit(200).fails();
            assert!(matches!(cause, Cause::TimedOut(_)), "{script}: {text}");
        }
    }
}

#[test]
fn one_that_does_not_read_holds_nobody_up() {
    let mut trial = greeting("sleep 1000").limit(300);
    trial.params = json!({"text": "x".repeat(3 << 20)});
    let (cause, text) = trial.fails();
    assert!(matches!(cause, Cause::TimedOut(_)), "{text}");
}

#[test]
fn an_interrupt_reaches_it_as_a_message() {
    let trial = greeting(r#"read cancel; echo "$cancel" >&2; exit 1"#);
    trial.stop.store(true, Ordering::SeqCst);
    let (_, text) = trial.fails();
    assert!(text.contains(r#"{"type":"cancel","reason":"interrupt"}"#), "{text}");
}

#[test]
fn an_effect_is_done_only_when_it_is_acknowledged() {
    let does = r#"echo '{"type":"effect","key":"k","class":"reversible"}'; read ack; echo "$ack" >&2; echo '{"type":"effect_done","key":"k"}'"#;
    let (result, heard) = greeting(does).call();
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(heard.printed, [r#"{"type":"ack","key":"k","ok":true}"#]);
    assert_eq!((heard.effects, heard.done), (vec!["k".to_owned()], vec!["k".to_owned()]));

    let (result, heard) = greeting(does).method(Method::Verify).call();
    assert_data_eq!(
        result.unwrap_err().to_string(),
        str![[r#"
plugin `unruly` of stage `trial` broke the rules: it announced the effect `k` in `verify`, in `verify`
  {"type":"ack","key":"k","ok":false,"reason":"it announced the effect `k` in `verify`"}
"#]]
    );
    assert!(heard.printed[0].contains("\"ok\":false"), "{heard:?}");
}

#[test]
fn nothing_after_the_result_counts() {
    for after in [
        WELL.replace("true}}", "false}}"),
        r#"echo '{"type":"log","message":"late"}'"#.to_owned(),
        r#"echo '{"type":"effect","key":"k","class":"reversible"}'; read ack; echo "$ack" >&2"#.to_owned(),
        r#"echo '{"type":"effect_done","key":"k"}'"#.to_owned(),
        "echo garbage; echo '{\"type\":\"dance\"}'".to_owned(),
        "yes '{\"type\":\"log\",\"message\":\"late\"}'".to_owned(),
    ] {
        let began = Instant::now();
        let does = format!("read hello; {HELLO} read call; {WELL}; {after}; exit 1");
        let (result, heard) = Trial::of_shell(&does).call();
        assert_eq!(result.unwrap()["well"], true, "{after}");
        assert!(
            heard.logs.is_empty() && heard.effects.is_empty() && heard.done.is_empty(),
            "{after}: {heard:?}"
        );
        assert!(!heard.printed.iter().any(|line| line.contains("\"ack\"")), "{heard:?}");
        assert!(began.elapsed() < Duration::from_secs(20), "{after}: {:?}", began.elapsed());
    }
}

#[test]
fn a_secret_is_not_shown_and_not_kept() {
    let mut trial =
        greeting(r#"echo it is s3cret >&2; echo '{"type":"log","message":"s3cret too"}'; exit 1"#);
    trial.secrets = vec!["s3cret".to_owned()];
    let (result, heard) = trial.call();
    let shown = format!("{} {heard:?}", result.unwrap_err());
    assert!(!shown.contains("s3cret") && shown.contains("[secret]"), "{shown}");

    let does = r#"echo '{"type":"effect","key":"k","class":"reversible","undo":{"x":"s3cret"}}'; read ack"#;
    let mut trial = greeting(does);
    trial.secrets = vec!["s3cret".to_owned()];
    let (result, heard) = trial.call();
    assert_data_eq!(
        result.unwrap_err().to_string(),
        str![
            "plugin `unruly` of stage `trial` broke the rules: what it wants to keep for undoing `k` contains a secret, in `run`"
        ]
    );
    assert!(heard.effects.is_empty());
}

#[test]
fn a_secret_is_found_whatever_it_looks_like_and_wherever_it_is() {
    // A key of several lines, with letters that JSON escapes
    const SECRET: &str = "first line of it\nthe \"second\" line";
    let with_secret = |does: &str| {
        let mut trial = greeting(does);
        trial.secrets = vec![SECRET.to_owned()];
        trial.call()
    };
    let escaped = serde_json::to_string(SECRET).unwrap();
    let shows = [
        "printf 'it is first line of it\\nand the \"second\" line\\n' >&2".to_owned(),
        format!("echo '{{\"type\":\"log\",\"message\":{escaped}}}'"),
        format!(
            "echo '{{\"type\":\"result\",\"ok\":true,\"value\":{{\"outputs\":{{\"links\":[{escaped}]}}}}}}'"
        ),
        format!(
            "echo '{{\"type\":\"effect\",\"key\":\"k\",\"class\":\"reversible\",\"summary\":{escaped}}}'; read ack"
        ),
    ];
    for does in shows {
        // `echo` of some shells takes `\n` for an end of line.
        let (result, heard) = with_secret(&does.replace("echo '{", "printf '%s\\n' '{"));
        let shown = format!("{} {heard:?}", result.unwrap());
        assert!(!shown.contains("first line of it") && !shown.contains("second"), "{shown}");
    }
    for (key, undo) in [("\"k\"", format!("[{{\"x\":{escaped}}}]")), (&*escaped, "null".to_owned())] {
        let effect =
            format!("{{\"type\":\"effect\",\"key\":{key},\"class\":\"reversible\",\"undo\":{undo}}}");
        let (result, heard) = with_secret(&format!("printf '%s\\n' '{effect}'; read ack"));
        let error = result.unwrap_err().to_string();
        assert!(!error.contains("second"), "{error}");
        assert!(heard.effects.is_empty(), "{heard:?}");
    }
}

#[test]
fn what_it_says_moves_no_cursor_and_makes_no_lines() {
    let clears = r"\u001b[2J\u001b[31mred\u0007";
    let does = format!(
        r#"printf '%s\n' '{{"type":"log","message":"{clears}"}}' '{{"type":"effect","key":"k","class":"reversible","summary":"one\n{clears}"}}'; read ack; printf '\033[2Jcleared\n' >&2; printf '%s\n' '{{"type":"result","ok":false,"error":{{"message":"{clears}"}}}}'; exit"#
    );
    let (result, heard) = greeting(&does).call();
    let error = result.unwrap_err().to_string();
    assert_data_eq!(
        error,
        str![[r#"
plugin `unruly` of stage `trial` failed: red, in `run`
  cleared
"#]]
    );
    assert_eq!((heard.logs, heard.printed), (vec!["red".to_owned()], vec!["cleared".to_owned()]));
    assert_eq!(heard.summaries, ["one red"]);
    for key in ["", "two\\nlines", &"x".repeat(201)] {
        let effect = format!(r#"{{"type":"effect","key":"{key}","class":"reversible"}}"#);
        let (result, heard) = greeting(&format!("printf '%s\\n' '{effect}'; read ack")).call();
        let error = result.unwrap_err().to_string();
        assert_data_eq!(
            error,
            str![
                "plugin `unruly` of stage `trial` broke the rules: the key of an effect must be one line of 1 to 200 characters, in `run`"
            ]
        );
        assert!(heard.effects.is_empty());
    }
}

#[test]
fn a_progress_that_cannot_be_is_made_one_that_can() {
    let progress = |done: u64, total: u64| {
        format!(r#"echo '{{"type":"progress","done":{done},"total":{total},"unit":"files"}}'"#)
    };
    let does = [progress(u64::MAX, 3), progress(7, 0), progress(u64::MAX, u64::MAX)].join("; ");
    let (result, heard) = greeting(&does).call();
    assert!(result.is_ok(), "{result:?}");
    let most = 1 << 53;
    assert_eq!(heard.progress, [(3, 3), (7, 0), (most, most)]);
    let (cause, _) = greeting(r#"echo '{"type":"progress","done":-1}'"#).fails();
    assert!(matches!(cause, Cause::Garbage(_)));
}

#[test]
fn a_broken_pipe_ends_what_it_starts_as_everywhere() {
    let (result, heard) = greeting("sh -c 'kill -PIPE $$; echo it is ignored' >&2").call();
    assert!(result.is_ok() && !heard.printed.iter().any(|line| line.contains("ignored")), "{heard:?}");
}

#[test]
fn its_environment_is_what_it_was_given() {
    let (_, heard) = greeting("env >&2").call();
    let names: Vec<&str> = heard.printed.iter().filter_map(|line| line.split('=').next()).collect();
    for name in names {
        assert!(
            ["PATH", "CANARY", "PYRELEASE_STAGE", "PWD", "OLDPWD", "SHLVL", "_"].contains(&name),
            "{name}"
        );
    }
}

#[test]
fn whoever_it_leaves_behind_holds_nobody_up() {
    let began = Instant::now();
    assert!(greeting("{ sleep 1000 & }").call().0.is_ok());
    let (_, text) = greeting("sleep 1000 & exit 1").fails();
    assert!(text.contains("exit status: 1"), "{text}");
    // One in a session of its own that holds all pipes
    let (_, text) = greeting("setsid sleep 5 & exit 1").fails();
    assert!(text.contains("exit status: 1"), "{text}");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}
