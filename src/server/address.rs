//! Addresses of the index's pages.

/// A part of a path, with `%XX` for what would mean something else in a URL.
pub(super) fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'!' | b'+') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// The path of a file.
pub(super) fn file(project: &str, filename: &str) -> String {
    format!("/files/{project}/{}", segment(filename))
}

/// The path of a release's page as PyPI would show it.
pub(super) fn page(project: &str, version: &str) -> String {
    format!("{}page/", release(project, version))
}

/// The path of a release's page.
pub(super) fn release(project: &str, version: &str) -> String {
    format!("/project/{project}/{}/", segment(version))
}
