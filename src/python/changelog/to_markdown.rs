//! Release notes in Markdown, for forges: reStructuredText is turned into Markdown as far as it goes.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::Format;

/// The level of the notes' highest heading: the version's own is above it
const LEVEL: usize = 3;

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant that the tests compile")
}

/// `` ``code`` ``, `` :role:`text` ``, `` `text <url>`_ ``, `` `text`_ ``, in this order at one place
static INLINE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"``(?P<code>[^`]+(?:`[^`]+)*)``|:(?P<role>[A-Za-z][A-Za-z0-9:+._-]*):`(?P<text>[^`]+)`|`(?P<shown>[^`<]*[^`<\s])?\s*<(?P<url>[^`>\s]+)>`__?|`(?P<named>[^`]+)`(?P<link>__?)?",
    )
});
/// `text <target>` in a role
static TARGET: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(?P<shown>.+?)\s*<[^<>]+>$"));
/// `.. name:: argument`
static DIRECTIVE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^(?P<indent>\s*)\.\.\s+(?P<name>[A-Za-z][A-Za-z0-9:_-]*)::\s*(?P<argument>.*)$")
});

/// The notes in Markdown.
pub fn to_markdown(notes: &str, format: Format) -> String {
    match format {
        Format::Markdown => notes.to_owned(),
        Format::Rst => of_rst(notes),
    }
}

fn of_rst(notes: &str) -> String {
    let lines: Vec<&str> = notes.lines().collect();
    let mut written: Vec<String> = Vec::new();
    let mut marks: Vec<char> = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        at += 1;
        // A title between two lines of punctuation, or above one.
        if let (Some(mark), Some(title), Some(below)) = (adornment(line), lines.get(at), lines.get(at + 1))
            && adornment(below) == Some(mark)
            && !title.trim().is_empty()
        {
            written.push(heading(title, mark, &mut marks));
            at += 2;
            continue;
        }
        if let Some(mark) = lines.get(at).and_then(|below| adornment(below))
            && !line.trim().is_empty()
            && !line.starts_with(' ')
            && adornment(line).is_none()
        {
            written.push(heading(line, mark, &mut marks));
            at += 1;
            continue;
        }
        if let Some(directive) = DIRECTIVE.captures(line) {
            let body = indented(&lines[at..], directive["indent"].len());
            at += body.len();
            written.extend(of_directive(&directive, &body));
            continue;
        }
        // A comment or a link's target, with what belongs to it.
        if line.trim_start().starts_with(".. ") || line.trim() == ".." {
            let indent = line.len() - line.trim_start().len();
            at += indented(&lines[at..], indent).len();
            continue;
        }
        if let Some(start) = line.trim_end().strip_suffix("::") {
            let indent = text_indent(line);
            let body = indented(&lines[at..], indent);
            if body.iter().any(|line| !line.trim().is_empty()) {
                at += body.len();
                if !start.trim().is_empty() {
                    written.push(format!("{}:", inline(start.trim_end())));
                }
                written.extend(fenced("", indent, &body));
                continue;
            }
        }
        written.push(inline(line));
    }
    let text = written.join("\n");
    let mut squeezed = String::with_capacity(text.len());
    let mut blank = 0;
    for line in text.trim().lines() {
        blank = if line.trim().is_empty() { blank + 1 } else { 0 };
        if blank < 2 {
            squeezed.push_str(line);
            squeezed.push('\n');
        }
    }
    squeezed.trim_end().to_owned()
}

/// The character of a line of punctuation that adorns a title.
fn adornment(line: &str) -> Option<char> {
    let line = line.trim_end();
    let mark = line.chars().next().filter(|mark| mark.is_ascii_punctuation())?;
    (line.len() >= 3 && line.chars().all(|other| other == mark)).then_some(mark)
}

fn heading(title: &str, mark: char, marks: &mut Vec<char>) -> String {
    let level = marks.iter().position(|known| *known == mark).unwrap_or_else(|| {
        marks.push(mark);
        marks.len() - 1
    });
    format!("{} {}", "#".repeat((LEVEL + level).min(6)), inline(title.trim()))
}

/// Where a line's text begins, after the mark of a list's item.
fn text_indent(line: &str) -> usize {
    let text = line.trim_start();
    let mark = text.strip_prefix(['-', '*', '+']).filter(|rest| rest.starts_with(' '));
    line.len() - mark.map_or(text, str::trim_start).len()
}

/// The lines from the first that are indented more than `indent`, blank ones between them included.
fn indented<'t>(lines: &[&'t str], indent: usize) -> Vec<&'t str> {
    let is_inside = |line: &&str| line.trim().is_empty() || line.len() - line.trim_start().len() > indent;
    let mut body: Vec<&str> = lines.iter().take_while(|line| is_inside(line)).copied().collect();
    while body.last().is_some_and(|line| line.trim().is_empty()) {
        body.pop();
    }
    body
}

fn of_directive(directive: &Captures<'_>, body: &[&str]) -> Vec<String> {
    let indent = directive["indent"].len();
    let argument = directive["argument"].trim();
    match &directive["name"] {
        "code-block" | "code" | "sourcecode" => fenced(argument, indent, body),
        name @ ("note" | "warning" | "important" | "tip" | "caution" | "attention" | "danger" | "hint") => {
            let mut word = name.to_owned();
            word[..1].make_ascii_uppercase();
            let first = std::iter::once(argument.to_owned()).filter(|argument| !argument.is_empty());
            let rest = body.iter().map(|line| line.trim().to_owned());
            let text: Vec<String> = first.chain(rest).skip_while(String::is_empty).collect();
            let pad = " ".repeat(indent);
            let shown = text.iter().enumerate().map(|(index, line)| {
                let lead = if index == 0 { format!("**{word}:** ") } else { String::new() };
                format!("{pad}> {lead}{}", inline(line)).trim_end().to_owned()
            });
            shown.collect()
        }
        // What else a directive shows, forges cannot.
        _ => Vec::new(),
    }
}

