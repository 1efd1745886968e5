use std::time::SystemTime;

use super::*;

fn system(requires: &[&str]) -> BuildSystem {
    BuildSystem {
        requires: requires.iter().map(|one| (*one).to_owned()).collect(),
        backend: "x".to_owned(),
        backend_path: Vec::new(),
        uv: String::new(),
        uv_constraints: Vec::new(),
    }
}

/// The key in this environment, of a Python that need not exist.
fn key_of(variables: &[(&str, &str)], version: &str, system: &BuildSystem, extra: &[String]) -> String {
    let python = Interpreter {
        path: "/usr/bin/python3".into(),
        version: version.to_owned(),
        platform: "linux-x86_64".to_owned(),
        abi: "cpython-311".to_owned(),
    };
    let wanted = Wanted {
        python: &python,
        system,
        extra,
        project: Path::new("/nowhere"),
        like: None,
        max_age: Duration::from_secs(60),
        not_before: None,
    };
    key(&variables.iter().copied().collect(), &wanted)
}

#[test]
fn the_key_has_what_decides_and_nothing_else() {
    let hatchling = system(&["hatchling", "hatch-vcs"]);
    let plain = key_of(&[], "3.11.7", &hatchling, &[]);
    let same = [
        key_of(
            &[("PIP_QUIET", "1"), ("UV_CACHE_DIR", "/x"), ("HOME", "/nowhere")],
            "3.11.7",
            &hatchling,
            &[],
        ),
        key_of(&[], "3.11.7", &system(&["hatch-vcs", "hatchling"]), &[]),
    ];
    assert!(same.iter().all(|key| *key == plain));
    let uv = BuildSystem { uv: "exclude-newer = \"2026-01-01\"".to_owned(), ..hatchling.clone() };
    let other = [
        key_of(&[], "3.11.8", &hatchling, &[]),
        key_of(&[], "3.11.7", &system(&["hatchling"]), &[]),
        key_of(&[], "3.11.7", &hatchling, &["editables".to_owned()]),
        key_of(&[("PIP_INDEX_URL", "https://corp.example/")], "3.11.7", &hatchling, &[]),
        key_of(&[("UV_EXCLUDE_NEWER", "2026-01-01")], "3.11.7", &hatchling, &[]),
        key_of(&[], "3.11.7", &uv, &[]),
    ];
    let distinct: std::collections::BTreeSet<&String> = other.iter().chain([&plain]).collect();
    assert_eq!(distinct.len(), other.len() + 1);
}

#[test]
fn unused_environments_are_removed_and_those_in_use_kept() {
    let root = tempfile::tempdir().unwrap();
    let generation = |key: &str, name: &str, days: u64, is_complete: bool| {
        let folder = root.path().join(key).join(name);
        fs_err::create_dir_all(&folder).unwrap();
        let lock = generation::open_lock(&folder.with_extension("lock")).unwrap();
        lock.file().set_modified(SystemTime::now() - Duration::from_secs(days * 24 * 3600)).unwrap();
        if is_complete {
            fs_err::write(folder.with_extension("json"), "{}").unwrap();
        }
        (folder, lock)
    };
    let (recent, _) = generation("a", "2", 1, true);
    let (superseded, _) = generation("a", "1", 1, true);
    let (old, _) = generation("b", "1", 31, true);
    let (half, _) = generation("c", "1", 1, false);
    let (used, lock) = generation("d", "1", 31, true);
    lock.file().lock_shared().unwrap();
    let many: Vec<PathBuf> =
        (0..20).map(|number| generation(&format!("e{number}"), "1", 2, true).0).collect();
    tidy::tidy(root.path());
    let is_there = |folder: &PathBuf| folder.exists() && folder.with_extension("json").exists();
    assert!(is_there(&recent) && is_there(&used));
    assert!(![superseded, old, half].iter().any(|folder| folder.exists()));
    assert_eq!(many.iter().filter(|folder| is_there(folder)).count(), 19, "at most 20 in all");
    assert!(!root.path().join("c").exists(), "nothing is left of it");
}

#[cfg(unix)]
#[test]
fn an_edit_that_sets_the_time_back_is_found_and_unknown_bytecode_removed() {
    let folder = tempfile::tempdir().unwrap();
    let module = folder.path().join("module.py");
    fs_err::write(&module, "x = 1\n").unwrap();
    let recorded = files::record(folder.path()).unwrap();
    let differing = || files::differing(folder.path(), &recorded, false).unwrap();
    let bytecode = folder.path().join("__pycache__/module.cpython-311.opt-1.pyc");
    fs_err::create_dir(bytecode.parent().unwrap()).unwrap();
    fs_err::write(&bytecode, "anything").unwrap();
    assert_eq!(differing(), Vec::<String>::new());
    assert!(!bytecode.exists());
    let before = fs_err::metadata(&module).unwrap().modified().unwrap();
    fs_err::write(&module, "x = 2\n").unwrap();
    let file = fs_err::OpenOptions::new().write(true).open(&module).unwrap();
    file.file().set_modified(before).unwrap();
    assert_eq!(differing(), ["module.py"]);
}
