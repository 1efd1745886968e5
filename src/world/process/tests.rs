use super::*;
use snapbox::{assert_data_eq, str};

#[test]
fn a_failing_command_shows_its_tail() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut seen = Vec::new();
    let process = Process::new("sh").args(["-c", "seq 30; echo oops >&2; exit 3"]);
    let error = process
        .stream(&log, &AtomicBool::new(false), |line| seen.push(line.to_owned()))
        .unwrap_err()
        .to_string();
    assert_eq!(seen.len(), 31);
    assert!(!error.contains("\n  11\n"));
    assert_data_eq!(
        error,
        str![[r#"
`sh -c 'seq 30; echo oops >&2; exit 3'` failed (exit status: 3)
  12
  13
  14
  15
  16
  17
  18
  19
  20
  21
  22
  23
  24
  25
  26
  27
  28
  29
  30
  oops
"#]]
    );
    assert!(fs_err::read_to_string(log).unwrap().starts_with("$ sh -c 'seq 30;"));
}

#[test]
fn a_command_that_does_not_stop_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::new("sleep").arg("60");
    let error = process.stream(&folder.path().join("log"), &AtomicBool::new(true), |_| {}).unwrap_err();
    assert_data_eq!(error.to_string(), str!["`sleep 60` failed (signal: 9 (SIGKILL))"]);
}

#[test]
fn a_line_without_an_end_comes_in_pieces() {
    let folder = tempfile::tempdir().unwrap();
    let mut longest = 0;
    let process = Process::new("sh").args(["-c", "head -c 1000000 /dev/zero | tr '\\0' x"]);
    let log = folder.path().join("log");
    process.stream(&log, &AtomicBool::new(false), |line| longest = longest.max(line.len())).unwrap();
    assert_eq!(longest, output::LONGEST_LINE);
    assert!(fs_err::metadata(log).unwrap().len() > 1_000_000);
}

#[test]
fn secrets_and_redirections_are_withheld() {
    for name in ["PYRELEASE_TOKEN_PYPI", "TWINE_PASSWORD", "TESTPYPI_ID_TOKEN", "GITHUB_TOKEN", "GIT_DIR"] {
        assert!(is_withheld(name), "{name}");
    }
    withhold(["GRANTED_TO_SOMEBODY"]);
    assert!(is_withheld("GRANTED_TO_SOMEBODY"));
    for name in ["PATH", "GITHUB_SHA", "GIT_SSH_COMMAND", "GIT_AUTHOR_NAME"] {
        assert!(!is_withheld(name), "{name}");
    }
}

#[test]
fn a_missing_program_is_recognised() {
    assert!(Process::new("no-such-program-here").read().unwrap_err().is_missing());
}

#[test]
fn an_orphan_does_not_block_its_reader() {
    let folder = tempfile::tempdir().unwrap();
    let began = std::time::Instant::now();
    let process = Process::new("sh").args(["-c", "sleep 30 & echo $!; echo said >&2"]);
    let captured = process.capture().unwrap();
    let mut lines = Vec::new();
    let log = folder.path().join("log");
    process.stream(&log, &AtomicBool::new(false), |line| lines.push(line.to_owned())).unwrap();
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!((captured.success(), captured.stderr.as_str()), (true, "said\n"));
    assert_eq!(lines[1], "said");
    for left in [captured.text(), lines[0].clone()] {
        Process::new("kill").arg(left).read().unwrap();
    }
}

#[test]
fn all_that_a_command_prints_is_captured() {
    let process = Process::new("sh").args(["-c", "cat; head -c 3000000 /dev/zero >&2"]);
    let input = vec![b'x'; 3_000_000];
    let captured = process.input(input.clone()).capture().unwrap();
    assert_eq!(captured.stdout, input);
    assert_eq!(captured.stderr.len(), 3_000_000);
}
