//! `pyrelease preview`: the project page, compared with PyPI's own renderer.

use std::path::Path;
use std::time::{Duration, Instant};

use pyrelease::python::page::{MARK, Rendered};
use pyrelease_test_support::{Python, Transcript, assert_data_eq, distribution};
use serde_json::{Value, json};

use crate::release::quick;

/// Renders texts with readme_renderer, and brings theirs and ours into the same form: a list of tags, attributes and
/// texts, without the words of highlighted code.
const COMPARE: &str = include_str!("compare.py");

/// Documents that together have every feature of the renderer, one after the other
const SAMPLES: &str = include_str!("samples.md");
const RESTRUCTURED: &str = include_str!("sample.rst");

/// The text of a page, a line for each block, and the marks.
fn text_of(page: &str) -> String {
    use html5gum::{Token, Tokenizer};
    let (mut text, mut is_hidden) = (String::new(), false);
    for token in Tokenizer::new(page).flatten() {
        match token {
            Token::StartTag(tag) => {
                is_hidden |= tag.name.as_slice() == b"style";
                if let Some(numbers) = tag.attributes.get(MARK.as_bytes()) {
                    text.push_str(&format!("[{}]", String::from_utf8_lossy(numbers)));
                }
            }
            Token::EndTag(tag) => {
                is_hidden &= tag.name.as_slice() != b"style";
                let breaks: [&[u8]; 9] =
                    [b"p", b"li", b"h1", b"h2", b"pre", b"td", b"title", b"small", b"aside"];
                if breaks.contains(&tag.name.as_slice()) {
                    text.push('\n');
                }
            }
            Token::String(words) if !is_hidden => text.push_str(&String::from_utf8_lossy(&words)),
            _ => {}
        }
    }
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    // Sizes and hashes depend on the compressor, and days on the day.
    let shown = |line: &str| match (line.split_once(' '), line.split_once(" · ")) {
        (Some((file, _)), Some((_, rest))) if line.contains("sha256: ") => {
            format!("{file} {}\n", rest.split("sha256: ").next().unwrap_or_default())
        }
        (Some((_, day)), _) if day.len() >= 10 && day[day.len() - 10..].starts_with("20") => {
            format!("{}DAY\n", &line[..line.len() - 10])
        }
        _ => format!("{line}\n"),
    };
    lines.map(shown).collect()
}

#[test]
fn the_page_of_what_is_built_or_stated() {
    let project = quick().build();
    let folder = project.folder();
    let page = || text_of(&project.read("page.html"));
    let mut seen = Transcript::named("preview");
    seen.heading("nothing is built: the README and what pyproject.toml states");
    seen.add(&project.pyrelease("preview --out page.html").code(0));
    assert!(page().contains("Not built yet."), "{}", page());
    assert!(!folder.join("dist").exists());

    let text = "# demo\n\nSee the [guide](docs/guide.md). From $5 to $10.\n\n<center>It works</center>\n\n\
<img src=\"https://example.org/a.png\" style=\"width: 9px\" alt=\"logo\">\n";
    fs_err::create_dir_all(folder.join("dist")).unwrap();
    distribution::wheel(&folder.join("dist"), "demo", "0.9", "any", "hello");
    distribution::wheel(&folder.join("dist"), "demo", "1.0", "any", "hello");
    distribution::described(&folder.join("dist"), "demo", "1.0", "text/markdown", text);
    seen.heading("the newest distribution");
    let outcome = project.pyrelease("preview --out page.html").code(0);
    seen.add(&outcome);
    let html = project.read("page.html");
    assert_eq!(html.matches("class=\"project-description\"").count(), 1);
    assert!(!html.contains("<script"), "{html}");
    assert_data_eq!(page(), snapbox::file!["page.txt"]);

    // As JSON, and in the cache
    let outcome = project.pyrelease("preview --format json").code(0);
    let found = outcome.json();
    assert_eq!((&found["name"], &found["version"]), (&json!("demo"), &json!("1.0")));
    assert_eq!(found["findings"][0]["kind"], "link");
    assert_eq!(found["findings"][0]["line"], 3);
    assert!(Path::new(found["page"].as_str().unwrap()).is_file());

    seen.heading("what is no distribution");
    seen.add(&project.pyrelease("preview gone.whl").code(2));
    project.write("dist/bad-1.0-py3-none-any.whl", "no archive");
    seen.add(&project.pyrelease("preview dist/bad-1.0-py3-none-any.whl").code(1));
    seen.add(&project.pyrelease("preview README.md").code(1));
    seen.assert();
}

#[cfg(unix)]
#[test]
fn the_page_opens_in_the_users_browser() {
    use std::os::unix::fs::PermissionsExt as _;
    let project = quick().build();
    let browser = project.sandbox().root().join("browser");
    let opened = project.sandbox().root().join("opened");
    fs_err::write(&browser, format!("#!/bin/sh\necho \"$1\" > '{}'\n", opened.display())).unwrap();
    fs_err::set_permissions(&browser, std::fs::Permissions::from_mode(0o755)).unwrap();
    let outcome = project.pyrelease("preview --open").env("BROWSER", &browser).code(0);
    assert_eq!(fs_err::read_to_string(opened).unwrap(), outcome.stdout());
    let outcome = project.pyrelease("preview --open").env("BROWSER", "/no/such/browser").code(1);
    assert!(outcome.stderr().contains("open it yourself: "), "{}", outcome.stderr());
}