/// Code between fences; options such as `:linenos:` are left out.
fn fenced(language: &str, indent: usize, body: &[&str]) -> Vec<String> {
    let pad = " ".repeat(indent);
    let code: Vec<&&str> =
        body.iter().skip_while(|line| line.trim().is_empty() || line.trim_start().starts_with(':')).collect();
    let inner =
        code.iter().filter(|line| !line.trim().is_empty()).map(|line| line.len() - line.trim_start().len());
    let inner = inner.min().unwrap_or(indent);
    let mut written = vec![String::new(), format!("{pad}```{language}")];
    written.extend(
        code.iter().map(|line| format!("{pad}{}", line.get(inner..).unwrap_or("")).trim_end().to_owned()),
    );
    written.extend([format!("{pad}```"), String::new()]);
    written
}

/// A line with its inline markup in Markdown.
fn inline(line: &str) -> String {
    let shown = INLINE.replace_all(line, |found: &Captures<'_>| {
        let group = |name: &str| found.name(name).map(|group| group.as_str());
        if let Some(code) = group("code") {
            return if code.contains('`') { format!("`` {code} ``") } else { format!("`{code}`") };
        }
        if let (Some(role), Some(text)) = (group("role"), group("text")) {
            return of_role(role, text);
        }
        match (group("shown"), group("url"), group("named")) {
            (Some(shown), Some(url), _) => format!("[{shown}]({url})"),
            (None, Some(url), _) => format!("<{url}>"),
            // Without a target it is emphasis by the default role, which most projects use for code.
            (_, _, Some(named)) if group("link").is_none() => format!("`{named}`"),
            (_, _, Some(named)) => named.to_owned(),
            _ => found[0].to_owned(),
        }
    });
    shown.replace("\\ ", "")
}

/// What a role shows: issues and users as forges link them, code as code, and else the text.
fn of_role(role: &str, text: &str) -> String {
    let title = TARGET.captures(text).map(|found| found["shown"].to_owned());
    let name = role.rsplit(':').next().unwrap_or(role).to_lowercase();
    let is = |names: &[&str]| names.contains(&name.as_str());
    if is(&["issue", "pr", "pull", "gh", "bug", "bpo", "ghissue", "ghpull", "user", "ghuser"]) {
        let mark = if name.ends_with("user") { '@' } else { '#' };
        let text = title.as_deref().unwrap_or(text).trim_start_matches(mark);
        return format!("{mark}{text}");
    }
    if is(&["doc", "ref", "term", "pep", "rfc", "abbr"]) {
        let text = title.as_deref().unwrap_or(text);
        return match name.as_str() {
            "pep" => format!("PEP {text}"),
            "rfc" => format!("RFC {text}"),
            _ => text.to_owned(),
        };
    }
    if is(&["strong", "emphasis", "sub", "sup", "guilabel", "menuselection"]) {
        return format!("**{text}**");
    }
    match (title, text.strip_prefix('~')) {
        (Some(title), _) => format!("`{title}`"),
        (None, Some(path)) => format!("`{}`", path.rsplit('.').next().unwrap_or(path)),
        (None, None) => format!("`{}`", text.trim_start_matches('!')),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn inline_markup_is_turned_into_markdown() {
        for (rst, markdown) in [
            ("``code`` and *stress*", "`code` and *stress*"),
            ("see :issue:`12` and :pr:`#13`, by :user:`dana`", "see #12 and #13, by @dana"),
            (
                "`a page <https://x.org/y_z>`_ and `another <https://x.org>`__",
                "[a page](https://x.org/y_z) and [another](https://x.org)",
            ),
            (":func:`demo.run`, :class:`~demo.core.Core`, :py:meth:`!go`", "`demo.run`, `Core`, `go`"),
            (":doc:`the guide </guide>`, :ref:`a section <x>`, :pep:`440`", "the guide, a section, PEP 440"),
            (":func:`run <demo.run>`", "`run`"),
            ("`default` role, `named`_ link", "`default` role, named link"),
            ("`GH#12 <https://x.org/12>`_\\ s", "[GH#12](https://x.org/12)s"),
            ("nothing special", "nothing special"),
            ("an odd ` mark", "an odd ` mark"),
        ] {
            assert_eq!(to_markdown(rst, Format::Rst), markdown, "{rst}");
        }
    }

    #[test]
    fn blocks_are_turned_into_markdown() {
        let rst = "Added\n-----\n\n.. _anchor:\n\n- A flag::\n\n    demo --flag\n\n  is new.\n\n.. note::\n   Mind the\n   gap.\n\n.. code-block:: python\n   :linenos:\n\n   import demo\n\n.. a comment\n   goes on\n\nMore\n~~~~\n\n- b\n";
        let markdown = "### Added\n\n- A flag:\n\n  ```\n  demo --flag\n  ```\n\n  is new.\n\n> **Note:** Mind the\n> gap.\n\n```python\nimport demo\n```\n\n#### More\n\n- b";
        assert_eq!(to_markdown(rst, Format::Rst), markdown);
        let markdown = "## A\n\n- ``b``\n";
        assert_eq!(to_markdown(markdown, Format::Markdown), markdown);
    }

    proptest! {
        #[test]
        fn never_panics(text in r"(\PC|[\n `:_<>.*=-]|::|\.\. |:role:`|<x>`_){0,60}") {
            to_markdown(&text, Format::Rst);
        }
    }
}
