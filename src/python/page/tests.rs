//! What breaks or gets lost on PyPI, each in a description of its own.

use super::*;

/// The losses of a Markdown text, one a line.
fn losses(text: &str) -> Vec<String> {
    let line = |loss: &Loss| loss.line.map(|line| format!("{line}: ")).unwrap_or_default();
    Rendered::markdown(text).losses.iter().map(|loss| format!("{}{}", line(loss), loss.message)).collect()
}

#[test]
fn relative_links_and_images_lead_nowhere() {
    let text = "A [link](docs/a.md), [same](docs/a.md), ![logo](logo.png)\n\n<img src=\"b.png\"> [fine](https://a.example) [me](mailto:a@b.example)\n";
    let expected = [
        "1: the link to `docs/a.md` leads nowhere on PyPI",
        "1: the image `logo.png` is missing on PyPI",
        "3: the image `b.png` is missing on PyPI",
    ];
    assert_eq!(losses(text), expected);
    let html = Rendered::markdown(text).html;
    assert_eq!(html.matches("<a data-loss=\"1\"").count(), 2, "{html}");
    assert!(html.contains("<img data-loss=\"2\"") && html.contains("<img data-loss=\"3\""), "{html}");
}

#[test]
fn anchors_without_a_target_lead_nowhere() {
    let text = "[up](#title) [gone](#missing) [own](#mine)\n\n# Title\n\n<div id=\"mine\">x</div>\n\nA note[^1].\n\n[^1]: Text\n";
    assert_eq!(
        losses(text),
        ["1: the link to `#missing` leads nowhere on PyPI", "1: the link to `#mine` leads nowhere on PyPI"]
    );
}

#[test]
fn elements_that_pypi_drops_are_named_where_they_are() {
    let picture = "<picture>\n<source srcset=\"https://a.example/dark.png\">\n<img src=\"https://a.example/l.png\" style=\"width: 1px\">\n</picture>\n";
    assert_eq!(
        losses(picture),
        ["2: `<source>` is dropped", "3: the attribute `style` of `<img>` is dropped"]
    );
    let html = Rendered::markdown(picture).html;
    assert!(html.starts_with("<picture data-loss=\"1\">"), "{html}");

    assert_eq!(losses("Some <u>text</u> and <kbd>keys</kbd>\n"), ["1: `<u>` is dropped, its content stays"]);
    assert!(Rendered::markdown("Some <u>text</u>\n").html.starts_with("<p data-loss=\"1\">Some text</p>"));
    assert_eq!(losses("<center>\n\n# Title\n\n</center>\n"), ["1: `<center>` is dropped, its content stays"]);
    assert!(Rendered::markdown("<center>\n\n# Title\n\n</center>\n").html.contains("<h1 data-loss=\"1\" "));
    assert_eq!(
        losses("<video src=\"https://a.example/a.mp4\"></video>\n\nText\n"),
        ["1: `<video>` is dropped"]
    );
    assert_eq!(
        losses("<details open>\n<summary>a</summary>\n</details>\n"),
        ["1: the attribute `open` of `<details>` is dropped"]
    );
    assert_eq!(
        losses("<iframe src=\"https://a.example\"></iframe>\n"),
        ["1: the tags of `<iframe>` are shown as text"]
    );
}

#[test]
fn urls_that_pypi_drops_are_named() {
    assert_eq!(losses("![x](data:image/png;base64,AAAA)\n").len(), 1);
    assert_eq!(
        losses("<img src=\"data:image/png;base64,AAAA\">\n"),
        ["1: an image in a `data:` URL is dropped"]
    );
    assert_eq!(
        losses("<a href=\"ftp://a.example\">x</a>\n"),
        ["1: the link to `ftp://a.example` is dropped"]
    );
}

#[test]
fn prices_become_formulas() {
    let text = "From $5 to $10 a month, but `$5` and `$10` do not.\n\nThe sum $a + b$.\n";
    assert_eq!(losses(text), ["`$5 to $` becomes a formula on PyPI"]);
    assert!(Rendered::markdown(text).html.starts_with("<p data-loss=\"1\">From"));
    // What is dropped between two texts does not part them, other elements do.
    assert_eq!(losses("From $5 <u>to</u> $10\n").len(), 2);
    assert_eq!(losses("From $5 **to** $10\n"), [""; 0]);
}

