//! The page: one HTML file without scripts, and without requests unless images are wanted.

use std::fmt::Write as _;

use super::verified::{Verified, verified};
use super::{Facts, Loss, Rendered};
use crate::python::filename::{Filename, normalize};
use crate::text::{escape_html, fill_template, prose_html};

const PAGE: &str = include_str!("../../../templates/page/page.html");
const STYLE: &str = include_str!("../../../templates/page/style.css");
const REFRESH: &str = "<meta http-equiv=\"refresh\" content=\"1\">";

/// A project page
#[derive(Debug)]
pub struct Page<'a> {
    pub facts: &'a Facts,
    /// None if the project has no description
    pub description: Option<&'a Rendered>,
    pub files: &'a [PageFile],
    /// What the page was made from
    pub origin: &'a str,
    /// What only the build backend knows
    pub dynamic: &'a [String],
    /// Whether the browser may load the description's images
    pub loads_images: bool,
    /// The releases of the project, the newest first
    pub releases: &'a [PageRelease],
    /// The URL of the repository that publishes the project
    pub repository: Option<&'a str>,
    /// Whether the browser loads the page again each second
    pub refreshes: bool,
}

/// A release of the project
#[derive(Debug, Clone)]
pub struct PageRelease {
    pub version: String,
    /// Such as `2026-05-01`
    pub date: String,
    /// The path of its own page
    pub page: Option<String>,
}

/// A file of the release
#[derive(Debug, Clone)]
pub struct PageFile {
    pub name: String,
    /// Such as `1.2 MB`
    pub size: String,
    /// Lower-case hexadecimal
    pub sha256: String,
    /// Such as `CPython 3.9`, or `Source`
    pub tags: String,
}

impl PageFile {
    /// A distribution, with what its name tells.
    pub fn of(filename: &str, size: String, sha256: &str) -> Self {
        let tags = match filename.parse() {
            Ok(Filename::Wheel { python, abi, platform, .. }) => {
                format!("Built distribution: {python} · {abi} · {platform}")
            }
            _ => "Source".to_owned(),
        };
        Self { name: filename.to_owned(), size, sha256: sha256.to_owned(), tags }
    }
}

