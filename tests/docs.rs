//! The documentation is true: its links lead somewhere, its commands exist, its configurations are valid, and the tutorial
//! works as it is written.

use std::path::{Path, PathBuf};

use pyrelease::config::{Config, Source};
use pyrelease_test_support::Sandbox;
use regex::Regex;

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn read(path: &Path) -> String {
    fs_err::read_to_string(path).expect("a page")
}

/// The README and every page of the book.
fn pages() -> Vec<PathBuf> {
    let mut pages = vec![root().join("README.md")];
    let mut folders = vec![root().join("docs/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(folder).expect("the book") {
            let path = entry.expect("the book").path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.extension().is_some_and(|extension| extension == "md") => pages.push(path),
                false => {}
            }
        }
    }
    pages.sort();
    pages
}

/// The code blocks of a language, as they are written.
pub(crate) fn blocks(text: &str, language: &str) -> Vec<String> {
    let begin = format!("```{language}\n");
    let parts = text.split(&begin).skip(1);
    parts.map(|part| part.split("\n```").next().unwrap_or_default().to_owned()).collect()
}

/// The text without its code blocks.
fn prose(text: &str) -> String {
    text.split("\n```").step_by(2).collect::<Vec<_>>().join("\n")
}

/// The commands of a console block; what follows a here-document's begin belongs to its command.
pub(crate) fn commands(block: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let mut document = None;
    for line in block.lines() {
        match (line.strip_prefix("$ "), &document, commands.last_mut()) {
            (_, Some(end), Some(command)) => {
                command.push_str(&format!("\n{line}"));
                if line == end {
                    document = None;
                }
            }
            (Some(command), None, _) => {
                document = command
                    .split_once("<<'")
                    .and_then(|(_, rest)| rest.split('\'').next())
                    .map(str::to_owned);
                commands.push(command.to_owned());
            }
            _ => {}
        }
    }
    commands
}

/// The anchor that a heading gets.
fn anchor(heading: &str) -> String {
    let kept = |letter: &char| letter.is_alphanumeric() || "-_ ".contains(*letter);
    heading.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")
}

/// The path in the repository that an absolute link leads to; none if it leads elsewhere.
fn in_repository(target: &str) -> Option<&str> {
    let repository = env!("CARGO_PKG_REPOSITORY");
    let raw = repository.replace("https://github.com/", "https://raw.githubusercontent.com/");
    let roots =
        [format!("{repository}/blob/main/"), format!("{repository}/tree/main/"), format!("{raw}/main/")];
    roots.iter().find_map(|root| target.strip_prefix(root.as_str()))
}

#[test]
fn every_link_leads_somewhere_and_every_page_is_listed() {
    let link = Regex::new(r"\]\(([^)\s]+)\)").expect("a pattern");
    let mut wrong = Vec::new();
    let (summary, readme) = (root().join("docs/src/SUMMARY.md"), root().join("README.md"));
    let mut listed = Vec::new();
    for page in pages() {
        for (_, [target]) in link.captures_iter(&prose(&read(&page))).map(|found| found.extract::<1>()) {
            let absolute = in_repository(target);
            if target.starts_with("http") && absolute.is_none() {
                continue;
            }
            if page == readme && absolute.is_none() && !target.starts_with('#') {
                wrong.push(format!("README.md: {target} leads nowhere on PyPI: make it absolute"));
            }
            let inside = absolute.unwrap_or(target);
            let (path, part) = inside.split_once('#').unwrap_or((inside, ""));
            let file = match (path, absolute) {
                (path, Some(_)) => root().join(path),
                ("", None) => page.clone(),
                (path, None) => page.with_file_name("").join(path),
            };
            let Ok(file) = fs_err::canonicalize(&file) else {
                wrong.push(format!("{}: {target}", page.display()));
                continue;
            };
            let headings = || {
                read(&file)
                    .lines()
                    .map(|line| anchor(line.trim_start_matches('#').trim()))
                    .collect::<Vec<_>>()
            };
            if !part.is_empty() && !headings().iter().any(|heading| heading == part) {
                wrong.push(format!("{}: no heading for {target}", page.display()));
            }
            if page == summary {
                listed.push(file);
            }
        }
    }
    let book = pages().into_iter().filter(|page| page.starts_with(root().join("docs")) && *page != summary);
    wrong.extend(
        book.filter(|page| !listed.contains(page))
            .map(|page| format!("{} is not in SUMMARY.md", page.display())),
    );
    assert!(wrong.is_empty() && listed.len() > 20, "{wrong:#?}");
}