#[cfg(unix)]
#[test]
fn an_edit_shows_within_a_second_and_half_an_edit_is_waited_for() {
    let project = quick().build();
    let page = project.folder().join("page.html");
    let shows = |text: &str| {
        let until = Instant::now() + Duration::from_secs(30);
        while !fs_err::read_to_string(&page).is_ok_and(|page| page.contains(text)) {
            assert!(Instant::now() < until, "the page does not show `{text}`");
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    let outcome = project.pyrelease("preview --watch --out page.html").meanwhile(|running| {
        shows("<meta http-equiv=\"refresh\"");
        project.write("README.md", "# demo\n\nThe first edit.\n");
        shows("The first edit.");
        let before = project.read("pyproject.toml");
        project.write("pyproject.toml", "[project\n");
        std::thread::sleep(Duration::from_millis(500));
        project.write("pyproject.toml", &before.replace("description = \"", "description = \"Loudly: "));
        shows("Loudly: ");
        running.signal("INT");
    });
    let outcome = outcome.code(0);
    assert!(outcome.stderr().contains("warning: the page is not renewed: "), "{}", outcome.stderr());
}

#[test]
fn links_are_verified_and_earlier_releases_listed() {
    let project = quick().build();
    project.git(&["remote", "set-url", "origin", "git@github.com:Ada/demo.git"]);
    let pyproject = project.read("pyproject.toml");
    let links =
        "[project.urls]\nSource = \"https://github.com/ada/demo\"\nOther = \"https://github.com/eve/demo\"\n";
    project.write("pyproject.toml", &format!("{pyproject}\n{links}"));
    project.pyrelease("preview --out page.html").code(0);
    let page = project.read("page.html");
    assert_eq!(page.matches("✓ verified").count(), 1, "{page}");
    assert!(page.contains("<h2 class=\"part\">Release history</h2>"), "{page}");
    assert!(page.contains("<li>1.0.0 <b>this release</b> <span>20"), "{page}");
    // Another project's distribution has neither.
    let file = distribution::wheel(project.folder(), "other", "1.0", "any", "hello").display().to_string();
    project.pyrelease("preview --out page.html").arg(&file).code(0);
    assert!(!project.read("page.html").contains("Release history"));
}

#[test]
fn restructured_text_is_rendered_by_pypi_s_renderer() {
    let project = quick().build();
    let folder = project.folder().to_owned();
    let file = distribution::described(&folder, "demo", "1.0", "text/x-rst", RESTRUCTURED);
    let file = file.display().to_string();
    project.pyrelease("preview --out page.html").arg(&file).code(0);
    let page = project.read("page.html");
    let start = page.find("<div class=\"project-description\">").expect("a description");
    let description = &page[start..page.find("<h2 class=\"part\">Files").expect("the files")];
    let ours = description.trim_end().trim_start_matches("<div class=\"project-description\">");
    assert_equal("rst", &[(RESTRUCTURED.to_owned(), ours.trim_end_matches("</div>").to_owned())]);

    let file = distribution::described(&folder, "demo", "1.1", "text/x-rst", "Title\n=====\n\n:foo:`bar`\n");
    let file = file.display().to_string();
    let outcome = project.pyrelease("preview --out page.html").arg(&file).code(0);
    let stderr = outcome.stderr();
    assert!(
        stderr.contains("does not render on PyPI: line 4: ERROR: Unknown interpreted text role"),
        "{stderr}"
    );
}

#[test]
fn markdown_and_plain_text_are_rendered_as_by_pypi() {
    let samples: Vec<String> = SAMPLES.split("\n%%%%\n").map(str::to_owned).collect();
    assert!(samples.len() > 20, "{}", samples.len());
    let markdown: Vec<(String, String)> =
        samples.iter().map(|text| (text.clone(), Rendered::markdown(text).html)).collect();
    assert_equal("markdown", &markdown);
    let plain: Vec<(String, String)> =
        samples.iter().map(|text| (text.clone(), Rendered::plain(text).html)).collect();
    assert_equal("txt", &plain);
}

/// Compares what the renderer makes of each text with ours.
fn assert_equal(renderer: &str, pages: &[(String, String)]) {
    let input = serde_json::to_vec(&json!([renderer, pages])).expect("strings are JSON");
    let python = Python::of_pypi().program();
    let answer =
        duct::cmd!(python, "-I", "-c", COMPARE).stdin_bytes(input).read().expect("the renderer runs");
    let different: Vec<Value> = serde_json::from_str(&answer).expect("its answer is JSON");
    assert!(different.is_empty(), "{} of {} differ: {different:#?}", different.len(), pages.len());
}
