//! Names of tags that git takes, and those that exclude each other: to git, refs are files in folders.

use super::Repository;

/// The longest part of a ref's name, in bytes: file systems take 255, and git adds `.lock`.
const LONGEST_PART: usize = 250;

/// Whether there cannot be both refs: `v1` leaves no room for `v1/2`.
pub fn exclude_each_other(one: &str, other: &str) -> bool {
    let is_below = |one: &str, other: &str| one.strip_prefix(other).is_some_and(|rest| rest.starts_with('/'));
    is_below(one, other) || is_below(other, one)
}

/// What to ask a remote for beside the tags themselves: patterns of those that exclude them.
pub(super) fn excluding_tags<'a>(names: &'a [&'a str]) -> impl Iterator<Item = String> + 'a {
    let tags = names.iter().filter_map(|name| name.strip_prefix("refs/tags/"));
    tags.flat_map(|tag| {
        let above = tag.match_indices('/').map(|(at, _)| format!("refs/tags/{}", &tag[..at]));
        above.chain([format!("refs/tags/{tag}/*")])
    })
}

impl Repository {
    /// Whether git makes a tag of this name.
    pub fn is_valid_tag(name: &str) -> bool {
        let fits = name.split('/').all(|part| part.len() <= LONGEST_PART);
        fits && !name.starts_with('-') && Self::is_valid_name(&format!("refs/tags/{name}"))
    }

    /// The full name of a tag here that excludes one of this full name.
    pub fn tag_in_the_way(&self, reference: &str) -> Option<String> {
        excluding_tags(&[reference]).find_map(|pattern| {
            let mut found = self.repository.references_glob(&pattern).ok()?.flatten();
            found.next()?.name().ok().map(str::to_owned)
        })
    }
}