/// mdBook makes a page of each, and what its search looks through has every setting.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn the_book_is_built_and_its_search_knows_every_setting() {
    let sandbox = Sandbox::new();
    let book = sandbox.root().join("book");
    let mdbook = pyrelease_test_support::Python::with_mdbook().programs().join("mdbook");
    let folder = book.to_str().expect("our own name");
    let built = sandbox.command(root(), mdbook, &["build", "docs", "--dest-dir", folder]);
    let built = built.stderr_to_stdout().stdout_capture().unchecked().run().expect("mdBook runs");
    let said = String::from_utf8_lossy(&built.stdout);
    assert!(built.status.success() && !said.contains("WARN") && !said.contains("ERROR"), "{said}");
    let summary = root().join("docs/src/SUMMARY.md");
    for page in pages().iter().filter(|page| page.starts_with(root().join("docs")) && **page != summary) {
        let page =
            page.strip_prefix(root().join("docs/src")).expect("a page of the book").with_extension("html");
        assert!(book.join(&page).is_file(), "{}", page.display());
    }
    // What the script of ours completes for a keyboard and a screen reader.
    let (page, script) = (read(&book.join("introduction.html")), read(&root().join("docs/accessible.js")));
    let ids: Vec<&str> =
        script.split("getElementById(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(ids.len() > 2 && ids.iter().all(|id| page.contains(&format!("id=\"{id}\""))), "{ids:?}");
    assert_eq!(page.matches("=\"accessible-").count(), 2, "its style and its script");
    let files = fs_err::read_dir(&book).expect("the book").flatten().map(|entry| entry.path());
    let index = files.filter(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("searchindex"))
    });
    let index: String = index.map(|path| read(&path)).collect();
    let settings =
        sandbox.command(root(), env!("CARGO_BIN_EXE_pyrelease"), &["help", "setting", "--format", "json"]);
    let settings = settings.read().expect("the settings");
    let mut known = 0;
    for line in settings.lines() {
        let table: serde_json::Value = serde_json::from_str(line).expect("a line is JSON");
        for name in table["settings"].as_object().expect("settings").keys() {
            assert!(index.contains(&format!("\"title\":\"{name}\"")), "`{name}`");
            known += 1;
        }
    }
    assert!(known > 60, "{known}");
}

#[test]
fn the_readme_is_one_screen_of_what_and_why() {
    let lines = read(&root().join("README.md")).lines().count();
    assert!(lines < 150, "{lines} lines: move the rest to docs/");
}

/// Each command is parsed by the program itself, with all its options.
#[test]
fn every_command_exists() {
    let sandbox = Sandbox::new();
    let mut seen = 0;
    for page in pages() {
        for command in blocks(&read(&page), "console").iter().flat_map(|block| commands(block)) {
            let Some(line) = command.strip_prefix("pyrelease ") else { continue };
            let line = line.split(" #").next().unwrap_or_default();
            let words = shlex::split(line).unwrap_or_else(|| panic!("{command}"));
            let mut words: Vec<&str> = words
                .iter()
                .map(String::as_str)
                .take_while(|word| !["|", "||", "&&"].contains(word))
                .collect();
            words.push("--help");
            let run = sandbox.command(sandbox.root(), env!("CARGO_BIN_EXE_pyrelease"), &words);
            let run = run.stdout_null().stderr_capture().unchecked().run().expect("it runs");
            let said = String::from_utf8_lossy(&run.stderr);
            assert!(run.status.success(), "{}: `{command}`: {said}", page.display());
            seen += 1;
        }
    }
    assert!(seen > 15, "{seen}");
}

#[test]
fn every_configuration_is_valid() {
    let mut seen = 0;
    for page in pages() {
        for block in blocks(&read(&page), "toml") {
            // The trial index and other tools have a configuration of their own.
            if ["[project.", "[trusted-publishing", "[tool."].iter().any(|part| block.contains(part)) {
                continue;
            }
            let config = Config::parse(Source::new("release.toml", block.clone()));
            assert!(config.is_ok(), "{}: {config:?}\n{block}", page.display());
            seen += 1;
        }
    }
    assert!(seen > 6, "{seen}");
}

/// Every command of the tutorial succeeds, one after the other in one shell.
#[cfg(unix)]
#[test]
fn the_tutorial_works_as_it_is_written() {
    let sandbox = Sandbox::new();
    let text = read(&root().join("docs/src/tutorial.md"));
    let script: Vec<String> = blocks(&text, "console").iter().flat_map(|block| commands(block)).collect();
    assert!(script.len() > 12, "{script:?}");
    let environment = sandbox.environment();
    let path = environment.iter().find(|(name, _)| *name == "PATH").map(|(_, path)| path.to_string_lossy());
    let own = Path::new(env!("CARGO_BIN_EXE_pyrelease")).parent().expect("a folder").display();
    let path = format!("{own}:{}", path.unwrap_or_default());
    let script = format!("set -e\n{}\n", script.join("\n"));
    let run = sandbox.command_with(sandbox.root(), "sh", &["-c", &script], &[("PATH", &path)]);
    let run = run.stderr_to_stdout().stdout_capture().unchecked().run().expect("a shell");
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{said}");
    let project = sandbox.root().join("hello");
    assert!(read(&project.join("CHANGELOG.md")).contains("## [0.1.0] - "), "{said}");
    assert_eq!(sandbox.git(&project, &["describe", "HEAD~1"]), "v0.1.0");
    for file in ["dist/hello-0.1.0.tar.gz", "dist/hello-0.1.0-py3-none-any.whl", "page.html"] {
        assert!(project.join(file).is_file(), "{file}: {said}");
    }
    assert!(said.contains("+__version__ = \"0.2.0\""), "{said}");
    assert!(said.contains("Rehearsed hello 0.2.0"), "{said}");
    assert!(!said.contains("untracked files are not released"), "{said}");
}
