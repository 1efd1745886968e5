//! PyPI's way with a description: how it renders Markdown, and which URLs lead somewhere on its page.

use comrak::Options;
use comrak::options::AlertStyleType;

/// What PyPI puts before the ids of headings
pub(super) const ID_PREFIX: &str = "user-content-";

/// The options with which readme_renderer 46 renders Markdown, but for `tagfilter`, which comrak no longer has. PyPI passes
/// it no variant, so that `CommonMark` is rendered as GitHub's Markdown as well.
pub(super) fn markdown_options() -> Options<'static> {
    let mut options = Options::default();
    options.extension.alerts = true;
    options.extension.autolink = true;
    options.extension.footnotes = true;
    options.extension.header_id_prefix = Some(ID_PREFIX.to_owned());
    options.extension.shortcodes = true;
    options.extension.strikethrough = true;
    options.extension.table = true;
    options.extension.tasklist = true;
    // The HTML is cleaned afterwards.
    options.render.r#unsafe = true;
    options.render.alert_style = AlertStyleType::Semantic;
    options
}

/// Whether a URL is only a path: no scheme, no host, and not an anchor in the same page.
pub(super) fn is_relative_url(url: &str) -> bool {
    let scheme = url.split(['/', '?', '#']).next().is_some_and(|start| start.contains(':'));
    !(url.is_empty() || scheme || url.starts_with('#') || url.starts_with("//"))
}
