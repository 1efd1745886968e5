//! Finds the repository among a project's URLs.

/// Labels of PyPI's well-known kind "source", most specific first, and other common ones
const LABELS: [&str; 7] = ["repository", "source", "sourcecode", "github", "gitlab", "code", "repo"];

const FORGES: [&str; 8] = [
    "github.com",
    "gitlab.com",
    "bitbucket.org",
    "codeberg.org",
    "git.sr.ht",
    "gitea.com",
    "framagit.org",
    "salsa.debian.org",
];

/// The repository's page among labelled URLs: one with such a label, else a homepage on a forge.
pub(super) fn repository<'a>(urls: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<String> {
    // Well-known labels are compared without punctuation, blanks and case.
    let urls: Vec<(String, &str)> = urls
        .into_iter()
        .map(|(label, url)| {
            (label.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase(), url)
        })
        .collect();
    let labelled = LABELS.iter().find_map(|wanted| urls.iter().find(|(label, _)| label == wanted));
    let on_a_forge = || {
        urls.iter()
            .find(|(label, url)| ["homepage", "url", "home"].contains(&label.as_str()) && is_on_a_forge(url))
    };
    labelled.or_else(on_a_forge).and_then(|(_, url)| page(url))
}

fn is_on_a_forge(url: &str) -> bool {
    let host = url.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or("");
    let host = host.rsplit('@').next().unwrap_or(host);
    FORGES.contains(&host) || host.starts_with("gitlab.") || host.starts_with("git.")
}

/// The page's URL without a trailing slash, `.git` or a branch.
fn page(url: &str) -> Option<String> {
    let url = url.trim();
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return None;
    }
    let end = ["/tree/", "/blob/", "/-/", "?", "#"]
        .iter()
        .filter_map(|tail| url.find(tail))
        .min()
        .unwrap_or(url.len());
    let page = url[..end].trim_end_matches('/');
    Some(page.strip_suffix(".git").unwrap_or(page).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_repository_among_the_addresses() {
        for (urls, expected) in [
            (
                vec![("Homepage", "https://demo.org"), ("Source Code", "https://x.org/o/demo/")],
                Some("https://x.org/o/demo"),
            ),
            (vec![("Homepage", "https://github.com/o/demo.git")], Some("https://github.com/o/demo")),
            (
                vec![
                    ("source", "https://github.com/o/demo/tree/main/sub"),
                    ("Repository", "https://a.org/b"),
                ],
                Some("https://a.org/b"),
            ),
            (vec![("source", "https://github.com/o/demo/tree/main/sub")], Some("https://github.com/o/demo")),
            (vec![("Homepage", "https://demo.org")], None),
            (vec![("Repository", "git@github.com:o/demo")], None),
            (vec![], None),
        ] {
            assert_eq!(repository(urls).as_deref(), expected);
        }
    }
}