impl Page<'_> {
    /// The page as HTML.
    pub fn html(&self) -> String {
        let facts = self.facts;
        let name = if facts.name.is_empty() { "(no name)" } else { &facts.name };
        let version = facts.version.as_deref().unwrap_or("");
        let images = if self.loads_images { "https: http:" } else { "'none'" };
        fill_template(
            PAGE,
            &[
                ("policy", format!("default-src 'none'; style-src 'unsafe-inline'; img-src {images}")),
                ("refresh", if self.refreshes { REFRESH.to_owned() } else { String::new() }),
                ("style", STYLE.to_owned()),
                ("title", escape_html(format!("{name} {version}").trim_end())),
                ("summary", paragraph("summary", facts.summary.as_deref())),
                ("origin", escape_html(self.origin)),
                ("losses", self.losses()),
                ("description", self.described()),
                ("files", self.files()),
                ("releases", self.history()),
                ("sidebar", self.sidebar()),
            ],
        )
    }

    fn described(&self) -> String {
        match self.description {
            None => "<p class=\"none\">The project has no description.</p>".to_owned(),
            Some(rendered) => format!("<div class=\"project-description\">{}</div>", rendered.html),
        }
    }

    fn losses(&self) -> String {
        let Some(rendered) = self.description.filter(|rendered| !rendered.losses.is_empty()) else {
            return String::new();
        };
        let mut text = "<section class=\"losses\"><h2>What breaks on PyPI</h2><ol>".to_owned();
        for Loss { message, line, help, .. } in &rendered.losses {
            let line = line.map(|line| format!("line {line}: ")).unwrap_or_default();
            let help = help.map(|help| format!("<small>{}</small>", prose_html(help))).unwrap_or_default();
            let _ = write!(text, "<li>{line}{}{help}</li>", prose_html(message));
        }
        text.push_str("</ol>");
        if rendered.more > 0 {
            let _ = write!(text, "<p>and {} more</p>", rendered.more);
        }
        text.push_str("</section>");
        text
    }

    fn files(&self) -> String {
        if self.files.is_empty() {
            return "<p class=\"none\">Not built yet.</p>".to_owned();
        }
        let mut text = String::new();
        for file in self.files {
            let _ = write!(
                text,
                "<li><strong>{}</strong> <span>{} · {}</span><code>sha256: {}</code></li>",
                escape_html(&file.name),
                escape_html(&file.size),
                escape_html(&file.tags),
                escape_html(&file.sha256),
            );
        }
        format!("<ul class=\"files\">{text}</ul>")
    }

    fn history(&self) -> String {
        let mut text = String::new();
        for PageRelease { version, date, page } in self.releases {
            let shown = escape_html(version);
            let shown = match page {
                Some(page) => format!("<a href=\"{}\">{shown}</a>", escape_html(page)),
                None => shown,
            };
            let is_this = Some(version.as_str()) == self.facts.version.as_deref();
            let mark = if is_this { " <b>this release</b>" } else { "" };
            let _ = write!(text, "<li>{shown}{mark} <span>{}</span></li>", escape_html(date));
        }
        if text.is_empty() {
            return text;
        }
        format!("<h2 class=\"part\">Release history</h2><ul class=\"releases\">{text}</ul>")
    }

    fn sidebar(&self) -> String {
        let facts = self.facts;
        let mut text = String::new();
        let normal = normalize(&facts.name);
        let links = facts.links.iter().map(|(label, url)| {
            let verified = verified(url, [&facts.name, &normal], self.repository);
            format!("{}{}", link(label, url), verified.map(badge).unwrap_or_default())
        });
        section(&mut text, "Project links", &links.collect::<Vec<_>>());
        let mut meta: Vec<String> = Vec::new();
        let mut add = |label: &str, values: &[String]| {
            if !values.is_empty() {
                meta.push(format!("<b>{label}:</b> {}", escape_html(&values.join(", "))));
            }
        };
        add("License", facts.license.as_slice());
        add("Author", &facts.authors);
        add("Maintainer", &facts.maintainers);
        add(
            "Requires",
            &facts.requires_python.iter().map(|range| format!("Python {range}")).collect::<Vec<_>>(),
        );
        add("Provides-Extra", &facts.extras);
        add("Tags", &facts.keywords);
        section(&mut text, "Meta", &meta);
        let mut kinds: Vec<(&str, Vec<String>)> = Vec::new();
        for classifier in &facts.classifiers {
            let (kind, rest) = classifier.split_once(" :: ").unwrap_or((classifier, classifier));
            match kinds.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, values)) => values.push(escape_html(rest)),
                None => kinds.push((kind, vec![escape_html(rest)])),
            }
        }
        kinds.iter().for_each(|(kind, values)| section(&mut text, kind, values));
        section(
            &mut text,
            "Only the build backend knows",
            &self.dynamic.iter().map(|name| escape_html(name)).collect::<Vec<_>>(),
        );
        text
    }
}

fn paragraph(class: &str, text: Option<&str>) -> String {
    text.map(|text| format!("<p class=\"{class}\">{}</p>", escape_html(text))).unwrap_or_default()
}

/// A heading with items, which are HTML; nothing without items.
fn section(text: &mut String, heading: &str, items: &[String]) {
    if items.is_empty() {
        return;
    }
    let _ = write!(text, "<section><h2>{}</h2><ul>", escape_html(heading));
    items.iter().for_each(|item| {
        let _ = write!(text, "<li>{item}</li>");
    });
    text.push_str("</ul></section>");
}

/// What PyPI says of a verified link.
fn badge(verified: Verified) -> &'static str {
    match verified {
        Verified::Own => " <span class=\"verified\">✓ verified</span>",
        Verified::ByPublisher => {
            " <span class=\"verified\">✓ verified if the repository's workflow publishes it (trusted publishing)</span>"
        }
    }
}

/// A link, if a browser can follow it safely.
fn link(label: &str, url: &str) -> String {
    let lower = url.to_ascii_lowercase();
    let (label, shown) = (escape_html(label), escape_html(url));
    if lower.starts_with("https://") || lower.starts_with("http://") {
        format!("<a href=\"{shown}\" rel=\"nofollow noreferrer\">{label}</a> <small>{shown}</small>")
    } else {
        format!("{label} <small>{shown}</small>")
    }
}