#[test]
fn what_readme_renderer_makes_of_restructured_text_is_marked() {
    let html = "<p>See <a href=\"docs/a.html\" rel=\"nofollow\">this</a> for $5 or $10.</p>\n<img alt=\"x\">";
    let rendered = Rendered::restructured(html);
    let messages: Vec<&str> = rendered.losses.iter().map(|loss| loss.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "the link to `docs/a.html` leads nowhere on PyPI",
            "`$5 or $` becomes a formula on PyPI",
            "an image has no URL that PyPI keeps"
        ]
    );
}

#[test]
fn nobody_marks_a_page_but_us() {
    let html = Rendered::markdown("<p data-loss=\"7\">x</p>\n\n<b data-loss=\"t9\" style=\"a\">y</b>\n").html;
    assert!(!html.contains('7') && !html.contains("t9"), "{html}");
}

#[test]
fn a_stranger_cannot_script_the_page() {
    let hostile = [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<a href=\"javascript:alert(1)\">x</a>",
        "[x](javascript:alert(1))",
        "<svg><script>alert(1)</script></svg>",
        "<div style=\"background: url(https://a.example)\">x</div>",
        "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
        "<p id=\"a\" data-loss=\"1\" onclick=\"alert(1)\">x</p>",
        "<div\n\nonclick=\"alert(1)\" data-loss=\"x\">y</div>",
    ];
    for text in hostile {
        for html in
            [Rendered::markdown(text).html, Rendered::restructured(text).html, Rendered::plain(text).html]
        {
            let names = ["script", "svg", "math", "style"];
            let elements = names.iter().filter(|name| html.contains(&format!("<{name}"))).count();
            assert_eq!(elements, 0, "{html}");
            assert!(!has_handler(&html), "{html}");
        }
    }
    let facts = Facts {
        name: "<script>".to_owned(),
        summary: Some("\"><script>".to_owned()),
        links: vec![
            ("a".to_owned(), "javascript:alert(1)".to_owned()),
            ("<b>".to_owned(), "https://\"><script>".to_owned()),
        ],
        classifiers: vec!["<script> :: <script>".to_owned()],
        keywords: vec!["<script>".to_owned()],
        ..Facts::default()
    };
    let file = PageFile {
        name: "<script>".to_owned(),
        size: "1 B".to_owned(),
        sha256: String::new(),
        tags: "<script>".to_owned(),
    };
    let release = PageRelease {
        version: "<script>".to_owned(),
        date: "<script>".to_owned(),
        page: Some("\"<script>".to_owned()),
    };
    let page = Page {
        facts: &facts,
        description: None,
        files: &[file],
        origin: "<script>",
        dynamic: &[],
        loads_images: true,
        releases: &[release],
        repository: None,
        refreshes: false,
    };
    let html = page.html();
    assert!(!html.contains("<script") && !html.contains("href=\"javascript"), "{html}");
}

/// Whether an element has an attribute for an event, or a URL with a script.
fn has_handler(html: &str) -> bool {
    use html5gum::{Token, Tokenizer};
    Tokenizer::new(html).flatten().any(|token| match token {
        Token::StartTag(tag) => tag.attributes.iter().any(|(name, value)| {
            name.starts_with(b"on") || name.as_slice() == b"style" || value.starts_with(b"javascript:")
        }),
        _ => false,
    })
}

#[test]
fn descriptions_are_bounded() {
    assert_eq!(Rendered::markdown(&"x".repeat(2 << 20)).losses[0].kind, LossKind::Description);
    for deep in [">", "<div>", "<u>"].map(|part| part.repeat(150_000)) {
        let rendered = Rendered::markdown(&deep);
        assert_eq!(rendered.losses[0].kind, LossKind::Description);
        assert!(rendered.html.is_empty());
    }
    let many: String = (0..500).map(|at| format!("[a](b{at})\n\n")).collect();
    let rendered = Rendered::markdown(&many);
    assert_eq!((rendered.losses.len(), rendered.more), (100, 400));
}

#[test]
fn a_page_makes_no_requests_unless_images_are_wanted() {
    let facts = Facts { name: "demo".to_owned(), ..Facts::default() };
    let rendered = Rendered::markdown("# demo\n\n![logo](https://a.example/logo.png)\n");
    let page = |loads_images| {
        Page {
            facts: &facts,
            description: Some(&rendered),
            files: &[],
            origin: "README.md",
            dynamic: &[],
            loads_images,
            releases: &[],
            repository: None,
            refreshes: false,
        }
        .html()
    };
    assert!(page(false).contains("img-src 'none'\""));
    assert!(page(true).contains("img-src https: http:\""));
    assert!(page(false).contains("<div class=\"project-description\"><h1 id="));
}
