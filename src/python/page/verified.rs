//! Which links PyPI shows as verified (`warehouse/packaging/metadata_verification.py`, `warehouse/oidc/urls.py`).

/// Where PyPI has a project's page, and had it
const OWN_PAGES: [&str; 5] = [
    "https://pypi.org/project/",
    "https://pypi.org/p/",
    "https://pypi.python.org/project/",
    "https://pypi.python.org/p/",
    "https://python.org/pypi/",
];

/// Why a link is verified
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verified {
    /// It leads to the project on PyPI
    Own,
    /// It leads to the repository whose workflow publishes, or to its pages. PyPI verifies it only for a release that
    /// comes from there by trusted publishing.
    ByPublisher,
}

/// Whether PyPI verifies a link of a project that is published from this repository, such as
/// `https://github.com/owner/name`.
pub(super) fn verified(url: &str, project: [&str; 2], repository: Option<&str>) -> Option<Verified> {
    // Browsers read `\` as `/` and `%2e` as `.`, so such a link may lead elsewhere.
    if url.contains('\\') || url.to_ascii_lowercase().contains("%2e") {
        return None;
    }
    let parsed = Address::parse(url)?;
    let is_own = |page: &str| {
        let page = page.strip_prefix("https://").unwrap_or(page);
        let (host, folder) = page.split_once('/').unwrap_or((page, ""));
        let is_named = |name: &&str| {
            parsed.path.trim_end_matches('/') == format!("/{}/{name}", folder.trim_end_matches('/'))
        };
        parsed.is_plain && parsed.authority == host && project.iter().any(is_named)
    };
    if parsed.scheme == "https" && OWN_PAGES.iter().any(|page| is_own(page)) {
        return Some(Verified::Own);
    }
    let repository = repository?.to_ascii_lowercase();
    let lower = url.to_ascii_lowercase();
    let pages = pages_of(&repository)?;
    let without_ending = lower.strip_suffix('/').unwrap_or(&lower);
    let without_ending = without_ending.strip_suffix(".git").unwrap_or(without_ending);
    let is_below = |url: &str, reference: &str| {
        let (url, reference) = (Address::parse(url), Address::parse(reference));
        url.zip(reference).is_some_and(|(url, reference)| url.is_below(&reference))
    };
    (is_below(without_ending, &repository) || is_below(&lower, &pages)).then_some(Verified::ByPublisher)
}

/// Where the forge serves the pages of a repository. None if PyPI knows no publisher there.
fn pages_of(repository: &str) -> Option<String> {
    let (host, path) = repository.strip_prefix("https://")?.split_once('/')?;
    let (owner, rest) = path.split_once('/')?;
    let domain = match host {
        "github.com" => "github.io",
        "gitlab.com" => "gitlab.io",
        _ => return None,
    };
    let is_own_site = host == "gitlab.com" && rest == format!("{owner}.{domain}");
    Some(if is_own_site {
        format!("https://{owner}.{domain}")
    } else {
        format!("https://{owner}.{domain}/{rest}")
    })
}

/// The parts of a URL that PyPI compares
struct Address {
    scheme: String,
    authority: String,
    /// Without `.` and `..`
    path: String,
    /// Whether it has neither a query nor a fragment
    is_plain: bool,
}

impl Address {
    fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let end = rest.find(['?', '#']).unwrap_or(rest.len());
        let (place, after) = rest.split_at(end);
        let (authority, path) = place.split_at(place.find('/').unwrap_or(place.len()));
        let mut folders: Vec<&str> = Vec::new();
        for part in path.split('/').skip(1) {
            match part {
                "." => {}
                ".." => drop(folders.pop()),
                part => folders.push(part),
            }
        }
        let path = folders.iter().fold(String::new(), |path, part| format!("{path}/{part}"));
        Some(Self {
            scheme: scheme.to_ascii_lowercase(),
            authority: authority.to_ascii_lowercase(),
            path,
            is_plain: after.is_empty(),
        })
    }

    fn is_below(&self, reference: &Self) -> bool {
        let is_same_place = self.scheme == reference.scheme && self.authority == reference.authority;
        let folder = reference.path.trim_end_matches('/');
        is_same_place
            && (folder.is_empty()
                || self.path == reference.path
                || self.path.starts_with(&format!("{folder}/")))
    }
}

#[cfg(test)]
mod tests {
    use super::Verified::{ByPublisher, Own};
    use super::*;

    #[test]
    fn links_are_verified_as_on_pypi() {
        let repository = Some("https://github.com/Ada/Demo");
        for (url, expected) in [
            ("https://github.com/ada/demo", Some(ByPublisher)),
            ("https://github.com/Ada/Demo.git", Some(ByPublisher)),
            ("https://github.com/ada/demo/", Some(ByPublisher)),
            ("https://github.com/ada/demo/issues?q=1", Some(ByPublisher)),
            ("https://ada.github.io/demo/guide", Some(ByPublisher)),
            ("https://github.com/ada/demo.git/issues", None),
            ("https://github.com/ada/demo2", None),
            ("https://github.com/ada/demo/../other", None),
            ("https://github.com/ada/demo/%2E%2e/other", None),
            ("https://github.com/ada/demo\\..\\other", None),
            ("http://github.com/ada/demo", None),
            ("https://github.com.evil.example/ada/demo", None),
            ("https://ada.github.io", None),
            ("https://pypi.org/project/my-demo/", Some(Own)),
            ("https://pypi.org/p/My_Demo", Some(Own)),
            ("https://pypi.org/project/my-demo/#files", None),
            ("https://pypi.org/project/other/", None),
            ("nonsense", None),
            ("", None),
        ] {
            assert_eq!(verified(url, ["My_Demo", "my-demo"], repository), expected, "{url}");
        }
        assert_eq!(verified("https://github.com/ada/demo", ["x", "x"], None), None);
        let site = Some("https://gitlab.com/ada/ada.gitlab.io");
        assert_eq!(verified("https://ada.gitlab.io/any", ["x", "x"], site), Some(ByPublisher));
        let group = Some("https://gitlab.com/group/sub/demo");
        assert_eq!(verified("https://group.gitlab.io/sub/demo", ["x", "x"], group), Some(ByPublisher));
        assert_eq!(verified("https://codeberg.org/a/b", ["x", "x"], Some("https://codeberg.org/a/b")), None);
    }
}
