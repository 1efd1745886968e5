//! Checks whether a member's path or a link's target leaves the directory that an archive is unpacked into.

use std::collections::HashSet;

/// How a path leaves its directory
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escape {
    /// It starts at the root or a drive
    Absolute,
    /// It leaves by `..`
    Up,
    /// It goes up from within a link, so its destination depends on the link
    ThroughLink,
    /// It has a `\`, which is a separator on Windows
    Backslash,
    /// It has a control character, or is empty
    Unprintable,
}

impl Escape {
    /// The predicate of the sentence "the path …".
    pub fn describe(self) -> &'static str {
        match self {
            Self::Absolute => "is absolute",
            Self::Up => "leaves its folder by `..`",
            Self::ThroughLink => "goes up from within another link",
            Self::Backslash => "has a `\\`, which separates folders on Windows",
            Self::Unprintable => "is empty or has a control character",
        }
    }
}

/// How a member's path leaves the directory it is unpacked into, on Unix or on Windows.
pub fn escape_of_member(path: &str) -> Option<Escape> {
    if path.is_empty() || path.chars().any(char::is_control) {
        return Some(Escape::Unprintable);
    }
    if is_absolute(path) {
        return Some(Escape::Absolute);
    }
    // No member needs a `..`, even one that stays within the directory.
    if path.split(['/', '\\']).any(|part| part == "..") {
        return Some(Escape::Up);
    }
    path.contains('\\').then_some(Escape::Backslash)
}

/// How a link's target leaves the archive's top directory.
///
/// `from` is the directory that the target is relative to: the link's own, or the empty path, the archive's root, for
/// a hard link. `top` is the directory to stay in, and `links` are the paths of the archive's symbolic links.
pub fn escape_of_link(target: &str, from: &str, top: &str, links: &HashSet<&str>) -> Option<Escape> {
    if target.is_empty() || target.chars().any(char::is_control) {
        return Some(Escape::Unprintable);
    }
    if is_absolute(target) {
        return Some(Escape::Absolute);
    }
    let mut at: Vec<&str> = parts(from).collect();
    let mut through_link = false;
    for part in target.split(['/', '\\']).filter(|part| !matches!(*part, "" | ".")) {
        if part == ".." {
            if through_link {
                return Some(Escape::ThroughLink);
            }
            at.pop();
            if at.is_empty() {
                return Some(Escape::Up);
            }
        } else {
            at.push(part);
            through_link |= links.contains(at.join("/").as_str());
        }
    }
    (at.first() != Some(&top)).then_some(Escape::Up)
}

fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|part| !matches!(*part, "" | "."))
}

fn is_absolute(path: &str) -> bool {
    let bytes = path.as_bytes();
    path.starts_with(['/', '\\']) || (bytes.len() > 1 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_stay_in_their_folder() {
        assert_eq!(escape_of_member("demo/__init__.py"), None);
        assert_eq!(escape_of_member("../x"), Some(Escape::Up));
        assert_eq!(escape_of_member("a/../b"), Some(Escape::Up));
        assert_eq!(escape_of_member("a..b/c"), None);
        assert_eq!(escape_of_member("/etc/passwd"), Some(Escape::Absolute));
        assert_eq!(escape_of_member("C:/x"), Some(Escape::Absolute));
        assert_eq!(escape_of_member("a\\..\\..\\x"), Some(Escape::Up));
        assert_eq!(escape_of_member("a\\x"), Some(Escape::Backslash));
        assert_eq!(escape_of_member("a\0x"), Some(Escape::Unprintable));
        assert_eq!(escape_of_member(""), Some(Escape::Unprintable));
    }

    #[test]
    fn links_stay_in_the_top_folder() {
        let none = HashSet::new();
        let symlink = |target, from| escape_of_link(target, from, "demo-1.0", &none);
        assert_eq!(symlink("README", "demo-1.0"), None);
        assert_eq!(symlink("../README", "demo-1.0/docs"), None);
        assert_eq!(symlink("..", "demo-1.0/docs"), None);
        assert_eq!(symlink("..", "demo-1.0"), Some(Escape::Up));
        assert_eq!(symlink("../demo-1.0/README", "demo-1.0"), Some(Escape::Up));
        assert_eq!(symlink("../../etc/passwd", "demo-1.0"), Some(Escape::Up));
        assert_eq!(symlink("../../../x", "demo-1.0"), Some(Escape::Up));
        assert_eq!(symlink("/etc/passwd", "demo-1.0"), Some(Escape::Absolute));
        assert_eq!(symlink("..\\..\\x", "demo-1.0"), Some(Escape::Up));
        assert_eq!(escape_of_link("demo-1.0/README", "", "demo-1.0", &none), None);
        assert_eq!(escape_of_link("../x", "", "demo-1.0", &none), Some(Escape::Up));
        assert_eq!(escape_of_link("other/x", "", "demo-1.0", &none), Some(Escape::Up));
    }

    #[test]
    fn a_link_through_a_link_may_not_go_up() {
        let links = HashSet::from(["demo-1.0/deep"]);
        assert_eq!(escape_of_link("deep/x", "demo-1.0", "demo-1.0", &links), None);
        assert_eq!(escape_of_link("deep/../../x", "demo-1.0", "demo-1.0", &links), Some(Escape::ThroughLink));
    }
}
